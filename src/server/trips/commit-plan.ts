/**
 * Whether a session is written, why, and by which codec: data changed, an older codec or key, or a touch that is due.
 */
import type { SessionData } from '../../shared/types.js'
import type { CodecContext } from '../codecs/codec.js'
import { type Flow, wait } from '../flow.js'
import { askedData, type HeldSession, type Session, stateOf } from '../session.js'
import type { Settings } from '../settings.js'
import { equalValues } from '../values/equal-values.js'

export interface Plan {
  reason: 'changed' | 'upgraded' | 'renewed'
  /** Place of the codec in the list. */
  writer: number
  /** Only the store: the cookie says what it said. */
  isRowOnly?: boolean
}

/** @returns undefined where there is nothing to write */
export function* planOf(settings: Settings, session: Session<object>): Flow<Plan | undefined> {
  const { held, isRegenerated } = stateOf(session)
  if (!held) return isRegenerated || hasMembers(session.data) ? { reason: 'changed', writer: 0 } : undefined
  const data = askedData(session)
  const differs = data !== undefined && (yield* hasChanged(held, data, settings))
  const isChanged = isRegenerated || differs
  const isOld = held.codecIndex > 0 || (held.record.keyIndex ?? 0) > 0
  const upgrades = isOld && (settings.upgrade === 'always' || (settings.upgrade === 'on-change' && isChanged))
  const writer = isOld && !upgrades && held.codec.sign ? held.codecIndex : 0
  const isDue = isDueAgain(settings, held)
  if (isChanged) {
    const isRowOnly = held.stored !== undefined && !isRegenerated && !upgrades && !isDue
    return { reason: 'changed', writer, isRowOnly }
  }
  if (upgrades) return { reason: 'upgraded', writer }
  return isDue ? { reason: 'renewed', writer } : undefined
}

/** Whether an unchanged session is written again for its times. */
export function isDueAgain({ lifetime, clock }: Settings, { codec, record }: HeldSession): boolean {
  const now = clock()
  return lifetime.needsTouch(record, now, codec.needsRenewal?.(record, now))
}

/** What codecs are told of the session cookie, now. */
export function contextOf(settings: Settings, purpose: CodecContext['purpose'] = 'session'): CodecContext {
  return { cookieName: settings.name, purpose, now: settings.clock() }
}

function hasMembers(data: object): boolean {
  return Object.values(data).some((value) => value !== undefined)
}

/** A codec without a comparison of its own, or a cookie just written, is read once more. */
function* hasChanged(held: HeldSession, data: object, settings: Settings): Flow<boolean> {
  const { codec, record, value, isWritten } = held
  const base = held.stored?.base ?? held.base
  if (base) return !equalValues(base, data)
  if (codec.changed && record.origin && !isWritten) return codec.changed({ ...record, data: data as SessionData })
  held.record = yield* wait(codec.verify(value, contextOf(settings)))
  held.isWritten = false
  return !equalValues(held.record.data, data)
}
