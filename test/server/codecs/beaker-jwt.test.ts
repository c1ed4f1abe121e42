import { inflateSync } from 'node:zlib'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { platform } from '#platform'
import { type BeakerJwtOptions, beakerJwt, type SessionData, type SessionRecord } from '../../../src/server/index.js'
import { decodeBase85 } from '../../../src/shared/base85.js'
import { writeBson } from '../../../src/shared/bson/writer.js'
import { expectWithout, OLD_SECRET, rejection, SECRET, START } from '../server.helpers.js'
import { base64url, bsZ, HS256, openToken, signedToken, signParts } from './token.helpers.js'

const context = { cookieName: 'sid', purpose: 'session', now: new Date(START) } as const
const codec = (options: Partial<BeakerJwtOptions> = {}) => beakerJwt({ secrets: [SECRET], ...options })
const verify = async (token: string, options: Partial<BeakerJwtOptions> = {}): Promise<SessionRecord> =>
  codec(options).verify(token, context)
const sign = async (record: SessionRecord, options: Partial<BeakerJwtOptions> = {}): Promise<string> =>
  (codec(options).sign as NonNullable<ReturnType<typeof codec>['sign']>)(record, context)

/** The bytes of BSON in a token. */
function bsonOf(token: string): Uint8Array {
  return inflateSync(decodeBase85((JSON.parse(openToken(token).payload) as { bsZ: string }).bsZ))
}

afterEach(() => {
  vi.restoreAllMocks()
})

describe('refused before any key is used', () => {
  const headers: [string, string][] = [
    ['{"alg":"none"}', 'ERR_SESSION_ALGORITHM'],
    ['{"alg":"None"}', 'ERR_SESSION_ALGORITHM'],
    ['{"alg":"NONE","typ":"JWT"}', 'ERR_SESSION_ALGORITHM'],
    ['{"alg":"hs256"}', 'ERR_SESSION_ALGORITHM'],
    ['{"alg":"HS384"}', 'ERR_SESSION_ALGORITHM'],
    ['{"alg":"HS512"}', 'ERR_SESSION_ALGORITHM'],
    ['{"alg":"RS256"}', 'ERR_SESSION_ALGORITHM'],
    ['{"alg":"ES256"}', 'ERR_SESSION_ALGORITHM'],
    ['{"alg":["HS256"]}', 'ERR_SESSION_ALGORITHM'],
    ['{"alg":{"toString":"HS256"}}', 'ERR_SESSION_ALGORITHM'],
    ['{"alg":null}', 'ERR_SESSION_ALGORITHM'],
    ['{"alg":""}', 'ERR_SESSION_ALGORITHM'],
    ['{"Alg":"HS256"}', 'ERR_SESSION_ALGORITHM'],
    ['{"typ":"JWT"}', 'ERR_SESSION_ALGORITHM'],
    ['{"kid":"nobody"}', 'ERR_SESSION_ALGORITHM'],
    ['{"__proto__":{"alg":"HS256"}}', 'ERR_SESSION_ALGORITHM'],
    ['{}', 'ERR_SESSION_ALGORITHM'],
    ['{"alg":"HS256","crit":["exp"],"exp":1}', 'ERR_SESSION_ALGORITHM'],
    ['{"alg":"HS256","crit":[]}', 'ERR_SESSION_ALGORITHM'],
    ['{"alg":"HS256","crit":null}', 'ERR_SESSION_ALGORITHM'],
    ['{"alg":"HS256","crit":["b64"],"b64":false}', 'ERR_SESSION_ALGORITHM'],
    ['{"alg":"none","alg":"HS256"}', 'ERR_SESSION_MALFORMED'],
    ['{"alg":"HS256","alg":"HS256"}', 'ERR_SESSION_MALFORMED'],
    ['{"alg":"HS256","\\u0061lg":"none"}', 'ERR_SESSION_MALFORMED'],
    ['{"alg":"HS256","crit":["a"],"crit":["b"]}', 'ERR_SESSION_MALFORMED'],
    ['["HS256"]', 'ERR_SESSION_MALFORMED'],
    ['"HS256"', 'ERR_SESSION_MALFORMED'],
    ['{"alg":"HS256"', 'ERR_SESSION_MALFORMED'],
    ['', 'ERR_SESSION_UNSUPPORTED'],
  ]

  test.each(headers)('header %s', async (header, code) => {
    const used = spyOnKeys()
    const hashes: Record<string, string> = { HS384: 'sha384', HS512: 'sha512' }
    const hash = Object.entries(hashes).find(([name]) => header.includes(name))?.[1]
    const tokens = [
      `${base64url(header)}.${base64url('{"user":"dave"}')}.`,
      signedToken('{"user":"dave"}', header, SECRET, hash),
    ]
    for (const token of tokens) {
      const error = await rejection(code, verify(token))
      expect(error.verified).toBeUndefined()
    }
    expect(used()).toBe(0)
  })

  test('no signature', async () => {
    const used = spyOnKeys()
    const token = signedToken('{"user":"dave"}')
    await rejection('ERR_SESSION_SIGNATURE', verify(token.slice(0, token.lastIndexOf('.') + 1)))
    expect(used()).toBe(0)
    await verify(token)
    expect(used()).toBe(1)
  })

  /** How often a key was asked, by a codec that is made after this. */
  function spyOnKeys(): () => number {
    let count = 0
    const make = platform.hmacKey
    vi.spyOn(platform, 'hmacKey').mockImplementation((secret, hash) => {
      const key = make(secret, hash)
      return {
        ...key,
        verify: (data, mac) => {
          count++
          return key.verify(data, mac)
        },
      }
    })
    return () => count
  }
})

