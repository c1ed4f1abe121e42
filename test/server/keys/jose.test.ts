/** Every algorithm against jose, in both directions and with every form of key (RFC 7518 §3, RFC 8037 §3.1). */
import { createPrivateKey, createPublicKey, createSecretKey } from 'node:crypto'
import * as jose from 'jose'
import { describe, expect, test } from 'vitest'
import { platform } from '#platform'
import { jwt, type KeyInput, type SessionCodec } from '../../../src/server/index.js'
import { rejection, SECRET, START } from '../server.helpers.js'
import { algorithms, generate, joseKey, jwkOf, pairFor, pemOf, publicKeysOf, session } from './keys.helpers.js'

type Signing = Required<SessionCodec>
const currentDate = new Date(START)
const data = { user: 'dave', roles: ['a', 'é'], deep: { n: 1 } }

describe.each(algorithms)('%s', (alg) => {
  const { privateKey, publicKey } = pairFor(alg)

  const forms: Record<string, KeyInput> = {
    PEM: { pem: pemOf(privateKey), alg },
    JWK: jwkOf(privateKey, { alg }),
    KeyObject: { key: privateKey, alg },
    'JWK set': { keys: [jwkOf(privateKey, { alg })] },
  }

  test.each(Object.keys(forms))('jose verifies what a key as %s signs', async (form) => {
    const codec = jwt({ keys: forms[form] as KeyInput }) as Signing
    const token = await codec.sign({ data }, session)
    const { payload, protectedHeader } = await jose.jwtVerify(token, await joseKey(publicKey, alg), {
      currentDate,
    })
    expect(payload).toEqual(data)
    const kid = await jose.calculateJwkThumbprint(jwkOf(publicKey))
    expect(protectedHeader).toEqual({ alg, kid, typ: 'JWT' })
    expect(JSON.stringify(protectedHeader)).toBe(JSON.stringify({ alg, kid, typ: 'JWT' }))
    expect(await codec.verify(token, session)).toMatchObject({ data, kid, keyIndex: 0 })
  })

  const publicForms: Record<string, KeyInput> = {
    PEM: { pem: pemOf(publicKey), alg },
    JWK: jwkOf(publicKey, { alg, use: 'sig', key_ops: ['verify'] }),
    KeyObject: { key: publicKey, alg },
    'private PEM': { pem: pemOf(privateKey), alg },
  }

  test.each(Object.keys(publicForms))('a key as %s verifies what jose signs', async (form) => {
    const token = await new jose.SignJWT(data)
      .setProtectedHeader({ alg, typ: 'JWT' })
      .sign(await joseKey(privateKey, alg))
    const codec = jwt({ keys: publicForms[form] as KeyInput })
    expect(codec.sign === undefined).toBe(form !== 'private PEM')
    expect((await codec.verify(token, session)).data).toEqual(data)
  })

  test('a CryptoKey that can be exported, one that can not, and a public one', async () => {
    for (const extractable of [true, false]) {
      const pair = {
        privateKey: await jose.importPKCS8(pemOf(privateKey), alg, { extractable }),
        publicKey: await jose.importSPKI(pemOf(publicKey), alg, { extractable: true }),
      }
      const codec = jwt({ keys: extractable ? pair.privateKey : pair }) as Signing
      const token = await codec.sign({ data }, session)
      expect((await jose.jwtVerify(token, pair.publicKey, { currentDate })).payload).toEqual(data)
      expect((await codec.verify(token, session)).data).toEqual(data)
      expect((await jwt({ keys: pair.publicKey }).verify(token, session)).data).toEqual(data)
    }
  })

  test('another key, another payload, another signature: refused', async () => {
    const codec = jwt({ keys: jwkOf(publicKey, { alg }) })
    const strangeKey = pairFor(alg, 'strange').privateKey
    const strange = await new jose.SignJWT(data).setProtectedHeader({ alg }).sign(await joseKey(strangeKey, alg))
    await rejection('ERR_SESSION_SIGNATURE', () => codec.verify(strange, session))
    const token = await new jose.SignJWT(data).setProtectedHeader({ alg }).sign(await joseKey(privateKey, alg))
    const [header, payload, signature = ''] = token.split('.')
    const other = Buffer.from('{"user":"eve"}').toString('base64url')
    await rejection('ERR_SESSION_SIGNATURE', () => codec.verify(`${header}.${other}.${signature}`, session))
    const bytes = Buffer.from(signature, 'base64url')
    const wrong = [
      bytes.subarray(1),
      bytes.subarray(0, -1),
      Buffer.concat([bytes, Buffer.alloc(1)]),
      Buffer.concat([Buffer.alloc(1), bytes]),
      Buffer.alloc(bytes.length),
      Buffer.alloc(bytes.length, 0xff),
      // R or S alone is zero
      Buffer.concat([Buffer.alloc(bytes.length / 2), bytes.subarray(bytes.length / 2)]),
      Buffer.concat([bytes.subarray(0, bytes.length / 2), Buffer.alloc(bytes.length / 2)]),
    ]
    for (const each of wrong) {
      const forged = `${header}.${payload}.${each.toString('base64url')}`
      await rejection('ERR_SESSION_SIGNATURE', () => codec.verify(forged, session))
    }
  })
})

