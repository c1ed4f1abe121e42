/** What is taken as a key, and what is refused at start: threats 2, 3, 4 and 6 (RFC 7517 §4, RFC 7518 §3.3). */
import { createPublicKey, createSecretKey } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as jose from 'jose'
import { describe, expect, onTestFinished, test } from 'vitest'
import { platform } from '#platform'
import {
  createKeys,
  type Jwk,
  type JwsAlgorithm,
  jwt,
  type KeyInput,
  type Keys,
  type SessionCodec,
} from '../../../src/server/index.js'
import { createHmacKeys } from '../../../src/server/keys/hmac.js'
import { expectWithout, OLD_SECRET, rejection, SECRET } from '../server.helpers.js'
import { algorithms, generate, joseKey, jwkOf, pairFor, pemOf, publicKeysOf, session } from './keys.helpers.js'

const rsa = pairFor('RS256')
const ec = pairFor('ES256')
const ed = pairFor('EdDSA')
const strong = Buffer.from(SECRET).toString('base64url')
const small = generate('RSA', 1024)

const isWorkerd = globalThis.navigator?.userAgent === 'Cloudflare-Workers'

/** Public keys that sign no sessions. Not every runtime can make them. */
const strange = {
  secp256k1: [
    '-----BEGIN PUBLIC KEY-----',
    'MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEd/fdY+nvRaKlv0UhXXr9zi0FHHchJ63i',
    'lboPNQOTQgc08c2rTgBVOnYb05h+E0VFfLyS9vy4Vc4zHP+U8hStAg==',
    '-----END PUBLIC KEY-----',
  ].join('\n'),
  x25519: [
    '-----BEGIN PUBLIC KEY-----',
    'MCowBQYDK2VuAyEAsvnIh5HB6ZvOlu2WClrMXuNWFsbDLDnbuqkEYaDCei4=',
    '-----END PUBLIC KEY-----',
  ].join('\n'),
  ed448: [
    '-----BEGIN PUBLIC KEY-----',
    'MEMwBQYDK2VxAzoAq0sHICmnsvyeVIZSzZbtYazONfykx5rtXCmGeCr0k7sXlJPl',
    'SnZ7Q9MH72OUsK5w1+QzUA8KUnwA',
    '-----END PUBLIC KEY-----',
  ].join('\n'),
  exponent1: [
    '-----BEGIN PUBLIC KEY-----',
    'MIIBIDANBgkqhkiG9w0BAQEFAAOCAQ0AMIIBCAKCAQEAtIS5bT8nYkGc5d/gaE2Q',
    'eQgtFqWTYNeSIzWDR1tXCQdQTyAJDaVtkgFnLXNPKo/WpHaRX+8+tDdVBneIBDMA',
    'hplG9foXhZ+cFdGInqS0HTy4SZIvJAyXoxE2intxct4w1QwzkdzXyIbPOCEV5vjz',
    'nF9sn3Z0uR0QoRSze8xM8/mFCnBKBAM6bUr0IgpTxeWghBCwtERKHb+5i07+7Yk4',
    'cp4DOR9TaDifhJo5J2ts84uXOT/vzL4mAs3ylM3XIVxveX74PE9hZM6moXvLHeJX',
    '0PZIGYgWCqGqvRFIcpdQFvURSbWhSdryWd404GVgAGZKZASPvqPuzNLlGNWEvNsl',
    'qwIBAQ==',
    '-----END PUBLIC KEY-----',
  ].join('\n'),
  rsaPss: [
    '-----BEGIN PUBLIC KEY-----',
    'MIIBIDALBgkqhkiG9w0BAQoDggEPADCCAQoCggEBAMvrEeuGMEvwgZ61npJSR+25',
    'vCgve5esXUQ+5DBwW3a2vt1uL+Bz2YpVfkna3tQydxmD8IxmvTVTaeYRvWkmyng8',
    'qZ4QI38WvL1o2HsfKZU+de0gMtegCb8v8dI3UYM0Bi/vtChkpeLp0WU7EkTGyYtB',
    '1n2B7uPIFvu/whp2ByzYLSe5fxadsq7zRf/7A2fVA1fEN1daTMsNR90Fs66ZHAQy',
    '4RFuDAoCFcPfUpnyRxlLl2x+Mxxc1lNiceKKmlMU4XUvCEmyuQ7+uRBXUEWHsq7s',
    'CwkSkViAZyhMXlUYnTd848yM5j+ZncGb+sQXgtz2ufgz4e+LmRHyppjmmLvh4D8C',
    'AwEAAQ==',
    '-----END PUBLIC KEY-----',
  ].join('\n'),
}

