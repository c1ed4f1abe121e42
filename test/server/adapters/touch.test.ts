/** The handler that renews a session for a page in use, with fetch requests. Real servers: test/frameworks/touch.test.ts. */
import { describe, expect, test } from 'vitest'
import {
  compact,
  createSessions,
  defineSession,
  jwt,
  memoryStore,
  type SecretSource,
  SessionError,
  type SessionStore,
  type Sessions,
  type SessionsOptions,
  touchHandler,
} from '../../../src/server/index.js'
import {
  type Browser,
  dave,
  expiredOf,
  NAME,
  namesOf,
  SECRET,
  START,
  testBrowser,
  testClock,
  textCodec,
} from '../server.helpers.js'

const URL_OF_TOUCH = 'https://app.example/session'
const SAME_ORIGIN = { 'sec-fetch-site': 'same-origin' }
const DAY = 86_400

interface Served {
  sessions: Sessions
  browser: Browser
  clock: ReturnType<typeof testClock>
  /** The page asks. */
  touch(headers?: Record<string, string>): Promise<Response>
}

async function signedIn(
  options: Partial<SessionsOptions> = {},
  {
    idleTimeout = 1800,
    absoluteTimeout,
    wish,
  }: { idleTimeout?: number | false; absoluteTimeout?: number; wish?: string | Date } = {},
): Promise<Served> {
  const clock = testClock()
  const browser = testBrowser()
  const sessions = createSessions({
    session: defineSession({ idleTimeout, ...(absoluteTimeout === undefined ? {} : { absoluteTimeout }) }),
    ...(options.codecs ? {} : { secrets: SECRET }),
    expose: ['user'],
    clock,
    ...options,
  } as SessionsOptions)
  const session = await sessions.load(null)
  dave(session.data)
  if (wish !== undefined) session.remember(wish as '1d')
  browser.take(await sessions.commit(session))
  const handle = touchHandler(sessions)
  return {
    sessions,
    browser,
    clock,
    async touch(headers = SAME_ORIGIN) {
      const response = await handle(ask(browser.cookie, headers))
      browser.take(response.headers.getSetCookie())
      return response
    },
  }
}

function ask(cookie: string, headers: Record<string, string> = SAME_ORIGIN, method = 'POST'): Request {
  return new Request(URL_OF_TOUCH, { method, headers: { ...headers, ...(cookie === '' ? {} : { cookie }) } })
}

async function outcome(response: Response): Promise<[status: number, cookies: string[], body: string]> {
  expect(response.headers.get('cache-control')).toBe('no-store')
  return [response.status, namesOf(response.headers.getSetCookie()), await response.text()]
}

