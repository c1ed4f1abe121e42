/** The page of a Django site shows who is signed in from the claims, without a request of its own. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test as base, expect, type Page } from 'playwright/test'
import { root } from '../../scripts/run.mjs'
import { startDjangoSite } from '../interop/django-site.js'
import { findPython } from '../interop/find-python.js'

/** Seconds that a token lives: django-session-jwt renews it with every request. */
const EXPIRES = 600

const html = readFileSync(`${root}examples/federation/page.html`, 'utf8')

const test = base.extend<object, { site: { url: string } }>({
  site: [
    // biome-ignore lint/correctness/noEmptyPattern: the runner reads the names of the fixtures out of it
    async ({}, use) => {
      const folder = mkdtempSync(join(tmpdir(), 'sessionglass-page-'))
      const site = await startDjangoSite({
        database: { ENGINE: 'django.db.backends.sqlite3', NAME: join(folder, 'site.sqlite3') },
        jwt: { KEY: 'a key of the site that is long enough', EXPIRES },
        users: [{ username: 'dave', password: 'sessionglass', email: 'dave@example.org' }],
        page: html,
        static: { '/dist': `${root}dist` },
      })
      await use(site)
      await site.close()
      rmSync(folder, { recursive: true, force: true })
    },
    { scope: 'worker' },
  ],
})

test.skip(findPython() === undefined, 'needs the Python packages: node scripts/python-env.mjs')

/** Paths that the page asked the server for, from now on. */
function requestsOf(page: Page): string[] {
  const paths: string[] = []
  page.on('request', (request) => paths.push(new URL(request.url()).pathname))
  return paths
}

async function endOfToken(page: Page): Promise<number> {
  const cookie = (await page.context().cookies()).find(({ name }) => name === 'sessionid')
  const [, payload = ''] = (cookie?.value ?? '').split('.')
  return (JSON.parse(Buffer.from(payload, 'base64url').toString()) as { exp: number }).exp
}

test('through sign-in, renewal and sign-out, by the claims alone', async ({ page, site }) => {
  const requests = requestsOf(page)
  const user = page.getByRole('status')
  await page.goto(site.url)
  await expect(user).toHaveText('nobody')

  await page.getByRole('link', { name: 'Sign in' }).click()
  await page.getByLabel('Username').fill('dave')
  await page.getByLabel('Password').fill('sessionglass')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(user).toHaveText('dave (dave@example.org)')

  const before = await endOfToken(page)
  await page.waitForTimeout(1100)
  await page.reload()
  await expect(user).toHaveText('dave (dave@example.org)')
  expect(await endOfToken(page), 'renewed').toBeGreaterThan(before)

  await page.getByRole('button', { name: 'Sign out' }).click()
  await expect(user).toHaveText('nobody')
  expect(requests.filter((path) => !/^\/(?:|login|logout|favicon\.ico|dist\/.*)$/.test(path))).toEqual([])
})

test('a token that is over shows nobody, before any server says so', async ({ page, site }) => {
  await page.goto(`${site.url}/login`)
  await page.getByLabel('Username').fill('dave')
  await page.getByLabel('Password').fill('sessionglass')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page.getByRole('status')).toHaveText('dave (dave@example.org)')
  const signedIn = await page.evaluate(() => document.cookie)
  await page.clock.install({ time: Date.now() + (EXPIRES + 60) * 1000 })
  // The same page and cookie; only its clock is later, and no server was asked.
  await page.route(`${site.url}/`, (route) => route.fulfill({ contentType: 'text/html', body: html }))
  await page.goto(site.url)
  expect(await page.evaluate(() => document.cookie)).toBe(signedIn)
  await expect(page.getByRole('status')).toHaveText('nobody')
})
