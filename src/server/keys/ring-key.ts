/**
 * One key of a ring, made ready for its algorithm. What it signs as a session never verifies as a public half, nor the other way
 * round: a secret derives another key for that, a key pair signs other octets (docs/decisions.md).
 */
import { platform } from '#platform'
import { decodeBase64Url, encodeBase64Url, encodeUtf8 } from '../../shared/bytes.js'
import type { MaybePromise } from '../codecs/codec.js'
import { type Flow, wait } from '../flow.js'
import { createKeyring, type Keyring, type KeyUse, publicHalfLabel } from '../keyring.js'
import { type Jwk, publicMembers } from '../platform/jwk.js'
import type { AsymmetricKey, KeyMaterial, SignatureAlgorithm } from '../platform/signature.js'
import { algorithmOf, HMAC_HASHES, isHmac, type JwsAlgorithm } from './algorithms.js'
import { createCryptoSecret } from './crypto-secret.js'
import type { KeyForm } from './key-form.js'

export interface RingKey {
  readonly alg: JwsAlgorithm
  readonly kid?: string
  /** The public members, with `alg`, `kid` and `use`; a secret has none. */
  readonly publicJwk?: Jwk
  /** Absent for a public key. */
  sign?(signingInput: string, use: KeyUse): MaybePromise<Uint8Array>
  verify(signingInput: string, signature: Uint8Array, use: KeyUse): MaybePromise<boolean>
}

/** A key that was looked at: what is wrong with it was said already. */
export interface CheckedKey {
  readonly alg: JwsAlgorithm
  readonly canSign: boolean
  /** At once on Node; the platform of the web imports it now. */
  prepare(): Flow<RingKey>
}

export interface KeyChecks {
  /** What the keys may be for, in the order of preference; default: all. */
  readonly algorithms?: readonly JwsAlgorithm[]
  /** Takes secrets under 32 octets. */
  readonly allowWeakSecrets?: boolean
}

/** Shortest RSA key in bits (RFC 7518 §3.3). */
const SHORTEST_RSA = 2048
/** Longest RSA key in bits: a longer one costs whoever verifies too much. */
const MAX_RSA = 8192
/** Characters of a key id: it travels in each token. */
const MAX_KID = 256

/**
 * Looks at a key: what it is for, whether it is strong enough, whether it can be read at all.
 *
 * @throws {TypeError} without the name of an option, which the caller puts before it
 */
export function checkKey(form: KeyForm, checks: KeyChecks = {}): CheckedKey {
  const { kid } = form
  if (kid !== undefined && (typeof kid !== 'string' || kid === '' || kid.length > MAX_KID)) {
    throw new TypeError(`a key whose "kid" is no text of 1 to ${MAX_KID} characters`)
  }
  const { algorithms } = checks
  if ('secret' in form) return checkSecret(form.secret, algorithmOf({ kty: 'oct' }, form.alg, algorithms), kid, checks)
  // A platform may refuse a weak key, too, and not say why.
  if ('jwk' in form.material) checkRsa(form.material.jwk)
  const key = readMaterial(form.material)
  const alg = algorithmOf(key.facts, form.alg, algorithms)
  checkRsa(key.facts)
  return { alg, canSign: key.isPrivate, prepare: () => prepareKey(key, alg, kid) }
}

function checkSecret(
  secret: Uint8Array | CryptoKey,
  alg: JwsAlgorithm,
  kid: string | undefined,
  { allowWeakSecrets = false }: KeyChecks,
): CheckedKey {
  if (!isHmac(alg)) throw new TypeError(`a secret for ${alg}`)
  const hash = HMAC_HASHES[alg]
  const labels = { alg, ...(kid !== undefined && { kid }) }
  if (!(secret instanceof Uint8Array)) {
    const held = { ...labels, ...createCryptoSecret(secret, hash, allowWeakSecrets) }
    return { alg, canSign: true, prepare: () => always(held) }
  }
  const keyring = createKeyring({ secrets: [secret], hash, allowWeakSecrets, option: 'keys' })
  return { alg, canSign: true, prepare: () => always(keyOfSecret(labels, keyring)) }
}

/** A ring of one secret as one key of a larger ring. */
export function keyOfSecret(labels: Pick<RingKey, 'alg' | 'kid'>, { sign, verify }: Keyring): RingKey {
  return {
    ...labels,
    sign,
    verify(signingInput, mac, use) {
      const index = verify(signingInput, mac, use)
      return typeof index === 'number' ? index !== -1 : index.then((found) => found !== -1)
    },
  }
}

// biome-ignore lint/correctness/useYield: a flow that waits for nothing
function* always<T>(value: T): Flow<T> {
  return value
}

/** What a platform says of a key may hold parts of it. */
function readMaterial(material: KeyMaterial): AsymmetricKey {
  try {
    return platform.asymmetricKey(material)
  } catch {
    const known = platform.name === 'web' ? 'PEM as PUBLIC KEY or PRIVATE KEY alone' : 'PEM with its passphrase'
    throw new TypeError(`a key that can not be read (a whole public or private key; ${known})`)
  }
}

/** @throws {TypeError} for a modulus that is too short or too long, and for an exponent with which anybody could sign */
function checkRsa({ kty, n = '', e = '' }: Jwk): void {
  if (kty !== 'RSA') return
  const bits = bitLength(n)
  if (bits < SHORTEST_RSA) throw new TypeError(`an RSA key of ${bits} bits; ${SHORTEST_RSA} are needed`)
  if (bits > MAX_RSA) throw new TypeError(`an RSA key of ${bits} bits; ${MAX_RSA} are the most`)
  if (bitLength(e) < 2) throw new TypeError('an RSA key with the exponent 1')
}

function bitLength(text: string): number {
  const octets = decodeBase64Url(text)
  const first = octets.findIndex((octet) => octet !== 0)
  return first === -1 ? 0 : (octets.length - first) * 8 - Math.clz32(octets[first] as number) + 24
}

function* prepareKey(key: AsymmetricKey, alg: JwsAlgorithm, given: string | undefined): Flow<RingKey> {
  const prepared = yield* wait(key.prepare(alg as SignatureAlgorithm))
  const { jwk } = prepared
  const kid = given ?? (jwk && (yield* thumbprintOf(jwk)))
  const { sign } = prepared
  return {
    alg,
    ...(kid !== undefined && { kid }),
    ...(jwk && { publicJwk: { ...publicMembers(jwk), ...(kid !== undefined && { kid }), alg, use: 'sig' } }),
    ...(sign && { sign: (signingInput: string, use: KeyUse) => sign(labelled(signingInput, use)) }),
    verify: (signingInput, signature, use) => prepared.verify(labelled(signingInput, use), signature),
  }
}

/** RFC 7638 §3: SHA-256 over the members that make the key, sorted and without blanks. */
function* thumbprintOf(jwk: Jwk): Flow<string> {
  const digest = yield* wait(platform.sha256(encodeUtf8(JSON.stringify(publicMembers(jwk)))))
  return encodeBase64Url(digest)
}

/** A session's signature covers the token alone, that of a public half something that no token can be. */
function labelled(signingInput: string, { purpose, cookieName }: KeyUse): string {
  return purpose === 'session' ? signingInput : publicHalfLabel(cookieName) + signingInput
}