describe('renews the session', () => {
  test('now, though touchEvery would not yet, and its public cookie with it', async () => {
    const { sessions, browser, clock, touch } = await signedIn({ touchEvery: '10m' })
    clock.pass(5)
    expect(await sessions.commit(await sessions.load(browser.cookie))).toEqual([])
    expect(await outcome(await touch())).toEqual([204, [NAME, `${NAME}.public`], ''])
    const { accessedAt, createdAt, expiresAt, data } = await sessions.load(browser.cookie)
    expect([accessedAt, createdAt, expiresAt].map(Number)).toEqual([START + 5000, START, START + 1_805_000])
    expect(data).toEqual({ user: 'dave' })
  })

  test('again and again, past its idle timeout; without that it has ended', async () => {
    const { browser, clock, touch } = await signedIn()
    const before = browser.cookie
    for (let visit = 0; visit < 4; visit++) {
      clock.pass(1000)
      expect((await touch()).status).toBe(204)
    }
    const { sessions } = await signedIn({ clock })
    expect(await outcome(await touchHandler(sessions)(ask(before)))).toEqual([401, [], ''])
  })

  test('up to its absolute end and not past that', async () => {
    const { sessions, browser, clock, touch } = await signedIn({}, { absoluteTimeout: 2000 })
    clock.pass(1500)
    expect((await touch()).status).toBe(204)
    expect(Number((await sessions.load(browser.cookie)).expiresAt)).toBe(START + 2_000_000)
    clock.pass(501)
    expect(await outcome(await touch())).toEqual([401, [], ''])
  })

  test.each<[string, string | Date, string, number]>([
    ['30d', '30d', 'Max-Age=2592000', START + (10 + 30 * DAY) * 1000],
    ['a time', new Date(START + DAY * 1000), 'Expires=Wed, 15 Nov 2023 22:13:20 GMT', START + DAY * 1000],
    ['browser', 'browser', '', START + 1_810_000],
  ])('for as long as it wants for itself: %s', async (_, wish, attribute, end) => {
    const { sessions, browser, clock, touch } = await signedIn({ maxAge: '1d' }, { wish })
    clock.pass(10)
    const response = await touch()
    expect([response.status, response.headers.getSetCookie().length]).toEqual([204, 2])
    for (const cookie of response.headers.getSetCookie()) {
      if (attribute) expect(cookie).toContain(`; ${attribute}`)
      else expect(cookie).not.toMatch(/Max-Age|Expires/)
    }
    expect(Number((await sessions.load(browser.cookie)).expiresAt)).toBe(end)
  })

  test('with a store, and the row stays as it is but for its end', async () => {
    const store = memoryStore({ clock: () => new Date(START) })
    const { sessions, browser, clock, touch } = await signedIn({ store })
    const { id } = await sessions.load(browser.cookie)
    const before = await store.get(id)
    clock.pass(5)
    expect(await outcome(await touch())).toEqual([204, [NAME, `${NAME}.public`], ''])
    expect(await store.get(id)).toMatchObject({ data: before?.data, expiresAt: new Date(START + 1_805_000) })
  })

  test('together with what the request has changed before', async () => {
    const { sessions, browser, touch } = await signedIn()
    const request = ask(browser.cookie)
    ;(await sessions.load(request)).data.visits = 1
    const response = await touchHandler(sessions)(request)
    browser.take(response.headers.getSetCookie())
    expect(response.status).toBe(204)
    expect((await touch()).status).toBe(204)
    expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'dave', visits: 1 })
  })

  test('but writes nothing in observe mode', async () => {
    const { sessions, browser } = await signedIn()
    const observing = touchHandler(sessions.with({ mode: 'observe' }))
    expect(await outcome(await observing(ask(browser.cookie)))).toEqual([204, [], ''])
  })

  test('of the request’s tenant', async () => {
    const { sessions } = await signedIn({ codecs: [compact({ secrets: SECRET })] })
    const tenants = new Map(['app.example', 'other.example'].map((tenant) => [tenant, sessions.with({ tenant })]))
    const own = tenants.get('app.example') as Sessions
    const session = await own.load(null)
    dave(session.data)
    const [cookie = ''] = await own.commit(session)
    const handle = touchHandler((request: Request) => tenants.get(new URL(request.url).hostname) as Sessions)
    const at = (url: string): Promise<Response> =>
      handle(new Request(url, { method: 'POST', headers: { ...SAME_ORIGIN, cookie: cookie.split(';')[0] as string } }))
    expect((await at(URL_OF_TOUCH)).status).toBe(204)
    expect((await at('https://other.example/')).status).toBe(401)
    await expect(at('https://third.example/')).rejects.toThrow('touchHandler takes what createSessions() returns')
  })
})

describe('nothing to renew', () => {
  test('no cookie, a forged one, and one that has expired: none is set and none expires', async () => {
    const { browser, clock, sessions } = await signedIn({}, { absoluteTimeout: 60 })
    const handle = touchHandler(sessions)
    const valid = browser.cookie
    expect(await outcome(await handle(ask('')))).toEqual([401, [], ''])
    expect(await outcome(await handle(ask(`${NAME}=eyJhbGciOiJub25lIn0.eyJ1c2VyIjoiZXZlIn0.`)))).toEqual([401, [], ''])
    clock.pass(61)
    expect(await outcome(await handle(ask(valid)))).toEqual([401, [], ''])
  })

  test('a new session that the request has begun is not saved', async () => {
    const { sessions } = await signedIn()
    const request = ask('')
    dave((await sessions.load(request)).data)
    expect(await outcome(await touchHandler(sessions)(request))).toEqual([401, [], ''])
  })

  test.each<[string, Partial<SessionsOptions>]>([
    ['in a store', { store: memoryStore({ clock: () => new Date(START) }) }],
    ['in a cookie with a version', { codecs: [compact({ secrets: SECRET })] }],
  ])('one that another request destroys meanwhile, %s, stays destroyed', async (_, options) => {
    const { sessions, browser } = await signedIn(options)
    const request = ask(browser.cookie)
    await sessions.load(request)
    await sessions.destroy(await sessions.load(browser.cookie))
    expect(await outcome(await touchHandler(sessions)(request))).toEqual([401, [], ''])
  })

  test('a rule of the application ends it', async () => {
    const { browser, clock, sessions } = await signedIn()
    clock.pass(5)
    const ending = sessions.with({ expires: () => new Date(START) })
    const [status, names] = await outcome(await touchHandler(ending)(ask(browser.cookie)))
    expect([status, names]).toEqual([401, [NAME, `${NAME}.public`]])
    expect(expiredOf((await touchHandler(ending)(ask(browser.cookie))).headers.getSetCookie())).toHaveLength(2)
  })
})

