import { describe, expect, test } from 'vitest'
import { type CookieAttributes, createCookieWriter } from '../../../src/server/core/cookies.js'
import { expectWithout, rejection, START } from '../server.helpers.js'

const now = new Date(START)
const writer = (attributes: CookieAttributes = {}, names: string[] = ['sid']) => createCookieWriter(attributes, names)
const set = (attributes: CookieAttributes = {}, name = 'sid', httpOnly = false): string =>
  String(writer(attributes, [name]).set(name, 'value', { httpOnly, now }))

describe('attributes', () => {
  test.each<[CookieAttributes, string]>([
    [{}, 'sid=value; Path=/; SameSite=Lax; Secure'],
    [{ path: '/app' }, 'sid=value; Path=/app; SameSite=Lax; Secure'],
    [{ domain: 'example.com' }, 'sid=value; Domain=example.com; Path=/; SameSite=Lax; Secure'],
    [{ domain: '.example.com' }, 'sid=value; Domain=.example.com; Path=/; SameSite=Lax; Secure'],
    [{ secure: false }, 'sid=value; Path=/; SameSite=Lax'],
    [{ sameSite: 'strict' }, 'sid=value; Path=/; SameSite=Strict; Secure'],
    [{ sameSite: 'Strict' }, 'sid=value; Path=/; SameSite=Strict; Secure'],
    [{ sameSite: 'none' }, 'sid=value; Path=/; SameSite=None; Secure'],
    [{ sameSite: false }, 'sid=value; Path=/; Secure'],
    [{ partitioned: true }, 'sid=value; Path=/; Partitioned; SameSite=Lax; Secure'],
    [{ priority: 'high' }, 'sid=value; Path=/; Priority=High; SameSite=Lax; Secure'],
    [{ embedded: true }, 'sid=value; Path=/; Partitioned; SameSite=None; Secure'],
    [{ embedded: true, partitioned: false }, 'sid=value; Path=/; SameSite=None; Secure'],
    [{ embedded: true, sameSite: 'strict' }, 'sid=value; Path=/; Partitioned; SameSite=Strict; Secure'],
  ])('%j', (attributes, text) => {
    expect(set(attributes)).toBe(text)
  })

  test("HttpOnly is the call's own", () => {
    expect(set({ domain: 'a.b' }, 'sid', true)).toBe('sid=value; Domain=a.b; HttpOnly; Path=/; SameSite=Lax; Secure')
  })

  test.each<[CookieAttributes, RegExp]>([
    [{ sameSite: 'none', secure: false }, /sameSite/],
    [{ embedded: true, secure: false }, /sameSite/],
    [{ partitioned: true, secure: false }, /partitioned/],
    [{ sameSite: 'other' as 'lax' }, /sameSite/],
    [{ sameSite: true as unknown as 'lax' }, /sameSite/],
    [{ sameSite: 'Lax; Domain=evil' as 'lax' }, /sameSite/],
    [{ priority: 'highest' as 'high' }, /priority/],
    [{ priority: 'High' as 'high' }, /priority/],
    [{ path: 'app' }, /path/],
    [{ path: '' }, /path/],
    [{ path: 5 as unknown as string }, /path/],
    [{ domain: '' }, /domain/],
    [{ domain: 'a b' }, /domain/],
    [{ domain: '-a.b' }, /domain/],
    [{ domain: 'a..b' }, /domain/],
    [{ domain: 'exämple.com' }, /domain/],
    [{ domain: 5 as unknown as string }, /domain/],
  ])('refuses %j', (attributes, message) => {
    expect(() => writer(attributes)).toThrow(TypeError)
    expect(() => writer(attributes)).toThrow(message)
  })

  test.each(['\r', '\n', '\0', ';', '\u007f', 'é', '\r\nSet-Cookie: a=b'])('refuses %j in any attribute', (bad) => {
    expect(() => writer({ path: `/a${bad}` })).toThrow(/"path"/)
    expect(() => writer({ domain: `example${bad}.com` })).toThrow(/"domain"/)
    expect(() => writer({ sameSite: `lax${bad}` as 'lax' })).toThrow(/"sameSite"/)
    expect(() => writer({ priority: `high${bad}` as 'high' })).toThrow(/"priority"/)
    expect(() => writer({ maxAge: `1${bad}d` as '1d' })).toThrow(/maxAge/)
    expect(() => writer({ expires: `1${bad}d` as '1d' })).toThrow(/expires/)
    expect(() => writer({}, [`sid${bad}`])).toThrow(/name/)
  })

  test('an attribute may have 1024 bytes, not 1025', () => {
    expect(set({ path: `/${'a'.repeat(1023)}` })).toContain('; SameSite')
    expect(() => set({ path: `/${'a'.repeat(1024)}` })).toThrow(/"path" is longer than the 1024 bytes/)
    expect(set({ domain: 'a'.repeat(1024) })).toContain('; Path')
    expect(() => set({ domain: 'a'.repeat(1025) })).toThrow(/"domain" is longer/)
  })
})

