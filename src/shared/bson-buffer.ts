/**
 * The octets of a BSON document as they grow.
 * BSON specification 1.1: little-endian numbers, `cstring`, `string`.
 */

/** Octets up to `position` are written. */
export interface BsonBuffer {
  bytes: Uint8Array
  view: DataView
  position: number
}

/** Enough for nearly every session, so that it never has to grow. */
const FIRST_SIZE = 4_096
/** A buffer that had to become larger than this is not kept. */
const LARGEST_KEPT = 65_536

/** One buffer that is used again; absent while it is in use, for a value's `toJSON` may write another document. */
let spare: BsonBuffer | undefined

/** Gives an empty buffer; `closeBuffer` takes it back. */
export function openBuffer(): BsonBuffer {
  const bytes = spare ? spare.bytes : new Uint8Array(FIRST_SIZE)
  const buffer = spare ?? { bytes, view: new DataView(bytes.buffer), position: 0 }
  spare = undefined
  buffer.position = 0
  return buffer
}

/** Ends the use of a buffer, whose octets count as gone. */
export function closeBuffer(buffer: BsonBuffer): void {
  if (buffer.bytes.length <= LARGEST_KEPT) spare = buffer
}

export function putByte(buffer: BsonBuffer, value: number): void {
  reserve(buffer, 1)
  buffer.bytes[buffer.position++] = value
}

export function putInt32(buffer: BsonBuffer, value: number): void {
  reserve(buffer, 4)
  buffer.view.setInt32(buffer.position, value, true)
  buffer.position += 4
}

/** @param value - an integer of 64 bits, signed */
export function putInt64(buffer: BsonBuffer, value: number): void {
  reserve(buffer, 8)
  // Dividing by a power of two is exact, and ToUint32 takes the low half of any integer.
  buffer.view.setUint32(buffer.position, value, true)
  buffer.view.setInt32(buffer.position + 4, Math.floor(value / 2 ** 32), true)
  buffer.position += 8
}

/** @param value - an integer of 64 bits; its low 64 bits are written */
export function putBigInt64(buffer: BsonBuffer, value: bigint): void {
  reserve(buffer, 8)
  buffer.view.setBigInt64(buffer.position, value, true)
  buffer.position += 8
}

export function putDouble(buffer: BsonBuffer, value: number): void {
  reserve(buffer, 8)
  buffer.view.setFloat64(buffer.position, value, true)
  buffer.position += 8
}

/** Puts octets `start` to `end` of an array. */
export function putBytes(buffer: BsonBuffer, bytes: Uint8Array, start = 0, end: number = bytes.length): void {
  const length = end - start
  reserve(buffer, length)
  // Calls cost more than a few octets do.
  if (length > 48) buffer.bytes.set(bytes.subarray(start, end), buffer.position)
  else
    for (let index = 0; index < length; index++) buffer.bytes[buffer.position + index] = bytes[start + index] as number
  buffer.position += length
}

/**
 * Puts text as UTF-8, with a NUL after it.
 *
 * @param firstCode - the lowest code it may hold: 1 where NUL means the end
 * @returns false where it holds a lower one, or a lone surrogate
 */
export function putText(buffer: BsonBuffer, text: string, firstCode: 0 | 1): boolean {
  const { length } = text
  // No unit of UTF-16 takes more than three octets.
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
