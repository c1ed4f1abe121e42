/**
 * A ring of HMAC keys, prepared once: the first signs, every one verifies (RFC 7515 §5.1, §5.2 with HS256 of RFC 7518 §3.2).
 * The algorithm belongs to the ring, never to the token.
 */
import { platform } from '#platform'
import { encodeUtf8 } from '../../shared/bytes.js'
import type { CodecContext } from '../codecs/codec.js'
import type { HashName, HmacKey } from '../platform/platform.js'

/** One secret, a comma-separated text of several, or a list. The first signs. */
export type Secrets = string | Uint8Array | readonly (string | Uint8Array)[]

export interface KeyringOptions {
  secrets: Secrets
  hash: HashName
  /** Takes secrets under 32 octets, and texts that look like a PEM or a JWK. */
  allowWeakSecrets?: boolean
  /** The option that the secrets come from, for errors. Default `secrets`. */
  option?: string
  /** Octets of a MAC, cut off its end (RFC 2104 §5); default: all. */
  octets?: number
}

/** What a key is used for: the public half of a session has keys of its own, one for each cookie name. */
export type KeyUse = Pick<CodecContext, 'purpose' | 'cookieName' | 'keyIndex'>

export interface Keyring {
  readonly size: number
  sign(data: string | Uint8Array, use: KeyUse): Promise<Uint8Array>
  /** @returns the index of the key that verified, or -1 */
  verify(data: string | Uint8Array, mac: Uint8Array, use: KeyUse): Promise<number>
}

/** Shortest secret in octets: the output of SHA-256 (RFC 7518 §3.2). */
const SHORTEST_SECRET = 32

/**
 * Prepares the keys of a codec.
 *
 * @throws {TypeError} for an empty secret, and for a weak one unless `allowWeakSecrets`
 */
export function createKeyring(options: KeyringOptions): Keyring {
  const { option = 'secrets' } = options
  const secrets = secretList(options.secrets, option)
  for (const secret of secrets) checkSecret(secret, options.allowWeakSecrets === true, option)
  const keys = secrets.map((secret) => platform.hmacKey(secret, options.hash))
  const publicKeys = new Map<string, Promise<HmacKey[]>>()

  async function keysFor(use: KeyUse): Promise<HmacKey[]> {
    if (use.purpose === 'session') return keys
    let derived = publicKeys.get(use.cookieName)
    if (derived === undefined) {
      derived = derivePublicKeys(secrets, options.hash, use.cookieName)
      publicKeys.set(use.cookieName, derived)
    }
    return derived
  }

  return {
    size: keys.length,
    sign: (data, use) => signWith(keysFor(use), use.keyIndex, data, options.octets),
    verify: (data, mac, use) => verifyWithAll(keysFor(use), data, mac, options.octets),
  }
}

async function signWith(
  ring: Promise<HmacKey[]>,
  index: number | undefined,
  data: string | Uint8Array,
  octets: number | undefined,
): Promise<Uint8Array> {
  const mac = await keyAt(await ring, index).sign(data)
  return octets === undefined ? mac : mac.subarray(0, octets)
}

/** @throws {TypeError} where there are not so many keys */
export function keyAt(ring: readonly HmacKey[], index = 0): HmacKey {
  const key = ring[index]
  if (key === undefined) throw new TypeError('There is no such key to sign with')
  return key
}

async function verifyWithAll(
  ring: Promise<HmacKey[]>,
  data: string | Uint8Array,
  mac: Uint8Array,
  octets: number | undefined,
): Promise<number> {
  const keys = await ring
  for (const [index, key] of keys.entries()) {
    const isGood = octets === undefined ? await key.verify(data, mac) : await verifyCut(key, data, mac, octets)
    if (isGood) return index
  }
  return -1
}

/** No platform compares a part of a MAC. */
async function verifyCut(key: HmacKey, data: string | Uint8Array, mac: Uint8Array, octets: number): Promise<boolean> {
  const expected = await key.sign(data)
  return equalInConstantTime(expected.subarray(0, octets), mac)
}

