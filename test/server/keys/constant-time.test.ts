import { expect, test } from 'vitest'
import { equalInConstantTime } from '../../../src/server/keys/hmac.js'

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)

test.each([
  [bytes(), bytes(), true],
  [bytes(1, 2, 3), bytes(1, 2, 3), true],
  [bytes(1, 2, 3), bytes(1, 2, 4), false],
  [bytes(1, 2, 3), bytes(0, 2, 3), false],
  [bytes(1, 2, 3), bytes(1, 2), false],
  // what is missing counts as 0 and must not be equal to one
  [bytes(1, 2, 0), bytes(1, 2), false],
  [bytes(1, 2), bytes(1, 2, 3), false],
  [bytes(), bytes(0), false],
])('%j and %j: %s', (expected, given, isEqual) => {
  expect(equalInConstantTime(expected, given)).toBe(isEqual)
})

test('differences at several places do not make up for each other', () => {
  expect(equalInConstantTime(bytes(1, 1), bytes(0, 0))).toBe(false)
  expect(equalInConstantTime(bytes(0xf0, 0x0f), bytes(0x0f, 0xf0))).toBe(false)
})
