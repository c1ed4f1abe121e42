/** `with()`: the same sessions with other options, for one request or one tenant. */
import { describe, expect, test } from 'vitest'
import {
  beakerJwt,
  compact,
  createSessions,
  defineSession,
  djangoSession,
  jwt,
  memoryStore,
  type SessionCodec,
  type SessionData,
  type SessionEvent,
  type SessionStore,
  type Sessions,
  verifySessions,
} from '../../../src/server/index.js'
import { sessionCookie } from '../../../src/server/testing.js'
import { NAME, namesOf, OLD_SECRET, SECRET, START, testClock } from '../server.helpers.js'

const user = { user: 'dave' }

/** The Cookie header after a first request. */
async function signIn(sessions: Sessions, data: Record<string, unknown> = user): Promise<string> {
  const session = await sessions.load('')
  Object.assign(session.data, data)
  return cookieOf(await sessions.commit(session))
}

function cookieOf(setCookies: readonly string[]): string {
  return setCookies.map((text) => text.split(';')[0]).join('; ')
}

async function dataOf(sessions: Pick<Sessions, 'load'>, cookie: string): Promise<unknown> {
  const { data, rejected } = await sessions.load(cookie)
  return rejected?.code ?? data
}

describe('options', () => {
  const base = createSessions<SessionData>({ secrets: [SECRET], expose: ['user'], domain: 'example.com' })

  test('change the attributes of cookies, and nothing of the sessions they come from', async () => {
    const other = base.with({ domain: 'shop.example', sameSite: 'strict', maxAge: '1h' })
    const session = await other.load('')
    session.data.user = 'dave'
    const [cookie] = await other.commit(session)
    expect(cookie).toMatch(/; Domain=shop\.example; Max-Age=3600; .*SameSite=Strict/)
    const own = await base.load('')
    own.data.user = 'dave'
    expect((await base.commit(own))[0]).toMatch(/; Domain=example\.com; .*SameSite=Lax/)
  })

  test('that are undefined are as if createSessions had not been given them', async () => {
    const other = base.with({ domain: undefined, secure: undefined })
    const session = await other.load('')
    session.data.user = 'dave'
    const [cookie] = await other.commit(session)
    expect(cookie).not.toContain('Domain')
    expect(cookie).toContain('Secure')
  })

  test('add up', async () => {
    const clock = testClock(START + 5000)
    const other = base.with({ clock }).with({ path: '/app' }).with({ priority: 'high' })
    const session = await other.load('')
    expect(session.createdAt).toEqual(new Date(START + 5000))
    session.data.user = 'dave'
    expect((await other.commit(session))[0]).toMatch(/; Domain=example\.com; HttpOnly; Path=\/app; Priority=High/)
  })

  test('read and write with other keys', async () => {
    const other = base.with({ secrets: OLD_SECRET })
    const cookie = await signIn(other)
    expect(await dataOf(base, cookie)).toBe('ERR_SESSION_SIGNATURE')
    expect(await dataOf(other, cookie)).toEqual(user)
    expect(await dataOf(other.with({ codecs: [beakerJwt({ secrets: SECRET })] }), await signIn(base))).toEqual(user)
  })

  test('use another store, and the clock for it', async () => {
    const clock = testClock()
    const first = createSessions<SessionData>({
      session: defineSession({ idleTimeout: 60 }),
      codecs: [jwt({ secrets: [SECRET] })],
      store: memoryStore({ clock }),
      expose: false,
      clock,
    })
    const cookie = await signIn(first)
    expect(await dataOf(first.with({ mode: 'observe' }), cookie)).toEqual(user)
    expect(await dataOf(first.with({ store: memoryStore() }), cookie)).toBe('ERR_SESSION_EXPIRED')
    expect(await dataOf(first.with({ clock: () => new Date(START + 61_000) }), cookie)).toBe('ERR_SESSION_EXPIRED')
  })

  test('tell other listeners, and a codec has one listener however often with() is called', async () => {
    let listeners = 0
    const codec: SessionCodec = {
      ...beakerJwt({ secrets: SECRET }),
      keys: { publicKeys: async () => [], listen: () => void listeners++, ready: async () => {} },
    }
    const events: SessionEvent[] = []
    const sessions = createSessions<SessionData>({ codecs: [codec], expose: false, on() {} })
    const heard = sessions.with({ on: (event) => events.push(event) })
    for (let index = 0; index < 5; index++) sessions.with({ secure: false, codecs: [codec], on() {} })
    await signIn(heard)
    await signIn(sessions)
    expect(events.map(({ type }) => type)).toEqual(['committed'])
    expect(listeners).toBe(1)
  })

  test('a warning about plain HTTP comes once for all', async () => {
    const events: SessionEvent[] = []
    const sessions = base.with({ on: (event) => events.push(event) })
    for (const secure of [false, true, true]) {
      const changed = sessions.with({ secure })
      const session = await changed.load(new Request('http://shop.example/'))
      session.data.user = 'dave'
      await changed.commit(session)
    }
    expect(events.filter(({ type }) => type === 'insecure')).toHaveLength(1)
  })

  test.each([
    ['session', defineSession(), /does not change "session"/],
    ['expose', true, /does not change "expose"/],
    ['readOnly', true, /does not change "readOnly"/],
    ['idleTimeout', '5m', /does not change "idleTimeout" of defineSession\(\)/],
    ['tenant', undefined, /"tenant" must be a text/],
    ['tenant', '', /"tenant" must be a text/],
    ['tenant', 'a\n', /"tenant" must be a text/],
    ['tenant', 'a'.repeat(256), /"tenant" must be a text/],
    ['tenant', 7, /"tenant" must be a text/],
    ['secrets', undefined, /"secrets" is undefined/],
    ['store', undefined, /"store" is undefined/],
    ['codecs', [], /"codecs" is empty/],
    ['domein', 'example.com', /^with has no option "domein". Did you mean "domain"\?/],
    ['sameSite', 'none', undefined],
  ])('%s: %s', (option, value, message) => {
    const change = (): unknown => base.with({ [option]: value })
    if (message)
      expect(change).toThrow(expect.objectContaining({ name: 'TypeError', message: expect.stringMatching(message) }))
    else expect(change).not.toThrow()
  })

  test('secrets and codecs exclude each other', () => {
    const codecs = [beakerJwt({ secrets: SECRET })]
    expect(() => base.with({ codecs, secrets: SECRET })).toThrow(/either "codecs" or "secrets"/)
  })
})

