/** Where browsers register and renew a device bound session: each answer, and who gets none. A real Chromium: test/browser/bound.spec.ts. */
import { describe, expect, test } from 'vitest'
import {
  compact,
  createSessions,
  defineSession,
  expressBound,
  fastifyBound,
  fetchBound,
  fetchSessions,
  honoBound,
  memoryStore,
  type Session,
  type SessionStore,
  type StandardSchema,
} from '../../../src/server/index.js'
import {
  bound,
  boundFixture,
  challengeIn,
  type Device,
  HOST,
  KEY,
  PROOF,
  registrationIn,
  testDevice,
} from '../core/bound.helpers.js'
import { expiredOf, NAME, namesOf, SECRET, testClock } from '../server.helpers.js'

const ID = `${NAME}@${HOST}`

/** Status, Set-Cookie names and body. */
async function outcome(response: Response): Promise<[number, string[], string]> {
  expect(response.headers.get('cache-control')).toMatch(/^(?:private, )?no-store$/)
  return [response.status, namesOf(response.headers.getSetCookie()), await response.text()]
}

describe('a registration', () => {
  test('gives the browser its configuration, the key, the proof and the session', async () => {
    const { signIn, post, sessions, browser } = bound({ life: '10m', exclude: ['/logout'] })
    const device = await testDevice()
    const { challenge } = registrationIn(await signIn())
    const proof = await device.sign(challenge, { header: { jwk: device.jwk } })
    const response = await post('register', { 'secure-session-response': proof })
    expect(response.headers.get('content-type')).toBe('application/json')
    const cookies = response.headers.getSetCookie()
    expect(await response.json()).toEqual({
      session_identifier: ID,
      refresh_url: '/dbsc/refresh',
      scope: {
        include_site: false,
        scope_specification: [{ type: 'exclude', domain: '*', path: '/logout' }],
      },
      credentials: [{ type: 'cookie', name: PROOF, attributes: 'HttpOnly; Path=/; SameSite=Lax; Secure' }],
    })
    expect(namesOf(cookies)).toEqual([NAME, KEY, PROOF])
    const [, key = '', short = ''] = cookies
    expect(key).toMatch(/; Max-Age=34560000; HttpOnly; Path=\/dbsc; SameSite=Strict; Secure$/)
    expect(short).toMatch(/; Max-Age=600; HttpOnly; Path=\/; SameSite=Lax; Secure$/)
    const session = await sessions.load(browser.cookie)
    expect([session.isBound, session.data.user]).toEqual([true, 'dave'])
  })

  test.each([
    ['a domain', { domain: 'app.example' }, 'Domain=app.example; HttpOnly; Path=/; SameSite=Lax; Secure'],
    ['strict', { sameSite: 'strict' }, 'HttpOnly; Path=/; SameSite=Strict; Secure'],
    ['no SameSite', { sameSite: false }, 'HttpOnly; Path=/; Secure'],
    ['a path', { path: '/app' }, 'HttpOnly; Path=/app; SameSite=Lax; Secure'],
    ['a priority and an age', { priority: 'high', maxAge: '30d' }, 'HttpOnly; Path=/; SameSite=Lax; Secure'],
  ] as const)('with %s: what it says of the cookie is what the Set-Cookie says', async (_, more, attributes) => {
    const path = 'path' in more ? '/app/dbsc' : '/dbsc'
    const { signIn, register } = bound({ path }, more)
    const response = await register(await testDevice(), await signIn())
    const { credentials } = (await response.json()) as { credentials: { attributes: string }[] }
    expect(credentials.map((each) => each.attributes)).toEqual([attributes])
    const set = response.headers.getSetCookie().find((text) => text.startsWith(`${PROOF}=`)) ?? ''
    const said = set.split('; ').slice(1)
    expect(said.filter((text) => !/^(?:Max-Age|Expires)=/.test(text)).join('; ')).toBe(attributes)
  })

  test('of a cookie of the host by its name, whose key is in one of another name', async () => {
    const { signIn, register } = bound({}, { session: defineSession({ name: '__Host-sid' }) })
    const response = await register(await testDevice(), await signIn())
    expect(namesOf(response.headers.getSetCookie())).toEqual(['__Host-sid', '__Secure-sid.key', '__Host-sid.bound'])
  })

  test('for a whole site says so, and for that of a subdomain its origin', async () => {
    for (const [includeSite, scope] of [
      [true, { include_site: true, scope_specification: [] }],
      ['https://example', { include_site: true, origin: 'https://example', scope_specification: [] }],
    ] as const) {
      const { signIn, register } = bound({ includeSite }, { domain: 'example' })
      const response = await register(await testDevice(), await signIn())
      // All hosts share the cookie, so they share its binding.
      expect(await response.json()).toMatchObject({ scope, session_identifier: NAME })
    }
  })

  test('by RS256 works, too', async () => {
    const { signIn, register, refresh, load } = bound()
    const device = await testDevice('RS256')
    expect((await register(device, await signIn())).status).toBe(200)
    expect((await refresh(device)).status).toBe(200)
    expect((await load()).isBound).toBe(true)
  })

  type Change = (about: { device: Device; challenge: string; other: Device }) => Promise<Record<string, string>>
  const signed: (change?: Parameters<Device['sign']>[1]) => Change =
    (change = {}) =>
    async ({ device, challenge }) => ({
      'secure-session-response': await device.sign(challenge, {
        ...change,
        header: { jwk: device.jwk, ...change.header },
      }),
    })
  const refused: [string, Change][] = [
    ['no proof', async () => ({})],
    ['something that is no token', async () => ({ 'secure-session-response': 'a.b.c' })],
    ['no key', signed({ header: { jwk: undefined } })],
    ['another type', signed({ header: { typ: 'JWT' } })],
    ['no type', signed({ header: { typ: undefined } })],
    ['a critical extension', signed({ header: { crit: ['b64'], b64: true } })],
    ['no algorithm', signed({ text: (token) => withHeader(token, { alg: 'none' }) })],
    ['an empty signature', signed({ text: (token) => token.slice(0, token.lastIndexOf('.') + 1) })],
    [
      'a signature of zeros',
      signed({ text: (token) => `${token.slice(0, token.lastIndexOf('.') + 1)}${'A'.repeat(86)}` }),
    ],
    [
      'two names in the header',
      signed({ text: (token) => withText(token, (json) => json.replace('{', '{"alg":"ES256",')) }),
    ],
    ['a longer one', signed({ payload: { more: 'x'.repeat(4096) } })],
    ['no challenge', signed({ payload: { jti: undefined } })],
    ['a challenge that is no text', signed({ payload: { jti: 1 } })],
    ['another challenge', signed({ payload: { jti: 'AAAAAAAAAAAAAAAA.abc.def' } })],
    ['another address', signed({ payload: { aud: `https://${HOST}/dbsc/refresh` } })],
    ['another host', signed({ payload: { aud: 'https://evil.example/dbsc/register' } })],
    ['several addresses', signed({ payload: { aud: [`https://${HOST}/dbsc/register`] } })],
    ['the name of a file for a key', signed({ header: { jwk: { file: '/etc/passwd' } } })],
    ['a secret for a key', signed({ header: { jwk: { kty: 'oct', k: 'c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0' } } })],
    [
      'the key of another device',
      async ({ device, challenge, other }) => ({
        'secure-session-response': await device.sign(challenge, { header: { jwk: other.jwk } }),
      }),
    ],
    [
      'a private key',
      async ({ device, challenge }) => ({
        'secure-session-response': await device.sign(challenge, {
          header: { jwk: { ...device.jwk, d: device.jwk.x } },
        }),
      }),
    ],
    ['a request of a script', async (about) => ({ ...(await signed()(about)), 'sec-fetch-mode': 'cors' })],
  ]

  test.each(refused)('with %s is refused with 403, and nothing is kept', async (_, change) => {
    const { signIn, post, load } = bound()
    const { challenge } = registrationIn(await signIn())
    const [device, other] = [await testDevice(), await testDevice()]
    const response = await post('register', await change({ device, challenge, other }))
    expect(response.headers.has('secure-session-challenge')).toBe(false)
    expect(await outcome(response)).toEqual([403, [], ''])
    expect([(await load()).boundKey, (await load()).data.user]).toEqual([undefined, 'dave'])
    // The same browser may still do it right.
    expect((await post('register', await signed()({ device, challenge, other }))).status).toBe(200)
  })

  test('with an algorithm that was not offered is refused', async () => {
    const { signIn, register } = bound()
    expect((await register(await testDevice('ES384'), await signIn())).status).toBe(403)
  })

  test('with the address of this one is taken, also behind a proxy that changes the host', async () => {
    for (const [aud, headers] of [
      [`https://${HOST}/dbsc/register`, {}],
      ['https://public.example/dbsc/register', { origin: 'https://public.example' }],
      ['https://public.example/dbsc/register', { 'x-forwarded-host': 'public.example' }],
    ] as const) {
      const { signIn, post } = bound()
      const { challenge } = registrationIn(await signIn())
      const device = await testDevice()
      const proof = await device.sign(challenge, { header: { jwk: device.jwk }, payload: { aud } })
      expect((await post('register', { 'secure-session-response': proof, ...headers })).status).toBe(200)
    }
  })

  test('with quotes around its proof, as a structured field has them, is taken', async () => {
    const { signIn, post } = bound()
    const { challenge } = registrationIn(await signIn())
    const device = await testDevice()
    const proof = await device.sign(challenge, { header: { jwk: device.jwk } })
    expect((await post('register', { 'secure-session-response': `"${proof}"` })).status).toBe(200)
  })

  test('of a session that is bound already is refused: nobody moves it to another device', async () => {
    const { register, signIn, browser, load } = bound()
    const headers = await signIn()
    const pending = browser.cookies.get(KEY) ?? ''
    expect((await register(await testDevice(), headers)).status).toBe(200)
    const { boundKey } = await load()
    browser.cookies.set(KEY, pending)
    expect((await register(await testDevice(), headers)).status).toBe(403)
    expect((await load()).boundKey).toBe(boundKey)
  })

  test('with the session cookie and the challenge alone is refused: the other cookie is out of reach of scripts', async () => {
    const { register, signIn, browser } = bound()
    const headers = await signIn()
    browser.cookies.delete(KEY)
    expect((await register(await testDevice(), headers)).status).toBe(403)
  })

  test('with the challenge of another session, or of a renewal, is refused', async () => {
    const one = bound()
    const headers = await bound().signIn()
    await one.signIn()
    expect((await one.register(await testDevice(), headers)).status).toBe(403)

    const two = await boundFixture()
    const challenge = challengeIn(await two.post('refresh'))
    await two.signIn()
    const proof = await two.device.sign(challenge, { header: { jwk: two.device.jwk } })
    expect((await two.post('register', { 'secure-session-response': proof })).status).toBe(403)
  })

  test('after a minute, or without a session, is refused', async () => {
    const late = bound()
    const headers = await late.signIn()
    late.clock.pass(61)
    expect((await late.register(await testDevice(), headers)).status).toBe(403)
    const nobody = bound()
    const answer = await nobody.signIn()
    nobody.browser.cookies.delete(NAME)
    expect((await nobody.register(await testDevice(), answer)).status).toBe(403)
    const never = bound()
    const session = await never.sessions.load(null)
    session.data.user = 'dave'
    never.browser.take(await never.sessions.commit(session))
    expect((await never.register(await testDevice(), answer)).status).toBe(403)
  })

  test('that a session has no room for is refused, and the session stays', async () => {
    let fullest: { fixture: ReturnType<typeof bound>; headers: Headers } | undefined
    for (let length = 2600; ; length += 16) {
      const fixture = bound({}, { codecs: [compact({ secrets: SECRET })], chunks: 1 })
      const filler = Array.from({ length }, (_, at) => Math.sin(at).toString(36).at(-3)).join('')
      const headers = await fixture.signIn(({ data }) => Object.assign(data, { filler })).catch(() => undefined)
      if (!headers) break
      fullest = { fixture, headers }
    }
    const { fixture, headers } = fullest ?? { fixture: bound(), headers: new Headers() }
    const response = await fixture.register(await testDevice(), headers)
    const { data } = await fixture.load()
    expect([response.status, response.headers.getSetCookie(), data.user]).toEqual([403, [], 'dave'])
  })

  test('that a page request overtakes is put right by the next renewal', async () => {
    const { browser, signIn, register, refresh, load, sessions } = bound()
    const device = await testDevice()
    const headers = await signIn()
    const overtaking = await load()
    expect((await register(device, headers)).status).toBe(200)
    overtaking.data.visits = 1
    browser.take(await sessions.commit(overtaking))
    // Its proof says it as long as it lives.
    expect((await load()).isBound).toBe(true)
    browser.cookies.delete(PROOF)
    expect((await load()).boundKey).toBeUndefined()
    expect((await refresh(device)).status).toBe(200)
    browser.cookies.delete(PROOF)
    expect([(await load()).boundKey?.length, (await load()).data.visits]).toEqual([43, 1])
  })
})

