/** The application of examples/next in Chromium: server actions, proxy.ts, a route handler, and a server component that must not write. */
import { test as base, expect, type Page } from 'playwright/test'
import { createSessions, defineSession } from '../../src/server/index.js'
import { type SignIn, sessionFixture } from '../../src/server/testing.js'
import type { RunningApp } from '../frameworks/behaviour.js'
import { SESSION_KEY, startNextApp } from '../frameworks/next-app.js'

interface AppSession {
  user?: string
  visits?: number
}

/** As in examples/next/lib/sessions.ts. */
const sessions = createSessions({
  session: defineSession<AppSession>({ name: 'app.session', idleTimeout: '30m' }),
  secrets: SESSION_KEY,
  expose: ['user'],
})
let app: RunningApp

/** The cookies are for localhost, as the application is. */
const test = base.extend<{ startAs: SignIn<AppSession> }>({ startAs: sessionFixture(sessions).signIn })

test.beforeAll(async () => {
  test.setTimeout(300_000)
  app = await startNextApp()
})

test.afterAll(() => app?.close())

async function signIn(page: Page, user: string): Promise<void> {
  await page.goto(app.url)
  await page.getByLabel('Your name').fill(user)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page.locator('#greeting')).toHaveText(`Hello ${user}`)
}

const cookiesOf = async (page: Page): Promise<Record<string, string>> =>
  Object.fromEntries((await page.context().cookies()).map(({ name, value }) => [name, value]))

test('nobody gets a cookie before there is something to remember', async ({ page }) => {
  const response = await page.goto(app.url)
  await expect(page.locator('#greeting')).toHaveText('Nobody is signed in')
  expect(await response?.headerValue('set-cookie')).toBeNull()
  expect(await page.context().cookies()).toEqual([])
})

test('a server action signs in and redirects', async ({ page }) => {
  await signIn(page, 'dave')
  const cookies = await page.context().cookies()
  expect(cookies.map(({ name }) => name).sort()).toEqual(['app.session', 'app.session.public'])
  const session = cookies.find(({ name }) => name === 'app.session')
  expect(session).toMatchObject({ httpOnly: true, secure: true, sameSite: 'Lax', path: '/' })
})

test('what proxy.ts writes, the page of the same request shows', async ({ page, startAs }) => {
  await startAs({ user: 'dave', visits: 5 })
  for (const times of [1, 2, 3]) {
    const response = await page.goto(app.url)
    await expect(page.locator('#visits')).toHaveText(String(5 + times))
    expect(await response?.headerValue('set-cookie')).toContain('app.session=')
    expect(await response?.headerValue('cache-control')).toMatch(/private|no-store/)
  }
})

test('a server action without a redirect: the same answer shows its change', async ({ page }) => {
  await signIn(page, 'dave')
  await page.getByLabel('Another name').fill('eve')
  await page.getByRole('button', { name: 'Rename' }).click()
  await expect(page.locator('#greeting')).toHaveText('Hello eve')
  await page.reload()
  await expect(page.locator('#greeting')).toHaveText('Hello eve')
})

test('a route handler reads the same session', async ({ page, startAs }) => {
  expect(await (await page.request.get(`${app.url}/me`)).json()).toEqual({ user: null })
  await startAs({ user: 'dave' })
  const response = await page.request.get(`${app.url}/me`)
  expect(await response.json()).toEqual({ user: 'dave' })
  expect(response.headers()['cache-control']).toBe('private, no-store')
  expect(response.headers().vary?.toLowerCase()).toContain('cookie')
})

test('changes at the same time, and one inside another, are all of one session', async ({ page }) => {
  for (const visits of [2, 4]) {
    const response = await page.request.get(`${app.url}/twice`)
    expect(await response.json()).toEqual({ user: 'dave', visits })
  }
  expect(await (await page.request.get(`${app.url}/me`)).json()).toEqual({ user: 'dave' })
})

test('signing out in one tab signs out the other', async ({ page, context, startAs }) => {
  const faults: string[] = []
  context.on('console', (message) => ['error', 'warning'].includes(message.type()) && faults.push(message.text()))
  context.on('weberror', (error) => faults.push(String(error.error())))
  await startAs({ user: 'dave' })
  await page.goto(app.url)
  const other = await context.newPage()
  await other.goto(app.url)
  await expect(other.locator('#greeting')).toHaveText('Hello dave')
  await page.getByRole('button', { name: 'Sign out' }).click()
  await expect(page.locator('#greeting')).toHaveText('Nobody is signed in')
  expect(await cookiesOf(page)).toEqual({})
  await expect(other.locator('#greeting'), 'by useSession').toHaveText('Nobody is signed in')
  await expect(other.locator('#visits'), 'as the server rendered it').toHaveText('2')
  await other.reload()
  await expect(other.locator('#visits')).toHaveCount(0)
  // The browser asks for an icon, and there is none.
  const isIcon = (fault: string): boolean => /status of 404/.test(fault)
  expect(faults.filter((fault) => !isIcon(fault))).toEqual([])
})

test('a server component that writes is told where it can', async ({ page, startAs }) => {
  await startAs({ user: 'dave' })
  const before = await cookiesOf(page)
  await page.goto(`${app.url}/wrong`)
  const errors = await page.locator('li').allTextContents()
  expect(errors).toHaveLength(2)
  for (const error of errors) {
    expect(error).toMatch(/^TypeError: .*server component.*server action or a route handler .*proxy\.ts/)
  }
  expect((await cookiesOf(page))['app.session']).toBe(before['app.session'])
})

test('the page works without scripts, too', async ({ browser }) => {
  const context = await browser.newContext({ javaScriptEnabled: false })
  const page = await context.newPage()
  await signIn(page, 'dave')
  await page.getByRole('button', { name: 'Sign out' }).click()
  await expect(page.locator('#greeting')).toHaveText('Nobody is signed in')
  await context.close()
})
