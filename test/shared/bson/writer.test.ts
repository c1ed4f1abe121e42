import { readFileSync } from 'node:fs'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { lightBsonTypes as types } from '../../../src/shared/bson/decimal.js'
import { bsonOrigin } from '../../../src/shared/bson/origin.js'
import { readBson } from '../../../src/shared/bson/reader.js'
import { writeBson } from '../../../src/shared/bson/writer.js'
import type { SessionData } from '../../../src/shared/types.js'
import { cstring, documentOf, element, hex, int32, int64, string, thrownBy } from './bytes.js'

const { cases } = JSON.parse(readFileSync(new URL('../../vectors/bson_values.json', import.meta.url), 'utf8')) as {
  cases: { name: string; bson_hex?: string }[]
}
const NUL = '\0'
const written = (value: unknown) => hex(writeBson({ k: value } as SessionData))
const wanted = (type: number, ...value: Uint8Array[]) => hex(documentOf(element(type, 'k', ...value)))
const again = (value: SessionData) => readBson(writeBson(value), types)
const errorOf = (value: unknown) => thrownBy(() => writeBson({ a: { b: [0, value] } } as SessionData))

describe('writes what pymongo writes', () => {
  const values: Record<string, SessionData> = {
    none: { k: null },
    false: { k: false },
    'int32 max': { k: 2_147_483_647 },
    'int32 max+1': { k: 2_147_483_648 },
    'int64 max': { k: 9_223_372_036_854_775_807n },
    '2**53+1': { k: 9_007_199_254_740_993n },
    'float -0.0': { k: -0 },
    inf: { k: Infinity },
    'str empty': { k: '' },
    'str with NUL': { k: 'a\0b' },
    'bytes empty': { k: new Uint8Array() },
    list: { k: [1, 'a', null] },
    tuple: { k: [1, 2] },
    'dict empty': { k: {} },
    defaultdict: { k: { a: 1 } },
    SON: { k: new Map([['b', 1]]) },
    'dict key empty': { k: { '': 1 } },
    'datetime naive': { k: new Date('2023-01-01T00:00:00Z') },
    'datetime 999999us': { k: new Date('2023-05-05T01:02:03.999Z') },
    'datetime max': { k: new Date('9999-12-31T23:59:59.999Z') },
    're bytes': { k: /a/ },
    IntEnum: { k: 1n },
    'top-level keys, _id not first': { b: 1, _id: 2, a: 3 },
    '_id float times': { _accessed_time: 1_700_000_000.25 },
  }
  test.each(Object.entries(values))('%s', (name, value) => {
    expect(hex(writeBson(value))).toBe(cases.find((one) => one.name === name)?.bson_hex)
  })

  test('_id stands first at the top alone', () => {
    expect(hex(writeBson({ a: { b: 1, _id: 2 }, _id: 3 }))).toBe(
      hex(
        documentOf(
          element(0x10, '_id', int32(3)),
          element(0x03, 'a', documentOf(element(0x10, 'b', int32(1)), element(0x10, '_id', int32(2)))),
        ),
      ),
    )
    expect(
      Object.keys(
        again(
          new Map([
            ['a', 1],
            ['_id', 2],
          ]) as never,
        ),
      ),
    ).toStrictEqual(['_id', 'a'])
  })
})

describe('numbers', () => {
  test('int32, int64, double by what they are', () => {
    for (const value of [0, -1, 2_147_483_647, -2_147_483_648]) expect(written(value)).toBe(wanted(0x10, int32(value)))
    for (const value of [2_147_483_648, -2_147_483_649, 2 ** 53 - 1, -(2 ** 53 - 1), -(2 ** 40), 4_294_967_296]) {
      expect(written(value)).toBe(wanted(0x12, int64(BigInt(value))))
    }
    for (const value of [-0, 0.5, NaN, Infinity, -Infinity, 2 ** 53, -(2 ** 53), 1e300, 5e-324]) {
      const bytes = Buffer.alloc(8)
      bytes.writeDoubleLE(value)
      expect(written(value)).toBe(wanted(0x01, bytes))
    }
  })

  test('bigints by size, and none of more than 64 bits', () => {
    for (const value of [0n, -1n, 2_147_483_647n, -2_147_483_648n]) {
      expect(written(value)).toBe(wanted(0x10, int32(Number(value))))
    }
    for (const value of [2_147_483_648n, -2_147_483_649n, 2n ** 63n - 1n, -(2n ** 63n)]) {
      expect(written(value)).toBe(wanted(0x12, int64(value)))
    }
    for (const value of [2n ** 63n, -(2n ** 63n) - 1n, 2n ** 64n, 10n ** 40n]) {
      expect(errorOf(value)).toMatchObject({ code: 'ERR_SESSION_UNWRITABLE', path: 'a.b.1' })
    }
  })
})

