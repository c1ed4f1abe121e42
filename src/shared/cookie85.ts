/**
 * base85 in characters that mean nothing to a cookie, to HTML, to percent-encoding or to a list in a header.
 * FORMATS §11: groups of 4 octets as 5 digits, big-endian, no padding.
 */
import { encodeBase85 } from './base85.js'
import { decodeDigits, digitTable, encodeUtf8 } from './bytes.js'

/** In the order of ASCII: all that may stand in a cookie but `%`, `&`, `'`, `<` and `>` (RFC 6265 §4.1.1, cookie-octet). */
const COOKIE85: Uint8Array = /* @__PURE__ */ encodeUtf8(
  '!#$()*+-./0123456789:=?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`abcdefghijklmnopqrstuvwxyz{|}~',
)
let digits: Uint8Array | undefined

/**
 * The octets of a text. Says nothing about who wrote them, and the last digits of several texts may stand for the same octets.
 *
 * @param text - digits of this alphabet, no white space
 * @throws {SessionError} `ERR_SESSION_MALFORMED` on other characters, a group over 2^32 - 1, or a single leftover digit
 * @see FORMATS §11
 */
export function decodeCookie85(text: string): Uint8Array<ArrayBuffer> {
  digits ??= digitTable('!!#$(+-:==?[]~')
  return decodeDigits(text, digits, 85)
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
