/** A page whose Django keeps sessions in signed cookies: `getSession` with the reader of `sessionglass/client/django` (FORMATS §8). */
import { readFileSync } from 'node:fs'
import { deflateSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { beakerReader } from '../../src/client/beaker.js'
import { createDjangoReader, djangoReader } from '../../src/client/django.js'
import { getSession, inspectSession } from '../../src/client/index.js'
import { defineSession } from '../../src/shared/define-session.js'
import { differences, type Tagged } from '../interop/tagged.js'
import { runs } from '../random.js'
import { tokenOf } from '../shared/shared.helpers.js'

interface Case {
  name: string
  kind: string
  serializer: string
  format?: string
  session?: Tagged
  decoded?: Tagged
  session_data?: string
}

const now = new Date(1_700_000_060_000)
const name = 'sessionid'
const read = (value: string, reader = djangoReader, definition: Parameters<typeof inspectSession>[0] = name) =>
  inspectSession(definition, { cookie: `${name}=${value}`, reader, now })
const cookieValue = (bytes: string | Uint8Array, dot = '') =>
  `${dot}${Buffer.from(bytes as string).toString('base64url')}:1r31eq:c2lnbmF0dXJl`
const packed = (bytes: string | Uint8Array) => cookieValue(deflateSync(bytes), '.')

describe('what Django signed', () => {
  const { cases } = JSON.parse(
    readFileSync(new URL('../vectors/django_session_table.json', import.meta.url), 'utf8'),
  ) as { cases: Case[] }
  // A row and a cookie differ in the salt of the signature alone.
  const signed = cases.filter(
    ({ session_data, format, kind }) => session_data && (format === 'signed' || kind === 'decode'),
  )
  const good = signed.filter(
    ({ kind, name, serializer }) =>
      serializer === 'json' && name !== 'floats' && (kind === 'row' || /^(good|other salt|sha1)/.test(name)),
  )

  test.each(good.map((one) => [one.name, one] as const))('%s', (_, { session, decoded, session_data = '' }) => {
    const found = read(session_data)
    // nothing is verified, so what Django refuses for its signature is shown
    const wanted = session ?? (session_data.startsWith('eyJhIjoxfQ:') ? { $dict: [['a', { $int: '1' }]] } : decoded)
    // What `set_expiry` keeps in the session is no data of a page.
    const { $dict: entries } = wanted as { $dict: [string, Tagged][] }
    const shown = { $dict: entries.filter(([key]) => key !== '_session_expiry') }
    expect(differences(shown as Tagged, found.data)).toEqual([])
    expect(found.session).toBe(Object.keys(found.data ?? {}).length > 0 ? found.data : null)
    expect(found).toMatchObject({ format: 'django-signed', meta: { accessedAt: new Date(1_700_000_000_000) } })
    expect(inspectSession(name, { cookie: `${name}=${session_data}` })).toMatchObject({
      session: null,
      error: 'ERR_SESSION_UNSUPPORTED',
    })
  })

  test.each(signed.filter(({ serializer }) => serializer === 'pickle').map((one) => [one.name, one] as const))(
    '%s is told and not shown',
    (_, { session_data = '' }) => {
      expect(read(session_data)).toMatchObject({ session: null, error: 'ERR_SESSION_UNSUPPORTED' })
    },
  )

  test('there are some of each', () => {
    expect(good.length).toBeGreaterThan(3)
    expect(signed.filter(({ serializer }) => serializer === 'pickle').length).toBeGreaterThan(0)
  })

  test('numbers are those of JavaScript: no NaN, and no exact integer beyond 2^53', () => {
    const { session_data = '' } = signed.find((one) => one.name === 'floats') as Case
    const { f, g, n, i } = (read(session_data).session ?? {}) as Record<string, unknown>
    expect([f, g, n, typeof i]).toEqual([1, 1e16, null, 'number'])
  })
})

test('the key of a session in the database is none', () => {
  expect(read('k'.repeat(32))).toMatchObject({ session: null, error: 'ERR_SESSION_UNSUPPORTED' })
})

test('Django’s own keys are data, and an idle timeout counts from the signature', () => {
  const value = cookieValue('{"_auth_user_id":"1","theme":"dark"}')
  expect(read(value).session).toStrictEqual({ _auth_user_id: '1', theme: 'dark' })
  expect(read(value, djangoReader, defineSession({ name, idleTimeout: 30 })).session).not.toBeNull()
  expect(read(value, djangoReader, defineSession({ name, idleTimeout: 29 }))).toMatchObject({
    session: null,
    over: 'idle',
  })
})

test('other values go to the next reader, and the same value is the same object', () => {
  expect(read(tokenOf({ user: 'dave' })).session).toEqual({ user: 'dave' })
  const beaker = `${'0123456789abcdef'.repeat(3).slice(0, 40)}${Buffer.from('\x80\x02}s.', 'latin1').toString('base64')}`
  expect(read(beaker).error).toBe('ERR_SESSION_UNSUPPORTED')
  expect(read(beaker, createDjangoReader({ otherwise: beakerReader })).format).not.toBe('jwt')
  const value = cookieValue('{"a":[1]}')
  const session = getSession(name, { cookie: `${name}=${value}`, reader: djangoReader })
  expect(session).toEqual({ a: [1] })
  expect(getSession(name, { cookie: `x=1; ${name}=${value}`, reader: djangoReader })).toBe(session)
  expect(Object.isFrozen(session?.a)).toBe(true)
})

describe('what is refused', () => {
  const json = (length: number) => `{"a":"${'x'.repeat(length - 8)}"}`

  test.each([
    ['64 KiB', cookieValue(json(65_536)), undefined],
    ['64 KiB and a byte', cookieValue(json(65_537)), 'ERR_SESSION_LIMIT'],
    ['64 KiB, compressed', packed(json(65_536)), undefined],
    ['64 KiB and a byte, compressed', packed(json(65_537)), 'ERR_SESSION_LIMIT'],
    ['no zlib', cookieValue('{}', '.'), 'ERR_SESSION_COMPRESSION'],
    ['no object', cookieValue('[1]'), 'ERR_SESSION_JSON'],
    ['no JSON', cookieValue('{"a"'), 'ERR_SESSION_JSON'],
    ['no UTF-8', cookieValue(Uint8Array.of(0x7b, 0xff)), 'ERR_SESSION_MALFORMED'],
    ['no base64url', 'eyJhIjoxf:1r31eq:xx', 'ERR_SESSION_MALFORMED'],
    ['a signature without a time', 'e30:c2ln', 'ERR_SESSION_UNSUPPORTED'],
    ['one part more', 'e30:1r31eq:c2ln:x', 'ERR_SESSION_UNSUPPORTED'],
    ['the last second that a Date holds', 'e30:2S6whUrg:c2ln', undefined],
    ['a second that no Date holds', 'e30:2S6whUrh:c2ln', 'ERR_SESSION_CLAIMS'],
    ['a time of many digits', `e30:${'z'.repeat(4000)}:c2ln`, 'ERR_SESSION_CLAIMS'],
  ])('%s', (_, value, error) => {
    expect(read(value).error).toBe(error)
  })

  test('no value at all makes it throw, or pollutes anything', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.constantFrom('', '.'), (bytes, dot) => {
        const { session, error } = read(cookieValue(bytes, dot))
        expect(session === null).toBe(error !== undefined)
      }),
      { numRuns: runs(300) },
    )
    expect(Object.keys(read(cookieValue('{"__proto__":{"polluted":1}}')).session ?? {})).toEqual(['__proto__'])
    expect(({} as { polluted?: number }).polluted).toBeUndefined()
  })
})
