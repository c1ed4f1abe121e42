/** All sessions of an owner: what is listed, what is ended, and what stays. */
import { describe, expect, test } from 'vitest'
import {
  createSessions,
  djangoSession,
  fromExpressStore,
  jwt,
  memoryStore,
  type OwnedSession,
  type Session,
  SessionError,
  type SessionStore,
  type Sessions,
} from '../../../src/server/index.js'
import { rejection, SECRET, START, testBrowser, testClock } from '../server.helpers.js'
import { openStore, serveStored } from '../stores/stores.helpers.js'

interface Visitor {
  user?: string
  device?: string
  cart?: string[]
}

const owner = ({ user }: Visitor): string | undefined => user

function server(options: Partial<Parameters<typeof serveStored>[0]> = {}) {
  const clock = testClock()
  const store = memoryStore({ clock })
  const fixture = serveStored({ store, owner, idleTimeout: 1800, ...options }, { clock })
  const { sessions } = fixture

  /** Another browser signs in. @returns its cookie */
  async function signIn(user: string, device: string, by: Sessions = sessions): Promise<string> {
    const session = await by.load('')
    session.regenerate()
    Object.assign(session.data, { user, device })
    return cookieOf(await by.commit(session))
  }
  return { ...fixture, store: (options.store ?? store) as SessionStore, signIn }
}

const cookieOf = ([first = '']: readonly string[]): string => first.split(';')[0] as string
const devices = (list: readonly OwnedSession[]): unknown[] => list.map(({ data }) => data.device)
async function devicesOf(sessions: Sessions, user: string): Promise<unknown[]> {
  return devices((await sessions.listSessions(user)).sessions).sort()
}
const isAlive = async (sessions: Sessions, cookie: string): Promise<boolean> => !(await sessions.load(cookie)).isNew

describe('listSessions', () => {
  test('has the current one first, then the one that was used last, with what is known of each', async () => {
    const { sessions, signIn, clock } = server()
    const phone = await signIn('dave', 'phone')
    clock.pass(100)
    await signIn('dave', 'laptop')
    await signIn('eve', 'tablet')
    clock.pass(100)
    const desk = await signIn('dave', 'desk')
    await sessions.commit(await sessions.load(phone))
    const { sessions: list, next } = await sessions.listSessions('dave', { current: await sessions.load(phone) })
    expect(next).toBeUndefined()
    expect(list.map(({ data: { device }, isCurrent }) => [device, isCurrent])).toEqual([
      ['phone', true],
      ['desk', false],
      ['laptop', false],
    ])
    expect(list[0]).toEqual({
      handle: expect.stringMatching(/^[0-9a-f]{32}$/),
      isCurrent: true,
      data: { user: 'dave', device: 'phone' },
      createdAt: new Date(START),
      accessedAt: new Date(START + 200_000),
      expiresAt: new Date(START + 2_000_000),
    })
    expect(new Set(list.map(({ handle }) => handle)).size).toBe(3)
    expect(await devicesOf(sessions, 'nobody')).toEqual([])
    expect(await isAlive(sessions, desk)).toBe(true)
  })

  test('gives no id, and a handle is none', async () => {
    const { sessions, signIn } = server({ codecs: [djangoSession()] })
    const cookie = await signIn('dave', 'phone')
    const session = await sessions.load(cookie)
    const { sessions: list } = await sessions.listSessions('dave')
    expect(JSON.stringify(list)).not.toContain(session.id)
    expect((await sessions.load(`beaker.session.id=${list[0]?.handle}`)).isNew).toBe(true)
  })

  test.each([
    [1, true],
    [1000, true],
    [0, false],
    [1001, false],
    [1.5, false],
  ])('a limit of %d: %s', async (limit, isLimit) => {
    const { sessions, signIn } = server()
    for (let n = 0; n < 3; n++) await signIn('dave', `d${n}`)
    const listed = async () => await sessions.listSessions('dave', { limit })
    if (isLimit) expect((await listed()).sessions).toHaveLength(Math.min(limit, 3))
    else await expect(listed()).rejects.toThrow('Option "limit"')
  })

  test('in pages, 100 if nothing is said', async () => {
    const { sessions, store } = server()
    for (let n = 0; n < 101; n++) {
      await store.set(String(n).padStart(32, '0'), { data: { user: 'dave', device: n }, owner: 'dave' })
    }
    const first = await sessions.listSessions('dave')
    const second = await sessions.listSessions('dave', { after: first.next })
    expect([first.sessions.length, second.sessions.length, second.next]).toEqual([100, 1, undefined])
    expect(new Set(devices([...first.sessions, ...second.sessions])).size).toBe(101)
  })

  test('a page begins at a text that is no id, and all pages have each session once', async () => {
    const { sessions, signIn } = server()
    const ids: string[] = []
    for (let n = 0; n < 40; n++) ids.push((await sessions.load(await signIn('dave', `d${n}`))).id)
    for (const limit of [1, 7, 39, 40]) {
      const found: unknown[] = []
      for (let after: string | undefined; ; ) {
        const page = await sessions.listSessions('dave', { limit, after })
        found.push(...devices(page.sessions))
        after = page.next
        if (after === undefined) break
        // Of 32 hex digits, as many as tell 40 ids apart.
        expect(after.length).toBeLessThan(16)
      }
      expect(found.sort()).toEqual(ids.map((_, n) => `d${n}`).sort())
    }
  })

  test('a row that can not be read is listed without data, and can be ended', async () => {
    const { sessions, signIn, store } = server()
    await signIn('dave', 'phone')
    const { get } = store
    store.get = () => {
      throw new SessionError('ERR_SESSION_JSON', 'damaged')
    }
    const { sessions: list } = await sessions.listSessions('dave')
    expect(list).toMatchObject([{ data: {}, rejected: { code: 'ERR_SESSION_JSON' }, isCurrent: false }])
    expect(await sessions.endSession('dave', list[0]?.handle as string)).toBe(true)
    store.get = get
    expect(await devicesOf(sessions, 'dave')).toEqual([])
  })

  test('a store that is down is an outage', async () => {
    const store = openStore()
    store.listOwned = async () => {
      throw new Error('down')
    }
    const { sessions } = server({ store })
    await rejection('ERR_SESSION_STORE', sessions.listSessions('dave'))
    await rejection('ERR_SESSION_STORE', sessions.endSessions('dave'))
    store.listOwned = async () => ['a']
    store.fault = new Error('down')
    await rejection('ERR_SESSION_STORE', sessions.listSessions('dave'))
    await rejection('ERR_SESSION_STORE', sessions.endSessions('dave'))
  })
})

