/**
 * The platform of Node.js: everything answers at once.
 * It and what it consists of are the only files that import `node:` modules.
 */

import * as crypto from 'node:crypto'
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  constants as cryptoConstants,
  type JsonWebKeyInput,
  KeyObject,
  randomBytes,
  sign as signData,
  verify as verifyData,
} from 'node:crypto'
import { readFileSync } from 'node:fs'
import { deflateSync, inflateSync } from 'node:zlib'
import { SessionError } from '../../shared/errors.js'
import {
  type AesMode,
  type AesOptions,
  type AsymmetricKey,
  type HashName,
  type HmacKey,
  isPrivateJwk,
  type Jwk,
  type KeyMaterial,
  type Platform,
  SIGNATURE_ALGORITHMS,
  type SignatureAlgorithm,
  type SignatureKey,
  signatureLength,
} from './platform.js'
import { webAsymmetricKey } from './web-signature.js'

/** Octets that a stream may have beyond its content (RFC 1950 §2.2, RFC 1951 §3.2.4), and the least that zlib takes as a buffer. */
const DEFLATE_ROOM = 64
/** zlib's default. */
const LARGEST_BUFFER = 16_384

export const platform: Platform = {
  name: 'node',
  hmacKey: nodeHmacKey,
  asymmetricKey: nodeAsymmetricKey,
  secretOctets,
  readFile: (path) => new Uint8Array(readFileSync(path)),
  sha1: (data) => createHash('sha1').update(data).digest(),
  sha256: (data) => createHash('sha256').update(data).digest(),
  encrypt,
  decrypt,
  base64Url,
  octetsOfBase64Url,
  inflate,
  deflate,
  randomBytes: (length) => new Uint8Array(randomBytes(length)),
  isProduction,
  warn: (code, message) => process.emitWarning(message, { type: 'SessionWarning', code }),
}

function base64Url(data: string | Uint8Array): string {
  const bytes =
    typeof data === 'string' ? Buffer.from(data) : Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  return bytes.toString('base64url')
}

/** A text of other characters, or one with bits left over, is not what its octets are written as. */
function octetsOfBase64Url(text: string): Uint8Array {
  const octets = Buffer.from(text, 'base64url')
  if (octets.toString('base64url') !== text) throw new SessionError('ERR_SESSION_MALFORMED')
  return octets
}

function inflate(bytes: Uint8Array, limit: number): Uint8Array {
  try {
    const options = {
      info: true,
      maxOutputLength: limit,
      chunkSize: Math.min(bytes.length * 4 + DEFLATE_ROOM, LARGEST_BUFFER),
    }
    const { buffer, engine } = inflateSync(bytes, options) as unknown as Inflated
    if (engine.bytesWritten === bytes.length) return buffer
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE') throw new SessionError('ERR_SESSION_LIMIT')
  }
  throw new SessionError('ERR_SESSION_COMPRESSION')
}

/** What zlib tells with `info`. */
interface Inflated {
  buffer: Uint8Array
  /** `bytesWritten`: octets of the input that it took. */
  engine: { bytesWritten: number }
}

/** A buffer as large as what can come out: zlib's own of 16 KiB takes longer than many a session. */
function deflate(bytes: Uint8Array, level: number): Uint8Array {
  return deflateSync(bytes, { level, chunkSize: Math.min(bytes.length + DEFLATE_ROOM, LARGEST_BUFFER) })
}

/** Deno throws where it has no leave to look at the environment. */
function isProduction(): boolean {
  try {
    return process.env.NODE_ENV === 'production'
  } catch {
    return false
  }
}

function secretOctets(key: CryptoKey): Uint8Array | undefined {
  if (!key.extractable) return undefined
  const octets = new Uint8Array(KeyObject.from(key as Parameters<typeof KeyObject.from>[0]).export() as Buffer)
  // One of so many bits that they are no whole octets stays with WebCrypto.
  return octets.length * 8 === (key.algorithm as HmacKeyAlgorithm).length ? octets : undefined
}

// AES with node:crypto.
// NIST SP 800-38A and 800-38D.

const GCM_TAG = 16

export function encrypt(mode: Exclude<AesMode, 'ECB'>, plaintext: Uint8Array, { key, iv }: AesOptions): Uint8Array {
  if (mode === 'GCM') {
    const cipher = createCipheriv('aes-256-gcm', key, iv)
    return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
  }
  const cipher = createCipheriv(mode === 'CTR' ? 'aes-256-ctr' : 'aes-256-cbc', key, iv)
  return Buffer.concat([cipher.update(plaintext), cipher.final()])
}

