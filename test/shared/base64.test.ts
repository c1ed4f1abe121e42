/** base64 as Python's `b64decode` reads it; each outcome below was seen in CPython 3.11. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeBase64, encodeBase64 } from '../../src/shared/base64.js'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe('decodeBase64', () => {
  test.each([
    ['', ''],
    ['QUJD', '414243'],
    ['QUI=', '4142'],
    ['QQ==', '41'],
    // Skipped: what is no digit, a pad too early.
    ['Q U\nJ%D-_', '414243'],
    ['=QUJD', '414243'],
    ['Q=UJD', '414243'],
    ['QU=JD', '414243'],
    ['Q!Q=\t=', '41'],
    // Ended by padding that fits, whatever follows.
    ['QQ==QUJD', '41'],
    ['QUI=QUJD', '4142'],
    ['QUJD====', '414243'],
    ['QUJDQQ==x', '41424341'],
    // Unused bits.
    ['QR==', '41'],
    ['QUJ=', '4142'],
  ])('%j', (text, expected) => {
    expect(hex(decodeBase64(text))).toBe(expected)
  })

  test.each(['Q', 'QQ', 'QUI', 'QQ=', 'QUJDQ', 'QUJDQQ', 'Q===', 'é', 'QUJD\u0080', 'QQ==é', '\u{1f600}'])(
    '%j is none',
    (text) => {
      expect(() => decodeBase64(text)).toThrow(expect.objectContaining({ code: 'ERR_SESSION_MALFORMED' }))
    },
  )

  test.each(['Q UJD', 'QQ==x', 'QR==', 'QUJ=', 'QUJD=', '=QUJD', '\nQUJD'])('strictly, %j is none', (text) => {
    expect(() => decodeBase64(text, true)).toThrow(expect.objectContaining({ code: 'ERR_SESSION_MALFORMED' }))
    expect(() => decodeBase64(text)).not.toThrow()
  })
})

test('any bytes come back, as Node writes them', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const text = encodeBase64(bytes)
      expect(text).toBe(Buffer.from(bytes).toString('base64'))
      expect(decodeBase64(text, true)).toEqual(bytes)
    }),
  )
  const large = new Uint8Array(100_000).fill(7)
  expect(Buffer.compare(decodeBase64(encodeBase64(large), true), large)).toBe(0)
})
