import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { lightBsonTypes as types } from '../../../src/shared/bson/decimal.js'
import { bsonOrigin } from '../../../src/shared/bson/origin.js'
import { readBson } from '../../../src/shared/bson/reader.js'
import { writeBson } from '../../../src/shared/bson/writer.js'
import { cstring, documentOf, element, hex, hexBytes, int32, int64, nested, string, thrownBy } from './bytes.js'

const { cases } = JSON.parse(readFileSync(new URL('../../vectors/bson_values.json', import.meta.url), 'utf8')) as {
  cases: { name: string; bson_hex?: string; raises?: unknown; pymongo_3_11?: { bson_hex?: string } }[]
}
const read = (...elements: Uint8Array[]) => readBson(documentOf(...elements), types)
const readValue = (type: number, ...value: Uint8Array[]) => read(element(type, 'k', ...value)).k
const codeOf = (bytes: Uint8Array) => thrownBy(() => readBson(bytes, types)).code
const code = (...elements: Uint8Array[]) => codeOf(documentOf(...elements))

describe('what pymongo wrote', () => {
  const id = '0123456789ab0123456789ab'
  /** The JavaScript view of each vector, told apart from our writer. */
  const views: Record<string, (value: unknown, document: Record<string, unknown>) => void> = {
    none: (value) => expect(value).toBe(null),
    false: (value) => expect(value).toBe(false),
    'int32 max': (value) => expect(value).toBe(2_147_483_647),
    'int32 max+1': (value) => expect(value).toBe(2_147_483_648),
    'int64 max': (value) => expect(value).toBe(9_223_372_036_854_775_807n),
    '2**53+1': (value) => expect(value).toBe(9_007_199_254_740_993n),
    'float -0.0': (value) => expect(value).toBe(-0),
    inf: (value) => expect(value).toBe(Infinity),
    'str empty': (value) => expect(value).toBe(''),
    'str with NUL': (value) => expect(value).toBe('a\0b'),
    'str subclass': (value) => expect(value).toBe('x'),
    'bytes empty': (value) => expect(value).toStrictEqual(new Uint8Array()),
    list: (value) => expect(value).toStrictEqual([1, 'a', null]),
    tuple: (value) => expect(value).toStrictEqual([1, 2]),
    'dict empty': (value) => expect(value).toStrictEqual({}),
    defaultdict: (value) => expect(value).toStrictEqual({ a: 1 }),
    SON: (value) => expect(value).toStrictEqual({ b: 1 }),
    'dict key empty': (value) => expect(value).toStrictEqual({ '': 1 }),
    'datetime naive': (value) => expect(value).toStrictEqual(new Date('2023-01-01T00:00:00Z')),
    'datetime 999999us': (value) => expect(value).toStrictEqual(new Date('2023-05-05T01:02:03.999Z')),
    'datetime aware +5:30': (value) => expect(value).toStrictEqual(new Date('2022-12-31T18:30:00Z')),
    'datetime max': (value) => expect(value).toStrictEqual(new Date('9999-12-31T23:59:59.999Z')),
    Decimal128: (value) => expect(String(value)).toBe('1.10'),
    ObjectId: (value) => expect(String(value)).toBe(id),
    're bytes': (value) => expect(value).toMatchObject({ _bsontype: 'BSONRegExp', pattern: 'a', options: '' }),
    Code: (value) => expect(value).toMatchObject({ _bsontype: 'Code', code: 'f()', scope: undefined }),
    MinKey: (value) => expect(value).toMatchObject({ _bsontype: 'MinKey' }),
    Timestamp: (value) => expect(value).toMatchObject({ _bsontype: 'Timestamp', increment: 2, seconds: 1 }),
    IntEnum: (value) => expect(value).toBe(1),
    'top-level keys, _id not first': (_, document) =>
      expect(Object.entries(document)).toStrictEqual([
        ['_id', 2],
        ['b', 1],
        ['a', 3],
      ]),
    '_id float times': (_, document) => expect(document).toStrictEqual({ _accessed_time: 1_700_000_000.25 }),
    'decode symbol (0e)': (value) => expect(value).toBe('a'),
    'decode uuid subtype 4': (value) =>
      expect(value).toMatchObject({
        _bsontype: 'Binary',
        subtype: 4,
        bytes: hexBytes('00000000000000000000000000000001'),
      }),
    'decode duplicate keys': (value) => expect(value).toBe(2),
    'decode dbpointer': (value) => expect(value).toMatchObject({ _bsontype: 'DBRef', collection: 'c' }),
  }

  for (const { name, bson_hex, raises } of cases) {
    if (bson_hex === undefined) continue
    if (raises) {
      test(`${name}: is refused, as pymongo does`, () => expect(codeOf(hexBytes(bson_hex))).toBe('ERR_SESSION_BSON'))
      continue
    }
    test(`${name}: is read, and written again as it was`, () => {
      const bytes = hexBytes(bson_hex)
      const document = readBson(bytes, types)
      const view = views[name]
      if (!view) throw new Error(`no view of the vector ${name}`)
      view(document.k, document)
      expect(hex(writeBson(document, { origin: bsonOrigin(bytes, types) }))).toBe(bson_hex)
    })
  }
})

