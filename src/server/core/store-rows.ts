/**
 * The store as the sessions use it: one change of an id at a time, and one error for whatever goes wrong.
 */
import { platform } from '#platform'
import { encodeHex, encodeUtf8 } from '../../shared/bytes.js'
import { isSessionError, SessionError } from '../../shared/errors.js'
import { isPlainObject, type MaybePromise, type SessionData } from '../../shared/types.js'
import { createMutex, type Mutex } from '../mutex.js'
import type { OwnedQuery, SessionStore, StoredSession } from '../stores/store.js'
import { isApplicationError } from '../values.js'
import type { EmitEvent } from './events.js'
import type { ReadOwner } from './owner.js'

/** What loading needs of a store. */
export interface RowReader {
  /** @throws {SessionError} `ERR_SESSION_STORE` if the store fails; another code for a row that is there and can't be read */
  find(id: string): Promise<StoredSession | undefined>
}

/** Every one throws `ERR_SESSION_STORE` if the store fails, and what the store says of a value that it can't hold. */
export interface Rows extends RowReader {
  /** Several rows, with one question if the store can do that; in the order of the ids. */
  findMany(ids: readonly string[]): Promise<readonly (StoredSession | undefined)[]>
  /** The row as the next write would find it: not from a replica, in a store that changes a row in one step. */
  current(id: string): Promise<StoredSession | undefined>
  create(id: string, row: StoredSession): Promise<void>
  /** The current row, or undefined if there is none: `change` never creates one. If it returns undefined, the row stays as it is. */
  change(id: string, change: (current: StoredSession) => StoredSession | undefined): Promise<StoredSession | undefined>
  /** The same for a row that need not exist, of something else than a session. */
  upsert(id: string, change: RowChange): Promise<StoredSession | undefined>
  /** A touch does not tell whether the row still exists, so this looks for it. @returns the row after that */
  touch(id: string, expiresAt: Date | undefined): Promise<StoredSession | undefined>
  remove(id: string): Promise<void>
  /** The ids of an owner's rows. Absent if the store keeps no owners. */
  readonly listOwned?: (owner: string, query: OwnedQuery) => Promise<readonly string[]>
}

type RowChange = (current: StoredSession | undefined) => StoredSession | undefined

/** In place of a session's data, the state of `session.once`. */
export const ONCE = '_sessionglass_once'

/** In place of a session's data, what was revoked. */
export const REVOKED = '_sessionglass_revoked'

/** Such a row is no session, though its id may be sent as one where ids are not signed. */
export function isNoSession(data: SessionData): boolean {
  return Object.hasOwn(data, ONCE) || Object.hasOwn(data, REVOKED)
}

export interface RowsOptions {
  readonly clock: () => Date
  readonly emit: EmitEvent | undefined
  /** Who a row with this data belongs to. Absent: rows keep the owner that they have. */
  readonly ownerOf?: ReadOwner | undefined
}

/** @throws {TypeError} for a store without `get`, `set` and `delete` */
export function createRowReader(store: SessionStore): RowReader {
  for (const method of ['get', 'set', 'delete'] as const) {
    if (typeof store?.[method] !== 'function') throw new TypeError(`Option "store" has no ${method}()`)
  }
  return { find: (id) => ask(store, 'read', () => store.get(id)) }
}

