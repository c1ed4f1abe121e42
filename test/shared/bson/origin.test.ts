import * as bson from 'bson'
import { describe, expect, test } from 'vitest'
import { bsonTypesOf } from '../../../src/server/bson-types.js'
import { lightBsonTypes } from '../../../src/shared/bson/decimal.js'
import { bsonOrigin } from '../../../src/shared/bson/origin.js'
import { type BsonTypes, readBson } from '../../../src/shared/bson/reader.js'
import { writeBson } from '../../../src/shared/bson/writer.js'
import type { OriginNode, SessionData } from '../../../src/shared/types.js'
import { cstring, documentOf, element, hex, hexBytes, int32, int64, nested, string, thrownBy } from './bytes.js'

const bsonPackageTypes = bsonTypesOf(bson)

const types = lightBsonTypes
const double = (value: number) => {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(value)
  return bytes
}

/** Every element that says more than its JavaScript value does, each under its name. */
const peculiar: Record<string, Uint8Array> = {
  double: element(0x01, 'double', double(1)),
  'negative zero': element(0x01, 'negative zero', double(-0)),
  nan: element(0x01, 'nan', hexBytes('010000000000f07f')),
  'other nan': element(0x01, 'other nan', hexBytes('010000000000f87f')),
  int32: element(0x10, 'int32', int32(5)),
  int64: element(0x12, 'int64', int64(5n)),
  bigint: element(0x12, 'bigint', int64(2n ** 62n)),
  undefined: element(0x06, 'undefined'),
  null: element(0x0a, 'null'),
  symbol: element(0x0e, 'symbol', string('text')),
  string: element(0x02, 'string', string('text')),
  pointer: element(0x0c, 'pointer', string('c'), hexBytes('00'.repeat(12))),
  'pointer with a dot': element(0x0c, 'pointer with a dot', string('db.c'), hexBytes('00'.repeat(12))),
  bytes: element(0x05, 'bytes', int32(2), hexBytes('00 6162')),
  'old binary': element(0x05, 'old binary', int32(6), hexBytes('02'), int32(2), hexBytes('6162')),
  uuid: element(0x05, 'uuid', int32(16), hexBytes('04'), hexBytes('11'.repeat(16))),
  'short uuid': element(0x05, 'short uuid', int32(2), hexBytes('04 6162')),
  'private binary': element(0x05, 'private binary', int32(0), hexBytes('80')),
  decimal: element(0x13, 'decimal', hexBytes('6e000000000000000000000000003c30')),
  'other decimal nan': element(0x13, 'other decimal nan', hexBytes('0100000000000000000000000000007e')),
  id: element(0x07, 'id', hexBytes('0123456789ab0123456789ab')),
  date: element(0x09, 'date', int64(-1n)),
  regexp: element(0x0b, 'regexp', cstring('a'), cstring('xi')),
  'unknown flag': element(0x0b, 'unknown flag', cstring('a'), cstring('zg')),
  code: element(0x0d, 'code', string('f()')),
  scope: element(0x0f, 'scope', int32(4 + 8 + 16), string('f()'), documentOf(element(0x01, 'x', double(1)))),
  timestamp: element(0x11, 'timestamp', hexBytes('ffffffff feffffff')),
  min: element(0xff, 'min'),
  max: element(0x7f, 'max'),
  true: element(0x08, 'true', hexBytes('01')),
  'empty document': element(0x03, 'empty document', documentOf()),
  'empty array': element(0x04, 'empty array', documentOf()),
  '7': element(0x0a, '7'),
  ['__proto__']: element(0x10, '__proto__', int32(1)),
  käse: element(0x0a, 'käse'),
}
const named = Object.entries(Object.getOwnPropertyDescriptors(peculiar)).map(
  ([name, { value }]) => [name, value as Uint8Array] as const,
)
const elements = named.map(([, bytes]) => bytes)

