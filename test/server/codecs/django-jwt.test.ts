/** The codec of django-session-jwt, against tokens that the real one made and by itself (FORMATS §6.2, traps 22 and 23). */
import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { platform } from '#platform'
import { getSession } from '../../../src/client/index.js'
import {
  createSessions,
  type DjangoJwtOptions,
  type DjangoJwtSession,
  defineSession,
  djangoJwt,
  jwt,
  memoryStore,
  type SessionCodec,
  type SessionData,
  type SessionRecord,
} from '../../../src/server/index.js'
import { pairFor, pemOf } from '../keys/keys.helpers.js'
import { OLD_SECRET, rejection, SECRET, START, serve, testBrowser, testClock } from '../server.helpers.js'

interface Vector {
  name: string
  kind: 'create' | 'verify' | 'request'
  cookie: string
  session_key: string
  expires: number | null
  user: Record<string, unknown> | null
  callable_returns?: unknown
  payload_json: string
  verified?: unknown
  raises?: { error: string }
  at?: string
  request_cookie?: string
  set_cookie?: string | null
}

const vectors = JSON.parse(readFileSync(new URL('../../vectors/django_session_jwt.json', import.meta.url), 'utf8')) as {
  SECRET_KEY: string
  FIELDS: [string, string, string][]
  cases: Vector[]
}
const key = vectors.SECRET_KEY
const fields = vectors.FIELDS
const now = new Date(1_700_000_000_250)
const context = { cookieName: 'sessionid', purpose: 'session', now } as const
const sk = 's'.repeat(32)
const short = 'x'.repeat(31)

function codecOf<User extends object = Record<string, unknown>>(
  options: Partial<DjangoJwtOptions<User>> = {},
): Required<SessionCodec> {
  return djangoJwt<User>({ key, fields, expires: 28_800, ...options }) as Required<SessionCodec>
}

/** FORMATS §0, as far as these vectors go. */
function decodeTagged(tagged: unknown): unknown {
  if (typeof tagged !== 'object' || tagged === null) return tagged
  if (Array.isArray(tagged)) return tagged.map(decodeTagged)
  if ('$int' in tagged) return Number(tagged.$int)
  const { $dict } = tagged as { $dict: [string, unknown][] }
  return Object.fromEntries($dict.map(([name, value]) => [name, decodeTagged(value)]))
}

function tokenOf(payload: string, secret: string = key): string {
  const signingInput = `${base64url('{"alg":"HS256","typ":"JWT"}')}.${base64url(payload)}`
  return `${signingInput}.${createHmac('sha256', secret).update(signingInput).digest('base64url')}`
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url')
}

function payloadOf(token: string): string {
  return Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()
}

const named = (kind: Vector['kind']): [string, Vector][] =>
  vectors.cases.filter((vector) => vector.kind === kind).map((vector) => [vector.name, vector])

describe('vectors: what Django creates', () => {
  test.each(named('create'))('%s: is read', async (name, { cookie, verified, payload_json }) => {
    const { id, data, claims, kid } = await codecOf().verify(cookie, context)
    const payload = JSON.parse(payload_json) as SessionData
    expect(claims).toEqual(payload)
    expect(kid).toBeUndefined()
    expect(id).toBe(name.includes('overrides') ? 'overridden' : sk)
    // PyJWT refuses a `sub` that is not text; here it is data.
    if (verified === undefined) return expect(data.sub).toBe(5)
    const { sk: _, iat: _iat, exp: _exp, ...expected } = decodeTagged(verified) as SessionData
    expect(data).toEqual(expected)
  })

  test.each(named('create').filter(([name]) => !name.includes('overrides')))(
    '%s: is written, byte by byte',
    async (_, { cookie, session_key: id, expires, user, callable_returns: more }) => {
      const codec = djangoJwt({
        key,
        fields,
        user: () => user,
        ...(expires && { expires }),
        ...(more !== undefined && { claims: () => decodeTagged(more) as SessionData }),
      }) as Required<SessionCodec>
      expect(await codec.sign({ id, data: {} }, context)).toBe(cookie)
      // The same without a user: the claims of the token before are copied.
      const copying = djangoJwt({ key, fields, ...(expires && { expires }) }) as Required<SessionCodec>
      expect(await copying.sign(await copying.verify(cookie, context), context)).toBe(cookie)
    },
  )
})