describe('the owner of a row', () => {
  test('follows the data: sign-in, sign-out, another user, a new id', async () => {
    const { sessions, browser, visit } = server()
    const owners = async (): Promise<unknown[]> => [
      (await sessions.listSessions('dave')).sessions.length,
      (await sessions.listSessions('eve')).sessions.length,
    ]
    await visit((data) => Object.assign(data, { cart: ['book'] }))
    expect(await owners()).toEqual([0, 0])
    await visit((data) => Object.assign(data, { user: 'dave' }))
    expect(await owners()).toEqual([1, 0])
    await visit((data) => Object.assign(data, { user: 'eve' }))
    expect(await owners()).toEqual([0, 1])
    const session = await sessions.load(browser.cookie)
    session.regenerate()
    browser.take(await sessions.commit(session))
    expect(await owners()).toEqual([0, 1])
    await visit((data) => delete data.user)
    expect(await owners()).toEqual([0, 0])
    expect((await sessions.load(browser.cookie)).data).toEqual({ cart: ['book'] })
  })

  test('of a row from before the option comes with the next touch, which keeps its end', async () => {
    const { sessions, signIn, clock, store } = server()
    const before = serveStored({ store, idleTimeout: 1800 }, { clock }).sessions
    const cookie = await signIn('dave', 'phone', before)
    expect(await devicesOf(sessions, 'dave')).toEqual([])
    clock.pass(120)
    await sessions.commit(await sessions.load(cookie))
    expect(await devicesOf(sessions, 'dave')).toEqual(['phone'])
    expect((await sessions.listSessions('dave')).sessions[0]?.expiresAt).toEqual(new Date(START + 1_920_000))
    // One that knows no owners leaves it.
    const session = await before.load(cookie)
    session.data.cart = ['book']
    await before.commit(session)
    expect(await devicesOf(sessions, 'dave')).toEqual(['phone'])
  })

  test('may be a number, as the option', async () => {
    const { sessions, visit } = server({ owner: ({ user }) => Number(user) || undefined })
    await visit((data) => Object.assign(data, { user: '7' }))
    for (const id of [7, 7n, '7']) expect((await sessions.listSessions(id)).sessions).toHaveLength(1)
  })

  test.each(['x'.repeat(255), 'x'.repeat(256), 'a\x01b', 'a\0', '\ud800'])('%j', async (user) => {
    const { sessions, visit } = server()
    const isOwner = user.length === 255
    const written = visit((data) => Object.assign(data, { user }))
    if (isOwner) await written
    else await expect(written).rejects.toThrow(/1 to 255 characters/)
    if (isOwner) expect((await sessions.listSessions(user)).sessions).toHaveLength(1)
    else await expect(sessions.listSessions(user)).rejects.toThrow(TypeError)
  })

  test('what the option throws is the error of the application, and nothing is written', async () => {
    const { visit, store } = server({
      owner: () => {
        throw new RangeError('mine')
      },
    })
    await expect(visit((data) => Object.assign(data, { user: 'dave' }))).rejects.toThrow(RangeError)
    expect(await store.listOwned?.('dave', { limit: 1, ownerOf: () => 'dave' })).toEqual([])
  })
})

