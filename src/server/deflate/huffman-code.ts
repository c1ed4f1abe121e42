/**
 * The Huffman codes of a DEFLATE stream: which bits stand for each symbol of an alphabet.
 * RFC 1951 §3.2.1 and §3.2.2.
 */
import { newWord, wordLength } from './tokens.js'
import { countWords, WORD_BITS } from './word-lengths.js'

/** The code of one alphabet. Each is used again for the next stream. */
export interface HuffmanCode {
  /** How often each symbol occurs in the stream. */
  readonly frequencies: Int32Array
  /** What stands for each symbol, made by `newWord`; 0: nothing does. */
  readonly words: Int32Array
  /** The symbols that have words, in ascending order: the first `size` of them. */
  readonly symbols: Int32Array
  size: number
}

/** Bits of a symbol in a number that begins with its frequency, so that it sorts by both. */
const SYMBOL_BITS = 9
const SYMBOL = (1 << SYMBOL_BITS) - 1
/** Fewer are sorted by insertion alone. */
const FEW = 16
/** Frequencies below it are sorted by counting. */
const COUNTED = 32

// What is in work. One of each is enough: nothing here calls back while it runs.
const ranks: Int32Array = new Int32Array(1 << SYMBOL_BITS)
const places: Int32Array = new Int32Array(COUNTED + 1)
/** How many words of each length there are. */
const counts: Int32Array = new Int32Array(WORD_BITS + 1)
const nextWords: Int32Array = new Int32Array(WORD_BITS + 1)
/** The numbers of eight bits, backwards. */
const backwards: Uint8Array = /* @__PURE__ */ Uint8Array.from({ length: 256 }, (_, number) => reverse(number))

/**
 * @param frequencies - has a place for each symbol, of which there are 512 at most
 * @param words - as many places
 */
export function newCode(frequencies: Int32Array, words: Int32Array): HuffmanCode {
  return { frequencies, words, symbols: new Int32Array(frequencies.length), size: 0 }
}

/** Gives words of these lengths to all symbols. */
export function giveWords(words: Int32Array, lengths: Uint8Array): void {
  words.set(lengths)
  counts.fill(0)
  for (const length of lengths) counts[length] = (counts[length] as number) + 1
  assignWords(words, Int32Array.from(lengths.keys()), lengths.length, WORD_BITS)
}

/**
 * Gives words to the symbols that occur, the shortest to the most frequent, and to two of them at least: not every reader takes a
 * code of one word.
 *
 * @param limit - most bits of a word
 * @returns bits of all words in the stream
 */
export function makeCode(code: HuffmanCode, limit: number): number {
  collect(code)
  rank(code)
  countWords(ranks, code.size, SYMBOL_BITS, limit, counts)
  shareLengths(code, limit)
  assignWords(code.words, code.symbols, code.size, limit)
  return bitsOf(code, code.words)
}

/** Bits of all symbols of the stream, in these words. */
export function bitsOf({ frequencies, symbols, size }: HuffmanCode, words: Int32Array): number {
  let bits = 0
  for (let index = 0; index < size; index++) {
    const symbol = symbols[index] as number
    bits += (frequencies[symbol] as number) * wordLength(words[symbol] as number)
  }
  return bits
}

function collect(code: HuffmanCode): void {
  const { frequencies, symbols } = code
  let size = 0
  for (let symbol = 0; symbol < frequencies.length; symbol++) if (frequencies[symbol]) symbols[size++] = symbol
  if (size < 2) {
    const only = size === 0 ? 1 : (symbols[0] as number)
    symbols[0] = 0
    symbols[1] = Math.max(only, 1)
    size = 2
  }
  code.size = size
}

/** Sorts the symbols by frequency, the rarest first. */
function rank({ frequencies, symbols, size }: HuffmanCode): void {
  if (size < FEW) {
    for (let index = 0; index < size; index++) insert(frequencies, symbols[index] as number, 0, index)
    return
  }
  findPlaces(frequencies, symbols, size)
  const firstFrequent = places[COUNTED] as number
  for (let index = 0; index < size; index++) {
    const symbol = symbols[index] as number
    const frequency = frequencies[symbol] as number
    const group = frequency < COUNTED ? frequency : COUNTED
    const place = places[group] as number
    places[group] = place + 1
    if (group === COUNTED) insert(frequencies, symbol, firstFrequent, place)
    else ranks[place] = (frequency << SYMBOL_BITS) | symbol
  }
}

/** Among the sorted ones from `first` to `end`. */
function insert(frequencies: Int32Array, symbol: number, first: number, end: number): void {
  const rank = ((frequencies[symbol] as number) << SYMBOL_BITS) | symbol
  let place = end
  for (; place > first && (ranks[place - 1] as number) > rank; place--) ranks[place] = ranks[place - 1] as number
  ranks[place] = rank
}

/** Where the symbols of each frequency begin, by counting; from `COUNTED` on they are one group. */
function findPlaces(frequencies: Int32Array, symbols: Int32Array, size: number): void {
  for (let group = 0; group <= COUNTED; group++) places[group] = 0
  for (let index = 0; index < size; index++) {
    const frequency = frequencies[symbols[index] as number] as number
    const group = frequency < COUNTED ? frequency : COUNTED
    places[group] = (places[group] as number) + 1
  }
  let place = 0
  for (let group = 0; group <= COUNTED; group++) {
    const count = places[group] as number
    places[group] = place
    place += count
  }
}

/** The most frequent symbols get the shortest words. */
function shareLengths({ words, size }: HuffmanCode, limit: number): void {
  let index = size
  for (let length = 1; length <= limit; length++) {
    for (let count = counts[length] as number; count > 0; count--) words[(ranks[--index] as number) & SYMBOL] = length
  }
}

/**
 * Words of one length follow each other as numbers, in the order of their symbols.
 *
 * @param words - the lengths; gets the words
 */
function assignWords(words: Int32Array, symbols: Int32Array, size: number, limit: number): void {
  let next = 0
  for (let length = 1; length <= limit; length++) {
    nextWords[length] = next
    next = (next + (counts[length] as number)) << 1
  }
  for (let index = 0; index < size; index++) {
    const symbol = symbols[index] as number
    const length = words[symbol] as number
    const word = nextWords[length] as number
    nextWords[length] = word + 1
    const reversed = ((backwards[word & 255] as number) << 8) | (backwards[word >> 8] as number)
    words[symbol] = newWord(reversed >> (16 - length), length)
  }
}

function reverse(number: number): number {
  let reversed = 0
  for (let bit = 0; bit < 8; bit++) reversed |= ((number >> bit) & 1) << (7 - bit)
  return reversed
}
