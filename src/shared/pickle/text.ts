/**
 * Text in a pickle: UTF-8 with surrogates, raw-unicode-escape, and the string literals of Python 2.
 * FORMATS §7.1 (V, X) and §7.2 (S, T, U).
 */
import { SessionError } from '../errors.js'
import { MAX_PICKLE_DIGITS, MAX_PICKLE_INTEGER_BYTES } from './opcodes.js'

const DECODER: TextDecoder = /* @__PURE__ */ new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
/** Up to here one character after the other is faster than a decoder. */
const SHORT = 64

/**
 * UTF-8 as the standard has it, which is what nearly all text is.
 *
 * @param bytes - the whole input
 * @param start - first byte of the text
 * @param end - the byte behind it
 * @returns the text, `undefined` where `decodeTextWithSurrogates` is needed
 */
export function decodeText(bytes: Uint8Array, start: number, end: number): string | undefined {
  if (end - start <= SHORT) {
    let text = ''
    let at = start
    for (; at < end; at++) {
      const byte = bytes[at] as number
      if (byte > 0x7f) break
      text += String.fromCharCode(byte)
    }
    if (at === end) return text
  }
  try {
    return DECODER.decode(bytes.subarray(start, end))
  } catch {
    return undefined
  }
}

/**
 * UTF-8 as Python's `surrogatepass` reads it: a surrogate may be encoded by itself.
 *
 * @returns the text; two surrogates that make a pair become one character, which only the bytes still tell
 * @throws {SessionError} `ERR_SESSION_PICKLE`
 */
export function decodeTextWithSurrogates(bytes: Uint8Array, start = 0, end: number = bytes.length): string {
  const parts: string[] = []
  let at = start
  while (at < end) {
    const first = bytes[at] as number
    const size = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0
    if (size === 0 || at + size > end) throw malformed('UTF-8')
    let point = size === 1 ? first : first & (0x7f >> size)
    for (let next = at + 1; next < at + size; next++) {
      const byte = bytes[next] as number
      if ((byte & 0xc0) !== 0x80) throw malformed('UTF-8')
      point = (point << 6) | (byte & 0x3f)
    }
    if ((size === 3 && point < 0x800) || (size === 4 && (point < 0x10000 || point > 0x10ffff))) throw malformed('UTF-8')
    parts.push(String.fromCodePoint(point))
    at += size
  }
  return parts.join('')
}

/** Bytes as the first 256 code points. */
export function decodeLatin1(bytes: Uint8Array, start = 0, end: number = bytes.length): string {
  let text = ''
  for (let at = start; at < end; at += 8192) {
    text += String.fromCharCode.apply(null, bytes.subarray(at, Math.min(end, at + 8192)) as unknown as number[])
  }
  return text
}

/** @returns the bytes, `undefined` where the text has a character above U+00FF */
export function encodeLatin1(text: string): Uint8Array<ArrayBuffer> | undefined {
  const bytes = new Uint8Array(text.length)
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code > 0xff) return undefined
    bytes[at] = code
  }
  return bytes
}

// A backslash that another one escapes begins nothing: `\\u0041` is six characters.
const RAW_ESCAPE = /\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([uU])|[^uU]|$)/gs

/** Python's raw-unicode-escape. @throws {SessionError} `ERR_SESSION_PICKLE` */
export function decodeRawUnicode(bytes: Uint8Array): string {
  return decodeLatin1(bytes).replace(RAW_ESCAPE, (whole: string, short?: string, long?: string, cut?: string) => {
    if (cut !== undefined) throw malformed('unicode escape')
    const hex = short ?? long
    if (hex === undefined) return whole
    const point = Number.parseInt(hex, 16)
    if (point > 0x10ffff) throw malformed('unicode escape')
    return String.fromCodePoint(point)
  })
}

// stringescape of Python 2: \newline, \\ \' \" \a \b \f \n \r \t \v, \ooo, \xhh; any other backslash stays.
const ESCAPE = /\\(?:([0-7]{1,3})|x([0-9a-fA-F]{2})|(x)|([\s\S]))/g
const ESCAPED: Readonly<Record<string, string>> = {
  '\n': '',
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
}

/** A quoted string literal of Python 2, as protocol 0 has it. @throws {SessionError} `ERR_SESSION_PICKLE` */
export function decodeLiteral(bytes: Uint8Array): Uint8Array {
  const literal = decodeLatin1(bytes).trim()
  const quote = literal[0]
  if (literal.length < 2 || (quote !== "'" && quote !== '"') || !literal.endsWith(quote))
    throw malformed('string literal')
  const text = literal.slice(1, -1).replace(ESCAPE, (whole: string, octal?: string, hex?: string, cut?: string) => {
    if (cut !== undefined) throw malformed('string literal')
    if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 0xff)
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16))
    return ESCAPED[whole[1] as string] ?? whole
  })
  return encodeLatin1(text) as Uint8Array
}

function malformed(part: string): SessionError {
  return new SessionError('ERR_SESSION_PICKLE', `the pickle has a malformed ${part}`)
}

/**
 * Little-endian two's complement of any length; no byte at all is 0.
 *
 * @returns a number where it is safe, otherwise a bigint
 * @throws {SessionError} `ERR_SESSION_LIMIT`
 */
export function decodeInteger(bytes: Uint8Array, start: number, end: number): number | bigint {
  const size = end - start
  if (size > MAX_PICKLE_INTEGER_BYTES) throw tooLong()
  if (size === 0) return 0
  const negative = (bytes[end - 1] as number) > 0x7f
  if (size <= 6) {
    let number = 0
    for (let at = end - 1; at >= start; at--) number = number * 256 + (bytes[at] as number)
    return negative ? number - 2 ** (8 * size) : number
  }
  let hex = '0x'
  for (let at = end - 1; at >= start; at--) hex += (bytes[at] as number).toString(16).padStart(2, '0')
  return smallest(negative ? BigInt.asIntN(8 * size, BigInt(hex)) : BigInt(hex))
}

const DECIMAL = /^[+-]?(?:0|[1-9]\d*)$/

/**
 * Decimal text, as Python writes it.
 *
 * @returns a number where it is safe, otherwise a bigint
 * @throws {SessionError} `ERR_SESSION_PICKLE`, `ERR_SESSION_LIMIT`
 */
export function parseInteger(text: string): number | bigint {
  const signed = text.startsWith('-') || text.startsWith('+')
  if (text.length - (signed ? 1 : 0) > MAX_PICKLE_DIGITS) throw tooLong()
  if (!DECIMAL.test(text)) throw new SessionError('ERR_SESSION_PICKLE', 'the pickle has a malformed integer')
  if (text.length < 16) return Number(text) + 0
  return smallest(BigInt(text.startsWith('+') ? text.slice(1) : text))
}

/** A number where it is safe. */
function smallest(integer: bigint): number | bigint {
  const number = Number(integer)
  return Number.isSafeInteger(number) ? number : integer
}

function tooLong(): SessionError {
  return new SessionError('ERR_SESSION_LIMIT', 'the pickle has an integer of too many digits')
}
