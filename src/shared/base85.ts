/**
 * base85 as `base64.b85encode` of Python writes it: groups of 4 octets as 5 digits, big-endian, no padding.
 * FORMATS §4.
 */
import { decodeDigits, decodeUtf8, digitBuffer, digitTable, encodeUtf8 } from './bytes.js'

const BASE85: Uint8Array = /* @__PURE__ */ encodeUtf8(
  '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~',
)
const digits: Uint8Array = /* @__PURE__ */ digitTable('09AZaz!!#&(+--;@^`{~')

/**
 * The octets of a base85 text. Says nothing about who wrote them.
 *
 * @param text - base85, no white space
 * @returns the octets, in an array of their own
 * @throws {SessionError} `ERR_SESSION_MALFORMED` on other characters, a group over 2^32 - 1, or a single leftover digit
 * @see FORMATS §4
 */
export function decodeBase85(text: string): Uint8Array<ArrayBuffer> {
  return decodeDigits(text, digits, 85)
}

/**
 * The base85 text of octets, digit by digit what `base64.b85encode` of Python gives.
 *
 * @param bytes - any octets
 * @param alphabet - other digits, in the order of their values, as ASCII
 * @see FORMATS §4
 */
export function encodeBase85(bytes: Uint8Array, alphabet?: Uint8Array): string {
  const text = digitBuffer(base85Room(bytes.length))
  return decodeUtf8(text.subarray(0, putBase85(bytes, text, 0, alphabet)))
}

/** How many octets `putBase85` writes at most: the last group as a whole. */
export function base85Room(length: number): number {
  return Math.ceil(length / 4) * 5
}

/**
 * Puts the digits of octets into a text in the making.
 *
 * @param text - has room from `at` on; what stands there is overwritten
 * @returns where the digits end
 */
export function putBase85(bytes: Uint8Array, text: Uint8Array, at: number, alphabet: Uint8Array = BASE85): number {
  const { length } = bytes
  for (let i = 0, to = at; i < length; i += 4, to += 5) {
    let group = 0
    for (let j = i; j < i + 4; j++) group = (group << 8) | (bytes[j] as number)
    // Three digits and two: from here on all numbers have 32 bits.
    const high = ((group >>> 0) / 7225) | 0
    const low = ((group >>> 0) - high * 7225) | 0
    text[to] = alphabet[(high / 7225) | 0] as number
    text[to + 1] = alphabet[((high / 85) | 0) % 85] as number
    text[to + 2] = alphabet[high % 85] as number
    text[to + 3] = alphabet[(low / 85) | 0] as number
    text[to + 4] = alphabet[low % 85] as number
  }
  return at + Math.ceil((length * 5) / 4)
}

// base85 in characters that mean nothing to a cookie, to HTML, to percent-encoding or to a list in a header.
// FORMATS §11: groups of 4 octets as 5 digits, big-endian, no padding.

/** In the order of ASCII: all that may stand in a cookie but `%`, `&`, `'`, `<` and `>` (RFC 6265 §4.1.1, cookie-octet). */
const COOKIE85: Uint8Array = /* @__PURE__ */ encodeUtf8(
  '!#$()*+-./0123456789:=?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`abcdefghijklmnopqrstuvwxyz{|}~',
)
let digitsCookie85: Uint8Array | undefined

/**
 * The octets of a text. Says nothing about who wrote them, and the last digits of several texts may stand for the same octets.
 *
 * @param text - digits of this alphabet, no white space
 * @throws {SessionError} `ERR_SESSION_MALFORMED` on other characters, a group over 2^32 - 1, or a single leftover digit
 * @see FORMATS §11
 */
export function decodeCookie85(text: string): Uint8Array<ArrayBuffer> {
  digitsCookie85 ??= digitTable('!!#$(+-:==?[]~')
  return decodeDigits(text, digitsCookie85, 85)
}

/**
 * The text of octets.
 *
 * @param bytes - any octets
 * @see FORMATS §11
 */
export function encodeCookie85(bytes: Uint8Array): string {
  return encodeBase85(bytes, COOKIE85)
}
