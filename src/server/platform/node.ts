/**
 * The platform of Node.js: node:crypto for keys, node:zlib for streams.
 * The one file that imports `node:` modules, beside the testing helpers and the command line.
 */

import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'
import { readFileSync } from 'node:fs'
import { deflateSync, inflateSync } from 'node:zlib'
import { SessionError } from '../../shared/errors.js'
import type { AesMode, AesOptions, HashName, HmacKey, Platform } from './platform.js'

/** Bytes that a stream may have beyond its content (RFC 1950 §2.2, RFC 1951 §3.2.4), and the least that zlib takes as a buffer. */
const DEFLATE_ROOM = 64
/** zlib's default. */
const LARGEST_BUFFER = 16_384
/** The window that zlib needs beyond the text, in bytes, so that it looks at all of it. */
const LOOKAHEAD = 261
/** DEFLATE with a window of 32 KiB. */
const CMF = 0x78

export const platform: Platform = {
  name: 'node',
  hmacKey: nodeHmacKey,
  jwkOfPem,
  readFile,
  sha1: async (data) => createHash('sha1').update(data).digest(),
  sha256: async (data) => createHash('sha256').update(data).digest(),
  encrypt: async (mode, plaintext, options) => encrypt(mode, plaintext, options),
  decrypt: async (mode, ciphertext, options) => decrypt(mode, ciphertext, options),
  base64Url,
  decodeBase64Url,
  inflate,
  deflate,
  randomBytes: (length) => new Uint8Array(randomBytes(length)),
  warn: (code, message) => process.emitWarning(message, { type: 'SessionWarning', code }),
}

/** The message of the file system has the path, which is not for a log. */
function readFile(path: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(path))
  } catch {
    throw new TypeError('a "file" that cannot be read')
  }
}

function base64Url(data: string | Uint8Array): string {
  const bytes =
    typeof data === 'string' ? Buffer.from(data) : Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  return bytes.toString('base64url')
}

/** A text of other characters, or one with bits left over, is not what its bytes are written as. */
function decodeBase64Url(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.toString('base64url') !== text) throw new SessionError('ERR_SESSION_MALFORMED')
  return bytes
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
  /** `bytesWritten`: bytes of the input that it took. */
  engine: { bytesWritten: number }
}

/**
 * A text gets a window of its size, and memory for one block: setting up zlib's usual 256 KiB takes longer than a session. The
 * header names the usual window, as Python's does, and every reader has room for that (RFC 1950 §2.2).
 */
async function deflate(bytes: Uint8Array, level: number): Promise<Uint8Array> {
  const chunkSize = Math.min(bytes.length + DEFLATE_ROOM, LARGEST_BUFFER)
  const windowBits = Math.min(32 - Math.clz32(bytes.length + LOOKAHEAD), 15)
  const stream = deflateSync(bytes, { level, chunkSize, windowBits, memLevel: Math.min(windowBits - 6, 8) })
  const flevel = (stream[1] as number) & 0xc0
  stream[0] = CMF
  stream[1] = flevel | (31 - ((CMF * 256 + flevel) % 31))
  return stream
}

// AES with node:crypto.
// NIST SP 800-38A and 800-38D.

const GCM_TAG = 16

function encrypt(mode: AesMode, plaintext: Uint8Array, { key, iv }: AesOptions): Uint8Array {
  if (mode === 'GCM') {
    const cipher = createCipheriv('aes-256-gcm', key, iv)
    return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
  }
  const cipher = createCipheriv(mode === 'CTR' ? 'aes-256-ctr' : 'aes-256-cbc', key, iv)
  return Buffer.concat([cipher.update(plaintext), cipher.final()])
}

function decrypt(mode: AesMode, ciphertext: Uint8Array, { key, iv }: AesOptions): Uint8Array | undefined {
  try {
    if (mode === 'GCM') {
      const end = ciphertext.length - GCM_TAG
      if (end < 0) return undefined
      const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: GCM_TAG })
      decipher.setAuthTag(ciphertext.subarray(end))
      return Buffer.concat([decipher.update(ciphertext.subarray(0, end)), decipher.final()])
    }
    // Deno takes no bytes at all for a padded text.
    if (mode === 'CBC' && ciphertext.length === 0) return undefined
    const decipher = createDecipheriv(mode === 'CTR' ? 'aes-256-ctr' : 'aes-256-cbc', key, iv)
    return Buffer.concat([decipher.update(ciphertext), decipher.final()])
  } catch {
    return undefined
  }
}

// HMAC: RFC 2104.

/** What OpenSSL calls the hashes. */
const HASHES: Record<HashName, string> = {
  'SHA-1': 'sha1',
  'SHA-256': 'sha256',
  'SHA-384': 'sha384',
  'SHA-512': 'sha512',
}

function nodeHmacKey(secret: Uint8Array, hashName: HashName): HmacKey {
  const key = createSecretKey(secret)
  const hash = HASHES[hashName]
  const sign = (data: string | Uint8Array): Uint8Array => createHmac(hash, key).update(data).digest()
  return {
    sign: async (data) => sign(data),
    // At once: an array in between takes a third of the time.
    signText: async (data) => createHmac(hash, key).update(data).digest('base64url'),
    signNow: sign,
    async verify(data, mac) {
      const expected = sign(data)
      return mac.length === expected.length && timingSafeEqual(expected, mac)
    },
  }
}

// Keys that only node:crypto reads: PKCS #1 and SEC 1 (RFC 8017 §A.1, RFC 5915), and those with a passphrase.

function jwkOfPem(pem: string, passphrase?: string): object {
  try {
    if (!/^-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) return createPublicKey(pem).export({ format: 'jwk' })
    const key = createPrivateKey(passphrase === undefined ? pem : { key: pem, passphrase })
    return key.export({ format: 'jwk' })
  } catch {
    // What the platform says of a key may hold parts of it.
    throw new TypeError('a PEM that can not be read (one whole key, with its passphrase)')
  }
}
