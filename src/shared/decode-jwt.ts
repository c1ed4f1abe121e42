/**
 * Takes a token apart without any key: the payloads of beaker-session-jwt, and plain claims.
 * RFC 7519, FORMATS §4 and §6.
 */
import { decodeBase85 } from './base85.js'
import { type BsonTypes, readBson } from './bson-reader.js'
import { decodeBase64Url, decodeUtf8 } from './bytes.js'
import { SessionError } from './errors.js'
import { inflateZlib } from './inflate.js'
import { parseObject } from './json.js'
import { splitParts } from './jwt.js'
import { lightBsonTypes } from './light-bson-types.js'
import { takeBeakerMeta, takeJwtMeta } from './session-meta.js'
import type { DecodedSession } from './types.js'

/** Anybody can plant a cookie, so this bounds what a page unpacks unasked; honest sessions stay far below. */
export const MAX_INFLATED = 65_536

/**
 * Decodes a JWT. **Nothing is verified**, not even `alg` looked at.
 *
 * @param value - the cookie's value
 * @param types - makes ObjectId and the like; light classes where absent
 * @param maxInflated - most octets that a compressed payload may inflate to; 64 KiB
 * @throws {SessionError} as `decodeSession`
 * @see RFC 7519, FORMATS §4
 */
export function decodeJwt(
  value: string,
  types: BsonTypes = lightBsonTypes,
  maxInflated: number = MAX_INFLATED,
): DecodedSession {
  const [header, claims] = splitParts(value)
    .slice(0, 2)
    .map((part) => parseObject(decodeUtf8(decodeBase64Url(part)))) as [Record<string, unknown>, Record<string, unknown>]
  let { bsZ, ...session } = claims
  if ((bsZ ?? '') !== '') {
    if (typeof bsZ !== 'string') throw new SessionError('ERR_SESSION_MALFORMED')
    // As `dict.update` in Python: what BSON says wins.
    session = { ...session, ...readBson(inflateZlib(decodeBase85(bsZ), maxInflated), { types }) }
  }
  // Beaker keeps both times in every session; an `_id` alone may be anybody's.
  const isBeaker = 'bsZ' in claims || '_creation_time' in session || '_accessed_time' in session
  return {
    format: isBeaker ? 'beaker-jwt' : 'jwt',
    ...(isBeaker ? takeBeakerMeta : takeJwtMeta)(session),
    header,
    claims,
  }
}