describe('text and keys', () => {
  test.each(['', 'a', 'é', '߿', 'ࠀ', '퟿', '', '￿', '\ufeff', '\u{10000}', '\u{10ffff}', 'a\0b', '日本'.repeat(3000)])(
    'UTF-8 of %j',
    (text) => {
      expect(written(text)).toBe(wanted(0x02, string(text)))
      const key = text.replaceAll('\0', '')
      expect(hex(writeBson({ [key]: null }))).toBe(hex(documentOf(element(0x0a, key))))
    },
  )

  test('lone surrogates are refused, in values and keys', () => {
    for (const text of [
      '\ud800',
      '\udc00',
      'a\udbff',
      '\udfffa',
      '\ud800\ud800',
      '\ud800a',
      '\udc00\ud800',
      '\udc00\udc00',
    ]) {
      expect(errorOf(text)).toMatchObject({ code: 'ERR_SESSION_UNWRITABLE', path: 'a.b.1' })
      expect(thrownBy(() => writeBson({ a: { [text]: 1 } }))).toMatchObject({
        code: 'ERR_SESSION_UNWRITABLE',
        path: `a.${text}`,
      })
    }
  })

  test('keys may be empty or hold dots and dollars, but no NUL', () => {
    const value = { '': 1, '.': 2, $: 3, 'a.b': 4, $ref: 5 }
    expect(again(value)).toStrictEqual(value)
    expect(thrownBy(() => writeBson({ a: { 'b\0c': 1 } }))).toMatchObject({
      code: 'ERR_SESSION_UNWRITABLE',
      path: 'a.b\0c',
    })
    expect(thrownBy(() => writeBson({ k: new RegExp(`a${NUL}`) })).code).toBe('ERR_SESSION_UNWRITABLE')
  })

  test('__proto__ and its like are ordinary keys', () => {
    const text = '{"__proto__":{"constructor":{"__proto__":1}},"toJSON":2,"_bsontype":"ObjectId"}'
    const result = again(JSON.parse(text))
    expect(JSON.stringify(result)).toBe(text)
    expect(Object.hasOwn(result, '__proto__')).toBe(true)
    expect(({} as { constructor: unknown }).constructor).toBe(Object)
  })
})

describe('containers', () => {
  test('a member that is undefined is left out; an item is null', () => {
    const sparse: unknown[] = [undefined, 1]
    sparse[3] = 2
    expect(again({ a: undefined, b: sparse, c: { d: undefined } })).toStrictEqual({
      b: [null, 1, null, 2],
      c: {},
    })
  })

  test('objects without a prototype, of another realm, and Maps', () => {
    const bare = Object.assign(Object.create(null), { x: 1 })
    const other = runInNewContext('({ object: { x: 1 }, array: [1], date: new Date(5), bytes: new Uint8Array([7]) })')
    expect(
      again({
        bare,
        other,
        map: new Map<string, unknown>([
          ['2', 1],
          ['1', new Map()],
        ]),
      }),
    ).toStrictEqual({
      bare: { x: 1 },
      other: { object: { x: 1 }, array: [1], date: new Date(5), bytes: Uint8Array.of(7) },
      map: { 1: {}, 2: 1 },
    })
    expect(
      hex(
        writeBson(
          new Map([
            ['2', null],
            ['1', null],
          ]) as never,
        ),
      ),
    ).toBe(hex(documentOf(element(0x0a, '2'), element(0x0a, '1'))))
  })

  test('members that are inherited, hidden or named by symbols are none', () => {
    const value = Object.defineProperty({ a: 1, [Symbol('b')]: 2 }, 'hidden', { value: 3, enumerable: false })
    expect(again(value)).toStrictEqual({ a: 1 })
  })

  test('toJSON is asked once, with the key, and its undefined is left out', () => {
    class Money {
      toJSON(key: string) {
        return { amount: 5, key }
      }
    }
    const endless = { toJSON: () => endless }
    expect(again({ money: new Money(), list: [new Money()] })).toStrictEqual({
      money: { amount: 5, key: 'money' },
      list: [{ amount: 5, key: '0' }],
    })
    expect(again({ url: new URL('https://a.example/'), none: { toJSON: () => undefined }, x: 1 })).toStrictEqual({
      url: 'https://a.example/',
      x: 1,
    })
    expect(again({ list: [{ toJSON: () => undefined }] })).toStrictEqual({ list: [null] })
    expect(thrownBy(() => writeBson({ endless })).code).toBe('ERR_SESSION_UNWRITABLE')
  })

  test('a toJSON that writes another document meanwhile', () => {
    const inner = { toJSON: () => writeBson({ long: 'x'.repeat(5000), n: 1 }).length }
    expect(again({ before: 'a', inner, after: 'b'.repeat(100) })).toStrictEqual({
      before: 'a',
      inner: 5023,
      after: 'b'.repeat(100),
    })
  })

  test('the result is of its own: the next write does not change it', () => {
    const first = writeBson({ a: 'first' })
    const copy = hex(first)
    writeBson({ b: 'second', c: 'third' })
    expect(hex(first)).toBe(copy)
    expect(first.buffer.byteLength).toBe(first.length)
  })
})

