/**
 * Octets and text: base64url without padding (RFC 4648 §5, RFC 7515 §2) and UTF-8 (RFC 3629).
 * Both are read strictly, so that no two texts stand for the same octets.
 */
import { SessionError } from './errors.js'

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
/** Stands in a table of digits for a character that is none; every true digit is smaller. */
export const NO_DIGIT = 128

let digits: Uint8Array | undefined
let decoder: TextDecoder | undefined
let encoder: TextEncoder | undefined

/**
 * The octets of a base64url text. Says nothing about who wrote them.
 *
 * @param text - base64url without padding
 * @returns the octets, in an array of their own
 * @throws {SessionError} `ERR_SESSION_MALFORMED` on padding, other characters, a length of 4n + 1, or unused bits that are set
 * @see RFC 4648 §3.5 and §5
 */
export function decodeBase64Url(text: string): Uint8Array<ArrayBuffer> {
  digits ??= digitTable(BASE64URL)
  const length = text.length
  const bytes = new Uint8Array((length * 3) >> 2)
  let at = 0
  let bits = 0
  // All digits end up in here, so that one look afterwards finds a character that is none.
  let seen = 0
  for (let i = 0; i < length; i++) {
    const digit = digits[text.charCodeAt(i)] ?? NO_DIGIT
    seen |= digit
    bits = (bits << 6) | digit
    if (i & 3) bytes[at++] = bits >> (6 - 2 * (i & 3))
  }
  // Of the last digit 4 or 2 bits are left over, and they are zeros.
  const unused = [0, 63, 15, 3][length & 3] as number
  if (seen >= NO_DIGIT || length % 4 === 1 || bits & unused) malformed('base64url')
  return bytes
}

/**
 * The base64url text of octets, without padding.
 *
 * @param bytes - any octets
 * @see RFC 4648 §5
 */
export function encodeBase64Url(bytes: Uint8Array): string {
  const length = bytes.length
  let text = ''
  for (let i = 0; i < length; i += 3) {
    const group = ((bytes[i] as number) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    text += BASE64URL.charAt(group >> 18) + BASE64URL.charAt((group >> 12) & 63)
    if (i + 1 < length) text += BASE64URL.charAt((group >> 6) & 63)
    if (i + 2 < length) text += BASE64URL.charAt(group & 63)
  }
  return text
}

/**
 * The text of UTF-8 octets; a byte order mark is kept as the character it is.
 *
 * @throws {SessionError} `ERR_SESSION_MALFORMED` where they are not UTF-8
 * @see RFC 3629
 */
export function decodeUtf8(bytes: Uint8Array): string {
  decoder ??= new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  try {
    return decoder.decode(bytes)
  } catch {
    malformed('UTF-8')
  }
}

/**
 * The UTF-8 octets of a text. A lone surrogate, which UTF-8 can't hold, silently becomes U+FFFD: ask `isWellFormed` first.
 *
 * @see RFC 3629
 */
export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  encoder ??= new TextEncoder()
  return encoder.encode(text)
}

/** Lower-case hexadecimal digits, two for each octet. */
export function encodeHex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += (byte + 256).toString(16).slice(1)
  return text
}

/** Tells whether a text has no lone surrogate, so that it survives UTF-8. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text)
}

/** Tells whether two arrays hold the same octets. Not in constant time: never for a MAC. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}

/** For each octet the value of that digit in an alphabet, or `NO_DIGIT`. */
export function digitTable(alphabet: string): Uint8Array {
  const table = new Uint8Array(256).fill(NO_DIGIT)
  for (let i = 0; i < alphabet.length; i++) table[alphabet.charCodeAt(i)] = i
  return table
}

/** @param format - what it should have been, for the message */
export function malformed(format: string): never {
  throw new SessionError('ERR_SESSION_MALFORMED', `not ${format}`)
}
