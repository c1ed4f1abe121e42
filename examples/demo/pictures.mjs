/**
 * Takes the pictures of the README anew, after a build: one session, in light and in dark.
 * `node examples/demo/pictures.mjs`; where pngquant is on the path, the files become a third as large.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright'
import { browserHint, findBrowser } from '../../scripts/find-browser.mjs'
import { createApp } from './server/app.mjs'
import { listen } from './server/listen.mjs'

const PICTURES = /** @type {const} */ ({ light: 'demo.png', dark: 'demo-dark.png' })
/** CSS pixels. */
const WIDTH = 1280
const MARGIN = 2

const executablePath = findBrowser()
if (executablePath === undefined) throw new Error(browserHint)
const app = createApp({ retireAfter: 30 })
const { server, port } = await listen(app.handle, 0)
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] })
const page = await browser.newPage({ viewport: { width: WIDTH, height: 1600 }, deviceScaleFactor: 1.25 })
await page.emulateMedia({ reducedMotion: 'reduce' })
await page.goto(`http://localhost:${port}`)

await press('Sign in')
for (const line of ['data.visits', 'data.last_seen', 'data.token', 'data.cart']) await press(line)

// Both tell the same "… ago".
await page.clock.setFixedTime(Date.now())
for (const [colorScheme, name] of Object.entries(PICTURES)) {
  await page.emulateMedia({ colorScheme: /** @type {keyof typeof PICTURES} */ (colorScheme), reducedMotion: 'reduce' })
  // A page that has just been opened says nothing about the last button, and the cookie is the same one.
  await page.reload()
  await page.getByText('matched').waitFor()
  // All of the panel of inspectSession(), and beside it the first switch as a whole.
  const ends = await Promise.all([bottom('[aria-labelledby="inspect-title"]'), bottom('[data-setting="payload"]')])
  const path = fileURLToPath(new URL(`../../docs/images/${name}`, import.meta.url))
  await page.screenshot({ path, clip: { x: 0, y: 0, width: WIDTH, height: Math.max(...ends) + MARGIN } })
  spawnSync('pngquant', ['--force', '--ext', '.png', '--speed', '1', '256', path], { stdio: 'inherit' })
}

await browser.close()
app.close()
server.close()
server.closeAllConnections()

/** @param {string} name - of a button, or how it begins */
async function press(name) {
  const answered = page.waitForResponse((response) => response.request().method() === 'POST')
  await page.getByRole('button', { name }).first().click()
  await answered
}

/** @param {string} selector */
async function bottom(selector) {
  const box = await page.locator(selector).boundingBox()
  if (!box) throw new Error(`the page has no ${selector}`)
  return box.y + box.height
}
