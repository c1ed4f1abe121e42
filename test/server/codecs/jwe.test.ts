/** Encrypted sessions: their bytes as FORMATS §12 says, what they are bound to, and what is refused before any key is used. */
import { Double, deserialize, serialize } from 'bson'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createVerifications } from '../../../src/server/core/verifications.js'
import { type CodecContext, jwe, type SessionCodec, type SessionRecord } from '../../../src/server/index.js'
import { hkdf } from '../../../src/server/keys/encryption-keys.js'
import { decodeHex, encodeHex } from '../../../src/shared/bytes.js'
import { runs } from '../../random.js'
import { OLD_SECRET, rejection, SECRET, START } from '../server.helpers.js'
import { derivedKey, jweValue, openJwe, type TokenOptions } from './jwe.helpers.js'

const context: CodecContext = { cookieName: 'sid', purpose: 'session', now: new Date(START) }
const codec = jwe({ secrets: SECRET })
const cbc = jwe({ secrets: SECRET, enc: 'A256CBC-HS512' })
const dave = { user: 'dave' }
const facts = { id: 'an id', createdAt: new Date(START - 5_000), accessedAt: new Date(START), version: 3 }

async function sign(record: SessionRecord, by: SessionCodec = codec, where = context): Promise<string> {
  return (by as Required<SessionCodec>).sign(record, where)
}
const verify = async (value: string, by = codec, where = context): Promise<SessionRecord> => by.verify(value, where)
const refused = (code: string, value: string, by = codec, where = context): Promise<unknown> =>
  rejection(code, () => verify(value, by, where))
const made = (options: Partial<TokenOptions> = {}, plaintext: Uint8Array | string = serialize(dave)): string =>
  jweValue(plaintext, { secret: SECRET, ...options })

describe('the key', () => {
  // RFC 5869, test case 3: no salt, no info.
  test('is made as RFC 5869 says', async () => {
    const secret = decodeHex('0b'.repeat(22))
    const output = '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8'
    expect(encodeHex(await hkdf(secret, '', 42))).toBe(output)
    expect(encodeHex(await hkdf(secret, '', 20))).toBe(output.slice(0, 40))
  })

  test('is another for each cookie name, tenant, purpose and content encryption', () => {
    const uses: Partial<TokenOptions>[] = [
      {},
      { cookieName: 'other' },
      { tenant: 'a' },
      { purpose: 'public' },
      { enc: 'A256CBC-HS512' },
    ]
    const keys = uses.map((use) => derivedKey({ secret: SECRET, ...use }))
    expect(new Set(keys.map(({ kid }) => kid)).size).toBe(uses.length)
    expect(new Set(keys.map(({ key }) => key.toString('hex', 0, 32))).size).toBe(uses.length)
  })
})

describe('the bytes', () => {
  test.each(['A256GCM', 'A256CBC-HS512'] as const)('of a session with all facts, by %s', async (enc) => {
    const by = enc === 'A256GCM' ? codec : cbc
    const value = await sign({ data: dave, ...facts, expiresAt: new Date(START + 1_500) }, by)
    const { header, plaintext } = openJwe(value, { secret: SECRET, enc })
    expect(header).toEqual({ alg: 'dir', enc, kid: derivedKey({ secret: SECRET, enc }).kid })
    expect(Object.entries(deserialize(plaintext, { promoteValues: false }))).toEqual([
      ['_id', 'an id'],
      ['user', 'dave'],
      ['_creation_time', new Double(START / 1000 - 5)],
      ['_accessed_time', new Double(START / 1000)],
      ['exp', new Double(START / 1000 + 1.5)],
      ['_writes', expect.objectContaining({ value: 3 })],
    ])
  })

  test('of claims', async () => {
    const value = await sign(
      { data: { ...dave, é: '€' }, ...facts, expiresAt: new Date(START + 1000) },
      jwe({ secrets: SECRET, payload: 'claims' }),
    )
    expect(openJwe(value, { secret: SECRET }).plaintext.toString()).toBe(
      '{"_id":"an id","user":"dave","é":"€","_creation_time":1699999995.0,"_accessed_time":1700000000.0,"exp":1700000001,"_writes":3}',
    )
  })

  test('both payloads are read, whichever is written', async () => {
    const claims = jwe({ secrets: SECRET, payload: 'claims' })
    const record = { data: dave, ...facts }
    expect(await verify(await sign(record), claims)).toMatchObject({ ...record, keyIndex: 0 })
    expect(await verify(await sign(record, claims))).toMatchObject({ ...record, keyIndex: 0 })
  })

  test('are others with each write, and nothing is compressed', async () => {
    const lengths = new Set<number>()
    const values = new Set<string>()
    for (const text of ['swordfish'.repeat(20), 'a'.repeat(180), 'ab'.repeat(90)]) {
      for (let again = 0; again < 2; again++) {
        const value = await sign({ data: { text } })
        values.add(value)
        lengths.add(value.length)
      }
    }
    expect(values.size).toBe(6)
    expect(lengths.size).toBe(1)
  })

  test.each([-1, 1.5, Number.NaN, 2 ** 53])('no number of writes %d', async (version) => {
    expect(await rejection('ERR_SESSION_UNWRITABLE', sign({ data: dave, version }))).toMatchObject({ path: 'version' })
    const error = await refused('ERR_SESSION_CLAIMS', made({}, serialize({ _writes: new Double(version) })))
    expect(error).toMatchObject({ verified: true })
  })
})

