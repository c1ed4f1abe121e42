/**
 * HMAC with node:crypto, as two hashes of one call each: `createHmac` takes longer to set itself up than both need for a session.
 * RFC 2104.
 */
import { createHash, hash as digest, timingSafeEqual } from 'node:crypto'
import type { HashName, HmacKey } from './platform.js'

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

export function nodeHmacKey(secret: Uint8Array, hashName: HashName): HmacKey {
  const hash = HASHES[hashName]
  const block = BLOCKS[hashName]
  const key = secret.length > block ? createHash(hash).update(secret).digest() : secret
  const inner = Buffer.alloc(block + ROOM, INNER_PAD)
  const outer = Buffer.alloc(block + createHash(hash).digest().length, OUTER_PAD)
  for (const [index, octet] of key.entries()) {
    inner[index] = octet ^ INNER_PAD
    outer[index] = octet ^ OUTER_PAD
  }

  function mac(data: string | Uint8Array, encoding: 'base64url' | 'binary'): string {
    outer.write(digest(hash, behindKey(data), 'binary'), block, 'binary')
    return digest(hash, outer, encoding)
  }

  function behindKey(data: string | Uint8Array): Uint8Array {
    if (typeof data === 'string') {
      // No unit of UTF-16 takes more than three octets.
      if (data.length * 3 <= ROOM) return inner.subarray(0, block + inner.write(data, block))
      return behindKey(Buffer.from(data))
    }
    if (data.length > ROOM) return Buffer.concat([inner.subarray(0, block), data])
    inner.set(data, block)
    return inner.subarray(0, block + data.length)
  }

  const sign = (data: string | Uint8Array): Uint8Array => Buffer.from(mac(data, 'binary'), 'binary')
  return {
    sign,
    signText: (data) => mac(data, 'base64url'),
    verify: (data, given) => {
      const expected = sign(data)
      return given.length === expected.length && timingSafeEqual(expected, given)
    },
  }
}
