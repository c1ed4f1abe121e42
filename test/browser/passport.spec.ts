/** Signing in through Passport in Chromium: two tabs, a flash message, signing out in one of them. */
import { test as base, expect, type Page } from 'playwright/test'
import { createSessions } from '../../src/server/index.js'
import { type SignIn, sessionCookie, sessionFixture } from '../../src/server/testing.js'
import { listen } from '../frameworks/apps/listen.js'
import { type PassportData, passportApp } from '../frameworks/apps/passport.js'
import type { RunningApp } from '../frameworks/behaviour.js'

const SECRET = 'swordfish-one-of-the-keys-0123456789abcdef'
const sessions = createSessions<PassportData>({ secrets: SECRET, expose: false })
let app: RunningApp
let address: string

/** The cookies are for localhost, as the application is. */
const test = base.extend<{ startAs: SignIn<PassportData> }>({ startAs: sessionFixture(sessions).signIn })

test.beforeAll(async () => {
  app = await listen(passportApp(sessions))
  // There a browser keeps Secure cookies without TLS.
  address = `${app.url.replace('127.0.0.1', 'localhost')}/page`
})

test.afterAll(() => app?.close())

async function signIn(page: Page, name: string, password: string): Promise<void> {
  await page.goto(address)
  await page.getByLabel('Name').fill(name)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

const user = (page: Page) => page.locator('#user')
const idOf = async (page: Page): Promise<string> => {
  const [cookie] = await page.context().cookies()
  return (await sessions.load(`${cookie?.name}=${cookie?.value}`)).id
}

test('a wrong password: the message is there once', async ({ page }) => {
  await signIn(page, 'dave', 'wrong')
  await expect(user(page)).toHaveText('nobody')
  await expect(page.locator('#errors')).toHaveText('Wrong name or password')
  await page.reload()
  await expect(page.locator('#errors')).toHaveText('')
})

test('two tabs are one session, and signing out in one signs out both', async ({ page, context }) => {
  await signIn(page, 'dave', 'wrong')
  const before = await idOf(page)
  await signIn(page, 'dave', 'dave')
  await expect(user(page)).toHaveText('dave')
  expect(await idOf(page)).not.toBe(before)
  const cookies = await context.cookies()
  expect(cookies).toMatchObject([{ httpOnly: true, secure: true, sameSite: 'Lax' }])

  const other = await context.newPage()
  await other.goto(address)
  await expect(user(other)).toHaveText('dave')
  await page.getByRole('button', { name: 'Sign out' }).click()
  await expect(user(page)).toHaveText('nobody')
  await other.reload()
  await expect(user(other)).toHaveText('nobody')
})

test('a test starts signed in, as Passport keeps it, and signs out through Passport', async ({ page, startAs }) => {
  const { header } = await startAs({ passport: { user: 'dave' } })
  await page.goto(address)
  await expect(user(page)).toHaveText('dave')
  await page.getByRole('button', { name: 'Sign out' }).click()
  await expect(user(page)).toHaveText('nobody')
  expect(await idOf(page)).not.toBe((await sessions.load(header)).id)
})

test('two visitors are two users', async ({ browser }) => {
  const pages = await Promise.all(
    ['dave', 'eve'].map(async (name) => {
      const { storageState } = await sessionCookie(sessions, { passport: { user: name } }, { url: address })
      return (await browser.newContext({ storageState })).newPage()
    }),
  )
  const [dave, eve] = pages as [Page, Page]
  for (const page of pages) await page.goto(address)
  await expect(user(dave)).toHaveText('dave')
  await expect(user(eve)).toHaveText('eve')
  await dave.getByRole('button', { name: 'Sign out' }).click()
  await expect(user(dave)).toHaveText('nobody')
  await eve.reload()
  await expect(user(eve)).toHaveText('eve')
  for (const page of pages) await page.context().close()
})
