/** A session's own lifetime: `remember`, functions of `maxAge` and `expires`, and what becomes of it on the server and the page. */
import { describe, expect, test } from 'vitest'
import { beakerReader } from '../../../src/client/beaker.js'
import { compactReader } from '../../../src/client/compact.js'
import { djangoReader } from '../../../src/client/django.js'
import { getSession } from '../../../src/client/index.js'
import {
  beaker,
  beakerJwt,
  compact,
  defineSession,
  djangoJwt,
  djangoSigned,
  jwt,
  memoryStore,
  type SessionsOptions,
  verifySessions,
} from '../../../src/server/index.js'
import { lifetimeTests } from '../own-lifetime.helpers.js'
import { expiredOf, SECRET, START, serve, testClock } from '../server.helpers.js'

const secrets = [SECRET]
const DAY = 86_400

describe('random wishes through random visits', () => {
  const formats: Record<string, () => Pick<SessionsOptions, 'codecs'>> = {
    beakerJwt: () => ({ codecs: [beakerJwt({ secrets })] }),
    jwt: () => ({ codecs: [jwt({ secrets })] }),
    'jwt with expires': () => ({ codecs: [jwt({ secrets, expires: '1h' })] }),
    compact: () => ({ codecs: [compact({ secrets })] }),
    'compact with expires': () => ({ codecs: [compact({ secrets, expires: '1h' })] }),
    beaker: () => ({ codecs: [beaker({ validateKey: SECRET })] }),
    djangoSigned: () => ({ codecs: [djangoSigned({ secretKey: SECRET, maxAge: '400d' })] }),
  }
  const reader = { compact: compactReader, 'compact with expires': compactReader, beaker: beakerReader } as Record<
    string,
    typeof compactReader
  >
  for (const [name, make] of Object.entries(formats)) {
    const own = reader[name] ?? (name === 'djangoSigned' ? djangoReader : undefined)
    const about = { hidesIdle: name === 'jwt with expires', hidesCreated: name === 'djangoSigned' }
    lifetimeTests(name, { make, ...about, ...(own && { reader: own }) })
    lifetimeTests(`${name}, all shown`, { make, ...about, expose: true, ...(own && { reader: own }) })
    if (name === 'djangoSigned') continue
    const make2 = (clock: () => Date) => ({ ...make(), store: memoryStore({ clock }) })
    lifetimeTests(`${name} with a store`, { make: make2, ...about, ...(own && { reader: own }) })
  }
  lifetimeTests('djangoJwt with a store', {
    hidesCreated: true,
    hidesIdle: true,
    make: (clock) => ({ codecs: [djangoJwt({ secrets, expires: '1h' })], store: memoryStore({ clock }) }),
  })
})

