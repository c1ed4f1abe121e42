/** The application of examples/react in Chromium: a page that shows its session, and follows it to its end. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { test as base, expect, type Page } from 'playwright/test'
import { createSessions, defineSession } from '../../src/server/index.js'
import { type SignIn, sessionFixture } from '../../src/server/testing.js'
import { buildExample } from '../frameworks/example-app.js'

interface AppSession {
  passport?: { user?: string }
}

const OLD_KEY = 'a-secret-that-the-application-no-longer-has-of-64-characters-or-so'
const SESSION_KEY = 'an-example-of-a-secret-with-64-hexadecimal-digits-of-randomness'
/** As in examples/react. */
const sessionsWith = (secrets: string) =>
  createSessions({
    session: defineSession<AppSession, { user?: string }>({ name: 'app.session', idleTimeout: '15m' }),
    secrets,
    expose: ({ passport }) => ({ user: passport?.user }),
  })
let server: ChildProcess | undefined
let folder: string
let url: string

const test = base.extend<{ startAs: SignIn<AppSession>; startWithOldKey: SignIn<AppSession>; asked: string[] }>({
  startAs: sessionFixture(sessionsWith(SESSION_KEY)).signIn,
  startWithOldKey: sessionFixture(sessionsWith(OLD_KEY)).signIn,
  /** What the first page asked the server's programs for. */
  asked: async ({ page }, use) => {
    const asked: string[] = []
    page.on('request', (request) => {
      const { pathname } = new URL(request.url())
      if (pathname.startsWith('/api')) asked.push(`${request.method()} ${pathname}`)
    })
    await use(asked)
  },
})

test.beforeAll(async () => {
  test.setTimeout(300_000)
  folder = buildExample('react')
  url = await startServer()
})

test.afterAll(async () => {
  if (server?.exitCode !== null) return
  const exited = once(server, 'exit')
  server.kill()
  await exited
})

async function signIn(page: Page, password = 'secret', address = url): Promise<void> {
  await page.goto(address)
  await page.getByLabel('Name').fill('dave')
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

const greeting = (page: Page) => page.getByRole('heading')
const form = (page: Page) => page.getByLabel('Password')

test('signing in shows the name, and after that it is there without a request', async ({ page, asked }) => {
  await signIn(page, 'wrong')
  await expect(page.getByRole('alert')).toHaveText('Wrong name or password')
  await expect(form(page)).toBeVisible()
  await signIn(page)
  await expect(greeting(page)).toHaveText('Hello dave')
  expect(asked).toEqual(['POST /api/sign-in', 'POST /api/sign-in'])
  await page.reload()
  await expect(greeting(page)).toHaveText('Hello dave')
  expect(asked).toHaveLength(2)
  await page.getByRole('button', { name: 'My orders' }).click()
  await expect(page.getByRole('listitem')).toHaveText('a book for dave')
  expect(asked.at(-1)).toBe('GET /api/orders')
})

test('a second tab follows: signing in, and signing out in one of them', async ({ page, context, asked }) => {
  const other = await context.newPage()
  await other.goto(url)
  await expect(form(other)).toBeVisible()
  await signIn(page)
  await expect(greeting(other)).toHaveText('Hello dave')
  await other.getByRole('button', { name: 'Sign out' }).click()
  await expect(form(other)).toBeVisible()
  await expect(form(page)).toBeVisible()
  expect(asked).toEqual(['POST /api/sign-in'])
  expect(await context.cookies()).toEqual([])
})

test('a session that ends soon: the page counts, and ends with it', async ({ page, asked, startAs }) => {
  await startAs({ passport: { user: 'dave' } }, { url, remember: 15 })
  await page.goto(url)
  await expect(page.getByRole('timer')).toHaveText(/^You will be signed out in \d+ s\./)
  await expect(form(page)).toBeVisible()
  expect(asked).toEqual([])
})

test('"Stay signed in" renews the session for both tabs', async ({ page, context, asked, startAs }) => {
  await startAs({ passport: { user: 'dave' } }, { url, age: 15 * 60 - 30 })
  const other = await context.newPage()
  for (const one of [page, other]) {
    await one.goto(url)
    await expect(one.getByRole('timer')).toBeVisible()
  }
  await page.getByRole('button', { name: 'Stay signed in' }).click()
  for (const one of [page, other]) {
    await expect(one.getByRole('timer')).toBeHidden()
    await expect(greeting(one)).toHaveText('Hello dave')
  }
  expect(asked).toEqual(['POST /api/session'])
})

test('a page that is used without a request renews its session, once a minute', async ({ page, asked, startAs }) => {
  await startAs({ passport: { user: 'dave' } }, { url })
  await page.clock.install()
  await page.goto(url)
  await expect(greeting(page)).toHaveText('Hello dave')
  for (const times of [1, 2]) {
    const renewed = page.waitForResponse(`${url}/api/session`)
    await page.keyboard.press('a')
    expect((await renewed).status()).toBe(204)
    await page.keyboard.press('b')
    await page.clock.fastForward('01:01')
    expect(asked).toHaveLength(times)
  }
  await expect(greeting(page)).toHaveText('Hello dave')
})

test('another user: nothing of the former one stays on the page', async ({ page, startAs }) => {
  await startAs({ passport: { user: 'dave' } }, { url })
  await page.goto(url)
  await page.getByRole('button', { name: 'My orders' }).click()
  await expect(page.getByRole('listitem')).toHaveText('a book for dave')
  await startAs({ passport: { user: 'erin' } }, { url })
  await expect(greeting(page)).toHaveText('Hello erin')
  await expect(page.getByRole('listitem')).toHaveCount(0)
})

test('a server that can not be reached signs nobody in or out', async ({ page, context, startAs }) => {
  const faults: Error[] = []
  page.on('pageerror', (error) => faults.push(error))
  await page.goto(url)
  await context.setOffline(true)
  await page.getByLabel('Name').fill('dave')
  await page.getByLabel('Password').fill('secret')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page.getByRole('alert')).toHaveText('Please try again')
  await startAs({ passport: { user: 'dave' } }, { url, age: 15 * 60 - 30 })
  for (const name of ['Stay signed in', 'My orders', 'Sign out']) {
    const failed = page.waitForEvent('requestfailed')
    await page.getByRole('button', { name }).click()
    await failed
  }
  await expect(greeting(page)).toHaveText('Hello dave')
  expect(faults).toEqual([])
})

