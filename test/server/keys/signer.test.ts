/** Keys that never leave a KMS: each signature is asked for, and verified before it goes out. */
import { sign as signWithKey } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  createSessions,
  defineSession,
  djangoJwt,
  type JwsAlgorithm,
  jwt,
  type KeyInput,
  type KeySigner,
  type SessionCodec,
  type SessionEvent,
} from '../../../src/server/index.js'
import { rejection, SECRET, testBrowser, testClock } from '../server.helpers.js'
import { algorithms, half, jwkOf, pairFor, pemOf, session } from './keys.helpers.js'

const PARAMETERS: Partial<Record<JwsAlgorithm, object>> = {
  PS256: { padding: 6, saltLength: 32 },
  PS384: { padding: 6, saltLength: 48 },
  PS512: { padding: 6, saltLength: 64 },
}

/** What a KMS answers: ECDSA in DER, as AWS and Google Cloud do, or as two numbers, as Azure does. */
function signatureOf(
  alg: JwsAlgorithm,
  bytes: Uint8Array,
  dsaEncoding: 'der' | 'ieee-p1363',
  name = 'in the KMS',
): Uint8Array {
  const hash = alg === 'EdDSA' ? null : `sha${alg.slice(2)}`
  const key = { key: pairFor(alg, name).privateKey, dsaEncoding, ...PARAMETERS[alg] }
  return new Uint8Array(signWithKey(hash, bytes, key))
}

function signerFor(alg: KeySigner['alg'], more: Partial<KeySigner> = {}): KeySigner {
  return {
    alg,
    kid: 'kms',
    publicKey: pemOf(pairFor(alg, 'in the KMS').publicKey),
    sign: async (bytes) => signatureOf(alg, bytes, 'der'),
    ...more,
  }
}

const record = { data: { user: 'dave' }, createdAt: session.now, accessedAt: session.now }

async function signed(keys: KeyInput, use: typeof session | typeof half = session): Promise<string> {
  return await (jwt({ keys }) as Required<SessionCodec>).sign(record, use)
}

describe.each(algorithms)('%s', (alg) => {
  test.each(['der', 'ieee-p1363'] as const)(
    'what it signs (%s) is verified with the public key, the public cookie too',
    async (form) => {
      const keys = signerFor(alg, { sign: (bytes) => signatureOf(alg, bytes, form) })
      const verifier = jwt({ keys: { key: jwkOf(pairFor(alg, 'in the KMS').publicKey), alg, kid: 'kms' } })
      for (const use of [session, half]) {
        const token = await signed(keys, use)
        expect(await verifier.verify(token, use)).toMatchObject({ data: { user: 'dave' }, kid: 'kms' })
        await rejection('ERR_SESSION_SIGNATURE', async () => verifier.verify(token, use === session ? half : session))
      }
    },
  )

  test.each([
    ['of another key', (bytes: Uint8Array) => signatureOf(alg, bytes, 'der', 'another one')],
    ['of other bytes', (bytes: Uint8Array) => signatureOf(alg, bytes.fill(1), 'der')],
    ['of no bytes', () => new Uint8Array()],
    ['that is text', () => 'AAAA' as never],
    ['that is cut', (bytes: Uint8Array) => signatureOf(alg, bytes, 'ieee-p1363').subarray(1)],
  ])('a signature %s never goes out', async (_, sign) => {
    const error = await rejection('ERR_SESSION_KEYS', signed(signerFor(alg, { sign })))
    expect(error.message).toBe('The signer of a key failed')
  })
})

test.each<[string, KeySigner['publicKey']]>([
  ['a JWK', jwkOf(pairFor('ES256', 'in the KMS').publicKey)],
  ['a KeyObject', pairFor('ES256', 'in the KMS').publicKey],
  [
    'DER, as AWS gives it',
    new Uint8Array(pairFor('ES256', 'in the KMS').publicKey.export({ format: 'der', type: 'spki' })),
  ],
])('the public key may be %s; jwks() hands it out', async (_, publicKey) => {
  const codec = jwt({ keys: signerFor('ES256', { publicKey }) })
  const sessions = createSessions({ codecs: [codec], expose: false })
  const { keys } = await sessions.jwks()
  expect(keys).toEqual([{ ...jwkOf(pairFor('ES256', 'in the KMS').publicKey), alg: 'ES256', kid: 'kms', use: 'sig' }])
})

