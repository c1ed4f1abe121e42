/** Django's signed cookies: age, rotation through whole sessions, limits, and the list of codecs. */
import { createHash, createHmac } from 'node:crypto'
import { deflateSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { type DjangoSignedOptions, djangoSigned } from '../../../src/server/codecs/django-signed.js'
import { beaker, compact, createSessions, defineSession, jwt } from '../../../src/server/index.js'
import { failure } from '../../contract/codec-checks.js'
import { testBrowser, testClock } from '../server.helpers.js'

const secretKey = 'vector-secret-key-0123456789-abcdefghijklmnop'
const newKey = 'the-secret-key-of-today-0123456789-abcdefghij'
const start = new Date(1_700_000_000_000)
const context = (seconds = 0) =>
  ({ cookieName: 'sessionid', purpose: 'session', now: new Date(start.getTime() + seconds * 1000) }) as const
// Made by Django 3.2.
const vector = 'eyJhIjoxfQ:1r31eq:CKc0KM_C9PJNSMGnxVkD2Ejvs1QBM3AqYG-sIXUg0h8'
const codec = djangoSigned({ secretKey })

describe('age', () => {
  test('a cookie of Django is read, with its time', async () => {
    const record = await codec.verify(vector, context(60))
    expect(record).toMatchObject({ data: { a: 1 }, accessedAt: start, keyIndex: 0 })
    expect(record.expiresAt).toEqual(new Date(start.getTime() + 1_209_600_000))
    expect(record.id).toBeUndefined()
  })

  test.each([
    [1_209_600, undefined],
    [1_209_600.001, 'ERR_SESSION_EXPIRED'],
    [-300, undefined],
    [-301, 'ERR_SESSION_NOT_YET_VALID'],
  ])('%s seconds old: %s', async (seconds, code) => {
    if (code === undefined) expect((await codec.verify(vector, context(seconds))).data).toEqual({ a: 1 })
    else expect(await failure(() => codec.verify(vector, context(seconds)))).toMatchObject({ code, verified: true })
  })

  test('maxAge moves it', async () => {
    const strict = djangoSigned({ secretKey, maxAge: '1m' })
    expect((await strict.verify(vector, context(60))).data).toEqual({ a: 1 })
    expect(await failure(() => strict.verify(vector, context(61)))).toMatchObject({ code: 'ERR_SESSION_EXPIRED' })
  })
})

test('is written as Django writes it', async () => {
  expect(await codec.sign?.({ data: { a: 1 } }, context())).toBe(vector)
  expect(await codec.sign?.({ data: { a: 1 }, accessedAt: start }, context(99))).toBe(vector)
})

test('whole sessions: an older key and an older hash are replaced at once', async () => {
  const sha1 = signed(Buffer.from('{"user":"dave","f":1.0}').toString('base64url'), 'sha1')
  for (const [keys, value] of [
    [{ secretKey: newKey, fallbacks: [secretKey] }, vector],
    [{ secretKey }, sha1],
  ] as const) {
    const clock = testClock(start.getTime())
    const sessions = createSessions({
      session: defineSession({ name: 'sessionid' }),
      codecs: [djangoSigned(keys)],
      expose: false,
      clock,
    })
    const session = await sessions.load(`sessionid=${value}`)
    expect(session.rejected).toBeUndefined()
    const browser = testBrowser()
    browser.take(await sessions.commit(session))
    const renewed = browser.cookies.get('sessionid') as string
    expect(renewed).toMatch(/:[\w-]{43}$/)
    const record = await djangoSigned({ secretKey: keys.secretKey, legacy: false }).verify(renewed, context())
    expect(record).toMatchObject({ data: session.data, keyIndex: 0 })
    // Only once.
    expect(await sessions.commit(await sessions.load(browser.cookie))).toEqual([])
  }
})

test('a session is touched by its own time, and is over by the idle timeout', async () => {
  const clock = testClock(start.getTime())
  const sessions = createSessions({
    session: defineSession({ name: 'sessionid', idleTimeout: '30m' }),
    codecs: [codec],
    expose: ['user'],
    clock,
  })
  const browser = testBrowser()
  const first = await sessions.load('')
  first.data.user = 'dave'
  browser.take(await sessions.commit(first))
  clock.pass(59)
  expect(await sessions.commit(await sessions.load(browser.cookie))).toEqual([])
  clock.pass(2)
  browser.take(await sessions.commit(await sessions.load(browser.cookie)))
  clock.pass(1799)
  expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'dave' })
  clock.pass(2)
  expect((await sessions.load(browser.cookie)).rejected?.code).toBe('ERR_SESSION_EXPIRED')
})

test("Django's own keys are data, and survive", async () => {
  const text = '{"_auth_user_id":"1","_session_expiry":0,"f":1.0}'
  const value = signed(Buffer.from(text).toString('base64url'))
  const record = await codec.verify(value, context())
  expect(record.data).toEqual({ _auth_user_id: '1', _session_expiry: 0, f: 1 })
  const again = await codec.sign?.({ ...record, data: { ...record.data, g: 2 } }, context())
  expect(Buffer.from(again?.split(':')[0] as string, 'base64url').toString()).toBe(`${text.slice(0, -1)},"g":2}`)
})

