/**
 * Inflates a zlib stream (RFC 1950) of DEFLATE blocks (RFC 1951), strictly and into a buffer that is used again.
 * No library: that of fflate takes 290 KB at import, checks no sum, and does not tell where the stream ended.
 */
import { SessionError } from './errors.js'

/**
 * A canonical Huffman code (RFC 1951 §3.2.2) as a table: how many of the next bits of the stream choose an entry, as a mask,
 * and the entries `symbol << 4 | length`, or 0 where no code begins like this.
 */
type HuffmanTable = number[]

/** How the lengths of the code for lengths are ordered (RFC 1951 §3.2.7). */
const LENGTH_ORDER = 'ghi08796a5b4c3d2e1f'

/** The stream in work. One is enough: nothing here calls back while it runs. */
let input: Uint8Array
/** In bits. */
let position: number
let output: Uint8Array = new Uint8Array()
const literals: HuffmanTable = []
const distances: HuffmanTable = []
const lengths: Uint8Array = new Uint8Array(320)
let size: number
let largest: number
/** The sums of Adler-32 (RFC 1950 §8.2); the lower one is exact as it is, for more octets than any limit allows. */
let low: number
let high: number

/**
 * Inflates a zlib stream. Its checksum tells of accidents, not of authors.
 *
 * @param bytes - one whole stream and nothing after it
 * @param limit - most octets that may come out; the memory for them is kept
 * @returns a view of a buffer that the next call uses again: copy what must last longer
 * @throws {SessionError} `ERR_SESSION_LIMIT` where more than `limit` octets would come out; `ERR_SESSION_COMPRESSION` for
 *   another method, a preset dictionary, a stream that is broken, cut or followed by more octets, or a wrong checksum
 * @see RFC 1950 §2.2, RFC 1951 §3.2
 */
export function inflateZlib(bytes: Uint8Array, limit: number): Uint8Array {
  if (output.length < limit) output = new Uint8Array(limit)
  input = bytes
  largest = limit
  position = size = high = 0
  low = 1

  // CM 8, CINFO up to 7, FCHECK, no FDICT.
  const header = uint16()
  if ((header & 0x8f20) !== 0x800 || header % 31) broken()
  for (let last = 0; !last; ) {
    last = bits(1)
    const type = bits(2)
    if (type > 2) broken()
    if (type) compressed(type)
    else stored()
  }
  drop(-position & 7)
  if (high !== uint16() || low % 65_521 !== uint16() || position < input.length * 8) broken()
  return output.subarray(0, size)
}

/** RFC 1951 §3.2.4. */
function stored(): void {
  drop(-position & 7)
  let length = bits(16)
  if (length + bits(16) !== 0xffff) broken()
  while (length--) put(bits(8))
}

/** RFC 1951 §3.2.3, with the codes of §3.2.6 and §3.2.7. */
function compressed(type: number): void {
  let literalCount = 288
  let count = 320
  if (type > 1) {
    literalCount = bits(5) + 257
    count = literalCount + bits(5) + 1
    const given = bits(4) + 4
    if (literalCount > 286 || count - literalCount > 30) broken()
    lengths.fill(0)
    for (let i = 0; i < given; i++) lengths[parseInt(LENGTH_ORDER.charAt(i), 36)] = bits(3)
    build(distances, 0, 19)
    let i = 0
    while (i < count) {
      const value = symbol(distances)
      const length = value < 16 ? value : value < 17 ? lengths[i - 1] : 0
      if (length === undefined) broken()
      let times = value < 16 ? 1 : value < 18 ? bits(value - 14) + 3 : bits(7) + 11
      while (times--) lengths[i++] = length
    }
    if (i > count) broken()
  } else lengths.fill(8).fill(9, 144, 256).fill(7, 256, 280).fill(5, 288)
  build(literals, 0, literalCount)
  build(distances, literalCount, count)
  for (let value = symbol(literals); value !== 256; value = symbol(literals)) {
    if (value < 256) put(value)
    else {
      let length = value === 285 ? 258 : extended(value - 257, 2) + 3
      const distance = extended(symbol(distances), 1) + 1
      // Two symbols of each kind are there for no length and no distance (RFC 1951 §3.2.5).
      if (length > 258 || distance > 32_768 || distance > size) broken()
      while (length--) put(output[size - distance] as number)
    }
  }
}

/** Makes a table of the lengths between `start` and `end` (RFC 1951 §3.2.2). */
function build(table: HuffmanTable, start: number, end: number): void {
  const symbols: number[][] = []
  for (let i = start; i < end; i++) {
    const length = lengths[i] as number
    if (length) {
      symbols[length] ??= []
      symbols[length].push(i - start)
    }
  }
  let next = 1
  let size = 1
  table[1] = 0
  for (let length = 1; length < symbols.length; length++) {
    for (let i = 1; i <= size; i++) table[size + i] = table[i] as number
    for (const symbol of symbols[length] ?? []) {
      // All codes are taken: the one after the last is the first.
      if (table[next]) broken()
      table[next--] = (symbol << 4) | length
      let bit = size
      for (; next & bit; bit >>= 1) next ^= bit
      next = (next | bit) + 1
    }
    size *= 2
  }
  // Only a single code of one bit may leave another one free.
  if (next > 1 && size > 2) broken()
  table[0] = size - 1
}

function symbol(table: HuffmanTable): number {
  const entry = table[(peek() & (table[0] as number)) + 1] as number
  if (!entry) broken()
  drop(entry & 15)
  return entry >> 4
}

/** Lengths and distances are symbols in groups of `1 << groupBits`, each of one extra bit more (RFC 1951 §3.2.5). */
function extended(value: number, groupBits: number): number {
  const extra = (value >> groupBits) - 1
  const group = 1 << groupBits
  return extra > 0 ? ((group | (value & (group - 1))) << extra) + bits(extra) : value
}

function bits(count: number): number {
  const value = peek() & ((1 << count) - 1)
  drop(count)
  return value
}

function uint16(): number {
  return bits(8) * 256 + bits(8)
}

/** The next 17 bits or more. */
function peek(): number {
  const at = position >> 3
  const octets = (input[at] as number) | ((input[at + 1] as number) << 8) | ((input[at + 2] as number) << 16)
  return octets >> (position & 7)
}

function drop(count: number): void {
  position += count
  if (position > input.length * 8) broken()
}

function put(octet: number): void {
  if (size === largest) throw new SessionError('ERR_SESSION_LIMIT')
  output[size++] = octet
  low += octet
  high = (high + low) % 65_521
}

function broken(): never {
  throw new SessionError('ERR_SESSION_COMPRESSION')
}