const OPENSSH = '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----'

/** As Node answers for a key on a curve that JWK has no name for, for DSA and for RSASSA-PSS. */
const unknownKey = {
  type: 'public',
  export() {
    throw Object.assign(new Error('Unsupported JWK Key Type.'), { code: 'ERR_CRYPTO_JWK_UNSUPPORTED_KEY_TYPE' })
  },
}

function headerOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString())
}

async function algorithmOf(keys: Keys, algorithms?: JwsAlgorithm[]): Promise<unknown> {
  const codec = jwt({ keys, ...(algorithms && { algorithms }) }) as Required<SessionCodec>
  return headerOf(await codec.sign({ data: {} }, session)).alg
}

describe('the algorithm', () => {
  test.each(algorithms)('%s is what a JWK says', async (alg) => {
    expect(await algorithmOf(jwkOf(pairFor(alg).privateKey, { alg }))).toBe(alg)
  })

  test('is told by type and curve; RSA is for RS256', async () => {
    expect(await algorithmOf(rsa.privateKey)).toBe('RS256')
    expect(await algorithmOf(ec.privateKey)).toBe('ES256')
    expect(await algorithmOf(pairFor('ES384').privateKey)).toBe('ES384')
    expect(await algorithmOf(pairFor('ES512').privateKey)).toBe('ES512')
    expect(await algorithmOf(ed.privateKey)).toBe('EdDSA')
    expect(await algorithmOf(SECRET)).toBe('HS256')
    expect(await algorithmOf(pemOf(rsa.privateKey))).toBe('RS256')
  })

  test('"algorithms" says it for a key that does not say it itself, the first that fits', async () => {
    expect(await algorithmOf(rsa.privateKey, ['ES256', 'PS512', 'RS256'])).toBe('PS512')
    expect(await algorithmOf(SECRET, ['HS512', 'HS256'])).toBe('HS512')
    expect(await algorithmOf(jwkOf(rsa.privateKey, { alg: 'RS384' }), ['PS512', 'RS384'])).toBe('RS384')
  })

  test('is one for each key: no other is accepted, though the key would fit', async () => {
    const codec = jwt({ keys: jwkOf(rsa.publicKey, { alg: 'RS256' }) })
    for (const alg of ['RS384', 'RS512', 'PS256'] as const) {
      const token = await new jose.SignJWT({}).setProtectedHeader({ alg }).sign(await joseKey(rsa.privateKey, alg))
      await expect(async () => codec.verify(token, session)).rejects.toMatchObject({ code: 'ERR_SESSION_ALGORITHM' })
    }
  })
})

