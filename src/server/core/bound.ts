/**
 * Device bound sessions: a session that was bound to a key of the browser's device needs a short-lived proof of that key.
 * W3C Device Bound Session Credentials; which part holds what is in docs/bound.md.
 */
import { platform } from '#platform'
import { encodeBase64Url, encodeUtf8 } from '../../shared/bytes.js'
import { readCookies } from '../../shared/cookie.js'
import type { Duration } from '../../shared/define-session.js'
import { SessionError } from '../../shared/errors.js'
import { checkDuration, checkNames, type OptionNames, refusePresentUndefined } from '../../shared/option-names.js'
import type { SessionData } from '../../shared/types.js'
import type { DerivedKey, SessionCodec } from '../codecs/codec.js'
import { boundName, createHmacKeys, equalInConstantTime, type Secrets } from '../keys/hmac.js'
import { loadSecrets, type SecretSource } from '../keys/key-source.js'
import { authenticatedAt } from './authentication.js'
import { type CookieAttributes, type CookieWriter, createCookieWriter, type SetCookie } from './cookies.js'
import type { EmitEvent } from './events.js'
import { type CookieSource, cookieHeader, createRequestMemory, type HeaderTarget } from './http.js'
import { CLOCK_TOLERANCE } from './lifetime.js'
import { BOUND, hasApplicationKeys, isEmpty } from './own-keys.js'
import { type BoundState, type Draft, loadedData, type Session, type SessionState, stateOf } from './session.js'

/** What device bound sessions need. Every option has a default: `bound: {}` binds, and refuses nobody. */
export interface BoundOptions<Data extends object = SessionData> {
  /**
   * Where the browser registers and renews: `PATH/register` and `PATH/refresh`, below the session's own path.
   *
   * @defaultValue `/dbsc` below the session's path
   */
  path?: string
  /**
   * How long a proof is valid, and so how long a stolen cookie works. Browsers renew two minutes before its end.
   *
   * @defaultValue 10 minutes
   */
  life?: Duration
  /**
   * How long a session goes without a proof after `bind()`, for the browser to register. 0: not at all.
   *
   * @defaultValue one minute
   */
  grace?: Duration
  /**
   * Which sessions need a proof. `false`: none, `session.isBound` tells. `'if-bound'`: those that a browser has bound. `true`: all with data
   * of the application, which shuts out browsers that can't bind. A function: as it says of each session.
   *
   * @defaultValue `false`
   */
  required?: boolean | 'if-bound' | ((session: Session<Data>) => boolean)
  /**
   * Binds each session at its sign-in, `regenerate({ authenticated: true })`, without a call of `bind()`.
   *
   * @defaultValue `false`
   */
  auto?: boolean
  /**
   * Paths whose requests never wait for a renewal, as that of the sign-out: each covers what is below it, too.
   *
   * @defaultValue none
   */
  exclude?: readonly string[]
  /**
   * `true`: the browser also renews for requests to other hosts of the site, which need the option `domain`. An origin: that of the site, if
   * the sign-in is on a subdomain.
   *
   * @defaultValue `false`: for the host of the sign-in alone
   */
  includeSite?: boolean | string
  /**
   * What `destroy()` has the browser clear beside the cookies of the session (`Clear-Site-Data`).
   *
   * @defaultValue nothing
   */
  clearSiteData?: 'cookies' | 'storage'
  /**
   * What signs proofs and challenges. Codecs with key pairs alone need it.
   *
   * @defaultValue keys derived from the secrets of the codecs
   */
  secrets?: Secrets | SecretSource
}

const OPTIONS: OptionNames<BoundOptions> = {
  path: 1,
  life: 1,
  grace: 1,
  required: 1,
  auto: 'switch',
  exclude: 1,
  includeSite: 1,
  clearSiteData: 1,
  secrets: 1,
}

/** What is signed, each with its own keys: none of them is ever taken for another. */
type Kind = 'pending registration' | 'registration challenge' | 'refresh challenge' | 'device key' | 'proof'

/** What the data says of the binding: its id, when `bind()` was called, and the thumbprint of the key once there is one. */
export interface Mark {
  readonly id: string
  /** Seconds since 1970. */
  readonly time: number
  readonly key?: string | undefined
}