describe('what a value is good for', () => {
  test('neither another name, nor another tenant, nor another purpose', async () => {
    const value = await sign({ data: dave }, codec, { ...context, tenant: 'a' })
    expect((await verify(value, codec, { ...context, tenant: 'a' })).data).toEqual(dave)
    const places: Partial<CodecContext>[] = [{}, { tenant: 'b' }, { tenant: 'a', cookieName: 'other' }]
    for (const place of places) await refused('ERR_SESSION_SIGNATURE', value, codec, { ...context, ...place })
    const half: CodecContext = { ...context, tenant: 'a', purpose: 'public' }
    await refused('ERR_SESSION_SIGNATURE', value, codec, half)
    await refused('ERR_SESSION_SIGNATURE', await sign({ data: dave }, codec, half), codec, { ...context, tenant: 'a' })
  })
})

describe('keys rotate', () => {
  const both = jwe({ secrets: [SECRET, OLD_SECRET] })

  test('and kid names the one that fits', async () => {
    const old = await sign({ data: dave }, jwe({ secrets: OLD_SECRET }))
    const { kid } = derivedKey({ secret: OLD_SECRET })
    expect(await verify(old, both)).toMatchObject({ data: dave, keyIndex: 1, kid })
    await refused('ERR_SESSION_SIGNATURE', old)
    expect(await sign({ data: dave }, both, { ...context, keyIndex: 1 })).toContain(old.split('.')[0])
    await expect(sign({ data: dave }, both, { ...context, keyIndex: 2 })).rejects.toThrow('no such key')
  })

  test('a token that names a key of the list is tried with no other', async () => {
    const { kid } = derivedKey({ secret: SECRET })
    const { key } = derivedKey({ secret: OLD_SECRET })
    await refused('ERR_SESSION_SIGNATURE', made({ key, header: { kid } }), both)
  })

  test.each([undefined, 'of another system', 7])('a token with the kid %s is tried with each', async (kid) => {
    const value = made({ secret: OLD_SECRET, header: { kid } })
    expect(await verify(value, both)).toMatchObject({ keyIndex: 1, kid: derivedKey({ secret: OLD_SECRET }).kid })
  })

  test('only what names no key of several costs a part of what a request may', async () => {
    const verifications = createVerifications()
    const where = { ...context, verifications }
    const stranger = (): string => made({ secret: 'x'.repeat(40), header: { kid: undefined } })
    for (let count = 0; count < 8; count++) {
      await refused('ERR_SESSION_SIGNATURE', stranger(), both, where)
      verifications.endValue()
    }
    await refused('ERR_SESSION_LIMIT', stranger(), both, where)
    expect((await verify(made({ secret: OLD_SECRET }), both, where)).data).toEqual(dave)
    await refused('ERR_SESSION_SIGNATURE', stranger(), codec, where)
  })
})

