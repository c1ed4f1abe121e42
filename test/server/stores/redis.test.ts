/** What redisStore says to a client; test/interop/redis-store.test.ts has real ones. */
import { describe, expect, test } from 'vitest'
import { redisStore } from '../../../src/server/index.js'
import { rejection, START, testClock } from '../server.helpers.js'
import { serveStored } from './stores.helpers.js'

type Call = unknown[]

/** A client of either shape that remembers what it was told, over a Map. */
function fakeClient(shape: 'node-redis' | 'ioredis', values = new Map<string, string>()) {
  const calls: Call[] = []
  /** Comes between a read and the script. */
  const others: (() => unknown)[] = []
  const replace = (key: string, [before, after]: string[]): number => {
    others.shift()?.()
    if ((values.get(key) ?? '') !== before) return 0
    values.set(key, after as string)
    return 1
  }
  const log = (...call: Call): void => void calls.push(call)
  const client = {
    async get(key: string) {
      log('get', key)
      return values.get(key) ?? null
    },
    async [shape === 'ioredis' ? 'mget' : 'mGet'](keys: string[]) {
      log('mget', ...keys)
      return keys.map((key) => values.get(key) ?? null)
    },
    async set(key: string, value: string, ...rest: unknown[]) {
      log('set', key, value, ...rest)
      values.set(key, value)
    },
    async del(key: string) {
      log('del', key)
      values.delete(key)
    },
    async [shape === 'ioredis' ? 'pexpire' : 'pExpire'](key: string, milliseconds: number) {
      log('pexpire', key, milliseconds)
    },
    async eval(_: string, second: unknown, ...rest: string[]) {
      const node = second as { keys: string[]; arguments: string[] }
      const args = shape === 'ioredis' ? rest : [...node.keys, ...node.arguments]
      log('eval', ...args)
      return replace(args[0] as string, args.slice(1))
    },
  }
  return { client: client as never, calls, values, others }
}

