/**
 * A page that follows its session, in a real Chromium: other tabs, frames and windows, workers, a browser without a Cookie Store, and the end
 * of the session at the moment at which the server ends it.
 */
import { expect, type Page } from 'playwright/test'
import { endOnServer, type Heard, SECONDS, test } from './watch-app.js'

const heardBy = (page: Page): Promise<Heard> => page.evaluate('window.heard')
const reasons = async (page: Page): Promise<unknown[]> => (await heardBy(page)).map(([reason, user]) => [reason, user])
const send = (page: Page, path: string): Promise<unknown> =>
  page.evaluate((path) => fetch(path).then((r) => r.json()), path)

/** Before any script of the page: as in a browser that has none. */
async function withoutCookieStore(page: Page): Promise<void> {
  await page.addInitScript(() => {
    Object.defineProperty(window, 'cookieStore', { value: undefined })
  })
}

const kinds = [
  ['with a Cookie Store', async () => {}],
  ['without a Cookie Store', withoutCookieStore],
] as const

for (const [kind, prepare] of kinds) {
  test(`${kind}: two tabs hear of a sign-in, a change and a sign-out within a second`, async ({ context, url }) => {
    const [first, second] = [await context.newPage(), await context.newPage()]
    for (const page of [first, second]) {
      await prepare(page)
      await page.goto(`${url}/page`)
    }
    const asked: string[] = []
    for (const page of [first, second]) page.on('request', (request) => asked.push(new URL(request.url()).pathname))
    const wanted: [string, string | null][] = []
    for (const [path, heard] of [
      ['/sign-in?user=dave', ['signedIn', 'dave']],
      ['/sign-in?user=erin', ['changed', 'erin']],
      ['/sign-out', ['signedOut', null]],
    ] as const) {
      await send(first, path)
      const sent = Date.now()
      if (kind.startsWith('without')) await first.evaluate('client.checkSessions()')
      wanted.push([...heard])
      for (const page of [first, second]) {
        await expect.poll(() => reasons(page), { timeout: 5_000 }).toEqual(wanted)
        expect((await heardBy(page)).at(-1)?.[2]).toBeLessThan(sent + 1_000)
      }
    }
    await expect(second.locator('#user')).toHaveText('nobody')
    // Nobody asked the server.
    expect(asked).toEqual(['/sign-in', '/sign-in', '/sign-out'])
  })

  test(`${kind}: a frame of the same site, and a cookie that a script sets`, async ({ page, url }) => {
    await prepare(page)
    await page.goto(`${url}/page`)
    const frame = await page.locator('iframe').elementHandle()
    await page.evaluate(() => document.querySelector('iframe')?.setAttribute('src', '/sign-in?user=frank'))
    await expect.poll(() => reasons(page), { timeout: 10_000 }).toEqual([['signedIn', 'frank']])
    await frame?.dispose()
    await page.evaluate(() => {
      // biome-ignore lint/suspicious/noDocumentCookie: what a page of former days does
      document.cookie = 'app.public=; Max-Age=0; Path=/'
    })
    await expect.poll(() => reasons(page), { timeout: 10_000 }).toHaveLength(2)
    expect((await reasons(page))[1]).toEqual(['signedOut', null])
  })

  test(`${kind}: a cookie that the browser drops at its end`, async ({ page, url }) => {
    await prepare(page)
    await page.goto(`${url}/page`)
    await send(page, '/sign-in?user=dave')
    await page.evaluate('client.checkSessions()')
    await page.evaluate(() => {
      const [public_] = document.cookie.match(/app\.public=[^;]*/) ?? []
      // biome-ignore lint/suspicious/noDocumentCookie: what a page of former days does
      document.cookie = `${public_}; Max-Age=3; Path=/`
    })
    await expect
      .poll(() => reasons(page), { timeout: 20_000 })
      .toEqual([
        ['signedIn', 'dave'],
        ['signedOut', null],
      ])
  })
}

test(`the session ends after ${SECONDS} seconds: the page and the server say so within a second of each other`, async ({
  page,
  url,
}) => {
  await page.goto(`${url}/page`)
  await send(page, '/sign-in?name=brief&user=dave')
  const signedIn = Date.now()
  // The server, asked all the time in another way, so that the page hears nothing of it.
  const cookie = (await page.context().cookies()).map(({ name, value }) => `${name}=${value}`).join('; ')
  const serverEnded = await endOnServer(url, cookie)
  await expect
    .poll(() => reasons(page), { timeout: 5_000, intervals: [50] })
    .toEqual([
      ['signedIn', 'dave'],
      ['expired', null],
    ])
  const pageEnded = (await heardBy(page))[1]?.[2] as number
  expect(serverEnded - signedIn).toBeGreaterThan(SECONDS * 1_000 - 500)
  expect(Math.abs(pageEnded - serverEnded)).toBeLessThan(1_000)
})