describe('a renewal', () => {
  test('is asked for a proof, gives a new one, and writes nothing of the session', async () => {
    const { post, device, clock, load } = await boundFixture({ life: '10m' })
    clock.pass(900)
    const first = await post('refresh', { 'sec-secure-session-id': ID })
    expect(first.headers.get('secure-session-challenge')).toMatch(
      /^"[\w-]{16}\.[\w-]{43}\.[0-9a-z]+\.[\w-]{43}";id="[^"]+"$/,
    )
    const challenge = challengeIn(first)
    expect(await outcome(first)).toEqual([403, [], ''])
    clock.pass(20)
    const proof = await device.sign(challenge)
    const second = await post('refresh', { 'sec-secure-session-id': ID, 'secure-session-response': proof })
    expect(await second.clone().json()).toMatchObject({ session_identifier: ID, refresh_url: '/dbsc/refresh' })
    const [set = ''] = second.headers.getSetCookie()
    expect(namesOf([set])).toEqual([PROOF])
    // It counts from the challenge.
    expect(set).toContain('; Max-Age=580;')
    expect((await outcome(second))[1]).toEqual([PROOF])
    expect((await load()).isBound).toBe(true)
  })

  test('keeps the name that the browser has for it, with and without quotes, and gives its own for any other', async () => {
    const { post } = await boundFixture()
    for (const [said, id] of [
      [`"${NAME}@old.example:8443"`, `${NAME}@old.example:8443`],
      [NAME, NAME],
      ['other', ID],
      [`${NAME}@"`, ID],
      ['', ID],
    ] as const) {
      const response = await post('refresh', said ? { 'sec-secure-session-id': said } : {})
      expect(response.headers.get('secure-session-challenge')).toMatch(
        new RegExp(`;id="${id.replaceAll('.', '\\.')}"$`),
      )
    }
  })

  const wrong: [string, (about: { device: Device; challenge: string; other: Device }) => Promise<string>][] = [
    ['by another device', ({ challenge, other }) => other.sign(challenge)],
    [
      'by another device that names its key',
      ({ challenge, other }) => other.sign(challenge, { header: { jwk: other.jwk } }),
    ],
    ['that names the key', ({ challenge, device }) => device.sign(challenge, { header: { jwk: device.jwk } })],
    [
      'without an algorithm',
      ({ challenge, device }) => device.sign(challenge, { text: (token) => withHeader(token, { alg: 'none' }) }),
    ],
    ['of another type', ({ challenge, device }) => device.sign(challenge, { header: { typ: 'JWT' } })],
    ['over another challenge', ({ device }) => device.sign('AAAAAAAAAAAAAAAA.a.b')],
    ['over a changed one', ({ challenge, device }) => device.sign(`${challenge.slice(0, -2)}AA`)],
    [
      'for another address',
      ({ challenge, device }) => device.sign(challenge, { payload: { aud: `https://${HOST}/x` } }),
    ],
  ]

  test.each(wrong)(
    'with a proof %s gets a fresh challenge with 403: anything else ends the binding',
    async (_, make) => {
      const { post, device } = await boundFixture()
      const challenge = challengeIn(await post('refresh'))
      const proof = await make({ challenge, device, other: await testDevice() })
      const response = await post('refresh', { 'secure-session-response': proof })
      expect(challengeIn(response)).not.toBe('')
      expect(await outcome(response)).toEqual([403, [], ''])
    },
  )

  test('with an old challenge gets a fresh one, whichever way the clock went', async () => {
    for (const [seconds, status] of [
      [60, 200],
      [61, 403],
      [-30, 200],
      [-31, 403],
    ] as const) {
      const { post, device, clock } = await boundFixture()
      const challenge = challengeIn(await post('refresh'))
      clock.pass(seconds)
      const response = await post('refresh', { 'secure-session-response': await device.sign(challenge) })
      expect(response.status).toBe(status)
      if (status === 200) continue
      const proof = await device.sign(challengeIn(response))
      expect((await post('refresh', { 'secure-session-response': proof })).status).toBe(200)
    }
  })

  test('that is sent again gives no more time than the first, and none once its challenge is old', async () => {
    const { post, device, clock, browser, load } = await boundFixture({ life: '5m' })
    const cookie = browser.cookie
    const headers = { 'secure-session-response': await device.sign(challengeIn(await post('refresh'))) }
    const endOf = (response: Response): string | undefined =>
      new RegExp(`${PROOF}=[^;.]+\\.[^.]+\\.([0-9a-z]+)`).exec(response.headers.get('set-cookie') ?? '')?.[1]
    const first = await post('refresh', headers, cookie)
    clock.pass(50)
    const again = await post('refresh', headers, cookie)
    expect([again.status, endOf(again)]).toEqual([200, endOf(first)])
    clock.pass(11)
    expect((await post('refresh', headers, cookie)).status).toBe(403)
    expect((await load()).isBound).toBe(true)
  })

  test('by a thief who has every cookie is refused, and the owner goes on', async () => {
    const { post, browser, clock, refresh, device, load } = await boundFixture()
    const jar = browser.cookie
    clock.pass(1000)
    const thief = await testDevice()
    const first = await post('refresh', {}, `${jar}; x=1`)
    const stolen = await thief.sign(challengeIn(first), { header: { jwk: thief.jwk } })
    expect((await post('refresh', { 'secure-session-response': stolen }, `${jar}; x=1`)).status).toBe(403)
    expect((await load(jar)).rejected?.code).toBe('ERR_SESSION_UNBOUND')
    expect((await refresh(device)).status).toBe(200)
    expect((await load()).isBound).toBe(true)
  })

  test('of another session with the key of this one is ended', async () => {
    const one = await boundFixture()
    const two = await boundFixture()
    one.browser.cookies.set(KEY, two.browser.cookies.get(KEY) ?? '')
    expect(await (await one.refresh(one.device)).json()).toEqual({ session_identifier: ID, continue: false })
  })

  test('of a session that a second device had bound at the same time is ended for the one that lost', async () => {
    const clock = testClock()
    const { signIn, browser, post, load } = bound({}, {}, { clock })
    const { challenge } = registrationIn(await signIn())
    const jar = new Map(browser.cookies)
    const [one, two] = [await testDevice(), await testDevice()]
    const register = async (device: Device) => {
      const proof = await device.sign(challenge, { header: { jwk: device.jwk } })
      return await post('register', { 'secure-session-response': proof })
    }
    await register(one)
    const key = browser.cookies.get(KEY) ?? ''
    const proof = browser.cookies.get(PROOF) ?? ''
    for (const [name, value] of jar) browser.cookies.set(name, value)
    await register(two)
    // Without a store both have a session of their own: the key of the one is not that of the other.
    browser.cookies.set(KEY, key)
    const first = await post('refresh')
    const response = await post('refresh', { 'secure-session-response': await one.sign(challengeIn(first)) })
    expect(await response.json()).toEqual({ session_identifier: ID, continue: false })
    expect((await load()).isBound).toBe(true)
    browser.cookies.set(PROOF, proof)
    expect((await load()).isBound).toBe(false)
  })

  test('of a session that is gone, expired or without a key is ended, and nothing is set', async () => {
    const gone = await boundFixture()
    gone.browser.cookies.delete(NAME)
    const keyless = await boundFixture()
    keyless.browser.cookies.delete(KEY)
    const expired = await boundFixture()
    expired.clock.pass(15 * 86_400)
    const out = await boundFixture()
    out.browser.take(await out.sessions.destroy(await out.load()))
    for (const { post } of [gone, keyless, expired, out]) {
      const response = await post('refresh', { 'sec-secure-session-id': ID })
      expect(response.headers.get('content-type')).toBe('application/json')
      expect(await outcome(response)).toEqual([200, [], JSON.stringify({ session_identifier: ID, continue: false })])
    }
  })

  test('while the browser registers anew is put off: an end would be that of the new one', async () => {
    const { signIn, post } = await boundFixture()
    await signIn()
    expect(await outcome(await post('refresh'))).toEqual([503, [], ''])
  })

  test('of a session that a newer release wrote is put off', async () => {
    const fixture = await boundFixture()
    const refusing = () => ({ issues: [{ message: 'no' }] })
    const schema: StandardSchema<object> = { '~standard': { version: 1, vendor: 'test', validate: refusing } }
    const { sessions } = bound({}, { session: defineSession({ schema, name: NAME }) as never }, fixture)
    const response = await fetchBound(sessions)(requestOf('refresh', fixture.browser.cookie))
    expect(response.status).toBe(503)
  })

  test('while the store or the keys are down is put off, and so is a registration', async () => {
    const clock = testClock()
    let isDown = false
    const { get, ...store } = memoryStore({ clock, ttl: '1d' })
    const failing: SessionStore = {
      ...store,
      get: (id) => {
        if (isDown) throw new Error('down')
        return get(id)
      },
    }
    const { post, refresh, device, load } = await boundFixture({}, { store: failing }, clock)
    isDown = true
    expect(await outcome(await post('refresh'))).toEqual([503, [], ''])
    expect(await outcome(await post('register'))).toEqual([503, [], ''])
    isDown = false
    expect((await refresh(device)).status).toBe(200)
    expect((await load()).isBound).toBe(true)

    const fixture = await boundFixture()
    const keyless = bound({}, { secrets: () => Promise.reject(new Error('down')) }, fixture)
    expect(await outcome(await keyless.post('refresh'))).toEqual([503, [], ''])
  })

  test('has no status with which Chromium would end its session: 400, 401, 404, 410, 429', async () => {
    const { handle, browser } = await boundFixture()
    const values = ['', 'x', 'a.b.c', '"', '\u00ff', `${'a'.repeat(5000)}.b.c`, 'e30.e30.']
    const statuses = new Set<number>()
    for (const response of values) {
      for (const id of values) {
        for (const cookie of [browser.cookie, '', `${KEY}=${response}`]) {
          const headers = { 'secure-session-response': response, 'sec-secure-session-id': id, cookie }
          for (const step of ['register', 'refresh'] as const) {
            statuses.add((await handle(requestOf(step, cookie, headers))).status)
          }
        }
      }
    }
    expect([...statuses].sort()).toEqual([200, 403])
  })
})

