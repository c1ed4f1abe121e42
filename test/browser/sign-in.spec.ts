/**
 * Tests that start signed in by `sessionglass/testing`, in a real Chromium: compact sessions in one cookie and in several, with the page's
 * reader, other keys and ages, and cookies of the same name in another place.
 */
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test as base, expect, type Page } from 'playwright/test'
import type * as reader from '../../src/client/compact.js'
import type * as client from '../../src/client/index.js'
import { compact, createSessions, defineSession, type Sessions } from '../../src/server/index.js'
import { type SignIn, sessionCookie, sessionFixture } from '../../src/server/testing.js'
import { clientFiles } from './client-page.js'

interface Account {
  user?: string
  notes?: string[]
}

const secrets = ['the first of two keys of this test.', 'the retired one of two keys of it...']
const sessions: Sessions<Account> = createSessions({
  session: defineSession<Account>({ name: 'sid', idleTimeout: '30m' }),
  codecs: [compact({ secrets })],
  expose: true,
  secure: false,
  path: '/app',
  expireShadows: [{ path: '/' }],
})
const page = `<!doctype html><title>members</title><script src="/import-map.js"></script><script type="module">
import { getSession } from '/dist/client/index.js'
import { compactReader } from '/dist/client/compact.js'
window.members = { getSession, compactReader }
</script>`
/** No two lines are alike, so that they do not deflate to nothing. */
const notes = (count: number): string[] =>
  Array.from({ length: count }, (_, at) =>
    Array.from({ length: 40 }, (_, place) => Math.sin(at * 40 + place))
      .join()
      .replace(/[^1-9]/g, '')
      .slice(0, 100),
  )

declare global {
  interface Window {
    members: Pick<typeof client, 'getSession'> & Pick<typeof reader, 'compactReader'>
  }
}

const test = base.extend<{ signIn: SignIn<Account>; url: string }>({
  // biome-ignore lint/correctness/noEmptyPattern: the runner reads the names of the fixtures out of it
  url: async ({}, use) => {
    const server = createServer((request, response) => {
      answer(request.url ?? '/', request, response).catch((error) => response.writeHead(500).end(String(error)))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    await close(server)
  },
  baseURL: async ({ url }, use) => await use(url),
  ...sessionFixture(sessions),
})

async function answer(path: string, ...[request, response]: Parameters<Parameters<typeof createServer>[1] & object>) {
  const prefix = Object.keys(clientFiles).find((each) => path === each || path.startsWith(`${each}/`))
  if (prefix !== undefined) {
    const content = await readFile(clientFiles[prefix] + path.slice(prefix.length))
    response.writeHead(200, { 'content-type': 'text/javascript' }).end(content)
    return
  }
  const session = await sessions.load(request)
  if (path === '/app/shrink') session.data.notes = []
  if (path === '/app/out') await sessions.destroy(session, response)
  else await sessions.commit(session, response)
  const isPage = path === '/app/'
  response.writeHead(200, { 'content-type': isPage ? 'text/html' : 'application/json' })
  response.end(
    isPage ? page : JSON.stringify({ data: session.data, keyIndex: session.keyIndex, code: session.rejected?.code }),
  )
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}

/** What the script of the page reads. */
async function readOn(page: Page): Promise<unknown> {
  await page.goto('/app/')
  await page.waitForFunction(() => window.members !== undefined)
  return await page.evaluate(() => window.members.getSession('sid', { reader: window.members.compactReader }))
}

async function ask(page: Page, path: string): Promise<{ data: Account; keyIndex?: number; code?: string }> {
  const response = await page.goto(path)
  return await response?.json()
}

async function namesOf(page: Page): Promise<string[]> {
  const cookies = await page.context().cookies()
  return cookies.map(({ name, path }) => `${name} ${path}`).sort()
}

test('a test starts signed in, and page and server agree', async ({ page, signIn }) => {
  await signIn({ user: 'dave' })
  expect(await namesOf(page)).toEqual(['sid /app'])
  expect(await readOn(page)).toEqual({ user: 'dave' })
  expect((await ask(page, '/app/json')).data).toEqual({ user: 'dave' })
})

test('from a storage state, too', async ({ browser, url }) => {
  const { storageState } = await sessionCookie(sessions, { user: 'dave' }, { url })
  const context = await browser.newContext({ storageState, baseURL: url })
  expect((await ask(await context.newPage(), '/app/json')).data).toEqual({ user: 'dave' })
  await context.close()
})

test('with a retired key the session moves to the first', async ({ page, signIn }) => {
  await signIn({ user: 'dave' }, { key: 'retired' })
  expect(await ask(page, '/app/json')).toEqual({ data: { user: 'dave' }, keyIndex: 0 })
  expect((await ask(page, '/app/json')).keyIndex).toBe(0)
})

test('an old session has expired', async ({ page, signIn }) => {
  await signIn({ user: 'dave' }, { age: '31m' })
  expect(await readOn(page)).toBeNull()
  await signIn({ user: 'dave' }, { age: '31m' })
  expect(await ask(page, '/app/json')).toMatchObject({ data: {}, code: 'ERR_SESSION_EXPIRED' })
})

test('a large session is whole on both sides, gets short, and ends', async ({ page, signIn }) => {
  const large = { user: 'dave', notes: notes(100) }
  await signIn(large)
  expect(await namesOf(page)).toEqual(['sid /app', 'sid.1 /app'])
  expect(await readOn(page)).toEqual(large)
  expect((await ask(page, '/app/json')).data).toEqual(large)
  expect((await ask(page, '/app/shrink')).data).toEqual({ user: 'dave', notes: [] })
  expect(await namesOf(page)).toEqual(['sid /app'])
  expect(await readOn(page)).toEqual({ user: 'dave', notes: [] })

  await signIn(large)
  await ask(page, '/app/out')
  expect(await namesOf(page)).toEqual([])
})

test('a stray piece disturbs neither side', async ({ page, signIn, url }) => {
  await signIn({ user: 'dave' })
  const { hostname } = new URL(url)
  for (const name of ['sid.1', 'sid.9'])
    await page.context().addCookies([{ name, value: 'stray', domain: hostname, path: '/app' }])
  expect(await readOn(page)).toEqual({ user: 'dave' })
  expect((await ask(page, '/app/shrink')).data).toEqual({ user: 'dave', notes: [] })
  expect(await namesOf(page)).toEqual(['sid /app', 'sid.9 /app'])
})

test('a cookie of the same name in another place goes with the next write', async ({ page, signIn, url }) => {
  await signIn({ user: 'dave' })
  await page.context().addCookies([{ name: 'sid', value: 'planted', url }])
  expect(await namesOf(page)).toEqual(['sid /', 'sid /app'])
  expect((await ask(page, '/app/json')).data).toEqual({ user: 'dave' })
  expect(await namesOf(page), 'nothing was written').toEqual(['sid /', 'sid /app'])
  await ask(page, '/app/shrink')
  expect(await namesOf(page)).toEqual(['sid /app'])
})
