/**
 * Two processes over one store of a real database: what one of them destroys, the other does not bring back.
 * FUZZ_RUNS=30 plays 3 000 rounds of each race. test/reports/store-faults.test.ts plays every order over a store in memory.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runs } from '../random.js'
import { hasPostgres, postgresHint } from '../setup/postgres.js'
import { hasRedis, redisHint } from '../setup/redis.js'
import type { RaceAction, RaceAnswer, RaceQuestion, RaceSettings } from './race-worker.js'
import { workerProgram } from './worker-program.js'

const ROUNDS = runs(100)
const { path: worker, folder, servers } = workerProgram('race')

/** One process. It answers one question at a time. */
interface Process {
  ask(question: RaceQuestion): Promise<RaceAnswer>
  end(): Promise<void>
}

async function startProcess(settings: RaceSettings): Promise<Process> {
  const child: ChildProcess = fork(worker, [], { execArgv: [] })
  const process: Process = {
    async ask(question) {
      const answered = once(child, 'message')
      child.send(question)
      const [answer] = (await answered) as [RaceAnswer]
      expect(answer.error).toBeUndefined()
      return answer
    },
    async end() {
      const ended = once(child, 'exit')
      child.disconnect()
      await ended
    },
  }
  await process.ask({ ask: 'open', settings })
  return process
}

/** Sessions that race at the same time. */
const BATCH = 20

/** @returns how often the session was there again, and how often the other request noticed that it was destroyed */
async function race([here, there]: readonly Process[], [first, second]: readonly [RaceAction, RaceAction]) {
  const [a, b] = [here as Process, there as Process]
  const found = { alive: 0, noticed: 0 }
  for (let round = 0; round < ROUNDS; round += BATCH) {
    const { cookies = [] } = await a.ask({ ask: 'start', count: BATCH })
    for (const each of [a, b]) expect(await each.ask({ ask: 'load', cookies })).toEqual({ count: BATCH })
    const delays = (): number[] => cookies.map(() => Math.floor(Math.random() * 12))
    const [, after] = await Promise.all([
      a.ask({ ask: 'end', action: first, delays: delays() }),
      b.ask({ ask: 'end', action: second, delays: delays() }),
    ])
    found.noticed += Number(after.count)
    found.alive += Number((await a.ask({ ask: 'look', cookies })).count)
    if (first === 'end all') found.alive += Number((await a.ask({ ask: 'list' })).count)
  }
  return found
}

const races: [RaceAction, RaceAction][] = [
  ['destroy', 'change'],
  ['destroy', 'touch'],
  ['destroy', 'regenerate'],
  ['regenerate', 'change'],
]

/** For stores that keep owners. */
const racesOfOwners: [RaceAction, RaceAction][] = [
  ['end all', 'change'],
  ['end all', 'touch'],
  ['end all', 'regenerate'],
]
const KEEP_OWNERS: RaceSettings['store'][] = ['redisStore with owners', 'sqlStore in PostgreSQL']

function racesOf(store: RaceSettings['store'], settings: () => Omit<RaceSettings, 'store'>): void {
  describe(`two processes over ${store}`, () => {
    const processes: Process[] = []
    beforeAll(async () => {
      for (let n = 0; n < 2; n++) processes.push(await startProcess({ store, ...settings() }))
    })
    afterAll(() => Promise.all(processes.map((each) => each.end())))

    const all = KEEP_OWNERS.includes(store) ? [...races, ...racesOfOwners] : races
    test.each(all)('%s beside %s: the session is gone', { timeout: 60_000 + ROUNDS * 200 }, async (first, second) => {
      const found = await race(processes, [first, second])
      if (process.env.FUZZ_RUNS) console.log(store, first, second, ROUNDS, JSON.stringify(found))
      expect(found.alive).toBe(0)
    })
  })
}

racesOf('session-file-store', () => ({ folder }))
if (hasRedis()) {
  for (const store of ['connect-redis', 'redisStore', 'redisStore with ioredis', 'redisStore with owners'] as const) {
    racesOf(store, () => ({ ...(servers.redis && { redisPort: servers.redis.port }) }))
  }
} else test.skip(redisHint, () => {})
if (hasPostgres()) {
  for (const store of ['connect-pg-simple', 'djangoStore in PostgreSQL', 'sqlStore in PostgreSQL'] as const) {
    racesOf(store, () => {
      if (!servers.postgres) return {}
      const { host, port, user, database } = servers.postgres
      return { postgres: { host, port, user, database } }
    })
  }
} else test.skip(postgresHint, () => {})