describe('vectors: what Django verifies', () => {
  const outcomes: Record<string, string> = {
    good: 'valid',
    'exactly at exp': 'ERR_SESSION_EXPIRED',
    expired: 'ERR_SESSION_EXPIRED',
    // 500 there
    'clock behind by half a second': 'ERR_SESSION_NOT_YET_VALID',
    tampered: 'ERR_SESSION_SIGNATURE',
    // 500 there
    HS512: 'ERR_SESSION_ALGORITHM',
    empty: 'ERR_SESSION_UNSUPPORTED',
    // 500 there
    'nbf in the future': 'ERR_SESSION_NOT_YET_VALID',
    // 500 there; a claim like others here
    'sub int': 'valid',
    'exp text': 'ERR_SESSION_CLAIMS',
    'payload list': 'ERR_SESSION_JSON',
  }
  test.each(named('verify'))('%s', async (name, { cookie, at = '' }) => {
    const codec = codecOf({ clockTolerance: 0 })
    const verify = async () => codec.verify(cookie, { ...context, now: new Date(`${at}Z`) })
    if (outcomes[name] === 'valid') expect((await verify()).id).toBe(name === 'good' ? sk : 'x')
    else await rejection(outcomes[name] ?? '', verify)
  })

  test('a clock that is behind is none of the visitor’s faults', async () => {
    const [, { cookie, at = '' }] = named('verify').find(([name]) => name.startsWith('clock')) as [string, Vector]
    expect((await codecOf().verify(cookie, { ...context, now: new Date(`${at}Z`) })).id).toBe(sk)
    const early = { ...context, now: new Date(1_700_000_000_000 - 30_001) }
    await rejection('ERR_SESSION_NOT_YET_VALID', async () => codecOf().verify(cookie, early))
  })
})

describe('vectors: whole requests', () => {
  test.each(named('request'))('%s', async (name, { request_cookie: cookie, at = '', set_cookie: set }) => {
    const { sessions } = serve({
      name: 'sessionid',
      codecs: [codecOf({ clockTolerance: 0 })],
      clock: () => new Date(`${at}Z`),
    })
    const session = await sessions.load(cookie ? `sessionid=${cookie}` : null)
    const cookies = await sessions.commit(session)
    if (name.startsWith('fresh JWT')) {
      // Ten seconds after it was issued Django renews it; half of its time must be over here.
      expect(session).toMatchObject({ isNew: false, data: { user_id: 1, username: 'john', u: 'john' } })
      expect([cookies.length, set !== null]).toEqual([0, true])
      const always = serve({
        name: 'sessionid',
        codecs: [codecOf({ renew: 'always' })],
        clock: () => new Date(`${at}Z`),
      }).sessions
      const [renewed = ''] = await always.commit(await always.load(`sessionid=${cookie}`))
      expect(renewed.split(';')[0]).toBe(set?.split(';')[0])
    } else if (name.startsWith('expired')) {
      expect(session).toMatchObject({ isNew: true, data: {}, rejected: { code: 'ERR_SESSION_EXPIRED' } })
      // Python expires the cookie.
      expect(cookies).toEqual([])
    } else if (name.startsWith('EXPIRES unset')) {
      expect(session.isNew).toBe(false)
    } else expect([session.isNew, cookies]).toEqual([true, []])
  })
})