describe('endSession', () => {
  test('ends that one, of that owner', async () => {
    const { sessions, signIn } = server()
    const [phone, laptop] = [await signIn('dave', 'phone'), await signIn('dave', 'laptop')]
    const { sessions: list } = await sessions.listSessions('dave')
    const handle = list.find(({ data }) => data.device === 'phone')?.handle as string
    expect(await sessions.endSession('eve', handle)).toBe(false)
    expect(await isAlive(sessions, phone)).toBe(true)
    expect(await sessions.endSession('dave', handle)).toBe(true)
    expect(await sessions.endSession('dave', handle)).toBe(false)
    expect([await isAlive(sessions, phone), await isAlive(sessions, laptop)]).toEqual([false, true])
    const id = (await sessions.load(laptop)).id
    expect(await sessions.endSession('dave', id)).toBe(false)
    await expect(sessions.endSession('dave', undefined as never)).rejects.toThrow(TypeError)
  })
})

describe('endSessions', () => {
  test.each(['session', 'handle', 'nothing'])('keeps a %s', async (what) => {
    const { sessions, signIn } = server()
    const cookies: string[] = []
    for (const device of ['a', 'b', 'c']) cookies.push(await signIn('dave', device))
    const others = await signIn('eve', 'd')
    const session = await sessions.load(cookies[1])
    const { sessions: list } = await sessions.listSessions('dave', { current: session })
    const except = { session, handle: list[0]?.handle as string, nothing: undefined }[what]
    expect(await sessions.endSessions('dave', { except })).toBe(except ? 2 : 3)
    const alive = await Promise.all([...cookies, others].map((cookie) => isAlive(sessions, cookie)))
    expect(alive).toEqual([false, except !== undefined, false, true])
    expect(await sessions.endSessions('dave', { except })).toBe(0)
  })

  test('keeps a session that has a new id and is not saved yet, and the new id after that', async () => {
    const { sessions, signIn } = server()
    const [phone] = [await signIn('dave', 'phone'), await signIn('dave', 'laptop')]
    const session = await sessions.load(phone)
    session.regenerate()
    expect(await sessions.endSessions('dave', { except: session })).toBe(1)
    const cookie = cookieOf(await sessions.commit(session))
    expect(await sessions.endSessions('dave', { except: session })).toBe(0)
    expect(await isAlive(sessions, cookie)).toBe(true)
    expect(await devicesOf(sessions, 'dave')).toEqual(['phone'])
  })

  test.each(['change', 'touch', 'regenerate'])('a request under way that will %s brings nothing back', async (what) => {
    const { sessions, signIn, clock } = server()
    const cookies = await Promise.all(Array.from({ length: 5 }, (_, n) => signIn('dave', `d${n}`)))
    clock.pass(120)
    const open = await Promise.all(cookies.map((cookie) => sessions.load(cookie)))
    expect(await sessions.endSessions('dave')).toBe(5)
    const written = await Promise.all(
      open.map(async (session) => {
        if (what === 'change') session.data.cart = ['book']
        if (what === 'regenerate') session.regenerate()
        return await sessions.commit(session)
      }),
    )
    expect(await devicesOf(sessions, 'dave')).toEqual([])
    for (const cookie of cookies) expect(await isAlive(sessions, cookie)).toBe(false)
    // What a request with a new id has is what it changed: nothing.
    if (what !== 'regenerate') expect(written.flat()).toEqual([])
    for (const each of written) expect((await sessions.load(cookieOf(each))).owner).toBeUndefined()
  })

  test.each([
    [1, 0],
    [9, 0],
    [10, 1],
  ])('a session that gets a new id after each look at the index, %i times', async (moves, left) => {
    const { sessions, signIn, store } = server()
    const listOwned = store.listOwned as NonNullable<SessionStore['listOwned']>
    let cookie = await signIn('dave', 'phone')
    let moved = 0
    store.listOwned = async (...query) => {
      const page = await listOwned(...query)
      if (moved++ >= moves) return page
      const session = await sessions.load(cookie)
      session.regenerate()
      cookie = cookieOf(await sessions.commit(session))
      return page
    }
    await sessions.endSessions('dave')
    store.listOwned = listOwned
    expect(await devicesOf(sessions, 'dave')).toHaveLength(left)
  })

  test('of 2500 sessions none stays', async () => {
    const { sessions, store } = server()
    for (let n = 0; n < 2500; n++) {
      await store.set(String(n).padStart(32, '0'), { data: { user: 'dave' }, owner: 'dave' })
    }
    expect(await sessions.endSessions('dave')).toBe(2500)
    expect((await sessions.listSessions('dave')).sessions).toEqual([])
  })

  test('an index that is older than its row ends nobody', async () => {
    const store = openStore()
    store.listOwned = async () => [...store.rows.keys()]
    const { sessions, signIn } = server({ store })
    const eve = await signIn('eve', 'phone')
    expect(await sessions.endSessions('dave')).toBe(0)
    expect((await sessions.listSessions('dave')).sessions).toEqual([])
    expect(await isAlive(sessions, eve)).toBe(true)
  })

  test('observe ends nothing and says how many there are', async () => {
    const { sessions, signIn } = server()
    const cookie = await signIn('dave', 'phone')
    expect(await sessions.with({ mode: 'observe' }).endSessions('dave')).toBe(1)
    expect(await isAlive(sessions, cookie)).toBe(true)
  })

  test('each is an event', async () => {
    const { sessions, signIn, events } = server()
    for (const device of ['a', 'b']) await signIn('dave', device)
    await sessions.endSessions('dave')
    expect(events.filter(({ type }) => type === 'destroyed')).toHaveLength(2)
  })
})

