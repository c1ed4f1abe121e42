/** The codec of plain claims: what it takes, what it refuses and what it writes (RFC 7519, RFC 7518 §3.2, FORMATS §6). */
import { createHmac } from 'node:crypto'
import { jwtDecode } from 'jwt-decode'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { platform } from '#platform'
import { getSession, inspectSession } from '../../../src/client/index.js'
import {
  beakerJwt,
  createSessions,
  defineSession,
  type HmacAlgorithm,
  type JwtOptions,
  jwt,
  type SessionCodec,
  type SessionData,
  type SessionRecord,
} from '../../../src/server/index.js'
import { expectWithout, NAME, OLD_SECRET, rejection, SECRET, START } from '../server.helpers.js'

const now = START / 1000
const context = { cookieName: 'jwtsession', purpose: 'session', now: new Date(START) } as const
const HEADER = '{"alg":"HS256","typ":"JWT"}'

describe('options', () => {
  test.each<[RegExp, Partial<JwtOptions>]>([
    [/"algorithms" is empty/, { algorithms: [] }],
    [/"algorithms" may contain HS256, HS384 and HS512/, { algorithms: ['none' as HmacAlgorithm] }],
    [/"algorithms" may contain/, { algorithms: ['RS256' as HmacAlgorithm] }],
    [/"algorithms" may contain/, { algorithms: ['toString' as HmacAlgorithm] }],
    [/"algorithms" contains HS256 twice/, { algorithms: ['HS256', 'HS512', 'HS256'] }],
    [/"expires" must be a second or more/, { expires: 0 }],
    [/"expires" must be a second or more/, { expires: 0.999 }],
    [/expires must be a number of seconds/, { expires: 'soon' as '1s' }],
    [/clockTolerance must be a number of seconds/, { clockTolerance: -1 }],
    [/"secrets" contains an empty secret/, { secrets: [SECRET, ''] }],
    [/"secrets" contains a secret of 31 bytes/, { secrets: ['x'.repeat(31)] }],
  ])('%s', (message, options) => {
    expect(() => codecOf(options)).toThrow(TypeError)
    expect(() => codecOf(options)).toThrow(message)
  })

  test('short secrets only when asked for', async () => {
    const codec = codecOf({ secrets: ['short'], allowWeakSecrets: true })
    expect((await codec.verify(signed('{"a":1}', { secret: 'short' }), context)).data).toEqual({ a: 1 })
  })
})

