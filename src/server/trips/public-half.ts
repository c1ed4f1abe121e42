/**
 * The cookie `NAME.public`: the fields of a session that scripts may read, while the session itself stays HttpOnly.
 * It is signed with a key derived for that purpose, written with the session, and never read as authority.
 */
import type { SessionData } from '../../shared/types.js'
import type { SessionCodec, SessionRecord } from '../codecs/codec.js'
import { type Flow, wait } from '../flow.js'
import { type Session, stateOf } from '../session.js'
import type { Settings } from '../settings.js'
import { equalValues } from '../values/equal-values.js'
import { contextOf } from './commit-plan.js'
import type { Content } from './content.js'
import { signFitting, type WrittenSession } from './write-session.js'

/** What becomes of the public half. */
export interface WrittenHalf {
  /** The Set-Cookie text. */
  cookie: string
  /** Absent where the cookie expires. */
  value?: string
}

/**
 * The public half: with the session, or when the browser has another one; an expired one where there is no session for it.
 *
 * @param written - the session, where it goes out with the same response
 * @param content - what was written of it, to a cookie or to the store
 * @throws {SessionError} `ERR_SESSION_TOO_LARGE`, `ERR_SESSION_UNWRITABLE`
 */
export function* writePublicHalf(
  settings: Settings,
  session: Session<object>,
  written: WrittenSession | undefined,
  content: Content | undefined,
): Flow<WrittenHalf | undefined> {
  const { cookies, exposure, publicName } = settings
  const { publicValue, held: before } = stateOf(session)
  const held = written?.held ?? before
  if (!exposure.publicHalf || !held) {
    return publicValue === undefined ? undefined : { cookie: cookies.expire(publicName, { httpOnly: false }) }
  }
  const codec = settings.publicCodec as Required<SessionCodec>
  const context = contextOf(settings, 'public')
  const data = exposure.publicHalf(content?.shown ?? held.stored?.row.data ?? (session.data as SessionData))
  if (!written && publicValue !== undefined) {
    const isCurrent = yield* holds(settings, codec, publicValue, data)
    if (isCurrent) return undefined
  }
  const { createdAt, accessedAt, expiresAt } = held.record
  const { origin } = content?.stored?.row ?? held.stored?.row ?? held.record
  const record: SessionRecord = {
    data,
    ...(createdAt === undefined ? {} : { createdAt }),
    ...(accessedAt === undefined ? {} : { accessedAt }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(origin === undefined ? {} : { origin }),
  }
  const value = yield* signFitting(codec, record, context, publicName)
  return { value, cookie: cookies.set(publicName, value, { httpOnly: false, now: context.now }) }
}

/** Whether the half in the browser says the same, with the newest key and times that are not too old. */
function* holds(settings: Settings, codec: SessionCodec, value: string, data: SessionData): Flow<boolean> {
  const context = contextOf(settings, 'public')
  try {
    const record = yield* wait(codec.verify(value, context))
    const isOld = (record.keyIndex ?? 0) > 0 || settings.lifetime.needsTouch(record, context.now)
    return !isOld && equalValues(record.data, data)
  } catch {
    return false
  }
}
