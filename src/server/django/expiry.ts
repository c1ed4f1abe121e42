/**
 * When a session of Django expires: `set_expiry` keeps it in the session, as `_session_expiry`. FORMATS §8.
 */
import { errorAt, SessionError } from '../../shared/errors.js'
import { EXPIRY } from '../../shared/own-times.js'
import { zoneOffset } from '../../shared/pickle/known.js'
import type { SessionData } from '../../shared/types.js'
import { memberOf } from '../values.js'

/**
 * What `_session_expiry` says, the one rule for rows and cookies: seconds from now, a time, or ISO 8601 text; 0 for a cookie that is kept
 * until the browser closes, which does not affect a row.
 *
 * @param times - for a text without an offset
 * @returns undefined if the session is kept as configured
 * @throws {SessionError} `ERR_SESSION_UNWRITABLE` for anything else
 */
export function djangoExpiry(data: SessionData, now: Date, times: RowTimes): Date | 'browser' | undefined {
  const expiry = memberOf(EXPIRY, data)
  if (expiry === undefined || expiry === null || expiry === '') return undefined
  if (expiry === 0 || expiry === false) return 'browser'
  const end = typeof expiry === 'number' ? new Date(now.getTime() + expiry * 1000) : timeOf(expiry, times)
  if (end && isRowTime(end)) return end
  throw errorAt(EXPIRY, 'ERR_SESSION_UNWRITABLE', `${EXPIRY} is neither seconds nor a time`)
}

/**
 * The same for the cookie. Django fails on what is no expiry; here the cookie is then kept as configured.
 *
 * @param times - default: a text without an offset counts as UTC
 */
export function djangoCookieEnd(
  data: SessionData,
  now: Date,
  times: RowTimes = zonedTimes,
): Date | 'browser' | undefined {
  try {
    return djangoExpiry(data, now, times)
  } catch {
    return undefined
  }
}

/** How a database stores times: PostgreSQL with their zone, SQLite as text of a local time. */
export interface RowTimes {
  read(column: unknown): Date
  write(time: Date): string
}

/**
 * `timestamptz` of PostgreSQL: a `Date` as pg returns it, or text with an offset.
 */
export const zonedTimes: RowTimes = {
  read: (column) => readTime(column, 'UTC'),
  write: (time) => time.toISOString(),
}

/**
 * `datetime` of SQLite: text as Python's `str` writes it, in UTC if Django has `USE_TZ = True`, else in its `TIME_ZONE`.
 *
 * @throws {TypeError} for a zone that the runtime does not know
 */
export function localTimes(timeZone: string): RowTimes {
  if (zoneOffset(timeZone, 0, 0) === undefined) throw new TypeError('Option "timeZone" is not a time zone')
  return { read: (column) => readTime(column, timeZone), write: (time) => writeLocal(time, timeZone) }
}

/**
 * How Django keeps a time in `_session_expiry` under `USE_TZ = False`: without an offset. It fails on one that has an offset.
 *
 * @throws {TypeError} for a zone that the runtime does not know
 */
export function djangoLocalEnds(timeZone: string): {
  cookieEnd(data: SessionData, now: Date): Date | 'browser' | undefined
  endText(time: Date): string
} {
  const times = localTimes(timeZone)
  return {
    cookieEnd: (data, now) => djangoCookieEnd(data, now, times),
    endText: (time) => times.write(time).replace(' ', 'T'),
  }
}

/** ISO 8601 as Python and PostgreSQL write it, with a space or `T`: up to microseconds, with an optional offset. */
const TIME = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:(\.\d{1,3})\d{0,3})?(Z|[+-]\d\d(?::?\d\d)?)?$/

function readTime(column: unknown, zone: string): Date {
  const time = column instanceof Date ? column : parse(column, zone)
  if (time && !Number.isNaN(time.getTime())) return time
  throw new SessionError('ERR_SESSION_CLAIMS', 'The row has no time in expire_date')
}

function parse(text: unknown, zone: string): Date | undefined {
  const [, day, clock, fraction = '.', offset] = (typeof text === 'string' && TIME.exec(text)) || []
  if (day === undefined) return undefined
  const local = Date.parse(`${day}T${clock}${fraction.padEnd(4, '0')}Z`)
  if (offset === undefined) {
    return new Date(zone === 'UTC' ? local : local - (zoneOffset(zone, local, 0) ?? Number.NaN))
  }
  const [, sign, hours = 0, minutes = 0] = /^([+-])(\d\d):?(\d\d)?$/.exec(offset) ?? []
  const east = (Number(hours) * 60 + Number(minutes)) * 60_000
  return new Date(sign === '-' ? local + east : local - east)
}

function writeLocal(time: Date, zone: string): string {
  const text = (zone === 'UTC' ? time : inZone(time, zone)).toISOString().replace('T', ' ')
  // No fraction if it is zero.
  return text.endsWith('.000Z') ? text.slice(0, -5) : text.replace('Z', '000')
}

/** The time at which a clock in UTC shows what a clock in the zone shows now. */
function inZone(time: Date, timeZone: string): Date {
  const numbers = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' } as const
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'gregory',
    hourCycle: 'h23',
    ...numbers,
    second: 'numeric',
  })
  const parts = Object.fromEntries(format.formatToParts(time).map(({ type, value }) => [type, Number(value)]))
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = parts
  return new Date(Date.UTC(year, month - 1, day, hour, minute, second, time.getUTCMilliseconds()))
}

function timeOf(expiry: unknown, times: RowTimes): Date | undefined {
  if (!(expiry instanceof Date) && typeof expiry !== 'string') return undefined
  try {
    return times.read(expiry)
  } catch {
    return undefined
  }
}

/** What a database can hold: years of four digits. */
function isRowTime(time: Date): boolean {
  const year = time.getUTCFullYear()
  return year >= 1000 && year <= 9998
}
