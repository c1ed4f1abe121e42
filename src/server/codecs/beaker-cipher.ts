/**
 * The body of an encrypted Beaker cookie: a nonce as text, then base64 of AES-256 over the serialized session.
 * FORMATS §2.3, and §2.4 for 0.9.0 and 0.9.1.
 */
import { platform } from '#platform'
import { encodeBase64 } from '../../shared/base64.js'
import { concatBytes, encodeUtf8 } from '../../shared/bytes.js'
import { SessionError } from '../../shared/errors.js'
import type { AesMode, HmacKey } from '../platform/platform.js'
import { decodeBody, type OpenedBody } from './beaker.js'

/**
 * What encrypted a cookie, by the names of Beaker's `crypto_type`: `cryptography` is AES-GCM, `pycrypto` (or `pycryptodome`)
 * AES-CTR, `nss` AES-CBC. Read only: `pycrypto-ecb` of Beaker 1.5.2 to 1.6.3, `beaker-0.9` of 0.9.0 and 0.9.1, and `auto`,
 * which finds out whether it was one of the first four.
 */
export type BeakerCryptoType =
  | 'cryptography'
  | 'pycrypto'
  | 'pycryptodome'
  | 'nss'
  | 'pycrypto-ecb'
  | 'beaker-0.9'
  | 'auto'

export interface BeakerCipherOptions {
  encryptKey: string
  cryptoType: BeakerCryptoType
  /** Random bits of a nonce; undefined: 128 to write, and to read what the value shows. */
  nonceBits: number | undefined
  strictBase64: boolean
}

export interface BeakerCipher {
  /** Absent: for reading alone. */
  encrypt?(plaintext: Uint8Array, validateKey: string): Promise<string>
  /**
   * @param fits - whether octets are a session, for `auto`
   * @throws {SessionError} `ERR_SESSION_KEY`, `ERR_SESSION_MALFORMED`
   */
  decrypt(body: string, validateKey: string, fits: (plaintext: Uint8Array) => boolean): Promise<OpenedBody>
}

const MODES: Partial<Record<BeakerCryptoType, AesMode>> = {
  cryptography: 'GCM',
  pycrypto: 'CTR',
  pycryptodome: 'CTR',
  nss: 'CBC',
  'pycrypto-ecb': 'ECB',
  'beaker-0.9': 'CTR',
}
/** GCM comes first: its tag leaves no doubt. */
const ALL_MODES: readonly AesMode[] = ['GCM', 'CTR', 'CBC', 'ECB']
const DEFAULT_BITS = 128
/** Fewer would soon be drawn twice, and with AES-CTR two sessions of one nonce give each other away. */
const FEWEST_BITS_TO_WRITE = 48
const MOST_BITS = 1024
const OLDEST_NONCE_LENGTH = 8
const IV = 12
const TAG = 16

/** @throws {TypeError} for an unknown `cryptoType`, and `nonceBits` that Beaker has no nonce for */
export function createBeakerCipher(options: BeakerCipherOptions): BeakerCipher {
  const { cryptoType, nonceBits } = options
  const isOldest = cryptoType === 'beaker-0.9'
  const mode = Object.hasOwn(MODES, cryptoType) ? MODES[cryptoType] : undefined
  if (mode === undefined && cryptoType !== 'auto') {
    throw new TypeError(`Option "cryptoType" must be one of ${Object.keys(MODES).join(', ')}, auto`)
  }
  checkBits(nonceBits)
  const password = platform.hmacKey(encodeUtf8(options.encryptKey), isOldest ? 'SHA-256' : 'SHA-1')
  const cipher: BeakerCipher = {
    async decrypt(body, validateKey, fits) {
      const length = isOldest ? OLDEST_NONCE_LENGTH : nonceLengthOf(body, nonceBits)
      const nonce = body.slice(0, length)
      const payload = decodeBody(body.slice(length), options.strictBase64)
      const key = await deriveKey(password, encodeUtf8(isOldest ? validateKey : validateKey + nonce))
      const opened =
        mode === undefined
          ? await decryptAny(payload, key, fits)
          : await decryptAs(mode, payload, key, isOldest ? oldestCounter(nonce) : undefined)
      if (opened === undefined) {
        throw new SessionError('ERR_SESSION_KEY', 'The encryption key or the cipher is another one')
      }
      return opened
    },
  }
  const writes =
    mode !== undefined && mode !== 'ECB' && !isOldest && (nonceBits ?? DEFAULT_BITS) >= FEWEST_BITS_TO_WRITE
  if (writes) {
    cipher.encrypt = async (plaintext, validateKey) => {
      const octets = (nonceBits ?? DEFAULT_BITS) / 8
      // The text itself goes into the key, padding and all.
      const nonce = encodeBase64(platform.randomBytes(octets))
      const key = await deriveKey(password, encodeUtf8(validateKey + nonce))
      return nonce + encodeBase64(await encryptAs(mode, plaintext, key))
    }
  }
  return cipher
}

