/**
 * The platform of Node.js: everything answers at once.
 * The only file that imports `node:` modules.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createSecretKey,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'
import { deflateSync } from 'node:zlib'
import type { AesMode, AesOptions, HashName, HmacKey, Platform } from './platform.js'

const HASHES: Record<HashName, string> = {
  'SHA-1': 'sha1',
  'SHA-256': 'sha256',
  'SHA-384': 'sha384',
  'SHA-512': 'sha512',
}
const GCM_TAG = 16

export const platform: Platform = {
  name: 'node',
  hmacKey: (secret, hash) => nodeHmacKey(secret, HASHES[hash]),
  sha1: (data) => createHash('sha1').update(data).digest(),
  sha256: (data) => createHash('sha256').update(data).digest(),
  encrypt,
  decrypt,
  deflate: (bytes, level) => deflateSync(bytes, { level }),
  randomBytes: (length) => new Uint8Array(randomBytes(length)),
  warn: (code, message) => process.emitWarning(message, { type: 'SessionWarning', code }),
}

function nodeHmacKey(secret: Uint8Array, hash: string): HmacKey {
  const key = createSecretKey(secret)
  const sign = (data: string | Uint8Array): Uint8Array => createHmac(hash, key).update(data).digest()
  return {
    sign,
    verify: (data, mac) => {
      const expected = sign(data)
      return mac.length === expected.length && timingSafeEqual(expected, mac)
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
