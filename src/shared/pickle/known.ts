/**
 * The Python values with a JavaScript view of their own: datetime and its kin, Decimal, UUID, complex, zones.
 * FORMATS §7.1, and §7.2 for their payloads from Python 2. Parts that do not fit leave an inert object.
 */
import { globalName, globalOf, type PickleGlobal, type PickleNode } from './node.js'
import { encodeLatin1 } from './text.js'
import {
  isClock,
  isDay,
  PythonComplex,
  PythonDate,
  PythonDecimal,
  PythonTime,
  PythonTimedelta,
  PythonTimezone,
  PythonUuid,
} from './values.js'

/** A datetime as it was written, and the moment it means. */
export interface DatetimeParts {
  fields: DatetimeFields
  /** The zone's node; absent: naive. */
  zone: PickleNode | undefined
  /** Milliseconds since 1970 in UTC; a naive datetime is taken as UTC. */
  time: number
}

type View = (node: PickleNode) => unknown

/** The class whose instance an object is, also where protocol 0 or 1 goes through `copyreg._reconstructor`. */
export function classOf(node: PickleNode): PickleGlobal | undefined {
  if (node.call === undefined) return undefined
  const named = globalOf(node.call.callable)
  const base = node.call.args.items[0]
  if (named === undefined || base === undefined || globalName(named) !== 'copyreg._reconstructor') return named
  return globalOf(base)
}

/**
 * The view of a well-known object.
 *
 * @param node - of the kind `object`
 * @param view - the view of another node
 * @returns `undefined` if it is not known or not well formed
 */
export function knownView(node: PickleNode, view: View): unknown {
  const named = classOf(node)
  if (named === undefined || node.call === undefined || node.items.length > 0 || node.entries.length > 0)
    return undefined
  const name = globalName(named)
  if (name === 'uuid.UUID') return uuidView(node, view)
  if (node.state !== undefined) return undefined
  const args = node.call.args.items
  switch (name) {
    case 'datetime.datetime': {
      const parts = datetimeParts(node, view)
      return parts && new Date(parts.time)
    }
    case 'datetime.date': {
      const fields = args.length === 1 ? decodeDate(payloadOf(args[0])) : undefined
      return fields && new PythonDate(fields.year, fields.month, fields.day)
    }
    case 'datetime.time': {
      const fields = args.length <= 2 ? decodeTime(payloadOf(args[0])) : undefined
      return fields && new PythonTime(args[1] ? { ...fields, timezone: view(args[1]) } : fields)
    }
    case 'datetime.timedelta':
      return timedeltaView(args)
    case 'decimal.Decimal': {
      const text = args.length === 1 ? textOf(args[0], view) : undefined
      return text !== undefined && PythonDecimal.accepts(text) ? new PythonDecimal(text) : undefined
    }
    case 'builtins.complex': {
      const [real, imaginary] = args
      if (args.length !== 2 || real?.kind !== 'float' || imaginary?.kind !== 'float') return undefined
      return new PythonComplex(real.value as number, imaginary.value as number)
    }
    default:
      return zoneView(name, args, view)
  }
}

/** The bytes that a look at a Decimal goes through, whatever comes of it: many may share one text. */
export function decimalCost(node: PickleNode): number {
  const named = classOf(node)
  const first = node.call?.args.items[0]
  if (named === undefined || globalName(named) !== 'decimal.Decimal') return 0
  return first?.kind === 'str' || first?.kind === 'str2' ? (first.value as { length: number }).length : 0
}

/** The zone by name that a datetime is in, once its view was asked for. */
export function namedZone(node: PickleNode): string | undefined {
  const zone = node.call?.args.items[1]?.view
  return zone instanceof PythonTimezone && zone.offset === undefined ? zone.zone : undefined
}

/** The parts of a datetime. @returns `undefined` if the node is none, or its zone has no known offset */
export function datetimeParts(node: PickleNode, view: View): DatetimeParts | undefined {
  const named = classOf(node)
  const args = node.call?.args.items ?? []
  if (named === undefined || globalName(named) !== 'datetime.datetime' || args.length > 2) return undefined
  const fields = decodeDatetime(payloadOf(args[0]))
  if (fields === undefined) return undefined
  const local = utcTime(fields)
  const zone = args[1]?.kind === 'none' ? undefined : args[1]
  const offset = zone === undefined ? 0 : offsetOf(view(zone), local, fields.fold)
  if (offset === undefined) return undefined
  // In whole microseconds, for an offset may have some.
  const below = (fields.microsecond % 1000) - Math.round(offset * 1000)
  return { fields, zone, time: local + Math.floor(below / 1000) }
}

