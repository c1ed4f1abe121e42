/**
 * JSON as Python's json module writes it: floats keep their fraction, untouched numbers their text.
 * FORMATS §4 (raw UTF-8), §6 (escaped to ASCII) and §2.6 (that with spaces), numbers by §9.
 */
import { isWellFormed } from '../../shared/bytes.js'
import { errorAt, type SessionError } from '../../shared/errors.js'
import { className, isPlainObject, type OriginNode, type SessionData } from '../../shared/types.js'
import { MAX_JSON_DEPTH, MAX_JSON_VALUES } from './reader.js'

export interface JsonWriterOptions {
  /** The payload as it was read: untouched numbers go back as their text, changed ones keep their type. */
  origin?: OriginNode
  /** Python's `ensure_ascii`: everything from U+007F on as `\uXXXX`. */
  ascii?: boolean
  /** Python's own separators, `, ` and `: `, instead of `,` and `:`. */
  spaces?: boolean
  /** Most characters; default 1 MiB. What its reader takes at most. */
  maxLength?: number
  /** Most values, the object itself and all that is in it. What its reader takes at most; default 100 000. */
  maxValues?: number
}

/** Characters of a text: more than a cookie or a row of ours has room for. */
const MAX_JSON_LENGTH = 1_048_576

/**
 * Writes an object as JSON text. Holes of an array become null.
 *
 * @throws {SessionError} `ERR_SESSION_UNWRITABLE` with the path of what JSON can't hold (bytes, dates, functions, class
 * instances without `toJSON`, lone surrogates unless `ascii`), `ERR_SESSION_LIMIT` past 64 levels, `maxLength` characters or `maxValues`
 */
export function writeJson(data: SessionData, options: JsonWriterOptions = {}): string {
  const { origin, ascii = false, spaces = false, maxLength = MAX_JSON_LENGTH, maxValues = MAX_JSON_VALUES } = options
  const comma = spaces ? ', ' : ','
  const writer: Writer = { ascii, comma, colon: spaces ? ': ' : ':', path: [], maxLength, length: 0, left: maxValues }
  const text = writeValue(writer, data, origin)
  const escaped = ascii ? text.replace(/[\u007f-\uffff]/g, escapeUnit) : text
  if (escaped.length > maxLength) throw tooLong(writer)
  return escaped
}

/** A float as Python's `repr`: shortest digits, an exponent from 1e16 on and below 1e-4, else always a fraction (FORMATS §9). */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity'
  const magnitude = Math.abs(value)
  if (magnitude !== 0 && (magnitude >= 1e16 || magnitude < 1e-4)) {
    return value.toExponential().replace(/e([+-])([0-9])$/, 'e$10$2')
  }
  const text = Object.is(value, -0) ? '-0' : String(value)
  return text.includes('.') ? text : `${text}.0`
}

/** How a text is written, and where its writer is. */
interface Writer {
  readonly ascii: boolean
  readonly comma: string
  readonly colon: string
  /** The keys that lead to the value in work. */
  readonly path: string[]
  readonly maxLength: number
  /** Characters of the values and keys so far. */
  length: number
  /** Values that may still come. */
  left: number
}

function writeValue(writer: Writer, value: unknown, node: OriginNode | undefined): string {
  if (--writer.left < 0) {
    throw errorAt(writer.path.slice(0, 8).join('.'), 'ERR_SESSION_LIMIT', 'The session holds too many values')
  }
  if (typeof value === 'object' && value !== null) return writeObject(writer, value, node)
  return counted(writer, writeScalar(writer, value, node))
}

/** Refuses while the text grows: what is shared stands at each of its places, and may double with each level. */
function counted(writer: Writer, text: string): string {
  writer.length += text.length
  if (writer.length > writer.maxLength) throw tooLong(writer)
  return text
}

function writeScalar(writer: Writer, value: unknown, node: OriginNode | undefined): string {
  switch (typeof value) {
    case 'string':
      if (!writer.ascii && !isWellFormed(value)) throw unwritable(writer, 'text with a lone surrogate')
      return JSON.stringify(value)
    case 'boolean':
      return String(value)
    case 'number':
      return unchangedText(value, node) ?? writeNumber(value, node)
    case 'bigint':
      return String(value)
    case 'object':
      return 'null'
    default:
      throw unwritable(writer, `a ${typeof value}`)
  }
}

