/**
 * The Set-Cookie header: attributes checked once, then only a name and a value to add.
 * RFC 6265 §4.1 with SameSite, the name prefixes, Partitioned and Priority of its successor; limits as browsers have them.
 */
import { readCookies } from '../../shared/cookie.js'
import { type Duration, parseDuration } from '../../shared/define-session.js'
import { SessionError, type SessionErrorCode } from '../../shared/errors.js'

export interface CookieAttributes {
  /** Default `/`. */
  path?: string
  domain?: string
  /** Default true; browsers accept Secure on localhost. */
  secure?: boolean
  /** Default `lax`; `false` leaves the attribute out. */
  sameSite?: 'lax' | 'strict' | 'none' | 'Lax' | 'Strict' | 'None' | false
  /**
   * Beaker's `cookie_expires`: `true` (default) until the browser closes, `false` never (until 2038), a `Date`, or a
   * duration (`'14d'`, or seconds) from each write on.
   */
  expires?: boolean | Date | Duration
  /** Max-Age from each write on: `'14d'`, or seconds. */
  maxAge?: Duration
  partitioned?: boolean
  priority?: 'low' | 'medium' | 'high'
  /** For an application shown in a frame of another site: `SameSite=None; Secure; Partitioned`. */
  embedded?: boolean
}

export interface CookieWriter {
  set(name: string, value: string, options: { httpOnly: boolean; now: Date }): string
  expire(name: string, options: { httpOnly: boolean }): string
  /** Expires a cookie of these names in every other place that one of ours may stand in. */
  expireShadows(names: readonly string[], options: { httpOnly: boolean }): string[]
}

/** Octets of name and value that every browser keeps (Chromium, Firefox and Safari refuse more). */
export const MAX_COOKIE_OCTETS = 4096
/** Octets of one attribute's value that browsers keep. */
const MAX_ATTRIBUTE_OCTETS = 1024
/** Milliseconds; dates of HTTP have years of four digits (RFC 9110 §5.6.7). */
const LONGEST_AGE = 1000 * 365 * 86_400_000
/** Beaker's "never": the last second of a signed 32-bit clock, here in real GMT (FORMATS §3). */
const NEVER = new Date(0x7fffffff * 1000)

/**
 * What Beaker itself takes for "never": the same second's local time, of this process, called GMT (FORMATS §3). Off by some
 * hours, and there for whoever must have the very text that Python sends.
 */
export function beakerNever(): Date {
  return new Date(NEVER.getTime() - NEVER.getTimezoneOffset() * 60_000)
}