function offsetOf(zone: unknown, local: number, fold: 0 | 1): number | undefined {
  if (!(zone instanceof PythonTimezone)) return undefined
  return zone.offset === undefined ? zoneOffset(zone.zone as string, local, fold) : zone.offset * 1000
}

/** Python 3 writes bytes, Python 2 a byte string, and a rewritten one may have become text. */
function payloadOf(node: PickleNode | undefined): Uint8Array {
  if (node?.kind === 'bytes' || node?.kind === 'str2') return node.value as Uint8Array
  const text = node?.kind === 'str' ? (node.view as string) : ''
  return (text.length <= 10 ? encodeLatin1(text) : undefined) ?? new Uint8Array(0)
}

function timedeltaView(args: PickleNode[]): PythonTimedelta | undefined {
  if (args.length > 3) return undefined
  const numbers = args.map((node) => (isInteger(node) ? node.value : undefined))
  if (!numbers.every((number) => typeof number === 'number')) return undefined
  const [days = 0, seconds = 0, microseconds = 0] = numbers as number[]
  if (!(Math.abs(days) < 1e9 && Math.abs(seconds) < 1e14)) return undefined
  const total = days + Math.floor((seconds + Math.floor(microseconds / 1e6)) / 86_400)
  return Math.abs(total) < 1e9 ? new PythonTimedelta(days, seconds, microseconds) : undefined
}

function zoneView(name: string, args: PickleNode[], view: View): PythonTimezone | undefined {
  const [first, second, , fourth] = args
  switch (name) {
    case 'datetime.timezone': {
      const delta = first && args.length <= 2 ? view(first) : undefined
      if (!(delta instanceof PythonTimedelta) || Math.abs(delta.totalSeconds()) >= 86_400) return undefined
      const label = textOf(second, view)
      return new PythonTimezone({ offset: delta.totalSeconds(), ...(label !== undefined && { name: label }) })
    }
    case 'zoneinfo.ZoneInfo':
    case 'zoneinfo.ZoneInfo._unpickle': {
      const zone = textOf(first, view)
      return zone && args.length <= 2 ? new PythonTimezone({ zone }) : undefined
    }
    case 'pytz._UTC':
      return args.length === 0 ? new PythonTimezone({ offset: 0, zone: 'UTC' }) : undefined
    case 'pytz.FixedOffset':
    case 'pytz._FixedOffset':
      return args.length === 1 ? fixedZone(first, 60) : undefined
    case 'pytz._p': {
      const zone = textOf(first, view)
      if (!zone || args.length > 4) return undefined
      if (second === undefined) return new PythonTimezone({ zone })
      const label = textOf(fourth, view)
      return fixedZone(second, 1, { zone, ...(label !== undefined && { name: label }) })
    }
    default:
      return undefined
  }
}

function fixedZone(
  node: PickleNode | undefined,
  unit: number,
  names: { zone?: string; name?: string } = {},
): PythonTimezone | undefined {
  const number = node && isInteger(node) ? node.value : undefined
  if (typeof number !== 'number' || Math.abs(number * unit) >= 86_400) return undefined
  return new PythonTimezone({ offset: number * unit, ...names })
}

