/**
 * BSON's special types on their way out: what an instance of a class means as an element.
 * The classes are those of the `bson` package, version 1 to 7, and our light ones, told by shape. BSON specification 1.1.
 */
import type { SessionData } from '../types.js'

/** An element's value by its type; a bigint is signed and has 64 bits. */
export type SpecialElement =
  | { type: 0x01 | 0x10; value: number }
  | { type: 0x03; value: SessionData }
  | { type: 0x05; value: Uint8Array; subtype: number }
  | { type: 0x07 | 0x13; value: Uint8Array }
  | { type: 0x09 | 0x11 | 0x12; value: bigint }
  | { type: 0x0b; value: string; options: string }
  | { type: 0x0d | 0x0e; value: string }
  | { type: 0x0f; value: string; scope: SessionData }
  | { type: 0x7f | 0xff; value: undefined }

/**
 * What a date, bytes, a regular expression or an instance of a BSON class is as an element.
 *
 * @param value - an object whose prototype is not plain: in plain data `_bsontype` is an ordinary key
 * @returns `undefined` if it is none of them, `null` if it is one that can't be written: an invalid date, a
 *   member that its class can't have
 */
export function specialElement(value: object): SpecialElement | null | undefined {
  const tag = Object.prototype.toString.call(value)
  if (tag === '[object Date]') return dateElement(value as Date)
  if (isUint8Array(value)) return { type: 0x05, value, subtype: 0 }
  if (tag === '[object RegExp]') {
    const { source, flags } = value as RegExp
    return regExpElement({ pattern: source, options: [...'imsu'].filter((flag) => flags?.includes(flag)).join('') })
  }
  return classElement(value as Instance)
}

/** Members as one version or another has them. */
interface Instance {
  _bsontype?: unknown
  [member: string]: unknown
}

function classElement(value: Instance): SpecialElement | null | undefined {
  switch (value._bsontype) {
    case 'ObjectId':
    case 'ObjectID':
      return objectIdElement(value)
    case 'Decimal128':
      return fixedElement(0x13, value.bytes, 16)
    case 'Binary':
      return binaryElement(value)
    case 'UUID':
      return isUint8Array(value.id) ? { type: 0x05, value: value.id, subtype: 4 } : null
    case 'Long':
      return wideElement(0x12, value)
    case 'Timestamp':
      return timestampElement(value)
    case 'Double':
      return typeof value.value === 'number' ? { type: 0x01, value: value.value } : null
    case 'Int32':
      return typeof value.value === 'number' && value.value === value.value >> 0
        ? { type: 0x10, value: value.value }
        : null
    case 'BSONRegExp':
      return regExpElement(value)
    case 'Code':
      return codeElement(value)
    case 'BSONSymbol':
    case 'Symbol':
      return typeof value.value === 'string' ? { type: 0x0e, value: value.value } : null
    case 'DBRef':
      return dbRefElement(value)
    case 'MinKey':
      return { type: 0xff, value: undefined }
    case 'MaxKey':
      return { type: 0x7f, value: undefined }
    default:
      return undefined
  }
}

function dateElement(value: Date): SpecialElement | null {
  // Anything may call itself a date.
  const date = new Date(value.getTime?.())
  const year = date.getUTCFullYear()
  // All that Python's datetime holds; the year of an invalid date is NaN.
  return year > 0 && year < 10_000 ? { type: 0x09, value: BigInt(date.getTime()) } : null
}

/** Every version prints an id as hexadecimal digits, and each keeps its bytes elsewhere. */
function objectIdElement(value: Instance): SpecialElement | null {
  const digits = String(value)
  if (!/^[0-9a-f]{24}$/i.test(digits)) return null
  return {
    type: 0x07,
    value: Uint8Array.from({ length: 12 }, (_, index) => parseInt(digits.slice(index * 2, index * 2 + 2), 16)),
  }
}

function fixedElement(type: 0x13, value: unknown, length: number): SpecialElement | null {
  return isUint8Array(value) && value.length === length ? { type, value } : null
}

/** The package's buffer may be longer than what it holds. */
function binaryElement({ bytes, subtype, buffer, position, sub_type }: Instance): SpecialElement | null {
  const kind = Number(subtype ?? sub_type)
  const value = bytes ?? (isUint8Array(buffer) ? buffer.subarray(0, Number(position)) : undefined)
  return isUint8Array(value) && kind >= 0 && kind < 256 ? { type: 0x05, value, subtype: kind } : null
}

/** Every version prints the number, and each keeps its halves elsewhere. */
function wideElement(type: 0x11 | 0x12, instance: Instance): SpecialElement | null {
  const digits = String(instance)
  if (!/^-?[0-9]{1,20}$/.test(digits)) return null
  const value = BigInt.asIntN(64, BigInt(digits))
  // A time stamp is unsigned, and some versions print it signed; a Long may be unsigned, and BSON's integers are not.
  return type === 0x11 || String(value) === digits ? { type, value } : null
}

function timestampElement(value: Instance): SpecialElement | null {
  const { increment, seconds } = value
  if (typeof increment !== 'number' || typeof seconds !== 'number') return wideElement(0x11, value)
  return { type: 0x11, value: (BigInt(seconds >> 0) << 32n) | BigInt(increment >>> 0) }
}

function regExpElement({ pattern, options }: Instance): SpecialElement | null {
  return typeof pattern === 'string' && typeof options === 'string' ? { type: 0x0b, value: pattern, options } : null
}

/** The first versions keep a function as it is; its text is what is written. */
function codeElement({ code, scope }: Instance): SpecialElement | null {
  if (typeof code !== 'string' && typeof code !== 'function') return null
  const value = String(code)
  return scope ? { type: 0x0f, value, scope: scope as SessionData } : { type: 0x0d, value }
}

/** A document, as pymongo writes it. */
function dbRefElement({ collection, namespace, oid, db, fields }: Instance): SpecialElement {
  const value: SessionData = { $ref: collection ?? namespace, $id: oid }
  if (db) value.$db = db
  return { type: 0x03, value: { ...value, ...(fields as SessionData | undefined) } }
}

function isUint8Array(value: unknown): value is Uint8Array {
  return ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === '[object Uint8Array]'
}
