/** Secrets that a function gives: nothing is asked at start, so that a build without an environment works. */
import { describe, expect, test, vi } from 'vitest'
import {
  beaker,
  beakerJwt,
  compact,
  createSessions,
  defineSession,
  djangoJwt,
  djangoSigned,
  jwe,
  jwt,
  type SecretSource,
  type SessionCodec,
  type SessionEvent,
  type Sessions,
  verifySessions,
  wsgiJwtSession,
} from '../../src/server/index.js'
import { OLD_SECRET, SECRET } from '../server/server.helpers.js'

type Given<Value> = Value | SecretSource<Value>
type Make = (first: Given<string>, all: Given<string[]>) => SessionCodec

const encryptKey = 'an-encrypt-key-of-Beaker-with-some-length'

/** `first` for the options that take one secret alone. */
const CODECS: Record<string, Make> = {
  beakerJwt: (_, secrets) => beakerJwt({ secrets }),
  jwt: (_, secrets) => jwt({ secrets }),
  'jwt, HS512': (_, secrets) => jwt({ secrets, algorithms: ['HS512', 'HS256'] }),
  wsgiJwtSession: (secret) => (wsgiJwtSession({ secret }).codecs as SessionCodec[])[0] as SessionCodec,
  compact: (_, secrets) => compact({ secrets }),
  jwe: (_, secrets) => jwe({ secrets }),
  beaker: (_, validateKey) => beaker({ validateKey }),
  'beaker, encrypted': (first, validateKey) =>
    beaker({
      validateKey,
      encryptKey: typeof first === 'function' ? async () => encryptKey : encryptKey,
      cryptoType: 'cryptography',
    }),
  djangoSigned: (secretKey) => djangoSigned({ secretKey }),
  'djangoSigned, fallbacks': (secretKey, fallbacks) => djangoSigned({ secretKey, fallbacks }),
  djangoJwt: (_, secrets) => djangoJwt({ secrets, fields: ['user'] }),
}

const create = (codec: SessionCodec, on?: (event: SessionEvent) => unknown): Sessions =>
  createSessions({ session: defineSession({ name: 'sid' }), codecs: [codec], expose: false, ...(on && { on }) })

async function signIn(sessions: Sessions): Promise<string> {
  const session = await sessions.load('')
  session.data.user = 'dave'
  return (await sessions.commit(session))[0]?.split(';')[0] as string
}

describe.each(Object.entries(CODECS))('%s', (_, make) => {
  const plain = make(SECRET, [SECRET, OLD_SECRET])

  test.each([
    ['at once', <Value>(value: Value) => value],
    ['later', async <Value>(value: Value) => value],
  ])('a function that answers %s is called once, with the first use', async (_, answer) => {
    const asked = vi.fn()
    const secrets = () => {
      asked()
      return answer([SECRET, OLD_SECRET])
    }
    const lazy = create(make(() => answer(SECRET), secrets))
    expect(asked).not.toHaveBeenCalled()
    const cookies = await Promise.all([signIn(lazy), signIn(lazy)])
    for (const cookie of [...cookies, await signIn(create(plain))]) {
      const session = await lazy.load(cookie)
      expect([session.rejected, session.data, session.keyIndex]).toEqual([undefined, { user: 'dave' }, 0])
      expect((await create(plain).load(cookie)).data).toEqual({ user: 'dave' })
    }
    expect(asked.mock.calls.length).toBeLessThanOrEqual(1)
  })

  test('is the same codec in everything that needs no secret', () => {
    const {
      verify: _,
      sign,
      keys: __,
      deriveKeys: ___,
      matches: ____,
      changed,
      publicCodec,
      ...lazy
    } = make(
      () => SECRET,
      () => [SECRET],
    )
    expect(JSON.parse(JSON.stringify(plain))).toMatchObject(
      JSON.parse(
        JSON.stringify({
          ...lazy,
          publicCodec: publicCodec && { ...publicCodec, keys: undefined },
          warnings: undefined,
        }),
      ),
    )
    expect([typeof sign, typeof changed]).toEqual([typeof plain.sign, typeof plain.changed])
  })

  test('a value signed with another secret is rejected, never taken for one signed with the placeholder', async () => {
    const other = make(OLD_SECRET.toUpperCase(), [OLD_SECRET.toUpperCase()])
    const lazy = create(
      make(
        () => SECRET,
        () => [SECRET],
      ),
    )
    const { data, rejected } = await lazy.load(await signIn(create(other)))
    expect([data, rejected?.verified ?? false]).toEqual([{}, false])
  })

  test('a forgery with the text that stands in its place is refused', async () => {
    const text = 'there is no secret yet '.repeat(3)
    const forged = await signIn(create(make(text, [text])))
    const lazy = create(
      make(
        () => SECRET,
        () => [SECRET],
      ),
    )
    expect((await lazy.load(forged)).data).toEqual({})
  })
})