test('if the server does not accept the session, its 401 signs the page out', async ({
  page,
  context,
  startWithOldKey,
}) => {
  await startWithOldKey({ passport: { user: 'dave' } }, { url })
  await page.goto(url)
  await expect(greeting(page)).toHaveText('Hello dave')
  await page.getByRole('button', { name: 'My orders' }).click()
  await expect(form(page)).toBeVisible()
  expect(await context.cookies()).toEqual([])
})

test('in a browser without a Cookie Store', async ({ page }) => {
  await page.addInitScript(() => Object.defineProperty(window, 'cookieStore', { value: undefined }))
  await signIn(page)
  await expect(greeting(page)).toHaveText('Hello dave')
  await page.getByRole('button', { name: 'Sign out' }).click()
  await expect(form(page)).toBeVisible()
})

test('during development: the server of Vite, with the API behind its proxy', async ({ page }) => {
  const { createServer } = await import(`${folder}/node_modules/vite/dist/node/index.js`)
  const vite = await createServer({
    root: folder,
    logLevel: 'silent',
    server: { port: 0, proxy: { '/api': { target: url } } },
  })
  await vite.listen()
  try {
    const address: string = vite.resolvedUrls.local[0]
    await signIn(page, 'secret', address)
    await expect(greeting(page)).toHaveText('Hello dave')
    // As from a browser without Sec-Fetch-Site: the proxy leaves Host as it is.
    const headers = { origin: new URL(address).origin }
    expect((await page.request.post(`${address}api/session`, { headers })).status()).toBe(204)
  } finally {
    await vite.close()
  }
})

/** Starts the server of the example, and waits until it says where it listens. */
async function startServer(): Promise<string> {
  const env = { ...process.env, PORT: '0', SESSION_KEY }
  server = spawn(process.execPath, ['--import', 'tsx', 'server.ts'], { cwd: folder, env })
  let said = ''
  return new Promise((resolve, reject) => {
    const listen = (part: Buffer): void => {
      said += part
      const [address] = /http:\/\/localhost:\d+(?=\n)/.exec(said) ?? []
      if (address !== undefined) resolve(address)
    }
    server?.stdout?.on('data', listen)
    server?.stderr?.on('data', listen)
    server?.once('error', reject)
    server?.once('exit', () => reject(new Error(`the server ended:\n${said}`)))
  })
}
