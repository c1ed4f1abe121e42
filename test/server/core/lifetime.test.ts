import { describe, expect, test } from 'vitest'
import { createLifetimes, createTouch, type LifetimeOptions, type Times } from '../../../src/server/core/lifetime.js'
import type { Duration } from '../../../src/shared/define-session.js'
import type { SessionMeta } from '../../../src/shared/types.js'
import { START } from '../server.helpers.js'

const now = new Date(START)
const at = (seconds: number): Date => new Date(START + seconds * 1000)
const ended = (options: LifetimeOptions, times: SessionMeta) =>
  createLifetimes(options).of(undefined).ended(times, now)?.code
const minutes = 60_000

describe('idle timeout', () => {
  test('has passed after more than its length, not after exactly that', () => {
    expect(ended({ idleTimeout: 10_000 }, { accessedAt: at(-10) })).toBeUndefined()
    expect(ended({ idleTimeout: 10_000 }, { accessedAt: at(-10.001) })).toBe('ERR_SESSION_EXPIRED')
    expect(ended({ idleTimeout: 10_000 }, { accessedAt: at(-86_400) })).toBe('ERR_SESSION_EXPIRED')
  })

  test('counts nothing where there is no time of access', () => {
    expect(ended({ idleTimeout: 10_000 }, { createdAt: at(-86_400) })).toBeUndefined()
  })

  test('a clock ahead by up to five minutes is tolerated', () => {
    expect(ended({ idleTimeout: 10_000 }, { accessedAt: at(300) })).toBeUndefined()
    expect(ended({ idleTimeout: 10_000 }, { accessedAt: at(300.001) })).toBe('ERR_SESSION_NOT_YET_VALID')
  })

  test('without one no time of access is too old or too far ahead', () => {
    expect(ended({}, { accessedAt: new Date(0), createdAt: new Date(0) })).toBeUndefined()
    expect(ended({}, { accessedAt: at(1e9), createdAt: at(1e9) })).toBeUndefined()
  })
})

describe('absolute timeout', () => {
  test('counts from the creation, whatever the access', () => {
    const times = (created: number): SessionMeta => ({ createdAt: at(created), accessedAt: now })
    expect(ended({ absoluteTimeout: 60_000 }, times(-60))).toBeUndefined()
    expect(ended({ absoluteTimeout: 60_000 }, times(-60.001))).toBe('ERR_SESSION_EXPIRED')
  })

  test('a session that begins more than five minutes ahead is refused', () => {
    expect(ended({ absoluteTimeout: 60_000 }, { createdAt: at(300) })).toBeUndefined()
    expect(ended({ absoluteTimeout: 60_000 }, { createdAt: at(300.001) })).toBe('ERR_SESSION_NOT_YET_VALID')
  })
})

test('every refusal says that the value had verified', () => {
  const lifetime = createLifetimes({ idleTimeout: 10_000, absoluteTimeout: 10_000 }).of(undefined)
  for (const times of [
    { accessedAt: at(-99) },
    { accessedAt: at(999) },
    { createdAt: at(-99) },
    { createdAt: at(999) },
  ]) {
    expect(lifetime.ended(times, now)?.verified).toBe(true)
  }
})

describe('expiresAt', () => {
  const end = (options: LifetimeOptions, times: SessionMeta) => createLifetimes(options).of(undefined).expiresAt(times)

  test('is the first of all ends', () => {
    const options = { idleTimeout: 10 * minutes, absoluteTimeout: 60 * minutes }
    expect(end(options, { createdAt: now, accessedAt: now })).toEqual(at(600))
    expect(end(options, { createdAt: at(-3500), accessedAt: now })).toEqual(at(100))
    expect(end(options, { createdAt: now, accessedAt: now, expiresAt: at(5) })).toEqual(at(5))
  })

  test('is undefined where nothing ends', () => {
    expect(end({}, { createdAt: now, accessedAt: now })).toBeUndefined()
    expect(end({ idleTimeout: minutes }, { createdAt: now })).toBeUndefined()
    expect(end({ absoluteTimeout: minutes }, { accessedAt: now })).toBeUndefined()
  })
})

describe('touch', () => {
  type Options = LifetimeOptions & { touchEvery?: Duration | false }
  const dueWith = ({ touchEvery, ...options }: Options, times: Times): boolean =>
    createTouch(touchEvery, options.idleTimeout)(createLifetimes(options).of(undefined), times, now)
  const due = (options: Options, accessed: number): boolean => dueWith(options, { accessedAt: at(accessed) })

  test('is due a minute after the last one', () => {
    expect(due({}, -59.999)).toBe(false)
    expect(due({}, -60)).toBe(true)
  })

  test('is due after half of a short idle timeout', () => {
    expect(due({ idleTimeout: 20_000 }, -9.999)).toBe(false)
    expect(due({ idleTimeout: 20_000 }, -10)).toBe(true)
    expect(due({ idleTimeout: 60 * minutes }, -60)).toBe(true)
  })

  test.each([
    ['5m', 300],
    [10, 10],
    ['1.5h', 5400],
  ] as const)('touchEvery %s', (touchEvery, seconds) => {
    expect(due({ touchEvery }, -seconds + 0.001)).toBe(false)
    expect(due({ touchEvery }, -seconds)).toBe(true)
  })

  test.each([0, '0s'] as const)('touchEvery %j is due each time', (touchEvery) => {
    expect(due({ touchEvery }, 0)).toBe(true)
    expect(due({ touchEvery, idleTimeout: 1000 }, 0)).toBe(true)
  })

  test('touchEvery false is never due', () => {
    expect(due({ touchEvery: false }, -1e9)).toBe(false)
  })

  test('a session without a time of access is due where an idle timeout would never end it', () => {
    expect(dueWith({ idleTimeout: minutes }, {})).toBe(true)
    expect(dueWith({}, {})).toBe(false)
    expect(dueWith({ touchEvery: false }, {})).toBe(false)
  })

  test.each([
    [{ touchEvery: false, idleTimeout: 1000 }],
    [{ touchEvery: 1, idleTimeout: 1000 }],
    [{ touchEvery: '2m', idleTimeout: minutes }],
    [{ touchEvery: 'soon' }],
    [{ touchEvery: -1 }],
    [{ touchEvery: Number.NaN }],
    [{ touchEvery: null }],
    [{ touchEvery: true }],
  ])('refuses %j', ({ touchEvery, idleTimeout }: { touchEvery?: unknown; idleTimeout?: number }) => {
    expect(() => createTouch(touchEvery as Duration, idleTimeout)).toThrow(/touchEvery/)
  })
})
