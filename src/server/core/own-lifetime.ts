/**
 * A lifetime for one session: what its data says of it, what `remember` and the functions of `maxAge` and `expires` put there, and what
 * becomes of that. FORMATS §8: the key and its values are those of Django's `set_expiry`.
 */
import type { Duration } from '../../shared/define-session.js'
import { checkDuration } from '../../shared/option-names.js'
import { AUTHENTICATED, EXPIRY, EXPIRY_RULE, type OwnTimes, ownTimes, VERSION } from '../../shared/own-times.js'
import type { SessionData } from '../../shared/types.js'
import type { SessionCodec } from '../codecs/codec.js'
import type { SessionStore } from '../stores/store.js'
import { memberOf } from '../values.js'
import { BOUND } from './own-keys.js'

/** So long without a request, at that time, or when the browser closes. */
export type Wish = Duration | Date | 'browser'

/** How long a session may last, asked at each write of it; undefined: as the options and the definition say. */
// biome-ignore lint/suspicious/noExplicitAny: the options of `createSessions` say of which data
export type LifetimeFunction<Session = any> = (session: Session) => Wish | undefined

/** Until a time, until the browser closes, or as the options say. */
export type CookieEnd = Date | 'browser' | undefined

/** What a session's data says of its lifetime. Undefined: what the definition says counts. */
export type ReadOwnTimes = (data: SessionData) => OwnTimes | undefined

/** A store or codec, which may know how the other side writes times. */
type OtherSide = Pick<SessionStore, 'cookieEnd' | 'endText'> | undefined

/** The store, if there is one: the data is there. */
export function otherSideOf(codecs: readonly SessionCodec[], store: SessionStore | undefined): OtherSide {
  return store ?? codecs.find(({ cookieEnd }) => cookieEnd !== undefined)
}

/** @param side - may know what a text without an offset means there */
export function readOwnTimes(side: OtherSide): ReadOwnTimes {
  return (data) => {
    if (!Object.hasOwn(data, EXPIRY)) return undefined
    const end = typeof data[EXPIRY] === 'string' ? side?.cookieEnd?.(data, new Date(0)) : undefined
    return ownTimes(end instanceof Date ? end : data[EXPIRY]) || undefined
  }
}

/** How long a session asks browsers to keep its cookies. */
export type ReadCookieEnd = (data: SessionData, now: Date) => CookieEnd

/** @param side - may say it in words of its own */
export function readCookieEnd(side: OtherSide): ReadCookieEnd {
  return (data, now) => side?.cookieEnd?.(data, now) ?? cookieEndOf(data, now)
}

/** What a page may see: nothing that is about the session alone. */
export function withoutOwn(shown: SessionData): SessionData {
  const { [EXPIRY]: _, [EXPIRY_RULE]: __, [AUTHENTICATED]: ___, [BOUND]: ____, [VERSION]: _____, ...members } = shown
  return members
}

/** What scripts on the page may see: these members, and the lifetime if there are any and it is the session's own. */
export function withOwnTimes(shown: SessionData, own: OwnTimes | undefined): SessionData {
  const members = withoutOwn(shown)
  if (!own || !hasMembers(members)) return members
  const { idleTimeout, end } = own
  return { ...members, [EXPIRY]: end === undefined ? (idleTimeout as number) / 1000 : textOf(new Date(end)) }
}

/** An object that says something. */
export function hasMembers(data: object): boolean {
  return Object.values(data).some((value) => value !== undefined)
}

/** As Django sets them. What has passed takes the cookie away. */
function cookieEndOf(data: SessionData, now: Date): CookieEnd {
  const value = memberOf(EXPIRY, data)
  if (value === 0 || value === false) return 'browser'
  const end = typeof value === 'number' ? new Date(now.getTime() + value * 1000) : value
  const time = (ownTimes(end) || undefined)?.end
  return time === undefined ? undefined : new Date(time)
}

/** Puts a wish into the data; undefined takes it out. @throws {TypeError} */
export type PutWish = (data: SessionData, wish: Wish | undefined) => void

/** @param side - has to understand it */
export function createPutWish(side: OtherSide): PutWish {
  return (data, wish) => {
    const value = wish === undefined ? undefined : expiryOf(wish, 'remember()', side)
    if (value === undefined) delete data[EXPIRY]
    else data[EXPIRY] = value
    delete data[EXPIRY_RULE]
  }
}

