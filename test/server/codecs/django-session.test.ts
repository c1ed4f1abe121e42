/** Django's bare session key: looked up and never taken over, told to no one, and refused beside codecs that show it (FORMATS §8). */
import { describe, expect, test } from 'vitest'
import {
  beakerJwt,
  compact,
  createSessions,
  defineSession,
  djangoJwt,
  djangoSession,
  djangoSigned,
  memoryStore,
  type SessionStore,
  verifySessions,
} from '../../../src/server/index.js'
import { dave, expectWithout, SECRET, serve, testClock } from '../server.helpers.js'

const key = 'k'.repeat(32)
const name = 'sessionid'
const session = defineSession({ name })
const expose = false

function site(options: Parameters<typeof serve>[0] = {}) {
  const clock = testClock()
  const store = memoryStore({ clock })
  return { ...serve({ name, codecs: [djangoSession()], store, expose, ...options }, { clock }), store }
}

describe('djangoSession', () => {
  test('the cookie is the key alone, HttpOnly, and the row has the data', async () => {
    const { sessions, visit, browser, store } = site()
    const [setCookie = ''] = await visit(dave)
    expect(setCookie).toMatch(/^sessionid=[a-z0-9]{32}; HttpOnly; Path=\/; SameSite=Lax; Secure$/)
    const { id } = await sessions.load(browser.cookie)
    expect(browser.cookie).toBe(`sessionid=${id}`)
    expect((await store.get(id))?.data).toEqual({ user: 'dave' })
  })

  test('new keys are random, of all characters that Django takes', async () => {
    const { sessions } = site()
    const keys = await Promise.all(Array.from({ length: 300 }, async () => (await sessions.load('')).id))
    expect(new Set(keys).size).toBe(300)
    expect(new Set(keys.join('')).size).toBe(36)
    expect(keys.every((each) => /^[a-z0-9]{32}$/.test(each))).toBe(true)
  })

  test.each(['no row', 'an expired row'])('a key with %s gives a new session with a new key', async (kind) => {
    const { sessions, visit, browser, store, clock, events } = site()
    if (kind !== 'no row') await store.set(key, { data: { user: 'eve' }, expiresAt: clock() })
    browser.cookies.set(name, key)
    const loaded = await sessions.load(browser.cookie)
    expect(loaded).toMatchObject({ isNew: true, data: {} })
    expect(loaded.rejected).toMatchObject({ code: 'ERR_SESSION_EXPIRED', verified: false })
    expect(loaded.id).not.toBe(key)
    await visit(dave)
    expect(browser.cookies.get(name)).not.toBe(key)
    expect(await store.get(key)).toBeUndefined()
    expectWithout([loaded.rejected, events], [key])
  })

  test('a sign-in gets a new key, and the row of the old key goes', async () => {
    const { sessions, browser, store } = site()
    await store.set(key, { data: { cart: ['tea'] } })
    browser.cookies.set(name, key)
    const loaded = await sessions.load(browser.cookie)
    loaded.regenerate()
    dave(loaded.data)
    browser.take(await sessions.commit(loaded))
    expect(browser.cookies.get(name)).toMatch(/^(?!k{32})[a-z0-9]{32}$/)
    expect(await store.get(key)).toBeUndefined()
    expect((await sessions.load(browser.cookie)).data).toEqual({ cart: ['tea'], user: 'dave' })
  })

  test('a reading visit sets nothing; a change sends the key again, for the browser to keep it as long as the row', async () => {
    const { visit, browser, store } = site({ maxAge: '14d' })
    await store.set(key, { data: { cart: ['tea'] } })
    browser.cookies.set(name, key)
    expect(await visit()).toEqual([])
    expect(await visit(dave)).toEqual([`sessionid=${key}; Max-Age=1209600; HttpOnly; Path=/; SameSite=Lax; Secure`])
  })

  test('the row says when the session expires, and when an idle timeout was last counted', async () => {
    const { sessions, visit, browser, clock } = site({ idleTimeout: 1800 })
    await visit(dave)
    clock.pass(30)
    expect(await visit()).toEqual([])
    const { expiresAt, accessedAt } = await sessions.load(browser.cookie)
    expect(expiresAt?.getTime()).toBe(clock().getTime() + 1_770_000)
    expect(accessedAt.getTime()).toBe(clock().getTime() - 30_000)
    clock.pass(60)
    expect(await visit()).toHaveLength(1)
    clock.pass(1790)
    expect((await sessions.load(browser.cookie)).isNew).toBe(false)
    clock.pass(20)
    expect((await sessions.load(browser.cookie)).isNew).toBe(true)
  })

  test('no event, count, message or public cookie has the key', async () => {
    const failing: SessionStore = {
      name: 'failing',
      get: () => ({ data: { user: 'dave' } }),
      set: () => {
        throw new Error('down')
      },
      delete: () => {},
    }
    const { sessions, visit, browser, store, events } = site({
      codecs: [djangoSession({ allowBareKey: true }), compact({ secrets: SECRET })],
      expose: ['user'],
    })
    await store.set(key, { data: { user: 'dave' } })
    browser.cookies.set(name, key)
    await visit((data) => Object.assign(data, { user: 'eve' }))
    expect(browser.cookies.get(name)).toBe(key)
    expect(browser.cookies.get('sessionid.public')).toBeDefined()
    const shown = Buffer.from(browser.cookies.get('sessionid.public') ?? '', 'base64url').toString('latin1')
    await sessions.destroy(await sessions.load(browser.cookie))
    expect(events.map(({ type }) => type)).toContain('destroyed')

    const down = createSessions({ session, codecs: [djangoSession()], store: failing, expose })
    const loaded = await down.load(`sessionid=${key}`)
    loaded.data.user = 'eve'
    const error = await down.commit(loaded).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'ERR_SESSION_STORE' })
    expectWithout([events, browser.cookies.get('sessionid.public'), shown, error], [key])
  })

  test('tokens of forms are made of a secret in the row, for the key is no secret of the server', async () => {
    const { sessions, visit, browser, store } = site()
    await store.set(key, { data: { user: 'dave' } })
    browser.cookies.set(name, key)
    const loaded = await sessions.load(browser.cookie)
    const token = loaded.csrfToken()
    await sessions.commit(loaded)
    expect((await store.get(key))?.data._csrft_).toMatch(/^[0-9a-f]{40}$/)
    const again = await sessions.load(browser.cookie)
    expect([again.verifyCsrf(token), again.verifyCsrf(key)]).toEqual([true, false])
    expect(await visit()).toEqual([])
  })

  test.each([
    ['createSessions', () => createSessions({ session, codecs: [djangoSession()], expose })],
    ['verifySessions', () => verifySessions({ session, codecs: [djangoSession()] })],
  ])('%s needs a store', (_, make) => {
    expect(make).toThrow(new TypeError('Option "store" is missing: djangoSession needs one, its cookie is only a key'))
  })

  test.each([
    ['djangoJwt', djangoJwt({ secrets: SECRET })],
    ['beakerJwt', beakerJwt({ secrets: SECRET })],
    ['compact', compact({ secrets: SECRET })],
  ])('beside %s it needs allowBareKey', async (other, codec) => {
    const store = memoryStore()
    for (const codecs of [
      [djangoSession(), codec],
      [codec, djangoSession()],
    ]) {
      expect(() => createSessions({ session, codecs, store, expose })).toThrow(
        `djangoSession beside ${other} needs allowBareKey: true`,
      )
    }
    await store.set(key, { data: { user: 'dave' } })
    const codecs = [codec, djangoSession({ allowBareKey: true })]
    const sessions = createSessions({ session, codecs, store, expose, touchEvery: 0 })
    const loaded = await sessions.load(`sessionid=${key}`)
    expect(loaded).toMatchObject({ codec: 'djangoSession', id: key, data: { user: 'dave' } })
    const [moved = ''] = await sessions.commit(loaded)
    expect(await sessions.load(moved.split(';')[0] ?? '')).toMatchObject({ codec: other, id: key })
  })

  test('a codec that writes no key may stand beside it', () => {
    const codecs = [djangoSession(), djangoSigned({ secretKey: SECRET })]
    expect(() => createSessions({ session, codecs, store: memoryStore(), expose })).not.toThrow()
  })

  test('options that are none', () => {
    expect(() => djangoSession({ allowBareKey: 'yes' as never })).toThrow('Option "allowBareKey" must be true or false')
    expect(() =>
      createSessions({ session, codecs: [djangoSession()], store: memoryStore(), expose: ['user'] }),
    ).toThrow('Option "expose" needs a codec that browsers can read')
  })
})