/** One HMAC over a label is HKDF-Expand's first block (RFC 5869 §2.3) with the label as its info. */
async function derivePublicKeys(secrets: Uint8Array[], hash: HashName, cookieName: string): Promise<HmacKey[]> {
  const label = encodeUtf8(publicHalfLabel(cookieName))
  const keys: HmacKey[] = []
  for (const secret of secrets) {
    const derived = await platform.hmacKey(secret, hash).sign(label)
    keys.push(platform.hmacKey(derived, hash))
  }
  return keys
}

/** No signing input of a token begins so: it has no octet 1 in it (RFC 7515 §5.1). */
export function publicHalfLabel(cookieName: string): string {
  return `sessionglass public half of ${cookieName}\x01`
}

/** The secrets of an option, each as octets. */
export function secretList(secrets: Secrets, option: string): Uint8Array[] {
  const list = typeof secrets === 'string' ? secrets.split(',').map((part) => part.trim()) : secrets
  if (list instanceof Uint8Array) return [list.slice()]
  if (!Array.isArray(list) || list.length === 0) {
    throw new TypeError(`Option "${option}" must be a text, a Uint8Array, or a list of at least one of them`)
  }
  return list.map((secret: unknown) => {
    if (typeof secret === 'string') return encodeUtf8(secret)
    if (secret instanceof Uint8Array) return secret.slice()
    throw new TypeError(`Option "${option}" holds a part that is neither a text nor a Uint8Array`)
  })
}

function checkSecret(secret: Uint8Array, allowWeak: boolean, option: string): void {
  if (secret.length === 0) throw new TypeError(`Option "${option}" holds an empty secret: anyone could sign with it`)
  if (allowWeak) return
  if (secret.length < SHORTEST_SECRET) {
    throw new TypeError(
      `Option "${option}" holds a secret of ${secret.length} octets; ${SHORTEST_SECRET} are needed (or set allowWeakSecrets: true)`,
    )
  }
  if (looksLikeKeyFile(secret)) {
    throw new TypeError(
      `Option "${option}" holds a PEM or JWK: such a key may be public, and an HMAC secret never is (or set allowWeakSecrets: true)`,
    )
  }
}

/** A key file in text: PEM (RFC 7468), an OpenSSH public key, or JSON such as a JWK (RFC 7517); a BOM, spaces, lines or quotes may precede it. */
export function looksLikeKeyFile(secret: Uint8Array): boolean {
  const text = new TextDecoder('utf-8').decode(secret).trim()
  if (/-----BEGIN |^["']?(?:ssh|ecdsa)-/m.test(text)) return true
  try {
    const value: unknown = JSON.parse(text.replace(/^'([\s\S]*)'$/, '$1'))
    return typeof value === 'string' ? looksLikeKeyFile(encodeUtf8(value)) : typeof value === 'object'
  } catch {
    return false
  }
}

// Comparison of octets that somebody else may guess at: it looks at every one, whatever the others are.

/** Tells whether two arrays hold the same octets, in a time that depends on the length of `expected` alone. */
export function equalInConstantTime(expected: Uint8Array, given: Uint8Array): boolean {
  let difference = given.length ^ expected.length
  for (let at = 0; at < expected.length; at++) difference |= (expected[at] as number) ^ (given[at] ?? 0)
  return difference === 0
}

// Octets of the hexadecimal digits that Beaker, Django and pyramid_beaker write MACs and secrets in. FORMATS §2.1 and §8.

/** @param hex - pairs of lower-case digits, as a test before has made sure */
export function decodeHex(hex: string): Uint8Array<ArrayBuffer> {
  const octets = new Uint8Array(hex.length / 2)
  for (let at = 0; at < octets.length; at++) octets[at] = (digitAt(hex, at * 2) << 4) | digitAt(hex, at * 2 + 1)
  return octets
}

function digitAt(hex: string, at: number): number {
  const code = hex.charCodeAt(at)
  return code < 58 ? code - 48 : code - 87
}
