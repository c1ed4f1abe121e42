/** The application of examples/next in Chromium: server actions, proxy.ts, a route handler, and a server component that must not write. */
import { expect, type Page, test } from 'playwright/test'
import type { RunningApp } from '../frameworks/behaviour.js'
import { startNextApp } from '../frameworks/next-app.js'

let app: RunningApp

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

test('what proxy.ts writes, the page of the same request shows', async ({ page }) => {
  await signIn(page, 'dave')
  // The page that Next renders right after the redirect of an action is fetched by the server itself, and what proxy.ts sets
  // there does not reach the browser: count from the first request of the browser on.
  await page.reload()
  const before = Number(await page.locator('#visits').textContent())
  for (const times of [1, 2, 3]) {
    const response = await page.reload()
    await expect(page.locator('#visits')).toHaveText(String(before + times))
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

test('a route handler reads the same session', async ({ page }) => {
  expect(await (await page.request.get(`${app.url}/me`)).json()).toEqual({ user: null })
  await signIn(page, 'dave')
  const response = await page.request.get(`${app.url}/me`)
  expect(await response.json()).toEqual({ user: 'dave' })
  expect(response.headers()['cache-control']).toBe('private, no-store')
  expect(response.headers().vary?.toLowerCase()).toContain('cookie')
})

test('signing out in one tab signs out the other', async ({ page, context }) => {
  await signIn(page, 'dave')
  const other = await context.newPage()
  await other.goto(app.url)
  await expect(other.locator('#greeting')).toHaveText('Hello dave')
  await page.getByRole('button', { name: 'Sign out' }).click()
  await expect(page.locator('#greeting')).toHaveText('Nobody is signed in')
  expect(await cookiesOf(page)).toEqual({})
  await other.reload()
  await expect(other.locator('#greeting')).toHaveText('Nobody is signed in')
})

test('a server component that writes is told where it can', async ({ page }) => {
  await signIn(page, 'dave')
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
