/**
 * Sessions of owners in real databases: whatever happens to 10 000 sessions of 1 000 users, the index has exactly the sessions that are
 * there. FUZZ_RUNS=10 is ten times as many.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { Redis as IoRedis } from 'ioredis'
import { Pool } from 'pg'
import { createClient, createCluster } from 'redis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  createSessions,
  defineSession,
  jwt,
  pgExecute,
  redisStore,
  type SessionStore,
  type Sessions,
  sqlStore,
} from '../../src/server/index.js'
import { idsOwned } from '../contract/store-contract.js'
import { runs } from '../random.js'
import { SECRET, testClock } from '../server/server.helpers.js'
import { hasPostgres, postgresHint, startPostgres } from '../setup/postgres.js'
import { hasRedis, type Redis, redisHint, startRedis } from '../setup/redis.js'

const SESSIONS = runs(10_000)
const USERS = SESSIONS / 10
/** Requests at the same time. */
const AT_ONCE = 50

interface Visitor {
  user?: string
  n?: number
}

interface Place {
  store: SessionStore
  clock: () => Date
  /** How many rows the index has, however old. */
  indexed(): Promise<number>
  /** How many sessions it has. */
  rows(): Promise<number>
  /** Lets all sessions expire, and cleans up as an application does. */
  expire(sessions: Sessions<Visitor>, cookies: readonly string[]): Promise<unknown>
  close(): Promise<unknown>
}

function sessionsIn({ store, clock }: Pick<Place, 'store' | 'clock'>): Sessions<Visitor> {
  return createSessions<Visitor>({
    session: defineSession<Visitor>({ idleTimeout: '1h' }),
    store,
    clock,
    codecs: [jwt({ secrets: SECRET })],
    expose: false,
    owner: ({ user }) => user,
    touchEvery: 0,
  })
}

const cookieOf = ([first = '']: readonly string[]): string => first.split(';')[0] as string
const userAt = (n: number): string => `user ${n}`

async function inParallel<Item>(items: readonly Item[], task: (item: Item, index: number) => Promise<unknown>) {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++
      await task(items[index] as Item, index)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}

function ownersIn(name: string, open: () => Promise<Place>): void {
  describe(name, () => {
    let place: Place
    let sessions: Sessions<Visitor>
    beforeAll(async () => {
      place = await open()
      sessions = sessionsIn(place)
    })
    afterAll(() => place?.close())

    async function signIn(user: string): Promise<{ cookie: string; id: string }> {
      const session = await sessions.load('')
      session.regenerate()
      session.data.user = user
      return { cookie: cookieOf(await sessions.commit(session)), id: session.id }
    }

    test('the index has exactly what is there', { timeout: 60_000 + SESSIONS * 50 }, async () => {
      const at = (count: number): number => Math.floor(Math.random() * count)
      /** By the cookies, who is signed in. */
      const live = new Map<string, { user: string | undefined; id: string }>()
      await inParallel(Array.from({ length: SESSIONS }), async (_, n) => {
        const user = userAt(n % USERS)
        const { cookie, id } = await signIn(user)
        live.set(cookie, { user, id })
      })
      expect(await place.indexed()).toBe(SESSIONS)
      await inParallel([...live], async ([cookie, { user }]) => {
        const session = await sessions.load(cookie)
        const action = at(8)
        if (action === 0) {
          await sessions.destroy(session)
          live.delete(cookie)
          return
        }
        let after = user
        if (action === 1) after = userAt(at(USERS))
        if (action === 2) after = undefined
        if (action === 3) session.regenerate()
        if (action < 5) session.data.n = at(100)
        if (action < 3) {
          if (after === undefined) delete session.data.user
          else session.data.user = after
        }
        const written = cookieOf(await sessions.commit(session))
        live.delete(cookie)
        live.set(written === '' ? cookie : written, { user: after, id: session.id })
      })
      // Some sign out everywhere but here.
      const leaving = Array.from({ length: USERS / 20 }, (_, n) => userAt(n))
      await inParallel(leaving, async (user) => {
        const own = [...live].filter(([, each]) => each.user === user).map(([cookie]) => cookie)
        const [kept] = own
        const except = kept === undefined ? undefined : await sessions.load(kept)
        expect(await sessions.endSessions(user, { except })).toBe(Math.max(own.length - 1, 0))
        for (const cookie of own.slice(1)) live.delete(cookie)
      })

      expect(await place.rows()).toBe(live.size)
      expect(await place.indexed()).toBe([...live.values()].filter(({ user }) => user !== undefined).length)
      await inParallel(Array.from({ length: USERS }), async (_, n) => {
        const ids = [...live.values()].filter(({ user }) => user === userAt(n)).map(({ id }) => id)
        expect(await idsOwned(place.store, userAt(n), 7)).toEqual(ids.sort())
      })

      await place.expire(sessions, [...live.keys()])
      expect([await place.rows(), await place.indexed()]).toEqual([0, 0])
    })

    test.each(['change', 'touch', 'regenerate'] as const)(
      'requests under way that %s bring nothing back',
      async (what) => {
        for (let round = 0; round < runs(5); round++) {
          const user = `${what} ${round}`
          const cookies: string[] = []
          await inParallel(Array.from({ length: 60 }), async () => cookies.push((await signIn(user)).cookie))
          const open = await Promise.all(cookies.map((cookie) => sessions.load(cookie)))
          const written: string[] = []
          await Promise.all([
            wait(Math.random() * 10).then(() => sessions.endSessions(user)),
            ...open.map(async (session) => {
              if (what === 'change') session.data.n = round
              if (what === 'regenerate') session.regenerate()
              await wait(Math.random() * 20)
              written.push(cookieOf(await sessions.commit(session)))
            }),
          ])
          // A session with a new id that came first is one that a second call finds.
          await sessions.endSessions(user)
          expect((await sessions.listSessions(user)).sessions).toEqual([])
          for (const cookie of [...cookies, ...written]) expect((await sessions.load(cookie)).owner).toBeUndefined()
        }
      },
    )
  })
}

