/** `req.session` in the shape of express-session: what enumerates, what the methods do, callbacks and promises. */
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { type ExpressSession, openSession } from '../../../src/server/adapters/express-session.js'
import { stateOf } from '../../../src/server/core/session.js'
import {
  defineSession,
  isSessionError,
  memoryStore,
  type Session,
  type SessionCodec,
  SessionError,
} from '../../../src/server/index.js'
import { schemaOf } from '../core/schema.helpers.js'
import { NAME, START, serve, textCodec } from '../server.helpers.js'

type Data = Record<string, unknown>
type View = ExpressSession<Data>

interface Visit {
  readonly view: View
  readonly isEnded: boolean
  replace(data: Data | null | undefined): void
  session: Session
  headers: Headers
  /** The end of the response. */
  end(): Promise<string[]>
}

const MEMBERS = ['id', 'cookie', 'save', 'destroy', 'regenerate', 'reload', 'touch']

function setUp(options: Parameters<typeof serve>[0] = {}) {
  const { sessions, browser, clock } = serve(options)
  return {
    sessions,
    clock,
    browser,
    async visit(): Promise<Visit> {
      const request = { headers: { cookie: browser.cookie } }
      const headers = new Headers()
      const session = await sessions.load(request)
      const open = openSession(sessions, { session, request, target: headers })
      return {
        get view() {
          return open.view() as View
        },
        get isEnded() {
          return open.isEnded()
        },
        replace: open.replace,
        session,
        headers,
        async end() {
          if (open.isEnded()) await sessions.destroy(session, headers)
          else await sessions.commit(session, headers)
          const cookies = headers.getSetCookie()
          browser.take(cookies)
          return cookies
        },
      }
    },
  }
}

describe('the view', () => {
  test('__proto__ is a key like any other, and no way to a prototype', async () => {
    const { visit, sessions, browser } = setUp()
    const { view, session, end } = await visit()
    const key = '__proto__'
    expect((view as Record<string, unknown>)[key]).toBeUndefined()
    ;(view as Record<string, unknown>)[key] = { isAdmin: true }
    expect((view as { isAdmin?: boolean }).isAdmin).toBeUndefined()
    expect((session.data as { isAdmin?: boolean }).isAdmin).toBeUndefined()
    expect(Object.getPrototypeOf(session.data)).toBe(Object.prototype)
    expect(Object.keys(view)).toEqual([key])
    ;(view as Record<string, unknown>)[key] = { isAdmin: 2 }
    await end()
    const { data } = await sessions.load(browser.cookie)
    expect(Object.entries(data)).toEqual([[key, { isAdmin: 2 }]])
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined()
  })

  test('enumerates the data and nothing else', async () => {
    const { visit } = setUp()
    const { view, session } = await visit()
    view.user = 'dave'
    view.cart = { items: ['a'] }
    const data = { user: 'dave', cart: { items: ['a'] } }
    expect(session.data).toEqual(data)
    expect(Object.keys(view)).toEqual(['user', 'cart'])
    expect(JSON.parse(JSON.stringify(view))).toEqual(data)
    expect({ ...view }).toEqual(data)
    const names: string[] = []
    for (const name in view) names.push(name)
    expect(names).toEqual(['user', 'cart'])
    expect(Object.getOwnPropertyNames(view).filter((name) => MEMBERS.includes(name))).toEqual([])
    expect(Object.getOwnPropertyDescriptor(view, 'user')).toMatchObject({ value: 'dave', enumerable: true })
    for (const name of MEMBERS) {
      expect(name in view, name).toBe(true)
      expect(Object.hasOwn(view, name), name).toBe(false)
    }
    expect(inspect(view)).toContain("user: 'dave'")
    expect(structuredClone({ ...view })).toEqual(data)
  })

  test('is live in both directions', async () => {
    const { visit } = setUp()
    const visited = await visit()
    visited.view.a = 1
    visited.session.data.b = 2
    expect({ ...visited.view }).toEqual({ a: 1, b: 2 })
    delete visited.view.a
    visited.session.data = { c: 3 }
    expect({ ...visited.view }).toEqual({ c: 3 })
    expect(visited.view).toBe(visited.view)
  })

  test('keys named like a member survive, and are reached through the session', async () => {
    const { visit, sessions, browser } = setUp()
    const first = await visit()
    first.replace({ save: 'a draft', id: 5, user: 'dave' })
    first.session.data.cookie = 'with chocolate'
    await first.end()
    const { view, session, end } = await visit()
    expect(typeof view.save).toBe('function')
    expect(view.id).toBe(session.id)
    expect(Object.keys(view)).toEqual(['user'])
    expect(Reflect.ownKeys(view).filter((name) => MEMBERS.includes(String(name)))).toEqual([])
    expect(Object.getOwnPropertyDescriptor(view, 'save')).toBeUndefined()
    expect(session.data).toEqual({ save: 'a draft', id: 5, user: 'dave', cookie: 'with chocolate' })
    view.user = 'eve'
    session.data.save = 'another'
    await end()
    const { data } = await sessions.load(browser.cookie)
    expect(data).toEqual({ save: 'another', id: 5, user: 'eve', cookie: 'with chocolate' })
  })

  test.each(MEMBERS)('%s can not be set, deleted or defined', async (name) => {
    const { view } = await setUp().visit()
    const loose = view as Data
    const way = new RegExp(`sessionOf\\(req\\).data.${name}`)
    expect(() => {
      loose[name] = 1
    }).toThrow(way)
    expect(() => delete loose[name]).toThrow(way)
    expect(() => Object.defineProperty(loose, name, { value: 1 })).toThrow(TypeError)
  })

  test('of frozen data shows all of it', async () => {
    const { visit } = setUp()
    const first = await visit()
    first.replace(Object.freeze({ user: 'dave', save: 'x' }))
    expect({ ...(first.view as Data) }).toEqual({ user: 'dave', save: 'x' })
    await first.end()
    expect({ ...(await visit()).view }).toEqual({ user: 'dave' })
  })

  test('assigning the view itself keeps the session', async () => {
    const { visit } = setUp()
    const { view, replace, session, end } = await visit()
    view.user = 'dave'
    const before = session.data
    replace(view)
    expect(session.data).toBe(before)
    expect(await end()).toHaveLength(1)
  })
})

