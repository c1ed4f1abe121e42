/**
 * What goes wrong on purpose, request by request: the header `x-fault` of a request names its fault. Each fault says what a
 * visitor may notice of it; whatever it does not say must be as if nothing had happened.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import type { SessionStore, StoredSession } from '../../src/server/index.js'
import { readRow } from '../../src/server/stores/row.js'

export type Action = 'look' | 'write' | 'login' | 'logout'
type FaultOfStore = 'slow' | 'down' | 'halfway' | 'unanswered' | 'stale' | 'missing' | 'unreadable'
export type FaultName = FaultOfStore | 'drift' | 'future' | 'past' | 'abort' | 'leave'

export interface Fault {
  readonly actions: readonly Action[]
  /** A store; or one that changes a row in one step. Default: sessions in cookies too. */
  readonly needs?: 'store' | 'update'
  /** The answer has no data, or older data. Default: all that was written. */
  readonly shows?: 'nothing' | 'older'
  /** The answer may be an error: then nothing has changed, or the request was carried out or not. Default: there is no error. */
  readonly fails?: 'unchanged' | 'unknown'
  /** The session ends with these actions: what they write is all there is then. */
  readonly ends?: readonly Action[]
}

const ALL = ['look', 'write', 'login', 'logout'] as const

/**
 * The one list. Two lies are not in it, because nobody can survive them: a store that acknowledges a write and forgets it, and
 * one that answers with another visitor's row. `Sabotage` has them, to show that they are noticed.
 */
export const faults: Record<FaultName, Fault> = {
  // Each call of the store waits.
  slow: { actions: ALL, needs: 'store' },
  // Each call fails.
  down: { actions: ALL, needs: 'store', fails: 'unchanged' },
  // The first calls succeed, the others fail.
  halfway: { actions: ALL, needs: 'store', fails: 'unknown' },
  // One call succeeds and reports an error.
  unanswered: { actions: ALL, needs: 'store', fails: 'unknown' },
  // A replica that lags behind. Only the next write of the row, in one step, is sure to see what it says now.
  stale: { actions: ['look', 'write'], needs: 'update', shows: 'older' },
  // "There is no such row" is the store's way to say that a session has ended.
  missing: { actions: ['look', 'write', 'login'], needs: 'store', shows: 'nothing', ends: ['write', 'login'] },
  // Only a new id may replace what can't be read.
  unreadable: {
    actions: ['look', 'write', 'login'],
    needs: 'store',
    shows: 'nothing',
    fails: 'unchanged',
    ends: ['login'],
  },
  // Two clocks may be five minutes apart.
  drift: { actions: ALL },
  future: { actions: ['look'], shows: 'nothing' },
  past: { actions: ['look', 'write'], shows: 'nothing', fails: 'unchanged' },
  // The client closes the connection before the answer, or in the middle of its body.
  abort: { actions: ['write'] },
  leave: { actions: ['look', 'write'] },
}

const DRIFT = 140_000
const DAY = 86_400_000

interface Request {
  readonly fault: FaultName | undefined
  /** Which call of the store fails; for `drift`, which way. */
  readonly at: number
  calls: number
  /** The first session that it asked for: lies are about this one, not about the marks of destroyed sessions beside it. */
  id?: string
}

const current = new AsyncLocalStorage<Request>()

/** From now on each request that a server of this process gets has its fault. */
export function watchRequests(): void {
  subscribe('http.server.request.start', (message) => {
    const { headers } = (message as { request: IncomingMessage }).request
    const [name, at] = String(headers['x-fault'] ?? '').split(':')
    current.enterWith({ fault: (name || undefined) as FaultName | undefined, at: Number(at), calls: 0 })
  })
}

/** The time as the present request has it. */
export function clock(): Date {
  const { fault, at } = current.getStore() ?? {}
  const ahead = { drift: at === 1 ? DRIFT : -DRIFT, future: DAY, past: -DAY }[fault as 'drift' | 'future' | 'past'] ?? 0
  return new Date(Date.now() + ahead)
}

/** Lies that nothing can survive: a soak over them must fail. */
export type Sabotage = 'drop' | 'swap'

/** How many calls pass between two of them. */
const SABOTAGE_EVERY = 10
/** Sessions whose former rows are remembered. */
const MAX_REMEMBERED = 40

/** The store, with the fault of the request that calls it. */
export function faultyStore(store: SessionStore, sabotage?: Sabotage): SessionStore {
  const remembered = new Map<string, { before?: StoredSession; now: StoredSession }>()
  let calls = 0

  function remember(id: string, { data, expiresAt }: StoredSession): void {
    const before = remembered.get(id)?.now
    const now = { data: structuredClone(data), ...(expiresAt && { expiresAt }) }
    remembered.delete(id)
    if (remembered.size >= MAX_REMEMBERED) remembered.delete(remembered.keys().next().value as string)
    remembered.set(id, { now, ...(before && { before }) })
  }

  function isSabotaged(kind: Sabotage): boolean {
    return sabotage === kind && ++calls % SABOTAGE_EVERY === 0
  }

  async function read(id: string): Promise<StoredSession | undefined> {
    if (isSabotaged('swap')) for (const [other] of remembered) if (other !== id) return store.get(other)
    const row = await store.get(id)
    const request = current.getStore()
    // A mark is asked for before its session if a former request left that in doubt.
    if (request && row && row.data.destroyed === undefined) request.id ??= id
    const fault = request?.id === id ? request.fault : undefined
    if (fault === 'missing') return undefined
    if (fault === 'unreadable') readRow('not a row')
    const before = fault === 'stale' && row ? remembered.get(id)?.before : undefined
    return before ? structuredClone(before) : row
  }

  async function write(id: string, row: StoredSession): Promise<void> {
    if (isSabotaged('drop')) return
    await store.set(id, row)
    remember(id, row)
  }

  const { touch, update } = store
  return {
    name: store.name,
    get: (id) => call(() => read(id)),
    set: (id, row) => call(() => write(id, row)),
    delete: (id) => call(() => store.delete(id)),
    ...(touch && { touch: (id, end) => call(() => touch.call(store, id, end)) }),
    ...(update && {
      update: (id, change) =>
        call(async () => {
          if (isSabotaged('drop')) return change(await store.get(id))
          const row = await update.call(store, id, change)
          if (row) remember(id, row)
          return row
        }),
    }),
  }
}

async function call<T>(work: () => T | Promise<T>): Promise<T> {
  const request = current.getStore()
  if (!request) return work()
  const { fault, at } = request
  const count = ++request.calls
  if (fault === 'slow') await wait(at)
  if (fault === 'down' || (fault === 'halfway' && count >= at)) throw new Error('The store is down')
  const result = await work()
  if (fault === 'unanswered' && count === at) throw new Error('The connection was closed')
  return result
}
