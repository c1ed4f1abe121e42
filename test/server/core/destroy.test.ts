import { describe, expect, test } from 'vitest'
import { dave, expiredOf, NAME, serve } from '../server.helpers.js'

describe('destroy', () => {
  test('a session without any cookie sets none', async () => {
    const { sessions } = serve({ expose: ['user'] })
    const session = await sessions.load(null)
    expect(await sessions.destroy(session)).toEqual([])
    expect(session.isDestroyed).toBe(true)
  })

  test('a session that a cookie holds expires it', async () => {
    const { sessions, browser, visit } = serve()
    await visit(dave)
    const headers = new Headers()
    const cookies = await sessions.destroy(await sessions.load(browser.cookie), headers)
    expect(expiredOf(cookies)).toEqual([NAME])
    expect(headers.getSetCookie()).toEqual(cookies)
    expect(headers.get('cache-control')).toBe('private, no-store')
    expect(headers.get('vary')).toBe('Cookie')
    browser.take(cookies)
    expect(browser.cookie).toBe('')
  })

  test('takes the public cookie along, also where the browser did not send it', async () => {
    const { sessions, browser, visit } = serve({ expose: ['user'] })
    await visit(dave)
    browser.cookies.delete(`${NAME}.public`)
    const cookies = await sessions.destroy(await sessions.load(browser.cookie))
    expect(expiredOf(cookies)).toEqual([NAME, `${NAME}.public`])
    expect(cookies.map((cookie) => cookie.includes('HttpOnly'))).toEqual([true, false])
  })

  test('takes an old public cookie along where nothing is exposed any more', async () => {
    const { sessions } = serve({ expose: false })
    expect(expiredOf(await sessions.destroy(await sessions.load(`${NAME}.public=x`)))).toEqual([`${NAME}.public`])
  })

  test.each(['garbage', 'eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.e30.AAAA'])(
    'a rejected cookie expires too',
    async (value) => {
      const { sessions } = serve()
      const session = await sessions.load(`${NAME}=${value}`)
      expect(session.rejected).toBeDefined()
      expect(expiredOf(await sessions.destroy(session))).toEqual([NAME])
    },
  )

  test('an empty cookie expires too', async () => {
    const { sessions } = serve()
    expect(expiredOf(await sessions.destroy(await sessions.load(`${NAME}=`)))).toEqual([NAME])
  })
})

describe('after destroy', () => {
  test.each([true, ['user'] as const])('no commit brings the session back (expose: %j)', async (expose) => {
    const { sessions, browser, visit } = serve({ expose: expose as true })
    await visit(dave)
    const session = await sessions.load(browser.cookie)
    const headers = new Headers()
    const cookies = await sessions.destroy(session, headers)
    session.data.user = 'eve'
    session.regenerate()
    expect(await sessions.commit(session, headers)).toEqual(cookies)
    expect(headers.getSetCookie()).toEqual(cookies)
    session.data = { user: 'mallory' }
    await sessions.commit(session, headers)
    expect(headers.getSetCookie()).toEqual(cookies)
    expect(session.isDestroyed).toBe(true)
  })

  test('of a new session a commit sets nothing', async () => {
    const { sessions } = serve()
    const session = await sessions.load(null)
    dave(session.data)
    await sessions.destroy(session)
    expect(await sessions.commit(session)).toEqual([])
  })

  test('a second one says the same, and tells of it once', async () => {
    const { sessions, browser, visit, events } = serve()
    await visit(dave)
    events.length = 0
    const session = await sessions.load(browser.cookie)
    const headers = new Headers()
    const cookies = await sessions.destroy(session, headers)
    expect(await sessions.destroy(session, headers)).toEqual(cookies)
    expect(headers.getSetCookie()).toEqual(cookies)
    expect(events.map(({ type }) => type)).toEqual(['read', 'destroyed'])
  })

  test('another response of the same request says the same', async () => {
    const { sessions, browser, visit } = serve()
    await visit(dave)
    const session = await sessions.load(browser.cookie)
    const cookies = await sessions.destroy(session)
    const headers = new Headers()
    await sessions.commit(session, headers)
    expect(headers.getSetCookie()).toEqual(cookies)
  })
})

test('destroy after a commit replaces its cookies', async () => {
  const { sessions } = serve({ expose: ['user'] })
  const session = await sessions.load(null)
  const headers = new Headers({ 'set-cookie': 'other=1' })
  dave(session.data)
  await sessions.commit(session, headers)
  const cookies = await sessions.destroy(session, headers)
  expect(expiredOf(cookies)).toEqual([NAME, `${NAME}.public`])
  expect(headers.getSetCookie()).toEqual(['other=1', ...cookies])
})
