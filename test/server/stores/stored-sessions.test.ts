import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import {
  beakerJwt,
  createSessions,
  decodeSession,
  djangoSigned,
  jwt,
  type SessionCodec,
  SessionError,
  type SessionStore,
} from '../../../src/server/index.js'
import { NAME, OLD_SECRET, rejection, SECRET, START, serve, testBrowser, testClock } from '../server.helpers.js'
import { openStore, serveStored } from './stores.helpers.js'

const only = (store: { rows: Map<string, unknown> }): string => [...store.rows.keys()].join()

describe('the cookie names the session and holds none of it', () => {
  test('jwt: id and times', async () => {
    const { browser, visit } = serveStored({ idleTimeout: 1800 })
    await visit((data) => Object.assign(data, { user: 'dave', secretPlan: 'x' }))
    const { claims } = decodeSession(browser.cookies.get(NAME) as string)
    expect(claims).toEqual({
      jti: expect.stringMatching(/^[0-9a-f]{32}$/),
      iat: START / 1000,
      exp: START / 1000 + 1800,
    })
  })

  test('beakerJwt: nothing but what Beaker keeps of the session itself', async () => {
    const { browser, visit, sessions } = serveStored({ codecs: [beakerJwt({ secrets: [SECRET] })] })
    await visit((data) => Object.assign(data, { user: 'dave' }))
    expect(decodeSession(browser.cookies.get(NAME) as string).data).toEqual({})
    expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'dave' })
  })

  test('session.data is the row, session.claims the token', async () => {
    const { browser, visit, sessions } = serveStored()
    await visit((data) => Object.assign(data, { user: 'dave', exp: 'a key like any other', _id: 1 }))
    const session = await sessions.load(browser.cookie)
    expect(session.data).toEqual({ user: 'dave', exp: 'a key like any other', _id: 1 })
    expect(session.claims).toEqual({ jti: session.id, iat: START / 1000 })
    expect(session).toMatchObject({ isNew: false, codec: 'jwt' })
  })

  test('a codec gets the row to take claims from, and what the token said before', async () => {
    const seen: unknown[] = []
    const inner = jwt({ secrets: [SECRET] })
    const codec = {
      ...inner,
      sign(
        record: Parameters<NonNullable<typeof inner.sign>>[0],
        context: Parameters<NonNullable<typeof inner.sign>>[1],
      ) {
        seen.push([record.data, record.stored, record.claims !== undefined])
        const user = (record.stored as { user?: string }).user
        return (inner.sign as NonNullable<typeof inner.sign>)(
          { ...record, data: { ...record.data, ...(user ? { u: user } : {}) } },
          context,
        )
      },
    }
    const { browser, visit, clock, sessions } = serveStored({ codecs: [codec], idleTimeout: 1800 })
    await visit((data) => Object.assign(data, { user: 'dave' }))
    expect(seen).toEqual([[{}, { user: 'dave' }, false]])
    clock.pass(100)
    await visit()
    expect(seen[1]).toEqual([{ u: 'dave' }, { user: 'dave' }, true])
    const session = await sessions.load(browser.cookie)
    expect(session.claims?.u).toBe('dave')
    expect(session.data).toEqual({ user: 'dave' })
    session.regenerate()
    session.data.user = 'eve'
    await sessions.commit(session)
    expect(seen[2]).toEqual([{}, { user: 'eve' }, false])
  })

  test('expose: true shows the token alone, a list shows fields of the row', async () => {
    const open = serveStored({ expose: true })
    await open.visit((data) => Object.assign(data, { user: 'dave' }))
    expect([...open.browser.cookies.keys()]).toEqual([NAME])
    const half = serveStored({ expose: ['user'] })
    await half.visit((data) => Object.assign(data, { user: 'dave', plan: 'x' }))
    expect(decodeSession(half.browser.cookies.get(`${NAME}.public`) as string).data).toEqual({ user: 'dave' })
    const cookies = await half.visit((data) => Object.assign(data, { user: 'eve' }))
    expect(cookies.map((cookie) => cookie.slice(0, cookie.indexOf('=')))).toEqual([`${NAME}.public`])
    expect(decodeSession(half.browser.cookies.get(`${NAME}.public`) as string).data).toEqual({ user: 'eve' })
  })
})