test.each(['PS256', 'RS256'] as const)('a signature of %s without the zero at its start: refused', async (alg) => {
  const { publicKey, privateKey } = pairFor(alg)
  const codec = jwt({ keys: jwkOf(publicKey, { alg }) })
  const signing = await joseKey(privateKey, alg)
  // One in 256 begins with a zero.
  for (let count = 0; count < 10_000; count++) {
    const token = await new jose.SignJWT({ count }).setProtectedHeader({ alg }).sign(signing)
    const [header, payload, signature = ''] = token.split('.')
    const bytes = Buffer.from(signature, 'base64url')
    if (bytes[0] !== 0) continue
    await codec.verify(token, session)
    const shorter = `${header}.${payload}.${bytes.subarray(1).toString('base64url')}`
    await rejection('ERR_SESSION_SIGNATURE', () => codec.verify(shorter, session))
    return
  }
  expect.unreachable()
})

describe.each(['HS256', 'HS384', 'HS512'] as const)('%s as one key among others', (alg) => {
  const bytes = new TextEncoder().encode(SECRET)
  const forms: Record<string, () => Promise<KeyInput>> = {
    text: async () => ({ key: SECRET, alg }),
    bytes: async () => ({ key: bytes, alg }),
    JWK: async () => ({ kty: 'oct', k: Buffer.from(bytes).toString('base64url'), alg }),
    KeyObject: async () => ({ key: createSecretKey(bytes), alg }),
    CryptoKey: async () =>
      crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: `SHA-${alg.slice(2)}` }, false, ['sign', 'verify']),
  }

  test.each(Object.keys(forms))('as %s', async (form) => {
    const codec = jwt({ keys: await (forms[form] as () => Promise<KeyInput>)() }) as Signing
    const token = await codec.sign({ data }, session)
    const { payload, protectedHeader } = await jose.jwtVerify(token, bytes, { currentDate })
    expect(payload).toEqual(data)
    // The thumbprint of a secret would be a hash of it for everybody to guess at.
    expect(protectedHeader).toEqual({ alg, typ: 'JWT' })
    expect(await codec.verify(token, session)).toMatchObject({ data, keyIndex: 0 })
    expect(await jwt({ secrets: [SECRET], algorithms: [alg] }).verify(token, session)).toMatchObject({ data })
  })
})

test('EdDSA under its newer name (RFC 9864 §2.2), in a token and in a JWK', async () => {
  const { privateKey, publicKey } = pairFor('EdDSA')
  const token = await new jose.SignJWT(data)
    .setProtectedHeader({ alg: 'Ed25519' })
    .sign(await joseKey(privateKey, 'Ed25519'))
  const codec = jwt({ keys: jwkOf(publicKey, { alg: 'Ed25519' }) })
  expect((await codec.verify(token, session)).data).toEqual(data)
  const signing = jwt({ keys: jwkOf(privateKey, { alg: 'Ed25519' }) }) as Signing
  const written = await signing.sign({ data }, session)
  expect(jose.decodeProtectedHeader(written).alg).toBe('EdDSA')
})