/** Members of all indexes of one kind under a prefix. */
async function membersIn(client: IoRedis, pattern: string): Promise<number> {
  const keys = await client.keys(pattern)
  let count = 0
  for (const key of keys) count += await client.zcard(key)
  return count
}

function redisPlace(
  redis: () => Redis,
  make: (redis: Redis, prefix: string) => Promise<{ store: SessionStore; close(): unknown }>,
) {
  return async (): Promise<Place> => {
    const prefix = '{session}:'
    const { store, close } = await make(redis(), prefix)
    const client = new IoRedis(redis().port, '127.0.0.1')
    await client.flushall()
    const indexed = async (): Promise<number> => {
      const [ends, ids] = [
        await membersIn(client, `${prefix}owner:end:*`),
        await membersIn(client, `${prefix}owner:ids:*`),
      ]
      expect(ids).toBe(ends)
      return ids
    }
    return {
      store,
      clock: () => new Date(),
      indexed,
      rows: async () => (await client.keys(`${prefix}*`)).filter((key) => !key.includes(':owner:')).length,
      async expire(_, cookies) {
        const soon = defineSession<Visitor>({ idleTimeout: 2 })
        const options = { store, codecs: [jwt({ secrets: SECRET })], expose: false as const, touchEvery: 0 as const }
        const shortly = createSessions<Visitor>({ ...options, session: soon, owner: ({ user }) => user })
        await inParallel(cookies, async (cookie) => {
          const session = await shortly.load(cookie)
          await shortly.commit(session)
        })
        await expect.poll(() => client.dbsize(), { timeout: 60_000, interval: 200 }).toBe(0)
      },
      async close() {
        client.disconnect()
        await close()
      },
    }
  }
}

