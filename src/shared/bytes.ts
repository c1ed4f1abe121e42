/**
 * Bytes and text: base64url without padding (RFC 4648 §5, RFC 7515 §2) and UTF-8 (RFC 3629).
 * Both are read strictly, so that no two texts stand for the same bytes.
 */
import { SessionError, type SessionErrorCode } from './errors.js'

const ENCODER: TextEncoder = /* @__PURE__ */ new TextEncoder()
const DECODER: TextDecoder = /* @__PURE__ */ new TextDecoder(undefined, { fatal: true, ignoreBOM: true })

/**
 * The bytes of a base64url text. Says nothing about who wrote them.
 *
 * @param text - base64url without padding
 * @returns the bytes, in their own array
 * @throws {SessionError} `ERR_SESSION_MALFORMED` on padding, other characters, a length of 4n + 1, or unused bits that are set
 * @see RFC 4648 §3.5 and §5
 */
export function decodeBase64Url(text: string): Uint8Array<ArrayBuffer> {
  return decodeDigits(text, VALUES, 64)
}

/**
 * The base64url text of bytes, without padding.
 *
 * @param bytes - any bytes
 * @see RFC 4648 §5
 */
export function encodeBase64Url(bytes: Uint8Array): string {
  const { length } = bytes
  const text = new Uint8Array(Math.ceil(length / 3) * 4)
  for (let i = 0, at = 0; i < length; i += 3, at += 4) {
    const group = ((bytes[i] as number) << 16) | ((bytes[i + 1] as number) << 8) | (bytes[i + 2] as number)
    text[at] = DIGITS[group >> 18] as number
    text[at + 1] = DIGITS[(group >> 12) & 63] as number
    text[at + 2] = DIGITS[(group >> 6) & 63] as number
    text[at + 3] = DIGITS[group & 63] as number
  }
  return decodeUtf8(text.subarray(0, Math.ceil((length * 4) / 3)))
}

const DIGITS: Uint8Array = /* @__PURE__ */ encodeUtf8(
  'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_',
)
const VALUES: DigitValues = /* @__PURE__ */ digitTable('AZaz09--__')

/**
 * The text of UTF-8 bytes; a byte order mark is kept as the character it is.
 *
 * @param code - of the error
 * @throws {SessionError} `code` if they are not UTF-8
 * @see RFC 3629
 */
export function decodeUtf8(bytes: Uint8Array, code: SessionErrorCode = 'ERR_SESSION_MALFORMED'): string {
  try {
    return DECODER.decode(bytes)
  } catch {
    throw new SessionError(code)
  }
}

/**
 * The UTF-8 bytes of a text. A lone surrogate, which UTF-8 can't hold, silently becomes U+FFFD: ask `isWellFormed` first.
 *
 * @see RFC 3629
 */
export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  return ENCODER.encode(text)
}

/** Lower-case hexadecimal digits, two for each byte. */
export function encodeHex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += (byte + 256).toString(16).slice(1)
  return text
}

/**
 * The bytes of hexadecimal digits, as Beaker and Django write MACs and secrets (FORMATS §2.1 and §8).
 *
 * @param hex - pairs of lower-case digits, as a test before has made sure
 */
export function decodeHex(hex: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(hex.length / 2)
  for (let at = 0; at < bytes.length; at++) bytes[at] = (digitAt(hex, at * 2) << 4) | digitAt(hex, at * 2 + 1)
  return bytes
}

function digitAt(hex: string, at: number): number {
  const code = hex.charCodeAt(at)
  return code < 58 ? code - 48 : code - 87
}

/** Tells whether a text has no lone surrogate, so that it survives UTF-8. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text)
}

/** The bytes of all parts, one after the other. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** Tells whether two arrays hold the same bytes. Not in constant time: never for a MAC. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}

/** The value of a digit by its ASCII code; undefined for what is no digit. */
export type DigitValues = readonly (number | undefined)[]

/**
 * The values of the digits of an alphabet.
 *
 * @param ranges - the alphabet in pairs of a first and a last character: a page has no room for all of them
 */
export function digitTable(ranges: string): DigitValues {
  const table: number[] = []
  let digit = 0
  for (let i = 0; i < ranges.length; i += 2) {
    for (let code = ranges.charCodeAt(i); code <= ranges.charCodeAt(i + 1); code++) table[code] = digit++
  }
  return table
}

/**
 * The bytes of text whose groups of 4 digits to base 64, or 5 to base 85, stand for 3 or 4 bytes.
 *
 * @param digits - from `digitTable`
 * @throws {SessionError} `ERR_SESSION_MALFORMED` on other characters, a group over its bytes, a single digit left over,
 *   or bits of base 64 left over that are set
 */
export function decodeDigits(text: string, digits: DigitValues, base: 64 | 85): Uint8Array<ArrayBuffer> {
  // The result overwrites the digits, of which there are more. No byte of UTF-8 beyond ASCII is in the table.
  const bytes = ENCODER.encode(text)
  const { length } = bytes
  const groupSize = base > 64 ? 4 : 3
  let at = 0
  let bad = length % (groupSize + 1) === 1
  for (let i = 0; i < length; ) {
    let group = 0
    for (let rest = groupSize; rest-- >= 0; i++) {
      // The last group is filled up: with the highest digit in base 85, as Python does.
      group = group * base + (i < length ? (digits[bytes[i] as number] as number) : base > 64 ? 84 : 0)
    }
    // What is no digit makes it NaN.
    bad ||= !(group <= 0xffffffff)
    for (let shift = groupSize; shift--; ) bytes[at++] = group >>> (shift * 8)
  }
  const size = ((length * groupSize) / (groupSize + 1)) | 0
  // A group that was filled up has a byte more, of zeros alone in base 64.
  if (bad || (base < 65 && at > size && bytes[size])) throw new SessionError('ERR_SESSION_MALFORMED')
  return bytes.subarray(0, size)
}
