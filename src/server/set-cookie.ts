/**
 * The Set-Cookie header: attributes checked once, then only a name and a value to add.
 * RFC 6265 §4.1 with SameSite, the name prefixes, Partitioned and Priority of its successor; limits as browsers have them.
 */
import { type Duration, parseDuration } from '../shared/duration.js'
import { SessionError } from '../shared/errors.js'
import type { CookiePlace } from './shadows.js'

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
