/** Options as a Python service has them (FORMATS §3, §4), and every one that is not understood by its name. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  type BeakerConfig,
  type BeakerConfigOptions,
  beaker,
  beakerJwt,
  createSessions,
  defineSession,
  fromBeakerConfig,
  type SessionCodec,
} from '../../../src/server/index.js'
import { expectWithout, OLD_SECRET, SECRET, START } from '../server.helpers.js'

const keys = { jwt_secret_keys: SECRET }
const now = new Date(START)

/** The attributes of a cookie that a server with this configuration sets. */
async function attributesOf(config: BeakerConfig | string, options?: BeakerConfigOptions): Promise<string[]> {
  const sessions = createSessions({ expose: true, ...fromBeakerConfig(config, options), clock: () => now })
  const session = await sessions.load('')
  session.data.user = 'dave'
  return ((await sessions.commit(session))[0] as string).replace(/=[^;]*/, '').split('; ')
}

function messageOf(config: BeakerConfig | string, options?: BeakerConfigOptions): string {
  try {
    fromBeakerConfig(config, options)
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError)
    expectWithout(error, [SECRET])
    return (error as Error).message
  }
  throw new Error('nothing was thrown')
}

describe('names', () => {
  test.each(['beaker.session.', 'session.', 'session_', ''])('with the prefix "%s"', async (prefix) => {
    const config = { [`${prefix}jwt_secret_keys`]: SECRET, [`${prefix}key`]: 'sid', [`${prefix}httponly`]: 'true' }
    expect(await attributesOf(config)).toEqual(['sid', 'HttpOnly', 'Path=/', 'SameSite=Lax'])
  })

  test('where one has a prefix, the others are not options of sessions', async () => {
    const config = { 'session.jwt_secret_keys': SECRET, 'beaker.session.key': 'sid', key: 'x', 'sqlalchemy.url': 'y' }
    expect((await attributesOf(config))[0]).toBe('sid')
    expect(messageOf({ jwt_secret_keys: SECRET, 'sqlalchemy.url': 'y' })).toContain('sqlalchemy.url')
  })

  test('the last of two prefixes wins, as in a Python dict', async () => {
    const config = { 'session.jwt_secret_keys': SECRET, 'beaker.session.key': 'first', 'session.key': 'last' }
    expect((await attributesOf(config))[0]).toBe('last')
  })
})

