import * as bson from 'bson'
import { describe, expect, test } from 'vitest'
import { bsonTypesOf } from '../../../src/server/bson-types.js'
import { lightBsonTypes } from '../../../src/shared/bson/decimal.js'
import { readBson } from '../../../src/shared/bson/reader.js'
import { writeBson } from '../../../src/shared/bson/writer.js'
import { cstring, documentOf, element, hex, hexBytes, int32, int64, string, thrownBy } from './bytes.js'

const bsonPackageTypes = bsonTypesOf(bson)

const scopeInside = Buffer.concat([string('f()'), documentOf(element(0x10, 'x', int32(1)))])
const one = hexBytes('000000000000f03f')

/** Each special type: its bytes, how it prints, and what JSON gets, light and by the package. */
const specials: [name: string, bytes: Uint8Array, text: string, packageClass: string][] = [
  ['ObjectId', element(0x07, 'k', hexBytes('0023456789ab0123456789ff')), '0023456789ab0123456789ff', 'ObjectId'],
  ['Decimal128', element(0x13, 'k', hexBytes('6e000000000000000000000000003c30')), '1.10', 'Decimal128'],
  ['Binary', element(0x05, 'k', int32(3), hexBytes('80 00ff61')), 'AP9h', 'Binary'],
  [
    'Binary',
    element(0x05, 'k', int32(16), hexBytes('04'), hexBytes('1f'.repeat(16))),
    'Hx8fHx8fHx8fHx8fHx8fHw==',
    'UUID',
  ],
  ['Binary', element(0x05, 'k', int32(7), hexBytes('02'), int32(3), hexBytes('00ff61')), 'AP9h', 'Binary'],
  ['Timestamp', element(0x11, 'k', hexBytes('ffffffff feffffff')), 'Timestamp(4294967295,4294967294)', 'Timestamp'],
  ['BSONRegExp', element(0x0b, 'k', cstring('a.b'), cstring('im')), 'BSONRegExp(a.b,im)', 'BSONRegExp'],
  ['Code', element(0x0d, 'k', string('f()')), 'f()', 'Code'],
  ['Code', element(0x0f, 'k', int32(scopeInside.length + 4), scopeInside), 'f()', 'Code'],
  ['MinKey', element(0xff, 'k'), 'MinKey()', 'MinKey'],
  ['MaxKey', element(0x7f, 'k'), 'MaxKey()', 'MaxKey'],
]

const classes: Record<string, unknown> = { ...bson }
const sample = (index: number) => (specials[index] as (typeof specials)[0])[1]

describe.each(specials)('%s', (name, bytes, text, packageClass) => {
  test('light: told by its word, prints, goes to JSON, is written as it was', () => {
    const { k } = readBson(documentOf(bytes), lightBsonTypes) as { k: { _bsontype: string } }
    expect(k._bsontype).toBe(name)
    expect(Object.hasOwn(k, '_bsontype')).toBe(false)
    expect(String(k)).toBe(text)
    expect(JSON.stringify({ k })).toBe(JSON.stringify({ k: text }))
    expect(hex(writeBson({ k }))).toBe(hex(documentOf(bytes)))
    const other = readBson(documentOf(bytes), lightBsonTypes).k
    expect(Object.getPrototypeOf(k)).toBe(Object.getPrototypeOf(other))
  })

  test('package: the class of the package, written as it was', () => {
    const { k } = readBson(documentOf(bytes), bsonPackageTypes) as { k: { _bsontype: string } }
    expect(k).toBeInstanceOf(classes[packageClass])
    expect(k._bsontype).toBe(name)
    expect(hex(writeBson({ k }))).toBe(hex(documentOf(bytes)))
  })

  test('package: the value its own reader gives', () => {
    const { k } = readBson(documentOf(bytes), bsonPackageTypes)
    const expected = bson.deserialize(documentOf(bytes), { bsonRegExp: true }).k
    expect((k as object).constructor).toBe(expected.constructor)
    expect(hex(bson.serialize({ k }))).toBe(hex(bson.serialize({ k: expected })))
    expect(JSON.stringify(k)).toBe(JSON.stringify(expected))
  })
})