if (hasRedis()) {
  describe('in a real Redis', () => {
    let redis: Redis
    beforeAll(async () => {
      redis = await startRedis()
    })
    afterAll(() => redis.stop())

    ownersIn(
      'redisStore over node-redis',
      redisPlace(
        () => redis,
        async ({ url }, prefix) => {
          const client = await createClient({ url }).connect()
          return { store: redisStore(client, { prefix, owners: true }), close: () => client.close() }
        },
      ),
    )
    ownersIn(
      'redisStore over ioredis',
      redisPlace(
        () => redis,
        async ({ port }, prefix) => {
          const client = new IoRedis(port, '127.0.0.1')
          return { store: redisStore(client, { prefix, owners: true }), close: () => client.disconnect() }
        },
      ),
    )

    test('an index lasts as long as its rows, and what has expired in it is no session', async () => {
      const client = new IoRedis(redis.port, '127.0.0.1')
      await client.flushall()
      const store = redisStore(client, { owners: true })
      const row = (life: number | undefined, owner = 'dave') => ({
        data: {},
        owner,
        ...(life !== undefined && { expiresAt: new Date(Date.now() + life) }),
      })
      await store.set('a', row(60_000))
      await store.set('b', row(300))
      const left = async (): Promise<number> => await client.pttl('session:owner:ids:dave')
      expect(await left()).toBeGreaterThan(50_000)
      await store.delete('a')
      expect(await left()).toBeLessThanOrEqual(300)
      await expect.poll(() => client.dbsize(), { timeout: 30_000 }).toBe(0)
      const endless = redisStore(client, { owners: true, ttl: false })
      await endless.set('c', row(undefined))
      await endless.set('d', row(100))
      expect(await left()).toBe(-1)
      await wait(150)
      expect(await idsOwned(endless, 'dave')).toEqual(['c'])
      await endless.set('e', row(60_000))
      expect(await client.zcard('session:owner:ids:dave')).toBe(2)
      await endless.delete('c')
      expect(await left()).toBeGreaterThan(50_000)
      client.disconnect()
    })

    test('its keys are no rows, and a row of another release is read', async () => {
      const client = new IoRedis(redis.port, '127.0.0.1')
      await client.flushall()
      const [owning, plain] = [redisStore(client, { owners: true }), redisStore(client)]
      await owning.set('a', { data: { user: 'dave' }, owner: 'dave' })
      expect(await client.get('session:a')).toMatch(/^@dave,\d+,\d+ {"user":"dave"}$/)
      for (const store of [owning, plain]) {
        expect(await store.get('owner:ids:dave')).toBeUndefined()
        expect((await store.get('a'))?.data).toEqual({ user: 'dave' })
      }
      await expect((async () => await owning.set('owner:x', { data: {} }))()).rejects.toThrow(TypeError)
      await owning.delete('owner:ids:dave')
      expect(await idsOwned(owning, 'dave')).toEqual(['a'])
      await plain.update?.('a', () => ({ data: { user: 'eve' } }))
      expect(await owning.get('a')).toEqual(expect.objectContaining({ data: { user: 'eve' }, owner: undefined }))
      const sessions = sessionsIn({ store: owning, clock: () => new Date() })
      expect((await sessions.listSessions('dave')).sessions).toEqual([])
      client.disconnect()
    })
  })

  test('in a cluster owners need a prefix with a hash tag', async () => {
    const redis = await startRedis({ options: ['--cluster-enabled', 'yes'] })
    const client = new IoRedis(redis.port, '127.0.0.1')
    await client.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
    await expect.poll(() => client.call('CLUSTER', 'INFO'), { timeout: 30_000 }).toMatch('cluster_state:ok')
    const cluster = await createCluster({ rootNodes: [{ url: redis.url }] }).connect()
    const spread = redisStore(cluster, { owners: true })
    await expect((async () => await spread.set('a', { data: {}, owner: 'dave' }))()).rejects.toThrow('{session}:')
    // One without an owner needs none.
    await spread.set('a', { data: { a: 1 } })
    expect((await spread.get('a'))?.data).toEqual({ a: 1 })
    const store = redisStore(cluster, { prefix: '{session}:', owners: true })
    await store.set('a', { data: {}, owner: 'da{ve}' })
    await store.update?.('a', (row) => row && { ...row, owner: 'eve' })
    await store.touch?.('a', new Date(Date.now() + 60_000))
    expect([await idsOwned(store, 'da{ve}'), await idsOwned(store, 'eve')]).toEqual([[], ['a']])
    await store.delete('a')
    expect(await idsOwned(store, 'eve')).toEqual([])
    await cluster.close()
    client.disconnect()
    await redis.stop()
  })
} else {
  test.skip(redisHint, () => {})
}

if (hasPostgres()) {
  ownersIn('sqlStore in a real PostgreSQL', async () => {
    const server = await startPostgres()
    const { host, port, user, database } = server
    const pool = new Pool({ host, port, user, database, max: 20 })
    const clock = testClock()
    const store = sqlStore({ execute: pgExecute(pool), clock })
    await store.createTable()
    const count = async (sql: string): Promise<number> => (await pool.query(sql)).rows[0].n
    return {
      store,
      clock,
      indexed: () => count('SELECT count(*)::int AS n FROM sessions WHERE owner IS NOT NULL'),
      rows: () => count('SELECT count(*)::int AS n FROM sessions'),
      async expire() {
        clock.pass(3601)
        await store.deleteExpired()
      },
      async close() {
        await pool.end()
        await server.stop()
      },
    }
  })
} else {
  test.skip(postgresHint, () => {})
}
