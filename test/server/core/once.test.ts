/** `session.once`: of concurrent requests of one session one does the work. Across processes: test/interop/once.test.ts. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { platform } from '#platform'
import {
  beakerJwt,
  compact,
  createSessions,
  djangoSession,
  djangoSigned,
  jwt,
  memoryStore,
  type SessionCodec,
  type SessionData,
  type SessionStore,
  type Sessions,
  type SessionsOptions,
  verifySessions,
} from '../../../src/server/index.js'
import { SECRET, testClock } from '../server.helpers.js'

afterEach(() => vi.restoreAllMocks())

/** Sessions of two processes that share a store: nothing else. */
function processes(options: Partial<SessionsOptions> = {}): {
  make(): Sessions
  store: SessionStore
  rows: Map<string, string>
} {
  const rows = new Map<string, string>()
  const { get, set, delete: remove, update } = memoryStore() as Required<SessionStore>
  const store: SessionStore = {
    name: 'shared',
    get,
    set,
    delete: remove,
    async update(id, change) {
      const row = await update(id, change)
      rows.set(id, JSON.stringify(row?.data))
      return row
    },
  }
  const make = (): Sessions =>
    createSessions<SessionData>({
      codecs: [jwt({ secrets: [SECRET] })],
      store,
      expose: false,
      ...options,
    } as SessionsOptions)
  return { make, store, rows }
}

async function signIn(sessions: Sessions): Promise<string> {
  const session = await sessions.load('')
  session.data.user = 'dave'
  return (await sessions.commit(session)).map((text) => text.split(';')[0]).join('; ')
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds))

function signal(): { given: Promise<void>; give(): void } {
  let give = (): void => {}
  const given = new Promise<void>((resolve) => {
    give = resolve
  })
  return { given, give: () => give() }
}

/** Work that can be done once only. */
function refresh(milliseconds = 50): { work: () => Promise<{ token: string }>; calls(): number } {
  let calls = 0
  return {
    calls: () => calls,
    async work() {
      calls++
      await pause(milliseconds)
      return { token: `token ${calls}` }
    },
  }
}

describe.each<[string, (clock: () => Date) => Partial<SessionsOptions>]>([
  ['without a store', () => ({ codecs: [compact({ secrets: [SECRET] })] })],
  ['with a store', (clock) => ({ codecs: [jwt({ secrets: [SECRET] })], store: memoryStore({ clock }) })],
])('%s', (_, options) => {
  const make = (clock = () => new Date()): Sessions =>
    createSessions<SessionData>({ expose: false, clock, ...options(clock) } as SessionsOptions)

  test('concurrent requests and later ones get the result of one', async () => {
    const clock = testClock()
    const sessions = make(clock)
    const cookie = await signIn(sessions)
    const { work, calls } = refresh()
    const once = async (): Promise<unknown> => (await sessions.load(cookie)).once('token', work)
    expect(await Promise.all(Array.from({ length: 20 }, once))).toEqual(Array(20).fill({ token: 'token 1' }))
    expect(await once()).toEqual({ token: 'token 1' })
    clock.pass(11)
    expect(await once()).toEqual({ token: 'token 2' })
    expect(calls()).toBe(2)
  })

  test('each gets its own copy', async () => {
    const sessions = make()
    const cookie = await signIn(sessions)
    const results = await Promise.all(
      [1, 2].map(async () => (await sessions.load(cookie)).once('list', async () => ({ at: new Date(0), list: [1] }))),
    )
    expect(results[0]).toEqual({ at: '1970-01-01T00:00:00.000Z', list: [1] })
    expect(results[0]).not.toBe(results[1])
    const nothing = await sessions.load(cookie)
    expect(await nothing.once('nothing', () => undefined)).toBeUndefined()
  })

  test('another key, another session and another tenant are other work', async () => {
    const sessions = make()
    const { work, calls } = refresh(0)
    const cookie = await signIn(sessions)
    await (await sessions.load(cookie)).once('a', work)
    await (await sessions.load(cookie)).once('b', work)
    await (await sessions.load(await signIn(sessions))).once('a', work)
    const tenant = sessions.with({ tenant: 'shop' })
    await (await tenant.load(await signIn(tenant))).once('a', work)
    expect(calls()).toBe(4)
  })

  test('an error reaches all, and the next request tries again', async () => {
    const sessions = make()
    const cookie = await signIn(sessions)
    const error = new Error('invalid_grant')
    const once = async (): Promise<unknown> =>
      (await sessions.load(cookie)).once('token', async () => {
        await pause(10)
        throw error
      })
    const outcomes = await Promise.allSettled([once(), once(), once()])
    expect(outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason)).toEqual([error, error, error])
    expect(await (await sessions.load(cookie)).once('token', () => 1)).toBe(1)
  })

  test('resultFor says how long a result counts', async () => {
    const clock = testClock()
    const sessions = make(clock)
    const cookie = await signIn(sessions)
    let calls = 0
    const once = async (): Promise<number> =>
      (await sessions.load(cookie)).once('token', () => ++calls, { resultFor: '1m' })
    await once()
    clock.pass(59)
    expect(await once()).toBe(1)
    clock.pass(2)
    expect(await once()).toBe(2)
  })

  test('after regenerate() it is another session', async () => {
    const sessions = make()
    const session = await sessions.load(await signIn(sessions))
    const { work, calls } = refresh(20)
    const first = session.once('token', work)
    session.regenerate()
    await sessions.commit(session)
    expect(await first).toEqual({ token: 'token 1' })
    expect(await session.once('token', work)).toEqual({ token: 'token 2' })
    expect(calls()).toBe(2)
  })

  test('a destroyed session does no work', async () => {
    const sessions = make()
    const session = await sessions.load(await signIn(sessions))
    await sessions.destroy(session)
    await expect(session.once('token', () => 1)).rejects.toMatchObject({ code: 'ERR_SESSION_DESTROYED' })
  })
})