describe('save', () => {
  test('one Set-Cookie however many saves, and the last one counts', async () => {
    const { visit, sessions, browser } = setUp({ expose: ['user'] })
    const { view, headers, end } = await visit()
    for (const user of ['a', 'b', 'c']) {
      view.user = user
      await view.save()
      expect(headers.getSetCookie().map((text) => text.split('=')[0])).toEqual([NAME, `${NAME}.public`])
    }
    view.user = 'd'
    expect(await end()).toHaveLength(2)
    expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'd' })
  })

  test('calls back, later, without an error', async () => {
    const { view } = await setUp().visit()
    view.user = 'dave'
    const order: string[] = []
    await new Promise<void>((resolve) => {
      view.save((...errors) => {
        order.push(`called with ${errors.length}`)
        resolve()
      })
      order.push('returned')
    })
    expect(order).toEqual(['returned', 'called with 0'])
  })
})

test('an outage reaches callback and promise with status 503, and one that nobody listens to stops nothing', async () => {
  const outage = new SessionError('ERR_SESSION_STORE', 'down')
  const sign: SessionCodec['sign'] = () => {
    throw outage
  }
  const { visit } = setUp({ codecs: [textCodec('down', { sign })], expose: false })
  const { view } = await visit()
  view.user = 'dave'
  const unhandled: unknown[] = []
  const listen = (error: unknown): void => void unhandled.push(error)
  process.on('unhandledRejection', listen)
  view.save()
  const viaCallback = await new Promise((resolve) => view.save(resolve))
  await expect(view.save()).rejects.toMatchObject({ code: 'ERR_SESSION_STORE', status: 503 })
  await new Promise((resolve) => setTimeout(resolve, 5))
  process.off('unhandledRejection', listen)
  expect(viaCallback).toBe(outage)
  expect(unhandled).toEqual([])
})

describe('regenerate', () => {
  test('replaces the session; the old object keeps its data', async () => {
    const { visit, sessions, browser } = setUp()
    const first = await visit()
    first.view.user = 'dave'
    await first.end()
    const second = await visit()
    const before = second.view
    const { id } = before
    await new Promise<void>((resolve) => void second.view.regenerate(() => resolve()))
    expect(second.view).not.toBe(before)
    expect({ ...second.view }).toEqual({})
    expect({ ...before }).toEqual({ user: 'dave' })
    expect(second.view.id).not.toBe(id)
    expect([before.id, second.view.id]).toEqual([id, second.session.id])
    second.view.fresh = true
    await second.end()
    const { data, id: after } = await sessions.load(browser.cookie)
    expect(data).toEqual({ fresh: true })
    expect(after).toBe(second.session.id)
  })
})