describe('verify', () => {
  test.each([
    ['HS256', 'sha256'],
    ['HS384', 'sha384'],
    ['HS512', 'sha512'],
  ] as const)('%s', async (algorithm, hash) => {
    const token = signed('{"a":1}', { header: `{"alg":"${algorithm}"}`, hash })
    expect((await codecOf({ algorithms: [algorithm] }).verify(token, context)).data).toEqual({ a: 1 })
    const others = (['HS256', 'HS384', 'HS512'] as const).filter((name) => name !== algorithm)
    await rejection('ERR_SESSION_ALGORITHM', () => codecOf({ algorithms: others }).verify(token, context))
  })

  test('keyIndex counts the keys of the first algorithm, then those of the next', async () => {
    const codec = codecOf({ secrets: [SECRET, OLD_SECRET], algorithms: ['HS512', 'HS256'] })
    const indexes = []
    for (const [hash, alg] of [
      ['sha512', 'HS512'],
      ['sha256', 'HS256'],
    ] as const) {
      for (const secret of [SECRET, OLD_SECRET]) {
        indexes.push((await codec.verify(signed('{}', { header: `{"alg":"${alg}"}`, hash, secret }), context)).keyIndex)
      }
    }
    expect(indexes).toEqual([0, 1, 2, 3])
  })

  test.each<[string, string, string]>([
    ['alg none', `${encode('{"alg":"none"}')}.${encode('{}')}.`, 'ERR_SESSION_ALGORITHM'],
    ['alg NONE, signed', signed('{}', { header: '{"alg":"NONE"}' }), 'ERR_SESSION_ALGORITHM'],
    ['alg hs256', signed('{}', { header: '{"alg":"hs256"}' }), 'ERR_SESSION_ALGORITHM'],
    ['alg RS256', signed('{}', { header: '{"alg":"RS256"}' }), 'ERR_SESSION_ALGORITHM'],
    ['alg in a list', signed('{}', { header: '{"alg":["HS256"]}' }), 'ERR_SESSION_ALGORITHM'],
    ['alg of the prototype', signed('{}', { header: '{"alg":"constructor"}' }), 'ERR_SESSION_ALGORITHM'],
    ['no alg', signed('{}', { header: '{"typ":"JWT"}' }), 'ERR_SESSION_ALGORITHM'],
    ['crit', signed('{}', { header: '{"alg":"HS256","crit":["b64"],"b64":true}' }), 'ERR_SESSION_ALGORITHM'],
    ['alg twice', signed('{}', { header: '{"alg":"none","alg":"HS256"}' }), 'ERR_SESSION_MALFORMED'],
    ['no signature', signed('{}').replace(/[^.]+$/, ''), 'ERR_SESSION_SIGNATURE'],
    ['another secret', signed('{}', { secret: OLD_SECRET }), 'ERR_SESSION_SIGNATURE'],
    ['another hash', signed('{}', { hash: 'sha512' }), 'ERR_SESSION_SIGNATURE'],
    ['a signature cut short', signed('{}').slice(0, -3), 'ERR_SESSION_SIGNATURE'],
    ['unused bits that are set', withUnusedBits(signed('{}')), 'ERR_SESSION_MALFORMED'],
    ['two parts', 'a.b', 'ERR_SESSION_UNSUPPORTED'],
  ])('refuses %s', async (_, token, code) => {
    const error = await rejection(code, () => codecOf().verify(token, context))
    expect(error.verified).not.toBe(true)
    expectWithout(error, [SECRET, token])
  })

  test.each<[string, string, string]>([
    ['a list', '[1]', 'ERR_SESSION_JSON'],
    ['a number', '1', 'ERR_SESSION_JSON'],
    ['no JSON', '{', 'ERR_SESSION_JSON'],
    ['nothing', '', 'ERR_SESSION_JSON'],
    ['exp as text', '{"exp":"1700000000"}', 'ERR_SESSION_CLAIMS'],
    ['exp that is not finite', '{"exp":1e309}', 'ERR_SESSION_CLAIMS'],
    ['exp NaN', '{"exp":NaN}', 'ERR_SESSION_CLAIMS'],
    ['iat as a date', '{"iat":"2023-11-14"}', 'ERR_SESSION_CLAIMS'],
    ['jti as a number', '{"jti":1}', 'ERR_SESSION_CLAIMS'],
    ['65 levels', `{"a":${'['.repeat(64)}${']'.repeat(64)}}`, 'ERR_SESSION_LIMIT'],
    ['the payload of beakerJwt', '{"bsZ":"c$_"}', 'ERR_SESSION_KEY'],
  ])('a payload that is signed and is %s', async (_, payload, code) => {
    const error = await rejection(code, () => codecOf().verify(signed(payload), context))
    expect(error.verified).toBe(true)
  })

  test('64 levels', async () => {
    const payload = `{"a":${'['.repeat(63)}${']'.repeat(63)}}`
    expect((await codecOf().verify(signed(payload), context)).data).toEqual(JSON.parse(payload))
  })

  test('__proto__ is a key like any other', async () => {
    const record = await codecOf().verify(signed('{"__proto__":{"admin":true},"a":{"__proto__":1}}'), context)
    const { data } = record
    expect(Object.getPrototypeOf(data)).toBe(Object.prototype)
    expect(Object.keys(data)).toEqual(['__proto__', 'a'])
    expect((data as { admin?: boolean }).admin).toBeUndefined()
    const token = await codecOf({ identify: false }).sign(record, context)
    expect(payloadOf(token)).toBe('{"__proto__":{"admin":true},"a":{"__proto__":1}}')
  })

  test('registered claims are meta, the others data', async () => {
    const payload = `{"user":"é","exp":${now + 60},"nbf":${now - 1},"iat":${now - 2.5},"jti":"x","aud":"a","sub":7}`
    const record = await codecOf().verify(signed(payload), context)
    expect(record.data).toEqual({ user: 'é', aud: 'a', sub: 7 })
    expect(record).toMatchObject({ id: 'x', createdAt: new Date(START - 2500), expiresAt: new Date(START + 60_000) })
    expect(record.claims).toEqual(JSON.parse(payload))
    expect(record.accessedAt).toBeUndefined()
  })
})