describe('values', () => {
  test('numbers: double, int32, int64 where it is safe, else a bigint', () => {
    expect(readValue(0x01, hexBytes('000000000000f03f'))).toBe(1)
    expect(readValue(0x01, hexBytes('000000000000f87f'))).toBe(NaN)
    expect(readValue(0x10, int32(-2_147_483_648))).toBe(-2_147_483_648)
    expect(readValue(0x12, int64(-5n))).toBe(-5)
    expect(readValue(0x12, int64(9_007_199_254_740_991n))).toBe(Number.MAX_SAFE_INTEGER)
    expect(readValue(0x12, int64(9_007_199_254_740_992n))).toBe(9_007_199_254_740_992n)
    expect(readValue(0x12, int64(-9_007_199_254_740_992n))).toBe(-9_007_199_254_740_992n)
    expect(readValue(0x12, int64(-(2n ** 63n)))).toBe(-(2n ** 63n))
  })

  test('undefined is null, and booleans are 0 and 1 alone', () => {
    expect(readValue(0x06)).toBe(null)
    expect(readValue(0x08, Uint8Array.of(0))).toBe(false)
    expect(readValue(0x08, Uint8Array.of(1))).toBe(true)
    for (const byte of [2, 128, 255]) expect(code(element(0x08, 'k', Uint8Array.of(byte)))).toBe('ERR_SESSION_BSON')
  })

  test('dates of the years 1 to 9999, and no other', () => {
    expect(readValue(0x09, int64(-62_135_596_800_000n))).toStrictEqual(new Date('0001-01-01T00:00:00Z'))
    expect(readValue(0x09, int64(253_402_300_799_999n))).toStrictEqual(new Date('9999-12-31T23:59:59.999Z'))
    for (const time of [-62_135_596_800_001n, 253_402_300_800_000n, 8_640_000_000_000_001n, 2n ** 62n, -(2n ** 63n)]) {
      expect(code(element(0x09, 'k', int64(time)))).toBe('ERR_SESSION_BSON')
    }
  })

  test.each(['', 'a', 'käse', '日本', '😀', '\ufeffx', 'a\0b', 'x'.repeat(47), 'x'.repeat(48), `${'x'.repeat(60)}é`])(
    'text %j',
    (text) => {
      expect(readValue(0x02, string(text))).toBe(text)
      expect(readValue(0x0e, string(text))).toBe(text)
      if (!text.includes('\0')) expect(Object.keys(read(element(0x0a, text)))).toStrictEqual([text])
    },
  )

  test('keys of one length and one hash are told apart, whichever came last', () => {
    // 'b'.charCodeAt() * 31 + 0 equals 'a'.charCodeAt() * 31 + 31, so that both have one place among the recent keys.
    const keys = ['aB', 'b#', 'aB', '', 'b#', 'b', 'aB']
    for (const key of keys) expect(Object.keys(read(element(0x0a, key)))).toStrictEqual([key])
  })

  test('bytes are copies of their own, also where the input is a Buffer', () => {
    const bytes = documentOf(element(0x05, 'k', int32(2), hexBytes('00 6162')))
    for (const input of [Buffer.from(bytes), new Uint8Array(bytes)]) {
      const { k } = readBson(input, types) as { k: Uint8Array }
      input.fill(0)
      expect(k.constructor).toBe(Uint8Array)
      expect([...k]).toStrictEqual([0x61, 0x62])
      expect(k.buffer.byteLength).toBe(2)
    }
  })

  test('a part of a larger buffer', () => {
    const bytes = documentOf(element(0x12, 'k', int64(2n ** 60n)), element(0x01, 'd', hexBytes('000000000000f83f')))
    const larger = new Uint8Array(bytes.length + 20)
    larger.set(bytes, 7)
    expect(readBson(larger.subarray(7, 7 + bytes.length), types)).toStrictEqual({ k: 2n ** 60n, d: 1.5 })
  })

  test('a document full of __proto__', () => {
    const others = Array.from({ length: 8_000 }, (_, i) => element(0x0a, i.toString(36)))
    const document = documentOf(
      ...others,
      ...Array.from({ length: 3_000 }, (_, i) => element(0x10, '__proto__', int32(i))),
    )
    expect(Object.getOwnPropertyDescriptor(readBson(document, types), '__proto__')?.value).toBe(2_999)
  })

  test('of equal keys the last wins, in the place of the first', () => {
    const document = read(element(0x10, 'a', int32(1)), element(0x0a, 'b'), element(0x10, 'a', int32(2)))
    expect(Object.entries(document)).toStrictEqual([
      ['a', 2],
      ['b', null],
    ])
  })

  test('a document with $ref and $id stays a plain object, and _bsontype is an ordinary key', () => {
    const pointer = documentOf(element(0x02, '$ref', string('c')), element(0x0a, '$id'))
    expect(readValue(0x03, pointer)).toStrictEqual({ $ref: 'c', $id: null })
    const lie = documentOf(element(0x02, '_bsontype', string('ObjectId')), element(0x02, 'id', string('x')))
    expect(readValue(0x03, lie)).toStrictEqual({ _bsontype: 'ObjectId', id: 'x' })
  })
})

