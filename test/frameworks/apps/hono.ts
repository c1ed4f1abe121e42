/** The suite's application on Hono, with the server for Node. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { honoSessions } from '../../../src/server/adapters/hono.js'
import type { Session } from '../../../src/server/core/session.js'
import { type Data, respond } from '../actions.js'
import type { AppSessions } from '../app-sessions.js'
import type { RunningApp } from '../behaviour.js'

interface Variables {
  session: Session<Data>
  other: Session<Data>
}

function honoApp({ sessions, other }: AppSessions): Hono['fetch'] {
  const app = new Hono<{ Variables: Variables }>()
  app.use(honoSessions(sessions), honoSessions(other, { property: 'other' }))
  app.get('/*', (c) =>
    respond(c.req.path, {
      data: () => c.var.session.data,
      id: () => c.var.session.id,
      regenerate: () => c.var.session.regenerate(),
      destroy: () => sessions.destroy(c.var.session),
      other: () => c.var.other.data,
    }),
  )
  app.onError((error, c) => ('getResponse' in error ? error.getResponse() : c.text('sorry', 500)))
  return app.fetch
}

export async function startHono(both: AppSessions): Promise<RunningApp> {
  const server = serve({ fetch: honoApp(both), port: 0, hostname: '127.0.0.1' })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, close: () => new Promise((resolve) => server.close(resolve)) }
}
