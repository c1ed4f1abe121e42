/** Rows of Django's table: the vectors of Django 3.2, both formats, both serializers, and limits. */
import { createHash, createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { deflateSync, inflateSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { platform } from '#platform'
import { createDjangoRows, type DjangoRowOptions } from '../../../src/server/django/session-table.js'
import { decodeSessionText, encodeSessionText } from '../../../src/server/django/signer.js'
import { isSessionError } from '../../../src/shared/errors.js'
import type { SessionData } from '../../../src/shared/types.js'
import { failure } from '../../contract/codec-checks.js'
import { differences, type Tagged } from '../../interop/tagged.js'

interface Case {
  name: string
  kind: 'row' | 'decode' | 'auth_hash'
  SECRET_KEY: string
  serializer: 'json' | 'pickle'
  format?: string
  session: Tagged
  decoded: Tagged
  session_data?: string
}

const { cases } = JSON.parse(
  readFileSync(new URL('../../vectors/django_session_table.json', import.meta.url), 'utf8'),
) as { cases: Case[] }
const secretKey = cases[0]?.SECRET_KEY as string
const frozen = new Date(1_700_000_000_250)
const written = cases.filter(({ kind, session_data }) => kind === 'row' && session_data !== undefined)
const read = cases.filter(({ kind }) => kind === 'decode')

const rowsOf = (options: Partial<DjangoRowOptions> = {}) => createDjangoRows({ secretKey, ...options })
const reading = async (text: unknown, options: Partial<DjangoRowOptions> = {}) => rowsOf(options).read(text)
const writing = async (session: Parameters<ReturnType<typeof rowsOf>['write']>[0], options = {}) =>
  rowsOf(options).write(session, frozen)

describe('vectors', () => {
  test('are all there', () => {
    expect([written.length, read.length]).toEqual([8, 7])
  })

  test.each(written)('$name ($serializer, $format)', async ({ session, session_data, serializer, format = '' }) => {
    const row = await reading(session_data, { serializer })
    expect(differences(session, row.data).filter(isNoFake)).toEqual([])
    const again = await writing(row, { serializer })
    // A pickle is written in protocol 2, and zlib differs between builds.
    if (serializer === 'json' && format === 'signed' && !session_data?.startsWith('.')) expect(again).toBe(session_data)
    const second = await reading(again, { serializer })
    expect(differences(session, second.data).filter(isNoFake)).toEqual([])
    expect(bytesOf(await writing(second, { serializer }))).toEqual(bytesOf(again))
    if (serializer === 'json' && format === 'signed') expect(bytesOf(again)).toEqual(bytesOf(session_data as string))
  })

  test.each(read)('$name', async ({ session_data, serializer, decoded }) => {
    const wanted = (decoded as { $dict: unknown[] }).$dict
    if (wanted.length > 0) {
      expect(differences(decoded, (await reading(session_data, { serializer })).data)).toEqual([])
      return
    }
    const error = await failure(() => reading(session_data, { serializer }))
    expect(isSessionError(error) && error.code).toMatch(/^ERR_SESSION_(?:SIGNATURE|MALFORMED)$/)
    expect(error).not.toHaveProperty('verified', true)
    expect((error as Error).message).not.toContain(String(session_data).slice(0, 8))
  })

  test('SHA-1 is refused where Django would refuse it', async () => {
    for (const { session_data, serializer, format = '', name } of [...written, ...read]) {
      if (!format.startsWith('legacy') && !name.startsWith('sha1')) continue
      const error = await failure(() => reading(session_data, { serializer, legacy: false }))
      expect(error).toMatchObject({ code: expect.stringMatching(/^ERR_SESSION_(?:SIGNATURE|MALFORMED)$/) })
    }
  })
})

describe('the older format', () => {
  const legacy = (serialized: string | Uint8Array, secret = secretKey): string => {
    const key = createHash('sha1').update(`django.contrib.sessionsSessionStore${secret}`).digest()
    const mac = createHmac('sha1', key).update(serialized).digest('hex')
    return Buffer.concat([Buffer.from(`${mac}:`), Buffer.from(serialized)]).toString('base64')
  }

  test('is read, with fallbacks too, and written as the newer one', async () => {
    const row = await reading(legacy('{"a":1.0,"b":"é"}'))
    expect(row.data).toEqual({ a: 1, b: 'Ã©' })
    const text = await writing({ ...row, data: { ...row.data, c: 2 } })
    expect(bytesOf(text).toString()).toBe('{"a":1.0,"b":"\\u00c3\\u00a9","c":2}')
    const rotated = { secretKey: 'the-secret-key-of-today-0123456789-abcdefgh', secretKeyFallbacks: [secretKey] }
    expect((await reading(legacy('{"a":1}'), rotated)).data).toEqual({ a: 1 })
  })

  test.each([
    ['another secret', legacy('{"a":1}', 'another-secret-key')],
    [
      'another session',
      Buffer.from(Buffer.from(legacy('{"a":1}'), 'base64').toString().replace('1}', '2}')).toString('base64'),
    ],
    [
      'upper case',
      Buffer.from(
        Buffer.from(legacy('{"a":1}'), 'base64')
          .toString()
          .replace(/^.{40}/, (mac) => mac.toUpperCase()),
      ).toString('base64'),
    ],
    ['no colon', Buffer.from('0'.repeat(60)).toString('base64')],
    ['too short', Buffer.from('00:{}').toString('base64')],
    ['a space inside', legacy('{"a":12}').replace(/^..../, '$& ')],
    ['text behind the padding', `${legacy('{"a":12}')}AAAA`],
    ['nothing', ''],
    ['no padding', legacy('{"a":12}').replace('=', '')],
  ])('%s is refused', async (_, text) => {
    const error = await failure(() => reading(text))
    expect(error).toMatchObject({ code: expect.stringMatching(/^ERR_SESSION_(?:SIGNATURE|MALFORMED)$/) })
    expect(error).not.toHaveProperty('verified', true)
  })

  test('its limit holds', async () => {
    const text = legacy(`{"a":"${'x'.repeat(92)}"}`)
    expect((await reading(text, { maxInflated: 100 })).data).toHaveProperty('a')
    const error = await failure(() => reading(text, { maxInflated: 99 }))
    expect(error).toMatchObject({ code: 'ERR_SESSION_LIMIT', verified: true })
  })
})

describe('what a verified row may hold', () => {
  const signedRow = (payload: string): string => {
    const key = createHash('sha256').update(`django.contrib.sessions.SessionStoresigner${secretKey}`).digest()
    return `${payload}:1r31eq:${createHmac('sha256', key).update(`${payload}:1r31eq`).digest('base64url')}`
  }
  const plain = (text: string | Uint8Array): string => signedRow(Buffer.from(text).toString('base64url'))
  const zipped = (bytes: Uint8Array): string => signedRow(`.${Buffer.from(bytes).toString('base64url')}`)
  const pickled = (text: string): string => plain(Buffer.from(text, 'latin1'))

  test.each([
    ['no JSON', plain('nothing'), 'ERR_SESSION_JSON'],
    ['a list', plain('[]'), 'ERR_SESSION_JSON'],
    ['nothing at all', signedRow(''), 'ERR_SESSION_JSON'],
    ['a pickle', pickled('\x80\x02}.'), 'ERR_SESSION_KEY'],
    ['no zlib', zipped(Buffer.from('{}')), 'ERR_SESSION_COMPRESSION'],
    ['zlib and more', zipped(Buffer.concat([deflateSync('{}'), Buffer.from('x')])), 'ERR_SESSION_COMPRESSION'],
    ['a bomb', zipped(deflateSync(Buffer.alloc(2 ** 20 + 1, 0x20))), 'ERR_SESSION_LIMIT'],
    ['JSON nested too deep', plain(`{"a":${'['.repeat(64)}${']'.repeat(64)}}`), 'ERR_SESSION_LIMIT'],
    ['bits over in base64url', signedRow('eyJhIjoxfR'), 'ERR_SESSION_MALFORMED'],
  ])('%s', async (_, text, code) => {
    expect(await failure(() => reading(text))).toMatchObject({ code, verified: true })
  })

  test('JSON where a pickle should be, a pickle that is no dict, and one that is cut', async () => {
    for (const [text, code] of [
      [plain('{}'), 'ERR_SESSION_KEY'],
      [pickled('\x80\x02]q\x00.'), 'ERR_SESSION_PICKLE'],
      [pickled('\x80\x02}q\x00'), 'ERR_SESSION_PICKLE'],
    ] as const) {
      expect(await failure(() => reading(text, { serializer: 'pickle' }))).toMatchObject({ code, verified: true })
    }
  })

  test('a pickle runs nothing', async () => {
    const { data } = await reading(pickled('\x80\x02}X\x01\x00\x00\x00acposix\nsystem\nX\x04\x00\x00\x00echo\x85Rs.'), {
      serializer: 'pickle',
    })
    expect(data.a).toMatchObject({ module: 'posix', name: 'system', args: ['echo'] })
  })

  test('keys of prototypes are keys', async () => {
    const { data } = await reading(plain('{"__proto__":{"polluted":1},"constructor":2}'))
    expect(Object.keys(data)).toEqual(['__proto__', 'constructor'])
    expect(({} as { polluted?: number }).polluted).toBeUndefined()
  })

  test('1 MiB and not an byte more, read and written', async () => {
    const limit = 2 ** 20
    const fits = { a: 'x'.repeat(limit - 8) }
    const text = await writing({ data: fits })
    expect((await reading(text)).data).toEqual(fits)
    const larger: SessionData = { a: `${fits.a}x` }
    expect(await failure(() => writing({ data: larger }))).toMatchObject({ code: 'ERR_SESSION_LIMIT' })
    const incompressible = Buffer.from(Array.from({ length: limit + 1 }, () => 0x20))
    expect(await failure(() => reading(signedRow(incompressible.toString('base64url'))))).toMatchObject({
      code: 'ERR_SESSION_LIMIT',
      verified: true,
    })
  })

  test.each([undefined, null, 5, Buffer.from('x')])('%s is no text', async (column) => {
    expect(await failure(() => reading(column))).toMatchObject({ code: 'ERR_SESSION_MALFORMED' })
  })

  test('a dict with keys that are no text keeps them', async () => {
    // {1: 'one', 'a': (2,)}
    const text = pickled('\x80\x02}(K\x01X\x03\x00\x00\x00oneX\x01\x00\x00\x00aK\x02\x85u.')
    const row = await reading(text, { serializer: 'pickle' })
    expect(row.data).toEqual({ a: [2] })
    const again = bytesOf(await writing({ ...row, data: { ...row.data, b: 3 } }, { serializer: 'pickle' }))
    for (const part of ['K\x01X\x03\0\0\0one', 'K\x02\x85']) expect(again.toString('latin1')).toContain(part)
    expect((await reading(signedRow(again.toString('base64url')), { serializer: 'pickle' })).data).toEqual({
      a: [2],
      b: 3,
    })
    // The other serializer has no such keys.
    expect(await failure(() => writing(row))).toMatchObject({ code: 'ERR_SESSION_UNWRITABLE' })
  })

  test('a session of the other serializer keeps the types that both have', async () => {
    const row = await reading(pickled('\x80\x02}(X\x01\x00\x00\x00aG?\xf0\0\0\0\0\0\0X\x01\x00\x00\x00bK\x01u.'), {
      serializer: 'pickle',
    })
    expect(bytesOf(await writing(row)).toString()).toBe('{"a":1.0,"b":1}')
    const set = await reading(pickled('\x80\x02}X\x01\x00\x00\x00ac__builtin__\nset\n]K\x01a\x85Rs.'), {
      serializer: 'pickle',
    })
    expect(await failure(() => writing(set))).toMatchObject({ code: 'ERR_SESSION_UNWRITABLE', path: 'a' })
  })
})

describe('compression', () => {
  test('is used if it saves more than one byte', async () => {
    for (let length = 1; length < 200; length++) {
      const bytes = Buffer.alloc(length, 'x')
      const isShorter = (await platform.deflate(bytes, 6)).length < length - 1
      const payload = await encodeSessionText(bytes, 1000)
      expect(payload.startsWith('.'), String(length)).toBe(isShorter)
      expect(Buffer.from(decodeSessionText(payload, 1000))).toEqual(bytes)
    }
  })

  test('what was read stays as it is when more is read', async () => {
    const first = decodeSessionText(await encodeSessionText(Buffer.alloc(300, 'a'), 1000), 1000)
    decodeSessionText(await encodeSessionText(Buffer.alloc(300, 'b'), 1000), 1000)
    expect(Buffer.from(first)).toEqual(Buffer.alloc(300, 'a'))
  })
})

/** One time is a stand-in for datetime, of the package that froze Django's clock: an object of a class nobody knows. */
function isNoFake(difference: string): boolean {
  return difference !== '"_session_expiry": another datetime'
}

/** What was signed, by Node's own means. */
function bytesOf(text: string): Buffer {
  const [payload = ''] = text.split(':')
  return payload.startsWith('.')
    ? inflateSync(Buffer.from(payload.slice(1), 'base64url'))
    : Buffer.from(payload, 'base64url')
}
