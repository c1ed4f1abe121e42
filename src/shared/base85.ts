/**
 * base85 as `base64.b85encode` of Python writes it: groups of 4 octets as 5 digits, big-endian, no padding.
 * FORMATS §4.
 */
import { decodeDigits, digitTable } from './bytes.js'

const BASE85 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~'

let digits: Uint8Array | undefined

/**
 * The octets of a base85 text. Says nothing about who wrote them.
 *
 * @param text - base85, no white space
 * @returns the octets, in an array of their own
 * @throws {SessionError} `ERR_SESSION_MALFORMED` on other characters, a group over 2^32 - 1, or a single leftover digit
 * @see FORMATS §4
 */
export function decodeBase85(text: string): Uint8Array<ArrayBuffer> {
  digits ??= digitTable(BASE85)
  return decodeDigits(text, digits, 85)
}

/**
 * The base85 text of octets, digit by digit what `base64.b85encode` of Python gives.
 *
 * @param bytes - any octets
 * @see FORMATS §4
 */
export function encodeBase85(bytes: Uint8Array): string {
  const length = bytes.length
  let text = ''
  for (let i = 0; i < length; i += 4) {
    let group = 0
    for (let j = i; j < i + 4; j++) group = group * 256 + (bytes[j] ?? 0)
    let digits = ''
    for (let j = 0; j < 5; j++) {
      digits = BASE85.charAt(group % 85) + digits
      group = Math.floor(group / 85)
    }
    text += i + 4 > length ? digits.slice(0, length - i + 1) : digits
  }
  return text
}
