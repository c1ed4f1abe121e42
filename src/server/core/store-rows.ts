/**
 * The store as the sessions use it: one change of an id at a time, and one error for whatever goes wrong.
 */

import { platform } from '#platform'
import { encodeHex, encodeUtf8 } from '../../shared/bytes.js'
import { isSessionError, SessionError } from '../../shared/errors.js'
import type { MaybePromise } from '../../shared/types.js'
import { createMutex, type Mutex } from '../mutex.js'
import type { SessionStore, StoredSession } from '../stores/store.js'
import type { EmitEvent } from './events.js'

/** Every one throws `ERR_SESSION_STORE` where the store fails, and what the store says of a value that it can't hold. */
export interface Rows {
  /** @throws {SessionError} for a row that is there and can't be read */
  find(id: string): Promise<StoredSession | undefined>
  create(id: string, row: StoredSession): Promise<void>
  /** The current row, or undefined if there is none: `change` never creates one. */
  change(id: string, change: (current: StoredSession) => StoredSession): Promise<StoredSession | undefined>
  touch(id: string, expiresAt: Date | undefined): Promise<void>
  remove(id: string): Promise<void>
}

export interface RowsOptions {
  readonly clock: () => Date
  readonly emit: EmitEvent | undefined
}

/** @throws {TypeError} for a store without `get`, `set` and `delete` */
export function createRows(store: SessionStore, options: RowsOptions): Rows {
  for (const method of ['get', 'set', 'delete'] as const) {
    if (typeof store?.[method] !== 'function') throw new TypeError(`Option "store" has no ${method}()`)
  }
  const writes: Writes = store.update ? store : writesInSteps(store, options)

  const rows: Rows = {
    find: (id) => ask(store, 'read', () => store.get(id)),
    create: (id, row) => ask(store, 'write', () => store.set(id, row)),
    change: (id, change) =>
      ask(store, 'write', () => writes.update?.(id, (current) => (current ? change(current) : undefined))),
    async touch(id, expiresAt) {
      if (store.touch) await ask(store, 'touch', () => writes.touch?.(id, expiresAt))
      else await rows.change(id, ({ expiresAt: _, ...row }) => ({ ...row, ...(expiresAt ? { expiresAt } : {}) }))
    },
    remove: (id) => ask(store, 'delete', () => writes.delete(id)),
  }
  return rows
}

/** Errors of the project pass: they are about a row, not about the store. */
async function ask<T>({ name }: SessionStore, task: string, call: () => MaybePromise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if (isSessionError(error)) throw error
    throw new SessionError('ERR_SESSION_STORE', `The session store ${name} could not ${task} a session`, {
      cause: error,
    })
  }
}

type Writes = Pick<SessionStore, 'update' | 'touch' | 'delete'>

/** Milliseconds. A write that began before a session was destroyed has ended long before this. */
const MARK_LIFE = 3_600_000

/**
 * The writes of a store that can't change a row in one step. Within this process they take turns. Other processes see a mark, a row
 * with another id: it is there before the session's row is deleted, and every write looks for it afterwards. So either the write
 * came before the deletion, or it finds the mark and deletes the row again.
 */
function writesInSteps(store: SessionStore, { clock, emit }: RowsOptions): Writes {
  async function wasDestroyed(id: string): Promise<boolean> {
    if (!(await store.get(await markOf(id)))) return false
    await store.delete(id)
    return true
  }

  return {
    update: (id, change) =>
      inTurn(store, id, async () => {
        const current = await store.get(id)
        const changed = change(current)
        if (changed === undefined) return current
        await store.set(id, changed)
        return (await wasDestroyed(id)) ? undefined : changed
      }),
    // Some stores touch by writing the whole session.
    touch: (id, expiresAt) =>
      inTurn(store, id, async () => {
        await store.touch?.(id, expiresAt)
        await wasDestroyed(id)
      }),
    delete: (id) =>
      inTurn(store, id, async () => {
        const mark = await markOf(id)
        await store.set(mark, { data: { destroyed: true }, expiresAt: new Date(clock().getTime() + MARK_LIFE) })
        await store.delete(id)
        // A store that does not give back at once what was written can't keep the promise.
        if (!(await store.get(mark))) emit?.({ type: 'conflict', code: 'ERR_SESSION_STORE' })
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