describe('options', () => {
  test.each<[RegExp, Partial<DjangoJwtOptions>]>([
    [/one of "key", "keys" and "secrets"/, { keys: SECRET }],
    [/one of "key", "keys" and "secrets"/, { secrets: [SECRET] }],
    [/"key" contains an empty secret/, { key: '' }],
    [/31 bytes; 32 are needed/, { key: short }],
    [/private key and its public key/, { key: [SECRET] as never }],
    [/"key" holds a key that can not be used with RS256/, { key: [SECRET, SECRET] }],
    [
      /"key" holds a key that can not be used with RS256/,
      { key: [pairFor('ES256').privateKey, pairFor('ES256').publicKey] },
    ],
    [/"fields" contains a part/, { fields: [[]] as never }],
    [/"fields" contains a part/, { fields: [['a', 'b', 'c', 'd']] as never }],
    [/"fields" contains a part/, { fields: [5] as never }],
    [/"fields" contains a part/, { fields: [['']] }],
    [/"fields" has the name "a" twice/, { fields: ['a', ['b', 'a', 'c']] }],
    [
      /"fields" has the name "c" twice/,
      {
        fields: [
          ['a', 'a', 'c'],
          ['b', 'b', 'c'],
        ],
      },
    ],
    [/fields has two meanings for "sk"/, { fields: [['id', 'sk']] }],
    [/fields has two meanings for "sk"/, { fields: [['id', 'id', 'sk']] }],
    [/fields has two meanings for "key"/, { fields: [['id', 'key']], sessionField: 'key' }],
    [/fields has two meanings for "exp"/, { fields: ['exp'] }],
    [
      /fields has two meanings for "b"/,
      {
        fields: [
          ['a', 'b', 'c'],
          ['d', 'e', 'b'],
        ],
      },
    ],
    [/sessionField must be the name/, { sessionField: 'iat' }],
    [/sessionField must be the name/, { sessionField: '' }],
    [/"user" must be a function/, { user: {} as never }],
    [/"claims" must be a function, and needs "user"/, { claims: () => ({}) }],
    [/"claims" must be a function/, { claims: {} as never, user: () => null }],
    [/"renew" must be one of/, { renew: 'sometimes' as never }],
    [/"expires" must be a second or more/, { expires: 0.5 }],
    [/clockTolerance/, { clockTolerance: -1 }],
    [/"remember"/, { remember: -1 }],
  ])('%s', (message, options) => {
    expect(() => codecOf(options)).toThrow(TypeError)
    expect(() => codecOf(options)).toThrow(message)
  })

  test('weak secrets only when asked for', async () => {
    expect(
      (await codecOf({ key: short, allowWeakSecrets: true }).verify(tokenOf(`{"sk":"a"}`, short), context)).id,
    ).toBe('a')
  })

  test('a pair is for RS256, by PEM as Django has it', async () => {
    const { privateKey, publicKey } = pairFor('RS256')
    const codec = codecOf({ key: [pemOf(privateKey), pemOf(publicKey)] })
    const token = await codec.sign({ id: sk, data: { username: 'john' } }, context)
    expect(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).toBe('{"alg":"RS256","typ":"JWT"}')
    const reading = djangoJwt({ keys: publicKey, fields })
    expect(reading.sign).toBeUndefined()
    expect(await reading.verify(token, context)).toMatchObject({ id: sk, data: { username: 'john', u: 'john' } })
    expect(await codec.keys.publicKeys()).toHaveLength(1)
  })

  test('a SECRET_KEY with commas is one secret', async () => {
    const text = `${SECRET},${OLD_SECRET}`
    expect((await codecOf({ key: text }).verify(tokenOf('{"sk":"a"}', text), context)).id).toBe('a')
    await rejection('ERR_SESSION_SIGNATURE', () =>
      codecOf({ key: text }).verify(tokenOf('{"sk":"a"}', SECRET), context),
    )
  })

  test('keys rotate', async () => {
    const codec = djangoJwt({ keys: [SECRET, OLD_SECRET] })
    expect((await codec.verify(tokenOf('{"sk":"a"}', OLD_SECRET), context)).keyIndex).toBe(1)
    const listed = djangoJwt({ secrets: [SECRET, OLD_SECRET] })
    expect((await listed.verify(tokenOf('{"sk":"a"}', OLD_SECRET), context)).keyIndex).toBe(1)
  })

  test('names as defineSession has them', async () => {
    const codec = codecOf({ fields: { user_id: 'id', username: 'u' } })
    const token = await codec.sign({ id: sk, data: { user_id: 1, username: 'john' } }, context)
    expect(payloadOf(token)).toBe(`{"sk":"${sk}","iat":1700000000,"exp":1700028800,"id":1,"u":"john"}`)
  })
})

