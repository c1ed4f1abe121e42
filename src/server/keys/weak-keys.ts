/**
 * Public keys with which anyone can sign, or whose verifications cost too much.
 * RFC 7518 §3.3, RFC 8032 §5.1; CVE-2017-15361.
 */
import { encodeHex } from '../../shared/bytes.js'

/** Bits of an RSA key: RFC 7518 §3.3, and what a verification may cost. */
const SHORTEST_RSA = 2048
const MAX_RSA = 8192
/** Of a key whose owner we don't know: what it costs is not theirs to choose. */
const MAX_REMOTE_RSA = 4096
const MAX_EXPONENT = 4_294_967_296

/** @throws {TypeError} for a modulus that is too short, or too long */
export function checkRsaLength(bits: number, isRemote = false): void {
  const longest = isRemote ? MAX_REMOTE_RSA : MAX_RSA
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