/** A device's public key in its cookie. */
export interface KeptKey {
  readonly id: string
  /** The JWK as base64url. */
  readonly jwk: string
  /** Signed with an older secret. */
  readonly isOld: boolean
}

/** Device bound sessions of one `createSessions`. */
export interface Bound {
  readonly path: string
  /** Seconds for which a challenge is valid. */
  readonly challengeLife: number
  /** For `session.bind()`. */
  bind(data: SessionData, state: SessionState, now: Date): void
  /** Looks at the proof of a request. @returns why the session is none for this request, or undefined */
  check(session: Session<object>, source: CookieSource): Promise<SessionError | undefined>
  /** Before a session is written: what it says of its binding stays, whatever the application did with the data. */
  keep(state: SessionState, draft: Draft, now: Date): void
  /** What a browser gets for `bind()`; undefined: there was no call. */
  offer(state: SessionState, draft: Draft, now: Date): Promise<Offer | undefined>
  /** The cookies of a session that ends. */
  ending(state: SessionState): SetCookie[]
  /** The option `clearSiteData`, for the response of a sign-out. */
  clear(headers: HeaderTarget): void
  // For the handler.
  markIn(data: SessionData): Mark | undefined
  /** A request of a browser that is about to register. */
  isPending(source: CookieSource, id: string, now: Date): Promise<boolean>
  challengeFor(kind: 'registration challenge' | 'refresh challenge', tie: string, now: Date): Promise<string>
  /** When a challenge was made, in seconds; undefined for one that is none, or not of this tie, or too old. */
  challengeTime(
    kind: 'registration challenge' | 'refresh challenge',
    challenge: string,
    about: { tie: string; now: Date },
  ): Promise<number | undefined>
  keyIn(source: CookieSource, id: string): Promise<KeptKey | undefined>
  keyCookie(id: string, jwk: string, now: Date): Promise<SetCookie>
  /** @param from - when the challenge was made, in seconds: a proof that is sent again has no more time than the first */
  proofCookie(about: { id: string; key: string; from: number; now: Date }): Promise<SetCookie>
  /** A proof came along and is of no use: it keeps the browser from a renewal. */
  hasStaleProof(session: Session<object>, source: CookieSource): boolean
  expireProof(): SetCookie
  /** What the browser is told of the binding (JSON). */
  configuration(identifier: string): string
  /** One for each host, so that a sign-in replaces the last binding, and not that of another host of the site. */
  identifierFor(host: string | undefined): string
  isIdentifier(text: string): boolean
}

interface Offer {
  readonly cookies: readonly SetCookie[]
  /** Puts the header `Secure-Session-Registration` into the response. */
  into(headers: HeaderTarget): void
}

/** What it needs of `createSessions`. */
interface BoundSettings {
  readonly name: string
  readonly tenant: string | undefined
  readonly codecs: readonly SessionCodec[]
  readonly clock: () => Date
  readonly emit: EmitEvent | undefined
  readonly observe: boolean
  readonly options: CookieAttributes
}

type LoadSession<Data extends object> = (source: CookieSource) => Promise<Session<Data>>

const DEFAULT_LIFE = '10m'
const DEFAULT_GRACE = '1m'
/** Seconds for which a challenge is valid: browsers answer within one, and a slow chip takes a few. */
const CHALLENGE_LIFE = 60
/** Seconds by which the clock of another server may be ahead of ours. */
const CLOCK_AHEAD = 30
/** Chromium keeps no cookie for longer. */
const KEY_LIFE = 400 * 86_400
/** The part of a proof's life for which it is still accepted after its end: clocks of servers differ. */
const LATE_PART = 10
const ID_BYTES = 12
/** Characters of anything that we have signed: a JWK of RSA with 4096 bits has some 1000. */
const MAX_SEALED = 2048

/** `id.time` and `id.time.thumbprint`, the time in base 36. */
const MARK = /^([\w-]{16})\.([0-9a-z]{1,8})(?:\.([\w-]{43}))?$/
const PATH = /^(?:\/[\w.~-]+)+$/

/**
 * Prepares the keys, cookies and times of device bound sessions.
 *
 * @throws {TypeError} naming the option that is wrong
 */
