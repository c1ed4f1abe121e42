/**
 * What the server needs of its runtime. `node` answers at once, `web` with promises where WebCrypto does.
 * Chosen by the `imports` entry `#platform` of package.json.
 */
import type { MaybePromise } from '../codecs/codec.js'

export type HashName = 'SHA-256' | 'SHA-384' | 'SHA-512'

/** An HMAC key, prepared once (RFC 2104). */
export interface HmacKey {
  /** The MAC of `data` (text as UTF-8): 32, 48 or 64 octets. */
  sign(data: string | Uint8Array): MaybePromise<Uint8Array>
  /** Compares in constant time. */
  verify(data: string | Uint8Array, mac: Uint8Array): MaybePromise<boolean>
}

export interface Platform {
  readonly name: 'node' | 'web'
  hmacKey(secret: Uint8Array, hash: HashName): HmacKey
  /** A zlib stream (RFC 1950) at `level` 0 to 9. */
  deflate(bytes: Uint8Array, level: number): Uint8Array
  randomBytes(length: number): Uint8Array
}