describe('what is refused', () => {
  class Thing {
    x = 1
  }
  test.each<[string, unknown]>([
    ['a function', () => 1],
    ['a symbol', Symbol('x')],
    ['a Set', new Set([1])],
    ['a WeakMap', new WeakMap()],
    ['an instance', new Thing()],
    ['an Error', new Error('x')],
    ['a boxed string', new String('x')],
    ['an ArrayBuffer', new ArrayBuffer(2)],
    ['a Float64Array', new Float64Array(1)],
    ['a DataView', new DataView(new ArrayBuffer(1))],
    ['a Promise', Promise.resolve()],
    ['an invalid date', new Date(NaN)],
    ['a date before the year 1', new Date('0000-12-31T23:59:59.999Z')],
    ['a date after the year 9999', new Date('+010000-01-01T00:00:00Z')],
    ['a Map with another key', new Map([[1, 2]])],
    ['an object that inherits from another', Object.create({ x: 1 })],
    ['an object that inherits from one without a prototype', Object.create(Object.create(null))],
  ])('%s, with the path', (_, value) => {
    expect(errorOf(value)).toMatchObject({ name: 'SessionError', code: 'ERR_SESSION_UNWRITABLE', path: 'a.b.1' })
    expect(thrownBy(() => writeBson({ top: value }))).toMatchObject({ code: 'ERR_SESSION_UNWRITABLE', path: 'top' })
  })

  test('the path is that of the value, also after containers that were fine', () => {
    const value = { a: { b: { c: 1 } }, d: [[1], { e: [() => 1] }] }
    expect(thrownBy(() => writeBson(value)).path).toBe('d.1.e.0')
    expect(thrownBy(() => writeBson({ ...value, d: () => 1 })).path).toBe('d')
    expect(thrownBy(() => writeBson({ ...value, d: new Map([[1, 2]]) })).path).toBe('d')
  })

  test('a root that is no plain object is a mistake of the caller', () => {
    for (const value of [null, undefined, 1, 'x', [], new Date(), new Thing(), new Uint8Array(1)]) {
      expect(() => writeBson(value as never)).toThrow(TypeError)
    }
  })

  test('no message holds a value', () => {
    const { message } = thrownBy(() => writeBson({ k: 'secret\ud800' }))
    expect(message).not.toMatch(/secret/)
  })

  test('a refused write does not spoil the next', () => {
    for (let index = 0; index < 3; index++) thrownBy(() => writeBson({ a: { b: () => 1 } }))
    expect(again({ a: { b: 1 } })).toStrictEqual({ a: { b: 1 } })
  })
})

