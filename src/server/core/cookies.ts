/**
 * The cookies of a session on the wire: Set-Cookie, the pieces of a long value, and cookies of the same name in other places.
 * RFC 6265 §4.1 with SameSite, the name prefixes, Partitioned and Priority of its successor; limits as browsers have them.
 */
import { MAX_CANDIDATES, readCookies } from '../../shared/cookie.js'
import type { Duration } from '../../shared/define-session.js'
import { SessionError, type SessionErrorCode } from '../../shared/errors.js'
import { checkLimit } from '../../shared/limits.js'
import { checkNames } from '../../shared/option-names.js'
import type { NamedPlace } from '../codecs/codec.js'
import { ageOf, type LifetimeFunction } from './own-lifetime.js'

/** Attributes of the session cookie (RFC 6265 §4.1). The public cookie has the same, without `HttpOnly`. */
export interface CookieAttributes {
  /**
   * The path below which browsers send the cookie.
   *
   * @defaultValue `/`
   */
  path?: string
  /** Hosts below this domain get the cookie, too. Absent: only the host that set it. */
  domain?: string
  /**
   * Browsers send the cookie over HTTPS only. They accept it on localhost, too.
   *
   * @defaultValue true
   */
  secure?: boolean
  /**
   * Which requests of other sites have the cookie; `false` leaves the attribute out.
   *
   * @defaultValue `lax`
   */
  sameSite?: 'lax' | 'strict' | 'none' | 'Lax' | 'Strict' | 'None' | false
  /**
   * Beaker's `cookie_expires`: `true` until the browser closes, `false` never (until 2038), a `Date`, or a duration
   * (`'14d'`, or seconds) counted from each write. A function gives each session its own lifetime, see `maxAge`.
   *
   * @defaultValue `true`
   */
  expires?: boolean | Date | Duration | LifetimeFunction
  /**
   * Max-Age, counted from each write: `'14d'`, or seconds. A function is asked at each write of a session and gives
   * it its own lifetime, for the server, too: a duration, a `Date`, `'browser'`, or undefined.
   *
   * @defaultValue as `expires` says
   */
  maxAge?: Duration | LifetimeFunction
  /** Keeps the cookie apart for each site that shows the application in a frame (CHIPS). Needs `secure`. */
  partitioned?: boolean
  /** Which cookies Chromium drops first if a host has too many. */
  priority?: 'low' | 'medium' | 'high'
  /**
   * For an application shown in a frame of another site: `SameSite=None; Secure; Partitioned`.
   *
   * @defaultValue false
   */
  embedded?: boolean
}

/** One cookie to set. `String(cookie)` is the text of the header. */
export interface SetCookie {
  readonly name: string
  readonly value: string
  readonly attributes: SetCookieAttributes
  toString(): string
}

/** The attributes of one cookie as a browser gets them. Absent: the cookie does not have it. */
export interface SetCookieAttributes {
  readonly domain?: string
  readonly expires?: Date
  /** Seconds. */
  readonly maxAge?: number
  readonly httpOnly: boolean
  readonly path: string
  readonly partitioned: boolean
  readonly priority?: 'low' | 'medium' | 'high'
  readonly sameSite?: 'Lax' | 'Strict' | 'None'
  readonly secure: boolean
}

/** Makes the cookies of one configuration. */
export interface CookieWriter {
  /** @throws {SessionError} `ERR_SESSION_MALFORMED`, `ERR_SESSION_TOO_LARGE` for a value that a cookie can't hold */
  set(name: string, value: string, options: CookieTime & { httpOnly: boolean }): SetCookie
  expire(name: string, options: { httpOnly: boolean }): SetCookie
  /** Expires cookies of these names in every other place where one of ours may be. */
  expireShadows(names: readonly string[], options: { httpOnly: boolean }): SetCookie[]
  /** Only those of the same domain and path, which a browser keeps beside ours: with or without a partition. */
  expireTwins(names: readonly string[], options: { httpOnly: boolean }): SetCookie[]
  /** What a session cookie gets now. */
  attributes(options: CookieTime & { httpOnly: boolean }): SetCookieAttributes
  /** The writer for the place that a session names; undefined if no cookie may be there. */
  at(place: NamedPlace | undefined): CookieWriter | undefined
}

interface CookieTime {
  now: Date
  /** When the browser is to drop it, if the session itself says so: at a time, or when it closes. Else the options count. */
  end?: Date | 'browser' | undefined
}