describe('a tenant', () => {
  const codec = compact({ secrets: SECRET })
  const sessions = createSessions<SessionData>({ codecs: [codec], expose: ['user'] })
  const [shop, blog] = [sessions.with({ tenant: 'shop' }), sessions.with({ tenant: 'blog' })]

  test('takes no session of another, nor one without a tenant', async () => {
    const cookies = [await signIn(shop), await signIn(blog), await signIn(sessions)]
    const seen = await Promise.all(
      [shop, blog, sessions].map(async (each) => await Promise.all(cookies.map((cookie) => dataOf(each, cookie)))),
    )
    // Again, out of the cache that they share.
    const again = await Promise.all([shop, blog, sessions].map((each, at) => dataOf(each, cookies[at] as string)))
    const no = 'ERR_SESSION_SIGNATURE'
    expect(seen).toEqual([
      [user, no, no],
      [no, user, no],
      [no, no, user],
    ])
    expect(again).toEqual([user, user, user])
    expect(await dataOf(blog, cookies[0] as string)).toBe(no)
  })

  test('keeps its session through other options, and a verifier that is told of it reads it', async () => {
    const cookie = await signIn(shop.with({ domain: 'shop.example' }))
    expect(await dataOf(shop, cookie)).toEqual(user)
    expect(
      await dataOf(createSessions<SessionData>({ codecs: [codec], expose: false, tenant: 'shop' }), cookie),
    ).toEqual(user)
    expect(await dataOf(verifySessions({ codecs: [codec], tenant: 'shop' }), cookie)).toEqual(user)
    expect(await dataOf(verifySessions({ codecs: [codec] }), cookie)).toBe('ERR_SESSION_SIGNATURE')
    const reader = createSessions({ codecs: [codec], readOnly: true, tenant: 'shop' })
    expect(await dataOf(reader, cookie)).toEqual(user)
  })

  test('has its own public cookies', async () => {
    const publicOf = (cookie: string): string => cookie.split('; ').find((pair) => pair.includes('.public')) as string
    const [mine, others] = [await signIn(shop), await signIn(blog)]
    const theirs = publicOf(others)
    // Out of the cache that they share, too.
    expect(await blog.commit(await blog.load(others))).toEqual([])
    const own = mine.replace(publicOf(mine), '')
    const written = async (cookie: string): Promise<string[]> => namesOf(await shop.commit(await shop.load(cookie)))
    expect(await written(`${own}; ${theirs}`)).toEqual([`${NAME}.public`])
    expect(await written(`${own}; ${theirs}`)).toEqual([`${NAME}.public`])
    expect(await written(mine)).toEqual([])
  })

  test('has its own CSRF tokens', async () => {
    const session = await shop.load('')
    const token = session.csrfToken()
    const record = { id: session.id, data: {}, createdAt: session.createdAt, accessedAt: session.accessedAt }
    const other = await sessions
      .with({ tenant: 'other' })
      .load(
        `${NAME}=${await codec.sign?.(record, { cookieName: NAME, tenant: 'other', purpose: 'session', now: new Date() })}`,
      )
    expect(other.id).toBe(session.id)
    expect(session.verifyCsrf(token)).toBe(true)
    expect(other.verifyCsrf(other.csrfToken())).toBe(true)
    expect(other.verifyCsrf(token)).toBe(false)
  })

  test('remembers the versions of its own sessions', async () => {
    const events: SessionEvent[] = []
    const heard = sessions.with({ on: (event) => events.push(event) })
    const sign = async (tenant: string, data: Record<string, unknown>): Promise<string> => {
      const now = new Date()
      const times = { createdAt: now, accessedAt: now }
      const record = { id: 'a'.repeat(32), version: 3, data, ...times }
      return `${NAME}=${await codec.sign?.(record, { cookieName: NAME, tenant, purpose: 'session', now })}`
    }
    const [first, second] = [heard.with({ tenant: 'one' }), heard.with({ tenant: 'two' })]
    await first.destroy(await first.load(await sign('one', { user: 'ada' })))
    const session = await second.load(await sign('two', { user: 'bob' }))
    session.data.user = 'carl'
    expect(namesOf(await second.commit(session))).toContain(NAME)
    expect(events.filter(({ type }) => type === 'conflict')).toEqual([])
    // The same tenant, by other sessions of it.
    const late = await heard.with({ tenant: 'one' }).load(await sign('one', { user: 'ada' }))
    late.data.user = 'eve'
    expect(await heard.with({ tenant: 'one' }).commit(late)).toEqual([])
    expect(events.filter(({ type }) => type === 'conflict')).toHaveLength(1)
  })

  test('can not save or end the session of another', async () => {
    const session = await shop.load(await signIn(shop))
    session.data.user = 'eve'
    await expect(blog.commit(session)).rejects.toThrow(/belongs to another tenant/)
    await expect(sessions.destroy(session)).rejects.toThrow(/belongs to another tenant/)
    expect(session.isDestroyed).toBe(false)
    expect(namesOf(await shop.with({ domain: 'shop.example' }).commit(session))).toContain(NAME)
  })

  test('is signed in by the testing helper', async () => {
    const { header } = await sessionCookie(shop, user)
    expect(await dataOf(shop, header)).toEqual(user)
    expect(await dataOf(blog, header)).toBe('ERR_SESSION_SIGNATURE')
  })
})

