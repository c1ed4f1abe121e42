/**
 * A request beside a sign-in signs nobody out: a browser deletes a cookie by its name, whichever session stands in it.
 * https://github.com/supertokens/supertokens-node/issues/17: a request that finds no session clears the cookies of a new one.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import fc from 'fast-check'
import { fastify } from 'fastify'
import { afterEach, describe, expect, test } from 'vitest'
import { fastifySessions } from '../../src/server/adapters/fastify.js'
import {
  beakerJwt,
  compact,
  createSessions,
  defineSession,
  type ExpressSession,
  expressSessions,
  fetchSessions,
  jwt,
  memoryStore,
  type Session,
  type Sessions,
} from '../../src/server/index.js'
import { runs } from '../random.js'
import { NAME, SECRET, testClock } from '../server/server.helpers.js'
import { Jar } from './jar.js'

type Data = { user?: string; mark?: number }
const clock = testClock()
const IDLE = 1800

/** Where the sessions are: a row that a sign-in deletes, or cookies that a visitor has not used for too long. */
const systems = {
  'a store': () => sessionsOf({ store: memoryStore({ clock }), codecs: [jwt({ secrets: [SECRET] })] }),
  beakerJwt: () => sessionsOf({ codecs: [beakerJwt({ secrets: [SECRET] })] }),
  compact: () => sessionsOf({ codecs: [compact({ secrets: [SECRET] })] }),
}
type SystemName = keyof typeof systems

function sessionsOf(options: Pick<Parameters<typeof createSessions<Data>>[0], 'store' | 'codecs'>): Sessions<Data> {
  const session = defineSession<Data>({ idleTimeout: IDLE })
  return createSessions<Data>({ session, expose: ['user'], secure: false, clock, ...options })
}

/** A page with a token: its session has nothing else. In cookies it is over before the next requests. */
async function visitPage(sessions: Sessions<Data>, name: SystemName): Promise<Jar> {
  const jar = new Jar()
  const session = await sessions.load('')
  session.csrfToken()
  jar.take(await sessions.commit(session))
  expect(jar.names).toEqual([NAME])
  if (name !== 'a store') clock.pass(IDLE + 1)
  return jar
}

function signIn(session: Session<Data>): void {
  session.regenerate()
  session.data.user = 'dave'
}

describe.each(Object.keys(systems) as SystemName[])('%s', (name) => {
  test.each(['before', 'after'])(
    'a request that is read %s the sign-in and answered later sets nothing',
    async (when) => {
      for (const looks of [true, false]) {
        const sessions = systems[name]()
        const jar = await visitPage(sessions, name)
        const { header } = jar
        const load = () => sessions.load(header)
        const early = when === 'before' ? await load() : undefined
        const signing = await load()
        signIn(signing)
        jar.take(await sessions.commit(signing))
        const beside = early ?? (await load())
        if (looks) expect(beside.data.user).toBeUndefined()
        const headers = new Headers()
        expect(await sessions.commit(beside, headers)).toEqual([])
        expect(headers.getSetCookie()).toEqual([])
        expect((await sessions.load(jar.header)).data).toEqual({ user: 'dave' })
        expect(jar.names).toEqual([NAME, `${NAME}.public`])
      }
    },
  )

  test('in any order of requests the browser has the session that was written last', async () => {
    const kinds = ['sign in', 'look', 'look', 'leave alone', 'write', 'destroy'] as const
    const plan = fc.record({
      requests: fc.array(fc.constantFrom(...kinds), { minLength: 2, maxLength: 6 }),
      order: fc.array(fc.nat(5), { minLength: 30, maxLength: 30 }),
      pause: fc.constantFrom(0, 0, 61, IDLE + 1),
    })
    const property = fc.asyncProperty(plan, async ({ requests, order, pause }) => {
      const sessions = systems[name]()
      const jar = await visitPage(sessions, name)
      clock.pass(pause)
      const begun = new Map<number, Session<Data>>()
      const ended = new Set<number>()
      const first = await sessions.load(jar.header)
      let last: { id: string; mark: number | undefined } | undefined
      if (!first.isNew) last = { id: first.id, mark: undefined }

      async function end(index: number, session: Session<Data>): Promise<void> {
        const kind = requests[index]
        if (kind === 'sign in') signIn(session)
        if (kind === 'sign in' || kind === 'write') session.data.mark = index
        if (kind === 'look') JSON.stringify(session.data)
        const set = await (kind === 'destroy' ? sessions.destroy(session) : sessions.commit(session))
        jar.take(set)
        const isSet = set.some((cookie) => cookie.startsWith(`${NAME}=`))
        if (kind === 'destroy') last = isSet ? undefined : last
        else if (kind === 'sign in' || kind === 'write') {
          if (isSet || (session.id === last?.id && !session.isDestroyed)) last = { id: session.id, mark: index }
        } else expect(set.filter((cookie) => cookie.includes('Max-Age=0'))).toEqual([])
      }

      for (const choice of order) {
        const open = requests.map((_, index) => index).filter((index) => !ended.has(index))
        if (open.length === 0) break
        const index = open[choice % open.length] as number
        const session = begun.get(index)
        if (session) {
          await end(index, session)
          ended.add(index)
        } else begun.set(index, await sessions.load(jar.header))
      }
      const found = await sessions.load(jar.header)
      if (last) expect([found.id, found.data.mark]).toEqual([last.id, last.mark])
      else expect(found.data).toEqual({})
    })
    await fc.assert(property, { numRuns: runs(150) })
  })
})

