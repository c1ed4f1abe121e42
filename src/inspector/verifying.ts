/**
 * Checks a cookie with every codec and key that may fit, and says which did.
 */
import type { CodecContext, SessionRecord } from '../server/codecs/codec.js'
import { isSessionError, type SessionError } from '../shared/errors.js'
import type { Inspected } from './inspected.js'
import type { KeyedCodec } from './keys.js'

/** A key fits. */
export interface Verified extends KeyedCodec {
  readonly record: SessionRecord
  /** It is not valid at this moment: expired, or not yet valid. */
  readonly untimely?: SessionError
}

export interface Refused {
  /** Of the codec that came furthest. */
  readonly error?: SessionError
  readonly label?: string
}

const PUBLIC = '.public'
/** As a server has it that was not told otherwise. */
const DEFAULT_NAME = 'beaker.session.id'

export function contextOf(name: string | undefined, now: Date): CodecContext {
  const cookieName = name || DEFAULT_NAME
  return cookieName.endsWith(PUBLIC)
    ? { cookieName: cookieName.slice(0, -PUBLIC.length), purpose: 'public', now }
    : { cookieName, purpose: 'session', now }
}

/**
 * Tries each codec whose form the value has.
 *
 * @param name - of the cookie, if it did not come with one
 */
export async function verifyCookie(
  cookie: Inspected,
  codecs: readonly KeyedCodec[],
  name: string,
  now: Date,
): Promise<Verified | Refused> {
  let best: Refused = {}
  for (const keyed of inOrder(codecs, cookie)) {
    if (!keyed.codec.matches(cookie.value)) continue
    try {
      return { ...keyed, record: await keyed.codec.verify(cookie.value, contextOf(cookie.name ?? name, now)) }
    } catch (error) {
      if (!isSessionError(error)) throw error
      const late = error.verified ? await verifyThen(cookie, keyed, name, now) : undefined
      if (late) return { ...keyed, record: late, untimely: error }
      if (!best.error || (error.verified && !best.error.verified)) best = { error, label: keyed.label }
    }
  }
  return best
}

/** Plain claims are a session to several codecs; what stands in them tells whose they are. */
function inOrder(codecs: readonly KeyedCodec[], { decoded }: Inspected): readonly KeyedCodec[] {
  if (decoded?.format === 'beaker-jwt') return codecs
  return [...codecs].sort((a, b) => Number(a.label === 'beakerJwt') - Number(b.label === 'beakerJwt'))
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
