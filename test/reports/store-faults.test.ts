/**
 * Two processes over one store, in every order that the calls of the store can take: what is destroyed stays destroyed.
 * test/interop/store-races.test.ts has real processes and real databases.
 */
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createSessions, defineSession, jwt, type SessionStore, type StoredSession } from '../../src/server/index.js'
import { runs } from '../random.js'
import { SECRET, testClock } from '../server/server.helpers.js'
import { serveStored } from '../server/stores/stores.helpers.js'

type Call = 'get' | 'set' | 'delete' | 'touch' | 'update'
type Step = [process: number, call: Call | 'end', id?: string]

/** Lets one call of one process pass at a time, in an order that is given, and tells which orders there are besides. */
class Order {
  readonly #choices: readonly number[]
  /** How many processes waited at each step. */
  readonly options: number[] = []
  readonly steps: Step[] = []
  readonly #waiting = new Map<number, () => void>()
  #running = 0

  constructor(choices: readonly number[]) {
    this.#choices = choices
  }

  /** Runs the processes until all have ended. */
  async run(works: readonly ((enter: (call: Call, id: string) => Promise<void>) => Promise<unknown>)[]): Promise<void> {
    this.#running = works.length
    await Promise.all(
      works.map(async (work, process) => {
        await work(async (call, id) => {
          await new Promise<void>((resolve) => {
            this.#waiting.set(process, resolve)
            this.#stop()
          })
          this.steps.push([process, call, id])
        })
        this.steps.push([process, 'end'])
        this.#stop()
      }),
    )
  }

