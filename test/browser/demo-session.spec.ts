/** The demo page follows its session: a countdown to its end, other tabs, "remember me", and signing out everywhere. */
import { inflateSync } from 'node:zlib'
import { type BrowserContext, expect, type Page } from 'playwright/test'
import { decodeBase85 } from '../../src/shared/base85.js'
import { violations } from './axe.js'
import { cookieName, test } from './demo-server.js'

const name = 'Grace Hopper'

/** What the page asks for from here on. The stream of events is open before. */
function requestsOf(page: Page): string[] {
  const requests: string[] = []
  page.on('request', (request) => requests.push(`${request.method()} ${new URL(request.url()).pathname}`))
  return requests
}

async function open(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage()
  await page.goto(url)
  await expect(page.locator('#connection')).toHaveText('live')
  return page
}

async function signIn(page: Page, as = name): Promise<void> {
  await page.getByLabel('Name', { exact: true }).fill(as)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page.locator('#who')).toHaveText(`Signed in as ${as}`)
}

for (const colorScheme of ['light', 'dark'] as const) {
  test(`counts down, warns, and ends with the session, with no request: ${colorScheme}`, async ({ demo }) => {
    const { page } = demo
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await page.clock.install()
    await page.reload()
    await expect(page.locator('#connection')).toHaveText('live')
    await demo.signIn(name)
    await page.clock.pauseAt(new Date(Date.now() + 5000))
    const requests = requestsOf(page)
    const left = page.locator('#time-left')
    await expect(left).toHaveText(/^29:\d\d$/)
    await expect(page.locator('#renewal')).toHaveText('A request makes it 30 minutes again.')

    const [minutes = 0, seconds = 0] = (await left.innerText()).split(':').map(Number)
    await page.clock.runFor((minutes * 60 + seconds - 30) * 1000)
    await expect(left).toHaveText('0:30')
    await expect(page.locator('#countdown')).not.toHaveAttribute('data-near')
    await page.clock.runFor(10_000)
    await expect(left).toHaveText('0:20')
    await expect(page.locator('#countdown')).toHaveAttribute('data-near')
    await expect(demo.status()).toHaveText('The session ends in 20 seconds. “Stay signed in” keeps it.')
    await page.clock.resume()
    expect(await violations(page), 'near its end').toEqual([])

    await page.clock.runFor(30_000)
    await expect(demo.status()).toHaveText('The session has ended: nothing used it for too long.')
    await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible()
    await expect(page.locator('#session')).toContainText('The session was not used for too long.')
    expect(requests).toEqual([])
    expect(await demo.cookie(), 'its text is still there, and shown').toBeDefined()
  })
}

test('stays signed in by one request', async ({ demo }) => {
  const { page } = demo
  await demo.signIn(name)
  await demo.press("remember('30s')")
  await expect(page.locator('#time-left')).toHaveText(/^0:(?:30|[12]\d)$/)
  await expect(page.locator('#renewal')).toHaveText('A request makes it 30 seconds again.')
  const before = await demo.cookie()
  const requests = requestsOf(page)
  await page.getByRole('button', { name: 'Stay signed in' }).click()
  await expect(demo.status()).toHaveText('Renewed: the session begins to count anew.')
  await expect(page.locator('#trust')).toContainText('verified it, and renewed it.')
  expect(requests).toEqual(['POST /session'])
  expect(await demo.cookie()).not.toBe(before)
  await expect(page.locator('#renewal'), 'its own lifetime stays').toHaveText('A request makes it 30 seconds again.')
})