const kinds: [string, BsonTypes][] = [
  ['light', lightBsonTypes],
  ['package', bsonPackageTypes],
]

describe.each(kinds)('splicing with %s types', (_, types) => {
  const change = (bytes: Uint8Array, edit: (data: SessionData) => void): string => {
    const data = readBson(bytes, types)
    edit(data)
    return hex(writeBson(data, { origin: bsonOrigin(bytes, types) }))
  }

  test.each(named)('%s: unchanged it is written as it was, and so beside a change', (name, bytes) => {
    const other = element(0x02, 'other', string('old'))
    expect(change(documentOf(bytes, other), () => {})).toBe(hex(documentOf(bytes, other)))
    const changed = element(0x02, 'other', string('new'))
    expect(
      change(documentOf(bytes, other), (data) => {
        data.other = 'new'
      }),
    ).toBe(hex(documentOf(bytes, changed)))
    // Also where the container is new to the document.
    const inside = (...parts: Uint8Array[]) => documentOf(element(0x03, 'in', documentOf(bytes, ...parts)))
    expect(
      change(inside(), (data) => {
        ;(data.in as SessionData).other = 'new'
      }),
    ).toBe(hex(inside(changed)))
    expect(name).not.toBe('')
  })

  test('all of them in documents in arrays, with one changed far inside', () => {
    const whole = (flag: string) =>
      documentOf(
        ...elements,
        element(
          0x04,
          'list',
          documentOf(
            element(0x03, '0', documentOf(...elements)),
            element(0x04, '1', documentOf(element(0x01, '0', double(2)), element(0x08, '1', hexBytes(flag)))),
            element(0x12, '2', int64(3n)),
          ),
        ),
      )
    expect(change(whole('00'), () => {})).toBe(hex(whole('00')))
    expect(
      change(whole('00'), (data) => {
        ;(data.list as unknown[][])[1]?.splice(1, 1, true)
      }),
    ).toBe(hex(whole('01')))
  })

  test('equal keys, in an unchanged document and in one beside a change', () => {
    const twice = documentOf(element(0x10, 'a', int32(1)), element(0x0a, 'b'), element(0x10, 'a', int32(2)))
    expect(change(twice, () => {})).toBe(hex(twice))
    expect(
      change(twice, (data) => {
        data.b = true
      }),
    ).toBe(hex(documentOf(element(0x10, 'a', int32(2)), element(0x08, 'b', hexBytes('01')))))
    const outer = (value: number) => documentOf(element(0x03, 'twice', twice), element(0x10, 'n', int32(value)))
    expect(
      change(outer(1), (data) => {
        data.n = 2
      }),
    ).toBe(hex(outer(2)))
  })

  test('a special value that changed is written anew', () => {
    const id = (last: string) => documentOf(element(0x07, 'id', hexBytes(`0123456789ab0123456789${last}`)))
    const other = readBson(id('ff'), types)
    expect(
      change(id('ab'), (data) => {
        data.id = other.id
      }),
    ).toBe(hex(id('ff')))
    const binary = (subtype: string) => documentOf(element(0x05, 'b', int32(1), hexBytes(subtype), hexBytes('61')))
    const changed = readBson(binary('81'), types)
    expect(
      change(binary('80'), (data) => {
        data.b = changed.b
      }),
    ).toBe(hex(binary('81')))
    const scope = (value: number) => {
      const inside = Buffer.concat([string('f'), documentOf(element(0x10, 'x', int32(value)))])
      return documentOf(element(0x0f, 's', int32(inside.length + 4), inside))
    }
    expect(
      change(scope(1), (data) => {
        ;(data.s as { scope: SessionData }).scope.x = 2
      }),
    ).toBe(hex(scope(2)))
  })

  test('bytes and dates changed in place', () => {
    const document = (byte: string, time: bigint) =>
      documentOf(element(0x05, 'b', int32(2), hexBytes('00 61'), hexBytes(byte)), element(0x09, 'd', int64(time)))
    expect(
      change(document('61', 5n), (data) => {
        ;(data.b as Uint8Array)[1] = 0x62
        ;(data.d as Date).setTime(6)
      }),
    ).toBe(hex(document('62', 6n)))
  })
})

