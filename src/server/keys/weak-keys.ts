/**
 * Public keys with which anyone can sign, or whose verifications cost too much.
 * RFC 7518 §3.3, RFC 8032 §5.1; CVE-2017-15361.
 */
import { encodeHex } from '../../shared/bytes.js'
import type { Jwk } from './prepared-key.js'

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
  checkDistance(number)
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

/** Steps of the search for two close primes: generators that are broken so need one (CVE-2022-26320). */
const FERMAT_STEPS = 100

/** A modulus of two primes close to each other, or of one prime twice: it is a difference of two squares that are soon found. */
function checkDistance(modulus: bigint): void {
  const root = squareRoot(modulus)
  const first = root * root === modulus ? root : root + 1n
  for (let middle = first; middle < first + BigInt(FERMAT_STEPS); middle++) {
    if (isSquare(middle * middle - modulus)) throw new TypeError('an RSA key whose primes are close to each other')
  }
}

function isSquare(number: bigint): boolean {
  // Of the remainders by 64 those of squares are 12.
  const last = Number(number % 64n)
  if (!SQUARES.has(last)) return false
  const root = squareRoot(number)
  return root * root === number
}

const SQUARES: ReadonlySet<number> = /* @__PURE__ */ new Set(
  /* @__PURE__ */ Array.from({ length: 64 }, (_, number) => (number * number) % 64),
)

/** Rounded down, by Newton's method from above. */
function squareRoot(number: bigint): bigint {
  if (number < 2n) return number
  let root = 1n << BigInt(Math.ceil(number.toString(2).length / 2))
  for (let next = (root + number / root) / 2n; next < root; next = (root + number / root) / 2n) root = next
  return root
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

/** Of the points that make the curves P-256, P-384 and P-521 (SEC 2 §2.4 to §2.6): each is the public key to the private key 1. */
const BASE_POINTS: readonly bigint[] = [
  0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296n,
  0xaa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7n,
  0x00c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77efe75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66n,
]

/** @param x - the coordinate of an EC public key. @throws {TypeError} for the one to the private key 1, or the order of the curve without 1 */
export function checkCoordinate(x: Uint8Array): void {
  if (BASE_POINTS.includes(toInteger(x))) throw new TypeError('an EC key to the private key 1')
}

/** How `x` or `n` begins in key pairs whose private half is printed where anyone finds it, all of them of well-known documents. */
const PUBLISHED: readonly string[] = [
  // jwt.io: RS256 and PS256, ES256, ES384
  'u1SU1LfVLPHCozMxH2Mo4lgOEePzNm0t',
  'EVs_o5-uQbTjL3chynL4wXgUg2R9q9UU',
  'C1uWSXj2czCDwMTLWV5BFmwxdM6PX9p-',
  // RFC 7515 §A.2 to §A.4, RFC 7517 §A.2, RFC 8037 §A.1
  'ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAk',
  'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8T',
  'AekpBQ8ST8a8VcfVOTNl353vSrDCLLJX',
  'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7',
  '0vx7agoebGcQSuuPiLJXZptN9nndrQmb',
  '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMl',
]

/** @throws {TypeError} for a key pair of a published example */
export function refusePublished({ x, n }: Jwk): void {
  if (!PUBLISHED.some((start) => (x ?? n)?.startsWith(start))) return
  throw new TypeError('a key pair of a published example, with which anyone can sign (or set allowWeakSecrets: true)')
}

function toInteger(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${encodeHex(bytes)}`)
}
