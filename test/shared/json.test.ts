/** JSON texts that must be objects: claims as Python writes them, and a header with unique names. */
import { describe, expect, test } from 'vitest'
import { parseObject, parseUniqueObject } from '../../src/shared/jwt.js'
import { codeOf } from './shared.helpers.js'

const claims = (text: string) => codeOf(() => parseObject(text))
const header = (text: string) => codeOf(() => parseUniqueObject(text))

const noObjects = ['', ' ', 'null', '1', '"{}"', '[]', '[{}]', 'true', 'NaN', 'Infinity', '-Infinity', '[NaN]']
const noJson = [
  '{',
  '}',
  '{}}',
  '{}{}',
  '{"a":1,}',
  "{'a':1}",
  '{a:1}',
  '{"a":01}',
  '{"a":undefined}',
  '\ufeff{}',
  '\u00a0{}',
]

test('objects, with the white space of JSON around', () => {
  for (const parse of [parseObject, parseUniqueObject]) {
    expect(parse(' \t\r\n{"a" : [1, {"b":null}]} ')).toEqual({ a: [1, { b: null }] })
    expect(parse('{}')).toEqual({})
  }
})

test.each([...noObjects, ...noJson])('%j is refused', (text) => {
  expect(claims(text)).toBe('ERR_SESSION_JSON')
  expect(header(text)).toBe('ERR_SESSION_MALFORMED')
})

test('no part of the text gets into the message or the cause', () => {
  for (const parse of [parseObject, parseUniqueObject]) {
    try {
      parse('{"token":"geheim" oops')
      expect.unreachable()
    } catch (error) {
      expect(`${(error as Error).message} ${(error as Error).cause}`).not.toMatch(/geheim|oops|token/)
    }
  }
})

describe('numbers that Python writes and JSON lacks', () => {
  test('NaN is null, the infinities are those of JavaScript', () => {
    const text = '{"a": NaN, "b": [Infinity, -Infinity,NaN], "c": {"d": -Infinity}, "e": 1}'
    expect(parseObject(text)).toEqual({
      a: null,
      b: [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, null],
      c: { d: Number.NEGATIVE_INFINITY },
      e: 1,
    })
  })

  test('text that says so stays text, also after quotes and backslashes', () => {
    const data = { NaN: 'NaN', Infinity: '-Infinity', a: 'x" NaN', b: '\\', c: ', NaN, "Infinity"', d: '\u2028NaN\\"' }
    const text = `${JSON.stringify(data).slice(0, -1)},"n":NaN}`
    expect(parseObject(text)).toEqual({ ...data, n: null })
  })

  test.each([
    '{"a":-NaN}',
    '{"a":+Infinity}',
    '{"a":nan}',
    '{"a":Inf}',
    '{"a":NaN1}',
    '{"a":1NaN}',
    '{NaN:1}',
    '{"a":NaN',
    '{"a":--Infinity}',
    '{"a":"NaN}',
    '{"a":"\\NaN}',
  ])('%s is refused', (text) => expect(claims(text)).toBe('ERR_SESSION_JSON'))

  test.each([
    '{"a":Infinity5}',
    '{"a":-Infinity5}',
    '{"a":1.Infinity}',
    '{"a":1e-Infinity}',
    '{"a":Infinitye5}',
    '{"a":5Infinity}',
  ])('no part of another number: %s', (text) => expect(claims(text)).toBe('ERR_SESSION_JSON'))

  test('none of them stands in a header', () => {
    for (const number of ['NaN', 'Infinity', '-Infinity'])
      expect(header(`{"a":${number}}`)).toBe('ERR_SESSION_MALFORMED')
  })
})

describe('names that are said twice', () => {
  test('of claims the last counts, as in Python', () => {
    expect(parseObject('{"a":1,"b":2,"a":3}')).toEqual({ a: 3, b: 2 })
    expect(parseObject('{"a":1,"\\u0061":NaN}')).toEqual({ a: null })
  })

  test.each([
    '{"alg":"HS256","alg":"none"}',
    '{"alg":"HS256","alg":"HS256"}',
    '{"a":1,"\\u0061":2}',
    '{"\\u0061":1,"\\u0061":2}',
    '{"a\\/b":1,"a/b":2}',
    '{"":1,"":2}',
    '{"x":{"a":1,"a":2}}',
    '{"x":[[{"y":{"a":1,"b":2,"a":3}}]]}',
    '{"x":[{"a":1},{"a":1,"a":1}]}',
    '{"a" : 1, "a"\n:\t2}',
    '{"__proto__":1,"__proto__":2}',
    '{"__proto__":{"a":1,"a":2}}',
    '{"constructor":1,"constructor":{}}',
    '{"7":1,"7":2}',
    '{"a\\"":1,"a\\u0022":2}',
    '{"\\ud800":1,"\\ud800":2}',
  ])('a header with them is refused: %s', (text) => expect(header(text)).toBe('ERR_SESSION_MALFORMED'))

  test.each([
    '{"a":1,"A":2,"a ":3}',
    '{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}',
    '{"a":"\\"a\\":","b":"a\\":1,\\"a","c":"\\\\"}',
    '{"a":"a","b":["a","a","b"],"c":"x:y"}',
    '{"a\\\\":1,"a":"\\\\\\":"}',
    '{"toJSON":1,"__proto__":{"toJSON":2},"length":3}',
    '{"\\ud800":1,"\\ud801":2}',
    '{"a":1e999,"b":-0,"c":123456789012345678901234567890}',
  ])('the same name elsewhere, or in text, is none: %s', (text) => {
    expect(parseUniqueObject(text)).toEqual(JSON.parse(text))
  })
})

test('__proto__ and constructor are plain own members at every level', () => {
  const text =
    '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":2}},"a":[{"__proto__":{"polluted":3}}]'
  for (const object of [parseUniqueObject(`${text}}`), parseObject(`${text}}`), parseObject(`${text},"n":NaN}`)]) {
    expect(Object.hasOwn(object, '__proto__')).toBe(true)
    expect(Object.getPrototypeOf(object)).toBe(Object.prototype)
    expect(Object.hasOwn((object.a as object[])[0] as object, '__proto__')).toBe(true)
    expect(object.polluted).toBeUndefined()
  }
  expect(({} as Record<string, unknown>).polluted).toBeUndefined()
})

test('time grows only with the length', () => {
  const shapes = [
    (n: number) => '"'.repeat(n),
    (n: number) => `{"${'\\'.repeat(n)}`,
    (n: number) => `{${'"a":'.repeat(n / 4)}`,
    (n: number) => '-Infinity '.repeat(n / 10),
  ]
  // Half a megabyte takes milliseconds; if the time grew with its square, it would take longer than the timeout.
  for (const shape of shapes) expect(claims(shape(524_288))).toBe('ERR_SESSION_JSON')
})
