/**
 * Takes a cookie value apart without any key: every JWT form that a page can read.
 * RFC 7515 §3.1, FORMATS §4 and §6.
 */
import type { BsonTypes } from './bson-reader.js'
import { decodeJwt } from './decode-jwt.js'
import { SessionError } from './errors.js'
import { splitJwt } from './jwt.js'
import { lightBsonTypes } from './light-bson-types.js'
import type { DecodedSession } from './types.js'

/** Reads one more format; asked before those that are built in. */
export interface SessionReader {
  readonly format: string
  /** Tells by shape alone whether a value may be of this format. */
  matches(value: string): boolean
  /** @throws {SessionError} any code */
  decode(value: string, options: DecodeOptions): DecodedSession
}

export interface DecodeOptions {
  /** Makes ObjectId and the like; light classes where absent. */
  types?: BsonTypes
  /** Most octets that a compressed payload may inflate to; 64 KiB. */
  maxInflated?: number
  /** Readers of further formats. */
  readers?: readonly SessionReader[] | undefined
}

/** Four cookies of the size that browsers keep, for a value that came in chunks. */
export const MAX_VALUE_LENGTH = 16_384

/**
 * Decodes a session cookie. **Nothing is verified**: anybody may have made this value, and it may be long over. Show it;
 * decide nothing by it.
 *
 * @param value - the cookie's value
 * @param options - limits in octets, further formats
 * @returns data and meta apart; where a JWT holds BSON, `data` is that and `claims` has its text
 * @throws {SessionError} `ERR_SESSION_UNSUPPORTED` where no format looks like this, `ERR_SESSION_LIMIT`,
 *   `ERR_SESSION_MALFORMED`, `ERR_SESSION_JSON`, `ERR_SESSION_COMPRESSION`, `ERR_SESSION_BSON`, `ERR_SESSION_CLAIMS`
 * @see RFC 7519, FORMATS §4
 */
export function decodeSession(value: string, options: DecodeOptions = {}): DecodedSession {
  const { types = lightBsonTypes, maxInflated, readers } = options
  if (maxInflated !== undefined && !(maxInflated > 0 && maxInflated <= 2 ** 30)) {
    throw new TypeError('Option "maxInflated" must be a number of octets from 1 to 2^30')
  }
  if (value.length > MAX_VALUE_LENGTH) throw new SessionError('ERR_SESSION_LIMIT', 'The value is too long')
  const reader = readers?.find((reader) => reader.matches(value))
  if (reader) return reader.decode(value, options)
  // For what it refuses: another shape, and a header that says a name twice.
  splitJwt(value)
  return decodeJwt(value, types, maxInflated)
}