export function createBound(options: BoundOptions, settings: BoundSettings): Bound {
  checkOptions(options)
  const { name, tenant, codecs, observe } = settings
  const { auto = false, required = false, exclude = [], includeSite = false } = options
  const places = cookiePlaces(options, settings)
  const { path, proofs, keys } = places
  const life = seconds(options.life ?? DEFAULT_LIFE, 'bound.life')
  const grace = options.grace === 0 ? 0 : seconds(options.grace ?? DEFAULT_GRACE, 'bound.grace')
  const challengeLife = Math.min(CHALLENGE_LIFE, Math.ceil(life / 2))
  const seals = createSeals(options, codecs, boundName({ cookieName: name, tenant }))
  const proofName = proofNameOf(name)
  const keyName = keyNameOf(name)

  function bind(data: SessionData, state: SessionState, now: Date): void {
    if (state.browser.isToken || observe) return
    const known = markIn(state.bound?.mark ?? data[BOUND])
    // Only a visitor who has just proved who they are may move a session to another device, or begin its grace anew.
    const isFree = known === undefined || state.isAuthenticated === true
    if (!isFree && known.key !== undefined) return
    const time = isFree ? toSeconds(now) : known.time
    const mark = `${encodeBase64Url(platform.randomBytes(ID_BYTES))}.${time.toString(36)}`
    state.bound = { ...state.bound, mark, boundKey: undefined, isBound: false, isOffered: true }
    data[BOUND] = mark
  }

  async function proofOf(mark: Mark, source: CookieSource, now: number): Promise<string | undefined> {
    for (const value of cookiesOf(source, proofName)) {
      if (!value.startsWith(`${mark.id}.`)) continue
      const [id, key, end = ''] = (await seals.open('proof', value))?.text.split('.') ?? []
      const isOfKey = id === mark.id && (mark.key === undefined || mark.key === key)
      if (isOfKey && Number.parseInt(end, 36) + life / LATE_PART > now) return key
    }
    return undefined
  }

  const dated = (kind: Kind, tie: string, now: Date): Promise<string> =>
    seals.seal(kind, `${tie}.${toSeconds(now).toString(36)}`)

  function isInGrace(mark: Mark | undefined, data: SessionData, now: Date): boolean {
    const start = mark ? mark.time : (authenticatedAt(data)?.getTime() ?? Number.NaN) / 1000
    const passed = now.getTime() / 1000 - start
    return passed <= grace && passed >= -CLOCK_TOLERANCE / 1000
  }

  function needsProof(session: Session<object>, mark: Mark | undefined, data: SessionData): boolean {
    if (typeof required !== 'function') {
      if (required === 'if-bound') return mark?.key !== undefined
      return required && (mark !== undefined || hasApplicationKeys(data))
    }
    const isNeeded: unknown = required(session as Session<SessionData>)
    if (typeof isNeeded === 'boolean') return isNeeded
    throw new TypeError('The function of option "bound.required" must return true or false')
  }

  return {
    path,
    challengeLife,
    bind,
    async check(session, source) {
      const state = stateOf(session)
      const now = settings.clock()
      const { loaded, browser } = state
      const bound: BoundState = { hasCookies: !browser.isToken && cookiesOf(source, proofName).length > 0 }
      state.bound = bound
      if (!loaded) return undefined
      const data = loadedData(loaded)
      const mark = markIn(data[BOUND])
      if (mark) {
        const proved = browser.isToken ? undefined : await proofOf(mark, source, toSeconds(now))
        bound.mark = data[BOUND] as string
        bound.boundKey = proved ?? mark.key
        bound.isBound = proved !== undefined
      }
      if (bound.isBound || !needsProof(session, mark, data) || isInGrace(mark, data, now)) return undefined
      return new SessionError('ERR_SESSION_UNBOUND', 'The request has no proof of the device of the session', {
        verified: true,
      })
    },
    keep(state, { data, isAuthenticated, isRegenerated }, now) {
      if (isEmpty(data)) return
      if (auto && isAuthenticated && isRegenerated && !state.bound?.isOffered) bind(data, state, now)
      const mark = state.bound?.mark
      if (mark !== undefined && data[BOUND] !== mark) data[BOUND] = mark
    },
    async offer({ bound, browser }, { data }, now) {
      const mark = bound?.isOffered ? markIn(data[BOUND]) : undefined
      if (!bound || !mark || observe || browser.isToken) return undefined
      const pending = await dated('pending registration', mark.id, now)
      const challenge = await dated('registration challenge', mark.id, now)
      return {
        cookies: [keys.set(keyName, pending, cookieFor(CHALLENGE_LIFE, now))],
        into(headers) {
          setHeader(
            headers,
            'Secure-Session-Registration',
            `(ES256 RS256);path="${path}/register";challenge="${challenge}"`,
          )
          // Out of the cache of the browser it would offer the old challenge again.
          setHeader(headers, 'Cache-Control', 'private, no-store')
          bound.isOffered = false
        },
      }
    },
    ending(state) {
      const { mark, hasCookies } = state.bound ?? {}
      if (state.browser.isToken || !(mark || hasCookies)) return []
      return [proofs.expire(proofName, { httpOnly: true }), keys.expire(keyName, { httpOnly: true })]
    },
    clear(headers) {
      if (options.clearSiteData) setHeader(headers, 'Clear-Site-Data', `"${options.clearSiteData}"`)
    },
    markIn: (data) => markIn(data[BOUND]),
    async isPending(source, id, now) {
      for (const value of cookiesOf(source, keyName)) {
        const [found, time = ''] = (await seals.open('pending registration', value))?.text.split('.') ?? []
        if (found === id && isFresh(Number.parseInt(time, 36), CHALLENGE_LIFE, now)) return true
      }
      return false
    },
    challengeFor: dated,
    async challengeTime(kind, challenge, { tie, now }) {
      const text = challenge.startsWith(`${tie}.`) ? (await seals.open(kind, challenge))?.text : undefined
      const [time, ...rest] = text?.slice(tie.length + 1).split('.') ?? []
      const made = Number.parseInt(time ?? '', 36)
      const longest = kind === 'registration challenge' ? CHALLENGE_LIFE : challengeLife
      return rest.length === 0 && isFresh(made, longest, now) ? made : undefined
    },
    async keyIn(source, id) {
      for (const value of cookiesOf(source, keyName)) {
        const opened = value.startsWith(`${id}.`) ? await seals.open('device key', value) : undefined
        const [found, jwk = ''] = opened?.text.split('.') ?? []
        if (opened && found === id) return { id, jwk, isOld: opened.keyIndex > 0 }
      }
      return undefined
    },
    async keyCookie(id, jwk, now) {
      return keys.set(keyName, await seals.seal('device key', `${id}.${jwk}`), cookieFor(KEY_LIFE, now))
    },
    async proofCookie({ id, key, from, now }) {
      const end = from + life
      const value = await seals.seal('proof', `${id}.${key}.${end.toString(36)}`)
      return proofs.set(proofName, value, cookieFor(end - toSeconds(now), now))
    },
    hasStaleProof: (session, source) => !stateOf(session).bound?.isBound && cookiesOf(source, proofName).length > 0,
    expireProof: () => proofs.expire(proofName, { httpOnly: true }),
    configuration(identifier) {
      const cookie = String(proofs.set(proofName, '', { httpOnly: true, now: settings.clock() }))
      return JSON.stringify({
        session_identifier: identifier,
        refresh_url: `${path}/refresh`,
        scope: {
          include_site: includeSite !== false,
          ...(typeof includeSite === 'string' && { origin: includeSite }),
          scope_specification: exclude.map((each) => ({ type: 'exclude', domain: '*', path: each })),
        },
        // To the letter as in the Set-Cookie: else every request asks for a renewal.
        credentials: [{ type: 'cookie', name: proofName, attributes: cookie.slice(cookie.indexOf('; ') + 2) }],
      })
    },
    identifierFor: (host) => (host !== undefined && HOST.test(host) && !places.domain ? `${name}@${host}` : name),
    isIdentifier: (text) => text === name || (text.startsWith(`${name}@`) && HOST.test(text.slice(name.length + 1))),
  }
}

