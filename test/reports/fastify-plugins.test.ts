/**
 * @fastify/passport, @fastify/flash and @fastify/csrf-protection as they come from npm: each is written for the session of
 * @fastify/session or @fastify/secure-session.
 */
import fastifyCsrf from '@fastify/csrf-protection'
import fastifyFlash from '@fastify/flash'
import { Authenticator } from '@fastify/passport'
import { type FastifyInstance, type FastifyRequest, fastify } from 'fastify'
import { Strategy } from 'passport-local'
import { afterEach, describe, expect, test } from 'vitest'
import { createSessions, fastifySessions, memoryStore, type Sessions } from '../../src/server/index.js'
import type { Data } from '../frameworks/actions.js'
import '../frameworks/apps/fastify.js'
import { SECRET, testBrowser } from '../server/server.helpers.js'

declare module 'fastify' {
  interface PassportUser {
    name: string
  }
}

const apps: FastifyInstance[] = []

afterEach(async () => {
  for (const app of apps.splice(0)) await app.close()
})

interface Visitor {
  readonly cookie: string
  get(url: string, headers?: Record<string, string>): Promise<{ status: number; body: string; set: string[] }>
  post(url: string, headers?: Record<string, string>): Promise<{ status: number; body: string; set: string[] }>
}

function visitor(app: FastifyInstance): Visitor {
  const browser = testBrowser()
  const ask =
    (method: 'GET' | 'POST') =>
    async (url: string, headers: Record<string, string> = {}) => {
      const answer = await app.inject({ method, url, headers: { cookie: browser.cookie, ...headers } })
      const set = [answer.headers['set-cookie'] ?? []].flat() as string[]
      browser.take(set)
      return { status: answer.statusCode, body: answer.body, set }
    }
  return {
    get cookie() {
      return browser.cookie
    },
    get: ask('GET'),
    post: ask('POST'),
  }
}

const kinds: [string, Sessions<Data>][] = [
  ['in the cookie', createSessions<Data>({ secrets: [SECRET], expose: false })],
  ['in a store', createSessions<Data>({ secrets: [SECRET], expose: false, store: memoryStore() })],
]

