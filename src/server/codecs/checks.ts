/**
 * The checks that codecs share: of options, of keys that are not data, and of the times in a token.
 */
import { platform } from '#platform'
import type { Duration } from '../../shared/define-session.js'
import { errorAt, SessionError, type SessionErrorCode } from '../../shared/errors.js'
import { checkInflated } from '../../shared/limits.js'
import { checkDuration } from '../../shared/option-names.js'
import type { OriginNode, SessionData, SessionMeta } from '../../shared/types.js'
import { refuseHiddenKeys } from '../values.js'
import type { CodecContext, SessionRecord } from './codec.js'

/** Keys that say something about the session and are not data, as `_id` or `exp`, each with what to use instead. */
export type MetaNames = Readonly<Record<string, string>>

/**
 * Refuses to write data under a meta key.
 *
 * @param foreign - what another codec read, if one did: a key that is data there is not the application's mistake
 * @throws {TypeError} naming what to use instead
 * @throws {SessionError} `ERR_SESSION_UNWRITABLE` for a key of `foreign`, and if that has keys which `data` can't show
 */
export function refuseMeta(data: SessionData, meta: MetaNames, foreign?: OriginNode): void {
  refuseHiddenKeys(foreign)
  for (const key in meta) {
    if (data[key] === undefined || !Object.hasOwn(data, key)) continue
    if (foreign?.child?.(key) === undefined) {
      throw new TypeError(`"${key}" is not session data: use ${meta[key]}`)
    }
    throw errorAt(key, 'ERR_SESSION_UNWRITABLE', `The format uses the key ${key} itself`)
  }
}

/** Most bytes that a compressed session may have after its signature was verified, unless `maxInflated` says otherwise: 1 MiB. */
const MAX_INFLATED = 1_048_576

/** Values of a session in a cookie: a thousand characters may inflate to half a million of them, and each request reads them again. */
export const MAX_COOKIE_VALUES = 10_000

/**
 * Checks the option `maxInflated`.
 *
 * @returns bytes
 * @throws {TypeError} naming the option
 */
export function checkMaxInflated(maxInflated: number = MAX_INFLATED): number {
  return checkInflated(maxInflated)
}

/**
 * Checks the option `expires` of a format that has whole seconds: a token of less than one would expire at once.
 *
 * @returns milliseconds; undefined for tokens that do not expire by themselves
 * @throws {TypeError} naming the option
 */
export function checkExpires(expires: Duration | undefined): number | undefined {
  if (expires === undefined) return undefined
  const milliseconds = checkDuration(expires, 'expires')
  if (milliseconds >= 1000) return milliseconds
  throw new TypeError('Option "expires" must be a second or more')
}

/** When a token expires that is signed now: by the option `expires` (milliseconds), unless the session asks for an end of its own. */
export function endOfToken(
  { expiresAt, isOwnEnd }: SessionRecord,
  now: Date,
  expires: number | undefined,
): Date | undefined {
  return expires === undefined || isOwnEnd ? expiresAt : new Date(now.getTime() + expires)
}

/**
 * Refuses a token by the times that it carries itself (RFC 7519 §4.1.4 to §4.1.6).
 *
 * @param tolerance - milliseconds that clocks may differ by
 * @throws {SessionError} `ERR_SESSION_EXPIRED` from `exp` on, `ERR_SESSION_NOT_YET_VALID` before `nbf` or `iat`
 */
export function refuseTokenTimes({ expiresAt, notBefore, createdAt }: SessionMeta, now: Date, tolerance: number): void {
  const time = now.getTime()
  if (expiresAt && time >= expiresAt.getTime() + tolerance) {
    throw new SessionError('ERR_SESSION_EXPIRED', 'The session has expired: exp has passed', { verified: true })
  }
  if (notBefore && time < notBefore.getTime() - tolerance) throw notYetValid('nbf')
  if (createdAt && time < createdAt.getTime() - tolerance) throw notYetValid('iat')
}

function notYetValid(claim: string): SessionError {
  const message = `The session is not valid yet: ${claim} is in the future`
  return new SessionError('ERR_SESSION_NOT_YET_VALID', message, { verified: true })
}

const CLAIMS: SessionErrorCode = 'ERR_SESSION_CLAIMS'

/**
 * Warns, once for each codec, of a `sub` that is no text in what it is about to sign: RFC 7519 §4.1.2 wants text, and PyJWT refuses
 * such a token since 2.10 (FORMATS §6).
 *
 * @param codec - its name
 */
export function watchSubject(codec: string): (claims: SessionData, context: CodecContext) => void {
  let hasWarned = false
  return ({ sub }, { purpose }) => {
    if (hasWarned || purpose === 'public' || !isNoText(sub)) return
    hasWarned = true
    platform.warn(
      CLAIMS,
      `The codec ${codec} writes a token whose "sub" is no text: PyJWT 2.10 and later refuse it. Make it text, or use another name.`,
    )
  }
}

/** Objects are left out: one of a class may be written as text. */
function isNoText(value: unknown): boolean {
  return value === null || ['number', 'bigint', 'boolean'].includes(typeof value)
}