describe('names', () => {
  test.each(['__Host-sid', '__host-sid', '__HOST-sid'])('%s wants Secure, Path=/ and no Domain', (name) => {
    expect(set({}, name)).toBe(`${name}=value; Path=/; SameSite=Lax; Secure`)
    expect(() => set({ secure: false }, name)).toThrow(/secure/)
    expect(() => set({ domain: 'example.com' }, name)).toThrow(/domain/)
    expect(() => set({ path: '/app' }, name)).toThrow(/path/)
  })

  test.each(['__Secure-sid', '__secure-sid'])('%s wants Secure', (name) => {
    expect(set({ domain: 'example.com', path: '/app' }, name)).toContain('Secure')
    expect(() => set({ secure: false }, name)).toThrow(/secure/)
  })

  test('every name is checked', () => {
    expect(() => writer({ secure: false }, ['sid', '__Host-sid'])).toThrow(/__Host-/)
  })

  test.each(['', 'a b', 'a=b', 'a,b', 'sid; Domain=evil', 'ä', '"a"'])('%j is no name', (name) => {
    expect(() => writer({}, [name])).toThrow(TypeError)
  })
})

describe('lifetime', () => {
  test.each<[CookieAttributes, string]>([
    [{ expires: true }, ''],
    [{ expires: false }, '; Expires=Tue, 19 Jan 2038 03:14:07 GMT'],
    [{ expires: new Date('2030-01-02T03:04:05.678Z') }, '; Expires=Wed, 02 Jan 2030 03:04:05 GMT'],
    [{ expires: 90 }, '; Expires=Tue, 14 Nov 2023 22:14:50 GMT'],
    [{ expires: '90s' }, '; Expires=Tue, 14 Nov 2023 22:14:50 GMT'],
    [{ expires: '14d' }, '; Expires=Tue, 28 Nov 2023 22:13:20 GMT'],
    [{ maxAge: 90 }, '; Max-Age=90'],
    [{ maxAge: '1.5h' }, '; Max-Age=5400'],
    [{ maxAge: 1.9 }, '; Max-Age=1'],
    [{ maxAge: '14d', expires: '14d' }, '; Expires=Tue, 28 Nov 2023 22:13:20 GMT; Max-Age=1209600'],
    [{ maxAge: '14d', expires: false }, '; Expires=Tue, 19 Jan 2038 03:14:07 GMT; Max-Age=1209600'],
  ])('%j', (attributes, text) => {
    expect(set(attributes)).toBe(`sid=value${text}; Path=/; SameSite=Lax; Secure`)
  })

  test('counts from each write on', () => {
    const cookies = writer({ expires: '1m' })
    const later = new Date(START + 60_000)
    expect(String(cookies.set('sid', 'value', { httpOnly: false, now: later }))).toContain(
      '; Expires=Tue, 14 Nov 2023 22:15:20 GMT',
    )
  })

  test.each([
    ...[
      0,
      '0s',
      0.999,
      -1,
      '-1d',
      Number.NaN,
      Number.POSITIVE_INFINITY,
      '',
      '1',
      '1y',
      'soon',
      null,
      {},
      new Date(Number.NaN),
    ],
    ...[9e15, 1001 * 365 * 86_400],
  ])('refuses %j', (value) => {
    expect(() => writer({ expires: value as number })).toThrow(/expires/)
    expect(() => writer({ maxAge: value as number })).toThrow(/maxAge/)
  })
})

describe('an expired cookie', () => {
  test('has the same name, domain, path and flags, or the browser would keep the old one', () => {
    const attributes = { domain: 'example.com', path: '/app', embedded: true, maxAge: '14d', expires: false } as const
    expect(String(writer(attributes).expire('sid', { httpOnly: true }))).toBe(
      'sid=; Domain=example.com; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly; Path=/app; Partitioned; SameSite=None; Secure',
    )
    expect(String(writer().expire('sid', { httpOnly: false }))).not.toContain('HttpOnly')
  })
})

describe('values', () => {
  test('name and value may have 4096 bytes, not 4097', async () => {
    const write = (bytes: number) => String(writer().set('sid', 'x'.repeat(bytes - 3), { httpOnly: true, now }))
    expect(write(4096)).toContain('; Path=/')
    const error = await rejection('ERR_SESSION_TOO_LARGE', () => write(4097))
    expect(error.message).toContain('4097')
  })

  test.each([' ', ';', ',', '"', '\\', '\r', '\n', '\0', 'é', '\u007f'])('%j is refused', async (bad) => {
    const error = await rejection('ERR_SESSION_MALFORMED', () =>
      writer().set('sid', `swordfish${bad}`, { httpOnly: true, now }),
    )
    expectWithout(error, ['swordfish'])
  })

  test('every other character of ASCII is kept as it is', () => {
    const value = "!#$%&'()*+-./0189:<=>?@AZ[]^_`az{|}~"
    expect(String(writer().set('sid', value, { httpOnly: true, now }))).toContain(`sid=${value};`)
  })
})