describe('refused by name, before any key is used', () => {
  const algorithms = [
    ...['none', 'HS256', 'A128KW', 'A256KW', 'A256GCMKW', 'RSA1_5', 'RSA-OAEP', 'RSA-OAEP-256', 'ECDH-ES'],
    ...['ECDH-ES+A256KW', 'PBES2-HS256+A128KW', 'PBES2-HS512+A256KW', 'DIR', 'dir ', ['dir'], undefined, null],
  ]
  test.each(algorithms)('alg %j', async (alg) => {
    const error = await refused('ERR_SESSION_ALGORITHM', made({ header: { alg } }))
    expect(error).toMatchObject({ message: expect.stringContaining('alg') })
  })

  const encs = ['A256CBC-HS512', 'A128GCM', 'A192GCM', 'A128CBC-HS256', 'a256gcm', 'none', undefined, ['A256GCM']]
  test.each(encs)('enc %j', async (enc) => {
    const error = await refused('ERR_SESSION_ALGORITHM', made({ header: { enc } }))
    expect(error).toMatchObject({ message: expect.stringContaining('A256GCM (enc)') })
  })

  test('the content encryption that the codec was not told of', async () => {
    await refused('ERR_SESSION_ALGORITHM', await sign({ data: dave }, cbc))
    await refused('ERR_SESSION_ALGORITHM', await sign({ data: dave }), cbc)
  })

  test.each([
    ['zip', 'DEF'],
    ['zip', ''],
    ['crit', ['exp']],
    ['crit', []],
    ['p2c', 310_000],
    ['p2c', 2 ** 31],
    ['p2s', 'AAAA'],
    ['cty', 'JWT'],
    ['cty', 'application/jwt'],
  ])('%s %j', async (member, value) => {
    const token = made({ header: { [member]: value } })
    const error = await refused('ERR_SESSION_ALGORITHM', token)
    expect(error).toMatchObject({ message: expect.stringContaining(`(${member})`) })
  })

  test('a nested token that does not say so', async () => {
    const inner = made()
    expect(await refused('ERR_SESSION_JSON', made({}, inner))).toMatchObject({ verified: true })
  })

  test('a header that says a name twice, is too long, or no object', async () => {
    const twice = '{"alg":"RSA-OAEP","alg":"dir","enc":"A256GCM"}'
    for (const headerText of [twice, '[]', 'null', 'x', '']) {
      await refused('ERR_SESSION_MALFORMED', made({ headerText }).replace(/^\./, 'AA.'))
    }
    await refused('ERR_SESSION_LIMIT', made({ header: { more: 'x'.repeat(2000) } }))
  })

  test('an encrypted key, and parts of another length', async () => {
    const [head, , iv, text, tag] = made().split('.') as [string, string, string, string, string]
    const of = (...parts: string[]): string => parts.join('.')
    const cut = (part: string): string => Buffer.from(part, 'base64url').subarray(1).toString('base64url')
    for (const value of [
      of(head, 'AAAA', iv, text, tag),
      of(head, '', cut(iv), text, tag),
      of(head, '', iv, text, cut(tag)),
    ]) {
      await refused('ERR_SESSION_MALFORMED', value)
    }
    await refused('ERR_SESSION_SIGNATURE', of(head, '', iv, '', tag))
    for (const value of [of(head, '', iv, text), of(head, '', iv, text, tag, ''), of('', '', iv, text, tag)]) {
      await refused('ERR_SESSION_UNSUPPORTED', value)
      expect(codec.matches(value)).toBe(false)
    }
  })

  test('base64url that is not strict, in each part', async () => {
    const parts = made({}, Buffer.alloc(16)).split('.')
    for (const [index, part] of parts.entries()) {
      if (part === '') continue
      // The tag and the text have unused bits at their end; 12 bytes and this header have none.
      const last = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.indexOf(part.slice(-1))
      const other = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.charAt(last ^ 1)
      for (const bad of [
        `${part.slice(0, -1)}${other}`,
        `${part}=`,
        ` ${part}`,
        `${part}\n`,
        part.replace(/.$/, '+'),
      ]) {
        const value = parts.map((part, at) => (at === index ? bad : part)).join('.')
        const error = await verify(value).catch((error: unknown) => error)
        expect(error, bad).toMatchObject({
          code: expect.stringMatching(/^ERR_SESSION_(MALFORMED|UNSUPPORTED|SIGNATURE)$/),
        })
      }
    }
  })
})

