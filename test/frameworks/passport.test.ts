/** Passport, passport-local and connect-flash as they come from npm, on Express 5: what they need of `req.session`. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Express as App } from 'express'
import { afterEach, describe, expect, test } from 'vitest'
import { createSessions } from '../../src/server/index.js'
import { SECRET, testBrowser } from '../server/server.helpers.js'
import { passportApp as appOf, type PassportData as Data } from './apps/passport.js'

const servers: Server[] = []

afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

interface Visitor {
  readonly cookie: string
  get(path: string): Promise<{ status: number; body: string; location: string | null; set: string[] }>
}

async function visit(app: App): Promise<Visitor> {
  const server = createServer(app)
  servers.push(server)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const browser = testBrowser()
  return {
    get cookie() {
      return browser.cookie
    },
    async get(path) {
      const answer = await fetch(origin + path, { redirect: 'manual', headers: { cookie: browser.cookie } })
      const set = answer.headers.getSetCookie()
      browser.take(set)
      return { status: answer.status, body: await answer.text(), location: answer.headers.get('location'), set }
    },
  }
}

const sessions = createSessions<Data>({ secrets: [SECRET], expose: false })
const daveSignsIn = '/login?username=dave&password=dave'

async function read(visitor: Visitor): Promise<{ user?: unknown; session: Data; errors: string[] }> {
  return JSON.parse((await visitor.get('/')).body)
}

describe('signing in', () => {
  test('gives a new session, and the next requests know the user', async () => {
    const visitor = await visit(appOf(sessions))
    await visitor.get('/cart')
    const before = await sessions.load(visitor.cookie)
    const login = await visitor.get(daveSignsIn)
    expect(login).toMatchObject({ status: 302, location: '/page' })
    expect(login.set).toHaveLength(1)
    const after = await sessions.load(visitor.cookie)
    expect(after.id).not.toBe(before.id)
    expect(after.data).toEqual({ passport: { user: 'dave' } })
    for (let times = 0; times < 2; times++) expect((await read(visitor)).user).toEqual({ id: 'dave' })
  })

  test('keeps the data of the session before with keepSessionInfo', async () => {
    const visitor = await visit(appOf(sessions, { keepSessionInfo: true }))
    await visitor.get('/cart')
    const before = await sessions.load(visitor.cookie)
    await visitor.get(daveSignsIn)
    const after = await sessions.load(visitor.cookie)
    expect(after.id).not.toBe(before.id)
    expect(after.data).toEqual({ cart: ['a book'], passport: { user: 'dave' } })
  })

  test('that fails says why, once, by a flash message', async () => {
    const visitor = await visit(appOf(sessions))
    expect(await visitor.get('/login?username=dave&password=eve')).toMatchObject({ location: '/page' })
    expect((await sessions.load(visitor.cookie)).data).toEqual({ flash: { error: ['Wrong name or password'] } })
    expect((await visitor.get('/errors')).body).toBe('["Wrong name or password"]')
    expect((await visitor.get('/errors')).body).toBe('[]')
    expect((await read(visitor)).user).toBeUndefined()
  })
})

describe('signing out', () => {
  test('forgets the user and all data', async () => {
    const visitor = await visit(appOf(sessions))
    await visitor.get(daveSignsIn)
    const logout = await visitor.get('/logout')
    expect(logout).toMatchObject({ status: 302, location: '/page' })
    // https://github.com/jaredhanson/passport/issues/843: with express-session the cookie stays.
    expect(logout.set).toEqual([expect.stringMatching(/^beaker\.session\.id=; .*Max-Age=0/)])
    expect(visitor.cookie).toBe('')
    expect((await read(visitor)).user).toBeUndefined()
  })

  test('keeps the other data with keepSessionInfo', async () => {
    const visitor = await visit(appOf(sessions, { keepSessionInfo: true }))
    await visitor.get('/cart')
    await visitor.get(daveSignsIn)
    await visitor.get('/logout')
    const { user, session } = await read(visitor)
    expect(user).toBeUndefined()
    expect(session).toMatchObject({ cart: ['a book'], passport: {} })
  })

  test('two visitors are two users', async () => {
    const app = appOf(sessions)
    const [dave, eve] = [await visit(app), await visit(app)]
    await dave.get(daveSignsIn)
    await eve.get('/login?username=eve&password=eve')
    await dave.get('/logout')
    expect((await read(dave)).user).toBeUndefined()
    expect((await read(eve)).user).toEqual({ id: 'eve' })
  })
})
