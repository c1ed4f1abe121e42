/**
 * Signatures with key pairs: what a platform makes of a key, and the algorithms it knows.
 * RFC 7518 §3.3 to §3.5, RFC 8037 §3.1.
 */
import type { MaybePromise } from '../codecs/codec.js'
import type { Jwk } from './jwk.js'

export type SignatureAlgorithm =
  | 'RS256'
  | 'RS384'
  | 'RS512'
  | 'PS256'
  | 'PS384'
  | 'PS512'
  | 'ES256'
  | 'ES384'
  | 'ES512'
  | 'EdDSA'

export interface AlgorithmFacts {
  readonly kty: 'RSA' | 'EC' | 'OKP'
  readonly crv?: string
  /** EdDSA has a hash of its own inside. */
  readonly hash?: 'SHA-256' | 'SHA-384' | 'SHA-512'
}

export const SIGNATURE_ALGORITHMS: Readonly<Record<SignatureAlgorithm, AlgorithmFacts>> = {
  RS256: { kty: 'RSA', hash: 'SHA-256' },
  RS384: { kty: 'RSA', hash: 'SHA-384' },
  RS512: { kty: 'RSA', hash: 'SHA-512' },
  PS256: { kty: 'RSA', hash: 'SHA-256' },
  PS384: { kty: 'RSA', hash: 'SHA-384' },
  PS512: { kty: 'RSA', hash: 'SHA-512' },
  ES256: { kty: 'EC', crv: 'P-256', hash: 'SHA-256' },
  ES384: { kty: 'EC', crv: 'P-384', hash: 'SHA-384' },
  ES512: { kty: 'EC', crv: 'P-521', hash: 'SHA-512' },
  EdDSA: { kty: 'OKP', crv: 'Ed25519' },
}

/** Octets (RFC 8032 §5.1.6). */
const ED25519_SIGNATURE = 64

/**
 * The octets of a signature, where a runtime has to be told: OpenSSL takes one of RSA-PSS without the zeros at its start (RFC 8017
 * §8.1.2 and §8.2.2, step 1), and workerd throws at one of EdDSA that is cut.
 */
export function signatureLength(algorithm: SignatureAlgorithm, modulusBits: number | undefined): number | undefined {
  if (algorithm === 'EdDSA') return ED25519_SIGNATURE
  return modulusBits === undefined ? undefined : Math.ceil(modulusBits / 8)
}

/** An asymmetric key in one of the forms that an application has it in. */
export type KeyMaterial =
  | { readonly jwk: Jwk }
  /** One block of RFC 7468, with its first and last line. */
  | { readonly pem: string; readonly passphrase?: string }
  | { readonly privateKey?: CryptoKey; readonly publicKey?: CryptoKey }

/** A key that was read and is not yet meant for an algorithm. */
export interface AsymmetricKey {
  /** `kty` and `crv`, with `n` and `e` for RSA. */
  readonly facts: Pick<Jwk, 'kty' | 'crv' | 'n' | 'e'>
  readonly isPrivate: boolean
  /** Prepares it for one algorithm, which must fit the facts. */
  prepare(algorithm: SignatureAlgorithm): MaybePromise<SignatureKey>
}

export interface SignatureKey {
  /** The public members; absent for a `CryptoKey` that can't be exported. */
  readonly jwk?: Jwk
  /** The signature as JWS has it (RFC 7518 §3.4: R and S in a row). Absent for a public key. */
  sign?(data: string | Uint8Array): MaybePromise<Uint8Array>
  /** Whatever is wrong with the signature, the answer is false. */
  verify(data: string | Uint8Array, signature: Uint8Array): MaybePromise<boolean>
}