describe('reload', () => {
  test('gives what a schema makes of the data, too', async () => {
    const schema = schemaOf({}, ({ n }) => ({ twice: Number(n) * 2 }))
    const { visit } = setUp({ session: defineSession({ schema, idleTimeout: false }) as never, store: memoryStore() })
    const first = await visit()
    first.view.n = 1
    await first.end()
    const { view, session } = await visit()
    const other = await visit()
    other.view.n = 2
    await other.end()
    expect(session.parsed).toEqual({ twice: 2 })
    await view.reload()
    expect(session.data).toEqual({ n: 2 })
    expect(session.parsed).toEqual({ twice: 4 })
  })

  test('gives what came with the request', async () => {
    const { visit } = setUp()
    const first = await visit()
    first.view.user = 'dave'
    await first.end()
    const { view, ...second } = await visit()
    view.user = 'eve'
    view.more = 1
    await view.reload()
    expect({ ...second.session.data }).toEqual({ user: 'dave' })
    expect(await second.end()).toEqual([])
  })

  test('gives what was saved since', async () => {
    const visited = await setUp().visit()
    visited.view.user = 'dave'
    await visited.view.save()
    visited.view.user = 'eve'
    await visited.view.reload()
    expect({ ...visited.view }).toEqual({ user: 'dave' })
  })

  test('of a session that was never saved is an empty one', async () => {
    const visited = await setUp().visit()
    visited.view.user = 'dave'
    await visited.view.reload()
    expect({ ...visited.view }).toEqual({})
    expect(await visited.end()).toEqual([])
  })
})

describe('the end', () => {
  test.each<[string, (visited: Visit) => unknown]>([
    ['destroy with a promise', ({ view }) => view.destroy()],
    ['destroy with a callback', ({ view }) => new Promise((resolve) => view.destroy(resolve))],
    ['null', ({ replace }) => replace(null)],
    ['undefined', ({ replace }) => replace(undefined)],
  ])('%s', async (_, end) => {
    const { visit, browser } = setUp()
    const first = await visit()
    first.view.user = 'dave'
    await first.end()
    const second = await visit()
    const before = second.view
    await end(second)
    expect(second.view).toBeNull()
    expect(second.isEnded).toBe(true)
    before.user = 'eve'
    for (const again of [before.save, before.regenerate, before.reload]) {
      const error: unknown = await again().catch((error: unknown) => error)
      expect(isSessionError(error) && error.code).toBe('ERR_SESSION_DESTROYED')
    }
    await second.end()
    expect(browser.cookie).toBe('')
  })

  test('a destroy that fails is tried again before the head leaves', async () => {
    const { visit, sessions } = setUp()
    const first = await visit()
    first.view.user = 'dave'
    const trips = Object.getOwnPropertySymbols(sessions).map((symbol) => (sessions as never)[symbol]) as {
      destroy: () => unknown
    }[]
    for (const trip of trips) {
      trip.destroy = () => {
        throw new SessionError('ERR_SESSION_STORE', 'down')
      }
    }
    const session = await visit()
    expect(await new Promise((resolve) => session.view.destroy(resolve))).toMatchObject({ status: 503 })
    expect(session.isEnded).toBe(true)
  })
})

