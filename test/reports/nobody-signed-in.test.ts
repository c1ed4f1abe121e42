/**
 * Nobody is signed in: the browser keeps no cookie that says nothing, and the page sees no session.
 * https://github.com/jaredhanson/passport/issues/843: logout leaves the cookie (test/frameworks/passport.test.ts has the real Passport).
 * https://github.com/better-auth/better-auth/issues/7494: the page gets an object while nobody is signed in.
 */
import { describe, expect, test } from 'vitest'
import { getSession } from '../../src/client/index.js'
import { beaker, beakerJwt, compact, jwt, type Session, type SessionsOptions } from '../../src/server/index.js'
import { dave, expiredOf, NAME, namesOf, rejection, SECRET, serve, textCodec } from '../server/server.helpers.js'
import { openStore } from '../server/stores/stores.helpers.js'

const PUBLIC = `${NAME}.public`
const secrets = [SECRET]

const systems: Record<string, () => Partial<SessionsOptions>> = {
  beakerJwt: () => ({ codecs: [beakerJwt({ secrets })] }),
  compact: () => ({ codecs: [compact({ secrets })] }),
  beaker: () => ({ codecs: [beaker({ validateKey: SECRET })] }),
  'a store': () => ({ codecs: [jwt({ secrets })], store: openStore() }),
  'a store that writes in steps': () => ({ codecs: [jwt({ secrets })], store: openStore({ atomic: false }) }),
}

describe.each(Object.keys(systems))('%s', (name) => {
  const start = () => {
    const options = { expose: ['user'], ...(systems[name] as () => Partial<SessionsOptions>)() }
    const server = serve(options)
    const { sessions, browser } = server
    return {
      ...server,
      store: options.store as ReturnType<typeof openStore> | undefined,
      async request(handle: (session: Session) => unknown): Promise<string[]> {
        const session = await sessions.load(browser.cookie)
        handle(session)
        const set = await sessions.commit(session)
        browser.take(set)
        return set
      },
    }
  }
  const page = (cookie: string) => getSession(NAME, { cookie, now: new Date(1_700_000_000_000) })

  test('a page with a token for its form shows nobody', async () => {
    const { request, browser } = start()
    let token = ''
    await request((session) => {
      token = session.csrfToken()
    })
    expect([...browser.cookies.keys()]).toEqual([NAME])
    expect(page(browser.cookie)).toBeNull()
    expect(await request((session) => expect(session.verifyCsrf(token)).toBe(true))).toEqual([])
  })

  test('signing out by taking the user away removes both cookies, and the row', async () => {
    const { request, browser, store, sessions } = start()
    await request(({ data }) => dave(data))
    // Other formats need their own entry in the page.
    if (!['compact', 'beaker'].includes(name)) expect(page(browser.cookie)).toEqual({ user: 'dave' })
    const { cookie } = browser
    expect(expiredOf(await request(({ data }) => delete data.user))).toEqual([NAME, PUBLIC])
    expect([browser.cookie, store?.ids ?? []]).toEqual(['', []])
    if (store) expect((await sessions.load(cookie)).isNew).toBe(true)
  })

  test('so does regenerate() of an empty session', async () => {
    const { request, browser, store } = start()
    await request(({ data }) => dave(data))
    const signOut = (session: Session): void => {
      session.regenerate()
      session.data = {}
    }
    expect(expiredOf(await request(signOut))).toEqual([NAME, PUBLIC])
    expect([browser.cookie, store?.ids ?? []]).toEqual(['', []])
    // A new and empty one sets nothing, and one that holds only a token goes too.
    expect(await request(signOut)).toEqual([])
    await request((session) => void session.csrfToken())
    expect(expiredOf(await request(signOut))).toEqual([NAME, PUBLIC])
  })

  test('what comes into it afterwards, in the same request, is another session', async () => {
    const { sessions, browser, request, store } = start()
    await request(({ data }) => dave(data))
    const session = await sessions.load(browser.cookie)
    const { id } = session
    const headers = new Headers()
    delete session.data.user
    await sessions.commit(session, headers)
    expect(session).toMatchObject({ isNew: true, isDestroyed: false })
    expect(await sessions.commit(session, headers)).toEqual([])
    session.data.user = 'eve'
    await sessions.commit(session, headers)
    expect(expiredOf(headers.getSetCookie())).toEqual([])
    browser.take(headers.getSetCookie())
    const next = await sessions.load(browser.cookie)
    expect(next).toMatchObject({ data: { user: 'eve' }, isNew: false })
    expect(next.id).not.toBe(id)
    await request(({ data }) => Object.assign(data, { seen: true }))
    expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'eve', seen: true })
    expect(store?.ids ?? [next.id]).toEqual([next.id])
  })

  test('a token that was shown or sent keeps its session', async () => {
    const { request, browser } = start()
    let token = ''
    await request((session) => {
      session.data.cart = [1]
      token = session.csrfToken()
    })
    await request((session) => {
      expect(session.verifyCsrf(token)).toBe(true)
      delete session.data.cart
    })
    await request((session) => {
      expect(session.verifyCsrf(token)).toBe(true)
      session.data.cart = [2]
    })
    await request((session) => {
      session.data = {}
      token = session.csrfToken()
    })
    await request((session) => expect(session.verifyCsrf(token)).toBe(true))
    expect(page(browser.cookie)).toBeNull()
    expect([...browser.cookies.keys()]).toEqual([NAME])
  })

  test('the last message that was read takes its session along', async () => {
    const { request, browser } = start()
    await request((session) => session.flash('info', 'Saved'))
    let messages: unknown[] = []
    await request((session) => {
      messages = session.flash('info')
    })
    expect([messages, browser.cookie]).toEqual([['Saved'], ''])
    // An empty list of Python's is none, either.
    expect(await request(({ data }) => Object.assign(data, { _f_info: [], _csrf_id: 'none' }))).toEqual([])
  })
})

