/** `sessionglass/testing`: what it signs is what the server itself would have signed. */

import { describe, expect, test } from 'vitest'
import {
  beaker,
  beakerJwt,
  compact,
  createSessions,
  type Duration,
  defineSession,
  djangoJwt,
  djangoSigned,
  jwt,
  memoryStore,
  type Sessions,
  type SessionsOptions,
} from '../../src/server/index.js'
import { sessionCookie, sessionFixture } from '../../src/server/testing.js'
import { NAME, OLD_SECRET, SECRET, START, textCodec } from './server.helpers.js'

const clock = (): Date => new Date(START)
const dave = { user: 'dave' }

function make(options: Partial<SessionsOptions> = {}): Sessions {
  return createSessions({
    ...(options.codecs ? {} : { secrets: [SECRET, OLD_SECRET] }),
    expose: true,
    clock,
    ...options,
  })
}

describe('sessionCookie', () => {
  test('is a session to the server, in every form', async () => {
    const sessions = make()
    const { cookie, cookies, storageState, header, setCookies, cypress } = await sessionCookie(sessions, dave)
    const session = await sessions.load(header)
    expect(session).toMatchObject({ data: dave, isNew: false, keyIndex: 0, createdAt: clock(), accessedAt: clock() })
    expect(await sessions.commit(session)).toEqual([])
    const value = header.slice(NAME.length + 1)
    expect(cookie).toEqual({
      name: NAME,
      value,
      domain: 'localhost',
      path: '/',
      expires: -1,
      httpOnly: false,
      secure: true,
      sameSite: 'Lax',
    })
    expect(cookies).toEqual([cookie])
    expect(storageState).toEqual({ cookies, origins: [] })
    expect(setCookies).toEqual([`${NAME}=${value}; Path=/; SameSite=Lax; Secure`])
    const options = { domain: 'localhost', hostOnly: true, path: '/', httpOnly: false, secure: true, sameSite: 'lax' }
    expect(cypress).toEqual([[NAME, value, options]])
  })

  test('has the attributes of the sessions', async () => {
    const attributes = {
      domain: '.example.org',
      path: '/app',
      maxAge: '1h',
      sameSite: 'strict',
      expose: false,
    } as const
    const { cookie, cypress } = await sessionCookie(make(attributes), dave, { url: 'https://www.example.org/x' })
    const expires = START / 1000 + 3600
    expect(cookie).toMatchObject({ domain: '.example.org', path: '/app', expires, httpOnly: true, sameSite: 'Strict' })
    const options = { domain: 'example.org', hostOnly: false, path: '/app', expiry: expires, sameSite: 'strict' }
    expect(cypress[0]?.[2]).toMatchObject(options)
  })

  test('ends when a browser would let it end', async () => {
    const at = async (options: Partial<SessionsOptions>): Promise<number> => {
      const { cookie } = await sessionCookie(make(options), dave, { age: '10m' })
      return cookie.expires - START / 1000
    }
    expect(await at({ expires: '1h' })).toBe(3000)
    expect(await at({ maxAge: '30m', expires: '1h' })).toBe(1200)
    expect(await at({ expires: new Date(START + 5000) })).toBe(5)
    expect(await at({ sameSite: 'none', maxAge: '5m' })).toBe(-300)
  })

  test('belongs to the host of the address', async () => {
    const { cookie } = await sessionCookie(make(), dave, { url: 'http://app.test:3000/login' })
    expect(cookie.domain).toBe('app.test')
    await expect(sessionCookie(make(), dave, { url: 'nowhere' })).rejects.toThrow(TypeError)
  })

  test('has its public half', async () => {
    const sessions = make({ expose: ['user'] })
    const { cookies, header } = await sessionCookie(sessions, { user: 'dave', rank: 1 })
    expect(cookies.map(({ name, httpOnly }) => [name, httpOnly])).toEqual([
      [NAME, true],
      [`${NAME}.public`, false],
    ])
    const session = await sessions.load(header)
    expect(session.data).toEqual({ user: 'dave', rank: 1 })
    expect(await sessions.commit(session)).toEqual([])
  })

  test('has all its pieces', async () => {
    const sessions = make({ codecs: [compact({ secrets: SECRET })] })
    const text = Array.from({ length: 5000 }, (_, at) => String.fromCharCode(33 + ((at * at * 7919) % 89))).join('')
    const blob = Array.from({ length: 1200 }, (_, at) => Math.sin(at))
    const { cookies, header } = await sessionCookie(sessions, { blob: blob.slice(0, 450), text: text.slice(0, 10) })
    expect(cookies.map(({ name }) => name)).toEqual([NAME, `${NAME}.1`])
    expect((await sessions.load(header)).data).toEqual({ blob: blob.slice(0, 450), text: text.slice(0, 10) })
  })

  test('may be empty', async () => {
    const sessions = make()
    const { header } = await sessionCookie(sessions, {})
    expect(await sessions.load(header)).toMatchObject({ isNew: false, data: {} })
  })

  test('changes nothing that it was given, and tells nobody', async () => {
    const events: unknown[] = []
    const sessions = make({ on: (event) => events.push(event), mode: 'observe' })
    const data = Object.freeze({ user: 'dave' })
    const { header } = await sessionCookie(sessions, data)
    expect(events).toEqual([])
    expect((await sessions.load(header)).data).toEqual(dave)
  })
})

