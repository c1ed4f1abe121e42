/** The applications that answer by a row of the table: bare, and with sessions that change in the first request. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { Server } from 'node:net'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { createAdaptorServer } from '@hono/node-server'
import express, { type ErrorRequestHandler } from 'express'
import { fastify } from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import {
  expressSessions,
  fastifySessions,
  fetchSessions,
  isSessionError,
  type Sessions,
} from '../../../src/server/index.js'
import { NEXT, type Observer, type OnExchange, type StartedApp } from './exchange.js'
import type { Row } from './rows.js'

export interface Seen {
  seen?: number
}

interface AppOptions {
  row: Row
  observer: Observer
  onExchange: OnExchange
  /** Without any, the application is the reference. */
  sessions: Sessions<Seen> | undefined
}

type StartApp = (options: AppOptions) => Promise<StartedApp>

/** The page of an error as every application of the table writes it. */
const SORRY = 'sorry'

export interface App {
  way: 'node' | 'express' | 'fastify' | 'koa' | 'web'
  start: StartApp
  /** A session that was changed before an error goes out with the error page. */
  savesOnError: boolean
  hasHeadersInAnyOrder?: boolean
}

export const apps: Record<string, App> = {
  'node:http': { way: 'node', start: startNode, savesOnError: true },
  'Express, by the response of Node': { way: 'node', start: startExpress, savesOnError: true },
  Express: { way: 'express', start: startExpress, savesOnError: true },
  Fastify: { way: 'fastify', start: startFastify, savesOnError: true },
  Koa: { way: 'koa', start: startKoa, savesOnError: false },
  Hono: { way: 'web', start: startHono, savesOnError: true, hasHeadersInAnyOrder: true },
  fetch: { way: 'web', start: startFetch, savesOnError: false },
}

type Middleware = (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void

const pass: Middleware = (_request, _response, next) => next()

/** The session of a request of Node, changed. */
function change(request: object): void {
  const { session } = request as { session?: Seen }
  if (session) session.seen = 1
}

function startNode({ row, observer, onExchange, sessions }: AppOptions): Promise<StartedApp> {
  const middleware: Middleware = sessions ? expressSessions(sessions) : pass
  return listen((request, response) => {
    onExchange(request, response)
    middleware(request, response, (error) => {
      if (error) {
        response.statusCode = (error as { status?: number }).status ?? 500
        response.end(SORRY)
      } else if (isNext(request)) response.end(NEXT)
      else {
        change(request)
        settle(() => row.node?.(request, response, observer), observer)
      }
    })
  })
}

function startExpress({ row, observer, onExchange, sessions }: AppOptions): Promise<StartedApp> {
  const app = express()
  // It tells of errors on the console otherwise.
  app.set('env', 'test')
  app.use((request, response, next) => {
    onExchange(request, response)
    next()
  })
  if (sessions) app.use(expressSessions(sessions))
  app.use((request, response, next) => {
    if (isNext(request)) return void response.send(NEXT)
    change(request)
    if (row.express) return row.express(request, response, next, observer) as undefined
    return settle(() => row.node?.(request, response, observer), observer) as undefined
  })
  // Answers again, whatever has been sent.
  const onError: ErrorRequestHandler = (error, _request, response, _next) => {
    response.status(error.status ?? 500).send(SORRY)
  }
  app.use(onError)
  return listen(app)
}

async function startFastify({ row, observer, onExchange, sessions }: AppOptions): Promise<StartedApp> {
  const app = fastify({ keepAliveTimeout: 5000 })
  app.addHook('onRequest', (request, reply, done) => {
    onExchange(request.raw, reply.raw)
    done()
  })
  if (sessions) app.register(fastifySessions(sessions))
  app.get(`/${NEXT}`, async () => NEXT)
  app.get('/', (request, reply) => {
    const { session } = request as unknown as { session?: { data: Seen } }
    if (session) session.data.seen = 1
    return row.fastify?.(request, reply, observer)
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  return {
    server: app.server,
    close() {
      app.server.closeAllConnections()
      return app.close()
    },
  }
}

function startKoa({ row, observer, onExchange, sessions }: AppOptions): Promise<StartedApp> {
  const app = new Koa()
  app.silent = true
  app.use((context, next) => {
    onExchange(context.req, context.res)
    return next()
  })
  if (sessions) {
    app.use(async (context, next) => {
      const fail = (error: unknown): never => context.throw(isSessionError(error) ? 503 : 500, error as Error)
      const session = await sessions.load(context.req).catch(fail)
      if (!isNext(context.req)) session.data.seen = 1
      await next()
      await sessions.commit(session, context.res).catch(fail)
    })
  }
  app.use(async (context) => {
    if (isNext(context.req)) context.body = NEXT
    else await row.koa?.(context, observer)
  })
  return listen(app.callback())
}

async function startHono({ row, observer, onExchange, sessions }: AppOptions): Promise<StartedApp> {
  const app = new Hono()
  app.get(`/${NEXT}`, (context) => context.text(NEXT))
  app.get('/', (context) => row.web?.(context.req.raw, observer) as Response)
  app.onError((_, context) => context.text(SORRY, 500))
  const server = createAdaptorServer({ fetch: withSessions(sessions, async (request) => app.fetch(request)) }) as Server
  server.prependListener('request', onExchange)
  return listening(server)
}

function startFetch({ row, observer, onExchange, sessions }: AppOptions): Promise<StartedApp> {
  const handler = withSessions(sessions, async (request) => {
    if (new URL(request.url).pathname === `/${NEXT}`) return new Response(NEXT)
    return (await row.web?.(request, observer)) as Response
  })
  return listen(async (incoming, outgoing) => {
    onExchange(incoming, outgoing)
    try {
      const url = new URL(incoming.url ?? '/', 'http://localhost')
      const response = await handler(new Request(url, { method: incoming.method ?? 'GET' }))
      const { status, headers, body } = response
      if (response.bodyUsed) throw new TypeError('The body was read before')
      outgoing.statusCode = status
      for (const [name, value] of headers) outgoing.appendHeader(name, value)
      if (!body || incoming.method === 'HEAD') outgoing.end()
      else {
        const stream = Readable.fromWeb(body as ReadableStream)
        stream.on('error', () => outgoing.destroy())
        stream.pipe(outgoing)
      }
    } catch {
      outgoing.statusCode = 500
      outgoing.end(SORRY)
    }
  })
}

type Handler = (request: Request) => Promise<Response>

function withSessions(sessions: Sessions<Seen> | undefined, handler: Handler): Handler {
  if (!sessions) return handler
  return fetchSessions(sessions, (request, session) => {
    if (!request.url.endsWith(NEXT)) session.data.seen = 1
    return handler(request)
  })
}

/** A handler without a framework: what it rejects with is nobody's but its own. */
function settle(work: () => unknown, { told }: Observer): void {
  const done = (async () => work())()
  done.catch((error) => told('rejected', error))
}

function isNext({ url }: IncomingMessage): boolean {
  return url === `/${NEXT}`
}

function listen(listener: RequestListener): Promise<StartedApp> {
  return listening(createServer(listener))
}

async function listening(server: Server): Promise<StartedApp> {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    server,
    async close() {
      const closed = once(server, 'close')
      server.close()
      ;(server as Server & { closeAllConnections?(): void }).closeAllConnections?.()
      await closed
    },
  }
}
