/**
 * The cookies of a session on their way into a response, and those that end.
 * RFC 6265 §5.3: name, domain and path make a cookie, so never two of the same go out.
 */

import type { SessionState } from '../session.js'
import type { Settings } from '../settings.js'
import { chunkName } from './chunks.js'
import { changeResponse, type HeaderTarget } from './message.js'

/** Adds cookies to a response; those of an earlier commit to the same one are replaced. */
export function respond(
  { observe }: Settings,
  state: SessionState,
  written: readonly (string | undefined)[],
  headers: HeaderTarget | undefined,
): string[] {
  if (observe) return []
  const cookies = written.filter((cookie) => cookie !== undefined)
  const isPrivate = state.held !== undefined || cookies.length > 0
  const replaces = state.cookies.length > 0 ? replacedBy(cookies, state.cookies) : []
  const concerns = cookies.length > 0 || state.isRead === true
  if (headers && concerns) changeResponse(headers, { cookies, replaces, isPrivate })
  if (cookies.length === 0) return cookies
  state.watchTransport()
  state.cookies = [...state.cookies.filter((cookie) => !replaces.includes(cookie)), ...cookies]
  return cookies
}

function replacedBy(cookies: readonly string[], earlier: readonly string[]): string[] {
  const keys = new Set(cookies.map(cookieKeyOf))
  return earlier.filter((cookie) => keys.has(cookieKeyOf(cookie)))
}

/** The session's cookie with all its pieces, as they end. */
export function expiredCookies({ name, cookies, exposure }: Settings, { chunks }: SessionState): string[] {
  return [0, ...chunks].map((index) => cookies.expire(chunkName(name, index), exposure))
}

/** Cookies of our names in other places, which would hide ours, or come back once it is gone. */
export function expiredShadows({ name, publicName, cookies, exposure }: Settings, { chunks }: SessionState): string[] {
  const names = [0, ...chunks].map((index) => chunkName(name, index))
  const halves = exposure.publicHalf ? cookies.expireShadows([publicName], { httpOnly: false }) : []
  return [...cookies.expireShadows(names, exposure), ...halves]
}

/** What a browser tells cookies by: name, domain and path. */
function cookieKeyOf(setCookie: string): string {
  const [pair = '', ...attributes] = setCookie.split('; ')
  const place = attributes.filter((attribute) => /^(?:Domain|Path)=/.test(attribute))
  return [pair.slice(0, pair.indexOf('=')), ...place].join('; ')
}
