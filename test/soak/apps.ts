/** One application on each adapter: it answers with what it found in the session, then changes it as the request asks. */
import { once } from 'node:events'
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { type HttpBindings, serve } from '@hono/node-server'
import express, { type ErrorRequestHandler } from 'express'
import { fastify } from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import { expressSessions, sessionOf } from '../../src/server/adapters/express.js'
import { type FastifySession, fastifySessions } from '../../src/server/adapters/fastify.js'
import { fetchSessions } from '../../src/server/adapters/fetch.js'
import type { Session } from '../../src/server/core/session.js'
import { isSessionError, type Sessions } from '../../src/server/index.js'
import type { Data } from './systems.js'

/** The session as an application has it at hand. */
interface Visit {
  data(): Data
  session(): Pick<Session<Data>, 'rejected'> & { regenerate(): unknown }
  /** If a sign-in needs more than the session's own. */
  regenerate?(): unknown
  destroy(): unknown
}

/** Of a body that takes a while to be read. */
const CHUNKS = 24
const CHUNK = `${' '.repeat(16_383)}\n`

/** `/look`, `/write`, `/login` and `/logout`, with `owner`, `key` and `value`, and `stream` for a long answer. */
async function answerOf(path: string, { data, session, regenerate, destroy }: Visit): Promise<string[]> {
  const { pathname, searchParams } = new URL(path, 'http://localhost')
  const { rejected } = session()
  const found = `${JSON.stringify({ data: data(), ...(rejected && { rejected: rejected.code }) })}\n`
  if (pathname === '/login') await (regenerate ? regenerate() : session().regenerate())
  if (pathname === '/logout') await destroy()
  const key = searchParams.get('key')
  if (key !== null) Object.assign(data(), { owner: searchParams.get('owner'), [key]: searchParams.get('value') })
  return [found, ...(searchParams.has('stream') ? Array.from({ length: CHUNKS }, () => CHUNK) : [])]
}

function statusOf(error: unknown): number {
  return isSessionError(error) && ['ERR_SESSION_STORE', 'ERR_SESSION_KEYS'].includes(error.code) ? 503 : 500
}

function failureOf(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string }
  return JSON.stringify({ code: code ?? message })
}

type Start = (sessions: Sessions<Data>) => Promise<Server>

/** The one list. */
export const adapters: Record<string, Start> = {
  'node:http': (sessions) =>
    listen(async (request, response) => {
      try {
        const session = await sessions.load(request)
        const destroy = () => sessions.destroy(session, response)
        const visit = { data: () => session.data, session: () => session, destroy }
        const body = await answerOf(request.url ?? '/', visit)
        await sessions.commit(session, response)
        send(response, body)
      } catch (error) {
        for (const name of response.getHeaderNames()) response.removeHeader(name)
        response.statusCode = statusOf(error)
        response.end(failureOf(error))
      }
    }),

  express(sessions) {
    // Else it prints each error.
    const app = express().set('env', 'test')
    app.use(expressSessions(sessions))
    app.use(async (request, response) => {
      const visit = {
        data: () => (request as unknown as { session: Data }).session,
        session: () => sessionOf<Data>(request),
        destroy: () => (request as unknown as { session: { destroy(): unknown } }).session.destroy(),
      }
      send(response, await answerOf(request.url, visit))
    })
    const onError: ErrorRequestHandler = (error, _request, response, _next) => {
      response.status(statusOf(error)).send(failureOf(error))
    }
    app.use(onError)
    return listen(app)
  },

  async fastify(sessions) {
    const app = fastify()
    app.register(fastifySessions(sessions))
    app.get('/*', async (request, reply) => {
      const { session } = request as unknown as { session: FastifySession<Data> }
      const destroy = () => sessions.destroy(session)
      // Its plugins begin an empty session so: a sign-in names what stays.
      const regenerate = () => session.regenerate(Object.keys(session.data))
      const visit = { data: () => session.data, session: () => session, regenerate, destroy }
      const body = await answerOf(request.url, visit)
      return reply.send(body.length === 1 ? body[0] : Readable.from(body))
    })
    app.setErrorHandler((error, _request, reply) => reply.code(statusOf(error)).send(failureOf(error)))
    await app.listen({ port: 0, host: '127.0.0.1' })
    return app.server
  },

  koa(sessions) {
    const app = new Koa<{ session: Session<Data> }>()
    app.silent = true
    app.use(async (context) => {
      try {
        const session = await sessions.load(context.req)
        const destroy = () => sessions.destroy(session, context.res)
        const body = await answerOf(context.url, { data: () => session.data, session: () => session, destroy })
        await sessions.commit(session, context.res)
        context.body = body.length === 1 ? body[0] : Readable.from(body)
      } catch (error) {
        context.status = statusOf(error)
        context.body = failureOf(error)
      }
    })
    return listen(app.callback())
  },

  async hono(sessions) {
    const app = new Hono<{ Bindings: { session: Session<Data> } & Partial<HttpBindings> }>()
    app.get('/*', (context) => answerWith(sessions, context.req.raw, context.env.session))
    app.onError((error, context) => context.text(failureOf(error), 500))
    const handler = fetchSessions(sessions, (request, session) => app.fetch(request, { session }))
    const server = serve({ fetch: withErrors(handler), port: 0, hostname: '127.0.0.1' }) as Server
    await once(server, 'listening')
    return server
  },

  fetch(sessions) {
    const handler = withErrors(fetchSessions(sessions, (request, session) => answerWith(sessions, request, session)))
    return listen(async (incoming, outgoing) => {
      const headers = new Headers(incoming.headers as Record<string, string>)
      const response = await handler(new Request(new URL(incoming.url ?? '/', 'http://localhost'), { headers }))
      outgoing.statusCode = response.status
      for (const [name, value] of response.headers) outgoing.appendHeader(name, value)
      const body = response.body?.getReader()
      for (let part = await body?.read(); part && !part.done && !outgoing.destroyed; part = await body?.read()) {
        outgoing.write(part.value)
      }
      await body?.cancel()
      outgoing.end()
    })
  },
}

async function answerWith(sessions: Sessions<Data>, request: Request, session: Session<Data>): Promise<Response> {
  const destroy = () => sessions.destroy(session)
  const body = await answerOf(request.url, { data: () => session.data, session: () => session, destroy })
  const encoder = new TextEncoder()
  // Not Readable.toWeb, which throws where nobody can catch it if its reader goes away.
  const stream = new ReadableStream({
    pull(controller) {
      const chunk = body.shift()
      if (chunk === undefined) controller.close()
      else controller.enqueue(encoder.encode(chunk))
    },
  })
  return new Response(stream)
}

function withErrors(handler: (request: Request) => Promise<Response>): (request: Request) => Promise<Response> {
  return async (request) => {
    try {
      return await handler(request)
    } catch (error) {
      return new Response(failureOf(error), { status: statusOf(error) })
    }
  }
}

/** One chunk after the other, as the client reads them. */
function send(response: ServerResponse, body: string[]): void {
  if (body.length === 1) response.end(body[0])
  else Readable.from(body).pipe(response)
}

async function listen(listener: RequestListener): Promise<Server> {
  const server = createServer(listener)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return server
}

/** @returns the port */
export async function startApp(adapter: string, sessions: Sessions<Data>): Promise<number> {
  const server = await (adapters[adapter] as Start)(sessions)
  // A connection that ends by itself just as a request comes is no fault of ours.
  server.keepAliveTimeout = 3_600_000
  return (server.address() as AddressInfo).port
}
