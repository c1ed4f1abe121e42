import { describe, expect, test } from 'vitest'
import { beakerJwt, createSessions, type SessionData, type SessionsOptions } from '../../../src/server/index.js'
import { NAME, OLD_SECRET, SECRET, serve, testBrowser, testClock, textCodec } from '../server.helpers.js'

type Change = (data: SessionData) => unknown
const start = (): SessionData => ({
  user: { name: 'dave', roles: ['a', { of: 'b' }] },
  count: 1,
  when: new Date(1e12),
  bytes: Uint8Array.of(1, 2),
  float: 1.5,
  none: null,
})

/** How many cookies a request sets that makes this change. */
async function cookiesOf(change: Change, options: Partial<SessionsOptions> = {}): Promise<number> {
  const { visit } = serve(options)
  await visit((data) => Object.assign(data, start()))
  return (await visit(change)).length
}

describe('changed', () => {
  test.each<[string, Change]>([
    ['a value', (data) => Object.assign(data, { count: 2 })],
    ['a type', (data) => Object.assign(data, { count: '1' })],
    ['a new key', (data) => Object.assign(data, { more: 1 })],
    ['a new key of null', (data) => Object.assign(data, { more: null })],
    ['a deleted key', (data) => delete data.none],
    ['every key deleted', (data) => Object.keys(data).map((key) => delete data[key])],
    ['a key set to undefined', (data) => Object.assign(data, { count: undefined })],
    [
      'a value deep inside',
      (data) => Object.assign((data.user as { roles: object[] }).roles[1] as object, { of: 'c' }),
    ],
    ['an item more', (data) => (data.user as { roles: unknown[] }).roles.push('c')],
    ['an item less', (data) => (data.user as { roles: unknown[] }).roles.pop()],
    ['a date', (data) => (data.when as Date).setTime(5)],
    ['a byte', (data) => (data.bytes as Uint8Array).fill(7)],
    ['-0 for 0', (data) => Object.assign(data, { count: -0 })],
  ])('%s', async (_, change) => {
    expect(await cookiesOf(change)).toBe(1)
    expect(await cookiesOf(change, { touchEvery: false, upgrade: 'never' })).toBe(1)
  })

  test.each<[string, Change]>([
    ['nothing', () => {}],
    ['a look', (data) => JSON.stringify(data) && data.user],
    ['the same values again', (data) => Object.assign(data, start())],
    ['a new key of undefined', (data) => Object.assign(data, { more: undefined })],
    ['a key taken out and put back', (data) => delete data.count && Object.assign(data, { count: 1 })],
  ])('not %s', async (_, change) => {
    expect(await cookiesOf(change)).toBe(0)
  })

  test('data that is replaced', async () => {
    const { sessions, browser, visit } = serve()
    await visit((data) => Object.assign(data, start()))
    const session = await sessions.load(browser.cookie)
    session.data = start()
    expect(await sessions.commit(session)).toEqual([])
    session.data = { user: 'eve' }
    browser.take(await sessions.commit(session))
    expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'eve' })
  })

  test('a fresh session with data; without any, regenerate() makes none', async () => {
    const { sessions } = serve()
    const session = await sessions.load(null)
    expect(await sessions.commit(session)).toEqual([])
    session.data.nothing = undefined
    expect(await sessions.commit(session)).toEqual([])
    session.regenerate()
    expect(await sessions.commit(session)).toEqual([])
    const { visit } = serve()
    expect(await visit((data) => Object.assign(data, { a: null }))).toHaveLength(1)
  })
})

describe('touch', () => {
  const touches = async (options: Parameters<typeof serve>[0], seconds: number): Promise<string[]> => {
    const { visit, clock, events } = serve(options)
    await visit((data) => Object.assign(data, start()))
    clock.pass(seconds)
    events.length = 0
    await visit()
    return events.map(({ type }) => type)
  }

  test.each<[string, Parameters<typeof serve>[0], number, boolean]>([
    ['not within a minute', {}, 59.9, false],
    ['after a minute', {}, 60, true],
    ['not before touchEvery', { touchEvery: '5m' }, 299.9, false],
    ['after touchEvery', { touchEvery: '5m' }, 300, true],
    ['each time with 0', { touchEvery: 0 }, 0, true],
    ['never with false', { touchEvery: false }, 1e8, false],
    ['after half of a short idle timeout', { idleTimeout: 20 }, 10, true],
    ['not before half of it', { idleTimeout: 20 }, 9.9, false],
  ])('%s', async (_, options, seconds, isDue) => {
    expect(await touches(options, seconds)).toEqual(isDue ? ['read', 'renewed', 'committed'] : ['read'])
  })

  test('renews the time of access and nothing else', async () => {
    const { sessions, browser, clock, visit } = serve()
    await visit((data) => Object.assign(data, start()))
    const before = await sessions.load(browser.cookie)
    clock.pass(60)
    await visit()
    const after = await sessions.load(browser.cookie)
    expect(after.data).toEqual(before.data)
    expect(after.id).toBe(before.id)
    expect(after.createdAt).toEqual(before.createdAt)
    expect(after.accessedAt.getTime()).toBe(before.accessedAt.getTime() + 60_000)
  })

  test('a session without times gets them where a timeout needs them', async () => {
    const browser = testBrowser()
    const { sign, ...others } = textCodec('text')
    const timeless = {
      ...others,
      sign: async ({ data }: { data: SessionData }) => (await sign?.({ data }, {} as never)) ?? '',
    }
    const options = { codecs: [timeless], expose: false as const }
    await serve(options, { browser }).visit((data) => Object.assign(data, { a: 1 }))
    const timed = { codecs: [textCodec('text')], expose: false as const }
    expect(await serve(timed, { browser }).visit()).toEqual([])
    expect(await serve({ ...timed, idleTimeout: 60 }, { browser }).visit()).toHaveLength(1)
    expect(await serve({ ...timed, idleTimeout: 60 }, { browser }).visit()).toEqual([])
  })
})

