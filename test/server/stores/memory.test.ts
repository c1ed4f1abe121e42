import { describe, expect, test } from 'vitest'
import { jwt, memoryStore, type SessionStore } from '../../../src/server/index.js'
import { SECRET, START, serve, testClock } from '../server.helpers.js'

const DAY = 86_400

async function keptIn(store: SessionStore, ...ids: string[]): Promise<boolean[]> {
  const rows = await Promise.all(ids.map((id) => store.get(id)))
  return rows.map((row) => row !== undefined)
}

describe('bounded', () => {
  test('the session that was used longest ago goes first', async () => {
    const store = memoryStore({ maxSessions: 3 })
    for (const id of ['a', 'b', 'c']) store.set(id, { data: { id } })
    await store.get('a')
    await store.update?.('b', () => ({ data: { id: 'b2' } }))
    store.set('d', { data: { id: 'd' } })
    expect(await keptIn(store, 'a', 'b', 'c', 'd')).toEqual([true, true, false, true])
    store.set('d', { data: { id: 'again' } })
    expect(await store.get('a')).toBeDefined()
  })

  test('what has ended goes before that, looked for every ten seconds', async () => {
    const clock = testClock()
    const store = memoryStore({ maxSessions: 3, clock })
    store.set('a', { data: {} })
    for (const id of ['b', 'c']) store.set(id, { data: {}, expiresAt: new Date(START + 1000) })
    clock.pass(1)
    store.set('d', { data: {} })
    expect(await keptIn(store, 'a', 'b', 'c', 'd')).toEqual([true, false, false, true])
    store.set('e', { data: {}, expiresAt: new Date(START + 2000) })
    clock.pass(9.999)
    store.set('f', { data: {} })
    expect(await keptIn(store, 'a', 'd', 'f')).toEqual([false, true, true])
    store.set('g', { data: {}, expiresAt: new Date(START + 11_000) })
    clock.pass(0.001)
    store.set('h', { data: {} })
    expect(await keptIn(store, 'd', 'f', 'h')).toEqual([true, true, true])
  })

  test('100 000 sessions leave no more than it keeps', async () => {
    const store = memoryStore({ maxSessions: 10 })
    for (let n = 0; n < 100_000; n++) store.set(`id${n}`, { data: { n } })
    let kept = 0
    for (let n = 0; n < 100_000; n++) if (await store.get(`id${n}`)) kept++
    expect(kept).toBe(10)
  })
})

describe('bounded in bytes', () => {
  /** With its quotes and braces, and what the store counts for each row. */
  const row = (bytes: number, more: object = {}) => ({
    data: { t: 'x'.repeat(bytes - 320 - '{"t":""}'.length), ...more },
  })

  test('rows are kept up to maxBytes, and one byte more drops the one that was used longest ago', async () => {
    for (const [last, kept] of [
      [4000, [true, true, true]],
      [4001, [false, true, true]],
    ] as const) {
      const store = memoryStore({ maxBytes: 10_000 })
      store.set('a', row(3000))
      store.set('b', row(3000))
      store.set('c', row(last))
      expect(await keptIn(store, 'a', 'b', 'c')).toEqual(kept)
    }
  })

  test('a row that changes, ends or is deleted gives back what it took', async () => {
    const clock = testClock()
    const store = memoryStore({ maxBytes: 10_000, clock })
    for (let n = 0; n < 50; n++) store.set('a', row(5000))
    store.set('b', row(5000))
    await store.update?.('b', () => row(2000))
    store.set('c', row(3000))
    store.delete('c')
    store.set('d', { ...row(3000), expiresAt: new Date(START + 1000) })
    expect(await keptIn(store, 'a', 'b', 'd')).toEqual([true, true, true])
    clock.pass(1)
    expect(await keptIn(store, 'd')).toEqual([false])
    store.set('e', row(3000))
    expect(await keptIn(store, 'a', 'b', 'e')).toEqual([true, true, true])
  })

  test('a character above U+00FF makes two bytes of each', async () => {
    const wide = { data: { t: `\u20ac${'x'.repeat(2991)}` } }
    const store = memoryStore({ maxBytes: 320 + 6000 })
    store.set('a', wide)
    expect(await keptIn(store, 'a')).toEqual([true])
    const small = memoryStore({ maxBytes: 320 + 5999 })
    expect(() => small.set('a', wide)).toThrow(expect.objectContaining({ code: 'ERR_SESSION_LIMIT' }))
  })

  test('a row that is larger than all may be drops no other', async () => {
    const store = memoryStore({ maxBytes: 5000 })
    store.set('a', row(3000))
    store.set('b', row(2000))
    expect(() => store.set('b', row(5001))).toThrow(expect.objectContaining({ code: 'ERR_SESSION_LIMIT' }))
    expect(await keptIn(store, 'a', 'b')).toEqual([true, true])
  })

  test('300 sessions of a megabyte leave 64 MiB unless maxBytes says otherwise', async () => {
    const store = memoryStore()
    for (let n = 0; n < 300; n++) store.set(`id${n}`, row(1_000_000))
    const kept = await keptIn(store, ...Array.from({ length: 300 }, (_, n) => `id${n}`))
    expect(kept.filter(Boolean)).toHaveLength(Math.floor((64 * 1024 * 1024) / 1_000_000))
    expect(kept.at(-1)).toBe(true)
  })

  test('sessions of visitors who are not signed in go first', async () => {
    const isAnonymous = (data: Record<string, unknown>) => data.user === undefined
    for (const options of [{ maxSessions: 4 }, { maxBytes: 4 * 3000 }]) {
      const store = memoryStore({ ...options, isAnonymous })
      store.set('signed in', row(2900, { user: 1 }))
      store.set('visitor', row(2900))
      store.set('signs in', row(2900))
      store.set('signs in', row(2900, { user: 2 }))
      for (let n = 0; n < 20; n++) store.set(`attack${n}`, row(2900))
      expect(await keptIn(store, 'signed in', 'visitor', 'signs in', 'attack18', 'attack19')).toEqual([
        true,
        false,
        true,
        true,
        true,
      ])
      for (const id of ['c', 'd', 'e', 'f']) store.set(id, row(2900, { user: id }))
      expect(await keptIn(store, 'attack19', 'signed in', 'c', 'f')).toEqual([false, false, true, true])
    }
  })
})

