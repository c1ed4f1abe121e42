/**
 * Node and the real django-session-jwt, both ways and without a database: functions and whole requests through its middleware
 * (FORMATS §6.2). docs/django.md has each difference that is tested here.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  createSessions,
  type DjangoJwtOptions,
  defineSession,
  djangoJwt,
  isSessionError,
  type SessionCodec,
  type SessionData,
} from '../../src/server/index.js'
import { pairFor, pemOf } from '../server/keys/keys.helpers.js'
import { describeWithPython } from './peer.js'
import { randomData, seed } from './random-data.js'
import { differences, member, members, normalized, type Tagged, taggedOf, without } from './tagged.js'

/** Seconds since 1970. */
const now = 1_700_000_000
const at = (seconds: number) =>
  ({ cookieName: 'sessionid', purpose: 'session', now: new Date((now + seconds) * 1000) }) as const
const sk = 'k'.repeat(32)
const secret = 'an interop secret, with commas, of fifty characters'
const { privateKey, publicKey } = pairFor('RS256')
const EXPIRES = 28_800
const fields: [string, string, string][] = [
  ['id', 'id', 'user_id'],
  ['username', 'u', 'username'],
  ['profile.phone', 'p', 'phone'],
  ['no_such', 'x', 'nope'],
]
const user = { id: 1, username: 'jöhn 🔑', profile: { phone: null } }

interface PythonRequest {
  session: Tagged
  key: string | null
  cookie: { value: string; max_age: number | '' } | null
}

