/**
 * Signing out everywhere under load: two processes that serve stateless sessions, one real Redis with what was revoked. What takes effect,
 * and when, is told by the clock of the machine, which both share; how many requests it serves meanwhile is printed.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { Pool } from 'pg'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  createRevocations,
  pgExecute,
  type Revocations,
  redisStore,
  type SessionStore,
  sqlStore,
} from '../../src/server/index.js'
import { testClock } from '../server/server.helpers.js'
import { hasPostgres, type Postgres, postgresHint } from '../setup/postgres.js'
import { hasRedis, type Redis, redisHint } from '../setup/redis.js'
import type { RevocationAnswer, RevocationQuestion } from './revocation-worker.js'
import { workerProgram } from './worker-program.js'

const { path: worker, servers } = workerProgram('revocation')
/** Seconds. */
const CACHE_FOR = 0.5
const PER_SECOND = 1000
const USERS = Array.from({ length: 50 }, (_, at) => `user ${at}`)

/** One process. It answers several questions at a time. */
interface Process {
  ask(question: RevocationQuestion): Promise<RevocationAnswer>
  end(): void
}

function startProcess(): Process {
  const child: ChildProcess = fork(worker, [], { execArgv: ['--no-warnings'] })
  const waiting = new Map<number, (answer: RevocationAnswer) => void>()
  let last = 0
  child.on('message', ({ number, answer }: { number: number; answer: RevocationAnswer }) =>
    waiting.get(number)?.(answer),
  )
  return {
    async ask(question) {
      const number = ++last
      const answered = new Promise<RevocationAnswer>((resolve) => waiting.set(number, resolve))
      child.send({ number, question })
      const answer = await answered
      expect(answer.error).toBeUndefined()
      return answer
    },
    end: () => void child.kill(),
  }
}

/** What a store asks its database, counted. */
interface Counted {
  store: SessionStore
  clock: ReturnType<typeof testClock>
  count(): number
}

/** Two processes, as far as revoking goes, over one real store: what each load asks of the database, and that revoking works there. */
async function revokesOver({ store, clock, count }: Counted): Promise<void> {
  const make = () => createRevocations({ store, cacheFor: '10s', keepFor: '30d', clock })
  const [here, there] = [make(), make()] as const
  const isRevoked = (by: Revocations, id: string, owner: string, signIn = clock()) =>
    by.isRevoked({
      id,
      owner,
      authenticatedAt: signIn,
      createdAt: signIn,
      data: {} as never,
      codec: 'jwe',
      key: undefined,
    })
  const asked = async (task: () => Promise<unknown>): Promise<number> => {
    const before = count()
    await task()
    return count() - before
  }
  // The overview alone, and then nothing.
  expect(await asked(() => isRevoked(there, 'a', 'dave'))).toBe(1)
  expect(await asked(() => isRevoked(there, 'b', 'eve'))).toBe(0)
  const before = clock()
  clock.pass(10)
  await here.revokeSession('a')
  await here.revokeOwner('eve')
  // The overview, and one question for a session and its owner.
  expect(await asked(async () => expect(await isRevoked(there, 'a', 'dave')).toBe(true))).toBe(2)
  expect(await asked(async () => expect(await isRevoked(there, 'b', 'eve', before)).toBe(true))).toBe(1)
  expect(await asked(async () => expect(await isRevoked(there, 'c', 'eve')).toBe(false))).toBe(1)
  expect(await asked(async () => expect(await isRevoked(there, 'c', 'eve')).toBe(false))).toBe(0)
  expect(await asked(async () => expect(await isRevoked(there, 'd', 'dave')).toBe(false))).toBe(1)
  // Many at once: no revocation is lost, and an earlier moment takes none back.
  const users = Array.from({ length: 20 }, (_, at) => `user ${at}`)
  await Promise.all(
    users.flatMap((user) => [here.revokeOwner(user), there.revokeOwner(user, new Date(0)), here.revokeSession(user)]),
  )
  await here.revokeKey('0'.repeat(43))
  clock.pass(10)
  for (const user of users) expect(await isRevoked(make(), 'e', user, before)).toBe(true)
  expect(
    await make().isRevoked({
      id: 'e',
      owner: 'frank',
      authenticatedAt: clock(),
      createdAt: clock(),
      data: {} as never,
      codec: 'jwe',
      key: '0'.repeat(43),
    }),
  ).toBe(true)
  clock.pass(30 * 86_400)
  expect(await asked(() => isRevoked(there, 'a', 'dave'))).toBe(1)
  expect(await isRevoked(there, 'a', 'dave')).toBe(false)
}