describe('sizes', () => {
  test('of a token are bounded before any key is used', async () => {
    const room = 16_384 - made({}, '').length
    const fits = JSON.stringify({ a: 'x'.repeat(Math.floor((room * 3) / 4) - 8) })
    const token = made({}, fits)
    expect(token.length).toBeLessThanOrEqual(16_384)
    expect(token.length).toBeGreaterThan(16_380)
    expect((await verify(token)).data).toEqual(JSON.parse(fits))
    await refused('ERR_SESSION_LIMIT', made({ secret: OLD_SECRET }, `${fits}      `))
  })

  test('of what is written are the same', async () => {
    const large = (length: number) => sign({ data: { text: 'x'.repeat(length) } })
    expect((await large(12_000)).length).toBeGreaterThan(16_000)
    await rejection('ERR_SESSION_LIMIT', large(12_400))
    await rejection('ERR_SESSION_LIMIT', large(20_000))
    await rejection(
      'ERR_SESSION_LIMIT',
      sign({ data: { text: 'x'.repeat(12_400) } }, jwe({ secrets: SECRET, payload: 'claims' })),
    )
  })

  test('of what was decrypted: 64 levels and no more', async () => {
    const deep = (levels: number): string => `{"a":${'['.repeat(levels)}${']'.repeat(levels)}}`
    expect((await verify(made({}, deep(63)))).data).toHaveProperty('a')
    expect(await refused('ERR_SESSION_LIMIT', made({}, deep(64)))).toMatchObject({ verified: true })
    await refused('ERR_SESSION_LIMIT', made({}, deep(5000)))
  })
})

describe('what was decrypted and can not be read', () => {
  const document = serialize(dave)
  test.each<[string, Uint8Array | string, string]>([
    ['nothing', '', 'ERR_SESSION_JSON'],
    ['a list', '[]', 'ERR_SESSION_JSON'],
    ['text that is no UTF-8', Uint8Array.of(0x7b, 0xff, 0x7d), 'ERR_SESSION_MALFORMED'],
    ['BSON that ends too soon', document.subarray(0, -1), 'ERR_SESSION_JSON'],
    ['bytes after the document', Buffer.concat([document, Buffer.of(0)]), 'ERR_SESSION_JSON'],
    ['BSON of an unknown type', Uint8Array.of(8, 0, 0, 0, 0x22, 0x61, 0, 0), 'ERR_SESSION_BSON'],
    ['an id that is no text', '{"_id":5}', 'ERR_SESSION_CLAIMS'],
    ['an end that is no time', '{"exp":"1700000000"}', 'ERR_SESSION_CLAIMS'],
    ['an end that never comes', '{"exp":1e309}', 'ERR_SESSION_CLAIMS'],
    ['a number of writes that is text', '{"_writes":"3"}', 'ERR_SESSION_CLAIMS'],
  ])('%s', async (_, plaintext, code) => {
    expect(await refused(code, made({}, plaintext))).toMatchObject({ verified: true })
  })
})

describe('the end', () => {
  test('is that of the record, to the millisecond, also when it is remembered', async () => {
    const value = await sign({ data: dave, expiresAt: new Date(START + 1001) })
    const at = (time: number) => () => verify(value, codec, { ...context, now: new Date(START + time) })
    expect((await at(1000)()).expiresAt).toEqual(new Date(START + 1001))
    expect(await rejection('ERR_SESSION_EXPIRED', at(1001))).toMatchObject({ verified: true })
    expect((await at(1000)()).data).toEqual(dave)
  })

  test('moves with each write where the codec has one, but not a session’s own', async () => {
    const short = jwe({ secrets: SECRET, expires: '10m' })
    const record = { data: dave, expiresAt: new Date(START + 1000) }
    expect((await verify(await sign(record, short), short)).expiresAt).toEqual(new Date(START + 600_000))
    const own = await sign({ ...record, isOwnEnd: true }, short)
    expect((await verify(own, short)).expiresAt).toEqual(new Date(START + 1000))
    expect(short.valueEnd?.(record, new Date(START))).toEqual(new Date(START + 600_000))
    expect(() => jwe({ secrets: SECRET, expires: 0.5 })).toThrow('"expires"')
  })
})

test('nothing is shared between two sessions of one value', async () => {
  const value = await sign({ data: { list: [1] }, createdAt: new Date(5) })
  const first = await verify(value)
  ;(first.data.list as number[]).push(2)
  first.createdAt?.setTime(0)
  expect(await verify(value)).toMatchObject({ data: { list: [1] }, createdAt: new Date(5) })
})

