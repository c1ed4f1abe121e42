/**
 * Sessions whose data is in a store: the token names the row, and what requests change is put together there, key by key.
 */
import { SessionError } from '../../shared/errors.js'
import type { SessionData } from '../../shared/types.js'
import type { Flow } from '../flow.js'
import { type HeldSession, identify, type Session, type StoredData, stateOf } from '../session.js'
import type { Settings } from '../settings.js'
import type { StoredSession } from '../stores/store.js'
import { copyOf, mergeByKey } from '../values/merge.js'
import type { Plan } from './commit-plan.js'
import { isOutage } from './outage.js'
import type { Rows } from './rows.js'

/**
 * Finds the row that a token names and keeps it with the session.
 *
 * @returns why the token is no session: the store has no such row, or has one that can't be read
 * @throws {SessionError} `ERR_SESSION_STORE`, `ERR_SESSION_KEYS`
 */
export function* findRow(rows: Rows, held: HeldSession): Flow<SessionError | undefined> {
  const { id } = held.record
  try {
    const row = id ? yield* rows.find(id) : undefined
    if (row === undefined) {
      const why = id ? 'The store has no such session: it ended' : 'The token names no session'
      return new SessionError('ERR_SESSION_EXPIRED', why, { verified: true })
    }
    held.stored = { row, base: copyOf(row.data) }
    return undefined
  } catch (error) {
    if (isOutage(error)) throw error
    const { code, message } = error as SessionError
    // The token was good, so the row is somebody's.
    return new SessionError(code, message, { cause: error, verified: true })
  }
}

/**
 * Writes what this request changed, or moves the end of the row.
 *
 * @returns what is in the store now; undefined where the session ended meanwhile, which is final
 * @throws {SessionError} `ERR_SESSION_STORE`, and what the store can't hold
 */
export function* saveRow(
  settings: Settings & { rows: Rows },
  session: Session<object>,
  { reason }: Plan,
): Flow<StoredData | undefined> {
  const state = stateOf(session)
  const { rows, lifetime, clock, observe } = settings
  const stored = state.held?.stored
  const mine = session.data as SessionData
  const after = (row: StoredSession): StoredData => ({ row, base: copyOf(mine) })
  if (observe) return stored ?? after({ data: mine })
  const expiresAt = lifetime.expiresAt({ createdAt: state.createdAt, accessedAt: clock() })
  if (!stored || state.isRegenerated) {
    const row = yield* newRow(settings, session)
    yield* rows.create(state.id, withEnd(row, expiresAt))
    return after(row)
  }
  if (reason !== 'changed') {
    yield* rows.touch(state.id, expiresAt)
    // A touch does not say whether the row is there still, and no token may go out for a session that ended.
    const row = yield* rows.find(state.id)
    if (!row) reportConflict(settings, state.held, { isOver: true })
    return row && { ...stored, row }
  }
  let clashes: string[] = []
  const row: StoredSession | undefined = yield* rows.change(state.id, (current) => {
    const merged = mergeByKey({ base: stored.base, mine, theirs: current.data })
    clashes = merged.clashes
    return withEnd({ ...current, data: merged.data }, expiresAt)
  })
  if (!row || clashes.length > 0) reportConflict(settings, state.held, { keys: clashes, isOver: !row })
  return row && after(row)
}

/** The row of a new id. What stands in the old one now goes along; of a session that ended meanwhile only what this request changed. */
function* newRow(settings: Settings & { rows: Rows }, session: Session<object>): Flow<StoredSession> {
  const state = stateOf(session)
  const mine = session.data as SessionData
  const { stored, record } = state.held ?? {}
  if (!stored || record?.id === undefined) return { data: { ...mine } }
  const current = yield* settings.rows.find(record.id)
  const { data, clashes } = mergeByKey({ base: stored.base, mine, theirs: current?.data ?? {} })
  if (!current || clashes.length > 0) reportConflict(settings, state.held, { keys: clashes, isOver: !current })
  return { ...current, data }
}

/** Tells that two requests at once cost something: a change to `keys`, or all of this one's where the session is over. */
export function reportConflict(
  { emit }: Settings,
  held: HeldSession | undefined,
  { keys = [], isOver = false }: { keys?: readonly string[]; isOver?: boolean } = {},
): void {
  emit?.({
    type: 'conflict',
    ...(held ? identify(held) : {}),
    ...(isOver ? { code: 'ERR_SESSION_DESTROYED' } : {}),
    ...(keys.length > 0 ? { keys } : {}),
  })
}

function withEnd({ expiresAt: _, ...row }: StoredSession, expiresAt: Date | undefined): StoredSession {
  return { ...row, ...(expiresAt ? { expiresAt } : {}) }
}