describe('rows', () => {
  test('an anonymous visit makes none', async () => {
    const store = openStore()
    const { visit } = serveStored({ store })
    expect(await visit()).toEqual([])
    expect(store.calls).toEqual([])
  })

  test('a new session gets a fresh id, a row and a cookie; a change only the row', async () => {
    const store = openStore()
    const { visit, sessions, browser } = serveStored({ store })
    expect(await visit((data) => Object.assign(data, { n: 1 }))).toHaveLength(1)
    expect(only(store)).toMatch(/^[0-9a-f]{32}$/)
    expect((await sessions.load(browser.cookie)).id).toBe(only(store))
    expect(await visit((data) => Object.assign(data, { n: 2 }))).toEqual([])
    expect([...store.rows.values()].map(({ data }) => data)).toEqual([{ n: 2 }])
  })

  test('deep changes and deleted keys are found; what did not change is not written', async () => {
    const store = openStore()
    const { visit, events } = serveStored({ store })
    await visit((data) => Object.assign(data, { cart: { items: [1] }, gone: 1 }))
    await visit((data) => {
      ;(data.cart as { items: number[] }).items.push(2)
      delete data.gone
    })
    expect([...store.rows.values()].map(({ data }) => data)).toEqual([{ cart: { items: [1, 2] } }])
    store.calls.length = 0
    events.length = 0
    await visit()
    expect(store.calls).toEqual(['get'])
    expect(events.map(({ type }) => type)).toEqual(['read'])
  })

  test('a change of the row alone is told as committed, without bytes of a cookie', async () => {
    const { visit, events } = serveStored()
    await visit((data) => Object.assign(data, { n: 1 }))
    events.length = 0
    await visit((data) => Object.assign(data, { n: 2 }))
    expect(events.map(({ type, bytes }) => [type, bytes === undefined])).toEqual([
      ['read', false],
      ['committed', true],
    ])
  })

  test('the row ends with the session, and a touch moves both ends', async () => {
    const store = openStore()
    const { visit, clock, sessions, browser } = serveStored({ store, idleTimeout: 1800, touchEvery: '5m' })
    await visit((data) => Object.assign(data, { n: 1 }))
    const end = () => [...store.rows.values()][0]?.expiresAt?.getTime()
    expect(end()).toBe(START + 1800_000)
    clock.pass(299)
    expect(await visit()).toEqual([])
    expect(end()).toBe(START + 1800_000)
    clock.pass(1)
    expect(await visit()).toHaveLength(1)
    expect(store.calls.filter((call) => call === 'touch')).toHaveLength(1)
    expect(end()).toBe(START + 300_000 + 1800_000)
    expect((await sessions.load(browser.cookie)).expiresAt?.getTime()).toBe(end())
  })

  test('a change when a touch is due sends the cookie too', async () => {
    const { visit, clock, sessions, browser } = serveStored({ idleTimeout: 1800, touchEvery: '5m' })
    await visit((data) => Object.assign(data, { n: 1 }))
    clock.pass(299)
    expect(await visit((data) => Object.assign(data, { n: 2 }))).toEqual([])
    clock.pass(1)
    expect(await visit((data) => Object.assign(data, { n: 3 }))).toHaveLength(1)
    clock.pass(1799)
    expect((await sessions.load(browser.cookie)).data).toEqual({ n: 3 })
  })

  test('a store that can not touch gets the row again', async () => {
    const { touch: _, ...store } = openStore()
    const { visit, clock } = serveStored({ store, idleTimeout: 1800, touchEvery: '5m' })
    await visit((data) => Object.assign(data, { n: 1 }))
    clock.pass(300)
    await visit()
    expect([...store.rows.values()]).toEqual([{ data: { n: 1 }, expiresAt: new Date(START + 2100_000) }])
  })

  test('what the store said of each value comes back to it', async () => {
    const written: unknown[] = []
    const origin = { format: 'test', root: () => ({ format: 'test', value: {} }) }
    const store: SessionStore = {
      name: 'exact',
      get: () => ({ data: { price: 1 }, origin }),
      set: (_, session) => void written.push(session.origin),
      delete: () => {},
    }
    const { visit } = serveStored({ store })
    await visit((data) => Object.assign(data, { a: 1 }))
    await visit((data) => Object.assign(data, { b: 2 }))
    expect(written).toEqual([undefined, origin])
  })
})

