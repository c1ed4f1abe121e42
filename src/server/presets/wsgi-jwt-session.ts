/**
 * The options that make a server share the sessions of wsgi-jwt-session. FORMATS §6.1.
 */
import { defineSession } from '../../shared/define-session.js'
import type { SessionData } from '../../shared/types.js'
import { jwt } from '../codecs/jwt.js'
import type { SessionsOptions } from '../core/options.js'
import type { Secrets } from '../keys/hmac.js'

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
 * A preset to spread: `createSessions({ ...wsgiJwtSession({ secret }), expose: true })`. It speaks the same cookie; a tampered one
 * is a new session on both sides. These are bugs there and not copied:
 *
 * - a cookie for every empty session, on every request;
 * - a request that fails on an expired token, or on one with another algorithm: here each is a new session;
 * - a secret beyond ASCII that fails at writing;
 * - `SameSite` and `Secure` left out: they are `createSessions`' own, so set `secure: false` where there is no HTTPS.
 *
 * As there, a token has no `exp`: whoever keeps one is signed in until the secret changes. A token with one would fail the
 * request on the Python side once it is over.
 *
 * @returns the options `session`, `codecs` and `maxAge`
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