describe('other requests', () => {
  test('of other methods get 405, and of other paths 404 or the handler', async () => {
    const { sessions, handle } = bound()
    const get = await handle(new Request(`https://${HOST}/dbsc/refresh`))
    expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST'])
    expect((await handle(new Request(`https://${HOST}/dbsc/refresh/x`, { method: 'POST' }))).status).toBe(404)
    const wrapped = fetchBound(
      sessions,
      fetchSessions(sessions, (_, { isNew }: Session) => Response.json({ isNew })),
    )
    const response = await wrapped(new Request(`https://${HOST}/`))
    expect(await response.json()).toEqual({ isNew: true })
  })

  test('need sessions with the option, and options that exist', () => {
    const sessions = createSessions({ secrets: SECRET, expose: false })
    expect(() => fetchBound(sessions)).toThrow('fetchBound needs sessions with the option "bound"')
    expect(() => expressBound(sessions)).toThrow('expressBound needs sessions with the option "bound"')
    expect(() => fastifyBound(sessions)).toThrow('fastifyBound needs sessions with the option "bound"')
    expect(() => honoBound(sessions)).toThrow('honoBound needs sessions with the option "bound"')
    expect(() => expressBound(bound().sessions, { relod: true } as object)).toThrow('Did you mean "reload"?')
  })
})

