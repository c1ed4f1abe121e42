/** Cookie values taken apart without a key: the forms of beaker-session-jwt, and plain claims. */
import { readFileSync } from 'node:fs'
import { deflateSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { lightBsonTypes } from '../../src/shared/bson/decimal.js'
import { writeBson } from '../../src/shared/bson/writer.js'
import { decodeSession, type SessionReader } from '../../src/shared/decode.js'
import { encodeBase85 } from '../../src/shared/encode-base85.js'
import { differences, type Tagged, without } from '../interop/tagged.js'
import { bsZ, codeOf, tokenOf } from './shared.helpers.js'

const code = (value: string) => codeOf(() => decodeSession(value))
const codeOfClaims = (claims: string | object) => code(tokenOf(claims))
const decode = (claims: string | object) => decodeSession(tokenOf(claims))

interface Vector {
  name: string
  kind: string
  options: object
  cookie: string
  session?: Tagged
  decoded?: Tagged
}
// read as text: an importer of JSON refuses the half surrogate pair in it
const vectors = JSON.parse(readFileSync(new URL('../vectors/beaker_session_jwt.json', import.meta.url), 'utf8')) as {
  cases: Vector[]
}
const cases = vectors.cases.filter(({ cookie, options }) => cookie && !('original_format_validate_key' in options))

describe('cookies of beaker-session-jwt', () => {
  /** Numbers that only the server keeps by their text. */
  const lossy = ['json numbers', 'NaN payload']
  const readable = cases.filter((vector) => !('raises' in vector || lossy.includes(vector.name)))
  /** What Python refuses for its signature or algorithm, which nothing here looks at. */
  const unverified = ['truncated signature', 'alg none', 'alg hs256 lower case']

  test('there are some of each', () => {
    expect(readable.length).toBeGreaterThan(9)
    expect(cases.filter(({ name }) => unverified.includes(name)).length).toBe(3)
  })

  test.each(readable.map((vector): [string, Vector] => [vector.name, vector]))('%s', (_, vector) => {
    const { data } = decodeSession(vector.cookie)
    const meta = ['_creation_time', '_accessed_time', '_domain', '_path', '_expires', '_id']
    const expected = JSON.parse(JSON.stringify(vector.decoded ?? vector.session), (_, value) => value?.$tuple ?? value)
    const { _id, ...own } = data
    expect(differences(without(expected, meta), own)).toEqual([])
  })

  test.each(cases.filter(({ name }) => unverified.includes(name)).map(({ name, cookie }) => [name, cookie]))(
    'nothing is verified: %s',
    (_, cookie) => expect(code(cookie)).toBe('none'),
  )

  test('numbers as JavaScript has them', () => {
    const data = (name: string) => decodeSession(cases.find((vector) => vector.name === name)?.cookie as string).data
    expect(data('json numbers')).toMatchObject({ onef: 1, big: 2 ** 64, neg: -0, e22: 1e22, small: 1e-5, i53: 2 ** 53 })
    expect(data('NaN payload')).toEqual({ x: null })
  })

  test.each([
    ['no signature part', 'ERR_SESSION_UNSUPPORTED'],
    ['garbage', 'ERR_SESSION_UNSUPPORTED'],
    ['legacy cookie', 'ERR_SESSION_UNSUPPORTED'],
    ['payload is array', 'ERR_SESSION_JSON'],
    ['tampered payload', 'ERR_SESSION_JSON'],
    ['bsZ not base85', 'ERR_SESSION_MALFORMED'],
    ['bsZ truncated bson', 'ERR_SESSION_BSON'],
  ])('%s is %s', (name, expected) => {
    expect(code(cases.find((vector) => vector.name === name)?.cookie as string)).toBe(expected)
  })
})

describe('formats', () => {
  const times = { _creation_time: 1_700_000_000.25, _accessed_time: 1_700_000_001 }

  test('compressed: data and meta apart, header and claims as they stand', () => {
    const text = bsZ({ _id: 'a1', user: 'dave', ...times })
    expect(decodeSession(tokenOf({ bsZ: text }, '{"alg":"HS256","kid":"7"}'))).toEqual({
      format: 'beaker-jwt',
      data: { user: 'dave' },
      meta: { id: 'a1', createdAt: new Date(1_700_000_000_250), accessedAt: new Date(1_700_000_001_000) },
      header: { alg: 'HS256', kid: '7' },
      claims: { bsZ: text },
    })
  })

  test('plain claims of Beaker: exp is data there', () => {
    expect(decode({ user: 'dave', ...times, _id: 'a1', exp: 5 })).toMatchObject({
      format: 'beaker-jwt',
      data: { user: 'dave', exp: 5 },
      meta: { id: 'a1', accessedAt: new Date(1_700_000_001_000) },
      claims: { _id: 'a1' },
    })
  })

  test('plain claims of others', () => {
    expect(decode({ sub: 'dave', jti: 'a1', exp: 5 })).toMatchObject({
      format: 'jwt',
      data: { sub: 'dave' },
      meta: { id: 'a1', expiresAt: new Date(5_000) },
    })
    expect(decode({})).toMatchObject({ format: 'jwt', data: {}, meta: {}, claims: {} })
  })

  test('either time makes it one of Beaker, an id alone does not', () => {
    expect(decode({ _creation_time: 1 }).format).toBe('beaker-jwt')
    expect(decode({ _accessed_time: 1 }).format).toBe('beaker-jwt')
    for (const _id of ['a1', 7, null, { $oid: 'a1' }]) {
      expect(decode({ _id, exp: 5 })).toMatchObject({
        format: 'jwt',
        data: { _id },
        meta: { expiresAt: new Date(5_000) },
      })
    }
    expect(decode({ _path: '/', _domain: null, _expires: true })).toMatchObject({ format: 'jwt', data: { _path: '/' } })
  })

  test('a time of a wrong type is refused, not taken for data', () => {
    for (const claims of [
      { _creation_time: 'x' },
      { _accessed_time: null },
      { _creation_time: 1, _id: 7 },
      { exp: '5' },
      { iat: true },
      '{"exp":1e309}',
      '{"_accessed_time":NaN}',
    ]) {
      expect(codeOfClaims(claims)).toBe('ERR_SESSION_CLAIMS')
    }
    expect(codeOfClaims({ bsZ: bsZ({ _accessed_time: new Date(0) }) })).toBe('ERR_SESSION_CLAIMS')
  })
})

describe('bsZ', () => {
  test('claims beside it are merged, and BSON wins', () => {
    const claims = {
      a: 'claim',
      b: 'claim',
      _id: 'claim',
      _accessed_time: 5,
      bsZ: bsZ({ b: 'bson', c: 1, _id: 'bson' }),
    }
    expect(decode(claims)).toMatchObject({
      format: 'beaker-jwt',
      meta: { id: 'bson', accessedAt: new Date(5_000) },
      claims,
    })
    expect(decode(claims).data).toEqual({ a: 'claim', b: 'bson', c: 1 })
  })

  test.each([
    '{"bsZ":{"length":1e9}}',
    '{"bsZ":["a"]}',
    '{"bsZ":[]}',
    '{"bsZ":{}}',
    '{"bsZ":0}',
    '{"bsZ":7}',
    '{"bsZ":true}',
    '{"bsZ":false}',
    '{"bsZ":Infinity}',
    '{"bsZ":{"length":2,"charCodeAt":1}}',
  ])('is text: %s is refused', (claims) => expect(codeOfClaims(claims)).toBe('ERR_SESSION_MALFORMED'))

  test('empty or null counts as none, as in Python, and is no data', () => {
    for (const text of ['', null]) {
      const decoded = decode({ bsZ: text, a: 1 })
      expect(decoded).toMatchObject({ format: 'beaker-jwt', claims: { bsZ: text, a: 1 } })
      expect(decoded.data).toEqual({ a: 1 })
    }
  })

  test('each step refuses what is not its own', () => {
    const bson = writeBson({ a: 1 })
    const of = (bytes: Uint8Array) => codeOfClaims({ bsZ: encodeBase85(bytes) })
    expect(of(deflateSync(bson))).toBe('none')
    expect(codeOfClaims({ bsZ: `${bsZ({ a: 1 })}\n` })).toBe('ERR_SESSION_MALFORMED')
    expect(of(bson)).toBe('ERR_SESSION_COMPRESSION')
    expect(of(Uint8Array.from([...deflateSync(bson), 0]))).toBe('ERR_SESSION_COMPRESSION')
    expect(of(deflateSync('{"a":1}'))).toBe('ERR_SESSION_BSON')
    expect(of(deflateSync(bson.subarray(1)))).toBe('ERR_SESSION_BSON')
  })

  test('the data does not share the buffer that is used again', () => {
    const value = (byte: number) =>
      tokenOf({ bsZ: bsZ({ bytes: new Uint8Array(40).fill(byte), text: `${byte}`.repeat(9) }) })
    const first = decodeSession(value(1)).data
    decodeSession(value(2))
    expect(first).toEqual({ bytes: new Uint8Array(40).fill(1), text: '111111111' })
  })

  test('int64 beyond 2^53 is a bigint, dates are dates', () => {
    const data = { small: 2 ** 40, large: 2n ** 60n, at: new Date(1_700_000_000_000) }
    expect(decode({ bsZ: bsZ(data) }).data).toEqual(data)
  })
})

describe('tokens', () => {
  test.each(['', '.', 'a.b', 'garbage', `${tokenOf({})}.`, `${tokenOf({})}.x.y`])('%j is not three parts', (value) =>
    expect(code(value)).toBe('ERR_SESSION_UNSUPPORTED'),
  )

  test.each([
    '..',
    ` ${tokenOf({})}`,
    tokenOf({}).replace('.', '=.'),
    tokenOf({}).replace('.', '.+'),
    `"${tokenOf({})}"`,
  ])('%j is no token', (value) => expect(code(value)).toMatch(/^ERR_SESSION_(UNSUPPORTED|MALFORMED|JSON)$/))

  test('a payload that is no base64url, UTF-8 or object', () => {
    for (const payload of ['A', 'e31', 'e_9']) expect(code(`e30.${payload}.`)).toBe('ERR_SESSION_MALFORMED')
    for (const text of ['[]', 'null', '1', '"a"', '{']) expect(codeOfClaims(text)).toBe('ERR_SESSION_JSON')
    expect(code('e30..')).toBe('ERR_SESSION_JSON')
  })

  test('a header that is no object', () => {
    for (const header of ['[]', 'null', '{'])
      expect(code(tokenOf({}, header))).toMatch(/^ERR_SESSION_(MALFORMED|JSON)$/)
  })
})

test('__proto__ and constructor of both payload forms are own keys', () => {
  const polluting = '"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}'
  const inside = bsZ(JSON.parse(`{${polluting}}`))
  for (const claims of [
    `{${polluting}}`,
    JSON.stringify({ bsZ: inside }),
    `{${polluting},"bsZ":${JSON.stringify(inside)}}`,
  ]) {
    const { data } = decode(claims)
    expect(Object.keys(data).sort()).toEqual(['__proto__', 'constructor'])
    expect(Object.getPrototypeOf(data)).toBe(Object.prototype)
    expect(data.admin).toBeUndefined()
  }
  expect(({} as Record<string, unknown>).admin).toBeUndefined()
})

describe('options', () => {
  test('maxInflated: at it, and one past it', () => {
    const bytes = writeBson({ text: 'x'.repeat(500) }).length
    const value = tokenOf({ bsZ: bsZ({ text: 'x'.repeat(500) }) })
    expect(decodeSession(value, { maxInflated: bytes }).format).toBe('beaker-jwt')
    expect(codeOf(() => decodeSession(value, { maxInflated: bytes - 1 }))).toBe('ERR_SESSION_LIMIT')
  })

  test('types make the special values', () => {
    const value = tokenOf({ bsZ: bsZ({ id: lightBsonTypes.objectId(new Uint8Array(12).fill(171)) }) })
    expect(String(decodeSession(value).data.id)).toBe('ab'.repeat(12))
    const types = { ...lightBsonTypes, objectId: (bytes: Uint8Array) => bytes.length }
    expect(decodeSession(value, { types }).data).toEqual({ id: 12 })
  })

  test('readers are asked first, in order, and get the options', () => {
    const seen: unknown[] = []
    const reader = (format: string, matching: boolean): SessionReader => ({
      format,
      matches: () => matching,
      decode: (value, options) => {
        seen.push(value, options)
        return { format, data: {}, meta: {} }
      },
    })
    const options = { readers: [reader('no', false), reader('one', true), reader('two', true)] }
    expect(decodeSession('x', options).format).toBe('one')
    expect(seen).toEqual(['x', options])
    expect(decodeSession(tokenOf({}), { readers: [reader('no', false)] }).format).toBe('jwt')
    expect(codeOf(() => decodeSession('x'.repeat(16_385), options))).toBe('ERR_SESSION_LIMIT')
  })
})

test('a header that says a name twice is refused, at any level', () => {
  for (const header of ['{"alg":"HS256","alg":"none"}', '{"alg":"HS256","x":{"y":1,"\\u0079":2}}']) {
    const token = [header, '{"user":"dave"}', ''].map((part) => Buffer.from(part).toString('base64url')).join('.')
    expect(() => decodeSession(token)).toThrow(expect.objectContaining({ code: 'ERR_SESSION_MALFORMED' }))
  }
})
