/**
 * Takes a cookie value apart without any key: every JWT form that a page can read.
 * RFC 7515 §3.1, FORMATS §4 and §6.
 */
import { decodeBase85 } from './base85.js'
import { lightBsonTypes } from './bson/decimal.js'
import { lightValue } from './bson/light-types.js'
import { type BsonMaker, type BsonTypes, makerOf, readBsonBy } from './bson/reader.js'
import { decodeBase64Url, decodeUtf8 } from './bytes.js'
import { SessionError } from './errors.js'
import { inflateZlib } from './inflate.js'
import { openHeader, parseObject, splitJwt, splitParts } from './jwt.js'
import { checkInflated } from './limits.js'
import type { DecodedSession, SessionData, SessionMeta } from './types.js'

/** Reads one more format; asked before those that are built in. */
export interface SessionReader {
  /** What `DecodedSession.format` is for a value that it reads. */
  readonly format: string
  /** Tells by shape alone whether a value may be of this format. */
  matches(value: string): boolean
  /**
   * Takes a value apart. It verifies nothing.
   *
   * @throws {SessionError} any code
   */
  decode(value: string, options: DecodeOptions): DecodedSession
}

/** Limits, and further formats. */
export interface DecodeOptions {
  /**
   * Makes ObjectId and the like.
   *
   * @defaultValue light classes
   */
  types?: BsonTypes
  /**
   * Most bytes that a compressed payload may inflate to.
   *
   * @defaultValue 64 KiB
   */
  maxInflated?: number
  /** Readers of further formats. */
  readers?: readonly SessionReader[] | undefined
}

/** Four cookies of the size that browsers keep, for a value that came in chunks. */
const MAX_VALUE_LENGTH = 16_384

/**
 * Decodes a session cookie. **Nothing is verified**: anybody may have made this value, and it may have expired long ago. Show it;
 * decide nothing by it.
 *
 * @param value - the cookie's value
 * @param options - limits in bytes, further formats
 * @returns data and meta apart; where a JWT holds BSON, `data` is that and `claims` has its text
 * @throws {SessionError} `ERR_SESSION_UNSUPPORTED` if no format looks like this, `ERR_SESSION_LIMIT`,
 *   `ERR_SESSION_MALFORMED`, `ERR_SESSION_JSON`, `ERR_SESSION_COMPRESSION`, `ERR_SESSION_BSON`, `ERR_SESSION_CLAIMS`
 * @see RFC 7519, FORMATS §4
 * @since 0.1.0
 * @example
 * const { format, data } = decodeSession(value)
 * console.log(format, data) // → beaker-jwt { user: 'ada' }
 */
export function decodeSession(value: string, options: DecodeOptions = {}): DecodedSession {
  const { types = lightBsonTypes, maxInflated, readers } = options
  if (maxInflated !== undefined) checkInflated(maxInflated)
  if (value.length > MAX_VALUE_LENGTH) throw new SessionError('ERR_SESSION_LIMIT', 'The value is too long')
  const reader = readers?.find((reader) => reader.matches(value))
  if (reader) return reader.decode(value, options)
  // It refuses more than a page does: another shape, and a header that says a name twice.
  return decodeJwt(value, makerOf(types), maxInflated, splitJwt(value, openHeader).header)
}

/** Bounds what a page inflates, because an attacker may have set the cookie; real sessions stay far below. */
export const MAX_INFLATED = 65_536

/**
 * Decodes a JWT. **Nothing is verified**, not even `alg` looked at.
 *
 * @param value - the cookie's value
 * @param make - makes ObjectId and the like; light values if absent
 * @param maxInflated - most bytes that a compressed payload may inflate to; 64 KiB
 * @throws {SessionError} as `decodeSession`
 * @see RFC 7519, FORMATS §4
 */
export function decodeJwt(
  value: string,
  make: BsonMaker = lightValue,
  maxInflated: number = MAX_INFLATED,
  header: Record<string, unknown> = openPart(value, 0),
): DecodedSession {
  const claims = openPart(value, 1)
  let { bsZ, ...session } = claims
  if ((bsZ ?? '') !== '') {
    if (typeof bsZ !== 'string') throw new SessionError('ERR_SESSION_MALFORMED')
    // As `dict.update` in Python: what BSON says wins.
    session = { ...session, ...readBsonBy(inflateZlib(decodeBase85(bsZ), maxInflated), make) }
  }
  // Beaker keeps both times in every session; an `_id` alone may be anybody's.
  const isBeaker = '_creation_time' in session || '_accessed_time' in session || 'bsZ' in claims
  return isBeaker
    ? { format: 'beaker-jwt', ...takeBeakerMeta(session), header, claims }
    : { format: 'jwt', ...takeJwtMeta(session), header, claims }
}

/** The header of a token, or its claims. */
function openPart(token: string, index: number): Record<string, unknown> {
  return parseObject(decodeUtf8(decodeBase64Url(splitParts(token)[index] as string)))
}

/** Registered claims that are not data. */
export const JWT_META: readonly string[] = ['exp', 'nbf', 'iat', 'jti']

export interface DataAndMeta<Data = SessionData> {
  data: Data
  meta: SessionMeta
}

/**
 * Takes a Beaker session apart. Does not check whether it is expired.
 *
 * @param payload - the decoded session; it is not changed
 * @throws {SessionError} `ERR_SESSION_CLAIMS` if the id is no text or a time no finite number of seconds
 * @see FORMATS §2.2
 */
export function takeBeakerMeta(payload: SessionData): DataAndMeta {
  const { _id, _creation_time, _accessed_time, _expires, _path, _domain, ...data } = payload
  return { data, meta: metaOf({ id: _id, createdAt: _creation_time, accessedAt: _accessed_time }) }
}

/**
 * Takes the claims of a plain JWT apart. Does not check whether the token is expired or not valid yet.
 *
 * @param claims - the claims; they are not changed
 * @throws {SessionError} `ERR_SESSION_CLAIMS` if `jti` is no text or a time no NumericDate; text of digits is none
 * @see RFC 7519 §2 and §4.1
 */
export function takeJwtMeta(claims: SessionData): DataAndMeta {
  const { jti, iat, nbf, exp, ...data } = claims
  return { data, meta: metaOf({ id: jti, createdAt: iat, notBefore: nbf, expiresAt: exp }) }
}

/** @param values - the id and times in seconds, by their names here */
function metaOf(values: Record<string, unknown>): SessionMeta {
  const meta: Record<string, unknown> = {}
  for (const name in values) {
    const value = values[name]
    if (value !== undefined) {
      // A Date holds ±100 000 000 days; whatever is not finite or beyond that makes an invalid one, as no text does.
      meta[name] = name === 'id' ? value : new Date(typeof value === 'number' ? Math.round(value * 1_000) : NaN)
      if (name === 'id' ? typeof value !== 'string' : Number.isNaN(+(meta[name] as Date))) {
        throw new SessionError('ERR_SESSION_CLAIMS', name)
      }
    }
  }
  return meta
}
