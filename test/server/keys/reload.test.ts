/** Secrets and keys that functions give: asked again while requests go on. Threats 29, 36 and 52. */
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { platform } from '#platform'
import {
  beaker,
  beakerJwt,
  compact,
  createKeys,
  createSessions,
  defineSession,
  djangoJwt,
  djangoLogin,
  djangoSession,
  djangoSigned,
  djangoStore,
  djangoUser,
  jwe,
  jwt,
  type KeyInput,
  type SecretSource,
  type SessionCodec,
  type SessionEvent,
  verifySessions,
} from '../../../src/server/index.js'
import { expectWithout, OLD_SECRET, rejection, SECRET, testBrowser } from '../server.helpers.js'
import { pairFor } from './keys.helpers.js'

const session = defineSession({ name: 'sid' })
const pair = (name: string): KeyInput => ({ key: pairFor('ES256', name).privateKey, kid: name.slice(10, 13) })

/** The first of `list` signs, all verify, as far as the format has a list. */
const CODECS: Record<string, (list: SecretSource<string[]>, reloadEvery?: number) => SessionCodec> = {
  beakerJwt: (secrets, reloadEvery) => beakerJwt({ secrets, ...every(reloadEvery) }),
  compact: (secrets, reloadEvery) => compact({ secrets, ...every(reloadEvery) }),
  jwe: (secrets, reloadEvery) => jwe({ secrets, ...every(reloadEvery) }),
  jwt: (secrets, reloadEvery) => jwt({ secrets, ...every(reloadEvery) }),
  djangoJwt: (secrets, reloadEvery) => djangoJwt({ secrets, fields: ['user', 'visits'], ...every(reloadEvery) }),
  beaker: (validateKey, reloadEvery) => beaker({ validateKey, ...every(reloadEvery) }),
  djangoSigned: (list, reloadEvery) =>
    djangoSigned({
      secretKey: async () => (await list())[0] as string,
      fallbacks: async () => (await list()).slice(1),
      ...every(reloadEvery),
    }),
  'jwt, key pairs': (list, reloadEvery) => jwt({ keys: async () => (await list()).map(pair), ...every(reloadEvery) }),
  'djangoJwt, one key': (list, reloadEvery) =>
    djangoJwt({
      key: async () => pair((await list())[0] as string),
      fields: ['user', 'visits'],
      ...every(reloadEvery),
    }),
}
/** Without a list of keys. */
const ONE_KEY = ['djangoJwt, one key']

function every(reloadEvery: number | undefined): { reloadEvery?: number } {
  return reloadEvery === undefined ? {} : { reloadEvery }
}

/** A source that a test can change, stop and count. */
function testSource(keys: string[]) {
  const state = { keys, fails: false, calls: 0 }
  const source = async (): Promise<string[]> => {
    state.calls++
    if (state.fails) throw new Error('the vault is sealed')
    return state.keys
  }
  return Object.assign(source, { state })
}

function serve(codec: SessionCodec) {
  const events: SessionEvent[] = []
  const sessions = createSessions({
    session,
    codecs: [codec],
    expose: codec.readable && ['user'],
    touchEvery: 0,
    on: (event) => events.push(event),
  })
  const sign = async (): Promise<string> => {
    const browser = testBrowser()
    const loaded = await sessions.load('')
    Object.assign(loaded.data, { user: 'dave' })
    browser.take(await sessions.commit(loaded))
    return browser.cookie
  }
  return { sessions, events, sign, keys: () => events.filter(({ type }) => type === 'keys') }
}