describe('the session field', () => {
  test('another name', async () => {
    const codec = codecOf({ sessionField: 'key' })
    const token = await codec.sign({ id: sk, data: { sk: 'data' } }, context)
    expect(payloadOf(token)).toBe(`{"key":"${sk}","iat":1700000000,"exp":1700028800,"sk":"data"}`)
    expect(await codec.verify(token, context)).toMatchObject({ id: sk, data: { sk: 'data' } })
  })

  test.each<[string, string, string]>([
    ['is empty after a logout in Django', '{"sk":"","iat":1700000000}', 'ERR_SESSION_EXPIRED'],
    ['is missing: another codec may know the token', '{"user":"admin"}', 'ERR_SESSION_KEY'],
    ['is a number', '{"sk":5}', 'ERR_SESSION_CLAIMS'],
    ['is null', '{"sk":null}', 'ERR_SESSION_CLAIMS'],
    ['is a list', '{"sk":["a"]}', 'ERR_SESSION_CLAIMS'],
  ])('%s', async (_, payload, code) => {
    expect((await rejection(code, () => codecOf().verify(tokenOf(payload), context))).verified).toBe(true)
  })

  test('a token with an empty one signs nobody in, and is replaced', async () => {
    const { sessions } = serve({ name: 'sessionid', codecs: [codecOf()], clock: () => now })
    const session = await sessions.load(`sessionid=${tokenOf('{"sk":""}')}`)
    expect(session).toMatchObject({ isNew: true, data: {} })
    session.data.username = 'john'
    expect(await sessions.commit(session)).toHaveLength(1)
  })

  test('a session without an id is not written', async () => {
    await expect(async () => codecOf().sign({ data: {} }, context)).rejects.toThrow(/needs the id/)
  })
})

