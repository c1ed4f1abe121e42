/**
 * BSON reader: one document into plain JavaScript values, as strict as pymongo.
 * BSON specification 1.1, FORMATS §5.
 */
import { decodeUtf8 } from '../bytes.js'
import { SessionError } from '../errors.js'
import type { SessionData } from '../types.js'

/** Makes one value that JavaScript has no type for, by the name of its class in the `bson` package and its members in the order of `BsonTypes`. */
export type BsonMaker = (name: BsonTypeName, members: BsonMembers) => unknown

export interface BsonMembers {
  readonly bytes?: Uint8Array
  readonly code?: string
  readonly [member: string]: unknown
}

/** The names by which the `bson` package tells its own values. */
export type BsonTypeName =
  | 'ObjectId'
  | 'Decimal128'
  | 'Binary'
  | 'Timestamp'
  | 'BSONRegExp'
  | 'Code'
  | 'MinKey'
  | 'MaxKey'
  | 'DBRef'

/** Makes the values that JavaScript has no type for. */
export interface BsonTypes {
  /** 07: 12 bytes, which are the value's own. */
  objectId(bytes: Uint8Array): unknown
  /** 13: 16 bytes, little-endian, which are the value's own. */
  decimal128(bytes: Uint8Array): unknown
  /** 05 with any subtype but 0, which is a `Uint8Array`; the bytes are the value's own. */
  binary(bytes: Uint8Array, subtype: number): unknown
  /** 11: two unsigned numbers of 32 bits. */
  timestamp(increment: number, seconds: number): unknown
  /** 0b: text, never made into a live expression. */
  regExp(pattern: string, options: string): unknown
  /** 0d and 0f: text, never evaluated. */
  code(code: string, scope?: SessionData): unknown
  /** ff. */
  minKey(): unknown
  /** 7f. */
  maxKey(): unknown
  /** 0c, the old DBPointer. A document with `$ref` and `$id` stays a plain object. */
  dbRef(collection: string, objectId: unknown): unknown
}

/**
 * Reads one BSON document. Proves nothing about who made it. Of equal keys the last wins, `__proto__` is a plain own
 * key, and nothing of the result shares memory with `bytes`.
 *
 * @param bytes - the document, and nothing after it
 * @param types - makers of the special types
 * @returns a plain object of numbers, `bigint` where an int64 is no safe integer, strings, booleans, `null`, `Date`,
 *   `Uint8Array`, arrays, plain objects, and what `types` made
 * @throws {SessionError} `ERR_SESSION_BSON` if it is malformed, `ERR_SESSION_LIMIT` if it is too deep or too large
 * @see BSON specification 1.1; FORMATS §5
 */
export function readBson(bytes: Uint8Array, types: BsonTypes): SessionData {
  return readBsonBy(bytes, makerOf(types))
}

/** Types as one function. */
export function makerOf(types: BsonTypes): BsonMaker {
  return (name, members) => (types[MAKERS[name]] as (...members: unknown[]) => unknown)(...Object.values(members))
}

/** Which of `BsonTypes` makes a value. */
const MAKERS: Readonly<Record<BsonTypeName, keyof BsonTypes>> = {
  ObjectId: 'objectId',
  Decimal128: 'decimal128',
  Binary: 'binary',
  Timestamp: 'timestamp',
  BSONRegExp: 'regExp',
  Code: 'code',
  MinKey: 'minKey',
  MaxKey: 'maxKey',
  DBRef: 'dbRef',
}

