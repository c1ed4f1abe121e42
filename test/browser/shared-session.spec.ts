/** One session on one host: made by Python, shown by the page, changed by Node, and back. */
import { expect } from 'playwright/test'
import { firstKey, nextKey, test } from './apps.js'
import type { Client } from './client-page.js'
import { forgeries, signingKey } from './visitor.js'

const keys = [firstKey, nextKey]
const clients: Client[] = ['modules', 'script tag']

for (const client of clients) {
  test.describe(`with the client as ${client}`, () => {
    test.use({ client })

    test('a session goes from Python to the page, to Node and back', async ({ python, node, visitor }) => {
      const dave = { user: 'dave <b>é</b> 日本' }
      const signedIn = await visitor.visit(`${python.url}/login?${new URLSearchParams(dave)}`)
      expect(signedIn, 'the page of Python').toEqual({ server: dave, browser: dave })
      expect(await visitor.visit(node.url), 'the page of Node').toEqual({ server: dave, browser: dave })

      const changed = { ...dave, colour: 'blue' }
      const set = await visitor.visit(`${node.url}/set?key=colour&value=blue`)
      expect(set, 'the page of Node after its change').toEqual({ server: changed, browser: changed })
      expect(await visitor.visit(python.url), 'the page of Python after it').toEqual({
        server: changed,
        browser: changed,
      })
    })

    test('a person stays signed in while the key is rotated', async ({ python, node, visitor }) => {
      const dave = { server: { user: 'dave' }, browser: { user: 'dave' } }
      await visitor.visit(`${python.url}/login?user=dave`)
      const original = (await visitor.cookie()) ?? ''
      expect(signingKey(original, keys)).toBe(firstKey)

      await visitor.rotate([python, node], [nextKey, firstKey])
      for (const app of [node, python]) {
        await visitor.forge(original)
        expect(await visitor.visit(app.url), 'still signed in').toEqual(dave)
        expect(signingKey(await visitor.cookie(), keys), 'signed anew').toBe(nextKey)
      }

      await visitor.rotate([python, node], [nextKey])
      for (const app of [node, python]) expect(await visitor.visit(app.url), 'without the old key').toEqual(dave)
      for (const app of [node, python]) {
        await visitor.forge(original)
        expect((await visitor.visit(app.url)).server, 'the old key is gone').toEqual({})
      }
    })

    test('a tampered cookie is signed out without an error page', async ({ python, node, visitor }) => {
      await visitor.visit(`${python.url}/login?user=dave`)
      for (const [what, forgery] of Object.entries(forgeries((await visitor.cookie()) ?? ''))) {
        for (const app of [python, node]) {
          await visitor.forge(forgery)
          expect((await visitor.visit(app.url)).server, what).toEqual({})
        }
      }
      const signedIn = await visitor.visit(`${node.url}/login?user=dave`)
      expect(signedIn, 'and in again').toEqual({ server: { user: 'dave' }, browser: { user: 'dave' } })
    })
  })
}

test('who signs out in one application is signed out in the other', async ({ python, node, visitor }) => {
  for (const [from, to] of [
    [node, python],
    [python, node],
  ] as const) {
    await visitor.visit(`${from.url}/login?user=dave`)
    expect(await visitor.visit(to.url)).toEqual({ server: { user: 'dave' }, browser: { user: 'dave' } })
    const signedOut = { server: {}, browser: null }
    expect(await visitor.visit(`${from.url}/logout`)).toEqual(signedOut)
    expect(await visitor.visit(to.url)).toEqual(signedOut)
    expect(await visitor.cookie()).toBeUndefined()
  }
})
