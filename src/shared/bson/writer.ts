/**
 * BSON writer: one document as pymongo writes it, with the elements that did not change as they came.
 * BSON specification 1.1, FORMATS §5.
 */
import { equalBytes } from '../bytes.js'
import { errorAt, type SessionErrorCode } from '../errors.js'
import { className, isPlainObject, type NeutralType, type OriginNode, type SessionData } from '../types.js'
import { type BsonNode, type BsonSlice, isBsonNode } from './origin.js'
import { BSON_MAX_BYTES, BSON_MAX_DEPTH, BSON_MAX_ELEMENTS, type BsonTypes, readBson } from './reader.js'
import { type SpecialElement, specialElement } from './special.js'

export interface BsonWriteOptions {
  /** What the document was when it was read: unchanged elements are copied, changed numbers keep their type. */
  origin?: OriginNode | undefined
  /** Most documents and arrays inside each other, the outermost counted; 64. */
  maxDepth?: number
  /** Most elements in all documents and arrays together; 65 536. */
  maxElements?: number
  /** Most bytes of the document; 1 MiB. */
  maxBytes?: number
}

/**
 * Writes one BSON document. Does not promise that it fits a cookie.
 *
 * Integers become int32 or int64 by size, other numbers doubles; where `origin` knows the number's type, it keeps it.
 * Keys stand as in `origin`, then new ones; a new `_id` stands first. A member that is `undefined` or gives `undefined`
 * by `toJSON` is left out. The flags of a RegExp that BSON has no letter for (d, g, v, y) are lost.
 *
 * @param document - plain object or Map of strings, numbers, bigints, booleans, null, Date, `Uint8Array`, RegExp,
 *   arrays, plain objects, Maps, objects with `toJSON`, and instances of BSON classes
 * @param options - the origin, and limits
 * @throws {SessionError} `ERR_SESSION_UNWRITABLE` for anything else, with `path`; `ERR_SESSION_LIMIT` if it is too deep,
 *   a circle, or too large
 * @throws {TypeError} if `document` is no plain object or Map
 * @see BSON specification 1.1; FORMATS §5
 */
export function writeBson(document: SessionData, options: BsonWriteOptions = {}): Uint8Array<ArrayBuffer> {
  if (!isPlainObject(document) && !((document as unknown) instanceof Map))
    throw new TypeError('document: must be a plain object')
  const { origin, maxDepth = BSON_MAX_DEPTH, maxElements = BSON_MAX_ELEMENTS, maxBytes = BSON_MAX_BYTES } = options
  const buffer = createBuffer()
  const writer: BsonWriter = { buffer, path: [], depth: 0, elements: 0, copies: false, maxDepth, maxElements, maxBytes }
  if (putDocument(writer, document, origin) && isBsonNode(origin)) putAgain(writer, 0, origin)
  const bytes = buffer.bytes.slice(0, buffer.position)
  // A copy may hold more elements than were counted: the scope of a program, or one key again and again. Each takes two bytes.
  if (writer.copies && bytes.length > 2 * maxElements) readBson(bytes, noTypes())
  return bytes
}

/** For reading again what nobody looks at: whatever the special type is, it becomes null. */
function noTypes(): BsonTypes {
  return new Proxy({} as BsonTypes, { get: () => () => null })
}

/** What became of an element: copied from the origin, written anew, or left out. */
type Outcome = 'copied' | 'written' | 'omitted'

/** @returns whether every element is as in the origin, and none is missing */
function putDocument(writer: BsonWriter, members: Members | unknown[], node: OriginNode | undefined): boolean {
  const { buffer } = writer
  const start = buffer.position
  if (writer.depth === writer.maxDepth) refuse(writer, 'ERR_SESSION_LIMIT', 'nested too deep, or a circle')
  writer.depth++
  putInt32(buffer, 0)
  const unchanged = Array.isArray(members) ? putItems(writer, members, node) : putMembers(writer, members, node)
  putByte(buffer, 0)
  writer.depth--
  needRoom(writer, 0)
  buffer.view.setInt32(start, buffer.position - start, true)
  return unchanged
}

function putItems(writer: BsonWriter, items: unknown[], node: OriginNode | undefined): boolean {
  let copied = 0
  for (let index = 0; index < items.length; index++) {
    const key = `${index}`
    const child = node?.child?.(key)
    let outcome = putElement(writer, key, items[index], child)
    if (outcome === 'omitted') outcome = putElement(writer, key, null, child)
    if (outcome === 'copied') copied++
  }
  return copied === items.length && copied === (node?.value as unknown[] | undefined)?.length
}