describe.each(kinds)('sessions %s', (_, sessions) => {
  function appOf(): FastifyInstance {
    const app = fastify()
    apps.push(app)
    app.register(fastifySessions(sessions))
    return app
  }

  const dataOf = async ({ cookie }: Visitor): Promise<object> => ({ ...(await sessions.load(cookie)).data })

  describe('@fastify/passport and @fastify/flash', () => {
    function signInApp(options: { keepSessionInfo?: boolean } = {}): FastifyInstance {
      const app = appOf()
      const passport = new Authenticator()
      passport.use(
        'local',
        new Strategy({ passReqToCallback: false }, (name, password, done) => done(null, password === name && { name })),
      )
      passport.registerUserSerializer(async ({ name }: { name: string }) => name)
      passport.registerUserDeserializer(async (name: string) => (name === 'gone' ? null : { name }))
      // It registers @fastify/flash by itself.
      app.register(passport.initialize())
      app.register(passport.secureSession())
      app.get('/cart', async ({ session }) => {
        session.data.cart = { items: [] }
        return 'kept'
      })
      app.get(
        '/login',
        {
          preValidation: passport.authenticate('local', {
            successRedirect: '/',
            failureRedirect: '/page',
            failureFlash: 'Wrong name or password',
            ...options,
          }),
        },
        async () => 'never',
      )
      app.get('/logout', async (request) => {
        await request.logOut()
        return 'out'
      })
      app.get('/page', async (_, reply) => reply.flash('error'))
      app.get('/', async ({ user }) => ({ user }))
      return app
    }

    const daveSignsIn = '/login?username=dave&password=dave'
    const userOf = async (dave: Visitor): Promise<unknown> => JSON.parse((await dave.get('/')).body).user

    test('signing in gives a new session, and the next requests know the user', async () => {
      const dave = visitor(signInApp())
      await dave.get('/cart')
      const before = await sessions.load(dave.cookie)
      expect(await dave.get(daveSignsIn)).toMatchObject({ status: 302, set: [expect.any(String)] })
      const after = await sessions.load(dave.cookie)
      expect(after.id).not.toBe(before.id)
      expect(after.data).toEqual({ passport: 'dave' })
      for (let times = 0; times < 2; times++) expect(await userOf(dave)).toEqual({ name: 'dave' })
    })

    test('keepSessionInfo keeps the data of the session before', async () => {
      const dave = visitor(signInApp({ keepSessionInfo: true }))
      await dave.get('/cart')
      await dave.get(daveSignsIn)
      expect(await dataOf(dave)).toEqual({ cart: { items: [] }, passport: 'dave' })
    })

    test('signing out forgets the user and all data, under a new id', async () => {
      const dave = visitor(signInApp())
      await dave.get(daveSignsIn)
      await dave.get('/cart')
      const stolen = await sessions.load(dave.cookie)
      expect((await dave.get('/logout')).status).toBe(200)
      const after = await sessions.load(dave.cookie)
      expect(after.id).not.toBe(stolen.id)
      expect(after.data).toEqual({})
      expect(await userOf(dave)).toBeNull()
    })

    test('a user who is gone is signed out', async () => {
      const gone = visitor(signInApp())
      await gone.get('/login?username=gone&password=gone')
      expect(await dataOf(gone)).toEqual({ passport: 'gone' })
      expect(await userOf(gone)).toBeNull()
      expect(await dataOf(gone)).toEqual({})
    })

    test('a failure says why by a flash message over the redirect, once', async () => {
      const eve = visitor(signInApp())
      expect(await eve.get('/login?username=dave&password=eve')).toMatchObject({ status: 302 })
      expect(await dataOf(eve)).toEqual({ flash: { error: ['Wrong name or password'] } })
      expect((await eve.get('/page')).body).toBe('["Wrong name or password"]')
      expect((await eve.get('/page')).body).toBe('[]')
    })
  })

  test('@fastify/flash: several messages of a type, and all types at once', async () => {
    const app = appOf()
    app.register(fastifyFlash)
    app.get('/add', async (request, reply) => {
      request.flash('info', 'Hello %s', 'Dave')
      expect(request.flash('info', ['two', 'three'])).toBe(3)
      request.flash('error', 'four')
      return reply.redirect('/show')
    })
    app.get('/show', async (_, reply) => reply.flash())
    const dave = visitor(app)
    await dave.get('/add')
    expect(JSON.parse((await dave.get('/show')).body)).toEqual({
      info: ['Hello Dave', 'two', 'three'],
      error: ['four'],
    })
    expect((await dave.get('/show')).body).toBe('{}')
  })

  describe.each(['@fastify/session', '@fastify/secure-session'] as const)(
    '@fastify/csrf-protection as for %s',
    (sessionPlugin) => {
      function formApp(): FastifyInstance {
        const app = appOf()
        app.register(fastifyCsrf, {
          sessionPlugin,
          getUserInfo: (request: FastifyRequest) => request.session.data.user ?? '',
          csrfOpts: { hmacKey: 'a-key' },
        })
        app.register(async (part) => {
          part.get('/form', async (request, reply) => {
            request.session.data.user = 'dave'
            return reply.generateCsrf({ userInfo: 'dave' })
          })
          part.get('/path', async (_, reply) => reply.generateCsrf({ userInfo: '', path: '/', sameSite: 'lax' }))
          part.get('/other-path', async (_, reply) => reply.generateCsrf({ userInfo: '', path: '/admin' }))
          part.post('/change', { onRequest: part.csrfProtection }, async () => 'changed')
        })
        return app
      }

      test('a token is taken; another one, one of another visitor and none are 403', async () => {
        const app = formApp()
        const [dave, eve] = [visitor(app), visitor(app)]
        const token = (await dave.get('/form')).body
        const own = (await eve.get('/form')).body
        expect(await dave.post('/change', { 'csrf-token': token })).toMatchObject({ status: 200, body: 'changed' })
        // One secret for the whole session: an older token stays valid.
        expect((await dave.get('/form')).set).toEqual([])
        expect((await dave.post('/change', { 'csrf-token': token })).status).toBe(200)
        expect((await dave.post('/change', { 'csrf-token': own })).status).toBe(403)
        expect((await dave.post('/change', { 'csrf-token': 'x' })).status).toBe(403)
        expect((await dave.post('/change')).status).toBe(403)
        expect((await visitor(app).post('/change', { 'csrf-token': token })).status).toBe(403)
      })

      test('attributes of the cookie are those of createSessions', async () => {
        const dave = visitor(formApp())
        expect((await dave.get('/path')).status).toBe(200)
        if (sessionPlugin !== '@fastify/secure-session') return
        const refused = await dave.get('/other-path')
        expect([refused.status, refused.body]).toEqual([
          500,
          expect.stringContaining('path\\" of the cookie is an option'),
        ])
      })
    },
  )

  describe('request.session', () => {
    type Handler = (request: FastifyRequest) => unknown

    async function run(...handlers: Handler[]): Promise<{ answers: unknown[]; sets: string[][]; dave: Visitor }> {
      const app = appOf()
      for (const [index, handler] of handlers.entries())
        app.get(`/${index}`, async (request) => ({ is: await handler(request) }))
      const dave = visitor(app)
      const answers: unknown[] = []
      const sets: string[][] = []
      for (const index of handlers.keys()) {
        const { body, set } = await dave.get(`/${index}`)
        answers.push(JSON.parse(body).is)
        sets.push(set)
      }
      return { answers, sets, dave }
    }

    test('get and set are keys of the data, whatever they are called', async () => {
      const { answers, dave } = await run(
        ({ session }) => {
          session.set('user', 'dave')
          session.set('get', 1)
          session.set('gone', 2)
          session.set('gone', undefined)
          session.set('__proto__', { admin: true })
          Object.assign(session, { other: [1] })
        },
        ({ session }) => [session.get('user'), session.get('get'), session.get('other'), session.get('gone')],
        ({ session }) => [session.get('admin'), session.get('toString') ?? null, Object.keys(session)],
        ({ session }) => [Object.getPrototypeOf(session.data) === Object.prototype, 'user' in session, 'x' in session],
      )
      expect(answers.slice(1)).toEqual([
        ['dave', 1, [1], null],
        [null, null, ['user', 'get', '__proto__', 'other']],
        [true, true, false],
      ])
      expect(Object.keys(await dataOf(dave))).not.toContain('gone')
    })

    test('regenerate() is an empty session of a new id, with the keys that are named', async () => {
      const { answers } = await run(
        ({ session }) => Object.assign(session.data, { user: 'dave', cart: { items: [] }, visits: 1 }) && session.id,
        async ({ session }) => {
          await session.regenerate(['user', 'visits'])
          return [session.id, session.data]
        },
        ({ session }) =>
          new Promise((resolve) => session.regenerate((error) => resolve([error ?? null, session.data]))),
      )
      expect(answers[1]).toEqual([expect.not.stringContaining(answers[0] as string), { user: 'dave', visits: 1 }])
      expect(answers[2]).toEqual([null, {}])
    })

    test.each<[string, Handler]>([
      ['delete()', ({ session }) => session.delete()],
      ['delete(), with a change after it', ({ session }) => [session.delete(), session.set('user', 'eve')].length],
      ['destroy()', ({ session }) => session.destroy()],
      ['destroy(callback)', ({ session }) => new Promise((resolve) => session.destroy(resolve))],
      ['sessions.destroy()', async ({ session }) => (await sessions.destroy(session)).length],
    ])('%s ends the session', async (_, end) => {
      const { sets, dave } = await run(({ session }) => session.set('user', 'dave'), end)
      expect(sets[1]).toEqual([expect.stringContaining('Max-Age=0')])
      expect(dave.cookie).toBe('')
      const stolen = String(sets[0]?.[0]).split(';')[0]
      if (sessions === kinds[1]?.[1]) expect((await sessions.load(stolen)).data).toEqual({})
    })

    test('delete() takes no key', async () => {
      const { answers } = await run(({ session }) => {
        try {
          ;(session.delete as (key: string) => void)('user')
        } catch (error) {
          return (error as Error).message
        }
        return 'taken'
      })
      expect(answers[0]).toContain('takes no key and ends the session')
    })

    test('touch() and looking write nothing', async () => {
      const { sets } = await run(
        ({ session }) => session.set('user', 'dave'),
        ({ session }) => [session.touch(), session.get('user'), session.isNew, JSON.stringify(session)],
      )
      expect(sets[1]).toEqual([])
    })
  })
})