describe('times', () => {
  // RFC 7519 §4.1.4 to §4.1.6: exp is the first moment that is too late, nbf the first that is not too early
  test.each<[string, string, string | undefined, number]>([
    ['exp one second ahead', `{"exp":${now + 1}}`, undefined, 0],
    ['exp now', `{"exp":${now}}`, 'ERR_SESSION_EXPIRED', 0],
    ['exp within the tolerance', `{"exp":${now - 29}}`, undefined, 30],
    ['exp at the end of the tolerance', `{"exp":${now - 30}}`, 'ERR_SESSION_EXPIRED', 30],
    ['nbf now', `{"nbf":${now}}`, undefined, 0],
    ['nbf ahead', `{"nbf":${now + 1}}`, 'ERR_SESSION_NOT_YET_VALID', 0],
    ['nbf within the tolerance', `{"nbf":${now + 30}}`, undefined, 30],
    ['nbf past the tolerance', `{"nbf":${now + 31}}`, 'ERR_SESSION_NOT_YET_VALID', 30],
    ['iat now', `{"iat":${now}}`, undefined, 0],
    ['iat ahead', `{"iat":${now + 1}}`, 'ERR_SESSION_NOT_YET_VALID', 0],
    ['iat within the tolerance', `{"iat":${now + 30}}`, undefined, 30],
    ['iat past the tolerance', `{"iat":${now + 31}}`, 'ERR_SESSION_NOT_YET_VALID', 30],
  ])('%s', async (_, payload, code, clockTolerance) => {
    const verify = async (): Promise<SessionRecord> => codecOf({ clockTolerance }).verify(signed(payload), context)
    if (code === undefined) expect((await verify()).data).toEqual({})
    else expect((await rejection(code, verify)).verified).toBe(true)
  })

  test('30 seconds are tolerated by default', async () => {
    expect(await codecOf().verify(signed(`{"exp":${now - 29}}`), context)).toBeTruthy()
    await rejection('ERR_SESSION_EXPIRED', () => codecOf().verify(signed(`{"exp":${now - 30}}`), context))
  })

  test('expires: the end tells when the last touch was', async () => {
    const codec = codecOf({ expires: '1h' })
    const sessions = createSessions({ codecs: [codec], expose: false, clock: () => context.now })
    const accessedAt = async (claims: string): Promise<Date> =>
      (await sessions.load(`beaker.session.id=${signed(claims)}`)).accessedAt
    expect(await accessedAt(`{"exp":${now + 3000}}`)).toEqual(new Date(START - 600_000))
    // written when "expires" was longer: not a touch in the future
    expect(await accessedAt(`{"exp":${now + 86_400}}`)).toEqual(context.now)
    // another system's end: not a touch before it began
    expect(await accessedAt(`{"exp":${now + 60},"iat":${now - 9}}`)).toEqual(new Date(START - 9_000))
  })
})

describe('sign', () => {
  test("PyJWT's header and JSON style", async () => {
    const data = { user: 'é🔑\u007f/<', n: 1, f: 1.5, big: 10n ** 20n, list: [null, true], gone: undefined }
    const token = await codecOf({ identify: false }).sign({ data }, context)
    expect(decode(token.split('.')[0])).toBe(HEADER)
    expect(payloadOf(token)).toBe(
      '{"user":"\\u00e9\\ud83d\\udd11\\u007f/<","n":1,"f":1.5,"big":100000000000000000000,"list":[null,true]}',
    )
    expect(token).toBe(signed(payloadOf(token)))
  })

  test('a new session: iat and jti, unless they are not wanted', async () => {
    const record = { data: { a: 1 }, id: 'abc', createdAt: new Date(START + 999), accessedAt: context.now }
    expect(payloadOf(await codecOf().sign(record, context))).toBe(`{"a":1,"iat":${now},"jti":"abc"}`)
    expect(payloadOf(await codecOf({ identify: false }).sign(record, context))).toBe('{"a":1}')
    expect(payloadOf(await codecOf({ expires: 60 }).sign(record, context))).toBe(
      `{"a":1,"iat":${now},"exp":${now + 60},"jti":"abc"}`,
    )
  })

  test('the public half says nothing of the session but its end', async () => {
    const record = { data: { a: 1 }, id: 'abc', createdAt: context.now }
    const codec = codecOf({ expires: 60 })
    const token = await codec.sign(record, { ...context, purpose: 'public' })
    expect(payloadOf(token)).toBe(`{"a":1,"exp":${now + 60}}`)
    await rejection('ERR_SESSION_SIGNATURE', () => codec.verify(token, context))
  })

  test('what was read and not touched goes back as it came', async () => {
    const payload = `{"nbf":${now - 1}.0,"a":1.0,"iat":${now - 9}.25,"b":123456789012345678901,"exp":${now + 60}.0,"jti":"x","c":"\\u00e9"}`
    const codec = codecOf({ identify: false })
    const record = await codec.verify(signed(payload), context)
    expect(codec.changed(record)).toBe(false)
    expect(await codec.sign(record, context)).toBe(signed(payload))
    record.data.d = 2
    expect(codec.changed(record)).toBe(true)
    expect(payloadOf(await codec.sign(record, context))).toBe(`${payload.slice(0, -1)},"d":2}`)
  })

  test.each(['exp', 'nbf', 'iat', 'jti'])('%s as data is a mistake that is named', async (name) => {
    await expect(async () => codecOf().sign({ data: { [name]: 1 } }, context)).rejects.toThrow(TypeError)
    await expect(async () => codecOf().sign({ data: { [name]: 1 } }, context)).rejects.toThrow(`"${name}" is not`)
  })

  test('what was data to another codec and is none here is kept from being lost', async () => {
    const read = await beakerJwt({ secrets: [SECRET] }).verify(signed('{"_id":"x","exp":5}'), context)
    const error = await rejection('ERR_SESSION_UNWRITABLE', () => codecOf().sign(read, context))
    expect(error.path).toBe('exp')
  })

  test.each([
    ['bsZ', { bsZ: 'x' }, 'bsZ'],
    ['bytes', { a: { b: [new Uint8Array(1)] } }, 'a.b.0'],
    ['a date', { a: new Date() }, 'a'],
  ])('%s is unwritable', async (_, data, path) => {
    const error = await rejection('ERR_SESSION_UNWRITABLE', () => codecOf().sign({ data }, context))
    expect(error.path).toBe(path)
  })
})

