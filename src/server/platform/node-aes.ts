/**
 * AES with node:crypto.
 * NIST SP 800-38A and 800-38D.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto'
import type { AesMode, AesOptions } from './platform.js'

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
