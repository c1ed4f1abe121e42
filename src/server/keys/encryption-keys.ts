/**
 * Keys that encrypt, one of each secret for each use, and tokens that are encrypted with them, by jose.
 * RFC 5869 (HKDF with SHA-256 and no salt), RFC 7516 with the key management `dir` (RFC 7518 §4.5), FORMATS §12.
 */
import { platform } from '#platform'
import { concatBytes, encodeUtf8 } from '../../shared/bytes.js'
import { plainBuffer } from '../platform/platform.js'
import { boundName, createHmacKeys, derivedOnce, type HmacKeys, type KeyUse, type Secrets, secretList } from './hmac.js'

/** What encrypts the content: AES-256 with GCM, or with CBC and HMAC-SHA-512 (RFC 7518 §5.2.5 and §5.3). */
export type ContentEncryption = 'A256GCM' | 'A256CBC-HS512'

export interface EncryptionKeysOptions {
  secrets: Secrets
  enc: ContentEncryption
  /** Takes secrets that are shorter than 32 bytes, and texts that anyone may know. */
  allowWeakSecrets: boolean
}

interface DecryptedToken {
  plaintext: Uint8Array
  /** The place of the secret. */
  keyIndex: number
  kid: string
}

/** Everything that one codec makes of its secrets. */
export interface EncryptionKeys {
  /** As `SessionCodec.deriveKeys`. */
  derive: HmacKeys['derive']
  thumbprints: HmacKeys['thumbprints']
  /** A secret of 32 bytes for the public cookie, one of each secret. */
  publicSecrets(): Promise<readonly Uint8Array[]>
  /** Loads what `encrypt` needs. */
  prepare(): Promise<void>
  /** @returns a token in compact serialization. @throws {TypeError} if there is no key at `use.keyIndex` */
  encrypt(plaintext: Uint8Array, use: KeyUse): Promise<string>
  /**
   * @param token - its form and its header were checked
   * @param kid - as its header says: a key that it names is the only one that is tried
   * @returns undefined if no key fits. @throws {SessionError} `ERR_SESSION_LIMIT` for one token too many
   */
  decrypt(token: string, kid: unknown, use: KeyUse): Promise<DecryptedToken | undefined>
}

interface EncryptionKey {
  /** Bytes where WebCrypto has no such key. */
  key: CryptoKey | Uint8Array
  kid: string
}

/** RFC 7518 §5.1: half of the longer one is the key of an HMAC. */
const KEY_BYTES: Readonly<Record<ContentEncryption, number>> = { A256GCM: 32, 'A256CBC-HS512': 64 }
/** 8 characters: enough to tell 32 keys apart. */
const KID_BYTES = 6
const SECRET_BYTES = 32
const HASH_BYTES = 32
/** What the input of each derived key begins with. */
const LABEL = 'sessionglass jwe 1'

/** @throws {TypeError} for an empty secret, and for a weak one unless `allowWeakSecrets` */
export function createEncryptionKeys({ secrets, enc, allowWeakSecrets }: EncryptionKeysOptions): EncryptionKeys {
  const hmacKeys = createHmacKeys({ secrets, hash: 'SHA-256', allowWeakSecrets })
  const list = secretList(secrets, 'secrets')
  const derived = new Map<string, Promise<EncryptionKey[]>>()
  const outputs = (info: string, length: number): Promise<Uint8Array[]> =>
    Promise.all(list.map((secret) => hkdf(secret, info, length)))

  function keysFor(use: KeyUse): Promise<EncryptionKey[]> {
    const info = `${LABEL} ${enc} ${use.purpose} ${boundName(use)}`
    return derivedOnce(derived, info, async () => {
      const keys = await outputs(info, KEY_BYTES[enc] + KID_BYTES)
      return Promise.all(keys.map((output) => encryptionKey(output, enc)))
    })
  }

  return {
    derive: hmacKeys.derive,
    thumbprints: hmacKeys.thumbprints,
    publicSecrets: () => outputs(`${LABEL} HS256 public`, SECRET_BYTES),
    prepare: async () => void (await loadEncrypt()),
    async encrypt(plaintext, use) {
      const CompactEncrypt = await loadEncrypt()
      const signer = (await keysFor(use))[use.keyIndex ?? 0]
      if (!signer) throw new TypeError('There is no such key to sign with')
      const header = { alg: 'dir', enc, kid: signer.kid }
      return new CompactEncrypt(plaintext).setProtectedHeader(header).encrypt(signer.key)
    },
    async decrypt(token, kid, use) {
      const keys = await keysFor(use)
      const named = keys.filter((key) => key.kid === kid)
      const possible = named.length > 0 ? named : keys
      // One attempt costs what a key pair does. A token that names its key needs no more, so forged ones can't push ours out.
      if (possible.length > 1) use.verifications?.spend({ ordinary: possible.length })
      const compactDecrypt = await loadDecrypt()
      const allowed = { keyManagementAlgorithms: ['dir'], contentEncryptionAlgorithms: [enc] }
      for (const { key, kid } of possible) {
        // jose says in many words that it did not work; what of a token is wrong was checked before.
        const result = await compactDecrypt(token, key, allowed).catch(() => undefined)
        if (!result) continue
        return { plaintext: result.plaintext, keyIndex: keys.findIndex((key) => key.kid === kid), kid }
      }
      return undefined
    },
  }
}

/** @param output - the key, then its id: neither tells anything of the other (RFC 5869 §3.2) */
async function encryptionKey(output: Uint8Array, enc: ContentEncryption): Promise<EncryptionKey> {
  const bytes = output.slice(0, KEY_BYTES[enc])
  const kid = platform.base64Url(output.subarray(KEY_BYTES[enc]))
  if (enc !== 'A256GCM') return { key: bytes, kid }
  const key = await crypto.subtle.importKey('raw', plainBuffer(bytes), 'AES-GCM', false, ['encrypt', 'decrypt'])
  return { key, kid }
}

/**
 * HKDF with SHA-256, without a salt.
 *
 * @param length - bytes, 8160 at most
 * @see RFC 5869 §2
 */
export async function hkdf(secret: Uint8Array, info: string, length: number): Promise<Uint8Array> {
  const extract = platform.hmacKey(new Uint8Array(HASH_BYTES), 'SHA-256')
  const expand = platform.hmacKey(await extract.sign(secret), 'SHA-256')
  const blocks: Uint8Array[] = []
  for (let count = 1; blocks.length * HASH_BYTES < length; count++) {
    const input = concatBytes(blocks.at(-1) ?? new Uint8Array(), encodeUtf8(info), Uint8Array.of(count))
    blocks.push(await expand.sign(input))
  }
  return concatBytes(...blocks).subarray(0, length)
}

type CompactEncrypt = typeof import('jose/jwe/compact/encrypt')['CompactEncrypt']
type CompactDecrypt = typeof import('jose/jwe/compact/decrypt')['compactDecrypt']
let encrypting: CompactEncrypt | undefined
let decrypting: CompactDecrypt | undefined

async function loadEncrypt(): Promise<CompactEncrypt> {
  encrypting ??= (await import('jose/jwe/compact/encrypt')).CompactEncrypt
  return encrypting
}

async function loadDecrypt(): Promise<CompactDecrypt> {
  decrypting ??= (await import('jose/jwe/compact/decrypt')).compactDecrypt
  return decrypting
}
