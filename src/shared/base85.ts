/**
 * base85 as `base64.b85encode` of Python writes it: groups of 4 octets as 5 digits, big-endian, no padding.
 * FORMATS §4.
 */
import { digitTable, malformed, NO_DIGIT } from './bytes.js'

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
  const length = text.length
  const bytes = new Uint8Array(Math.ceil(length / 5) * 4)
  let at = 0
  let value = 0
  let bad = length % 5 === 1
  for (let i = 0; at < bytes.length; ) {
    // The last group is filled up with the highest digit, as Python does.
    const digit = i < length ? (digits[text.charCodeAt(i)] ?? NO_DIGIT) : 84
    bad ||= digit === NO_DIGIT
    value = value * 85 + digit
    if (++i % 5 === 0) {
      bad ||= value > 0xffffffff
      bytes[at++] = value >>> 24
      bytes[at++] = value >>> 16
      bytes[at++] = value >>> 8
      bytes[at++] = value
      value = 0
    }
  }
  if (bad) malformed('base85')
  return bytes.subarray(0, (length * 4) / 5)
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
