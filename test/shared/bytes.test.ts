/** Bytes and text: base64url and UTF-8, each with one text for the same bytes. */
import { describe, expect, test } from 'vitest'
import {
  decodeBase64Url,
  decodeUtf8,
  encodeBase64Url,
  encodeHex,
  encodeUtf8,
  equalBytes,
  isWellFormed,
} from '../../src/shared/bytes.js'
import { codeOf, randomBytes, seed } from './shared.helpers.js'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const malformed = (text: string) => codeOf(() => decodeBase64Url(text))

describe('base64url', () => {
  test('every digit at every place of a group', () => {
    for (const [value, digit] of [...ALPHABET].entries()) {
      for (let place = 0; place < 4; place++) {
        const text = `${'A'.repeat(place)}${digit}${'A'.repeat(3 - place)}`
        const group = value * 64 ** (3 - place)
        expect([...decodeBase64Url(text)]).toEqual([group >> 16, (group >> 8) & 255, group & 255])
      }
    }
  })

  test('any other character at any place is refused', () => {
    for (let code = 0; code < 300; code++) {
      const character = String.fromCharCode(code)
      if (ALPHABET.includes(character)) continue
      for (let place = 0; place < 4; place++) {
        expect(malformed(`${'A'.repeat(place)}${character}${'A'.repeat(3 - place)}`), `code ${code}`).toBe(
          'ERR_SESSION_MALFORMED',
        )
      }
    }
    // whose low byte is a digit
    for (const stray of ['\u0141', '\uff21', '\ud83d\ude00'])
      expect(malformed(`AA${stray}A`)).toBe('ERR_SESSION_MALFORMED')
  })

  test.each(['=', '==', 'AA==', 'AAA=', 'AAAA=', 'AAAA====', ' AAAA', 'AAAA ', 'AA\nAA', 'AAAA\n', '+/+/', 'AAAA.'])(
    'padding, white space and the other alphabet are refused: %j',
    (text) => expect(malformed(text)).toBe('ERR_SESSION_MALFORMED'),
  )

  test('one digit over is refused', () => {
    for (const text of ['A', 'AAAAA', '_'.repeat(41)]) expect(malformed(text)).toBe('ERR_SESSION_MALFORMED')
  })

  test('unused bits must be zero', () => {
    for (const start of ['', 'AAAA', '____']) {
      for (const [value, digit] of [...ALPHABET].entries()) {
        // two digits leave 4 bits over, three leave 2, four none
        expect(malformed(`${start}A${digit}`)).toBe(value & 15 ? 'ERR_SESSION_MALFORMED' : 'none')
        expect(malformed(`${start}AA${digit}`)).toBe(value & 3 ? 'ERR_SESSION_MALFORMED' : 'none')
        expect(malformed(`${start}AAA${digit}`)).toBe('none')
      }
    }
  })

  test(`each length there and back, as Node has it, SEED=${seed}`, () => {
    const random = randomBytes(seed)
    expect(decodeBase64Url('')).toEqual(new Uint8Array())
    for (let length = 0; length < 300; length++) {
      const bytes = random.bytes(length)
      const text = encodeBase64Url(bytes)
      expect(text).toBe(Buffer.from(bytes).toString('base64url'))
      expect(decodeBase64Url(text)).toEqual(bytes)
    }
  })

  test('the bytes are their own', () => {
    const first = decodeBase64Url('AQID')
    decodeBase64Url('____')
    expect(first).toEqual(Uint8Array.of(1, 2, 3))
  })
})

describe('UTF-8', () => {
  const utf8 = (...bytes: number[]) => codeOf(() => decodeUtf8(Uint8Array.from(bytes)))

  test('text of each length of sequence there and back', () => {
    for (const text of [
      '',
      'a\0z',
      '\x7f\x80\u07ff\u0800\ud7ff\ue000\uffff',
      '\u{10000}\u{10ffff}',
      'a\u20ac\u{1f600}',
    ]) {
      expect(encodeUtf8(text)).toEqual(new Uint8Array(Buffer.from(text)))
      expect(decodeUtf8(encodeUtf8(text))).toBe(text)
    }
  })

  test('a byte order mark is kept, also twice', () => {
    expect(decodeUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61))).toBe('\ufeffa')
    expect(decodeUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0xef, 0xbb, 0xbf))).toBe('\ufeff\ufeff')
  })

  test.each([
    ['overlong of two', [0xc0, 0x80]],
    ['overlong of two, the last', [0xc1, 0xbf]],
    ['overlong of three', [0xe0, 0x9f, 0xbf]],
    ['overlong of four', [0xf0, 0x8f, 0xbf, 0xbf]],
    ['high surrogate', [0xed, 0xa0, 0x80]],
    ['low surrogate', [0xed, 0xbf, 0xbf]],
    ['surrogate pair (CESU-8)', [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80]],
    ['beyond U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
    ['five bytes', [0xf8, 0x88, 0x80, 0x80, 0x80]],
    ['lone continuation', [0x80]],
    ['truncated of two', [0xc3]],
    ['truncated of three', [0xe2, 0x82]],
    ['truncated of four', [0xf0, 0x9f, 0x98]],
    ['interrupted', [0xe2, 0x61, 0xac]],
    ['0xff', [0x61, 0xff]],
  ])('%s is refused', (_, bytes) => {
    expect(utf8(...bytes)).toBe('ERR_SESSION_MALFORMED')
    expect(codeOf(() => decodeUtf8(Uint8Array.from(bytes), 'ERR_SESSION_BSON'))).toBe('ERR_SESSION_BSON')
  })

  test('a truncated sequence does not reach the text after it', () => {
    expect(utf8(0xe2, 0x82)).toBe('ERR_SESSION_MALFORMED')
    expect(decodeUtf8(Uint8Array.of(0xc2, 0xac))).toBe('\u00ac')
  })

  test('isWellFormed tells lone surrogates', () => {
    for (const text of ['', 'a', '\u{1f600}', '\ud83d\ude00']) expect(isWellFormed(text)).toBe(true)
    for (const text of ['\ud800', '\udfff', 'a\ude00\ud83d', '\u{1f600}\ud83d']) expect(isWellFormed(text)).toBe(false)
  })
})

test('encodeHex', () => {
  expect(encodeHex(Uint8Array.of(0, 1, 15, 16, 171, 255))).toBe('00010f10abff')
})

test('equalBytes', () => {
  const bytes = Uint8Array.of(1, 2, 3)
  expect(equalBytes(bytes, Uint8Array.of(1, 2, 3))).toBe(true)
  expect(equalBytes(new Uint8Array(), new Uint8Array())).toBe(true)
  for (const other of [[], [1, 2], [1, 2, 4], [0, 2, 3], [1, 2, 3, 4]]) {
    expect(equalBytes(bytes, Uint8Array.from(other))).toBe(false)
    expect(equalBytes(Uint8Array.from(other), bytes)).toBe(false)
  }
})