/** RFC 6265 §4.1.1: `path-value` is any CHAR except CTLs or ";". */
const AV_OCTETS = /^[\x20-\x3a\x3c-\x7e]+$/
/** RFC 1034 §3.5 labels; a leading dot is ignored by browsers (RFC 6265 §5.2.3). */
const DOMAIN = /^\.?[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*$/
/** RFC 6265 §4.1.1: `cookie-name = token` (RFC 2616 §2.2). */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** RFC 6265 §4.1.1: `cookie-octet`, without the quotes around it. */
const COOKIE_OCTETS = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/

/**
 * Checks the attributes of all cookies of one name and prepares their text.
 *
 * @param names - every cookie name the attributes are used with, for the rules of `__Host-` and `__Secure-`
 * @throws {TypeError} naming the option that is wrong
 */
export function createCookieWriter(
  attributes: CookieAttributes,
  names: readonly string[],
  places: readonly CookiePlace[] = [],
): CookieWriter {
  const settled = settle(attributes)
  const { domain: _, ...shared } = attributes
  const others = places.map((place) => settle({ ...shared, ...place }))
  for (const name of names) {
    if (!TOKEN.test(name)) throw new TypeError('The name of a cookie must be a token (RFC 6265 §4.1.1)')
    for (const each of [settled, ...others]) checkPrefix(name, each)
  }
  const { lifetimeOf } = settled
  const fixed = fixedText(settled)
  const shadowed = others.map(fixedText)

  return {
    set(name, value, { httpOnly, now }) {
      checkValue(name, value)
      return `${name}=${value}${fixed.domain}${lifetimeOf(now)}${httpOnly ? '; HttpOnly' : ''}${fixed.rest}`
    },
    expire: (name, { httpOnly }) => expired(name, fixed, httpOnly),
    expireShadows: (names, { httpOnly }) =>
      shadowed.flatMap((place) => names.map((name) => expired(name, place, httpOnly))),
  }
}

function expired(name: string, { domain, rest }: FixedText, httpOnly: boolean): string {
  const past = '; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT'
  return `${name}=${domain}${past}${httpOnly ? '; HttpOnly' : ''}${rest}`
}

/** The attributes that never vary. */
interface FixedText {
  domain: string
  rest: string
}

interface SettledAttributes {
  path: string
  domain: string | undefined
  secure: boolean
  sameSite: string | undefined
  partitioned: boolean
  priority: string | undefined
  lifetimeOf: (now: Date) => string
}

function settle(attributes: CookieAttributes): SettledAttributes {
  const { path = '/', domain, embedded = false, priority } = attributes
  const secure = attributes.secure ?? true
  const partitioned = attributes.partitioned ?? embedded
  const sameSite = sameSiteName(attributes.sameSite ?? (embedded ? 'none' : 'lax'))
  if (typeof path !== 'string' || !path.startsWith('/')) throw new TypeError('Option "path" must begin with "/"')
  checkAttribute('path', path, AV_OCTETS)
  if (domain !== undefined) checkAttribute('domain', domain, DOMAIN)
  if (priority !== undefined && !['low', 'medium', 'high'].includes(priority)) {
    throw new TypeError('Option "priority" must be "low", "medium" or "high"')
  }
  if (sameSite === 'None' && !secure)
    throw new TypeError('Option "sameSite": None needs "secure": browsers refuse it otherwise')
  if (partitioned && !secure) throw new TypeError('Option "partitioned" needs "secure": browsers refuse it otherwise')
  return { path, domain, secure, sameSite, partitioned, priority, lifetimeOf: lifetimeText(attributes) }
}

/** The attributes that never vary, sorted as http.cookies of Python does (FORMATS §1.2). */
function fixedText({ domain, path, sameSite, secure, partitioned, priority }: SettledAttributes): FixedText {
  const rest = [`Path=${path}`]
  if (partitioned) rest.push('Partitioned')
  if (priority) rest.push(`Priority=${capitalised(priority)}`)
  if (sameSite) rest.push(`SameSite=${sameSite}`)
  if (secure) rest.push('Secure')
  return { domain: domain === undefined ? '' : `; Domain=${domain}`, rest: `; ${rest.join('; ')}` }
}

function lifetimeText({ expires = true, maxAge }: CookieAttributes): (now: Date) => string {
  const age = maxAge === undefined ? undefined : Math.floor(ageOf(maxAge, 'maxAge') / 1000)
  const maxAgeText = age === undefined ? '' : `; Max-Age=${age}`
  if (expires === true) return () => maxAgeText
  if (expires === false || expires instanceof Date) {
    const date = expires === false ? NEVER : expires
    if (Number.isNaN(date.getTime())) throw new TypeError('Option "expires" is an invalid Date')
    const text = `; Expires=${date.toUTCString()}${maxAgeText}`
    return () => text
  }
  const delta = ageOf(expires, 'expires')
  return (now) => `; Expires=${new Date(now.getTime() + delta).toUTCString()}${maxAgeText}`
}

/** With less than a second every cookie would be gone as soon as it is set. */
function ageOf(value: Duration, option: string): number {
  const age = parseDuration(value, option)
  if (age >= 1000 && age <= LONGEST_AGE) return age
  throw new TypeError(`Option "${option}" must be a second or more, and 1000 years at most`)
}

function sameSiteName(sameSite: NonNullable<CookieAttributes['sameSite']>): string | undefined {
  if (sameSite === false) return undefined
  const name = typeof sameSite === 'string' ? capitalised(sameSite.toLowerCase()) : ''
  if (!['Lax', 'Strict', 'None'].includes(name)) {
    throw new TypeError('Option "sameSite" must be "lax", "strict", "none" or false')
  }
  return name
}

function checkAttribute(name: string, value: string, grammar: RegExp): void {
  if (typeof value !== 'string' || !grammar.test(value)) {
    throw new TypeError(`Option "${name}" holds a character that a cookie attribute can't have`)
  }
  if (value.length > MAX_ATTRIBUTE_OCTETS) {
    throw new TypeError(`Option "${name}" is longer than the ${MAX_ATTRIBUTE_OCTETS} octets browsers accept`)
  }
}

/** Browsers compare the prefixes without regard to case. */
function checkPrefix(name: string, { domain, path, secure }: SettledAttributes): void {
  const lower = name.toLowerCase()
  if (lower.startsWith('__secure-') && !secure) throw new TypeError('A cookie name with __Secure- needs "secure"')
  if (!lower.startsWith('__host-')) return
  if (!secure) throw new TypeError('A cookie name with __Host- needs "secure"')
  if (domain !== undefined) throw new TypeError('A cookie name with __Host- can have no "domain"')
  if (path !== '/') throw new TypeError('A cookie name with __Host- needs "path" to be "/"')
}

function checkValue(name: string, value: string): void {
  if (!COOKIE_OCTETS.test(value)) {
    throw new SessionError('ERR_SESSION_MALFORMED', 'The codec made a value with characters that a cookie can not hold')
  }
  const octets = name.length + value.length
  if (octets > MAX_COOKIE_OCTETS) {
    throw new SessionError(
      'ERR_SESSION_TOO_LARGE',
      `The cookie would have ${octets} octets; browsers keep ${MAX_COOKIE_OCTETS}`,
    )
  }
}

function capitalised(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}

// Cookies of our name in other places than ours: other domains and paths, which no Cookie header tells apart.
// RFC 6265 §5.3 (name, domain and path make a cookie) and §5.4 (longer paths come first, then older cookies).

/** Where a cookie may be kept beside the place that the options say. */
export interface CookiePlace {
  /** Absent: of the host alone. */
  domain?: string
  /** Default: that of the options. */
  path?: string
}

/** A cookie of our name that did not become the session. Its value is told to nobody. */
export interface ShadowedCookie {
  /** Its place in the Cookie header among those of our name, from 0 on: longer paths come first, then older cookies. */
  position: number
  /** Octets of name and value. */
  bytes: number
  /** Why it was not taken; absent where it was not looked at, because a later one was good. */
  code?: SessionErrorCode
}

/**
 * The cookies that stand beside the session's.
 *
 * @param values - of our name, as in the header
 * @param taken - the first piece of what became the session
 * @returns undefined where all say the same
 */
export function findShadowed(
  name: string,
  values: readonly string[],
  taken: string | undefined,
  rejections: readonly { value: string; error: { code: SessionErrorCode } }[],
): ShadowedCookie[] | undefined {
  if (values.length < 2 || new Set(values).size < 2) return undefined
  const held = taken === undefined ? -1 : values.lastIndexOf(taken)
  return values.flatMap((value, position) => {
    if (position === held) return []
    const code = rejections.find((rejection) => rejection.value === value)?.error.code
    return [{ position, bytes: name.length + value.length, ...(code === undefined ? {} : { code }) }]
  })
}

/**
 * Where our own cookie may stand a second time. With a `domain` that is the cookie of the host alone, which this host itself has set
 * and nobody else reads. Every other place may be another application's, so the options have to name it.
 *
 * @throws {TypeError} for something that is no list of places, and for our own place
 */
export function shadowPlaces(
  option: boolean | readonly CookiePlace[],
  { domain, path = '/' }: CookiePlace,
): CookiePlace[] {
  if (option === false) return []
  if (option === true) return domain === undefined ? [] : [{ path }]
  if (!Array.isArray(option) || option.some((place) => typeof place !== 'object' || place === null)) {
    throw new TypeError('Option "expireShadows" must be true, false or a list of { domain, path }')
  }
  const places = option.map((place: CookiePlace) => ({ path, ...place }))
  if (places.some((place) => bare(place.domain) === bare(domain) && place.path === path)) {
    throw new TypeError('Option "expireShadows" holds the place of the session itself')
  }
  return places
}

/** Browsers ignore a leading dot (RFC 6265 §5.2.3) and the case of a domain. */
function bare(domain: string | undefined): string | undefined {
  return domain?.replace(/^\./, '').toLowerCase()
}

// One value in several cookies: `NAME`, `NAME.1`, `NAME.2`. The value was signed as a whole, so no piece of another fits.
// FORMATS §11; sizes as in RFC 6265 §6.1, and the header as servers and proxies take it.

export interface ChunkLimits {
  /** Cookies that one session may take. */
  count: number
  /** Octets of all of them in a Cookie header. */
  octets: number
}

/** Cookies that are joined and, when they are left over, expired: `NAME` to `NAME.3`, however many are written. */
export const MAX_CHUNKS = 4
const DEFAULT_COUNT = 3
/** What most servers and proxies take as one header. */
const DEFAULT_OCTETS = 8192
/** `=` and `; `, which stand in the header beside name and value. */
const MARKS = 3

/** @throws {TypeError} naming the option that is wrong */
export function createChunkLimits({
  chunks = DEFAULT_COUNT,
  headerBudget = DEFAULT_OCTETS,
}: {
  chunks?: number
  headerBudget?: number
}): ChunkLimits {
  if (!Number.isInteger(chunks) || chunks < 1 || chunks > MAX_CHUNKS) {
    throw new TypeError(`Option "chunks" must be a whole number from 1 to ${MAX_CHUNKS}`)
  }
  if (!Number.isInteger(headerBudget) || headerBudget < MAX_COOKIE_OCTETS) {
    throw new TypeError(`Option "headerBudget" must be a number of octets, ${MAX_COOKIE_OCTETS} or more`)
  }
  return { count: chunks, octets: headerBudget }
}

/** The name of a piece; the first has the session's own. */
export function chunkName(name: string, index: number): string {
  return index === 0 ? name : `${name}.${index}`
}

export interface Chunks {
  /** All pieces, from the first to where one is missing; absent where there is one at most. */
  joined?: string
  /** Which pieces beside the first the request has, gaps or not. */
  indexes: readonly number[]
}

/** What a request has where no codec splits values. */
export const NO_CHUNKS: Chunks = { indexes: [] }

/**
 * Finds the pieces of a value. Of one name the last one counts.
 *
 * @param header - the Cookie header
 * @see RFC 6265 §5.4
 */
export function readChunks(header: string, name: string): Chunks {
  if (!header.includes(`${name}.`)) return NO_CHUNKS
  const pieces = Array.from({ length: MAX_CHUNKS }, (_, index) => readCookies(header, chunkName(name, index)).at(-1))
  const end = pieces.indexOf(undefined)
  const contiguous = end === -1 ? pieces : pieces.slice(0, end)
  const indexes = pieces.flatMap((piece, index) => (index > 0 && piece !== undefined ? [index] : []))
  return { indexes, ...(contiguous.length > 1 ? { joined: contiguous.join('') } : {}) }
}

/** The longest value that fits, in characters. */
export function chunkRoom(name: string, limits: ChunkLimits): number {
  return roomsOf(name, limits).reduce((sum, room) => sum + room, 0)
}

/** The pieces of a value that fits, each as long as it can be. */
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

/** How long each piece may be: what a browser keeps, and what is left of the header. */
function roomsOf(name: string, { count, octets }: ChunkLimits): number[] {
  const rooms: number[] = []
  let left = octets
  for (let index = 0; index < count; index++) {
    const { length } = chunkName(name, index)
    const room = Math.min(MAX_COOKIE_OCTETS - length, left - length - MARKS)
    if (room < 1) break
    rooms.push(room)
    left -= length + MARKS + room
  }
  return rooms
}
