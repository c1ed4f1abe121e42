/** `recentOnly` and `requireRecent` in real servers, and when the visitor of a real Passport has proved who they are. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import connect from 'connect'
import express from 'express'
import { fastify } from 'fastify'
import { Hono } from 'hono'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  createSessions,
  expressSessions,
  fastifySessions,
  fetchSessions,
  honoSessions,
  recentOnly,
  requireRecent,
  type Session,
  type Sessions,
  sessionOf,
} from '../../src/server/index.js'
import { SECRET, testBrowser } from '../server/server.helpers.js'
import { listen } from './apps/listen.js'
import { type PassportData, passportApp } from './apps/passport.js'
import type { RunningApp } from './behaviour.js'

/** Serves `/step`, with the step, and `/inside`, where the handler asks. */
type Start = (sessions: Sessions) => Promise<RunningApp>

const recent = recentOnly('10m')

async function listenFetch(fetch: (request: Request) => Response | Promise<Response>): Promise<RunningApp> {
  const server = serve({ fetch, port: 0, hostname: '127.0.0.1' })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, close: () => new Promise((resolve) => server.close(resolve)) }
}

const frameworks: Record<string, Start> = {
  Express(sessions) {
    const app = express()
    app.use(expressSessions(sessions))
    app.post('/step', recent, (_req, res) => void res.send('done'))
    app.post('/inside', (req, res) => {
      requireRecent(sessionOf(req), '10m')
      res.send('done')
    })
    return listen(app)
  },
  Connect(sessions) {
    const app = connect()
    app.use(expressSessions(sessions))
    app.use('/step', recent)
    app.use('/inside', (req, _res, next) => {
      requireRecent(sessionOf(req), '10m')
      next()
    })
    app.use((_req, res) => res.end('done'))
    return listen(app)
  },
  async Fastify(sessions) {
    const app = fastify()
    app.register(fastifySessions(sessions))
    app.register(async (inner) => {
      inner.post('/step', { preHandler: recent }, async () => 'done')
      inner.post('/inside', async (request) => {
        requireRecent(sessionOf(request), '10m')
        return 'done'
      })
    })
    const url = await app.listen({ port: 0, host: '127.0.0.1' })
    return { url, close: () => app.close() }
  },
  Hono(sessions) {
    const app = new Hono<{ Variables: { session: Session } }>()
    app.use(honoSessions(sessions))
    app.post('/step', recent, (c) => c.text('done'))
    app.post('/inside', (c) => {
      requireRecent(c.var.session, '10m')
      return c.text('done')
    })
    return listenFetch(app.fetch)
  },
  'a fetch handler'(sessions) {
    return listenFetch(
      fetchSessions(sessions, (request, session) => {
        if (request.url.endsWith('/inside')) requireRecent(session, '10m')
        return recent(session) ?? new Response('done')
      }),
    )
  },
}

/** A visitor who signed in so many minutes ago, or whose session does not say when. */
async function cookieOf(sessions: Sessions, minutes: number | undefined): Promise<string> {
  const browser = testBrowser()
  const session = await sessions.load(null)
  session.data.user = 'dave'
  if (minutes !== undefined) session.data._authenticated_at = Date.now() / 1000 - minutes * 60
  browser.take(await sessions.commit(session))
  return browser.cookie
}

describe.each(Object.entries(frameworks))('%s', (name, start) => {
  test('passes who proved lately who they are, and answers all others with 403', async () => {
    const sessions = createSessions({ secrets: [SECRET], expose: false })
    const app = await start(sessions)
    onTestFinished(async () => void (await app.close()))
    const ask = async (path: string, minutes: number | undefined, method = 'POST'): Promise<Response> =>
      await fetch(app.url + path, { method, headers: { cookie: await cookieOf(sessions, minutes) } })

    const passed = await ask('/step', 1)
    expect([passed.status, await passed.text()]).toEqual([200, 'done'])
    expect((await ask('/inside', 1)).status).toBe(200)
    for (const minutes of [60, undefined, -60]) {
      const refused = await ask('/step', minutes)
      expect(refused.status).toBe(403)
      expect(refused.headers.get('content-type')).toMatch(/^application\/json/)
      expect(refused.headers.get('cache-control')).toContain('no-store')
      expect(refused.headers.get('vary')).toContain('Cookie')
      expect(await refused.json()).toEqual({ code: 'ERR_SESSION_NOT_RECENT', maxAge: 600 })
    }
    const inside = await ask('/inside', 60)
    expect(inside.status).toBe(403)
    const text = await inside.text()
    if (name !== 'Express' && name !== 'Connect') expect(text).toContain('ERR_SESSION_NOT_RECENT')
  })
})