describe('limits', () => {
  const deep = (levels: number): SessionData => (levels === 1 ? {} : { a: deep(levels - 1) })

  test('64 documents inside each other, not 65', () => {
    expect(again(deep(64))).toStrictEqual(deep(64))
    expect(thrownBy(() => writeBson(deep(65)))).toMatchObject({
      code: 'ERR_SESSION_LIMIT',
      path: Array(64).fill('a').join('.'),
    })
    expect(thrownBy(() => writeBson({ a: [[]] }, { maxDepth: 2 }))).toMatchObject({
      code: 'ERR_SESSION_LIMIT',
      path: 'a.0',
    })
    expect(writeBson({ a: [[]] }, { maxDepth: 3 }).length).toBeGreaterThan(0)
  })

  test('circles are refused, and lists that double at each level', () => {
    const circle: SessionData = { x: [] }
    ;(circle.x as unknown[]).push(circle)
    const error = thrownBy(() => writeBson(circle))
    expect(error.code).toBe('ERR_SESSION_LIMIT')
    expect(error.path).toMatch(/^x(\.0\.x)+\.0$/)
    let doubled: unknown = []
    for (let level = 0; level < 60; level++) doubled = [doubled, doubled]
    expect(thrownBy(() => writeBson({ doubled })).code).toBe('ERR_SESSION_LIMIT')
    const map = new Map<string, unknown>()
    map.set('self', map)
    expect(thrownBy(() => writeBson({ map })).code).toBe('ERR_SESSION_LIMIT')
  })

  test('65 536 elements, not one more', () => {
    const many = (count: number) => ({ k: Array(count - 1).fill(null) })
    expect(again(many(65_536))).toStrictEqual(many(65_536))
    expect(thrownBy(() => writeBson(many(65_537)))).toMatchObject({ code: 'ERR_SESSION_LIMIT', path: 'k.65535' })
    expect(writeBson({ a: 1, b: 2 }, { maxElements: 2 }).length).toBe(19)
    expect(thrownBy(() => writeBson({ a: 1, b: 2 }, { maxElements: 1 })).path).toBe('b')
  })

  test('1 MiB, not a byte more', () => {
    // 4 bytes of length, 3 of type and key, 4 of the string's length, 2 NUL.
    const text = 'x'.repeat(1_048_576 - 13)
    expect(writeBson({ k: text }).length).toBe(1_048_576)
    expect(thrownBy(() => writeBson({ k: `${text}x` }))).toMatchObject({ code: 'ERR_SESSION_LIMIT' })
    expect(thrownBy(() => writeBson({ [text]: `${text}x` })).code).toBe('ERR_SESSION_LIMIT')
  })

  test.each<[string, SessionData]>([
    ['strings', { k: 'abc' }],
    ['text of more bytes than units', { k: '日本' }],
    ['bytes', { k: new Uint8Array(9) }],
    ['keys', { keykey: null }],
    ['numbers', { k: 1, l: 2 ** 40, m: 0.5 }],
    ['documents', { k: {}, l: [] }],
  ])('maxBytes is exact for %s', (_, value) => {
    const { length } = writeBson(value)
    expect(writeBson(value, { maxBytes: length }).length).toBe(length)
    expect(thrownBy(() => writeBson(value, { maxBytes: length - 1 })).code).toBe('ERR_SESSION_LIMIT')
  })

  test('a document larger than the buffer that is kept, then a small one', () => {
    const large = { list: Array.from({ length: 20_000 }, (_, index) => `item ${index}`) }
    expect(again(large)).toStrictEqual(large)
    expect(hex(writeBson({ a: 1 }))).toBe(hex(documentOf(element(0x10, 'a', int32(1)))))
  })
})

test('a RegExp is pattern and flags in the order of pymongo', () => {
  for (const [value, pattern, options] of [
    [/a/, 'a', ''],
    [/a\/b/gimsuy, 'a\\/b', 'imsu'],
    [/x/im, 'x', 'im'],
  ] as const) {
    expect(written(value)).toBe(wanted(0x0b, cstring(pattern), cstring(options)))
  }
})

test('copies count with all that is in them: one key again and again is refused, and read to be sure', () => {
  // 40 000 elements of one name, which the origin knows as one key.
  const many = documentOf(element(0x03, 'a', documentOf(...new Array(40_000).fill(element(0x0a, 'x')))))
  const value = readBson(many, types)
  const origin = bsonOrigin(many, types)
  expect(hex(writeBson(value, { origin }))).toBe(hex(many))
  const more = { ...value, list: new Array(30_000).fill(null) }
  expect(thrownBy(() => writeBson(more, { origin }))).toMatchObject({ code: 'ERR_SESSION_LIMIT' })
  const fewer = { ...value, list: new Array(20_000).fill(null) }
  expect(readBson(writeBson(fewer, { origin }), types)).toEqual(fewer)
})
