import { describe, expect, test } from 'vitest'
import type { SessionCodec } from '../../../src/server/index.js'
import { dave, NAME, rejection, SECRET, START, serve, textCodec } from '../server.helpers.js'

const parts = (setCookie: string | undefined): string[] => (setCookie ?? '').split('; ')

describe('a commit', () => {
  test('gives the Set-Cookie text and adds it to the response', async () => {
    const { sessions } = serve()
    const session = await sessions.load(null)
    dave(session.data)
    const headers = new Headers({ 'set-cookie': 'other=1' })
    const cookies = await sessions.commit(session, headers)
    expect(cookies).toHaveLength(1)
    expect(cookies[0]).toMatch(new RegExp(`^${NAME}=ey[\\w.-]+; Path=/; SameSite=Lax; Secure$`))
    expect(headers.getSetCookie()).toEqual(['other=1', ...cookies])
    expect(headers.get('vary')).toBe('Cookie')
    expect(headers.get('cache-control')).toBe('private, no-store')
  })

  test('a session that was only read is private too', async () => {
    const { sessions, browser, visit } = serve()
    await visit(dave)
    const headers = new Headers()
    expect(await sessions.commit(await sessions.load(browser.cookie), headers)).toEqual([])
    expect(Object.fromEntries(headers)).toEqual({ vary: 'Cookie', 'cache-control': 'private, no-store' })
  })

  test('a visitor without a session costs no cookie and no cache', async () => {
    const { sessions } = serve()
    const headers = new Headers({ 'cache-control': 'public, max-age=60' })
    expect(await sessions.commit(await sessions.load(null), headers)).toEqual([])
    expect(Object.fromEntries(headers)).toEqual({ vary: 'Cookie', 'cache-control': 'public, max-age=60' })
  })

  test('the session that was new is known from then on', async () => {
    const { sessions } = serve({ idleTimeout: 1800 })
    const session = await sessions.load(null)
    dave(session.data)
    await sessions.commit(session)
    expect(session).toMatchObject({ codec: 'beakerJwt', keyIndex: 0 })
    expect(session.expiresAt).toEqual(new Date(START + 1_800_000))
  })

  test('moves the end of the session ahead with each touch', async () => {
    const { sessions, browser, clock, visit } = serve({ idleTimeout: 1800 })
    await visit(dave)
    clock.pass(600)
    const session = await sessions.load(browser.cookie)
    expect(session.expiresAt).toEqual(new Date(START + 1_800_000))
    await sessions.commit(session)
    expect(session.accessedAt).toEqual(new Date(START + 600_000))
    expect(session.expiresAt).toEqual(new Date(START + 2_400_000))
  })

  test('attributes of the options are on the cookie', async () => {
    const { visit } = serve({ name: 'sid', path: '/app', maxAge: '14d', sameSite: 'strict', expose: false })
    const [name, ...attributes] = parts((await visit(dave))[0])
    expect(name).toMatch(/^sid=/)
    expect(attributes).toEqual(['Max-Age=1209600', 'HttpOnly', 'Path=/app', 'SameSite=Strict', 'Secure'])
  })
})

describe('a second commit in one response', () => {
  test.each([true, false, ['user'] as const])('replaces the cookies of the first (expose: %j)', async (expose) => {
    const { sessions, browser } = serve({ expose: expose as true })
    const session = await sessions.load(null)
    const headers = new Headers({ 'set-cookie': 'other=1' })
    dave(session.data)
    await sessions.commit(session, headers)
    session.data.user = 'eve'
    const second = await sessions.commit(session, headers)
    expect(headers.getSetCookie()).toEqual(['other=1', ...second])
    browser.take(second)
    expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'eve' })
  })

  test.each([true, ['user'] as const])(
    'writes nothing and takes nothing away where nothing changed (expose: %j)',
    async (expose) => {
      const { sessions } = serve({ expose: expose as true })
      const session = await sessions.load(null)
      const headers = new Headers()
      dave(session.data)
      const first = await sessions.commit(session, headers)
      expect(await sessions.commit(session, headers)).toEqual([])
      expect(headers.getSetCookie()).toEqual(first)
    },
  )

  test("of the public cookie alone leaves the session's cookie", async () => {
    let seen = 'one'
    const { sessions } = serve({ expose: () => ({ seen }) })
    const session = await sessions.load(null)
    const headers = new Headers()
    dave(session.data)
    const [authority] = await sessions.commit(session, headers)
    seen = 'two'
    const second = await sessions.commit(session, headers)
    expect(second).toHaveLength(1)
    expect(headers.getSetCookie()).toEqual([authority, ...second])
  })

  test('finds a change back to what was read', async () => {
    const { sessions, browser, visit } = serve()
    await visit(dave)
    const session = await sessions.load(browser.cookie)
    session.data.user = 'eve'
    browser.take(await sessions.commit(session))
    session.data.user = 'dave'
    browser.take(await sessions.commit(session))
    expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'dave' })
  })

  test('finds a change with a codec that has no comparison', async () => {
    const { sessions } = serve({ codecs: [textCodec('text')], expose: false })
    const session = await sessions.load(null)
    session.data.list = [1]
    expect(await sessions.commit(session)).toHaveLength(1)
    expect(await sessions.commit(session)).toEqual([])
    ;(session.data.list as number[]).push(2)
    expect(await sessions.commit(session)).toHaveLength(1)
  })
})

