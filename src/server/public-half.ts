/**
 * The cookie `NAME.public`: the fields of a session that scripts may read, while the session itself stays HttpOnly.
 * It is signed with a key derived for that purpose, written with the session, and never read as authority.
 */
import { decodeSession } from '../shared/decode.js'
import type { SessionData } from '../shared/types.js'
import type { SessionCodec, SessionRecord } from './codecs/codec.js'
import { contextOf } from './commit-plan.js'
import { equalValues } from './equal-values.js'
import { type Flow, wait } from './flow.js'
import { type Session, stateOf } from './session.js'
import type { Settings } from './settings.js'

/**
 * The Set-Cookie text for the public half: with the session, or when the browser has another one; an expired one where
 * there is no session for it.
 */
export function* publicHalfCookie(
  settings: Settings,
  session: Session<object>,
  { isWritten }: { isWritten: boolean },
): Flow<string | undefined> {
  const { cookies, exposure, publicName } = settings
  const { held, publicValue } = stateOf(session)
  if (!exposure.publicHalf || !held) {
    return publicValue === undefined ? undefined : cookies.expire(publicName, { httpOnly: false })
  }
  const data = exposure.publicHalf(session.data as SessionData)
  if (!isWritten && publicValue !== undefined && holds(publicValue, data)) return undefined
  const { createdAt, accessedAt, expiresAt, origin } = held.record
  const record: SessionRecord = {
    data,
    ...(createdAt === undefined ? {} : { createdAt }),
    ...(accessedAt === undefined ? {} : { accessedAt }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(origin === undefined ? {} : { origin }),
  }
  const codec = settings.publicCodec as Required<SessionCodec>
  const value = yield* wait(codec.sign(record, contextOf(settings, 'public')))
  return cookies.set(publicName, value, { httpOnly: false, now: settings.clock() })
}

/** Only a look whether it must be written again; nothing of it is believed. */
function holds(value: string, data: SessionData): boolean {
  try {
    return equalValues(decodeSession(value).data, data)
  } catch {
    return false
  }
}