describe('in a page', () => {
  const definition = defineSession({ name: NAME })

  async function cookieFor(data: SessionData): Promise<string> {
    const codecs = [jwt({ secrets: [SECRET], expires: '1h' })]
    const sessions = createSessions({ session: definition, codecs, expose: true })
    const session = await sessions.load('')
    Object.assign(session.data, data)
    return (await sessions.commit(session))[0]?.split(';')[0] as string
  }

  test('jwt-decode sees what getSession() gives', async () => {
    const data = { user: 'dave', list: [1, 1.5, { é: '🔑' }], none: null, yes: true, sub: 'x', aud: ['a'] }
    const cookie = await cookieFor(data)
    const decoded = jwtDecode<SessionData>(cookie.slice(NAME.length + 1))
    const { exp, iat, jti, ...rest } = decoded
    expect(rest).toEqual(data)
    expect(getSession(definition, { cookie })).toEqual(rest)
    // what RFC 7519 says of the token is told beside the session, not in it
    expect(inspectSession(definition, { cookie })).toMatchObject({
      claims: decoded,
      meta: { id: jti, createdAt: new Date(Number(iat) * 1000), expiresAt: new Date(Number(exp) * 1000) },
    })
  })

  test('of a foreign token alike, nbf included', () => {
    const payload = `{"user":"dave","exp":${2 ** 31},"nbf":1.5,"iat":1,"jti":"x"}`
    const cookie = `${NAME}=${signed(payload)}`
    expect(jwtDecode(cookie.slice(NAME.length + 1))).toEqual(JSON.parse(payload))
    expect(getSession(definition, { cookie })).toEqual({ user: 'dave' })
    expect(inspectSession(definition, { cookie }).meta).toEqual({
      id: 'x',
      createdAt: new Date(1000),
      notBefore: new Date(1500),
      expiresAt: new Date(2 ** 31 * 1000),
    })
  })
})

describe('a "sub" that is no text, which PyJWT refuses since 2.10', () => {
  afterEach(() => vi.restoreAllMocks())

  const spy = () => vi.spyOn(platform, 'warn').mockImplementation(() => {})

  test.each([5, 12n, true, null])('%s: is written, and told once without its value', async (sub) => {
    const warn = spy()
    const codec = codecOf()
    await codec.sign({ data: { sub: 'dave' } }, context)
    await codec.sign({ data: { sub } }, { ...context, purpose: 'public' })
    expect(warn).not.toHaveBeenCalled()
    for (let times = 0; times < 2; times++) {
      expect(payloadOf(await codec.sign({ data: { sub } }, context))).toBe(`{"sub":${sub}}`)
    }
    expect(warn.mock.calls).toEqual([
      [
        'ERR_SESSION_CLAIMS',
        'The codec jwt writes a token whose "sub" is no text: PyJWT 2.10 and later refuse it. Make it text, or use another name.',
      ],
    ])
  })

  test.each([{}, { sub: '5' }, { sub: undefined }])('%j: nothing is told', async (data) => {
    const warn = spy()
    await codecOf().sign({ data }, context)
    expect(warn).not.toHaveBeenCalled()
  })
})

function codecOf(options: Partial<JwtOptions> = {}): Required<SessionCodec> {
  return jwt({ secrets: [SECRET], ...options }) as Required<SessionCodec>
}

interface Signing {
  header?: string
  secret?: string
  hash?: string
}

function signed(payload: string, { header = HEADER, secret = SECRET, hash = 'sha256' }: Signing = {}): string {
  const signingInput = `${encode(header)}.${encode(payload)}`
  return `${signingInput}.${createHmac(hash, secret).update(signingInput).digest('base64url')}`
}

/** The last of 43 characters has two bits too many, which are 0: its neighbour in the alphabet has not. */
function withUnusedBits(token: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return token.slice(0, -1) + alphabet[alphabet.indexOf(token.at(-1) as string) + 1]
}

function encode(text: string): string {
  return Buffer.from(text).toString('base64url')
}

function decode(part = ''): string {
  return Buffer.from(part, 'base64url').toString()
}

function payloadOf(token: string): string {
  return decode(token.split('.')[1])
}