describe('refused at start', () => {
  const rsaJwk = jwkOf(rsa.privateKey)
  const cases: [RegExp, () => unknown][] = [
    [/"keys" holds (?:no key|something)/, () => []],
    [/something that is not a key/, () => 5],
    [/something that is not a key/, () => null],
    [/something that is not a key/, () => ({})],
    [/something that is not a key/, () => [[SECRET]]],
    [/contains an empty secret/, () => ''],
    [/contains an empty secret/, () => new Uint8Array()],
    [/secret of 31 bytes; 32 are needed/, () => 'x'.repeat(31)],
    [/secret of 31 bytes/, () => ({ kty: 'oct', k: Buffer.from('x'.repeat(31)).toString('base64url') })],
    [/secret of 31 bytes/, () => createSecretKey(Buffer.from('x'.repeat(31)))],
    // a public key as a secret, whatever it is wrapped in
    [/PEM or JWK as a secret/, () => Buffer.from(pemOf(rsa.publicKey))],
    [/PEM or JWK as a secret/, () => Buffer.from(`\uFEFF \n${pemOf(rsa.publicKey)}`)],
    [/PEM or JWK as a secret/, () => JSON.stringify(jwkOf(rsa.publicKey))],
    [/PEM or JWK as a secret/, () => ` \n${JSON.stringify({ keys: [jwkOf(rsa.publicKey)] })}`],
    [/PEM or JWK as a secret/, () => createSecretKey(Buffer.from(pemOf(rsa.publicKey)))],
    [/PEM or JWK as a secret/, () => ({ kty: 'oct', k: Buffer.from(pemOf(rsa.publicKey)).toString('base64url') })],
    [/PEM or JWK as a secret/, () => ({ key: Buffer.from(pemOf(rsa.publicKey)), alg: 'HS256' })],
    [/can not be used with HS256/, () => ({ key: rsa.publicKey, alg: 'HS256' })],
    [/can not be used with HS256/, () => ({ pem: pemOf(rsa.publicKey), alg: 'HS256' })],
    [/can not be used with HS256/, () => jwkOf(rsa.publicKey, { alg: 'HS256' })],
    [/can not be used with RS256/, () => ({ key: SECRET, alg: 'RS256' })],
    // what a key is for
    // Bits that are left over, padding, the other alphabet: platforms read other keys there, or the same.
    [/not base64url/, () => ({ ...jwkOf(ec.publicKey), y: `${jwkOf(ec.publicKey).y}=` })],
    [/not base64url/, () => jwkOf(ed.publicKey, { x: `${'A'.repeat(42)}B` })],
    [/not base64url/, () => jwkOf(rsa.privateKey, { dq: 'AA+A' })],
    [/"use" is not "sig"/, () => jwkOf(rsa.publicKey, { use: 'enc' })],
    [/a key that may not verify/, () => jwkOf(rsa.publicKey, { key_ops: ['sign'] })],
    [/a key that may not sign/, () => jwkOf(rsa.privateKey, { key_ops: ['verify'] })],
    [/a key that may not sign/, () => ({ kty: 'oct', k: strong, key_ops: ['verify'] })],
    [/"key_ops" is not a list/, () => jwkOf(rsa.publicKey, { key_ops: 'verify' as never })],
    [/"alg" that is not for sessions/, () => jwkOf(rsa.publicKey, { alg: 'RSA-OAEP' })],
    [/"alg" that is not for sessions/, () => jwkOf(rsa.publicKey, { alg: 'none' })],
    [/"alg" that is not for sessions/, () => jwkOf(rsa.publicKey, { alg: 'constructor' })],
    [/can not be used with ES384/, () => jwkOf(ec.publicKey, { alg: 'ES384' })],
    [/can not be used with ES256/, () => jwkOf(rsa.publicKey, { alg: 'ES256' })],
    [/whose own "alg" is a different one/, () => ({ key: jwkOf(rsa.publicKey, { alg: 'RS256' }), alg: 'PS256' })],
    [/1024 bits; 2048 are needed/, () => small.privateKey],
    [/1024 bits; 2048 are needed/, () => jwkOf(small.publicKey)],
    [/the exponent 1/, () => ({ ...jwkOf(rsa.publicKey), e: 'AQ' })],
    [/KeyObject of a type or curve that is not for sessions/, () => unknownKey],
    [/JWK without "kty"/, () => ({ keys: [{}] })],
    [/JWK without "kty"/, () => ({ keys: [null] })],
    [/without a list of "keys"/, () => ({ keys: 'none' })],
    [/one "kid" for a set/, () => ({ key: { keys: [rsaJwk] }, kid: 'x' })],
    [/"kid" is not text of 1 to 256 characters/, () => ({ key: rsa.publicKey, kid: '' })],
    [/"kid" is not text of 1 to 256 characters/, () => ({ key: rsa.publicKey, kid: 'k'.repeat(257) })],
    [/"kid" is not text of 1 to 256 characters/, () => jwkOf(rsa.publicKey, { kid: 5 as never })],
    [/PEM without a key/, () => '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----'],
    [/PEM without a key/, () => ({ pem: 'no PEM' })],
    [/OpenSSH key; convert it: ssh-keygen -p -m PKCS8/, () => OPENSSH],
    [/"pem" that is not text/, () => ({ pem: Buffer.from(pemOf(rsa.publicKey)) })],
    [/PEM with several keys/, () => pemOf(rsa.privateKey) + pemOf(rsa.publicKey)],
    [/something that is not a key/, () => ({ publicKey: undefined })],
  ]

  test.each(cases)('%s (%#)', (message, keys) => {
    expect(() => jwt({ keys: keys() as Keys })).toThrow(TypeError)
    expect(() => jwt({ keys: keys() as Keys })).toThrow(message)
    expect(() => jwt({ keys: [rsa.privateKey, keys()] as Keys })).toThrow(TypeError)
  })

  test('an empty set by itself', () => {
    expect(() => jwt({ keys: { keys: [] } })).toThrow(/"keys" holds no key/)
  })

  test('whatever looks like a key file, also where weak secrets are taken', () => {
    expect(() => jwt({ keys: JSON.stringify(rsaJwk), allowWeakSecrets: true })).toThrow(/PEM or JWK as a secret/)
    expect(() => jwt({ keys: 'ssh-ed25519 AAAA', allowWeakSecrets: true })).toThrow(/an OpenSSH public key/)
    expect(jwt({ keys: 'short', allowWeakSecrets: true }).sign).toBeDefined()
  })

  test('a key for none of "algorithms", an unknown name, one twice, none', () => {
    const keys = rsa.privateKey
    expect(() => jwt({ keys, algorithms: ['ES256'] })).toThrow(/"keys" holds a key for none of "algorithms"/)
    expect(() => jwt({ keys: jwkOf(keys, { alg: 'PS256' }), algorithms: ['RS256'] })).toThrow(/none of "algorithms"/)
    expect(() => jwt({ keys, algorithms: [] })).toThrow(/is empty/)
    expect(() => jwt({ keys, algorithms: ['RS256', 'RS256'] })).toThrow(/RS256 twice/)
    expect(() => jwt({ keys, algorithms: ['none' as 'RS256'] })).toThrow(/not a supported algorithm/)
    expect(() => jwt({ keys: createKeys(keys), algorithms: ['RS256'] })).toThrow(/createKeys\(\)/)
  })

  test('both keys and secrets, and neither', () => {
    expect(() => jwt({})).toThrow(/either "keys" or "secrets"/)
    expect(() => jwt({ keys: SECRET, secrets: [SECRET] })).toThrow(/either "keys" or "secrets"/)
  })

  test('a CryptoKey that is for something else', async () => {
    const usages = [
      ['sign', /may not verify/],
      ['verify', /may not sign/],
    ] as const
    for (const [usage, message] of usages) {
      const hmac = await crypto.subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, true, [usage])
      expect(() => jwt({ keys: hmac })).toThrow(message)
    }
    const aes = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, true, ['encrypt'])
    expect(() => jwt({ keys: aes })).toThrow(/may not sign/)
    const oaep = { name: 'RSA-OAEP', hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) }
    const pair = await crypto.subtle.generateKey(oaep, true, ['encrypt', 'decrypt'])
    expect(() => jwt({ keys: pair.publicKey })).toThrow(/may not verify/)
    expect(() => jwt({ keys: pair })).toThrow(/may not sign/)
    const { privateKey } = await jose.generateKeyPair('ES256', { extractable: false })
    expect(() => jwt({ keys: privateKey })).toThrow(/pass \{ privateKey, publicKey \}/)
    for (const extractable of [true, false]) {
      const hmac = { name: 'HMAC', hash: 'SHA-256' }
      const bytes = new Uint8Array(16).fill(7)
      const weak = await crypto.subtle.importKey('raw', bytes, hmac, extractable, ['sign', 'verify'])
      expect(() => jwt({ keys: weak })).toThrow(/128 bits; 256 are needed|16 bytes; 32 are needed/)
    }
    const es = await jose.generateKeyPair('ES256')
    expect(() => jwt({ keys: { key: es.publicKey, alg: 'ES384' } })).toThrow(/whose own "alg" is a different one/)
    const shortRsa = { ...oaep, name: 'RSA-PSS', modulusLength: 1024 }
    const short = await crypto.subtle.generateKey(shortRsa, false, ['sign', 'verify'])
    expect(() => jwt({ keys: short })).toThrow(/1024 bits/)
  })
})