describe('remember', () => {
  test.each([
    ['30d', 30 * DAY],
    [3600.9, 3600],
    ['browser', 0],
    [new Date(START + 60_000), '2023-11-14T22:14:20+00:00'],
    [new Date(START + 60_250), '2023-11-14T22:14:20.250000+00:00'],
  ] as const)('%s is what set_expiry of Django would keep', async (wish, kept) => {
    const { sessions } = serve()
    const session = await sessions.load('')
    session.data._session_expiry_rule = 5
    session.remember(wish)
    expect(session.data).toEqual({ _session_expiry: kept })
    session.remember(undefined)
    expect(session.data).toEqual({})
  })

  test.each([0.999, 0, -1, '500ms', '0.5s', 1e12, Number.NaN, null, true, 'never', new Date('x'), new Date(8.64e15)])(
    '%s is a mistake, and changes nothing',
    async (wish) => {
      const session = await serve().sessions.load('')
      session.remember('30d')
      expect(() => session.remember(wish as '1s')).toThrow(TypeError)
      expect(session.data).toEqual({ _session_expiry: 30 * DAY })
    },
  )

  test('a wish alone is written, and one alone is no session', async () => {
    const { sessions, browser, visit } = serve({ maxAge: '1h' })
    const first = await sessions.load('')
    first.remember('30d')
    expect(await sessions.commit(first)).toEqual([])
    await visit((data) => Object.assign(data, { user: 'dave' }))
    for (const [wish, lifetime] of [
      ['30d', 'Thu, 14 Dec 2023 22:13:20 GMT; Max-Age=2592000'],
      ['browser', undefined],
      [undefined, 'Max-Age=3600'],
    ] as const) {
      const session = await sessions.load(browser.cookie)
      session.remember(wish)
      const cookies = await sessions.commit(session)
      browser.take(cookies)
      expect(cookies).toHaveLength(1)
      expect(/(?:; Expires=(.*?))?; HttpOnly|; Path/.exec(cookies[0] ?? '')).toBeTruthy()
      expect(
        /Expires=([^;]*; Max-Age=\d+)|Max-Age=\d+/
          .exec(cookies[0] ?? '')
          ?.slice(0, 2)
          .findLast(Boolean),
      ).toBe(lifetime)
    }
    expect(expiredOf(await visit((data) => delete (data as { user?: string }).user))).toEqual(['beaker.session.id'])
  })

  test.each([
    ['beakerJwt', beakerJwt({ secrets })],
    ['jwt', jwt({ secrets })],
    ['compact', compact({ secrets })],
    ['djangoSigned', djangoSigned({ secretKey: SECRET, maxAge: '400d' })],
  ])('%s: without timeouts, the end of a session goes with the wish for it', async (name, codec) => {
    for (const isStored of name === 'djangoSigned' ? [false] : [false, true]) {
      for (const wish of ['browser', undefined] as const) {
        const clock = testClock()
        const session = defineSession({ idleTimeout: false })
        const { sessions, browser, visit } = serve({
          session,
          clock,
          codecs: [codec],
          ...(isStored && { store: memoryStore({ clock }) }),
        })
        await visit((data) => Object.assign(data, { user: 'dave', _session_expiry: 60 }))
        const remembered = await sessions.load(browser.cookie)
        expect(remembered.expiresAt).toEqual(new Date(START + 60_000))
        remembered.remember(wish)
        browser.take(await sessions.commit(remembered))
        // What Django signed ends by its age.
        const end = name === 'djangoSigned' ? new Date(START + 400 * 86_400_000) : undefined
        expect(remembered.expiresAt).toEqual(end)
        clock.pass(120)
        expect((await sessions.load(browser.cookie)).data.user).toBe('dave')
      }
    }
  })

  test('a time that has passed ends the session', async () => {
    const clock = testClock()
    const store = memoryStore({ clock })
    for (const options of [{}, { store, codecs: [beakerJwt({ secrets })], expose: ['user'] }]) {
      const { sessions, browser, visit, events } = serve(options, { clock })
      await visit((data) => Object.assign(data, { user: 'dave' }))
      const before = browser.cookie
      const session = await sessions.load(before)
      session.remember(new Date(0))
      const cookies = await sessions.commit(session)
      expect(expiredOf(cookies)).toEqual([...browser.cookies.keys()])
      expect(session.isDestroyed).toBe(true)
      expect(events.at(-1)?.type).toBe('destroyed')
      if (options.store) expect((await sessions.load(before)).isNew).toBe(true)
    }
  })

  test('the touch interval is at most half of a short lifetime', async () => {
    const { sessions, browser, clock, visit } = serve({ touchEvery: false })
    const session = await sessions.load('')
    session.data.user = 'dave'
    session.remember(10)
    browser.take(await sessions.commit(session))
    for (let passed = 0; passed < 10; passed++) {
      clock.pass(4.9)
      expect(await visit()).toEqual([])
      clock.pass(0.1)
      expect(await visit()).toHaveLength(1)
    }
    clock.pass(10.1)
    expect((await sessions.load(browser.cookie)).rejected?.code).toBe('ERR_SESSION_EXPIRED')
  })

  test('regenerate() keeps it, and a codec that reads takes it along', async () => {
    const { sessions, browser, clock } = serve({ codecs: [compact({ secrets })] })
    const session = await sessions.load('')
    session.data.user = 'dave'
    session.remember('30d')
    session.regenerate()
    browser.take(await sessions.commit(session))
    const upgraded = serve({ codecs: [jwt({ secrets, expires: '1d' }), compact({ secrets })] }, { browser, clock })
    clock.pass(20 * DAY)
    expect((await upgraded.visit())[0]).toMatch(/Max-Age=2592000/)
    clock.pass(20 * DAY)
    expect((await upgraded.sessions.load(browser.cookie)).data).toMatchObject({ user: 'dave' })
  })
})

