/** Threats 46 and 47: what anyone may know is no secret, and with some public keys anyone can sign. */
import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { beaker, beakerJwt, compact, fromBeakerConfig, type Jwk, jwt, remoteJwks } from '../../../src/server/index.js'
import { checkRsa } from '../../../src/server/keys/weak-keys.js'
import { jwkOf, pairFor, pemOf } from './keys.helpers.js'

const pem = pemOf(pairFor('RS256').publicKey)
const base64 = Buffer.from(pem).toString('base64')
const jwkText = JSON.stringify(jwkOf(pairFor('ES256').publicKey))

function derOf(algorithm: string): Buffer {
  return pairFor(algorithm).publicKey.export({ format: 'der', type: 'spki' })
}

const known: [string, string][] = [
  ['a PEM', pem],
  ['a PEM in base64', base64],
  ['a PEM in base64 without its padding', base64.replace(/=+$/, '')],
  ['a PEM in base64, in lines', base64.replace(/.{64}/g, '$&\n')],
  ['a PEM in base64url', Buffer.from(pem).toString('base64url')],
  ['a JWK', jwkText],
  ['a JWK in base64', Buffer.from(jwkText).toString('base64')],
  ['RSA in DER, as base64', derOf('RS256').toString('base64')],
  ['EC in DER, as base64', derOf('ES256').toString('base64')],
  ['Ed25519 in DER, as base64url', derOf('EdDSA').toString('base64url')],
  ['an OpenSSH key of a security key', `sk-ssh-ed25519@openssh.com ${'A'.repeat(68)}`],
  ['an OpenSSH public key', `ssh-ed25519 ${'A'.repeat(68)} dave@example.com`],
  ['the example of jwt.io', 'a-string-secret-at-least-256-bits-long'],
  ['the example of iron-session', 'complex_password_at_least_32_characters_long'],
]

describe.each(known)('%s as a secret', (_, secret) => {
  test.each<[string, (more: { allowWeakSecrets?: boolean }) => unknown]>([
    ['beakerJwt', (more) => beakerJwt({ secrets: [secret], ...more })],
    ['compact', (more) => compact({ secrets: [secret], ...more })],
    ['jwt', (more) => jwt({ secrets: [secret], ...more })],
    ['beaker', (more) => beaker({ validateKey: secret, ...more })],
    [
      'fromBeakerConfig',
      (more) => fromBeakerConfig({ type: 'cookie', validate_key: secret, data_serializer: 'json' }, more),
    ],
  ])('%s throws, and not with allowWeakSecrets', (_name, make) => {
    const error = errorOf(() => make({}))
    expect(error).toBeInstanceOf(TypeError)
    const messages = `${(error as Error).message} ${((error as Error).cause as Error | undefined)?.message}`
    expect(messages).toMatch(/a PEM or JWK|a secret from a published example/)
    expect(messages).not.toContain(secret.slice(0, 24))
    expect(errorOf(() => make({ allowWeakSecrets: true }))).toBeUndefined()
  })
})

test.each(['RS256', 'ES256', 'EdDSA'])('a public key for %s in DER is no secret', (algorithm) => {
  const der = new Uint8Array(derOf(algorithm))
  expect(() => jwt({ secrets: der })).toThrow(/a PEM or JWK/)
  expect(() => jwt({ keys: der, allowWeakSecrets: true })).toThrow(/a PEM or JWK as a secret/)
})

test('"True" as the validate_key of Beaker throws', () => {
  expect(() => beaker({ validateKey: 'True' })).toThrow(/"validateKey" contains "True", which anyone can guess/)
  expect(() => beaker({ validateKey: 'True', allowWeakSecrets: true })).not.toThrow()
})

test.each([
  ['HS256', 32],
  ['HS384', 48],
  ['HS512', 64],
] as const)('%s asks for %i bytes, as text, as bytes, as a JWK and as a CryptoKey', async (alg, size) => {
  for (const [length, isTaken] of [
    [size, true],
    [size - 1, false],
  ] as const) {
    const bytes = new Uint8Array(length).fill(7)
    const hash = { name: 'HMAC', hash: `SHA-${alg.slice(2)}` }
    const key = await crypto.subtle.importKey('raw', bytes, hash, false, ['sign', 'verify'])
    const makes = [
      () => jwt({ secrets: 'x'.repeat(length), algorithms: [alg] }),
      () => jwt({ secrets: bytes, algorithms: [alg] }),
      () => jwt({ keys: { key: bytes, alg } }),
      () => jwt({ keys: { kty: 'oct', k: Buffer.from(bytes).toString('base64url'), alg } }),
      () => jwt({ keys: key }),
    ]
    for (const make of makes) {
      const error = errorOf(make)
      if (isTaken) expect(error).toBeUndefined()
      else expect((error as Error).message).toMatch(`${length} bytes; ${size} are needed`)
    }
  }
})

