/** Tokens taken apart in two steps: their shape, their header, and the claims. */
import { describe, expect, test } from 'vitest'
import { encodeBase64Url, encodeUtf8 } from '../../src/shared/bytes.js'
import { createHeaderReader, looksLikeJwt, parseObject, splitJwt } from '../../src/shared/jwt.js'
import { codeOf, HEADER, tokenOf } from './shared.helpers.js'

const split = (value: string) => codeOf(() => splitJwt(value))
const withHeader = (header: string) => split(tokenOf({}, header))
const part = (text: string) => encodeBase64Url(encodeUtf8(text))

test('the parts, none of them opened but the header', () => {
  const value = `${part(HEADER)}.bm90IEpTT04.c2ln`
  expect(splitJwt(value)).toEqual({
    header: { typ: 'JWT', alg: 'HS256' },
    payload: 'bm90IEpTT04',
    signingInput: value.slice(0, -5),
    signature: 'c2ln',
  })
})

test('payload and signature may be empty', () => {
  expect(splitJwt(`${part('{}')}..`)).toEqual({
    header: {},
    payload: '',
    signature: '',
    signingInput: `${part('{}')}.`,
  })
})

describe('shapes', () => {
  const header = part(HEADER)

  test.each([
    '',
    '.',
    '..',
    '...',
    'a',
    'a.b',
    '.e30.c2ln',
    `${header}.e30`,
    `${header}.e30.c2ln.`,
    `${header}.e30.c2ln.x`,
    `${header}.a.b.c.d`,
    ` ${header}.e30.c2ln`,
    `${header}.e30.c2ln\n`,
    `${header}.e30.c2l=`,
    `${header}.e3+.c2ln`,
    `"${header}.e30.c2ln"`,
    `${header}\u0000.e30.c2ln`,
    `${header}.é.c2ln`,
  ])('%j is no token', (value) => {
    expect(looksLikeJwt(value)).toBe(false)
    expect(split(value)).toBe('ERR_SESSION_UNSUPPORTED')
  })

  test('three parts of base64url look like one, whatever they hold', () => {
    for (const value of ['A..', '-_.-_.-_', tokenOf({})]) expect(looksLikeJwt(value)).toBe(true)
  })

  test('a header that is no base64url, UTF-8 or JSON object', () => {
    for (const start of ['A', 'e31', 'e30A', encodeBase64Url(Uint8Array.of(0x7b, 0xff, 0x7d))]) {
      expect(split(`${start}.e30.c2ln`)).toBe('ERR_SESSION_MALFORMED')
    }
    for (const text of ['', '[]', 'null', '"a"', '1', '{', '{"alg":NaN}', '\ufeff{}']) {
      expect(split(`${part(text) || 'AA'}.e30.c2ln`)).toBe('ERR_SESSION_MALFORMED')
    }
  })

  test('a name said twice in the header, at any level, also escaped', () => {
    expect(withHeader('{"alg":"HS256","alg":"none"}')).toBe('ERR_SESSION_MALFORMED')
    expect(withHeader('{"alg":"HS256","\\u0061lg":"none"}')).toBe('ERR_SESSION_MALFORMED')
    expect(withHeader('{"alg":"HS256","jwk":[{"kty":"oct","kty":"RSA"}]}')).toBe('ERR_SESSION_MALFORMED')
    expect(withHeader('{"alg":"HS256","jwk":{"alg":"HS256"}}')).toBe('none')
  })
})

describe('headers', () => {
  test('are frozen at every level; one reader gives the same object for the same text', () => {
    const token = tokenOf({}, '{"alg":"HS256","jwk":{"k":["a"]}}')
    const readHeader = createHeaderReader()
    const { header } = splitJwt(token, readHeader)
    expect(splitJwt(`${token.split('.')[0]}.bm8.`, readHeader).header).toBe(header)
    expect(splitJwt(token).header).not.toBe(header)
    const { jwk } = header as { jwk: { k: unknown[] } }
    for (const object of [header, jwk, jwk.k]) expect(Object.isFrozen(object)).toBe(true)
  })

  test('another header between them changes nothing', () => {
    const readHeader = createHeaderReader()
    const [first, second] = [tokenOf({}, '{"alg":"HS256"}'), tokenOf({}, '{"alg":"none"}')]
    for (let round = 0; round < 2; round++) {
      expect(splitJwt(first, readHeader).header).toEqual({ alg: 'HS256' })
      expect(splitJwt(second, readHeader).header).toEqual({ alg: 'none' })
    }
  })

  test('one that was refused is refused again, and the one before stays good', () => {
    const good = tokenOf({}, '{"alg":"HS384"}')
    const readHeader = createHeaderReader()
    for (let round = 0; round < 2; round++) {
      const twice = tokenOf({}, '{"alg":"none","alg":"HS384"}')
      expect(codeOf(() => splitJwt(twice, readHeader))).toBe('ERR_SESSION_MALFORMED')
      expect(splitJwt(good, readHeader).header).toEqual({ alg: 'HS384' })
    }
  })

  test('__proto__ is an own member', () => {
    const { header } = splitJwt(tokenOf({}, '{"__proto__":{"alg":"none"},"constructor":1}'))
    expect(Object.keys(header)).toEqual(['__proto__', 'constructor'])
    expect(header.alg).toBeUndefined()
  })
})

describe('parseObject', () => {
  const claims = (text: string) => parseObject(text)

  test('an object as Python writes it, with raw UTF-8 or escapes', () => {
    expect(claims('{"name":"Zoë 😀","\\u00e9":"\\ud83d\\ude00"}')).toEqual({ name: 'Zoë 😀', é: '😀' })
    expect(claims('{"a":NaN,"b":-Infinity}')).toEqual({ a: null, b: Number.NEGATIVE_INFINITY })
  })

  test('half a surrogate pair stays if it was escaped', () => {
    expect(claims('{"s":"\\ud800"}')).toEqual({ s: '\ud800' })
  })

  test('what is no object', () => {
    for (const text of ['', '[]', '[{}]', 'null', '1', '"a"', '{}x', '\ufeff{}']) {
      expect(codeOf(() => claims(text))).toBe('ERR_SESSION_JSON')
    }
  })

  test('__proto__ is an own member, and Object.prototype stays as it was', () => {
    const before = Reflect.ownKeys(Object.prototype)
    const object = claims('{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}')
    expect(Object.keys(object)).toEqual(['__proto__', 'constructor'])
    expect(object.admin).toBeUndefined()
    expect(Reflect.ownKeys(Object.prototype)).toEqual(before)
  })
})
