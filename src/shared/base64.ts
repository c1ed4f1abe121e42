/**
 * base64 with padding (RFC 4648 §4), read as Python's `b64decode` reads it, or strictly.
 * FORMATS §2.1: what Beaker reads is covered by a signature, so its leniency does no harm there.
 */
import { type DigitValues, decodeUtf8, digitTable } from './bytes.js'
import { SessionError } from './errors.js'

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const PAD = 61
const VALUES: DigitValues = /* @__PURE__ */ digitTable('AZaz09++//')

/**
 * The bytes of a base64 text. Says nothing about who wrote them.
 *
 * As Python does, it skips other ASCII characters and ends at the padding, whatever stands behind it.
 *
 * @param text - base64 with padding
 * @param strict - refuse also what two texts may stand for: other characters, text behind the padding, unused bits
 * @throws {SessionError} `ERR_SESSION_MALFORMED` on missing padding, a single digit left over, characters beyond ASCII
 * @see RFC 4648 §4
 */
export function decodeBase64(text: string, strict = false): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(Math.ceil(text.length / 4) * 3)
  let size = 0
  let at = 0
  // Whole groups of digits: nearly all of any honest text.
  for (; at + 4 <= text.length; at += 4) {
    const group =
      digitAt(text, at) * 2 ** 18 + digitAt(text, at + 1) * 2 ** 12 + digitAt(text, at + 2) * 64 + digitAt(text, at + 3)
    if (group >= NO_GROUP) break
    bytes[size++] = group >> 16
    bytes[size++] = group >> 8
    bytes[size++] = group
  }
  size = decodeRest(text, at, bytes, size)
  const result = bytes.subarray(0, size)
  if (strict && encodeBase64(result) !== text) throw malformed()
  return result
}

/** The base64 text of bytes, with padding. */
export function encodeBase64(bytes: Uint8Array): string {
  const { length } = bytes
  const text = new Uint8Array(Math.ceil(length / 3) * 4)
  for (let from = 0, at = 0; from < length; from += 3) {
    const group = ((bytes[from] as number) << 16) | ((bytes[from + 1] as number) << 8) | (bytes[from + 2] as number)
    for (let shift = 18; shift >= 0; shift -= 6) text[at++] = DIGITS.charCodeAt((group >> shift) & 63)
  }
  for (let pads = (3 - (length % 3)) % 3; pads > 0; pads--) text[text.length - pads] = PAD
  return decodeUtf8(text)
}

/** More than a group of four digits is. */
const NO_GROUP = 16_777_216

/** The value of a digit, or so much that no group has it. */
function digitAt(text: string, at: number): number {
  const digit = VALUES[text.charCodeAt(at)] ?? 255
  return digit < 64 ? digit : NO_GROUP
}

/** From the first group on that is not whole: characters to skip, and padding. @returns how many bytes there are now */
function decodeRest(text: string, start: number, bytes: Uint8Array, filled: number): number {
  let size = filled
  let group = 0
  let count = 0
  let pads = 0
  let ended = false
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code > 127) throw malformed()
    if (ended) continue
    const digit = digitAt(text, at)
    if (digit < 64) {
      pads = 0
      group = (group << 6) | digit
      if (++count < 4) continue
      bytes[size++] = group >> 16
      bytes[size++] = group >> 8
      bytes[size++] = group
      count = 0
      group = 0
    } else if (code === PAD && count > 1) ended = count + ++pads >= 4
  }
  if (!ended && count > 0) throw malformed()
  const bits = group << (24 - 6 * count)
  for (let byte = 0; byte < count - 1; byte++) bytes[size++] = bits >> (16 - 8 * byte)
  return size
}

function malformed(): SessionError {
  return new SessionError('ERR_SESSION_MALFORMED', 'not base64')
}
