/**
 * base85: groups of 4 bytes as 5 digits, big-endian, no padding, in two alphabets.
 * FORMATS §4 for the one of Python's `base64.b85encode`, §11 for the one that is safe in a cookie.
 */
import { type DigitValues, decodeDigits, decodeUtf8, digitTable, encodeUtf8 } from './bytes.js'

/**
 * The bytes of a base85 text. Says nothing about who wrote them.
 *
 * @param text - base85, no white space
 * @returns the bytes, in their own array
 * @throws {SessionError} `ERR_SESSION_MALFORMED` on other characters, a group over 2^32 - 1, or a single leftover digit
 * @see FORMATS §4
 */
export function decodeBase85(text: string): Uint8Array<ArrayBuffer> {
  return decodeDigits(text, VALUES, 85)
}

/**
 * The base85 text of bytes, digit by digit what `base64.b85encode` of Python gives.
 *
 * @see FORMATS §4
 */
export function encodeBase85(bytes: Uint8Array): string {
  return encodeDigits(bytes, DIGITS)
}

/**
 * The same in the alphabet for cookies: none of its digits means anything to a cookie, to HTML, to percent-encoding or
 * to a list in a header. The last digits of several texts may stand for the same bytes.
 *
 * @param text - digits of that alphabet, no white space
 * @throws {SessionError} `ERR_SESSION_MALFORMED` on other characters, a group over 2^32 - 1, or a single leftover digit
 * @see FORMATS §11
 */
export function decodeCookie85(text: string): Uint8Array<ArrayBuffer> {
  return decodeDigits(text, COOKIE_VALUES, 85)
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
const VALUES: DigitValues = /* @__PURE__ */ digitTable('09AZaz!!#&(+--;@^`{~')

/** In ASCII order: all that may stand in a cookie but `%`, `&`, `'`, `<` and `>` (RFC 6265 §4.1.1, cookie-octet). */
const COOKIE_DIGITS: Uint8Array = /* @__PURE__ */ encodeUtf8(
  '!#$()*+-./0123456789:=?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`abcdefghijklmnopqrstuvwxyz{|}~',
)
const COOKIE_VALUES: DigitValues = /* @__PURE__ */ digitTable('!!#$(+-:==?[]~')

function encodeDigits(bytes: Uint8Array, digits: Uint8Array): string {
  const text = new Uint8Array(base85Room(bytes.length))
  return decodeUtf8(text.subarray(0, putBase85(bytes, text, 0, digits)))
}
