/**
 * What a DEFLATE stream consists of: symbols, some with extra bits behind them; and how they become octets, from the lowest bit
 * of each to the highest. RFC 1951 §3.1.1, §3.2.5 and §3.2.7.
 */

// A token is a number: `extra << 13 | extraLength << 9 | symbol`.
const SYMBOL = 511
const EXTRA_LENGTH_SHIFT = 9
const EXTRA_LENGTH = 15
const EXTRA_SHIFT = 13

// So is the word that stands for a symbol, its first bit lowest: `bits << 4 | length`.
const WORD_LENGTH = 15
const WORD_SHIFT = 4

/** The first symbol for a length. Below it are the octets. */
export const LENGTHS = 257
/** The first symbol for a distance. They have a code of their own, but no number that another symbol has. */
export const DISTANCES = 288

export function newToken(symbol: number, extra: number, extraLength: number): number {
  return (extra << EXTRA_SHIFT) | (extraLength << EXTRA_LENGTH_SHIFT) | symbol
}

export function newWord(bits: number, length: number): number {
  return (bits << WORD_SHIFT) | length
}

export function wordLength(word: number): number {
  return word & WORD_LENGTH
}

/** @param length - 3 to 257 */
export function lengthToken(length: number): number {
  return groupToken(LENGTHS, length - 3, 2)
}

/** @param distance - 1 to 32768 */
export function distanceToken(distance: number): number {
  return groupToken(DISTANCES, distance - 1, 1)
}

/** Symbols stand for `1 << groupBits` values each, then for as many groups of twice as many, and so on. */
function groupToken(first: number, value: number, groupBits: number): number {
  const bits = 31 - Math.clz32(value) - groupBits
  if (bits <= 0) return first + value
  return newToken(first + (bits << groupBits) + (value >> bits), value & ((1 << bits) - 1), bits)
}

/** Counts the symbols of tokens. */
export function countSymbols(tokens: Int32Array, count: number, frequencies: Int32Array): void {
  for (let index = 0; index < count; index++) {
    const symbol = (tokens[index] as number) & SYMBOL
    frequencies[symbol] = (frequencies[symbol] as number) + 1
  }
}

/**
 * @param position - where to begin, in bits; what stands from there on is overwritten, up to two octets beyond the end
 * @param value - less than `2 ** length`
 * @param length - at most 15
 * @returns where the bits end
 */
export function putBits(output: Uint8Array, position: number, value: number, length: number): number {
  const at = position >> 3
  const before = position & 7
  const bits = ((output[at] as number) & ((1 << before) - 1)) | (value << before)
  output[at] = bits
  output[at + 1] = bits >> 8
  output[at + 2] = bits >> 16
  return position + length
}

/**
 * Puts the word of each token's symbol, and its extra bits.
 *
 * @param position - where to begin, in bits; up to two octets beyond the end are overwritten
 * @param words - as a `HuffmanCode` has them
 * @returns where the bits end
 */
export function putTokens(
  output: Uint8Array,
  position: number,
  tokens: Int32Array,
  count: number,
  words: Int32Array,
): number {
  let end = position >> 3
  // Up to 15 bits wait until there are two octets.
  let waiting = position & 7
  let bits = (output[end] as number) & ((1 << waiting) - 1)
  for (let index = 0; index < count; index++) {
    const token = tokens[index] as number
    const word = words[token & SYMBOL] as number
    bits |= (word >> WORD_SHIFT) << waiting
    waiting += word & WORD_LENGTH
    if (waiting > 15) {
      output[end++] = bits
      output[end++] = bits >> 8
      bits >>>= 16
      waiting -= 16
    }
    if (token > SYMBOL) {
      bits |= (token >> EXTRA_SHIFT) << waiting
      waiting += (token >> EXTRA_LENGTH_SHIFT) & EXTRA_LENGTH
      if (waiting > 15) {
        output[end++] = bits
        output[end++] = bits >> 8
        bits >>>= 16
        waiting -= 16
      }
    }
  }
  output[end] = bits
  output[end + 1] = bits >> 8
  return end * 8 + waiting
}
