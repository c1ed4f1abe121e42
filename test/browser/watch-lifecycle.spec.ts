/**
 * A page that follows its session, when Chromium loads it before anybody asks for it, keeps it for a way back, or freezes it. Playwright's own
 * Chromium has no cache for the way back, so this is Puppeteer's.
 */
import { expect } from 'playwright/test'
import puppeteer, { type Browser, type BrowserContext, type Page } from 'puppeteer-core'
import { browserHint, findBrowser } from '../../scripts/find-browser.mjs'
import { type Heard, SECONDS, test } from './watch-app.js'

let browser: Browser

test.beforeAll(async () => {
  const executablePath = findBrowser()
  if (executablePath === undefined) throw new Error(browserHint)
  browser = await puppeteer.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] })
})

test.afterAll(() => browser?.close())

const userOf = (page: Page): Promise<unknown> =>
  page.evaluate(`document.querySelector('#user')?.textContent`).catch(() => 0)
const heardBy = async (page: Page): Promise<unknown> =>
  ((await page.evaluate('window.heard')) as Heard).map(([reason, user]) => [reason, user])

async function withContext(work: (context: BrowserContext) => Promise<void>): Promise<void> {
  const context = await browser.createBrowserContext()
  try {
    await work(context)
  } finally {
    await context.close()
  }
}

/** Another tab. */
async function other(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage()
  await page.goto(`${url}/who`)
  return page
}

const send = (page: Page, path: string): Promise<unknown> =>
  page.evaluate((path) => fetch(path).then((response) => response.text()), path)

for (const kind of ['with', 'without']) {
  const address = `/page?${kind}`

  test(`${kind} a Cookie Store: a page that was loaded before anybody asked for it`, async ({ url }) => {
    await withContext(async (context) => {
      const tab = await other(context, url)
      await send(tab, '/sign-in?user=dave')
      const page = await context.newPage()
      await page.goto(`${url}/who`)
      await page.evaluate((address) => {
        const rules = document.createElement('script')
        rules.type = 'speculationrules'
        rules.textContent = JSON.stringify({ prerender: [{ urls: [address], eagerness: 'immediate' }] })
        document.head.append(rules)
      }, address)
      await expect.poll(() => page.evaluate('localStorage.prerendered')).toBe('dave')
      await send(tab, '/sign-out')
      await page.evaluate((address) => void setTimeout(() => location.assign(address)), address)
      // Puppeteer loses sight of the page, but another tab sees what it writes down after that.
      await expect.poll(() => tab.evaluate('localStorage.activated')).toBe('nobody')
    })
  })

  test(`${kind} a Cookie Store: a page that the browser kept for the way back`, async ({ url }) => {
    await withContext(async (context) => {
      const tab = await other(context, url)
      await send(tab, '/sign-in?user=dave')
      const page = await context.newPage()
      await page.goto(url + address)
      await page.evaluate(`addEventListener('pageshow', ({ persisted }) => { window.kept = persisted })`)
      await page.goto(`${url}/who`)
      await send(tab, '/sign-out')
      await page.evaluate('setTimeout(() => history.back())')
      await expect.poll(() => userOf(page)).toBe('nobody')
      expect(await page.evaluate('window.kept')).toBe(true)
    })
  })

  test(`${kind} a Cookie Store: a page that was frozen over the end of its session`, async ({ url }) => {
    await withContext(async (context) => {
      const page = await context.newPage()
      await page.goto(url + address)
      await page.evaluate(`fetch('/sign-in?name=brief&user=dave').then(() => client.checkSessions())`)
      await expect.poll(() => heardBy(page)).toEqual([['signedIn', 'dave']])
      const session = await page.createCDPSession()
      await session.send('Page.setWebLifecycleState', { state: 'frozen' })
      await new Promise((resolve) => setTimeout(resolve, (SECONDS + 2) * 1_000))
      await session.send('Page.setWebLifecycleState', { state: 'active' })
      const woken = Date.now()
      await expect
        .poll(() => heardBy(page))
        .toEqual([
          ['signedIn', 'dave'],
          ['expired', null],
        ])
      expect(((await page.evaluate('window.heard')) as Heard)[1]?.[2]).toBeLessThan(woken + 1_000)
    })
  })
}
