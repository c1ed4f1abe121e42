/**
 * Two processes over one store, in every order that the calls of the store can take: what is destroyed stays destroyed.
 * test/interop/store-races.test.ts has real processes and real databases.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createSessions, defineSession, jwt, type SessionStore, type StoredSession } from '../../../src/server/index.js'
import { runs } from '../../random.js'
import { SECRET, testClock } from '../server.helpers.js'
import { serveStored } from './stores.helpers.js'

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

/** One browser's session, two requests for it in two processes, and what is there when both have ended. */
async function play(order: Order, kind: Kind, names: readonly (keyof typeof requests)[]) {
  const rows = new Map<string, StoredSession>()
  const clock = testClock()
  const first = serveStored({ store: storeOf(kind, rows, passes), idleTimeout: 1800 }, { clock })
  await first.visit((data) => Object.assign(data, { user: 'dave' }))
  const id = [...rows.keys()].join()
  clock.pass(900)
  const loaded = await Promise.all(
    names.map(async () => {
      let enter: (call: Call, id: string) => Promise<void> = passes
      const store = storeOf(kind, rows, (call, row) => enter(call, row))
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
      }
      return { sessions, session, enters }
    }),
  )
  const cookies: string[][] = []
  await order.run(
    loaded.map(({ sessions, session, enters }, index) => async (enter) => {
      enters(enter)
      cookies[index] = await (requests[names[index] as keyof typeof requests] as Request)(sessions, session)
    }),
  )
  const live = [...rows].filter(([, { data }]) => data.destroyed !== true)
  return { id, live, rows, cookies, steps: order.steps, first }
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