describe('a function that fails', () => {
  test.each<[string, () => never | string[], string]>([
    ['undefined', () => [undefined as unknown as string], 'returned undefined: is the environment variable set?'],
    [
      'an error',
      () => {
        throw new Error('swordfish')
      },
      'The function of option "secrets" failed',
    ],
    ['a weak secret', () => ['short'], 'Option "secrets" contains a secret of 5 bytes; 32 are needed'],
    ['none', () => [], 'Option "secrets" must be a text'],
  ])('%s rejects load and ready() with ERR_SESSION_KEYS, and is tried again', async (_, secrets, message) => {
    const events: SessionEvent[] = []
    let isRepaired = false
    const sessions = create(beakerJwt({ secrets: () => (isRepaired ? [SECRET] : secrets()) }), (event) =>
      events.push(event),
    )
    const expected = { code: 'ERR_SESSION_KEYS', message: expect.stringContaining(message) }
    await expect(sessions.load('')).rejects.toMatchObject(expected)
    await expect(sessions.ready()).rejects.toMatchObject(expected)
    expect(events).toMatchObject([
      { type: 'keys', code: 'ERR_SESSION_KEYS' },
      { type: 'keys', code: 'ERR_SESSION_KEYS' },
    ])
    await expect(sessions.load('')).rejects.not.toThrow('swordfish')
    isRepaired = true
    await sessions.ready()
    expect((await sessions.load(await signIn(sessions))).data).toEqual({ user: 'dave' })
  })

  test('ready() calls it, and other options are checked at start', async () => {
    const secrets = vi.fn(() => SECRET)
    await create(beakerJwt({ secrets })).ready()
    expect(secrets).toHaveBeenCalledOnce()
    expect(() => beakerJwt({ secrets, maxInflated: -1 })).toThrow('maxInflated')
    expect(() => beaker({ validateKey: () => SECRET, encryptKey: () => encryptKey })).toThrow('cryptoType')
  })
})

test('createSessions and verifySessions take one', async () => {
  const sessions = createSessions({ secrets: () => SECRET, expose: false })
  const cookie = await signIn(sessions)
  const verifier = verifySessions({ codecs: [beakerJwt({ secrets: async () => [OLD_SECRET, SECRET] })] })
  expect((await verifier.load(cookie)).data).toEqual({ user: 'dave' })
})

test('tokens of csrfToken() are those of secrets that are values', async () => {
  const lazy = createSessions({ secrets: () => SECRET, expose: false })
  const session = await lazy.load('')
  const token = session.csrfToken()
  const cookie = (await lazy.commit(session))[0]?.split(';')[0]
  const plain = await createSessions({ secrets: SECRET, expose: false }).load(cookie)
  expect([plain.verifyCsrf(token), plain.data]).toEqual([true, {}])
})

test('the warnings of beaker are there once the secrets are', async () => {
  const codec = beaker({ validateKey: () => 'short-key', allowWeakSecrets: true })
  expect(codec.warnings).toEqual([])
  await create(codec).ready()
  expect(codec.warnings).toEqual([expect.stringContaining('fewer than 20')])
})
