/**
 * The platform of Cloudflare Workers and whatever else has no modules of Node: WebCrypto for keys, fflate for zlib.
 * Keys answer with promises.
 */

import { decodeBase64Url, encodeBase64Url, encodeUtf8 } from '../../shared/bytes.js'
import { inflateZlib } from '../../shared/inflate.js'
import {
  type AesMode,
  type AesOptions,
  type HashName,
  type HmacKey,
  hmacKeyOf,
  type Platform,
  plainBuffer,
} from './platform.js'

export const platform: Platform = {
  name: 'web',
  hmacKey: (secret, hash) => webHmacKey(secret, hash),
  jwkOfPem: () => {
    throw new TypeError(
      'a PEM that can not be read here: make it PKCS #8 without a passphrase (openssl pkcs8 -topk8 -nocrypt)',
    )
  },
  readFile: () => {
    throw new TypeError('this platform has no files')
  },
  sha1: async (data) => new Uint8Array(await crypto.subtle.digest('SHA-1', plainBuffer(data))),
  sha256: async (data) => new Uint8Array(await crypto.subtle.digest('SHA-256', plainBuffer(data))),
  encrypt: encryptAes,
  decrypt: decryptAes,
  base64Url: (data) => encodeBase64Url(typeof data === 'string' ? encodeUtf8(data) : data),
  decodeBase64Url,
  inflate: inflateZlib,
  deflate,
  randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  warn: (code, message) => console.warn(`[${code}] ${message}`),
}

/** Loaded with the first session that is written: a Worker that only reads has no use for it. */
async function deflate(bytes: Uint8Array, level: number): Promise<Uint8Array> {
  const { zlibSync } = await import('fflate/browser')
  return zlibSync(bytes, { level: level as 9 })
}

function webHmacKey(secret: Uint8Array, hash: HashName): HmacKey {
  // Imported at the first use: Workers allow no asynchronous work while a module starts.
  let imported: Promise<CryptoKey> | undefined
  return hmacKeyOf(() => {
    imported ??= crypto.subtle.importKey('raw', plainBuffer(secret), { name: 'HMAC', hash }, false, ['sign', 'verify'])
    return imported
  })
}

// AES-256 in the ways of Beaker's cookies (FORMATS §2.3).
// NIST SP 800-38A for CTR and CBC, SP 800-38D for GCM.

const BLOCK = 16

/** As `Platform.encrypt`. */
async function encryptAes(mode: AesMode, plaintext: Uint8Array, { key, iv }: AesOptions): Promise<Uint8Array> {
  const imported = await importKey(mode, key, 'encrypt')
  return new Uint8Array(await crypto.subtle.encrypt(parametersOf(mode, iv), imported, plainBuffer(plaintext)))
}

/** As `Platform.decrypt`. */
async function decryptAes(
  mode: AesMode,
  ciphertext: Uint8Array,
  { key, iv }: AesOptions,
): Promise<Uint8Array | undefined> {
  try {
    const imported = await importKey(mode, key, 'decrypt')
    return new Uint8Array(await crypto.subtle.decrypt(parametersOf(mode, iv), imported, plainBuffer(ciphertext)))
  } catch {
    return undefined
  }
}

function importKey(mode: AesMode, key: Uint8Array, usage: KeyUsage): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', plainBuffer(key), `AES-${mode}`, false, [usage])
}

function parametersOf(mode: AesMode, iv: Uint8Array): AesCtrParams | AesCbcParams | AesGcmParams {
  const name = `AES-${mode}`
  return mode === 'CTR' ? { name, counter: plainBuffer(iv), length: BLOCK * 8 } : { name, iv: plainBuffer(iv) }
}