describe('a link from another site', () => {
  const LINK = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', 'sec-fetch-site': 'cross-site' }

  async function visit(headers: Record<string, string>, { reload = true, hasProof = false, method = 'GET' } = {}) {
    const { sessions, browser, clock } = await boundFixture()
    clock.pass(1000)
    if (!hasProof) browser.cookies.delete(PROOF)
    const wrapped = fetchBound(
      sessions,
      fetchSessions(sessions, (_, session) => Response.json(session.data.user ?? null)),
      { reload },
    )
    const request = new Request(`https://${HOST}/page`, { method, headers: { cookie: browser.cookie, ...headers } })
    const response = await wrapped(request)
    return { response, text: await response.text() }
  }

  test('gets a page that loads the address again, and loses nothing', async () => {
    const { response, text } = await visit(LINK)
    expect(text).toContain("<script>location.replace(location.href.split('#')[0])</script>")
    expect(response.headers.get('cache-control')).toBe('private, no-store')
    expect(response.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; script-src 'sha256-[\w+/]{43}='$/,
    )
    expect(response.headers.getSetCookie()).toEqual([])
  })

  test('with a proof of no use loses that, which would keep the browser from a renewal; also from the site itself', async () => {
    for (const site of ['cross-site', 'same-origin', 'none']) {
      const { response, text } = await visit({ ...LINK, 'sec-fetch-site': site }, { hasProof: true })
      expect(text).toContain('<script>')
      expect(expiredOf(response.headers.getSetCookie())).toEqual([PROOF])
    }
  })

  test('gets it once: the site itself, scripts, forms, frames and others get what the application says', async () => {
    const others: [object, object][] = [
      [{ 'sec-fetch-site': 'same-origin' }, {}],
      [{ 'sec-fetch-site': 'none' }, {}],
      [{ 'sec-fetch-mode': 'cors' }, {}],
      [{ 'sec-fetch-dest': 'iframe' }, {}],
      [{}, { method: 'POST' }],
      [{}, { reload: false }],
    ]
    for (const [headers, options] of others) {
      expect((await visit({ ...LINK, ...headers }, options)).text).toBe('null')
    }
    expect((await visit({})).text).toBe('null')
  })
})

function requestOf(step: string, cookie: string, headers: Record<string, string> = {}): Request {
  return new Request(`https://${HOST}/dbsc/${step}`, { method: 'POST', headers: { host: HOST, cookie, ...headers } })
}

function withText(token: string, change: (json: string) => string): string {
  const [header = '', ...rest] = token.split('.')
  const json = change(Buffer.from(header, 'base64url').toString())
  return [Buffer.from(json).toString('base64url'), ...rest].join('.')
}

function withHeader(token: string, members: object): string {
  return withText(token, (json) => JSON.stringify({ ...JSON.parse(json), ...members }))
}
