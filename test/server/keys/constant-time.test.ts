import { expect, test } from 'vitest'
import { equalInConstantTime } from '../../../src/server/keys/hmac.js'

const octets = (...values: number[]): Uint8Array => Uint8Array.from(values)

test.each([
  [octets(), octets(), true],
  [octets(1, 2, 3), octets(1, 2, 3), true],
  [octets(1, 2, 3), octets(1, 2, 4), false],
  [octets(1, 2, 3), octets(0, 2, 3), false],
  [octets(1, 2, 3), octets(1, 2), false],
  // what is missing counts as 0 and must not be equal to one
  [octets(1, 2, 0), octets(1, 2), false],
  [octets(1, 2), octets(1, 2, 3), false],
  [octets(), octets(0), false],
])('%j and %j: %s', (expected, given, isEqual) => {
  expect(equalInConstantTime(expected, given)).toBe(isEqual)
})

test('differences at several places do not make up for each other', () => {
  expect(equalInConstantTime(octets(1, 1), octets(0, 0))).toBe(false)
  expect(equalInConstantTime(octets(0xf0, 0x0f), octets(0x0f, 0xf0))).toBe(false)
})
