/**
 * Keys that only look like ones: public material as a secret, secrets of published examples, public keys with which anyone can sign.
 * RFC 7518 §3.2 and §3.3, RFC 8032 §5.1; CVE-2017-15361.
 */
import { encodeHex } from '../../shared/bytes.js'

/**
 * What a text is that must not be a secret, or undefined.
 *
 * @param secret - as its bytes
 */
export function publicMaterial(secret: Uint8Array): string | undefined {
  if (isKeyFile(secret)) return 'a PEM or JWK: such a key may be public, and an HMAC secret never is'
  const text = textOf(secret)
  if (text === 'True') return '"True", which anyone can guess'
  if (EXAMPLES.includes(text)) return 'a secret from a published example'
  return undefined
}

/** Whether it is a key file, or the base64 of one, as environment variables often hold it. */
export function isKeyFile(secret: Uint8Array): boolean {
  const text = textOf(secret)
  const decoded = decodedText(text)
  const bytes = Uint8Array.from(decoded, (character) => character.charCodeAt(0))
  return looksLikeKeyFile(text) || looksLikeKeyFile(decoded.trim()) || isDer(secret) || isDer(bytes)
}

/** The names of RSA, EC and Ed25519 keys in DER, as SPKI, PKCS #8 and certificates have them (RFC 3279 §2.3, RFC 8410 §3). */
const KEY_TYPES: readonly string[] = ['06092a864886f70d010101', '06072a8648ce3d0201', '06032b6570']

/** A PEM without its lines is the base64 of this. Random bytes are not: they would have to hold such a name, too. */
function isDer(bytes: Uint8Array): boolean {
  const hex = encodeHex(bytes)
  return hex.startsWith('30') && KEY_TYPES.some((type) => hex.includes(type))
}

function textOf(secret: Uint8Array): string {
  return new TextDecoder('utf-8').decode(secret).trim()
}

/** A key file in text: PEM (RFC 7468), an OpenSSH public key, or JSON such as a JWK (RFC 7517); a BOM, spaces, lines or quotes may precede it. */
function looksLikeKeyFile(text: string): boolean {
  if (/-----BEGIN |^["']?(?:ssh|ecdsa|sk-ssh|sk-ecdsa)-/m.test(text)) return true
  try {
    const value: unknown = JSON.parse(text.replace(/^'([\s\S]*)'$/, '$1'))
    return typeof value === 'string' ? looksLikeKeyFile(value.trim()) : typeof value === 'object' && value !== null
  } catch {
    return false
  }
}

/** Of base64 in either alphabet; empty if it is none. */
function decodedText(text: string): string {
  try {
    return atob(text.replace(/-/g, '+').replace(/_/g, '/'))
  } catch {
    return ''
  }
}

/** Long enough to pass, and in the documentation of a well-known package, where anyone finds them. */
const EXAMPLES: readonly string[] = [
  // jwt.io
  'a-string-secret-at-least-256-bits-long',
  'a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long',
  // iron-session
  'complex_password_at_least_32_characters_long',
  // @fastify/secure-session and @fastify/session
  'averylogphrasebiggerthanthirtytwochars',
  'a secret with minimum length of 32 characters',
  // @hapi/yar, @hapi/iron and nuxt-auth-utils
  'the-password-must-be-at-least-32-characters-long',
  'some_not_random_password_that_is_at_least_32_characters',
  'password-with-at-least-32-characters',
]

/** Bits of an RSA key: RFC 7518 §3.3, and what a verification may cost. */
const SHORTEST_RSA = 2048
const MAX_RSA = 8192
/** Of a key whose owner we don't know: what it costs is not theirs to choose. */
const MAX_REMOTE_RSA = 4096
const MAX_EXPONENT = 4_294_967_296

/** @throws {TypeError} for a modulus that is too short, or too long */
export function checkRsaLength(bits: number | undefined, isRemote = false): void {
  const longest = isRemote ? MAX_REMOTE_RSA : MAX_RSA
  if (bits === undefined) return
  if (bits < SHORTEST_RSA) throw new TypeError(`an RSA key of ${bits} bits; ${SHORTEST_RSA} are needed`)
  if (bits > longest) throw new TypeError(`an RSA key of ${bits} bits; ${longest} are the most`)
}

/** @throws {TypeError} for an RSA key that is too short or too long, or with which anyone could sign */
export function checkRsa(modulus: Uint8Array, publicExponent: Uint8Array, isRemote = false): void {
  const number = toInteger(modulus)
  checkRsaLength(number === 0n ? 0 : number.toString(2).length, isRemote)
  checkExponent(publicExponent)
  checkModulus(number)
}

export function checkExponent(publicExponent: Uint8Array): void {
  const exponent = toInteger(publicExponent)
  if (exponent === 1n) throw new TypeError('an RSA key with the exponent 1')
  if (exponent % 2n === 0n) throw new TypeError('an RSA key with an even exponent')
  if (exponent > BigInt(MAX_EXPONENT)) throw new TypeError('an RSA key with an exponent above 2^32')
}

/**
 * Small factors, and the form of ROCA: a chip made primes of which each remainder is a power of 65537 (Nemec and others, 2017).
 * A random modulus has that form once in 2^80.
 */
function checkModulus(modulus: bigint): void {
  const remainders = smallPrimes().map((prime) => ({ prime, remainder: Number(modulus % BigInt(prime)) }))
  if (modulus % 2n === 0n || remainders.some(({ remainder }) => remainder === 0)) {
    throw new TypeError('an RSA key whose modulus has a small factor')
  }
  const isPower = ({ prime, remainder }: { prime: number; remainder: number }): boolean => {
    let power = 1
    do {
      if (power === remainder) return true
      power = (power * 65_537) % prime
    } while (power !== 1)
    return false
  }
  if (remainders.every(isPower)) throw new TypeError('an RSA key of a chip whose keys can be computed (ROCA)')
}

/** Odd ones up to 353, which all keys of that chip have in common. */
function smallPrimes(): number[] {
  const primes: number[] = []
  for (let number = 3; number <= 353; number += 2) {
    if (primes.every((prime) => number % prime !== 0)) primes.push(number)
  }
  return primes
}

/** The y coordinates of the points of order 1, 2, 4 and 8, which add up to nothing (RFC 8032 §5.1.2): one signature fits every text. */
const LOW_ORDER: readonly bigint[] = [
  0n,
  1n,
  0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffecn,
  0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
  0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n,
]

/**
 * @param point - an Ed25519 public key, 32 bytes
 * @throws {TypeError} for one of low order, in any of its encodings
 */
export function checkPoint(point: Uint8Array): void {
  // The highest bit is the sign of x. Few encodings are not canonical: their y is the prime of the field or above.
  const y = toInteger(point.slice().reverse()) % 2n ** 255n
  if (LOW_ORDER.includes(y % (2n ** 255n - 19n)))
    throw new TypeError('an Ed25519 key of low order: one signature is valid for every text')
}

function toInteger(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${encodeHex(bytes)}`)
}