/** Bytes of name and value that every browser keeps (Chromium, Firefox and Safari refuse more). */
export const MAX_COOKIE_BYTES = 4096
/** Bytes of one attribute's value that browsers keep. */
export const MAX_ATTRIBUTE_BYTES = 1024
/** Beaker's "never": the last second of a signed 32-bit clock, here in real GMT (FORMATS §3). */
const NEVER = /* @__PURE__ */ new Date(2_147_483_647_000)

/**
 * What Beaker itself takes for "never": the same second's local time, of this process, called GMT (FORMATS §3). It is off by
 * some hours, for configurations that must send the same text as Python.
 */
export function beakerNever(): Date {
  return new Date(NEVER.getTime() - NEVER.getTimezoneOffset() * 60_000)
}

/** RFC 6265 §4.1.1: `path-value` is any CHAR except CTLs or ";". */
const AV_BYTES = /^[\x20-\x3a\x3c-\x7e]+$/
/** RFC 1034 §3.5 labels; a leading dot is ignored by browsers (RFC 6265 §5.2.3). */
const DOMAIN = /^\.?[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*$/
/** RFC 6265 §4.1.1: `cookie-name = token` (RFC 2616 §2.2). */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** RFC 6265 §4.1.1: `cookie-octet`, without the quotes around it. */
export const COOKIE_BYTES: RegExp = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/

/**
 * Checks the attributes of all cookies of one configuration once.
 *
 * @param names - every cookie name the attributes are used with, for the rules of `__Host-` and `__Secure-`
 * @param places - other places where a cookie of these names may be
 * @param allowed - where else than in its own place a session may be
 * @throws {TypeError} naming the option that is wrong
 */
export function createCookieWriter(
  attributes: CookieAttributes,
  names: readonly string[],
  places: readonly CookiePlace[] = [],
  allowed: readonly AllowedPlace[] = [],
): CookieWriter {
  const own = settle(attributes)
  const { domain: _, ...shared } = attributes
  const settled = (place: CookiePlace): FixedAttributes => settle({ ...shared, ...place })
  const others = places.map(settled)
  const elsewhere = allowed.map(settled).filter((place) => !isSamePlace(place, own))
  for (const name of names) {
    if (!TOKEN.test(name)) throw new TypeError('The name of a cookie must be a token (RFC 6265 §4.1.1)')
    for (const each of [own, ...others, ...elsewhere]) checkPrefix(name, each)
  }
  const lifetimeAt = lifetimeOf(attributes)
  const twins = others.filter((place) => isSamePlace(place, own))
  const writers = [
    { place: own, writer: writerAt(own, others, { lifetimeAt, at }) },
    ...elsewhere.map((place) => {
      // What our own place may have beside it, and our own place itself.
      const beside = [...twins.map(({ partitioned }) => ({ ...place, partitioned })), own, ...others]
      const ours = beside.filter((each) => !isSamePlace(each, place) || each.partitioned !== place.partitioned)
      return { place, writer: writerAt(place, ours, { lifetimeAt, at }) }
    }),
  ]

  function at({ domain, path = own.path }: NamedPlace = {}): CookieWriter | undefined {
    // What a cookie names may be anything.
    if (typeof path !== 'string' || (domain && typeof domain !== 'string')) return undefined
    const named = domain === undefined ? own.domain : domain || undefined
    return writers.find(({ place }) => isSamePlace(place, { path, ...(named !== undefined && { domain: named }) }))
      ?.writer
  }
  return (writers[0] as { writer: CookieWriter }).writer
}

/** The writer of one place. */
function writerAt(
  own: FixedAttributes,
  others: readonly FixedAttributes[],
  { lifetimeAt, at }: { lifetimeAt: (now: Date) => CookieLifetime; at: CookieWriter['at'] },
): CookieWriter {
  const twins = others.filter((place) => isSamePlace(place, own))
  const expireIn = (
    places: readonly FixedAttributes[],
    names: readonly string[],
    { httpOnly }: { httpOnly: boolean },
  ): SetCookie[] => places.flatMap((place) => names.map((name) => expired(name, { ...place, httpOnly })))
  const attributesAt: CookieWriter['attributes'] = ({ httpOnly, now, end }) => ({
    ...own,
    ...(end === undefined ? lifetimeAt(now) : lifetimeUntil(end, now)),
    httpOnly,
  })

  return {
    set(name, value, options) {
      checkValue(name, value)
      return createSetCookie(name, value, attributesAt(options))
    },
    expire: (name, { httpOnly }) => expired(name, { ...own, httpOnly }),
    expireShadows: (names, options) => expireIn(others, names, options),
    expireTwins: (names, options) => expireIn(twins, names, options),
    attributes: attributesAt,
    at,
  }
}

function createSetCookie(name: string, value: string, attributes: SetCookieAttributes): SetCookie {
  return { name, value, attributes, toString: () => `${name}=${value}${attributesText(attributes)}` }
}

function expired(name: string, attributes: SetCookieAttributes): SetCookie {
  return createSetCookie(name, '', { ...attributes, expires: new Date(0), maxAge: 0 })
}

/** Whether a browser keeps only one of the two: name, domain, path (RFC 6265 §5.3) and partition make a cookie. */
export function isSameCookie(a: SetCookie, b: SetCookie): boolean {
  return (
    a.name === b.name &&
    a.attributes.domain === b.attributes.domain &&
    a.attributes.path === b.attributes.path &&
    a.attributes.partitioned === b.attributes.partitioned
  )
}

/** In the order in which http.cookies of Python writes them (FORMATS §1.2). */
function attributesText(attributes: SetCookieAttributes): string {
  const { domain, expires, maxAge, httpOnly, path, partitioned, priority, sameSite, secure } = attributes
  let text = ''
  if (domain !== undefined) text += `; Domain=${domain}`
  if (expires) text += `; Expires=${expires.toUTCString()}`
  if (maxAge !== undefined) text += `; Max-Age=${maxAge}`
  if (httpOnly) text += '; HttpOnly'
  text += `; Path=${path}`
  if (partitioned) text += '; Partitioned'
  if (priority) text += `; Priority=${capitalised(priority)}`
  if (sameSite) text += `; SameSite=${sameSite}`
  if (secure) text += '; Secure'
  return text
}

type FixedAttributes = Omit<SetCookieAttributes, 'expires' | 'maxAge' | 'httpOnly'>

function settle(attributes: CookieAttributes): FixedAttributes {
  const { path = '/', domain, embedded = false, priority } = attributes
  const secure = attributes.secure ?? true
  const partitioned = attributes.partitioned ?? embedded
  const sameSite = sameSiteName(attributes.sameSite ?? (embedded ? 'none' : 'lax'))
  if (typeof path !== 'string' || !path.startsWith('/')) throw new TypeError('Option "path" must begin with "/"')
  checkAttribute('path', path, AV_BYTES)
  if (domain !== undefined) checkAttribute('domain', domain, DOMAIN)
  if (priority !== undefined && !['low', 'medium', 'high'].includes(priority)) {
    throw new TypeError('Option "priority" must be "low", "medium" or "high"')
  }
  if (sameSite === 'None' && !secure)
    throw new TypeError('Option "sameSite": None needs "secure": browsers refuse it otherwise')
  if (partitioned && !secure) throw new TypeError('Option "partitioned" needs "secure": browsers refuse it otherwise')
  return {
    path,
    secure,
    partitioned,
    ...(domain !== undefined && { domain }),
    ...(sameSite !== undefined && { sameSite }),
    ...(priority !== undefined && { priority }),
  }
}

type CookieLifetime = Pick<SetCookieAttributes, 'expires' | 'maxAge'>

/** What a function says is in the session. */
function lifetimeOf({ expires = true, maxAge }: CookieAttributes): (now: Date) => CookieLifetime {
  const age =
    maxAge === undefined || typeof maxAge === 'function'
      ? {}
      : { maxAge: Math.floor(ageOf(maxAge, 'Option "maxAge"') / 1000) }
  if (expires === true || typeof expires === 'function') return () => age
  if (expires === false || expires instanceof Date) {
    const date = expires === false ? NEVER : new Date(expires)
    if (Number.isNaN(date.getTime())) throw new TypeError('Option "expires" is an invalid Date')
    return () => ({ expires: date, ...age })
  }
  const delta = ageOf(expires, 'Option "expires"')
  return (now) => ({ expires: new Date(now.getTime() + delta), ...age })
}

/** As Django writes it; a time that has passed takes the cookie away. */
function lifetimeUntil(end: Date | 'browser', now: Date): CookieLifetime {
  if (end === 'browser') return {}
  return { expires: end, maxAge: Math.max(0, Math.floor((end.getTime() - now.getTime()) / 1000)) }
}

function sameSiteName(sameSite: NonNullable<CookieAttributes['sameSite']>): SetCookieAttributes['sameSite'] {
  if (sameSite === false) return undefined
  const name = typeof sameSite === 'string' ? capitalised(sameSite.toLowerCase()) : ''
  if (!['Lax', 'Strict', 'None'].includes(name)) {
    throw new TypeError('Option "sameSite" must be "lax", "strict", "none" or false')
  }
  return name as SetCookieAttributes['sameSite']
}

function checkAttribute(name: string, value: string, grammar: RegExp): void {
  if (typeof value !== 'string' || !grammar.test(value)) {
    throw new TypeError(`Option "${name}" contains a character that a cookie attribute can't have`)
  }
  if (value.length > MAX_ATTRIBUTE_BYTES) {
    throw new TypeError(`Option "${name}" is longer than the ${MAX_ATTRIBUTE_BYTES} bytes that browsers accept`)
  }
}

/** Browsers ignore the case of the prefixes. */
function checkPrefix(name: string, { domain, path, secure }: FixedAttributes): void {
  const lower = name.toLowerCase()
  if (lower.startsWith('__secure-') && !secure) throw new TypeError('A cookie name with __Secure- needs "secure"')
  if (!lower.startsWith('__host-')) return
  if (!secure) throw new TypeError('A cookie name with __Host- needs "secure"')
  if (domain !== undefined) throw new TypeError('A cookie name with __Host- must not have a "domain"')
  if (path !== '/') throw new TypeError('A cookie name with __Host- needs "path" to be "/"')
}

function checkValue(name: string, value: string): void {
  if (!COOKIE_BYTES.test(value)) {
    throw new SessionError(
      'ERR_SESSION_MALFORMED',
      'The codec made a value with characters that a cookie cannot contain',
    )
  }
  const bytes = name.length + value.length
  if (bytes > MAX_COOKIE_BYTES) {
    throw new SessionError(
      'ERR_SESSION_TOO_LARGE',
      `The cookie would have ${bytes} bytes; browsers keep ${MAX_COOKIE_BYTES}`,
    )
  }
}

function capitalised(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}

// Shadowed cookies: cookies of our name under another domain or path. A Cookie header does not tell them apart.
// RFC 6265 §5.3 (name, domain and path make a cookie) and §5.4 (longer paths come first, then older cookies).

/** Another place where a cookie of our name may be. */
export interface CookiePlace {
  /** Absent: of the host alone. */
  domain?: string
  /**
   * Its path.
   *
   * @defaultValue that of the options
   */
  path?: string
  /**
   * A browser keeps both beside each other.
   *
   * @defaultValue as the options say
   */
  partitioned?: boolean
}

/** A place where a session may be. It is in a partition if the options say so. */
export type AllowedPlace = Omit<CookiePlace, 'partitioned'>

/** A cookie of our name that did not become the session. Its value is not told. */
export interface ShadowedCookie {
  /** Its place in the Cookie header among those of our name, from 0 on: longer paths come first, then older cookies. */
  position: number
  /** Bytes of name and value. */
  bytes: number
  /** Why it was not taken; absent if it was not looked at, because a later one was valid. */
  code?: SessionErrorCode
}

/**
 * The cookies of our name that did not become the session.
 *
 * @param values - of our name, as in the header
 * @param taken - the first piece of what became the session
 * @returns undefined if all have the same value
 */
export function findShadowed(
  name: string,
  values: readonly string[],
  taken: string | undefined,
  rejections: readonly { value: string; error: { code: SessionErrorCode } }[],
): ShadowedCookie[] | undefined {
  if (values.length < 2 || new Set(values).size < 2) return undefined
  const own = taken === undefined ? -1 : values.lastIndexOf(taken)
  return values.flatMap((value, position) => {
    if (position === own) return []
    const code = rejections.find((rejection) => rejection.value === value)?.error.code
    return [{ position, bytes: name.length + value.length, ...(code === undefined ? {} : { code }) }]
  })
}

/**
 * Other places where our own cookie may be. With a `domain` that is the host alone: this host has set that cookie itself, and no
 * other host reads it. With a partition it is the same place without: there it was before. Every other place may belong to another
 * application, so the options have to name it.
 *
 * @throws {TypeError} for a value that is not a list of places, and for the session's own place
 */
export function shadowPlaces(
  option: boolean | readonly CookiePlace[],
  { domain, path = '/', embedded = false, partitioned = embedded }: CookieAttributes,
): CookiePlace[] {
  if (option === false) return []
  const twins = partitioned ? [{ path, partitioned: false, ...(domain !== undefined && { domain }) }] : []
  if (option === true) return domain === undefined ? twins : [...twins, { path }]
  if (!Array.isArray(option) || option.some((place) => typeof place !== 'object' || place === null)) {
    throw new TypeError('Option "expireShadows" must be true, false or a list of { domain, path }')
  }
  const places = option.map((place: CookiePlace) => {
    checkNames(place, { domain: 1, path: 1, partitioned: 'switch' }, 'expireShadows')
    return { path, ...place }
  })
  const isOwn = (place: CookiePlace): boolean =>
    isSamePlace(place, { path, ...(domain !== undefined && { domain }) }) &&
    (place.partitioned ?? partitioned) === partitioned
  if (places.some(isOwn)) throw new TypeError('Option "expireShadows" contains the place of the session itself')
  return [...twins, ...places]
}

/**
 * Where a session may be that names its place itself. Without a list: in our own place, of the host alone, and where
 * `expireShadows` expires cookies: all of these are the application's own.
 *
 * @param shadows - the places of `expireShadows`
 * @throws {TypeError} for a value that is not a list of places
 */
export function allowedPlaces(
  option: readonly AllowedPlace[] | undefined,
  { path = '/' }: CookieAttributes,
  shadows: readonly CookiePlace[],
): AllowedPlace[] {
  if (option === undefined) return [{ path }, ...shadows.map(({ partitioned: _, ...place }) => place)]
  if (!Array.isArray(option)) throw new TypeError('Option "allowedPlaces" must be a list of { domain, path }')
  return option.map((place: AllowedPlace) => {
    checkNames(place, { domain: 1, path: 1 }, 'allowedPlaces')
    return { path, ...place }
  })
}

function isSamePlace(a: CookiePlace, b: CookiePlace): boolean {
  return bare(a.domain) === bare(b.domain) && a.path === b.path
}

/** Browsers ignore a leading dot (RFC 6265 §5.2.3) and the case of a domain. */
function bare(domain: string | undefined): string | undefined {
  return domain?.replace(/^\./, '').toLowerCase()
}

// Chunks: one value in several cookies, `NAME`, `NAME.1`, `NAME.2`. It is signed as a whole, so a piece of another value never fits.
// FORMATS §11; sizes as in RFC 6265 §6.1, and the header as servers and proxies take it.

export interface ChunkLimits {
  /** Cookies that one session may take. */
  count: number
  /** Bytes of all of them in a Cookie header. */
  bytes: number
}

/** Pieces that are joined, or expired if they are left over: `NAME` to `NAME.3`, however many are written. */
const MAX_CHUNKS = 4
const DEFAULT_COUNT = 3
/** The longest header that most servers and proxies accept. */
const DEFAULT_BYTES = 8192
/** `=` and `; `, which the header has beside name and value. */
const MARKS = 3

/** @throws {TypeError} naming the option that is wrong */
export function createChunkLimits({
  chunks = DEFAULT_COUNT,
  headerBudget = DEFAULT_BYTES,
}: {
  chunks?: number
  headerBudget?: number
}): ChunkLimits {
  checkLimit(chunks, 'chunks', { most: MAX_CHUNKS })
  checkLimit(headerBudget, 'headerBudget', { least: MAX_COOKIE_BYTES, unit: 'bytes' })
  return { count: chunks, bytes: headerBudget }
}

/** The name of a piece; the first has the session's own. */
export function chunkName(name: string, index: number): string {
  return index === 0 ? name : `${name}.${index}`
}

/** A value that may be the session. */
export interface CookieCandidate {
  readonly value: string
  /** The cookie of the session's own name that it is, or begins with. */
  readonly first: string
  /** It was put together of several cookies, which may not belong together. */
  readonly isJoined: boolean
}

/** The cookies of our name in a request. */
export interface RequestCookies {
  /** Of the name itself, in the header's order. */
  readonly values: readonly string[]
  /** Which pieces besides the first there are, with or without gaps. */
  readonly chunks: readonly number[]
  /** One of the names stands several times, so there are cookies in other places. */
  readonly hasSeveral: boolean
  /** There may be more of that name, or more joins, than are looked at. */
  readonly isCutShort: boolean
  /** All that may be the session, the likeliest first. */
  readonly candidates: readonly CookieCandidate[]
}

/** Joins that are tried: each costs a verification. Enough if three pieces each stand there twice, as in two places. */
const MAX_JOINS = 12

/**
 * Finds the cookies of a session. The last of a name comes first, as in Python. Of several pieces each shorter join counts, too, for what
 * stands behind may be left over from the response to another request; so does a join with another cookie of a name that stands
 * several times. Which of them is a value, a signature tells.
 *
 * @param joinsChunks - some codec splits values
 * @see RFC 6265 §5.4
 */
export function readSessionCookies(header: string, name: string, joinsChunks: boolean): RequestCookies {
  const values = readCookies(header, name)
  const alone = values.toReversed().map((value) => ({ value, first: value, isJoined: false }))
  const isCutShort = values.length === MAX_CANDIDATES
  if (!joinsChunks || !mayHavePieces(header, name)) {
    return { values, chunks: [], hasSeveral: values.length > 1, isCutShort, candidates: alone }
  }
  const pieces = readPieces(header, name)
  const chunks = [...pieces.keys()].slice(1).filter((index) => pieces[index]?.length)
  const hasSeveral = values.length > 1 || chunks.some((index) => Number(pieces[index]?.length) > 1)
  if (chunks.length === 0) return { values, chunks, hasSeveral, isCutShort, candidates: alone }
  const all = joinsOf(name, pieces)
  const joins = all.slice(0, MAX_JOINS)
  const [last, ...others] = alone
  // A first piece with room left is the whole value: what stands beside it is left over, or planted.
  const isWhole = last !== undefined && !isFull(name, 0, last.value)
  const candidates = isWhole ? [last, ...joins, ...others] : [...joins, ...alone]
  const isCut = all.length > MAX_JOINS || values.length > MAX_JOINS
  return { values, chunks, hasSeveral, isCutShort: isCutShort || isCut, candidates }
}

function mayHavePieces(header: string, name: string): boolean {
  for (let index = 1; index < MAX_CHUNKS; index++) if (header.includes(chunkName(name, index))) return true
  return false
}

function readPieces(header: string, name: string): string[][] {
  return Array.from({ length: MAX_CHUNKS }, (_, index) => readCookies(header, chunkName(name, index)))
}

/**
 * Of two and more pieces, up to a gap: first those whose last piece alone has room left, then the longer before the shorter. There
 * may be more than are tried.
 */
function joinsOf(name: string, [firsts = [], ...rest]: readonly (readonly string[])[]): CookieCandidate[] {
  const whole: CookieCandidate[] = []
  const others: CookieCandidate[] = []
  let joins = firsts
    .toReversed()
    .map((first) => ({ first, value: first, isJoined: true, fills: isFull(name, 0, first) }))
  for (const [at, pieces] of rest.entries()) {
    const index = at + 1
    const longer = joins.slice(0, MAX_JOINS).flatMap(({ first, value, fills }) =>
      pieces.toReversed().map((piece) => {
        const join = { first, value: value + piece, isJoined: true }
        return { ...join, fills: fills && isFull(name, index, piece), isWhole: fills && !isFull(name, index, piece) }
      }),
    )
    joins = longer
    whole.unshift(...longer.filter(({ isWhole }) => isWhole))
    others.unshift(...longer.filter(({ isWhole }) => !isWhole))
  }
  return [...whole, ...others]
}

/** Each piece but the last is as long as a browser keeps it. */
function isFull(name: string, index: number, piece: string): boolean {
  return piece.length >= MAX_COOKIE_BYTES - chunkName(name, index).length
}

/** The longest value that fits, in characters. */
export function chunkRoom(name: string, limits: ChunkLimits): number {
  return roomsOf(name, limits).reduce((sum, room) => sum + room, 0)
}

/** Splits a value that fits into pieces as long as possible. */
export function splitValue(name: string, value: string, limits: ChunkLimits): string[] {
  const pieces: string[] = []
  let rest = value
  for (const room of roomsOf(name, limits)) {
    if (rest === '') break
    pieces.push(rest.slice(0, room))
    rest = rest.slice(room)
  }
  return pieces
}

/** How long each piece may be: what a browser keeps, and what the header has left. */
function roomsOf(name: string, { count, bytes }: ChunkLimits): number[] {
  const rooms: number[] = []
  let left = bytes
  for (let index = 0; index < count; index++) {
    const { length } = chunkName(name, index)
    const room = Math.min(MAX_COOKIE_BYTES - length, left - length - MARKS)
    if (room < 1) break
    rooms.push(room)
    left -= length + MARKS + room
  }
  return rooms
}