describe('light values', () => {
  const decimal = (text: string) =>
    String(lightBsonTypes.decimal128(new Uint8Array(bson.Decimal128.fromString(text).bytes)))

  test.each([
    '0',
    '-0',
    '0.0',
    '0E+3',
    '0E-10',
    '1',
    '-1',
    '1.10',
    '123456',
    '0.000001',
    '1E-7',
    '1.5E-10',
    '1E+3',
    '1.234E+5',
    '-12.5',
    '0.00123',
    '1E-6176',
    '9.999999999999999999999999999999999E+6144',
    '9999999999999999999999999999999999',
    '-1.000000000000000000000000000000000E-6143',
    'NaN',
    'Infinity',
    '-Infinity',
  ])('Decimal128 %s, as Python prints it', (text) => {
    expect(decimal(text)).toBe(text)
  })

  test('a Decimal128 whose coefficient passes 34 digits is zero', () => {
    const print = (digits: string) => String(lightBsonTypes.decimal128(hexBytes(digits)))
    expect(print('ffffffffffffffffffffffffffffff6f')).toBe('0E+2015')
    // 10 ** 34 and the number before it, with exponent 0.
    expect(print('00000000648e8d37c087adbe09ed4130')).toBe('0')
    expect(print('ffffffff638e8d37c087adbe09ed4130')).toBe('9999999999999999999999999999999999')
  })

  test('members say what the type holds', () => {
    const read = (bytes: Uint8Array) => readBson(documentOf(bytes), lightBsonTypes).k
    expect({ ...(read(sample(2)) as object) }).toStrictEqual({ bytes: hexBytes('00ff61'), subtype: 128 })
    expect({ ...(read(sample(5)) as object) }).toStrictEqual({ increment: 4_294_967_295, seconds: 4_294_967_294 })
    expect({ ...(read(sample(8)) as object) }).toStrictEqual({ code: 'f()', scope: { x: 1 } })
    const pointer = read(element(0x0c, 'k', string('c'), hexBytes('00'.repeat(12))))
    expect(String(pointer)).toBe(`DBRef(c,${'00'.repeat(12)})`)
    expect(hex(writeBson({ k: pointer }))).toBe(
      hex(
        documentOf(
          element(
            0x03,
            'k',
            documentOf(element(0x02, '$ref', string('c')), element(0x07, '$id', hexBytes('00'.repeat(12)))),
          ),
        ),
      ),
    )
  })
})

describe('what only writing knows', () => {
  const id = new bson.ObjectId('0123456789ab0123456789ab')
  const reference = (...more: Uint8Array[]) =>
    element(
      0x03,
      'k',
      documentOf(
        element(0x02, '$ref', string('c')),
        element(0x07, '$id', hexBytes('0123456789ab0123456789ab')),
        ...more,
      ),
    )

  test.each<[string, unknown, Uint8Array]>([
    ['Long', bson.Long.fromNumber(5), element(0x12, 'k', int64(5n))],
    ['Long, negative', bson.Long.fromString('-9223372036854775808'), element(0x12, 'k', int64(-(2n ** 63n)))],
    ['Double', new bson.Double(1), element(0x01, 'k', one)],
    ['Int32', new bson.Int32(-7), element(0x10, 'k', int32(-7))],
    ['BSONSymbol', new bson.BSONSymbol('s'), element(0x0e, 'k', string('s'))],
    ['DBRef', new bson.DBRef('c', id), reference()],
    [
      'DBRef with a database and fields',
      new bson.DBRef('c', id, 'db', { x: 1 }),
      reference(element(0x02, '$db', string('db')), element(0x10, 'x', int32(1))),
    ],
    ['Binary with room to spare', new bson.Binary(Buffer.from('a'), 0), element(0x05, 'k', int32(1), hexBytes('0061'))],
    ['a Binary that is written to', written(), element(0x05, 'k', int32(2), hexBytes('00 6162'))],
    ['Buffer', Buffer.from('ab'), element(0x05, 'k', int32(2), hexBytes('00 6162'))],
    ['UUID', new bson.UUID('1f'.repeat(16)), element(0x05, 'k', int32(16), hexBytes('04'), hexBytes('1f'.repeat(16)))],
    ['Code with an empty scope', new bson.Code('f', {}), element(0x0f, 'k', int32(15), string('f'), documentOf())],
  ])('%s', (_, value, expected) => {
    expect(hex(writeBson({ k: value }))).toBe(hex(documentOf(expected)))
  })

  function written(): bson.Binary {
    const binary = new bson.Binary(Buffer.alloc(64))
    binary.position = 0
    binary.write(Buffer.from('ab'), 0)
    return binary
  }

  test('as the package writes them itself', () => {
    const values = {
      a: bson.Long.fromNumber(5),
      b: new bson.Double(2),
      c: new bson.Int32(3),
      d: new bson.BSONSymbol('s'),
      e: id,
    }
    expect(hex(writeBson(values))).toBe(hex(bson.serialize(values)))
  })

  test('a Long that is unsigned and too large, and members that a class can not have', () => {
    const broken = Object.assign(new bson.Decimal128('1'), { bytes: new Uint8Array(15) })
    for (const value of [
      bson.Long.fromString('18446744073709551615', true),
      broken,
      Object.assign(new bson.Int32(1), { value: 1.5 }),
      Object.assign(new bson.BSONSymbol('s'), { value: 7 }),
      Object.assign(new bson.BSONRegExp('a'), { pattern: 'a\0' }),
      Object.assign(new bson.Binary(), { sub_type: 256 }),
    ]) {
      expect(thrownBy(() => writeBson({ a: [value] }))).toMatchObject({ code: 'ERR_SESSION_UNWRITABLE', path: 'a.0' })
    }
  })

  test('_bsontype of plain data makes no special value', () => {
    const id = { _bsontype: 'ObjectId', id: 'x', toString: '0123456789ab0123456789ab' }
    const bare = Object.assign(Object.create(null), { _bsontype: 'Long', low: 1, high: 1 })
    const value = { id, bare, list: [{ _bsontype: 'MinKey' }], _bsontype: 'Binary' }
    expect(readBson(writeBson(value), lightBsonTypes)).toStrictEqual({ ...value, bare: { ...bare } })
  })

  test('a class that is none of BSON, whatever it says of itself', () => {
    class Fake {
      readonly _bsontype = 'Session'
    }
    expect(thrownBy(() => writeBson({ k: new Fake() })).code).toBe('ERR_SESSION_UNWRITABLE')
  })
})