test('ECDSA in DER: numbers of every length, and nothing that is not exactly DER', async () => {
  const raw = (token: string): Uint8Array => Buffer.from(token.split('.')[2] as string, 'base64url')
  // Every 128th number begins with a zero.
  for (let at = 0; at < 300; at++) {
    const token = await (jwt({ keys: signerFor('ES256'), identify: false }) as Required<SessionCodec>).sign(
      { data: { at } },
      session,
    )
    expect(raw(token)).toHaveLength(64)
  }
  const changes: [string, (der: number[]) => number[]][] = [
    ['bytes behind it', (der) => [...der, 0]],
    ['a longer length', ([tag = 0, length = 0, ...rest]) => [tag, 0x81, length, ...rest]],
    ['another tag', ([, ...rest]) => [0x31, ...rest]],
    [
      'a zero too many',
      ([tag = 0, length = 0, int = 0, count = 0, ...rest]) => [tag, length + 1, int, count + 1, 0, ...rest],
    ],
    ['a count too large', ([tag = 0, length = 0, int = 0, , ...rest]) => [tag, length, int, 127, ...rest]],
    ['one number', ([tag = 0, , int = 0, count = 0, ...rest]) => [tag, count + 2, int, count, ...rest.slice(0, count)]],
  ]
  for (const [name, change] of changes) {
    // Without a zero before the first number, so that one more is too many. Other bytes each time: Deno's ECDSA is deterministic.
    const sign = (bytes: Uint8Array): Uint8Array => {
      for (let attempt = 0; ; attempt++) {
        const der = signatureOf('ES256', Uint8Array.of(...bytes, attempt), 'der')
        if (der[4] !== 0 && der.length !== 64) return Uint8Array.from(change([...der]))
      }
    }
    const error = await rejection('ERR_SESSION_KEYS', signed(signerFor('ES256', { sign })))
    expect([name, (error.cause as Error).message]).toEqual([
      name,
      expect.stringContaining('neither DER nor two numbers'),
    ])
  }
})

test.each<[string, Partial<KeySigner>]>([
  ['"sign" is not a function', { sign: SECRET as never }],
  ['"publicKey" is no public key', { publicKey: pemOf(pairFor('ES256', 'in the KMS').privateKey) }],
  ['"publicKey" is no public key', { publicKey: undefined as never }],
  ['timeout', { timeout: 'soon' as never }],
  ['can not be used with', { alg: 'HS256' as never, publicKey: jwkOf(pairFor('ES256').publicKey) }],
])('at start: %s', (message, more) => {
  expect(() => jwt({ keys: signerFor('ES256', more) })).toThrow(message)
})

test('djangoJwt takes one, too', async () => {
  const codec = djangoJwt({ key: signerFor('RS256') }) as Required<SessionCodec>
  const token = await codec.sign({ data: { user: 'dave' }, id: 'a'.repeat(32) }, session)
  expect((await codec.verify(token, session)).data).toMatchObject({ user: 'dave' })
})

describe('a KMS that is down', () => {
  function serve() {
    const state = { isDown: false, isSlow: false, calls: 0 }
    const sign = async (bytes: Uint8Array): Promise<Uint8Array> => {
      state.calls++
      if (state.isDown) throw new Error('the KMS is down: swordfish')
      if (state.isSlow) await new Promise(() => {})
      return signatureOf('ES256', bytes, 'der')
    }
    const clock = testClock()
    const events: SessionEvent[] = []
    const sessions = createSessions({
      session: defineSession({ name: 'sid' }),
      codecs: [jwt({ keys: signerFor('ES256', { sign, timeout: 0.05 }), expires: '8h' })],
      expose: ['user'],
      clock,
      on: (event) => events.push(event),
    })
    return { state, sessions, clock, events, browser: testBrowser() }
  }

  test.each(['isDown', 'isSlow'] as const)(
    '(%s) a change fails and sets nothing; the session stays, and goes on',
    async (fault) => {
      const { state, sessions, browser } = serve()
      const first = await sessions.load('')
      Object.assign(first.data, { user: 'dave' })
      browser.take(await sessions.commit(first))
      state[fault] = true
      const second = await sessions.load(browser.cookie)
      Object.assign(second.data, { visits: 1 })
      const headers = new Headers()
      const error = await rejection('ERR_SESSION_KEYS', sessions.commit(second, headers))
      expect([...headers]).toEqual([])
      expect(error.message).not.toContain('swordfish')
      expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'dave' })
      state[fault] = false
      // The same session may be committed again.
      browser.take(await sessions.commit(second))
      expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'dave', visits: 1 })
    },
  )

  test('a session that only has to be renewed stays as it is, and so does its public cookie', async () => {
    const { state, sessions, clock, browser, events } = serve()
    const first = await sessions.load('')
    Object.assign(first.data, { user: 'dave' })
    browser.take(await sessions.commit(first))
    state.isDown = true
    clock.pass(3600)
    const second = await sessions.load(browser.cookie)
    expect(await sessions.commit(second)).toEqual([])
    expect(events.filter(({ type }) => type === 'kept')).toMatchObject([{ code: 'ERR_SESSION_KEYS' }])
    state.isDown = false
    const third = await sessions.load(browser.cookie)
    expect(await sessions.commit(third)).toHaveLength(2)
  })

  test('what is read needs no KMS', async () => {
    const { state, sessions, browser } = serve()
    const first = await sessions.load('')
    Object.assign(first.data, { user: 'dave' })
    browser.take(await sessions.commit(first))
    const { calls } = state
    for (let visit = 0; visit < 5; visit++) await sessions.commit(await sessions.load(browser.cookie))
    expect(state.calls).toBe(calls)
  })
})