/** What one application answers: a sign-in, and a request that waits for it. */
interface App {
  listener: Parameters<typeof createServer>[1]
  close?(): unknown
}

type Make = (sessions: Sessions<Data>, signedIn: () => Promise<void>) => App | Promise<App>

const adapters: Record<string, Make> = {
  express(sessions, signedIn) {
    const app = express()
    app.use(expressSessions(sessions))
    const sessionOf = (req: object): ExpressSession<Data> => (req as { session: ExpressSession<Data> }).session
    app.get('/sign-in', async (req, res) => {
      await sessionOf(req).regenerate()
      Object.assign(sessionOf(req), { user: 'dave' })
      res.end()
    })
    app.get('/look', async (req, res) => {
      await signedIn()
      res.json(sessionOf(req))
    })
    app.get('/leave', async (_, res) => {
      await signedIn()
      res.end()
    })
    return { listener: app }
  },
  async fastify(sessions, signedIn) {
    const app = fastify()
    app.register(fastifySessions(sessions))
    const sessionOf = (request: object): Session<Data> => (request as { session: Session<Data> }).session
    app.get('/sign-in', async (request) => {
      signIn(sessionOf(request))
      return ''
    })
    app.get('/look', async (request) => {
      await signedIn()
      return sessionOf(request).data
    })
    app.get('/leave', async () => {
      await signedIn()
      return ''
    })
    await app.ready()
    return { listener: (request, response) => app.routing(request, response), close: () => app.close() }
  },
  fetch(sessions, signedIn) {
    const handle = fetchSessions(sessions, async (request, session) => {
      const { pathname } = new URL(request.url)
      if (pathname === '/sign-in') signIn(session)
      else await signedIn()
      return pathname === '/look' ? Response.json(session.data) : new Response('')
    })
    const asRequest = ({ url, headers }: IncomingMessage): Request =>
      new Request(`http://localhost${url}`, { headers: { cookie: headers.cookie ?? '' } })
    return {
      async listener(request, response) {
        const answer = await handle(asRequest(request))
        response.setHeader('set-cookie', answer.headers.getSetCookie())
        response.end(await answer.text())
      },
    }
  },
}

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

describe.each(Object.keys(adapters))('over HTTP, %s', (adapter) => {
  test.each(['a store', 'beakerJwt'] as const)(
    '%s: the answer of the slower request leaves the new session alone',
    async (name) => {
      const sessions = systems[name]()
      for (const path of ['/look', '/leave']) {
        const jar = await visitPage(sessions, name)
        let goOn = (): void => {}
        const signedIn = new Promise<void>((resolve) => {
          goOn = resolve
        })
        const { listener, close } = await (adapters[adapter] as Make)(sessions, () => signedIn)
        const server = createServer(listener)
        closing.push(() => server.close(), close ?? (() => {}))
        await once(server.listen(0, '127.0.0.1'), 'listening')
        const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
        const headers = { cookie: jar.header }
        const visit = async (path: string): Promise<string[]> => {
          const answer = await fetch(origin + path, { headers })
          expect(answer.status).toBe(200)
          return answer.headers.getSetCookie()
        }

        const slower = visit(path)
        jar.take(await visit('/sign-in'))
        goOn()
        const later = await visit(path)
        expect([await slower, later]).toEqual([[], []])
        expect((await sessions.load(jar.header)).data).toEqual({ user: 'dave' })
      }
    },
  )
})
