import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { Session } from '../../../src/server/index.js'
import { dave, expectWithout, NAME, OLD_SECRET, SECRET, START, serve } from '../server.helpers.js'

describe('data', () => {
  test.each([null, undefined, 'text', 5, [], true])('can not be %j', async (data) => {
    const session = await serve().sessions.load(null)
    expect(() => {
      session.data = data as never
    }).toThrow(/session.data must be an object/)
    expect(session.data).toEqual({})
  })

  test('with a meta key is refused at the commit, and names what to use instead', async () => {
    const { sessions } = serve()
    const session = await sessions.load(null)
    Object.assign(session.data, { user: 'dave', _id: 'x' })
    await expect(sessions.commit(session)).rejects.toThrow(/session.regenerate/)
  })

  test('may be frozen', async () => {
    const { sessions, browser } = serve()
    const session = await sessions.load(null)
    session.data = Object.freeze({ user: 'dave' })
    browser.take(await sessions.commit(session))
    expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'dave' })
  })

  test('keys of the prototype are keys like others, on the whole way', async () => {
    const { sessions, browser } = serve({ expose: ['__proto__', 'constructor'] })
    const text = '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}'
    const session = await sessions.load(null)
    session.data = JSON.parse(text)
    browser.take(await sessions.commit(session))
    const again = await sessions.load(browser.cookie)
    expect(JSON.stringify(again.data)).toBe(text)
    expect(Object.getPrototypeOf(again.data)).toBe(Object.prototype)
    expect(await sessions.commit(again)).toEqual([])
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })
})

describe('regenerate', () => {
  test('changes id and creation time at once and keeps the data', async () => {
    const { sessions, browser, clock, visit } = serve({ absoluteTimeout: 3600 })
    await visit(dave)
    clock.pass(100)
    const session = await sessions.load(browser.cookie)
    const { id } = session
    session.regenerate()
    expect(session.id).toMatch(/^[0-9a-f]{32}$/)
    expect(session.id).not.toBe(id)
    expect(session.createdAt).toEqual(new Date(START + 100_000))
    expect(session.accessedAt).toEqual(new Date(START + 100_000))
    expect(session.data).toEqual({ user: 'dave' })
    await sessions.commit(session)
    expect(session.expiresAt).toEqual(new Date(START + 3_700_000))
  })

  test('is written once', async () => {
    const { sessions, browser, visit } = serve()
    await visit(dave)
    const session = await sessions.load(browser.cookie)
    session.regenerate()
    expect(await sessions.commit(session)).toHaveLength(1)
    expect(await sessions.commit(session)).toEqual([])
  })
})

describe('what is out of reach', () => {
  test('nothing printed of a session holds its cookie or a key', async () => {
    const { sessions, browser, visit } = serve({ expose: ['user'] })
    await visit(dave)
    const session = await sessions.load(browser.cookie)
    const token = browser.cookies.get(NAME) as string
    const publicCookie = browser.cookies.get(`${NAME}.public`) as string
    expectWithout(session, [token, publicCookie, token.slice(-20), SECRET])
    expectWithout(sessions, [SECRET, 'swordfish'])
    expect(JSON.stringify(session)).toBe('{"user":"dave"}')
    expect(inspect(session, { showHidden: true })).not.toContain('eyJ')
  })

  test('what is known of it can not be set', async () => {
    const session = await serve().sessions.load(null)
    for (const name of ['id', 'isNew', 'createdAt', 'rejected', 'codec', 'keyIndex', 'isDestroyed']) {
      expect(() => Object.assign(session, { [name]: 'x' })).toThrow(TypeError)
    }
  })
})

test.each(['commit', 'destroy'] as const)('%s says that an await is missing', async (method) => {
  const { sessions } = serve()
  const promise = sessions.load(null) as unknown as Session
  await expect(sessions[method](promise)).rejects.toThrow(/is an "await" missing/)
  await expect(sessions[method]({ user: 'dave' } as unknown as Session)).rejects.toThrow(/no session of load/)
})

test('a key that is no longer in the ring ends its sessions', async () => {
  const { browser, visit } = serve({ secrets: [OLD_SECRET] })
  await visit(dave)
  expect((await serve({ secrets: [SECRET, OLD_SECRET] }).sessions.load(browser.cookie)).data).toEqual({ user: 'dave' })
  const { rejected, data } = await serve({ secrets: [SECRET] }).sessions.load(browser.cookie)
  expect(rejected?.code).toBe('ERR_SESSION_SIGNATURE')
  expect(rejected?.verified).toBeUndefined()
  expect(data).toEqual({})
})
