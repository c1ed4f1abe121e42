/** A page that follows its session, in Firefox: its own Cookie Store, its own events, its own clock of timers. Debian's Firefox, by WebDriver BiDi. */

import { expect } from 'playwright/test'
import puppeteer, { type Browser, type Page } from 'puppeteer-core'
import { findFirefox, firefoxHint } from '../../scripts/find-browser.mjs'
import { endOnServer, type Heard, SECONDS, test } from './watch-app.js'

const executablePath = findFirefox()

test.skip(executablePath === undefined && process.env.CI === undefined, firefoxHint)

let browser: Browser

test.beforeAll(async () => {
  browser = await puppeteer.launch({ browser: 'firefox', ...(executablePath && { executablePath }) })
})

test.afterAll(() => browser?.close())

const reasons = async (page: Page): Promise<unknown> =>
  ((await page.evaluate('window.heard')) as Heard).map(([reason, user]) => [reason, user])
const lastTime = async (page: Page): Promise<number | undefined> =>
  ((await page.evaluate('window.heard')) as Heard).at(-1)?.[2]
const send = (page: Page, path: string): Promise<unknown> =>
  page.evaluate((path) => fetch(path).then((response) => response.json()), path)

/** Pages with cookies of their own, closed at the end. */
async function withPages(url: string, count: number, work: (...pages: Page[]) => Promise<void>): Promise<void> {
  const context = await browser.createBrowserContext()
  try {
    const pages = await Promise.all(Array.from({ length: count }, () => context.newPage()))
    for (const page of pages) await page.goto(`${url}/page`)
    await work(...pages)
  } finally {
    await context.close()
  }
}

for (const kind of ['with', 'without']) {
  test(`${kind} a Cookie Store: two tabs hear of a sign-in, a change and a sign-out within a second`, async ({
    url,
  }) => {
    await withPages(url, 2, async (first, second) => {
      const isThere = kind === 'with'
      if (!isThere) {
        for (const page of [first, second]) {
          await page.evaluateOnNewDocument(() => Object.defineProperty(window, 'cookieStore', { value: undefined }))
          await page.reload()
        }
      }
      expect(await second.evaluate(() => 'cookieStore' in window && window.cookieStore !== undefined)).toBe(isThere)
      const wanted: [string, string | null][] = []
      for (const [path, heard] of [
        ['/sign-in?user=dave', ['signedIn', 'dave']],
        ['/sign-in?user=erin', ['changed', 'erin']],
        ['/sign-out', ['signedOut', null]],
      ] as const) {
        await send(first, path)
        const sent = Date.now()
        if (!isThere) await first.evaluate('client.checkSessions()')
        wanted.push([...heard])
        for (const page of [first, second]) {
          await expect.poll(() => reasons(page), { timeout: 10_000 }).toEqual(wanted)
          expect(await lastTime(page)).toBeLessThan(sent + 1_000)
        }
      }
      expect(await second.$eval('#user', ({ textContent }) => textContent)).toBe('nobody')
    })
  })
}

test('a frame of the same site, and a cookie that a script sets', async ({ url }) => {
  await withPages(url, 1, async (page) => {
    await page.$eval('iframe', (frame) => frame.setAttribute('src', '/sign-in?user=frank'))
    await expect.poll(() => reasons(page), { timeout: 10_000 }).toEqual([['signedIn', 'frank']])
    await page.evaluate(() => {
      // biome-ignore lint/suspicious/noDocumentCookie: what a page of former days does
      document.cookie = 'app.public=; Max-Age=0; Path=/'
    })
    await expect
      .poll(() => reasons(page), { timeout: 10_000 })
      .toEqual([
        ['signedIn', 'frank'],
        ['signedOut', null],
      ])
  })
})

test(`the session ends after ${SECONDS} seconds, within a second of the server's end`, async ({ url }) => {
  await withPages(url, 1, async (page) => {
    await send(page, '/sign-in?name=brief&user=dave')
    // The server, asked all the time in another way, so that the page hears nothing of it.
    const cookie = (await page.browserContext().cookies()).map(({ name, value }) => `${name}=${value}`).join('; ')
    const serverEnded = await endOnServer(url, cookie)
    await expect
      .poll(() => reasons(page), { timeout: 10_000 })
      .toEqual([
        ['signedIn', 'dave'],
        ['expired', null],
      ])
    expect(Math.abs(((await lastTime(page)) ?? 0) - serverEnded)).toBeLessThan(1_000)
  })
})

test('a page that is come back to shows who is signed in now', async ({ url }) => {
  await withPages(url, 1, async (page) => {
    await send(page, '/sign-in?user=dave')
    const shown = (): Promise<string | null> => page.$eval('#user', ({ textContent }) => textContent)
    await expect.poll(shown).toBe('dave')
    await page.goto(`${url}/sign-out`)
    // From the cache of the browser a page comes without an event that says it is loaded.
    await page.evaluate('history.back()')
    await expect.poll(() => shown().catch(() => 'gone')).toBe('nobody')
  })
})
