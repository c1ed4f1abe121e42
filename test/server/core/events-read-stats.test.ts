import { describe, expect, test } from 'vitest'
import type { SessionEvent } from '../../../src/server/core/events.js'
import { createReadStats } from '../../../src/server/core/events.js'
import { dave, OLD_SECRET, SECRET, START, serve, testBrowser, testClock } from '../server.helpers.js'

const day = 86_400

function counted(): {
  stats: ReturnType<typeof createReadStats>
  clock: ReturnType<typeof testClock>
  see(event: Partial<SessionEvent>): void
} {
  const clock = testClock()
  const stats = createReadStats({ clock })
  return {
    stats,
    clock,
    see: (event) =>
      stats.on({ type: 'read', codec: 'new', codecIndex: 0, keyIndex: 0, cookie: 'sid', time: clock(), ...event }),
  }
}

describe('rows', () => {
  test('count each codec and key, with the first and the last time', () => {
    const { stats, clock, see } = counted()
    see({})
    clock.pass(60)
    see({})
    see({ keyIndex: 1 })
    see({ codec: 'old', codecIndex: 1, kid: 'a' })
    see({ codec: 'old', codecIndex: 1, kid: 'b' })
    const first = new Date(START)
    const last = new Date(START + 60_000)
    expect(stats.rows()).toEqual([
      { codec: 'new', codecIndex: 0, keyIndex: 0, reads: 2, firstSeen: first, lastSeen: last },
      { codec: 'new', codecIndex: 0, keyIndex: 1, reads: 1, firstSeen: last, lastSeen: last },
      { codec: 'old', codecIndex: 1, keyIndex: 0, kid: 'a', reads: 1, firstSeen: last, lastSeen: last },
      { codec: 'old', codecIndex: 1, keyIndex: 0, kid: 'b', reads: 1, firstSeen: last, lastSeen: last },
    ])
    expect(stats.since).toEqual(first)
  })

  test('are copies', () => {
    const { stats, see } = counted()
    see({})
    for (const row of stats.rows()) row.reads = 99
    expect(stats.rows()[0]?.reads).toBe(1)
  })

  test('only reads and rejections count', () => {
    const { stats, see } = counted()
    for (const type of [
      'upgraded',
      'kept',
      'shadowed',
      'renewed',
      'committed',
      'destroyed',
      'keys',
      'conflict',
    ] as const)
      see({ type })
    see({ type: 'rejected', code: 'ERR_SESSION_SIGNATURE' })
    see({ type: 'rejected', code: 'ERR_SESSION_SIGNATURE' })
    see({ type: 'rejected', code: 'ERR_SESSION_EXPIRED' })
    expect(stats.rows()).toEqual([])
    expect(stats.rejected()).toEqual({ ERR_SESSION_SIGNATURE: 2, ERR_SESSION_EXPIRED: 1 })
  })
})

describe('safeToRetire', () => {
  test('never before the counting lasted that long', () => {
    const { stats, clock } = counted()
    clock.pass(7 * day - 1)
    expect(stats.safeToRetire('7d')).toBe(false)
    clock.pass(1)
    expect(stats.safeToRetire('7d')).toBe(true)
  })

  test('not while the old key or codec was seen in that time', () => {
    const { stats, clock, see } = counted()
    clock.pass(7 * day)
    see({ keyIndex: 1 })
    clock.pass(7 * day - 1)
    see({})
    expect(stats.safeToRetire('7d')).toBe(false)
    clock.pass(1)
    expect(stats.safeToRetire('7d')).toBe(true)
    see({ codec: 'old', codecIndex: 1 })
    expect(stats.safeToRetire('7d')).toBe(false)
    expect(stats.safeToRetire(7 * day)).toBe(false)
  })

  test('asks for one codec or key', () => {
    const { stats, clock, see } = counted()
    clock.pass(8 * day)
    see({ keyIndex: 1 })
    see({ codec: 'old', codecIndex: 1, keyIndex: 2 })
    expect(stats.safeToRetire('7d', { codec: 'new', keyIndex: 1 })).toBe(false)
    expect(stats.safeToRetire('7d', { codec: 'new', keyIndex: 2 })).toBe(true)
    expect(stats.safeToRetire('7d', { codec: 'new' })).toBe(false)
    expect(stats.safeToRetire('7d', { codec: 'third' })).toBe(true)
    expect(stats.safeToRetire('7d', { keyIndex: 2 })).toBe(false)
    expect(stats.safeToRetire('7d', { keyIndex: 0 })).toBe(true)
  })

  test('refuses what is no duration', () => {
    expect(() => counted().stats.safeToRetire('soon' as '1d')).toThrow(/olderThan/)
  })
})

test('tells of a rotation when the old key can go', async () => {
  const clock = testClock()
  const browser = testBrowser()
  await serve({ secrets: [OLD_SECRET] }, { browser, clock }).visit(dave)
  const stats = createReadStats({ clock })
  const rotated = serve({ secrets: [SECRET, OLD_SECRET], on: stats.on }, { browser, clock })
  await rotated.visit()
  expect(stats.rows()).toMatchObject([{ codec: 'beakerJwt', keyIndex: 1, reads: 1 }])
  clock.pass(7 * day - 1)
  await rotated.visit()
  expect(stats.rows()).toMatchObject([{ keyIndex: 1 }, { keyIndex: 0, reads: 1 }])
  expect(stats.safeToRetire('7d')).toBe(false)
  clock.pass(1)
  expect(stats.safeToRetire('7d')).toBe(true)
})