test.each(['Date', 'Uint8Array', 'RegExp', 'Map'])('a class that calls itself %s is none', (name) => {
  class Fake {
    get [Symbol.toStringTag]() {
      return name
    }
  }
  expect(thrownBy(() => writeBson({ k: new Fake() }))).toMatchObject({ code: 'ERR_SESSION_UNWRITABLE', path: 'k' })
})

describe('classes as other versions of the package have them', () => {
  /** An instance of a class, with members of its own. */
  const instance = (name: string, members: object, text?: string) => {
    class Value {
      toString() {
        return text ?? '[object Object]'
      }
    }
    return Object.assign(new Value(), { _bsontype: name, ...members })
  }
  test.each<[string, object, Uint8Array]>([
    [
      'ObjectID of 1',
      instance('ObjectID', {}, '0123456789ab0123456789ab'),
      element(0x07, 'k', hexBytes('0123456789ab0123456789ab')),
    ],
    ['Long of 1', instance('Long', { low_: 5, high_: 0 }, '5'), element(0x12, 'k', int64(5n))],
    [
      'Timestamp of 1, printed signed',
      instance('Timestamp', { low_: 2, high_: -1 }, '-4294967294'),
      element(0x11, 'k', hexBytes('02000000 ffffffff')),
    ],
    [
      'Timestamp of 4, printed unsigned',
      instance('Timestamp', {}, '18446744069414584322'),
      element(0x11, 'k', hexBytes('02000000 ffffffff')),
    ],
    [
      'DBRef of 1',
      instance('DBRef', { namespace: 'c', oid: null, db: '' }),
      element(0x03, 'k', documentOf(element(0x02, '$ref', string('c')), element(0x0a, '$id'))),
    ],
    [
      'Code of 1, a function',
      instance('Code', { code: () => 1, scope: {} }),
      element(0x0f, 'k', int32(4 + 4 + 8 + 5), string('() => 1'), documentOf()),
    ],
    ['Symbol of 1', instance('Symbol', { value: 's' }), element(0x0e, 'k', string('s'))],
    [
      'UUID of 4',
      instance('UUID', { id: hexBytes('1f'.repeat(16)) }),
      element(0x05, 'k', int32(16), hexBytes('04'), hexBytes('1f'.repeat(16))),
    ],
  ])('%s', (_, value, expected) => {
    expect(hex(writeBson({ k: value }))).toBe(hex(documentOf(expected)))
  })
})

describe('bsonTypesOf', () => {
  test('takes the classes of another copy', () => {
    class ObjectId {
      readonly bytes: Uint8Array
      constructor(bytes: Uint8Array) {
        this.bytes = bytes
      }
    }
    const types = bsonTypesOf({ ...bson, ObjectId })
    const { k } = readBson(documentOf(sample(0)), types)
    expect(k).toBeInstanceOf(ObjectId)
    expect(k).not.toBeInstanceOf(bson.ObjectId)
  })

  test('says what is missing', () => {
    const { Timestamp: _, ...rest } = bson
    expect(() => bsonTypesOf(rest as never)).toThrow(
      new TypeError('module: not a copy of the bson package, Timestamp is missing'),
    )
    expect(() => bsonTypesOf(undefined as never)).toThrow(TypeError)
  })

  test('an option of a regular expression that the class does not know is left out, as Python does', () => {
    const { k } = readBson(documentOf(element(0x0b, 'k', cstring('a'), cstring('gix'))), bsonPackageTypes)
    expect(k).toMatchObject({ pattern: 'a', options: 'ix' })
  })
})