/** For a session without the option. @throws {TypeError} */
export function refuseBind(): never {
  throw new TypeError('bind() needs the option "bound" of createSessions()')
}

/** RFC 3986 §3.2.2 and §3.2.3, without what an identifier must not have. */
const HOST = /^[\w.:[\]-]{1,255}$/

function proofNameOf(name: string): string {
  return `${name}.bound`
}

/** Its path is not the root, so it can't be of the host by its name. */
function keyNameOf(name: string): string {
  return `${name.replace(/^__Host-/i, '__Secure-')}.key`
}

function markIn(text: unknown): Mark | undefined {
  const [all, id = '', time = '', key] = typeof text === 'string' ? (MARK.exec(text) ?? []) : []
  return all === undefined ? undefined : { id, time: Number.parseInt(time, 36), key }
}

/** The mark of a session that is bound to a key. */
export function markWith({ id, time }: Mark, key: string): string {
  return `${id}.${time.toString(36)}.${key}`
}

function cookiesOf(source: CookieSource, name: string): string[] {
  if (typeof source === 'object' && source !== null && !('headers' in source)) return []
  const header = cookieHeader(source)
  return header.includes(name) ? readCookies(header, name).filter(({ length }) => length <= MAX_SEALED) : []
}

function cookieFor(maxAge: number, now: Date): Parameters<CookieWriter['set']>[2] {
  return { httpOnly: true, now, end: new Date((toSeconds(now) + maxAge) * 1000) }
}