function putMembers(writer: BsonWriter, members: Members, node: OriginNode | undefined): boolean {
  const own = members instanceof Map ? stringKeys(writer, members) : Object.keys(members)
  const before = node?.keys && listOf(node.keys())
  const place = { outermost: writer.depth === 1, bson: node?.format === 'bson' }
  let copied = 0
  let written = 0
  for (const key of orderedKeys(own, before ?? [], place)) {
    const value = members instanceof Map ? members.get(key) : members[key]
    const outcome = putElement(writer, key, value, node?.child?.(key))
    if (outcome === 'copied') copied++
    if (outcome === 'written') written++
  }
  return written === 0 && copied === before?.length
}

/** A list as it is: it is only looked at. */
function listOf(keys: Iterable<string>): readonly string[] {
  return Array.isArray(keys) ? keys : [...keys]
}

function stringKeys(writer: BsonWriter, members: Map<unknown, unknown>): string[] {
  const keys = [...members.keys()]
  if (keys.every((key) => typeof key === 'string')) return keys
  writer.depth--
  return refuse(writer, 'ERR_SESSION_UNWRITABLE', 'a Map with a key that is no string')
}

/** @param resolved - whether `value` came from a `toJSON`, which is asked once, as JSON does */
function putElement(
  writer: BsonWriter,
  key: string,
  value: unknown,
  node: OriginNode | undefined,
  resolved = false,
): Outcome {
  writer.path[writer.depth - 1] = key
  if (value === undefined) return 'omitted'
  if (typeof value === 'object' && value !== null) return putObject(writer, key, value, node, resolved)
  if (isBsonNode(node) && Object.is(value, node.value)) return copy(writer, node)
  if (typeof value === 'string') putStringElement(writer, 0x02, key, value)
  else if (typeof value === 'number') putNumberElement(writer, key, value, node?.type)
  else if (typeof value === 'boolean') putBooleanElement(writer, key, value)
  else if (value === null) putHead(writer, 0x0a, key)
  else if (typeof value === 'bigint') putBigIntElement(writer, key, value, node?.type)
  else refuse(writer, 'ERR_SESSION_UNWRITABLE', `a ${typeof value}`)
  return 'written'
}

function putObject(
  writer: BsonWriter,
  key: string,
  value: object,
  node: OriginNode | undefined,
  resolved: boolean,
): Outcome {
  if (node?.confined && node.value === value) refuse(writer, 'ERR_SESSION_UNWRITABLE', node.confined)
  if (Array.isArray(value)) return putContainer(writer, 0x04, key, value, node)
  if (value instanceof Map) return putContainer(writer, 0x03, key, value, node)
  const plain = isPlainObject(value)
  const special = plain ? undefined : specialElement(value)
  if (special) return putSpecial(writer, key, special, node)
  if (special === null) refuse(writer, 'ERR_SESSION_UNWRITABLE', 'a value that its type does not allow')
  const { toJSON } = value as { toJSON?: unknown }
  if (typeof toJSON === 'function' && !resolved) return putElement(writer, key, toJSON.call(value, key), node, true)
  if (!plain) refuse(writer, 'ERR_SESSION_UNWRITABLE', `an instance of ${className(value)}`)
  return putContainer(writer, 0x03, key, value as SessionData, node)
}

function putContainer(
  writer: BsonWriter,
  type: 0x03 | 0x04,
  key: string,
  members: Members | unknown[],
  node: OriginNode | undefined,
): Outcome {
  const start = writer.buffer.position
  putHead(writer, type, key)
  const same = node?.keys && Array.isArray(node.value) === (type === 0x04) ? node : undefined
  if (!putDocument(writer, members, same) || !isBsonNode(same)) return 'written'
  putAgain(writer, start, same)
  return 'copied'
}

function putSpecial(writer: BsonWriter, key: string, element: SpecialElement, node: OriginNode | undefined): Outcome {
  if (isBsonNode(node) && typeof node.value === 'object' && node.value !== null) {
    const before = specialElement(node.value)
    if (before && equalElements(element, before, writer.maxDepth)) return copy(writer, node)
  }
  if (element.type === 0x03) {
    putHead(writer, element.type, key)
    putDocument(writer, element.value, undefined)
  } else if (element.type === 0x0f) putScopedCode(writer, key, element.value, element.scope)
  else putSpecialElement(writer, key, element)
  return 'written'
}

