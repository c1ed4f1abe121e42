/**
 * What both sides agree on: the cookie's name, the type of the session, and how long it may last.
 * Cookie names are tokens (RFC 6265 §4.1.1); the timeouts mean what Beaker's does (FORMATS §2.2).
 */
import { type Duration, parseDuration } from './duration.js'
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
}

/** A session as both sides know it. There is no secret in it. */
export interface SessionDefinition<Data = SessionData> {
  readonly name: string
  /** Milliseconds. */
  readonly idleTimeout?: number
  /** Milliseconds. */
  readonly absoluteTimeout?: number
  /** Carries the type; never there at run time. */
  readonly '~data'?: Data
}

/**
 * Defines a session for both sides. The type is a promise of the application: nothing is checked against it.
 *
 * @param options - the cookie's name, and the timeouts as seconds or text like `'30m'`
 * @returns a frozen definition with the timeouts in milliseconds
 * @throws {TypeError} names the option that is wrong
 * @see RFC 6265 §4.1.1, FORMATS §2.2
 */
export function defineSession<Data = SessionData>(options: SessionOptions = {}): SessionDefinition<Data> {
  const { name = DEFAULT_NAME, idleTimeout, absoluteTimeout } = options
  if (typeof name !== 'string' || !TOKEN.test(name)) throw new TypeError('name must be a token (RFC 6265 §4.1.1)')
  return Object.freeze({
    name,
    ...(idleTimeout !== undefined && { idleTimeout: parseTimeout(idleTimeout, 'idleTimeout') }),
    ...(absoluteTimeout !== undefined && { absoluteTimeout: parseTimeout(absoluteTimeout, 'absoluteTimeout') }),
  })
}

/** `token = 1*<any CHAR except CTLs or separators>` (RFC 2616 §2.2). */
const TOKEN = /^[!#$%&'*+\-.^_`|~\w]+$/

function parseTimeout(value: unknown, option: string): number {
  const milliseconds = parseDuration(value, option)
  if (milliseconds === 0) throw new TypeError(`${option} must be more than 0; leave it out for a session without one`)
  return milliseconds
}