test('a list may hold both serializers, the one that writes first', async () => {
  const pickle = await djangoSigned({ secretKey, serializer: 'pickle' }).sign?.({ data: { a: 1 } }, context())
  const sessions = createSessions({
    session: defineSession({ name: 'sessionid' }),
    codecs: [codec, djangoSigned({ secretKey, serializer: 'pickle' })],
    expose: false,
    clock: testClock(start.getTime()),
  })
  const session = await sessions.load(`sessionid=${pickle}`)
  expect(session.data).toEqual({ a: 1 })
  expect((await sessions.commit(session))[0]).toContain(`sessionid=${vector}`)
})

test('is told from the other families by its shape alone', async () => {
  expect(codec.matches(vector)).toBe(true)
  const values = [
    await jwt({ secrets: [secretKey] }).sign?.({ data: { a: 1 } }, context()),
    await beaker({ validateKey: secretKey }).sign?.({ data: { a: 1 } }, context()),
    'k'.repeat(32),
  ]
  for (const value of values) expect(codec.matches(String(value))).toBe(false)
  for (const other of [jwt({ secrets: [secretKey] }), beaker({ validateKey: secretKey })]) {
    expect(other.matches(vector)).toBe(false)
  }
})

describe('limits', () => {
  const large = (bytes: number): string =>
    signed(`.${deflateSync(`{"a":"${'x'.repeat(bytes - 8)}"}`).toString('base64url')}`)

  test('1 MiB and not an byte more, after the signature', async () => {
    expect((await codec.verify(large(2 ** 20), context())).data).toHaveProperty('a')
    expect(await failure(() => codec.verify(large(2 ** 20 + 1), context()))).toMatchObject({
      code: 'ERR_SESSION_LIMIT',
      verified: true,
    })
    const forged = large(2 ** 20 + 1).replace(/..$/, 'AA')
    expect(await failure(() => codec.verify(forged, context()))).toMatchObject({ code: 'ERR_SESSION_SIGNATURE' })
  })

  test('maxInflated moves it', async () => {
    const small = djangoSigned({ secretKey, maxInflated: 300 })
    expect((await small.verify(large(300), context())).data).toHaveProperty('a')
    expect(await failure(() => small.verify(large(301), context()))).toMatchObject({ code: 'ERR_SESSION_LIMIT' })
  })
})

describe('_session_expiry, as set_expiry writes it', () => {
  const inAnHour = new Date(start.getTime() + 3_600_000)
  test.each([
    ['0', 0, undefined, undefined],
    ['seconds', 300, 300, 'Tue, 14 Nov 2023 22:18:20 GMT'],
    ['a date', inAnHour, 3600, 'Tue, 14 Nov 2023 23:13:20 GMT'],
    ['text as Django stores a date', '2023-11-14T23:13:20.250000+00:00', 3600, 'Tue, 14 Nov 2023 23:13:20 GMT'],
    ['a time that has passed', -5, 0, 'Tue, 14 Nov 2023 22:13:15 GMT'],
    ['None', null, 1_209_600, undefined],
    ['nothing', undefined, 1_209_600, undefined],
    ['what Django would fail on', ['x'], 1_209_600, undefined],
  ])('%s: each write keeps it, before the options', async (_, expiry, maxAge, expires) => {
    const pickles = djangoSigned({ secretKey, serializer: 'pickle' })
    const sessions = createSessions({
      session: defineSession({ name: 'sessionid' }),
      codecs: [pickles, compact({ secrets: secretKey })],
      maxAge: '14d',
      expose: ['user'],
      clock: testClock(),
    })
    const first = await sessions.load('')
    Object.assign(first.data, { user: 'dave', ...(expiry !== undefined && { _session_expiry: expiry }) })
    const cookies = await sessions.commit(first)
    const next = await sessions.load(cookies.map((cookie) => cookie.split(';')[0]).join('; '))
    next.data.user = 'eve'
    for (const cookie of [...cookies, ...(await sessions.commit(next))]) {
      expect(/; Max-Age=(\d+)/.exec(cookie)?.[1]).toBe(maxAge?.toString())
      expect(/; Expires=([^;]+)/.exec(cookie)?.[1]).toBe(expires)
    }
    expect(cookies).toHaveLength(2)
  })
})

describe('options', () => {
  test.each([
    [{ secretKey: '' }, '"secretKey"'],
    [{ secretKey: 'short' }, '"secretKey"'],
    [{ secretKey: 5 }, '"secretKey"'],
    [{ fallbacks: ['short'] }, '"fallbacks"'],
    [{ fallbacks: 'a text' }, '"fallbacks"'],
    [{ serializer: 'msgpack' }, '"serializer"'],
    [{ maxAge: 'long' }, 'maxAge'],
  ])('%j throws and names the option', (options, name) => {
    const make = () => djangoSigned({ secretKey, ...options } as DjangoSignedOptions)
    expect(make).toThrow(TypeError)
    expect(make).toThrow(name)
  })

  test('browsers read JSON, not pickles', () => {
    expect(codec.readable).toBe(true)
    expect(djangoSigned({ secretKey, serializer: 'pickle' }).readable).toBe(false)
  })

  test('another salt is another key', async () => {
    const error = await failure(() => djangoSigned({ secretKey, salt: 'app.sessions' }).verify(vector, context()))
    expect(error).toMatchObject({ code: 'ERR_SESSION_SIGNATURE' })
  })
})

/** As Django does it. */
function signed(payload: string, hash = 'sha256'): string {
  const salt = 'django.contrib.sessions.backends.signed_cookiessigner'
  const key = createHash(hash).update(salt).update(secretKey).digest()
  const text = `${payload}:1r31eq`
  return `${text}:${createHmac(hash, key).update(text).digest('base64url')}`
}
