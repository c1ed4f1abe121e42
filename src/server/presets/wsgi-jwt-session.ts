/**
 * The options that make a server share the sessions of wsgi-jwt-session. FORMATS §6.1.
 */
import { type Duration, defineSession } from '../../shared/define-session.js'
import { checkNames, type OptionNames } from '../../shared/option-names.js'
import type { SessionData } from '../../shared/types.js'
import { jwt } from '../codecs/jwt.js'
import type { SessionsOptions } from '../core/options.js'
import type { Secrets } from '../keys/hmac.js'
import type { SecretSource } from '../keys/key-source.js'

/** The settings of wsgi-jwt-session. */
export interface WsgiJwtSessionOptions {
  /** `secret_key`, or what returns it; a list for rotation, which the Python side does not have. */
  secret: Secrets | SecretSource
  /**
   * Loads what a function returns again this often, with the first request after that.
   *
   * @defaultValue only by `sessions.reload()`
   */
  reloadEvery?: Duration
  /**
   * `cookie_name`.
   *
   * @defaultValue `jwtsession`
   */
  cookieName?: string
  /**
   * `max_age` in seconds; `null` omits it.
   *
   * @defaultValue 86400
   */
  maxAge?: number | null
  /** Accepts a secret under 32 bytes. */
  allowWeakSecrets?: boolean
}

const OPTIONS: OptionNames<WsgiJwtSessionOptions> = {
  secret: 1,
  reloadEvery: 1,
  cookieName: 1,
  maxAge: 1,
  allowWeakSecrets: 'switch',
}

/**
 * A preset to spread: `createSessions({ ...wsgiJwtSession({ secret }), expose: true })`. Both sides share the cookie; a tampered cookie
 * gives a new session on both. These bugs of wsgi-jwt-session are not copied:
 *
 * - a cookie for every empty session, on every request;
 * - a request fails on an expired token, or on one with another algorithm: here both give a new session;
 * - writing fails with a secret beyond ASCII;
 * - `SameSite` and `Secure` are missing: `createSessions` sets them, so set `secure: false` if you have no HTTPS.
 *
 * As there, a token has no `exp`: a copy of it stays valid until the secret changes. A token with `exp` would fail the request on the
 * Python side after it has expired.
 *
 * @returns the options `session`, `codecs` and `maxAge`
 * @throws {TypeError} for an empty or weak secret
 * @since 0.1.0
 * @example
 * const sessions = createSessions({ ...wsgiJwtSession({ secret }), expose: true })
 */
export function wsgiJwtSession<Data extends object = SessionData>(
  options: WsgiJwtSessionOptions,
): Pick<SessionsOptions<Data>, 'codecs' | 'maxAge' | 'session'> {
  checkNames(options, OPTIONS, 'wsgiJwtSession')
  const { secret, reloadEvery, cookieName = 'jwtsession', maxAge = 86_400, allowWeakSecrets = false } = options
  // Its secret may have commas in it.
  const whole = (given: Secrets): Secrets => (typeof given === 'string' ? [given] : given)
  const secrets = typeof secret === 'function' ? async () => whole(await secret()) : whole(secret)
  return {
    session: defineSession<Data>({ name: cookieName, idleTimeout: false }),
    codecs: [jwt({ secrets, allowWeakSecrets, identify: false, ...(reloadEvery !== undefined && { reloadEvery }) })],
    ...(maxAge === null ? {} : { maxAge }),
  }
}
