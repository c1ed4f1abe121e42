/**
 * BSON origin: for every element of a document its value, its neutral type and its own octets.
 * BSON specification 1.1, FORMATS §5.
 */
import { type BsonOptions, readBson, readText } from './bson-reader.js'
import type { NeutralType, OriginNode, SessionData } from './types.js'

/**
 * The origin of a document. Nothing is read before it is asked for; then the whole document is, as strictly as
 * `readBson` does. `raw` of the root is the document, `raw` of any other node its element: type, key and value.
 *
 * @param bytes - the document; must not change, for the nodes look into it
 * @param options - as for `readBson`
 * @throws {SessionError} by `value`, `keys()` and `child()`: `ERR_SESSION_BSON`, `ERR_SESSION_LIMIT`
 * @see BSON specification 1.1; FORMATS §5
 */
export function bsonOrigin(bytes: Uint8Array, options: BsonOptions): OriginNode {
  let document: SessionData | undefined
  const read = (): SessionData => {
    document ??= readBson(bytes, options)
    return document
  }
  return {
    format: 'bson',
    raw: bytes,
    get value() {
      return read()
    },
    ...members(() => readMembers(bytes, read())),
  }
}

function members(read: () => Map<string, OriginNode>): Required<Pick<OriginNode, 'keys' | 'child'>> {
  let nodes: Map<string, OriginNode> | undefined
  const all = (): Map<string, OriginNode> => {
    nodes ??= read()
    return nodes
  }
  return { keys: () => all().keys(), child: (key) => all().get(key) }
}

/** `value` is the document as it was read, so `bytes` are well formed. Of equal keys the last wins, in the first's place. */
function readMembers(bytes: Uint8Array, value: SessionData): Map<string, OriginNode> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const nodes = new Map<string, OriginNode>()
  for (let start = 4; bytes[start]; ) {
    const type = bytes[start] as number
    const keyEnd = bytes.indexOf(0, start + 1)
    const key = readText(bytes, start + 1, keyEnd)
    const end = elementEnd(bytes, view, type, keyEnd + 1)
    nodes.set(key, elementNode(type, value[key], bytes.subarray(start, end), keyEnd + 1 - start))
    start = end
  }
  return nodes
}

const NEUTRAL_TYPES: Partial<Record<number, NeutralType>> = { 1: 'double', 16: 'integer', 18: 'int64' }

function elementNode(type: number, value: unknown, raw: Uint8Array, valueStart: number): OriginNode {
  if (type === 0x03 || type === 0x04) {
    return {
      format: 'bson',
      value,
      raw,
      ...members(() => readMembers(raw.subarray(valueStart), value as SessionData)),
    }
  }
  const neutral = NEUTRAL_TYPES[type]
  return neutral ? { format: 'bson', value, raw, type: neutral } : { format: 'bson', value, raw }
}

/** Where an element ends whose value begins at `start`. */
function elementEnd(bytes: Uint8Array, view: DataView, type: number, start: number): number {
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
      return start + view.getInt32(start, true)
    case 0x02:
    case 0x0d:
    case 0x0e:
      return start + 4 + view.getInt32(start, true)
    case 0x05:
      return start + 5 + view.getInt32(start, true)
    case 0x0b:
      return bytes.indexOf(0, bytes.indexOf(0, start) + 1) + 1
    case 0x0c:
      return start + 4 + view.getInt32(start, true) + 12
    default:
      // 06, 0a, 7f and ff say all by their type.
      return start
  }
}