describe('no prototype changes', () => {
  test('names of Object.prototype are own keys at every level', () => {
    const before = Object.getOwnPropertyNames(Object.prototype).map((name) => [
      name,
      Object.getOwnPropertyDescriptor(Object.prototype, name),
    ])
    const evil = (inner: Uint8Array) =>
      documentOf(
        ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', '__defineGetter__'].map((key) =>
          element(0x03, key, inner),
        ),
        element(0x03, '__proto__', inner),
      )
    const polluted = documentOf(element(0x08, 'polluted', Uint8Array.of(1)))
    const document = readBson(evil(evil(evil(polluted))), types)
    const member = (from: object, ...path: string[]) => path.reduce((at, key) => Reflect.get(at, key) as object, from)
    for (const key of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '__defineGetter__']) {
      for (const level of [document, member(document, '__proto__'), member(document, 'constructor', '__proto__')]) {
        expect(Object.hasOwn(level, key)).toBe(true)
        expect(Object.getPrototypeOf(level)).toBe(Object.prototype)
        expect(Object.getOwnPropertyDescriptor(level, key)).toMatchObject({
          configurable: true,
          enumerable: true,
          writable: true,
        })
      }
    }
    expect(({} as { polluted?: unknown }).polluted).toBe(undefined)
    const after = Object.getOwnPropertyNames(Object.prototype).map((name) => [
      name,
      Object.getOwnPropertyDescriptor(Object.prototype, name),
    ])
    expect(after).toStrictEqual(before)
  })
})

