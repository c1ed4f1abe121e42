/**
 * HMAC with node:crypto, as two hashes of one call each: `createHmac` takes longer to set itself up than both need for a session.
 * RFC 2104.
 */
import * as crypto from 'node:crypto'
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