function uuidView(node: PickleNode, view: View): PythonUuid | undefined {
  // `int`, and of some versions `is_safe`: a long dict that many objects share would be searched for each.
  if (node.state?.kind !== 'dict' || node.state.entries.length > 8) return undefined
  const { entries } = node.state
  for (let at = 0; at < entries.length; at += 2) {
    const value = entries[at + 1] as PickleNode
    if (textOf(entries[at], view) !== 'int' || !isInteger(value)) continue
    const integer = BigInt(value.value as number | bigint)
    if (integer < 0n || integer >> 128n !== 0n) return undefined
    const hex = integer.toString(16).padStart(32, '0')
    return new PythonUuid(hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'))
  }
  return undefined
}

function isInteger(node: PickleNode): boolean {
  return node.kind === 'int' || node.kind === 'long'
}

function textOf(node: PickleNode | undefined, view: View): string | undefined {
  return node?.kind === 'str' || node?.kind === 'str2' ? (view(node) as string) : undefined
}

/** The fields of a `datetime.datetime`; `date` and `time` have a part of them. */
export interface DatetimeFields {
  year: number
  month: number
  day: number
  hour: number
  minute: number
  second: number
  microsecond: number
  fold: 0 | 1
}

/** The milliseconds of these fields as if they were UTC; microseconds are cut. */
function utcTime({ year, month, day, hour, minute, second, microsecond }: DatetimeFields): number {
  const date = new Date(Date.UTC(2000, 0, 1, hour, minute, second, Math.floor(microsecond / 1000)))
  return date.setUTCFullYear(year, month - 1, day)
}

/** Year, month and day. @returns `undefined` if the bytes are no day */
function decodeDate(bytes: Uint8Array): Pick<DatetimeFields, 'year' | 'month' | 'day'> | undefined {
  if (bytes.length !== 4) return undefined
  const [high = 0, low = 0, month = 0, day = 0] = bytes
  const year = high * 256 + low
  return isDay(year, month, day) ? { year, month, day } : undefined
}

/** A time of day; the top bit of the hour is the fold. @returns `undefined` if the bytes are no time */
function decodeTime(bytes: Uint8Array): Omit<DatetimeFields, 'year' | 'month' | 'day'> | undefined {
  if (bytes.length !== 6) return undefined
  const [first = 0, minute = 0, second = 0] = bytes
  const hour = first & 0x7f
  const microsecond = microsecondOf(bytes, 3)
  if (!isClock(hour, minute, second, microsecond)) return undefined
  return { hour, minute, second, microsecond, fold: first > 0x7f ? 1 : 0 }
}

/** Day and time; the top bit of the month is the fold. @returns `undefined` if the bytes are no datetime */
function decodeDatetime(bytes: Uint8Array): DatetimeFields | undefined {
  if (bytes.length !== 10) return undefined
  const [high = 0, low = 0, third = 0, day = 0, hour = 0, minute = 0, second = 0] = bytes
  const year = high * 256 + low
  const month = third & 0x7f
  const microsecond = microsecondOf(bytes, 7)
  if (!isDay(year, month, day) || !isClock(hour, minute, second, microsecond)) return undefined
  return { year, month, day, hour, minute, second, microsecond, fold: third > 0x7f ? 1 : 0 }
}

/** By index: a `subarray` of so few bytes costs more than all else here. */
function microsecondOf(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) * 65_536 + (bytes[at + 1] as number) * 256 + (bytes[at + 2] as number)
}

const DAY = 86_400_000
/** Formatters are costly to make; a session has one zone or two, and a stranger's many must not stay. */
const MAX_FORMATS = 32
/** Characters of a name that is asked for, and kept; real ones have some thirty. */
const MAX_ZONE_NAME = 64
/**
 * By zone; undefined: the runtime does not know it. A copy of what the runtime knows, with nothing of a session in it, and so the one
 * thing here that outlives a call: to make a formatter takes ten times as long as to read a session.
 */
let formats: Map<string, Intl.DateTimeFormat | undefined> | undefined

/**
 * Milliseconds east of UTC.
 *
 * @param zone - `Europe/Berlin`
 * @param local - the local time, in milliseconds as if it were UTC
 * @param fold - 1 for the second of two equal local times
 * @returns `undefined` if the runtime does not know the zone
 */
export function zoneOffset(zone: string, local: number, fold: 0 | 1): number | undefined {
  const format = formatOf(zone)
  if (format === undefined) return undefined
  const before = offsetAt(format, local - DAY)
  const after = offsetAt(format, local + DAY)
  if (before === after) return before
  const isBefore = offsetAt(format, local - before) === before
  const isAfter = offsetAt(format, local - after) === after
  if (isBefore === isAfter) return fold === 1 ? after : before
  return isBefore ? before : after
}

function formatOf(zone: string): Intl.DateTimeFormat | undefined {
  if (zone.length > MAX_ZONE_NAME) return undefined
  formats ??= new Map()
  let format = formats.get(zone)
  if (format !== undefined || formats.has(zone)) return format
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      calendar: 'gregory',
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  } catch {
    format = undefined
  }
  if (formats.size >= MAX_FORMATS) formats.clear()
  formats.set(zone, format)
  return format
}

function offsetAt(format: Intl.DateTimeFormat, time: number): number {
  const parts: Record<string, string> = {}
  for (const { type, value } of format.formatToParts(time)) parts[type] = value
  const number = (type: string): number => Number(parts[type])
  const date = new Date(Date.UTC(2000, 0, 1, number('hour'), number('minute'), number('second')))
  const year = parts.era === 'BC' ? 1 - number('year') : number('year')
  date.setUTCFullYear(year, number('month') - 1, number('day'))
  return date.getTime() - Math.floor(time / 1000) * 1000
}