test('what changes while a commit waits is written by the next one', async () => {
  const inner = textCodec('text') as Required<SessionCodec>
  let finish = (): void => {}
  const slow = textCodec('text', {
    async sign(record, context) {
      const value = await inner.sign(record, context)
      await new Promise<void>((resolve) => {
        finish = resolve
      })
      return value
    },
  })
  const { sessions, browser } = serve({ codecs: [slow], expose: false })
  const session = await sessions.load(null)
  for (const user of ['dave', 'eve']) {
    session.data.user = user
    const commit = sessions.commit(session)
    // By then the value is made of the data, and waits.
    await new Promise((resolve) => setImmediate(resolve))
    session.data.user = 'mallory'
    finish()
    browser.take(await commit)
    expect((await sessions.load(browser.cookie)).data).toEqual({ user })
  }
  const commit = sessions.commit(session)
  await new Promise((resolve) => setImmediate(resolve))
  finish()
  browser.take(await commit)
  expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'mallory' })
})

describe('a failing commit', () => {
  test('sets nothing, and the next one can succeed', async () => {
    const { sessions, browser } = serve({ expose: ['user'] })
    const session = await sessions.load(null)
    const headers = new Headers()
    session.data.user = () => {}
    await rejection('ERR_SESSION_UNWRITABLE', sessions.commit(session, headers))
    expect(Object.fromEntries(headers)).toEqual({})
    session.data.user = 'dave'
    browser.take(await sessions.commit(session, headers))
    expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'dave' })
  })

  test('of the public cookie sets no session either, and is not forgotten', async () => {
    let exposed: object = { bad: () => {} }
    const { sessions, events } = serve({ expose: () => exposed })
    const session = await sessions.load(null)
    dave(session.data)
    await rejection('ERR_SESSION_UNWRITABLE', sessions.commit(session))
    expect(events).toEqual([])
    expect(session.isNew).toBe(true)
    exposed = { user: 'dave' }
    expect(await sessions.commit(session)).toHaveLength(2)
    expect(events.map(({ type }) => type)).toEqual(['committed'])
  })
})

describe('the cookie of an expired session', () => {
  test('stays: a request beside this one may have replaced it', async () => {
    const { sessions, browser, clock, visit } = serve({ idleTimeout: 60, expose: ['user'] })
    await visit(dave)
    clock.pass(61)
    expect(await sessions.commit(await sessions.load(browser.cookie))).toEqual([])
  })

  test('is expired by destroy()', async () => {
    const { sessions, browser, clock, visit } = serve({ idleTimeout: 60, expose: false })
    await visit(dave)
    clock.pass(61)
    const [cookie] = await sessions.destroy(await sessions.load(browser.cookie))
    expect(parts(cookie)).toEqual([
      `${NAME}=`,
      'Expires=Thu, 01 Jan 1970 00:00:00 GMT',
      'Max-Age=0',
      'HttpOnly',
      'Path=/',
      'SameSite=Lax',
      'Secure',
    ])
  })

  test('is replaced by a new session', async () => {
    const { browser, clock, visit, sessions } = serve({ idleTimeout: 60 })
    await visit(dave)
    clock.pass(61)
    expect(await visit((data) => Object.assign(data, { user: 'eve' }))).toHaveLength(1)
    expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'eve' })
  })

  test('other rejected cookies stay until there is something to write', async () => {
    const { sessions } = serve()
    expect(await sessions.commit(await sessions.load(`${NAME}=garbage`))).toEqual([])
  })
})

describe('observe', () => {
  test('writes nothing, whatever happens, and tells what would be written', async () => {
    const { browser, clock, visit } = serve()
    await visit(dave)
    clock.pass(100)
    const { sessions, events } = serve(
      { mode: 'observe', secrets: [`${SECRET}, new`, SECRET], expose: ['user'] },
      { clock },
    )
    const session = await sessions.load(browser.cookie)
    session.data.user = 'eve'
    const headers = new Headers()
    expect(await sessions.commit(session, headers)).toEqual([])
    expect(await sessions.destroy(session, headers)).toEqual([])
    expect(Object.fromEntries(headers)).toEqual({})
    expect(events).toMatchObject([
      { type: 'read', keyIndex: 1 },
      { type: 'upgraded', observed: true },
      { type: 'committed', observed: true },
      { type: 'destroyed', observed: true },
    ])
    expect(events[0]).not.toHaveProperty('observed')
  })

  test('a session stays new', async () => {
    const { sessions } = serve({ mode: 'observe' })
    const session = await sessions.load(null)
    dave(session.data)
    await sessions.commit(session)
    expect(session.isNew).toBe(true)
  })
})