describe('what only an import can tell', () => {
  const bad: Record<string, KeyInput> = {
    'a PEM of 1024 bits': pemOf(small.publicKey),
    'a private PEM of 1024 bits': pemOf(small.privateKey),
    'a PEM of secp256k1': strange.secp256k1,
    // workerd takes it for one of Ed25519, which then verifies nothing.
    ...(!isWorkerd && { 'a PEM of X25519': strange.x25519 }),
    'a PEM of Ed448': strange.ed448,
    'a PEM of RSASSA-PSS': strange.rsaPss,
    'a PEM that lacks a line': pemOf(rsa.publicKey).replace(/\n.{64}\n/, '\n'),
    'a PEM with the exponent 1': strange.exponent1,
    'a PEM of another algorithm': { pem: pemOf(rsa.privateKey), passphrase: 'swordfish', alg: 'ES256' },
    'a point that is not on its curve': { ...jwkOf(ec.publicKey), y: jwkOf(ec.publicKey).x as string },
    'a private number that is none': jwkOf(ec.privateKey, { d: 'AAAA' }),
  }

  test.each(Object.keys(bad))('%s: ready() and the first use reject', async (name) => {
    for (const keys of [bad[name] as KeyInput, [SECRET, bad[name] as KeyInput]]) {
      const ring = createKeys(keys)
      const error = await rejection('ERR_SESSION_KEYS', ring.ready())
      expect(error.cause).toBeInstanceOf(TypeError)
      expectWithout(error, ['swordfish', jwkOf(rsa.privateKey).d as string])
      await rejection('ERR_SESSION_KEYS', () => jwt({ keys }).verify('eyJhbGciOiJSUzI1NiJ9.e30.AA', session))
    }
  })

  test.each([
    ['a PEM of 1024 bits', /1024 bits; 2048 are needed/],
    // Bun does not even import it.
    ['a PEM with the exponent 1', /the exponent 1|can not be imported/],
    ['a PEM of another algorithm', /can not be imported for ES256$/],
    ['a PEM of Ed448', /can not be imported for RS256 or ES256 or ES384 or ES512 or EdDSA$/],
  ])('%s: why', async (name, message) => {
    const { cause } = await rejection('ERR_SESSION_KEYS', createKeys(bad[name] as KeyInput).ready())
    expect((cause as Error).message).toMatch(message)
  })

  test('ready() of keys that are right', async () => {
    for (const keys of [rsa.privateKey, SECRET]) expect(await createKeys(keys).ready()).toBeUndefined()
    expect(await jwt({ secrets: SECRET }).keys?.ready()).toBeUndefined()
  })
})

