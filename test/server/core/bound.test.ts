/** Device bound sessions: who needs a proof, what a missing one is, and what ends a binding. The handler: test/server/adapters/bound.test.ts. */
import { generateKeyPair } from 'jose'
import { describe, expect, test } from 'vitest'
import {
  beakerJwt,
  compact,
  createRevocations,
  createSessions,
  decodeSession,
  djangoSigned,
  jwe,
  jwt,
  memoryStore,
  type SessionsOptions,
  verifySessions,
} from '../../../src/server/index.js'
import { expiredOf, NAME, namesOf, OLD_SECRET, rejection, SECRET, testClock } from '../server.helpers.js'
import { bound, boundFixture, KEY, PROOF, registrationIn, testDevice } from './bound.helpers.js'

const MINUTE = 60

describe('a sign-in', () => {
  test('offers to register, keeps the session for itself, and is in no cache', async () => {
    const { signIn, browser } = bound()
    const headers = await signIn((session) => expect(session.isBound).toBe(false))
    const { algorithms, path, challenge } = registrationIn(headers)
    expect([algorithms, path]).toEqual(['ES256 RS256', '/dbsc/register'])
    expect(challenge).toMatch(/^[\w-]{16}\.[0-9a-z]+\.[\w-]{43}$/)
    expect(headers.get('cache-control')).toBe('private, no-store')
    expect([...browser.cookies.keys()]).toEqual([NAME, KEY])
    const pending = headers.getSetCookie().find((text) => text.startsWith(KEY)) ?? ''
    expect(pending).toMatch(/; Max-Age=60; HttpOnly; Path=\/dbsc; SameSite=Strict; Secure$/)
  })

  test('without bind() offers nothing; with "auto" a regenerate({ authenticated: true }) is enough', async () => {
    for (const [auto, authenticated, isOffered] of [
      [false, true, false],
      [true, true, true],
      [true, false, false],
    ] as const) {
      const { sessions } = bound({ auto })
      const session = await sessions.load(null)
      session.regenerate(authenticated ? { authenticated } : {})
      session.data.user = 'dave'
      const headers = new Headers()
      await sessions.commit(session, headers)
      expect(headers.has('secure-session-registration')).toBe(isOffered)
    }
  })

  test('bind() without the option is refused, and where sessions are only read', async () => {
    const sessions = createSessions({ secrets: SECRET, expose: false })
    const session = await sessions.load(null)
    expect(() => session.bind()).toThrow('bind() needs the option "bound" of createSessions()')
    const verified = await verifySessions({ codecs: [beakerJwt({ secrets: SECRET })] }).load('')
    expect(() => verified.bind()).toThrow('This call needs sessions that write')
    expect([verified.isBound, verified.boundKey, verified.data]).toEqual([false, undefined, {}])
  })

  test('binds a session once: without a new sign-in bind() leaves the device as it is', async () => {
    const { sessions, browser, load } = await boundFixture()
    const session = await load()
    const { boundKey } = session
    session.bind()
    expect(await sessions.commit(session)).toEqual([])
    const again = await load()
    again.authenticated()
    again.bind()
    const headers = new Headers()
    browser.take(await sessions.commit(again, headers))
    expect(registrationIn(headers).path).toBe('/dbsc/register')
    expect([(await load()).boundKey, boundKey?.length]).toEqual([undefined, 43])
  })

  test('bind() once more without a sign-in does not begin the grace anew', async () => {
    const { sessions, browser, clock, signIn, load } = bound({ required: true, grace: '2m' })
    await signIn()
    clock.pass(1.5 * MINUTE)
    const session = await load()
    session.bind()
    browser.take(await sessions.commit(session))
    clock.pass(MINUTE)
    expect((await load()).rejected?.code).toBe('ERR_SESSION_UNBOUND')
  })

  test('a second one replaces the first: another id of the binding, and the old proof proves nothing', async () => {
    const { browser, signIn, load } = await boundFixture()
    const proof = browser.cookies.get(PROOF)
    await signIn()
    expect(browser.cookies.get(PROOF)).toBe(proof)
    const session = await load()
    expect([session.data.user, session.isBound, session.boundKey]).toEqual(['dave', false, undefined])
  })
})

