/**
 * A session changes no more of an answer than its headers: not the type that Bun gives to a text, and not its length.
 * https://github.com/oven-sh/bun: the type of a body is set when the response leaves, and a copy of the response has none.
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { root } from '../../scripts/run.mjs'
import { installRuntimes } from '../../scripts/runtimes.mjs'
import app, { ANSWERS } from '../frameworks/apps/bodies.js'
import type { RunningApp } from '../frameworks/behaviour.js'
import { startOnRuntime } from '../frameworks/runtime-server.js'

const isInstalled = installRuntimes()

async function startOnNode(): Promise<RunningApp> {
  // Its own Response takes everything that is not looked at for a text.
  const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1', overrideGlobalObjects: false })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, close: () => new Promise((resolve) => server.close(resolve)) }
}

const entry = { entryPoints: [`${root}test/frameworks/apps/bodies.ts`] }

describe.each([
  ['Node', startOnNode],
  ...(isInstalled
    ? (['Bun', 'Deno', 'workerd'] as const).map((name): [string, () => Promise<RunningApp>] => [
        name,
        () => startOnRuntime(name, 'bodies', entry),
      ])
    : []),
])('on %s', (_, start) => {
  let running: RunningApp

  beforeAll(async () => {
    running = await start()
  })
  afterAll(() => running?.close())

  async function get(path: string): Promise<{ seen: object; cookies: string[] }> {
    const { status, statusText, headers, ...answer } = await asked(`${running.url}${path}`)
    const [type, length, encoding, place] = ['content-type', 'content-length', 'transfer-encoding', 'location'].map(
      (name) => headers.get(name),
    )
    return { seen: { status, statusText, type, length, encoding, place, ...answer }, cookies: headers.getSetCookie() }
  }

  async function asked(url: string): Promise<Pick<Response, 'status' | 'statusText' | 'headers'> & { body: string }> {
    const response = await fetch(url, { redirect: 'manual' })
    const { status, statusText, headers } = response
    return { status, statusText, headers, body: await response.text() }
  }

  test.each(Object.keys(ANSWERS))('%s leaves as it would without a session, with a cookie', async (name) => {
    const bare = await get(`/bare/${name}`)
    const answer = await get(`/session/${name}`)
    expect(answer.seen).toEqual(bare.seen)
    expect([bare.cookies.length, answer.cookies.length]).toEqual([0, 1])
  })

  test('a response that the application keeps never carries the cookie of another visitor', async () => {
    const cookies = [await get('/session/shared?user=dave'), await get('/session/shared?user=eve')].map(
      ({ cookies }) => cookies,
    )
    expect(cookies.map((list) => list.length)).toEqual([1, 1])
    expect(cookies[0]).not.toEqual(cookies[1])
    expect((await get('/bare/shared')).cookies).toEqual([])
  })
})

test('no runtime is left out under CI', () => {
  expect(isInstalled || !process.env.CI).toBe(true)
})
