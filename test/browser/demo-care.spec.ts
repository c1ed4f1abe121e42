/** The demo page for everybody: keyboard, screen reader, narrow and dark screens. And for nobody else: its guards. */
import { request as httpRequest } from 'node:http'
import { expect } from 'playwright/test'
import { violations } from './axe.js'
import { startDemo, test } from './demo-server.js'

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [1280, 375]) {
    test(`axe finds nothing: ${colorScheme}, ${width} px`, async ({ demo }) => {
      const { page } = demo
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      await page.setViewportSize({ width, height: 800 })
      expect(await violations(page), 'signed out').toEqual([])
      await demo.signIn()
      for (const line of ['last_seen', 'token', 'cart', 'Rotate', 'randomBytes(3500)']) await demo.press(line)
      expect(await violations(page), 'signed in, with an error').toEqual([])
      await demo.choose('Only user')
      await page.locator('[data-pin="header"]').click()
      expect(await violations(page), 'with a public cookie').toEqual([])
    })
  }
}

test('signs in and out with the keyboard alone', async ({ demo }) => {
  const { page } = demo
  await page.keyboard.press('Tab')
  await expect(page.getByRole('link', { name: 'Skip to the demo' })).toBeFocused()
  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  await expect(page.getByLabel('Name', { exact: true })).toBeFocused()
  await page.keyboard.type('Annie Easley')
  await page.keyboard.press('Enter')
  await expect(page.locator('#who'), 'what replaced the form has the focus').toBeFocused()
  await expect(page.locator('#who')).toHaveText('Signed in as Annie Easley')
  for (const name of ['Stay signed in', 'Make a request', 'Sign out']) {
    await page.keyboard.press('Tab')
    await expect(page.getByRole('button', { name, exact: true })).toBeFocused()
  }
  await page.keyboard.press('Enter')
  await expect(page.getByLabel('Name', { exact: true })).toBeFocused()
})

test('deleting a key with the keyboard keeps the focus near', async ({ demo }) => {
  const { page } = demo
  await demo.signIn()
  await page.getByRole('button', { name: 'Delete visits' }).focus()
  await page.keyboard.press('Enter')
  await expect(demo.row('visits')).toHaveCount(0)
  await expect(page.locator('#session-title')).toBeFocused()
})

test('a focused part of the cookie is lit, wherever it was read', async ({ demo }) => {
  const { page } = demo
  await demo.signIn()
  await page.locator('[data-pin="signature"]').click()
  await expect(page.locator('body')).toHaveAttribute('data-lit', 'signature')
  await expect(page.locator('[data-pin="signature"]')).toHaveAttribute('aria-pressed', 'true')
  await page.keyboard.press('Escape')
  await expect(page.locator('[data-pin="signature"]')).toHaveAttribute('aria-pressed', 'false')
})

for (const width of [375, 320]) {
  test(`nothing is wider than ${width} px`, async ({ demo }) => {
    const { page } = demo
    await page.setViewportSize({ width, height: 700 })
    await demo.signIn('A very long name without end, 40 letters')
    for (const line of ['last_seen', 'token', 'cart', 'cart', 'Rotate', 'randomBytes(3500)']) await demo.press(line)
    await demo.choose('Only user')
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width)
  })
}

test('keeps the colours that were chosen', async ({ demo }) => {
  const { page } = demo
  await page.getByRole('radio', { name: 'Dark' }).check({ force: true })
  const dark = await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)
  await page.reload()
  expect(await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)).toBe(dark)
  await page.getByRole('radio', { name: 'Light' }).check({ force: true })
  expect(await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)).not.toBe(dark)
})

test('answers to its own page on the loopback address alone', async ({ server }) => {
  const own = { host: new URL(server.url).host, origin: server.url, 'content-type': 'application/json' }
  expect((await post(server.url, '/count', own)).status).toBe(200)
  for (const wrong of [
    { ...own, origin: 'http://evil.example' },
    { ...own, 'sec-fetch-site': 'same-site' },
    { ...own, 'content-type': 'text/plain' },
    { ...own, host: 'evil.example', origin: 'http://evil.example' },
  ]) {
    const { status, cookie } = await post(server.url, '/count', wrong)
    expect({ status, cookie }, JSON.stringify(wrong)).toEqual({ status: 403, cookie: undefined })
  }
  expect((await post(server.url, '/set', own, 'x'.repeat(40_000))).status, 'a body over the limit').toBe(400)
  expect((await post(server.url, '/no-button', own)).status).toBe(404)
})

test('serves the page and the client, with headers that forbid the rest', async ({ server }) => {
  const page = await fetch(server.url)
  expect(page.headers.get('content-security-policy')).toMatch(
    /default-src 'none'.*script-src 'self'.*frame-ancestors 'none'/,
  )
  expect(page.headers.get('x-content-type-options')).toBe('nosniff')
  expect((await fetch(`${server.url}/dist/client/index.js`)).status).toBe(200)
  for (const path of [
    '/dist/server/index.js',
    '/package.json',
    '/examples/demo/page/%2e%2e/server.mjs',
    '/examples/demo/server.mjs',
  ]) {
    expect((await fetch(server.url + path)).status, path).toBe(404)
  }
})

test('takes the next port where one is taken', async ({ server }) => {
  const { port } = new URL(server.url)
  const second = await startDemo(['--port', port])
  expect(Number(new URL(second.url).port)).toBeGreaterThan(Number(port))
  await second.close()
})

/** By node:http, since fetch sets neither Host nor Origin. */
function post(
  url: string,
  path: string,
  headers: Record<string, string>,
  body = '{}',
): Promise<{ status: number | undefined; cookie: string[] | undefined }> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ hostname, port, path, method: 'POST', headers }, (response) => {
      response.resume()
      resolve({ status: response.statusCode, cookie: response.headers['set-cookie'] })
    })
    sent.on('error', reject)
    sent.end(body)
  })
}