describe('tenants', () => {
  test('have their own owners, whatever they are called', async () => {
    const { sessions, signIn } = server()
    const [shop, blog] = [sessions.with({ tenant: 'shop' }), sessions.with({ tenant: 'blog' })]
    const cookies = [
      await signIn('dave', 'none'),
      await signIn('dave', 'shop', shop),
      await signIn('dave', 'blog', blog),
    ]
    for (const [each, device] of [
      [sessions, 'none'],
      [shop, 'shop'],
      [blog, 'blog'],
    ] as const) {
      expect(await devicesOf(each, 'dave')).toEqual([device])
    }
    await expect(sessions.listSessions('shop\x01dave')).rejects.toThrow(TypeError)
    const current = await shop.load(cookies[1])
    expect((await shop.listSessions('dave', { current })).sessions).toMatchObject([{ isCurrent: true }])
    await expect(blog.listSessions('dave', { current })).rejects.toThrow('another tenant')
    await expect(blog.endSessions('dave', { except: current })).rejects.toThrow('another tenant')
    expect(await shop.endSessions('dave', { except: current })).toBe(0)
    expect(await shop.endSessions('dave')).toBe(1)
    expect(await isAlive(shop, cookies[1] as string)).toBe(false)
    expect(await isAlive(blog, cookies[2] as string)).toBe(true)
  })
})

describe('a TypeError says what is missing', () => {
  const codecs = [jwt({ secrets: SECRET })]
  const store = memoryStore()
  const all = {
    get: (_: string, done: () => void) => done(),
    set: (_: string, __: unknown, done: () => void) => done(),
    destroy: (_: string, done: () => void) => done(),
  }
  const without: [what: string, sessions: Sessions, message: RegExp][] = [
    ['a store', createSessions({ codecs, expose: false, owner }), /in a store/],
    ['the option', createSessions({ codecs, expose: false, store }), /Option "owner" is missing/],
    [
      'an index',
      createSessions({ codecs, expose: false, owner, store: fromExpressStore(all as never) }),
      /store express has no listOwned\(\)/,
    ],
  ]

  test.each(without)('%s', async (_, sessions, message) => {
    for (const call of ['listSessions', 'endSessions'] as const) {
      await expect(sessions[call]('dave')).rejects.toThrow(message)
      await expect(sessions[call]('dave')).rejects.toThrow(new RegExp(call))
    }
    await expect(sessions.endSession('dave', 'x')).rejects.toThrow(message)
  })

  const sessions = createSessions({ codecs, expose: false, owner, store })

  test.each([undefined, null, '', {}, 1.5, Number.NaN])('the owner, not %j', async (none) => {
    await expect(sessions.endSessions(none as never)).rejects.toThrow(TypeError)
  })

  test('names of options, and sessions', async () => {
    await expect(sessions.listSessions('dave', { limt: 5 } as never)).rejects.toThrow('Did you mean "limit"?')
    await expect(sessions.endSessions('dave', { expect: 5 } as never)).rejects.toThrow('Did you mean "except"?')
    for (const none of [5, null, {}, testBrowser()]) {
      await expect(sessions.endSessions('dave', { except: none as unknown as Session })).rejects.toThrow(TypeError)
    }
    await expect(sessions.listSessions('dave', { current: {} as Session })).rejects.toThrow(TypeError)
    await expect(sessions.listSessions('dave', { after: 5 as never })).rejects.toThrow('after')
  })
})