describe('what is refused', () => {
  const good = documentOf(element(0x02, 'k', string('v')))

  test('every truncation, every other length, and bytes after the end', () => {
    for (let length = 0; length < good.length; length++) {
      expect(codeOf(good.subarray(0, length))).toBe('ERR_SESSION_BSON')
    }
    for (const length of [0, 4, 5, good.length - 1, good.length + 1, 2 ** 31 - 1, -1, -(2 ** 31)]) {
      expect(codeOf(Buffer.concat([int32(length), good.subarray(4)]))).toBe('ERR_SESSION_BSON')
    }
    expect(codeOf(Buffer.concat([good, hexBytes('00')]))).toBe('ERR_SESSION_BSON')
    expect(codeOf(Buffer.concat([good, good]))).toBe('ERR_SESSION_BSON')
  })

  test('inner lengths that lie', () => {
    for (const type of [0x03, 0x04]) {
      for (const length of [0, 4, 6, 7, 100, -5, 2 ** 31 - 1]) {
        const inner = Buffer.concat([int32(length), hexBytes('00')])
        expect(code(element(type, 'k', inner), element(0x0a, 'x'))).toBe('ERR_SESSION_BSON')
      }
    }
    for (const type of [0x02, 0x0d, 0x0e]) {
      for (const length of [0, -1, 1, 3, 4, 9, 2 ** 31 - 1, -(2 ** 31)]) {
        expect(code(element(type, 'k', int32(length), cstring('a')))).toBe('ERR_SESSION_BSON')
      }
    }
    for (const length of [-1, 3, 100, 2 ** 31 - 1, -(2 ** 31)]) {
      expect(code(element(0x05, 'k', int32(length), hexBytes('00 6162')))).toBe('ERR_SESSION_BSON')
    }
  })

  test('the inner length of the old binary', () => {
    const value = (outer: number, inner: number) =>
      element(0x05, 'k', int32(outer), hexBytes('02'), int32(inner), hexBytes('6162'))
    expect(read(value(6, 2)).k).toMatchObject({ subtype: 2, bytes: hexBytes('6162') })
    for (const [outer, inner] of [
      [6, 1],
      [6, 3],
      [5, 2],
      [7, 3],
      [2, 2],
      [3, -1],
      [0, -4],
    ] as const) {
      expect(code(value(outer, inner))).toBe('ERR_SESSION_BSON')
    }
  })

  test('the length of code and its scope', () => {
    const inside = [string('f()'), documentOf(element(0x10, 'x', int32(1)))]
    const right = 4 + Buffer.concat(inside).length
    expect(readValue(0x0f, int32(right), ...inside)).toMatchObject({ code: 'f()', scope: { x: 1 } })
    for (const length of [right - 1, right + 1, 0, -1, 2 ** 31 - 1]) {
      expect(code(element(0x0f, 'k', int32(length), ...inside))).toBe('ERR_SESSION_BSON')
    }
  })

  test('array indexes that are not 0, 1, 2 …', () => {
    const array = (...keys: string[]) => element(0x04, 'k', documentOf(...keys.map((key) => element(0x0a, key))))
    expect(read(array('0', '1', '2')).k).toStrictEqual([null, null, null])
    for (const keys of [['1'], ['0', '2'], ['00'], ['a'], [''], ['0', '0'], ['1', '0'], ['__proto__'], ['length']]) {
      expect(code(array(...keys))).toBe('ERR_SESSION_BSON')
    }
  })

  test('text that is not UTF-8, in values and keys, short and long', () => {
    for (const bad of ['ff', 'c0af', 'eda080', 'f4908080', 'e282', '80']) {
      for (const before of ['', '61'.repeat(60)]) {
        const text = hexBytes(`${before}${bad}00`)
        expect(code(element(0x02, 'k', int32(text.length), text))).toBe('ERR_SESSION_BSON')
        expect(code(Buffer.concat([hexBytes('0a'), text]))).toBe('ERR_SESSION_BSON')
        expect(code(element(0x0b, 'k', text, cstring('i')))).toBe('ERR_SESSION_BSON')
      }
    }
  })

  test('a string without NUL at its end, and keys without an end', () => {
    expect(code(element(0x02, 'k', int32(2), hexBytes('6161')))).toBe('ERR_SESSION_BSON')
    expect(codeOf(hexBytes('08000000 0a 61 61 61'))).toBe('ERR_SESSION_BSON')
    expect(codeOf(hexBytes('09000000 0b 61 00 61 61'))).toBe('ERR_SESSION_BSON')
  })

  test('types that BSON does not have', () => {
    const known = new Set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 0x7f, 0xff])
    for (let type = 1; type < 256; type++) {
      if (!known.has(type)) expect(code(element(type, 'k', hexBytes('05 00 00 00 00')))).toBe('ERR_SESSION_BSON')
    }
  })

  test('no message holds a value or a key', () => {
    const secret = documentOf(element(0x02, 'secretkey', string('secretvalue')), element(0x14, 'secretkey'))
    const error = thrownBy(() => readBson(secret, types))
    expect(`${error.message} ${JSON.stringify(error)}`).not.toMatch(/secret/)
  })
})

describe('limits', () => {
  test('64 documents inside each other, not 65, also through arrays and scopes', () => {
    expect(() => readBson(nested(64), types)).not.toThrow()
    expect(codeOf(nested(65))).toBe('ERR_SESSION_LIMIT')
    const arrays = (levels: number): Uint8Array =>
      levels === 1 ? documentOf() : documentOf(element(0x04, '0', arrays(levels - 1)))
    expect(() => readBson(arrays(64), types)).not.toThrow()
    expect(codeOf(arrays(65))).toBe('ERR_SESSION_LIMIT')
    const scopes = (levels: number): Uint8Array => {
      if (levels === 1) return documentOf()
      const inside = Buffer.concat([string(''), scopes(levels - 1)])
      return documentOf(element(0x0f, 'k', int32(inside.length + 4), inside))
    }
    expect(() => readBson(scopes(64), types)).not.toThrow()
    expect(codeOf(scopes(65))).toBe('ERR_SESSION_LIMIT')
  })

  test('siblings do not add to the depth', () => {
    const sibling = element(0x03, 'k', nested(63))
    expect(() => read(sibling, sibling, sibling)).not.toThrow()
  })

  test('65 536 elements in all, not one more', () => {
    const many = (count: number) =>
      documentOf(element(0x03, 'k', documentOf(...Array(count - 1).fill(hexBytes('0a 00')))))
    expect(readBson(many(65_536), types)).toStrictEqual({ k: { '': null } })
    expect(codeOf(many(65_537))).toBe('ERR_SESSION_LIMIT')
  })

  test('a broken end of a deep document does not take the depth of the next one', () => {
    for (let index = 0; index < 100; index++) codeOf(nested(64).subarray(0, -3))
    expect(() => readBson(nested(64), types)).not.toThrow()
  })
})
