/**
 * Sessions in the memory of this process: bounded, and gone when it ends.
 * For tests, for development, and for one process that may forget.
 */
import type { Duration } from '../../shared/define-session.js'
import { SessionError } from '../../shared/errors.js'
import { checkLimit } from '../../shared/limits.js'
import { checkDuration, checkNames, type OptionNames } from '../../shared/option-names.js'
import type { SessionData } from '../../shared/types.js'
import { withBsonTypes } from '../bson-types.js'
import { asApplicationError } from '../values.js'
import { readRow, writeRow } from './row.js'
import type { OwnedQuery, SessionStore, StoredSession } from './store.js'

/** How much is kept, and for how long. */
export interface MemoryStoreOptions {
  /**
   * How many sessions are kept; the one that was used longest ago goes first.
   *
   * @defaultValue 10 000
   */
  maxSessions?: number
  /**
   * How many bytes all sessions together may take; the one that was used longest ago goes first.
   *
   * @defaultValue 64 MiB
   */
  maxBytes?: number
  /**
   * Tells by its data whether a session belongs to a visitor who is not signed in. Such sessions go before all others
   * when there is no room.
   *
   * @defaultValue all sessions are equal
   */
  isAnonymous?: (data: SessionData) => boolean
  /**
   * How long a session without its own expiry is kept after its last write or touch.
   *
   * @defaultValue 14 days; `false`: for ever
   */
  ttl?: Duration | false
  /** The present time, for tests. */
  clock?: () => Date
}

const OPTIONS: OptionNames<MemoryStoreOptions> = {
  maxSessions: 1,
  maxBytes: 1,
  isAnonymous: 'function',
  ttl: 1,
  clock: 'function',
}

const DEFAULT_SESSIONS = 10_000
const DEFAULT_BYTES = 67_108_864
const DEFAULT_TTL = '14d'
/** Milliseconds. */
const SWEEP_EVERY = 10_000
/** Bytes of a row beside its text: the id, the object, its place in a map. Measured with 100 000 rows on V8. */
const ROW_OVERHEAD = 320

/**
 * A store in memory. Other processes do not see it. If there are more sessions than it keeps, or they take more bytes, it drops the ones
 * that were used longest ago.
 *
 * @throws {TypeError} naming the option that is wrong
 * @since 0.1.0
 * @example
 * const sessions = createSessions({ store: memoryStore(), codecs: [jwt({ secrets })], expose: false })
 */
export function memoryStore(options: MemoryStoreOptions = {}): SessionStore {
  checkNames(options, OPTIONS, 'memoryStore')
  const { maxSessions = DEFAULT_SESSIONS, maxBytes = DEFAULT_BYTES, ttl = DEFAULT_TTL } = options
  const { isAnonymous = () => false, clock = () => new Date() } = options
  checkLimit(maxSessions, 'maxSessions')
  checkLimit(maxBytes, 'maxBytes', { unit: 'bytes' })
  const lifetime = ttl === false ? Number.POSITIVE_INFINITY : checkDuration(ttl, 'ttl')
  /** Each in the order of the last use. */
  const anonymous = new Map<string, Row>()
  const known = new Map<string, Row>()
  /** The ids of each owner's rows. */
  const owned = new Map<string, Set<string>>()
  let bytes = 0
  let nextSweep = 0

  const mapOf = (id: string): Map<string, Row> => (anonymous.has(id) ? anonymous : known)

  function get(id: string): StoredSession | undefined {
    const rows = mapOf(id)
    const row = rows.get(id)
    if (row === undefined) return undefined
    if (row.end <= clock().getTime()) {
      remove(id)
      return undefined
    }
    rows.delete(id)
    rows.set(id, row)
    const { owner, created, accessed, end } = row
    const times = { createdAt: new Date(created), accessedAt: new Date(accessed) }
    return { ...readRow(row.text), owner, ...times, ...(Number.isFinite(end) ? { expiresAt: new Date(end) } : {}) }
  }

  function set(id: string, session: StoredSession): void {
    const text = writeRow(session)
    const rows = belongsToAnyone(session.data) ? known : anonymous
    const now = clock().getTime()
    const { owner } = session
    const before = mapOf(id).get(id)
    const created = before && before.end > now ? before.created : now
    const bytesOfRow = bytesOf(text) + (owner === undefined ? 0 : bytesOf(owner))
    const row: Row = { text, end: endOf(session.expiresAt), bytes: bytesOfRow, owner, created, accessed: now }
    if (row.bytes > maxBytes) {
      throw new SessionError('ERR_SESSION_LIMIT', `The session takes more than the ${maxBytes} bytes of "maxBytes"`)
    }
    remove(id)
    makeRoom(row.bytes, now)
    rows.set(id, row)
    bytes += row.bytes
    if (owner !== undefined) owned.set(owner, (owned.get(owner) ?? new Set()).add(id))
  }

  function belongsToAnyone(data: SessionData): boolean {
    try {
      return !isAnonymous(data)
    } catch (error) {
      throw asApplicationError(error)
    }
  }

  function remove(id: string): void {
    const rows = mapOf(id)
    const row = rows.get(id)
    if (!row) return
    bytes -= row.bytes
    rows.delete(id)
    const ids = row.owner === undefined ? undefined : owned.get(row.owner)
    ids?.delete(id)
    if (ids?.size === 0) owned.delete(row.owner as string)
  }

  function listOwned(owner: string, { limit, after = '' }: OwnedQuery): string[] {
    const now = clock().getTime()
    const isLive = (id: string): boolean => Number(mapOf(id).get(id)?.end) > now
    return [...(owned.get(owner) ?? [])]
      .filter((id) => id > after && isLive(id))
      .sort()
      .slice(0, limit)
  }

  function isFull(more: number): boolean {
    return known.size + anonymous.size >= maxSessions || bytes + more > maxBytes
  }

  /** Expired sessions go first; looking for them takes a while, so it does not happen with each new session. */
  function makeRoom(more: number, now: number): void {
    if (isFull(more) && now >= nextSweep) {
      nextSweep = now + SWEEP_EVERY
      for (const rows of [anonymous, known]) for (const [id, { end }] of rows) if (end <= now) remove(id)
    }
    while (isFull(more)) remove((anonymous.size > 0 ? anonymous : known).keys().next().value as string)
  }

  function endOf(expiresAt: Date | undefined): number {
    return expiresAt?.getTime() ?? clock().getTime() + lifetime
  }

  return {
    name: 'memory',
    get: (id) => withBsonTypes(() => get(id)),
    getMany: (ids) => withBsonTypes(() => ids.map(get)),
    set,
    delete: remove,
    listOwned,
    touch(id, expiresAt) {
      const row = mapOf(id).get(id)
      const now = clock().getTime()
      if (!row || row.end <= now) return
      row.end = endOf(expiresAt)
      row.accessed = now
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
  bytes: number
  owner: string | undefined
  /** Milliseconds since 1970, as the next. */
  created: number
  accessed: number
}

/** A character up to U+00FF takes one byte, and two if the text has any other. */
const WIDE = /[^\0-\xff]/

function bytesOf(text: string): number {
  return ROW_OVERHEAD + text.length * (WIDE.test(text) ? 2 : 1)
}
