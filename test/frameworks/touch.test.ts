/** `touchHandler` in real servers: one function for all of them, alone, before and after the middleware of the same sessions. */
import { once } from 'node:events'
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import connect from 'connect'
import express from 'express'
import { fastify } from 'fastify'
import { Hono } from 'hono'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  createSessions,
  defineSession,
  expressSessions,
  fastifySessions,
  fetchSessions,
  honoSessions,
  memoryStore,
  type SessionStore,
  type Sessions,
  touchHandler,
} from '../../src/server/index.js'
import { NAME, namesOf, SECRET, testBrowser } from '../server/server.helpers.js'
import { listen } from './apps/listen.js'
import type { RunningApp } from './behaviour.js'

type Place = 'alone' | 'before the sessions' | 'after the sessions'
/** Starts a server that answers at `/session`, and sets a cookie of its own. */
type Start = (sessions: Sessions, place: Place) => Promise<RunningApp>

const THEME = 'theme=dark; Path=/'

const frameworks: Record<string, Start> = {
  Express(sessions, place) {
    const app = express()
    const theme: express.RequestHandler = (_req, res, next) => {
      res.append('set-cookie', THEME)
      next()
    }
    app.use(theme)
    if (place === 'after the sessions') app.use(expressSessions(sessions))
    app.all('/session', touchHandler(sessions))
    app.use(expressSessions(sessions))
    return listen(app)
  },
  Connect(sessions, place) {
    const app = connect()
    app.use((_req, res, next) => {
      res.setHeader('set-cookie', THEME)
      next()
    })
    if (place === 'after the sessions') app.use(expressSessions(sessions))
    app.use('/session', touchHandler(sessions))
    return listen(app)
  },
  'node:http'(sessions) {
    const touch = touchHandler(sessions)
    return listen((request, response) => {
      response.setHeader('set-cookie', [THEME])
      touch(request, response)
    })
  },
  async Fastify(sessions, place) {
    const app = fastify()
    app.addHook('onRequest', async (_request, reply) => void reply.header('set-cookie', THEME))
    const touch = touchHandler(sessions)
    if (place === 'after the sessions') app.register(fastifySessions(sessions))
    app.post('/session', touch)
    app.get('/session', touch)
    const url = await app.listen({ port: 0, host: '127.0.0.1' })
    return { url, close: () => app.close() }
  },
  async Hono(sessions, place) {
    const app = new Hono()
    const touch = touchHandler(sessions)
    app.use(async (c, next) => {
      await next()
      c.header('set-cookie', THEME, { append: true })
    })
    if (place === 'after the sessions') app.use(honoSessions(sessions))
    app.all('/session', touch)
    const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    return { url: `http://127.0.0.1:${port}`, close: () => new Promise((resolve) => server.close(resolve)) }
  },
  async 'a fetch handler'(sessions, place) {
    const touch = touchHandler(sessions)
    const inside = place === 'after the sessions' ? fetchSessions(sessions, (request) => touch(request)) : touch
    const themed = async (request: Request): Promise<Response> => {
      const response = await inside(request)
      response.headers.append('set-cookie', THEME)
      return response
    }
    const server = serve({ fetch: themed, port: 0, hostname: '127.0.0.1' })
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    return { url: `http://127.0.0.1:${port}`, close: () => new Promise((resolve) => server.close(resolve)) }
  },
}

function open({ touchEvery, store }: { touchEvery?: 0; store?: SessionStore } = {}): Sessions {
  return createSessions({
    session: defineSession({ name: NAME, idleTimeout: '30m' }),
    secrets: [SECRET],
    expose: ['user'],
    ...(touchEvery === undefined ? {} : { touchEvery }),
    ...(store ? { store } : {}),
  })
}

async function signIn(sessions: Sessions): Promise<string> {
  const browser = testBrowser()
  const session = await sessions.load(null)
  session.data.user = 'dave'
  browser.take(await sessions.commit(session))
  return browser.cookie
}

interface Page {
  cookie: string
  ask(headers?: Record<string, string>, method?: string): Promise<{ status: number; set: string[]; headers: Headers }>
}

async function visit(start: Start, sessions: Sessions, place: Place): Promise<Page> {
  const app = await start(sessions, place)
  onTestFinished(async () => void (await app.close()))
  const page: Page = {
    cookie: await signIn(sessions),
    async ask(headers = { 'sec-fetch-site': 'same-origin' }, method = 'POST') {
      const { cookie } = page
      const response = await fetch(`${app.url}/session`, { method, headers: { ...headers, cookie } })
      await response.arrayBuffer()
      return { status: response.status, set: response.headers.getSetCookie(), headers: response.headers }
    },
  }
  return page
}

