/** What a payload says about the session, apart from its data; types that are wrong are refused. */
import { describe, expect, test } from 'vitest'
import { takeBeakerMeta, takeJwtMeta } from '../../src/shared/decode.js'
import { codeOf } from './shared.helpers.js'

describe('Beaker', () => {
  test('id and times; path, domain and expiry are about the cookie', () => {
    const payload = {
      _domain: null,
      _path: '/',
      _id: 'a1',
      user: 'dave',
      _expires: true,
      _creation_time: 1_700_000_000.25,
      _accessed_time: 1_700_000_001,
      exp: 5,
    }
    const before = { ...payload }
    expect(takeBeakerMeta(payload)).toStrictEqual({
      data: { user: 'dave', exp: 5 },
      meta: { id: 'a1', createdAt: new Date(1_700_000_000_250), accessedAt: new Date(1_700_000_001_000) },
    })
    expect(payload).toEqual(before)
  })

  test('what is absent stays absent', () => {
    expect(takeBeakerMeta({})).toStrictEqual({ data: {}, meta: {} })
    expect(takeBeakerMeta({ _id: '' })).toStrictEqual({ data: {}, meta: { id: '' } })
  })
})

describe('claims', () => {
  test('jti, iat, nbf and exp; the rest is data', () => {
    expect(
      takeJwtMeta({ sub: 'dave', exp: 4, nbf: 3, iat: 2.5, jti: 'a1', _id: 7, _accessed_time: 'x' }),
    ).toStrictEqual({
      data: { sub: 'dave', _id: 7, _accessed_time: 'x' },
      meta: { id: 'a1', createdAt: new Date(2_500), notBefore: new Date(3_000), expiresAt: new Date(4_000) },
    })
  })
})

const kinds = [
  { take: takeBeakerMeta, id: '_id', times: ['_creation_time', '_accessed_time'] },
  { take: takeJwtMeta, id: 'jti', times: ['iat', 'nbf', 'exp'] },
]

describe.each(kinds)('$take.name', ({ take, id, times }) => {
  const refusal = (payload: Record<string, unknown>) => codeOf(() => take(payload))
  const noTimes: [unknown][] = [
    ['1700000000'],
    [''],
    [null],
    [true],
    [[]],
    [[1]],
    [{}],
    [1n],
    [new Date(0)],
    [Number.NaN],
    [Number.POSITIVE_INFINITY],
    [Number.NEGATIVE_INFINITY],
    [JSON.parse('1e309')],
    [1e300],
    [8.64e12 + 1],
    [-8.64e12 - 1],
    [{ valueOf: () => 1 }],
  ]

  test.each(noTimes)('a time that is %s', (value) => {
    for (const name of times) expect(refusal({ a: 1, [name]: value })).toBe('ERR_SESSION_CLAIMS')
  })

  test('the earliest and the last time that a Date holds, zero, and fractions', () => {
    for (const seconds of [8.64e12, -8.64e12, 0, -1, 0.0004, 1_700_000_000.999]) {
      for (const name of times) {
        const { meta } = take({ [name]: seconds })
        expect(Object.values(meta).map(Number)).toEqual([Math.round(seconds * 1_000) + 0])
      }
    }
  })

  test.each([[1], [null], [true], [['a']], [{}], [{ length: 1 }], [1n], [new Uint8Array(12)]])(
    'an id that is %s',
    (value) => {
      expect(refusal({ [id]: value })).toBe('ERR_SESSION_CLAIMS')
    },
  )

  test('the message names what it is for and no value', () => {
    expect(() => take({ [times[0] as string]: 'geheim' })).toThrow('createdAt')
    expect(() => take({ [id]: 7 })).toThrow('id')
    expect(() => take({ [times[0] as string]: 'geheim' })).not.toThrow('geheim')
  })

  test('keys that mean something to objects are data', () => {
    const payload = JSON.parse('{"__proto__":{"_id":"x","jti":"x","exp":1},"constructor":1,"toString":2}')
    const { data, meta } = take(payload)
    expect(Object.keys(data)).toEqual(['__proto__', 'constructor', 'toString'])
    expect(Object.getPrototypeOf(data)).toBe(Object.prototype)
    expect(meta).toStrictEqual({})
  })
})
