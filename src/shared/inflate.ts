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
  const output: number[] = []
  /** In bits. */
  let position = 0

  // CM 8, CINFO up to 7, FCHECK, no FDICT.
  const header = readUint16()
  if ((header & 0x8f20) !== 0x800 || header % 31) broken()
  for (let last = 0; !last; ) {
    last = readBits(1)
    const type = readBits(2)
    if (type > 2) broken()
    if (type) inflateCompressed(type)
    else copyStored()
  }
  skip(-position & 7)
  const result = new Uint8Array(output)
  if (adler32(result) !== readUint16() * 65_536 + readUint16() || position < bytes.length * 8) broken()
  return result

  /** RFC 1951 §3.2.4. */
  function copyStored(): void {
    skip(-position & 7)
    let length = readBits(16)
    if (length + readBits(16) !== 0xffff) broken()
    while (length--) output.push(readBits(8))
    checkLimit()
  }

  /** RFC 1951 §3.2.3, with the codes of §3.2.6 and §3.2.7. */
  function inflateCompressed(type: number): void {
    let literalCount = 288
    let lengths: number[]
    if (type > 1) {
      literalCount = readBits(5) + 257
      const distanceCount = readBits(5) + 1
      if (literalCount > 286 || distanceCount > 30) broken()
      lengths = readLengths(literalCount + distanceCount)
    } else lengths = new Array<number>(320).fill(8).fill(9, 144, 256).fill(7, 256, 280).fill(5, 288)
    const literals = huffmanTable(lengths.slice(0, literalCount))
    const distances = huffmanTable(lengths.slice(literalCount))
    for (let value = readSymbol(literals); value !== 256; value = readSymbol(literals)) {
      if (value < 256) output.push(value)
      else {
        let length = value === 285 ? 258 : readExtended(value - 257, 2) + 3
        const distance = readExtended(readSymbol(distances), 1) + 1
        // Two symbols of each alphabet stand for no length and no distance (RFC 1951 §3.2.5).
        if (length > 258 || distance > 32_768 || distance > output.length) broken()
        while (length--) output.push(output[output.length - distance] as number)
      }
      checkLimit()
    }
  }

  /** Reads the code lengths of a block, which are compressed too (RFC 1951 §3.2.7). */
  function readLengths(count: number): number[] {
    const codeLengths = new Array<number>(19).fill(0)
    const given = readBits(4) + 4
    for (let i = 0; i < given; i++) codeLengths[parseInt(LENGTH_ORDER.charAt(i), 36)] = readBits(3)
    const code = huffmanTable(codeLengths)
    const lengths: number[] = []
    while (lengths.length < count) {
      const value = readSymbol(code)
      const length = value < 16 ? value : value < 17 ? lengths[lengths.length - 1] : 0
      if (length === undefined) broken()
      let times = value < 16 ? 1 : value < 18 ? readBits(value - 14) + 3 : readBits(7) + 11
      while (times--) lengths.push(length)
    }
    if (lengths.length > count) broken()
    return lengths
  }

  function readSymbol(table: HuffmanTable): number {
    const entry = table[peek() & (table.length - 1)]
    if (!entry) broken()
    skip(entry & 15)
    return entry >> 4
  }

  /** Lengths and distances are symbols in groups of `1 << groupBits`; each group has one extra bit more (§3.2.5). */
  function readExtended(value: number, groupBits: number): number {
    const extra = (value >> groupBits) - 1
    const group = 1 << groupBits
    return extra > 0 ? ((group | (value & (group - 1))) << extra) + readBits(extra) : value
  }

  function readBits(count: number): number {
    const value = peek() & ((1 << count) - 1)
    skip(count)
    return value
  }

  function readUint16(): number {
    return readBits(8) * 256 + readBits(8)
  }

  /** The next 17 bits or more; behind the end they are zeros. */
  function peek(): number {
    const at = position >> 3
    const next = (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16)
    return next >> (position & 7)
  }

  function skip(count: number): void {
    position += count
    if (position > bytes.length * 8) broken()
  }

  function checkLimit(): void {
    if (output.length > limit) throw new SessionError('ERR_SESSION_LIMIT')
  }
}

/** The order of the lengths of the code for lengths, one base-36 digit each (RFC 1951 §3.2.7). */
const LENGTH_ORDER = 'ghi08796a5b4c3d2e1f'

/** The next bits of a stream choose an entry `symbol << 4 | length`; it is 0 if no code begins with these bits. */
type HuffmanTable = number[]

/**
 * The table of a canonical Huffman code (RFC 1951 §3.2.2).
 *
 * @param lengths - of the code of each symbol; 0 if it has none
 */
function huffmanTable(lengths: readonly number[]): HuffmanTable {
  const symbols: number[][] = []
  for (let symbol = 0; symbol < lengths.length; symbol++) {
    const length = lengths[symbol] as number
    if (length) {
      symbols[length] ??= []
      symbols[length].push(symbol)
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
