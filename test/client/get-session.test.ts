/** The session as a page sees it: which cookie it comes from, until when, and that it stays the same object. */
import { readFileSync } from 'node:fs'
import { deflateSync } from 'node:zlib'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { getSession, inspectSession } from '../../src/client/index.js'
import { writeBson } from '../../src/shared/bson/writer.js'
import { encodeBase64Url, encodeUtf8 } from '../../src/shared/bytes.js'
import { defineSession } from '../../src/shared/define-session.js'
import { encodeBase85 } from '../../src/shared/encode-base85.js'

const NOW = new Date('2023-11-14T22:13:20.250Z')
const seconds = NOW.getTime() / 1000

const base64Url = (text: string): string => encodeBase64Url(encodeUtf8(text))
/** A token with these claims and no true signature: nothing here looks at it. */
const token = (claims: unknown): string =>
  `${base64Url('{"typ":"JWT","alg":"HS256"}')}.${base64Url(JSON.stringify(claims))}.c2lnbmF0dXJl`
const compressed = (session: Record<string, unknown>): string =>
  token({ bsZ: encodeBase85(deflateSync(writeBson(session), { level: 9 })) })
const read = (cookie: string, definition: Parameters<typeof getSession>[0] = 's') =>
  getSession(definition, { cookie, now: NOW })

afterEach(() => vi.unstubAllGlobals())

describe('which cookies', () => {
  test('document.cookie, under the default name', () => {
    vi.stubGlobal('document', { cookie: `other=1; beaker.session.id=${token({ user: 'dave' })}; last=2` })
    expect(getSession()).toStrictEqual({ user: 'dave' })
    expect(getSession<{ user: string }>()?.user).toBe('dave')
  })

  test('null without a page, and in a frame that may not ask for cookies', () => {
    expect(getSession()).toBeNull()
    vi.stubGlobal('document', {
      get cookie(): string {
        throw new DOMException('sandboxed', 'SecurityError')
      },
    })
    expect(getSession()).toBeNull()
    expect(inspectSession()).toStrictEqual({ session: null, candidates: [] })
  })

  test('null for a session that shows nothing, as that of a visitor who has a token for a form', () => {
    vi.stubGlobal('document', { cookie: `s=${token({})}` })
    expect(getSession('s')).toBeNull()
    expect(inspectSession('s')).toMatchObject({ session: null, data: {} })
    vi.stubGlobal('document', { cookie: `s=${token({ '': 0 })}` })
    expect(getSession('s')).toStrictEqual({ '': 0 })
  })

  test('a change of document.cookie is seen', () => {
    const page = { cookie: `s=${token({ user: 'dave' })}` }
    vi.stubGlobal('document', page)
    expect(getSession('s')).toStrictEqual({ user: 'dave' })
    page.cookie = `s=${token({ user: 'erin' })}`
    expect(getSession('s')).toStrictEqual({ user: 'erin' })
    page.cookie = ''
    expect(getSession('s')).toBeNull()
  })

  test('the public half comes first where there is one', () => {
    const cookie = `s.public=${token({ user: 'public' })}; s=${token({ user: 'authority' })}`
    expect(read(cookie)).toStrictEqual({ user: 'public' })
    expect(read(`s.public=broken; s=${token({ user: 'authority' })}`)).toStrictEqual({ user: 'authority' })
    expect(read(`s.public=${token({ user: 'x', exp: 1 })}; s=${token({ user: 'authority' })}`)).toStrictEqual({
      user: 'authority',
    })
  })

  test('of one name the last that can be read, as the server takes them', () => {
    const first = `s=${token({ user: 'first' })}`
    expect(read(`${first}; s=${token({ user: 'last' })}`)).toStrictEqual({ user: 'last' })
    expect(read(`${first}; s=broken; s=a.b.c`)).toStrictEqual({ user: 'first' })
    expect(read(`${first}; s=${token({ user: 'over', exp: 1 })}`)).toStrictEqual({ user: 'first' })
  })

  test('a quoted value, and a malformed neighbour', () => {
    expect(read(`foo={"a":1}; =x; bare; s="${token({ user: 'dave' })}"`)).toStrictEqual({ user: 'dave' })
    expect(read(`s=""${token({ user: 'dave' })}""`)).toBeNull()
    expect(read(`\u00a0s=${token({ user: 'smuggled' })}`)).toBeNull()
  })

  test('the cookies of the real beaker-session-jwt', () => {
    const { cases } = JSON.parse(
      readFileSync(new URL('../vectors/beaker_session_jwt.json', import.meta.url), 'utf8'),
    ) as { cases: { name: string; cookie?: string }[] }
    const cookie = (name: string) => cases.find((one) => one.name === name)?.cookie
    expect(read(`s=${cookie('upstream literal json')}`)).toStrictEqual({ username: 'dave' })
    expect(read(`s=${cookie('json strips internal keys')}`)).toStrictEqual({ u: 'd', _id: 'x' })
    expect(read(`s=${cookie('bson containers')}`)).toStrictEqual({
      l: [1, [2], { a: 3 }],
      t: [1, 'x'],
      d: {},
      el: [],
    })
  })

  test.each([
    'broken',
    'a.b',
    'a.b.c.d',
    '',
    token([1]),
    token({ bsZ: 1 }),
    token({ bsZ: 'c-' }),
    token({ exp: 'soon' }),
    `${token({ user: 'dave' })}=`.replace('.c2', '=.c2'),
    'a'.repeat(20_000),
  ])('null for a value that can not be read, never a throw: %.20s', (value) => {
    expect(read(`s=${value}`)).toBeNull()
  })

  test('a payload that inflates to more than 64 KiB is not read, at the limit it is', () => {
    // A BSON document is 5 bytes, an element of bytes has 8 more than the bytes themselves (type, "b", NUL, length, subtype).
    const document = (size: number) => compressed({ b: new Uint8Array(size - 13) })
    expect(read(`s=${document(65_536)}`)).not.toBeNull()
    expect(read(`s=${document(65_537)}`)).toBeNull()
    expect(inspectSession('s', { cookie: `s=${document(65_537)}` }).error).toBe('ERR_SESSION_LIMIT')
  })
})

