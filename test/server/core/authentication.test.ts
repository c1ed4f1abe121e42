/** When the visitor last proved who they are: what keeps it, what takes it away, and what asks for it. */
import { describe, expect, test } from 'vitest'
import { getSession } from '../../../src/client/index.js'
import {
  beakerJwt,
  compact,
  type Duration,
  defineSession,
  memoryStore,
  requireRecent,
  type Session,
  serializeForClient,
  verifySessions,
} from '../../../src/server/index.js'
import { dave, rejection, SECRET, START, serve, testClock } from '../server.helpers.js'

const KEY = '_authenticated_at'
const owner = (data: { user?: string }): string | undefined => data.user

function refused(session: Session<object>, maxAge: Duration): boolean {
  try {
    requireRecent(session, maxAge)
    return false
  } catch (error) {
    expect(error).toMatchObject({ code: 'ERR_SESSION_NOT_RECENT' })
    return true
  }
}

/** A visitor who has signed in, a quarter of a second after a full one. */
async function signedIn(options: Parameters<typeof serve>[0] = {}) {
  const server = serve(options, { clock: testClock(START + 250) })
  const { sessions, browser } = server
  const session = await sessions.load(null)
  session.regenerate({ authenticated: true })
  dave(session.data)
  browser.take(await sessions.commit(session))
  const load = () => sessions.load(browser.cookie)
  async function change(change: (session: Session) => void): Promise<Session> {
    const loaded = await load()
    change(loaded)
    browser.take(await sessions.commit(loaded))
    return loaded
  }
  return { ...server, load, change }
}