/** @throws {TypeError} as `createRowReader` */
export function createRows(store: SessionStore, options: RowsOptions): Rows {
  const reader = createRowReader(store)
  const steps = store.update ? undefined : writesInSteps(store, options)
  const writes: Writes = steps ?? store
  const ownerOf = store.listOwned && options.ownerOf
  const owned = (row: StoredSession): StoredSession => (ownerOf ? { ...row, owner: ownerOf(row.data) } : row)
  /** By `get` of a store that keeps owners. Such a row was written before there was the option, or with another one. */
  const isMisfiled = (row: StoredSession): boolean =>
    ownerOf !== undefined && 'owner' in row && row.owner !== ownerOf(row.data)

  const rows: Rows = {
    async find(id) {
      if (steps?.isInDoubt(id)) await ask(store, 'read', () => steps.settle(id))
      return await reader.find(id)
    },
    async findMany(ids) {
      // A row in doubt is asked for alone.
      if (steps || !store.getMany) return await Promise.all(ids.map((id) => rows.find(id)))
      return await ask(store, 'read', async () => {
        const found = await store.getMany?.(ids)
        if (found?.length === ids.length) return found
        throw new TypeError('getMany() must give a row or undefined for each id')
      })
    },
    current: (id) => (store.update ? rows.change(id, () => undefined) : rows.find(id)),
    async create(id, row) {
      readThrough(row.data)
      const written = owned(row)
      await ask(store, 'write', () => store.set(id, written))
    },
    async change(id, change) {
      let thrown: { error: unknown } | undefined
      const checked = (current: StoredSession | undefined): StoredSession | undefined => {
        try {
          const changed = current && change(current)
          if (changed) readThrough(changed.data)
          return changed && owned(changed)
        } catch (error) {
          thrown = { error }
          throw error
        }
      }
      try {
        return await ask(store, 'write', () => writes.update?.(id, checked))
      } catch (error) {
        throw thrown ? thrown.error : error
      }
    },
    upsert: (id, change) => ask(store, 'write', () => writes.update?.(id, change)),
    async touch(id, expiresAt) {
      const moved = ({ expiresAt: _, ...row }: StoredSession): StoredSession => ({
        ...row,
        ...(expiresAt ? { expiresAt } : {}),
      })
      if (store.touch) await ask(store, 'touch', () => writes.touch?.(id, expiresAt))
      else await rows.change(id, moved)
      const row = await rows.find(id)
      return row && isMisfiled(row) ? await rows.change(id, moved) : row
    },
    remove: (id) => ask(store, 'delete', () => writes.delete(id)),
    ...(store.listOwned && {
      listOwned: (owner: string, query: OwnedQuery) =>
        ask(store, 'list', async () => (await store.listOwned?.(owner, query)) as readonly string[]),
    }),
  }
  return rows
}

/** Errors of the project and of the application pass: they are about a row, not about the store. */
async function ask<T>({ name }: SessionStore, task: string, call: () => MaybePromise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if (isSessionError(error) || isApplicationError(error)) throw error
    throw new SessionError('ERR_SESSION_STORE', `The session store ${name} could not ${task} a session`, {
      cause: error,
    })
  }
}

/** Levels and objects that are looked at: past them a store refuses the row for its size. */
const MAX_LEVELS = 100
const MAX_OBJECTS = 100_000

/**
 * Looks at every value of a row before the store does: what a getter, a `toJSON` or a proxy of the application throws is the
 * application's own error, not an outage of the store.
 */
function readThrough(data: SessionData): void {
  const seen = new Set<object>()

  function read(value: unknown, key: string, level: number, isView = false): void {
    if (typeof value !== 'object' || value === null || seen.has(value)) return
    if (seen.add(value).size > MAX_OBJECTS || level > MAX_LEVELS || isOpaque(value)) return
    if (value instanceof Map) {
      for (const [name, member] of value) read(member, String(name), level + 1)
      return
    }
    const { toJSON } = value as { toJSON?: unknown }
    if (typeof toJSON === 'function' && !isView) read(toJSON.call(value, key), key, level, true)
    else for (const name of Object.keys(value)) read((value as SessionData)[name], name, level + 1)
  }

  read(data, '', 0)
}

/** Bytes, dates and the classes of BSON, which no writer asks for their members by name or for JSON. */
function isOpaque(value: object): boolean {
  return ArrayBuffer.isView(value) || value instanceof Date || (!isPlainObject(value) && '_bsontype' in value)
}

type Writes = Pick<SessionStore, 'update' | 'touch' | 'delete'>

interface StepWrites extends Required<Writes> {
  /** A row was written or is to go, and the store could not tell whether its session is destroyed. */
  isInDoubt(id: string): boolean
  /** Asks again, and deletes the row if it was. */
  settle(id: string): Promise<void>
}

