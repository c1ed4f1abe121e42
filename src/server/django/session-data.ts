/**
 * The data of a Django session, and where it came from. All keys are data, including Django's own (`_auth_user_id`,
 * `_session_expiry`). FORMATS §8.
 */
import { textKeys } from '../../shared/decode-beaker.js'
import { SessionError } from '../../shared/errors.js'
import { zoneOffset } from '../../shared/pickle/known.js'
import type { Origin, OriginNode, SessionData } from '../../shared/types.js'
import { refuseMeta } from '../codecs/codec.js'
import type { DjangoSerializer } from '../python-serializers.js'
import { equalValues } from '../values.js'

/** The origin of what was read here. */
export const DJANGO = 'django'

export interface DjangoSession {
  data: SessionData
  origin?: Origin
}

/** Where a session came from, and how to compare with what was read. */
interface DjangoOrigin extends Origin {
  readonly format: typeof DJANGO
  /** The data as it was read, without later changes. */
  again(): SessionData
}

/** @throws {SessionError} `ERR_SESSION_JSON`, `ERR_SESSION_PICKLE`, `ERR_SESSION_LIMIT`, `ERR_SESSION_KEY` */
export function readDjangoSession(bytes: Uint8Array, serializer: DjangoSerializer): Required<DjangoSession> {
  const { value, root, again } = serializer.read(bytes)
  const origin: DjangoOrigin = { format: DJANGO, root, again: () => textKeys(again()) }
  return { data: textKeys(value), origin }
}

/** @throws {SessionError} `ERR_SESSION_UNWRITABLE` with the path of a value that the serializer can't hold */
export function writeDjangoSession({ data, origin }: DjangoSession, serializer: DjangoSerializer): Uint8Array {
  const root = origin?.root()
  const isOwn = isDjangoOrigin(origin) && root?.format === serializer.format
  if (!isOwn) refuseMeta(data, {}, root)
  return serializer.write(isOwn ? withOtherKeys(data, root as OriginNode) : data, root)
}

/** Whether the data differs from what was read. */
export function djangoSessionChanged({ data, origin }: DjangoSession): boolean {
  return !isDjangoOrigin(origin) || !equalValues(origin.again(), data)
}

/** A pickled dict may have keys that are not text. A session does not show them, and they are written back. */
function withOtherKeys(data: SessionData, root: OriginNode): SessionData {
  if (!(root.value instanceof Map)) return data
  const others = [...root.value].filter(([key]) => typeof key !== 'string')
  const own = Object.entries(data).filter(([, value]) => value !== undefined)
  return new Map<unknown, unknown>([...others, ...own]) as unknown as SessionData
}

function isDjangoOrigin(origin: Origin | undefined): origin is DjangoOrigin {
  return origin?.format === DJANGO
}

// When a Django session expires, and how a row says so: `get_expiry_date` and the column `expire_date`.
// FORMATS §8.

/** How a database stores times: PostgreSQL with their zone, SQLite as text of a local time. */
export interface RowTimes {
  read(column: unknown): Date
  write(time: Date): string
}

/** The key with which `set_expiry` gives one session a different expiry. */
const EXPIRY = '_session_expiry'

/**
 * The expiry that Django gives a session when it is saved, by `_session_expiry`: seconds from now, a time, or ISO 8601 text.
 * None and 0 (until the browser is closed) don't affect the row.
 *
 * @param times - for a text without an offset
 * @returns undefined if the session has no expiry of this kind
 * @throws {SessionError} `ERR_SESSION_UNWRITABLE` for anything else
 */
export function ownEnd(data: SessionData, now: Date, times: RowTimes): Date | undefined {
  const expiry = Object.hasOwn(data, EXPIRY) ? data[EXPIRY] : undefined
  if (expiry === undefined || expiry === null || expiry === 0 || expiry === false || expiry === '') return undefined
  const end = typeof expiry === 'number' ? new Date(now.getTime() + expiry * 1000) : timeOf(expiry, times)
  if (end && isRowTime(end)) return end
  throw new SessionError('ERR_SESSION_UNWRITABLE', `${EXPIRY} is neither seconds nor a time`, { path: EXPIRY })
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