export function setHeader(target: HeaderTarget, name: string, value: string): void {
  if ('setHeader' in target) target.setHeader(name, value)
  else target.set(name, value)
}

function toSeconds(time: Date): number {
  return Math.floor(time.getTime() / 1000)
}

function isFresh(made: number, life: number, now: Date): boolean {
  const age = toSeconds(now) - made
  return age <= life && age >= -CLOCK_AHEAD
}

function seconds(duration: Duration, option: string): number {
  return Math.max(1, Math.floor(checkDuration(duration, `Option "${option}"`) / 1000))
}

// Options.

function checkOptions(options: BoundOptions): void {
  checkNames(options, OPTIONS, 'Option "bound"')
  refusePresentUndefined(options, 'secrets')
  const { required = false, includeSite = false, exclude = [], clearSiteData = 'cookies' } = options
  if (typeof required !== 'boolean' && required !== 'if-bound' && typeof required !== 'function') {
    throw new TypeError('Option "bound.required" must be true, false, "if-bound" or a function')
  }
  if (typeof includeSite !== 'boolean' && !isOrigin(includeSite)) {
    throw new TypeError('Option "bound.includeSite" must be true, false or an origin, as "https://example.org"')
  }
  if (!Array.isArray(exclude) || !exclude.every((path) => PATH.test(path))) {
    throw new TypeError('Option "bound.exclude" must be a list of paths, as ["/logout"]')
  }
  if (clearSiteData !== 'cookies' && clearSiteData !== 'storage') {
    throw new TypeError('Option "bound.clearSiteData" must be "cookies" or "storage"')
  }
}

function isOrigin(text: unknown): boolean {
  return typeof text === 'string' && URL.canParse(text) && new URL(text).origin === text
}

interface CookiePlaces {
  readonly path: string
  readonly domain: boolean
  /** The short proof, wherever the session's own cookie is. */
  readonly proofs: CookieWriter
  /** The device's key, for the handler alone. */
  readonly keys: CookieWriter
}

function cookiePlaces(options: BoundOptions, { name, options: given }: BoundSettings): CookiePlaces {
  const { path: root = '/', domain, sameSite, partitioned, embedded } = given
  if (partitioned || embedded) {
    throw new TypeError('Option "bound" does not go with "partitioned" or "embedded": browsers bind no such cookie')
  }
  if (options.includeSite && domain === undefined) {
    throw new TypeError('Option "bound.includeSite" needs "domain": other hosts do not get the cookies of this one')
  }
  const below = root.replace(/\/$/, '')
  const { path = `${below}/dbsc` } = options
  if (!PATH.test(path) || !path.startsWith(`${below}/`)) {
    throw new TypeError(`Option "bound.path" must be a path below that of the session, as "${below}/dbsc"`)
  }
  const place: CookieAttributes = { path: root, ...(domain !== undefined && { domain }) }
  return {
    path,
    domain: domain !== undefined,
    proofs: createCookieWriter({ ...place, ...(sameSite !== undefined && { sameSite }) }, [proofNameOf(name)]),
    keys: createCookieWriter({ path, sameSite: 'strict' }, [keyNameOf(name)]),
  }
}

