/** The page of a Django site shows who is signed in from the claims, without a request of its own, and tests start signed in there. */
import { readFileSync } from 'node:fs'
import { test as base, expect, type Page } from 'playwright/test'
import { root } from '../../scripts/run.mjs'
import { createSessions, defineSession, djangoJwt } from '../../src/server/index.js'
import { djangoStore } from '../../src/server/stores/django.js'
import { djangoLogin, type SessionFixture, type SignIn, sessionFixture } from '../../src/server/testing.js'
import { decodeSession } from '../../src/shared/index.js'
import { openDjangoSqlite } from '../interop/django-databases.js'
import { startDjangoSite } from '../interop/django-site.js'
import { findPython } from '../interop/find-python.js'

/** Seconds that a token lives: django-session-jwt renews it with every request. */
const EXPIRES = 600

const html = readFileSync(`${root}examples/federation/page.html`, 'utf8')

const KEY = 'a key of the site that is long enough'
const SECRET_KEY = 'the secret key of the Django site, of fifty bytes'

interface Site {
  url: string
  /** Of sessions in the site's own table. */
  signInOf: SessionFixture<object>['signIn']
  /** By the row of a user. */
  signInAs(name: string, signIn: SignIn<object>): Promise<void>
}

const test = base.extend<{ signIn: (name: string) => Promise<void> }, { site: Site }>({
  site: [
    // biome-ignore lint/correctness/noEmptyPattern: the runner reads the names of the fixtures out of it
    async ({}, use) => {
      const database = await openDjangoSqlite()
      const site = await startDjangoSite({
        secretKey: SECRET_KEY,
        database: database.settings,
        jwt: { KEY, EXPIRES },
        users: [{ username: 'dave', password: 'sessionglass', email: 'dave@example.org' }],
        page: readFileSync(`${root}examples/federation/page.html`, 'utf8'),
        static: { '/dist': `${root}dist` },
      })
      const sessions = createSessions<object>({
        session: defineSession({ name: 'sessionid' }),
        codecs: [djangoJwt({ key: KEY })],
        store: djangoStore({ execute: database.execute, secretKey: SECRET_KEY }),
        expose: false,
        secure: false,
      })
      await use({
        url: site.url,
        signInOf: sessionFixture(sessions).signIn,
        async signInAs(name, signIn) {
          const [row] = await database.execute('SELECT id, password FROM auth_user WHERE username = ?', [name])
          const user = row as { id: number; password: string }
          await signIn(await djangoLogin(user, { secretKey: SECRET_KEY }))
        },
      })
      await site.close()
      await database.close()
    },
    { scope: 'worker' },
  ],
  signIn: async ({ context, site }, use) =>
    await site.signInOf({ context, baseURL: site.url }, (signIn) => use((name) => site.signInAs(name, signIn))),
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

test('a test starts signed in, and Django itself issues the claims and ends the session', async ({
  page,
  site,
  signIn,
}) => {
  await signIn('dave')
  expect(await (await page.request.get(`${site.url}/whoami`)).json()).toMatchObject({ user: 'dave' })
  await page.goto(site.url)
  await expect(page.getByRole('status')).toHaveText('dave (dave@example.org)')
  await page.getByRole('button', { name: 'Sign out' }).click()
  await expect(page.getByRole('status')).toHaveText('nobody')
  expect(await (await page.request.get(`${site.url}/whoami`)).json()).toMatchObject({ user: null })
})

test('an expired token shows no user, before any server says so', async ({ page, site, signIn }) => {
  await signIn('dave')
  await page.goto(site.url)
  await expect(page.getByRole('status')).toHaveText('dave (dave@example.org)')
  await page.clock.install({ time: Date.now() + (EXPIRES + 60) * 1000 })
  // The same page; only its clock is later than any token that Django may have renewed meanwhile, with a script that it served.
  await page.route(`${site.url}/`, (route) => route.fulfill({ contentType: 'text/html', body: html }))
  await page.goto(site.url)
  const [token] = (await page.context().cookies()).flatMap(({ name, value }) => (name === 'sessionid' ? [value] : []))
  expect(decodeSession(token ?? '').data).toMatchObject({ u: 'dave' })
  expect(await page.evaluate(() => document.cookie)).toContain('sessionid=')
  await expect(page.getByRole('status')).toHaveText('nobody')
})
