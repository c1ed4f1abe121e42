/** The plugin of Fastify: whom it reaches, what fails, and the types of `request.session`. */
import { type FastifyInstance, type FastifyRequest, fastify } from 'fastify'
import { afterEach, describe, expect, expectTypeOf, test } from 'vitest'
import {
  createSessions,
  type FastifySession,
  fastifySessions,
  type Session,
  SessionError,
  type Sessions,
} from '../../src/server/index.js'
import { NAME, SECRET, textCodec } from '../server/server.helpers.js'
import type { Data } from './actions.js'
import './apps/fastify.js'

const sessions = createSessions<Data>({ secrets: [SECRET], expose: false })
const apps: FastifyInstance[] = []

afterEach(async () => {
  for (const app of apps.splice(0)) await app.close()
})

function appOf(): FastifyInstance {
  const app = fastify()
  apps.push(app)
  return app
}

const hasSession = (request: FastifyRequest): { has: boolean } => ({ has: 'session' in request })

describe('the plugin', () => {
  test('takes a function that gives the sessions of a request', async () => {
    const app = appOf()
    const tenants = new Map(
      ['shop.example', 'blog.example'].map((host, at) => [
        host,
        sessions.with({ domain: host, ...(at > 0 && { sameSite: 'strict' }) }),
      ]),
    )
    app.register(
      fastifySessions((request: FastifyRequest) => {
        const found = tenants.get(request.hostname)
        if (!found) throw Object.assign(new Error('no such host'), { statusCode: 404 })
        return found
      }),
    )
    app.get('/', async (request) => {
      const session = request.session as FastifySession<Data>
      session.data.visits = 1
      return session.data
    })
    const at = async (host: string) => app.inject({ url: '/', headers: { host } })
    expect(String((await at('shop.example')).headers['set-cookie'])).toMatch(/; Domain=shop\.example;.*SameSite=Lax/)
    expect(String((await at('blog.example')).headers['set-cookie'])).toMatch(/; Domain=blog\.example;.*SameSite=Strict/)
    expect((await at('other.example')).statusCode).toBe(404)
  })

  test('holds for the instance it is registered with, and for those inside of it', async () => {
    const app = appOf()
    app.get('/outside', hasSession)
    app.register(async (part) => {
      part.register(fastifySessions(sessions))
      part.get('/beside', hasSession)
      part.register(async (inner) => void inner.get('/inside', hasSession))
    })
    const seen = async (url: string): Promise<unknown> => (await app.inject(url)).json()
    expect(await seen('/outside')).toEqual({ has: false })
    expect(await seen('/beside')).toEqual({ has: true })
    expect(await seen('/inside')).toEqual({ has: true })
  })

  test('a second one needs another name', async () => {
    const app = appOf()
    app.register(fastifySessions(sessions))
    app.register(fastifySessions(sessions))
    await expect(app.ready()).rejects.toMatchObject({ code: 'FST_ERR_DEC_ALREADY_PRESENT' })
  })

  test('is named in the tree of plugins, and refuses sessions that can not be saved', async () => {
    const app = appOf()
    app.register(fastifySessions(sessions))
    await app.ready()
    expect(app.hasPlugin('sessionglass')).toBe(true)
    const readOnly = createSessions<Data>({ secrets: [SECRET], expose: false, readOnly: true })
    expect(() => fastifySessions(readOnly as Sessions<Data>)).toThrow('read only')
  })

  test('request.session has the type of the sessions', () => {
    expectTypeOf<FastifyRequest['session']>().toEqualTypeOf<FastifySession<Data>>()
    expectTypeOf<FastifyRequest['session']>().toExtend<Session<Data>>()
    expectTypeOf(fastify().register).toBeCallableWith(fastifySessions(sessions))
  })
})

describe('session.options()', () => {
  type Options = Parameters<FastifySession['options']>[0]

  function optionsApp(options: () => Options): (url?: string, cookie?: string) => Promise<[string, unknown]> {
    const app = appOf()
    app.register(fastifySessions(sessions))
    app.get('/', async ({ session }) => {
      session.set('user', 'dave')
      session.options(options())
      return session.data
    })
    app.get('/next', async ({ session }) => {
      session.set('visits', (session.get('visits') ?? 0) + 1)
      return session.data
    })
    return async (url = '/', cookie = '') => {
      const answer = await app.inject({ url, headers: { cookie } })
      return [String(answer.headers['set-cookie']), answer.json()]
    }
  }

  test('maxAge is in seconds, and stays with the session', async () => {
    const get = optionsApp(() => ({ maxAge: 3600, path: '/', sameSite: 'lax' }))
    const [first] = await get()
    expect(first).toMatch(/; Max-Age=3600;/)
    const [second, data] = await get('/next', first.split(';')[0])
    expect([second, data]).toEqual([
      expect.stringMatching(/; Max-Age=3600;/),
      { user: 'dave', visits: 1, _session_expiry: 3600 },
    ])
    const session = await sessions.load(second.split(';')[0])
    expect(Number(session.expiresAt) - Number(session.accessedAt)).toBe(3_600_000)
  })

  test('none that is left ends the session, and undefined changes nothing', async () => {
    const wishes = [60, undefined, 0]
    const get = optionsApp(() => ({ maxAge: wishes.shift() }))
    const [first] = await get()
    const cookie = first.split(';')[0]
    expect((await get('/', cookie))[1]).toEqual({ user: 'dave', _session_expiry: 60 })
    expect((await get('/', cookie))[0]).toMatch(/; Max-Age=0;/)
  })

  test.each([
    [{ maxAge: '60' }, /"maxAge" .*must be a number/],
    [{ maxAge: Number.NaN }, /"maxAge" .*must be a number/],
    [{ maxAge: 60, path: '/admin' }, /"path" of the cookie is an option of createSessions/],
    [{ maxAge: 60, expires: new Date() }, /"expires" of the cookie is an option of createSessions/],
  ])('%j throws, and changes nothing', async (wrong, message) => {
    const app = appOf()
    app.register(fastifySessions(sessions))
    app.get('/', async ({ session }) => {
      expect(() => session.options(wrong as Options)).toThrow(message)
      return session.data
    })
    expect((await app.inject('/')).json()).toEqual({})
  })
})

