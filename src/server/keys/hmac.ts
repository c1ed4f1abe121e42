/**
 * HMAC secrets, prepared once: the first signs, every one verifies (RFC 7515 §5.1 and §5.2, RFC 7518 §3.2).
 * The algorithm belongs to the secrets, never to the token.
 */
import { platform } from '#platform'
import { encodeUtf8 } from '../../shared/bytes.js'
import { refuseUndefined } from '../../shared/option-names.js'
import { type HashName, type HmacKey, hmacKeyOf } from '../platform/platform.js'
import { publicMaterial } from './weak-secrets.js'

/** One secret, a comma-separated text of several, or a list. The first signs. */
export type Secrets = string | Uint8Array | readonly (string | Uint8Array)[]

export interface HmacKeysOptions {
  /** A `CryptoKey` is one for HMAC that may sign and verify. */
  secrets: Secrets | CryptoKey
  hash: HashName
  /** Takes secrets that are shorter than a MAC, and texts that anyone may know (`publicMaterial`). */
  allowWeakSecrets?: boolean
  /** Takes secrets of any length, as another system does. */
  allowShort?: boolean
  /** The option that the secrets come from, for errors. Default `secrets`. */
  option?: string
  /** Bytes of a MAC, the rest is cut off its end (RFC 2104 §5); default: all. */
  bytes?: number
}

/** What one request may still verify; a token that a cache remembers costs nothing. */
export interface Verifications {
  /** Verifications by costly keys until now. */
  readonly costly: number
  /** A token was refused without a look at it. */
  readonly isCutShort: boolean
  /** Before the first key is tried. @throws {SessionError} `ERR_SESSION_LIMIT` if the request has brought too much */
  spend(cost: VerificationCost): void
}

/** How many keys a token is tried with: secrets, key pairs, and those that are costly. */
export type VerificationCost = { readonly [Kind in 'secrets' | 'ordinary' | 'costly']?: number }

/** What a key is used for: the public cookie has its own keys, others for each cookie name. */
export interface KeyUse {
  purpose: 'session' | 'public'
  cookieName: string
  tenant?: string | undefined
  /** For `sign`: the place of another key than the first. */
  keyIndex?: number
  /** For `verify`: what the request may still cost. */
  verifications?: Verifications
}

export interface HmacKeys {
  readonly size: number
  sign(data: string | Uint8Array, use: KeyUse): Promise<Uint8Array>
  /** The whole MAC as base64url. */
  signText(data: string, use: KeyUse): Promise<string>
  /** @returns the index of the key that verified, or -1 */
  verify(data: string | Uint8Array, mac: Uint8Array, use: KeyUse): Promise<number>
  /** Keys for something else than sessions, one of each secret, derived once for each label. */
  derive(label: string): Promise<readonly HmacKey[]>
  /** The thumbprint of each secret. */
  thumbprints(): Promise<readonly string[]>
}

/** Shortest secret in bytes; with a longer MAC it is as long as that (RFC 7518 §3.2). */
const SHORTEST_SECRET = 32
const MAX_DERIVED = 256
const MAC_BYTES: Readonly<Record<HashName, number>> = { 'SHA-1': 20, 'SHA-256': 32, 'SHA-384': 48, 'SHA-512': 64 }

/**
 * Prepares the secrets of a codec.
 *
 * @throws {TypeError} for an empty secret, and for a weak one unless `allowWeakSecrets`
 */
export function createHmacKeys(options: HmacKeysOptions): HmacKeys {
  const { secrets, hash, bytes, option = 'secrets' } = options
  const list = isCryptoKey(secrets) ? [secrets] : secretList(secrets, option)
  const isEmpty = (secret: Uint8Array | CryptoKey): boolean => !isCryptoKey(secret) && secret.length === 0
  if (list.some(isEmpty)) throw new TypeError(`Option "${option}" contains an empty secret: anyone could sign with it`)
  if (!options.allowWeakSecrets) for (const secret of list) checkSecret(secret, options)
  const keys = list.map((secret) =>
    isCryptoKey(secret) ? hmacKeyOf(async () => secret) : platform.hmacKey(secret, hash),
  )
  const derived = new Map<string, Promise<HmacKey[]>>()
  let thumbprints: Promise<string[]> | undefined

  async function keysFor(use: KeyUse): Promise<HmacKey[]> {
    return use.purpose === 'session' ? keys : await derive(publicCookieLabel(use))
  }

  function derive(label: string): Promise<HmacKey[]> {
    // One HMAC over a label is HKDF-Expand's first block (RFC 5869 §2.3) with the label as its info.
    return derivedOnce(derived, label, () =>
      Promise.all(keys.map(async (key) => platform.hmacKey(await key.sign(label), hash))),
    )
  }

  const signWith = async (key: HmacKey, data: string | Uint8Array) => (await key.sign(data)).subarray(0, bytes)
  return {
    size: keys.length,
    derive,
    thumbprints() {
      thumbprints ??= Promise.all(list.map(secretThumbprint))
      return thumbprints
    },
    sign: async (data, use) => signWith(keyAt(await keysFor(use), use.keyIndex), data),
    signText: async (data, use) => keyAt(await keysFor(use), use.keyIndex).signText(data),
    async verify(data, mac, use) {
      use.verifications?.spend({ secrets: keys.length })
      for (const [index, key] of (await keysFor(use)).entries()) {
        // No platform compares a part of a MAC.
        const isWhole = bytes === undefined
        if (isWhole ? await key.verify(data, mac) : equalInConstantTime(await signWith(key, data), mac)) return index
      }
      return -1
    },
  }
}