describe('without a user: claims are copied', () => {
  const payload = `{"sk":"${sk}","iat":1700000000,"exp":1700028800,"id":1,"u":"john","x":null,"f":1.0,"big":12345678901234567890,"nbf":1,"jti":"j","deep":{"e":1e-05}}`
  const later = { ...context, now: new Date(now.getTime() + 20_000_000) }

  test('sk and all claims stay, iat and exp move', async () => {
    const codec = codecOf()
    const record = await codec.verify(tokenOf(payload), later)
    expect(payloadOf(await codec.sign(record, later))).toBe(
      payload.replace('"iat":1700000000,"exp":1700028800', '"iat":1700020000,"exp":1700048800'),
    )
  })

  test('without expires the end stays as it was', async () => {
    const codec = djangoJwt({ key, fields }) as Required<SessionCodec>
    const record = await codec.verify(tokenOf(payload), later)
    expect(payloadOf(await codec.sign(record, later))).toBe(payload.replace('"iat":1700000000', '"iat":1700020000'))
  })

  test.each<[string, (data: SessionData) => unknown, Record<string, unknown>]>([
    ['a long name', (data) => Object.assign(data, { username: 'eve' }), { u: 'eve' }],
    ['a short name', (data) => Object.assign(data, { u: 'eve' }), { u: 'eve' }],
    ['both, of which the long one counts', (data) => Object.assign(data, { u: 'a', username: 'b' }), { u: 'b' }],
    ['a long name that is deleted', (data) => delete data.username, { u: undefined }],
    ['a short name that is deleted', (data) => delete data.u, { u: undefined }],
    ['a new field', (data) => Object.assign(data, { email: 'e@example.com' }), { e: 'e@example.com', u: 'john' }],
    ['a new claim', (data) => Object.assign(data, { cart: [1] }), { cart: [1], u: 'john' }],
    ['a claim that is deleted', (data) => delete data.deep, { deep: undefined, u: 'john' }],
  ])('%s', async (_, change, expected) => {
    const codec = codecOf()
    const record = await codec.verify(tokenOf(payload), context)
    expect(codec.changed(record)).toBe(false)
    change(record.data)
    expect(codec.changed(record)).toBe(true)
    const written = JSON.parse(payloadOf(await codec.sign(record, context))) as SessionData
    expect(written).toMatchObject(JSON.parse(JSON.stringify({ id: 1, ...expected })))
    for (const [name, value] of Object.entries(expected)) expect(written[name]).toEqual(value)
    for (const name of ['username', 'email', 'user_id']) expect(written).not.toHaveProperty(name)
  })

  test('data that is replaced as a whole, by short names or long ones', async () => {
    const codec = codecOf()
    const record = await codec.verify(tokenOf(payload), context)
    for (const data of [{ u: 'eve' }, { username: 'eve' }]) {
      const token = await codec.sign({ ...record, data }, context)
      expect(payloadOf(token)).toContain('"u":"eve"')
      expect(payloadOf(token)).not.toContain('username')
    }
  })

  test('a claim that has a long name already stays what it is', async () => {
    const text = `{"sk":"${sk}","iat":1700000000,"username":"john"}`
    const codec = djangoJwt({ key, fields }) as Required<SessionCodec>
    expect(payloadOf(await codec.sign(await codec.verify(tokenOf(text), context), context))).toBe(text)
  })

  test('a session for another codec moves here', async () => {
    const secret = { secrets: [OLD_SECRET] }
    const { sessions, browser } = serve({ codecs: [jwt(secret)], clock: () => now })
    const first = await sessions.load(null)
    Object.assign(first.data, { user_id: 1, username: 'john', ratio: 0.5 })
    browser.take(await sessions.commit(first))
    const moved = serve({ codecs: [codecOf(), jwt(secret)], clock: () => now }, { browser })
    browser.take(await moved.sessions.commit(await moved.sessions.load(browser.cookie)))
    const [, token = ''] = browser.cookie.split('=')
    expect(JSON.parse(payloadOf(token))).toEqual({
      sk: first.id,
      iat: 1_700_000_000,
      exp: 1_700_028_800,
      id: 1,
      u: 'john',
      ratio: 0.5,
    })
  })
})

describe('with a user', () => {
  const record: SessionRecord = { id: sk, data: {} }

  test('is asked with the session, may answer later, and gives its fields', async () => {
    const seen: DjangoJwtSession[] = []
    const codec = codecOf({
      fields: ['id', ['profile.phone', 'p'], ['profile.no.such', 'n', 'none'], ['nick', 'nick']],
      user: async (session) => {
        seen.push(session)
        return { id: 1, profile: { phone: '555' }, nick: null, password: 'not a field' }
      },
    })
    const token = await codec.sign(record, context)
    expect(payloadOf(token)).toBe(`{"sk":"${sk}","iat":1700000000,"exp":1700028800,"id":1,"p":"555","nick":null}`)
    const read = await codec.verify(token, context)
    await codec.sign({ ...read, stored: { cart: [1] } }, context)
    expect(seen).toEqual([
      { id: sk, data: {} },
      { id: sk, data: { cart: [1] }, claims: read.claims },
    ])
  })

  test('without one nobody is named; what the token said before is gone', async () => {
    const codec = codecOf({ user: () => null, claims: (user) => ({ anonymous: user === null }) })
    const before = await codec.verify(tokenOf(`{"sk":"${sk}","id":1,"u":"john","role":"admin"}`), context)
    expect(payloadOf(await codec.sign(before, context))).toBe(
      `{"sk":"${sk}","iat":1700000000,"exp":1700028800,"anonymous":true}`,
    )
  })

  test('claims come last, may give a field another value, and no claim about the token', async () => {
    const user = () => ({ id: 1, username: 'john' })
    const codec = codecOf({ user, claims: async (found) => ({ u: 'ü', further: found?.id }) })
    expect(payloadOf(await codec.sign(record, context))).toBe(
      `{"sk":"${sk}","iat":1700000000,"exp":1700028800,"id":1,"u":"\\u00fc","further":1}`,
    )
    for (const name of ['sk', 'iat', 'exp', 'nbf', 'jti']) {
      await expect(async () =>
        codecOf({ user, claims: () => ({ [name]: 'x' }) }).sign(record, context),
      ).rejects.toThrow(`Option "claims" must not return "${name}"`)
    }
  })

  test('other data would be lost, which is said; with a store it is not in the token at all', async () => {
    const codec = codecOf({ user: () => ({ id: 1 }), claims: () => ({ role: 'user' }) })
    await codec.sign({ ...record, data: { id: 2, user_id: 2, role: 'user', gone: undefined } }, context)
    const error = await rejection('ERR_SESSION_UNWRITABLE', async () =>
      codec.sign({ ...record, data: { id: 1, cart: [] } }, context),
    )
    expect(error.path).toBe('cart')
    await codec.sign({ ...record, stored: { cart: [] } }, context)
  })

  test('what has no place in JSON is refused with its path', async () => {
    const codec = codecOf({ fields: ['joined'], user: () => ({ joined: new Date(0) }) })
    const error = await rejection('ERR_SESSION_UNWRITABLE', async () => codec.sign(record, context))
    expect(error.path).toBe('joined')
  })
})