test('sessions of other keys are others, even with the same id', async () => {
  const [one, two] = [SECRET, 'other keys, which another tenant may know'].map((secret) => jwt({ secrets: [secret] }))
  const sessions = createSessions<SessionData>({ codecs: [one as SessionCodec], expose: false })
  const others = sessions.with({ codecs: [two as SessionCodec] })
  const { work, calls } = refresh(10)
  const once = async (own: Sessions, codec: SessionCodec | undefined): Promise<unknown> => {
    const record = { id: 'f'.repeat(32), createdAt: new Date(), data: { user: 'dave' } }
    const context = { cookieName: sessions.name, purpose: 'session', now: new Date() } as const
    return (await own.load({ token: await codec?.sign?.(record, context) })).once('token', work)
  }
  const results = await Promise.all([
    once(sessions, one),
    once(others, two),
    once(sessions.with({ touchEvery: 5 }), one),
  ])
  expect(results[2]).toEqual(results[0])
  expect(calls()).toBe(2)
  await once(others, two)
  expect(calls()).toBe(2)
})

describe('two processes', () => {
  test('one of them works, and what it stores is encrypted', async () => {
    const { make, rows } = processes()
    const [first, second] = [make(), make()]
    const cookie = await signIn(first)
    const { work, calls } = refresh()
    const once = async (sessions: Sessions): Promise<unknown> => (await sessions.load(cookie)).once('token', work)
    const results = await Promise.all(Array.from({ length: 20 }, (_, at) => once(at % 2 ? first : second)))
    expect(results).toEqual(Array(20).fill({ token: 'token 1' }))
    expect(calls()).toBe(1)
    const stored = [...rows.values()].filter((text) => text?.includes('"result"'))
    expect(stored).toHaveLength(1)
    expect(stored.join()).not.toMatch(/token/)
  })

  test('each error is told once, without its text', async () => {
    const { make, rows } = processes()
    const [first, second] = [make(), make()]
    const cookie = await signIn(first)
    const one = (await first.load(cookie)).once('token', async () => {
      await pause(150)
      throw new Error('swordfish')
    })
    await pause(20)
    const other = (await second.load(cookie)).once('token', () => 1)
    await expect(one).rejects.toThrow('swordfish')
    await expect(other).rejects.toMatchObject({ code: 'ERR_SESSION_WORK' })
    expect([...rows.values()].join()).not.toContain('swordfish')
    expect(await (await second.load(cookie)).once('token', () => 2)).toBe(2)
  })

  test('a session that is destroyed meanwhile leaves no result', async () => {
    const { make, rows } = processes()
    const [first, second] = [make(), make()]
    const cookie = await signIn(first)
    const one = (await first.load(cookie)).once('token', async () => {
      await pause(150)
      return 'swordfish'
    })
    await pause(20)
    const other = (await second.load(cookie)).once('token', () => 1)
    await second.destroy(await second.load(cookie))
    expect(await one).toBe('swordfish')
    await expect(other).rejects.toMatchObject({ code: 'ERR_SESSION_DESTROYED' })
    expect([...rows.values()].join()).not.toContain('"result"')
  })

  test.each([
    ['that is kept for no time', { resultFor: 0 }, 0],
    ['that is kept for less than a look at the row takes', { resultFor: '0.001s' }, 0],
    ['of a clock that is behind', {}, 60_000],
  ] as const)('one that has waited takes a result %s', async (_, options, ahead) => {
    const { make, store } = processes()
    const [begun, looked] = [signal(), signal()]
    const watched: SessionStore = {
      ...store,
      async get(id) {
        const row = await store.get(id)
        if (row && '_sessionglass_once' in row.data) looked.give()
        return row
      },
    }
    const first = make()
    const second = make().with({ store: watched, clock: () => new Date(Date.now() + ahead) })
    const cookie = await signIn(first)
    const one = (await first.load(cookie)).once(
      'token',
      async () => {
        begun.give()
        await looked.given
        return 1
      },
      options,
    )
    await begun.given
    const other = (await second.load(cookie)).once('token', () => 2, options)
    expect(await Promise.all([one, other])).toEqual([1, 1])
  })

  /** Stores of two processes that can't change a row in one step. */
  function weakly(): [Sessions, Sessions] {
    const { update: _, ...weak } = processes().store as Required<SessionStore>
    return [weak, { ...weak }].map((each) =>
      createSessions({ codecs: [jwt({ secrets: [SECRET] })], store: each, expose: false }),
    ) as [Sessions, Sessions]
  }

  test('a store without update keeps one of them, too', async () => {
    vi.spyOn(platform, 'warn').mockImplementation(() => {})
    const [first, second] = weakly()
    const cookie = await signIn(first)
    const { work, calls } = refresh(200)
    const once = async (sessions: Sessions): Promise<unknown> => (await sessions.load(cookie)).once('token', work)
    expect(await Promise.all([once(first), once(second)])).toEqual([{ token: 'token 1' }, { token: 'token 1' }])
    expect(calls()).toBe(1)
  })

  test('that a store without update may let two work is told once, with its name', async () => {
    const warn = vi.spyOn(platform, 'warn').mockImplementation(() => {})
    const [weak] = weakly()
    const cookie = await signIn(weak)
    expect(warn).not.toHaveBeenCalled()
    await (await weak.load(cookie)).once('a', () => 1)
    await (await weak.load(cookie)).once('b', () => 1)
    const tenant = weak.with({ tenant: 'shop' })
    await (await tenant.load(await signIn(tenant))).once('a', () => 1)
    expect(warn.mock.calls).toEqual([['ERR_SESSION_STORE', expect.stringContaining('the store shared:')]])

    const strong = processes().make()
    await (await strong.load(await signIn(strong))).once('a', () => 1)
    expect(warn).toHaveBeenCalledOnce()
  })
})

