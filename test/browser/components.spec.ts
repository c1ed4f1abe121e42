/** The applications of examples/components in Chromium: a page of Vue, Svelte, Solid and plain DOM that follows its session. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { expect, type Page, test } from 'playwright/test'
import { createSessions, defineSession, type ExpressSession, expressSessions } from '../../src/server/index.js'
import { buildExample } from '../frameworks/example-app.js'

interface AppSession {
  user?: string
}

/** As in examples/components. */
const sessions = createSessions({
  session: defineSession<AppSession>({ name: 'app.session', idleTimeout: '15m' }),
  secrets: 'an-example-of-a-secret-with-64-hexadecimal-digits-of-randomness',
  expose: ['user'],
})
let server: Server
let url: string

test.beforeAll(async () => {
  test.setTimeout(300_000)
  const app = express()
  app.use(express.static(`${buildExample('components')}/dist`), expressSessions(sessions))
  app.post('/user/:name', (req, res) => {
    const { session } = req as unknown as { session: ExpressSession<AppSession> }
    session.user = req.params.name
    res.end()
  })
  app.delete('/user', (req, res) => {
    Object.assign(req, { session: null })
    res.end()
  })
  server = createServer(app).listen(0, 'localhost')
  await once(server, 'listening')
  url = `http://localhost:${(server.address() as AddressInfo).port}`
})

test.afterAll(() => {
  server?.closeAllConnections()
  server?.close()
})

const send = (page: Page, method: string, path: string): Promise<unknown> =>
  page.evaluate(([method, path]) => fetch(path, { method }), [method, path] as const)

for (const name of ['dom', 'solid', 'svelte', 'vue']) {
  test(`${name}: two tabs show who is signed in`, async ({ page, context }) => {
    const faults: Error[] = []
    page.on('pageerror', (error) => faults.push(error))
    const other = await context.newPage()
    const shows = async (text: string): Promise<void> => {
      for (const one of [page, other]) await expect(one.locator('p')).toHaveText(text)
    }
    for (const one of [page, other]) await one.goto(`${url}/${name}.html`)
    await shows('Nobody')
    await send(page, 'POST', '/user/dave')
    await shows('dave')
    await send(other, 'POST', '/user/erin')
    await shows('erin')
    await page.reload()
    await shows('erin')
    await send(page, 'DELETE', '/user')
    await shows('Nobody')
    expect(faults).toEqual([])
  })
}