describe('rows of tenants', () => {
  /** A store whose keys have a form, as those of Django. */
  function strictStore(): { store: SessionStore; ids: Set<string> } {
    const store = memoryStore()
    const ids = new Set<string>()
    const checked = (id: string): string => {
      if (!/^[0-9a-z]{32}$/.test(id)) throw new TypeError('no key')
      ids.add(id)
      return id
    }
    return {
      ids,
      store: {
        name: 'strict',
        get: (id) => store.get(checked(id)),
        set: (id, row) => store.set(checked(id), row),
        delete: (id) => store.delete(checked(id)),
        update: (id, change) => (store as Required<SessionStore>).update(checked(id), change),
      },
    }
  }

  test.each([
    ['a signed id', (): SessionCodec => jwt({ secrets: [SECRET] })],
    ['a bare id', (): SessionCodec => djangoSession()],
  ])('stand under other keys: %s', async (_, codec) => {
    const { store, ids } = strictStore()
    const sessions = createSessions<SessionData>({ codecs: [codec()], store, expose: false })
    const [shop, blog] = [sessions.with({ tenant: 'shop' }), sessions.with({ tenant: 'blog' })]
    const cookie = await signIn(shop)
    const loaded = await shop.load(cookie)
    expect(ids).not.toContain(loaded.id)
    for (const other of [blog, sessions]) expect(await dataOf(other, cookie)).toBe('ERR_SESSION_EXPIRED')
    loaded.data.visits = 1
    await shop.commit(loaded)
    expect(await dataOf(shop, cookie)).toEqual({ ...user, visits: 1 })
    await shop.destroy(await shop.load(cookie))
    expect(await dataOf(shop, cookie)).toBe('ERR_SESSION_EXPIRED')
  })

  test('are destroyed one by one, also in a store that writes in steps', async () => {
    const { update: _, ...store } = memoryStore() as Required<SessionStore>
    const sessions = createSessions<SessionData>({ codecs: [jwt({ secrets: [SECRET] })], store, expose: false })
    const [shop, blog] = [sessions.with({ tenant: 'shop' }), sessions.with({ tenant: 'blog' })]
    const cookie = await signIn(shop)
    const theirs = await signIn(blog, { user: 'bob' })
    await shop.destroy(await shop.load(cookie))
    expect(await dataOf(blog, theirs)).toEqual({ user: 'bob' })
    expect(await dataOf(shop, cookie)).toBe('ERR_SESSION_EXPIRED')
  })
})

describe('warnings', () => {
  const codecs = [beakerJwt({ secrets: SECRET }), compact({ secrets: SECRET })]
  const sessions = createSessions<SessionData>({ codecs, expose: false })
  const told = expect.stringMatching(/^Values of beakerJwt name no tenant/)

  test('name the codecs whose values are valid for every tenant', () => {
    expect(sessions.warnings).toEqual([])
    expect(sessions.with({ tenant: 'shop' }).warnings).toEqual([told])
    expect(sessions.with({ tenant: 'shop' }).with({ domain: 'shop.example' }).warnings).toEqual([told])
  })

  test('are not given for keys of its own, for our own format, and if only the row counts', () => {
    const own = sessions.with({ tenant: 'shop', codecs: [beakerJwt({ secrets: OLD_SECRET })] })
    expect(own.warnings).toEqual([])
    expect(own.with({ domain: 'shop.example' }).warnings).toEqual([])
    expect(
      createSessions<SessionData>({ codecs: codecs.slice(1), expose: false }).with({ tenant: 'shop' }).warnings,
    ).toEqual([])
    expect(
      createSessions<SessionData>({ codecs, store: memoryStore(), expose: false }).with({ tenant: 'shop' }).warnings,
    ).toEqual([])
  })
})