describe('cookie', () => {
  test('shows the attributes', async () => {
    const { view } = await setUp({ maxAge: '1h', domain: 'shop.example', sameSite: 'strict', expose: false }).visit()
    expect({ ...view.cookie }).toEqual({
      path: '/',
      domain: 'shop.example',
      httpOnly: true,
      secure: true,
      sameSite: 'strict',
      maxAge: 3_600_000,
      originalMaxAge: 3_600_000,
      expires: new Date(START + 3_600_000),
    })
  })

  test('without an end it lasts until the browser closes', async () => {
    const { view } = await setUp({ secure: false, sameSite: false }).visit()
    expect(view.cookie).toMatchObject({ expires: null, maxAge: null, httpOnly: false, secure: false, sameSite: false })
  })

  test('with a date', async () => {
    const { view } = await setUp({ expires: '2h' }).visit()
    expect(view.cookie).toMatchObject({ maxAge: 7_200_000, expires: new Date(START + 7_200_000) })
  })

  test('what changes nothing throws', async () => {
    const { view } = await setUp().visit()
    const cookie = view.cookie as unknown as Data
    for (const name of ['path', 'domain', 'httpOnly', 'secure', 'sameSite']) {
      expect(() => Object.assign(cookie, { [name]: cookie[name] })).toThrow(/options of createSessions/)
    }
    expect(() => {
      cookie.signed = true
    }).toThrow(TypeError)
  })

  test('a lifetime is that of remember, and the next requests have it', async () => {
    const { visit, sessions, browser, clock } = setUp({ idleTimeout: 60 })
    const first = await visit()
    first.view.user = 'dave'
    first.view.cookie.maxAge = 7_200_000
    expect(first.session.data).toEqual({ user: 'dave', _session_expiry: 7200 })
    expect((await first.end())[0]).toMatch(/; Max-Age=7200;/)
    clock.pass(3600)
    const { cookie } = (await visit()).view
    expect([cookie.maxAge, cookie.originalMaxAge, cookie.expires]).toEqual([
      3_600_000,
      7_200_000,
      new Date(START + 7_200_000),
    ])
    expect((await sessions.load(browser.cookie)).expiresAt).toEqual(new Date(START + 7_200_000))
  })

  test('shows what somebody else has set: remember in this request, Python in the one before', async () => {
    const { visit, clock } = setUp()
    const first = await visit()
    Object.assign(first.view, { user: 'dave', _session_expiry: 600 })
    await first.end()
    clock.pass(30)
    const { view, session } = await visit()
    expect(view.cookie).toMatchObject({ maxAge: 570_000, originalMaxAge: 600_000 })
    session.remember('1h')
    expect(view.cookie).toMatchObject({ maxAge: 3_600_000, originalMaxAge: 3_600_000 })
    session.remember(new Date(START + 90_000))
    expect(view.cookie).toMatchObject({ maxAge: 60_000, expires: new Date(START + 90_000) })
    session.remember('browser')
    expect(view.cookie).toMatchObject({ maxAge: null, expires: null, originalMaxAge: null })
  })

  test('a lifetime is kept in whole seconds, and is one at least', async () => {
    const { view, session } = await setUp().visit()
    const kept = [1, 499, 1499, 1500, 59_999.5].map((age) => {
      view.cookie.maxAge = age
      return session.data._session_expiry
    })
    expect(kept).toEqual([1, 1, 1, 2, 60])
    view.cookie.expires = new Date(START + 3_599_999)
    expect(session.data._session_expiry).toBe(3600)
  })

  test.each([0, -5, -1e300, -Infinity, new Date(0), new Date(-1e14)])('%s ends the session', async (age) => {
    const { visit, browser } = setUp()
    const first = await visit()
    first.view.user = 'dave'
    await first.end()
    const second = await visit()
    if (age instanceof Date) second.view.cookie.expires = age
    else second.view.cookie.maxAge = age
    expect((await second.end())[0]).toMatch(/; Max-Age=0;/)
    expect(second.view).toBe(null)
    expect(browser.cookie).toBe('')
  })

  test('what is no lifetime throws, and changes nothing', async () => {
    const { view, session } = await setUp().visit()
    const cookie = view.cookie as unknown as Data
    cookie.maxAge = 5000
    for (const age of [Number.NaN, Infinity, 31_536_000_000_001, '5000', '', true, 5n, {}, new Date(Number.NaN)]) {
      for (const name of ['maxAge', 'originalMaxAge']) {
        expect(() => Object.assign(cookie, { [name]: age })).toThrow(`req.session.cookie.${name} must be a number`)
      }
    }
    for (const end of [0, 1, '', 'tomorrow', true, {}, new Date(Number.NaN)]) {
      expect(() => Object.assign(cookie, { expires: end })).toThrow('req.session.cookie.expires must be a Date')
    }
    expect(session.data).toEqual({ _session_expiry: 5 })
  })

  test('counts from a save in the same request', async () => {
    const { visit, clock } = setUp()
    const { view } = await visit()
    view.user = 'dave'
    view.cookie.maxAge = 60_000
    clock.pass(20)
    expect(view.cookie.maxAge).toBe(40_000)
    await view.save()
    expect(view.cookie).toMatchObject({ maxAge: 60_000, expires: new Date(START + 80_000) })
  })

  test('a lifetime alone is no data, and no cookie', async () => {
    const { view, end } = await setUp().visit()
    view.cookie.maxAge = 60_000
    expect(await end()).toEqual([])
  })

  test('the session before regenerate() keeps its own, and changes no other', async () => {
    const { visit } = setUp()
    const open = await visit()
    const before = open.view
    before.cookie.maxAge = 60_000
    await before.regenerate()
    expect(before.cookie.maxAge).toBe(60_000)
    expect(() => {
      before.cookie.maxAge = 5000
    }).toThrow(TypeError)
    expect(open.view.cookie.maxAge).toBe(null)
    open.view.cookie.maxAge = 7000
    expect([before.cookie.maxAge, open.view.cookie.maxAge, open.session.data]).toEqual([
      60_000,
      7000,
      { _session_expiry: 7 },
    ])
  })
})

test('touch gives the view, and looking at it counts as reading', async () => {
  const { sessions } = setUp()
  const request = { headers: {} }
  const session = await sessions.load(request)
  stateOf(session).isRead = false
  const open = openSession(sessions, { session, request, target: new Headers() })
  expect(stateOf(session).isRead).toBe(false)
  expect(open.view()?.touch()).toBe(open.view())
  expect(stateOf(session).isRead).toBe(true)
})