describe('a request', () => {
  test('with its proof is bound, until the proof ends', async () => {
    const { clock, load, device, refresh } = await boundFixture({ life: '10m' })
    const session = await load()
    expect([session.isBound, session.boundKey]).toEqual([true, expect.stringMatching(/^[\w-]{43}$/)])
    clock.pass(10 * MINUTE + 30)
    // Clocks of servers differ.
    expect((await load()).isBound).toBe(true)
    clock.pass(31)
    expect((await load()).rejected).toMatchObject({ code: 'ERR_SESSION_UNBOUND', verified: true })
    await refresh(device)
    expect((await load()).isBound).toBe(true)
  })

  test('with the proof of another session, of a changed end, of another cookie or with other keys is not', async () => {
    const one = await boundFixture()
    const two = await boundFixture()
    const other = await boundFixture({}, { secrets: OLD_SECRET })
    one.clock.pass(2 * MINUTE)
    const proof = one.browser.cookies.get(PROOF) ?? ''
    const [id, key, end = '', mac] = proof.split('.')
    const later = [id, key, (Number.parseInt(end, 36) + 600).toString(36), mac].join('.')
    const key43 = one.browser.cookies.get(KEY) ?? ''
    for (const wrong of [
      two.browser.cookies.get(PROOF),
      other.browser.cookies.get(PROOF),
      later,
      key43,
      '',
      'a.b',
      '.',
    ]) {
      one.browser.cookies.set(PROOF, wrong ?? '')
      expect((await one.load()).rejected?.code).toBe('ERR_SESSION_UNBOUND')
    }
    one.browser.cookies.set(PROOF, proof)
    expect((await one.load()).isBound).toBe(true)
    // A cookie of the same name beside it, planted by another subdomain.
    expect((await one.load(`${one.browser.cookie}; ${PROOF}=x.y.z`)).isBound).toBe(true)
    expect((await one.load(`${PROOF}=x.y.z; ${one.browser.cookie}`)).isBound).toBe(true)
  })

  test('of a stolen cookie alone is refused, and its commit, destroy() or row ends nothing of the owner', async () => {
    const clock = testClock()
    const store = memoryStore({ ttl: '1d', clock })
    const { sessions, browser, load } = await boundFixture({}, { store }, clock)
    clock.pass(2 * MINUTE)
    const stolen = `${NAME}=${browser.cookies.get(NAME)}`
    const thief = await load(stolen)
    expect([thief.isNew, thief.data, thief.rejected?.code]).toEqual([true, {}, 'ERR_SESSION_UNBOUND'])
    expect(await sessions.commit(thief)).toEqual([])
    thief.data.user = 'mallory'
    await rejection('ERR_SESSION_PROTECTED', sessions.commit(thief))
    await sessions.destroy(await load(stolen))
    expect([(await load()).data.user, (await load()).isBound]).toEqual(['dave', true])
  })

  test('without its proof leaves all cookies, also the public one, and a sign-in replaces the session', async () => {
    const { sessions, browser, clock, load, signIn } = await boundFixture({}, { expose: ['user'] })
    expect([...browser.cookies.keys()].sort()).toEqual([NAME, PROOF, KEY, `${NAME}.public`].sort())
    clock.pass(2 * MINUTE)
    browser.cookies.delete(PROOF)
    const headers = new Headers()
    const session = await load()
    expect(await sessions.commit(session, headers)).toEqual([])
    expect(headers.getSetCookie()).toEqual([])
    const answer = await signIn()
    expect(registrationIn(answer).path).toBe('/dbsc/register')
    expect([(await load()).data.user, (await load()).rejected]).toEqual(['dave', undefined])
  })

  test('is the same session for the same request object, and tries again after an outage', async () => {
    const { browser, clock } = await boundFixture({ secrets: SECRET })
    let isDown = true
    const secrets = (): string => {
      if (!isDown) return SECRET
      throw new Error('down')
    }
    const { sessions } = bound({ secrets }, {}, { browser, clock })
    const request = new Request('https://app.example/', { headers: { cookie: browser.cookie } })
    await rejection('ERR_SESSION_KEYS', sessions.load(request))
    isDown = false
    // A source that failed rests for five seconds.
    const { sessions: rested } = bound({ secrets }, {}, { browser, clock })
    const session = await rested.load(request)
    expect([session.isBound, await rested.load(request)]).toEqual([true, session])
  })

  test('tells the listener, with code and size alone', async () => {
    const events: unknown[] = []
    const { clock, browser, load } = await boundFixture({}, { on: (event) => events.push(event) })
    clock.pass(2 * MINUTE)
    browser.cookies.delete(PROOF)
    events.length = 0
    await load()
    const bytes = NAME.length + (browser.cookies.get(NAME) ?? '').length
    expect(events).toContainEqual({ type: 'rejected', code: 'ERR_SESSION_UNBOUND', bytes, cookie: NAME, time: clock() })
  })
})

