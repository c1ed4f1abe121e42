/** The suite's application on Fastify 5. */
import { Readable } from 'node:stream'
import { fastify } from 'fastify'
import { type FastifySession, fastifySessions } from '../../../src/server/adapters/fastify.js'
import { actionOf, type Data } from '../actions.js'
import type { AppSessions } from '../app-sessions.js'
import type { RunningApp } from '../behaviour.js'

declare module 'fastify' {
  interface FastifyRequest {
    session: FastifySession<Data>
    other: FastifySession<Data>
  }
}

export async function startFastify({ sessions, other }: AppSessions): Promise<RunningApp> {
  const app = fastify()
  app.register(fastifySessions(sessions))
  app.register(fastifySessions(other, { property: 'other' }))
  app.get('/*', async (request, reply) => {
    const answer = await actionOf(request.url)({
      data: () => request.session.data,
      id: () => request.session.id,
      regenerate: () => request.session.regenerate(),
      destroy: () => sessions.destroy(request.session),
      other: () => request.other.data,
    })
    const { status = 200, location, body, headers = {} } = answer
    reply.headers(headers)
    if (location !== undefined) return reply.redirect(location, status)
    return reply.code(status).send(Array.isArray(body) ? Readable.from(body) : body)
  })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return { url, close: () => app.close() }
}
