/**
 * Inflates a zlib stream (RFC 1950) of DEFLATE blocks (RFC 1951), strictly and within a limit.
 * docs/decisions.md says why this is no library.
 */
import { SessionError } from './errors.js'

/**
 * Inflates a zlib stream. The checksum finds accidents; it does not tell who made the stream. The work is bounded by the bits
 * that go in and the bytes that come out: reading a symbol takes a step for each bit, and a code is built in a few steps for
 * each length that describes it.
 *
 * @param bytes - one whole stream and nothing after it
 * @param limit - the most bytes that may come out
 * @returns the bytes, in their own array
 * @throws {SessionError} `ERR_SESSION_LIMIT` if more than `limit` bytes would come out; `ERR_SESSION_COMPRESSION` for
 *   another method, a preset dictionary, a stream that is broken, cut or followed by more bytes, or a wrong checksum
 * @see RFC 1950 §2.2, RFC 1951 §3.2
 */
export function inflateZlib(bytes: Uint8Array, limit: number): Uint8Array<ArrayBuffer> {
  /** In bits. */
  let position = 0
  const output: number[] = []
  let size = 0
  // CM 8, CINFO up to 7, FCHECK, no FDICT.
  const header = readUint16()
  if ((header & 0x8f20) !== 0x800 || header % 31) broken()
  /** The codes of RFC 1951 §3.2.6, built once: a block that uses them may have ten bits. */
  let fixed: BlockCodes | undefined
  for (let last = 0; !last; ) {
    last = readBits(1)
    const type = readBits(2)
    if (type) {
      // RFC 1951 §3.2.3.
      if (type > 2) broken()
      if (type < 2) fixed ??= blockCodes(Array(320).fill(8).fill(9, 144, 256).fill(7, 256, 280).fill(5, 288), 288)
      const [literals, distances] = (type < 2 && fixed) || readCodes()
      for (let value = readSymbol(literals); value !== 256; value = readSymbol(literals)) {
        if (value < 256) output[size++] = value
        else {
          let length = value === 285 ? 258 : readExtended(value - 257, 4) + 3
          const distance = readExtended(readSymbol(distances), 2) + 1
          // Two symbols of each alphabet stand for no length and no distance (RFC 1951 §3.2.5).
          if (length > 258 || distance > 32_768 || distance > size) broken()
          for (; length--; size++) output[size] = output[size - distance] as number
        }
        if (size > limit) broken('ERR_SESSION_LIMIT')
      }
    } else {
      // RFC 1951 §3.2.4.
      skip(-position & 7)
      let length = readBits(16)
      if (length + readBits(16) !== 0xffff) broken()
      for (; length--; ) output[size++] = readBits(8)
      if (size > limit) broken('ERR_SESSION_LIMIT')
    }
  }
  skip(-position & 7)
  // Adler-32 (RFC 1950 §8.2).
  let low = 1
  let high = 0
  for (const byte of output) {
    // Exact without a modulo before the end: no limit lets it pass 2^53.
    low += byte
    high = (high + low) % 65_521
  }
  if (high !== readUint16() || low % 65_521 !== readUint16() || position < bytes.length * 8) broken()
  return new Uint8Array(output)

  /** Reads the codes of a block as the lengths of their symbols' codes, which are compressed too (RFC 1951 §3.2.7). */
  function readCodes(): BlockCodes {
    /** The order of the lengths of the code for lengths, one character each: `@` is 0, `A` is 1. */
    const lengthOrder = 'PQR@HGIFJEKDLCMBNAO'
    const literalCount = readBits(5) + 257
    const distanceCount = readBits(5) + 1
    const count = literalCount + distanceCount
    if (literalCount > 286 || distanceCount > 30) broken()
    const codeLengths: number[] = Array(19).fill(0)
    const given = readBits(4) + 4
    for (let i = 0; i < given; i++) codeLengths[lengthOrder.charCodeAt(i) & 31] = readBits(3)
    const code = huffmanCode(codeLengths)
    const lengths: number[] = []
    let at = 0
    while (at < count) {
      const value = readSymbol(code)
      const length = value < 16 ? value : value > 16 ? 0 : (lengths[at - 1] ?? broken())
      let times = value < 16 ? 1 : value < 18 ? readBits(value - 14) + 3 : readBits(7) + 11
      while (times--) lengths[at++] = length
    }
    if (at > count) broken()
    return blockCodes(lengths, literalCount)
  }

  /** The codes of one length are consecutive numbers, in the order of their symbols. */
  function readSymbol(code: HuffmanCode): number {
    let bits = peek()
    let length = 0
    let place = 17
    /** How far the bits are beyond the codes of this length. */
    let offset = 0
    do {
      const count = code[++length] as number
      offset = offset * 2 + (bits & 1) - count
      place += count
      bits >>= 1
    } while (offset >= 0)
    skip(length)
    // If no code begins like this, the counts end and the place is NaN.
    return code[place + offset] ?? broken()
  }

  /** Lengths and distances are symbols in groups of `1 << groupBits`; each group has one extra bit more (§3.2.5). */
  function readExtended(value: number, group: number): number {
    const extra = ((value / group) | 0) - 1
    return extra > 0 ? ((value - group * extra) << extra) + readBits(extra) : value
  }

  function readUint16(): number {
    return (readBits(8) << 8) | readBits(8)
  }

  function readBits(count: number): number {
    const value = peek() & ((1 << count) - 1)
    skip(count)
    return value
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
}

type BlockCodes = [literals: HuffmanCode, distances: HuffmanCode]

/** @param lengths - those of the literals, then those of the distances */
function blockCodes(lengths: readonly number[], literalCount: number): BlockCodes {
  return [huffmanCode(lengths.slice(0, literalCount)), huffmanCode(lengths.slice(literalCount))]
}

/**
 * A canonical Huffman code (RFC 1951 §3.2.2): at 1 to 15 how many symbols have a code of this length, and from 17 on those
 * symbols, the ones with the shortest codes first. There is nothing at 16.
 */
type HuffmanCode = number[]

/** @param lengths - of the code of each symbol; 0 if it has none */
function huffmanCode(lengths: readonly number[]): HuffmanCode {
  const code: HuffmanCode = Array(16).fill(0)
  for (const length of lengths) (code[length] as number)++
  /** Where the next symbol of each length goes. */
  const next: number[] = []
  let total = 17
  /** How many codes of a length are free. */
  let free = 1
  for (let length = 1; length < 16; length++) {
    next[length] = total
    total += code[length] as number
    free = free * 2 - (code[length] as number)
  }
  // Once it is negative it stays so. Only a single code of one bit may leave another code free.
  if (free < 0 || (free && total - 17 > (code[1] as number))) broken()
  let symbol = 0
  for (const length of lengths) {
    if (length) code[(next[length] as number)++] = symbol
    symbol++
  }
  return code
}

function broken(code: 'ERR_SESSION_COMPRESSION' | 'ERR_SESSION_LIMIT' = 'ERR_SESSION_COMPRESSION'): never {
  throw new SessionError(code)
}