  #stop(): void {
    this.#running--
    if (this.#running > 0 || this.#waiting.size === 0) return
    const processes = [...this.#waiting.keys()].sort()
    const process = processes[(this.#choices[this.options.length] ?? 0) % processes.length] as number
    this.options.push(processes.length)
    const go = this.#waiting.get(process) as () => void
    this.#waiting.delete(process)
    this.#running++
    go()
  }
}

/** Every order, one after the other. */
async function inEveryOrder(play: (order: Order) => Promise<void>): Promise<number> {
  let choices: number[] | undefined = []
  let count = 0
  while (choices) {
    const order = new Order(choices)
    await play(order)
    count++
    const taken: number[] = order.options.map((_, step) => choices?.[step] ?? 0)
    const step: number = taken.findLastIndex((choice, at) => choice + 1 < (order.options[at] as number))
    choices = step === -1 ? undefined : [...taken.slice(0, step), (taken[step] as number) + 1]
  }
  return count
}

type Kind = 'atomic' | 'in steps' | 'touches by writing' | 'without touch'

/** The store as one process has it. */
function storeOf(kind: Kind, rows: Map<string, StoredSession>, enter: (call: Call, id: string) => Promise<void>) {
  const at = async <T>(call: Call, id: string, work: () => T): Promise<T> => {
    await enter(call, id)
    return work()
  }
  const store: SessionStore = {
    name: 'open',
    get: (id) => at('get', id, () => structuredClone(rows.get(id))),
    set: (id, session) => at('set', id, () => void rows.set(id, structuredClone(session))),
    delete: (id) => at('delete', id, () => void rows.delete(id)),
  }
  if (kind === 'atomic') {
    store.update = (id, change) =>
      at('update', id, () => {
        const changed = change(structuredClone(rows.get(id)))
        if (changed) rows.set(id, structuredClone(changed))
        return structuredClone(rows.get(id))
      })
  }
  if (kind === 'touches by writing') {
    store.touch = async (id, expiresAt) => {
      const row = await store.get(id)
      if (row) await store.set(id, { ...row, ...(expiresAt && { expiresAt }) })
    }
  } else if (kind !== 'without touch') {
    store.touch = (id, expiresAt) =>
      at('touch', id, () => {
        const row = rows.get(id)
        if (row && expiresAt) row.expiresAt = expiresAt
      })
  }
  return store
}

const passes = async (): Promise<void> => {}

type Sessions = ReturnType<typeof createSessions>
type Session = Awaited<ReturnType<Sessions['load']>>
type Request = (sessions: Sessions, session: Session) => Promise<string[]>

const requests = {
  change: (sessions, session) => {
    Object.assign(session.data, { late: true })
    return sessions.commit(session)
  },
  // Only its times are due.
  touch: (sessions, session) => sessions.commit(session),
  regenerate: (sessions, session) => {
    session.regenerate()
    Object.assign(session.data, { late: true })
    return sessions.commit(session)
  },
  destroy: (sessions, session) => sessions.destroy(session),
} satisfies Record<string, Request>

/** What goes wrong with the calls that one process makes of the store: with the one at `at`, or with all from there on. */
interface Fault {
  process: number
  at: number
  how: 'it fails' | 'it works and fails' | 'all fail'
}

/** A store that fails while the requests are at their end. */
function faulty(store: SessionStore, { at, how }: Fault, isOver: () => boolean): SessionStore {
  let count = 0
  const methods = (['get', 'set', 'delete', 'touch', 'update'] as const).filter((name) => store[name])
  const calls = methods.map((name) => {
    const method = store[name] as (...values: unknown[]) => unknown
    const call = async (...values: unknown[]): Promise<unknown> => {
      if (!isOver()) count++
      const fails = !isOver() && (count === at || (how === 'all fail' && count > at))
      const result = fails && how !== 'it works and fails' ? undefined : await method.apply(store, values)
      if (fails) throw new Error('The store is down')
      return result
    }
    return [name, call]
  })
  return { ...store, ...Object.fromEntries(calls) }
}

/** One browser's session, two requests for it in two processes, and what is there when both have ended. */
async function play(order: Order, kind: Kind, names: readonly (keyof typeof requests)[], fault?: Fault) {
  const rows = new Map<string, StoredSession>()
  const clock = testClock()
  const first = serveStored({ store: storeOf(kind, rows, passes), idleTimeout: 1800 }, { clock })
  await first.visit((data) => Object.assign(data, { user: 'dave' }))
  const id = [...rows.keys()].join()
  clock.pass(900)
  const loaded = await Promise.all(
    names.map(async (_, process) => {
      let enter: (call: Call, id: string) => Promise<void> = passes
      const open = storeOf(kind, rows, (call, row) => enter(call, row))
      let isRunning = false
      const store = fault?.process === process ? faulty(open, fault, () => !isRunning) : open
      const sessions = createSessions({
        session: defineSession({ idleTimeout: 1800 }),
        store,
        codecs: [jwt({ secrets: [SECRET] })],
        expose: false,
        clock,
      })
      const session = await sessions.load(first.browser.cookie)
      const enters = (next: typeof enter): void => {
        enter = next
        isRunning = next !== passes
      }
      return { sessions, session, enters }
    }),
  )
  const cookies: string[][] = []
  const errors: unknown[] = []
  await order.run(
    loaded.map(({ sessions, session, enters }, index) => async (enter) => {
      enters(enter)
      try {
        cookies[index] = await (requests[names[index] as keyof typeof requests] as Request)(sessions, session)
      } catch (error) {
        if (!fault) throw error
        errors[index] = error
      }
      enters(passes)
    }),
  )
  if (fault) await vi.runAllTimersAsync()
  const live = [...rows].filter(([, { data }]) => data.destroyed !== true)
  return { id, live, rows, cookies, errors, steps: order.steps, first, loaded }
}

describe.each<Kind>(['atomic', 'in steps', 'touches by writing', 'without touch'])('a store %s', (kind) => {
  test.each(['change', 'touch'] as const)('destroy beside %s: the session is gone', async (other) => {
    const orders = await inEveryOrder(async (order) => {
      const { live, steps, first } = await play(order, kind, ['destroy', other])
      expect(live, JSON.stringify(steps)).toEqual([])
      expect((await first.sessions.load(first.browser.cookie)).isNew).toBe(true)
    })
    expect(orders).toBeGreaterThan(1)
  })

  test('destroy beside regenerate: nothing of a session that was gone before goes along', async () => {
    const outcomes = new Set<string>()
    await inEveryOrder(async (order) => {
      const { id, live, steps } = await play(order, kind, ['destroy', 'regenerate'])
      expect(live.map(([row]) => row)).not.toContain(id)
      const created = steps.findIndex(([process, call, row]) => process === 1 && call === 'set' && row === live[0]?.[0])
      const ended = steps.findIndex(([process, call]) => process === 0 && call === 'end')
      if (ended < created) expect(live[0]?.[1].data, JSON.stringify(steps)).toEqual({ late: true })
      outcomes.add(JSON.stringify(live[0]?.[1].data))
    })
    // Before the deletion it takes everything along: then it came first.
    expect(outcomes).toEqual(new Set(['{"late":true}', '{"user":"dave","late":true}']))
  })

  test('regenerate beside a change: the old id is gone', async () => {
    await inEveryOrder(async (order) => {
      const { id, live, steps } = await play(order, kind, ['change', 'regenerate'])
      expect(live.length, JSON.stringify(steps)).toBe(1)
      expect(live[0]?.[0]).not.toBe(id)
    })
  })

  test('two destroy: it is gone, and neither fails', async () => {
    await inEveryOrder(async (order) => {
      expect((await play(order, kind, ['destroy', 'destroy'])).live).toEqual([])
    })
  })
})

test('three processes, in random orders: neither of two changes survives the sign-out', async () => {
  const orders = fc.array(fc.nat(5), { minLength: 20, maxLength: 20 })
  const property = fc.asyncProperty(orders, async (choices) => {
    const { live, steps } = await play(new Order(choices), 'in steps', ['destroy', 'change', 'change'])
    expect(live, JSON.stringify(steps)).toEqual([])
  })
  await fc.assert(property, { numRuns: runs(150) })
})

describe.each<Kind>(['in steps', 'touches by writing', 'without touch'])('a store %s that fails', (kind) => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout'] }))
  afterEach(() => void vi.useRealTimers())
  const ways = ['it fails', 'it works and fails', 'all fail'] as const

  test.each(['change', 'touch'] as const)(
    'at any call of a %s: what was destroyed is gone once it works',
    async (other) => {
      let failed = 0
      for (const how of ways) {
        for (let at = 1; at <= 8; at++) {
          await inEveryOrder(async (order) => {
            const fault: Fault = { process: 1, at, how }
            const { live, errors, steps } = await play(order, kind, ['destroy', other], fault)
            expect(live, JSON.stringify([fault, steps])).toEqual([])
            expect(errors[0]).toBeUndefined()
            if (errors[1]) failed++
          })
        }
      }
      expect(failed).toBeGreaterThan(0)
    },
  )

  test('at any call of destroy: it fails, or the session is gone', async () => {
    let failed = 0
    for (const how of ways) {
      for (let at = 1; at <= 4; at++) {
        await inEveryOrder(async (order) => {
          const fault: Fault = { process: 0, at, how }
          const { live, errors, steps } = await play(order, kind, ['destroy', 'change'], fault)
          if (errors[0]) failed++
          else expect(live, JSON.stringify([fault, steps])).toEqual([])
          // The mark and the deletion; looking whether the mark was kept is no part of it.
          expect(errors[0] !== undefined, JSON.stringify(fault)).toBe(at < 3)
        })
      }
    }
    expect(failed).toBeGreaterThan(0)
  })
})

test('one call that fails after a write is made again: the commit succeeds', async () => {
  const fault: Fault = { process: 0, at: 3, how: 'it fails' }
  const { live, errors } = await playAlone('change', fault)
  expect([errors, live.map(([, { data }]) => data)]).toEqual([[], [{ user: 'dave', late: true }]])
})

test('while the store can not tell whether a session was destroyed, it is not shown', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] })
  try {
    const rows = new Map<string, StoredSession>()
    const { sessions, browser, visit } = serveStored({ store: storeOf('in steps', rows, passes) })
    await visit((data) => Object.assign(data, { user: 'dave' }))
    let calls = 0
    const open = storeOf('in steps', rows, async () => {
      if (++calls > 3) throw new Error('The store is down')
    })
    const other = serveStored({ store: open }, { browser })
    const late = await other.sessions.load(browser.cookie)
    late.data.late = true
    // Between the read and the write of the other process.
    const { get } = open
    open.get = async (id) => {
      const row = await get(id)
      open.get = get
      await sessions.destroy(await sessions.load(browser.cookie))
      return row
    }
    await expect(other.sessions.commit(late)).rejects.toMatchObject({ code: 'ERR_SESSION_STORE' })
    await expect(other.sessions.load(browser.cookie)).rejects.toMatchObject({ code: 'ERR_SESSION_STORE' })
    calls = Number.NEGATIVE_INFINITY
    expect((await other.sessions.load(browser.cookie)).isNew).toBe(true)
  } finally {
    vi.useRealTimers()
  }
})