describe('changes', () => {
  const change = (bytes: Uint8Array, edit: (data: SessionData) => void): string => {
    const data = readBson(bytes, types)
    edit(data)
    return hex(writeBson(data, { origin: bsonOrigin(bytes, types) }))
  }
  const number = (before: Uint8Array, value: number | bigint) =>
    change(documentOf(before), (data) => {
      data.n = value
    })

  test('a number keeps its type', () => {
    const [one, wide, narrow] = [
      element(0x01, 'n', double(1)),
      element(0x12, 'n', int64(1n)),
      element(0x10, 'n', int32(1)),
    ]
    expect(number(one, 2)).toBe(hex(documentOf(element(0x01, 'n', double(2)))))
    expect(number(one, 2.5)).toBe(hex(documentOf(element(0x01, 'n', double(2.5)))))
    expect(number(wide, 2)).toBe(hex(documentOf(element(0x12, 'n', int64(2n)))))
    expect(number(wide, 2n)).toBe(hex(documentOf(element(0x12, 'n', int64(2n)))))
    expect(number(wide, 2n ** 60n)).toBe(hex(documentOf(element(0x12, 'n', int64(2n ** 60n)))))
    expect(number(wide, 2 ** 60)).toBe(hex(documentOf(element(0x12, 'n', int64(2n ** 60n)))))
    expect(number(wide, -(2 ** 63))).toBe(hex(documentOf(element(0x12, 'n', int64(-(2n ** 63n))))))
    expect(number(wide, -1)).toBe(hex(documentOf(element(0x12, 'n', int64(-1n)))))
    expect(number(narrow, 2)).toBe(hex(documentOf(element(0x10, 'n', int32(2)))))
    expect(number(narrow, 2 ** 40)).toBe(hex(documentOf(element(0x12, 'n', int64(2n ** 40n)))))
    for (const before of [wide, narrow]) {
      for (const value of [0.5, NaN, -0, 2 ** 63, 1e300]) {
        expect(number(before, value)).toBe(hex(documentOf(element(0x01, 'n', double(value)))))
      }
    }
  })

  test('-0 and 0 are two values', () => {
    expect(number(element(0x01, 'n', double(0)), -0)).toBe(hex(documentOf(element(0x01, 'n', double(-0)))))
    expect(number(element(0x01, 'n', double(-0)), 0)).toBe(hex(documentOf(element(0x01, 'n', double(0)))))
  })

  test('keys stand in their old order, then new ones, also where they look like numbers', () => {
    const bytes = documentOf(element(0x0a, 'b'), element(0x0a, '1'), element(0x0a, 'a'), element(0x0a, '0'))
    expect(
      change(bytes, (data) => {
        delete data.b
        data.z = null
        data.b = null
        delete data.a
        data['2'] = null
      }),
    ).toBe(hex(documentOf(...['b', '1', '0', '2', 'z'].map((key) => element(0x0a, key)))))
  })

  test('_id stays where it was; a new one stands first', () => {
    const bytes = documentOf(element(0x0a, 'a'), element(0x0a, '_id'))
    expect(
      change(bytes, (data) => {
        data.a = true
      }),
    ).toBe(hex(documentOf(element(0x08, 'a', hexBytes('01')), element(0x0a, '_id'))))
    expect(
      change(documentOf(element(0x0a, 'a')), (data) => {
        data._id = null
      }),
    ).toBe(hex(documentOf(element(0x0a, '_id'), element(0x0a, 'a'))))
  })

  test('a list that grew, shrank or was replaced', () => {
    const list = (...values: number[]) =>
      documentOf(
        element(0x04, 'l', documentOf(...values.map((value, index) => element(0x01, `${index}`, double(value))))),
      )
    expect(
      change(list(1, 2, 3), (data) => {
        ;(data.l as number[]).pop()
      }),
    ).toBe(hex(list(1, 2)))
    expect(
      change(list(1, 2), (data) => {
        data.l = [1, 2, 3]
      }),
    ).toBe(
      hex(
        documentOf(
          element(
            0x04,
            'l',
            documentOf(element(0x01, '0', double(1)), element(0x01, '1', double(2)), element(0x10, '2', int32(3))),
          ),
        ),
      ),
    )
    expect(
      change(list(1), (data) => {
        data.l = []
      }),
    ).toBe(hex(list()))
  })

  test('another kind of value in an old place takes nothing over', () => {
    const list = documentOf(element(0x04, 'k', documentOf(element(0x12, '0', int64(1n)))))
    const object = documentOf(element(0x03, 'k', documentOf(element(0x12, '0', int64(1n)))))
    const plain = (type: number) => hex(documentOf(element(type, 'k', documentOf(element(0x10, '0', int32(1))))))
    expect(
      change(list, (data) => {
        data.k = { 0: 1 }
      }),
    ).toBe(plain(0x03))
    expect(
      change(object, (data) => {
        data.k = [1]
      }),
    ).toBe(plain(0x04))
    for (const before of [
      element(0x09, 'k', int64(1n)),
      element(0x07, 'k', hexBytes('00'.repeat(12))),
      element(0x0a, 'k'),
    ]) {
      expect(
        change(documentOf(before), (data) => {
          data.k = {}
        }),
      ).toBe(hex(documentOf(element(0x03, 'k', documentOf()))))
    }
    expect(
      change(documentOf(element(0x03, 'k', documentOf())), (data) => {
        data.k = []
      }),
    ).toBe(hex(documentOf(element(0x04, 'k', documentOf()))))
  })

  test('a key that was removed, or set to undefined, is gone', () => {
    const bytes = documentOf(element(0x0a, 'a'), element(0x03, 'b', documentOf(element(0x0a, 'c'))))
    expect(
      change(bytes, (data) => {
        delete data.a
        ;(data.b as SessionData).c = undefined
      }),
    ).toBe(hex(documentOf(element(0x03, 'b', documentOf()))))
  })

  test('a key of the origin that is only inherited is not there', () => {
    const bytes = documentOf(element(0x10, 'toString', int32(1)), element(0x10, '__proto__', int32(1)))
    expect(hex(writeBson({}, { origin: bsonOrigin(bytes, types) }))).toBe(hex(documentOf()))
  })

  test('limits hold for copied elements too', () => {
    const bytes = documentOf(element(0x02, 'a', string('xyz')), element(0x0a, 'b'))
    const data = readBson(bytes, types)
    const origin = bsonOrigin(bytes, types)
    expect(writeBson(data, { origin, maxElements: 2, maxBytes: bytes.length })).toHaveLength(bytes.length)
    expect(thrownBy(() => writeBson(data, { origin, maxElements: 1 })).code).toBe('ERR_SESSION_LIMIT')
    expect(thrownBy(() => writeBson(data, { origin, maxBytes: bytes.length - 1 })).code).toBe('ERR_SESSION_LIMIT')
    expect(thrownBy(() => writeBson(data, { origin, maxBytes: 8 }))).toMatchObject({
      code: 'ERR_SESSION_LIMIT',
      path: 'a',
    })
  })
})

