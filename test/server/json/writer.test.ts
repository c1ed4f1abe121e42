import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readJson } from '../../../src/server/json/reader.js'
import { pythonFloat, writeJson } from '../../../src/server/json/writer.js'
import type { OriginNode, SessionData } from '../../../src/shared/types.js'
import { runs } from '../../random.js'
import { expectWithout, rejection } from '../server.helpers.js'

describe('pythonFloat', () => {
  // What Python 3 prints for repr() of these.
  test.each([
    [0, '0.0'],
    [-0, '-0.0'],
    [1, '1.0'],
    [-1, '-1.0'],
    [0.1, '0.1'],
    [1.5, '1.5'],
    [100, '100.0'],
    [0.1 + 0.2, '0.30000000000000004'],
    [1700000000.25, '1700000000.25'],
    [0.0001, '0.0001'],
    [0.00012345, '0.00012345'],
    [0.00009999999999999999, '9.999999999999999e-05'],
    [0.00001, '1e-05'],
    [1.5e-7, '1.5e-07'],
    [-1e-7, '-1e-07'],
    [1e-10, '1e-10'],
    [1.25e-100, '1.25e-100'],
    [5e-324, '5e-324'],
    [2.2250738585072014e-308, '2.2250738585072014e-308'],
    [1e15, '1000000000000000.0'],
    [9999999999999998, '9999999999999998.0'],
    [1e16, '1e+16'],
    [-1e16, '-1e+16'],
    [12345678901234568, '1.2345678901234568e+16'],
    [2 ** 53, '9007199254740992.0'],
    [1e21, '1e+21'],
    [1e22, '1e+22'],
    [1e23, '1e+23'],
    [1e100, '1e+100'],
    [Number.MAX_VALUE, '1.7976931348623157e+308'],
    [Number.POSITIVE_INFINITY, 'Infinity'],
    [Number.NEGATIVE_INFINITY, '-Infinity'],
    [Number.NaN, 'NaN'],
  ])('%d is %s', (value, text) => {
    expect(pythonFloat(value)).toBe(text)
  })

  test('any float has the grammar of repr and reads as the same float', () => {
    const float = fc.double({ noNaN: true, noDefaultInfinity: true })
    fc.assert(
      fc.property(float, (value) => {
        const text = pythonFloat(value)
        expect(Number(text)).toBe(value)
        const magnitude = Math.abs(value)
        const hasExponent = magnitude !== 0 && (magnitude >= 1e16 || magnitude < 1e-4)
        expect(text).toMatch(hasExponent ? /^-?[0-9](\.[0-9]+)?e[+-][0-9]{2,3}$/ : /^-?[0-9]+\.[0-9]+$/)
        expect(readJson(text)).toMatchObject({ type: 'double', value })
      }),
      { numRuns: runs(1000) },
    )
  })
})

describe('plain data', () => {
  test('random JSON is written as JSON.stringify writes it, where no number is a float', () => {
    const value = fc.letrec((tie) => ({
      leaf: fc.oneof(fc.maxSafeInteger(), fc.string({ unit: 'grapheme' }), fc.boolean(), fc.constant(null)),
      node: fc.oneof(tie('leaf'), fc.array(tie('node')), fc.dictionary(fc.string(), tie('node'))),
    })).node
    fc.assert(
      fc.property(fc.dictionary(fc.string(), value), (data) => {
        expect(writeJson(data as SessionData)).toBe(JSON.stringify(data))
      }),
      { numRuns: runs(200) },
    )
  })

  test.each([
    [{ a: 1, b: 1.5, c: -0 }, '{"a":1,"b":1.5,"c":-0.0}'],
    [{ a: 2 ** 53 - 1, b: 2 ** 53, c: 1e16 }, '{"a":9007199254740991,"b":9007199254740992.0,"c":1e+16}'],
    [{ a: 10n ** 30n, b: -5n }, `{"a":1${'0'.repeat(30)},"b":-5}`],
    [{ a: Number.NaN, b: [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] }, '{"a":NaN,"b":[Infinity,-Infinity]}'],
    [{ a: undefined, b: [undefined, null] }, '{"b":[null,null]}'],
    [{ é: '\u2028\u007f€😀/' }, '{"é":"\u2028\u007f€😀/"}'],
    [{ a: '"\\\b\t\n\f\r\u0000\u001f' }, '{"a":"\\"\\\\\\b\\t\\n\\f\\r\\u0000\\u001f"}'],
    [{ a: new URL('https://example.com/') }, '{"a":"https://example.com/"}'],
    [Object.assign(Object.create(null), { a: 1 }), '{"a":1}'],
    [{}, '{}'],
  ])('%# %o', (data, text) => {
    expect(writeJson(data)).toBe(text)
  })

  test('ascii escapes everything from U+007F on', () => {
    expect(writeJson({ é: '\u007f\u0080€😀\u2028' }, { ascii: true })).toBe(
      '{"\\u00e9":"\\u007f\\u0080\\u20ac\\ud83d\\ude00\\u2028"}',
    )
  })

  test('names of the prototype are plain members', () => {
    const text = '{"__proto__":{"polluted":true},"constructor":1,"toString":null}'
    expect(writeJson(JSON.parse(text))).toBe(text)
    expect(writeJson(readJson(text).value as SessionData)).toBe(text)
  })
})

