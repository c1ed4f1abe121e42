import { ObjectId } from 'bson'
import { describe, expect, test } from 'vitest'
import { beakerJwt, decodeSession, jwt, memoryStore, type SessionsOptions } from '../../../src/server/index.js'
import { expiredOf, type Fixture, NAME, namesOf, OLD_SECRET, SECRET, serve, textCodec } from '../server.helpers.js'

const PUBLIC = `${NAME}.public`
const dave = (data: Record<string, unknown>): unknown =>
  Object.assign(data, { user: 'dave', locale: 'en', token: 'swordfish' })

describe('the public cookie', () => {
  test('is readable and holds the exposed keys only; the session is closed to scripts', async () => {
    const { browser, visit } = serve({ expose: ['user', 'locale'] })
    const cookies = await visit(dave)
    expect(namesOf(cookies)).toEqual([NAME, PUBLIC])
    expect(cookies.map((cookie) => cookie.includes('; HttpOnly'))).toEqual([true, false])
    expect(cookies[1]).toMatch(/; Path=\/; SameSite=Lax; Secure$/)
    const { data, meta } = decodeSession(browser.cookies.get(PUBLIC) as string)
    expect(data).toEqual({ user: 'dave', locale: 'en' })
    expect(meta.id).toBeUndefined()
  })

  test('tells the times, so that a page knows when the session expires', async () => {
    const { browser, visit, sessions } = serve({ expose: ['user'] })
    await visit(dave)
    const { createdAt, accessedAt } = await sessions.load(browser.cookie)
    expect(decodeSession(browser.cookies.get(PUBLIC) as string).meta).toEqual({ createdAt, accessedAt })
  })

  test('of a function holds what it returns', async () => {
    const { browser, visit } = serve({ expose: ({ user }) => ({ greeting: `Hello ${String(user)}` }) })
    await visit(dave)
    expect(decodeSession(browser.cookies.get(PUBLIC) as string).data).toEqual({ greeting: 'Hello dave' })
  })

  test.each([true, false])('is not there with expose: %j', async (expose) => {
    const { visit } = serve({ expose })
    const cookies = await visit(dave)
    expect(namesOf(cookies)).toEqual([NAME])
    expect(cookies[0]?.includes('HttpOnly')).toBe(!expose)
  })

  test('can hold no key of the session itself', async () => {
    const { visit } = serve({ expose: () => ({ _id: 'x' }) })
    await expect(visit(dave)).rejects.toThrow(/"_id" is not session data/)
  })

  test('is made by the first codec that browsers can read', async () => {
    const codecs = [textCodec('closed'), beakerJwt({ secrets: [SECRET] })]
    const { browser, visit } = serve({ codecs, expose: ['user'] })
    await visit(dave)
    expect(browser.cookies.get(NAME)).toMatch(/^text~closed~/)
    expect(decodeSession(browser.cookies.get(PUBLIC) as string).data).toEqual({ user: 'dave' })
    expect(() => serve({ codecs: [textCodec('closed')], expose: ['user'] })).toThrow(/"expose" needs a codec/)
  })
})

describe('is never authority', () => {
  test.each([
    ['one key', [SECRET]],
    ['two keys', [SECRET, OLD_SECRET]],
  ])('presented as the session it is rejected (%s)', async (_, secrets) => {
    const { browser, visit, sessions } = serve({ secrets, expose: ['user'] })
    await visit(dave)
    const publicCookie = browser.cookies.get(PUBLIC) as string
    const session = await sessions.load(`${NAME}=${publicCookie}`)
    expect(session.rejected?.code).toBe('ERR_SESSION_SIGNATURE')
    expect(session).toMatchObject({ isNew: true, data: {} })
    expect((await sessions.load(`${browser.cookie}; ${NAME}=${publicCookie}`)).data).toMatchObject({
      token: 'swordfish',
    })
  })

  test('alone it is no session, and destroy() takes it away', async () => {
    const { browser, visit, sessions } = serve({ expose: ['user'] })
    await visit(dave)
    const publicCookie = browser.cookies.get(PUBLIC) as string
    const session = await sessions.load(`${PUBLIC}=${publicCookie}`)
    expect(session).toMatchObject({ isNew: true, data: {} })
    expect(await sessions.commit(session)).toEqual([])
    expect(expiredOf(await sessions.destroy(session))).toEqual([PUBLIC])
  })

  test("of another cookie name it is not taken for one's own", async () => {
    const other = serve({ expose: ['user'], name: 'other' })
    await other.visit(dave)
    const mine = serve({ expose: ['user'], name: 'mine' })
    await mine.visit(dave)
    mine.browser.cookies.set('mine.public', other.browser.cookies.get('other.public') as string)
    expect(namesOf(await mine.visit())).toEqual(['mine.public'])
  })
})

/** A request to another system, which does not know the public cookie. */
async function elsewhere(
  { browser, clock }: Fixture,
  change: (data: Record<string, unknown>) => unknown,
): Promise<void> {
  const publicCookie = browser.cookies.get(PUBLIC) as string
  browser.cookies.delete(PUBLIC)
  expect(namesOf(await serve({ expose: true }, { browser, clock }).visit(change))).toEqual([NAME])
  browser.cookies.set(PUBLIC, publicCookie)
}

