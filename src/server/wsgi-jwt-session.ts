/**
 * The options that make a server share the sessions of wsgi-jwt-session. FORMATS §6.1.
 */
import { defineSession } from '../shared/define-session.js'
import type { SessionData } from '../shared/types.js'
import { jwt } from './codecs/jwt.js'
import type { Secrets } from './keyring.js'
import type { SessionsOptions } from './settings.js'

export interface WsgiJwtSessionOptions {
  /** `secret_key`; a list for rotation, which the Python side has none of. */
  secret: Secrets
  /** `cookie_name`. Default `jwtsession`. */
  cookieName?: string
  /** `max_age` in seconds; `null` leaves it out. Default 86400. */
  maxAge?: number | null
  /** Takes a secret under 32 octets. */
  allowWeakSecrets?: boolean
}

/**
 * A preset to spread: `createSessions({ ...wsgiJwtSession({ secret }), expose: true })`. It speaks the same cookie, and
 * leaves out what are bugs there: a cookie for every empty session, and failing requests on an expired token or one with
 * another algorithm, which are dropped here as a tampered one is.
 *
 * @throws {TypeError} for an empty or weak secret
 */
export function wsgiJwtSession<Data extends object = SessionData>(
  options: WsgiJwtSessionOptions,
): Pick<SessionsOptions<Data>, 'codecs' | 'maxAge' | 'session'> {
  const { secret, cookieName = 'jwtsession', maxAge = 86_400, allowWeakSecrets = false } = options
  return {
    session: defineSession<Data>({ name: cookieName }),
    codecs: [jwt({ secrets: typeof secret === 'string' ? [secret] : secret, allowWeakSecrets, identify: false })],
    ...(maxAge === null ? {} : { maxAge }),
  }
}
