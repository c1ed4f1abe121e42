/**
 * Tells everything about a session that a page can see, for a developer who wants to know why there is none.
 */
import { encodeUtf8 } from '../shared/bytes.js'
import { DEFAULT_NAME, type SessionDefinition } from '../shared/define-session.js'
import type { SessionData } from '../shared/types.js'
import {
  type Candidate,
  endsOf,
  type Found,
  isCurrent,
  type Readable,
  readCandidates,
  type SessionReader,
  TOLERANCE,
} from './candidates.js'

/** For places that have no page: other cookies, another clock. */
export interface ReadOptions {
  /** Cookies to read instead of `document.cookie`, as `name=value; name=value`. */
  cookie?: string | undefined
  /** The present time instead of the clock's. */
  now?: Date | undefined
  /**
   * Seconds that the clock may be wrong, for the benefit of the session.
   *
   * @defaultValue 30
   */
  clockTolerance?: number | undefined
  /** What reads the values: `beakerReader` of `sessionglass/client/beaker` knows what Beaker itself writes, too. */
  reader?: SessionReader | undefined
}

/** Too long unused, too long ago, past its `exp`, before its `nbf`. */
export type Over = 'idle' | 'absolute' | 'exp' | 'nbf'

/** In the order of `endsOf`. */
const ENDS = ['idle', 'absolute', 'exp', 'exp'] as const

/** A candidate, and why it does not count, if it is expired or not valid yet. */
export interface InspectedCandidate<Data = SessionData> extends Candidate<Data> {
  /** Why it does not count although it could be read. */
  over: Over | undefined
  /** The end of the session by the server's clock, if nothing renews it; absent if it has none. */
  endsAt?: Date
  /** Which of its ends that is. */
  endsBy?: Exclude<Over, 'nbf'>
}

/** The candidate that `getSession` takes, or else the first one, and all of them. */
export interface Inspection<Data = SessionData> extends Partial<InspectedCandidate<Data>> {
  /** What `getSession` returns. */
  session: Readonly<Data> | null
  /** Every cookie that may be the session, the likeliest first. */
  candidates: readonly InspectedCandidate<Data>[]
}

/**
 * Tells where a session comes from, or why there is none. **Nothing is verified.**
 *
 * @param session - a definition, or the cookie's name; `beaker.session.id` if absent
 * @param options - other cookies or another clock than the page's
 * @see FORMATS §4
 * @since 0.1.0
 * @example
 * const { session, over, candidates } = inspectSession()
 * console.log(session, over, candidates.length) // → { user: 'ada' } undefined 1
 */
export function inspectSession<Public = SessionData, Data = unknown>(
  session: SessionDefinition<Data, Public> | string = DEFAULT_NAME,
  { cookie, reader, now = new Date(), clockTolerance = TOLERANCE }: ReadOptions = {},
): Inspection<Partial<Public>> {
  const definition = (typeof session === 'string' ? { name: session } : session) as SessionDefinition<
    unknown,
    Partial<Public>
  >
  const candidates = readCandidates(definition, cookie, reader).map((candidate) => ({
    ...candidate,
    size: encodeUtf8(candidate.cookie + candidate.value).length,
    over: whyInvalid(candidate, definition, +now, clockTolerance * 1_000),
    ...firstEnd(candidate, definition),
  }))
  const current = candidates.find(({ data, over }) => data && !over)
  const data = current?.data ?? {}
  return {
    ...(current ?? candidates[0]),
    session: Object.keys(data).length ? (data as Partial<Public>) : null,
    candidates,
  }
}

/** The first of the reasons why a session does not count; `undefined` if there is none. */
export function whyInvalid(
  found: Partial<Found<unknown>>,
  definition: SessionDefinition<unknown>,
  now: number,
  tolerance: number,
): Over | undefined {
  if (!found.data) return undefined
  const over = endsOf(found as Readable, definition).findIndex((end) => now - tolerance >= end)
  return ENDS[over] ?? (isCurrent(found, definition, now, tolerance) ? undefined : 'nbf')
}

/** The earliest end. */
function firstEnd(
  found: Found<unknown>,
  definition: SessionDefinition<unknown>,
): Pick<InspectedCandidate, 'endsAt' | 'endsBy'> {
  const ends = found.data ? endsOf(found as Readable, definition) : []
  const end = Math.min(...ends.filter(Boolean))
  const endsBy = ENDS[ends.indexOf(end)]
  return endsBy ? { endsAt: new Date(end), endsBy } : {}
}
