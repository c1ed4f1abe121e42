/** Device bound sessions in real servers: the sign-in by each framework's own response, then the browser's registration and renewals. */
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { serve } from '@hono/node-server'
import connect from 'connect'
import express from 'express'
import { fastify } from 'fastify'
import { Hono } from 'hono'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  type BoundOptions,
  createSessions,
  defineSession,
  expressBound,
  expressSessions,
  fastifyBound,
  fastifySessions,
  fetchBound,
  fetchSessions,
  honoBound,
  honoSessions,
  memoryStore,
  type Session,
  type SessionStore,
  type Sessions,
  sessionOf,
} from '../../src/server/index.js'
import { challengeIn, type Device, KEY, PROOF, registrationIn, testDevice } from '../server/core/bound.helpers.js'
import { expiredOf, NAME, SECRET, testBrowser, testClock } from '../server/server.helpers.js'
import { listen } from './apps/listen.js'
import type { RunningApp } from './behaviour.js'

/** `/sign-in` signs in and redirects, `/sign-out` ends the session, `/` shows it. */
type Start = (sessions: Sessions) => Promise<RunningApp>

function signIn(session: Session): void {
  session.regenerate({ authenticated: true })
  session.data.user = 'dave'
  session.bind()
}

function shown({ data, isBound, rejected }: Session): object {
  return { user: data.user, isBound, rejected: rejected?.code }
}

const frameworks: Record<string, Start> = {
  Express(sessions) {
    const app = express()
    app.use(expressBound(sessions))
    app.use(expressSessions(sessions))
    app.post('/sign-in', (req, res) => {
      signIn(sessionOf(req))
      res.redirect(303, '/')
    })
    app.post('/sign-out', (req, res) => {
      Object.assign(req, { session: null })
      res.json({})
    })
    app.get('/', (req, res) => void res.json(shown(sessionOf(req))))
    return listen(app)
  },
  Connect(sessions) {
    const app = connect()
    app.use(expressBound(sessions))
    app.use(expressSessions(sessions))
    app.use((req, res) => {
      const session = sessionOf(req)
      if (req.url === '/sign-in') signIn(session)
      if (req.url === '/sign-out') Object.assign(req, { session: null })
      res.statusCode = req.url === '/sign-in' ? 303 : 200
      res.setHeader('Location', '/')
      res.end(JSON.stringify(shown(session)))
    })
    return listen(app)
  },
  async Fastify(sessions) {
    const app = fastify()
    app.register(fastifyBound(sessions))
    app.register(fastifySessions(sessions))
    app.post('/sign-in', async (request, reply) => {
      signIn(sessionOf(request))
      return reply.redirect('/', 303)
    })
    app.post('/sign-out', async (request) => {
      await (request as unknown as { session: { destroy(): Promise<void> } }).session.destroy()
      return {}
    })
    app.get('/', async (request) => shown(sessionOf(request)))
    const url = await app.listen()
    return { url: url.replace('[::1]', 'localhost'), close: () => app.close() }
  },
  Hono(sessions) {
    const app = new Hono<{ Variables: { session: Session } }>()
    app.use(honoBound(sessions))
    app.use(honoSessions(sessions))
    app.post('/sign-in', (c) => {
      signIn(c.var.session)
      return c.redirect('/', 303)
    })
    app.post('/sign-out', async (c) => {
      await sessions.destroy(c.var.session)
      return c.json({})
    })
    app.get('/', (c) => c.json(shown(c.var.session)))
    return served(app.fetch)
  },
  'fetch handlers'(sessions) {
    return served(
      fetchBound(
        sessions,
        fetchSessions(sessions, async ({ url }, session) => {
          const { pathname } = new URL(url)
          if (pathname === '/sign-in') {
            signIn(session)
            return new Response(null, { status: 303, headers: { Location: '/' } })
          }
          if (pathname === '/sign-out') await sessions.destroy(session)
          return Response.json(shown(session))
        }),
      ),
    )
  },
}

function served(fetch: (request: Request) => Response | Promise<Response>): Promise<RunningApp> {
  return new Promise((resolve) => {
    const server = serve({ fetch, port: 0 }, ({ port }) =>
      resolve({
        url: `http://localhost:${port}`,
        close: async () => {
          server.close()
        },
      }),
    )
  })
}