describe('a "sub" that is no text, which PyJWT refuses since 2.10', () => {
  afterEach(() => vi.restoreAllMocks())

  test.each<[string, Partial<DjangoJwtOptions>, SessionData]>([
    ['in the data', {}, { sub: 5 }],
    ['of CALLABLE', { user: () => ({}), claims: () => ({ sub: 5 }) }, {}],
    ['of FIELDS', { user: () => ({ pk: 5 }), fields: [['pk', 'sub']] }, {}],
  ])('%s: is told once', async (_, options, data) => {
    const warn = vi.spyOn(platform, 'warn').mockImplementation(() => {})
    const codec = codecOf(options)
    for (let times = 0; times < 2; times++) expect(payloadOf(await codec.sign({ id: sk, data }, context))).toMatch('5}')
    expect(warn.mock.calls).toEqual([['ERR_SESSION_CLAIMS', expect.stringContaining('djangoJwt writes a token')]])
  })
})

describe('renewal', () => {
  function site(options: Partial<DjangoJwtOptions> = {}, more: object = {}) {
    const clock = testClock()
    const fixture = serve({ name: 'sessionid', codecs: [codecOf({ key: SECRET, ...options })], ...more }, { clock })
    const timesOf = () => {
      const { iat, exp } = JSON.parse(payloadOf(fixture.browser.cookie))
      return [iat, exp].map((time) => time && time - START / 1000)
    }
    return { ...fixture, clock, timesOf }
  }

  test('at half-life, not a second sooner and with every request after', async () => {
    const { visit, clock, timesOf, events } = site({ expires: '8h' })
    await visit((data) => Object.assign(data, { username: 'john' }))
    clock.pass(4 * 3600 - 1)
    expect(await visit()).toEqual([])
    clock.pass(1)
    expect(await visit()).toHaveLength(1)
    expect(timesOf()).toEqual([4 * 3600, 12 * 3600])
    expect(events.at(-1)).toMatchObject({ type: 'committed' })
    expect(events.at(-2)).toMatchObject({ type: 'renewed', codec: 'djangoJwt' })
    clock.pass(4 * 3600 - 1)
    expect(await visit()).toEqual([])
  })

  test('a visitor who comes every day of a month stays; one who stays away is signed out', async () => {
    const { sessions, browser, visit, clock } = site({ expires: '2d' })
    await visit((data) => Object.assign(data, { username: 'john' }))
    for (let day = 0; day < 30; day++) {
      clock.pass(86_400)
      await visit()
      expect((await sessions.load(browser.cookie)).data).toMatchObject({ username: 'john' })
    }
    clock.pass(2 * 86_400 + 31)
    expect(await sessions.load(browser.cookie)).toMatchObject({ isNew: true, data: {} })
  })

  test('always: with each request, as in Django', async () => {
    const { visit, clock, timesOf } = site({ renew: 'always' })
    await visit((data) => Object.assign(data, { username: 'john' }))
    clock.pass(1)
    expect(await visit()).toHaveLength(1)
    expect(timesOf()).toEqual([1, 28_801])
  })

  test('never: only with a change', async () => {
    const { visit, clock } = site({ renew: 'never' })
    await visit((data) => Object.assign(data, { username: 'john' }))
    clock.pass(28_799)
    expect(await visit()).toEqual([])
    expect(await visit((data) => Object.assign(data, { username: 'eve' }))).toHaveLength(1)
  })

  test('without expires nothing ends and nothing fails', async () => {
    const codecs = [djangoJwt({ key: SECRET, fields })]
    const { visit, clock, sessions, browser } = site({}, { codecs })
    await visit((data) => Object.assign(data, { username: 'john' }))
    expect(payloadOf(browser.cookie)).not.toContain('exp')
    clock.pass(365 * 86_400)
    expect(await visit()).toEqual([])
    expect((await sessions.load(browser.cookie)).data.username).toBe('john')
  })

  test('an idle timeout asks for it sooner', async () => {
    const { visit, clock, sessions, browser } = site({ expires: '8h' }, { idleTimeout: 600 })
    await visit((data) => Object.assign(data, { username: 'john' }))
    for (let minute = 0; minute < 60; minute += 5) {
      clock.pass(300)
      expect(await visit()).toHaveLength(1)
    }
    expect((await sessions.load(browser.cookie)).isNew).toBe(false)
    clock.pass(601)
    expect((await sessions.load(browser.cookie)).isNew).toBe(true)
  })

  test('a service that has the public key alone writes nothing', async () => {
    const { privateKey, publicKey } = pairFor('RS256')
    const { visit, browser, clock } = site({ key: [privateKey, publicKey] })
    await visit((data) => Object.assign(data, { user_id: 1, username: 'john' }))
    clock.pass(20_000)
    const reader = createSessions({
      session: defineSession({ name: 'sessionid' }),
      codecs: [djangoJwt({ key: publicKey, fields })],
      readOnly: true,
      expose: true,
      clock,
    })
    const session = await reader.load(browser.cookie)
    expect(session).toMatchObject({ isNew: false, data: { user_id: 1, id: 1, username: 'john' } })
    expect(session.claims).toMatchObject({ sk: session.id })
    expect('commit' in reader).toBe(false)
  })
})

