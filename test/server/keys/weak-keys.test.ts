/** Threat 47: with some public keys anyone can sign. */
import { createPublicKey, generateKeyPairSync, type JsonWebKey } from 'node:crypto'
import { importPKCS8, importSPKI } from 'jose'
import { describe, expect, test } from 'vitest'
import { type Jwk, jwt, remoteJwks } from '../../../src/server/index.js'
import { checkRsa } from '../../../src/server/keys/weak-keys.js'
import { rejection } from '../server.helpers.js'
import { jwkOf, pairFor, pemOf } from './keys.helpers.js'

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

describe('EC keys to the private key 1, and to the order of the curve without 1', () => {
  test.each([
    [
      'P-256',
      '6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296',
      '4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5',
    ],
    [
      'P-384',
      'aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7',
      '3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f',
    ],
    [
      'P-521',
      '00c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77efe75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66',
      '011839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e662c97ee72995ef42640c550b9013fad0761353c7086a272c24088be94769fd16650',
    ],
  ])('%s', async (crv, ...coordinates) => {
    const [x, y] = coordinates.map((hex) => Buffer.from(hex, 'hex').toString('base64url'))
    const jwk = { kty: 'EC', crv, x, y } as Jwk
    expect(() => jwt({ keys: jwk })).toThrow('Option "keys" holds an EC key to the private key 1')
    const pem = createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' }).export({ format: 'pem', type: 'spki' })
    const error = await rejection('ERR_SESSION_KEYS', async () => jwt({ keys: pem as string }).keys?.ready())
    expect((error.cause as Error).message).toMatch(/the private key 1/)
  })
})

describe('key pairs of published examples', () => {
  const published: Jwk[] = [
    {
      kty: 'EC',
      crv: 'P-256',
      x: 'EVs_o5-uQbTjL3chynL4wXgUg2R9q9UU8I5mEovUf84',
      y: 'kGe5DgSIycKp8w9aJmoHhB1sB3QTugfnRWm5nU_TzsY',
    },
    {
      kty: 'EC',
      crv: 'P-256',
      x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
      y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
    },
    { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' },
  ]

  test.each(published)('%j is refused as a JWK and as a PEM, and not with allowWeakSecrets', async (jwk) => {
    const message = /a key pair of a published example, with which anyone can sign/
    expect(() => jwt({ keys: jwk })).toThrow(message)
    const pem = createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' }).export({ format: 'pem', type: 'spki' })
    const error = await rejection('ERR_SESSION_KEYS', async () => jwt({ keys: pem as string }).keys?.ready())
    expect((error.cause as Error).message).toMatch(message)
    for (const keys of [jwk, pem as string]) await jwt({ keys, allowWeakSecrets: true }).keys?.ready()
  })
})

describe('two halves of different pairs', () => {
  test.each(['RS256', 'PS256', 'ES256', 'EdDSA'] as const)('%s', async (alg) => {
    const [one, other] = [pairFor(alg, 'one'), pairFor(alg, 'other')]
    const privateKey = await importPKCS8(pemOf(one.privateKey), alg, { extractable: false })
    const publicKey = await importSPKI(pemOf(other.publicKey), alg, { extractable: true })
    const error = await rejection('ERR_SESSION_KEYS', async () =>
      jwt({ keys: { privateKey, publicKey } }).keys?.ready(),
    )
    expect((error.cause as Error).message).toMatch(/do not belong together/)
  })

  test('a JWK of RSA with the modulus of another key', async () => {
    const jwk = { ...jwkOf(pairFor('RS256', 'one').privateKey), n: jwkOf(pairFor('RS256', 'other').publicKey).n ?? '' }
    await rejection('ERR_SESSION_KEYS', async () => jwt({ keys: jwk }).keys?.ready())
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

  test('a modulus of two primes close to each other, or of one twice, is refused', () => {
    // Without small factors they are as good as primes here.
    const next = (number: bigint): bigint => {
      let found = number | 1n
      while (hasSmallFactor(found)) found += 2n
      return found
    }
    const prime = next((3n << 1022n) + 12_345n)
    for (const other of [prime, next(prime + 2n), next(prime + (1n << 500n))]) {
      expect(() => jwt({ keys: { kty: 'RSA', n: textOf(prime * other), e: 'AQAB' } })).toThrow(/close to each other/)
    }
    const far = next(prime + (1n << 900n))
    expect(() => jwt({ keys: { kty: 'RSA', n: textOf(prime * far), e: 'AQAB' } })).not.toThrow()
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
