/**
 * The platform of Node.js: everything answers at once.
 * The only file that imports `node:` modules.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  constants as cryptoConstants,
  type JsonWebKeyInput,
  KeyObject,
  randomBytes,
  sign as signData,
  timingSafeEqual,
  verify as verifyData,
} from 'node:crypto'
import { readFileSync } from 'node:fs'
import { deflateSync } from 'node:zlib'
import { isPrivateJwk, type Jwk } from './jwk.js'
import type { AesMode, AesOptions, HashName, HmacKey, Platform } from './platform.js'
import {
  type AsymmetricKey,
  type KeyMaterial,
  rsaSignatureLength,
  SIGNATURE_ALGORITHMS,
  type SignatureAlgorithm,
  type SignatureKey,
} from './signature.js'
import { webAsymmetricKey } from './web-signature.js'

const HASHES: Record<HashName, string> = {
  'SHA-1': 'sha1',
  'SHA-256': 'sha256',
  'SHA-384': 'sha384',
  'SHA-512': 'sha512',
}
const GCM_TAG = 16
/** Octets that a stream may have beyond its content (RFC 1950 §2.2, RFC 1951 §3.2.4), and the least that zlib takes as a buffer. */
const DEFLATE_ROOM = 64
/** zlib's default. */
const LARGEST_BUFFER = 16_384
/** Of 8 KiB: setting one of 32 KiB up takes a tenth of the time of a session. */
const SMALL_WINDOW = 13
/** How far zlib looks back in it: 262 octets less than it has. */
const SMALL_WINDOW_REACH = 2 ** SMALL_WINDOW - 262
/** The first octet of a stream with a window of 32 KiB (RFC 1950 §2.2). */
const LARGE_WINDOW_HEAD = 0x78

export const platform: Platform = {
  name: 'node',
  hmacKey: (secret, hash) => nodeHmacKey(secret, HASHES[hash]),
  asymmetricKey: nodeAsymmetricKey,
  secretOctets,
  readFile: (path) => new Uint8Array(readFileSync(path)),
  sha1: (data) => createHash('sha1').update(data).digest(),
  sha256: (data) => createHash('sha256').update(data).digest(),
  encrypt,
  decrypt,
  base64Url: (data) => bufferOf(data).toString('base64url'),
  deflate,
  randomBytes: (length) => new Uint8Array(randomBytes(length)),
  isProduction,
  warn: (code, message) => process.emitWarning(message, { type: 'SessionWarning', code }),
}

function bufferOf(data: string | Uint8Array): Buffer {
  return typeof data === 'string' ? Buffer.from(data) : Buffer.from(data.buffer, data.byteOffset, data.byteLength)
}

/** The very octets of zlib's own settings, in four fifths of the time. */
function deflate(bytes: Uint8Array, level: number): Uint8Array {
  // A buffer as large as what can come out: zlib's own of 16 KiB takes a tenth of the time of a session.
  const chunkSize = Math.min(bytes.length + DEFLATE_ROOM, LARGEST_BUFFER)
  if (bytes.length > SMALL_WINDOW_REACH) return deflateSync(bytes, { level, chunkSize })
  const stream = deflateSync(bytes, { level, chunkSize, windowBits: SMALL_WINDOW })
  // Whoever reads may always take a larger window. The second octet makes the two a multiple of 31.
  const [, flags = 0] = stream
  stream[0] = LARGE_WINDOW_HEAD
  stream[1] = (flags & 0xc0) + 31 - (((LARGE_WINDOW_HEAD << 8) + (flags & 0xc0)) % 31)
  return stream
}

/** Deno throws where it has no leave to look at the environment. */
function isProduction(): boolean {
  try {
    return process.env.NODE_ENV === 'production'
  } catch {
    return false
  }
}

function nodeHmacKey(secret: Uint8Array, hash: string): HmacKey {
  const key = createSecretKey(secret)
  const sign = (data: string | Uint8Array): Uint8Array => createHmac(hash, key).update(data).digest()
  return {
    sign,
    signText: (data) => createHmac(hash, key).update(data).digest('base64url'),
    verify: (data, mac) => {
      const expected = sign(data)
      return mac.length === expected.length && timingSafeEqual(expected, mac)
    },
  }
}

function secretOctets(key: CryptoKey): Uint8Array | undefined {
  if (!key.extractable) return undefined
  const octets = new Uint8Array(KeyObject.from(key as Parameters<typeof KeyObject.from>[0]).export() as Buffer)
  // One of so many bits that they are no whole octets stays with WebCrypto.
  return octets.length * 8 === (key.algorithm as HmacKeyAlgorithm).length ? octets : undefined
}

/** A `CryptoKey` that must not be exported stays with WebCrypto; any other key answers at once. */
function nodeAsymmetricKey(material: KeyMaterial): AsymmetricKey {
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
  const length = rsaSignatureLength(publicKey.asymmetricKeyDetails?.modulusLength)
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

function encrypt(mode: Exclude<AesMode, 'ECB'>, plaintext: Uint8Array, { key, iv }: AesOptions): Uint8Array {
  if (mode === 'GCM') {
    const cipher = createCipheriv('aes-256-gcm', key, iv)
    return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
  }
  const cipher = createCipheriv(mode === 'CTR' ? 'aes-256-ctr' : 'aes-256-cbc', key, iv)
  return Buffer.concat([cipher.update(plaintext), cipher.final()])
}

function decrypt(mode: AesMode, ciphertext: Uint8Array, { key, iv }: AesOptions): Uint8Array | undefined {
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