test.each([
  ['remember', '2023-11-16T07:13:20'],
  ['a function', '2023-11-15T08:13:20'],
])('%s gives a Django of local times such a time, and both read it as that', async (by, kept) => {
  const expires = () => new Date(START + 3_600_000)
  const { sessions, browser, visit } = serve({
    codecs: [djangoSigned({ secretKey: SECRET, timeZone: 'Asia/Tokyo' }), compact({ secrets })],
    expires,
  })
  const session = await sessions.load('')
  session.data.user = 'dave'
  if (by === 'remember') session.remember(new Date(START + 86_400_000))
  browser.take(await sessions.commit(session))
  expect(session.data._session_expiry).toBe(kept)
  const loaded = await sessions.load(browser.cookie)
  expect(loaded.expiresAt).toEqual(new Date(Date.parse(`${kept}Z`) - 9 * 3_600_000))
  // An equal time of the function is no change of its own.
  const [cookie] = await visit((data) => Object.assign(data, { n: 1 }))
  expect(cookie).toMatch(by === 'remember' ? /Max-Age=86400/ : /Max-Age=3600/)
  expect(() => djangoSigned({ secretKey: SECRET, timeZone: 'Europe/Nowhere' })).toThrow('"timeZone"')
})

describe('what is no lifetime', () => {
  const nonsense = [
    null,
    '',
    'soon',
    '2023',
    '2023-11-14',
    '5',
    Number.NaN,
    Infinity,
    1e300,
    true,
    {},
    ['5'],
    2n ** 60n,
  ]
  test.each(nonsense)('%s counts as configured, on the server and on the page', async (value) => {
    for (const store of [undefined, memoryStore({ clock: () => new Date(START) })]) {
      const definition = defineSession({ idleTimeout: 60 })
      const { sessions, browser, clock, visit } = serve({
        session: definition,
        expose: ['user'],
        ...(store && { store }),
      })
      await visit((data) => Object.assign(data, { user: 'dave', _session_expiry: value }))
      const shown = (): unknown => getSession(definition, { cookie: browser.cookie, now: clock() })
      clock.pass(59)
      const session = await sessions.load(browser.cookie)
      expect(session.data).toMatchObject({ user: 'dave' })
      expect(session.expiresAt).toEqual(new Date(START + 60_000))
      expect(shown()).toEqual({ user: 'dave' })
      clock.pass(32)
      expect((await sessions.load(browser.cookie)).isNew).toBe(true)
      expect(shown()).toBeNull()
    }
  })

  test.each(nonsense)('%s in a cookie that shows all', async (value) => {
    const definition = defineSession({ idleTimeout: 60 })
    const { browser, clock, visit } = serve({ session: definition })
    await visit((data) => Object.assign(data, { user: 'dave', _session_expiry: value }))
    clock.pass(80)
    expect(getSession(definition, { cookie: browser.cookie, now: clock() })).toEqual({ user: 'dave' })
    clock.pass(11)
    expect(getSession(definition, { cookie: browser.cookie, now: clock() })).toBeNull()
  })
})

test('negative seconds, which have passed for Django: a browser drops the cookie', async () => {
  const [cookie] = await serve().visit((data) => Object.assign(data, { user: 'dave', _session_expiry: -5 }))
  expect(cookie).toMatch(/Expires=Tue, 14 Nov 2023 22:13:15 GMT; Max-Age=0;/)
})