describe('who may ask', () => {
  test.each(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS'])('%s is no touch', async (method) => {
    const { browser } = await signedIn()
    const handle = touchHandler(() => {
      throw new Error('never asked')
    })
    const response = await handle(ask(browser.cookie, SAME_ORIGIN, method))
    expect(response.headers.get('allow')).toBe('POST')
    expect(await outcome(response)).toEqual([405, [], ''])
  })

  const own = 'https://app.example'
  test.each<[status: number, headers: Record<string, string>]>([
    [204, { 'sec-fetch-site': 'same-origin', origin: own }],
    [403, { 'sec-fetch-site': 'same-site', origin: 'https://evil.app.example' }],
    [403, { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
    [403, { 'sec-fetch-site': 'none' }],
    [403, { 'sec-fetch-site': 'same-origin, cross-site' }],
    [403, { 'sec-fetch-site': 'cross-site', origin: own }],
    [403, { 'sec-fetch-site': '', origin: own }],
    // Older browsers, and plain HTTP.
    [204, { origin: own }],
    [204, { origin: 'http://app.example' }],
    [403, { origin: 'https://app.example:8443' }],
    [403, { origin: 'https://app.example.evil.example' }],
    [403, { origin: 'https://evil.example' }],
    [403, { origin: 'null' }],
    [403, {}],
    [204, { origin: 'https://shop.example', host: 'shop.example' }],
    [403, { origin: own, host: 'shop.example' }],
    [204, { 'sec-fetch-site': 'same-site', origin: 'https://trusted.app.example' }],
    [204, { 'sec-fetch-site': 'cross-site', origin: 'https://trusted.app.example' }],
    [204, { origin: 'https://trusted.app.example', host: 'shop.example' }],
    [403, { origin: 'http://trusted.app.example' }],
  ])('%i for %o', async (status, headers) => {
    const { sessions, browser } = await signedIn()
    const handle = touchHandler(sessions, { origins: ['https://trusted.app.example'] })
    const cookies = status === 204 ? [NAME, `${NAME}.public`] : []
    expect(await outcome(await handle(ask(browser.cookie, headers)))).toEqual([status, cookies, ''])
  })

  test.each([
    'https://app.example',
    ['https://app.example/'],
    ['app.example'],
    ['*'],
    ['null'],
    [new URL('https://app.example')],
  ])('%o are no origins', async (origins) => {
    const { sessions } = await signedIn()
    expect(() => touchHandler(sessions, { origins: origins as string[] })).toThrow(/^Option "origins" must be a list/)
  })
})

describe('an outage', () => {
  test('of the store is 503, at every step, and sets nothing', async () => {
    const memory = memoryStore({ clock: () => new Date(START) })
    const fails = new Set<string>()
    const store: SessionStore = {
      ...memory,
      get(id) {
        if (fails.has('get')) throw new Error('down')
        return memory.get(id)
      },
      touch(id, end) {
        if (fails.has('touch')) throw new Error('down')
        return memory.touch?.(id, end)
      },
    }
    const { touch } = await signedIn({ store })
    for (const step of ['get', 'touch']) {
      fails.add(step)
      const response = await touch()
      expect([response.status, response.headers.getSetCookie()]).toEqual([503, []])
      fails.clear()
    }
    expect((await touch()).status).toBe(204)
  })

  test('of the keys that sign is 503: the session was not renewed', async () => {
    let isDown = false
    const secrets: SecretSource = () => [SECRET]
    const codec = jwt({ secrets, expires: '1h' })
    const sign = codec.sign as NonNullable<typeof codec.sign>
    const failing: typeof codec = {
      ...codec,
      async sign(record, context) {
        if (isDown) throw new SessionError('ERR_SESSION_KEYS', 'down')
        return await sign(record, context)
      },
    }
    const { touch, browser, sessions } = await signedIn({ codecs: [failing] })
    isDown = true
    const request = ask(browser.cookie)
    const response = await touchHandler(sessions)(request)
    expect([response.status, response.headers.getSetCookie()]).toEqual([503, []])
    // The answer of the outage is no reason to write it once more.
    expect(await sessions.commit(await sessions.load(request))).toEqual([])
    isDown = false
    expect((await touch()).status).toBe(204)
  })

  test('what is no outage is the caller’s', async () => {
    const codec = textCodec('first')
    const full = { ...codec }
    const { browser, sessions } = await signedIn({ codecs: [full], expose: false })
    full.sign = async () => {
      throw new SessionError('ERR_SESSION_UNWRITABLE', 'no such type')
    }
    await expect(touchHandler(sessions)(ask(browser.cookie))).rejects.toMatchObject({ code: 'ERR_SESSION_UNWRITABLE' })
  })
})