describe('upgrade', () => {
  const old = { secrets: [OLD_SECRET] }
  const byKey = { secrets: [SECRET, OLD_SECRET] }
  const byCodec = { codecs: [beakerJwt({ secrets: [SECRET] }), beakerJwt({ secrets: [OLD_SECRET] })] }
  const change: Change = (data) => Object.assign(data, { count: 2 })

  /** What reads the cookie after a request of a server with these options. */
  async function readerAfter(
    options: Partial<SessionsOptions>,
    then: Change,
  ): Promise<{ codecIndex: number; keyIndex: number; types: string[] }> {
    const browser = testBrowser()
    const clock = testClock()
    await serve(old, { browser, clock }).visit((data) => Object.assign(data, start()))
    const first = serve(options, { browser, clock })
    await first.visit(then)
    const second = serve(options, { browser, clock })
    await second.visit()
    const { codecIndex = -1, keyIndex = -1 } = second.events[0] ?? {}
    return { codecIndex, keyIndex, types: first.events.map(({ type }) => type) }
  }

  describe.each([
    ['key', byKey, { codecIndex: 0, keyIndex: 1 }],
    ['codec', byCodec, { codecIndex: 1, keyIndex: 0 }],
  ])('by %s', (_, options, asBefore) => {
    const upgraded = { codecIndex: 0, keyIndex: 0 }

    test('always: at once', async () => {
      expect(await readerAfter(options, () => {})).toEqual({ ...upgraded, types: ['read', 'upgraded', 'committed'] })
      expect(await readerAfter({ ...options, upgrade: 'always' }, () => {})).toMatchObject(upgraded)
    })

    test('on-change: with the next change', async () => {
      const onChange = { ...options, upgrade: 'on-change' as const }
      expect(await readerAfter(onChange, () => {})).toEqual({ ...asBefore, types: ['read'] })
      expect(await readerAfter(onChange, change)).toEqual({ ...upgraded, types: ['read', 'upgraded', 'committed'] })
    })

    test('never: nothing moves by itself', async () => {
      expect(await readerAfter({ ...options, upgrade: 'never' }, () => {})).toEqual({ ...asBefore, types: ['read'] })
    })
  })

  test('never: a change stays with the codec that read it', async () => {
    const { types, codecIndex } = await readerAfter({ ...byCodec, upgrade: 'never' }, change)
    expect({ types, codecIndex }).toEqual({ types: ['read', 'committed'], codecIndex: 1 })
  })

  test('never: a change moves to the first codec where the other can not write', async () => {
    const { sign: _, ...reader } = beakerJwt({ secrets: [OLD_SECRET] })
    const options = { codecs: [beakerJwt({ secrets: [SECRET] }), reader], upgrade: 'never' as const }
    expect(await readerAfter(options, change)).toEqual({
      codecIndex: 0,
      keyIndex: 0,
      types: ['read', 'upgraded', 'committed'],
    })
  })

  test('a touch keeps the codec where nothing may move', async () => {
    const { types, codecIndex } = await readerAfter({ ...byCodec, upgrade: 'on-change', touchEvery: 0 }, () => {})
    expect({ types, codecIndex }).toEqual({ types: ['read', 'renewed', 'committed'], codecIndex: 1 })
  })
})

test('regenerate gives the same data another id and another beginning', async () => {
  const { sessions, browser, clock, visit } = serve()
  await visit((data) => Object.assign(data, start()))
  const before = await sessions.load(browser.cookie)
  const { id } = before
  clock.pass(5)
  before.regenerate()
  expect(before.id).not.toBe(id)
  browser.take(await sessions.commit(before))
  expect(await sessions.commit(before)).toEqual([])
  const after = await sessions.load(browser.cookie)
  expect(after.id).toBe(before.id)
  expect(after.createdAt).toEqual(clock())
  expect(after.data).toEqual(start())
  expect(browser.cookies.get(NAME)).toBeDefined()
})

test('data that nobody asked for is not compared, and what was asked for is', async () => {
  const codec = beakerJwt({ secrets: [SECRET] })
  let compared = 0
  const counting: typeof codec = {
    ...codec,
    original(record) {
      compared++
      return codec.original?.(record)
    },
  }
  const sessions = createSessions({ codecs: [counting], expose: true, touchEvery: 0 })
  const first = await sessions.load('')
  Object.assign(first.data, start())
  const [cookie = ''] = await sessions.commit(first)

  const unseen = await sessions.load(cookie.split(';', 1)[0])
  expect(await sessions.commit(unseen)).toHaveLength(1)
  expect(compared).toBe(0)
  expect(unseen.data).toStrictEqual(start())

  const seen = await sessions.load(cookie.split(';', 1)[0])
  expect(seen.data.count).toBe(1)
  await sessions.commit(seen)
  expect(compared).toBe(1)
})
