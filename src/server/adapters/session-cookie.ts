/**
 * `req.session.cookie`: the attributes of the session's cookie under the names of express-session, to be looked at.
 * They are options of `createSessions`; setting one here would change nothing, so it throws. RFC 6265 §5.2.
 */
import { setCookieParts } from './set-cookie-parts.js'

export interface SessionCookie {
  readonly path: string
  readonly domain: string | undefined
  readonly httpOnly: boolean
  readonly secure: boolean
  readonly sameSite: 'lax' | 'strict' | 'none' | false
  /** `null` until the browser closes. */
  readonly expires: Date | null
  /** Milliseconds, or `null` until the browser closes. */
  readonly maxAge: number | null
  readonly originalMaxAge: number | null
}

/** @param setCookie - the text of a Set-Cookie header that the project wrote */
export function describeCookie(setCookie: string, now: Date): SessionCookie {
  const { attributes } = setCookieParts(setCookie)
  const seconds = attributes.get('max-age')
  const date = attributes.get('expires')
  const end = date === undefined ? null : new Date(date)
  // Max-Age goes before Expires (RFC 6265 §4.1.2.2).
  const maxAge = seconds === undefined ? end && end.getTime() - now.getTime() : Number(seconds) * 1000
  const values: SessionCookie = {
    path: attributes.get('path') ?? '/',
    domain: attributes.get('domain'),
    httpOnly: attributes.has('httponly'),
    secure: attributes.has('secure'),
    sameSite: (attributes.get('samesite')?.toLowerCase() as SessionCookie['sameSite'] | undefined) ?? false,
    expires: maxAge === null ? null : new Date(now.getTime() + maxAge),
    maxAge,
    originalMaxAge: maxAge,
  }
  const described = Object.entries(values).map(([name, value]) => [name, { enumerable: true, get: () => value, set }])
  return Object.preventExtensions(Object.defineProperties({}, Object.fromEntries(described))) as SessionCookie
}

function set(): never {
  throw new TypeError('The attributes of the cookie are options of createSessions; req.session.cookie only shows them')
}
