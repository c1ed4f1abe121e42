/**
 * The entry `sessionglass/client`: the session as a page may see it. No key, no request; nothing is verified.
 */
import type { SessionDefinition } from '../shared/define-session.js'
import { DEFAULT_NAME } from '../shared/define-session.js'
import type { SessionData } from '../shared/types.js'
import { isCurrent, readCandidates, TOLERANCE, visibleOf } from './candidates.js'
import type { ReadOptions } from './inspect.js'

export type { SessionDefinition, SessionFields } from '../shared/define-session.js'
export type { SessionErrorCode } from '../shared/errors.js'
export type { SessionData, SessionFormat, SessionMeta } from '../shared/types.js'
export type { Candidate, SessionReader } from './candidates.js'
export type { InspectedCandidate, Inspection, Over, ReadOptions } from './inspect.js'
export { inspectSession } from './inspect.js'
export type {
  ClientSessionStore,
  SessionChange,
  SessionEvent,
  SessionListener,
  StoreEvent,
  StoreOptions,
  WatchOptions,
} from './watch.js'
export { checkSessions, createSessionStore, refreshSession, watchRequests, watchSession } from './watch.js'

/**
 * The session in the page's cookies, to show and not to trust: **nothing is verified**, and only the server decides.
 *
 * @param session - a definition, or the cookie's name; `beaker.session.id` if absent
 * @param options - other cookies or another clock than the page's
 * @returns the data, frozen, and the same object while the cookie is the same; `null` if there is no session, it shows
 *   nothing, it expired more than `clockTolerance` ago, or it can't be read. Never throws
 * @see FORMATS §4
 * @since 0.1.0
 * @example
 * const session = getSession<{ user: string }>()
 * console.log(session?.user) // → ada
 */
export function getSession<Public = SessionData, Data = unknown>(
  session: SessionDefinition<Data, Public> | string = DEFAULT_NAME,
  { cookie, now = new Date(), reader, clockTolerance = TOLERANCE }: ReadOptions = {},
): Readonly<Partial<Public>> | null {
  if (typeof session === 'string') session = { name: session } as SessionDefinition<Data, Public>
  return visibleOf(
    readCandidates(session as SessionDefinition<unknown, Partial<Public>>, cookie, reader).find((found) =>
      isCurrent(found, session as SessionDefinition<unknown>, +now, clockTolerance * 1_000),
    )?.data,
  )
}
