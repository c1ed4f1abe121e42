/**
 * Reads the arguments of opcodes, and never past the end.
 * FORMATS §7.1: little-endian lengths, big-endian floats, lines that end with a newline.
 */
import { SessionError } from '../errors.js'

export interface Cursor {
  readonly bytes: Uint8Array
  position: number
}

/** A cursor at the first octet. */
export function cursorOf(input: Uint8Array): Cursor {
  // The `slice` of a Buffer shares its memory; what is read must not change with the input.
  const plain = input.constructor === Uint8Array
  return { bytes: plain ? input : new Uint8Array(input.buffer, input.byteOffset, input.byteLength), position: 0 }
}

/** Steps over `size` octets. @returns where they begin. @throws {SessionError} `ERR_SESSION_PICKLE` */
export function take(cursor: Cursor, size: number): number {
  const start = cursor.position
  if (size > cursor.bytes.length - start) throw new SessionError('ERR_SESSION_PICKLE', 'the pickle is cut short')
  cursor.position = start + size
  return start
}

export function octet(cursor: Cursor): number {
  return cursor.bytes[take(cursor, 1)] as number
}

export function uint16(cursor: Cursor): number {
  const at = take(cursor, 2)
  return (cursor.bytes[at] as number) | ((cursor.bytes[at + 1] as number) << 8)
}

export function int32(cursor: Cursor): number {
  const { bytes } = cursor
  const at = take(cursor, 4)
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  )
}

export function uint32(cursor: Cursor): number {
  return int32(cursor) >>> 0
}

/** A length of eight octets; beyond 2⁵³ it is no longer exact, but far too long anyway. */
export function uint64(cursor: Cursor): number {
  const low = uint32(cursor)
  return uint32(cursor) * 4294967296 + low
}

let scratch: DataView | undefined

/** Big-endian; through one scratch view, since a `DataView` for each pickle costs more than the reading. */
export function float64(cursor: Cursor): number {
  const start = take(cursor, 8)
  scratch ??= new DataView(new ArrayBuffer(8))
  for (let at = 0; at < 8; at++) scratch.setUint8(at, cursor.bytes[start + at] as number)
  return scratch.getFloat64(0)
}

/** Steps over the next newline. @returns where it is. @throws {SessionError} `ERR_SESSION_PICKLE` */
export function lineEnd(cursor: Cursor): number {
  const end = cursor.bytes.indexOf(0x0a, cursor.position)
  if (end === -1) throw new SessionError('ERR_SESSION_PICKLE', 'the pickle is cut short')
  cursor.position = end + 1
  return end
}

/** The octets up to the next newline, which is stepped over. @throws {SessionError} `ERR_SESSION_PICKLE` */
export function line(cursor: Cursor): Uint8Array {
  const start = cursor.position
  return cursor.bytes.subarray(start, lineEnd(cursor))
}
