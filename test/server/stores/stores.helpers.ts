/** Stores for tests of the core: one that can be looked into, slowed down, and broken. */
import {
  jwt,
  memoryStore,
  type SessionStore,
  type SessionsOptions,
  type StoredSession,
} from '../../../src/server/index.js'
import { type Browser, type Fixture, SECRET, serve, testBrowser, testClock } from '../server.helpers.js'

export interface OpenStore extends SessionStore {
  readonly rows: Map<string, StoredSession>
  /** The ids of its sessions: of all rows but those that mark a destroyed session. */
  readonly ids: string[]
  /** What was asked of it, as `get`, in order. */
  readonly calls: string[]
  /** Fails every call from now on. */
  fault?: unknown
  /** Each call waits for it before it does anything. */
  gate?: (call: string) => Promise<unknown> | undefined
}

/** Rows in a Map. Without `update` the core has to take turns by itself. */
export function openStore({ atomic = true }: { atomic?: boolean } = {}): OpenStore {
  const rows = new Map<string, StoredSession>()
  const calls: string[] = []
  const enter = async (call: string): Promise<void> => {
    calls.push(call)
    await store.gate?.(call)
    if (store.fault !== undefined) throw store.fault
  }
  const read = (id: string): StoredSession | undefined => structuredClone(rows.get(id))
  const store: OpenStore = {
    name: 'open',
    rows,
    get ids() {
      return [...rows].filter(([, { data }]) => data.destroyed !== true).map(([id]) => id)
    },
    calls,
    async get(id) {
      await enter('get')
      return read(id)
    },
    async set(id, session) {
      await enter('set')
      rows.set(id, structuredClone(session))
    },
    async delete(id) {
      await enter('delete')
      rows.delete(id)
    },
    async touch(id, expiresAt) {
      await enter('touch')
      const row = rows.get(id)
      if (row && expiresAt) row.expiresAt = expiresAt
    },
  }
  if (!atomic) return store
  store.update = async (id, change) => {
    await enter('update')
    const changed = change(read(id))
    if (changed) rows.set(id, structuredClone(changed))
    return read(id)
  }
  return store
}

/** A server with a store and one browser. */
export function serveStored(
  options: Parameters<typeof serve>[0] & { store?: SessionStore } = {},
  setup: { browser?: Browser; clock?: ReturnType<typeof testClock> } = {},
): Fixture {
  const clock = setup.clock ?? testClock()
  const defaults: Partial<SessionsOptions> = { codecs: [jwt({ secrets: [SECRET] })], expose: false }
  return serve(
    { store: memoryStore({ clock }), ...defaults, ...options },
    { clock, browser: setup.browser ?? testBrowser() },
  )
}