describe('with a store', () => {
  test('the token names the session and its user, the store has the data', async () => {
    const clock = testClock()
    const store = memoryStore({ clock })
    const users: Record<string, object> = { 7: { id: 7, username: 'john' } }
    const asked: unknown[] = []
    const codec = codecOf({
      key: SECRET,
      user: ({ data }) => {
        asked.push(data)
        return (users[data._auth_user_id as string] as Record<string, unknown>) ?? null
      },
    })
    const browser = testBrowser()
    const session = defineSession({ name: 'sessionid' })
    const sessions = createSessions({ session, codecs: [codec], store, expose: false, clock })
    const anonymous = await sessions.load(null)
    anonymous.data.cart = [1]
    browser.take(await sessions.commit(anonymous))
    expect(payloadOf(browser.cookie)).toBe(`{"sk":"${anonymous.id}","iat":1700000000,"exp":1700028800}`)

    const login = await sessions.load(browser.cookie)
    expect(login.data).toEqual({ cart: [1] })
    login.regenerate()
    login.data._auth_user_id = '7'
    browser.take(await sessions.commit(login))
    expect(login.id).not.toBe(anonymous.id)
    expect(payloadOf(browser.cookie)).toBe(`{"sk":"${login.id}","iat":1700000000,"exp":1700028800,"id":7,"u":"john"}`)

    users[7] = { id: 7, username: 'johnny' }
    clock.pass(10)
    const idle = await sessions.load(browser.cookie)
    idle.data.cart = [1, 2]
    expect(await sessions.commit(idle)).toEqual([])
    expect(idle.claims).toMatchObject({ u: 'john' })
    clock.pass(14_390)
    browser.take(await sessions.commit(await sessions.load(browser.cookie)))
    expect(payloadOf(browser.cookie)).toBe(`{"sk":"${login.id}","iat":1700014400,"exp":1700043200,"id":7,"u":"johnny"}`)
    expect(asked).toEqual([{ cart: [1] }, { cart: [1], _auth_user_id: '7' }, { cart: [1, 2], _auth_user_id: '7' }])

    const last = await sessions.load(browser.cookie)
    const [gone = ''] = await sessions.destroy(last)
    // Django signs a token without a key here.
    expect(gone).toMatch(/^[^=]+=; .*Max-Age=0/)
    expect(await sessions.load(browser.cookie)).toMatchObject({ isNew: true, data: {} })
  })
})