/** By what would be written of them, for they may hold documents. */
function equalElements(a: SpecialElement, b: SpecialElement, maxDepth: number): boolean {
  if (a.type !== b.type) return false
  if (a.type === 0x09) return a.value === b.value
  const limits = { maxDepth: maxDepth + 1, maxElements: Infinity, maxBytes: Infinity }
  return equalBytes(writeBson({ ...a }, limits), writeBson({ ...b }, limits))
}

/** 0f: code and the document of its names, after the length of all. */
function putScopedCode(writer: BsonWriter, key: string, code: string, scope: SessionData): void {
  const { buffer } = writer
  putHead(writer, 0x0f, key)
  const start = buffer.position
  putInt32(buffer, 0)
  putString(writer, code)
  putDocument(writer, scope, undefined)
  buffer.view.setInt32(start, buffer.position - start, true)
}

function copy(writer: BsonWriter, { raw }: BsonNode): Outcome {
  countElement(writer)
  putSlice(writer, raw)
  return 'copied'
}

/** Replaces what was put since `start` by the bytes that it came from, for they may have one key twice. */
function putAgain(writer: BsonWriter, start: number, { raw }: BsonNode): void {
  writer.buffer.position = start
  putSlice(writer, raw)
}

function putSlice(writer: BsonWriter, { bytes, start, end }: BsonSlice): void {
  writer.copies = true
  needRoom(writer, end - start)
  putBytes(writer.buffer, bytes, start, end)
}

/** A document's members, by name. */
type Members = SessionData | Map<string, unknown>

/**
 * The keys as they are written: those of the origin first, in its order; of the outermost document `_id` before all, as
 * pymongo puts it, unless BSON had it elsewhere.
 *
 * @param own - the keys there are
 * @param before - the keys of the origin
 */
function orderedKeys(
  own: string[],
  before: readonly string[],
  { outermost, bson }: { outermost: boolean; bson: boolean },
): Iterable<string> {
  const first = outermost && own.includes('_id') && !(bson && before.includes('_id')) ? ['_id'] : []
  const wanted = first.length > 0 ? [...first, ...before] : before
  if (wanted.every((key, index) => key === own[index])) return own
  const present = new Set(own)
  return new Set([...wanted.filter((key) => present.has(key)), ...own])
}

/** A document in work. */
interface BsonWriter {
  readonly buffer: BsonBuffer
  /** The keys that lead to the element in work; `depth` of them count. */
  readonly path: string[]
  /** Documents and arrays that are open. */
  depth: number
  elements: number
  /** Some of it was copied from the origin. */
  copies: boolean
  readonly maxDepth: number
  readonly maxElements: number
  readonly maxBytes: number
}

/** A string, code or symbol. */
function putStringElement(writer: BsonWriter, type: 0x02 | 0x0d | 0x0e, key: string, value: string): void {
  putHead(writer, type, key)
  putString(writer, value)
}

