/** Cookies that real Beakers made, from 0.9.1 under Python 2 to 1.13 under Python 3 (FORMATS §2), read and written again. */
import { readFileSync } from 'node:fs'
import { inflateSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { type BeakerCryptoType, type BeakerOptions, beaker } from '../../../src/server/codecs/beaker.js'
import type { CodecContext, SessionCodec, SessionRecord } from '../../../src/server/codecs/codec.js'
import { isSessionError, type SessionErrorCode } from '../../../src/server/index.js'
import { decodeBase64 } from '../../../src/shared/base64.js'
import { readCookies } from '../../../src/shared/cookie.js'
import { differences, member, type Tagged, without } from '../../interop/tagged.js'

interface Case {
  name: string
  kind?: string
  beaker?: string
  backend?: string
  options: Record<string, unknown>
  session: Tagged
  cookie: string
  unsigned_value: string
  request_cookie_header: string | null
  set_cookie: string[]
  set_cookie_session?: Tagged
  raises?: { error: string }
}

const context: CodecContext = { cookieName: 'beaker.session.id', purpose: 'session', now: new Date(1_700_000_000_250) }
const meta = ['_id', '_creation_time', '_accessed_time', '_domain', '_path', '_expires']

function casesOf(name: string): Case[] {
  return (JSON.parse(readFileSync(new URL(`../../vectors/${name}.json`, import.meta.url), 'utf8')) as { cases: Case[] })
    .cases
}

/** Python's options as ours. */
function codecOf({ options }: Case, more: Partial<BeakerOptions> = {}): SessionCodec {
  const bits = (options.encrypt_nonce_bits as { $int: string } | undefined)?.$int
  return beaker({
    validateKey: options.validate_key as string,
    ...(options.encrypt_key !== undefined && { encryptKey: options.encrypt_key as string }),
    cryptoType: options.crypto_type as BeakerCryptoType | undefined,
    nonceBits: bits === undefined ? undefined : Number(bits),
    serializer: options.data_serializer as 'json' | undefined,
    ...more,
  })
}

async function failureOf(codec: SessionCodec, value: string): Promise<{ code: SessionErrorCode; verified: boolean }> {
  try {
    await codec.verify(value, context)
  } catch (error) {
    if (!isSessionError(error)) throw error
    return { code: error.code, verified: error.verified ?? false }
  }
  return expect.unreachable('it was read')
}

const current = [...casesOf('beaker_cookie'), ...casesOf('beaker_encrypted')]

describe('encode', () => {
  const cases = current.filter(({ kind, raises }) => kind === 'encode' && !raises)
  test.each(cases.map((one) => [one.name, one] as const))('%s: read, and written to the same', async (_, one) => {
    const codec = codecOf(one)
    expect(codec.matches(one.cookie)).toBe(true)
    const record = await codec.verify(one.cookie, context)
    expect(differences(without(one.session, meta), record.data)).toEqual([])
    expect(record.id).toBe(member(one.session, '_id'))
    const createdAt = member(one.session, '_creation_time')
    expect(record.createdAt).toEqual(createdAt && new Date(1_700_000_000_250))
    expect(codec.changed?.(record)).toBe(false)
    const again = await (codec as Required<SessionCodec>).sign(record, context)
    expect(differences(without(one.session, meta), (await codec.verify(again, context)).data)).toEqual([])
    if (!codec.readable) return
    // zlib builds differ
    if (one.options.data_serializer === 'json') expect(jsonOf(again)).toBe(jsonOf(one.cookie))
    else expect(again).toBe(one.cookie)
  })

  test('there are some', () => expect(cases.length).toBeGreaterThan(6))
})

describe('decode', () => {
  const cases = current.filter(({ kind }) => kind === 'decode')
  const good = cases.filter(({ raises }) => !raises)
  test.each(good.map((one) => [one.name, one] as const))('%s', async (_, one) => {
    const value = readCookies(one.request_cookie_header ?? '', 'beaker.session.id').at(-1) as string
    const record = await codecOf(one).verify(value, context)
    expect(differences(without(one.session, meta), record.data)).toEqual([])
  })

  test.each([
    ['json read as pickle', 'ERR_SESSION_KEY', true],
    ['tampered signature', 'ERR_SESSION_SIGNATURE', false],
    ['truncated', 'ERR_SESSION_SIGNATURE', false],
    ['shorter than the signature', 'ERR_SESSION_SIGNATURE', false],
    ['signature of the empty string', 'ERR_SESSION_SIGNATURE', false],
    ['octal escapes are not decoded', 'ERR_SESSION_SIGNATURE', false],
    ['encrypted pycrypto read by cryptography', 'ERR_SESSION_KEY', true],
    ['128-bit nonce cookie read with 48-bit setting', 'ERR_SESSION_KEY', true],
  ])('%s: %s', async (name, code, verified) => {
    const one = cases.find((candidate) => candidate.name === name) as Case
    const value = readCookies(one.request_cookie_header ?? '', 'beaker.session.id').at(-1) as string
    expect(await failureOf(codecOf(one), value)).toEqual({ code, verified })
  })

  test('none is forgotten', () => expect(cases.length).toBe(good.length + 8))
})

test.each(current.filter(({ set_cookie_session }) => set_cookie_session).map((one) => [one.name, one] as const))(
  'request: %s',
  async (_, one) => {
    const [value] = readCookies(one.set_cookie[0] as string, 'beaker.session.id') as [string]
    const { data } = await codecOf(one).verify(value, context)
    expect(differences(without(one.set_cookie_session as Tagged, meta), data)).toEqual([])
  },
)

test.each(current.filter(({ kind, raises }) => kind === 'encode' && raises).map((one) => [one.name, one] as const))(
  '%s: refused here too',
  async (_, one) => {
    const record: SessionRecord = { data: { d: new Date(0) } }
    const run = async (): Promise<unknown> => codecOf(one).sign?.(record, context)
    await expect(run()).rejects.toThrow(
      one.options.encrypt_key ? /Option/ : expect.objectContaining({ code: 'ERR_SESSION_UNWRITABLE', path: 'd' }),
    )
  },
)

describe('Python 2', () => {
  const own = casesOf('beaker_legacy_py2').filter(({ cookie }) => cookie)

  test.each(own.map((one) => [`${one.beaker} ${one.name}`, one] as const))('%s', async (_, one) => {
    const isOldest = one.beaker === 'v0.9.1'
    const cryptoType = one.options.encrypt_key === undefined ? undefined : isOldest ? 'beaker-0.9' : 'pycrypto'
    const codec = codecOf(one, { cryptoType, python2: true, encoding: 'latin1' })
    const record = await codec.verify(one.cookie, context)
    expect(differences(without(readable(one.session), meta), record.data)).toEqual([])
    expect(record.createdAt).toEqual(new Date(1_700_000_000_250))
    expect(codec.changed?.(record)).toBe(false)
    if (isOldest) return expect(codec.sign).toBeUndefined()
    const again = await (codec as Required<SessionCodec>).sign(record, context)
    expect((await codec.verify(again, context)).data).toEqual(record.data)
    if (cryptoType) {
      const auto = codecOf(one, { cryptoType: 'auto', python2: true, encoding: 'latin1' })
      expect((await auto.verify(one.cookie, context)).data).toEqual(record.data)
    }
  })

  test('there are some', () => expect(own.length).toBeGreaterThan(7))
})

function jsonOf(cookie: string): string {
  return inflateSync(decodeBase64(cookie.slice(40))).toString()
}

/** Byte strings of Python 2 as Latin-1 text. */
function readable(tagged: Tagged): Tagged {
  if (typeof tagged !== 'object' || tagged === null) return tagged
  if (Array.isArray(tagged)) return tagged.map(readable)
  const { $py2str } = tagged
  if (typeof $py2str === 'string') return String.fromCharCode(...decodeBase64($py2str))
  return Object.fromEntries(Object.entries(tagged).map(([tag, value]) => [tag, readable(value as Tagged)]))
}
