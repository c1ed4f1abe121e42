/** Lengths of time as options say them. */
import { describe, expect, test } from 'vitest'
import { parseDuration } from '../../src/shared/define-session.js'

test.each([
  [0, 0],
  [1, 1_000],
  [0.25, 250],
  [604_800, 604_800_000],
  ['0s', 0],
  ['30s', 30_000],
  ['30m', 1_800_000],
  ['2h', 7_200_000],
  ['1.5h', 5_400_000],
  ['7d', 604_800_000],
  ['2w', 1_209_600_000],
  ['007d', 604_800_000],
])('%j is %i milliseconds', (value, milliseconds) => expect(parseDuration(value, 'x')).toBe(milliseconds))

const wrong: unknown[] = [
  -1,
  -0.001,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  1e300,
  '',
  '30',
  's',
  'm',
  '30 m',
  ' 30m',
  '30m ',
  '30m\n',
  '30M',
  '30min',
  '30ms',
  '1y',
  '-30m',
  '+30m',
  '.5h',
  '1.h',
  '1e3s',
  '0x1s',
  '1,5h',
  '1h30m',
  'Infinitys',
  '٣m',
  `${'9'.repeat(400)}d`,
  null,
  undefined,
  true,
  30n,
  [],
  ['30m'],
  {},
  new Date(0),
  { valueOf: () => 5 },
]

describe('what is none is a TypeError that names the option', () => {
  test.each(wrong.map((value): [unknown] => [value]))('%s', (value) => {
    expect(() => parseDuration(value, 'idleTimeout')).toThrow(TypeError)
    expect(() => parseDuration(value, 'idleTimeout')).toThrow(/^idleTimeout /)
  })
})

test('the longest, and one past it: three thousand years, as the lifetime that a session has for itself', () => {
  expect(parseDuration('1157407d', 'x')).toBe(1_157_407 * 86_400_000)
  expect(() => parseDuration('1157408d', 'x')).toThrow(TypeError)
  expect(parseDuration(99_999_999_999, 'x')).toBe(99_999_999_999_000)
  expect(() => parseDuration(100_000_000_000, 'x')).toThrow(TypeError)
})