describe('until when', () => {
  const definition = defineSession({ name: 's', idleTimeout: '30m', absoluteTimeout: '7d' })
  const beaker = (accessed: number, created = accessed) =>
    `s=${compressed({ _id: 'x', user: 'dave', _creation_time: seconds - created, _accessed_time: seconds - accessed })}`

  test('idle: strictly later than the timeout and 30 seconds', () => {
    expect(read(beaker(1830), definition)).toStrictEqual({ user: 'dave' })
    expect(read(beaker(1830.001), definition)).toBeNull()
    expect(read(beaker(1830.001))).toStrictEqual({ user: 'dave' })
    expect(inspectSession(definition, { cookie: beaker(1830.001), now: NOW }).over).toBe('idle')
  })

  test('absolute: strictly later than the timeout and 30 seconds', () => {
    const week = 7 * 86_400
    expect(read(beaker(0, week + 30), definition)).toStrictEqual({ user: 'dave' })
    expect(read(beaker(0, week + 30.001), definition)).toBeNull()
    expect(inspectSession(definition, { cookie: beaker(0, week + 30.001), now: NOW }).over).toBe('absolute')
  })

  test('exp and nbf of a plain token, with 30 seconds', () => {
    const jwt = (claims: object) => `s=${token({ user: 'dave', ...claims })}`
    expect(read(jwt({ exp: seconds - 29.999 }))).toStrictEqual({ user: 'dave' })
    expect(read(jwt({ exp: seconds - 30 }))).toBeNull()
    expect(read(jwt({ nbf: seconds + 30 }))).toStrictEqual({ user: 'dave' })
    expect(read(jwt({ nbf: seconds + 30.001 }))).toBeNull()
    expect(inspectSession('s', { cookie: jwt({ nbf: seconds + 31 }), now: NOW }).over).toBe('nbf')
    expect(inspectSession('s', { cookie: jwt({ exp: seconds - 31 }), now: NOW }).over).toBe('exp')
  })

  test('exp beside the keys of Beaker is data', () => {
    expect(read(`s=${token({ _accessed_time: 5, exp: 1 })}`)).toStrictEqual({ exp: 1 })
    // an id alone may be anybody's
    expect(read(`s=${token({ _id: 'x', exp: 1 })}`)).toBeNull()
  })

  test.each(['2000000000', null, [1], {}, 1e308, -1e308, 'NaN'])('no session where exp is %j', (exp) => {
    expect(read(`s=${token({ user: 'dave', exp })}`)).toBeNull()
    expect(inspectSession('s', { cookie: `s=${token({ user: 'dave', exp })}` }).error).toBe('ERR_SESSION_CLAIMS')
  })

  test('time passes while the cookie stays', () => {
    const cookie = `s=${token({ user: 'dave', exp: seconds })}`
    const at = (milliseconds: number) => getSession('s', { cookie, now: new Date(NOW.getTime() + milliseconds) })
    const session = at(0)
    expect(session).toStrictEqual({ user: 'dave' })
    expect(at(30_000)).toBeNull()
    expect(at(0)).toBe(session)
  })
})