describe('functions', () => {
  const sessionsWith = (options: Partial<SessionsOptions>, isStored = false) => {
    const clock = testClock()
    const store = isStored ? memoryStore({ clock }) : undefined
    const stored = store && { store, codecs: [beakerJwt({ secrets })] }
    return { ...serve({ expose: ['user'], ...options, ...stored }, { clock }), store }
  }

  test.each([false, true])(
    'are asked at every write, and their answer is in the session (with a store: %s)',
    async (isStored) => {
      let asked = 0
      let answer: number | Date | 'browser' | undefined = 60
      const maxAge = ({ data }: { data: Record<string, unknown> }) => {
        asked++
        return data.user === 'dave' ? answer : undefined
      }
      const { sessions, browser, clock, visit } = sessionsWith({ maxAge }, isStored)
      expect(await visit()).toEqual([])
      expect(asked).toBe(0)
      const first = await sessions.load('')
      first.data.user = 'dave'
      browser.take(await sessions.commit(first))
      expect(first.data).toEqual({ user: 'dave', _session_expiry: 60, _session_expiry_rule: 60 })
      expect(await sessions.commit(first)).toEqual([])
      expect(asked).toBe(1)
      // Nothing is due: it is not asked.
      answer = 90
      clock.pass(5)
      expect(await visit()).toEqual([])
      expect(asked).toBe(1)
      clock.pass(31)
      for (const cookie of await visit()) expect(cookie).toMatch(/Max-Age=90/)
      expect(asked).toBe(2)
      answer = 'browser'
      const [cookie] = await visit((data) => Object.assign(data, { n: 1 }))
      browser.take([cookie as string])
      expect(cookie).not.toMatch(/Max-Age/)
      expect((await sessions.load(browser.cookie)).data).toMatchObject({ _session_expiry: 0, _session_expiry_rule: 0 })
      answer = undefined
      browser.take(await visit((data) => Object.assign(data, { n: 2 })))
      expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'dave', n: 2 })
    },
  )

  test.each([false, true])('remember() and Python win (with a store: %s)', async (isStored) => {
    let asked = 0
    const expires = () => {
      asked++
      return new Date(START + 3_600_000)
    }
    const { sessions, browser, visit } = sessionsWith({ expires }, isStored)
    await visit((data) => Object.assign(data, { user: 'dave' }))
    expect(asked).toBe(1)
    const session = await sessions.load(browser.cookie)
    session.remember('30d')
    browser.take(await sessions.commit(session))
    expect(asked).toBe(1)
    await visit((data) => Object.assign(data, { n: 1 }))
    expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'dave', n: 1, _session_expiry: 30 * DAY })
    // `set_expiry(300)`, as Python leaves it beside what the function gave
    await visit((data) =>
      Object.assign(data, { _session_expiry: 300, _session_expiry_rule: '2023-11-14T23:13:20+00:00' }),
    )
    expect(asked).toBe(1)
    // `set_expiry(None)`
    const cookies = await visit((data) => delete (data as { _session_expiry?: number })._session_expiry)
    expect(asked).toBe(2)
    expect(cookies[0]).toMatch(/Expires=Tue, 14 Nov 2023 23:13:20 GMT; Max-Age=3600/)
  })

  test('maxAge before expires before fixed values', async () => {
    const visit = async (options: Partial<SessionsOptions>): Promise<string | undefined> => {
      const [cookie] = await sessionsWith(options).visit((data) => Object.assign(data, { user: 'dave' }))
      return /Max-Age=\d+/.exec(cookie ?? '')?.[0]
    }
    expect(await visit({ maxAge: () => 60, expires: () => 90 })).toBe('Max-Age=60')
    expect(await visit({ maxAge: () => undefined, expires: () => 90 })).toBe('Max-Age=90')
    expect(await visit({ maxAge: 120, expires: () => 90 })).toBe('Max-Age=90')
    expect(await visit({ maxAge: 120, expires: () => undefined })).toBe('Max-Age=120')
    expect(await visit({ maxAge: () => undefined, expires: () => undefined })).toBeUndefined()
  })

  const fail = (): never => {
    throw new RangeError('mine')
  }
  const failures: readonly (readonly [string, () => unknown, typeof TypeError])[] = [
    ['throws', fail, RangeError],
    ['is asynchronous', async () => 60, TypeError],
    ['gives a mistake', () => 0.5, TypeError],
    ['gives null', () => null, TypeError],
  ]
  test.each(failures)('that %s: the error is of the commit, and nothing is written', async (_, maxAge, kind) => {
    for (const isStored of [false, true]) {
      const { sessions, store } = sessionsWith({ maxAge: maxAge as () => number }, isStored)
      const session = await sessions.load('')
      session.data.user = 'dave'
      const headers = new Headers()
      await expect(sessions.commit(session, headers)).rejects.toThrow(kind)
      expect([...headers]).toEqual([])
      expect(session.isNew).toBe(true)
      expect(await store?.get(session.id)).toBeUndefined()
    }
  })
})

