/**
 * When the visitor last proved who they are: kept in the session, moved by nothing else, and asked for before sensitive actions.
 */
import type { Duration } from '../../shared/define-session.js'
import { SessionError } from '../../shared/errors.js'
import { checkDuration, checkNames } from '../../shared/option-names.js'
import { AUTHENTICATED } from '../../shared/own-times.js'
import type { SessionData } from '../../shared/types.js'
import { type Merged, memberOf, mergeByKey, type ThreeWays } from '../values.js'
import { type CsrfState, forgetCsrf, nextId } from './csrf.js'
import { forgetFlash } from './flash.js'
import { CLOCK_TOLERANCE } from './lifetime.js'
import { hasApplicationKeys } from './own-keys.js'
import { noOwner, type ReadOwner } from './owner.js'

/** Seconds: 5138-11-16, as for other times of a session. */
const LATEST = 1e11

/** To the millisecond. Undefined for anything that is no time. */
export function authenticatedAt(data: SessionData): Date | undefined {
  const seconds = memberOf(AUTHENTICATED, data)
  if (typeof seconds !== 'number' || !(seconds > 0 && seconds < LATEST)) return undefined
  return new Date(Math.round(seconds * 1000))
}

export function authenticate(data: SessionData, state: AuthenticatedState, now: Date): void {
  data[AUTHENTICATED] = now.getTime() / 1000
  state.isAuthenticated = true
}

/** What changes with a new id. */
interface AuthenticatedState extends CsrfState {
  createdAt: Date
  accessedAt: Date
  isRegenerated: boolean
  /** In this request. */
  isAuthenticated?: boolean
}

/** A new id and creation time, without what another visitor may have left in the session. */
export function regenerate(
  data: SessionData,
  state: AuthenticatedState,
  options: { authenticated?: boolean },
  now: Date,
): void {
  checkNames(options, { authenticated: 'switch' }, 'regenerate')
  state.id = nextId(state)
  state.createdAt = now
  state.accessedAt = now
  state.isRegenerated = true
  forgetFlash(data)
  forgetCsrf(data, state)
  if (options.authenticated) authenticate(data, state, now)
}

/** What is known of a session when it is written. */
interface AuthenticatedDraft {
  readonly data: SessionData
  /** In this request. */
  readonly isAuthenticated: boolean | undefined
  readonly signIn: SignIn | undefined
}

/** As a session had it when it was loaded. */
export interface SignIn {
  /** As the data has it. */
  readonly at: unknown
  readonly owner: string | undefined
}

/**
 * Takes the time out of a session in which the application has nothing any more, and of one that belongs to another user now, who has proved
 * nothing.
 */
export function forgetAuthentication({ ownerOf }: { readonly ownerOf: ReadOwner }, draft: AuthenticatedDraft): void {
  const { data, isAuthenticated, signIn } = draft
  const at = memberOf(AUTHENTICATED, data)
  // What this request put there is what it means.
  if (isAuthenticated || at === undefined || !Object.is(at, signIn?.at)) return
  const isOwners = ownerOf === noOwner || (signIn?.owner !== undefined && ownerOf(data) === signIn.owner)
  if (!(isOwners && hasApplicationKeys(data))) Reflect.deleteProperty(data, AUTHENTICATED)
}

/**
 * Puts this request's changes onto what other requests left. What one user has proved does not go over to another, whom another request has put
 * into the session.
 */
export function mergeSessions({ ownerOf }: { readonly ownerOf: ReadOwner }, ways: ThreeWays): Merged {
  const merged = mergeByKey(ways)
  const { data } = merged
  const at = memberOf(AUTHENTICATED, data)
  if (at === undefined || ownerOf === noOwner) return merged
  const owner = ownerOf(data)
  const isOwners = (side: SessionData): boolean =>
    Object.is(memberOf(AUTHENTICATED, side), at) && ownerOf(side) === owner
  if (!(isOwners(ways.mine) || isOwners(ways.theirs))) Reflect.deleteProperty(data, AUTHENTICATED)
  return merged
}

/**
 * Whether the visitor proved who they are at most so long ago. A session that does not know it counts as old, and so does a time in the
 * future that no clock of another server explains.
 */
export function isRecent(data: SessionData, now: Date, maxAge: number): boolean {
  const age = now.getTime() - (authenticatedAt(data)?.getTime() ?? Number.NaN)
  return age <= maxAge && age >= -CLOCK_TOLERANCE
}

/** @returns milliseconds @throws {TypeError} */
export function checkMaxAge(maxAge: Duration, owner: string): number {
  return checkDuration(maxAge, `The maximum age of ${owner}`)
}

/** @param maxAge - in milliseconds */
export function notRecent(maxAge: number): SessionError {
  return new SessionError('ERR_SESSION_NOT_RECENT', 'The visitor has to prove again who they are', {
    maxAge: maxAge / 1000,
  })
}
