/**
 * The three forms that every key is brought into: octets of a secret, a `CryptoKey` of one, and what a platform makes a key pair of.
 */
import { looksLikeKeyFile } from '../keyring.js'
import type { KeyMaterial } from '../platform/signature.js'
import type { JwsAlgorithm } from './algorithms.js'

/** What may be said of a key that does not say it itself. */
export interface KeyLabels {
  /** The algorithm; default: the key's own, else what its type is for (RSA: RS256). */
  readonly alg?: JwsAlgorithm
  /** The id; default: the key's own, else its thumbprint (RFC 7638). A secret has none unless it is given one. */
  readonly kid?: string
}

export type KeyForm = KeyLabels & ({ readonly secret: Uint8Array | CryptoKey } | { readonly material: KeyMaterial })

/**
 * Whatever looks like a key file may be public: it is never an HMAC secret here.
 *
 * @throws {TypeError} without the name of an option, as every function of these files
 */
export function formOfSecret(secret: Uint8Array, labels: KeyLabels): KeyForm {
  if (looksLikeKeyFile(secret)) throw new TypeError('a PEM or JWK as a secret; give PEM as text and a JWK as an object')
  return { ...labelsOf(labels), secret: secret.slice() }
}

/** Only these two, whatever else the object has. */
export function labelsOf({ alg, kid }: KeyLabels): KeyLabels {
  return { ...(alg !== undefined && { alg }), ...(kid !== undefined && { kid }) }
}

/** What is said of a key, with what it says itself. */
export function withOwnAlgorithm(labels: KeyLabels, own: unknown): KeyLabels {
  if (own === undefined) return labelsOf(labels)
  if (labels.alg !== undefined && labels.alg !== own) throw new TypeError('a key with another "alg" than it has itself')
  return { ...labelsOf(labels), alg: own as JwsAlgorithm }
}
