/**
 * Writes dates and the small value classes: untouched ones from their node, others as Python 3 writes them.
 * FORMATS §7.1; a `Date` has milliseconds only, its node the microseconds, the fold and the zone.
 */
import type { DatetimeFields } from '../../shared/pickle/calendar.js'
import { datetimeParts } from '../../shared/pickle/known.js'
import type { PickleNode } from '../../shared/pickle/node.js'
import * as op from '../../shared/pickle/opcodes.js'
import { decodeLatin1 } from '../../shared/pickle/text.js'
import {
  PythonComplex,
  PythonDate,
  PythonDecimal,
  PythonTime,
  PythonTimedelta,
  PythonTimezone,
  PythonUuid,
} from '../../shared/pickle/values.js'
import { endCall, putTuple } from './frame.js'
import { memoKey, putNode } from './node-writer.js'
import { writeFloat, writeInteger, writeOctet } from './output.js'
import { memoize, type Pickler, putGlobal, putOctets, putText, unwritable } from './pickler.js'

export type Known =
  | PythonComplex
  | PythonDate
  | PythonDecimal
  | PythonTime
  | PythonTimedelta
  | PythonTimezone
  | PythonUuid

const KNOWN = [PythonComplex, PythonDate, PythonDecimal, PythonTime, PythonTimedelta, PythonTimezone, PythonUuid]

/** Whether a value is of one of the small classes. */
export function isKnown(value: object): value is Known {
  return KNOWN.some((known) => value instanceof known)
}

/**
 * A `Date`: as it was read where it is the same moment; otherwise naive where it was naive or is new, with the same
 * fixed offset, or in UTC where its zone has none.
 */
export function putDate(pickler: Pickler, value: Date, node: PickleNode | undefined): void {
  const time = value.getTime()
  const parts = node && datetimeParts(node, (part) => part.view)
  if (node !== undefined && parts?.time === time) {
    putUntouched(pickler, node, value)
    return
  }
  const year = value.getUTCFullYear()
  if (!(year >= 1 && year <= 9999)) throw unwritable(pickler, 'a date outside the years 1 to 9999')
  const zone = parts?.zone?.view
  const offset = zone instanceof PythonTimezone ? zone.offset : undefined
  const local = new Date(time + (offset ?? 0) * 1000)
  if (parts?.zone === undefined) putClock(pickler, 'datetime', datetimeOctets(local), undefined, value)
  else if (offset === undefined || Number.isNaN(local.getTime()) || local.getUTCFullYear() !== clampYear(local)) {
    putClock(pickler, 'datetime', datetimeOctets(value), () => putTimezone(pickler, UTC), value)
  } else {
    const zoneNode = parts.zone
    putClock(pickler, 'datetime', datetimeOctets(local), () => putNode(pickler, zoneNode), value)
  }
}

/** A value of the small classes: as it was read where it is the same, otherwise by its parts. */
export function putKnown(pickler: Pickler, value: Known, node: PickleNode | undefined): void {
  if (node !== undefined && (node.view === value || isSame(node.view, value))) {
    putUntouched(pickler, node, value)
  } else if (value instanceof PythonDate) {
    putClock(pickler, 'date', dateOctets(value), undefined, value)
  } else if (value instanceof PythonTime) {
    const { timezone } = value
    if (timezone !== undefined && !(timezone instanceof PythonTimezone)) {
      throw unwritable(pickler, 'a time whose zone is of another class')
    }
    const zone = timezone && (() => putTimezone(pickler, timezone))
    putClock(pickler, 'time', timeOctets(value), zone, value)
  } else if (value instanceof PythonTimedelta) {
    putTimedelta(pickler, value, value)
  } else if (value instanceof PythonTimezone) {
    putTimezone(pickler, value, value)
  } else if (value instanceof PythonDecimal) {
    putGlobal(pickler, 'decimal', 'Decimal')
    putTuple(pickler, [value.text], (text) => putText(pickler, text))
    endCall(pickler, op.REDUCE, value)
  } else if (value instanceof PythonComplex) {
    putGlobal(pickler, 'builtins', 'complex')
    putTuple(pickler, [value.real, value.imaginary], (number) => writeFloat(pickler.output, number))
    endCall(pickler, op.REDUCE, value)
  } else {
    putUuid(pickler, value, value)
  }
}

