/** The suite's application on Hono, with the server for Node. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { fetchSessions } from '../../../src/server/adapters/fetch.js'
import type { Session } from '../../../src/server/core/session.js'
import { type Data, respond } from '../actions.js'
import type { AppSessions } from '../app-sessions.js'
import type { RunningApp } from '../behaviour.js'

interface Bindings {
  session: Session<Data>
  other: Session<Data>
}

function honoApp({ sessions, other }: AppSessions): (request: Request) => Promise<Response> {
  const app = new Hono<{ Bindings: Bindings }>()
  app.get('/*', (c) =>
    respond(c.req.path, {
      data: () => c.env.session.data,
      id: () => c.env.session.id,
      regenerate: () => c.env.session.regenerate(),
      destroy: () => sessions.destroy(c.env.session),
      other: () => c.env.other.data,
    }),
  )
  app.onError((_, c) => c.text('sorry', 500))
  return fetchSessions(sessions, (request, session) =>
    fetchSessions(other, (_, second) => app.fetch(request, { session, other: second }))(request),
  )
}

export async function startHono(both: AppSessions): Promise<RunningApp> {
  const server = serve({ fetch: honoApp(both), port: 0, hostname: '127.0.0.1' })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, close: () => new Promise((resolve) => server.close(resolve)) }
}