describe('Ed25519 points of low order', () => {
  const encodings = [
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0100000000000000000000000000000000000000000000000000000000000000',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    // The prime of the field, and one more: other encodings of 0 and 1.
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  ].flatMap((hex) => {
    const bytes = Buffer.from(hex, 'hex')
    const other = Buffer.from(bytes)
    other[31] = (other[31] as number) | 0x80
    return [bytes, other]
  })

  test.each(encodings.map((bytes) => bytes.toString('hex')))('%s', async (hex) => {
    const point = Buffer.from(hex, 'hex')
    const jwk: Jwk = { kty: 'OKP', crv: 'Ed25519', x: point.toString('base64url') }
    expect(() => jwt({ keys: jwk })).toThrow(/an Ed25519 key of low order/)
    const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), point]).toString('base64')
    const codec = jwt({ keys: `-----BEGIN PUBLIC KEY-----\n${spki}\n-----END PUBLIC KEY-----` })
    await expect(codec.keys?.ready()).rejects.toMatchObject({ code: 'ERR_SESSION_KEYS' })
  })

  test('a hundred real keys are taken', () => {
    for (let count = 0; count < 100; count++) {
      const { x } = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
      expect(() => jwt({ keys: { kty: 'OKP', crv: 'Ed25519', x: x as string } })).not.toThrow()
    }
  })
})

describe('RSA', () => {
  const { n = '' } = jwkOf(pairFor('RS256').publicKey)
  const exponent = (hex: string): Jwk => ({ kty: 'RSA', n, e: Buffer.from(hex, 'hex').toString('base64url') })
  const modulus = BigInt(`0x${Buffer.from(n, 'base64url').toString('hex')}`)

  test.each([
    ['01', /exponent 1/],
    ['0001', /exponent 1/],
    ['02', /even exponent/],
    ['010000', /even exponent/],
    ['', /even exponent/],
    ['00', /even exponent/],
    ['0100000001', /exponent above 2\^32/],
  ])('the exponent %s is refused', (hex, message) => {
    expect(() => jwt({ keys: exponent(hex) })).toThrow(message)
  })

  test.each(['03', '11', '010001', 'ffffffff'])('the exponent %s is taken', (hex) => {
    expect(() => jwt({ keys: exponent(hex) })).not.toThrow()
  })

  test.each([2n, 3n, 5n, 7n, 101n, 353n])('a modulus that %i divides is refused', (factor) => {
    // As long as a real one.
    const divisible = (modulus / factor) * factor
    expect(() => jwt({ keys: { kty: 'RSA', n: textOf(divisible), e: 'AQAB' } })).toThrow(/a small factor/)
  })

  test('a modulus of the form of ROCA is refused', () => {
    // Each remainder is a power of 65537: M is the product of the odd primes up to 353, and 2.
    let product = 2n
    for (let number = 3n; number <= 353n; number += 2n) if (isPrime(number)) product *= number
    let power = 1n
    for (let count = 0; count < 12_345; count++) power = (power * 65_537n) % product
    const roca = (2n ** 2047n / product) * product + product + power
    expect(() => jwt({ keys: { kty: 'RSA', n: textOf(roca), e: 'AQAB' } })).toThrow(/ROCA/)
    expect(() => jwt({ keys: { kty: 'RSA', n: textOf(roca + product + 2n), e: 'AQAB' } })).not.toThrow(/ROCA/)
  })

  test('a set of another server has at most 4096 bits and an exponent up to 2^32', async () => {
    const of = (bits: number, e: string): Jwk => ({ kty: 'RSA', n: textOf(2n ** BigInt(bits - 1) + oddRest(bits)), e })
    const e33 = Buffer.from('0100000001', 'hex').toString('base64url')
    const e32 = Buffer.from('ffffffff', 'hex').toString('base64url')
    const usable = async (jwk: Jwk): Promise<string> => {
      const fetch = async (): Promise<Response> => Response.json({ keys: [jwk] })
      const codec = jwt({ keys: remoteJwks('https://issuer.example/jwks', { fetch }) })
      return await Promise.resolve(codec.keys?.ready()).then(
        () => 'taken',
        (error) => error.code,
      )
    }
    expect(await usable(of(4096, 'AQAB'))).toBe('taken')
    expect(await usable(of(4097, 'AQAB'))).toBe('ERR_SESSION_KEYS')
    expect(await usable(of(2048, e33))).toBe('ERR_SESSION_KEYS')
    // workerd itself takes no exponent but 3 and 65537.
    const modulus = Buffer.from(of(2048, e32).n ?? '', 'base64url')
    expect(() => checkRsa(modulus, Buffer.from(e32, 'base64url'), true)).not.toThrow()
    expect(() => checkRsa(modulus, Buffer.from(e33, 'base64url'), true)).toThrow(/exponent above/)
    expect(() => jwt({ keys: of(4097, 'AQAB') })).not.toThrow()
  })

  test('a real key is taken', () => {
    expect(() => checkRsa(Buffer.from(n, 'base64url'), Uint8Array.of(1, 0, 1))).not.toThrow()
  })

  /** So that no small prime divides it. */
  function oddRest(bits: number): bigint {
    let rest = 1n
    while (hasSmallFactor(2n ** BigInt(bits - 1) + rest)) rest += 2n
    return rest
  }
})

function hasSmallFactor(number: bigint): boolean {
  for (let factor = 3n; factor <= 353n; factor += 2n) if (number % factor === 0n) return true
  return false
}

function isPrime(number: bigint): boolean {
  for (let factor = 3n; factor * factor <= number; factor += 2n) if (number % factor === 0n) return false
  return true
}

function textOf(number: bigint): string {
  const hex = number.toString(16)
  return Buffer.from(hex.length % 2 ? `0${hex}` : hex, 'hex').toString('base64url')
}

function errorOf(make: () => unknown): unknown {
  try {
    make()
    return undefined
  } catch (error) {
    return error
  }
}