describe('required', () => {
  const long = 5 * MINUTE

  async function codeOf(required: Required<NonNullable<SessionsOptions['bound']>>['required'], isRegistered: boolean) {
    const fixture = bound({ required })
    const headers = await fixture.signIn()
    if (isRegistered) await fixture.register(await testDevice(), headers)
    fixture.clock.pass(long)
    const withProof = (await fixture.load()).rejected?.code
    fixture.browser.cookies.delete(PROOF)
    return [withProof, (await fixture.load()).rejected?.code]
  }

  test('false needs none, and tells', async () => {
    expect(await codeOf(false, true)).toEqual([undefined, undefined])
    const { load, browser } = await boundFixture({ required: false })
    browser.cookies.delete(PROOF)
    const { isBound, boundKey } = await load()
    expect([isBound, typeof boundKey]).toEqual([false, 'string'])
  })

  test('"if-bound" needs one of sessions that a browser has bound', async () => {
    expect(await codeOf('if-bound', true)).toEqual([undefined, 'ERR_SESSION_UNBOUND'])
    expect(await codeOf('if-bound', false)).toEqual([undefined, undefined])
  })

  test('true needs one of every session, after its grace', async () => {
    expect(await codeOf(true, true)).toEqual([undefined, 'ERR_SESSION_UNBOUND'])
    expect(await codeOf(true, false)).toEqual(['ERR_SESSION_UNBOUND', 'ERR_SESSION_UNBOUND'])
  })

  test('a function says it of each session, and must say it', async () => {
    expect(await codeOf((session) => session.data.user === 'dave', false)).toEqual([
      'ERR_SESSION_UNBOUND',
      'ERR_SESSION_UNBOUND',
    ])
    expect(await codeOf((session) => session.data.user === 'mallory', true)).toEqual([undefined, undefined])
    const { signIn, load } = bound({ required: (() => 'no') as never })
    await signIn()
    await expect(load()).rejects.toThrow('The function of option "bound.required" must return true or false')
  })

  test('true does not touch what a sign-in page keeps: a token against cross-site requests', async () => {
    const { sessions, browser, load } = bound({ required: true })
    const session = await load()
    const token = session.csrfToken()
    browser.take(await sessions.commit(session))
    expect((await load()).verifyCsrf(token)).toBe(true)
  })

  test('true: sessions from before have the grace of their sign-in, and none without one', async () => {
    for (const [authenticated, code] of [
      [true, undefined],
      [false, 'ERR_SESSION_UNBOUND'],
    ] as const) {
      const { sessions, browser, clock, load } = bound({ required: true })
      const session = await sessions.load(null)
      if (authenticated) session.authenticated()
      session.data.user = 'dave'
      browser.take(await sessions.commit(session))
      expect((await load()).rejected?.code).toBe(code)
      clock.pass(2 * MINUTE)
      expect((await load()).rejected?.code).toBe('ERR_SESSION_UNBOUND')
    }
  })

  test('the grace counts from the sign-in, whatever is written since; 0 is none', async () => {
    const { sessions, browser, clock, signIn, load } = bound({ required: true, grace: '1m' })
    await signIn()
    for (const seconds of [20, 20, 20]) {
      clock.pass(seconds)
      const session = await load()
      expect(session.rejected).toBeUndefined()
      session.data.visits = seconds
      session.regenerate()
      browser.take(await sessions.commit(session))
    }
    clock.pass(1)
    expect((await load()).rejected?.code).toBe('ERR_SESSION_UNBOUND')
    const none = bound({ required: true, grace: 0 })
    await none.signIn()
    none.clock.pass(1)
    expect((await none.load()).rejected?.code).toBe('ERR_SESSION_UNBOUND')
  })

  test('load({ token }) obeys it, too', async () => {
    const { sessions, clock } = bound({ required: true })
    const session = await sessions.load({ token: null })
    session.authenticated()
    session.data.user = 'dave'
    session.bind()
    await sessions.commit(session)
    const { token = '' } = session
    expect((await sessions.load({ token })).data.user).toBe('dave')
    clock.pass(2 * MINUTE)
    const late = await sessions.load({ token })
    expect([late.rejected?.code, late.token, late.data]).toEqual(['ERR_SESSION_UNBOUND', undefined, {}])
    const fixture = await boundFixture()
    fixture.clock.pass(2 * MINUTE)
    const stolen = await fixture.sessions.load({ token: fixture.browser.cookies.get(NAME) })
    expect(stolen.rejected?.code).toBe('ERR_SESSION_UNBOUND')
  })

  test('sessions that are only read obey it', async () => {
    const { browser, clock } = await boundFixture()
    const options = { secrets: SECRET, expose: false, clock, bound: { required: 'if-bound' } } as const
    const reading = createSessions({ ...options, readOnly: true })
    clock.pass(2 * MINUTE)
    expect((await reading.load(browser.cookie)).isBound).toBe(true)
    const { rejected } = await reading.load(`${NAME}=${browser.cookies.get(NAME)}`)
    expect(rejected?.code).toBe('ERR_SESSION_UNBOUND')
  })

  test('observe refuses nobody, and tells', async () => {
    const { browser, clock } = await boundFixture()
    const codes: unknown[] = []
    const observing = createSessions({
      secrets: SECRET,
      expose: false,
      clock,
      mode: 'observe',
      on: ({ code }) => codes.push(code),
      bound: { required: true },
    })
    clock.pass(2 * MINUTE)
    const session = await observing.load(`${NAME}=${browser.cookies.get(NAME)}`)
    expect([session.data.user, codes.at(-1)]).toEqual(['dave', 'ERR_SESSION_UNBOUND'])
    session.authenticated()
    session.bind()
    expect(await observing.commit(session)).toEqual([])
  })
})