describe('authenticatedAt', () => {
  test('is the time of regenerate({ authenticated: true }), to the millisecond', async () => {
    const { load, clock } = await signedIn()
    clock.pass(100)
    const session = await load()
    expect(session.authenticatedAt).toEqual(new Date(START + 250))
    expect(session.data).toEqual({ user: 'dave', [KEY]: (START + 250) / 1000 })
  })

  test('is moved by authenticated(), which keeps the id', async () => {
    const { load, change, clock } = await signedIn()
    const { id } = await load()
    clock.pass(60.5)
    await change((session) => session.authenticated())
    const again = await load()
    expect([again.id, again.authenticatedAt]).toEqual([id, new Date(START + 60_750)])
  })

  test.each<[string, (session: Session) => void]>([
    ['regenerate()', (session) => session.regenerate()],
    ['regenerate({ authenticated: false })', (session) => session.regenerate({ authenticated: false })],
    ['a change', (session) => Object.assign(session.data, { visits: 1 })],
    ['csrfToken()', (session) => void session.csrfToken()],
    ['remember()', (session) => session.remember('30d')],
    ['flash()', (session) => session.flash('info', 'hello')],
  ])('is kept by %s', async (_, change) => {
    const { load, change: visit, clock } = await signedIn()
    clock.pass(60)
    await visit(change)
    expect((await load()).authenticatedAt).toEqual(new Date(START + 250))
  })

  test('no renewal moves it', async () => {
    const { sessions, browser, load, clock } = await signedIn({ idleTimeout: 3600 })
    for (let times = 0; times < 5; times++) {
      clock.pass(1800)
      const set = await sessions.commit(await load())
      expect(set).toHaveLength(1)
      browser.take(set)
    }
    expect((await load()).authenticatedAt).toEqual(new Date(START + 250))
  })

  test.each<[string, (session: Session) => void]>([
    ['an empty object in place of the data', (session) => Object.assign(session, { data: {} })],
    [
      'deleting the last key of the application',
      (session) => {
        delete session.data.user
        session.flash('info', 'Goodbye')
        session.remember('30d')
      },
    ],
    [
      'an undefined last key',
      (session) => {
        Object.assign(session.data, { user: undefined })
        session.flash('info', 'Goodbye')
      },
    ],
  ])('is removed by %s', async (_, change) => {
    const { load, change: visit } = await signedIn()
    await visit(change)
    await visit((session) => Object.assign(session.data, { user: 'eve' }))
    const session = await load()
    expect(session.data.user).toBe('eve')
    expect([session.authenticatedAt, session.data[KEY]]).toEqual([undefined, undefined])
  })

  test('does not go on in what the same request puts into an emptied session', async () => {
    const { sessions, browser, load } = await signedIn()
    const session = await load()
    delete session.data.user
    browser.take(await sessions.commit(session))
    expect(browser.cookie).toBe('')
    Object.assign(session.data, { user: 'eve' })
    browser.take(await sessions.commit(session))
    expect((await load()).data).toEqual({ user: 'eve' })
  })

  describe.each<[string, () => Parameters<typeof serve>[0]]>([
    ['a store', () => ({ store: memoryStore() })],
    ['cookies that count versions', () => ({ codecs: [compact({ secrets: [SECRET] })] })],
  ])('two requests at once, over %s', (_, options) => {
    /** One signs in as another user without a proof, the other proves who the first user is. */
    async function raced(first: 'switch' | 'proof', prove = (session: Session) => session.authenticated()) {
      const { load, browser, sessions, clock } = await signedIn({ owner, ...options() })
      clock.pass(60)
      const [switched, proved] = [await load(), await load()]
      Object.assign(switched.data, { user: 'eve' })
      prove(proved)
      for (const session of first === 'switch' ? [switched, proved] : [proved, switched]) {
        browser.take(await sessions.commit(session))
      }
      return await load()
    }

    test.each(['switch', 'proof'] as const)(
      'what one user proved does not go over to the other: %s first',
      async (first) => {
        const session = await raced(first)
        expect(session).toMatchObject({ owner: 'eve', authenticatedAt: undefined })
      },
    )

    test('nor with a new id', async () => {
      const session = await raced('switch', (proved) => proved.regenerate({ authenticated: true }))
      expect(session).toMatchObject({ owner: 'eve', authenticatedAt: undefined })
    })

    test('what the user proved who is there stays', async () => {
      const { load, browser, sessions, clock } = await signedIn({ owner, ...options() })
      clock.pass(60)
      const [other, proved] = [await load(), await load()]
      Object.assign(other.data, { theme: 'dark' })
      proved.authenticated()
      browser.take(await sessions.commit(proved))
      browser.take(await sessions.commit(other))
      expect((await load()).authenticatedAt).toEqual(new Date(START + 60_250))
    })
  })

  test('is not shown to a page', async () => {
    const { sessions, browser, load } = await signedIn({ expose: (data) => ({ ...data }) })
    expect(serializeForClient(await load())).toBe('{"user":"dave"}')
    const [, payload = ''] = (browser.cookies.get(`${sessions.name}.public`) ?? '').split('.')
    expect(Buffer.from(payload, 'base64url').toString()).not.toContain(KEY)
    const readable = await signedIn({ expose: true })
    expect(serializeForClient(await readable.load())).toBe('{"user":"dave"}')
    expect(getSession(readable.sessions.name, { cookie: readable.browser.cookie, now: new Date(START) })).toEqual({
      user: 'dave',
    })
  })

  test('alone keeps no session', async () => {
    const { sessions } = serve()
    const session = await sessions.load(null)
    session.authenticated()
    expect(await sessions.commit(session)).toEqual([])
    dave(session.data)
    await sessions.commit(session)
    expect(session.authenticatedAt).toEqual(new Date(START))
  })

  describe('with the option "owner"', () => {
    test('goes with a sign-out that leaves other data', async () => {
      const { load, change } = await signedIn({ owner })
      await change((session) => Object.assign(session.data, { cart: 1 }))
      expect((await load()).authenticatedAt).toBeDefined()
      await change((session) => void delete session.data.user)
      expect((await load()).data).toEqual({ cart: 1 })
    })

    test('goes with another owner, unless that one has proved who they are', async () => {
      const { load, change } = await signedIn({ owner })
      await change((session) => Object.assign(session.data, { user: 'eve' }))
      expect((await load()).authenticatedAt).toBeUndefined()
      await change((session) => {
        session.regenerate({ authenticated: true })
        Object.assign(session.data, { user: 'dave' })
      })
      expect((await load()).authenticatedAt).toBeDefined()
    })

    test('stays with another owner who has proved it in the same millisecond', async () => {
      const { load, change } = await signedIn({ owner })
      await change((session) => {
        session.regenerate({ authenticated: true })
        Object.assign(session.data, { user: 'eve' })
      })
      expect(await load()).toMatchObject({ owner: 'eve', authenticatedAt: new Date(START + 250) })
    })

    test('stays with the same owner', async () => {
      const { load, change } = await signedIn({ owner })
      await change((session) => Object.assign(session.data, { visits: 1 }))
      expect((await load()).authenticatedAt).toEqual(new Date(START + 250))
    })
  })

  test('set by name counts as what it is, and a copy of the one before does not', async () => {
    const { load, change } = await signedIn({ owner })
    await change((session) => {
      session.data = { user: 'eve', [KEY]: session.data[KEY] }
    })
    expect((await load()).data).toEqual({ user: 'eve' })
    await change((session) => Object.assign(session.data, { user: 'dave', [KEY]: START / 1000 + 1 }))
    expect((await load()).authenticatedAt).toEqual(new Date(START + 1000))
  })

  test('without it a sign-out that leaves other data keeps it', async () => {
    const { load, change } = await signedIn()
    await change((session) => Object.assign(session.data, { cart: 1 }))
    await change((session) => void delete session.data.user)
    expect((await load()).authenticatedAt).toEqual(new Date(START + 250))
  })

  test.each([['1700000000'], [0], [-1], [Number.NaN], [1e11], [Number.POSITIVE_INFINITY], [null], [{}], [[1]], [true]])(
    'of %j is none',
    async (value) => {
      const { sessions } = serve()
      const session = await sessions.load(null)
      Object.assign(session.data, { user: 'dave', [KEY]: value })
      expect(session.authenticatedAt).toBeUndefined()
      expect(refused(session, '14d')).toBe(true)
    },
  )

  test('may come from Python: seconds as time.time() gives them', async () => {
    const { sessions } = serve()
    const session = await sessions.load(null)
    Object.assign(session.data, { user: 'dave', [KEY]: 1_700_000_000.123456 })
    expect(session.authenticatedAt).toEqual(new Date(1_700_000_000_123))
  })

  test('every millisecond is the same after a second as seconds', async () => {
    const { sessions } = serve()
    const session = await sessions.load(null)
    for (let millisecond = 0; millisecond < 1000; millisecond++) {
      Object.assign(session.data, { [KEY]: (START + millisecond) / 1000 })
      expect(session.authenticatedAt?.getTime()).toBe(START + millisecond)
    }
  })

  test('is known to sessions with a store, and to those that only read', async () => {
    const store = memoryStore({ clock: () => new Date(START) })
    const { load, browser, sessions } = await signedIn({ store })
    expect((await load()).authenticatedAt).toEqual(new Date(START + 250))
    const codecs = [beakerJwt({ secrets: SECRET })]
    const reader = verifySessions({
      session: defineSession({ name: sessions.name }),
      codecs,
      store,
      clock: () => new Date(START),
    })
    const read = await reader.load(browser.cookie)
    expect(read.authenticatedAt).toEqual(new Date(START + 250))
    expect(refused(read, '1s')).toBe(false)
  })
})