describe('refreshing', () => {
  const next = async (
    options: Partial<SessionsOptions>,
    spoil: (publicCookie: string) => string | undefined,
    seconds = 0,
  ): Promise<string[]> => {
    const { browser, clock, visit } = serve(options)
    await visit(dave)
    const publicCookie = spoil(browser.cookies.get(PUBLIC) as string)
    if (publicCookie === undefined) browser.cookies.delete(PUBLIC)
    else browser.cookies.set(PUBLIC, publicCookie)
    clock.pass(seconds)
    return namesOf(await visit())
  }
  const options = { expose: ['user', 'locale'] }

  test('is not needed where the browser has it', async () => {
    expect(await next(options, (publicCookie) => publicCookie)).toEqual([])
  })

  test.each<[string, (publicCookie: string) => string | undefined]>([
    ['missing', () => undefined],
    ['empty', () => ''],
    ['garbage', () => 'garbage'],
    ['changed by a script', (publicCookie) => `${publicCookie.slice(0, -4)}AAAA`],
  ])('is needed where it is %s', async (_, spoil) => {
    expect(await next(options, spoil)).toEqual([PUBLIC])
  })

  test('comes with every other write', async () => {
    expect(await next(options, (publicCookie) => publicCookie, 60)).toEqual([NAME, PUBLIC])
  })

  test('is needed where another server changed an exposed key, not another one', async () => {
    const node = serve(options)
    await node.visit(dave)
    await elsewhere(node, (data) => Object.assign(data, { token: 'other' }))
    expect(await node.visit()).toEqual([])
    await elsewhere(node, (data) => Object.assign(data, { user: 'eve' }))
    expect(namesOf(await node.visit())).toEqual([PUBLIC])
    expect(decodeSession(node.browser.cookies.get(PUBLIC) as string).data).toEqual({ user: 'eve', locale: 'en' })
  })

  test('is needed where another server renews the session and its times would seem to have passed', async () => {
    const node = serve({ ...options, idleTimeout: 1800 })
    await node.visit(dave)
    node.clock.pass(61)
    await elsewhere(node, () => {})
    expect(namesOf(await node.visit())).toEqual([PUBLIC])
    expect(decodeSession(node.browser.cookies.get(PUBLIC) as string).meta.accessedAt).toEqual(node.clock())
    expect(await node.visit()).toEqual([])
  })

  test('is needed with a new key', async () => {
    const old = serve({ ...options, secrets: [OLD_SECRET] })
    await old.visit(dave)
    const publicCookie = old.browser.cookies.get(PUBLIC) as string
    const rotated = serve({ ...options, secrets: [SECRET, OLD_SECRET] }, old)
    expect(namesOf(await rotated.visit())).toEqual([NAME, PUBLIC])
    old.browser.cookies.set(PUBLIC, publicCookie)
    expect(namesOf(await rotated.visit())).toEqual([PUBLIC])
  })

  test('compares the classes of special values', async () => {
    const { visit } = serve({ expose: ['id'] })
    await visit((data) => Object.assign(data, { id: new ObjectId(), user: 'dave' }))
    expect(await visit()).toEqual([])
  })
})

describe('while nothing is shown', () => {
  const count = (data: Record<string, unknown>): unknown =>
    Object.assign(data, { visits: Number(data.visits ?? 0) + 1 })

  test.each([
    ['a list', ['user']],
    ['a function that gives nothing', ({ user }: { user?: string }) => ({ user })],
  ] as const)('none is set: %s', async (_, expose) => {
    const { browser, visit } = serve({ expose: expose as SessionsOptions['expose'] })
    await visit(count)
    expect([...browser.cookies.keys()]).toEqual([NAME])
    expect(await visit()).toEqual([])
  })

  test('the write that takes the last of it away expires the cookie, a later request does not', async () => {
    const { browser, visit } = serve({ expose: ['user'] })
    await visit(dave)
    const before = browser.cookies.get(PUBLIC) as string
    expect(expiredOf(await visit((data) => delete data.user))).toEqual([PUBLIC])
    browser.cookies.set(PUBLIC, before)
    expect(await visit()).toEqual([])
    expect(expiredOf(await visit(count))).toEqual([PUBLIC])
  })

  test('a row that says so, too', async () => {
    const codecs = [jwt({ secrets: [SECRET] })]
    const { browser, visit } = serve({ expose: ['user'], store: memoryStore(), codecs })
    await visit(dave)
    expect(namesOf(await visit((data) => delete data.user))).toEqual([PUBLIC])
    expect([...browser.cookies.keys()]).toEqual([NAME])
  })
})

test('is taken away by a write if nothing is exposed any more', async () => {
  const before = serve({ expose: ['user'] })
  await before.visit(dave)
  const now = serve({ expose: false }, before)
  expect(await now.visit()).toEqual([])
  const cookies = await now.visit((data) => Object.assign(data, { seen: true }))
  expect([namesOf(cookies), expiredOf(cookies)]).toEqual([[NAME, PUBLIC], [PUBLIC]])
  expect(before.browser.cookies.has(PUBLIC)).toBe(false)
})