describe('a token whose row is not there', () => {
  test('is a fresh session with an id of its own, and its cookie stays for others', async () => {
    const store = openStore()
    const { visit, sessions, browser, events } = serveStored({ store })
    await visit((data) => Object.assign(data, { user: 'dave' }))
    const id = only(store)
    store.rows.clear()
    events.length = 0
    const session = await sessions.load(browser.cookie)
    expect(session).toMatchObject({ isNew: true, data: {} })
    expect(session.id).not.toBe(id)
    expect(session.rejected).toMatchObject({ code: 'ERR_SESSION_EXPIRED', verified: true })
    expect(events).toMatchObject([{ type: 'rejected', code: 'ERR_SESSION_EXPIRED' }])
    expect(await sessions.commit(session)).toEqual([])
    expect(store.rows.size).toBe(0)
  })

  test('writing to it makes another session, never one under the planted id', async () => {
    const store = openStore()
    const { visit, sessions, browser } = serveStored({ store })
    await visit((data) => Object.assign(data, { user: 'dave' }))
    const planted = only(store)
    store.rows.clear()
    await visit((data) => Object.assign(data, { user: 'eve' }))
    expect(only(store)).not.toBe(planted)
    expect((await sessions.load(browser.cookie)).id).toBe(only(store))
  })

  test('nor is a token without an id a session', async () => {
    const store = openStore()
    const codec = jwt({ secrets: [SECRET], identify: false }) as Required<SessionCodec>
    const { sessions } = serveStored({ store, codecs: [jwt({ secrets: [SECRET] })] })
    const context = { cookieName: NAME, purpose: 'session', now: new Date(START) } as const
    const { rejected } = await sessions.load(`${NAME}=${await codec.sign({ data: { user: 'dave' } }, context)}`)
    expect(rejected).toMatchObject({ code: 'ERR_SESSION_EXPIRED', message: 'The token names no session' })
  })

  test.each([
    ['jwt', jwt({ secrets: [SECRET], identify: false })],
    ['djangoSigned', djangoSigned({ secretKey: SECRET })],
  ])('a store needs a codec that keeps the id: %s', (name, codec) => {
    const options = { store: openStore(), codecs: [codec], expose: false } as const
    expect(() => createSessions(options)).toThrow(
      new RegExp(`"store" needs a codec that keeps .* id; ${name} does not`),
    )
    expect(() => createSessions({ ...options, readOnly: true })).not.toThrow()
  })

  test('another cookie of the name may have one', async () => {
    const store = openStore()
    const { sessions } = serveStored({ store })
    const made: string[] = []
    for (const user of ['dave', 'eve']) {
      const session = await sessions.load('')
      session.data.user = user
      made.push((await sessions.commit(session))[0]?.split(';')[0] as string)
      if (user === 'eve') store.rows.delete(session.id)
    }
    expect((await sessions.load(made.join('; '))).data).toEqual({ user: 'dave' })
  })
})

