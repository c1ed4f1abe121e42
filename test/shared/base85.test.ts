/** base85 against pairs that `base64.b85encode` of CPython 3.11 made. */
import { describe, expect, test } from 'vitest'
import { decodeBase85 } from '../../src/shared/base85.js'
import { encodeBase85 } from '../../src/shared/encode-base85.js'
import { codeOf, randomBytes, seed } from './shared.helpers.js'

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~'
const malformed = (text: string) => codeOf(() => decodeBase85(text))

/** Bytes in hexadecimal digits, and what Python makes of them. */
const python: [hex: string, text: string][] = [
  ['', ''],
  ['00', '00'],
  ['0000', '000'],
  ['000000', '0000'],
  ['00000000', '00000'],
  ['ff', '{{'],
  ['ffff', '|Nj'],
  ['ffffff', '|Ns9'],
  ['ffffffff', '|NsC0'],
  ['ffffffffff', '|NsC0{{'],
  ['48656c6c6f2c20576f726c6421', 'NM&qnZ!92JZ*pv8Ap'],
  ['78da', 'c-j'],
  ['38b4e652f2', 'IJD+c@&'],
  ['370d9e261365', 'Hw~U96J-'],
  ['50a4a3a67f5c0c', 'P^6=#e_RX'],
  ['332f8b1224083fd2', 'GcSu0BnUs!'],
  ['2b902f8911e81818f8c99d5d5d9831950e', 'E08aV5$G5g_{p7JU6?VI4g'],
]

describe('pairs of Python', () => {
  test.each(python)('%s is %s', (hex, text) => {
    const bytes = new Uint8Array(Buffer.from(hex, 'hex'))
    expect(encodeBase85(bytes)).toBe(text)
    expect(decodeBase85(text)).toEqual(bytes)
  })

  test('every digit stands for its place in the alphabet', () => {
    for (const [value, digit] of [...ALPHABET].entries()) {
      expect(decodeBase85(`0000${digit}`)).toEqual(Uint8Array.of(0, 0, 0, value))
      expect(decodeBase85(`000${digit}0`)).toEqual(Uint8Array.of(0, 0, (value * 85) >> 8, (value * 85) & 255))
    }
  })
})

test(`each length there and back, SEED=${seed}`, () => {
  const random = randomBytes(seed)
  for (let length = 0; length < 300; length++) {
    const bytes = random.bytes(length)
    expect(decodeBase85(encodeBase85(bytes))).toEqual(bytes)
  }
})

test('groups over 2^32 - 1 are refused, as by Python', () => {
  expect(malformed('|NsC0')).toBe('none')
  for (const text of ['|NsC1', '|NsD0', '~~~~~', '00000|NsC1', '|NsC100000']) {
    expect(malformed(text), text).toBe('ERR_SESSION_MALFORMED')
  }
  // a group that is filled up with the highest digit
  for (const text of ['|Ns9', '|NsB', '|Nj', '{{', '00000{{']) expect(malformed(text), text).toBe('none')
  for (const text of ['|NsC', '|NsD', '|O', '~~', '~~~', '~~~~', '00000~~']) {
    expect(malformed(text), text).toBe('ERR_SESSION_MALFORMED')
  }
})

test('a single digit left over is refused, where Python drops it', () => {
  for (const text of ['0', '~', '000000', 'NM&qnZ!92J0']) expect(malformed(text), text).toBe('ERR_SESSION_MALFORMED')
})

test('any other character at any place is refused, white space and NUL too', () => {
  for (let code = 0; code < 300; code++) {
    const character = String.fromCharCode(code)
    if (ALPHABET.includes(character)) continue
    for (let place = 0; place < 5; place++) {
      const text = `${'0'.repeat(place)}${character}${'0'.repeat(4 - place)}`
      expect(malformed(text), `code ${code}`).toBe('ERR_SESSION_MALFORMED')
    }
    expect(malformed(`0${character}`), `code ${code}`).toBe('ERR_SESSION_MALFORMED')
  }
  for (const text of ['00000\n', '00000 00000', ' 00000', '00\t000'])
    expect(malformed(text)).toBe('ERR_SESSION_MALFORMED')
  // whose low byte is a digit
  expect(malformed('00\u013000')).toBe('ERR_SESSION_MALFORMED')
})

test('the bytes are their own', () => {
  const first = decodeBase85('00001')
  decodeBase85('|NsC0')
  expect(first).toEqual(Uint8Array.of(0, 0, 0, 1))
})
