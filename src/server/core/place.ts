/**
 * Where the cookies of a session are: in the place of the options, or in one that the session names itself and that is allowed. What expires
 * there.
 */
import { type ChunkLimits, type CookieWriter, chunkName, isSameCookie, type SetCookie, splitValue } from './cookies.js'
import type { Settings } from './options.js'
import type { CookieEnd } from './own-lifetime.js'
import { type BrowserCookies, type Draft, identify, type LoadedSession, type SessionState } from './session.js'

/** The writer for the cookies of a session as it was read or signed. */
export function cookiesOf(settings: Pick<Settings, 'cookies'>, session: LoadedSession | undefined): CookieWriter {
  return allowedAt(settings, session) ?? settings.cookies
}

/** A value that is signed, and what its cookies get. */
interface SignedValue {
  readonly loaded: LoadedSession
  readonly limits: ChunkLimits | undefined
  readonly cookie: { readonly end: CookieEnd; readonly now: Date }
}

/**
 * The cookies of a value. A piece that the browser has and the value no longer needs expires.
 *
 * @returns which pieces besides the first the browser has then, too
 */
export function piecesOf(
  settings: Settings,
  { chunks }: BrowserCookies,
  { loaded, limits, cookie }: SignedValue,
): { cookies: SetCookie[]; chunks: number[] } {
  const { name, exposure } = settings
  const { value } = loaded
  const cookies = cookiesOf(settings, loaded)
  const pieces = limits ? splitValue(name, value, limits) : [value]
  const leftOver = chunks.filter((index) => index >= pieces.length)
  return {
    cookies: [
      ...pieces.map((piece, index) => cookies.set(chunkName(name, index), piece, { ...exposure, ...cookie })),
      ...leftOver.map((index) => cookies.expire(chunkName(name, index), exposure)),
    ],
    chunks: [...pieces.keys()].slice(1),
  }
}

/** Tells that a session is written or ended in another place than it names. */
export function reportPlace(settings: Pick<Settings, 'cookies' | 'emit'>, session: LoadedSession | undefined): void {
  const { emit } = settings
  if (emit && session && !allowedAt(settings, session)) emit({ type: 'misplaced', ...identify(session) })
}

function allowedAt(
  { cookies }: Pick<Settings, 'cookies'>,
  session: LoadedSession | undefined,
): CookieWriter | undefined {
  return cookies.at(session?.codec.cookiePlace?.(session.record))
}

/** What a browser may have of a session that has ended. */
export function endingCookies(settings: Settings, state: SessionState, draft: Draft): SetCookie[] {
  const { exposure, publicName, bound } = settings
  const { browser, loaded } = draft
  if (browser.isToken) return []
  const cookies = cookiesOf(settings, loaded)
  const hasCookie = browser.hasSession || loaded !== undefined
  const hasPublic = browser.publicCookie !== undefined || (hasCookie && exposure.publicData !== undefined)
  return [
    ...(hasCookie ? namesOf(settings, draft).map((name) => cookies.expire(name, exposure)) : []),
    ...(hasPublic ? [cookies.expire(publicName, { httpOnly: false })] : []),
    ...(hasCookie ? expireShadows(settings, draft, cookies.expireShadows) : []),
    ...(bound?.ending(state) ?? []),
  ]
}

/** Of the session's cookie and all its pieces. */
function namesOf({ name }: Settings, { browser }: Draft): string[] {
  return [0, ...browser.chunks].map((index) => chunkName(name, index))
}

/**
 * What has to go when the session is written. A request can't tell a cookie with a partition from one without. A session that no
 * longer names its place moves to that of the options.
 */
export function expireBeside(settings: Settings, draft: Draft, written: LoadedSession): SetCookie[] {
  const { hasSession, hasSeveral, isToken } = draft.browser
  if (!hasSession || isToken) return []
  const [before, now] = [cookiesOf(settings, draft.loaded), cookiesOf(settings, written)]
  const former: CookieWriter['expireTwins'] = (names, options) => names.map((name) => before.expire(name, options))
  const moved = before === now ? [] : expireShadows(settings, draft, former)
  const beside = expireShadows(settings, draft, hasSeveral ? now.expireShadows : now.expireTwins)
  return [...moved, ...beside.filter((cookie) => !moved.some((other) => isSameCookie(cookie, other)))]
}

/** Cookies of our names in other places: they would hide ours, or come back when ours is gone. */
function expireShadows(settings: Settings, draft: Draft, expire: CookieWriter['expireShadows']): SetCookie[] {
  const { publicName, exposure } = settings
  return [
    ...expire(namesOf(settings, draft), exposure),
    ...(exposure.publicData ? expire([publicName], { httpOnly: false }) : []),
  ]
}