function isCryptoKey(secrets: Secrets | Uint8Array | CryptoKey): secrets is CryptoKey {
  return typeof secrets === 'object' && secrets !== null && 'algorithm' in secrets
}

/** @throws {TypeError} if there are not so many keys */
export function keyAt(keys: readonly HmacKey[], index = 0): HmacKey {
  const key = keys[index]
  if (key === undefined) throw new TypeError('There is no such key to sign with')
  return key
}

/** No signing input of a token begins so: see below. */
const THUMBPRINT = 'sessionglass thumbprint\x01'

/** The same whatever the secret is for, and of no use to who does not have it: HMAC-SHA-256; of a `CryptoKey`, with its own hash. */
export async function secretThumbprint(secret: Uint8Array | CryptoKey): Promise<string> {
  const key = isCryptoKey(secret) ? hmacKeyOf(async () => secret) : platform.hmacKey(secret, 'SHA-256')
  return `secret.${await key.signText(THUMBPRINT)}`
}

/** No signing input of a token begins so: it has no byte 1 in it (RFC 7515 §5.1). */
export function publicCookieLabel(use: Pick<KeyUse, 'cookieName' | 'tenant'>): string {
  return `sessionglass public half of ${boundName(use)}\x01`
}

/** Keeps what is derived for a label. Each tenant has some, so there is an end to that. */
export function derivedOnce<Value>(derived: Map<string, Value>, label: string, derive: () => Value): Value {
  const value = derived.get(label) ?? derive()
  if (derived.size >= MAX_DERIVED) derived.clear()
  derived.set(label, value)
  return value
}

/** What our own formats and keys are bound to. A cookie's name has no blank in it, a tenant's no control character. */
export function boundName({ cookieName, tenant }: Pick<KeyUse, 'cookieName' | 'tenant'>): string {
  return tenant === undefined ? cookieName : `${cookieName} ${tenant}`
}

/** Keys or secrets of one list: a forged token is tried with each. */
export const MAX_KEYS = 32

/** The secrets of an option, each as bytes. */
export function secretList(secrets: Secrets, option: string): Uint8Array[] {
  refuseUndefined(secrets, option)
  const list = typeof secrets === 'string' ? secrets.split(',').map((part) => part.trim()) : secrets
  if (list instanceof Uint8Array) return [list.slice()]
  if (!Array.isArray(list) || list.length === 0) {
    throw new TypeError(`Option "${option}" must be a text, a Uint8Array, or a list of at least one of them`)
  }
  if (list.length > MAX_KEYS) throw new TypeError(`Option "${option}" holds more than ${MAX_KEYS} secrets`)
  return list.map((secret: unknown) => {
    if (typeof secret === 'string') return encodeUtf8(secret)
    if (secret instanceof Uint8Array) return secret.slice()
    throw new TypeError(`Option "${option}" contains a part that is neither text nor a Uint8Array`)
  })
}

function checkSecret(secret: Uint8Array | CryptoKey, { hash, option = 'secrets', allowShort }: HmacKeysOptions): void {
  const isKey = isCryptoKey(secret)
  const length = isKey ? (secret.algorithm as HmacKeyAlgorithm).length / 8 : secret.length
  const shortest = allowShort ? 0 : Math.max(SHORTEST_SECRET, MAC_BYTES[hash])
  const tooShort = length < shortest && `a secret of ${length} bytes; ${shortest} are needed`
  const problem = tooShort || (!isKey && publicMaterial(secret))
  if (problem) throw new TypeError(`Option "${option}" contains ${problem} (or set allowWeakSecrets: true)`)
}

/** Tells whether two arrays hold the same bytes, in a time that depends on the length of `expected` alone. */
export function equalInConstantTime(expected: Uint8Array, given: Uint8Array): boolean {
  let difference = given.length ^ expected.length
  for (let at = 0; at < expected.length; at++) difference |= (expected[at] as number) ^ (given[at] ?? 0)
  return difference === 0
}