test('another tab signs in and out with this one, without a request', async ({ demo, server }) => {
  const { page } = demo
  const other = await open(page.context(), server.url)
  const requests = requestsOf(other)
  await demo.signIn(name)
  await expect(other.locator('#who')).toHaveText(`Signed in as ${name}`)
  await expect(other.getByRole('status')).toHaveText(`${name} signed in in another tab.`)
  await demo.press(/visits \+= 1/)
  await expect(other.locator('#session tr[data-key="visits"] .value')).toHaveText('2')
  await demo.press('Sign out')
  await expect(other.getByRole('button', { name: 'Sign in' })).toBeVisible()
  await expect(other.getByRole('status')).toHaveText(`${name} signed out in another tab. This page sent no request.`)
  await expect(other.locator('#cookies')).toContainText('No session cookie here')
  expect(requests).toEqual([])
  await expect(demo.status(), 'the tab itself says what the server did').toHaveText('Signed out. The cookie is gone.')
})

test('a closed session disappears from another tab, too', async ({ demo, server }) => {
  await demo.signIn(name)
  await demo.choose('Only user')
  const other = await open(demo.page.context(), server.url)
  await expect(other.locator('.slab-frosted')).toBeVisible()
  await demo.press('Sign out')
  await expect(other.getByRole('button', { name: 'Sign in' })).toBeVisible()
  await expect(other.locator('#cookies')).toContainText('No session cookie here')
})

test('remembers whom it is told to, and nobody else', async ({ demo }) => {
  const { page } = demo
  const expires = async (): Promise<number> =>
    (await page.context().cookies()).find((cookie) => cookie.name === cookieName)?.expires ?? 0
  await demo.signIn(name)
  await expect(demo.row('_session_expiry')).toHaveCount(0)
  expect(await expires(), 'until the browser closes').toBe(-1)
  await expect(page.locator('#time-left')).toHaveText(/^(?:30:00|2\d:\d\d)$/)
  await demo.press('Sign out')

  await page.getByLabel('Remember me for 30 days').check()
  await demo.signIn(name)
  const days = (await expires()) / 86_400 - Date.now() / 86_400_000
  expect(days).toBeGreaterThan(29.9)
  expect(days).toBeLessThanOrEqual(30.1)
  await expect(page.locator('#time-left')).toHaveText('30 days')
  await expect(demo.row('_session_expiry')).toContainText('2592000')
  const costs = (await page.locator('#session .cost').allTextContents()).map(Number)
  const { bsZ } = JSON.parse(Buffer.from((await demo.cookie())?.split('.')[1] ?? '', 'base64url').toString())
  expect(costs.reduce((sum, cost) => sum + cost) + 5).toBe(inflateSync(decodeBase85(bsZ)).length)
  await demo.press(/visits \+= 1/)
  await expect(page.locator('#renewal')).toHaveText('A request makes it 30 days again.')
})

test('signs out everywhere: other browsers of the user, copies of the cookie, and nobody else', async ({
  demo,
  server,
  browser,
}) => {
  const phone = await browser.newContext()
  const elsewhere = await browser.newContext()
  const onPhone = await open(phone, server.url)
  const otherUser = await open(elsewhere, server.url)
  await signIn(onPhone)
  await signIn(otherUser, 'Annie Easley')
  await demo.signIn(name)
  const copy = await demo.cookie()

  await demo.press('Sign out everywhere')
  await expect(demo.page.getByRole('button', { name: 'Sign in' })).toBeVisible()
  await expect(onPhone.getByRole('button', { name: 'Sign in' })).toBeVisible()
  await expect(onPhone.getByRole('status')).toHaveText('Signed out everywhere, and so here.')
  expect(await phone.cookies()).toEqual([])

  await demo.page.context().addCookies([{ name: cookieName, value: copy ?? '', url: server.url }])
  await expect(demo.page.locator('#who')).toHaveText(`Signed in as ${name}`)
  await demo.press('Ask the server')
  await expect(demo.page.getByRole('button', { name: 'Sign in' })).toBeVisible()
  expect(await demo.cookie()).toBeUndefined()
  await demo.signIn(name)
  await demo.press('Make a request')
  await expect(demo.page.locator('#who'), 'a later sign-in counts').toHaveText(`Signed in as ${name}`)

  await otherUser.getByRole('button', { name: 'Stay signed in' }).click()
  await expect(otherUser.getByRole('status')).toContainText('Renewed')
  await phone.close()
  await elsewhere.close()
})