test('what isAnonymous throws is the application’s own error', async () => {
  const error = new TypeError('user is not there')
  const isAnonymous = (data: Record<string, unknown>): boolean => {
    if (data.broken) throw error
    return true
  }
  const { sessions, browser } = serve({ store: memoryStore({ isAnonymous }), codecs: [jwt({ secrets: [SECRET] })] })
  const session = await sessions.load('')
  session.data.broken = true
  await expect(sessions.commit(session)).rejects.toBe(error)
  delete session.data.broken
  session.data.user = 'dave'
  browser.take(await sessions.commit(session))
  const later = await sessions.load(browser.cookie)
  later.data.broken = true
  await expect(sessions.commit(later)).rejects.toBe(error)
})

describe('ends', () => {
  test('14 days without an end of their own, from the last write or touch', async () => {
    const clock = testClock()
    const store = memoryStore({ clock })
    store.set('a', { data: {} })
    expect(await store.get('a')).toMatchObject({ expiresAt: new Date(START + 14 * DAY * 1000) })
    clock.pass(10 * DAY)
    store.touch?.('a', undefined)
    clock.pass(14 * DAY - 1)
    expect(await store.get('a')).toBeDefined()
    clock.pass(1)
    store.touch?.('a', undefined)
    expect(await store.get('a')).toBeUndefined()
  })

  test('as long as ttl says, or without end', async () => {
    const clock = testClock()
    const short = memoryStore({ clock, ttl: '1h' })
    const endless = memoryStore({ clock, ttl: false })
    for (const store of [short, endless]) store.set('a', { data: {} })
    expect(await endless.get('a')).not.toHaveProperty('expiresAt')
    clock.pass(3600)
    expect([await short.get('a'), await endless.get('a')]).toEqual([undefined, expect.anything()])
  })
})

test('dates stay dates, and what it can not hold is refused in development already', async () => {
  const store = memoryStore()
  store.set('a', { data: { at: new Date(5) } })
  expect(await store.get('a')).toMatchObject({ data: { at: new Date(5) } })
  expect(() => store.set('a', { data: { fn: () => {} } })).toThrow(expect.objectContaining({ path: 'fn' }))
  expect(await store.get('a')).toMatchObject({ data: { at: new Date(5) } })
})

test.each([
  [{ maxSessions: 0 }, 'maxSessions'],
  [{ maxSessions: 1.5 }, 'maxSessions'],
  [{ maxSessions: Number.POSITIVE_INFINITY }, 'maxSessions'],
  [{ maxBytes: 0 }, 'maxBytes'],
  [{ maxBytes: Number.NaN }, 'maxBytes'],
  [{ maxBytes: '64MB' }, 'maxBytes'],
  [{ isAnonymous: true }, 'isAnonymous'],
  [{ ttl: 'soon' }, 'ttl'],
] as const)('options %j are refused', (options, name) => {
  expect(() => memoryStore(options as never)).toThrow(new RegExp(name))
})