test('the algorithm of a PEM is the first of "algorithms" that fits', async () => {
  const pem = pemOf(rsa.privateKey)
  expect(await algorithmOf(pem, ['ES256', 'PS512', 'RS256'])).toBe('PS512')
  expect(await algorithmOf(pemOf(ec.privateKey), ['ES384', 'ES256'])).toBe('ES256')
  expect(await algorithmOf(pemOf(ed.privateKey))).toBe('EdDSA')
  expect(() => jwt({ keys: pem, algorithms: ['HS256'] })).toThrow(/none of "algorithms"/)
})

test('keys of 2048 and of 8192 bits are taken, one bit less and one more are not', () => {
  const modulus = (bits: number): Jwk => {
    // No small factors: all ones but for the lowest bits.
    const bytes = Buffer.alloc(Math.ceil(bits / 8), 0xff)
    bytes[0] = 0xff >> (bytes.length * 8 - bits)
    while (hasSmallFactor(bytes)) bytes.writeUInt16BE(bytes.readUInt16BE(bytes.length - 2) - 2, bytes.length - 2)
    return { kty: 'RSA', n: bytes.toString('base64url'), e: 'AQAB' }
  }
  expect(jwt({ keys: modulus(2048) }).sign).toBeUndefined()
  // A runtime may take less.
  expect(messageOf(() => jwt({ keys: modulus(8192) }))).not.toMatch(/bits/)
  expect(() => jwt({ keys: modulus(2047) })).toThrow(/2047 bits; 2048 are needed/)
  expect(() => jwt({ keys: modulus(8193) })).toThrow(/8193 bits; 8192 are the most/)
})

