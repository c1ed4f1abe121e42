/** The demo page: what it shows, what it asks the server for, and what it must never ask for. */
import { inflateSync } from 'node:zlib'
import { expect } from 'playwright/test'
import { getSession } from '../../src/client/index.js'
import { decodeBase85 } from '../../src/shared/base85.js'
import { cookieName, test } from './demo-server.js'

test('signs in, and shows what the cookie says', async ({ demo }) => {
  const { page } = demo
  await expect(page.locator('#session')).toContainText('null')
  await demo.signIn('Grace Hopper')
  await expect(demo.row('user')).toContainText('name: "Grace Hopper"')
  await expect(demo.row('visits').locator('.value')).toHaveText('1')
  await expect(page.locator('#inspection')).toContainText('{"typ":"JWT","alg":"HS256"}')
  await expect(page.locator('#inspection')).toContainText('beaker-jwt, compressed')
  await expect(page.locator('#trust')).toContainText('signed it with key 1')
})

test('reads a changed cookie with no request at all', async ({ demo }) => {
  const { page } = demo
  await demo.signIn()
  const requests: string[] = []
  page.on('request', (request) => requests.push(request.url()))

  await page.evaluate((name) => {
    const claims = btoa(JSON.stringify({ user: { name: 'Eve' }, seven: 7, _id: 'x' })).replaceAll('=', '')
    // biome-ignore lint/suspicious/noDocumentCookie: what any script may do
    document.cookie = `${name}=eyJhbGciOiJIUzI1NiJ9.${claims}.c2ln; Path=/`
  }, cookieName)
  await expect(demo.row('user')).toContainText('"Eve"')
  await expect(demo.row('seven')).toContainText('7')
  await expect(page.locator('#inspection')).toContainText('{"alg":"HS256"}')
  await expect(page.locator('#trust')).toContainText('was not asked since the cookie changed')

  await page.context().clearCookies()
  await expect(page.locator('#session')).toContainText('null')
  expect(requests).toEqual([])
})

test('shows dates as dates, bytes as bytes, lists as lists', async ({ demo }) => {
  await demo.signIn()
  for (const line of ['visits += 1', 'last_seen', 'token', 'cart']) await demo.press(line)
  await expect(demo.row('visits').locator('.value')).toHaveText('2')
  await expect(demo.row('last_seen').locator('time')).toHaveAttribute('datetime', /^20\d\d-\d\d-\d\dT[\d:.]+Z$/)
  await expect(demo.row('token').locator('.value')).toHaveText(/^(?:[\da-f]{2} ){11}[\da-f]{2}$/)
  await expect(demo.row('cart')).toContainText('{ item: "lens", pieces: 2, price: 12.5 }')
  await expect(demo.row('cart')).toContainText('list of 1')
})

test('says what each key costs, and what the cookie does', async ({ demo }) => {
  const { page } = demo
  await demo.signIn()
  await demo.press(/last_seen/)
  await demo.press(/token/)
  const value = (await demo.cookie()) ?? ''
  const size = cookieName.length + value.length
  await expect(page.getByRole('meter')).toHaveAttribute('aria-valuenow', String(size))
  await expect(page.locator('#cookies .total')).toHaveText(`${size} of 4096 bytes`)
  const widths = await page
    .locator('.gauge span')
    .evaluateAll((parts) => parts.map((part) => part.getBoundingClientRect().width))
  const tube = await page.locator('.gauge').evaluate((gauge) => gauge.clientWidth)
  expect(widths.reduce((sum, width) => sum + width) / tube).toBeCloseTo(size / 4096, 2)

  const { bsZ } = JSON.parse(Buffer.from(value.split('.')[1] ?? '', 'base64url').toString())
  const bson = inflateSync(decodeBase85(bsZ)).length
  const costs = await page.locator('#session .cost').allTextContents()
  expect(costs.map(Number).reduce((sum, cost) => sum + cost) + 5, 'all elements and the frame of the document').toBe(
    bson,
  )
  await expect(page.locator('.journey')).toContainText(`BSON ${bson} bytes`)
})

