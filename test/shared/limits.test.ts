/** The limits of what a page reads, at the limit and one past it. docs/security.md has the table. */
import { deflateSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { writeBson } from '../../src/shared/bson/writer.js'
import { encodeBase64Url, encodeUtf8 } from '../../src/shared/bytes.js'
import { readCookies } from '../../src/shared/cookie.js'
import { decodeSession } from '../../src/shared/decode.js'
import { encodeBase85 } from '../../src/shared/encode-base85.js'

const header = encodeBase64Url(encodeUtf8('{"alg":"HS256"}'))

function codeOf(value: string): unknown {
  try {
    return decodeSession(value).format
  } catch (error) {
    return (error as { code?: unknown }).code
  }
}

test('the last 16 cookies of a name are candidates', () => {
  const values = (count: number) => Array.from({ length: count }, (_, index) => `v${index}`)
  const read = (count: number) =>
    readCookies(
      values(count)
        .map((value) => `n=${value}`)
        .join('; '),
      'n',
    )
  expect(read(16)).toEqual(values(16))
  expect(read(17)).toEqual(values(17).slice(1))
})

describe('decodeSession', () => {
  test('looks at 16 384 characters, not at one more', () => {
    const start = `${header}.${encodeBase64Url(encodeUtf8('{}'))}.`
    expect(codeOf(start.padEnd(16_384, 'A'))).toBe('jwt')
    expect(codeOf(start.padEnd(16_385, 'A'))).toBe('ERR_SESSION_LIMIT')
  })

  test('inflates 65 536 bytes, not one more', () => {
    const frame = writeBson({ text: '' }).length
    const token = (bytes: number): string => {
      const bson = writeBson({ text: 'x'.repeat(bytes - frame) })
      expect(bson.length).toBe(bytes)
      const claims = JSON.stringify({ bsZ: encodeBase85(deflateSync(bson)) })
      return `${header}.${encodeBase64Url(encodeUtf8(claims))}.`
    }
    expect(codeOf(token(65_536))).toBe('beaker-jwt')
    expect(codeOf(token(65_537))).toBe('ERR_SESSION_LIMIT')
  })
})

test('a header has 2048 characters at most', () => {
  const token = (length: number) => {
    const text = `{"alg":"HS256","x":"${'x'.repeat(length)}"}`
    return `${encodeBase64Url(encodeUtf8(text))}.${encodeBase64Url(encodeUtf8('{"user":"dave"}'))}.`
  }
  const fits = 2048 * 0.75 - '{"alg":"HS256","x":""}'.length
  expect(token(fits).indexOf('.')).toBe(2048)
  expect(codeOf(token(fits))).toBe('jwt')
  expect(codeOf(token(fits + 1))).toBe('ERR_SESSION_LIMIT')
})

test('a header that is nested as deep as it can be is no trouble', () => {
  const nested = `{"alg":${'['.repeat(700)}${']'.repeat(700)}}`
  expect(codeOf(`${encodeBase64Url(encodeUtf8(nested))}.${encodeBase64Url(encodeUtf8('{"user":"dave"}'))}.`)).toBe(
    'jwt',
  )
})

test('maxInflated must be a number of bytes', () => {
  for (const maxInflated of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31]) {
    expect(() => decodeSession('a.b.c', { maxInflated })).toThrow(TypeError)
  }
})