describe('an origin of another format', () => {
  const leaf = (value: unknown, type?: OriginNode['type']): OriginNode => ({
    format: 'json',
    value,
    ...(type && { type }),
  })
  const tree = (members: Record<string, OriginNode>, value: unknown): OriginNode => ({
    format: 'json',
    value,
    keys: () => Object.keys(members),
    child: (key) => (Object.hasOwn(members, key) ? members[key] : undefined),
  })

  test('its types decide, unchanged or not, and its order', () => {
    const list = tree({ 0: leaf(1, 'double'), 1: leaf(1, 'integer') }, [1, 1])
    const origin = tree(
      { z: leaf(1, 'double'), _id: leaf('x'), w: leaf(3, 'int64'), i: leaf(7, 'integer'), l: list },
      undefined,
    )
    expect(hex(writeBson({ i: 7, l: [1, 2], n: 1, _id: 'x', w: 3, z: 2 }, { origin }))).toBe(
      hex(
        documentOf(
          element(0x02, '_id', string('x')),
          element(0x01, 'z', double(2)),
          element(0x12, 'w', int64(3n)),
          element(0x10, 'i', int32(7)),
          element(0x04, 'l', documentOf(element(0x01, '0', double(1)), element(0x10, '1', int32(2)))),
          element(0x10, 'n', int32(1)),
        ),
      ),
    )
  })

  test('its raw is not copied', () => {
    const origin = tree({ a: { ...leaf('x'), raw: '"x"' } }, { a: 'x' })
    expect(hex(writeBson({ a: 'x' }, { origin: { ...origin, raw: '{"a":"x"}' } }))).toBe(
      hex(documentOf(element(0x02, 'a', string('x')))),
    )
  })

  test('a root without bytes of its own over members that have them', () => {
    const bytes = documentOf(element(0x12, 'a', int64(1n)), element(0x0e, 'b', string('s')))
    const { raw: _, ...origin } = bsonOrigin(bytes, types)
    expect(hex(writeBson({ a: 1, b: 's' }, { origin: { ...origin, format: 'merged' } }))).toBe(hex(bytes))
    expect(hex(writeBson({ a: 1, b: 's' }, { origin }))).toBe(hex(bytes))
  })
})