test('a visitor whose clock is two minutes slow sees the same end', async ({ page, url }) => {
  await page.addInitScript(() => {
    const { now } = Date
    Date.now = () => now() - 120_000
  })
  await page.goto(`${url}/page`)
  await send(page, '/sign-in?name=brief&user=dave')
  await expect.poll(() => reasons(page), { timeout: (SECONDS + 2) * 1_000, intervals: [50] }).toHaveLength(2)
  const [[, , from], [reason, , to]] = (await heardBy(page)) as [Heard[0], Heard[0]]
  expect(reason).toBe('expired')
  expect(Math.abs(to - from - SECONDS * 1_000)).toBeLessThan(1_000)
})

test('a page that comes back from the cache of the browser', async ({ page, url }) => {
  await page.goto(`${url}/page`)
  await send(page, '/sign-in?user=dave')
  await expect(page.locator('#user')).toHaveText('dave')
  await page.goto(`${url}/sign-out`)
  await page.goBack()
  await expect(page.locator('#user')).toHaveText('nobody')
})

test('a window that the page opened, and a form that answers there', async ({ page, url }) => {
  await page.goto(`${url}/page`)
  const [opened] = await Promise.all([
    page.waitForEvent('popup'),
    page.evaluate(() => {
      document.body.insertAdjacentHTML(
        'beforeend',
        '<form action="/sign-in" target="_blank"><input name="user" value="gina"></form>',
      )
      document.forms[0]?.requestSubmit()
    }),
  ])
  await expect.poll(() => reasons(page), { timeout: 10_000 }).toEqual([['signedIn', 'gina']])
  await opened.close()
})

test('a service worker', async ({ page, url }) => {
  await page.goto(`${url}/page`)
  await page.evaluate(async () => {
    await navigator.serviceWorker.register('/worker.js', { type: 'module', scope: '/' })
    await navigator.serviceWorker.ready
  })
  await send(page, '/sign-in?user=dave')
  const ask = (): Promise<unknown> =>
    page.evaluate(async () => {
      const { active } = await navigator.serviceWorker.ready
      const { port1, port2 } = new MessageChannel()
      const answered = new Promise((resolve) => {
        port1.onmessage = ({ data }) => resolve(data)
      })
      active?.postMessage(0, [port2])
      return await answered
    })
  await expect.poll(ask, { timeout: 20_000 }).toEqual([['signedIn', 'dave']])
  await send(page, '/sign-out')
  await expect.poll(ask, { timeout: 20_000 }).toEqual([
    ['signedIn', 'dave'],
    ['signedOut', null],
  ])
})

test('a listener that throws keeps nothing from the others', async ({ page, url }) => {
  const errors: string[] = []
  page.on('pageerror', ({ message }) => errors.push(message))
  await page.goto(`${url}/page`)
  await page.evaluate(
    `client.watchSession(app, () => { throw new Error('mine') }); client.watchSession(app, () => { window.after = true })`,
  )
  await send(page, '/sign-in?user=dave')
  await expect.poll(() => page.evaluate('window.after')).toBe(true)
  expect(errors).toEqual(['mine'])
})

test('a thousand listeners, and a memory that stays flat over ten thousand that come and go', async ({ page, url }) => {
  await page.goto(`${url}/page`)
  await page.evaluate(
    `window.count = 0; window.stops = Array.from({ length: 1000 }, () => client.watchSession(app, () => { window.count++ }))`,
  )
  await send(page, '/sign-in?user=dave')
  await expect.poll(() => page.evaluate('window.count')).toBe(1_000)
  await page.evaluate('for (const stop of window.stops) stop(); window.stops = undefined')
  const session = await page.context().newCDPSession(page)
  const listeners = async (): Promise<number> => {
    await session.send('HeapProfiler.collectGarbage')
    const { jsEventListeners } = (await session.send('Memory.getDOMCounters')) as { jsEventListeners: number }
    return jsEventListeners
  }
  const heap = async (): Promise<number> => (await session.send('Runtime.getHeapUsage')).usedSize
  const round = `for (let round = 0; round < 10_000; round++) client.watchSession(app, () => {}, { signal: new AbortController().signal })()`
  await page.evaluate(round)
  const [before, heapBefore] = [await listeners(), await heap()]
  await page.evaluate(round)
  expect([await listeners(), (await heap()) - heapBefore < 1_000_000]).toEqual([before, true])
})