describe('headers that are taken', () => {
  test.each([
    '{"alg":"HS256","typ":"JWT"}',
    '{"alg":"HS256"}',
    '{"typ":"x","alg":"HS256","kid":"7"}',
    '{ "alg" : "HS256" }',
  ])('%s', async (header) => {
    expect((await verify(signedToken('{"user":"dave"}', header))).data).toEqual({ user: 'dave' })
  })
})

describe('base64url', () => {
  const token = signedToken('{"user":"dave"}')
  const [header = '', payload = '', signature = ''] = token.split('.')

  test.each([
    ['padding after the signature', `${token}=`],
    ['padding after the payload', signParts(header, `${base64url('{"u":1}')}=`)],
    ['a blank after the signature', `${token} `],
    ['a blank after the payload', signParts(header, `${payload} `)],
    ['the other alphabet', `${header}.${payload}.${signature.slice(0, -1)}+`],
    ['a fourth part', `${token}.`],
    ['one part less', `${header}.${payload}`],
    ['no header', signParts('', payload)],
  ])('%s is no token', async (_, value) => {
    expect(codec().matches(value)).toBe(false)
    await rejection('ERR_SESSION_UNSUPPORTED', verify(value))
  })

  test('unused bits of the signature are refused', async () => {
    await rejection('ERR_SESSION_MALFORMED', verify(`${token.slice(0, -1)}${nextDigit(token.at(-1) as string)}`))
  })

  test.each([
    ['unused bits', `${base64url('{"u":1}').slice(0, -1)}${nextDigit(base64url('{"u":1}').at(-1) as string)}`],
    ['a length that is none', `${payload}A`],
  ])('a signed payload with %s is refused, and protected', async (_, bad) => {
    const error = await rejection('ERR_SESSION_MALFORMED', verify(signParts(header, bad)))
    expect(error.verified).toBe(true)
  })

  /** The digit that differs in the lowest bit. */
  function nextDigit(digit: string): string {
    const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    return digits.charAt(digits.indexOf(digit) ^ 1)
  }
})