describe('regenerate', () => {
  test('new row, and the old one goes', async () => {
    const store = openStore()
    const { visit, sessions, browser } = serveStored({ store })
    await visit((data) => Object.assign(data, { cart: [1] }))
    const before = { id: only(store), cookie: browser.cookie }
    const session = await sessions.load(browser.cookie)
    session.regenerate()
    session.data.user = 'dave'
    browser.take(await sessions.commit(session))
    expect(only(store)).not.toBe(before.id)
    expect([...store.rows.values()].map(({ data }) => data)).toEqual([{ cart: [1], user: 'dave' }])
    expect((await sessions.load(browser.cookie)).data).toEqual({ cart: [1], user: 'dave' })
    expect((await sessions.load(before.cookie)).isNew).toBe(true)
  })

  test('takes along what others wrote meanwhile', async () => {
    const store = openStore()
    const { visit, sessions, browser } = serveStored({ store })
    await visit((data) => Object.assign(data, { cart: [1] }))
    const session = await sessions.load(browser.cookie)
    await visit((data) => Object.assign(data, { seen: true }))
    session.regenerate()
    session.data.user = 'dave'
    await sessions.commit(session)
    expect([...store.rows.values()].map(({ data }) => data)).toEqual([{ cart: [1], seen: true, user: 'dave' }])
  })

  test('of a session that ended meanwhile only what this request changed lives on', async () => {
    const store = openStore()
    const { visit, sessions, browser, events } = serveStored({ store })
    await visit((data) => Object.assign(data, { user: 'dave' }))
    const session = await sessions.load(browser.cookie)
    await sessions.destroy(await sessions.load(browser.cookie))
    session.regenerate()
    session.data.role = 'admin'
    await sessions.commit(session)
    expect([...store.rows.values()].map(({ data }) => data)).toEqual([{ role: 'admin' }])
    expect(events.filter(({ type }) => type === 'conflict')).toMatchObject([{ code: 'ERR_SESSION_DESTROYED' }])
  })

  test('a row that a replica does not have yet is read in one step with a write', async () => {
    const store = openStore()
    const { visit, sessions, browser } = serveStored({ store })
    await visit((data) => Object.assign(data, { cart: [1] }))
    const session = await sessions.load(browser.cookie)
    store.get = async () => undefined
    session.regenerate()
    session.data.user = 'dave'
    await sessions.commit(session)
    expect([...store.rows.values()].map(({ data }) => data)).toEqual([{ cart: [1], user: 'dave' }])
  })

  test('twice in one request leaves one row', async () => {
    const store = openStore()
    const { visit, sessions, browser } = serveStored({ store })
    await visit((data) => Object.assign(data, { a: 1 }))
    const session = await sessions.load(browser.cookie)
    for (const user of ['dave', 'eve']) {
      session.regenerate()
      session.data.user = user
      browser.take(await sessions.commit(session))
    }
    expect([...store.rows.entries()].map(([id, { data }]) => [id, data])).toEqual([[session.id, { a: 1, user: 'eve' }]])
    expect((await sessions.load(browser.cookie)).data).toEqual({ a: 1, user: 'eve' })
  })
})