// What is signed: a text, a dot and its MAC.

interface Seals {
  seal(kind: Kind, text: string): Promise<string>
  /** Undefined for anything that none of the keys has signed as this kind. */
  open(kind: Kind, value: string): Promise<{ text: string; keyIndex: number } | undefined>
}

type DeriveKeys = (label: string) => Promise<readonly DerivedKey[]>

function createSeals(options: BoundOptions, codecs: readonly SessionCodec[], name: string): Seals {
  const derive = options.secrets === undefined ? ofCodecs(codecs) : ofSecrets(options.secrets)
  const keysFor = (kind: Kind): Promise<readonly DerivedKey[]> => derive(`sessionglass bound ${kind} of ${name}\x01`)
  return {
    async seal(kind, text) {
      const [key] = await keysFor(kind)
      if (!key) throw new SessionError('ERR_SESSION_KEYS', 'There is no secret to bind sessions with')
      return `${text}.${platform.base64Url(await key.sign(text))}`
    },
    async open(kind, value) {
      const at = value.lastIndexOf('.')
      if (at < 0 || value.length > MAX_SEALED) return undefined
      const text = value.slice(0, at)
      const mac = encodeUtf8(value.slice(at + 1))
      for (const [keyIndex, key] of (await keysFor(kind)).entries()) {
        if (equalInConstantTime(encodeUtf8(platform.base64Url(await key.sign(text))), mac)) return { text, keyIndex }
      }
      return undefined
    },
  }
}

/** The first secret signs, and every one verifies. @throws {TypeError} if no codec has one */
function ofCodecs(codecs: readonly SessionCodec[]): DeriveKeys {
  if (!codecs.some(({ deriveKeys }) => deriveKeys)) {
    throw new TypeError('Option "bound" needs a codec with secrets. With key pairs alone, set bound.secrets')
  }
  return async (label) => (await Promise.all(codecs.map((codec) => codec.deriveKeys?.(label) ?? []))).flat()
}

function ofSecrets(secrets: Secrets | SecretSource): DeriveKeys {
  const create = (known: { readonly secrets: Secrets }) =>
    createHmacKeys({ secrets: known.secrets, hash: 'SHA-256', option: 'bound.secrets' })
  if (typeof secrets !== 'function') return create({ secrets }).derive
  const options: { secrets: SecretSource; reloadEvery?: Duration } = { secrets }
  const loaded = loadSecrets(options, ['secrets'], create)
  return async (label) => (await (await loaded?.current())?.derive(label)) ?? []
}

// Loading.

/** Loads sessions, and looks at the proof of each. The same request object always gets the same session. */
export function boundLoader<Data extends object>(
  bound: Bound,
  { emit, name, observe }: BoundSettings,
  load: LoadSession<Data>,
): LoadSession<Data> {
  const checked = createRequestMemory<Promise<Session<Data>> | undefined>()

  async function find(source: CookieSource): Promise<Session<Data>> {
    const session = await load(source)
    const error = await bound.check(session, source)
    if (!error) return session
    const bytes = name.length + (stateOf(session).loaded?.value.length ?? 0)
    emit?.({ type: 'rejected', code: error.code, bytes })
    return observe ? session : await withoutSession(load, session, error)
  }

  return (source) => {
    if (typeof source !== 'object' || source === null || !('headers' in source)) return find(source)
    const known = checked.of(source)
    if (known) return known
    const session = find(source)
    checked.keep(source, session)
    session.catch(() => checked.keep(source, undefined))
    return session
  }
}

/**
 * A fresh session in place of one without its proof. The browser may have the proof a moment later, so its cookies stay, also the public
 * one; and the row is not of whoever sent the request.
 */
async function withoutSession<Data extends object>(
  load: LoadSession<Data>,
  session: Session<Data>,
  rejected: SessionError,
): Promise<Session<Data>> {
  const { browser, source, bound } = stateOf(session)
  const fresh = await load(browser.isToken ? { token: null } : null)
  const { hasCookies } = bound ?? {}
  const state = { rejected, source, browser: { ...browser, publicCookie: undefined }, bound: { hasCookies } }
  Object.assign(stateOf(fresh), state)
  return fresh
}
