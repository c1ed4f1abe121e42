/** A session ends on the server without anybody asking for it; what another system has configured counts before that. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { platform } from '#platform'
import { getSession } from '../../../src/client/index.js'
import {
  beakerJwt,
  compact,
  createSessions,
  defineSession,
  djangoSigned,
  djangoStore,
  fromBeakerConfig,
  jwt,
  memoryStore,
  type SessionsOptions,
  verifySessions,
  wsgiJwtSession,
} from '../../../src/server/index.js'
import { SECRET, START, testBrowser, testClock } from '../server.helpers.js'

const secrets = [SECRET]
const DAY = 86_400

afterEach(() => vi.restoreAllMocks())

async function signIn(options: Partial<SessionsOptions>) {
  const clock = testClock()
  const browser = testBrowser()
  const sessions = createSessions({
    expose: ['user'],
    clock,
    ...options,
    codecs: options.codecs ?? [beakerJwt({ secrets })],
  })
  const session = await sessions.load('')
  session.data.user = 'dave'
  const cookies = await sessions.commit(session)
  browser.take(cookies)
  return { sessions, browser, clock, cookies, expiresAt: session.expiresAt }
}

describe('14 days', () => {
  test.each<[string, Partial<SessionsOptions>]>([
    ['without a definition', {}],
    ['of a definition', { session: defineSession({}) }],
    ['of plain claims', { codecs: [jwt({ secrets })] }],
    ['with a store', { store: memoryStore({ clock: () => new Date(START) }) }],
  ])('%s: server and page agree, and no cookie lasts longer for it', async (_, options) => {
    const { sessions, browser, clock, cookies } = await signIn(options)
    expect(cookies.join()).not.toMatch(/Max-Age|Expires/)
    clock.pass(14 * DAY)
    expect((await sessions.load(browser.cookie)).data).toMatchObject({ user: 'dave' })
    expect(getSession(defineSession({}), { cookie: browser.cookie, now: clock() })).toEqual({ user: 'dave' })
    clock.pass(31)
    expect((await sessions.load(browser.cookie)).rejected?.code).toBe('ERR_SESSION_EXPIRED')
    expect(getSession(defineSession({}), { cookie: browser.cookie, now: clock() })).toBeNull()
  })

  test('an absolute timeout alone is the only end', async () => {
    expect(defineSession({ absoluteTimeout: '90d' })).not.toHaveProperty('idleTimeout')
    expect(defineSession({ idleTimeout: undefined as unknown as '1s' }).idleTimeout).toBe(14 * DAY * 1000)
  })

  test.each([0, true, null, '0s'])('idleTimeout %s is a mistake', (idleTimeout) => {
    expect(() => defineSession({ idleTimeout: idleTimeout as false })).toThrow(TypeError)
  })
})

describe('no end', () => {
  test('is named in the warnings, and once at start', async () => {
    const warn = vi.spyOn(platform, 'warn').mockImplementation(() => {})
    const session = defineSession({ name: 'endless', idleTimeout: false })
    for (let start = 0; start < 2; start++) {
      const { sessions, browser, clock, expiresAt } = await signIn({ session })
      expect(sessions.warnings.join()).toContain('never expire')
      expect(expiresAt).toBeUndefined()
      clock.pass(7300 * DAY)
      expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'dave' })
    }
    expect(verifySessions({ session, codecs: [beakerJwt({ secrets })] }).warnings.join()).toContain('never expire')
    expect(warn.mock.calls).toEqual([['ERR_SESSION_ENDLESS', expect.stringContaining('(endless)')]])
  })

  test.each([
    ['a timeout', { session: defineSession({ name: 'a', idleTimeout: 60 }) }],
    ['an absolute timeout', { session: defineSession({ name: 'b', absoluteTimeout: 60 }) }],
    ['the default', {}],
    [
      'an end in each value',
      { session: defineSession({ name: 'c', idleTimeout: false }), codecs: [compact({ secrets, expires: '1d' })] },
    ],
  ])('is not said with %s', async (_, options) => {
    const warn = vi.spyOn(platform, 'warn').mockImplementation(() => {})
    expect((await signIn(options)).sessions.warnings).toEqual([])
    expect(warn).not.toHaveBeenCalled()
  })
})

describe('what another system has configured', () => {
  test('Beaker: its timeout, or none', async () => {
    vi.spyOn(platform, 'warn').mockImplementation(() => {})
    const config = { 'session.type': 'cookie', 'session.jwt_secret_keys': SECRET }
    const endOf = async (more: object): Promise<Date | undefined> =>
      (await signIn(fromBeakerConfig({ ...config, ...more }))).expiresAt
    expect(await endOf({})).toBeUndefined()
    expect(await endOf({ 'session.timeout': '3600' })).toEqual(new Date(START + 3_600_000))
  })

  test('wsgi-jwt-session: no end, and no exp in its tokens', async () => {
    vi.spyOn(platform, 'warn').mockImplementation(() => {})
    const { expiresAt, browser } = await signIn(wsgiJwtSession({ secret: SECRET }))
    expect(expiresAt).toBeUndefined()
    expect(Buffer.from(browser.cookie.split('.')[1] ?? '', 'base64url').toString()).not.toContain('exp')
  })

  test('Django: SESSION_COOKIE_AGE', async () => {
    const codecs = [djangoSigned({ secretKey: SECRET, maxAge: '30d' })]
    const { sessions, browser, clock, expiresAt } = await signIn({ codecs })
    expect(expiresAt).toEqual(new Date(START + 30 * DAY * 1000))
    clock.pass(29 * DAY)
    expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'dave' })
  })

  test.each([
    ['one day', '1d', 1],
    ['what is the default for others', '14d', 14],
  ] as const)('counts for nothing beside a definition that says %s', async (_, idleTimeout, days) => {
    const session = defineSession({ idleTimeout })
    const end = new Date(START + days * DAY * 1000)
    const codecs = [djangoSigned({ secretKey: SECRET, maxAge: '30d' })]
    expect((await signIn({ codecs, session })).expiresAt).toEqual(end)
    const clock = () => new Date(START)
    const execute = Object.assign(async () => [], { dialect: 'postgresql' as const })
    const store = djangoStore({ execute, secretKey: SECRET, cookieAge: '30d', clock })
    expect((await signIn({ session, store })).expiresAt).toEqual(end)
    expect((await signIn({ store })).expiresAt).toEqual(new Date(START + 30 * DAY * 1000))
  })
})