describe('what the application does with a bound session', () => {
  const changes: [string, (session: Awaited<ReturnType<ReturnType<typeof bound>['load']>>) => unknown][] = [
    ['another id', (session) => session.regenerate()],
    ['a new sign-in without bind()', (session) => session.regenerate({ authenticated: true })],
    ['other data', (session) => Object.assign(session, { data: { user: 'anna' } })],
    ['the mark taken out', (session) => Reflect.deleteProperty(session.data, '_bound')],
    ['another mark', (session) => Object.assign(session.data, { _bound: 'AAAAAAAAAAAAAAAA.1' })],
  ]

  test.each(changes)('%s: it stays bound', async (_, change) => {
    const { sessions, browser, clock, load } = await boundFixture()
    const session = await load()
    const { boundKey } = session
    session.data.visits = 1
    await change(session)
    browser.take(await sessions.commit(session))
    clock.pass(2 * MINUTE)
    const next = await load()
    expect([next.isBound, next.boundKey]).toEqual([true, boundKey])
    browser.cookies.delete(PROOF)
    expect((await load()).rejected?.code).toBe('ERR_SESSION_UNBOUND')
  })

  test('destroy() takes its cookies along, and asks the browser to clear more if it is told to', async () => {
    for (const [clearSiteData, header] of [
      [undefined, null],
      ['storage', '"storage"'],
    ] as const) {
      const { sessions, load } = await boundFixture(clearSiteData ? { clearSiteData } : {})
      const headers = new Headers()
      const cookies = await sessions.destroy(await load(), headers)
      expect(expiredOf(cookies)).toEqual([NAME, PROOF, KEY])
      expect(cookies.filter((text) => text.startsWith(KEY))[0]).toContain('; Path=/dbsc;')
      expect(headers.get('clear-site-data')).toBe(header)
    }
  })

  test('an emptied session ends its binding, too', async () => {
    const { sessions, load } = await boundFixture()
    const session = await load()
    session.data = {}
    expect(expiredOf(await sessions.commit(session))).toEqual([NAME, PROOF, KEY])
    session.data.theme = 'dark'
    const again = await sessions.commit(session)
    expect(namesOf(again)).toEqual([NAME])
  })

  test('a session without a binding has no more cookies than before', async () => {
    const { sessions, load, browser } = bound()
    const session = await load()
    session.data.user = 'dave'
    const cookies = await sessions.commit(session)
    browser.take(cookies)
    expect(namesOf(cookies)).toEqual([NAME])
    expect(expiredOf(await sessions.destroy(await load()))).toEqual([NAME])
  })

  test('its page sees nothing of it', async () => {
    const { sessions, load } = await boundFixture({}, { expose: (data) => ({ ...data }) })
    const session = await load()
    session.data.visits = 1
    const shown = (await sessions.commit(session)).find((text) => text.startsWith(`${NAME}.public=`)) ?? ''
    const value = shown.slice(shown.indexOf('=') + 1, shown.indexOf(';'))
    expect(decodeSession(value).data).toEqual({ user: 'dave', visits: 1 })
  })
})

