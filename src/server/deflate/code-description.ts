/**
 * How a block says which codes it has: the lengths of their words, in a code of its own.
 * RFC 1951 §3.2.7.
 */
import { type HuffmanCode, makeCode, newCode } from './huffman-code.js'
import { countSymbols, newToken, putBits, putTokens, wordLength } from './tokens.js'

/** Bits of the longest word for a length. */
const LIMIT = 7
// Below these, a symbol is a length.
const SAME_AGAIN = 16
const FEW_ZEROS = 17
const MANY_ZEROS = 18
/** The order in which the lengths of these words themselves are given. */
const ORDER: readonly number[] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

const code: HuffmanCode = newCode(new Int32Array(ORDER.length), new Int32Array(ORDER.length))
/** As many as there are lengths at most. */
const tokens: Int32Array = new Int32Array(316)
/** Of the description in work. */
let count = 0

/**
 * @param position - in bits, where the description begins
 * @returns where it ends
 */
export function describeCodes(
  output: Uint8Array,
  position: number,
  literals: HuffmanCode,
  distances: HuffmanCode,
): number {
  count = 0
  const literalCount = addLengths(literals)
  const distanceCount = addLengths(distances)
  const { frequencies, words } = code
  // Not after use: whatever throws in between leaves nothing of one session for the next.
  frequencies.fill(0)
  words.fill(0)
  countSymbols(tokens, count, frequencies)
  makeCode(code, LIMIT)
  let given = ORDER.length
  while (!words[ORDER[given - 1] as number]) given--
  let end = putBits(output, position, literalCount - 257 + ((distanceCount - 1) << 5) + ((given - 4) << 10), 14)
  for (let index = 0; index < given; index++) {
    end = putBits(output, end, wordLength(words[ORDER[index] as number] as number), 3)
  }
  end = putTokens(output, end, tokens, count, words)
  return end
}

/** @returns how many lengths were added: those behind the last word are left out */
function addLengths({ words, symbols, size }: HuffmanCode): number {
  let next = 0
  for (let index = 0; index < size; ) {
    const first = symbols[index] as number
    const length = wordLength(words[first] as number)
    let times = 1
    while (
      ++index < size &&
      symbols[index] === first + times &&
      length === wordLength(words[first + times] as number)
    ) {
      times++
    }
    if (first > next) addZeros(first - next)
    addSame(length, times)
    next = first + times
  }
  return next
}

function addZeros(times: number): void {
  let left = times
  while (left > 10) {
    const some = left < 138 ? left : 138
    tokens[count++] = newToken(MANY_ZEROS, some - 11, 7)
    left -= some
  }
  if (left > 2) tokens[count++] = newToken(FEW_ZEROS, left - 3, 3)
  else for (; left > 0; left--) tokens[count++] = 0
}

function addSame(length: number, times: number): void {
  tokens[count++] = length
  let left = times - 1
  while (left > 2) {
    const some = left < 6 ? left : 6
    tokens[count++] = newToken(SAME_AGAIN, some - 3, 2)
    left -= some
  }
  for (; left > 0; left--) tokens[count++] = length
}
