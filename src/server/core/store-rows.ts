/**
 * The store as the sessions use it: one change of an id at a time, and one error for whatever goes wrong.
 */

import { isSessionError, SessionError } from '../../shared/errors.js'
import type { MaybePromise } from '../../shared/types.js'
import { createMutex, type Mutex } from '../mutex.js'
import type { SessionStore, StoredSession } from '../stores/store.js'

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

/** @throws {TypeError} for a store without `get`, `set` and `delete` */
export function createRows(store: SessionStore): Rows {
  for (const method of ['get', 'set', 'delete'] as const) {
    if (typeof store?.[method] !== 'function') throw new TypeError(`Option "store" has no ${method}()`)
  }
  const update = store.update ?? ((id, change) => inTurn(store, id, () => changeInSteps(store, id, change)))
  // A row must not come back because it was deleted between another request's get and set.
  const remove = store.update ? store.delete : (id: string) => inTurn(store, id, async () => store.delete(id))
  // Nor may a store that touches by writing the whole session undo what another request changes.
  const touch = async (id: string, expiresAt: Date | undefined): Promise<void> =>
    store.update ? store.touch?.(id, expiresAt) : inTurn(store, id, async () => store.touch?.(id, expiresAt))

  const rows: Rows = {
    find: (id) => ask(store, 'read', () => store.get(id)),
    create: (id, row) => ask(store, 'write', () => store.set(id, row)),
    change: (id, change) =>
      ask(store, 'write', () => update.call(store, id, (current) => (current ? change(current) : undefined))),
    async touch(id, expiresAt) {
      if (store.touch) await ask(store, 'touch', () => touch(id, expiresAt))
      else await rows.change(id, ({ expiresAt: _, ...row }) => ({ ...row, ...(expiresAt ? { expiresAt } : {}) }))
    },
    remove: (id) => ask(store, 'delete', () => remove.call(store, id)),
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

async function changeInSteps(
  store: SessionStore,
  id: string,
  change: (current: StoredSession | undefined) => StoredSession | undefined,
): Promise<StoredSession | undefined> {
  const current = await store.get(id)
  const changed = change(current)
  if (changed === undefined) return current
  await store.set(id, changed)
  return changed
}

/** For stores that can't change a row in one step. Kept with the store, because several sessions may be made over the same one. */
const mutexes = new WeakMap<SessionStore, Mutex<string>>()

function inTurn<T>(store: SessionStore, id: string, work: () => Promise<T>): Promise<T> {
  const mutex = mutexes.get(store) ?? createMutex<string>()
  mutexes.set(store, mutex)
  return mutex(id, work)
}