/** From the node; a copy that comes again is the same value in Python. */
function putUntouched(pickler: Pickler, node: PickleNode, value: object): void {
  putNode(pickler, node)
  const index = pickler.memo.get(memoKey(node))
  if (index !== undefined) pickler.memo.set(value, index)
}

function putClock(
  pickler: Pickler,
  name: 'datetime' | 'date' | 'time',
  octets: Uint8Array,
  zone: (() => void) | undefined,
  key: unknown,
): void {
  putGlobal(pickler, 'datetime', name)
  const payload = (): void => {
    putOctets(pickler, octets, decodeLatin1(octets))
    memoize(pickler)
  }
  putTuple(pickler, zone === undefined ? [payload] : [payload, zone], (part) => part())
  endCall(pickler, op.REDUCE, key)
}

function putTimedelta(pickler: Pickler, value: PythonTimedelta, key: unknown): void {
  putGlobal(pickler, 'datetime', 'timedelta')
  const parts = [value.days, value.seconds, value.microseconds]
  putTuple(pickler, parts, (part) => writeInteger(pickler.output, part))
  endCall(pickler, op.REDUCE, key)
}

const UTC = new PythonTimezone({ offset: 0 })

/** A fixed offset as `datetime.timezone`, a zone by name as `zoneinfo.ZoneInfo`. */
function putTimezone(pickler: Pickler, value: PythonTimezone, key: unknown = value): void {
  const { offset, zone, name } = value
  if (offset === undefined) {
    putGlobal(pickler, 'zoneinfo', 'ZoneInfo._unpickle')
    const parts = [() => putText(pickler, zone as string), () => writeInteger(pickler.output, 1)]
    putTuple(pickler, parts, (part) => part())
  } else {
    putGlobal(pickler, 'datetime', 'timezone')
    const delta = new PythonTimedelta(0, Math.floor(offset), Math.round((offset % 1) * 1_000_000))
    const parts = [() => putTimedelta(pickler, delta, delta), () => putText(pickler, name as string)]
    putTuple(pickler, name === undefined ? parts.slice(0, 1) : parts, (part) => part())
  }
  endCall(pickler, op.REDUCE, key)
}

function putUuid(pickler: Pickler, value: PythonUuid, key: unknown): void {
  const { output } = pickler
  putGlobal(pickler, 'uuid', 'UUID')
  writeOctet(output, op.EMPTY_TUPLE)
  endCall(pickler, op.NEWOBJ, key)
  writeOctet(output, op.EMPTY_DICT)
  memoize(pickler)
  putText(pickler, 'int')
  writeInteger(output, BigInt(`0x${value.text.replaceAll('-', '')}`))
  writeOctet(output, op.SETITEM)
  writeOctet(output, op.BUILD)
}

function dateOctets({ year, month, day }: Pick<DatetimeFields, 'year' | 'month' | 'day'>): Uint8Array {
  return Uint8Array.of(year >> 8, year & 0xff, month, day)
}

function timeOctets(time: Omit<DatetimeFields, 'year' | 'month' | 'day'>): Uint8Array {
  const { hour, minute, second, microsecond, fold } = time
  const first = hour | (fold << 7)
  return Uint8Array.of(first, minute, second, microsecond >> 16, (microsecond >> 8) & 0xff, microsecond & 0xff)
}

/** The fields in UTC; a `Date` has no fold. */
function datetimeOctets(date: Date): Uint8Array {
  const day = dateOctets({ year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() })
  const clock = timeOctets({
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
    microsecond: date.getUTCMilliseconds() * 1000,
    fold: 0,
  })
  return Uint8Array.of(...day, ...clock)
}

function clampYear(date: Date): number {
  return Math.min(9999, Math.max(1, date.getUTCFullYear()))
}

/** Equal in class and parts. */
function isSame(first: unknown, second: unknown): boolean {
  if (typeof first !== 'object' || typeof second !== 'object' || first === null || second === null) {
    return Object.is(first, second)
  }
  if (first.constructor !== second.constructor || !isKnown(first)) return false
  return Object.entries(first).every(([key, part]) => isSame(part, (second as unknown as Record<string, unknown>)[key]))
}
