/**
 * What a commit writes: this request's changes and, where they are at hand, those of other requests meanwhile.
 */
import type { SessionData } from '../../shared/types.js'
import { type Flow, wait } from '../flow.js'
import { type HeldSession, type Session, type StoredData, stateOf } from '../session.js'
import type { Settings } from '../settings.js'
import { copyOf, mergeByKey } from '../values/merge.js'
import { contextOf, type Plan } from './commit-plan.js'
import type { Rows } from './rows.js'
import { reportConflict, saveRow } from './stored-session.js'
import type { KnownVersion } from './versions.js'

export interface Content {
  /** What the token holds. */
  data: SessionData
  /** What the application may show of the session. */
  shown: SessionData
  /** What the store holds now, where there is one. */
  stored?: StoredData
  /** What the application had, where others' changes came in beside it. */
  base?: SessionData
  version: number
}

/**
 * Puts together what is to be written, and writes it to the store, where there is one.
 *
 * @returns undefined where another request ended the session meanwhile: nothing may be written then
 * @throws {SessionError} `ERR_SESSION_STORE`, and what the store can't hold
 */
export function* contentOf(settings: Settings, session: Session<object>, plan: Plan): Flow<Content | undefined> {
  const state = stateOf(session)
  const { held } = state
  const data = session.data as SessionData
  const version = (held?.record.version ?? -1) + 1
  if (settings.rows) {
    const stored = yield* saveRow(settings as Settings & { rows: Rows }, session, plan)
    // The token's own claims stay, but not those of whoever it was before signing in.
    const claims = state.isRegenerated ? undefined : held?.record.data
    return stored && { data: claims ?? {}, shown: stored.row.data, stored, version }
  }
  const known = held && settings.versions.of(held)
  if (!held || (!known && !held.base)) return { data, shown: data, version }
  return yield* withOthers(settings, session, held, known)
}

/** A cookie is all there is, so what others wrote counts as far as this process has seen it. */
function* withOthers(
  settings: Settings,
  session: Session<object>,
  held: HeldSession,
  known: KnownVersion | undefined,
): Flow<Content | undefined> {
  const { isRegenerated } = stateOf(session)
  const mine = session.data as SessionData
  const own = held.record.version ?? 0
  const version = Math.max(own, known?.isOver === false ? known.version : own) + 1
  const isCurrent = known === undefined || (!known.isOver && known.version <= own)
  if (isCurrent && !held.base) return { data: mine, shown: mine, version }
  const theirs = isCurrent ? held.record.data : yield* dataOf(settings, known)
  const base = held.base ?? (yield* dataOf(settings, held))
  if (!theirs || !base) {
    // What the other request wrote is not at hand: that it is lost is all that can be told.
    reportConflict(settings, held)
    return { data: mine, shown: mine, version }
  }
  const { data, clashes } = mergeByKey({ base, mine, theirs })
  const isOver = known?.isOver === true
  if (!isCurrent) reportConflict(settings, held, { keys: clashes, isOver })
  if (isOver && !isRegenerated) return undefined
  return { data, shown: data, base: copyOf(mine), version }
}

/** As it stands in a cookie; of a session that ended, nothing. */
function* dataOf(
  settings: Settings,
  cookie: HeldSession | Exclude<KnownVersion, undefined>,
): Flow<SessionData | undefined> {
  if ('isOver' in cookie && cookie.isOver) return {}
  const { codec, value } = cookie as HeldSession
  try {
    const { data } = yield* wait(codec.verify(value, contextOf(settings)))
    return data
  } catch {
    return undefined
  }
}
