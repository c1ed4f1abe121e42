/** Names of keys that tell nothing of them. */
import { createHmac, createSecretKey, generateKeyPairSync, webcrypto } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  beaker,
  beakerJwt,
  compact,
  createKeys,
  createRevocations,
  createSessions,
  djangoJwt,
  djangoSigned,
  jwe,
  jwt,
  keyThumbprint,
  memoryStore,
  type RevocableSession,
  type SessionCodec,
} from '../../../src/server/index.js'
import { OLD_SECRET, SECRET } from '../server.helpers.js'

/** RFC 7638 §3.1. */
const RFC_KEY = {
  kty: 'RSA',
  n: '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw',
  e: 'AQAB',
  alg: 'RS256',
  kid: '2011-04-29',
}

describe('keyThumbprint', () => {
  test('of a pair is that of RFC 7638, whatever its kid', async () => {
    expect(await keyThumbprint(RFC_KEY)).toBe('NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs')
  })

  test.each(['ec', 'ed25519'] as const)('is the same for both halves and all forms of a key: %s', async (type) => {
    const { publicKey, privateKey } =
      type === 'ec' ? generateKeyPairSync(type, { namedCurve: 'P-256' }) : generateKeyPairSync(type)
    const forms = [
      publicKey,
      privateKey,
      publicKey.export({ format: 'jwk' }),
      publicKey.export({ format: 'pem', type: 'spki' }) as string,
      { key: privateKey.export({ format: 'jwk' }), kid: 'mine' },
    ]
    const thumbprints = new Set(await Promise.all(forms.map((form) => keyThumbprint(form as never))))
    expect(thumbprints.size).toBe(1)
    expect([...thumbprints][0]).toMatch(/^[\w-]{43}$/)
  })

  test('of a secret is an HMAC under it, in all its forms, and has nothing of it', async () => {
    const mac = createHmac('sha256', SECRET).update('sessionglass thumbprint\x01').digest('base64url')
    const bytes = new TextEncoder().encode(SECRET)
    const jwk = { kty: 'oct', k: Buffer.from(SECRET).toString('base64url') }
    const algorithm = { name: 'HMAC', hash: 'SHA-256' }
    const imported = await webcrypto.subtle.importKey('raw', bytes, algorithm, false, ['sign', 'verify'])
    for (const form of [SECRET, bytes, jwk, createSecretKey(bytes), imported]) {
      expect(await keyThumbprint(form as never)).toBe(`secret.${mac}`)
    }
    expect(await keyThumbprint(OLD_SECRET)).not.toBe(`secret.${mac}`)
    expect(await keyThumbprint('short')).toMatch(/^secret\.[\w-]{43}$/)
  })

  test.each<[string, unknown, RegExp]>([
    ['several secrets', 'one,two', /takes one secret/],
    ['a list', [SECRET, OLD_SECRET], /takes one key/],
    ['nothing', undefined, /key/],
    ['an empty secret', '', /empty secret/],
    ['a number', 5, /not a key/],
  ])('refuses %s', async (_, key, message) => {
    await expect(keyThumbprint(key as never)).rejects.toThrow(message)
    await expect(keyThumbprint(key as never)).rejects.toBeInstanceOf(TypeError)
  })

  test('takes a secret with a comma as bytes', async () => {
    expect(await keyThumbprint(new TextEncoder().encode('one,two'))).toMatch(/^secret\./)
  })
})

describe('isRevoked gets the thumbprint of the key that verified', () => {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const former = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const secrets = [SECRET, OLD_SECRET]
  const second: Record<string, [codecs: { both: SessionCodec; old: SessionCodec }, key: unknown]> = {
    beakerJwt: [{ both: beakerJwt({ secrets }), old: beakerJwt({ secrets: OLD_SECRET }) }, OLD_SECRET],
    'secrets of a function': [
      { both: beakerJwt({ secrets: () => secrets }), old: beakerJwt({ secrets: OLD_SECRET }) },
      OLD_SECRET,
    ],
    compact: [{ both: compact({ secrets }), old: compact({ secrets: OLD_SECRET }) }, OLD_SECRET],
    jwe: [{ both: jwe({ secrets }), old: jwe({ secrets: OLD_SECRET }) }, OLD_SECRET],
    jwt: [{ both: jwt({ secrets }), old: jwt({ secrets: OLD_SECRET }) }, OLD_SECRET],
    'jwt with another algorithm': [
      {
        both: jwt({ secrets, algorithms: ['HS256', 'HS512'] }),
        old: jwt({ secrets: OLD_SECRET, algorithms: ['HS512'] }),
      },
      OLD_SECRET,
    ],
    beaker: [{ both: beaker({ validateKey: secrets }), old: beaker({ validateKey: OLD_SECRET }) }, OLD_SECRET],
    djangoSigned: [
      {
        both: djangoSigned({ secretKey: SECRET, fallbacks: [OLD_SECRET] }),
        old: djangoSigned({ secretKey: OLD_SECRET }),
      },
      OLD_SECRET,
    ],
    djangoJwt: [{ both: djangoJwt({ secrets }), old: djangoJwt({ secrets: OLD_SECRET }) }, OLD_SECRET],
    'a pair': [
      { both: jwt({ keys: [pair.privateKey, former.publicKey] }), old: jwt({ keys: former.privateKey }) },
      former.publicKey,
    ],
    'createKeys of a function': [
      {
        both: jwt({ keys: createKeys(() => [pair.privateKey, former.publicKey]) }),
        old: jwt({ keys: former.privateKey }),
      },
      former.privateKey,
    ],
  }

  test.each(Object.entries(second))('%s', async (_, [{ both, old }, key]) => {
    const seen: RevocableSession[] = []
    const issuer = createSessions({ codecs: [old], expose: false })
    const issued = await issuer.load(null)
    issued.data.user = 'dave'
    const [cookie = ''] = (await issuer.commit(issued)).map((text) => text.split(';')[0])
    const isRevoked = (session: RevocableSession): boolean => seen.push(session) < 0
    const sessions = createSessions({ codecs: [both], expose: false, revocation: { isRevoked } })
    expect((await sessions.load(cookie)).keyIndex).toBeGreaterThan(0)
    expect(seen.map(({ key }) => key)).toEqual([await keyThumbprint(key as never)])

    const revocations = createRevocations({ store: memoryStore(), cacheFor: 0 })
    await revocations.revokeKey(await keyThumbprint(key as never))
    const strict = createSessions({ codecs: [both], expose: false, owner: () => undefined, revocation: revocations })
    expect((await strict.load(cookie)).rejected?.code).toBe('ERR_SESSION_REVOKED')
  })
})