describe('regenerate', () => {
  test.each([[{ authenticted: true }], [{ authenticated: 'yes' }], [null], ['authenticated']])(
    'refuses %j',
    async (options) => {
      const { sessions } = serve()
      const session = await sessions.load(null)
      expect(() => session.regenerate(options as never)).toThrow(TypeError)
    },
  )
})

describe('requireRecent', () => {
  test('passes until the age is reached, and not a millisecond longer', async () => {
    const { load, clock } = await signedIn()
    const session = await load()
    clock.pass(600)
    expect(refused(session, '10m')).toBe(false)
    expect(refused(session, 600)).toBe(false)
    clock.pass(0.001)
    expect(refused(session, '10m')).toBe(true)
  })

  test('a time in the future counts as far as the clocks of servers may differ', async () => {
    const { sessions } = serve()
    const session = await sessions.load(null)
    Object.assign(session.data, { [KEY]: START / 1000 + 300 })
    expect(refused(session, '10m')).toBe(false)
    Object.assign(session.data, { [KEY]: START / 1000 + 300.001 })
    expect(refused(session, '10m')).toBe(true)
  })

  test('refuses a session that does not know, and one that was destroyed', async () => {
    const { sessions, load } = await signedIn()
    expect(refused(await sessions.load(null), '10m')).toBe(true)
    const session = await load()
    await sessions.destroy(session)
    expect(refused(session, '10m')).toBe(true)
  })

  test('says with which age, and as which status', async () => {
    const { sessions } = serve()
    const session = await sessions.load(null)
    const error = await rejection('ERR_SESSION_NOT_RECENT', () => requireRecent(session, '10m'))
    expect(error).toMatchObject({ maxAge: 600, status: 403, statusCode: 403 })
    expect(String(error)).not.toContain(START)
  })

  test.each([['ten minutes'], [undefined], [Number.NaN], [-1]])('refuses the age %s', async (maxAge) => {
    const { sessions } = serve()
    const session = await sessions.load(null)
    expect(() => requireRecent(session, maxAge as never)).toThrow(/The maximum age of requireRecent\(\)/)
  })
})
