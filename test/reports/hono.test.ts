/** What applications of Hono answer with and catch: `app.onError`, `Response.redirect()`, responses that were fetched. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, expectTypeOf, test } from 'vitest'
import { createSessions, honoSessions, type Session, SessionError, type Sessions } from '../../src/server/index.js'
import { NAME, SECRET, textCodec } from '../server/server.helpers.js'

interface Data {
  user?: string
}

type Variables = { session: Session<Data> }

const sessions = createSessions<Data>({ secrets: [SECRET], expose: false })
let upstream: Server
let fetched: string

beforeAll(async () => {
  upstream = createServer((_, response) => response.setHeader('x-upstream', '1').end('from upstream'))
  await once(upstream.listen(0, '127.0.0.1'), 'listening')
  fetched = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/`
})
afterAll(() => upstream.close())

function appOf(own: Sessions<Data> = sessions): Hono<{ Variables: Variables }> {
  const app = new Hono<{ Variables: Variables }>()
  app.use(honoSessions(own))
  return app
}

describe('an answer', () => {
  const app = appOf()
  app.use(async (c, next) => {
    c.var.session.data.user = 'dave'
    await next()
  })
  app.get('/text', (c) => c.text('a text'))
  app.get('/response', () => new Response('a text'))
  app.get('/redirect', () => Response.redirect('http://localhost/text', 303))
  app.get('/fetched', () => fetch(fetched))
  app.get('/c-redirect', (c) => c.redirect('/text', 303))
  app.get('/cookie', (c) => {
    c.header('set-cookie', 'other=1')
    return c.body('with a cookie')
  })
  app.get('/error', () => {
    throw new Error('of the handler')
  })

  test.each([
    ['/text', 200, 'a text', 1],
    ['/response', 200, 'a text', 1],
    ['/redirect', 303, '', 1],
    ['/c-redirect', 303, '', 1],
    ['/fetched', 200, 'from upstream', 1],
    ['/cookie', 200, 'with a cookie', 2],
    ['/nowhere', 404, '404 Not Found', 1],
    ['/error', 500, 'Internal Server Error', 1],
  ])('%s carries the session', async (path, status, body, cookies) => {
    const answer = await app.request(path)
    expect([answer.status, await answer.text()]).toEqual([status, body])
    expect(answer.headers.getSetCookie()).toHaveLength(cookies)
    expect([answer.headers.get('vary'), answer.headers.get('cache-control')]).toEqual(['Cookie', 'private, no-store'])
    const cookie = answer.headers.getSetCookie().at(-1)?.split(';')[0]
    expect((await sessions.load(cookie)).data).toEqual({ user: 'dave' })
  })

  test('keeps its own headers', async () => {
    expect((await app.request('/redirect')).headers.get('location')).toBe('http://localhost/text')
    expect((await app.request('/fetched')).headers.get('x-upstream')).toBe('1')
  })

  test('two sessions, and one that is destroyed', async () => {
    const others = createSessions<Data>({ secrets: [SECRET], expose: false })
    const both = new Hono<{ Variables: { session: Session<Data>; other: Session<Data> } }>()
    both.use(honoSessions(sessions), honoSessions(others, { property: 'other' }))
    both.get('/', async (c) => {
      expect(c.var.other).not.toBe(c.var.session)
      await sessions.destroy(c.var.session)
      return c.text('out')
    })
    const { headers } = await app.request('/text')
    const answer = await both.request('/', { headers: { cookie: headers.getSetCookie()[0]?.split(';')[0] ?? '' } })
    expect(answer.headers.getSetCookie()).toHaveLength(1)
    expect(answer.headers.get('set-cookie')).toContain('Max-Age=0')
  })

  test('the session has its type', () => {
    appOf().get('/', (c) => {
      expectTypeOf(c.var.session).toEqualTypeOf<Session<Data>>()
      return c.body(null)
    })
  })
})

describe('what can not be saved', () => {
  const failing = (code: 'ERR_SESSION_STORE' | 'ERR_SESSION_TOO_LARGE', method: 'sign' | 'verify'): Sessions<Data> =>
    createSessions<Data>({
      codecs: [
        textCodec('down', {
          [method]: () => {
            throw new SessionError(code, 'It failed')
          },
        }),
      ],
      expose: false,
    })

  function writing(own: Sessions<Data>): Hono<{ Variables: Variables }> {
    const app = appOf(own)
    app.use(async (c, next) => {
      await next()
      c.header('x-own', '1')
    })
    app.get('/text', (c) => {
      c.var.session.data.user = 'dave'
      return c.text('never')
    })
    app.get('/redirect', (c) => {
      c.var.session.data.user = 'dave'
      return Response.redirect('http://localhost/never')
    })
    return app
  }

  test.each(['/text', '/redirect'])('reaches app.onError, whose page goes out in place of %s', async (path) => {
    const app = writing(failing('ERR_SESSION_TOO_LARGE', 'sign'))
    app.onError((error, c) => c.text(`page: ${(error as SessionError).code}`, 500))
    const answer = await app.request(path)
    expect([answer.status, await answer.text()]).toEqual([500, 'page: ERR_SESSION_TOO_LARGE'])
    expect(answer.headers.getSetCookie()).toEqual([])
    const { 'x-own': own, location, 'cache-control': cacheControl } = Object.fromEntries(answer.headers)
    expect([own, location, cacheControl]).toEqual(['1', undefined, 'no-store'])
  })

  test.each([
    ['ERR_SESSION_TOO_LARGE', 500],
    ['ERR_SESSION_STORE', 503],
  ] as const)('%s without app.onError is %i', async (code, status) => {
    const answer = await writing(failing(code, 'sign')).request('/text')
    expect([answer.status, answer.headers.getSetCookie()]).toEqual([status, []])
  })

  test('an outage at loading: no handler is reached, and app.onError knows the status', async () => {
    const app = writing(failing('ERR_SESSION_STORE', 'verify'))
    const headers = { cookie: `${NAME}=text~down~` }
    expect((await app.request('/text', { headers })).status).toBe(503)
    app.onError((error, c) => c.json({ status: (error as { status?: number }).status }))
    expect(await (await app.request('/text', { headers })).json()).toEqual({ status: 503 })
  })

  test('sessions that can not be saved are refused at start', () => {
    const readOnly = createSessions<Data>({ secrets: [SECRET], expose: false, readOnly: true })
    expect(() => honoSessions(readOnly as Sessions<Data>)).toThrow('honoSessions saves sessions: these are read only')
  })
})