if (hasPostgres()) {
  test('one question for a session and its owner, and revoking by many processes: PostgreSQL', async () => {
    const { host, port, user, database } = servers.postgres as Postgres
    const pool = new Pool({ host, port, user, database })
    const clock = testClock()
    let count = 0
    const execute = pgExecute(pool)
    const counting = Object.assign((sql: string, params: readonly string[]) => {
      count++
      return execute(sql, params)
    }, execute)
    const store = sqlStore({ execute: counting, clock })
    await store.createTable()
    await revokesOver({ store, clock, count: () => count })
    await pool.end()
  }, 60_000)
} else {
  test.skip(`revocation over PostgreSQL: ${postgresHint}`, () => {})
}

if (hasRedis()) {
  test.each([false, true])('one question for a session and its owner: Redis, owners: %j', async (owners) => {
    const redis = servers.redis as Redis
    const client = createClient({ url: redis.url })
    await client.connect()
    let count = 0
    const counting = new Proxy(client, {
      get(target, name) {
        const member = Reflect.get(target, name)
        if (typeof member !== 'function') return member
        return (...args: unknown[]) => {
          count++
          return member.apply(target, args)
        }
      },
    })
    const clock = testClock()
    const store = redisStore(counting, { prefix: `count-${owners}:`, owners, clock })
    await revokesOver({ store, clock, count: () => count })
    await client.close()
  })

  describe('two processes at 2 000 requests per second', () => {
    const processes: Process[] = []
    beforeAll(async () => {
      const redisUrl = (servers.redis as Redis).url
      for (let n = 0; n < 2; n++) {
        const process = startProcess()
        processes.push(process)
        await process.ask({ ask: 'open', redisUrl, cacheFor: CACHE_FOR })
      }
    })
    afterAll(() => {
      for (const process of processes) process.end()
    })

    test('signing out everywhere takes effect within cacheFor, here at once, and for nobody else', async () => {
      const a = processes[0] as Process
      const { cookies = [] } = await a.ask({ ask: 'start', users: USERS })
      const until = Date.now() + 4000
      const serving = processes.map((each) => each.ask({ ask: 'serve', cookies, perSecond: PER_SECOND, until }))
      await new Promise((resolve) => setTimeout(resolve, 1000))
      const revoked = USERS.slice(0, 10)
      const dones = await Promise.all(revoked.map((owner) => a.ask({ ask: 'revoke', owner })))
      const answers = await Promise.all(serving)

      const requests = answers.map((answer) => answer.requests ?? 0)
      console.log(`served ${requests.join(' and ')} requests in ${(until - Date.now() + 4000) / 1000} s or less`)
      for (const [user, owner] of USERS.entries()) {
        const done = dones[revoked.indexOf(owner)]?.done
        for (const [place, { lastIn = {}, firstOut = {} }] of answers.entries()) {
          if (done === undefined) {
            expect(firstOut[user]).toBeUndefined()
            continue
          }
          // A load that began later than this was refused.
          expect(lastIn[user]).toBeLessThan(done + (place === 0 ? 1 : CACHE_FOR * 1000 + 1))
          expect(firstOut[user]).toBeDefined()
        }
      }
    }, 60_000)
  })
} else {
  test.skip(`revocation over Redis: ${redisHint}`, () => {})
}
