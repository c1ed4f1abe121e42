/**
 * BSON origin: for every element of a document its value, its neutral type and where its bytes are.
 * BSON specification 1.1, FORMATS §5.
 */
import type { OriginNode, SessionData } from '../types.js'
import { type BsonTypes, readBson, readText } from './reader.js'

/** Bytes `start` to `end` of `bytes`, not yet cut out. */
export interface BsonSlice {
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
}

/** A value as a BSON document had it. */
export interface BsonNode extends OriginNode {
  readonly format: 'bson'
  /** The element: type, key and value; of the root the document. */
  readonly raw: BsonSlice
}

/**
 * The origin of a document. Nothing is read before it is asked for; then the whole document is, as strictly as
 * `readBson` does.
 *
 * @param bytes - the document; must not change, for the nodes look into it
 * @param types - as for `readBson`
 * @throws {SessionError} by `value`, `keys()` and `child()`: `ERR_SESSION_BSON`, `ERR_SESSION_LIMIT`
 * @see BSON specification 1.1; FORMATS §5
 */
export function bsonOrigin(bytes: Uint8Array, types: BsonTypes): BsonNode {
  let document: SessionData | undefined
  const read = (): SessionData => {
    document ??= readBson(bytes, types)
    return document
  }
  return {
    format: 'bson',
    raw: { bytes, start: 0, end: bytes.length },
    get value() {
      return read()
    },
    ...lazyMembers(() => readMembers(bytes, 0, read())),
  }
}

/** Tells a node that says where its bytes are, which a BSON writer can copy. */
export function isBsonNode(node: OriginNode | undefined): node is BsonNode {
  return node?.format === 'bson' && node.raw !== undefined
}

function lazyMembers(read: () => Map<string, BsonNode>): Required<Pick<OriginNode, 'keys' | 'child'>> {
  let nodes: Map<string, BsonNode> | undefined
  let names: readonly string[] | undefined
  const members = (): Map<string, BsonNode> => {
    nodes ??= read()
    return nodes
  }
  return {
    keys() {
      names ??= [...members().keys()]
      return names
    },
    child: (key) => members().get(key),
  }
}

/**
 * The members of the document at `start`. It was read as `value`, so its bytes are well formed. Of equal keys the last
 * wins, in the place of the first.
 */
function readMembers(bytes: Uint8Array, start: number, value: SessionData): Map<string, BsonNode> {
  const nodes = new Map<string, BsonNode>()
  let position = start + 4
  while (bytes[position]) {
    let keyEnd = position + 1
    while (bytes[keyEnd]) keyEnd++
    const key = readText(bytes, position + 1, keyEnd)
    const type = bytes[position] as number
    const end = elementEnd(bytes, type, keyEnd + 1)
    nodes.set(key, elementNode(type, value[key], { bytes, start: position, end }, keyEnd + 1))
    position = end
  }
  return nodes
}

/** @param start - where the element's value begins */
function elementNode(type: number, value: unknown, raw: BsonSlice, start: number): BsonNode {
  switch (type) {
    case 0x03:
    case 0x04:
      return { format: 'bson', value, raw, ...lazyMembers(() => readMembers(raw.bytes, start, value as SessionData)) }
    case 0x01:
      return { format: 'bson', value, raw, type: 'double' }
    case 0x10:
      return { format: 'bson', value, raw, type: 'integer' }
    case 0x12:
      return { format: 'bson', value, raw, type: 'int64' }
    default:
      return { format: 'bson', value, raw }
  }
}

/** Where an element ends whose value begins at `start`. */
function elementEnd(bytes: Uint8Array, type: number, start: number): number {
  switch (type) {
    case 0x08:
      return start + 1
    case 0x10:
      return start + 4
    case 0x01:
    case 0x09:
    case 0x11:
    case 0x12:
      return start + 8
    case 0x07:
      return start + 12
    case 0x13:
      return start + 16
    case 0x03:
    case 0x04:
    case 0x0f:
      return start + int32(bytes, start)
    case 0x02:
    case 0x0d:
    case 0x0e:
      return start + 4 + int32(bytes, start)
    case 0x05:
      return start + 5 + int32(bytes, start)
    case 0x0b:
      return bytes.indexOf(0, bytes.indexOf(0, start) + 1) + 1
    case 0x0c:
      return start + 4 + int32(bytes, start) + 12
    default:
      // 06, 0a, 7f and ff say all by their type.
      return start
  }
}

/** As far as a length goes, which is never negative where the bytes are well formed. */
function int32(bytes: Uint8Array, start: number): number {
  let value = 0
  for (let index = start + 3; index >= start; index--) value = (value << 8) | (bytes[index] as number)
  return value
}
