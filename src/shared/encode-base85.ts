/**
 * Writes base85, in the two alphabets that base85.ts reads.
 * FORMATS §4 and §11.
 */
import { decodeUtf8, encodeUtf8 } from './bytes.js'

/**
 * The base85 text of bytes, digit by digit what `base64.b85encode` of Python gives.
 *
 * @see FORMATS §4
 */
export function encodeBase85(bytes: Uint8Array): string {
  return encodeDigits(bytes, DIGITS)
}

/**
 * The text of bytes in the alphabet for cookies.
 *
 * @see FORMATS §11
 */
export function encodeCookie85(bytes: Uint8Array): string {
  return encodeDigits(bytes, COOKIE_DIGITS)
}

/** The most bytes that `putBase85` writes: it writes the last group as a whole. */
export function base85Room(length: number): number {
  return Math.ceil(length / 4) * 5
}

/**
 * Puts the digits of bytes into a text that is being built.
 *
 * @param text - has room from `at` on; what stands there is overwritten
 * @returns where the digits end
 */
export function putBase85(bytes: Uint8Array, text: Uint8Array, at: number, digits: Uint8Array = DIGITS): number {
  const { length } = bytes
  for (let i = 0, to = at; i < length; i += 4, to += 5) {
    let group = 0
    for (let j = i; j < i + 4; j++) group = (group << 8) | (j < length ? (bytes[j] as number) : 0)
    // Three digits and two: from here on all numbers have 32 bits.
    const high = ((group >>> 0) / 7225) | 0
    const low = ((group >>> 0) - high * 7225) | 0
    text[to] = digits[(high / 7225) | 0] as number
    text[to + 1] = digits[((high / 85) | 0) % 85] as number
    text[to + 2] = digits[high % 85] as number
    text[to + 3] = digits[(low / 85) | 0] as number
    text[to + 4] = digits[low % 85] as number
  }
  return at + Math.ceil((length * 5) / 4)
}

const DIGITS: Uint8Array = /* @__PURE__ */ encodeUtf8(
  '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~',
)

/** In ASCII order: all that may stand in a cookie but `%`, `&`, `'`, `<` and `>` (RFC 6265 §4.1.1, cookie-octet). */
const COOKIE_DIGITS: Uint8Array = /* @__PURE__ */ encodeUtf8(
  '!#$()*+-./0123456789:=?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`abcdefghijklmnopqrstuvwxyz{|}~',
)

function encodeDigits(bytes: Uint8Array, digits: Uint8Array): string {
  const text = new Uint8Array(base85Room(bytes.length))
  return decodeUtf8(text.subarray(0, putBase85(bytes, text, 0, digits)))
}