test('options that are none', () => {
  expect(() => jwe({ secrets: SECRET, enc: 'A128GCM' as never })).toThrow('"enc" must be one of A256GCM, A256CBC-HS512')
  expect(() => jwe({ secrets: SECRET, enc: 'toString' as never })).toThrow('"enc"')
  expect(() => jwe({ secrets: SECRET, payload: 'json' as never })).toThrow('"payload" must be one of bson, claims')
  expect(() => jwe({ secrets: 'short' })).toThrow('"secrets" contains a secret of 5 bytes; 32 are needed')
})

/** What a mutation of a token may be: anything but a session. */
describe('mutations', () => {
  const values = Promise.all([
    sign({ data: dave, ...facts }),
    sign({ data: dave, ...facts }, cbc),
    sign({ data: { text: 'x'.repeat(300) } }, jwe({ secrets: SECRET, payload: 'claims' })),
  ])
  const header = fc.record(
    {
      alg: fc.constantFrom('dir', 'none', 'A256KW', 'PBES2-HS512+A256KW', 'RSA-OAEP'),
      enc: fc.constantFrom('A256GCM', 'A256CBC-HS512', 'A128GCM'),
      kid: fc.constantFrom(derivedKey({ secret: SECRET }).kid, 'x', ''),
      zip: fc.constant('DEF'),
      p2c: fc.integer(),
      crit: fc.constant(['b64']),
      typ: fc.string(),
    },
    { requiredKeys: [] },
  )
  const part = fc.oneof(
    fc.constant(''),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('base64url')),
    header.map((header) => Buffer.from(JSON.stringify(header)).toString('base64url')),
    fc.string({ maxLength: 8 }),
  )
  const mutation = fc.oneof(
    fc.record({ kind: fc.constant('part' as const), index: fc.nat(4), part }),
    fc.record({
      kind: fc.constant('cut' as const),
      from: fc.nat(700),
      to: fc.nat(700),
      text: fc.string({ maxLength: 3 }),
    }),
    fc.record({ kind: fc.constant('swap' as const), index: fc.nat(4), other: fc.nat(4) }),
  )

  test('of random tokens are refused with a code, none is a session', async () => {
    const good = await values
    await fc.assert(
      fc.asyncProperty(fc.nat(2), fc.array(mutation, { minLength: 1, maxLength: 3 }), async (which, mutations) => {
        const value = mutations.reduce((value, mutation) => mutated(value, mutation, good), good[which] as string)
        if (good.includes(value)) return
        for (const by of [codec, cbc]) {
          const error = await verify(value, by).then(
            () => expect.unreachable(`a session: ${value}`),
            (error: unknown) => error,
          )
          expect(error, value).toMatchObject({ code: expect.stringMatching(/^ERR_SESSION_/) })
          expect(error, value).not.toMatchObject({ verified: true })
        }
      }),
      { numRuns: runs(1000) },
    )
  })

  type Mutation = typeof mutation extends fc.Arbitrary<infer Value> ? Value : never

  function mutated(value: string, mutation: Mutation, good: readonly string[]): string {
    if (mutation.kind === 'cut') return value.slice(0, mutation.from) + mutation.text + value.slice(mutation.to)
    const parts = value.split('.')
    const { index } = mutation
    const donor =
      mutation.kind === 'swap' ? (good[mutation.other % good.length]?.split('.')[index] ?? '') : mutation.part
    return parts.map((part, at) => (at === index ? donor : part)).join('.')
  }

  test('plaintexts that anyone with the key may have made: a session or a code', async () => {
    const document = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.json().map((text) => new TextEncoder().encode(text)),
      fc
        .tuple(
          fc.constantFrom(serialize({ ...dave, n: 1.5, list: [1, { a: null }], _writes: 1 })),
          fc.nat(80),
          fc.nat(255),
        )
        .map(([bytes, at, byte]) => Uint8Array.from(bytes, (old, index) => (index === at % bytes.length ? byte : old))),
    )
    await fc.assert(
      fc.asyncProperty(document, async (plaintext) => {
        const outcome = await verify(made({}, plaintext)).catch((error: unknown) => error)
        if (outcome instanceof Error)
          expect(outcome).toMatchObject({ code: expect.stringMatching(/^ERR_SESSION_/), verified: true })
        else expect(outcome).toHaveProperty('data')
      }),
      { numRuns: runs(300) },
    )
  })
})
