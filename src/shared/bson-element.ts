/**
 * One BSON element on its way out: type, key, and a value that holds no other elements.
 * BSON specification 1.1; FORMATS §5 for which type a number gets.
 */
import {
  type BsonBuffer,
  putBigInt64,
  putByte,
  putBytes,
  putDouble,
  putInt32,
  putInt64,
  putText,
} from './bson-buffer.js'
import type { SpecialElement } from './bson-special.js'
import { SessionError, type SessionErrorCode } from './errors.js'
import type { NeutralType } from './types.js'

/** A document in work. */
export interface BsonWriter {
  readonly buffer: BsonBuffer
  /** The keys that lead to the element in work; `depth` of them count. */
  readonly path: string[]
  /** Documents and arrays that are open. */
  depth: number
  elements: number
  readonly maxDepth: number
  readonly maxElements: number
  readonly maxBytes: number
}

/** A string, code or symbol. */
export function putStringElement(writer: BsonWriter, type: 0x02 | 0x0d | 0x0e, key: string, value: string): void {
  putHead(writer, type, key)
  putString(writer, value)
}

/** @param type - what the origin says of the number: a double stays one, an int64 stays wide */
export function putNumberElement(writer: BsonWriter, key: string, value: number, type: NeutralType | undefined): void {
  if (type === 'double' || !isInteger(value, type)) {
    putHead(writer, 0x01, key)
    putDouble(writer.buffer, value)
  } else if (type !== 'int64' && value === value >> 0) {
    putHead(writer, 0x10, key)
    putInt32(writer.buffer, value)
  } else {
    putHead(writer, 0x12, key)
    putInt64(writer.buffer, value)
  }
}

/** @param type - what the origin says of the number: an int64 stays wide */
export function putBigIntElement(writer: BsonWriter, key: string, value: bigint, type: NeutralType | undefined): void {
  if (value !== BigInt.asIntN(64, value)) refuse(writer, 'ERR_SESSION_UNWRITABLE', 'an integer of more than 64 bits')
  if (type !== 'int64' && value === BigInt.asIntN(32, value)) {
    putHead(writer, 0x10, key)
    putInt32(writer.buffer, Number(value))
  } else {
    putHead(writer, 0x12, key)
    putBigInt64(writer.buffer, value)
  }
}

export function putBooleanElement(writer: BsonWriter, key: string, value: boolean): void {
  putHead(writer, 0x08, key)
  putByte(writer.buffer, value ? 1 : 0)
}

/** A special value but those that hold a document. */
export function putSpecialElement(writer: BsonWriter, key: string, element: SpecialElement): void {
  const { buffer } = writer
  putHead(writer, element.type, key)
  switch (element.type) {
    case 0x01:
      putDouble(buffer, element.value)
      break
    case 0x05:
      putBinary(writer, element.value, element.subtype)
      break
    case 0x07:
    case 0x13:
      putBytes(buffer, element.value)
      break
    case 0x09:
    case 0x11:
    case 0x12:
      putBigInt64(buffer, element.value)
      break
    case 0x0b:
      putName(writer, element.value)
      putName(writer, element.options)
      break
    case 0x0d:
    case 0x0e:
      putString(writer, element.value)
      break
    case 0x10:
      putInt32(buffer, element.value)
      break
  }
}

/** Type and key, which every element begins with. */
export function putHead(writer: BsonWriter, type: number, key: string): void {
  countElement(writer)
  putByte(writer.buffer, type)
  putName(writer, key)
}

/** `string`: text after its length, which counts the NUL at its end. */
export function putString(writer: BsonWriter, text: string): void {
  const { buffer } = writer
  needRoom(writer, text.length)
  const start = buffer.position
  putInt32(buffer, 0)
  if (!putText(buffer, text, 0)) refuse(writer, 'ERR_SESSION_UNWRITABLE', 'text with a lone surrogate')
  buffer.view.setInt32(start, buffer.position - start - 4, true)
}

export function countElement(writer: BsonWriter): void {
  if (++writer.elements > writer.maxElements) refuse(writer, 'ERR_SESSION_LIMIT', 'too many elements')
}

/** Refuses what would pass the limit before it takes memory; what was written in between counts too. */
export function needRoom(writer: BsonWriter, length: number): void {
  if (writer.buffer.position + length > writer.maxBytes) refuse(writer, 'ERR_SESSION_LIMIT', 'too many octets')
}

/** @param reason - what stands at the path; never the value */
export function refuse(writer: BsonWriter, code: SessionErrorCode, reason: string): never {
  throw new SessionError(code, `BSON can't hold this: ${reason}`, {
    path: writer.path.slice(0, writer.depth).join('.'),
  })
}

/** Where the origin had an integer, one beyond 2^53 is as exact as any other number of JavaScript. */
function isInteger(value: number, type: NeutralType | undefined): boolean {
  if (Object.is(value, -0)) return false
  return (
    Number.isSafeInteger(value) ||
    (type !== undefined && Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 63)
  )
}

/** `cstring`: text up to a NUL. */
function putName(writer: BsonWriter, text: string): void {
  if (!putText(writer.buffer, text, 1))
    refuse(writer, 'ERR_SESSION_UNWRITABLE', 'a key or pattern with NUL or a lone surrogate')
}

/** The old subtype 2 has a second length inside. */
function putBinary(writer: BsonWriter, bytes: Uint8Array, subtype: number): void {
  const { buffer } = writer
  needRoom(writer, bytes.length)
  putInt32(buffer, subtype === 2 ? bytes.length + 4 : bytes.length)
  putByte(buffer, subtype)
  if (subtype === 2) putInt32(buffer, bytes.length)
  putBytes(buffer, bytes)
}
