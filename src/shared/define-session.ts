/**
 * What both sides agree on: the cookie's name, the type of the session, how long it may last, and short names of claims.
 * Cookie names are tokens (RFC 6265 §4.1.1); the timeouts mean what Beaker's does (FORMATS §2.2).
 */
import { type Duration, parseDuration } from './duration.js'
import { type ClaimsView, checkFields, createClaimsView, type SessionFields } from './fields.js'
import type { SessionData } from './types.js'

/** Beaker's own default (FORMATS §3). */
export const DEFAULT_NAME = 'beaker.session.id'

export interface SessionOptions {
  /** Name of the cookie; `beaker.session.id` where absent. */
  name?: string
  /** The session is over when it was not used for longer than this. */
  idleTimeout?: Duration
  /** The session is over when it was created longer ago than this. */
  absoluteTimeout?: Duration
  /** Long names of a plain JWT's claims, and the short name that each has on the wire: `{ user_id: 'u' }`. */
  fields?: SessionFields
  /** The claim that has the key of a session on the server; `sk` where there are `fields`. */
  sessionField?: string
}

/** The default of django-session-jwt (FORMATS §6.2). */
const SESSION_FIELD = 'sk'

/** A session as both sides know it. There is no secret in it. */
export interface SessionDefinition<Data = SessionData> {
  readonly name: string
  /** Milliseconds. */
  readonly idleTimeout?: number
  /** Milliseconds. */
  readonly absoluteTimeout?: number
  readonly fields?: SessionFields
  readonly sessionField?: string
  /** @internal What a page shows of claims; here, so that only definitions with fields bring its code. */
  readonly '~claims'?: ClaimsView
  /** Carries the type; never there at run time. */
  readonly '~data'?: Data
}

/**
 * Defines a session for both sides. The type is a promise of the application: nothing is checked against it.
 *
 * @param options - the cookie's name, the timeouts as seconds or text like `'30m'`, short names of claims
 * @returns a frozen definition with the timeouts in milliseconds
 * @throws {TypeError} names the option that is wrong
 * @see RFC 6265 §4.1.1, FORMATS §2.2
 */
export function defineSession<Data = SessionData>(options: SessionOptions = {}): SessionDefinition<Data> {
  const { name = DEFAULT_NAME, idleTimeout, absoluteTimeout, fields = {}, sessionField = SESSION_FIELD } = options
  if (typeof name !== 'string' || !TOKEN.test(name)) throw new TypeError('name must be a token (RFC 6265 §4.1.1)')
  return Object.freeze({
    name,
    ...(idleTimeout !== undefined && { idleTimeout: parseTimeout(idleTimeout, 'idleTimeout') }),
    ...(absoluteTimeout !== undefined && { absoluteTimeout: parseTimeout(absoluteTimeout, 'absoluteTimeout') }),
    ...((options.fields !== undefined || options.sessionField !== undefined) && claimsOf(fields, sessionField)),
  })
}

function claimsOf(fields: SessionFields, sessionField: string): Omit<SessionDefinition, 'name' | '~data'> {
  const known = checkFields(fields, sessionField)
  return { fields: known, sessionField, '~claims': createClaimsView(known, sessionField) }
}

/** `token = 1*<any CHAR except CTLs or separators>` (RFC 2616 §2.2). */
const TOKEN = /^[!#$%&'*+\-.^_`|~\w]+$/

function parseTimeout(value: unknown, option: string): number {
  const milliseconds = parseDuration(value, option)
  if (milliseconds === 0) throw new TypeError(`${option} must be more than 0; leave it out for a session without one`)
  return milliseconds
}