function hasSmallFactor(bytes: Buffer): boolean {
  const number = BigInt(`0x${bytes.toString('hex')}`)
  for (let factor = 3n; factor < 353n; factor += 2n) if (number % factor === 0n) return true
  return false
}

function messageOf(make: () => unknown): string {
  try {
    make()
    return ''
  } catch (error) {
    return (error as Error).message
  }
}

describe('the length of a kid', () => {
  test('256 characters are taken and come back in the header, 257 are refused', async () => {
    const kid = 'k'.repeat(256)
    for (const key of [ec.privateKey, SECRET]) {
      const codec = jwt({ keys: { key, kid } }) as Required<SessionCodec>
      const token = await codec.sign({ data: { a: 1 } }, session)
      expect(headerOf(token).kid).toBe(kid)
      expect(await codec.verify(token, session)).toMatchObject({ data: { a: 1 }, kid })
      expect(() => jwt({ keys: { key, kid: `${kid}k` } })).toThrow(/"kid" is not text of 1 to 256 characters/)
    }
    expect(await publicKeysOf(jwt({ keys: { key: ec.privateKey, kid } }))).toMatchObject([{ kid }])
  })

  test('a header of 2048 characters is written and read, a longer one is not written', async () => {
    // Escaped, each takes 6 characters of JSON, and 8 of base64url.
    const codecWith = (kid: string) => jwt({ keys: { key: SECRET, kid } }) as Required<SessionCodec>
    const frame = JSON.stringify({ alg: 'HS256', kid: '', typ: 'JWT' }).length
    const room = (2048 * 3) / 4 - frame
    const longest = 'é'.repeat(Math.floor(room / 6)) + 'k'.repeat(room % 6)
    const codec = codecWith(longest)
    const token = await codec.sign({ data: { a: 1 } }, session)
    expect(token.indexOf('.')).toBe(2048)
    expect(await codec.verify(token, session)).toMatchObject({ data: { a: 1 }, kid: longest })
    const error = await rejection('ERR_SESSION_LIMIT', codecWith(`${longest}k`).sign({ data: {} }, session))
    expect(error.message).toMatch(/give the key a shorter "kid"/)
  })
})

