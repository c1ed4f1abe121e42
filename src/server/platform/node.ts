/**
 * The platform of Node.js: everything answers at once.
 * It and what it consists of are the only files that import `node:` modules.
 */
import { createHash, KeyObject, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { deflateSync, inflateSync } from 'node:zlib'
import { SessionError } from '../../shared/errors.js'
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
  octetsOfBase64Url,
  inflate,
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

/** A text of other characters, or one with bits left over, is not what its octets are written as. */
function octetsOfBase64Url(text: string): Uint8Array {
  const octets = Buffer.from(text, 'base64url')
  if (octets.toString('base64url') !== text) throw new SessionError('ERR_SESSION_MALFORMED')
  return octets
}

function inflate(bytes: Uint8Array, limit: number): Uint8Array {
  try {
    const options = {
      info: true,
      maxOutputLength: limit,
      chunkSize: Math.min(bytes.length * 4 + DEFLATE_ROOM, LARGEST_BUFFER),
    }
    const { buffer, engine } = inflateSync(bytes, options) as unknown as Inflated
    if (engine.bytesWritten === bytes.length) return buffer
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE') throw new SessionError('ERR_SESSION_LIMIT')
  }
  throw new SessionError('ERR_SESSION_COMPRESSION')
}

/** What zlib tells with `info`. */
interface Inflated {
  buffer: Uint8Array
  /** `bytesWritten`: octets of the input that it took. */
  engine: { bytesWritten: number }
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
