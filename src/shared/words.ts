/**
 * Numbers, times and kinds of values in words, for the tools that people look at.
 */
import type { SessionError } from './errors.js'
import { PickleObject } from './pickle/object.js'
import {
  PythonComplex,
  PythonDate,
  PythonDecimal,
  PythonTime,
  PythonTimedelta,
  PythonTimezone,
  PythonUuid,
} from './pickle/values.js'
import { className, isPlainObject } from './types.js'

export function count(number: number, noun: string): string {
  return `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`
}

/** What a value is, in words. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  switch (typeof value) {
    case 'string':
      return 'text'
    case 'number':
      return Number.isInteger(value) ? 'whole number' : 'number'
    case 'bigint':
      return 'whole number, beyond 53 bits'
    case 'boolean':
      return 'true or false'
    default:
  }
  if (Array.isArray(value)) return `list, ${count(value.length, 'item')}`
  if (value instanceof Date) return 'date'
  if (value instanceof RegExp) return 'regular expression'
  if (ArrayBuffer.isView(value)) return `bytes, ${value.byteLength}`
  if (value instanceof Map) return `map, ${count(value.size, 'item')}`
  if (value instanceof Set) return `set, ${count(value.size, 'item')}`
  if (isPlainObject(value)) return `object, ${count(Object.keys(value).length, 'key')}`
  return classKind(value as object)
}

const PYTHON_KINDS = [
  [PythonDate, 'date without a time'],
  [PythonTime, 'time of day'],
  [PythonTimedelta, 'duration'],
  [PythonTimezone, 'time zone'],
  [PythonDecimal, 'decimal number'],
  [PythonUuid, 'UUID'],
  [PythonComplex, 'complex number'],
] as const

function classKind(value: object): string {
  const { _bsontype: type } = value as Record<string, unknown>
  if (typeof type === 'string') return type
  if (value instanceof PickleObject) return 'pickled object, inert'
  return PYTHON_KINDS.find(([kind]) => value instanceof kind)?.[1] ?? `${className(value)}, inert`
}

const PROBLEMS: Readonly<Record<string, string>> = {
  ERR_SESSION_MALFORMED: 'It is not well formed: perhaps it was cut or changed while it was copied.',
  ERR_SESSION_JSON: 'Its payload is no JSON object.',
  ERR_SESSION_BSON: 'Its payload is no BSON document.',
  ERR_SESSION_PICKLE: 'Its payload is no pickle of a session.',
  ERR_SESSION_COMPRESSION: 'Its compressed payload is damaged.',
  ERR_SESSION_CLAIMS: 'A time or the id in it is not what it should be.',
  ERR_SESSION_LIMIT: 'It is larger than what is read here.',
  ERR_SESSION_UNSUPPORTED: "It can't be read like this.",
}

/** Why a value can't be read, in sentences. */
export function problemText({ code, message }: SessionError): string {
  const known = PROBLEMS[code]
  if (message === code) return known ?? code
  return `${known === undefined ? '' : `${known} `}${message}.`
}

/** `2023-11-14 22:13:20 UTC` */
export function utc(time: Date): string {
  if (Number.isNaN(+time)) return 'no date'
  return `${time
    .toISOString()
    .replace('T', ' ')
    .replace(/(?:\.000)?Z$/, '')} UTC`
}

/** In the time zone of this browser. */
export function local(time: Date): string {
  return time.toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'long' })
}

const UNITS: readonly (readonly [seconds: number, unit: string])[] = [
  [31_557_600, 'year'],
  [86_400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
]

export function fromNow(time: Date, now: Date): string {
  const seconds = Math.round((+time - +now) / 1000)
  if (seconds === 0) return 'now'
  const [size, unit] = UNITS.find(([size]) => Math.abs(seconds) >= size) ?? [1, 'second']
  const text = count(Math.floor(Math.abs(seconds) / size), unit)
  return seconds < 0 ? `${text} ago` : `in ${text}`
}
