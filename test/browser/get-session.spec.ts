/** What `getSession` and `inspectSession` promise, in a real browser with its own cookies. */
import { expect } from 'playwright/test'
import { test } from './apps.js'
import type { Client } from './client-page.js'
import { cookieName, forgeries, type Visitor } from './visitor.js'

const clients: Client[] = ['modules', 'script tag']
const dave = { user: 'dave' }

/** As python/tagged.py reads them. */
const values = {
  $dict: [
    ['bytes', { $bytes: 'AP8Q' }],
    ['since', { $datetime: '2024-02-29T12:30:00.250000' }],
    ['account', { $bson: 'ObjectId', hex: '65a1b2c3d4e5f60718293a4b' }],
    ['price', { $bson: 'Decimal128', value: '12.50' }],
    ['count', { $bson: 'Int64', value: '4503599627370496' }],
    ['ratio', { $float: '0.5' }],
    ['nothing', null],
    ['list', ['é', { $dict: [['deep', true]] }]],
  ],
}

/** 12.50: the bytes alone, of which `decimalText` makes the number. */
const PRICE = 'Decimal128(226,4,0,0,0,0,0,0,0,0,0,0,0,0,60,48)'

for (const client of clients) {
  test.describe(`with the client as ${client}`, () => {
    test.use({ client })

    test('bytes, dates and special values of bsZ are what they were in Python', async ({ python, visitor }) => {
      const query = new URLSearchParams({ key: 'values', tagged: JSON.stringify(values) })
      await visitor.visit(`${python.url}/set?${query}`)
      const seen = await visitor.page.evaluate(() => {
        const { values } = window.sessionglass.getSession() as { values: Record<string, unknown> }
        const { bytes, since, account, price, ...plain } = values
        return {
          bytes: bytes instanceof Uint8Array && [...bytes],
          since: since instanceof Date && since.toISOString(),
          account: `${account}`,
          price: String(price),
          inJson: JSON.stringify([account, price, since]),
          plain,
        }
      })
      expect(seen).toEqual({
        bytes: [0, 255, 16],
        since: '2024-02-29T12:30:00.250Z',
        account: '65a1b2c3d4e5f60718293a4b',
        price: PRICE,
        inJson: `["65a1b2c3d4e5f60718293a4b","${PRICE}","2024-02-29T12:30:00.250Z"]`,
        plain: { count: 4503599627370496, ratio: 0.5, nothing: null, list: ['é', { deep: true }] },
      })
    })

    test('nobody can change the session, at any depth', async ({ python, visitor }) => {
      const query = new URLSearchParams({ key: 'values', tagged: JSON.stringify(values) })
      await visitor.visit(`${python.url}/set?${query}`)
      const seen = await visitor.page.evaluate(() => {
        const session = window.sessionglass.getSession() as { user?: string; values: { list: [string, object] } }
        const { values } = session
        const attempts = [
          () => Object.assign(session, { user: 'mallory' }),
          () => Object.assign(values, { ratio: 1 }),
          () => values.list.push('x'),
          () => Object.assign(values.list[1], { deep: false }),
        ]
        const thrown = attempts.map((attempt) => {
          try {
            return attempt()
          } catch (error) {
            return (error as Error).name
          }
        })
        return { thrown, user: session.user, list: values.list }
      })
      expect(seen).toEqual({ thrown: Array(4).fill('TypeError'), user: undefined, list: ['é', { deep: true }] })
    })
  })
}

test('the session is the same object while its cookie is the same', async ({ node, visitor }) => {
  await visitor.visit(`${node.url}/login?user=dave`)
  const seen = await visitor.page.evaluate(async () => {
    const { getSession } = window.sessionglass
    const first = getSession()
    const again = getSession()
    // biome-ignore lint/suspicious/noDocumentCookie: a cookie of somebody else appears
    document.cookie = 'other=1; path=/'
    const besideOther = getSession()
    await fetch('/set?key=colour&value=blue')
    const changed = getSession()
    return {
      isSame: first !== null && first === again && first === besideOther,
      isSameAfterChange: changed === first,
      isSameAgain: changed === getSession(),
      first,
      changed,
    }
  })
  const changed = { ...dave, colour: 'blue' }
  expect(seen).toEqual({ isSame: true, isSameAfterChange: false, isSameAgain: true, first: dave, changed })
})

test('the session is null after signing out, and there again after signing in', async ({ node, visitor }) => {
  await visitor.visit(`${node.url}/login?user=dave`)
  const seen = await visitor.page.evaluate(async () => {
    const { getSession } = window.sessionglass
    const found = [getSession()]
    for (const path of ['/logout', '/login?user=erin']) {
      await fetch(path)
      found.push(getSession())
    }
    return found
  })
  expect(seen).toEqual([dave, null, { user: 'erin' }])
})