const times = ['_creation_time', '_accessed_time']
for (const [position, beside] of [
  ['Compressed', ['_id', '_authenticated_at', ...times]],
  ['Plain claims', ['_id', '_authenticated_at', ...times]],
  ['Only user', times],
] as const) {
  test(`keeps apart what getSession() returned and what else the cookie holds: ${position}`, async ({ demo }) => {
    const { page } = demo
    await demo.signIn()
    // The first is how the switch stands already.
    if (position !== 'Compressed') await demo.choose(position)
    const keys = (rows: string): Promise<(string | null)[]> =>
      page
        .locator(`#session [data-rows="${rows}"] [data-key]`)
        .evaluateAll((found) => found.map((row) => row.getAttribute('data-key')))
    const session = getSession(cookieName, { cookie: await page.evaluate(() => document.cookie) })
    expect(session).toHaveProperty('user')
    expect(await keys('returned')).toEqual(Object.keys(session ?? {}))
    expect(await keys('beside')).toEqual(beside)
    await expect(page.locator('#session .beside-head')).toContainText('Also in the cookie')
  })
}

test('sets a key of any type, deletes it, and says what it can not take', async ({ demo }) => {
  const { page } = demo
  await demo.signIn()
  const set = async (key: string, type: string, value: string): Promise<void> => {
    await page.getByLabel('Key', { exact: true }).fill(key)
    await page.getByLabel('Type').selectOption(type)
    await page.getByLabel('Value', { exact: true }).fill(value)
    await demo.press('Set')
  }
  await set('pi', 'number', '3.25')
  await expect(demo.row('pi')).toContainText('3.25')
  await set('tag', 'bytes', '00 ff')
  await expect(demo.row('tag')).toContainText('2 bytes')
  await set('when', 'date', '2026-01-31T12:00Z')
  await expect(demo.row('when').locator('time')).toHaveAttribute('datetime', '2026-01-31T12:00:00.000Z')
  await set('deep', 'json', '[1, {"a": [true]}]')
  await expect(demo.row('deep')).toContainText('[1, { a: [true] }]')
  await set('pi', 'number', 'three')
  await expect(demo.status()).toHaveText('that is no number')
  await expect(demo.row('pi')).toContainText('3.25')
  await set('_id', 'text', 'mine')
  await expect(demo.status()).toContainText('_id')
  await demo.press('Delete tag')
  await expect(demo.row('tag')).toHaveCount(0)
})

test('plain claims: written where they can hold the session, else it is kept', async ({ demo }) => {
  const { page } = demo
  await demo.signIn()
  await demo.press(/last_seen/)
  const before = await demo.cookie()
  await demo.choose('Plain claims')
  await expect(demo.status()).toContainText('stays as it was: last_seen')
  await expect(demo.log()).toContainText('kept')
  expect(await demo.cookie()).toBe(before)

  await demo.choose('Compressed')
  await demo.press('Delete last_seen')
  await demo.choose('Plain claims')
  await expect(page.locator('#inspection')).toContainText('beaker-jwt, plain claims')
  const payload = (await demo.cookie())?.split('.')[1] ?? ''
  expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toMatchObject({ visits: 1 })

  await demo.row('visits').hover()
  const lit = await page.evaluate(() => [...(CSS.highlights.get('member') ?? [])].join())
  const start = payload.indexOf(lit)
  const bytes = Buffer.from(payload, 'base64url').subarray((start * 3) / 4, Math.ceil(((start + lit.length) * 3) / 4))
  expect(bytes.toString(), 'the very characters of the key are lit, and a few bits more').toMatch(/^.?"visits":1.?$/)
})

