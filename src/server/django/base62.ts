/**
 * Numbers to base 62 with the digits `0-9A-Za-z`: how Django writes the seconds of a signature.
 * FORMATS §8.
 */
import { SessionError } from '../../shared/errors.js'

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** Eight digits hold 2e14 seconds, more than a `Date` does. */
const MAX_DIGITS = 8

/** The text of a whole number that is not negative. */
export function encodeBase62(number: number): string {
  let text = ''
  let rest = number
  do {
    text = (DIGITS[rest % 62] as string) + text
    rest = Math.floor(rest / 62)
  } while (rest > 0)
  return text
}

/** @throws {SessionError} `ERR_SESSION_MALFORMED` for no digit, another character, or more than eight digits */
export function decodeBase62(text: string): number {
  let number = 0
  for (const digit of text) {
    const value = DIGITS.indexOf(digit)
    if (value === -1) throw malformed()
    number = number * 62 + value
  }
  if (text === '' || text.length > MAX_DIGITS) throw malformed()
  return number
}

function malformed(): SessionError {
  return new SessionError('ERR_SESSION_MALFORMED', 'The time of the signature is no number to base 62')
}