test('of two cookies the page takes the one that the servers take', async ({ python, node, visitor }) => {
  await visitor.visit(`${node.url}/login?user=bob`)
  const bob = (await visitor.cookie()) ?? ''
  await visitor.visit(`${node.url}/login?user=dave`)
  for (const path of ['/deep', '/json']) await plant(visitor, path, bob)

  expect(await visitor.visit(`${node.url}/deep/page`)).toEqual({ server: dave, browser: dave })
  expect(await inspect(visitor), 'the browser puts the longer path first').toMatchObject({
    candidates: [{ data: dave }, { data: { user: 'bob' } }],
  })
  expect(JSON.stringify(await visitor.json(python)), 'Python').toContain('["user","dave"]')
  expect(await visitor.json(node), 'Node').toEqual(dave)
})

test('a worthless cookie beside the session hides nothing', async ({ node, visitor }) => {
  await visitor.visit(`${node.url}/login?user=bob`)
  const bob = (await visitor.cookie()) ?? ''
  await visitor.visit(`${node.url}/login?user=dave`)
  await plant(visitor, '/deep', 'worthless')
  expect(await visitor.visit(`${node.url}/deep/page`), 'at the longer path').toEqual({ server: dave, browser: dave })
  expect(await inspect(visitor)).toMatchObject({
    candidates: [{ data: dave }, { error: 'ERR_SESSION_UNSUPPORTED', size: 26 }],
  })

  await plant(visitor, '/deep', bob)
  await visitor.forge('worthless', { path: '/' })
  const signedIn = { server: { user: 'bob' }, browser: { user: 'bob' } }
  expect(await visitor.visit(`${node.url}/deep/page`), 'at the shorter path').toEqual(signedIn)
})

test('inspectSession says what there is, and why there is no session', async ({ node, visitor }) => {
  expect(await visitor.visit(node.url)).toEqual({ server: {}, browser: null })
  expect(await inspect(visitor)).toEqual({ session: null, candidates: [] })

  await visitor.visit(`${node.url}/login?user=dave`)
  const value = (await visitor.cookie()) ?? ''
  expect(await inspect(visitor)).toMatchObject({
    session: dave,
    cookie: cookieName,
    format: 'beaker-jwt',
    size: cookieName.length + value.length,
    header: { typ: 'JWT', alg: 'HS256' },
    claims: { bsZ: expect.any(String) },
    meta: { id: expect.stringMatching(/^[0-9a-f]{32}$/), createdAt: expect.any(Date), accessedAt: expect.any(Date) },
  })

  const [header, , signature] = value.split('.')
  const broken: Record<string, string> = {
    ERR_SESSION_UNSUPPORTED: 'x',
    ERR_SESSION_MALFORMED: `${header}.bm9.${signature}`,
    ERR_SESSION_JSON: `${header}.bm8.${signature}`,
    ERR_SESSION_COMPRESSION: `${header}.${btoa('{"bsZ":"not-zlib-at-all"}').replaceAll('=', '')}.${signature}`,
  }
  for (const [error, text] of Object.entries(broken)) {
    await visitor.forge(text)
    expect(await inspect(visitor), error).toMatchObject({ session: null, error, candidates: [{ error }] })
  }
  await visitor.forge(forgeries(value)['another signature'] ?? '')
  expect(await inspect(visitor), 'nothing is verified here').toMatchObject({ session: dave })
})

test('a session that was idle for too long has expired in the page too', async ({ node, visitor }) => {
  await visitor.visit(`${node.url}/login?user=dave`)
  const read = () =>
    visitor.page.evaluate(() => {
      const { defineSession, getSession, inspectSession } = window.sessionglass
      const session = defineSession({ idleTimeout: '30m' })
      return { session: getSession(session), over: inspectSession(session).over, without: getSession() }
    })
  const now = Date.now()
  await visitor.page.clock.setFixedTime(now + 29 * 60_000)
  expect(await read()).toEqual({ session: dave, without: dave })
  await visitor.page.clock.setFixedTime(now + 31 * 60_000)
  expect(await read()).toEqual({ session: null, over: 'idle', without: dave })
})

/** A second cookie of the same name, as another application on the host would set it. */
async function plant({ page }: Visitor, path: string, value: string): Promise<void> {
  await page.context().addCookies([{ name: cookieName, value, domain: '127.0.0.1', path, sameSite: 'Lax' }])
}

async function inspect({ page }: Visitor): Promise<unknown> {
  return await page.evaluate(() => window.sessionglass.inspectSession())
}