test('only user: the session is closed to scripts, its public cookie is not', async ({ demo }) => {
  const { page } = demo
  await demo.signIn()
  await demo.choose('Only user')
  await expect(page.getByText('HttpOnly', { exact: true })).toBeVisible()
  expect(await page.evaluate(() => document.cookie)).toMatch(/^beaker\.session\.id\.public=[^;]+$/)
  await expect(demo.row('user')).toContainText('Grace Hopper')
  await expect(demo.row('visits')).toHaveCount(0)
  const size = cookieName.length + ((await demo.cookie())?.length ?? 0)
  await expect(page.locator('.slab-frosted')).toContainText(`${size} of 4096 bytes`)

  await demo.choose('Whole session')
  await expect(demo.row('visits')).toContainText('1')
  expect(await demo.cookie('beaker.session.id.public')).toBeUndefined()
})

test('observe: nothing is written, and the page says what would have been', async ({ demo }) => {
  await demo.signIn()
  const before = await demo.cookie()
  await demo.choose('Observe')
  await demo.press(/visits \+= 1/)
  await expect(demo.status()).toHaveText(/^Observed: the server would have written \d+ bytes\.$/)
  await expect(demo.log().locator('li').first()).toContainText('would: committed')
  expect(await demo.cookie()).toBe(before)
  await expect(demo.row('visits').locator('.value')).toHaveText('1')
})

test('too much: an error that names the biggest key, and the old cookie stays', async ({ demo }) => {
  await demo.signIn()
  const before = await demo.cookie()
  await demo.press(/randomBytes\(3500\)/)
  await expect(demo.status()).toContainText('Biggest: blob 3511 bytes')
  expect(await demo.cookie()).toBe(before)
})

test('forged: the page believes it, the server does not', async ({ demo }) => {
  const { page } = demo
  await demo.signIn()
  await page.getByRole('button', { name: 'Forge it' }).click()
  await expect(demo.row('user')).toContainText('"Mallory"')
  await demo.press('Ask the server')
  await expect(page.locator('#trust')).toContainText('rejected it: ERR_SESSION_SIGNATURE')
  await expect(demo.log()).toContainText('rejected')
})

test('signs out, and the cookie is gone', async ({ demo }) => {
  await demo.signIn()
  await demo.press('Sign out')
  await expect(demo.page.locator('#session')).toContainText('null')
  await expect(demo.page.getByRole('button', { name: 'Sign in' })).toBeVisible()
  expect(await demo.cookie()).toBeUndefined()
})

test.describe('keys', () => {
  test.use({ args: ['--retire-after', '2'] })

  test('a rotated key verifies until nobody needs it', async ({ demo }) => {
    const { page } = demo
    await demo.signIn()
    await demo.press('Rotate')
    const keys = page.locator('#keys li')
    await expect(keys).toHaveText([/^Key 2signs/, /^Key 1verifies/])
    await demo.press('Make a request')
    await expect(page.locator('#trust')).toContainText('verified it with key 1 and signed it again with key 2')
    await expect(demo.log()).toContainText('upgraded')
    await expect(keys.nth(1)).toContainText('not yet safe')

    // Forced, for it says that it can not be pressed.
    await page.getByRole('button', { name: 'Retire key 1' }).click({ force: true })
    await expect(keys, 'a key that is not safe to retire stays').toHaveCount(2)
    await expect(keys.nth(1)).toContainText('safe: unused for 2 s')
    await demo.press('Retire key 1')
    await expect(keys).toHaveText([/^Key 2signs/])
    await demo.press('Make a request')
    await expect(page.locator('#who')).toHaveText('Signed in as Grace Hopper')
  })
})

test('opens its cookie in the inspector, and sends it nowhere', async ({ demo }) => {
  const { page } = demo
  await demo.signIn('Grace Hopper')
  const opening = page.waitForEvent('popup')
  const urls: string[] = []
  page.context().on('request', (request) => urls.push(request.url()))
  await page.getByRole('link', { name: 'Open in the inspector' }).first().click()
  const inspector = await opening
  await expect(inspector.locator('article h2')).toHaveText(cookieName)
  await expect(inspector.locator('article')).toContainText('Grace Hopper')
  expect(urls.filter((url) => url.includes('eyJ') && !url.includes('#'))).toEqual([])
  expect(new URL(inspector.url()).hash).toBe('')
})