describe('cookies', () => {
  test('of the application stay, and a second commit replaces the first', async () => {
    const app = appOf()
    app.register(fastifySessions(sessions))
    app.get('/', async (request, reply) => {
      reply.header('set-cookie', 'a=1').header('set-cookie', 'b=2')
      request.session.data.user = 'dave'
      const target = {
        getHeader: (name: string) => reply.getHeader(name),
        setHeader: (name: string, value: string | string[]) => reply.removeHeader(name).header(name, value),
      }
      await sessions.commit(request.session, target)
      request.session.data.user = 'eve'
      return 'in'
    })
    const cookies = [(await app.inject('/')).headers['set-cookie']].flat() as string[]
    expect(cookies.slice(0, 2)).toEqual(['a=1', 'b=2'])
    expect(cookies).toHaveLength(3)
    expect((await sessions.load(cookies[2]?.split(';')[0])).data).toEqual({ user: 'eve' })
  })

  test('a page for everybody gets none, though one is due', async () => {
    const eager = createSessions<Data>({ secrets: [SECRET], expose: false, touchEvery: 0 })
    const app = appOf()
    app.register(fastifySessions(eager))
    app.get('/', async (request) => {
      request.session.data.user = 'dave'
      return 'in'
    })
    app.get('/logo', async (_, reply) => reply.header('cache-control', 'public, max-age=60').send('logo'))
    app.get('/plain', async () => 'plain')
    const cookie = String((await app.inject('/')).headers['set-cookie']).split(';')[0] as string
    const logo = await app.inject({ url: '/logo', headers: { cookie } })
    expect([logo.headers['set-cookie'], logo.headers.vary]).toEqual([undefined, undefined])
    const plain = await app.inject({ url: '/plain', headers: { cookie } })
    expect(plain.headers['set-cookie']).toBeDefined()
    expect([plain.headers.vary, plain.headers['cache-control']]).toEqual(['Cookie', 'private, no-store'])
  })
})

describe.each([
  [
    'at once',
    (error: Error) => () => {
      throw error
    },
  ],
  [
    'later',
    (error: Error) => async () => {
      throw error
    },
  ],
] as const)('what can not be saved, %s', (_, thrower) => {
  const failing = (code: 'ERR_SESSION_STORE' | 'ERR_SESSION_TOO_LARGE', method: 'sign' | 'verify'): Sessions<Data> =>
    createSessions<Data>({
      codecs: [textCodec('down', { [method]: thrower(new SessionError(code, 'It failed')) })],
      expose: false,
    })

  test.each([
    ['ERR_SESSION_STORE', 503],
    ['ERR_SESSION_TOO_LARGE', 500],
  ] as const)('%s is answered with %i by Fastify itself', async (code, status) => {
    const app = appOf()
    app.register(fastifySessions(failing(code, 'sign')))
    app.get('/', async (request, reply) => {
      request.session.data.user = 'dave'
      reply.header('cache-control', 'public, max-age=60').header('content-encoding', 'gzip').header('etag', '"x"')
      return 'never'
    })
    const answer = await app.inject('/')
    expect([answer.statusCode, answer.headers['set-cookie']]).toEqual([status, undefined])
    expect(answer.json()).toMatchObject({ code, statusCode: status })
    const { etag, 'content-encoding': encoding, 'cache-control': cacheControl } = answer.headers
    expect([etag, encoding, cacheControl]).toEqual([undefined, undefined, 'no-store'])
  })

  test("the application's page, which changes the session once more", async () => {
    const app = appOf()
    app.register(fastifySessions(failing('ERR_SESSION_STORE', 'sign')))
    app.setErrorHandler((error: { code?: string }, request, reply) => {
      request.session.data.user = 'eve'
      reply.code(500).send({ page: error.code })
    })
    app.get('/', async (request) => {
      request.session.data.user = 'dave'
      return 'never'
    })
    const answer = await app.inject('/')
    expect([answer.statusCode, answer.json()]).toEqual([500, { page: 'ERR_SESSION_STORE' }])
    expect(answer.headers['set-cookie']).toBeUndefined()
  })

  test('an outage at loading: no handler is reached', async () => {
    let reached = false
    const app = appOf()
    app.register(fastifySessions(failing('ERR_SESSION_STORE', 'verify')))
    app.get('/', async () => {
      reached = true
      return 'never'
    })
    const answer = await app.inject({ url: '/', headers: { cookie: `${NAME}=text~down~` } })
    expect([answer.statusCode, reached]).toEqual([503, false])
  })
})