describe('nodes', () => {
  const at = (root: OriginNode, ...path: string[]) =>
    path.reduce<OriginNode | undefined>((node, key) => node?.child?.(key), root)
  const keysOf = (node: OriginNode | undefined) => [...(node?.keys?.() ?? [])]

  test('tell value, type, keys in order and members', () => {
    const bytes = documentOf(
      element(0x01, 'd', double(1)),
      element(0x03, 'o', documentOf(element(0x12, '9', int64(1n)), element(0x10, 'x', int32(1)))),
      element(0x04, '3', documentOf(element(0x02, '0', string('s')))),
    )
    const root = bsonOrigin(bytes, types)
    expect(root.value).toStrictEqual(readBson(bytes, types))
    expect(keysOf(root)).toStrictEqual(['d', 'o', '3'])
    expect(at(root, 'd')).toMatchObject({ format: 'bson', value: 1, type: 'double' })
    expect(keysOf(at(root, 'o'))).toStrictEqual(['9', 'x'])
    expect(at(root, 'o', '9')).toMatchObject({ value: 1, type: 'int64' })
    expect(at(root, 'o', 'x')).toMatchObject({ value: 1, type: 'integer' })
    expect(at(root, '3', '0')).toStrictEqual({
      format: 'bson',
      value: 's',
      raw: { bytes, start: bytes.length - 11, end: bytes.length - 2 },
    })
    for (const key of ['x', '__proto__', 'constructor', '0']) expect(at(root, key)).toBe(undefined)
  })

  test('nothing is read before it is asked for', () => {
    const root = bsonOrigin(hexBytes('00'), types)
    expect(root.format).toBe('bson')
    expect(thrownBy(() => root.value).code).toBe('ERR_SESSION_BSON')
    expect(thrownBy(() => keysOf(root)).code).toBe('ERR_SESSION_BSON')
    expect(thrownBy(() => at(bsonOrigin(nested(65), types), 'a')).code).toBe('ERR_SESSION_LIMIT')
  })
})