describe('the names of the definition', () => {
  const session = defineSession({ name: 'sessionid', fields: { username: 'u' }, sessionField: 'key' })
  const token = tokenOf(`{"key":"${sk}","u":"john"}`)
  const load = (codec: SessionCodec) =>
    createSessions({ session, codecs: [codec], expose: true }).load(`sessionid=${token}`)

  test.each<[string, DjangoJwtOptions]>([
    ['at once', { key }],
    ['with a secret that comes later', { secrets: () => key }],
    ['with options that are undefined', { key, fields: undefined, sessionField: undefined } as never],
  ])('need not be given to the codec: %s', async (_, options) => {
    const { id, data } = await load(djangoJwt(options))
    expect({ id, data }).toEqual({ id: sk, data: { u: 'john', username: 'john' } })
  })

  test('are for writing and for the public cookie, too', async () => {
    const sessions = createSessions({ session, codecs: [djangoJwt({ key })], expose: ['username'] })
    const loaded = await sessions.load(`sessionid=${token}`)
    loaded.data.username = 'eve'
    const [own, half] = (await sessions.commit(loaded)).map((cookie) =>
      JSON.parse(payloadOf(String(cookie).split('=')[1] ?? '')),
    )
    expect(own).toMatchObject({ key: sk, u: 'eve' })
    expect(own).not.toHaveProperty('username')
    expect(half).toEqual({ exp: expect.any(Number), username: 'eve' })
  })

  test('the options of the codec come first', async () => {
    const { rejected } = await load(djangoJwt({ key, sessionField: 'sk' }))
    expect(rejected).toMatchObject({ code: 'ERR_SESSION_KEY' })
    const { data } = await load(djangoJwt({ key, fields: [['username', 'u', 'name']] }))
    expect(data).toEqual({ u: 'john', name: 'john' })
  })
})

describe('in the browser', () => {
  test('by short and by long names, without a key', async () => {
    const session = defineSession({ name: 'sessionid', fields: { user_id: 'id', username: 'u', email: 'e' } })
    const [, { cookie }] = named('create')[0] as [string, Vector]
    const found = getSession(session, { cookie: `sessionid=${cookie}`, now })
    expect(found).toEqual({
      id: 1,
      user_id: 1,
      u: 'john',
      username: 'john',
      e: 'john@example.com',
      email: 'john@example.com',
    })
  })

  test('the public half has the names it was given, and no session field', async () => {
    const { visit, browser, sessions } = serve({
      name: 'sessionid',
      codecs: [codecOf({ key: SECRET })],
      expose: ['username', 'id'],
    })
    await visit((data) => Object.assign(data, { user_id: 1, username: 'john', email: 'e@example.com' }))
    const half = browser.cookies.get('sessionid.public') ?? ''
    expect(JSON.parse(payloadOf(half))).toEqual({ exp: 1_700_028_800, username: 'john' })
    // `id` is there once it was read.
    await visit()
    expect(await visit()).toEqual([])
    expect(JSON.parse(payloadOf(browser.cookies.get('sessionid.public') ?? ''))).toMatchObject({
      username: 'john',
      id: 1,
    })
    expect(await sessions.load(`sessionid=${browser.cookies.get('sessionid.public')}`)).toMatchObject({
      isNew: true,
      rejected: { code: 'ERR_SESSION_SIGNATURE' },
    })
  })
})
