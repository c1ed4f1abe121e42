/** Parallel requests over HTTP to two processes' worth of sessions that share a real Redis. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { RedisStore } from 'connect-redis'
import { Redis as IoRedis } from 'ioredis'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fromExpressStore, redisStore, type SessionStore } from '../../src/server/index.js'
import { rejection } from '../server/server.helpers.js'
import { serveStored } from '../server/stores/stores.helpers.js'
import { hasRedis, redisHint, startRedis } from '../setup/redis.js'

/** `/KEY` sets a key of the session, after the request has waited for all others to be read. */
async function serveHttp(store: SessionStore, barrier: { wait(): Promise<void> }): Promise<Server> {
  const { sessions } = serveStored({ store })
  const server = createServer(async (request, response) => {
    const session = await sessions.load(request)
    await barrier.wait()
    session.data[(request.url as string).slice(1)] = true
    await sessions.commit(session, response)
    response.end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

/** Opens when so many have come. */
function barrierOf(count: number): { wait(): Promise<void> } {
  let open = (): void => {}
  const gate = new Promise<void>((resolve) => {
    open = resolve
  })
  let waiting = 0
  return {
    wait() {
      if (++waiting === count) open()
      return gate
    },
  }
}

const urlOf = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`

if (hasRedis()) {
  describe('with a real Redis', async () => {
    const redis = await startRedis()
    const client = createClient({ url: redis.url, disableOfflineQueue: true, socket: { reconnectStrategy: 20 } })
    client.on('error', () => {})
    const ioClient = new IoRedis(redis.port, '127.0.0.1', {
      lazyConnect: true,
      maxRetriesPerRequest: 0,
      retryStrategy: () => 20,
    })
    ioClient.on('error', () => {})
    beforeAll(() => Promise.all([client.connect(), ioClient.connect()]))
    afterAll(async () => {
      client.destroy()
      ioClient.disconnect()
      await redis.stop()
    })

    test('40 requests at once through two servers and two clients, each with a key: all are there', async () => {
      const barrier = barrierOf(40)
      const servers = [await serveHttp(redisStore(client), barrier), await serveHttp(redisStore(ioClient), barrier)]
      const { visit, browser, sessions } = serveStored({ store: redisStore(client) })
      await visit((data) => Object.assign(data, { start: new Date(5) }))
      const keys = Array.from({ length: 40 }, (_, n) => `key${n}`)
      const statuses = await Promise.all(
        keys.map(async (key, n) => {
          const response = await fetch(`${urlOf(servers[n % 2] as Server)}/${key}`, {
            headers: { cookie: browser.cookie },
          })
          return response.status
        }),
      )
      for (const server of servers) server.close()
      expect(new Set(statuses)).toEqual(new Set([200]))
      const { data } = await sessions.load(browser.cookie)
      expect(data).toEqual({ start: new Date(5), ...Object.fromEntries(keys.map((key) => [key, true])) })
    })

    test('connect-redis in one process: all are there as well', async () => {
      const barrier = barrierOf(20)
      const store = fromExpressStore(new RedisStore({ client }))
      const server = await serveHttp(store, barrier)
      const { visit, browser, sessions } = serveStored({ store })
      await visit((data) => Object.assign(data, { start: 1 }))
      const keys = Array.from({ length: 20 }, (_, n) => `key${n}`)
      await Promise.all(keys.map((key) => fetch(`${urlOf(server)}/${key}`, { headers: { cookie: browser.cookie } })))
      server.close()
      expect(Object.keys((await sessions.load(browser.cookie)).data).sort()).toEqual([...keys, 'start'].sort())
    })

    test('what a value looks like in Redis', async () => {
      const { visit, browser, sessions } = serveStored(
        { store: redisStore(client, { prefix: 'app:' }), idleTimeout: 60 },
        { clock: Object.assign(() => new Date(), { pass() {} }) },
      )
      await visit((data) => Object.assign(data, { user: 'dave' }))
      const { id } = await sessions.load(browser.cookie)
      expect(await client.get(`app:${id}`)).toBe('{"user":"dave"}')
      const left = await client.pTTL(`app:${id}`)
      expect(left).toBeGreaterThan(50_000)
      expect(left).toBeLessThanOrEqual(60_000)
    })

    test('Redis goes and comes back: an error meanwhile, never an empty session', async () => {
      for (const store of [redisStore(client), redisStore(ioClient)]) {
        const { visit, browser, sessions } = serveStored({ store })
        await visit((data) => Object.assign(data, { user: 'dave' }))
        const session = await sessions.load(browser.cookie)
        session.data.user = 'eve'
        await redis.stop()
        for (const attempt of [sessions.load(browser.cookie), sessions.commit(session), sessions.destroy(session)]) {
          expect((await rejection('ERR_SESSION_STORE', attempt)).cause).toBeInstanceOf(Error)
        }
        await redis.start()
        await expect
          .poll(
            () =>
              sessions
                .load('')
                .then(() => store.get('none'))
                .then(
                  () => true,
                  () => false,
                ),
            { timeout: 5000 },
          )
          .toBe(true)
        // This Redis keeps nothing, so the session has expired: a fresh one.
        expect((await sessions.load(browser.cookie)).rejected?.code).toBe('ERR_SESSION_EXPIRED')
      }
    }, 20_000)
  })
} else {
  test.skip(redisHint, () => {})
}