describe.each(Object.entries(frameworks))('%s', (_, start) => {
  describe.each<Place>(['alone', 'before the sessions', 'after the sessions'])('%s', (place) => {
    test.each([undefined, 0] as const)('204 with each cookie once (touchEvery: %s)', async (touchEvery) => {
      const sessions = open(touchEvery === undefined ? {} : { touchEvery })
      const { ask } = await visit(start, sessions, place)
      const { status, set, headers } = await ask()
      expect(status).toBe(204)
      expect(namesOf(set).sort()).toEqual([NAME, `${NAME}.public`, 'theme'])
      expect([headers.get('cache-control'), headers.get('vary')]).toEqual(['no-store', 'Cookie'])
      expect(Date.parse(headers.get('date') ?? '')).not.toBeNaN()
      const cookie = set.find((text) => text.startsWith(`${NAME}=`))?.split(';')[0]
      expect((await sessions.load(cookie)).data).toEqual({ user: 'dave' })
    })

    test('401 without a session, 403 to other sites, and the host of the server is its own', async () => {
      const page = await visit(start, open(), place)
      for (const site of ['cross-site', 'same-site', 'none']) {
        expect((await page.ask({ 'sec-fetch-site': site })).status, site).toBe(403)
      }
      const refused = await page.ask({ origin: 'https://evil.example' })
      expect([refused.status, namesOf(refused.set), refused.headers.get('cache-control')]).toEqual([
        403,
        ['theme'],
        'no-store',
      ])
      page.cookie = ''
      const unknown = await page.ask()
      expect([unknown.status, namesOf(unknown.set), unknown.headers.get('cache-control')]).toEqual([
        401,
        ['theme'],
        'no-store',
      ])
    })

    test('405 to other methods', async () => {
      const { ask } = await visit(start, open(), place)
      const { status, headers, set } = await ask(undefined, 'GET')
      expect([status, headers.get('allow'), namesOf(set)]).toEqual([405, 'POST', ['theme']])
    })

    test('503 when the store fails to write, and no cookie of the session', async () => {
      const memory = memoryStore()
      const touch = (): never => {
        throw new Error('down')
      }
      const { ask } = await visit(start, open({ store: { ...memory, touch } }), place)
      const { status, set } = await ask()
      expect(status).toBe(503)
      expect(namesOf(set).filter((name) => name !== 'theme')).toEqual([])
    })
  })

  test('Origin is compared with the host that was asked', async () => {
    const app = await start(open(), 'alone')
    onTestFinished(async () => void (await app.close()))
    const response = await fetch(`${app.url}/session`, { method: 'POST', headers: { origin: app.url } })
    expect(response.status).toBe(401)
    const { port } = new URL(app.url)
    const other = await fetch(`${app.url}/session`, { method: 'POST', headers: { origin: `http://localhost:${port}` } })
    expect(other.status).toBe(403)
  })
})

test('HTTP/2: the host is the authority of the request', async () => {
  const sessions = open()
  const server = createHttp2Server(touchHandler(sessions))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const client = connectHttp2(origin)
  onTestFinished(() => {
    client.close()
    server.close()
  })
  const ask = async (from: string): Promise<unknown> => {
    const request = client.request({ ':method': 'POST', ':path': '/', origin: from, cookie: await signIn(sessions) })
    const [headers] = await once(request.resume(), 'response')
    return headers[':status']
  }
  expect(await ask(origin)).toBe(204)
  expect(await ask('http://evil.example')).toBe(403)
})

test('a function that finds the sessions gets what the framework gives', async () => {
  const sessions = open()
  const seen: string[] = []
  const app = express()
  app.post(
    '/session',
    touchHandler((request: express.Request) => {
      seen.push(`Express ${request.hostname}`)
      return sessions
    }),
  )
  const hono = new Hono()
  hono.post(
    '/session',
    touchHandler((context: { req: { path: string } }) => {
      seen.push(`Hono ${context.req.path}`)
      return sessions
    }),
  )
  const plugged = fastify()
  plugged.post(
    '/session',
    touchHandler((request: { hostname: string }) => {
      seen.push(`Fastify ${request.hostname}`)
      return sessions
    }),
  )
  onTestFinished(() => plugged.close())
  const headers = { 'sec-fetch-site': 'same-origin', cookie: await signIn(sessions) }
  const running = await listen(app)
  onTestFinished(async () => void (await running.close()))
  expect((await fetch(`${running.url}/session`, { method: 'POST', headers })).status).toBe(204)
  expect((await hono.request('/session', { method: 'POST', headers })).status).toBe(204)
  expect((await plugged.inject({ url: '/session', method: 'POST', headers })).statusCode).toBe(204)
  expect(seen).toEqual(['Express 127.0.0.1', 'Hono /session', 'Fastify localhost'])
})

test('Express: an error of the function goes to next', async () => {
  const app = express()
  app.post(
    '/session',
    touchHandler(() => {
      throw Object.assign(new Error('no such host'), { status: 404 })
    }),
  )
  app.use(((error, _req, res, _next) => res.status(error.status).send(error.message)) as express.ErrorRequestHandler)
  const running = await listen(app)
  onTestFinished(async () => void (await running.close()))
  const headers = { 'sec-fetch-site': 'same-origin' }
  const response = await fetch(`${running.url}/session`, { method: 'POST', headers })
  expect([response.status, await response.text()]).toEqual([404, 'no such host'])
})

test.each([
  ['without a session', false],
  ['with one', true],
])(
  'Express: an answer that comes after that of a time limit is an error, and no more than that: %s',
  async (_, isSignedIn) => {
    const sessions = open()
    const app = express()
    const failed = new Promise<unknown>((resolve) => {
      app.use((_req, res, next) => {
        next()
        res.status(503).end()
      })
      app.post('/session', touchHandler(sessions))
      app.use(((error, _req, _res, _next) => resolve(error)) as express.ErrorRequestHandler)
    })
    const running = await listen(app)
    onTestFinished(async () => void (await running.close()))
    const headers = { 'sec-fetch-site': 'same-origin', cookie: isSignedIn ? await signIn(sessions) : '' }
    expect((await fetch(`${running.url}/session`, { method: 'POST', headers })).status).toBe(503)
    expect(await failed).toMatchObject({ code: 'ERR_HTTP_HEADERS_SENT' })
  },
)
