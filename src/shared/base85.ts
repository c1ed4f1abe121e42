/**
 * Reads base85: groups of 4 bytes as 5 digits, big-endian, no padding, in two alphabets.
 * FORMATS §4 for the one of Python's `base64.b85encode`, §11 for the one that is safe in a cookie.
 */
import { type DigitValues, decodeDigits, digitTable } from './bytes.js'

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

const VALUES: DigitValues = /* @__PURE__ */ digitTable('09AZaz!!#&(+--;@^`{~')
const COOKIE_VALUES: DigitValues = /* @__PURE__ */ digitTable('!!#$(+-:==?[]~')