describe('files', () => {
  const file = (name: string, content: string | Uint8Array): string => {
    const folder = mkdtempSync(join(tmpdir(), 'keys-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    writeFileSync(join(folder, name), content)
    return join(folder, name)
  }

  test.runIf(platform.name === 'node')(
    'PEM, JWK, JWK set; anything else is a secret of exactly its bytes',
    async () => {
      const pem = file('key.pem', `a comment\n${pemOf(ec.privateKey)}`)
      expect(await algorithmOf({ file: pem })).toBe('ES256')
      expect(await algorithmOf({ file: file('key.json', JSON.stringify(jwkOf(ed.privateKey))) })).toBe('EdDSA')
      const set = { keys: [jwkOf(rsa.privateKey, { alg: 'PS256' })] }
      expect(await algorithmOf({ file: file('set.json', JSON.stringify(set)) })).toBe('PS256')
      const codec = jwt({ keys: { file: file('secret', `${SECRET}\n`), kid: 'file' } }) as Required<SessionCodec>
      const token = await codec.sign({ data: { a: 1 } }, session)
      expect(headerOf(token)).toEqual({ alg: 'HS256', kid: 'file', typ: 'JWT' })
      expect(await jwt({ secrets: [`${SECRET}\n`] }).verify(token, session)).toMatchObject({ data: { a: 1 } })
    },
  )

  test.runIf(platform.name === 'node')('one that is missing, of another key, or names another file', () => {
    const missing = join(tmpdir(), 'no-such-file')
    expect(() => jwt({ keys: { file: missing } })).toThrow(/"file" that cannot be read/)
    expect(() => jwt({ keys: { file: missing } })).not.toThrow(new RegExp(missing))
    expect(() => jwt({ keys: { file: file('open.pem', OPENSSH) } })).toThrow(/an OpenSSH key/)
    const secret = file('secret', SECRET)
    for (const more of [{ file: secret }, { key: SECRET }, { pem: pemOf(ec.publicKey) }]) {
      const other = file('other.json', JSON.stringify({ ...more, kty: 'oct' }))
      expect(() => jwt({ keys: { file: other } })).toThrow(/contains an empty secret/)
      const none = file('none.json', JSON.stringify(more))
      expect(() => jwt({ keys: { file: none } })).toThrow(/a PEM or JWK as a secret/)
    }
  })

  test.runIf(platform.name === 'web')('are none where there are no files', () => {
    expect(() => jwt({ keys: { file: 'key.pem' } })).toThrow(/this platform has no files/)
  })
})

describe('the order of a ring', () => {
  test('the first that signs does so and is number 0, every one verifies at its place', async () => {
    const keys = [ec.publicKey, pairFor('EdDSA', 'own').privateKey, rsa.privateKey, OLD_SECRET]
    const codec = jwt({ keys }) as Required<SessionCodec>
    const token = await codec.sign({ data: {} }, session)
    expect(headerOf(token).alg).toBe('EdDSA')
    const places: (number | undefined)[] = []
    for (const key of [keys[1], ec.privateKey, rsa.privateKey, OLD_SECRET]) {
      const signed = await (jwt({ keys: key as Keys }) as Required<SessionCodec>).sign({ data: {} }, session)
      places.push((await codec.verify(signed, session)).keyIndex)
    }
    expect(places).toEqual([0, 1, 2, 3])
  })

  test('a private key and its own public one are one key', async () => {
    for (const keys of [
      [rsa.privateKey, rsa.publicKey],
      [pemOf(rsa.publicKey), pemOf(rsa.privateKey)],
    ]) {
      const codec = jwt({ keys })
      expect(codec.sign).toBeDefined()
      expect(await publicKeysOf(codec)).toHaveLength(1)
    }
    expect(await publicKeysOf(jwt({ keys: [rsa.publicKey, { key: rsa.publicKey, alg: 'PS256' }] }))).toHaveLength(2)
    const later = jwt({ keys: [rsa.privateKey, ec.publicKey, ec.privateKey] }) as Required<SessionCodec>
    const token = await later.sign({ data: {} }, { ...session, keyIndex: 1 })
    expect(await later.verify(token, session)).toMatchObject({ keyIndex: 1 })
  })

  test('without a key that signs a codec only reads', () => {
    expect(jwt({ keys: [rsa.publicKey, ec.publicKey] }).sign).toBeUndefined()
  })
})

test('what is handed out has no private member', async () => {
  const keys = [...algorithms.map((alg) => jwkOf(pairFor(alg).privateKey, { alg })), SECRET]
  const found = await publicKeysOf(jwt({ keys }))
  expect(found.length).toBe(algorithms.length)
  for (const jwk of found) {
    expect(
      Object.keys(jwk).filter((name) => !['kty', 'crv', 'x', 'y', 'n', 'e', 'alg', 'kid', 'use'].includes(name)),
    ).toEqual([])
    expect(jwk).toMatchObject({ use: 'sig', kid: expect.any(String), alg: expect.any(String) })
    expect(createPublicKey({ key: { ...jwk }, format: 'jwk' }).type).toBe('public')
  }
})

test('no message and no codec holds a key', () => {
  const words = ['swordfish', pemOf(rsa.privateKey).split('\n')[1] as string, jwkOf(rsa.privateKey).d as string]
  const wrong: Keys[] = [
    'swordfish',
    jwkOf(rsa.privateKey, { alg: 'swordfish' }),
    jwkOf(rsa.privateKey, { use: 'swordfish' }),
    { ...jwkOf(rsa.publicKey), e: 'swordfish?' },
    [SECRET, 'swordfish'],
  ]
  for (const keys of wrong) {
    let thrown: unknown
    try {
      jwt({ keys })
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(TypeError)
    expectWithout(thrown, words)
  }
  expectWithout(createHmacKeys({ secrets: [SECRET], hash: 'SHA-256' }), words)
  expectWithout(jwt({ keys: [SECRET] }), words)
})
