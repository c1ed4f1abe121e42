/**
 * AES-256 by WebCrypto, in the ways of Beaker's cookies (FORMATS §2.3).
 * NIST SP 800-38A for CTR, CBC and ECB, SP 800-38D for GCM.
 */
import type { AesMode, AesOptions } from './platform.js'

const BLOCK = 16

/** As `Platform.encrypt`. */
export async function encryptAes(
  mode: Exclude<AesMode, 'ECB'>,
  plaintext: Uint8Array,
  { key, iv }: AesOptions,
): Promise<Uint8Array> {
  const imported = await importKey(mode, key, 'encrypt')
  return new Uint8Array(await crypto.subtle.encrypt(parametersOf(mode, iv), imported, plainBuffer(plaintext)))
}

/** As `Platform.decrypt`. */
export async function decryptAes(
  mode: AesMode,
  ciphertext: Uint8Array,
  { key, iv }: AesOptions,
): Promise<Uint8Array | undefined> {
  try {
    if (mode === 'ECB') return await decryptEcb(ciphertext, key)
    const imported = await importKey(mode, key, 'decrypt')
    return new Uint8Array(await crypto.subtle.decrypt(parametersOf(mode, iv), imported, plainBuffer(ciphertext)))
  } catch {
    return undefined
  }
}

/**
 * WebCrypto has no ECB, but CBC is one XOR away from it. A last block is added that decrypts to nothing but padding, since
 * WebCrypto always looks for some; then the XOR with the block before is taken back.
 */
async function decryptEcb(ciphertext: Uint8Array, key: Uint8Array): Promise<Uint8Array | undefined> {
  if (ciphertext.length % BLOCK !== 0) return undefined
  if (ciphertext.length === 0) return new Uint8Array()
  const padding = await encryptAes('CBC', new Uint8Array(), { key, iv: ciphertext.slice(-BLOCK) })
  const padded = new Uint8Array(ciphertext.length + BLOCK)
  padded.set(ciphertext)
  padded.set(padding, ciphertext.length)
  const plaintext = await decryptAes('CBC', padded, { key, iv: new Uint8Array(BLOCK) })
  return plaintext?.map((octet, at) => octet ^ (at < BLOCK ? 0 : (ciphertext[at - BLOCK] as number)))
}

function importKey(mode: AesMode, key: Uint8Array, usage: KeyUsage): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', plainBuffer(key), `AES-${mode}`, false, [usage])
}

function parametersOf(mode: AesMode, iv: Uint8Array): AesCtrParams | AesCbcParams | AesGcmParams {
  const name = `AES-${mode}`
  return mode === 'CTR' ? { name, counter: plainBuffer(iv), length: BLOCK * 8 } : { name, iv: plainBuffer(iv) }
}

/** WebCrypto's types refuse views of a SharedArrayBuffer. */
export function plainBuffer(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes)
}
