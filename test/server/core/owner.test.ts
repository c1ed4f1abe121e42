import { describe, expect, test } from 'vitest'
import { beakerJwt, createSessions, memoryStore, verifySessions } from '../../../src/server/index.js'
import { dave, SECRET, serve } from '../server.helpers.js'

const owner = (data: { user?: unknown }) => data.user as string | undefined

describe('session.owner', () => {
  test('is what the option tells by the data, as it is now', async () => {
    const { sessions, browser, visit } = serve({ owner })
    const fresh = await sessions.load(null)
    expect(fresh.owner).toBeUndefined()
    dave(fresh.data)
    expect(fresh.owner).toBe('dave')
    await visit(dave)
    const session = await sessions.load(browser.cookie)
    expect(session.owner).toBe('dave')
    delete session.data.user
    expect(session.owner).toBeUndefined()
  })

  test('without the option is undefined', async () => {
    const { sessions, browser, visit } = serve()
    await visit(dave)
    expect((await sessions.load(browser.cookie)).owner).toBeUndefined()
  })

  test.each([
    ['dave', 'dave'],
    [17, '17'],
    [0, '0'],
    [17n, '17'],
    ['', undefined],
    [null, undefined],
    [undefined, undefined],
  ])('of %s is %s', async (user, expected) => {
    const { sessions } = serve({ owner: () => user })
    expect((await sessions.load(null)).owner).toBe(expected)
  })

  test.each([[1.5], [true], [{}], [Number.NaN], [2 ** 53], [Promise.resolve('dave')]])(
    'can not be %s',
    async (user) => {
      const { sessions } = serve({ owner: () => user as string })
      const session = await sessions.load(null)
      expect(() => session.owner).toThrow(/option "owner" must return a text, a whole number or undefined/)
    },
  )

  test('throws what the function throws', async () => {
    const { sessions } = serve({
      owner() {
        throw new RangeError('mine')
      },
    })
    const session = await sessions.load(null)
    expect(() => session.owner).toThrow(RangeError)
  })

  test('is known to sessions that only read, and with a store', async () => {
    const store = memoryStore()
    const codecs = [beakerJwt({ secrets: SECRET })]
    const sessions = createSessions({ codecs, store, owner, expose: false })
    const session = await sessions.load(null)
    dave(session.data)
    const [cookie = ''] = await sessions.commit(session)
    const reader = verifySessions({ codecs, store, owner })
    expect((await reader.load(cookie.split(';')[0])).owner).toBe('dave')
  })

  test('may be told otherwise by with()', async () => {
    const { sessions } = serve({ owner })
    const changed = sessions.with({ owner: () => 'eve' })
    expect((await changed.load(null)).owner).toBe('eve')
  })

  test('needs a function', () => {
    expect(() => serve({ owner: 'user' as never })).toThrow('Option "owner" must be a function')
  })
})
