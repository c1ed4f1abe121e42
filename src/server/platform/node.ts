/**
 * The platform of Node.js: everything answers at once.
 * It and what it consists of are the only files that import `node:` modules.
 */
import { createHash, KeyObject, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { deflateSync } from 'node:zlib'
import { decrypt, encrypt } from './node-aes.js'
import { nodeHmacKey } from './node-hmac.js'
import { nodeAsymmetricKey } from './node-signature.js'
import type { Platform } from './platform.js'

/** Octets that a stream may have beyond its content (RFC 1950 §2.2, RFC 1951 §3.2.4), and the least that zlib takes as a buffer. */
const DEFLATE_ROOM = 64
/** zlib's default. */
const LARGEST_BUFFER = 16_384

export const platform: Platform = {
  name: 'node',
  hmacKey: nodeHmacKey,
  asymmetricKey: nodeAsymmetricKey,
  secretOctets,
  readFile: (path) => new Uint8Array(readFileSync(path)),
  sha1: (data) => createHash('sha1').update(data).digest(),
  sha256: (data) => createHash('sha256').update(data).digest(),
  encrypt,
  decrypt,
  base64Url,
  deflate,
  randomBytes: (length) => new Uint8Array(randomBytes(length)),
  isProduction,
  warn: (code, message) => process.emitWarning(message, { type: 'SessionWarning', code }),
}

function base64Url(data: string | Uint8Array): string {
  const bytes =
    typeof data === 'string' ? Buffer.from(data) : Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  return bytes.toString('base64url')
}

/** A buffer as large as what can come out: zlib's own of 16 KiB takes longer than many a session. */
function deflate(bytes: Uint8Array, level: number): Uint8Array {
  return deflateSync(bytes, { level, chunkSize: Math.min(bytes.length + DEFLATE_ROOM, LARGEST_BUFFER) })
}

/** Deno throws where it has no leave to look at the environment. */
function isProduction(): boolean {
  try {
    return process.env.NODE_ENV === 'production'
  } catch {
    return false
  }
}

function secretOctets(key: CryptoKey): Uint8Array | undefined {
  if (!key.extractable) return undefined
  const octets = new Uint8Array(KeyObject.from(key as Parameters<typeof KeyObject.from>[0]).export() as Buffer)
  // One of so many bits that they are no whole octets stays with WebCrypto.
  return octets.length * 8 === (key.algorithm as HmacKeyAlgorithm).length ? octets : undefined
}
