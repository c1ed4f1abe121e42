/** Threat 47: with some public keys anyone can sign. */
import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { type Jwk, jwt, remoteJwks } from '../../../src/server/index.js'
import { checkRsa } from '../../../src/server/keys/weak-keys.js'
import { jwkOf, pairFor } from './keys.helpers.js'

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