describe('what is refused', () => {
  const sessions = createSessions<SessionData>({ codecs: [compact({ secrets: [SECRET] })], expose: false })

  test.each([[''], ['a'.repeat(257)], [7]])('a key %#', async (key) => {
    const session = await sessions.load('')
    await expect(session.once(key as string, () => 1)).rejects.toThrow(/key of once\(\) must be a text of 1 to 256/)
  })

  test('what is no work, and an option that does not exist', async () => {
    const session = await sessions.load('')
    await expect(session.once('a', 1 as unknown as () => number)).rejects.toThrow(/takes a function/)
    await expect(session.once('a', () => 1, { ttl: 1 } as object)).rejects.toThrow(/^once has no option "ttl"/)
  })

  test('a result that is too long, or no JSON', async () => {
    const session = await sessions.load('')
    await expect(session.once('a', () => 'a'.repeat(65_536))).rejects.toMatchObject({ code: 'ERR_SESSION_LIMIT' })
    await expect(session.once('a', () => 1n)).rejects.toBeInstanceOf(TypeError)
  })

  test('more than 1000 that wait', async () => {
    const cookie = await signIn(sessions)
    const session = await sessions.load(cookie)
    let end = (): void => {}
    const work = (): Promise<number> => new Promise((resolve) => (end = () => resolve(1)))
    const waiting = Array.from({ length: 1001 }, () => session.once('a', work))
    await pause(50)
    await expect(session.once('a', work)).rejects.toMatchObject({ code: 'ERR_SESSION_LIMIT' })
    end()
    expect(new Set(await Promise.all(waiting))).toEqual(new Set([1]))
  })

  test('a format without an id, in which two visitors may have the same cookie', async () => {
    const signed = createSessions<SessionData>({ codecs: [djangoSigned({ secretKey: SECRET })], expose: false })
    const session = await signed.load(await signIn(signed))
    await expect(session.once('a', () => 1)).rejects.toThrow(/needs a codec that keeps the session's id/)
  })

  test('a store that keeps nothing', async () => {
    const store: SessionStore = { ...memoryStore(), update: async () => undefined }
    const lost = createSessions<SessionData>({ codecs: [jwt({ secrets: [SECRET] })], store, expose: false })
    const session = await lost.load('')
    await expect(session.once('a', () => 1)).rejects.toMatchObject({ code: 'ERR_SESSION_STORE' })
  })

  test('a store without any secret', async () => {
    const bare = createSessions<SessionData>({ codecs: [djangoSession()], store: memoryStore(), expose: false })
    const session = await bare.load(await signIn(bare))
    await expect(session.once('a', () => 1)).rejects.toThrow(/needs a codec with secrets/)
  })

  test('sessions that only verify', async () => {
    const reader = verifySessions({ codecs: [beakerJwt({ secrets: SECRET })] })
    await expect((await reader.load('')).once('a', () => 1)).rejects.toThrow(/needs sessions that write/)
  })

  test('the row of a flight as a session', async () => {
    const { make, rows } = processes({ codecs: [djangoSession({ allowBareKey: true }), jwt({ secrets: [SECRET] })] })
    const bare = make()
    const session = await bare.load(await signIn(bare))
    await session.once('a', () => 1)
    const id = [...rows].find(([, text]) => text?.includes('result'))?.[0] ?? ''
    expect(id).toMatch(/^[0-9a-f]{32}$/)
    expect((await bare.load({ token: id })).rejected?.code).toBe('ERR_SESSION_EXPIRED')
  })
})