describe('ends at once', () => {
  test('with a store, when its row goes', async () => {
    const clock = testClock()
    const store = memoryStore({ ttl: '1d', clock })
    const owner = ({ user }: { user?: unknown }) => user as string | undefined
    const { sessions, load, device, refresh } = await boundFixture({}, { store, owner }, clock)
    await sessions.endSessions('dave')
    expect((await load()).isNew).toBe(true)
    expect(await (await refresh(device)).json()).toMatchObject({ continue: false })
  })

  test('by a revocation', async () => {
    const revocation = createRevocations({ store: memoryStore(), cacheFor: 0 })
    const owner = ({ user }: { user?: unknown }) => user as string | undefined
    const { load, device, refresh, browser } = await boundFixture({}, { revocation, owner })
    await revocation.revokeSession(await load())
    expect((await load()).rejected?.code).toBe('ERR_SESSION_REVOKED')
    const cookie = browser.cookie
    expect(await (await refresh(device, cookie)).json()).toMatchObject({ continue: false })
  })
})

describe('keys', () => {
  const codecs = {
    beakerJwt: () => [beakerJwt({ secrets: SECRET })],
    compact: () => [compact({ secrets: SECRET })],
    jwe: () => [jwe({ secrets: SECRET })],
    'jwt without an id': () => [jwt({ secrets: SECRET })],
    djangoSigned: () => [djangoSigned({ secretKey: SECRET })],
  } as const

  test.each(Object.entries(codecs))('of %s: the binding is that of the session', async (_, make) => {
    const { clock, load, device, refresh, browser } = await boundFixture({}, { codecs: make() })
    expect((await load()).isBound).toBe(true)
    clock.pass(20 * MINUTE)
    browser.cookies.delete(PROOF)
    expect((await load()).rejected?.code).toBe('ERR_SESSION_UNBOUND')
    expect((await refresh(device)).status).toBe(200)
    expect((await load()).data.user).toBe('dave')
  })

  test('a codec with a key pair needs bound.secrets', async () => {
    const { privateKey } = await generateKeyPair('ES256', { extractable: true })
    const options = { codecs: [jwt({ keys: privateKey })], expose: false }
    expect(() => createSessions({ ...options, bound: {} })).toThrow(
      'Option "bound" needs a codec with secrets. With key pairs alone, set bound.secrets',
    )
    const { load } = await boundFixture({ secrets: [SECRET] }, options)
    expect((await load()).isBound).toBe(true)
  })

  test('the first secret signs and every one verifies: after a rotation all stays bound', async () => {
    const before = await boundFixture({}, { secrets: OLD_SECRET })
    const { browser, clock, device } = before
    const after = bound({}, { secrets: [SECRET, OLD_SECRET] }, { browser, clock })
    clock.pass(2 * MINUTE)
    expect((await after.load()).isBound).toBe(true)
    const kept = browser.cookies.get(KEY)
    expect((await after.refresh(device)).status).toBe(200)
    expect(browser.cookies.get(KEY)).not.toBe(kept)
    const session = await after.load()
    session.data.visits = 1
    browser.take(await after.sessions.commit(session))
    const last = bound({}, { secrets: SECRET }, { browser, clock })
    expect((await last.load()).isBound).toBe(true)
    expect((await last.refresh(device)).status).toBe(200)
  })

  test('of another tenant or cookie prove nothing', async () => {
    const { browser, clock } = await boundFixture({}, { tenant: 'acme' })
    const other = bound({}, { tenant: 'umbrella' }, { browser, clock })
    clock.pass(2 * MINUTE)
    expect((await other.load()).isBound).toBe(false)
  })
})