describe('several requests at once', () => {
  const store = () => memoryStore({ clock: () => new Date(START) })
  const signedIn = async (options: Partial<SessionsOptions> = {}) => {
    const rows = store()
    const made = serve({
      store: rows,
      codecs: [beakerJwt({ secrets })],
      expose: ['user'],
      idleTimeout: 600,
      ...options,
    })
    await made.visit((data) => Object.assign(data, { user: 'dave' }))
    return { ...made, rows }
  }

  test('a wish of one is not undone by a function or a touch of another', async () => {
    for (const options of [{}, { maxAge: () => 300 }]) {
      const { sessions, browser, clock, rows } = await signedIn(options)
      clock.pass(120)
      const [wishing, touching, changing] = (await Promise.all(
        [1, 2, 3].map(() => sessions.load(browser.cookie.slice())),
      )) as [
        Awaited<ReturnType<typeof sessions.load>>,
        Awaited<ReturnType<typeof sessions.load>>,
        Awaited<ReturnType<typeof sessions.load>>,
      ]
      wishing.remember('30d')
      changing.data.n = 1
      await sessions.commit(wishing)
      const end = new Date(clock().getTime() + 30 * DAY * 1000)
      expect((await rows.get(wishing.id))?.expiresAt).toEqual(end)
      await sessions.commit(touching)
      expect((await rows.get(wishing.id))?.expiresAt).toEqual(end)
      for (const cookie of await sessions.commit(changing)) expect(cookie).toMatch(/Max-Age=2592000/)
      expect(await rows.get(wishing.id)).toMatchObject({ expiresAt: end, data: { n: 1, _session_expiry: 30 * DAY } })
      expect(touching.expiresAt).toEqual(end)
    }
  })
})

test('a service that only reads goes by it, too', async () => {
  const { sessions, browser, clock } = serve({ idleTimeout: 60 })
  const session = await sessions.load('')
  session.data.user = 'dave'
  session.remember('30d')
  browser.take(await sessions.commit(session))
  const reading = verifySessions({
    session: defineSession({ idleTimeout: 60 }),
    codecs: [beakerJwt({ secrets })],
    clock,
  })
  clock.pass(29 * DAY)
  expect((await reading.load(browser.cookie)).data).toMatchObject({ user: 'dave' })
  clock.pass(2 * DAY)
  expect((await reading.load(browser.cookie)).isNew).toBe(true)
})

test('sessions without a lifetime of their own show nothing of it, and no cookie is set for it alone', async () => {
  const { visit } = serve({ expose: (data) => ({ _session_expiry: data._session_expiry }), maxAge: () => 60 })
  expect(await visit((data) => Object.assign(data, { user: 'dave' }))).toHaveLength(1)
})
