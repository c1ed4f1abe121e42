/**
 * What a payload says about the session itself, told apart from the application's data.
 * FORMATS §2.2 for the keys of Beaker, RFC 7519 §4.1 for those of a JWT.
 */
import { SessionError } from './errors.js'
import type { SessionData, SessionMeta } from './types.js'

/** The keys of a Beaker session that are not data, and what they are here. */
const BEAKER = {
  _id: 'id',
  _creation_time: 'createdAt',
  _accessed_time: 'accessedAt',
  // About the cookie, not the session: a date, True or None.
  _expires: '',
  _path: '',
  _domain: '',
} as const
/** The registered claims that are not data, and what they are here. */
const JWT = { jti: 'id', iat: 'createdAt', nbf: 'notBefore', exp: 'expiresAt' } as const

export const BEAKER_META: readonly string[] = /* @__PURE__ */ Object.keys(BEAKER)
export const JWT_META: readonly string[] = /* @__PURE__ */ Object.keys(JWT)

export interface DataAndMeta {
  data: SessionData
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
  return take(payload, BEAKER)
}

/**
 * Takes the claims of a plain JWT apart. Whether the token is over, or not valid yet, is not looked at.
 *
 * @param claims - the claims; they are not changed
 * @throws {SessionError} `ERR_SESSION_CLAIMS` where `jti` is no text or a time no NumericDate; text of digits is none
 * @see RFC 7519 §2 and §4.1
 */
export function takeJwtMeta(claims: SessionData): DataAndMeta {
  return take(claims, JWT)
}

function take(payload: SessionData, names: Readonly<Record<string, keyof SessionMeta | ''>>): DataAndMeta {
  const data = { ...payload }
  const meta: Record<string, unknown> = {}
  for (const name in names) {
    const field = names[name]
    const value = data[name]
    delete data[name]
    if (field && value !== undefined) {
      const known =
        field === 'id' ? value : new Date(typeof value === 'number' ? Math.round(value * 1_000) : Number.NaN)
      // A Date holds ±100 000 000 days; whatever is not finite or beyond that makes an invalid one.
      if (field === 'id' ? typeof value !== 'string' : Number.isNaN(+(known as Date))) {
        throw new SessionError('ERR_SESSION_CLAIMS', name)
      }
      meta[field] = known
    }
  }
  return { data, meta }
}
