/** Beaker's cookies: configuration, trust, what stays of a session, and what is another codec's (FORMATS §2). */
import { createCipheriv, createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { deflateSync } from 'node:zlib'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { platform } from '#platform'
import type { CodecContext, SessionCodec, SessionRecord } from '../../../src/server/codecs/codec.js'
import {
  type BeakerOptions,
  beaker,
  beakerJwt,
  createSessions,
  defineSession,
  type SessionEvent,
} from '../../../src/server/index.js'
import { writePickle } from '../../../src/server/pickle/writer.js'
import { decodeBase64 } from '../../../src/shared/base64.js'
import { readPickle } from '../../../src/shared/pickle/reader.js'
import { expectWithout, NAME, START } from '../server.helpers.js'

const validateKey = 'swordfish-validate-key-0123456789'
const encryptKey = 'swordfish-encrypt-key-0123456789'
const context: CodecContext = { cookieName: NAME, purpose: 'session', now: new Date(START) }
const gcm = { validateKey, encryptKey, cryptoType: 'cryptography' } as const
const ctr = { validateKey, encryptKey, cryptoType: 'pycrypto' } as const

afterEach(() => vi.restoreAllMocks())

function signed(body: string, key = validateKey): string {
  return createHmac('sha1', key).update(body).digest('hex') + body
}

function pickled(data: object): string {
  return signed(Buffer.from(writePickle(data as never)).toString('base64'))
}

async function errorOf(codec: SessionCodec, value: string, where = context): Promise<Record<string, unknown>> {
  try {
    await codec.verify(value, where)
  } catch (error) {
    expectWithout(error, ['swordfish', value.slice(0, 40), value.slice(40)])
    return { code: (error as { code: string }).code, verified: (error as { verified?: boolean }).verified ?? false }
  }
  return {}
}

async function sign(codec: SessionCodec, record: SessionRecord, where = context): Promise<string> {
  return (codec as Required<SessionCodec>).sign(record, where)
}

describe('options', () => {
  test.each<[Partial<BeakerOptions>, string]>([
    [{ validateKey: '' }, '"validateKey" contains an empty secret'],
    [{ validateKey: [] }, '"validateKey" must be'],
    [{ validateKey: [validateKey, ''] }, '"validateKey" contains an empty secret'],
    [{ validateKey: undefined as never }, '"validateKey" is undefined'],
    [{ validateKey: [5] as never }, '"validateKey" must be'],
    [{ encryptKey }, '"cryptoType" is needed'],
    [{ encryptKey: '', cryptoType: 'nss' }, '"encryptKey" must be'],
    [{ cryptoType: 'nss' }, '"cryptoType" needs "encryptKey"'],
    [{ nonceBits: 128 }, '"nonceBits" needs "encryptKey"'],
    [{ encryptKey, cryptoType: 'default' as never }, '"cryptoType" must be one of'],
    [{ encryptKey, cryptoType: 'toString' as never }, '"cryptoType" must be one of'],
    ...[0, -8, 50, 1.5, 1032, Number.NaN].map((nonceBits): [Partial<BeakerOptions>, string] => [
      { encryptKey, cryptoType: 'nss', nonceBits },
      '"nonceBits" must be a multiple of 8',
    ]),
    [{ serializer: 'yaml' as never }, '"serializer" must be'],
    [{ encoding: 'utf8' as never }, '"encoding" must be'],
    // No Beaker could read these.
    [{ encryptKey, cryptoType: 'pycrypto-ecb', serializer: 'json' }, '"serializer": no Beaker wrote JSON'],
    [{ encryptKey, cryptoType: 'beaker-0.9', serializer: 'json' }, '"serializer": no Beaker wrote JSON'],
    [{ encryptKey: 'clé', cryptoType: 'cryptography' }, 'must be ASCII'],
    [{ encryptKey, validateKey: 'clé', cryptoType: 'cryptography' }, 'must be ASCII'],
  ])('%o: %s', (more, message) => {
    expect(() => beaker({ validateKey, ...more })).toThrow(TypeError)
    expect(() => beaker({ validateKey, ...more })).toThrow(message)
  })

  test('a key beyond ASCII signs, and encrypts for Python 2', () => {
    expect(() => beaker({ validateKey: 'clé' })).not.toThrow()
    expect(() => beaker({ validateKey: 'clé', encryptKey: 'clé', cryptoType: 'pycrypto', python2: true })).not.toThrow()
  })

  test('python2 writes a long of Python 2 as one, which Python 3 does not need', async () => {
    const long = Buffer.from([0x8a, 1, 5])
    const value = signed(
      Buffer.concat([Buffer.from('\x80\x02}X\x01\0\0\0n', 'latin1'), long, Buffer.from('s.')]).toString('base64'),
    )
    for (const python2 of [true, false]) {
      const codec = beaker({ validateKey, python2 })
      const record = await codec.verify(value, context)
      expect(record.data).toEqual({ n: 5 })
      const written = await sign(codec, { ...record, data: { ...record.data, more: 1 } })
      expect(Buffer.from(written.slice(40), 'base64').includes(long)).toBe(python2)
    }
  })

  test.each(['pycrypto-ecb', 'beaker-0.9', 'auto'] as const)('%s reads only, and can not come first', (cryptoType) => {
    const codec = beaker({ validateKey, encryptKey, cryptoType })
    expect(codec.sign).toBeUndefined()
    expect(() => createSessions({ codecs: [codec], expose: false })).toThrow('beaker, cannot sign')
    expect(() => createSessions({ codecs: [beaker(gcm), codec], expose: false })).not.toThrow()
  })

  test('nonces of less than 48 bits are read and not written', () => {
    expect(beaker({ ...ctr, nonceBits: 40 }).sign).toBeUndefined()
    expect(beaker({ ...ctr, nonceBits: 48 }).sign).toBeDefined()
  })

  test('weak keys only warn, and no key is in the warning', () => {
    const weak = beaker({
      validateKey: [validateKey, 'swordfish'],
      encryptKey: 'swordfish',
      cryptoType: 'pycrypto',
      nonceBits: 48,
    })
    expect(weak.warnings.join('\n')).not.toContain('swordfish')
    expect(weak.warnings.map((text) => text.split(' ')[0])).toEqual(['validateKey', 'encryptKey', 'only', 'nonces'])
    expect(beaker({ validateKey: 'x'.repeat(20) }).warnings).toEqual([])
    expect(beaker({ validateKey: 'x'.repeat(19) }).warnings).toHaveLength(1)
    expect(beaker(gcm).warnings).toEqual([])
  })

  test('keys with commas are one key', async () => {
    const codec = beaker({ validateKey: 'a,b' })
    expect((await codec.verify(await sign(codec, { data: {} }), context)).keyIndex).toBe(0)
    expect(await errorOf(beaker({ validateKey: 'a' }), await sign(codec, { data: {} }))).toMatchObject({
      verified: false,
    })
  })
})

describe('trust', () => {
  test('nothing is decrypted or parsed before its signature was verified', async () => {
    const decrypt = vi.spyOn(platform, 'decrypt')
    const value = await sign(beaker(gcm), { data: { user: 'dave' } })
    const tampered = `${value.slice(0, -4)}AAAA`
    expect(await errorOf(beaker(gcm), tampered)).toEqual({ code: 'ERR_SESSION_SIGNATURE', verified: false })
    expect(decrypt).not.toHaveBeenCalled()
    await beaker(gcm).verify(value, context)
    expect(decrypt).toHaveBeenCalledTimes(1)
    const bomb = `${'0'.repeat(40)}${Buffer.from('garos\nsystem\n').toString('base64')}`
    expect(await errorOf(beaker({ validateKey }), bomb)).toEqual({ code: 'ERR_SESSION_SIGNATURE', verified: false })
  })

  test('the signature is text: upper case is another one', async () => {
    const value = pickled({ user: 'dave' })
    const upper = value.slice(0, 40).toUpperCase() + value.slice(40)
    expect(upper).not.toBe(value)
    expect(beaker({ validateKey }).matches(upper)).toBe(false)
    expect(await errorOf(beaker({ validateKey }), upper)).toEqual({ code: 'ERR_SESSION_SIGNATURE', verified: false })
  })

  test('a pickle that would run a program is inert', async () => {
    const codec = beaker({ validateKey })
    const evil = '\x80\x02}X\x04\x00\x00\x00evilcos\nsystem\nX\x04\x00\x00\x00true\x85Rs.'
    const { data } = await codec.verify(signed(Buffer.from(evil, 'latin1').toString('base64')), context)
    expect(String(data.evil)).toBe('<os.system>')
    expect(JSON.stringify(data)).toContain('"true"')
  })

  /** What tells Beaker's own pickle from random bytes. */
  const head = '\x80\x02}X\x0e\x00\x00\x00_creation_timeK\x01s'

  test.each([
    ['nested 65 deep', `${head}X\x01\x00\x00\x00a${']'.repeat(64)}${'a'.repeat(63)}s.`, 'ERR_SESSION_LIMIT'],
    [
      'an integer of 1787 bytes',
      `${head}X\x01\x00\x00\x00a\x8b\xfb\x06\x00\x00${'\x01'.repeat(1787)}s.`,
      'ERR_SESSION_LIMIT',
    ],
    ['more than there is', `${head}X\x01\x00\x00\x00a\x8b\xff\xff\xff\x7f`, 'ERR_SESSION_PICKLE'],
    ['a memo far out', `${head}r\xff\xff\xff\x7fX\x01\x00\x00\x00aK\x01s.`, 'ERR_SESSION_LIMIT'],
    ['no dict, and no word of Beaker', '\x80\x02K\x01.', 'ERR_SESSION_KEY'],
    ['a list of pairs', '\x80\x02]X\x0e\x00\x00\x00_creation_timeK\x01\x86a.', 'ERR_SESSION_PICKLE'],
  ])('%s is refused, known as verified', async (_, program, code) => {
    const value = signed(Buffer.from(program, 'latin1').toString('base64'))
    expect(await errorOf(beaker({ validateKey }), value)).toEqual({ code, verified: true })
  })

  test.each([
    [1024, undefined],
    [1023, 'ERR_SESSION_LIMIT'],
  ])('JSON that inflates to 1024 bytes, with a limit of %i', async (maxInflated, code) => {
    const text = `{"a": "${'x'.repeat(1024 - 9)}"}`
    const value = signed(deflateSync(text).toString('base64'))
    const codec = beaker({ validateKey, serializer: 'json', maxInflated })
    expect((await errorOf(codec, value)).code).toBe(code)
  })

  test('as deep, as long and as far as it may be', async () => {
    const deep = `\x80\x02}X\x01\x00\x00\x00a${']'.repeat(63)}${'a'.repeat(62)}s.`
    const long = `\x80\x02}X\x01\x00\x00\x00a\x8b\xfa\x06\x00\x00${'\x01'.repeat(1786)}s.`
    for (const program of [deep, long]) {
      const value = signed(Buffer.from(program, 'latin1').toString('base64'))
      expect((await beaker({ validateKey }).verify(value, context)).data).toHaveProperty('a')
    }
  })

  test('base64 is read as Python reads it, and strictly when asked', async () => {
    const loose = signed(
      pickled({ user: 'dave' })
        .slice(40)
        .replace(/^(....)/, '$1!%'),
    )
    expect((await beaker({ validateKey }).verify(loose, context)).data).toEqual({ user: 'dave' })
    const refused = { code: 'ERR_SESSION_MALFORMED', verified: true }
    expect(await errorOf(beaker({ validateKey, strictBase64: true }), loose)).toEqual(refused)
    expect(await errorOf(beaker({ validateKey }), signed('gAJ'))).toEqual(refused)
  })

  test('nothing is polluted', async () => {
    const proto =
      '\x80\x02}(X\x09\x00\x00\x00__proto__}X\x08\x00\x00\x00polluted\x88sX\x0b\x00\x00\x00constructorK\x01u.'
    const { data } = await beaker({ validateKey }).verify(
      signed(Buffer.from(proto, 'latin1').toString('base64')),
      context,
    )
    expect(Object.keys(data)).toEqual(['__proto__', 'constructor'])
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
    expect(Object.getPrototypeOf(data)).toBe(Object.prototype)
    const removed = beaker({ validateKey, removeKeys: ['__proto__'] })
    const rest = await removed.verify(signed(Buffer.from(proto, 'latin1').toString('base64')), context)
    expect(Object.keys(rest.data)).toEqual(['constructor'])
  })

  test('the public half has a key of its own', async () => {
    const codec = beaker({ validateKey })
    const half = { ...context, purpose: 'public' } as const
    const value = await sign(codec, { data: { user: 'dave' } }, half)
    expect(await errorOf(codec, value)).toEqual({ code: 'ERR_SESSION_SIGNATURE', verified: false })
    expect((await codec.verify(value, half)).data).toEqual({ user: 'dave' })
  })
})

describe('nonces', () => {
  test.each([gcm, ctr])('are new for each write', async (options) => {
    const random = vi.spyOn(platform, 'randomBytes')
    const codec = beaker(options)
    const values = new Set<string>()
    for (let count = 0; count < 50; count++) values.add((await sign(codec, { data: { a: 1 } })).slice(40, 64))
    expect(values.size).toBe(50)
    expect(random.mock.calls.filter(([length]) => length === 16)).toHaveLength(50)
    expect(random.mock.calls.filter(([length]) => length === 12)).toHaveLength(options === gcm ? 50 : 0)
  })

  test.each([
    [48, 8],
    [64, 12],
    [128, 24],
    [256, 44],
    [1024, 172],
  ])('of %i bits have %i characters', async (nonceBits, length) => {
    const codec = beaker({ ...gcm, nonceBits })
    const value = await sign(codec, { data: { user: 'dave' } })
    expect(value.slice(40 + length - 4, 40 + length)).toMatch(/[A-Za-z0-9+/]{2}/)
    expect(Buffer.from(value.slice(40, 40 + length), 'base64')).toHaveLength(nonceBits / 8)
    expect((await codec.verify(value, context)).data).toEqual({ user: 'dave' })
  })

  test('of 48 and 128 bits are both read where none is given', async () => {
    for (const nonceBits of [48, 128]) {
      const value = await sign(beaker({ ...ctr, nonceBits }), { data: { user: 'dave' } })
      expect((await beaker(ctr).verify(value, context)).data).toEqual({ user: 'dave' })
    }
  })
})

describe('older ciphers', () => {
  const session = '\x80\x02}q\x01U\x04userq\x02U\x04daveq\x03s.'

  /** Beaker 1.5.2 to 1.6.3 with PyCrypto: AES-ECB over spaces. */
  function ecb(key = encryptKey): string {
    const aes = pbkdf2Sync(key, `${validateKey}AAAABBBB`, 1, 32, 'sha1')
    const cipher = createCipheriv('aes-256-ecb', aes, null).setAutoPadding(false)
    const plain = Buffer.from(session, 'latin1')
    const padded = Buffer.concat([plain, Buffer.alloc(16 - (plain.length % 16), ' ')])
    return signed(`AAAABBBB${Buffer.concat([cipher.update(padded), cipher.final()]).toString('base64')}`)
  }

  /** Beaker 0.9.1: no HMAC, no nonce in the key, a counter from 1. */
  function oldest(key = validateKey): string {
    const aes = pbkdf2Sync(encryptKey, validateKey, 1, 32, 'sha256')
    const counter = Buffer.concat([Buffer.from('AAAABBBB'), Buffer.from([0, 0, 0, 0, 0, 0, 0, 1])])
    const cipher = createCipheriv('aes-256-ctr', aes, counter)
    const body = `AAAABBBB${Buffer.concat([cipher.update(session, 'latin1'), cipher.final()]).toString('base64')}`
    return (
      createHash('sha1')
        .update(key + body)
        .digest('hex') + body
    )
  }

  test.each(['pycrypto-ecb', 'auto'] as const)('ECB, by %s', async (cryptoType) => {
    const codec = beaker({ validateKey, encryptKey, cryptoType })
    expect((await codec.verify(ecb(), context)).data).toEqual({ user: 'dave' })
    expect(await errorOf(codec, ecb('another key'))).toEqual({ code: 'ERR_SESSION_KEY', verified: true })
  })

  test('0.9.1 is told by its own signature, and asked for by name only', async () => {
    const codec = beaker({ validateKey: ['first', validateKey], encryptKey, cryptoType: 'beaker-0.9' })
    expect(await codec.verify(oldest(), context)).toMatchObject({ data: { user: 'dave' }, keyIndex: 1 })
    const refused = { code: 'ERR_SESSION_SIGNATURE', verified: false }
    expect(await errorOf(codec, oldest('another key'))).toEqual(refused)
    expect(await errorOf(codec, oldest(), { ...context, purpose: 'public' })).toEqual(refused)
    expect(await errorOf(beaker({ validateKey, encryptKey, cryptoType: 'auto' }), oldest())).toEqual(refused)
    // an HMAC is no such signature
    expect(await errorOf(codec, signed(oldest().slice(40)))).toEqual(refused)
  })

  test('no longer value can be made of a signed one: what SHA-1 pads with is never ASCII', () => {
    const value = oldest()
    expect(beaker({ validateKey, encryptKey, cryptoType: 'beaker-0.9' }).matches(`${value}\u0080\0x`)).toBe(false)
  })

  test.each(['cryptography', 'pycrypto', 'nss'] as const)('auto finds %s', async (cryptoType) => {
    for (const serializer of ['pickle', 'json'] as const) {
      const value = await sign(beaker({ validateKey, encryptKey, cryptoType, serializer }), { data: { user: 'dave' } })
      const auto = beaker({ validateKey, encryptKey, cryptoType: 'auto', serializer })
      expect((await auto.verify(value, context)).data).toEqual({ user: 'dave' })
      const wrong = beaker({ validateKey, encryptKey: 'another key', cryptoType: 'auto', serializer })
      expect(await errorOf(wrong, value)).toEqual({ code: 'ERR_SESSION_KEY', verified: true })
    }
  })
})

describe('a list of codecs', () => {
  const plain = beaker({ validateKey })
  const all = [
    beaker(gcm),
    beaker(ctr),
    beaker({ validateKey, encryptKey, cryptoType: 'nss' }),
    beaker({ ...gcm, encryptKey: 'swordfish-encrypt-key-of-before-1' }),
    beaker({ validateKey, serializer: 'json' }),
    plain,
    beaker({ validateKey: 'another key' }),
  ]

  test('each reads its own, whichever comes first', async () => {
    for (const [place, writer] of all.entries()) {
      const value = await sign(writer, { data: { user: 'dave' } })
      const codecs = [...all.slice(place + 1), ...all.slice(0, place + 1)]
      const events: SessionEvent[] = []
      const sessions = createSessions({ codecs, expose: false, on: (event) => events.push(event) })
      const session = await sessions.load(`${NAME}=${value}`)
      expect(session.data, `codec ${place}`).toEqual({ user: 'dave' })
      expect(events[0]).toMatchObject({ type: 'read', codecIndex: all.length - 1 })
    }
  })

  test('a session whose encryption key is unknown is not overwritten', async () => {
    const value = await sign(beaker(gcm), { data: { user: 'dave' } })
    for (const others of [[plain], [plain, beaker({ validateKey: 'another key' })]]) {
      const sessions = createSessions({ codecs: others, expose: false })
      const session = await sessions.load(`${NAME}=${value}`)
      expect(session.rejected).toMatchObject({ code: 'ERR_SESSION_KEY', verified: true })
      session.data.user = 'eve'
      await expect(sessions.commit(session)).rejects.toMatchObject({ code: 'ERR_SESSION_PROTECTED' })
    }
  })
})

describe('the session', () => {
  const codec = beaker({ validateKey })
  const viewOf = (value: string): unknown => readPickle(decodeBase64(value.slice(40))).value

  test('a fresh one says of its cookie only what it was told', async () => {
    const record = { id: 'x', data: { user: 'dave' }, createdAt: new Date(5000), accessedAt: new Date(6500) }
    expect(Object.entries(viewOf(await sign(codec, record)) as object)).toEqual([
      ['_id', 'x'],
      ['user', 'dave'],
      ['_creation_time', 5],
      ['_accessed_time', 6.5],
    ])
    const told = beaker({ validateKey, domain: null, path: '/app' })
    expect(Object.keys(viewOf(await sign(told, record)) as object)).toEqual([
      '_domain',
      '_path',
      '_id',
      'user',
      '_creation_time',
      '_accessed_time',
    ])
    expect(viewOf(await sign(told, record))).toMatchObject({ _domain: null, _path: '/app' })
  })

  test('times are floats, also where they are whole seconds', async () => {
    const value = await sign(codec, { data: {}, createdAt: new Date(5000), accessedAt: new Date(6000) })
    const { root } = readPickle(decodeBase64(value.slice(40)))
    expect(root.entries.map(({ kind }) => kind)).toEqual(['str', 'float', 'str', 'float'])
    const { data: _, ...record } = await codec.verify(pickled({ _id: 'x' }), context)
    const again = await sign(codec, { ...record, data: {}, accessedAt: new Date(6000) })
    expect(readPickle(decodeBase64(again.slice(40))).root.entries.at(-1)?.kind).toBe('float')
  })

  test('what Beaker says of its cookie stays, and is no data', async () => {
    const kept = { _domain: 'x.org', _path: '/app', _id: 'x', _expires: true, user: 'dave' }
    const record = await beaker({ validateKey, domain: 'y.org', path: '/' }).verify(pickled(kept), context)
    expect(record.data).toEqual({ user: 'dave' })
    expect(record.expiresAt).toBeUndefined()
    record.data.user = 'eve'
    expect(viewOf(await sign(codec, record))).toEqual({ ...kept, user: 'eve' })
  })

  test('microseconds of the times stay', async () => {
    const times = { _creation_time: 1_699_999_999.123456, _accessed_time: 1_700_000_000.654321 }
    const record = await codec.verify(pickled({ _id: 'x', ...times }), context)
    expect(viewOf(await sign(codec, record))).toMatchObject(times)
    const touched = { ...record, accessedAt: new Date(START + 5) }
    expect(viewOf(await sign(codec, touched))).toMatchObject({ ...times, _accessed_time: (START + 5) / 1000 })
  })

  test('a change inside is seen, though the session is the one that was read', async () => {
    const record = await codec.verify(pickled({ list: [{ deep: [1] }], set: new Set([1]), when: new Date(0) }), context)
    expect(codec.changed?.(record)).toBe(false)
    ;(record.data.list as [{ deep: number[] }])[0].deep.push(2)
    expect(codec.changed?.(record)).toBe(true)
    const other = await codec.verify(pickled({ set: new Set([1]), when: new Date(0) }), context)
    ;(other.data.set as Set<number>).add(2)
    expect(codec.changed?.(other)).toBe(true)
    const third = await codec.verify(pickled({ when: new Date(0) }), context)
    ;(third.data.when as Date).setTime(1)
    expect(codec.changed?.(third)).toBe(true)
  })

  test('keys to remove are gone at once, are no change, and are not written', async () => {
    const remover = beaker({ validateKey, removeKeys: ['blob', '_domain', '7'] })
    const value = pickled(
      new Map<unknown, unknown>([
        ['blob', 1],
        ['_domain', 'x'],
        [7, 'seven'],
        [8, 'eight'],
        ['user', 'dave'],
      ]),
    )
    const record = await remover.verify(value, context)
    expect(record.data).toEqual({ user: 'dave' })
    expect(remover.changed?.(record)).toBe(false)
    expect(viewOf(await sign(remover, record))).toEqual(
      new Map<unknown, unknown>([
        [8, 'eight'],
        ['user', 'dave'],
      ]),
    )
  })

  test('another format holds the session once its keys that are no text are removed', async () => {
    const jwt = beakerJwt({ secrets: ['x'.padStart(32, 'y')] })
    const entries: [unknown, unknown][] = [
      ['user', 'dave'],
      [7, 'seven'],
      [8, 'eight'],
    ]
    const value = pickled(new Map(entries))
    const upgraded = async (removeKeys: string[]): Promise<unknown> => {
      const record = await beaker({ validateKey, removeKeys }).verify(value, context)
      return (await jwt.verify(await sign(jwt, record), context)).data
    }
    const failure = (path: string) => expect.objectContaining({ code: 'ERR_SESSION_UNWRITABLE', path })
    await expect(upgraded([])).rejects.toEqual(failure('7'))
    await expect(upgraded(['7'])).rejects.toEqual(failure('8'))
    expect(await upgraded(['7', '8'])).toEqual({ user: 'dave' })
    const remover = beaker({ validateKey, removeKeys: ['7', '8'] })
    expect(viewOf(await sign(remover, await remover.verify(value, context)))).toEqual({ user: 'dave' })
  })

  test('an id that is not text, or a time that is no number, is refused', async () => {
    for (const wrong of [{ _id: 5 }, { _creation_time: 'soon' }, { _accessed_time: Number.NaN }]) {
      expect(await errorOf(codec, pickled(wrong))).toEqual({ code: 'ERR_SESSION_CLAIMS', verified: true })
    }
  })

  test('a value of the wrong type is refused with its path', async () => {
    await expect((async () => sign(codec, { data: { a: { b: () => 1 } } }))()).rejects.toMatchObject({
      code: 'ERR_SESSION_UNWRITABLE',
      path: 'a.b',
    })
  })
})

describe('size', () => {
  test('the longest body has 4064 characters, the signature not counted', async () => {
    const sessions = createSessions({ codecs: [beaker({ validateKey })], expose: false, secure: false })
    const short = createSessions({
      session: defineSession({ name: 's' }),
      codecs: [{ ...beaker({ validateKey }), maxLength: 4104 }],
      expose: false,
    })
    const commit = async (at: typeof sessions, length: number): Promise<number> => {
      const session = await at.load('')
      session.data.text = 'x'.repeat(length)
      return ((await at.commit(session))[0] as string).split(/[=;]/, 2).join('=').length
    }
    // Browsers refuse 4097 bytes of name and value, so what Beaker itself would still store is refused as well.
    expect(beaker({ validateKey }).maxLength).toBe(4104)
    const failure = { code: 'ERR_SESSION_TOO_LARGE', largest: [{ key: 'text', bytes: expect.any(Number) }] }
    for (const at of [sessions, short]) {
      let longest = 2000
      while (
        await commit(at, longest + 1).then(
          () => true,
          () => false,
        )
      )
        longest++
      expect(await commit(at, longest)).toBeGreaterThan(4096 - 8)
      await expect(commit(at, longest + 1)).rejects.toMatchObject(failure)
    }
  })
})
