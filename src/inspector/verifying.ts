/**
 * Checks a cookie with every codec and key that may fit, and says which did.
 */
import { contextOf, type KeyedCodec, type Refused, verifyWithAny } from '../server/codecs/by-key.js'
import type { SessionRecord } from '../server/codecs/codec.js'
import { isSessionError, type SessionError } from '../shared/errors.js'
import type { Inspected } from './inspected.js'

/** A key fits. */
export interface Verified extends KeyedCodec {
  readonly record: SessionRecord
  /** It is not valid at this moment: expired, or not yet valid. */
  readonly untimely?: SessionError
}

/** @param name - of the cookie, if it did not come with one */
export async function verifyCookie(
  cookie: Inspected,
  codecs: readonly KeyedCodec[],
  name: string,
  now: Date,
): Promise<Verified | Refused> {
  const context = contextOf(cookie.name ?? name, now)
  const result = await verifyWithAny(cookie.value, codecs, context, cookie.decoded?.format === 'beaker-jwt')
  if ('record' in result || !result.refused?.error.verified) return result
  const { error, ...keyed } = result.refused
  const late = await verifyThen(cookie, keyed, name, now)
  return late ? { ...keyed, record: late, untimely: error } : result
}

/** The session as it was when it was valid, so that what it says is known although it is expired. */
async function verifyThen(
  { value, name: ownName, decoded }: Inspected,
  { codec }: KeyedCodec,
  name: string,
  now: Date,
): Promise<SessionRecord | undefined> {
  const { createdAt, accessedAt, notBefore, expiresAt } = decoded?.meta ?? {}
  const moments = [expiresAt && new Date(+expiresAt - 1000), notBefore, accessedAt, createdAt]
  for (const moment of moments) {
    if (!moment || +moment === +now) continue
    try {
      return await codec.verify(value, contextOf(ownName ?? name, moment))
    } catch (error) {
      if (!isSessionError(error)) throw error
    }
  }
  return undefined
}