/** The same for a page, which has no room for a function for each type. */
export function readBsonBy(bytes: Uint8Array, make: BsonMaker): SessionData {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  let position = 0
  let depth = 0
  let elements = 0

  const document = readDocument({}) as SessionData
  return position === bytes.length ? document : fail()

  /** `document`, also that of an array. A length that lies is found by where the elements end. */
  function readDocument(into: SessionData | unknown[]): unknown {
    const end = position + readInt32()
    if (++depth > BSON_MAX_DEPTH) fail('ERR_SESSION_LIMIT')
    for (let type = readByte(); type; type = readByte()) {
      if (++elements > BSON_MAX_ELEMENTS) fail('ERR_SESSION_LIMIT')
      const key = readName()
      const value = readElement(type)
      if (Array.isArray(into)) {
        // biome-ignore lint/style/useTemplate: smaller after gzip, and a page has no byte to spare
        if (key !== into.push(value) - 1 + '') fail()
      } else if (key === '__proto__' && !Object.hasOwn(into, key)) into = { ...into, [key]: value }
      else into[key] = value
    }
    depth--
    return position === end ? into : fail()
  }

  function readElement(type: number): unknown {
    switch (type) {
      case 0x01:
        return view.getFloat64(take(8), true)
      case 0x02:
      case 0x0e:
        return readString()
      case 0x03:
        return readDocument({})
      case 0x04:
        return readDocument([])
      case 0x05:
        return readBinary()
      case 0x06:
      case 0x0a:
        return null
      case 0x07:
        return make('ObjectId', { bytes: copy(12) })
      case 0x08:
        return [false, true][readByte()] ?? fail()
      case 0x09: {
        const date = new Date(Number(readInt64()))
        const year = date.getUTCFullYear()
        // All that Python's datetime holds; the year of a date that JavaScript can't hold is NaN.
        return year > 0 && year < 10_000 ? date : fail()
      }
      case 0x0b:
        return make('BSONRegExp', { pattern: readName(), options: readName() })
      case 0x0c:
        return make('DBRef', { collection: readString(), oid: make('ObjectId', { bytes: copy(12) }) })
      case 0x0d:
        return make('Code', { code: readString() })
      case 0x0f: {
        const end = position + readInt32()
        const value = make('Code', { code: readString(), scope: readDocument({}) })
        return position === end ? value : fail()
      }
      case 0x10:
        return readInt32()
      case 0x11:
        return make('Timestamp', { increment: readInt32() >>> 0, seconds: readInt32() >>> 0 })
      case 0x12:
        return readInt64()
      case 0x13:
        return make('Decimal128', { bytes: copy(16) })
      case 0x7f:
        return make('MaxKey', {})
      case 0xff:
        return make('MinKey', {})
    }
    fail()
  }

  /** `cstring`: text up to a NUL. */
  function readName(): string {
    const start = position
    while (bytes[position]) position++
    return readText(bytes, start, position++)
  }

  /** `string`: text after its length, which counts the NUL at its end. */
  function readString(): string {
    const length = readInt32()
    const start = take(length)
    if (!length || bytes[position - 1]) fail()
    return readText(bytes, start, position - 1)
  }

  /** `binary`; the old subtype 2 has a second length inside. */
  function readBinary(): unknown {
    let length = readInt32()
    const subtype = readByte()
    if (subtype === 2) {
      length -= 4
      if (readInt32() !== length) fail()
    }
    const value = copy(length)
    return subtype ? make('Binary', { bytes: value, subtype }) : value
  }

  function readByte(): number {
    return bytes[take(1)] as number
  }

  function readInt32(): number {
    return view.getInt32(take(4), true)
  }

  function readInt64(): number | bigint {
    const value = view.getBigInt64(take(8), true)
    // Rounding never brings a number back into the safe range.
    const number = Number(value)
    return Number.isSafeInteger(number) ? number : value
  }

  function copy(length: number): Uint8Array {
    // Not by slice, which gives a view where `bytes` is a Buffer.
    return new Uint8Array(bytes.subarray(take(length), position))
  }

  /** Steps over so many bytes, which must be there, and tells where they begin. */
  function take(length: number): number {
    const start = position
    position += length >>> 0
    if (position > bytes.length) fail()
    return start
  }
}

function fail(code: 'ERR_SESSION_BSON' | 'ERR_SESSION_LIMIT' = 'ERR_SESSION_BSON'): never {
  throw new SessionError(code)
}

/** Documents and arrays inside each other: more than a session needs, and every stack can recurse through it. */
export const BSON_MAX_DEPTH = 64

/** An element takes two bytes or more, and some fifty once it is read, so this bounds the memory that a read takes. */
export const BSON_MAX_ELEMENTS = 65_536

/** Bytes of a written document: what the server inflates at most, so that it can read what it wrote. */
export const BSON_MAX_BYTES = 1_048_576

/**
 * The text of bytes.
 *
 * @param start - offset of the first byte
 * @param end - offset after the last
 * @throws {SessionError} `ERR_SESSION_BSON` if they are not UTF-8
 */
export function readText(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  let index = start
  // Longer text is worth the call of a decoder.
  while (end - start < 48 && index < end && (bytes[index] as number) < 128) {
    text += String.fromCharCode(bytes[index++] as number)
  }
  return index < end ? decodeUtf8(bytes.subarray(start, end), 'ERR_SESSION_BSON') : text
}