/** @param type - what the origin says of the number: a double stays one, an int64 stays wide */
function putNumberElement(writer: BsonWriter, key: string, value: number, type: NeutralType | undefined): void {
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
function putBigIntElement(writer: BsonWriter, key: string, value: bigint, type: NeutralType | undefined): void {
  if (value !== BigInt.asIntN(64, value)) refuse(writer, 'ERR_SESSION_UNWRITABLE', 'an integer of more than 64 bits')
  if (type !== 'int64' && value === BigInt.asIntN(32, value)) {
    putHead(writer, 0x10, key)
    putInt32(writer.buffer, Number(value))
  } else {
    putHead(writer, 0x12, key)
    putBigInt64(writer.buffer, value)
  }
}

function putBooleanElement(writer: BsonWriter, key: string, value: boolean): void {
  putHead(writer, 0x08, key)
  putByte(writer.buffer, value ? 1 : 0)
}

/** A special value but those that hold a document. */
function putSpecialElement(writer: BsonWriter, key: string, element: SpecialElement): void {
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
function putHead(writer: BsonWriter, type: number, key: string): void {
  countElement(writer)
  putByte(writer.buffer, type)
  putName(writer, key)
}

/** `string`: text after its length, which counts the NUL at its end. */
function putString(writer: BsonWriter, text: string): void {
  const { buffer } = writer
  needRoom(writer, text.length)
  const start = buffer.position
  putInt32(buffer, 0)
  if (!putText(buffer, text, 0)) refuse(writer, 'ERR_SESSION_UNWRITABLE', 'text with a lone surrogate')
  buffer.view.setInt32(start, buffer.position - start - 4, true)
}

function countElement(writer: BsonWriter): void {
  if (++writer.elements > writer.maxElements) refuse(writer, 'ERR_SESSION_LIMIT', 'too many elements')
}

/** Refuses what would pass the limit before it takes memory; what was written in between counts too. */
function needRoom(writer: BsonWriter, length: number): void {
  if (writer.buffer.position + length > writer.maxBytes) refuse(writer, 'ERR_SESSION_LIMIT', 'too many bytes')
}

/** @param reason - what stands at the path; never the value */
function refuse(writer: BsonWriter, code: SessionErrorCode, reason: string): never {
  throw errorAt(writer.path.slice(0, writer.depth).join('.'), code, `BSON can't hold this: ${reason}`)
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

/** Bytes up to `position` are written. */
interface BsonBuffer {
  bytes: Uint8Array<ArrayBuffer>
  view: DataView
  position: number
}

/** An empty buffer with room for a typical session. */
function createBuffer(): BsonBuffer {
  const bytes = new Uint8Array(1024)
  return { bytes, view: new DataView(bytes.buffer), position: 0 }
}

function putByte(buffer: BsonBuffer, value: number): void {
  reserve(buffer, 1)
  buffer.bytes[buffer.position++] = value
}

function putInt32(buffer: BsonBuffer, value: number): void {
  reserve(buffer, 4)
  buffer.view.setInt32(buffer.position, value, true)
  buffer.position += 4
}

/** @param value - an integer of 64 bits, signed */
function putInt64(buffer: BsonBuffer, value: number): void {
  reserve(buffer, 8)
  // Dividing by a power of two is exact, and ToUint32 takes the low half of any integer.
  buffer.view.setUint32(buffer.position, value, true)
  buffer.view.setInt32(buffer.position + 4, Math.floor(value / 2 ** 32), true)
  buffer.position += 8
}

/** @param value - an integer of 64 bits; its low 64 bits are written */
function putBigInt64(buffer: BsonBuffer, value: bigint): void {
  reserve(buffer, 8)
  buffer.view.setBigInt64(buffer.position, value, true)
  buffer.position += 8
}

function putDouble(buffer: BsonBuffer, value: number): void {
  reserve(buffer, 8)
  buffer.view.setFloat64(buffer.position, value, true)
  buffer.position += 8
}

/** Puts bytes `start` to `end` of an array. */
function putBytes(buffer: BsonBuffer, bytes: Uint8Array, start = 0, end: number = bytes.length): void {
  const length = end - start
  reserve(buffer, length)
  // Calls cost more than a few bytes do.
  if (length > 48) buffer.bytes.set(bytes.subarray(start, end), buffer.position)
  else
    for (let index = 0; index < length; index++) buffer.bytes[buffer.position + index] = bytes[start + index] as number
  buffer.position += length
}

/**
 * Puts text as UTF-8, with a NUL after it.
 *
 * @param firstCode - the lowest code it may hold: 1 where NUL means the end
 * @returns false if it holds a lower one, or a lone surrogate
 */
function putText(buffer: BsonBuffer, text: string, firstCode: 0 | 1): boolean {
  const { length } = text
  // No unit of UTF-16 takes more than three bytes.
  reserve(buffer, length * 3 + 1)
  const { bytes } = buffer
  let { position } = buffer
  for (let index = 0; index < length; index++) {
    let code = text.charCodeAt(index)
    if (code < 0x80) {
      if (code < firstCode) return false
      bytes[position++] = code
      continue
    }
    if (code < 0x800) {
      bytes[position++] = 0xc0 | (code >> 6)
    } else {
      if (code >= 0xd800 && code < 0xe000) {
        const low = text.charCodeAt(++index)
        if (code >= 0xdc00 || (low & 0xfc00) !== 0xdc00) return false
        code = 0x10000 + ((code & 0x3ff) << 10) + (low & 0x3ff)
        bytes[position++] = 0xf0 | (code >> 18)
        bytes[position++] = 0x80 | ((code >> 12) & 0x3f)
      } else bytes[position++] = 0xe0 | (code >> 12)
      bytes[position++] = 0x80 | ((code >> 6) & 0x3f)
    }
    bytes[position++] = 0x80 | (code & 0x3f)
  }
  bytes[position++] = 0
  buffer.position = position
  return true
}

function reserve(buffer: BsonBuffer, length: number): void {
  const needed = buffer.position + length
  if (needed <= buffer.bytes.length) return
  const bytes = new Uint8Array(Math.max(needed, buffer.bytes.length * 2))
  bytes.set(buffer.bytes.subarray(0, buffer.position))
  buffer.bytes = bytes
  buffer.view = new DataView(bytes.buffer)
}