export function decrypt(mode: AesMode, ciphertext: Uint8Array, { key, iv }: AesOptions): Uint8Array | undefined {
  try {
    if (mode === 'GCM') {
      const end = ciphertext.length - GCM_TAG
      if (end < 0) return undefined
      const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: GCM_TAG })
      decipher.setAuthTag(ciphertext.subarray(end))
      return Buffer.concat([decipher.update(ciphertext.subarray(0, end)), decipher.final()])
    }
    // Deno takes no octets at all for a padded text.
    if (mode === 'CBC' && ciphertext.length === 0) return undefined
    const decipher =
      mode === 'ECB'
        ? createDecipheriv('aes-256-ecb', key, null).setAutoPadding(false)
        : createDecipheriv(mode === 'CTR' ? 'aes-256-ctr' : 'aes-256-cbc', key, iv)
    return Buffer.concat([decipher.update(ciphertext), decipher.final()])
  } catch {
    return undefined
  }
}

// HMAC with node:crypto, as two hashes of one call each: `createHmac` takes longer to set itself up than both need for a session.
// RFC 2104.

/** What OpenSSL calls them. */
export const HASHES: Record<HashName, string> = {
  'SHA-1': 'sha1',
  'SHA-256': 'sha256',
  'SHA-384': 'sha384',
  'SHA-512': 'sha512',
}
/** Octets that each takes at a time (FIPS 180-4 §1). */
const BLOCKS: Record<HashName, number> = { 'SHA-1': 64, 'SHA-256': 64, 'SHA-384': 128, 'SHA-512': 128 }
/** What the key is combined with for each of the hashes (RFC 2104 §2). */
const INNER_PAD = 0x36
const OUTER_PAD = 0x5c
/** Octets of data that have a place beside the key: as many as a cookie's characters can be. */
const ROOM = 3 * 4096

/** Older versions of other runtimes have no such function. */
const digest: typeof crypto.hash =
  crypto.hash ??
  ((name: string, data: Uint8Array, encoding: 'hex') => crypto.createHash(name).update(data).digest(encoding))

export function nodeHmacKey(secret: Uint8Array, hashName: HashName): HmacKey {
  const hash = HASHES[hashName]
  const block = BLOCKS[hashName]
  const key = secret.length > block ? crypto.createHash(hash).update(secret).digest() : secret
  const length = crypto.createHash(hash).digest().length
  const innerKey = padded(key, INNER_PAD, block)
  const outer = Buffer.concat([padded(key, OUTER_PAD, block), Buffer.alloc(length)])
  // The last data stay behind the key until the next ones come. A key that never signs has no room for any.
  let inner: Buffer | undefined

  function mac(data: string | Uint8Array, encoding: 'base64url' | 'binary'): string {
    outer.write(digest(hash, behindKey(data), 'binary'), block, 'binary')
    return digest(hash, outer, encoding)
  }

  function behindKey(data: string | Uint8Array): Uint8Array {
    inner ??= Buffer.concat([innerKey, Buffer.alloc(ROOM)])
    if (typeof data === 'string') {
      // No unit of UTF-16 takes more than three octets.
      if (data.length * 3 <= ROOM) return inner.subarray(0, block + inner.write(data, block))
      return behindKey(Buffer.from(data))
    }
    if (data.length > ROOM) return Buffer.concat([innerKey, data])
    inner.set(data, block)
    return inner.subarray(0, block + data.length)
  }

  /** In an array of its own: Node's pool of buffers would show keys that are derived so to whoever has another buffer of it. */
  function sign(data: string | Uint8Array): Uint8Array {
    const text = mac(data, 'binary')
    const octets = new Uint8Array(length)
    for (let index = 0; index < length; index++) octets[index] = text.charCodeAt(index)
    return octets
  }

  return {
    sign,
    signText: (data) => mac(data, 'base64url'),
    verify: (data, given) => given.length === length && crypto.timingSafeEqual(sign(data), given),
  }
}

/** The key, combined with a pad and filled up with it. */
function padded(key: Uint8Array, pad: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (key[index] ?? 0) ^ pad)
}

// Key pairs with node:crypto.
// RFC 7518 §3.3 to §3.5.

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
