/**
 * Which cookie and which codec make the session: every candidate of our name, the last one first, times every codec that matches.
 * Only a wrong signature, key or algorithm moves on to another codec, and only to one of the same family.
 */
import { isSessionError, SessionError, type SessionErrorCode } from '../../shared/errors.js'
import type { CodecContext, MaybePromise, SessionCodec } from '../codecs/codec.js'
import { type Flow, wait } from '../flow.js'
import type { HeldSession } from '../session.js'
import { isOutage } from './outage.js'

/** One cookie that became no session. */
export interface Rejection {
  value: string
  error: SessionError
  /** Where it verified and something else was wrong. */
  held?: HeldSession
  /** It was put together of several cookies, which may never have belonged together. */
  isJoined?: boolean
}

export interface CandidateReading {
  held?: HeldSession
  rejections: readonly Rejection[]
}

/** Longest value that is looked at, in characters: more than three cookies can hold. */
const MAX_VALUE_LENGTH = 16 * 1024
const MOVES_ON: ReadonlySet<SessionErrorCode> = new Set([
  'ERR_SESSION_SIGNATURE',
  'ERR_SESSION_KEY',
  'ERR_SESSION_ALGORITHM',
])

/**
 * Finds the session among the cookies of one name.
 *
 * @param values - as they stand in the header; Python takes the last one, so it is tried first
 * @param refuse - a last word on a session that verified, such as a timeout
 * @param joined - the pieces of a value in several cookies, tried before all others by the codecs that make such
 * @throws {SessionError} `ERR_SESSION_STORE` and `ERR_SESSION_KEYS` only
 */
export function* readCandidates(
  values: readonly string[],
  codecs: readonly SessionCodec[],
  context: CodecContext,
  refuse: (held: HeldSession) => MaybePromise<SessionError | undefined>,
  joined?: string,
): Flow<CandidateReading> {
  const rejections: Rejection[] = []
  let held: HeldSession | undefined
  for (let index = values.length; index >= 0; index--) {
    const isJoined = index === values.length
    const value = (isJoined ? joined : values[index]) ?? ''
    if (value === '' || value === held?.value) continue
    const outcome = yield* readCandidate(value, codecs, context, isJoined)
    // An older version of a session may stand behind a newer one, under another domain or path.
    if (held && (outcome instanceof SessionError || !isNewer(outcome, held))) continue
    const error = outcome instanceof SessionError ? outcome : yield* wait(refuse(outcome))
    if (error === undefined) held = outcome as HeldSession
    else if (!held)
      rejections.push({ value, error, isJoined, ...(outcome instanceof SessionError ? {} : { held: outcome }) })
    if (held && held.record.version === undefined) break
  }
  return held ? { rejections, held } : { rejections }
}

function isNewer({ record: a }: HeldSession, { record: b }: HeldSession): boolean {
  return a.id !== undefined && a.id === b.id && (a.version ?? 0) > (b.version ?? 0)
}

function* readCandidate(
  value: string,
  codecs: readonly SessionCodec[],
  context: CodecContext,
  isJoined: boolean,
): Flow<HeldSession | SessionError> {
  if (value.length > MAX_VALUE_LENGTH) {
    return new SessionError('ERR_SESSION_LIMIT', `The cookie is longer than ${MAX_VALUE_LENGTH} characters`)
  }
  let failure: SessionError | undefined
  let family: string | undefined
  for (let codecIndex = 0; codecIndex < codecs.length; codecIndex++) {
    const codec = codecs[codecIndex] as SessionCodec
    if ((family !== undefined && codec.family !== family) || !codec.matches(value)) continue
    if (isJoined && !codec.chunks) continue
    try {
      const record = yield* wait(codec.verify(value, context))
      return { value, record, codec, codecIndex }
    } catch (error) {
      const found = asSessionError(error)
      if (isOutage(found)) throw found
      if (!MOVES_ON.has(found.code)) return found
      // That somebody with a key made it must not be forgotten over a codec with other keys.
      if (!failure?.verified) failure = found
      family = codec.family
    }
  }
  return failure ?? new SessionError('ERR_SESSION_UNSUPPORTED', 'No codec of this server reads values of this form')
}

/** A codec that throws anything else must not take the request down. */
function asSessionError(error: unknown): SessionError {
  if (error instanceof SessionError) return error
  if (!isSessionError(error))
    return new SessionError('ERR_SESSION_MALFORMED', 'The codec failed on the value', { cause: error })
  const { code, message, verified = false } = error as SessionError
  return new SessionError(code, message, { cause: error, verified })
}
