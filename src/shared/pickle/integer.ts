/**
 * Integers in a pickle: little-endian two's complement, and decimal text.
 * FORMATS §7.1 (LONG1, LONG4, I, L).
 */
import { SessionError } from '../errors.js'
import { MAX_PICKLE_DIGITS, MAX_PICKLE_INTEGER_OCTETS } from './limits.js'

/**
 * Little-endian two's complement of any length; no octet at all is 0.
 *
 * @returns a number where it is safe, otherwise a bigint
 * @throws {SessionError} `ERR_SESSION_LIMIT`
 */
export function decodeInteger(bytes: Uint8Array, start: number, end: number): number | bigint {
  const size = end - start
  if (size > MAX_PICKLE_INTEGER_OCTETS) throw tooLong()
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
export function smallest(integer: bigint): number | bigint {
  const number = Number(integer)
  return Number.isSafeInteger(number) ? number : integer
}

function tooLong(): SessionError {
  return new SessionError('ERR_SESSION_LIMIT', 'the pickle has an integer of too many digits')
}
