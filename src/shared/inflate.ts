/**
 * Inflates a zlib stream (RFC 1950) of DEFLATE blocks (RFC 1951), strictly and within a limit.
 * docs/decisions.md says why this is no library.
 */
import { SessionError } from './errors.js'

/**
 * Inflates a zlib stream. The checksum finds accidents; it does not tell who made the stream.
 *
 * @param bytes - one whole stream and nothing after it
 * @param limit - the most bytes that may come out
 * @returns the bytes, in their own array
 * @throws {SessionError} `ERR_SESSION_LIMIT` if more than `limit` bytes would come out; `ERR_SESSION_COMPRESSION` for
 *   another method, a preset dictionary, a stream that is broken, cut or followed by more bytes, or a wrong checksum
 * @see RFC 1950 §2.2, RFC 1951 §3.2
 */
export function inflateZlib(bytes: Uint8Array, limit: number): Uint8Array<ArrayBuffer> {
  const stream: Stream = { bytes, position: 0, output: [], limit }
  // CM 8, CINFO up to 7, FCHECK, no FDICT.
  const header = uint16(stream)
  if ((header & 0x8f20) !== 0x800 || header % 31) broken()
  for (let last = 0; !last; ) {
    last = bits(stream, 1)
    const type = bits(stream, 2)
    if (type > 2) broken()
    if (type) inflateCompressed(stream, type)
    else copyStored(stream)
  }
  drop(stream, -stream.position & 7)
  const result = new Uint8Array(stream.output)
  if (adler32(result) !== uint16(stream) * 65_536 + uint16(stream) || stream.position < bytes.length * 8) broken()
  return result
}

/** A stream and what came out of it up to now. */
interface Stream {
  readonly bytes: Uint8Array
  /** In bits. */
  position: number
  /** At most `limit` bytes. */
  readonly output: number[]
  readonly limit: number
}

/** RFC 1951 §3.2.4. */
function copyStored(stream: Stream): void {
  drop(stream, -stream.position & 7)
  let length = bits(stream, 16)
  if (length + bits(stream, 16) !== 0xffff) broken()
  while (length--) put(stream, bits(stream, 8))
}

/** RFC 1951 §3.2.3, with the codes of §3.2.6 and §3.2.7. */
function inflateCompressed(stream: Stream, type: number): void {
  const lengths = new Array<number>(320).fill(0)
  let literalCount = 288
  let count = 320
  if (type > 1) {
    literalCount = bits(stream, 5) + 257
    count = literalCount + bits(stream, 5) + 1
    if (literalCount > 286 || count - literalCount > 30) broken()
    readLengths(stream, lengths, count)
  } else lengths.fill(8).fill(9, 144, 256).fill(7, 256, 280).fill(5, 288)
  const literals = huffmanTable(lengths, 0, literalCount)
  const distances = huffmanTable(lengths, literalCount, count)
  for (let value = symbol(stream, literals); value !== 256; value = symbol(stream, literals)) {
    if (value < 256) put(stream, value)
    else {
      const { output } = stream
      let length = value === 285 ? 258 : extended(stream, value - 257, 2) + 3
      const distance = extended(stream, symbol(stream, distances), 1) + 1
      // Two symbols of each alphabet stand for no length and no distance (RFC 1951 §3.2.5).
      if (length > 258 || distance > 32_768 || distance > output.length) broken()
      while (length--) put(stream, output[output.length - distance] as number)
    }
  }
}

/** Reads the code lengths of a block, which are compressed too (RFC 1951 §3.2.7). */
function readLengths(stream: Stream, lengths: number[], count: number): void {
  const given = bits(stream, 4) + 4
  for (let i = 0; i < given; i++) lengths[parseInt(LENGTH_ORDER.charAt(i), 36)] = bits(stream, 3)
  const table = huffmanTable(lengths, 0, 19)
  let i = 0
  while (i < count) {
    const value = symbol(stream, table)
    const length = value < 16 ? value : value < 17 ? lengths[i - 1] : 0
    if (length === undefined) broken()
    let times = value < 16 ? 1 : value < 18 ? bits(stream, value - 14) + 3 : bits(stream, 7) + 11
    while (times--) lengths[i++] = length
  }
  if (i > count) broken()
}

/** The order of the lengths of the code for lengths, one base-36 digit each (RFC 1951 §3.2.7). */
const LENGTH_ORDER = 'ghi08796a5b4c3d2e1f'

/** The next bits of a stream choose an entry `symbol << 4 | length`; it is 0 if no code begins with these bits. */
type HuffmanTable = number[]

/** The table of the canonical Huffman code whose lengths stand from `start` to `end` (RFC 1951 §3.2.2). */
function huffmanTable(lengths: readonly number[], start: number, end: number): HuffmanTable {
  const symbols: number[][] = []
  for (let i = start; i < end; i++) {
    const length = lengths[i] as number
    if (length) {
      symbols[length] ??= []
      symbols[length].push(i - start)
    }
  }
  const size = (1 << symbols.length) >> 1
  const table = new Array<number>(size).fill(0)
  /** The next code: its highest bit is the lowest of the index, as the stream has it. */
  let next = 0
  let free = size
  for (let length = 1; length < symbols.length; length++) {
    const step = 1 << length
    for (const symbol of symbols[length] ?? []) {
      free -= size >> length
      if (free < 0) broken()
      for (let index = next; index < size; index += step) table[index] = (symbol << 4) | length
      let bit = step >> 1
      for (; next & bit; bit >>= 1) next ^= bit
      next |= bit
    }
  }
  // Only a single code of one bit may leave another code free.
  if (free && size > 2) broken()
  return table
}

function symbol(stream: Stream, table: HuffmanTable): number {
  const entry = table[peek(stream) & (table.length - 1)] as number
  if (!entry) broken()
  drop(stream, entry & 15)
  return entry >> 4
}

/** Lengths and distances are symbols in groups of `1 << groupBits`; each group has one extra bit more (§3.2.5). */
function extended(stream: Stream, value: number, groupBits: number): number {
  const extra = (value >> groupBits) - 1
  const group = 1 << groupBits
  return extra > 0 ? ((group | (value & (group - 1))) << extra) + bits(stream, extra) : value
}

function bits(stream: Stream, count: number): number {
  const value = peek(stream) & ((1 << count) - 1)
  drop(stream, count)
  return value
}

function uint16(stream: Stream): number {
  return bits(stream, 8) * 256 + bits(stream, 8)
}

/** The next 17 bits or more; behind the end they are zeros. */
function peek({ bytes, position }: Stream): number {
  const at = position >> 3
  const next = (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16)
  return next >> (position & 7)
}

function drop(stream: Stream, count: number): void {
  stream.position += count
  if (stream.position > stream.bytes.length * 8) broken()
}

function put({ output, limit }: Stream, byte: number): void {
  if (output.length >= limit) throw new SessionError('ERR_SESSION_LIMIT')
  output.push(byte)
}

/** RFC 1950 §8.2. */
function adler32(bytes: Uint8Array): number {
  let low = 1
  let high = 0
  for (let at = 0; at < bytes.length; at++) {
    // Exact without a modulo before the end: no limit lets it pass 2^53.
    low += bytes[at] as number
    high = (high + low) % 65_521
  }
  return high * 65_536 + (low % 65_521)
}

function broken(): never {
  throw new SessionError('ERR_SESSION_COMPRESSION')
}
