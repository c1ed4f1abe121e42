/**
 * JSON as Python's json module writes it: floats keep their fraction, untouched numbers their text.
 * FORMATS §4 (raw UTF-8), §6 (escaped to ASCII) and §2.6 (that with spaces), numbers by §9.
 */
import { isWellFormed } from '../../shared/bytes.js'
import { SessionError } from '../../shared/errors.js'
import { isPlainObject, type OriginNode, type SessionData } from '../../shared/types.js'
import { MAX_JSON_DEPTH } from './reader.js'

export interface JsonWriterOptions {
  /** The payload as it was read: untouched numbers go back as their text, changed ones keep their type. */
  origin?: OriginNode
  /** Python's `ensure_ascii`: everything from U+007F on as `\uXXXX`. */
  ascii?: boolean
  /** Python's own separators, `, ` and `: `, instead of `,` and `:`. */
  spaces?: boolean
}

/**
 * Writes an object as JSON text.
 *
 * @throws {SessionError} `ERR_SESSION_UNWRITABLE` with the path of what JSON can't hold (bytes, dates, functions, class
 * instances without `toJSON`, lone surrogates unless `ascii`), `ERR_SESSION_LIMIT` past 64 levels
 */
export function writeJson(data: SessionData, options: JsonWriterOptions = {}): string {
  const { origin, ascii = false, spaces = false } = options
  const style: Style = { ascii, comma: spaces ? ', ' : ',', colon: spaces ? ': ' : ':' }
  const text = writeValue(data, origin, { path: [], style })
  return ascii ? text.replace(/[\u007f-\uffff]/g, escapeUnit) : text
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

type Path = readonly string[]

interface Style {
  ascii: boolean
  comma: string
  colon: string
}

/** Where the writer is, and how it writes. */
interface Place {
  path: Path
  style: Style
}

function writeValue(value: unknown, node: OriginNode | undefined, place: Place): string {
  const { path, style } = place
  switch (typeof value) {
    case 'string':
      if (!style.ascii && !isWellFormed(value)) throw unwritable(path, 'text with a lone surrogate')
      return JSON.stringify(value)
    case 'boolean':
      return String(value)
    case 'number':
      return unchangedText(value, node) ?? writeNumber(value, node)
    case 'bigint':
      return String(value)
    case 'object':
      return value === null ? 'null' : writeObject(value, node, place)
    default:
      throw unwritable(path, `a ${typeof value}`)
  }
}

function unchangedText(value: number, node: OriginNode | undefined): string | undefined {
  return node?.format === 'json' && typeof node.raw === 'string' && Object.is(node.value, value) ? node.raw : undefined
}

function writeNumber(value: number, node: OriginNode | undefined): string {
  const isInteger = Number.isSafeInteger(value) && !Object.is(value, -0) && node?.type !== 'double'
  return isInteger ? String(value) : pythonFloat(value)
}

function writeObject(value: object, node: OriginNode | undefined, place: Place): string {
  const { path, style } = place
  if (node?.confined && node.value === value) throw unwritable(path, node.confined)
  if (path.length >= MAX_JSON_DEPTH) {
    throw new SessionError(
      'ERR_SESSION_LIMIT',
      `The session is nested deeper than ${MAX_JSON_DEPTH} levels, or circular`,
      {
        path: path.slice(0, 8).join('.'),
      },
    )
  }
  if (Array.isArray(value)) {
    const items = value.map((item, index) =>
      writeValue(item ?? null, node?.child?.(String(index)), { path: [...path, String(index)], style }),
    )
    return `[${items.join(style.comma)}]`
  }
  if (isPlainObject(value)) return writeMembers(value, node, place)
  const { toJSON } = value as { toJSON?: unknown }
  if (typeof toJSON === 'function' && !isDate(value) && !('_bsontype' in value)) {
    // Once, as JSON.stringify does it: a view that has a view again might never end.
    const view: unknown = toJSON.call(value, path.at(-1) ?? '')
    if (typeof view !== 'object' || view === null || Array.isArray(view) || isPlainObject(view)) {
      return writeValue(view, undefined, place)
    }
  }
  throw unwritable(path, describe(value))
}

function writeMembers(value: Record<string, unknown>, node: OriginNode | undefined, place: Place): string {
  const { style } = place
  const members: string[] = []
  for (const key of orderedKeys(value, node)) {
    const member = value[key]
    if (member === undefined) continue
    const path = [...place.path, key]
    if (!style.ascii && !isWellFormed(key)) throw unwritable(path, 'a key with a lone surrogate')
    members.push(`${JSON.stringify(key)}${style.colon}${writeValue(member, node?.child?.(key), { path, style })}`)
  }
  return `{${members.join(style.comma)}}`
}

/** The payload's own order first, as a Python dict keeps it; then the new keys. */
function orderedKeys(value: Record<string, unknown>, node: OriginNode | undefined): Iterable<string> {
  const keys = Object.keys(value)
  if (!node?.keys) return keys
  const present = new Set(keys)
  return new Set([...[...node.keys()].filter((key) => present.has(key)), ...keys])
}

/** Of any realm. */
function isDate(value: object): boolean {
  return Object.prototype.toString.call(value) === '[object Date]'
}

function describe(value: object): string {
  if (isDate(value)) return 'a Date (JSON has none: store text or seconds)'
  if (value instanceof Uint8Array) return 'bytes (JSON has none: store base64 text)'
  return `an instance of ${value.constructor?.name ?? 'a class'}`
}

function unwritable(path: Path, what: string): SessionError {
  return new SessionError('ERR_SESSION_UNWRITABLE', `JSON can't hold ${what}`, { path: path.join('.') })
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}