async function playAlone(name: keyof typeof requests, fault: Fault) {
  vi.useFakeTimers({ toFake: ['setTimeout'] })
  try {
    return await play(new Order([]), 'in steps', [name], fault)
  } finally {
    vi.useRealTimers()
  }
}

test.each(['set', 'delete'] as const)(
  'a destroy whose %s failed half-way shows no session that the next write would end',
  async (method) => {
    const rows = new Map<string, StoredSession>()
    const store: SessionStore = {
      name: 'steps',
      get: async (id) => rows.get(id),
      set: async (id, row) => void rows.set(id, row),
      delete: async (id) => void rows.delete(id),
    }
    const sessions = createSessions({ store, codecs: [jwt({ secrets: [SECRET] })], expose: false })
    const signedIn = await sessions.load('')
    signedIn.data.user = 'dave'
    const cookie = (await sessions.commit(signedIn))[0]?.split(';')[0] ?? ''

    const working = store[method]
    // The mark is written; what comes then fails, once.
    const failOnce = async (id: string, row: StoredSession): Promise<void> => {
      Object.assign(store, { [method]: working })
      if (method === 'set') rows.set(id, row)
      throw new Error('down')
    }
    Object.assign(store, { [method]: failOnce })
    await expect(sessions.destroy(await sessions.load(cookie))).rejects.toMatchObject({ code: 'ERR_SESSION_STORE' })
    const after = await sessions.load(cookie)
    expect(after.data).toEqual({})
    expect(after.rejected?.code).toBe('ERR_SESSION_EXPIRED')
  },
)
