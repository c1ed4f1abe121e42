/**
 * What goes into a token of django-session-jwt: the claims about the session, the fields of a user, and what else there is.
 * FORMATS §6.2.
 */
import { SessionError } from '../../shared/errors.js'
import type { OriginNode, SessionData } from '../../shared/types.js'
import { type Flow, wait } from '../flow.js'
import type { MetaNames } from '../meta-guard.js'
import { equalValues } from '../values/equal-values.js'
import type { CodecContext, MaybePromise, SessionRecord } from './codec.js'
import type { Fields } from './django-fields.js'

/** What `user` is told of a session that is about to be written. */
export interface DjangoJwtSession {
  /** The key of the session on the server. */
  id: string
  /** What the store holds of it; without a store, what the application has in `session.data`. */
  data: SessionData
  /** The token as it came, where one did. */
  claims?: Readonly<Record<string, unknown>>
}

export interface ClaimsSettings {
  fields: Fields
  sessionField: string
  meta: MetaNames
  user: ((session: DjangoJwtSession) => MaybePromise<object | null>) | undefined
  claims: ((user: object | null) => MaybePromise<Record<string, unknown>>) | undefined
  /** Milliseconds. */
  expires: number | undefined
}

/**
 * @param own - the payload as it was read, where this format has read it
 * @throws {SessionError} `ERR_SESSION_UNWRITABLE` for data that would be lost
 * @throws {TypeError} for a claim that is not for `claims` to give
 */
export function* djangoClaims(
  record: SessionRecord,
  own: OriginNode | undefined,
  context: CodecContext,
  settings: ClaimsSettings,
): Flow<SessionData> {
  const claims = context.purpose === 'public' ? record.data : yield* claimsOf(record, own, settings)
  return { ...registered(record, own, context, settings), ...claims }
}

/** In Django's order: the session's key, when the token is written, when it ends. */
function registered(
  { id, expiresAt }: SessionRecord,
  own: OriginNode | undefined,
  { now, purpose }: CodecContext,
  { expires, sessionField }: ClaimsSettings,
): SessionData {
  const end = expires === undefined ? expiresAt : new Date(now.getTime() + expires)
  const exp = end && { exp: Math.floor(end.getTime() / 1000) }
  if (purpose === 'public') return { ...exp }
  if (id === undefined || id === '') throw new TypeError('A token of Django needs the id of its session')
  const { nbf, jti } = (own?.value ?? {}) as SessionData
  return {
    [sessionField]: id,
    iat: Math.floor(now.getTime() / 1000),
    ...exp,
    ...(nbf !== undefined && { nbf }),
    ...(jti !== undefined && { jti }),
  }
}

function* claimsOf(record: SessionRecord, own: OriginNode | undefined, settings: ClaimsSettings): Flow<SessionData> {
  const { fields, user: find, claims: more } = settings
  const read = (own?.value ?? {}) as SessionData
  const { id = '', data, stored, claims: before } = record
  if (!find) return fields.shorten(data, read)
  const user = yield* wait(find({ id, data: stored ?? data, ...(before && { claims: before }) }))
  const further = more ? yield* wait(more(user)) : {}
  const taken = Object.keys(settings.meta).find((name) => Object.hasOwn(further, name))
  if (taken !== undefined) throw new TypeError(`Option "claims" must not give "${taken}"`)
  const claims = { ...(user && fields.take(user)), ...further }
  if (stored === undefined) refuseOthers(data, { read, claims, fields })
  return claims
}

/** What the application put into the session and no user has would be lost without a word. */
function refuseOthers(
  data: SessionData,
  { read, claims, fields }: { read: SessionData; claims: SessionData; fields: Fields },
): void {
  for (const [key, value] of Object.entries(data)) {
    const isField = fields.names.some(({ short, long }) => key === short || key === long)
    const isKnown = (object: SessionData): boolean => Object.hasOwn(object, key) && equalValues(object[key], value)
    if (value === undefined || isField || isKnown(read) || isKnown(claims)) continue
    throw new SessionError('ERR_SESSION_UNWRITABLE', 'The claims are those of "user": other data needs a store', {
      path: key,
    })
  }
}