describe('the same object', () => {
  test('while the cookie is the same, whatever else changes', () => {
    const value = token({ user: 'dave' })
    const session = read(`s=${value}`)
    expect(read(`s=${value}`)).toBe(session)
    expect(read(`other=1; s=${value}`)).toBe(session)
    expect(read(`s=${value}`, defineSession({ name: 's', idleTimeout: '5m' }))).toBe(session)
    expect(read(`s=${value}`, defineSession({ name: 's' }))).toBe(session)
    expect(read(`s=${token({ user: 'erin' })}`)).not.toBe(session)
    expect(read(`t=${value}`, 't')).toStrictEqual(session)
  })

  test('plain objects and arrays are frozen at every level; bytes and dates can not be', () => {
    const session = read(
      `s=${compressed({ list: [{ deep: [1] }], at: new Date(1), bytes: new Uint8Array([1]) })}`,
    ) as Record<string, never>
    const frozen = (value: unknown): boolean => Object.isFrozen(value)
    expect(frozen(session)).toBe(true)
    expect(frozen(session.list)).toBe(true)
    expect(frozen(session.list?.[0])).toBe(true)
    expect(frozen((session.list?.[0] as unknown as { deep: unknown })?.deep)).toBe(true)
    expect(frozen(session.at)).toBe(false)
    expect(session.bytes).toStrictEqual(new Uint8Array([1]))
  })

  test('names of JavaScript are keys like any other', () => {
    const text = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"toString":"x"}'
    const value = `${base64Url('{"alg":"HS256"}')}.${base64Url(text)}.`
    const session = read(`__proto__=${value}`, '__proto__')
    expect(JSON.stringify(session)).toBe(text)
    expect(Object.hasOwn(session as object, '__proto__')).toBe(true)
    expect(Object.getPrototypeOf(session)).toBe(Object.prototype)
    expect((Object.prototype as Record<string, unknown>).polluted).toBeUndefined()
    expect(JSON.stringify(read(`s=${compressed(JSON.parse(text))}`))).toBe(text)
  })
})

describe('inspectSession', () => {
  test('tells all of the cookie that getSession takes', () => {
    const value = token({ user: 'dave', iat: 1_700_000_000, exp: 1_700_009_000, jti: 'x' })
    const inspection = inspectSession('s', { cookie: `s=${value}; s.public=broken`, now: NOW })
    expect(inspection).toMatchObject({
      session: { user: 'dave' },
      cookie: 's',
      value,
      size: value.length + 1,
      format: 'jwt',
      header: { typ: 'JWT', alg: 'HS256' },
      claims: { user: 'dave', iat: 1_700_000_000, exp: 1_700_009_000, jti: 'x' },
      meta: { id: 'x', createdAt: new Date(1_700_000_000_000), expiresAt: new Date(1_700_009_000_000) },
    })
    expect(inspection.session).toBe(read(`s=${value}`))
    expect(inspection.candidates.map(({ cookie, error }) => ({ cookie, error }))).toStrictEqual([
      { cookie: 's.public', error: 'ERR_SESSION_UNSUPPORTED' },
      { cookie: 's', error: undefined },
    ])
  })

  test('tells why there is no session, of the likeliest cookie', () => {
    expect(inspectSession('s', { cookie: 's=broken' })).toMatchObject({
      session: null,
      cookie: 's',
      error: 'ERR_SESSION_UNSUPPORTED',
    })
    expect(inspectSession('s', { cookie: `s=${token({ bsZ: '~' })}` }).error).toBe('ERR_SESSION_MALFORMED')
    expect(inspectSession('s', { cookie: `s=${token({ bsZ: encodeBase85(encodeUtf8('no zlib')) })}` }).error).toBe(
      'ERR_SESSION_COMPRESSION',
    )
    expect(
      inspectSession('s', { cookie: `s=${token({ bsZ: encodeBase85(deflateSync(encodeUtf8('no BSON'))) })}` }).error,
    ).toBe('ERR_SESSION_BSON')
  })

  test('tells the meta of a Beaker session, and keeps its text in claims', () => {
    const value = compressed({ _id: 'abc', user: 'dave', _creation_time: seconds, _accessed_time: seconds + 0.5 })
    const { format, meta, claims, session } = inspectSession('s', { cookie: `s=${value}`, now: NOW })
    expect(format).toBe('beaker-jwt')
    expect(session).toStrictEqual({ user: 'dave' })
    expect(meta).toStrictEqual({ id: 'abc', createdAt: NOW, accessedAt: new Date(NOW.getTime() + 500) })
    expect(Object.keys(claims ?? {})).toStrictEqual(['bsZ'])
  })

  test('bytes are counted, not characters', () => {
    expect(inspectSession('s', { cookie: 's=é€' }).size).toBe(6)
  })
})