/** Milliseconds. A write that began before a session was destroyed has ended long before this. */
const MARK_LIFE = 3_600_000
/** Milliseconds, each time twice as long. */
const FIRST_RETRY = 100
const LAST_RETRY = 30_000

/**
 * The writes of a store that can't change a row in one step. Within this process they take turns. Other processes see a mark, a row
 * with another id: it is there before the session's row is deleted, and every write looks for it afterwards. So either the write
 * came before the deletion, or it finds the mark and deletes the row again. If the store fails in between, it is asked again until
 * it answers.
 */
function writesInSteps(store: SessionStore, { clock, emit }: RowsOptions): StepWrites {
  const inDoubt = new Set<string>()

  async function removeIfDestroyed(id: string): Promise<boolean> {
    const isDestroyed = Boolean(await store.get(await markOf(id)))
    if (isDestroyed) await store.delete(id)
    inDoubt.delete(id)
    return isDestroyed
  }

  /** Writes, and tells whether the session was destroyed meanwhile. */
  async function write(id: string, task: () => MaybePromise<void>): Promise<boolean> {
    try {
      await task()
    } catch (error) {
      // It may have been written all the same.
      await wasDestroyed(id).catch(() => {})
      throw error
    }
    return await wasDestroyed(id)
  }

  async function wasDestroyed(id: string): Promise<boolean> {
    try {
      return await removeIfDestroyed(id).catch(() => removeIfDestroyed(id))
    } catch (error) {
      doubt(id)
      throw error
    }
  }

  function doubt(id: string): void {
    inDoubt.add(id)
    settleLater(id)
  }

  function settleLater(id: string, delay = FIRST_RETRY, waited = 0): void {
    const timer: unknown = setTimeout(() => {
      const next = Math.min(delay * 2, LAST_RETRY)
      settle(id).catch(() => waited < MARK_LIFE && settleLater(id, next, waited + delay))
    }, delay)
    // No process stays for it.
    ;(timer as { unref?(): void }).unref?.()
  }

  const settle = (id: string): Promise<void> =>
    inTurn(store, id, async () => {
      if (inDoubt.has(id)) await removeIfDestroyed(id)
    })

  return {
    isInDoubt: (id) => inDoubt.has(id),
    settle,
    update: (id, change) =>
      inTurn(store, id, async () => {
        const current = await store.get(id)
        const changed = change(current)
        if (changed === undefined) return current
        return (await write(id, () => store.set(id, changed))) ? undefined : changed
      }),
    // Some stores touch by writing the whole session.
    touch: (id, expiresAt) =>
      inTurn(store, id, async () => {
        await write(id, () => store.touch?.(id, expiresAt))
      }),
    delete: (id) =>
      inTurn(store, id, async () => {
        const mark = await markOf(id)
        try {
          await store.set(mark, { data: { destroyed: true }, expiresAt: new Date(clock().getTime() + MARK_LIFE) })
          await store.delete(id)
        } catch (error) {
          // The mark may be there and the row, too: the next write would end a session that still shows.
          doubt(id)
          throw error
        }
        // A store that does not give back at once what was written can't keep the promise. What can't be read tells nothing.
        const isKept = await (async () => store.get(mark))().then(Boolean, () => true)
        if (!isKept) emit?.({ type: 'conflict', code: 'ERR_SESSION_STORE' })
      }),
  }
}

/** The id of a mark: 32 hex digits, as every store takes them, and of no session. */
async function markOf(id: string): Promise<string> {
  const digest = await platform.sha256(encodeUtf8(`sessionglass destroyed ${id}`))
  return encodeHex(digest.subarray(0, 16))
}

/**
 * For stores that can't change a row in one step. Kept with the store and not with one `createSessions`: several may share a store, and
 * a row must not be changed by two of them at once.
 */
const mutexes = new WeakMap<SessionStore, Mutex<string>>()

function inTurn<T>(store: SessionStore, id: string, work: () => Promise<T>): Promise<T> {
  const mutex = mutexes.get(store) ?? createMutex<string>()
  mutexes.set(store, mutex)
  return mutex(id, work)
}
