/**
 * BSON writer: one document as pymongo writes it, with the elements that did not change as they came.
 * BSON specification 1.1, FORMATS §5.
 */
import { closeBuffer, openBuffer, putByte, putBytes, putInt32 } from './bson-buffer.js'
import {
  type BsonWriter,
  countElement,
  needRoom,
  putBigIntElement,
  putBooleanElement,
  putHead,
  putNumberElement,
  putSpecialElement,
  putString,
  putStringElement,
  refuse,
} from './bson-element.js'
import { BSON_MAX_BYTES, BSON_MAX_DEPTH, BSON_MAX_ELEMENTS } from './bson-limits.js'
import { isPlain, type Members, orderedKeys } from './bson-members.js'
import { type BsonNode, type BsonSlice, isBsonNode } from './bson-origin.js'
import { type SpecialElement, specialElement } from './bson-special.js'
import { equalBytes } from './bytes.js'
import type { OriginNode, SessionData } from './types.js'

export interface BsonWriteOptions {
  /** What the document was when it was read: unchanged elements are copied, changed numbers keep their type. */
  origin?: OriginNode | undefined
  /** Most documents and arrays inside each other, the outermost counted; 64. */
  maxDepth?: number
  /** Most elements in all documents and arrays together; 65 536. */
  maxElements?: number
  /** Most octets of the document; 1 MiB. */
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
 * @throws {SessionError} `ERR_SESSION_UNWRITABLE` for anything else, with `path`; `ERR_SESSION_LIMIT` where it is too deep,
 *   a circle, or too large
 * @throws {TypeError} where `document` is no plain object or Map
 * @see BSON specification 1.1; FORMATS §5
 */
export function writeBson(document: SessionData, options: BsonWriteOptions = {}): Uint8Array<ArrayBuffer> {
  if (!isPlain(document) && !((document as unknown) instanceof Map))
    throw new TypeError('document: must be a plain object')
  const { origin, maxDepth = BSON_MAX_DEPTH, maxElements = BSON_MAX_ELEMENTS, maxBytes = BSON_MAX_BYTES } = options
  const buffer = openBuffer()
  try {
    const writer: BsonWriter = { buffer, path: [], depth: 0, elements: 0, maxDepth, maxElements, maxBytes }
    if (putDocument(writer, document, origin) && isBsonNode(origin)) putAgain(writer, 0, origin)
    return buffer.bytes.slice(0, buffer.position)
  } finally {
    closeBuffer(buffer)
  }
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
  const plain = isPlain(value)
  const special = plain ? undefined : specialElement(value)
  if (special) return putSpecial(writer, key, special, node)
  if (special === null) refuse(writer, 'ERR_SESSION_UNWRITABLE', 'a value that its type does not allow')
  const { toJSON } = value as { toJSON?: unknown }
  if (typeof toJSON === 'function' && !resolved) return putElement(writer, key, toJSON.call(value, key), node, true)
  if (!plain) refuse(writer, 'ERR_SESSION_UNWRITABLE', `an instance of ${value.constructor?.name ?? 'no class'}`)
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

/** Replaces what was put since `start` by the octets that it came from, for they may have one key twice. */
function putAgain(writer: BsonWriter, start: number, { raw }: BsonNode): void {
  writer.buffer.position = start
  putSlice(writer, raw)
}

function putSlice(writer: BsonWriter, { bytes, start, end }: BsonSlice): void {
  needRoom(writer, end - start)
  putBytes(writer.buffer, bytes, start, end)
}