test('a step without the sessions before it is an error of the application', async () => {
  const app = express()
  app.post('/step', recent, (_req, res) => void res.send('done'))
  const failures: unknown[] = []
  app.use(((error, _req, res, _next) => {
    failures.push(error)
    res.status(500).end()
  }) satisfies express.ErrorRequestHandler)
  const { url, close } = await listen(app)
  onTestFinished(async () => void (await close()))
  expect((await fetch(`${url}/step`, { method: 'POST' })).status).toBe(500)
  expect(failures).toEqual([expect.any(TypeError)])
})

describe('Fastify', () => {
  test('a key of the data may be called "authenticated" or "owner": its plugin has no such members', async () => {
    const sessions = createSessions({ secrets: [SECRET], expose: false, owner: ({ user }) => user as string })
    const app = fastify()
    app.register(fastifySessions(sessions))
    app.register(async (inner) => {
      type Keys = { session: { authenticated?: unknown; owner?: unknown } }
      inner.get('/', async (request) => {
        const { authenticated, owner } = (request as unknown as Keys).session
        return {
          authenticated: authenticated ?? null,
          owner: owner ?? null,
          keys: Object.keys((request as unknown as Keys).session),
        }
      })
      inner.get('/in', async (request) => {
        Object.assign((request as unknown as Keys).session, { authenticated: true, owner: 'eve' })
        sessionOf(request).authenticated()
        return {}
      })
    })
    const browser = testBrowser()
    const get = async (path: string): Promise<unknown> => {
      const response = await app.inject({ url: path, headers: { cookie: browser.cookie } })
      browser.take([response.headers['set-cookie'] ?? []].flat())
      return response.json()
    }
    expect(await get('/')).toEqual({ authenticated: null, owner: null, keys: [] })
    await get('/in')
    expect(await get('/')).toEqual({ authenticated: true, owner: 'eve', keys: ['authenticated', 'owner'] })
    expect((await sessions.load(browser.cookie)).authenticatedAt).toBeInstanceOf(Date)
    await app.close()
  })
})

describe('Passport', () => {
  async function visitor(options: { keepSessionInfo?: boolean }) {
    const sessions = createSessions<PassportData>({ secrets: [SECRET], expose: false })
    const { url, close } = await listen(passportApp(sessions, options))
    onTestFinished(async () => void (await close()))
    const browser = testBrowser()
    return {
      async get(path: string) {
        const response = await fetch(url + path, { redirect: 'manual', headers: { cookie: browser.cookie } })
        browser.take(response.headers.getSetCookie())
        return response
      },
      session: () => sessions.load(browser.cookie),
    }
  }

  test.each([{}, { keepSessionInfo: true }])(
    'a sign-in alone proves nothing, and a sign-out forgets it: %j',
    async (options) => {
      const { get, session } = await visitor(options)
      await get('/cart')
      await get('/login?username=dave&password=dave')
      expect((await session()).data.passport).toEqual({ user: 'dave' })
      expect((await session()).authenticatedAt).toBeUndefined()
      await get('/prove')
      expect((await session()).authenticatedAt).toBeInstanceOf(Date)
      await get('/logout')
      expect((await session()).authenticatedAt).toBeUndefined()
      // A key that was copied would come back with the next user.
      await get('/cart')
      await get('/login?username=eve&password=eve')
      const { data, authenticatedAt } = await session()
      expect(data.passport).toEqual({ user: 'eve' })
      expect(authenticatedAt).toBeUndefined()
    },
  )

  test('an application says it behind authenticate()', async () => {
    const { get, session } = await visitor({})
    await get('/sign-in?username=dave&password=wrong')
    expect((await session()).authenticatedAt).toBeUndefined()
    await get('/sign-in?username=dave&password=dave')
    expect((await session()).data.passport).toEqual({ user: 'dave' })
    expect((await session()).authenticatedAt).toBeInstanceOf(Date)
  })
})
