/**
 * The entry `sessionglass/testing`: signed cookies for the tests of an application, so that a test starts signed in.
 * Cookies in the forms that Playwright, Cypress and clients such as supertest take (RFC 6265 §4).
 */
import type { Duration } from '../shared/define-session.js'
import { checkDuration, checkNames } from '../shared/option-names.js'
import type { SessionData } from '../shared/types.js'
import type { SessionCodec } from './codecs/codec.js'
import type { SetCookie } from './core/cookies.js'
import type { Settings } from './core/options.js'
import type { Wish } from './core/own-lifetime.js'
import { stateOf } from './core/session.js'
import type { Sessions, SessionsInternal } from './core/sessions.js'
import { internal } from './core/verify-sessions.js'
import { createVersions } from './core/versions.js'

export { type DjangoLogin, type DjangoLoginOptions, djangoLogin } from './django/user.js'

/** How old the session is, and which key signs it. */
export interface SessionCookieOptions {
  /**
   * Where the application runs. The cookie is for its host, unless the sessions have a `domain`.
   *
   * @defaultValue `http://localhost`
   */
  url?: string
  /**
   * How long ago the session was created and last used: text such as `'30m'`, or seconds.
   *
   * @defaultValue 0
   */
  age?: Duration
  /** Signs with another key than the first: its index in the list, or `'retired'` for the last one. */
  key?: number | 'retired'
  /** The lifetime that the session has for itself, as `session.remember` takes it: a remembered one lasts longer than its browser. */
  remember?: Wish
}

/** One session, in the forms that browsers and clients of tests take. */
export interface SessionCookies {
  /** The session's own cookie, for Playwright. */
  cookie: PlaywrightCookie
  /** All of its cookies, including the public cookie and further pieces: for `context.addCookies`. */
  cookies: PlaywrightCookie[]
  /** For `browser.newContext({ storageState })`. */
  storageState: { cookies: PlaywrightCookie[]; origins: [] }
  /** The Cookie header, for `agent.set('Cookie', header)` and the like. */
  header: string
  /** The Set-Cookie texts, for a cookie jar. */
  setCookies: string[]
  /** What `cy.setCookie` takes, once for each cookie. It can be passed through `cy.task` as it is. */
  cypress: CypressCookie[]
}

/**
 * Signs a session in, as the server itself would: the same codec, keys, attributes and public cookie, and a row in the store if there
 * is one. For tests only: it checks no password.
 *
 * @param sessions - of the application under test, or created with the same options
 * @param data - the data of the session; it may be empty
 * @throws {TypeError} for read-only sessions, a wrong option, and a key that does not exist
 * @throws {SessionError} what `commit` throws, such as `ERR_SESSION_TOO_LARGE`
 * @since 0.1.0
 * @example
 * const { cookies } = await sessionCookie(sessions, { user: 'dave' }, { url: 'http://localhost:3000', age: '10m' })
 * console.log(cookies[0]?.name, cookies[0]?.domain) // → beaker.session.id localhost
 */
export async function sessionCookie<Data extends object = SessionData>(
  sessions: Sessions<Data>,
  data: NoInfer<Partial<Data>>,
  options: SessionCookieOptions = {},
): Promise<SessionCookies> {
  checkNames(options, { url: 1, age: 1, key: 1, remember: 1 }, 'sessionCookie')
  const { url = 'http://localhost', age = 0, key = 0, remember } = options
  if (sessions[internal]?.commit === undefined) throw new TypeError('sessionCookie signs sessions: these are read only')
  if (key !== 'retired' && !(Number.isInteger(key) && key >= 0)) {
    throw new TypeError('Option "key" must be "retired" or the index of a key in the list, from 0')
  }
  const { hostname } = new URL(url)
  const { settings } = sessions[internal]
  const made = new Date(settings.clock().getTime() - (age === 0 ? 0 : checkDuration(age, 'age')))
  const keyIndex = await placeOf(sessions[internal], key)
  const setCookies = await commitNew(signingAt(sessions[internal], keyIndex, made), data, remember)
  const parsed = setCookies.map((setCookie) => inBrowser(setCookie, { hostname, made }))
  const cookies = parsed.map(toPlaywright)
  return {
    cookie: cookies[0] as PlaywrightCookie,
    cookies,
    storageState: { cookies, origins: [] },
    header: headerOf(setCookies),
    setCookies: setCookies.map(String),
    cypress: parsed.map(toCypress),
  }
}

/** The part of Playwright's `BrowserContext` that is used here. */
export interface CookieContext {
  /** Adds cookies to the browser. */
  addCookies(cookies: PlaywrightCookie[]): Promise<void>
}

/** Signs the browser of a test in. The default of `url` is the `baseURL` of the configuration. */
export type SignIn<Data extends object> = (data: Data, options?: SessionCookieOptions) => Promise<SessionCookies>

/** What `test.extend` of Playwright takes. */
export interface SessionFixture<Data extends object> {
  /** The fixture: a function that signs the browser of the test in. */
  signIn(
    args: { context: CookieContext; baseURL: string | undefined },
    use: (signIn: SignIn<Data>) => Promise<void>,
  ): Promise<void>
}

/**
 * A fixture for Playwright's `test.extend<{ signIn: SignIn<AppSession> }>`: a test can begin with `await signIn({ user: 'dave' })`.
 *
 * @param sessions - of the application under test, or created with the same options
 * @since 0.1.0
 * @example
 * const test = base.extend<{ signIn: SignIn<AppSession> }>(sessionFixture(sessions))
 */