describe('untouched values', () => {
  const text =
    '{"one":1.0,"small":1e-05,"upper":1E5,"zero":-0.0,"minus":-0,"long":0.10,"big":18446744073709551617,"nan":NaN,"all":[1.50,{"in":2.0}]}'
  const read = (source: string): { data: SessionData; origin: OriginNode } => {
    const origin = readJson(source)
    return { origin, data: structuredClone(origin.value) as SessionData }
  }
  const change = (source: string, touch: (data: SessionData) => void): string => {
    const { data, origin } = read(source)
    touch(data)
    return writeJson(data, { origin })
  }

  test('go back as their text', () => {
    expect(change(text, () => {})).toBe(text)
  })

  test('random numbers go back as their text', () => {
    const number = fc
      .tuple(fc.constantFrom('', '-'), fc.nat(), fc.option(fc.nat()), fc.option(fc.integer({ min: -400, max: 400 })))
      .map(([sign, int, fraction, exponent]) =>
        [sign, int, fraction === null ? '' : `.${fraction}`, exponent === null ? '' : `e${exponent}`].join(''),
      )
    fc.assert(
      fc.property(fc.array(number, { minLength: 1 }), (numbers) => {
        const source = `{"a":[${numbers.join(',')}]}`
        expect(change(source, () => {})).toBe(source)
        expect(change(source, (data) => Object.assign(data, { b: 1 }))).toBe(source.replace(/}$/, ',"b":1}'))
      }),
      { numRuns: runs(200) },
    )
  })

  test('keep their text beside a change', () => {
    expect(change('{"a":1.0,"b":{"c":2.0,"d":3.0}}', (data) => Object.assign(data.b as object, { c: 5 }))).toBe(
      '{"a":1.0,"b":{"c":5.0,"d":3.0}}',
    )
  })

  test('a changed float stays a float, a changed integer one where it can', () => {
    expect(change('{"a":1.5,"b":7}', (data) => Object.assign(data, { a: 2, b: 8 }))).toBe('{"a":2.0,"b":8}')
    expect(change('{"b":7}', (data) => Object.assign(data, { b: 8.5 }))).toBe('{"b":8.5}')
  })

  test('0 instead of -0 is a change', () => {
    expect(change('{"a":-0.0}', (data) => Object.assign(data, { a: 0 }))).toBe('{"a":0.0}')
  })

  test('a number of another place is new', () => {
    expect(change('{"a":1.0}', (data) => Object.assign(data, { b: data.a }))).toBe('{"a":1.0,"b":1}')
  })

  test('keep their place, as in a Python dict, and new keys come last', () => {
    const reordered = (data: SessionData): void => {
      const { b } = data
      delete data.b
      Object.assign(data, { 1: 'new', b })
    }
    expect(change('{"b":1.0,"a":2}', reordered)).toBe('{"b":1.0,"a":2,"1":"new"}')
    expect(change('{"b":1,"10":2,"9":3}', () => {})).toBe('{"b":1,"10":2,"9":3}')
  })

  test('types of another format are kept in words', () => {
    const origin: OriginNode = {
      format: 'other',
      value: { a: 1, b: 2 },
      keys: () => ['a', 'b'],
      child: (key) => ({
        format: 'other',
        value: key === 'a' ? 1 : 2,
        type: key === 'a' ? 'double' : 'int64',
        raw: 'x',
      }),
    }
    expect(writeJson({ a: 1, b: 2 }, { origin })).toBe('{"a":1.0,"b":2}')
  })
})