describe.each(['node-redis', 'ioredis'] as const)('over %s', (shape) => {
  const time = (milliseconds: number): unknown[] =>
    shape === 'ioredis' ? ['PX', milliseconds] : [{ PX: milliseconds }]

  test('a key of a prefix and the id, JSON, and the time to live in milliseconds', async () => {
    const { client, calls } = fakeClient(shape)
    const store = redisStore(client, { clock: testClock() })
    await store.set('abc', { data: { user: 'dave' }, expiresAt: new Date(START + 1500) })
    await store.touch?.('abc', new Date(START + 2500))
    await store.delete('abc')
    expect(calls).toEqual([
      ['set', 'session:abc', '{"user":"dave"}', ...time(1500)],
      ['pexpire', 'session:abc', 2500],
      ['del', 'session:abc'],
    ])
  })

  test('several rows with one command; one by one in a cluster that has them in several places, and without the command', async () => {
    const { client, calls } = fakeClient(shape)
    const name = shape === 'ioredis' ? 'mget' : 'mGet'
    const store = redisStore(client)
    await store.set('abc', { data: { user: 'dave' } })
    const read = async (from = store) => {
      calls.length = 0
      const rows = await from.getMany?.(['abc', 'def'])
      expect(rows?.map((row) => row?.data)).toEqual([{ user: 'dave' }, undefined])
      return calls.map(([command]) => command)
    }
    expect(await read()).toEqual(['mget'])
    let error = new Error("CROSSSLOT Keys in request don't hash to the same slot")
    Object.assign(client, {
      [name]: async () => {
        calls.push(['refused'])
        throw error
      },
    })
    const inCluster = redisStore(client)
    expect(await read(inCluster)).toEqual(['refused', 'get', 'get'])
    expect(await read(inCluster)).toEqual(['get', 'get'])
    error = new Error('down')
    await expect(redisStore(client).getMany?.(['abc'])).rejects.toThrow('down')
    Object.assign(client, { [name]: undefined })
    expect(await read(redisStore(client))).toEqual(['get', 'get'])
  })

  test('without an end 14 days, what ttl says, or no end', async () => {
    const { client, calls } = fakeClient(shape)
    await redisStore(client, { prefix: 'a:' }).set('1', { data: {} })
    await redisStore(client, { prefix: 'b:', ttl: '1h' }).set('1', { data: {} })
    await redisStore(client, { prefix: 'c:', ttl: false }).set('1', { data: {} })
    await redisStore(client, { prefix: 'b:', ttl: '1h' }).touch?.('1', undefined)
    await redisStore(client, { prefix: 'c:', ttl: false }).touch?.('1', undefined)
    expect(calls).toEqual([
      ['set', 'a:1', '{}', ...time(14 * 86_400_000)],
      ['set', 'b:1', '{}', ...time(3600_000)],
      ['set', 'c:1', '{}'],
      ['pexpire', 'b:1', 3600_000],
    ])
  })

  test('an end that has passed removes the row', async () => {
    const { client, values } = fakeClient(shape, new Map([['session:abc', '{}']]))
    await redisStore(client, { clock: testClock() }).set('abc', { data: {}, expiresAt: new Date(START) })
    expect(values.size).toBe(0)
  })

  test('a change is tried again where somebody came first, and gets what they left', async () => {
    const { client, values, others } = fakeClient(shape, new Map([['session:abc', '{"n":1}']]))
    others.push(() => values.set('session:abc', '{"n":10}'))
    const seen: unknown[] = []
    const row = await redisStore(client).update?.('abc', (current) => {
      seen.push(current?.data.n)
      return { data: { n: Number(current?.data.n) + 1 } }
    })
    expect(seen).toEqual([1, 10])
    expect(row?.data).toEqual({ n: 11 })
    expect(values.get('session:abc')).toBe('{"n":11}')
  })

  test('a row that goes meanwhile stays gone', async () => {
    const { client, values, others } = fakeClient(shape, new Map([['session:abc', '{"n":1}']]))
    others.push(() => values.clear())
    const row = await redisStore(client).update?.('abc', (current) => current && { data: { n: 2 } })
    expect(row).toBeUndefined()
    expect(values.size).toBe(0)
  })

  test('it gives up after 100 times, not one before', async () => {
    for (const [crossings, succeeds] of [
      [99, true],
      [100, false],
    ] as const) {
      const { client, values, others } = fakeClient(shape, new Map([['session:abc', '{"n":0}']]))
      for (let n = 1; n <= crossings; n++) others.push(() => values.set('session:abc', `{"n":${n}}`))
      const update = redisStore(client).update?.('abc', () => ({ data: { done: true } }))
      if (succeeds) expect((await update)?.data).toEqual({ done: true })
      else await expect(update).rejects.toThrow('100 times')
    }
  })
})

test('a row that is damaged is protected, one that a buffer holds is a fault of the set-up', async () => {
  const { client, values } = fakeClient('node-redis')
  const { sessions, visit, browser } = serveStored({ store: redisStore(client) })
  await visit((data) => Object.assign(data, { user: 'dave' }))
  const [key = ''] = values.keys()
  values.set(key, '{"user":"da')
  const session = await sessions.load(browser.cookie)
  expect(session.rejected).toMatchObject({ code: 'ERR_SESSION_JSON', verified: true })
  session.data.user = 'eve'
  await rejection('ERR_SESSION_PROTECTED', sessions.commit(session))
  values.set(key, new Uint8Array([0x7b, 0x7d]) as never)
  await rejection('ERR_SESSION_STORE', sessions.load(browser.cookie))
})

test.each([undefined, null, {}, { get() {}, set() {}, del() {} }, 'redis://localhost'])('%j is no client', (client) => {
  expect(() => redisStore(client as never)).toThrow(TypeError)
})

test.each([
  [{ ttl: 'soon' }, 'ttl'],
  [{ prefix: 5 }, 'prefix'],
])('options %j are refused', (options, name) => {
  expect(() => redisStore(fakeClient('ioredis').client, options as never)).toThrow(new RegExp(name))
})
