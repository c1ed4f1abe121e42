/**
 * What the server needs of its runtime.
 * Chosen by the `imports` entry `#platform` of package.json.
 */
import { encodeBase64Url, encodeUtf8 } from '../../shared/bytes.js'

/** SHA-1 is there for the signatures of Beaker alone (FORMATS §2.1). */
export type HashName = 'SHA-1' | 'SHA-256' | 'SHA-384' | 'SHA-512'

/** An HMAC key, prepared once (RFC 2104). */
export interface HmacKey {
  /** The MAC of `data` (text as UTF-8): 20, 32, 48 or 64 bytes. */
  sign(data: string | Uint8Array): Promise<Uint8Array>
  /** The same as base64url, as tokens have it (RFC 7515 §3.1). */
  signText(data: string | Uint8Array): Promise<string>
  /** The same at once, if the runtime can. */
  signNow?(data: string | Uint8Array): Uint8Array
  /** Compares in constant time. */
  verify(data: string | Uint8Array, mac: Uint8Array): Promise<boolean>
}

/**
 * The ways of AES-256 that stand in Beaker's cookies (FORMATS §2.3): CTR counts in all 16 bytes of its first block, CBC pads
 * as PKCS #7, GCM takes an IV of 12 bytes and puts its tag of 16 behind the text.
 */
export type AesMode = 'CTR' | 'CBC' | 'GCM'

export interface AesOptions {
  /** 32 bytes. */
  key: Uint8Array
  /** 16 bytes, or 12 for GCM. */
  iv: Uint8Array
}

export interface Platform {
  readonly name: 'node' | 'web'
  hmacKey(secret: Uint8Array, hash: HashName): HmacKey
  /**
   * The JWK of a key in PEM, also of one that WebCrypto does not read (PKCS #1, SEC 1, or with a passphrase).
   *
   * @throws {TypeError} if the platform can't read it
   */
  jwkOfPem(pem: string, passphrase?: string): object
  /** The bytes of a file. @throws {TypeError} if it can't be read, without its path */
  readFile(path: string): Uint8Array
  /** The SHA-1 digest of `data`, 20 bytes. */
  sha1(data: Uint8Array): Promise<Uint8Array>
  /** The SHA-256 digest of `data`, 32 bytes. */
  sha256(data: Uint8Array): Promise<Uint8Array>
  encrypt(mode: AesMode, plaintext: Uint8Array, options: AesOptions): Promise<Uint8Array>
  /** @returns undefined where the length, the padding or the tag is wrong */
  decrypt(mode: AesMode, ciphertext: Uint8Array, options: AesOptions): Promise<Uint8Array | undefined>
  /** base64url without padding (RFC 4648 §5) of bytes, or of a text as UTF-8. */
  base64Url(data: string | Uint8Array): string
  /** What `decodeBase64Url` gives, and throws. */
  decodeBase64Url(text: string): Uint8Array
  /** Gives and throws what `inflateZlib` does. */
  inflate(bytes: Uint8Array, limit: number): Uint8Array
  /** A zlib stream (RFC 1950) at `level` 0 to 9. */
  deflate(bytes: Uint8Array, level: number): Promise<Uint8Array>
  randomBytes(length: number): Uint8Array
  /** Tells the operator. Neither stops anything. */
  warn(code: string, message: string): void
}

/** An HMAC key of WebCrypto. @param key - asked for at each use */
export function hmacKeyOf(key: () => Promise<CryptoKey>): HmacKey {
  const sign = async (data: string | Uint8Array): Promise<Uint8Array> =>
    new Uint8Array(await crypto.subtle.sign('HMAC', await key(), bytesOf(data)))
  return {
    sign,
    signText: async (data) => encodeBase64Url(await sign(data)),
    verify: async (data, mac) => crypto.subtle.verify('HMAC', await key(), plainBuffer(mac), bytesOf(data)),
  }
}

/** What WebCrypto takes: text as UTF-8. */
export function bytesOf(data: string | Uint8Array): Uint8Array<ArrayBuffer> {
  return plainBuffer(typeof data === 'string' ? encodeUtf8(data) : data)
}

/** WebCrypto's types refuse views of a SharedArrayBuffer. */
export function plainBuffer(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes)
}