describeWithPython(
  `django-session-jwt, SEED=${seed}`,
  (peer) => {
    const folder = mkdtempSync(join(tmpdir(), 'django-jwt-'))
    const file = (name: string, content: string): string => {
      writeFileSync(join(folder, name), content)
      return join(folder, name)
    }
    afterAll(() => rmSync(folder, { recursive: true }))

    const pems = [pemOf(privateKey), pemOf(publicKey)]
    const paths = pems.map((pem, index) => file(`${index}.pem`, pem))
    const secretFile = file('secret', `${secret}\n`)
    /** Django's KEY, and ours. */
    const keys: [string, unknown, NonNullable<DjangoJwtOptions['key']>][] = [
      ['a text', secret, secret],
      ['a file', secretFile, { file: secretFile }],
      ['a pair as PEM', pems, pems as [string, string]],
      ['a pair of files', paths, paths.map((path) => ({ file: path })) as never],
    ]

    function codecOf(options: Partial<DjangoJwtOptions> = {}): Required<SessionCodec> {
      const given = options.keys === undefined ? { key: secret } : {}
      return djangoJwt({ fields, expires: EXPIRES, ...given, ...options }) as Required<SessionCodec>
    }

    describe.each(keys)('with %s', (_, pythonKey, key) => {
      beforeAll(() => peer.call('configure', { key: pythonKey, fields, expires: EXPIRES }))

      test('Node reads what Django signs, and writes the same token', async () => {
        const codec = codecOf({ key, user: () => user } as Partial<DjangoJwtOptions>)
        for (const each of [user, null]) {
          const token = await peer.call<string>('create', { user: each, session_key: sk, expires: EXPIRES, now })
          const record = await codec.verify(token, at(0))
          const verified = without(await peer.call<Tagged>('verify', { token, now }), ['sk', 'iat', 'exp'])
          expect(differences(verified, record.data)).toEqual([])
          expect(record).toMatchObject({ id: sk, keyIndex: 0 })
          expect(record.expiresAt).toEqual(at(EXPIRES).now)
          if (each) expect(await codec.sign({ id: sk, data: {} }, at(0))).toBe(token)
          // A service without the user copies the claims.
          expect(await codecOf({ key }).sign(record, at(0))).toBe(token)
        }
      })

      test('Django reads what Node signs', async () => {
        const token = await codecOf({ key, user: () => user } as Partial<DjangoJwtOptions>).sign(
          { id: sk, data: {} },
          at(0),
        )
        const claims = await peer.call<Tagged>('verify', { token, now })
        expect(member(claims, 'sk')).toBe(sk)
        expect(member(claims, 'username')).toBe(user.username)
        expect(members(claims).map(([name]) => name)).toEqual('sk iat exp id u p user_id username phone'.split(' '))
        expect(await peer.call('verify', { token, now: now + EXPIRES })).toEqual({ $dict: [] })
      })
    })

    describe('by secret', () => {
      beforeAll(() => peer.call('configure', { key: secret, fields, expires: EXPIRES }))

      test('random claims survive a service that extends the token', async () => {
        const codec = codecOf({ fields: [] })
        for (const data of randomData('json', 60, seed)) {
          const returns = taggedOf(plain(data), 'json')
          await peer.call('configure', { key: secret, fields: [], expires: EXPIRES, returns })
          const token = await peer.call<string>('create', { user: null, session_key: sk, expires: EXPIRES, now })
          const extended = await codec.sign(await codec.verify(token, at(20_000)), at(20_000))
          const before = without(await peer.call<Tagged>('verify', { token, now: now + 20_000 }), ['iat', 'exp'])
          const after = await peer.call<Tagged>('verify', { token: extended, now: now + 20_000 })
          expect(without(after, ['iat', 'exp'])).toEqual(before)
          expect(member(after, 'iat')).toEqual({ $int: String(now + 20_000) })
          expect(member(after, 'exp')).toEqual({ $int: String(now + 20_000 + EXPIRES) })
        }
        await peer.call('configure', { key: secret, fields, expires: EXPIRES })
      })

      test('random claims from Node arrive', async () => {
        for (const [index, data] of randomData('json', 60, seed).entries()) {
          const claims = plain(data)
          const token = await codecOf({ user: () => ({}), claims: () => claims, kid: index % 2 === 1 }).sign(
            { id: sk, data: {} },
            at(0),
          )
          const read = without(await peer.call<Tagged>('verify', { token, now }), ['sk', 'iat', 'exp'])
          expect(normalized(read)).toEqual(normalized(taggedOf(claims, 'json')))
        }
      })

      test('a whole visit: signed in there, seen here, changed there, extended here, signed out there', async () => {
        const login = await peer.call<PythonRequest>('request', { user, changes: { $dict: [['cart', 1]] }, now })
        const sessions = createSessions({
          session: defineSession({ name: 'sessionid' }),
          codecs: [codecOf()],
          expose: true,
          clock: () => at(EXPIRES / 2).now,
        })
        const seen = await sessions.load(`sessionid=${login.cookie?.value}`)
        expect(seen).toMatchObject({ id: login.key, data: { username: user.username, user_id: 1 } })
        const [extended = ''] = await sessions.commit(seen)
        const token = extended.slice('sessionid='.length, extended.indexOf(';'))
        const again = await peer.call<PythonRequest>('request', { token, user, now: now + EXPIRES + 5 })
        expect(again.key).toBe(login.key)
        expect(member(again.session, 'cart')).toEqual({ $int: '1' })
        const logout = await peer.call<PythonRequest>('request', { token, user, logout: true, now: now + EXPIRES + 5 })
        // Trap 23: a browser drops it; whoever sends it all the same is nobody.
        expect(logout.cookie?.max_age).toBe(0)
        const left = await sessions.load(`sessionid=${logout.cookie?.value}`)
        expect(left).toMatchObject({ isNew: true, data: {} })
      })

      test('a session that Node began is Django’s', async () => {
        const token = await codecOf({ user: () => user } as Partial<DjangoJwtOptions>).sign({ id: sk, data: {} }, at(0))
        const answer = await peer.call<PythonRequest>('request', { token, user, now: now + 1 })
        expect(member(member(answer.session, 'jwt') as Tagged, 'username')).toBe(user.username)
      })

      test('another key and another algorithm: refused by both', async () => {
        const strange = await codecOf({ key: 'somebody else’s secret, of fifty characters or so' }).sign(
          { id: sk, data: {} },
          at(0),
        )
        expect(await peer.call('verify', { token: strange, now })).toEqual({ $dict: [] })
        expect(await codeOf(() => codecOf().verify(strange, at(0)))).toBe('ERR_SESSION_SIGNATURE')
        const token = await codecOf({ key: pems as [string, string] }).sign({ id: sk, data: {} }, at(0))
        await expect(peer.call('verify', { token, now })).rejects.toMatchObject({ name: 'InvalidAlgorithmError' })
        expect(await codeOf(() => codecOf().verify(token, at(0)))).toBe('ERR_SESSION_ALGORITHM')
      })
    })

    describe('differences', () => {
      beforeAll(() => peer.call('configure', { key: secret, fields, expires: EXPIRES }))
      const create = (more: object = {}) =>
        peer.call<string>('create', { user, session_key: sk, expires: EXPIRES, now, ...more })

      test('renewal: with each request there, at half-life here unless it is told otherwise', async () => {
        const token = await create()
        const answer = await peer.call<PythonRequest>('request', { token, user, now: now + 10 })
        expect(answer.cookie).not.toBeNull()
        const record = await codecOf().verify(token, at(10))
        expect(codecOf().needsRenewal(record, at(10).now)).toBe(false)
        expect(codecOf().needsRenewal(record, at(EXPIRES / 2).now)).toBe(true)
        expect(codecOf({ renew: 'always' }).needsRenewal(record, at(10).now)).toBe(true)
        // It has no such session, and begins another one.
        const { key: id } = answer as { key: string }
        expect(await codecOf().sign({ ...record, id }, at(10))).toBe(answer.cookie?.value)
      })

      test('without EXPIRES every request fails there', async () => {
        await peer.call('configure', { key: secret, fields })
        const token = await create({ expires: null })
        await expect(peer.call('request', { token, user, now })).rejects.toMatchObject({ name: 'TypeError' })
        expect((await (djangoJwt({ key: secret, fields }) as SessionCodec).verify(token, at(1e6))).id).toBe(sk)
        await peer.call('configure', { key: secret, fields, expires: EXPIRES })
      })

      test('a clock that is a second behind fails the request there', async () => {
        const token = await create()
        await expect(peer.call('verify', { token, now: now - 1 })).rejects.toMatchObject({
          name: 'ImmatureSignatureError',
        })
        expect((await codecOf().verify(token, at(-1))).id).toBe(sk)
        expect(await codeOf(() => codecOf().verify(token, at(-31)))).toBe('ERR_SESSION_NOT_YET_VALID')
      })

      test.each<[string, SessionData, string]>([
        ['aud', { aud: 'billing' }, 'InvalidAudienceError'],
        ['sub that is not text', { sub: 5 }, 'InvalidSubjectError'],
      ])('%s fails the request there and is a claim here', async (_, claims, error) => {
        const token = await codecOf({ user: () => ({}), claims: () => claims }).sign({ id: sk, data: {} }, at(0))
        await expect(peer.call('verify', { token, now })).rejects.toMatchObject({ name: error })
        expect((await codecOf().verify(token, at(0))).data).toEqual(claims)
      })

      test('a CALLABLE may replace the session’s key there', async () => {
        const returns = { $dict: [['sk', 'replaced']] }
        await peer.call('configure', { key: secret, fields, expires: EXPIRES, returns })
        expect((await codecOf().verify(await create(), at(0))).id).toBe('replaced')
        const codec = codecOf({ user: () => ({}), claims: () => ({ sk: 'replaced' }) })
        await expect(async () => codec.sign({ id: sk, data: {} }, at(0))).rejects.toThrow(/must not return "sk"/)
        await peer.call('configure', { key: secret, fields, expires: EXPIRES })
      })

      test('a CALLABLE may give a jti there, and fields another end', async () => {
        const returns = { $dict: [['jti', 'given']] }
        await peer.call('configure', { key: secret, fields: [['end', 'exp']], expires: EXPIRES, returns })
        const token = await create({ user: { end: now + 5 } })
        expect(await codecOf().verify(token, at(0))).toMatchObject({ expiresAt: at(5).now, claims: { jti: 'given' } })
        const codec = codecOf({ user: () => ({}), claims: () => ({ jti: 'given' }) })
        await expect(async () => codec.sign({ id: sk, data: {} }, at(0))).rejects.toThrow(/must not return "jti"/)
        expect(() => codecOf({ fields: [['end', 'exp']] })).toThrow(/two meanings for "exp"/)
        await peer.call('configure', { key: secret, fields, expires: EXPIRES })
      })

      test('a token without a session field is a new session with its claims there, and none here', async () => {
        const { sign } = djangoJwt({ key: secret, sessionField: 'other' }) as Required<SessionCodec>
        const token = await sign({ id: sk, data: { username: 'eve' } }, at(0))
        const answer = await peer.call<PythonRequest>('request', { token, now })
        expect(member(answer.session, 'jwt')).toBeDefined()
        expect(await codeOf(() => codecOf().verify(token, at(0)))).toBe('ERR_SESSION_KEY')
      })

      test('names that stand twice are refused by both; two meanings of one name here only', async () => {
        const both: [unknown[]][] = [
          [['a', ['b', 'a']]],
          [
            [
              ['a', 'b', 'c'],
              ['d', 'e', 'c'],
            ],
          ],
          [[['id', 'sk']]],
        ]
        for (const [twice] of both) {
          const configured = peer.call('configure', { key: secret, fields: twice })
          await expect(configured).rejects.toMatchObject({ name: 'ImproperlyConfigured' })
          expect(() => codecOf({ fields: twice as never })).toThrow(TypeError)
        }
        const meanings = [
          ['a', 'b', 'c'],
          ['d', 'e', 'b'],
        ]
        await peer.call('configure', { key: secret, fields: meanings })
        expect(() => codecOf({ fields: meanings as never })).toThrow(/two meanings/)
        await peer.call('configure', { key: secret, fields, expires: EXPIRES })
      })
    })
  },
  { program: 'django_jwt_peer.py' },
)

/** Without names that have a meaning of their own on one of the sides. */
function plain(data: SessionData): SessionData {
  const taken = ['exp', 'nbf', 'iat', 'jti', 'sub', 'iss', 'aud', 'sk']
  return Object.fromEntries(Object.entries(data).filter(([name]) => !taken.includes(name)))
}

async function codeOf(run: () => unknown): Promise<string> {
  try {
    await run()
    return 'none'
  } catch (error) {
    return isSessionError(error) ? error.code : String(error)
  }
}
