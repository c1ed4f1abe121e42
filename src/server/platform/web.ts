/**
 * The platform of Cloudflare Workers and whatever else has no modules of Node: WebCrypto for keys, fflate for zlib.
 * Keys answer with promises.
 */

import { zlibSync } from 'fflate/browser'
import { decodeBase64Url, encodeBase64Url, encodeUtf8 } from '../../shared/bytes.js'
import { inflateZlib } from '../../shared/inflate.js'
import type { HashName, HmacKey, Platform } from './platform.js'
import { decryptAes, encryptAes, plainBuffer } from './web-aes.js'
import { webAsymmetricKey, webHmacKeyOf } from './web-signature.js'

export const platform: Platform = {
  name: 'web',
  hmacKey: (secret, hash) => webHmacKey(secret, hash),
  asymmetricKey: webAsymmetricKey,
  secretOctets: () => undefined,
  readFile: () => {
    throw new TypeError('this platform has no files')
  },
  sha1: async (data) => new Uint8Array(await crypto.subtle.digest('SHA-1', plainBuffer(data))),
  sha256: async (data) => new Uint8Array(await crypto.subtle.digest('SHA-256', plainBuffer(data))),
  encrypt: encryptAes,
  decrypt: decryptAes,
  base64Url: (data) => encodeBase64Url(typeof data === 'string' ? encodeUtf8(data) : data),
  octetsOfBase64Url: decodeBase64Url,
  inflate: inflateZlib,
  deflate: (bytes, level) => zlibSync(bytes, { level: level as 9 }),
  randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  warn: (code, message) => console.warn(`[${code}] ${message}`),
}

function webHmacKey(secret: Uint8Array, hash: HashName): HmacKey {
  // Imported at the first use: Workers allow no asynchronous work while a module starts.
  let imported: Promise<CryptoKey> | undefined
  return webHmacKeyOf(() => {
    imported ??= crypto.subtle.importKey('raw', plainBuffer(secret), { name: 'HMAC', hash }, false, ['sign', 'verify'])
    return imported
  })
}