test('the thumbprint of RFC 7638 §3.1', async () => {
  const n =
    '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw'
  const [jwk] = await publicKeysOf(jwt({ keys: { kty: 'RSA', n, e: 'AQAB' }, allowWeakSecrets: true }))
  expect(jwk?.kid).toBe('NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs')
})

const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBiTCCAS+gAwIBAgIUKRJbnccrgwPdV9BvK4IZrmV0lucwCgYIKoZIzj0EAwIw
GTEXMBUGA1UEAwwOaXNzdWVyLmV4YW1wbGUwIBcNMjYxMTMwMDQ0NTMxWhgPMjEy
NjExMDYwNDQ1MzFaMBkxFzAVBgNVBAMMDmlzc3Vlci5leGFtcGxlMFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEsYeUF/NGSuAHkcJtKZGqWQ+qyGhBRdRVeXvZpCP4
MR5p1zCokLT4QDbNcuI/r/g5Gm4XBlugxoffCJ1aEtHOzqNTMFEwHQYDVR0OBBYE
FPhPUBOh80YLA9QKDi7p/EWozUV3MB8GA1UdIwQYMBaAFPhPUBOh80YLA9QKDi7p
/EWozUV3MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIgaQkbpfcf
55Cvj4mwRBZApCEeOZoiAzVqj3rmTEo2mRgCIQDGXLA2gR78lKz2Clr9vFBVlF1J
fHL1GFzzreMgwOCt2g==
-----END CERTIFICATE-----
`
const CERTIFIED_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgo1n5XcofbAhfSZL1
CwWlrMHouog+DRR+xusoM05Ey7qhRANCAASxh5QX80ZK4AeRwm0pkapZD6rIaEFF
1FV5e9mkI/gxHmnXMKiQtPhANs1y4j+v+DkabhcGW6DGh98InVoS0c7O
-----END PRIVATE KEY-----
`

test('a certificate verifies what its private key signs', async () => {
  const token = await (jwt({ keys: CERTIFIED_KEY }) as Signing).sign({ data }, session)
  const codec = jwt({ keys: { pem: `Issuer: CN=issuer.example\n${CERTIFICATE}` } })
  expect(codec.sign).toBeUndefined()
  expect((await codec.verify(token, session)).data).toEqual(data)
  expect(await publicKeysOf(codec)).toMatchObject([{ kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig' }])
})

test('PEM in its older forms, and what Node reads beside it', async () => {
  const rsa = pairFor('RS256').privateKey
  const ec = pairFor('ES256').privateKey
  const forms = [
    rsa.export({ format: 'pem', type: 'pkcs1' }),
    ec.export({ format: 'pem', type: 'sec1' }),
    rsa.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'open' }),
    createPublicKey(rsa).export({ format: 'pem', type: 'pkcs1' }),
  ] as string[]
  for (const [index, pem] of forms.entries()) {
    const codec = () => jwt({ keys: { pem, ...(index === 2 && { passphrase: 'open' }) } })
    if (platform.name === 'web') expect(codec).toThrow(/can not be read here: make it PKCS #8/)
    else expect(await publicKeysOf(codec())).toHaveLength(1)
  }
  const [, , encrypted = ''] = forms
  const short = generate('RSA', 1024).privateKey.export({ format: 'pem', type: 'pkcs1' }) as string
  expect(() => jwt({ keys: short })).toThrow(platform.name === 'web' ? /can not be read here/ : /1024 bits/)
  expect(() => jwt({ keys: encrypted })).toThrow(/can not be read/)
  expect(() => jwt({ keys: { pem: encrypted, passphrase: 'wrong' } })).toThrow(/can not be read/)
  expect(createPrivateKey({ key: encrypted, passphrase: 'open' }).type).toBe('private')
})