function unchangedText(value: number, node: OriginNode | undefined): string | undefined {
  return node?.format === 'json' && typeof node.raw === 'string' && Object.is(node.value, value) ? node.raw : undefined
}

function writeNumber(value: number, node: OriginNode | undefined): string {
  const isInteger = Number.isSafeInteger(value) && !Object.is(value, -0) && node?.type !== 'double'
  return isInteger ? String(value) : pythonFloat(value)
}

function writeObject(writer: Writer, value: object, node: OriginNode | undefined): string {
  const { path } = writer
  if (node?.confined && node.value === value) throw unwritable(writer, node.confined)
  if (path.length >= MAX_JSON_DEPTH) {
    throw errorAt(
      path.slice(0, 8).join('.'),
      'ERR_SESSION_LIMIT',
      `The session is nested deeper than ${MAX_JSON_DEPTH} levels, or circular`,
    )
  }
  if (Array.isArray(value)) return writeItems(writer, value, node)
  if (isPlainObject(value)) return writeMembers(writer, value, node)
  const { toJSON } = value as { toJSON?: unknown }
  if (typeof toJSON === 'function' && !isDate(value) && !('_bsontype' in value)) {
    // Once, as JSON.stringify does it: a view that has a view again might never end.
    const view: unknown = toJSON.call(value, path.at(-1) ?? '')
    if (typeof view !== 'object' || view === null || Array.isArray(view) || isPlainObject(view)) {
      return writeValue(writer, view, undefined)
    }
  }
  throw unwritable(writer, describe(value))
}

function writeItems(writer: Writer, items: readonly unknown[], node: OriginNode | undefined): string {
  const { path, comma, maxLength } = writer
  const { length } = items
  // Each item takes a character and a comma. No request waits for the walk over four billion holes.
  if (writer.length + 2 * length > maxLength + 2) throw tooLong(writer)
  writer.length += length + (length === 0 ? 2 : 1)
  let text = ''
  for (let index = 0; index < length; index++) {
    const key = String(index)
    path.push(key)
    text += `${index > 0 ? comma : ''}${writeValue(writer, items[index] ?? null, node?.child?.(key))}`
    path.pop()
  }
  return `[${text}]`
}

function writeMembers(writer: Writer, value: Record<string, unknown>, node: OriginNode | undefined): string {
  const { path, ascii, comma, colon } = writer
  writer.length += 2
  let text = ''
  for (const key of orderedKeys(value, node)) {
    const member = value[key]
    if (member === undefined) continue
    path.push(key)
    if (!ascii && !isWellFormed(key)) throw unwritable(writer, 'a key with a lone surrogate')
    const before = text === '' ? '' : comma
    const name = counted(writer, JSON.stringify(key))
    text += `${before}${name}${colon}${writeValue(writer, member, node?.child?.(key))}`
    path.pop()
  }
  return `{${text}}`
}

/** The payload's own order first, as a Python dict keeps it; then the new keys. */
function orderedKeys(value: Record<string, unknown>, node: OriginNode | undefined): Iterable<string> {
  const keys = Object.keys(value)
  if (!node?.keys) return keys
  const before = [...node.keys()]
  if (before.every((key, index) => key === keys[index])) return keys
  const present = new Set(keys)
  return new Set([...before.filter((key) => present.has(key)), ...keys])
}

/** Of any realm. */
function isDate(value: object): boolean {
  return Object.prototype.toString.call(value) === '[object Date]'
}

function describe(value: object): string {
  if (isDate(value)) return 'a Date (JSON has none: store text or seconds)'
  if (value instanceof Uint8Array) return 'bytes (JSON has none: store base64 text)'
  return `an instance of ${className(value)}`
}

function unwritable({ path }: Writer, what: string): SessionError {
  return errorAt(path.join('.'), 'ERR_SESSION_UNWRITABLE', `JSON can't hold ${what}`)
}

function tooLong({ path, maxLength }: Writer): SessionError {
  const message = `The session takes more than ${maxLength} characters of JSON`
  return errorAt(path.join('.'), 'ERR_SESSION_LIMIT', message)
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}
