/** An Express application that renders the page of the React tests, with one of two versions of React. */
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { PassThrough } from 'node:stream'
import { type BuildOptions, build } from 'esbuild'
import express from 'express'
import { createSessions, expressSessions, serializeForClient, sessionOf } from 'sessionglass/server'
import { root } from '../../scripts/run.mjs'
import { basket, visitor } from './react-page.js'
import type * as reactServer from './react-server.js'

export interface ReactApp {
  /** Without a slash at its end. */
  readonly url: string
  close(): Promise<void>
}

/** Under which names each version is in node_modules. */
const VERSIONS: Record<string, Record<string, string>> = {
  19: {},
  18: { react: 'react-18', 'react-dom': 'react-dom-18' },
}

export const reactVersions = Object.keys(VERSIONS)

/**
 * `/` renders on the server, `/?static` in the browser alone. `/?stale` gives the page a visitor who is not that of the cookie, `/?text` the
 * text in place of a literal, `/?many=1000` many components. `/set` changes the session by its query, and `/sign-out` ends it.
 */
export async function startReactApp(version: string): Promise<ReactApp> {
  const { client, render } = await bundlesOf(version)
  const secrets = 'an-example-of-a-secret-with-64-hexadecimal-digits-of-randomness'
  const sessions = createSessions({ session: visitor, secrets, secure: false })
  const app = express()
  app.get('/client.js', (_, response) => {
    response.type('js').send(client)
  })
  app.use(expressSessions(sessions))
  app.use(expressSessions(createSessions({ session: basket, secrets, secure: false }), { property: 'basket' }))

  app.get('/', async (request, response) => {
    const { query } = request
    const texts = {
      visitor: 'stale' in query ? '{"user":"stale","visits":0}' : serializeForClient(sessionOf(request)),
      basket: serializeForClient(sessionOf(request, 'basket')),
    }
    const many = Number(query.many ?? 0)
    const literal = 'text' in query ? JSON.stringify : (text: string) => text
    const given = `{ visitor: ${literal(texts.visitor)}, basket: ${literal(texts.basket)}, many: ${many} }`
    const html = 'static' in query ? '' : await read((target) => render({ ...texts, many }, target))
    response.send(`<!doctype html>
<meta charset="utf-8">
<title>React</title>
<div id="root">${html}</div>
<script>var given = ${given}</script>
<script src="/client.js"></script>`)
  })
  app.get('/set', async (request, response) => {
    const { user, roles, items } = request.query as Record<string, string>
    const { data } = sessionOf<Record<string, unknown>>(request)
    if (user) Object.assign(data, { user, secret: 'not for scripts', since: new Date(1_700_000_000_123) })
    if (roles) data.roles = roles.split(',')
    data.visits = Number(data.visits ?? 0) + 1
    if (items) sessionOf<{ items: number }>(request, 'basket').data.items = Number(items)
    const { seconds } = request.query
    if (seconds) sessionOf(request).remember(Number(seconds))
    response.sendStatus(204)
  })
  app.get('/sign-out', async (request, response) => {
    await sessions.destroy(sessionOf(request), response)
    response.sendStatus(204)
  })

  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function read(write: (target: PassThrough) => void): Promise<string> {
  const stream = new PassThrough()
  write(stream)
  return (await stream.toArray()).join('')
}

/** A development build, which tells about mismatches. */
async function bundlesOf(version: string): Promise<{ client: string } & typeof reactServer> {
  const options: BuildOptions = {
    absWorkingDir: root,
    bundle: true,
    write: false,
    alias: VERSIONS[version] as Record<string, string>,
    define: { 'process.env.NODE_ENV': '"development"' },
    logLevel: 'error',
  }
  const entry = (name: string): BuildOptions => ({ ...options, entryPoints: [`test/browser/react-${name}.ts`] })
  const client = await build({ ...entry('client'), platform: 'browser' })
  const server = await build({ ...entry('server'), platform: 'node', format: 'cjs' })
  const folder = `${root}.cache/react`
  const file = `${folder}/server-${version}.cjs`
  mkdirSync(folder, { recursive: true })
  writeFileSync(file, server.outputFiles?.[0]?.text ?? '')
  const { render } = createRequire(import.meta.url)(file) as typeof reactServer
  return { client: client.outputFiles?.[0]?.text ?? '', render }
}