/** Numbers from 0 to 1, the same in each run. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds))

describe.each(Object.entries(CODECS))('%s', (name, make) => {
  test('sessions.reload(): a removed key verifies nothing, not even what is remembered', async () => {
    const source = testSource([OLD_SECRET])
    const { sessions, sign } = serve(make(source))
    const cookie = await sign()
    for (let visit = 0; visit < 3; visit++) expect((await sessions.load(cookie)).data).toEqual({ user: 'dave' })
    source.state.keys = [SECRET]
    await sessions.reload()
    const { data, rejected } = await sessions.load(cookie)
    expect([data, rejected?.code]).toEqual([{}, 'ERR_SESSION_SIGNATURE'])
    expect((await sessions.load(await sign())).data).toEqual({ user: 'dave' })
  })

  test('a reload that fails keeps the last good keys, tells, and rejects', async () => {
    const source = testSource([SECRET])
    const { sessions, sign, keys } = serve(make(source))
    const cookie = await sign()
    for (const change of [
      { fails: true },
      { fails: false, keys: ['True'] },
      { keys: [undefined as never] },
      { keys: [] },
    ]) {
      if (name.includes('key pairs') && change.keys?.[0] !== undefined) continue
      if (name.includes('one key') && change.keys !== undefined) continue
      Object.assign(source.state, change)
      const before = keys().length
      const error = await rejection('ERR_SESSION_KEYS', sessions.reload())
      expect(keys().slice(before)).toMatchObject([{ code: 'ERR_SESSION_KEYS', codecIndex: 0 }])
      expectWithout([keys()], ['True', 'swordfish', 'sealed'])
      expect(error.message).not.toContain('sealed')
      expect((await sessions.load(cookie)).data).toEqual({ user: 'dave' })
    }
    Object.assign(source.state, { fails: false, keys: [SECRET] })
    await sessions.reload()
    expect(keys().at(-1)?.code).toBeUndefined()
  })

  test('after reloadEvery the next request that comes after a silence waits for the new keys', async () => {
    const source = testSource([OLD_SECRET])
    const { sessions, sign } = serve(make(source, 0.001))
    const cookie = await sign()
    source.state.keys = [SECRET]
    await pause(20)
    expect((await sessions.load(cookie)).rejected?.code).toBe('ERR_SESSION_SIGNATURE')
  })

  test.skipIf(ONE_KEY.includes(name))(
    'without a reload it is asked once, and concurrent requests share a call',
    async () => {
      const source = testSource([SECRET])
      const { sessions, sign } = serve(make(source))
      const [cookie = ''] = await Promise.all(Array.from({ length: 10 }, sign))
      const calls = source.state.calls
      expect(calls).toBe(name === 'djangoSigned' ? 2 : 1)
      await sessions.load(cookie)
      await Promise.all(Array.from({ length: 5 }, () => sessions.reload()))
      expect(source.state.calls).toBe(2 * calls)
    },
  )
})

test('with the same secrets what is remembered still counts, also if they stand in a new list', async () => {
  const state = { secrets: [SECRET, OLD_SECRET] }
  const { sessions, sign } = serve(
    beakerJwt({ secrets: () => state.secrets.map((secret) => new TextEncoder().encode(secret)) }),
  )
  const [cookie] = (await sign()).split('; ')
  await sessions.load(cookie)
  const inflate = vi.spyOn(platform, 'inflate')
  onTestFinished(() => inflate.mockRestore())
  const opened = async (): Promise<number> => {
    inflate.mockClear()
    expect((await sessions.load(cookie)).data).toEqual({ user: 'dave' })
    return inflate.mock.calls.length
  }
  await sessions.reload()
  expect(await opened()).toBe(0)
  // With another list, all is verified anew.
  state.secrets = [SECRET]
  await sessions.reload()
  expect(await opened()).toBe(1)
})

test('tokens of csrfToken() of a removed secret are refused', async () => {
  const source = testSource([OLD_SECRET])
  const { sessions } = serve(beakerJwt({ secrets: source }))
  const browser = testBrowser()
  const first = await sessions.load('')
  const token = first.csrfToken()
  Object.assign(first.data, { user: 'dave' })
  browser.take(await sessions.commit(first))
  source.state.keys = [SECRET, OLD_SECRET]
  await sessions.reload()
  const second = await sessions.load(browser.cookie)
  expect(second.verifyCsrf(token)).toBe(true)
  browser.take(await sessions.commit(second))
  source.state.keys = [SECRET]
  await sessions.reload()
  const third = await sessions.load(browser.cookie)
  expect([third.data, third.verifyCsrf(token)]).toEqual([{ user: 'dave' }, false])
  expect(third.verifyCsrf(third.csrfToken())).toBe(true)
})

test('a public cookie by a removed key is written anew', async () => {
  const source = testSource([OLD_SECRET])
  const { sessions } = serve(beakerJwt({ secrets: source }))
  const browser = testBrowser()
  const first = await sessions.load('')
  Object.assign(first.data, { user: 'dave' })
  browser.take(await sessions.commit(first))
  const old = browser.cookies.get('sid.public')
  await sessions.load(browser.cookie)
  source.state.keys = [SECRET, OLD_SECRET]
  await sessions.reload()
  browser.take(await sessions.commit(await sessions.load(browser.cookie)))
  expect(browser.cookies.get('sid.public')).not.toBe(old)
})

test('two codecs with keys of one kid, and different keys, never mix (also after a reload)', async () => {
  const tenants = ['one', 'two'].map((name) => {
    const key = pairFor('ES256', `of tenant ${name}`).privateKey
    return serve(jwt({ keys: async () => ({ key, kid: 'main' }) }))
  })
  const [first, second] = tenants as [(typeof tenants)[0], (typeof tenants)[0]]
  const cookies = [await first.sign(), await second.sign()] as const
  for (let round = 0; round < 2; round++) {
    for (const [at, { sessions }] of [first, second].entries()) {
      expect((await sessions.load(cookies[at] as string)).data).toEqual({ user: 'dave' })
      expect((await sessions.load(cookies[1 - at] as string)).rejected?.code).toBe('ERR_SESSION_SIGNATURE')
    }
    await Promise.all([first.sessions.reload(), second.sessions.reload()])
  }
})

test('two codecs with secrets of their own never mix what they remember', async () => {
  const [first, second] = [SECRET, OLD_SECRET].map((secret) =>
    serve(beakerJwt({ secrets: () => secret })),
  ) as never as [ReturnType<typeof serve>, ReturnType<typeof serve>]
  const cookie = await first.sign()
  await first.sessions.load(cookie)
  expect((await second.sessions.load(cookie)).data).toEqual({})
})

describe('reload() of sessions', () => {
  test('loads rings, files and addresses again, each once', async () => {
    const ring = vi.fn(() => pair(SECRET))
    const keys = createKeys(ring)
    const secrets = vi.fn(() => SECRET)
    const sessions = verifySessions({
      session,
      codecs: [jwt({ keys }), jwt({ keys, expires: '1h' }), compact({ secrets })],
    })
    await sessions.ready()
    await sessions.reload()
    expect([ring.mock.calls.length, secrets.mock.calls.length]).toEqual([2, 2])
  })

  test('with secrets that are values there is nothing to do', async () => {
    await expect(serve(compact({ secrets: SECRET })).sessions.reload()).resolves.toBeUndefined()
  })
})

test.each([
  ['beakerJwt', () => beakerJwt({ secrets: SECRET, reloadEvery: '1m' })],
  ['beaker', () => beaker({ validateKey: SECRET, reloadEvery: '1m' })],
  ['djangoSigned', () => djangoSigned({ secretKey: SECRET, reloadEvery: '1m' })],
])('reloadEvery of %s without a function would do nothing, and is refused', (_, make) => {
  expect(make).toThrow('Option "reloadEvery" needs secrets from a function')
})

test('reloadEvery of createSessions is for its own secrets', () => {
  const codecs = [beakerJwt({ secrets: SECRET })]
  expect(() => createSessions({ codecs, reloadEvery: '1m', expose: false })).toThrow('belongs to the codecs')
  expect(() => createSessions({ secrets: () => SECRET, reloadEvery: 'often' as '1m', expose: false })).toThrow(
    'reloadEvery',
  )
})

test('a value that is signed while its key goes is signed again', async () => {
  const context = { cookieName: 'sid', purpose: 'session', now: new Date() } as const
  let after = 0
  // Microtasks by which signing begins before the reload, or after it.
  for (let lead = -20; lead <= 20; lead++) {
    const source = testSource([OLD_SECRET])
    const codec = beakerJwt({ secrets: source })
    const { sessions } = serve(codec)
    await sessions.ready()
    const begin = async <T>(wait: number, work: () => Promise<T>): Promise<T> => {
      for (let turn = 0; turn < wait; turn++) await undefined
      return await work()
    }
    let isReloaded = false
    const reloading = begin(lead, async () => {
      source.state.keys = [SECRET]
      await sessions.reload()
      isReloaded = true
    })
    const value = await begin(-lead, async () => await (codec as Required<SessionCodec>).sign({ data: {} }, context))
    const isAfter = isReloaded
    await reloading
    if (!isAfter) continue
    after++
    await expect(codec.verify(value, context)).resolves.toMatchObject({ data: {} })
  }
  expect(after).toBeGreaterThan(0)
})

describe("Django's secrets from functions", () => {
  const password = 'pbkdf2_sha256$1$salt$hash'
  const user = (id: string) => ({ id, password })

  test('of the store: sessions.reload(), the event keys, and rows of a removed secret', async () => {
    const source = testSource([OLD_SECRET])
    const rows = new Map<unknown, { session_data: unknown; expire_date: unknown }>()
    // As much of a database as djangoStore asks for.
    const execute = async (sql: string, [key, data, end]: readonly unknown[]) => {
      if (sql.startsWith('INSERT')) rows.set(key, { session_data: data, expire_date: end })
      if (sql.startsWith('DELETE')) rows.delete(key)
      return sql.startsWith('SELECT') && rows.has(key) ? [rows.get(key) as never] : []
    }
    const secretKey = async () => (await source())[0] as string
    const store = djangoStore({ execute, dialect: 'sqlite', secretKey, secretKeyFallbacks: () => [] })
    const events: SessionEvent[] = []
    const sessions = createSessions({
      session: defineSession({ name: 'sessionid' }),
      codecs: [djangoSession()],
      store,
      expose: false,
      on: (event) => events.push(event),
    })
    expect(source.state.calls).toBe(0)
    await sessions.ready()
    const browser = testBrowser()
    const first = await sessions.load('')
    Object.assign(first.data, { user: 'dave' })
    browser.take(await sessions.commit(first))
    expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'dave' })
    source.state.fails = true
    await rejection('ERR_SESSION_KEYS', sessions.reload())
    expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'dave' })
    Object.assign(source.state, { fails: false, keys: [SECRET] })
    await sessions.reload()
    expect((await sessions.load(browser.cookie)).rejected?.code).toBe('ERR_SESSION_SIGNATURE')
    const told = events.filter(({ type }) => type === 'keys')
    expect(told.map(({ code, codec }) => [code, codec])).toEqual([
      [undefined, undefined],
      ['ERR_SESSION_KEYS', undefined],
      [undefined, undefined],
    ])
  })

  test('that fail at first: load rejects with ERR_SESSION_KEYS, not as an outage of the store', async () => {
    const execute = () =>
      [
        {
          session_data: 'eyJhIjoxfQ:1r31eq:CKc0KM_C9PJNSMGnxVkD2Ejvs1QBM3AqYG-sIXUg0h8',
          expire_date: '2999-01-01 00:00:00',
        },
      ] as never
    const store = djangoStore({ execute, dialect: 'sqlite', secretKey: () => Promise.reject(new Error('sealed')) })
    const sessions = createSessions({ session, codecs: [djangoSession()], store, expose: false })
    await rejection('ERR_SESSION_KEYS', sessions.load(`sid=${'a'.repeat(32)}`))
    await rejection('ERR_SESSION_KEYS', sessions.ready())
  })

  test('of djangoLogin and djangoUser: asked once for each object of options', async () => {
    const source = testSource([SECRET])
    const secretKey = async () => (await source())[0] as string
    const login = { secretKey }
    const data = await djangoLogin(user('5'), login)
    await djangoLogin(user('5'), login)
    expect(source.state.calls).toBe(1)
    const options = { secretKey, user, secretKeyFallbacks: async () => [OLD_SECRET] }
    expect(await djangoUser({ data }, options)).toMatchObject({ id: '5' })
    expect(await djangoUser({ data }, { ...options, secretKey: () => 'another secret of 32 bytes or more' })).toBeNull()
    await rejection('ERR_SESSION_KEYS', djangoUser({ data }, { ...options, secretKey: () => undefined as never }))
    await rejection('ERR_SESSION_KEYS', djangoLogin(user('5'), { secretKey: () => 'short' }))
  })

  test('of djangoUser: after reloadEvery a hash by a removed secret counts no more', async () => {
    const source = testSource([OLD_SECRET])
    const secretKey = async () => (await source())[0] as string
    const options = { secretKey, user, reloadEvery: 0.001 }
    const data = await djangoLogin(user('5'), { secretKey: OLD_SECRET })
    expect(await djangoUser({ data }, options)).toMatchObject({ id: '5' })
    source.state.keys = [SECRET]
    await pause(20)
    expect(await djangoUser({ data }, options)).toBeNull()
  })
})

test('under load, with a list that changes at random: no session is lost that the lists keep', async () => {
  const random = randomFrom(15)
  const names = ['one', 'two', 'six', 'ten'].map((name) => SECRET.replace('one', name))
  for (const make of [CODECS.beakerJwt, CODECS.compact, CODECS['jwt, key pairs']] as const) {
    const source = testSource([names[0] as string])
    // The source answers late, so that requests run beside it.
    const { sessions, events } = serve(
      (make as (typeof CODECS)['compact'])(async () => {
        await pause(random() * 3)
        return await source()
      }),
    )
    const browsers = Array.from({ length: 8 }, () => testBrowser())
    let counted = 0
    const visit = async (browser: (typeof browsers)[number]): Promise<void> => {
      const loaded = await sessions.load(browser.cookie)
      expect(loaded.rejected).toBeUndefined()
      const data = loaded.data as { visits?: number }
      data.visits = (data.visits ?? 0) + 1
      await pause(random() * 3)
      browser.take(await sessions.commit(loaded))
      counted++
    }
    for (let step = 1; step <= 6; step++) {
      // The next one comes first and the one before stays, as docs/keys.md says; every session is written in between.
      const next = names[step % names.length] as string
      source.state.keys = [next, names[(step - 1) % names.length] as string]
      await Promise.all([...browsers.map(visit), sessions.reload(), ...browsers.slice(4).map(() => sessions.load(''))])
      await Promise.all(browsers.map(visit))
      source.state.keys = [next]
      await Promise.all([sessions.reload(), ...(random() < 0.5 ? [sessions.reload()] : [])])
      // Nothing that the removed key signed is left, and nothing by it goes out any more.
      for (const browser of browsers) expect((await sessions.load(browser.cookie)).data).toEqual({ visits: 2 * step })
    }
    expect(counted).toBe(2 * 6 * browsers.length)
    expect(events.filter(({ type }) => type === 'rejected')).toEqual([])
  }
})