describe('options', () => {
  test.each([
    [{ pth: '/x' }, 'Option "bound" has no option "pth". Did you mean "path"?'],
    [{ path: 'dbsc' }, 'Option "bound.path" must be a path below that of the session, as "/dbsc"'],
    [{ path: '/a b' }, 'Option "bound.path" must be a path below that of the session, as "/dbsc"'],
    [{ life: 'soon' }, 'Option "bound.life" must be a number of seconds'],
    [{ grace: -1 }, 'Option "bound.grace" must be a number of seconds'],
    [{ required: 'yes' }, 'Option "bound.required" must be true, false, "if-bound" or a function'],
    [{ auto: 'true' }, 'Option "auto" must be true or false'],
    [{ exclude: '/logout' }, 'Option "bound.exclude" must be a list of paths'],
    [{ includeSite: 'example.org' }, 'Option "bound.includeSite" must be true, false or an origin'],
    [{ includeSite: true }, 'Option "bound.includeSite" needs "domain"'],
    [{ clearSiteData: 'all' }, 'Option "bound.clearSiteData" must be "cookies" or "storage"'],
    [{ secrets: undefined }, 'Option "secrets" is undefined'],
    [{ secrets: 'short' }, 'Option "bound.secrets" contains a secret of 5 bytes'],
  ])('%o is refused', (options, message) => {
    expect(() => createSessions({ secrets: SECRET, expose: false, bound: options as object })).toThrow(message)
  })

  test('a session in a frame of another site, or with a path of its own above that of the handler, is refused', () => {
    const make = (options: object) => () => createSessions({ secrets: SECRET, expose: false, bound: {}, ...options })
    expect(make({ embedded: true })).toThrow('Option "bound" does not go with "partitioned" or "embedded"')
    expect(make({ path: '/app', bound: { path: '/dbsc' } })).toThrow('below that of the session, as "/app/dbsc"')
    expect(make({ path: '/app' })).not.toThrow()
  })

  test('with() has the same binding, with the options of the tenant', async () => {
    const { sessions, browser, clock } = await boundFixture()
    clock.pass(2 * MINUTE)
    expect((await sessions.with({ maxAge: '1d' }).load(browser.cookie)).isBound).toBe(true)
    const strict = sessions.with({ bound: { required: true, life: '1m' } })
    expect((await strict.load(`${NAME}=${browser.cookies.get(NAME)}`)).rejected?.code).toBe('ERR_SESSION_UNBOUND')
    expect((await sessions.with({ bound: undefined }).load(browser.cookie)).isBound).toBe(false)
  })
})
