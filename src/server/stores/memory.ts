/**
 * Sessions in the memory of this process: bounded, and gone when it ends.
 * For tests, for development, and for one process that may forget.
 */
import { type Duration, parseDuration } from '../../shared/define-session.js'
import { withBsonTypes } from '../bson-types.js'
import { readRow, writeRow } from './row.js'
import type { SessionStore, StoredSession } from './store.js'

export interface MemoryStoreOptions {
  /** How many sessions are kept; the one that was used longest ago goes first. Default 10 000. */
  maxSessions?: number
  /** How long a session without its own expiry is kept after its last write or touch. Default 14 days; `false`: for ever. */
  ttl?: Duration | false
  /** The present time, for tests. */
  clock?: () => Date
}

const DEFAULT_SESSIONS = 10_000
const DEFAULT_TTL = '14d'
/** Milliseconds. */
const SWEEP_EVERY = 10_000

/**
 * A store in memory. Other processes do not see it. If more sessions are opened than it keeps, it drops the ones that were used longest ago.
 *
 * @throws {TypeError} naming the option that is wrong
 * @example
 * const sessions = createSessions({ store: memoryStore(), codecs: [jwt({ secrets })], expose: false })
 */
export function memoryStore(options: MemoryStoreOptions = {}): SessionStore {
  const { maxSessions = DEFAULT_SESSIONS, ttl = DEFAULT_TTL, clock = () => new Date() } = options
  if (!Number.isInteger(maxSessions) || maxSessions < 1) {
    throw new TypeError('Option "maxSessions" must be a whole number of 1 or more')
  }
  const lifetime = ttl === false ? Number.POSITIVE_INFINITY : parseDuration(ttl, 'ttl')
  /** In the order of their last use. */
  const rows = new Map<string, Row>()
  let nextSweep = 0

  function get(id: string): StoredSession | undefined {
    const row = rows.get(id)
    if (row === undefined) return undefined
    rows.delete(id)
    if (row.end <= clock().getTime()) return undefined
    rows.set(id, row)
    return { ...readRow(row.text), ...(Number.isFinite(row.end) ? { expiresAt: new Date(row.end) } : {}) }
  }

  function set(id: string, session: StoredSession): void {
    const text = writeRow(session)
    rows.delete(id)
    makeRoom(clock().getTime())
    rows.set(id, { text, end: endOf(session.expiresAt) })
  }

  /** Expired sessions go first; looking for them takes a while, so it does not happen with each new session. */
  function makeRoom(now: number): void {
    if (rows.size >= maxSessions && now >= nextSweep) {
      nextSweep = now + SWEEP_EVERY
      for (const [id, { end }] of rows) if (end <= now) rows.delete(id)
    }
    while (rows.size >= maxSessions) rows.delete(rows.keys().next().value as string)
  }

  function endOf(expiresAt: Date | undefined): number {
    return expiresAt?.getTime() ?? clock().getTime() + lifetime
  }

  return {
    name: 'memory',
    get: (id) => withBsonTypes(() => get(id)),
    set,
    delete: (id) => void rows.delete(id),
    touch(id, expiresAt) {
      const row = rows.get(id)
      if (row && row.end > clock().getTime()) row.end = endOf(expiresAt)
    },
    async update(id, change) {
      await withBsonTypes(() => {
        const changed = change(get(id))
        if (changed) set(id, changed)
      })
      return await withBsonTypes(() => get(id))
    },
  }
}

interface Row {
  text: string
  /** Milliseconds since 1970. */
  end: number
}
