/**
 * base85 as `base64.b85encode` of Python writes it: groups of 4 octets as 5 digits, big-endian, no padding.
 * FORMATS §4.
 */
import { decodeDigits, decodeUtf8, digitBuffer, digitTable } from './bytes.js'

const BASE85 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~'
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
 * @param alphabet - other digits, in the order of their values
 * @see FORMATS §4
 */
export function encodeBase85(bytes: Uint8Array, alphabet: string = BASE85): string {
  const { length } = bytes
  const text = digitBuffer(Math.ceil(length / 4) * 5)
  for (let i = 0, at = 0; i < length; i += 4, at += 5) {
    let group = 0
    for (let j = i; j < i + 4; j++) group = (group << 8) | (bytes[j] as number)
    // Three digits and two: from here on all numbers have 32 bits.
    const high = ((group >>> 0) / 7225) | 0
    const low = ((group >>> 0) - high * 7225) | 0
    text[at] = alphabet.charCodeAt((high / 7225) | 0)
    text[at + 1] = alphabet.charCodeAt(((high / 85) | 0) % 85)
    text[at + 2] = alphabet.charCodeAt(high % 85)
    text[at + 3] = alphabet.charCodeAt((low / 85) | 0)
    text[at + 4] = alphabet.charCodeAt(low % 85)
  }
  return decodeUtf8(text.subarray(0, Math.ceil((length * 5) / 4)))
}
