/** The session itself is HttpOnly; scripts see the public cookie that Node writes beside it. */
import { expect } from 'playwright/test'
import { firstKey, nextKey, test } from './apps.js'
import type { Client } from './client-page.js'
import { cookieName, forgeries, publicName, signingKey, type Visitor } from './visitor.js'

const clients: Client[] = ['modules', 'script tag']
const dave = { user: 'dave' }

test.use({ expose: ['user'] })

for (const client of clients) {
  test.describe(`with the client as ${client}`, () => {
    test.use({ client })

    test('the page sees the exposed keys only, Python the whole session', async ({ python, node, visitor }) => {
      expect(await visitor.visit(`${python.url}/login?user=dave`)).toEqual({ server: dave, browser: null })
      expect(await readableCookies(visitor), 'Python writes no public cookie').toEqual([])

      const all = { ...dave, badge: 'not for scripts' }
      const changed = await visitor.visit(`${node.url}/set?key=badge&value=not+for+scripts`)
      expect(changed, 'the page of Node').toEqual({ server: all, browser: dave })
      expect(await readableCookies(visitor)).toEqual([publicName])
      expect(await isHttpOnly(visitor)).toEqual({ [cookieName]: true, [publicName]: false })
      expect(await visitor.visit(python.url), 'the page of Python').toEqual({ server: all, browser: dave })

      await visitor.visit(`${python.url}/set?key=user&value=erin`)
      const erin = { user: 'erin' }
      expect(await visitor.visit(node.url), 'a change by Python').toEqual({
        server: { ...all, ...erin },
        browser: erin,
      })
      expect(await readableCookies(visitor)).toEqual([publicName])
      expect(await isHttpOnly(visitor)).toEqual({ [cookieName]: true, [publicName]: false })
    })
  })
}

test('a person stays signed in while the key is rotated', async ({ python, node, visitor }) => {
  await visitor.visit(`${python.url}/login?user=dave`)
  await visitor.visit(node.url)
  const original = (await visitor.cookie()) ?? ''
  await visitor.rotate([python, node], [nextKey, firstKey])
  for (const app of [node, python]) {
    await visitor.forge(original)
    expect(await visitor.visit(app.url), 'still signed in').toEqual({ server: dave, browser: dave })
    expect(signingKey(await visitor.cookie(), [firstKey, nextKey]), 'signed anew').toBe(nextKey)
  }
  await visitor.rotate([python, node], [nextKey])
  for (const app of [node, python]) {
    expect(await visitor.visit(app.url), 'without the old key').toEqual({ server: dave, browser: dave })
  }
})

test('a tampered session is signed out, and a request that writes nothing leaves the public cookie', async ({
  python,
  node,
  visitor,
  signIn,
}) => {
  await signIn(dave)
  const context = visitor.page.context()
  const cookies = await context.cookies()
  const [authority = '', publicValue = ''] = [await visitor.cookie(), await visitor.cookie(publicName)]
  for (const [what, forgery] of Object.entries({ ...forgeries(authority), 'the public cookie itself': publicValue })) {
    await visitor.forge(forgery)
    expect((await visitor.visit(python.url)).server, what).toEqual({})
    await context.addCookies(cookies)
    await visitor.forge(forgery)
    // Another request may have signed in meanwhile: only a write or a sign-out removes what scripts see.
    expect(await visitor.visit(node.url), what).toEqual({ server: {}, browser: dave })
    await context.addCookies(cookies)
  }
  expect(await visitor.visit(node.url), 'the real ones again').toEqual({ server: dave, browser: dave })
})

test('a tampered public cookie is no authority, and Node corrects it', async ({ python, node, visitor, signIn }) => {
  await signIn(dave)
  const publicValue = (await visitor.cookie(publicName)) ?? ''
  expect(signingKey(publicValue, [firstKey]), 'signed with the key of the session').toBeUndefined()
  await visitor.forge(forgeries(publicValue)['another payload'] ?? '', { name: publicName })
  expect(await visitor.visit(python.url), 'scripts see what they are given').toMatchObject({
    server: dave,
    browser: { user: 'mallory' },
  })
  expect(await visitor.visit(node.url), 'after the word of Node').toEqual({ server: dave, browser: dave })
})

test('who signs out in Node has no cookie left', async ({ python, node, visitor }) => {
  await visitor.visit(`${python.url}/login?user=dave`)
  expect(await visitor.visit(node.url)).toEqual({ server: dave, browser: dave })
  // The page that comes after would take the public cookie back as well.
  await visitor.page.evaluate(() => fetch('/logout', { redirect: 'manual' }))
  expect(await isHttpOnly(visitor)).toEqual({})
  expect(await visitor.visit(node.url)).toEqual({ server: {}, browser: null })
  expect(await visitor.visit(python.url)).toEqual({ server: {}, browser: null })
})

test('who signs out in Python is signed out of the public cookie by a sign-out in Node', async ({
  python,
  node,
  visitor,
}) => {
  await visitor.visit(`${node.url}/login?user=dave`)
  expect((await visitor.visit(`${python.url}/logout`)).server).toEqual({})
  expect(await visitor.visit(node.url)).toEqual({ server: {}, browser: dave })
  await visitor.page.evaluate(() => fetch('/logout', { redirect: 'manual' }))
  expect(await visitor.visit(node.url)).toEqual({ server: {}, browser: null })
  expect(await isHttpOnly(visitor)).toEqual({})
})

/** The names that a script on the page finds. */
async function readableCookies({ page }: Visitor): Promise<string[]> {
  const text = await page.evaluate(() => document.cookie)
  return text === '' ? [] : text.split('; ').map((pair) => pair.slice(0, pair.indexOf('=')))
}

async function isHttpOnly({ page }: Visitor): Promise<Record<string, boolean>> {
  const cookies = await page.context().cookies()
  return Object.fromEntries(cookies.map(({ name, httpOnly }) => [name, httpOnly]))
}