describe('values', () => {
  test('nothing but a key: as Beaker, with the question of expose left open', async () => {
    expect(await attributesOf(keys)).toEqual(['beaker.session.id', 'Path=/', 'SameSite=Lax'])
    const options = fromBeakerConfig(keys)
    expect('expose' in options).toBe(false)
    expect(options.session).toStrictEqual(defineSession({ idleTimeout: false }))
  })

  test('attributes', async () => {
    const config = { ...keys, cookie_domain: 'example.com', cookie_path: '/app', secure: true, samesite: 'Strict' }
    expect(await attributesOf(config)).toEqual([
      'beaker.session.id',
      'Domain=example.com',
      'Path=/app',
      'SameSite=Strict',
      'Secure',
    ])
  })

  test.each(['true', 'yes', 'on', 'y', 't', '1', ' TRUE ', true, 1, 'Yes'])('asbool: %o is true', (word) => {
    expect(fromBeakerConfig({ ...keys, secure: word, httponly: word })).toMatchObject({ secure: true, expose: false })
  })

  test.each(['false', 'no', 'off', 'n', 'f', '0', ' False ', false, 0, null])('asbool: %o is false', (word) => {
    expect(fromBeakerConfig({ ...keys, secure: word, httponly: word })).toMatchObject({ secure: false, expose: true })
  })

  test.each(['jwt', '', 'truee', '2', 'None'])('asbool: %o is neither', (word) => {
    for (const name of ['secure', 'httponly', 'save_accessed_time', 'bson_compress_jwt_payload']) {
      expect(messageOf({ ...keys, [name]: word })).toBe(`Beaker option "${name}" is neither true nor false`)
    }
  })

  test.each<[string, unknown]>([
    ['a text with commas', ` ${SECRET} ,${OLD_SECRET}\n`],
    ['a list', [SECRET, OLD_SECRET]],
    ['a list of bytes', [SECRET, OLD_SECRET].map((secret) => new TextEncoder().encode(secret))],
  ])('aslist: %s', async (_, secrets) => {
    const { codecs } = fromBeakerConfig({ jwt_secret_keys: secrets })
    const context = { cookieName: 'beaker.session.id', purpose: 'session', now } as const
    const indexes = [SECRET, OLD_SECRET].map(async (secret) => {
      const value = await beakerJwt({ secrets: [secret] }).sign?.({ data: {} }, context)
      return (await codecs?.[0]?.verify(value as string, context))?.keyIndex
    })
    expect(await Promise.all(indexes)).toEqual([0, 1])
  })

  test('bson_compress_jwt_payload', async () => {
    for (const [value, payload] of [
      [undefined, /^\{"bsZ":/],
      ['true', /^\{"bsZ":/],
      ['false', /"user":"dave"/],
      [null, /"user":"dave"/],
    ] as const) {
      const config = { ...keys, ...(value === undefined ? {} : { bson_compress_jwt_payload: value }) }
      const sessions = createSessions({ ...fromBeakerConfig(config), expose: true })
      const session = await sessions.load('')
      session.data.user = 'dave'
      const token = (await sessions.commit(session))[0]?.split(/[=;]/)[1] as string
      expect(Buffer.from(token.split('.')[1] as string, 'base64url').toString()).toMatch(payload)
    }
  })

  test('timeout', () => {
    expect(fromBeakerConfig({ ...keys, timeout: '1800' }).session).toStrictEqual(defineSession({ idleTimeout: 1800 }))
    expect(fromBeakerConfig({ ...keys, timeout: null }).session?.idleTimeout).toBeUndefined()
    for (const timeout of ['0', 0, -1, 1.5, '1.5', '30m', '', true]) {
      expect(messageOf({ ...keys, timeout })).toBe('Beaker option "timeout" must be a number of seconds')
    }
  })

  test('save_accessed_time', () => {
    expect(fromBeakerConfig({ ...keys, save_accessed_time: 'no' }).touchEvery).toBe(false)
    expect('touchEvery' in fromBeakerConfig({ ...keys, save_accessed_time: 'yes' })).toBe(false)
    expect(messageOf({ ...keys, save_accessed_time: false, timeout: 60 })).toContain('requires "save_accessed_time"')
  })

  const never = 'Expires=Tue, 19 Jan 2038 03:14:07 GMT'
  const inSeconds = (seconds: number): string => `Expires=${new Date(START + seconds * 1000).toUTCString()}`
  test.each<[unknown, string | undefined]>([
    [true, undefined],
    ['true', undefined],
    ['1', undefined],
    [false, never],
    ['off', never],
    ['0', never],
    [null, never],
    [1, inSeconds(1)],
    ['2', inSeconds(2)],
    ['300', inSeconds(300)],
    [86_400, inSeconds(86_400)],
    [new Date('2030-01-02T03:04:05Z'), 'Expires=Wed, 02 Jan 2030 03:04:05 GMT'],
  ])('cookie_expires: %o', async (value, expected) => {
    const attributes = await attributesOf({ ...keys, cookie_expires: value })
    expect(attributes.find((attribute) => attribute.startsWith('Expires'))).toBe(expected)
  })

  test.each([0, -1, 1.5, 'tomorrow', '', {}])('cookie_expires: %o is nothing', (value) => {
    expect(messageOf({ ...keys, cookie_expires: value })).toContain('"cookie_expires"')
  })

  test.each([
    ['Lax', 'lax'],
    ['STRICT', 'strict'],
    ['None', 'none'],
    [null, false],
  ])('samesite: %o', (value, expected) => {
    expect(fromBeakerConfig({ ...keys, samesite: value }).sameSite).toBe(expected)
  })

  test.each(['key', 'cookie_path', 'cookie_domain'])('%s must be text', (name) => {
    for (const value of ['', ' ', 5, []])
      expect(messageOf({ ...keys, [name]: value })).toContain(`"${name}" must be text`)
  })
  test('samesite must be one of three', () => {
    expect(messageOf({ ...keys, samesite: 'sometimes' })).toContain('"samesite" must be Lax, Strict, None')
  })
})

describe('keys', () => {
  test.each([{}, { jwt_secret_keys: null }, { key: 'sid' }])('%o: none', (config) => {
    expect(messageOf(config)).toBe('Beaker option "jwt_secret_keys" is missing, and so is "validate_key"')
  })

  test.each([`${SECRET},`, '', 'short', [], 5, [{ kty: 'oct', k: 'AAAA' }]])('%o can not be used', (secrets) => {
    expect(messageOf({ jwt_secret_keys: secrets })).toContain('"jwt_secret_keys" contains a key that cannot be used')
  })

  test('a short one only when asked for', () => {
    expect(() => fromBeakerConfig({ jwt_secret_keys: 'short' }, { allowWeakSecrets: true })).not.toThrow()
  })
})

describe('options that are not understood', () => {
  test('all are named', () => {
    const config = { ...keys, log_file: '/tmp', encrypt_key: 'x', cookie_domian: 'example.com', toString: 1 }
    expect(messageOf(config)).toContain(': log_file, encrypt_key, cookie_domian, toString (')
    expect(messageOf(config, { ignore: ['log_file', 'toString'] })).toContain(': encrypt_key, cookie_domian (')
  })

  test('what has no effect, and what Python has not set', () => {
    const none = [
      'data_dir',
      'lock_dir',
      'log_file',
      'secret',
      'validate_key',
      'encrypt_key',
      'webtest_varname',
      'type',
    ]
    const config = {
      ...keys,
      auto: 'no',
      invalidate_corrupt: true,
      ...Object.fromEntries(none.map((name) => [name, null])),
    }
    expect(() => fromBeakerConfig(config)).not.toThrow()
    expect(() => fromBeakerConfig({ ...keys, type: 'cookie', auto: true, invalidate_corrupt: 'yes' })).not.toThrow()
    expect(messageOf({ ...keys, type: 'file' })).toContain(': type (')
    const onServer = { data_dir: '/tmp', lock_dir: '/tmp', secret: 'x', enabled: 'true', cookie_on_exception: 'true' }
    expect(() => fromBeakerConfig({ ...keys, ...onServer })).not.toThrow()
    expect(messageOf({ ...keys, enabled: 'false' })).toContain(': enabled (')
    expect(messageOf({ ...keys, cookie_on_exception: 'false' })).toContain(': cookie_on_exception (')
    expect(messageOf({ ...keys, unheard_of: null })).toContain(': unheard_of (')
  })

  test('switched off, they ask for nothing', () => {
    const config = {
      ...keys,
      read_original_format: 'False',
      write_original_format: false,
      original_format_validate_key: null,
    }
    expect(() => fromBeakerConfig(config)).not.toThrow()
  })
})

describe('Beaker itself', () => {
  const original = { type: 'cookie', validate_key: 'swordfish validate key' }
  const context = { cookieName: 'beaker.session.id', purpose: 'session', now } as const

  async function cookieOf(codec: SessionCodec | undefined): Promise<string> {
    return (codec?.sign?.({ data: { user: 'dave' } }, context) ?? '') as Promise<string>
  }

  test('a validate_key is enough, as pickle and unencrypted', async () => {
    const { codecs } = fromBeakerConfig(original)
    expect(codecs?.map(({ name, maxLength }) => [name, maxLength])).toEqual([['beaker', 4104]])
    const record = await beaker({ validateKey: original.validate_key }).verify(await cookieOf(codecs?.[0]), context)
    expect(record.data).toEqual({ user: 'dave' })
    const [_domain, _path] = ['_domain', '_path'].map((key) => record.origin?.root().child?.(key)?.value)
    expect([_domain, _path]).toEqual([null, '/'])
  })

  test('what Beaker keeps of the cookie in the session', async () => {
    const { codecs } = fromBeakerConfig({ ...original, cookie_path: '/app', cookie_domain: 'example.com' })
    const record = await beaker({ validateKey: original.validate_key }).verify(await cookieOf(codecs?.[0]), context)
    const read = ['_domain', '_path'].map((key) => record.origin?.root().child?.(key)?.value)
    expect(read).toEqual(['example.com', '/app'])
  })

  test.each([
    ['cryptography', '48', 8],
    ['pycrypto', 128, 24],
    ['pycryptodome', undefined, 24],
  ] as const)('crypto_type %s with a nonce of %s bits', async (crypto_type, bits, length) => {
    const config = {
      ...original,
      encrypt_key: 'swordfish encrypt key',
      crypto_type,
      data_serializer: 'json',
      ...(bits === undefined ? {} : { encrypt_nonce_bits: bits }),
    }
    const { codecs } = fromBeakerConfig(config)
    const value = await cookieOf(codecs?.[0])
    const same = { validateKey: original.validate_key, encryptKey: config.encrypt_key, serializer: 'json' } as const
    const { data } = await beaker({ ...same, cryptoType: crypto_type, nonceBits: length === 8 ? 48 : 128 }).verify(
      value,
      context,
    )
    expect(data).toEqual({ user: 'dave' })
  })

  test('what encrypts must be known', async () => {
    const config = { ...original, encrypt_key: 'swordfish encrypt key' }
    for (const crypto_type of [undefined, 'default']) {
      const unclear = crypto_type === undefined ? config : { ...config, crypto_type }
      expect(messageOf(unclear)).toContain('"crypto_type" depends on what Python has installed')
      const { codecs } = fromBeakerConfig(unclear, { cryptoType: 'cryptography' })
      const reader = beaker({ validateKey: original.validate_key, encryptKey: config.encrypt_key, cryptoType: 'auto' })
      expect((await reader.verify(await cookieOf(codecs?.[0]), context)).data).toEqual({ user: 'dave' })
    }
    expect(messageOf({ ...config, crypto_type: 'rot13' })).toContain('"crypto_type" must be')
    // without a key nothing is encrypted, whatever the type
    expect(fromBeakerConfig({ ...original, crypto_type: 'default', encrypt_key: null }).codecs?.[0]?.readable).toBe(
      true,
    )
  })

  describe('the default cipher, which depends on the version', () => {
    const config = { ...original, encrypt_key: 'swordfish encrypt key' }
    const same = { validateKey: original.validate_key, encryptKey: config.encrypt_key }

    test.each([
      ['1.13', 'pycryptodome'],
      ['1.13.2', 'pycryptodome'],
      ['1.14', 'cryptography'],
      ['2.0', 'cryptography'],
    ] as const)('Beaker %s writes %s, and both are read', async (beakerVersion, written) => {
      const options = fromBeakerConfig(config, { beakerVersion })
      const value = await cookieOf(options.codecs?.[0])
      expect((await beaker({ ...same, cryptoType: written }).verify(value, context)).data).toEqual({ user: 'dave' })
      const sessions = createSessions({ ...options, expose: false })
      for (const cryptoType of ['cryptography', 'pycryptodome', 'nss'] as const) {
        const cookie = await cookieOf(beaker({ ...same, cryptoType }))
        expect((await sessions.load(`beaker.session.id=${cookie}`)).data).toEqual({ user: 'dave' })
      }
    })

    test('nss only where Beaker has it', async () => {
      const { codecs } = fromBeakerConfig({ ...config, crypto_type: 'nss' }, { beakerVersion: '1.13' })
      const value = await cookieOf(codecs?.[0])
      expect((await beaker({ ...same, cryptoType: 'nss' }).verify(value, context)).data).toEqual({ user: 'dave' })
    })

    test.each(['1', 'newest', '', 1])('%o is no version', (beakerVersion) => {
      expect(messageOf(config, { beakerVersion } as never)).toContain('"beakerVersion" must be a version such as 1.13')
    })
  })

  describe('invalidate_corrupt', () => {
    const unreadable = { codecs: [beaker({ validateKey: original.validate_key, serializer: 'json' })], expose: false }
    const pickled = { ...original, data_serializer: 'pickle' }

    async function committed(config: BeakerConfig, cookies: readonly string[]): Promise<string | number> {
      const sessions = createSessions({ ...fromBeakerConfig(config), expose: false })
      const session = await sessions.load(cookies.map((value) => `beaker.session.id=${value}`).join('; '))
      expect(session.rejected?.verified).toBe(true)
      session.data.seen = true
      return await sessions.commit(session).then(
        (set) => set.length,
        (error) => error.code,
      )
    }

    test('a fresh session replaces what can not be read, if it is written explicitly', async () => {
      const value = await cookieOf(unreadable.codecs[0])
      expect(await committed({ ...pickled, invalidate_corrupt: 'true' }, [value])).toBe(1)
      expect(await committed(pickled, [value])).toBe('ERR_SESSION_PROTECTED')
      expect(await committed({ ...pickled, invalidate_corrupt: 'false' }, [value])).toBe('ERR_SESSION_PROTECTED')
    })

    test('never if another candidate verified', async () => {
      const value = await cookieOf(unreadable.codecs[0])
      const other = await unreadable.codecs[0]?.sign?.({ data: { user: 'erin' } }, context)
      const config = { ...pickled, invalidate_corrupt: 'true' }
      expect(await committed(config, [value, other as string])).toBe('ERR_SESSION_PROTECTED')
    })
  })

  test('an application may give a session its own lifetime', () => {
    const sessions = createSessions({ ...fromBeakerConfig(original), expose: false })
    expect(sessions.warnings.join()).toContain('"expires" or "maxAge"')
  })

  test.each([
    [{ data_serializer: 'yaml' }, '"data_serializer" must be pickle or json'],
    [{ validate_key: '' }, '"validate_key" must be text'],
    [{ validate_key: null }, '"validate_key" is missing'],
    [{ validate_key: 'True' }, '"validate_key" is True, a text that everyone knows'],
    [{ validate_key: true }, '"validate_key" is True, a text that everyone knows'],
    [{ type: undefined }, '"type" is missing: such sessions are on the server of Python'],
    [{ type: 'memory' }, '"type" is not cookie: such sessions are on the server of Python'],
    [{ timeout: '3600.0' }, '"timeout" must be a number of seconds'],
    [{ encrypt_key: '' }, '"encrypt_key" must be text, and not empty'],
    [{ encrypt_key: 'x', crypto_type: 'nss' }, '"crypto_type" is nss, which Beaker has no more since 1.14'],
    [{ jwt_secret_keys: SECRET }, ': validate_key ('],
    [{ read_original_format: 'true' }, ': read_original_format ('],
    [
      { encrypt_key: 'x', crypto_type: 'cryptography', encrypt_nonce_bits: 'many' },
      '"encrypt_nonce_bits" must be a number',
    ],
  ])('%o is refused', (more, message) => {
    expect(messageOf({ ...original, ...more })).toContain(message)
  })

  test('the same in an .ini text', () => {
    const text =
      'beaker.session.type = cookie\nbeaker.session.validate_key = swordfish\nbeaker.session.data_serializer = json'
    expect(fromBeakerConfig(text).codecs?.[0]?.name).toBe('beaker')
    expect(messageOf(`${text}\nbeaker.session.encrypt_key = 100%`)).toContain('encrypt_key (pass an object)')
  })
})

describe('original_format', () => {
  const original = { ...keys, original_format_validate_key: 'swordfish validate key' }
  const names = (config: BeakerConfig): unknown => fromBeakerConfig(config).codecs?.map(({ name }) => name)

  test('is read second, written first, or nothing of both', () => {
    expect(names(original)).toEqual(['beakerJwt'])
    expect(names({ ...original, read_original_format: 'true' })).toEqual(['beakerJwt', 'beaker'])
    expect(names({ ...original, write_original_format: true })).toEqual(['beaker', 'beakerJwt'])
    expect(names({ ...original, read_original_format: 'yes', write_original_format: 'yes' })).toEqual([
      'beaker',
      'beakerJwt',
    ])
  })

  test('its limit counts the signature, as Python does there', () => {
    const { codecs } = fromBeakerConfig({ ...original, write_original_format: true })
    expect(codecs?.[0]?.maxLength).toBe(4064)
  })

  test('removes keys and knows its serializer', async () => {
    const { codecs } = fromBeakerConfig({
      ...original,
      read_original_format: true,
      original_format_data_serializer: 'json',
      original_format_remove_keys: ' blob , other',
    })
    const context = { cookieName: 'beaker.session.id', purpose: 'session', now } as const
    const old = beaker({ validateKey: original.original_format_validate_key, serializer: 'json' })
    const value = (await old.sign?.({ data: { blob: 1, other: 2, user: 'dave' } }, context)) as string
    expect((await codecs?.[1]?.verify(value, context))?.data).toEqual({ user: 'dave' })
  })

  test.each([
    [{ read_original_format: true, original_format_validate_key: null }, '"original_format_validate_key" is missing'],
    [{ write_original_format: 'on', original_format_data_serializer: 'xml' }, 'must be pickle or json'],
    [{ read_original_format: 'maybe' }, '"read_original_format" is neither true nor false'],
    [{ read_original_format: true, original_format_remove_keys: 5 }, '"original_format_remove_keys" must be a text'],
    [{ data_serializer: 'json' }, ': data_serializer ('],
  ])('%o is refused', (more, message) => {
    expect(messageOf({ ...original, ...more })).toContain(message)
  })
})

describe('cookie_expires of false', () => {
  afterEach(() => vi.restoreAllMocks())

  // As FORMATS §3 and a Beaker in Tokyo have it. Not every runtime has a clock of its own place, or lets it be moved.
  test.each([
    ['UTC', 0, 'Tue, 19 Jan 2038 03:14:07 GMT'],
    ['America/New_York', 300, 'Mon, 18 Jan 2038 22:14:07 GMT'],
    ['Asia/Tokyo', -540, 'Tue, 19 Jan 2038 12:14:07 GMT'],
  ])('as Beaker in %s says it, only when asked for', async (_, offset, expected) => {
    const asked = vi.spyOn(Date.prototype, 'getTimezoneOffset').mockReturnValue(offset)
    const config = { ...keys, cookie_expires: false }
    expect(await attributesOf(config, { localNever: true })).toContain(`Expires=${expected}`)
    // The offset of that day, and not of today's summer time.
    expect((asked.mock.contexts[0] as Date).getTime()).toBe(0x7fffffff * 1000)
    expect(await attributesOf(config)).toContain('Expires=Tue, 19 Jan 2038 03:14:07 GMT')
    expect((await attributesOf(keys, { localNever: true })).join()).not.toContain('Expires')
  })
})

describe('the text of an .ini section', () => {
  test('as a service has it', async () => {
    const text = `
[app:main]
use = egg:shop
# who may read it
beaker.session.jwt_secret_keys = ${SECRET},
    ; the one before
    ${OLD_SECRET}

beaker.session.key: sid
beaker.session.httponly=true\r
beaker.session.cookie_path = /a=b:c
sqlalchemy.url = postgresql://x
`
    expect(await attributesOf(text)).toEqual(['sid', 'HttpOnly', 'Path=/a=b:c', 'SameSite=Lax'])
  })

  test('with an indent of its own, as in a template', async () => {
    const text = `
      [app:main]
      session.jwt_secret_keys = ${SECRET}
      session.key = sid
        .of.two.lines
      session.secure = on`
    expect(messageOf(text)).toContain('name is not valid')
    expect((await attributesOf(text.replace(/\s+\.of\.two\.lines/, ''))).at(-1)).toBe('Secure')
  })

  test('a section ends what could go on', async () => {
    const text = `session.jwt_secret_keys = ${SECRET}\nsession.key = sid\n[more]\n  secure = on`
    expect(await attributesOf(text)).toEqual(['sid', 'Path=/', 'SameSite=Lax'])
  })

  test('options of sessions in one section only', async () => {
    const first = `[app:one]\nsession.jwt_secret_keys = ${SECRET}\nsession.key = one\n`
    const message = 'The .ini text has options of sessions in several sections: pass the text of one section'
    expect(messageOf(`${first}[app:two]\nsession.key = two`)).toBe(message)
    expect(messageOf(`jwt_secret_keys = ${SECRET}\n[two]\nkey = two`)).toBe(message)
    expect(await attributesOf(`[server:main]\nport = 8080\n${first}[loggers]\nkeys = root`)).toEqual(
      await attributesOf(first),
    )
    expect(await attributesOf(`${first}[app:one]\nsession.secure = on`)).toContain('Secure')
  })

  test.each(['config:base.ini', 'config:base.ini#main', 'main'])('use = %s inherits options', (use) => {
    const text = `[app:main]\nuse = ${use}\nsession.jwt_secret_keys = ${SECRET}`
    expect(messageOf(text)).toContain('pass all its options as an object')
    expect(() => fromBeakerConfig(text.replace(`use = ${use}`, 'use = egg:shop'))).not.toThrow()
    expect(() => fromBeakerConfig(text.replace(`use = ${use}`, 'use = call:shop.app:main'))).not.toThrow()
  })

  test('a line that is none', () => {
    expect(messageOf(`session.jwt_secret_keys = ${SECRET}\nsession.secure`)).toBe(
      'A line of the .ini text is not "key = value"',
    )
  })

  test('"%", which some readers replace', () => {
    expect(() => fromBeakerConfig(`session.jwt_secret_keys = ${SECRET}\nsession.data_dir = %(here)s`)).not.toThrow()
    const message = messageOf(`session.jwt_secret_keys = ${SECRET}%%\nsession.key = %(name)s\nother = 100%`)
    expect(message).toContain('jwt_secret_keys, key (pass an object)')
    expect(() => fromBeakerConfig({ jwt_secret_keys: `${SECRET}%` })).not.toThrow()
  })
})
