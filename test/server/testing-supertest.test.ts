/** `sessionglass/testing` with supertest, which has a server of its own. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import { compact, createSessions } from '../../src/server/index.js'
import { sessionCookie } from '../../src/server/testing.js'
import { SECRET, START } from './server.helpers.js'

const clock = (): Date => new Date(START)

/** The part of supertest that is used here; it has no types of its own. */
interface Agent {
  set(name: string, value: string): Agent
  get(path: string): Promise<{ body: unknown; headers: Record<string, unknown> }>
  jar: { setCookies(cookies: readonly string[], host: string): unknown }
}

test('supertest starts signed in, by header or by jar', async () => {
  const request = createRequire(import.meta.url)('supertest') as { agent(app: unknown): Agent }
  const sessions = createSessions({ secure: false, codecs: [compact({ secrets: SECRET })], expose: true, clock })
  const app = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const session = await sessions.load(incoming)
    session.data.visits = Number(session.data.visits ?? 0) + 1
    await sessions.commit(session, response as never)
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(session.data))
  }
  const { header, setCookies } = await sessionCookie(sessions, { user: 'dave' })
  const byHeader = request.agent(app).set('Cookie', header)
  expect((await byHeader.get('/')).body).toEqual({ user: 'dave', visits: 1 })
  // What the server sets counts from then on.
  expect((await byHeader.get('/')).body).toEqual({ user: 'dave', visits: 2 })
  const byJar = request.agent(app)
  byJar.jar.setCookies(setCookies, '127.0.0.1')
  expect((await byJar.get('/')).body).toEqual({ user: 'dave', visits: 1 })
  expect((await byJar.get('/')).body).toEqual({ user: 'dave', visits: 2 })
})