describe('signatures', () => {
  test('of each key of the ring are taken, and the place of the key is told', async () => {
    const secrets = [SECRET, OLD_SECRET]
    expect((await verify(signedToken('{"u":1}', HS256, SECRET), { secrets })).keyIndex).toBe(0)
    expect((await verify(signedToken('{"u":1}', HS256, OLD_SECRET), { secrets })).keyIndex).toBe(1)
    await rejection('ERR_SESSION_SIGNATURE', verify(signedToken('{"u":1}', HS256, 'another'), { secrets }))
  })

  test('a payload is not opened without a good one', async () => {
    for (const payload of ['not JSON', '{"bsZ":5}', bsZ(new Uint8Array(9))]) {
      const error = await rejection('ERR_SESSION_SIGNATURE', verify(signedToken(payload, HS256, 'another')))
      expect(error.verified).toBeUndefined()
      expectWithout(error, [SECRET, 'not JSON'])
    }
  })
})

describe('writing', () => {
  const record: SessionRecord = {
    data: { user: 'dave', n: 1 },
    id: 'abc',
    createdAt: new Date(START),
    accessedAt: new Date(START + 250),
  }

  test("plain claims in Python's order, times with their fraction", async () => {
    expect(openToken(await sign(record, { compress: false }))).toEqual({
      header: HS256,
      payload: '{"_id":"abc","user":"dave","n":1,"_creation_time":1700000000.0,"_accessed_time":1700000000.25}',
    })
  })

  test("compressed claims hold bsZ only, with zlib's best compression", async () => {
    const token = await sign(record)
    expect(openToken(token).header).toBe(HS256)
    const { bsZ: text, ...beside } = JSON.parse(openToken(token).payload) as { bsZ: string }
    expect(beside).toEqual({})
    expect([...decodeBase85(text).slice(0, 2)]).toEqual([0x78, 0xda])
    const double = (value: number): number[] => [...new Uint8Array(new Float64Array([value]).buffer)]
    const key = (type: number, name: string): number[] => [type, ...Buffer.from(`${name}\0`)]
    expect([...bsonOf(token)].slice(4, -1)).toEqual([
      ...[...key(2, '_id'), 4, 0, 0, 0, ...Buffer.from('abc\0')],
      ...[...key(2, 'user'), 5, 0, 0, 0, ...Buffer.from('dave\0')],
      ...[...key(0x10, 'n'), 1, 0, 0, 0],
      ...[...key(1, '_creation_time'), ...double(1_700_000_000)],
      ...[...key(1, '_accessed_time'), ...double(1_700_000_000.25)],
    ])
  })

  test.each([
    [{ when: new Date() }, 'when'],
    [{ a: [{ bytes: new Uint8Array(1) }] }, 'a.0.bytes'],
    [{ bsZ: 'x' }, 'bsZ'],
    [{ text: '\ud800' }, 'text'],
  ])('plain claims can not hold %o', async (data: SessionData, path) => {
    expect((await rejection('ERR_SESSION_UNWRITABLE', sign({ data }, { compress: false }))).path).toBe(path)
  })

  test('compressed ones hold dates and bytes', async () => {
    const data = { when: new Date(5), bytes: Uint8Array.of(1, 2), bsZ: 'x', big: 2n ** 60n }
    expect((await verify(await sign({ data }))).data).toEqual(data)
  })

  test.each([{ bad: () => {} }, { bad: Symbol('x') }, { bad: '\udfff' }, { bad: 2n ** 64n }, { bad: new WeakMap() }])(
    'compressed ones can not hold %o',
    async (data) => {
      expect((await rejection('ERR_SESSION_UNWRITABLE', sign({ data }))).path).toBe('bad')
    },
  )

  test('the session of another form is written in this one', async () => {
    const plain = await verify(signedToken('{"f":1.0,"i":1,"big":9007199254740993}'))
    const compressed = await verify(await sign(plain))
    expect(compressed.data).toEqual({ f: 1, i: 1, big: 9007199254740993n })
    expect(openToken(await sign(compressed, { compress: false })).payload).toBe(
      '{"f":1.0,"i":1,"big":9007199254740993}',
    )
  })
})

test('a document is written with the same bytes when nothing changed', async () => {
  const document = writeBson({ _id: 'x', f: 1.5, _creation_time: 1, _accessed_time: 2 })
  const record = await verify(signedToken(bsZ(document)))
  expect(bsonOf(await sign(record))).toEqual(Buffer.from(document))
})
