/**
 * Keys that WebCrypto holds. What such a key is for is a part of it (W3C Web Cryptography Level 2 §13).
 */
import { platform } from '#platform'
import { formOfSecret, type KeyForm, type KeyLabels, withOwnAlgorithm } from './key-form.js'

/** A private key, a public one, or both. */
export interface CryptoKeys {
  readonly privateKey?: CryptoKey
  readonly publicKey?: CryptoKey
}

/** @throws {TypeError} for a key with other usages, and for a private one that neither can be exported nor has its public one beside it */
export function formOfCryptoKeys({ privateKey, publicKey }: CryptoKeys, labels: KeyLabels): KeyForm {
  if (privateKey && !privateKey.usages.includes('sign')) throw new TypeError('a private CryptoKey that may not sign')
  if (publicKey && !publicKey.usages.includes('verify')) throw new TypeError('a public CryptoKey that may not verify')
  const key = privateKey ?? publicKey
  if (key === undefined) throw new TypeError('a pair without a key')
  if (publicKey === undefined && !key.extractable) {
    throw new TypeError('a private CryptoKey that can not be exported; give { privateKey, publicKey }')
  }
  const material = { ...(privateKey && { privateKey }), ...(publicKey && { publicKey }) }
  return { ...withOwnAlgorithm(labels, algorithmOf(key)), material }
}

/** @throws {TypeError} unless it is for HMAC, and may both sign and verify */
export function formOfCryptoKey(key: CryptoKey, labels: KeyLabels): KeyForm {
  if (key.type === 'public') return formOfCryptoKeys({ publicKey: key }, labels)
  if (key.type === 'private') return formOfCryptoKeys({ privateKey: key }, labels)
  if (key.algorithm.name !== 'HMAC') throw new TypeError('a secret CryptoKey that is not for HMAC')
  if (!key.usages.includes('sign') || !key.usages.includes('verify')) {
    throw new TypeError('a secret CryptoKey that may not both sign and verify')
  }
  const known = withOwnAlgorithm(labels, algorithmOf(key))
  const octets = platform.secretOctets(key)
  return octets ? formOfSecret(octets, known) : { ...known, secret: key }
}

const CURVES: Readonly<Record<string, string>> = { 'P-256': 'ES256', 'P-384': 'ES384', 'P-521': 'ES512' }

/** Another name stays as it is and is refused with the algorithms that are unknown. */
function algorithmOf({ algorithm }: CryptoKey): string {
  const { name, hash, namedCurve = '' } = algorithm as { name: string; hash?: { name: string }; namedCurve?: string }
  const bits = hash?.name.replace('SHA-', '')
  if (name === 'HMAC') return `HS${bits}`
  if (name === 'RSASSA-PKCS1-v1_5') return `RS${bits}`
  if (name === 'RSA-PSS') return `PS${bits}`
  if (name === 'ECDSA') return CURVES[namedCurve] ?? name
  return name === 'Ed25519' ? 'EdDSA' : name
}
