/**
 * The Python values with a JavaScript view of their own: datetime and its kin, Decimal, UUID, complex, zones.
 * FORMATS §7.1, and §7.2 for their payloads from Python 2. Parts that do not fit leave an inert object.
 */
import { type DatetimeFields, decodeDate, decodeDatetime, decodeTime, utcTime } from './calendar.js'
import { globalName, globalOf, type PickleGlobal, type PickleNode } from './node.js'
import { encodeLatin1 } from './text.js'
import {
  PythonComplex,
  PythonDate,
  PythonDecimal,
  PythonTime,
  PythonTimedelta,
  PythonTimezone,
  PythonUuid,
} from './values.js'
import { zoneOffset } from './zone.js'

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
 * @returns `undefined` where it is not known or not well formed
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

/** The octets that a look at a Decimal goes through, whatever comes of it: many may share one text. */
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

/** The parts of a datetime. @returns `undefined` where the node is none, or its zone has no known offset */
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

/** Python 3 writes octets, Python 2 a byte string, and a rewritten one may have become text. */
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