describe('destroy', () => {
  test('the row and the cookie go', async () => {
    const store = openStore()
    const { visit, sessions, browser } = serveStored({ store, expose: ['user'] })
    await visit((data) => Object.assign(data, { user: 'dave' }))
    const old = browser.cookie
    browser.take(await sessions.destroy(await sessions.load(browser.cookie)))
    expect([store.rows.size, browser.cookies.size]).toEqual([0, 0])
    expect((await sessions.load(old)).isNew).toBe(true)
  })

  test('no commit of the same request brings it back', async () => {
    const store = openStore()
    const { visit, sessions, browser } = serveStored({ store })
    await visit((data) => Object.assign(data, { user: 'dave' }))
    const session = await sessions.load(browser.cookie)
    await sessions.destroy(session)
    session.data.user = 'eve'
    await sessions.commit(session)
    expect(store.rows.size).toBe(0)
  })

  test.each([true, false])(
    'no commit of a parallel request does, nor does it touch the cookie (atomic: %s)',
    async (atomic) => {
      const store = openStore({ atomic })
      const { visit, sessions, browser, events } = serveStored({ store, expose: ['user'] })
      await visit((data) => Object.assign(data, { user: 'dave' }))
      const late = await sessions.load(browser.cookie)
      await sessions.destroy(await sessions.load(browser.cookie))
      late.data.user = 'eve'
      expect(await sessions.commit(late)).toEqual([])
      expect(store.ids).toEqual([])
      expect(late.isDestroyed).toBe(true)
      expect(events.filter(({ type }) => type === 'conflict')).toMatchObject([{ code: 'ERR_SESSION_DESTROYED' }])
    },
  )

  test.each([true, false])(
    'nor does a parallel request that only renews the token, which shows what others wrote (atomic: %s)',
    async (atomic) => {
      const store = openStore({ atomic })
      const { visit, sessions, browser, events, clock } = serveStored({ store, expose: ['user'], idleTimeout: 1800 })
      await visit((data) => Object.assign(data, { user: 'dave' }))
      clock.pass(900)
      const [late, later] = [await sessions.load(browser.cookie), await sessions.load(browser.cookie)]
      await visit((data) => Object.assign(data, { user: 'eve' }))
      const [, half = ''] = await sessions.commit(late)
      expect(decodeSession(half.slice(half.indexOf('=') + 1, half.indexOf(';'))).data).toEqual({ user: 'eve' })
      await sessions.destroy(await sessions.load(browser.cookie))
      expect(await sessions.commit(later)).toEqual([])
      expect([store.ids, later.isDestroyed]).toEqual([[], true])
      expect(events.filter(({ type }) => type === 'conflict')).toMatchObject([{ code: 'ERR_SESSION_DESTROYED' }])
    },
  )

  test.each([true, false])('a delete between another request reading and writing wins (atomic: %s)', async (atomic) => {
    const store = openStore({ atomic })
    const { visit, sessions, browser } = serveStored({ store })
    await visit((data) => Object.assign(data, { user: 'dave' }))
    const [late, leaving] = [await sessions.load(browser.cookie), await sessions.load(browser.cookie)]
    late.data.n = 1
    store.gate = (call) => ({ set: wait(20), update: wait(20), delete: wait(10) })[call]
    await Promise.all([sessions.commit(late), sessions.destroy(leaving)])
    expect(store.ids).toEqual([])
  })

  test('a first save that is still under way is ended too', async () => {
    const store = openStore()
    const { sessions } = serveStored({ store })
    const session = await sessions.load('')
    session.data.user = 'dave'
    store.gate = (call) => (call === 'set' ? wait(20) : undefined)
    await Promise.all([sessions.commit(session), sessions.destroy(session)])
    expect(store.rows.size).toBe(0)
  })
})

describe('a store that is down', () => {
  const down = new Error('connect ECONNREFUSED swordfish-password')

  test('load, commit and destroy say so with the cause, and nothing is set', async () => {
    const store = openStore()
    const { visit, sessions, browser } = serveStored({ store })
    await visit((data) => Object.assign(data, { user: 'dave' }))
    const session = await sessions.load(browser.cookie)
    session.data.user = 'eve'
    store.fault = down
    for (const attempt of [
      () => sessions.load(browser.cookie),
      () => sessions.commit(session),
      () => sessions.destroy(session),
    ]) {
      const error = await rejection('ERR_SESSION_STORE', attempt)
      expect(error.cause).toBe(down)
      expect(error.message).not.toContain('swordfish')
    }
    delete store.fault
    // The row is as it was; nothing saves the ended session, and ending it again works.
    expect([...store.rows.values()].map(({ data }) => data)).toEqual([{ user: 'dave' }])
    await sessions.commit(session)
    expect([...store.rows.values()].map(({ data }) => data)).toEqual([{ user: 'dave' }])
    await sessions.destroy(session)
    expect(store.rows.size).toBe(0)
  })

  test('a new session can not be saved either, and a later commit does', async () => {
    const store = openStore()
    const { sessions } = serveStored({ store })
    const session = await sessions.load('')
    session.data.user = 'dave'
    store.fault = down
    await rejection('ERR_SESSION_STORE', sessions.commit(session))
    delete store.fault
    expect(await sessions.commit(session)).toHaveLength(1)
    expect(only(store)).toBe(session.id)
  })

  test('a store that throws at once, and one that can not touch', async () => {
    const store = openStore()
    const { visit, clock, sessions, browser } = serveStored({ store, idleTimeout: 60 })
    await visit((data) => Object.assign(data, { user: 'dave' }))
    clock.pass(40)
    const session = await sessions.load(browser.cookie)
    store.touch = () => {
      throw down
    }
    expect((await rejection('ERR_SESSION_STORE', sessions.commit(session))).cause).toBe(down)
    store.get = () => {
      throw down
    }
    await rejection('ERR_SESSION_STORE', sessions.load(browser.cookie))
  })
})