/** The `fetch` of Node says that a script asks, as that of a page does. */
async function send(url: string, method: string, headers: Record<string, string>): Promise<Response> {
  const asked = request(url, { method, headers: { ...headers, ...(method === 'POST' && { 'content-length': '0' }) } })
  asked.end()
  const [answer] = (await once(asked, 'response')) as [IncomingMessage]
  const all = new Headers()
  for (let at = 0; at < answer.rawHeaders.length; at += 2) {
    all.append(answer.rawHeaders[at] ?? '', answer.rawHeaders[at + 1] ?? '')
  }
  return new Response(await text(answer), { status: answer.statusCode ?? 0, headers: all })
}

async function visit(start: Start, options: BoundOptions = {}, store?: SessionStore) {
  const clock = testClock(Date.now())
  const sessions = createSessions({
    session: defineSession({ name: NAME }),
    secrets: SECRET,
    expose: false,
    clock,
    bound: { required: 'if-bound', ...options },
    ...(store && { store }),
  }) as Sessions
  const app = await start(sessions)
  onTestFinished(async () => void (await app.close()))
  const browser = testBrowser()

  async function ask(path: string, method = 'GET', headers: Record<string, string> = {}): Promise<Response> {
    const cookie = browser.cookie && { cookie: browser.cookie }
    const response = await send(app.url + path, method, { ...cookie, ...headers })
    browser.take(response.headers.getSetCookie())
    return response
  }

  return {
    ask,
    browser,
    clock,
    look: async () => (await ask('/')).json(),
    async register(device: Device) {
      const { challenge } = registrationIn((await ask('/sign-in', 'POST')).headers)
      const proof = await device.sign(challenge, { header: { jwk: device.jwk } })
      return await ask('/dbsc/register', 'POST', { 'secure-session-response': proof })
    },
    async refresh(device: Device) {
      const challenge = challengeIn(await ask('/dbsc/refresh', 'POST'))
      return await ask('/dbsc/refresh', 'POST', { 'secure-session-response': await device.sign(challenge) })
    },
  }
}

describe.each(Object.entries(frameworks))('%s', (_, start) => {
  test('a sign-in is bound, renewed and ended', async () => {
    const { ask, browser, clock, look, register, refresh } = await visit(start)
    const device = await testDevice()
    expect((await register(device)).status).toBe(200)
    expect([...browser.cookies.keys()].sort()).toEqual([NAME, PROOF, KEY].sort())
    expect(await look()).toEqual({ user: 'dave', isBound: true })
    clock.pass(1000)
    expect(await look()).toEqual({ isBound: false, rejected: 'ERR_SESSION_UNBOUND' })
    const renewed = await refresh(device)
    expect([renewed.status, renewed.headers.get('cache-control')]).toEqual([200, 'private, no-store'])
    expect(await look()).toEqual({ user: 'dave', isBound: true })
    const out = await ask('/sign-out', 'POST')
    expect(expiredOf(out.headers.getSetCookie()).sort()).toEqual([NAME, PROOF, KEY].sort())
    const late = await ask('/dbsc/refresh', 'POST')
    expect(await late.json()).toMatchObject({ continue: false })
  })

  test('a link from another site gets the page that loads it again', async () => {
    const { ask, browser, clock, register } = await visit(start)
    await register(await testDevice())
    clock.pass(1000)
    browser.cookies.delete(PROOF)
    const link = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', 'sec-fetch-site': 'cross-site' }
    const response = await ask('/', 'GET', link)
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(await response.text()).toContain('<script>location.replace')
  })

  test('a store that is down puts a renewal off with 503, and other methods get 405', async () => {
    const { get, ...rest } = memoryStore()
    let isDown = false
    const store: SessionStore = {
      ...rest,
      get: (id) => {
        if (isDown) throw new Error('down')
        return get(id)
      },
    }
    const { ask, register } = await visit(start, {}, store)
    await register(await testDevice())
    isDown = true
    expect((await ask('/dbsc/refresh', 'POST')).status).toBe(503)
    isDown = false
    expect((await ask('/dbsc/refresh')).status).toBe(405)
  })
})
