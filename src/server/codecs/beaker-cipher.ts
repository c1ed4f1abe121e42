/**
 * The body of a Beaker cookie: base64 of the serialized session, or a nonce as text and base64 of AES-256 over the session.
 * FORMATS §2.3, and §2.4 for 0.9.0 and 0.9.1.
 */
import { platform } from '#platform'
import { decodeBase64, encodeBase64 } from '../../shared/base64.js'
import { concatBytes, encodeUtf8 } from '../../shared/bytes.js'
import { SessionError } from '../../shared/errors.js'
import type { AesMode, HmacKey } from '../platform/platform.js'

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

/** A body without its base64 and its encryption. */
export interface OpenedBody {
  bytes: Uint8Array
  /** A tag under the encryption key proves that these are the bytes that were encrypted. */
  isProven: boolean
}

export interface BeakerCipher {
  /** Absent: only reads. */
  encrypt?(plaintext: Uint8Array, validateKey: string): Promise<string>
  /**
   * @param isSession - whether bytes are a session, for `auto`
   * @throws {SessionError} `ERR_SESSION_KEY`, `ERR_SESSION_MALFORMED`
   */
  decrypt(body: string, validateKey: string, isSession: (plaintext: Uint8Array) => boolean): Promise<OpenedBody>
}

type BeakerMode = AesMode | 'ECB'

const MODES: Partial<Record<BeakerCryptoType, BeakerMode>> = {
  cryptography: 'GCM',
  pycrypto: 'CTR',
  pycryptodome: 'CTR',
  nss: 'CBC',
  'pycrypto-ecb': 'ECB',
  'beaker-0.9': 'CTR',
}
/** GCM comes first: its tag leaves no doubt. */
const ALL_MODES: readonly BeakerMode[] = ['GCM', 'CTR', 'CBC', 'ECB']
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
    async decrypt(body, validateKey, isSession) {
      const length = isOldest ? OLDEST_NONCE_LENGTH : nonceLengthOf(body, nonceBits)
      const nonce = body.slice(0, length)
      const ciphertext = decodeBody(body.slice(length), options.strictBase64)
      const key = await deriveKey(password, encodeUtf8(isOldest ? validateKey : validateKey + nonce))
      const opened =
        mode === undefined
          ? await decryptAny(ciphertext, key, isSession)
          : await decryptAs(mode, ciphertext, key, isOldest ? oldestCounter(nonce) : undefined)
      if (opened === undefined) {
        throw new SessionError('ERR_SESSION_KEY', 'The encryption key or the cipher is wrong')
      }
      return opened
    },
  }
  const canEncrypt =
    mode !== undefined && mode !== 'ECB' && !isOldest && (nonceBits ?? DEFAULT_BITS) >= FEWEST_BITS_TO_WRITE
  if (canEncrypt) {
    cipher.encrypt = async (plaintext, validateKey) => {
      // The text itself goes into the key, padding and all.
      const nonce = encodeBase64(platform.randomBytes((nonceBits ?? DEFAULT_BITS) / 8))
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

/** Padding of base64 (RFC 4648 §4) that is not at the end. */
const PADDED_INSIDE = /=[^=]/

/**
 * The bytes of a body that is not encrypted, or of what stands behind its nonce.
 *
 * @throws {SessionError} `ERR_SESSION_KEY` if the text goes on behind its padding, as it does with a nonce in it;
 *   `ERR_SESSION_MALFORMED`
 */
export function decodeBody(text: string, strict: boolean): Uint8Array {
  try {
    return decodeBase64(text, strict)
  } catch (error) {
    if (!PADDED_INSIDE.test(text)) throw error
    const message = 'The body is encrypted, or its nonce has another length'
    throw new SessionError('ERR_SESSION_KEY', message, { cause: error })
  }
}

/** PBKDF2 (RFC 8018 §5.2) with its one iteration: the HMACs of the salt and a block number, one after the other. */
async function deriveKey(password: HmacKey, salt: Uint8Array): Promise<Uint8Array> {
  const key = new Uint8Array(32)
  for (let block = 1, at = 0; at < key.length; block++) {
    const mac = await password.sign(concatBytes(salt, Uint8Array.of(0, 0, 0, block)))
    key.set(mac.subarray(0, key.length - at), at)
    at += mac.length
  }
  return key
}

async function encryptAs(mode: AesMode, plaintext: Uint8Array, key: Uint8Array): Promise<Uint8Array> {
  if (mode !== 'GCM') return await platform.encrypt(mode, plaintext, { key, iv: new Uint8Array(16) })
  const iv = platform.randomBytes(IV)
  const sealed = await platform.encrypt(mode, plaintext, { key, iv })
  // Beaker puts the tag in front.
  const end = sealed.length - TAG
  return concatBytes(iv, sealed.subarray(end), sealed.subarray(0, end))
}

async function decryptAs(
  mode: BeakerMode,
  ciphertext: Uint8Array,
  key: Uint8Array,
  iv: Uint8Array = new Uint8Array(16),
): Promise<OpenedBody | undefined> {
  if (mode === 'ECB') {
    const bytes = await decryptEcb(ciphertext, key)
    return bytes && { bytes, isProven: false }
  }
  const isProven = mode === 'GCM'
  if (isProven && ciphertext.length < IV + TAG) return undefined
  const sealed = isProven ? concatBytes(ciphertext.subarray(IV + TAG), ciphertext.subarray(IV, IV + TAG)) : ciphertext
  const bytes = await platform.decrypt(mode, sealed, { key, iv: isProven ? ciphertext.subarray(0, IV) : iv })
  return bytes && { bytes, isProven }
}

const BLOCK = 16

/**
 * ECB has no IV and no padding, and CBC is one XOR away from it (NIST SP 800-38A §6.1 and §6.2). A last block is added that decrypts to
 * nothing but padding, since CBC looks for some; then the XOR with the block before is taken back.
 */
export async function decryptEcb(ciphertext: Uint8Array, key: Uint8Array): Promise<Uint8Array | undefined> {
  if (ciphertext.length % BLOCK !== 0) return undefined
  if (ciphertext.length === 0) return new Uint8Array()
  const padding = await platform.encrypt('CBC', new Uint8Array(), { key, iv: ciphertext.slice(-BLOCK) })
  const iv = new Uint8Array(BLOCK)
  const plaintext = await platform.decrypt('CBC', concatBytes(ciphertext, padding), { key, iv })
  return plaintext?.map((byte, at) => byte ^ (at < BLOCK ? 0 : (ciphertext[at - BLOCK] as number)))
}

/** The one cipher whose result is a session; with none or two of them nothing is certain. */
async function decryptAny(
  ciphertext: Uint8Array,
  key: Uint8Array,
  isSession: (plaintext: Uint8Array) => boolean,
): Promise<OpenedBody | undefined> {
  let found: OpenedBody | undefined
  for (const mode of ALL_MODES) {
    const opened = await decryptAs(mode, ciphertext, key)
    if (opened?.isProven) return opened
    if (!opened || !isSession(opened.bytes)) continue
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