describe('a row that cannot be read', () => {
  const damaged = new SessionError('ERR_SESSION_SIGNATURE', 'The row is not signed with our key')

  async function withDamage() {
    const store = openStore()
    const fixture = serveStored({ store })
    await fixture.visit((data) => Object.assign(data, { user: 'dave' }))
    store.fault = damaged
    const session = await fixture.sessions.load(fixture.browser.cookie)
    delete store.fault
    return { ...fixture, store, session }
  }

  test('is somebody’s: no commit replaces it', async () => {
    const { session, sessions, store } = await withDamage()
    expect(session.rejected).toMatchObject({ code: 'ERR_SESSION_SIGNATURE', verified: true })
    expect(session.isNew).toBe(true)
    session.data.user = 'eve'
    await rejection('ERR_SESSION_PROTECTED', sessions.commit(session))
    expect([...store.rows.values()].map(({ data }) => data)).toEqual([{ user: 'dave' }])
  })

  test('regenerate() puts another in its place', async () => {
    const { session, sessions, store } = await withDamage()
    session.regenerate()
    session.data.user = 'eve'
    await sessions.commit(session)
    expect([...store.rows.entries()].map(([id, { data }]) => [id, data])).toEqual([[session.id, { user: 'eve' }]])
  })

  test('destroy() removes it', async () => {
    const { session, sessions, store } = await withDamage()
    expect((await sessions.destroy(session))[0]).toContain('Max-Age=0')
    expect(store.rows.size).toBe(0)
  })
})

describe('with other options', () => {
  test('observe writes no row and no cookie, and tells what it would do', async () => {
    const store = openStore()
    const writing = serveStored({ store })
    await writing.visit((data) => Object.assign(data, { n: 1 }))
    const { visit, events, sessions } = serveStored({ store, mode: 'observe' }, { browser: writing.browser })
    store.calls.length = 0
    expect(await visit((data) => Object.assign(data, { n: 2 }))).toEqual([])
    const session = await sessions.load(writing.browser.cookie)
    session.regenerate()
    await sessions.commit(session)
    await sessions.destroy(session)
    expect(store.calls).toEqual(['get', 'get'])
    expect([...store.rows.values()].map(({ data }) => data)).toEqual([{ n: 1 }])
    expect(events.filter(({ observed }) => observed).map(({ type }) => type)).toEqual([
      'committed',
      'committed',
      'destroyed',
    ])
  })

  test('a service that only reads', async () => {
    const store = openStore()
    const { visit, browser } = serveStored({ store })
    await visit((data) => Object.assign(data, { user: 'dave' }))
    const { sessions } = serve({ store, codecs: [jwt({ secrets: [SECRET] })], expose: false, readOnly: true })
    expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'dave' })
  })

  test('a new key and a new codec change the cookie and leave the row', async () => {
    const store = openStore()
    const browser = testBrowser()
    const clock = testClock()
    const old = serveStored({ store, codecs: [beakerJwt({ secrets: [OLD_SECRET] })] }, { browser, clock })
    await old.visit((data) => Object.assign(data, { user: 'dave' }))
    const id = only(store)
    const codecs = [jwt({ secrets: [SECRET] }), beakerJwt({ secrets: [OLD_SECRET] })]
    const next = serveStored({ store, codecs }, { browser, clock })
    expect(await next.visit()).toHaveLength(1)
    expect(decodeSession(browser.cookies.get(NAME) as string).claims).toMatchObject({ jti: id })
    expect((await next.sessions.load(browser.cookie)).data).toEqual({ user: 'dave' })
    expect(only(store)).toBe(id)
  })

  test('a value that the store can not hold stops the commit', async () => {
    const { sessions } = serveStored()
    const session = await sessions.load('')
    session.data.fn = () => {}
    const error = await rejection('ERR_SESSION_UNWRITABLE', sessions.commit(session))
    expect(error.path).toBe('fn')
  })

  test.each([{}, { get() {} }, null, 'redis'])('a store without the methods is refused: %j', (store) => {
    expect(() => serveStored({ store: store as never })).toThrow(/Option "store"/)
  })
})

