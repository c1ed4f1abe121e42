/** Huffman codes against the definition: the tree of least cost, and words in their order. */
import { describe, expect, test } from 'vitest'
import { giveWords, type HuffmanCode, makeCode, newCode } from '../../../src/server/deflate/huffman-code.js'
import { randomBytes, seed } from '../../shared/shared.helpers.js'

interface Word {
  symbol: number
  /** Its bits as text, the first of them first. */
  bits: string
}

function codeOf(frequencies: readonly number[]): HuffmanCode {
  return newCode(Int32Array.from(frequencies), new Int32Array(frequencies.length))
}

function wordsOf(words: Int32Array): Word[] {
  return [...words].flatMap((word, symbol) => {
    const length = word & 15
    const bits = [...(word >> 4).toString(2).padStart(length, '0')].reverse().join('')
    return length > 0 ? [{ symbol, bits }] : []
  })
}

/** The words that follow from their lengths (RFC 1951 §3.2.2). */
function wordsOfLengths(lengths: ReadonlyMap<number, number>): Word[] {
  let next = 0
  let last = 0
  const sorted = [...lengths].sort(([a, lengthOfA], [b, lengthOfB]) => lengthOfA - lengthOfB || a - b)
  const words = sorted.map(([symbol, length]) => {
    next *= 2 ** (length - last)
    last = length
    return { symbol, bits: (next++).toString(2).padStart(length, '0') }
  })
  return words.sort((a, b) => a.symbol - b.symbol)
}

/** Bits of the best code there is whose words have at most `limit` (the package-merge algorithm). */
function leastBits(frequencies: readonly number[], limit: number): number {
  const leaves = frequencies.filter((frequency) => frequency > 0).sort((a, b) => a - b)
  let packages: number[] = []
  for (let level = 0; level < limit; level++) {
    const all = [...leaves, ...packages].sort((a, b) => a - b)
    packages = Array.from({ length: Math.floor(all.length / 2) }, (_, i) => (all[2 * i] ?? 0) + (all[2 * i + 1] ?? 0))
  }
  return packages.slice(0, leaves.length - 1).reduce((sum, weight) => sum + weight, 0)
}

/** Makes a code and looks at all that must hold of it. */
function checked(frequencies: readonly number[], limit: number): { bits: number; longest: number } {
  const code = codeOf(frequencies)
  const bits = makeCode(code, limit)
  const words = wordsOf(code.words)
  expect(words.map(({ symbol }) => symbol)).toEqual([...code.symbols.subarray(0, code.size)])
  expect(words).toEqual(wordsOfLengths(new Map(words.map(({ symbol, bits }) => [symbol, bits.length]))))
  expect(words.reduce((sum, { bits }) => sum + 2 ** -bits.length, 0)).toBe(1)
  expect(words.reduce((sum, { symbol, bits }) => sum + bits.length * (frequencies[symbol] ?? 0), 0)).toBe(bits)
  return { bits, longest: Math.max(...words.map(({ bits }) => bits.length)) }
}

describe(`random frequencies, SEED=${seed}`, () => {
  const random = randomBytes(seed)

  test.each([
    ['few symbols', 19, 15],
    ['many symbols', 286, 15],
  ])('%s get the code of least bits', (_, alphabet, limit) => {
    for (let count = 0; count < 300; count++) {
      const most = random.pick([2, 5, 40, 400])
      const frequencies = Array.from({ length: alphabet }, () => (random.below(3) === 0 ? random.below(most) : 0))
      if (frequencies.filter(Boolean).length < 2) frequencies[0] = frequencies[1] = 1
      expect(checked(frequencies, limit).bits).toBe(leastBits(frequencies, limit))
    }
  })

  test('words that would be too long are cut as zlib cuts them, which costs little', () => {
    let cut = 0
    for (let count = 0; count < 500; count++) {
      const frequencies = Array.from({ length: 19 }, () => Math.floor(1.6 ** random.below(random.pick([4, 8, 12]))))
      const { bits, longest } = checked(frequencies, 7)
      const best = leastBits(frequencies, 7)
      expect(longest).toBeLessThanOrEqual(7)
      expect(bits).toBeGreaterThanOrEqual(best)
      expect(bits).toBeLessThanOrEqual(best * 1.25)
      if (best > leastBits(frequencies, 15)) cut++
    }
    expect(cut).toBeGreaterThan(50)
  })
})

test('the longest words: a Fibonacci number of each symbol', () => {
  const fibonacci = [1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987, 1597, 2584, 4181]
  expect(checked(fibonacci.slice(0, 8), 7).longest).toBe(7)
  expect(checked(fibonacci.slice(0, 9), 7).longest).toBe(7)
  expect(checked(fibonacci, 7).longest).toBe(7)
  expect(checked(fibonacci.slice(0, 16), 15).longest).toBe(15)
  expect(checked(fibonacci.slice(0, 17), 15).longest).toBe(15)
})

test.each([
  ['none', [0, 0, 0], [0, 1]],
  ['only the first', [4, 0, 0], [0, 1]],
  ['only the last', [0, 0, 4], [0, 2]],
])('two symbols have words where %s occurs', (_, frequencies, symbols) => {
  const code = codeOf(frequencies)
  expect(makeCode(code, 15)).toBe(Math.max(...frequencies))
  expect(wordsOf(code.words)).toEqual(symbols.map((symbol, index) => ({ symbol, bits: String(index) })))
})

test('words of given lengths, as RFC 1951 §3.2.2 has them', () => {
  const lengths = [3, 3, 3, 3, 3, 2, 4, 4]
  const words = new Int32Array(8)
  giveWords(new Int32Array(3), Uint8Array.of(1, 2, 2))
  giveWords(words, Uint8Array.from(lengths))
  expect(wordsOf(words).map(({ bits }) => bits)).toEqual(['010', '011', '100', '101', '110', '00', '1110', '1111'])
})
