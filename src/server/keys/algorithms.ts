/**
 * The algorithms of signed tokens, and which of them a key is for. The key decides, never the token.
 * RFC 7518 §3.1, RFC 8037 §3.1.
 */
import type { Jwk } from '../platform/jwk.js'
import type { HashName } from '../platform/platform.js'
import { SIGNATURE_ALGORITHMS, type SignatureAlgorithm } from '../platform/signature.js'

export type HmacAlgorithm = 'HS256' | 'HS384' | 'HS512'

/** What a token may be signed with. */
export type JwsAlgorithm = HmacAlgorithm | SignatureAlgorithm

export const HMAC_HASHES: Readonly<Record<HmacAlgorithm, HashName>> = {
  HS256: 'SHA-256',
  HS384: 'SHA-384',
  HS512: 'SHA-512',
}

/** What a key without a word of its own is for. */
const DEFAULTS: readonly JwsAlgorithm[] = ['HS256', 'RS256', 'ES256', 'ES384', 'ES512', 'EdDSA']

/** RFC 9864 §2.2 has another name for EdDSA with the one curve that there is here. */
export function commonName(name: unknown): unknown {
  return name === 'Ed25519' ? 'EdDSA' : name
}

export function isAlgorithm(name: unknown): name is JwsAlgorithm {
  return typeof name === 'string' && (Object.hasOwn(HMAC_HASHES, name) || Object.hasOwn(SIGNATURE_ALGORITHMS, name))
}

export function isHmac(algorithm: JwsAlgorithm): algorithm is HmacAlgorithm {
  return Object.hasOwn(HMAC_HASHES, algorithm)
}

/** Whether a key of this type and curve can have the algorithm. */
export function fits(algorithm: JwsAlgorithm, { kty, crv }: Pick<Jwk, 'kty' | 'crv'>): boolean {
  if (isHmac(algorithm)) return kty === 'oct'
  const facts = SIGNATURE_ALGORITHMS[algorithm]
  return facts.kty === kty && (facts.crv === undefined || facts.crv === crv)
}

/**
 * The one algorithm of a key.
 *
 * @param named - what the key says itself, or was said of it
 * @param allowed - in the order of preference; default: all
 * @throws {TypeError} without the name of an option, which the caller puts before it
 */
export function algorithmOf(
  facts: Pick<Jwk, 'kty' | 'crv'>,
  named: unknown,
  allowed: readonly JwsAlgorithm[] | undefined,
): JwsAlgorithm {
  if (named !== undefined && !isAlgorithm(named)) throw new TypeError('a key with an "alg" that signs no sessions')
  if (named !== undefined && !fits(named, facts)) throw new TypeError(`a key that can not be used with ${named}`)
  const algorithm = named ?? (allowed ?? DEFAULTS).find((name) => fits(name, facts))
  if (algorithm !== undefined && (allowed === undefined || allowed.includes(algorithm))) return algorithm
  throw new TypeError(allowed ? 'a key for none of "algorithms"' : 'a key of a type or curve that signs no sessions')
}

/** @throws {TypeError} for a list that is empty, or has a name twice or an unknown one */
export function checkAlgorithms(algorithms: readonly JwsAlgorithm[]): void {
  if (algorithms.length === 0) throw new TypeError('Option "algorithms" is empty')
  for (const [index, name] of algorithms.entries()) {
    if (!isAlgorithm(name)) throw new TypeError('Option "algorithms" holds a name that is no algorithm of ours')
    if (algorithms.indexOf(name) !== index) throw new TypeError(`Option "algorithms" holds ${name} twice`)
  }
}
