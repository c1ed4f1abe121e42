/** `req.session` in the real Express 5 and in the real Connect, over HTTP. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import connect from 'connect'
import express, { type Express as App, type NextFunction, type Request, type Response } from 'express'
import { afterEach, describe, expect, test } from 'vitest'
import {
  beakerJwt,
  compact,
  createSessions,
  defineSession,
  type ExpressSession,
  expressSessions,
  jwt,
  type SessionCodec,
  SessionError,
  type Sessions,
  type SessionsOptions,
  sessionOf,
} from '../../../src/server/index.js'
import { NAME, SECRET, testBrowser, textCodec } from '../server.helpers.js'

interface Data {
  user?: string
  visits?: number
  cart?: { items: string[] }
  big?: string
}

const servers: Server[] = []

afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

function sessionsOf(options: Partial<Omit<SessionsOptions<Data>, 'readOnly'>> = {}): Sessions<Data> {
  return createSessions<Data>({ codecs: [jwt({ secrets: [SECRET] })], expose: true, ...options })
}

interface Visited {
  status: number
  statusText: string
  body: string
  headers: Headers
  set: string[]
}

interface Visitor {
  readonly cookie: string
  get(path: string, init?: RequestInit): Promise<Visited>
}

/** The address of a new server. */
async function addressOf(listener: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(listener)
  servers.push(server)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A browser at a server. */
async function visit(listener: Parameters<typeof createServer>[1]): Promise<Visitor> {
  const origin = await addressOf(listener)
  const browser = testBrowser()
  return {
    get cookie() {
      return browser.cookie
    },
    async get(path, init = {}) {
      const headers = { cookie: browser.cookie, ...init.headers }
      const answer = await fetch(origin + path, { redirect: 'manual', ...init, headers })
      const set = answer.headers.getSetCookie()
      browser.take(set)
      const { status, statusText } = answer
      return { status, statusText, body: await answer.text(), headers: answer.headers, set }
    },
  }
}

function appOf(sessions: Sessions<Data> = sessionsOf()): App {
  const app = express()
  app.use(expressSessions(sessions))
  return app
}

/** The types of a real application declare this once; here the types of others' packages are in the same program. */
function given(request: Request): { session: Data | null } {
  return request as never
}

function data(request: Request): Data {
  return given(request).session as Data
}

describe('Express', () => {
  test('data that changes is saved, whatever sends the response', async () => {
    const app = appOf()
    app.get('/json', (req, res) => {
      data(req).visits = (data(req).visits ?? 0) + 1
      res.json(data(req))
    })
    app.get('/redirect', (req, res) => {
      data(req).user = 'dave'
      res.redirect('/json')
    })
    app.get('/stream', (req, res) => {
      data(req).cart = { items: ['a'] }
      res.write('a')
      setTimeout(() => res.end('b'), 5)
    })
    app.get('/deep', (req, res) => {
      data(req).cart?.items.push('b')
      res.sendStatus(204)
    })
    app.get('/show', (req, res) => void res.send(data(req)))
    const { get } = await visit(app)
    expect(await get('/json')).toMatchObject({ status: 200, body: '{"visits":1}' })
    expect(await get('/json')).toMatchObject({ body: '{"visits":2}' })
    expect(await get('/redirect')).toMatchObject({ status: 302 })
    expect(await get('/stream')).toMatchObject({ body: 'ab' })
    expect((await get('/deep')).set).toHaveLength(1)
    const { body, set, headers } = await get('/show')
    expect(JSON.parse(body)).toEqual({ visits: 2, user: 'dave', cart: { items: ['a', 'b'] } })
    expect(set).toEqual([])
    expect(headers.get('cache-control')).toBe('private, no-store')
    expect(headers.get('vary')).toContain('Cookie')
  })

  test('a visitor without a session gets no cookie', async () => {
    const app = appOf()
    app.get('/', (req, res) => void res.json(data(req)))
    expect(await (await visit(app)).get('/')).toMatchObject({ status: 200, body: '{}', set: [] })
  })

  test('what looks at no session depends on none', async () => {
    const sessions = sessionsOf({ codecs: [beakerJwt({ secrets: [SECRET] })], touchEvery: 0 })
    const app = appOf(sessions)
    app.get('/id', (req, res) => {
      res.set('Cache-Control', 'public, max-age=60').send((req as { sessionID?: string }).sessionID)
    })
    app.get('/in', (req, res) => {
      data(req).user = 'dave'
      res.end()
    })
    app.get('/page', (_, res) => void res.send('for all'))
    app.get('/asset', (_, res) => void res.set('Cache-Control', 'public, max-age=60').send('for all'))
    app.get('/mine', (req, res) => void res.set('Cache-Control', 'public, max-age=60').send(data(req).user))
    const visitor = await visit(app)
    const anonymous = await visitor.get('/page')
    expect(anonymous).toMatchObject({ body: 'for all', set: [] })
    expect([anonymous.headers.get('vary'), anonymous.headers.get('cache-control')]).toEqual([null, null])
    await visitor.get('/in')
    // A renewal is due with every response; where it goes out, no shared cache may keep it.
    const page = await visitor.get('/page')
    expect(page.set).toHaveLength(1)
    expect([page.headers.get('vary'), page.headers.get('cache-control')]).toEqual(['Cookie', 'private, no-store'])
    const asset = await visitor.get('/asset')
    expect([asset.set, asset.headers.get('vary')]).toEqual([[], null])
    expect(asset.headers.get('cache-control')).toBe('public, max-age=60')
    const named = await visitor.get('/id')
    expect([named.body, named.headers.get('vary')]).toEqual([(await sessions.load(visitor.cookie)).id, 'Cookie'])
    // The application's word stands.
    const mine = await visitor.get('/mine')
    expect([mine.set.length, mine.headers.get('vary')]).toEqual([1, 'Cookie'])
    expect(mine.headers.get('cache-control')).toBe('public, max-age=60')
  })

  test('cookies of the application stay beside it', async () => {
    const app = appOf()
    app.get('/', (req, res) => {
      data(req).user = 'dave'
      res.cookie('theme', 'dark').writeHead(200, { 'X-A': 'b' }).end()
    })
    const { set, headers } = await (await visit(app)).get('/')
    expect(set).toEqual(['theme=dark; Path=/', expect.stringMatching(`^${NAME}=`)])
    expect(headers.get('x-a')).toBe('b')
  })

  test('null ends the session, another object replaces the data', async () => {
    const sessions = sessionsOf()
    const app = appOf(sessions)
    app.get('/in', (req, res) => {
      given(req).session = { user: 'dave' }
      res.json(given(req).session)
    })
    app.get('/out', (req, res) => {
      given(req).session = null
      res.json(given(req).session)
    })
    app.get('/again', (req, res) => {
      given(req).session = null
      given(req).session = { user: 'eve' }
      res.end()
    })
    app.get('/show', (req, res) => void res.json(given(req).session))
    const visitor = await visit(app)
    await visitor.get('/in')
    const { id } = await sessions.load(visitor.cookie)
    expect(await visitor.get('/show')).toMatchObject({ body: '{"user":"dave"}' })
    await visitor.get('/again')
    const after = await sessions.load(visitor.cookie)
    expect(after.data).toEqual({ user: 'eve' })
    expect(after.id).not.toBe(id)
    expect(await visitor.get('/out')).toMatchObject({ body: 'null', set: [expect.stringContaining('Max-Age=0')] })
    expect(await visitor.get('/show')).toMatchObject({ body: '{}' })
  })

  test('the whole session by the same request', async () => {
    const sessions = sessionsOf()
    const app = appOf(sessions)
    const ids: string[] = []
    app.get('/', async (req, res) => {
      const session = await sessions.load(req)
      expect(given(req).session).toEqual(session.data)
      expect(sessionOf(req)).toBe(session)
      ids.push(session.id)
      session.regenerate()
      ids.push(session.id)
      data(req).user = 'dave'
      res.end()
    })
    app.get('/destroy', async (req, res) => {
      await sessions.destroy(await sessions.load(req), res)
      res.json(given(req).session)
    })
    const visitor = await visit(app)
    await visitor.get('/')
    expect((await sessions.load(visitor.cookie)).id).toBe(ids[1])
    expect(ids[0]).not.toBe(ids[1])
    const { body, set } = await visitor.get('/destroy')
    expect([body, set.length]).toEqual(['null', 1])
    expect(visitor.cookie).toBe('')
  })

  test('a forged cookie is a fresh session', async () => {
    const app = appOf()
    app.get('/', (req, res) => void res.json(given(req).session))
    const forged = `${NAME}=${['{"alg":"none"}', '{"user":"eve"}', ''].map((part) => Buffer.from(part).toString('base64url')).join('.')}`
    expect((await (await visit(app)).get('/', { headers: { cookie: forged } })).body).toBe('{}')
  })
})

describe('what can not be saved', () => {
  const errorHandler = (error: unknown, _: Request, res: Response, __: NextFunction): void => {
    const { code, status = 500 } = error as { code?: string; status?: number }
    res.status(status).json({ code: code ?? String(error) })
  }

  test('too large: the error page goes out, and no cookie', async () => {
    const app = appOf()
    app.get('/', (req, res) => {
      data(req).big = 'x'.repeat(5000)
      res.set('X-A', 'b').send('never')
    })
    app.get('/file', (req, res) => {
      data(req).big = 'x'.repeat(5000)
      res.statusMessage = 'Fine'
      res.attachment('report.html').set('Cache-Control', 'public, max-age=60').send('never')
    })
    app.get('/fine', (_, res) => void res.send('fine'))
    app.use(errorHandler)
    const { get } = await visit(app)
    expect(await get('/')).toMatchObject({ status: 500, body: '{"code":"ERR_SESSION_TOO_LARGE"}', set: [] })
    const { headers, statusText } = await get('/file')
    // Nothing of the file: it would be shown as a page, kept as a file, and kept by caches.
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(headers.get('content-disposition')).toBeNull()
    expect(headers.get('cache-control')).toBe('no-store')
    if (!('Deno' in globalThis)) expect(statusText).toBe('Internal Server Error')
    expect(await get('/fine')).toMatchObject({ status: 200, body: 'fine' })
  })

  test("Express's own page, too", async () => {
    const app = appOf()
    app.set('env', 'test')
    app.get('/', (req, res) => {
      data(req).big = 'x'.repeat(5000)
      res.type('png').send(Buffer.alloc(10))
    })
    const { status, headers, body, set } = await (await visit(app)).get('/')
    expect([status, set]).toEqual([500, []])
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(body).toContain('<pre>')
  })

  test('a mistake of the application is named', async () => {
    const app = appOf()
    app.get('/', (req, res) => {
      given(req).session = { exp: 5 } as Data
      res.end()
    })
    app.use(errorHandler)
    const { status, body } = await (await visit(app)).get('/')
    expect(status).toBe(500)
    expect(body).toContain('exp')
  })

  const outage = (): SessionError => new SessionError('ERR_SESSION_STORE', 'The store is down')
  test.each<[string, Partial<SessionCodec>]>([
    [
      'at once',
      {
        sign: () => {
          throw outage()
        },
      },
    ],
    [
      'later',
      {
        sign: async () => {
          throw outage()
        },
      },
    ],
  ])('an outage at saving has status 503, %s', async (_, parts) => {
    const app = appOf(sessionsOf({ codecs: [textCodec('down', parts)] }))
    app.get('/', (req, res) => {
      data(req).user = 'dave'
      res.send('never')
    })
    app.use(errorHandler)
    expect(await (await visit(app)).get('/')).toMatchObject({
      status: 503,
      body: '{"code":"ERR_SESSION_STORE"}',
      set: [],
    })
  })

  test.each<[string, Partial<SessionCodec>]>([
    [
      'at once',
      {
        verify: () => {
          throw outage()
        },
      },
    ],
    [
      'later',
      {
        verify: async () => {
          throw outage()
        },
      },
    ],
  ])('an outage at loading has status 503, %s', async (_, parts) => {
    let reached = 0
    const app = appOf(sessionsOf({ codecs: [textCodec('down', parts)] }))
    app.get('/', (_, res) => {
      reached++
      res.send('never')
    })
    app.use(errorHandler)
    const cookie = `${NAME}=text~down~`
    expect(await (await visit(app)).get('/', { headers: { cookie } })).toMatchObject({ status: 503 })
    expect(reached).toBe(0)
  })
})

describe('a codec that has to be awaited', () => {
  const slow = <Value>(value: Value): Promise<Value> => new Promise((resolve) => setTimeout(resolve, 10, value))
  const codec = jwt({ secrets: [SECRET] }) as Required<SessionCodec>
  const slowCodec: SessionCodec = {
    ...codec,
    verify: async (...args) => slow(await codec.verify(...args)),
    sign: async (...args) => slow(await codec.sign(...args)),
  }

  test('holds the response until the cookie is there', async () => {
    const app = appOf(sessionsOf({ codecs: [slowCodec] }))
    app.get('/', (req, res) => {
      data(req).visits = (data(req).visits ?? 0) + 1
      res.write('a')
      res.write('b')
      res.end('c')
    })
    const visitor = await visit(app)
    for (const visits of [1, 2, 3]) {
      expect(await visitor.get('/')).toMatchObject({ status: 200, body: 'abc', set: [expect.any(String)] })
      expect((await sessionsOf().load(visitor.cookie)).data).toEqual({ visits })
    }
  })

  test('an error after the answer is not mixed into it', async () => {
    const app = appOf(sessionsOf({ codecs: [slowCodec] }))
    const late: unknown[] = []
    app.get('/', (req, res) => {
      data(req).user = 'dave'
      res.send('the answer')
      throw new RangeError('late')
    })
    app.use((error: unknown, _: Request, res: Response, next: NextFunction) => {
      late.push(error)
      if (!res.headersSent) next(error)
    })
    const { get } = await visit(app)
    expect(await get('/')).toMatchObject({ status: 200, body: 'the answer', set: [expect.any(String)] })
    expect(late).toEqual([new RangeError('late')])
  })

  test('10 MB: every byte arrives in order, and few of them wait', async () => {
    const chunkLength = 64 * 1024
    const chunks = 160
    const chunk = (index: number): Buffer => Buffer.alloc(chunkLength, `${index}, `)
    const app = appOf(sessionsOf({ codecs: [slowCodec] }))
    let made = 0
    let madeBeforeTheHead = 0
    let mostWaiting = 0
    app.get('/', (req, res) => {
      data(req).user = 'dave'
      res.on('drain', () => {
        madeBeforeTheHead ||= made
      })
      Readable.from(
        (function* () {
          for (; made < chunks; made++) {
            mostWaiting = Math.max(mostWaiting, res.writableLength)
            yield chunk(made)
          }
        })(),
        { highWaterMark: 1 },
      ).pipe(res)
    })
    const answer = await fetch(await addressOf(app))
    const hash = createHash('sha256')
    let length = 0
    for await (const part of answer.body as unknown as AsyncIterable<Uint8Array>) {
      length += part.length
      hash.update(part)
      // a visitor who is slower than the server
      if (length % 7 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    const wanted = createHash('sha256')
    for (let index = 0; index < chunks; index++) wanted.update(chunk(index))
    expect(length).toBe(10 * 1024 * 1024)
    expect(hash.digest('hex')).toBe(wanted.digest('hex'))
    expect(answer.headers.getSetCookie()).toHaveLength(1)
    expect(madeBeforeTheHead).toBeGreaterThan(0)
    expect(madeBeforeTheHead).toBeLessThanOrEqual(4)
    expect(mostWaiting).toBeLessThanOrEqual(4 * chunkLength)
  })
})

describe('two sessions', () => {
  test('under two names stay apart', async () => {
    const shop = sessionsOf({ session: defineSession({ name: 'shop' }) })
    const admin = sessionsOf({ session: defineSession({ name: '__Host-admin' }) })
    const app = express()
    app.use(expressSessions(shop), expressSessions(admin, { property: 'adminSession' }))
    const adminOf = (req: Request): ExpressSession<Data> | null =>
      (req as never as { adminSession: never }).adminSession
    app.get('/in', (req, res) => {
      data(req).user = 'dave'
      Object.assign(adminOf(req) ?? {}, { user: 'root' })
      res.json([sessionOf(req).id, sessionOf(req, 'adminSession').id, (req as { sessionID?: string }).sessionID])
    })
    app.get('/out', async (req, res) => {
      await adminOf(req)?.destroy()
      res.json([given(req).session, adminOf(req)])
    })
    app.get('/none', (req, res) => {
      expect(() => sessionOf(req, 'third')).toThrow('"third"')
      res.end()
    })
    const visitor = await visit(app)
    const { body, set } = await visitor.get('/in')
    const [shopId, adminId, sessionID] = JSON.parse(body)
    expect(sessionID).toBe(shopId)
    expect(adminId).not.toBe(shopId)
    expect(set.map((text) => text.split('=')[0]).sort()).toEqual(['__Host-admin', 'shop'])
    expect((await visitor.get('/out')).body).toBe('[{"user":"dave"},null]')
    expect(visitor.cookie).toMatch(/^shop=[^;]+$/)
    expect((await visitor.get('/none')).status).toBe(200)
  })
})

describe('a function of the request', () => {
  const tenants = new Map(
    ['shop', 'blog'].map((tenant) => [
      tenant,
      sessionsOf({ codecs: [compact({ secrets: [SECRET] })] }).with({ tenant }),
    ]),
  )

  test('gives its sessions, at once or later', async () => {
    const app = express()
    app.use(
      expressSessions<Data, Request>(async (request) => {
        const found = tenants.get(request.path.split('/')[1] ?? '')
        if (!found) throw Object.assign(new Error('no such tenant'), { status: 404 })
        return found
      }),
    )
    app.get('/:tenant', (req, res) => {
      data(req).visits = (data(req).visits ?? 0) + 1
      res.json(data(req))
    })
    const visitor = await visit(app)
    expect((await visitor.get('/shop')).body).toBe('{"visits":1}')
    expect((await visitor.get('/shop')).body).toBe('{"visits":2}')
    expect((await visitor.get('/blog')).body).toBe('{"visits":1}')
    expect((await visitor.get('/other')).status).toBe(404)
  })
})

describe('Connect', () => {
  test('has given(req).session, too', async () => {
    const app = connect()
    app.use(expressSessions(sessionsOf()))
    app.use((req, res) => {
      const { session } = req as unknown as { session: Data }
      session.visits = (session.visits ?? 0) + 1
      res.setHeader('Content-Type', 'text/plain')
      res.end(String(session.visits))
    })
    const { get } = await visit(app)
    expect((await get('/')).body).toBe('1')
    expect((await get('/')).body).toBe('2')
  })
})

test('a response is held only if something is written', async () => {
  const held: Record<string, boolean> = {}
  const app = appOf()
  app.use((req, res) => {
    if (req.path === '/change') data(req).user = 'dave'
    res.write(`${data(req).user}`)
    // What stands in for Node's own.
    held[req.path] = Object.hasOwn(res, 'headersSent')
    res.end()
  })
  const { get } = await visit(app)
  for (const path of ['/new', '/change', '/read']) await get(path)
  expect(held).toEqual({ '/new': false, '/change': true, '/read': false })
})
