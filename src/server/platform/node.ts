/**
 * The platform of Node.js: everything answers at once.
 * The only file that imports `node:` modules.
 */
import { createHmac, createSecretKey, randomBytes, timingSafeEqual } from 'node:crypto'
import { deflateSync } from 'node:zlib'
import type { HashName, HmacKey, Platform } from './platform.js'

const HASHES: Record<HashName, string> = { 'SHA-256': 'sha256', 'SHA-384': 'sha384', 'SHA-512': 'sha512' }

export const platform: Platform = {
  name: 'node',
  hmacKey: (secret, hash) => nodeHmacKey(secret, HASHES[hash]),
  deflate: (bytes, level) => deflateSync(bytes, { level }),
  randomBytes: (length) => new Uint8Array(randomBytes(length)),
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
