/**
 * A text as one block of DEFLATE, the last of its stream.
 * RFC 1951 §3.2.3 to §3.2.6.
 */
import { describeCodes } from './code-description.js'
import { bitsOf, giveWords, type HuffmanCode, makeCode, newCode } from './huffman-code.js'
import { findRepeats, LONGEST_TEXT } from './repeats.js'
import { countSymbols, DISTANCES, putBits, putTokens } from './tokens.js'
import { WORD_BITS } from './word-lengths.js'

/** Octets of a stored block beyond those of its text. */
const STORED_HEAD = 5
/**
 * Octets that are needed to try each type of block: 9 bits for each octet of the text, or what describes the codes, which takes 300 at most.
 * The block that is put has at most `STORED_HEAD` more than its text.
 */
export const BLOCK_ROOM: number = 2 * LONGEST_TEXT

/** The last block, and one of these types. */
const STORED = 0b00_1
const FIXED = 0b01_1
const DYNAMIC = 0b10_1
const TYPE_BITS = 3

const END_OF_BLOCK = 256
/** Octets, the end, and lengths. */
const LITERALS = 286
const SYMBOLS = DISTANCES + 30

const tokens: Int32Array = new Int32Array(LONGEST_TEXT + 1)
/** Of all symbols together, in the two codes of a block that brings its own. */
const frequencies: Int32Array = new Int32Array(SYMBOLS)
const words: Int32Array = new Int32Array(SYMBOLS)
const literals: HuffmanCode = newCode(frequencies.subarray(0, LITERALS), words.subarray(0, LITERALS))
const distances: HuffmanCode = newCode(frequencies.subarray(DISTANCES), words.subarray(DISTANCES))
/** In the two codes that need no description. */
const fixedWords: Int32Array = /* @__PURE__ */ makeFixedWords()
const fixedDistances: Int32Array = fixedWords.subarray(DISTANCES)

/**
 * Puts a block of the type that makes it the shortest.
 *
 * @param text - at most `LONGEST_TEXT` octets
 * @param output - has room for `BLOCK_ROOM` octets from `at` on
 * @param at - where to begin, in octets
 * @returns where the block ends
 */
export function putBlock(text: Uint8Array, output: Uint8Array, at: number): number {
  const count = findRepeats(text, tokens)
  tokens[count] = END_OF_BLOCK
  // Not after use: whatever throws in between leaves nothing of one session for the next.
  frequencies.fill(0)
  countSymbols(tokens, count + 1, frequencies)
  const ownBits = makeCode(literals, WORD_BITS) + makeCode(distances, WORD_BITS)
  const start = at * 8
  let end = putBits(output, start, DYNAMIC, TYPE_BITS)
  end = describeCodes(output, end, literals, distances)
  const fixedBits = bitsOf(literals, fixedWords) + bitsOf(distances, fixedDistances)
  if (end - start + ownBits < TYPE_BITS + fixedBits) end = putTokens(output, end, tokens, count + 1, words)
  else {
    end = putBits(output, start, FIXED, TYPE_BITS)
    end = putTokens(output, end, tokens, count + 1, fixedWords)
  }
  return end > start + (text.length + STORED_HEAD) * 8 ? putStored(text, output, at) : (end + 7) >> 3
}

/** RFC 1951 §3.2.4. */
function putStored(text: Uint8Array, output: Uint8Array, at: number): number {
  const { length } = text
  output.set([STORED, length, length >> 8, ~length, ~length >> 8], at)
  output.set(text, at + STORED_HEAD)
  return at + STORED_HEAD + length
}

/** RFC 1951 §3.2.6. */
function makeFixedWords(): Int32Array {
  const fixed = new Int32Array(SYMBOLS)
  giveWords(fixed.subarray(0, DISTANCES), new Uint8Array(DISTANCES).fill(8).fill(9, 144, 256).fill(7, 256, 280))
  giveWords(fixed.subarray(DISTANCES), new Uint8Array(30).fill(5))
  return fixed
}
