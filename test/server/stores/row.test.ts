import * as bson from 'bson'
import { ObjectId } from 'bson'
import { describe, expect, test } from 'vitest'
import { bsonTypesOf, withBsonTypes } from '../../../src/server/bson-types.js'
import { MAX_ROW_LENGTH, readRow, writeRow } from '../../../src/server/stores/row.js'
import { encodeBase64 } from '../../../src/shared/base64.js'
import { bsonOrigin } from '../../../src/shared/bson/origin.js'
import { writeBson } from '../../../src/shared/bson/writer.js'
import { rejection } from '../server.helpers.js'

const bsonPackageTypes = bsonTypesOf(bson)

describe('what a row looks like', () => {
  test('JSON where it holds everything', () => {
    expect(writeRow({ data: { user: 'dävid', n: 1, price: 1.5, list: [null, true], none: undefined } })).toBe(
      '{"user":"dävid","n":1,"price":1.5,"list":[null,true]}',
    )
  })

  test.each<[string, Record<string, unknown>]>([
    ['a date', { at: new Date(5) }],
    ['bytes, deep inside', { a: [{ b: new Uint8Array([1]) }] }],
    ['NaN', { n: Number.NaN }],
    ['Infinity', { n: -Infinity }],
    ['an ObjectId', { id: new ObjectId('0123456789abcdef01234567') }],
  ])('BSON in base64 for %s', async (_, data) => {
    const text = writeRow({ data })
    expect(text).toMatch(/^[A-Za-z0-9+/]+=*$/)
    expect(await withBsonTypes(() => readRow(text).data)).toEqual(data)
  })

  test('the words NaN and Infinity are text like any other', () => {
    expect(writeRow({ data: { word: 'NaN, -Infinity' } })).toBe('{"word":"NaN, -Infinity"}')
  })

  test('integers beyond 2^53 are exact', () => {
    const data = { big: 2n ** 63n - 1n }
    expect(writeRow({ data })).toBe('{"big":9223372036854775807}')
    expect(readRow(writeRow({ data })).data).toEqual(data)
  })

  test('__proto__ is a key, not a prototype', () => {
    const { data } = readRow('{"__proto__":{"admin":true}}')
    expect(Object.keys(data)).toEqual(['__proto__'])
    expect((data as { admin?: unknown }).admin).toBeUndefined()
  })
})

describe('untouched values keep their text and type', () => {
  test('JSON of somebody else', () => {
    const { data, origin } = readRow('{"price":1.0,"n":1e2,"list":[2.0]}')
    expect(writeRow({ data: { ...data, added: 3 }, ...(origin ? { origin } : {}) })).toBe(
      '{"price":1.0,"n":1e2,"list":[2.0],"added":3}',
    )
  })

  test('BSON, and from BSON to JSON', () => {
    const types = bsonPackageTypes
    const bytes = writeBson(
      { price: 1, at: new Date(5) },
      {
        origin: {
          format: 'x',
          value: {},
          child: (key) => (key === 'price' ? { format: 'x', value: 1, type: 'double' } : undefined),
        },
      },
    )
    const text = encodeBase64(bytes)
    const { data, origin } = readRow(text)
    expect(origin && writeRow({ data, origin })).toBe(text)
    expect(origin && writeRow({ data: { price: data.price }, origin })).toBe('{"price":1.0}')
    expect(bsonOrigin(bytes, types).child?.('price')?.type).toBe('double')
  })
})

describe('refused', () => {
  test(`a row of ${MAX_ROW_LENGTH} characters is written and read, one more is not`, async () => {
    const frame = '{"a":""}'.length
    const fits = { data: { a: 'x'.repeat(MAX_ROW_LENGTH - frame) } }
    expect(readRow(writeRow(fits)).data).toEqual(fits.data)
    await rejection('ERR_SESSION_LIMIT', () => writeRow({ data: { a: `${fits.data.a}x` } }))
    const error = await rejection('ERR_SESSION_LIMIT', () => readRow(`{"a":"${fits.data.a}x"}`))
    expect(error.verified).toBe(true)
  })

  test.each([
    ['{"a":', 'ERR_SESSION_JSON'],
    ['{"a":1} x', 'ERR_SESSION_JSON'],
    ['[1]', 'ERR_SESSION_MALFORMED'],
    ['', 'ERR_SESSION_BSON'],
    ['AAAA', 'ERR_SESSION_BSON'],
    ['BQAAAAB=', 'ERR_SESSION_MALFORMED'],
    [`{"a":${'['.repeat(70)}${']'.repeat(70)}}`, 'ERR_SESSION_LIMIT'],
  ])('%s', async (text, code) => {
    expect((await rejection(code, () => readRow(text))).verified).toBe(true)
  })

  test('what neither can hold, with its path', async () => {
    for (const value of [() => {}, Symbol('x'), new (class Cart {})()]) {
      expect((await rejection('ERR_SESSION_UNWRITABLE', () => writeRow({ data: { a: { b: value } } }))).path).toBe(
        'a.b',
      )
    }
    const circle: Record<string, unknown> = {}
    circle.self = circle
    await rejection('ERR_SESSION_LIMIT', () => writeRow({ data: circle }))
  })
})