describe('age', () => {
  test.each([
    ['beakerJwt', beakerJwt({ secrets: SECRET })],
    ['compact', compact({ secrets: SECRET })],
  ])('makes the session older: %s', async (_, codec) => {
    const session = defineSession({ idleTimeout: '30m', absoluteTimeout: '2h' })
    const sessions = make({ codecs: [codec], session })
    const read = async (age: Duration) => await sessions.load((await sessionCookie(sessions, dave, { age })).header)
    const young = await read('10m')
    expect(young).toMatchObject({
      data: dave,
      createdAt: new Date(START - 600_000),
      accessedAt: new Date(START - 600_000),
    })
    // it is due for a touch
    expect(await sessions.commit(young)).toHaveLength(1)
    expect((await read('31m')).rejected?.code).toBe('ERR_SESSION_EXPIRED')
  })

  test('and nothing of it is written twice in a store', async () => {
    const store = memoryStore({ clock })
    const sessions = make({ store, secrets: [SECRET, OLD_SECRET] })
    const ids = new Set<string>()
    const { set } = store
    const watched = make({
      store: {
        ...store,
        set: (id, row) => {
          ids.add(id)
          return set(id, row)
        },
      },
    })
    const { header } = await sessionCookie(watched, dave, { key: 'retired' })
    expect(ids.size).toBe(1)
    expect((await sessions.load(header)).data).toEqual(dave)
  })

  test('must be a duration', async () => {
    await expect(sessionCookie(make(), dave, { age: 'old' as never })).rejects.toThrow('age')
  })
})

describe('remember', () => {
  const day = 86_400

  test.each([
    ['30d', 28 * day, 30 * day],
    [new Date(START + 5000), 5, 5],
    ['browser', -1 - START / 1000, undefined],
    [undefined, 3600 - 2 * day, 3600],
  ] as const)('gives the session its own lifetime: %s', async (wish, left, renewed) => {
    const sessions = make({ maxAge: '1h', expose: ['user'] })
    const { cookies, header } = await sessionCookie(sessions, dave, { age: '2d', ...(wish && { remember: wish }) })
    expect(cookies.map(({ expires }) => expires - START / 1000)).toEqual([left, left])
    const [setCookie = ''] = await sessions.commit(await sessions.load(header))
    expect(setCookie).toContain(NAME)
    expect(/Max-Age=\d+/.exec(setCookie)?.[0]).toBe(renewed && `Max-Age=${renewed}`)
  })

  test('ends on the server, too', async () => {
    const sessions = make({ session: defineSession({ idleTimeout: '1d' }) })
    const rejected = async (age: Duration, remember: Duration | 'browser') => {
      const { header } = await sessionCookie(sessions, dave, { age, remember })
      return (await sessions.load(header)).rejected?.code
    }
    expect(await rejected('29d', '30d')).toBeUndefined()
    expect(await rejected('31d', '30d')).toBe('ERR_SESSION_EXPIRED')
    expect(await rejected('2d', 'browser')).toBe('ERR_SESSION_EXPIRED')
  })

  test('must be what session.remember takes', async () => {
    await expect(sessionCookie(make(), dave, { remember: 'long' as never })).rejects.toThrow('remember()')
  })
})

