/** The short form of `npm run soak`: a number of requests in place of half an hour. */
import { beforeAll, describe, expect, test } from 'vitest'
import { hasPostgres, postgresHint } from '../setup/postgres.js'
import { hasRedis, redisHint } from '../setup/redis.js'
import { adapters } from './apps.js'
import { bundle } from './bundle.mjs'
import { runSoak } from './soak.js'

/** For a machine that does much else. */
const TIMEOUT = 600_000

describe('visitors over every adapter and store, while things go wrong', () => {
  let server: string
  beforeAll(async () => {
    server = await bundle('server')
  })

  test('lose nothing and see nothing of each other', { timeout: TIMEOUT }, async () => {
    expect(Object.keys(adapters)).toEqual(['node:http', 'express', 'fastify', 'koa', 'hono', 'fetch'])
    // Caches are still filling up: that the memory stays flat is for the long form to show.
    const report = await runSoak({ server, seed: 1, requests: 2000, restarts: 1, maxGrowth: 40 * 2 ** 20 })
    expect(report.problems).toEqual([])
    expect(report).toMatchObject({ lost: 0, crossed: 0, failed: 0, isFine: true })
    expect(report.sessions).toBeGreaterThan(50)
    // Faults were there.
    for (const answer of ['aborted', 'ERR_SESSION_STORE', 'ERR_SESSION_PROTECTED', 'ERR_SESSION_EXPIRED']) {
      expect(report.answers[answer], answer).toBeGreaterThan(0)
    }
  })

  test.each([
    ['drop', 'forgets a write now and then', 'lost'],
    ['swap', "answers with another visitor's row now and then", 'crossed'],
  ] as const)('notice a store that %s: it %s', { timeout: TIMEOUT }, async (sabotage, _, count) => {
    const report = await runSoak({
      server,
      seed: 1,
      requests: 600,
      restarts: 0,
      databases: [],
      only: 'memory',
      sabotage,
    })
    expect(report[count]).toBeGreaterThan(0)
    expect(report.problems.join('\n')).toContain(`${count}: memory: visitor-`)
    expect(report.isFine).toBe(false)
  })

  if (!hasRedis()) test.skip(redisHint, () => {})
  if (!hasPostgres()) test.skip(postgresHint, () => {})
})
