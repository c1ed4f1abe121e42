/**
 * Key pairs with node:crypto.
 * RFC 7518 §3.3 to §3.5.
 */
import {
  createPrivateKey,
  createPublicKey,
  constants as cryptoConstants,
  type JsonWebKeyInput,
  KeyObject,
  sign as signData,
  verify as verifyData,
} from 'node:crypto'
import { isPrivateJwk, type Jwk } from './jwk.js'
import { HASHES } from './node-hmac.js'
import {
  type AsymmetricKey,
  type KeyMaterial,
  SIGNATURE_ALGORITHMS,
  type SignatureAlgorithm,
  type SignatureKey,
  signatureLength,
} from './signature.js'
import { webAsymmetricKey } from './web-signature.js'

/** A `CryptoKey` that must not be exported stays with WebCrypto; any other key answers at once. */
export function nodeAsymmetricKey(material: KeyMaterial): AsymmetricKey {
  const key = keyObjectOf(material)
  if (key === undefined) return webAsymmetricKey(material)
  const isPrivate = key.type === 'private'
  const publicKey = isPrivate ? createPublicKey(key) : key
  const jwk = publicKey.export({ format: 'jwk' }) as Jwk
  return {
    facts: jwk,
    isPrivate,
    prepare: (algorithm) => nodeSignatureKey(algorithm, jwk, publicKey, isPrivate && key),
  }
}

function keyObjectOf(material: KeyMaterial): KeyObject | undefined {
  if ('jwk' in material) {
    const input = { key: { ...material.jwk }, format: 'jwk' } as JsonWebKeyInput
    return isPrivateJwk(material.jwk) ? createPrivateKey(input) : createPublicKey(input)
  }
  if ('pem' in material) {
    const { pem: key, passphrase } = material
    if (!/^-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(key)) return createPublicKey(key)
    return createPrivateKey(passphrase === undefined ? key : { key, passphrase })
  }
  const key = material.privateKey ?? material.publicKey
  return key?.extractable ? readAgain(KeyObject.from(key as Parameters<typeof KeyObject.from>[0])) : undefined
}

/**
 * The same key with a lock of its own: of one that was made a moment ago Node 20 holds the lock while it exports a JWK, and waits for
 * itself for ever where its garbage collector comes in between and puts away what made the key.
 */
function readAgain(key: KeyObject): KeyObject {
  if (key.type === 'public') return createPublicKey(key.export({ format: 'pem', type: 'spki' }))
  return createPrivateKey(key.export({ format: 'pem', type: 'pkcs8' }))
}

function nodeSignatureKey(
  algorithm: SignatureAlgorithm,
  jwk: Jwk,
  publicKey: KeyObject,
  privateKey: KeyObject | false,
): SignatureKey {
  const { hash } = SIGNATURE_ALGORITHMS[algorithm]
  const digest = hash && HASHES[hash]
  const { RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_DIGEST, RSA_PKCS1_PADDING } = cryptoConstants
  const parameters = algorithm.startsWith('PS')
    ? { padding: RSA_PKCS1_PSS_PADDING, saltLength: RSA_PSS_SALTLEN_DIGEST }
    : { padding: RSA_PKCS1_PADDING, dsaEncoding: 'ieee-p1363' as const }
  const verifying = { key: publicKey, ...parameters }
  const length = signatureLength(algorithm, publicKey.asymmetricKeyDetails?.modulusLength)
  const signing = privateKey && { key: privateKey, ...parameters }
  return {
    jwk,
    ...(signing && { sign: (data: string | Uint8Array) => signData(digest, Buffer.from(data), signing) }),
    verify(data, signature) {
      if (length !== undefined && signature.length !== length) return false
      try {
        return verifyData(digest, Buffer.from(data), verifying, signature)
      } catch {
        return false
      }
    },
  }
}