test('what the public cookie can not hold is not written to the row either', async () => {
  const store = openStore()
  const { visit, sessions, browser } = serveStored({ store, expose: ['bio'] })
  const fill = (data: Record<string, unknown>): unknown => Object.assign(data, { bio: 'x'.repeat(5000) })
  await rejection('ERR_SESSION_TOO_LARGE', () => visit(fill))
  expect(store.rows.size).toBe(0)
  await visit((data) => Object.assign(data, { bio: 'short' }))
  await rejection('ERR_SESSION_TOO_LARGE', () => visit(fill))
  const session = await sessions.load(browser.cookie)
  expect(session.data).toEqual({ bio: 'short' })
  expect(await sessions.commit(session)).toEqual([])
})

test('a write that another request makes too large for the public cookie fails, and nothing is written', async () => {
  for (const atomic of [true, false]) {
    const store = openStore({ atomic })
    const { visit, sessions, browser } = serveStored({ store, expose: ['a', 'b'] })
    await visit((data) => Object.assign(data, { a: '', b: '' }))
    const [one, other] = [await sessions.load(browser.cookie), await sessions.load(browser.cookie)]
    one.data.a = 'x'.repeat(2000)
    other.data.b = 'y'.repeat(2000)
    browser.take(await sessions.commit(one))
    await rejection('ERR_SESSION_TOO_LARGE', () => sessions.commit(other))
    expect([...store.rows.values()].map(({ data }) => data)).toEqual([{ a: one.data.a, b: '' }])
    await visit((data) => Object.assign(data, { b: 'y' }))
    expect((await sessions.load(browser.cookie)).data).toEqual({ a: one.data.a, b: 'y' })
  }
})

test('a public cookie is signed once with a row', async () => {
  const codec = jwt({ secrets: [SECRET] })
  const purposes: string[] = []
  const counting: SessionCodec = {
    ...codec,
    sign: (record, context) => {
      purposes.push(context.purpose)
      return (codec as Required<SessionCodec>).sign(record, context)
    },
  }
  const { visit } = serveStored({ store: openStore(), codecs: [counting], expose: ['user'] })
  await visit((data) => Object.assign(data, { user: 'dave' }))
  await visit((data) => Object.assign(data, { user: 'eve' }))
  expect(purposes).toEqual(['public', 'session', 'public'])
})

test('a row of another release that the public cookie can not hold signs nobody out', async () => {
  const store = openStore()
  const { visit, browser } = serveStored({ store, expose: ['user'] })
  await visit((data) => Object.assign(data, { user: 'dave', bio: 'x'.repeat(5000) }))
  const { sessions, events } = serveStored({ store, expose: ['user', 'bio'] })
  const session = await sessions.load(browser.cookie)
  expect(await sessions.commit(session)).toEqual([])
  expect(events).toContainEqual(expect.objectContaining({ type: 'kept', code: 'ERR_SESSION_TOO_LARGE' }))
  session.data.bio += 'x'
  await rejection('ERR_SESSION_TOO_LARGE', () => sessions.commit(session))
  // What shows no more than before is written. The public cookie that says something else goes.
  session.data.bio = 'x'.repeat(4900)
  session.data.more = true
  const cookies = await sessions.commit(session)
  expect(cookies).toEqual([expect.stringMatching(/^[^=]+\.public=; .*Max-Age=0/)])
  browser.take(cookies)
  expect((await sessions.load(browser.cookie)).data).toMatchObject({ more: true })
  session.data.bio = 'short'
  expect(await sessions.commit(session)).toEqual([expect.stringContaining('.public=')])
})