test('what another request puts into a session that this one empties stays', async () => {
  for (const name of ['compact', 'a store', 'a store that writes in steps']) {
    const { sessions, browser, visit } = serve({
      expose: false,
      ...(systems[name] as () => Partial<SessionsOptions>)(),
    })
    await visit(dave)
    const session = await sessions.load(browser.cookie)
    delete session.data.user
    await visit((data) => Object.assign(data, { cart: [1] }))
    browser.take(await sessions.commit(session))
    expect((await sessions.load(browser.cookie)).data).toEqual({ cart: [1] })
  }
})

test('regenerate() removes a cookie that could not be read, with nothing in its place', async () => {
  const { browser, visit } = serve({ codecs: [textCodec('text')] })
  await visit(dave)
  const unreadable = textCodec('text', { fails: Object.assign(new Error('newer'), { name: 'SessionError' }) })
  const { sessions } = serve({ codecs: [unreadable] }, { browser })
  const session = await sessions.load(browser.cookie)
  session.regenerate()
  expect(expiredOf(await sessions.commit(session))).toEqual([NAME])
  // And what comes after it replaces the cookie.
  session.data.user = 'eve'
  expect(namesOf(await sessions.commit(session))).toEqual([NAME])
})

test('observe tells that a session ends, and sets nothing', async () => {
  const { browser, visit } = serve()
  await visit(dave)
  const { sessions, events } = serve({ mode: 'observe' }, { browser })
  const session = await sessions.load(browser.cookie)
  delete session.data.user
  expect(await sessions.commit(session)).toEqual([])
  expect(events).toMatchObject([{ type: 'read' }, { type: 'destroyed', observed: true }])
  expect(session.isNew).toBe(false)
})

test('a store that fails ends nothing, and a later commit does', async () => {
  const store = openStore()
  const { sessions, browser, visit } = serve({ expose: false, codecs: [jwt({ secrets })], store })
  await visit(dave)
  const session = await sessions.load(browser.cookie)
  delete session.data.user
  store.gate = async (call) => {
    if (call === 'delete') throw new Error('down')
  }
  await rejection('ERR_SESSION_STORE', () => sessions.commit(session))
  delete store.gate
  expect(expiredOf(await sessions.commit(session))).toEqual([NAME])
  expect(store.ids).toEqual([])
})
