/**
 * What a payload says about the session itself, told apart from the application's data.
 * FORMATS §2.2 for the keys of Beaker, RFC 7519 §4.1 for those of a JWT.
 */
import { SessionError } from './errors.js'
import type { SessionData, SessionMeta } from './types.js'

/** Keys of a Beaker session that are not data. The last three are about the cookie, not the session. */
export const BEAKER_META: readonly string[] = [
  '_id',
  '_creation_time',
  '_accessed_time',
  '_expires',
  '_path',
  '_domain',
]
/** Registered claims that are not data. */
export const JWT_META: readonly string[] = ['exp', 'nbf', 'iat', 'jti']

export interface DataAndMeta<Data = SessionData> {
  data: Data
  meta: SessionMeta
}

/**
 * Takes a Beaker session apart. Whether it is over is not looked at.
 *
 * @param payload - the decoded session; it is not changed
 * @throws {SessionError} `ERR_SESSION_CLAIMS` where the id is no text or a time no finite number of seconds
 * @see FORMATS §2.2
 */
export function takeBeakerMeta(payload: SessionData): DataAndMeta {
  const { _id, _creation_time, _accessed_time, _expires, _path, _domain, ...data } = payload
  return { data, meta: metaOf({ id: _id, createdAt: _creation_time, accessedAt: _accessed_time }) }
}

/**
 * Takes the claims of a plain JWT apart. Whether the token is over, or not valid yet, is not looked at.
 *
 * @param claims - the claims; they are not changed
 * @throws {SessionError} `ERR_SESSION_CLAIMS` where `jti` is no text or a time no NumericDate; text of digits is none
 * @see RFC 7519 §2 and §4.1
 */
export function takeJwtMeta(claims: SessionData): DataAndMeta {
  const { jti, iat, nbf, exp, ...data } = claims
  return { data, meta: metaOf({ id: jti, createdAt: iat, notBefore: nbf, expiresAt: exp }) }
}

/** @param values - the id and times in seconds, by their names here; they become the meta */
function metaOf(values: Record<string, unknown>): SessionMeta {
  for (const name in values) {
    const value = values[name]
    // A Date holds ±100 000 000 days; whatever is not finite or beyond that makes an invalid one, as no text does.
    const known = name === 'id' ? value : new Date(typeof value === 'number' ? Math.round(value * 1_000) : '')
    if (value === undefined) delete values[name]
    else if (name === 'id' ? typeof value !== 'string' : Number.isNaN(+(known as Date))) {
      throw new SessionError('ERR_SESSION_CLAIMS', name)
    } else values[name] = known
  }
  return values
}
