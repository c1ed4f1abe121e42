/**
 * Signing out everywhere under load: two processes that serve stateless sessions, one real Redis with what was revoked. What takes effect,
 * and when, is told by the clock of the machine, which both share; how many requests it serves meanwhile is printed.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
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

if (hasRedis()) {
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