describe('key', () => {
  const secrets = [SECRET, `${SECRET} two`, OLD_SECRET]

  test.each([
    ['beakerJwt', beakerJwt({ secrets })],
    ['compact', compact({ secrets })],
    ['jwt', jwt({ secrets })],
  ])('signs with an old one: %s', async (_, codec) => {
    const sessions = make({ codecs: [codec], expose: ['user'] })
    for (const [key, index] of [
      [0, 0],
      [1, 1],
      ['retired', 2],
    ] as const) {
      const { header } = await sessionCookie(sessions, dave, { key })
      const session = await sessions.load(header)
      expect(session.keyIndex).toBe(index)
      // what an old key signed moves to the first: session and public half
      expect(await sessions.commit(session)).toHaveLength(index === 0 ? 0 : 2)
    }
    await expect(sessionCookie(sessions, dave, { key: 3 })).rejects.toThrow('"key"')
  })

  test.each([
    ['djangoSigned', djangoSigned({ secretKey: SECRET, fallbacks: [OLD_SECRET] })],
    ['djangoJwt', djangoJwt({ keys: [SECRET, OLD_SECRET] })],
    ['beaker', beaker({ validateKey: [SECRET, OLD_SECRET], serializer: 'json' })],
    [
      'beaker, encrypted',
      beaker({ validateKey: [SECRET, OLD_SECRET], encryptKey: SECRET, cryptoType: 'cryptography', serializer: 'json' }),
    ],
  ])('signs with the retired one of two: %s', async (_, codec) => {
    const sessions = make({ codecs: [codec], expose: false })
    const { header } = await sessionCookie(sessions, dave, { key: 'retired' })
    expect(await sessions.load(header)).toMatchObject({ data: dave, keyIndex: 1 })
    await expect(sessionCookie(sessions, dave, { key: 2 })).rejects.toThrow('"key"')
  })

  test.each([-1, 1.5, 'old'])('must be one: %j', async (key) => {
    await expect(sessionCookie(make(), dave, { key: key as never })).rejects.toThrow('"key"')
  })

  test('is not there with one key, or a codec that knows of none', async () => {
    await expect(sessionCookie(make({ secrets: SECRET }), dave, { key: 'retired' })).rejects.toThrow('none is retired')
    const codecs = [textCodec('text')]
    await expect(sessionCookie(make({ codecs, expose: false }), dave, { key: 1 })).rejects.toThrow('a key 1')
  })
})

test('sessions that are read only sign nothing', async () => {
  const sessions = createSessions({ secrets: SECRET, expose: true, readOnly: true })
  await expect(sessionCookie(sessions as Sessions, dave)).rejects.toThrow('read only')
})

test('what the server refuses is refused here', async () => {
  await expect(sessionCookie(make(), { bad: () => {} })).rejects.toMatchObject({ code: 'ERR_SESSION_UNWRITABLE' })
})

describe('the fixture', () => {
  test('puts the cookies into the context of a test, at its base address', async () => {
    const given: unknown[] = []
    const context = { addCookies: async (cookies: unknown[]) => void given.push(...cookies) }
    const { signIn } = sessionFixture(make({ expose: ['user'] }))
    // as the runner does it: it reads which fixtures are wanted
    expect(signIn.toString()).toMatch(
      /^(?:async\s*)?(?:signIn\s*)?\(\{\s*context\b[^,{}]*,\s*baseURL\b[^,{}]*\},\s*use\w*\)/,
    )
    let cookies: unknown[] = []
    await signIn({ context, baseURL: 'http://app.test:3000' }, async (use) => {
      ;({ cookies } = await use(dave))
      await use(dave, { url: 'http://other.test' })
    })
    expect(given).toHaveLength(4)
    expect(given.slice(0, 2)).toEqual(cookies)
    expect(given.map((cookie) => (cookie as { domain: string }).domain)).toEqual([
      'app.test',
      'app.test',
      'other.test',
      'other.test',
    ])
  })
})