export function sessionFixture<Data extends object = SessionData>(sessions: Sessions<Data>): SessionFixture<Data> {
  return {
    // The runner reads the names of the required fixtures from the text of this function.
    signIn: async ({ context, baseURL }, use) => {
      await use(async (data, options = {}) => {
        const signedIn = await sessionCookie(sessions, data, { ...(baseURL && { url: baseURL }), ...options })
        await context.addCookies(signedIn.cookies)
        return signedIn
      })
    },
  }
}

/** Tries keys on a session that is thrown away: a codec may not support other keys, and none says how many it has. */
async function placeOf<Data extends object>(
  original: SessionsInternal<Data>,
  key: number | 'retired',
): Promise<number> {
  if (key === 0) return 0
  if (key !== 'retired') {
    if (await signs(original, key)) return key
    throw new TypeError(`Option "key": the codec does not sign with a key ${key}`)
  }
  let last = 0
  while (await signs(original, last + 1)) last++
  if (last > 0) return last
  throw new TypeError('Option "key": the codec has one key only, and none is retired')
}

async function signs<Data extends object>(original: SessionsInternal<Data>, keyIndex: number): Promise<boolean> {
  const at = signingAt(original, keyIndex, original.settings.clock()).with({ rows: undefined })
  try {
    const setCookies = await commitNew(at, {} as Data)
    const read = await at.load(headerOf(setCookies))
    return read.keyIndex === keyIndex
  } catch {
    return false
  }
}

/** The same sessions at another time and with another key, without events. */
function signingAt<Data extends object>(
  original: SessionsInternal<Data>,
  keyIndex: number,
  made: Date,
): SessionsInternal<Data> {
  const { codecs, publicCodec } = original.settings
  return original.with({
    clock: () => made,
    emit: undefined,
    observe: false,
    versions: createVersions(),
    codecs: codecs.map((codec) => signingWith(codec, keyIndex)),
    publicCodec: publicCodec && signingWith(publicCodec, keyIndex),
  } satisfies Partial<Settings>)
}

async function commitNew<Data extends object>(
  at: SessionsInternal<Data>,
  data: Data,
  remember?: Wish,
): Promise<SetCookie[]> {
  const session = await at.load('')
  session.data = { ...data }
  if (remember !== undefined) session.remember(remember)
  // Also what is empty is written then.
  stateOf(session).isNeeded = true
  return await at.commit(session)
}

function headerOf(setCookies: readonly SetCookie[]): string {
  return setCookies.map(({ name, value }) => `${name}=${value}`).join('; ')
}

function signingWith(codec: SessionCodec, keyIndex: number): SessionCodec {
  if (keyIndex === 0 || !codec.sign) return codec
  const { sign } = codec
  return { ...codec, sign: (record, context) => sign(record, { ...context, keyIndex }) }
}

/** As Playwright's `context.addCookies` and `storageState` take it. */
export interface PlaywrightCookie {
  /** The name. */
  name: string
  /** The value. */
  value: string
  /** With a dot before it: also for the hosts below. */
  domain: string
  /** `Path` */
  path: string
  /** Seconds since 1970; -1: until the browser closes. */
  expires: number
  /** `HttpOnly` */
  httpOnly: boolean
  /** `Secure` */
  secure: boolean
  /** `SameSite` */
  sameSite: 'Lax' | 'Strict' | 'None'
}

/** The arguments of `cy.setCookie`. */
export type CypressCookie = [
  name: string,
  value: string,
  options: {
    domain: string
    hostOnly: boolean
    path: string
    /** Seconds since 1970. */
    expiry?: number
    httpOnly: boolean
    secure: boolean
    sameSite: 'lax' | 'strict' | 'no_restriction'
  },
]

interface BrowserCookie {
  name: string
  value: string
  domain: string
  hostOnly: boolean
  path: string
  /** Absent: until the browser closes. */
  expires?: Date
  httpOnly: boolean
  secure: boolean
  sameSite: 'Lax' | 'Strict' | 'None'
}

/**
 * What a browser makes of a cookie (RFC 6265 §5.3).
 *
 * @param hostname - of the server that sent it
 * @param made - when it was received
 */
function inBrowser(
  { name, value, attributes }: SetCookie,
  { hostname, made }: { hostname: string; made: Date },
): BrowserCookie {
  const { maxAge, path, httpOnly, secure } = attributes
  const domain = attributes.domain?.replace(/^\./, '')
  // Max-Age counts before Expires.
  const expires = maxAge === undefined ? attributes.expires : new Date(made.getTime() + maxAge * 1000)
  return {
    name,
    value,
    domain: domain ?? hostname,
    hostOnly: domain === undefined,
    path,
    ...(expires ? { expires } : {}),
    httpOnly,
    secure,
    // Without the attribute browsers take Lax.
    sameSite: attributes.sameSite ?? 'Lax',
  }
}

function toPlaywright({ domain, hostOnly, expires, ...cookie }: BrowserCookie): PlaywrightCookie {
  return { ...cookie, domain: hostOnly ? domain : `.${domain}`, expires: expires ? secondsOf(expires) : -1 }
}

function toCypress({ name, value, expires, sameSite, ...cookie }: BrowserCookie): CypressCookie {
  const site = ({ Lax: 'lax', Strict: 'strict', None: 'no_restriction' } as const)[sameSite]
  return [name, value, { ...cookie, ...(expires ? { expiry: secondsOf(expires) } : {}), sameSite: site }]
}

function secondsOf(time: Date): number {
  return Math.floor(time.getTime() / 1000)
}
