import { describe, expect, test } from 'vitest'
import { memoryStore, type SessionStore } from '../../../src/server/index.js'
import { START, testClock } from '../server.helpers.js'

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
  [{ ttl: 'soon' }, 'ttl'],
] as const)('options %j are refused', (options, name) => {
  expect(() => memoryStore(options as never)).toThrow(new RegExp(name))
})
