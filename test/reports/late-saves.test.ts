/**
 * `save()`, `destroy()` and changes after the head of a response has left, as in a handler that streams: with a store the row is
 * written; what needs a cookie is an error and is told.
 */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type Request, type Response } from 'express'
import { type FastifyRequest, fastify } from 'fastify'
import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  createSessions,
  type ExpressSession,
  expressSessions,
  fastifySessions,
  memoryStore,
  type SessionError,
  type SessionEvent,
  type Sessions,
  type SessionsOptions,
} from '../../src/server/index.js'
import type { Data } from '../frameworks/actions.js'
import '../frameworks/apps/fastify.js'
import { SECRET } from '../server/server.helpers.js'

type Seen = { events: SessionEvent[]; sessions: Sessions<Data> }
type Handler = (session: ExpressSession<Data>, response: Response, request: Request) => unknown

const servers: Server[] = []

afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

function create(options: Partial<SessionsOptions<Data>> = {}): Seen {
  const events: SessionEvent[] = []
  const on = (event: SessionEvent): unknown => events.push(event)
  return { events, sessions: createSessions<Data>({ secrets: [SECRET], expose: false, on, ...options }) }
}

/** The handler runs after the head has left; `signIn` before it. */
async function visit(
  sessions: Sessions<Data>,
  late: Handler,
  { cookie = '', early = (_: ExpressSession<Data>): unknown => undefined } = {},
): Promise<{ body: string; cookie: string }> {
  const app = express()
  app.use(expressSessions(sessions))
  app.get('/', async (request, response) => {
    const { session } = request as unknown as { session: ExpressSession<Data> }
    early(session)
    response.write('head,')
    await new Promise((resolve) => setImmediate(resolve))
    await vi.waitFor(() => expect(response.socket?.bytesWritten).toBeGreaterThan(0))
    response.end(String(await late(session, response, request)))
  })
  const server = createServer(app)
  servers.push(server)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, { headers: { cookie } })
  const body = await answer.text()
  return { body, cookie: answer.headers.getSetCookie()[0]?.split(';')[0] ?? cookie }
}

const signedIn = async (sessions: Sessions<Data>): Promise<string> =>
  (await visit(sessions, () => '', { early: (session) => Object.assign(session, { user: 'dave' }) })).cookie

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: SessionError) => error.code,
  )

const byCallback = (session: ExpressSession<Data>, name: 'destroy' | 'save'): Promise<string> =>
  new Promise((resolve) => {
    session[name]((error?: unknown) => resolve(error ? (error as SessionError).code : 'done'))
  })

describe('with a store', () => {
  test.each<[string, Handler]>([
    ['a promise', (session) => Object.assign(session, { visits: 1 }) && codeOf(session.save())],
    ['a callback', (session) => Object.assign(session, { visits: 1 }) && byCallback(session, 'save')],
    ['nothing to save', (session) => codeOf(session.save())],
  ])('save() writes the row and succeeds: %s', async (name, late) => {
    const { sessions, events } = create({ store: memoryStore() })
    const cookie = await signedIn(sessions)
    expect((await visit(sessions, late, { cookie })).body).toBe('head,done')
    const visits = name === 'nothing to save' ? {} : { visits: 1 }
    expect((await sessions.load(cookie)).data).toEqual({ user: 'dave', ...visits })
    expect(events.filter(({ type }) => type === 'unsaved')).toEqual([])
  })

  test.each<[string, Handler]>([
    ['a promise', (session) => codeOf(session.destroy())],
    ['a callback', (session) => byCallback(session, 'destroy')],
    [
      'null',
      (_, __, request) => {
        Object.assign(request, { session: null })
        return 'done'
      },
    ],
  ])('destroy() removes the row and succeeds: %s', async (_, late) => {
    const { sessions, events } = create({ store: memoryStore() })
    const cookie = await signedIn(sessions)
    expect((await visit(sessions, late, { cookie })).body).toBe('head,done')
    await vi.waitFor(() => expect(events.map(({ type }) => type)).toContain('destroyed'))
    expect((await sessions.load(cookie)).data).toEqual({})
  })

  test('a change in a handler that streams is saved, deep inside too', async () => {
    const { sessions } = create({ store: memoryStore() })
    const cookie = await signedIn(sessions)
    await visit(sessions, (session) => Object.assign(session, { cart: { items: [] } }), { cookie })
    await vi.waitFor(async () => expect((await sessions.load(cookie)).data).toMatchObject({ cart: { items: [] } }))
    await visit(sessions, ({ cart }) => (cart as { items: object[] }).items.push({ name: 'book', count: 1 }), {
      cookie,
    })
    await vi.waitFor(async () => expect((await sessions.load(cookie)).data).toHaveProperty('cart.items.length', 1))
  })

  test.each<[string, Handler]>([
    ['a new session', (session) => Object.assign(session, { user: 'eve' }) && codeOf(session.save())],
    [
      'regenerate()',
      async (session, _, request) => {
        await session.regenerate()
        const next = (request as unknown as { session: typeof session }).session
        return codeOf(Object.assign(next, { user: 'eve' }).save())
      },
    ],
  ])('%s needs a cookie: an error, an event, and no row', async (name, late) => {
    const store = memoryStore()
    const { sessions, events } = create({ store })
    const cookie = name === 'a new session' ? '' : await signedIn(sessions)
    events.length = 0
    const set = vi.spyOn(store, 'set')
    expect((await visit(sessions, late, { cookie })).body).toBe('head,ERR_SESSION_TOO_LATE')
    await vi.waitFor(() =>
      expect(events).toContainEqual(expect.objectContaining({ type: 'unsaved', code: 'ERR_SESSION_TOO_LATE' })),
    )
    expect(set).not.toHaveBeenCalled()
    if (cookie) expect((await sessions.load(cookie)).data).toEqual({ user: 'dave' })
  })

  test('regenerate() of what stays empty removes the row and succeeds', async () => {
    const { sessions, events } = create({ store: memoryStore() })
    const cookie = await signedIn(sessions)
    const late: Handler = async (session, _, request) => {
      await session.regenerate()
      return codeOf((request as unknown as { session: typeof session }).session.save())
    }
    expect((await visit(sessions, late, { cookie })).body).toBe('head,done')
    expect((await sessions.load(cookie)).data).toEqual({})
    expect(events.filter(({ type }) => type === 'unsaved')).toEqual([])
  })

  test('a store that is down is its own error', async () => {
    const store = memoryStore()
    const { sessions, events } = create({ store })
    const cookie = await signedIn(sessions)
    store.update = () => Promise.reject(new Error('down'))
    const late: Handler = (session) => Object.assign(session, { visits: 1 }) && codeOf(session.save())
    expect((await visit(sessions, late, { cookie })).body).toBe('head,ERR_SESSION_STORE')
    expect(events).toContainEqual(expect.objectContaining({ type: 'unsaved', code: 'ERR_SESSION_STORE' }))
  })
})