function checkBits(bits: number | undefined): void {
  if (bits === undefined || (Number.isInteger(bits) && bits % 8 === 0 && bits >= 8 && bits <= MOST_BITS)) return
  throw new TypeError(`Option "nonceBits" must be a multiple of 8, ${MOST_BITS} at most`)
}

/** Unless it is given: only a nonce of 128 bits puts `==` at its place and goes on behind it; all before 1.8 had 48 bits. */
function nonceLengthOf(body: string, bits: number | undefined): number {
  if (bits !== undefined) return Math.ceil(bits / 24) * 4
  return body.length > 24 && body.slice(22, 24) === '==' ? 24 : 8
}

/** PBKDF2 (RFC 8018 §5.2) with its one iteration: the HMACs of the salt and a block number, one after the other. */
async function deriveKey(password: HmacKey, salt: Uint8Array): Promise<Uint8Array> {
  const key = new Uint8Array(32)
  for (let block = 1, at = 0; at < key.length; block++) {
    const octets = await password.sign(concatBytes(salt, Uint8Array.of(0, 0, 0, block)))
    key.set(octets.subarray(0, key.length - at), at)
    at += octets.length
  }
  return key
}

async function encryptAs(mode: Exclude<AesMode, 'ECB'>, plaintext: Uint8Array, key: Uint8Array): Promise<Uint8Array> {
  if (mode !== 'GCM') return await platform.encrypt(mode, plaintext, { key, iv: new Uint8Array(16) })
  const iv = platform.randomBytes(IV)
  const sealed = await platform.encrypt(mode, plaintext, { key, iv })
  // Beaker puts the tag in front.
  const end = sealed.length - TAG
  return concatBytes(iv, sealed.subarray(end), sealed.subarray(0, end))
}

async function decryptAs(
  mode: AesMode,
  payload: Uint8Array,
  key: Uint8Array,
  iv: Uint8Array = new Uint8Array(16),
): Promise<OpenedBody | undefined> {
  const isProven = mode === 'GCM'
  if (isProven && payload.length < IV + TAG) return undefined
  const sealed = isProven ? concatBytes(payload.subarray(IV + TAG), payload.subarray(IV, IV + TAG)) : payload
  const bytes = await platform.decrypt(mode, sealed, { key, iv: isProven ? payload.subarray(0, IV) : iv })
  return bytes && { bytes, isProven }
}

/** The one cipher whose result is a session; with none or two of them nothing is certain. */
async function decryptAny(
  payload: Uint8Array,
  key: Uint8Array,
  fits: (plaintext: Uint8Array) => boolean,
): Promise<OpenedBody | undefined> {
  let found: OpenedBody | undefined
  for (const mode of ALL_MODES) {
    const opened = await decryptAs(mode, payload, key)
    if (opened?.isProven) return opened
    if (!opened || !fits(opened.bytes)) continue
    if (found) return undefined
    found = opened
  }
  return found
}

/** The nonce's characters, then 64 bits that count from 1. */
function oldestCounter(nonce: string): Uint8Array {
  const counter = new Uint8Array(16)
  counter.set(encodeUtf8(nonce).subarray(0, OLDEST_NONCE_LENGTH))
  counter[15] = 1
  return counter
}
