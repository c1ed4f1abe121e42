/**
 * Inflates a zlib stream (RFC 1950) of DEFLATE blocks (RFC 1951), strictly and into a buffer that is used again.
 * No library: that of fflate takes 290 KB at import, checks no sum, and does not tell where the stream ended.
 */
import { SessionError } from './errors.js'

/** A canonical Huffman code (RFC 1951 §3.2.2). */
interface HuffmanCode {
  /** By the next bits of the stream: `symbol << 4 | length`, or 0 where no code begins like this. */
  table: Uint16Array
  /** Takes as many bits as the longest code has. */
  mask: number
}

/** Keeps the sums of the checksum small integers. */
const MODULO_AT = 2 ** 29
/** How the lengths of the code for lengths are ordered (RFC 1951 §3.2.7). */
const LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

/** Made at the first call and used by all: nothing here calls back while it runs. */
let output: Uint8Array = new Uint8Array()
let lengths: Uint8Array
let used: Uint16Array
let literals: HuffmanCode | undefined
let distances: HuffmanCode

/**
 * Inflates a zlib stream. Its checksum tells of accidents, not of authors.
 *
 * @param bytes - one whole stream and nothing after it
 * @param limit - most octets that may come out
 * @returns a view of a buffer that the next call uses again: copy what must last longer
 * @throws {SessionError} `ERR_SESSION_LIMIT` where more than `limit` octets would come out; `ERR_SESSION_COMPRESSION` for
 *   another method, a preset dictionary, a stream that is broken, cut or followed by more octets, or a wrong checksum
 * @see RFC 1950 §2.2, RFC 1951 §3.2
 */
export function inflateZlib(bytes: Uint8Array, limit: number): Uint8Array {
  if (output.length < limit) output = new Uint8Array(limit)
  if (!literals) {
    lengths = new Uint8Array(320)
    used = new Uint16Array(320)
    literals = createCode()
    distances = createCode()
  }
  const end = bytes.length - 4
  let size = 0
  let position = 2
  let held = 0
  let heldBits = 0

  // CM 8, CINFO up to 7, FCHECK, no FDICT.
  const header = (bytes[0] as number) * 256 + (bytes[1] as number)
  if ((header & 0x8f20) !== 0x800 || header % 31) broken()
  let last: number
  do {
    last = bits(1)
    const type = bits(2)
    if (type > 2) broken()
    if (type) compressed(type)
    else stored()
  } while (!last)
  // What was read ahead is given back; the checksum must be all that is left.
  const result = output.subarray(0, size)
  position -= heldBits >> 3
  if (position !== end || adler32(result) !== new DataView(bytes.buffer, bytes.byteOffset + end).getUint32(0)) broken()
  return result

  /** The next bits as a number, 16 at most; zeros stand for bits after the end. */
  function peek(count: number): number {
    while (heldBits < count && position < end) {
      held |= (bytes[position++] as number) << heldBits
      heldBits += 8
    }
    return held & ((1 << count) - 1)
  }

  function drop(count: number): void {
    if (count > heldBits) broken()
    held >>>= count
    heldBits -= count
  }

  function bits(count: number): number {
    const value = peek(count)
    drop(count)
    return value
  }

  function symbol({ table, mask }: HuffmanCode): number {
    const entry = table[peek(15) & mask] as number
    if (!entry) broken()
    drop(entry & 15)
    return entry >> 4
  }

  /** RFC 1951 §3.2.4. */
  function stored(): void {
    position -= heldBits >> 3
    held = heldBits = 0
    const length = bits(16)
    if (length + bits(16) !== 0xffff || position + length > end) broken()
    reserve(length)
    output.set(bytes.subarray(position, position + length), size)
    position += length
    size += length
  }

  /** RFC 1951 §3.2.5. */
  function compressed(type: number): void {
    readCodes(type)
    for (let value = symbol(literals as HuffmanCode); value !== 256; value = symbol(literals as HuffmanCode)) {
      if (value < 256) {
        reserve(1)
        output[size++] = value
      } else {
        let length = value - 254
        if (value > 264) {
          const extra = (value - 261) >> 2
          length = value > 284 ? 258 : ((4 + ((value - 1) & 3)) << extra) + 3 + bits(extra)
        }
        let distance = symbol(distances)
        if (value > 285 || distance > 29) broken()
        if (distance > 3) {
          const extra = (distance >> 1) - 1
          distance = ((2 + (distance & 1)) << extra) + bits(extra)
        }
        if (distance >= size) broken()
        reserve(length)
        for (const stop = size + length; size < stop; size++) output[size] = output[size - distance - 1] as number
      }
    }
  }

  /** RFC 1951 §3.2.6 and §3.2.7. */
  function readCodes(type: number): void {
    let literalCount = 288
    let count = 320
    lengths.fill(8, 0, 144).fill(9, 144, 256).fill(7, 256, 280).fill(8, 280, 288).fill(5, 288)
    if (type > 1) {
      literalCount = bits(5) + 257
      count = literalCount + bits(5) + 1
      const given = bits(4) + 4
      lengths.fill(0)
      for (let i = 0; i < given; i++) lengths[LENGTH_ORDER[i] as number] = bits(3)
      build(distances, 0, 19)
      for (let i = 0; i < count; ) {
        let length: number | undefined = symbol(distances)
        let times = 1
        if (length > 15) {
          times = length > 17 ? 11 + bits(7) : length > 16 ? 3 + bits(3) : 3 + bits(2)
          length = length > 16 ? 0 : lengths[i - 1]
        }
        if (length === undefined || i + times > count) broken()
        while (times--) lengths[i++] = length
      }
    }
    build(literals as HuffmanCode, 0, literalCount)
    build(distances, literalCount, count)
  }

  function reserve(count: number): void {
    if (size + count > limit) throw new SessionError('ERR_SESSION_LIMIT', 'inflates to too many octets')
  }
}

function createCode(): HuffmanCode {
  return { table: new Uint16Array(32_768), mask: 0 }
}

/** Makes a code of the lengths between `start` and `end`. */
function build(code: HuffmanCode, start: number, end: number): void {
  const { table } = code
  let usedCount = 0
  let longest = 0
  for (let i = start; i < end; i++) {
    const length = lengths[i] as number
    if (length) used[usedCount++] = i
    if (length > longest) longest = length
  }
  // The stream has codes with their first bit lowest, so they count up from the other end. The entries of a length
  // begin as those of the length before, said twice.
  let next = 0
  let high = 1
  let count = 0
  table[0] = 0
  for (let length = 1; length <= longest; length++) {
    for (let i = 0; i < high; i++) table[high + i] = table[i] as number
    for (let j = 0; j < usedCount; j++) {
      const i = used[j] as number
      if (lengths[i] === length) {
        // Back at 0, all codes are given away.
        if (count++ && !next) broken()
        table[next] = ((i - start) << 4) | length
        let bit = high
        for (; next & bit; bit >>= 1) next ^= bit
        next |= bit
      }
    }
    high *= 2
  }
  // None may be left, but a code for one symbol alone has one bit.
  if (next && longest > 1) broken()
  code.mask = high - 1
}

/** RFC 1950 §8.2; `high` grows faster than `low`. */
function adler32(bytes: Uint8Array): number {
  let low = 1
  let high = 0
  for (const byte of bytes) {
    low += byte
    high += low
    if (high > MODULO_AT) {
      low %= 65_521
      high %= 65_521
    }
  }
  return (high % 65_521) * 65_536 + (low % 65_521)
}

function broken(): never {
  throw new SessionError('ERR_SESSION_COMPRESSION', 'no complete zlib stream')
}