/** Data with the lifetime that the application's functions have given it; the very same if that changes nothing. */
export type Rule = (data: SessionData) => SessionData

/**
 * Prepares the functions among `maxAge` and `expires`.
 *
 * @param side - has to understand what they say
 * @returns asks them for one write of a session; undefined if there are none
 */
export function createRules(
  side: OtherSide,
  ...options: [name: string, option: unknown][]
): ((session: object, data: SessionData) => Rule) | undefined {
  const rules = options.filter((option): option is [string, LifetimeFunction] => typeof option[1] === 'function')
  if (rules.length === 0) return undefined
  return (session, data) => {
    if (isWished(data)) return (written) => written
    let value: number | string | undefined
    for (const [name, rule] of rules) {
      const wish = value === undefined ? rule(session) : undefined
      if (wish !== undefined) value = expiryOf(wish, `The function of option "${name}"`, side)
    }
    return (written) => ruled(written, value)
  }
}

/** Somebody asked for the lifetime: `remember()`, or `set_expiry` of Python. */
function isWished(data: SessionData): boolean {
  const wish = memberOf(EXPIRY, data)
  const isNone = wish === undefined || wish === null || wish === ''
  return !isNone && !(Object.hasOwn(data, EXPIRY_RULE) && Object.is(data[EXPIRY_RULE], wish))
}

function ruled(data: SessionData, value: number | string | undefined): SessionData {
  const isSame = [EXPIRY, EXPIRY_RULE].every((key) => memberOf(key, data) === value)
  if (isSame || isWished(data)) return data
  const { [EXPIRY]: _, [EXPIRY_RULE]: __, ...others } = data
  return value === undefined ? others : { ...others, [EXPIRY]: value, [EXPIRY_RULE]: value }
}

/**
 * Shows what a rule has written to the application, too: its lifetime, and the version of its schema.
 *
 * @param target - the application's data
 * @param base - a copy of it as the commit began
 */
export function showRuled(target: SessionData, base: SessionData, written: SessionData): void {
  for (const key of [EXPIRY, EXPIRY_RULE, VERSION]) {
    // The application has put something else there meanwhile.
    if (!Object.is(target[key], base[key]) || Object.is(target[key], written[key])) continue
    const isPut = written[key] !== undefined
    for (const each of [target, base]) {
      if (!(isPut ? Reflect.set(each, key, written[key]) : Reflect.deleteProperty(each, key))) break
    }
  }
}

/** Milliseconds; dates of HTTP have years of four digits (RFC 9110 §5.6.7). */
const LONGEST_AGE = 31_536_000_000_000

/**
 * The wish for a lifetime in milliseconds, as a cookie has it: in whole seconds, and none that is left ends the session.
 *
 * @throws {TypeError}
 */
export function wishOf(age: unknown, now: Date, owner: string): Wish {
  if (typeof age !== 'number' || !(age <= LONGEST_AGE)) {
    throw new TypeError(`${owner} must be a number, of 1000 years at most`)
  }
  return age > 0 ? Math.max(1, Math.round(age / 1000)) : new Date(Math.max(0, now.getTime() + age))
}

/** Milliseconds. A cookie of less than a second would be gone as soon as it is set. @throws {TypeError} */
export function ageOf(value: Duration, owner: string): number {
  const age = checkDuration(value, owner)
  if (age >= 1000 && age <= LONGEST_AGE) return age
  throw new TypeError(`${owner} must be a second or more, and 1000 years at most`)
}

/** As `set_expiry` keeps it. */
function expiryOf(wish: unknown, owner: string, side: OtherSide): number | string {
  if (wish === 'browser') return 0
  if (!(wish instanceof Date)) return Math.floor(ageOf(wish as Duration, owner) / 1000)
  if (ownTimes(wish)) return side?.endText?.(wish) ?? textOf(wish)
  throw new TypeError(`${owner} takes a Date that is a time of these centuries`)
}

/** As Python's `isoformat` writes a time in UTC: no fraction if it is zero. */
function textOf(time: Date): string {
  return time
    .toISOString()
    .replace(/(?:\.000|(\.\d+))Z$/, (_, fraction = '') => `${fraction && `${fraction}000`}+00:00`)
}