describe('in the cookie', () => {
  test.each<[string, Handler]>([
    ['save(), a promise', (session) => Object.assign(session, { visits: 1 }) && codeOf(session.save())],
    ['save(), a callback', (session) => Object.assign(session, { visits: 1 }) && byCallback(session, 'save')],
    ['destroy(), a promise', (session) => codeOf(session.destroy())],
    ['destroy(), a callback', (session) => byCallback(session, 'destroy')],
  ])('%s is an error, and the old session stays', async (_, late) => {
    const { sessions, events } = create()
    const cookie = await signedIn(sessions)
    expect((await visit(sessions, late, { cookie })).body).toBe('head,ERR_SESSION_TOO_LATE')
    expect(events).toContainEqual(expect.objectContaining({ type: 'unsaved', code: 'ERR_SESSION_TOO_LATE' }))
    expect((await sessions.load(cookie)).data).toEqual({ user: 'dave' })
  })

  test('save() of what is saved already succeeds', async () => {
    const { sessions, events } = create()
    const cookie = await signedIn(sessions)
    expect((await visit(sessions, (session) => codeOf(session.save()), { cookie })).body).toBe('head,done')
    const early = (session: ExpressSession<Data>): unknown => Object.assign(session, { user: 'eve' })
    expect((await visit(sessions, (session) => byCallback(session, 'save'), { early })).body).toBe('head,done')
    expect(events.filter(({ type }) => type === 'unsaved')).toEqual([])
  })

  test('a change in a handler that streams is told: an event, or one warning that names no data', async () => {
    const warnings: Error[] = []
    const warned = (warning: Error): unknown => warnings.push(warning)
    process.on('warning', warned)
    const { sessions, events } = create()
    const cookie = await signedIn(sessions)
    await visit(sessions, (session) => Object.assign(session, { user: 'swordfish' }), { cookie })
    await vi.waitFor(() => expect(events.map(({ type }) => type)).toContain('unsaved'))
    const silent = createSessions<Data>({ secrets: [SECRET], expose: false })
    for (let times = 0; times < 2; times++) {
      await visit(silent, (session) => Object.assign(session, { user: 'swordfish' }), { cookie })
    }
    await vi.waitFor(() => expect(warnings).toHaveLength(1))
    process.off('warning', warned)
    expect(warnings[0]).toMatchObject({ name: 'SessionWarning', code: 'ERR_SESSION_TOO_LATE' })
    expect(`${warnings[0]?.message}${JSON.stringify(events)}`).not.toContain('swordfish')
  })

  test('an error that went to the error page is not told twice', async () => {
    const { sessions, events } = create()
    const app = express()
    app.use(expressSessions(sessions))
    app.get('/', (request, response) => {
      Object.assign((request as unknown as { session: object }).session, { bad: () => {} })
      response.send('never')
    })
    app.use(
      (error: SessionError, _: Request, response: Response, __: unknown) => void response.status(500).send(error.code),
    )
    const server = createServer(app)
    servers.push(server)
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    expect(await answer.text()).toBe('ERR_SESSION_UNWRITABLE')
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(events).toEqual([])
  })
})

describe('Fastify', () => {
  async function stream(
    sessions: Sessions<Data>,
    late: (request: FastifyRequest) => unknown,
    cookie = '',
  ): Promise<string> {
    const app = fastify()
    app.register(fastifySessions(sessions))
    app.get('/', async (request, reply) => {
      reply.hijack()
      reply.raw.write('head,')
      await new Promise((resolve) => setImmediate(resolve))
      reply.raw.end(String(await late(request)))
    })
    const url = await app.listen({ port: 0, host: '127.0.0.1' })
    const body = await (await fetch(url, { headers: { cookie } })).text()
    await app.close()
    return body
  }

  test('a row is saved or removed; what needs a cookie is told', async () => {
    const { sessions } = create({ store: memoryStore() })
    const cookie = await signedIn(sessions)
    await stream(sessions, ({ session }) => session.set('visits', 1), cookie)
    await vi.waitFor(async () => expect((await sessions.load(cookie)).data.visits).toBe(1))
    expect(await stream(sessions, ({ session }) => codeOf(session.destroy()), cookie)).toBe('head,done')
    expect((await sessions.load(cookie)).data).toEqual({})
    const { sessions: inCookies, events } = create()
    await stream(inCookies, ({ session }) => session.delete(), await signedIn(inCookies))
    await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ type: 'unsaved', code: 'ERR_SESSION_TOO_LATE' }))
  })
})
