import { expect, test } from 'vitest'
import { largestKeys } from '../../../src/server/core/sign-fitting.js'

test('the five largest keys come first, with their bytes', () => {
  const data = { a: 'x'.repeat(10), é: 'é'.repeat(100), c: [1, 2, 3], d: { e: 'x'.repeat(50) }, f: null, g: 1, h: true }
  expect(largestKeys(data)).toEqual([
    // Type, key and its end, length, text and its end.
    { key: 'é', bytes: 1 + 3 + 4 + 200 + 1 },
    { key: 'd', bytes: 1 + 2 + (4 + (1 + 2 + 4 + 50 + 1) + 1) },
    { key: 'c', bytes: 1 + 2 + (4 + 3 * (1 + 2 + 4) + 1) },
    { key: 'a', bytes: 1 + 2 + 4 + 10 + 1 },
    { key: 'g', bytes: 1 + 2 + 4 },
  ])
})

test('what can not be measured counts as nothing and fails nothing', () => {
  expect(largestKeys({ a: () => {}, b: 1 })).toEqual([
    { key: 'b', bytes: 7 },
    { key: 'a', bytes: 0 },
  ])
  expect(largestKeys({})).toEqual([])
})