describe('what JSON can not hold', () => {
  class Thing {
    secret = 'swordfish'
  }
  const bson = Object.assign(Object.create({ _bsontype: 'ObjectId', toJSON: () => 'x' }), {})
  test.each([
    ['a function', () => 'swordfish'],
    ['a symbol', Symbol('swordfish')],
    ['a date', new Date()],
    ['bytes', new TextEncoder().encode('swordfish')],
    ['a map', new Map([['swordfish', 1]])],
    ['a class instance', new Thing()],
    ['a value of BSON', bson],
    ['a lone surrogate', 'swordfish\ud800'],
    ['a key with a lone surrogate', { '\udfff': 'swordfish' }],
  ])('%s is refused with its path', async (_, value) => {
    const error = await rejection('ERR_SESSION_UNWRITABLE', () => writeJson({ user: { roles: ['x', value] } }))
    expect(error.path).toMatch(/^user\.roles\.1/)
    expectWithout(error, ['swordfish'])
  })

  test('holes become null, with an origin too; a list of its own class is written by its items', () => {
    const list: unknown[] = [1.5, 'b', { c: 2 }]
    delete list[1]
    list[4] = 5
    expect(writeJson({ list })).toBe('{"list":[1.5,null,{"c":2},null,5]}')
    const origin = readJson('{"list":[1.50,2.0,{"c":2.0},4]}')
    const data = structuredClone(origin.value) as { list: unknown[] }
    delete data.list[0]
    delete data.list[3]
    expect(writeJson(data, { origin })).toBe('{"list":[null,2.0,{"c":2.0},null]}')
    class Cart extends Array<unknown> {
      override map(): never[] {
        return []
      }
    }
    expect(writeJson({ list: Cart.from([1, 2]) })).toBe('{"list":[1,2]}')
  })

  test('1 048 576 characters are written, not one more; maxLength moves it, and counts what is escaped', async () => {
    const ofLength = (length: number) => ({ t: 'x'.repeat(length - '{"t":""}'.length) })
    expect(writeJson(ofLength(1_048_576))).toHaveLength(1_048_576)
    const refused = (data: SessionData, options?: object) =>
      rejection('ERR_SESSION_LIMIT', () => writeJson(data, options))
    await refused(ofLength(1_048_577))
    expect(writeJson(ofLength(50), { maxLength: 50 })).toHaveLength(50)
    await refused(ofLength(51), { maxLength: 50 })
    expect(writeJson({ t: [1, [2], []] }, { maxLength: 16 })).toBe('{"t":[1,[2],[]]}')
    await refused({ t: [1, [2], []] }, { maxLength: 15 })
    expect(writeJson({ t: '\u20ac' }, { ascii: true, maxLength: 14 })).toBe('{"t":"\\u20ac"}')
    await refused({ t: '\u20ac' }, { ascii: true, maxLength: 13 })
    await refused({ t: new Array(2 ** 32 - 1) })
  })

  test('64 levels are written, one more or a circle is not', async () => {
    const nested = (depth: number): SessionData => JSON.parse(`${'{"a":'.repeat(depth - 1)}{}${'}'.repeat(depth - 1)}`)
    expect(readJson(writeJson(nested(64))).value).toEqual(nested(64))
    await rejection('ERR_SESSION_LIMIT', () => writeJson(nested(65)))
    const circle: SessionData = {}
    circle.self = [circle]
    const error = await rejection('ERR_SESSION_LIMIT', () => writeJson(circle))
    expect(error.path).toBe('self.0.self.0.self.0.self.0')
  })

  test('toJSON is asked once', async () => {
    class Endless {
      toJSON(): Endless {
        return new Endless()
      }
    }
    await rejection('ERR_SESSION_UNWRITABLE', () => writeJson({ a: new Endless() }))
    expect(writeJson({ a: { toJSON: () => 1 }.toJSON(), b: new Date(0).toJSON() })).toBe(
      '{"a":1,"b":"1970-01-01T00:00:00.000Z"}',
    )
  })
})
