/**
 * What the server needs of its runtime. `node` answers at once, `web` with promises where WebCrypto does.
 * Chosen by the `imports` entry `#platform` of package.json.
 */
import type { MaybePromise } from '../codecs/codec.js'
import type { AsymmetricKey, KeyMaterial } from './signature.js'

/** SHA-1 is there for the signatures of Beaker alone (FORMATS §2.1). */
export type HashName = 'SHA-1' | 'SHA-256' | 'SHA-384' | 'SHA-512'

/** An HMAC key, prepared once (RFC 2104). */
export interface HmacKey {
  /** The MAC of `data` (text as UTF-8): 20, 32, 48 or 64 octets. */
  sign(data: string | Uint8Array): MaybePromise<Uint8Array>
  /** The same as base64url without padding. */
  signText(data: string | Uint8Array): MaybePromise<string>
  /** Compares in constant time. */
  verify(data: string | Uint8Array, mac: Uint8Array): MaybePromise<boolean>
}

/**
 * The ways of AES-256 that stand in Beaker's cookies (FORMATS §2.3): CTR counts in all 16 octets of its first block, CBC pads
 * as PKCS #7, GCM takes an IV of 12 octets and puts its tag of 16 behind the text, ECB knows no IV and no padding.
 */
export type AesMode = 'CTR' | 'CBC' | 'GCM' | 'ECB'

export interface AesOptions {
  /** 32 octets. */
  key: Uint8Array
  /** 16 octets, or 12 for GCM; ECB has none. */
  iv: Uint8Array
}

export interface Platform {
  readonly name: 'node' | 'web'
  hmacKey(secret: Uint8Array, hash: HashName): HmacKey
  /** Reads a key pair or a public key; nothing is said yet about what it may be used for. @throws for what is no key */
  asymmetricKey(material: KeyMaterial): AsymmetricKey
  /** The octets of a secret that may be exported; undefined where they can't be had at once. */
  secretOctets(key: CryptoKey): Uint8Array | undefined
  /** The octets of a file. @throws {TypeError} where there are no files */
  readFile(path: string): Uint8Array
  /** The SHA-1 digest of `data`, 20 octets. */
  sha1(data: Uint8Array): MaybePromise<Uint8Array>
  /** The SHA-256 digest of `data`, 32 octets. */
  sha256(data: Uint8Array): MaybePromise<Uint8Array>
  encrypt(mode: Exclude<AesMode, 'ECB'>, plaintext: Uint8Array, options: AesOptions): MaybePromise<Uint8Array>
  /** @returns undefined where the length, the padding or the tag is wrong */
  decrypt(mode: AesMode, ciphertext: Uint8Array, options: AesOptions): MaybePromise<Uint8Array | undefined>
  /** base64url without padding (RFC 4648 §5) of octets, or of a text as UTF-8. */
  base64Url(data: string | Uint8Array): string
  /** What `decodeBase64Url` gives, and throws. */
  octetsOfBase64Url(text: string): Uint8Array
  /** What `inflateZlib` gives, in an array of its own, and throws. */
  inflate(bytes: Uint8Array, limit: number): Uint8Array
  /** A zlib stream (RFC 1950) at `level` 0 to 9. */
  deflate(bytes: Uint8Array, level: number): Uint8Array
  randomBytes(length: number): Uint8Array
  /** Whether `NODE_ENV` says `production`: what helps only who writes an application is left out then. */
  isProduction(): boolean
  /** Tells the operator. Neither stops anything. */
  warn(code: string, message: string): void
}
