/**
 * The keys of a codec as an application gives them: there already, in files, or from a function that fetches them.
 */

import { platform } from '#platform'
import { decodeBase64Url, encodeBase64Url, encodeUtf8 } from '../../shared/bytes.js'
import { type Duration, parseDuration } from '../../shared/define-session.js'
import { SessionError } from '../../shared/errors.js'
import type { MaybePromise } from '../../shared/types.js'
import type { CodecKeys, KeysEvent, SessionCodec } from '../codecs/codec.js'
import {
  type AsymmetricKey,
  type HashName,
  type HmacKey,
  isPrivateJwk,
  type Jwk,
  type JwkSet,
  type KeyMaterial,
  publicMembers,
  SIGNATURE_ALGORITHMS,
  type SignatureAlgorithm,
} from '../platform/platform.js'
import { webHmacKeyOf } from '../platform/web-signature.js'
import {
  createKeyring,
  type Keyring,
  type KeyUse,
  looksLikeKeyFile,
  publicHalfLabel,
  type Secrets,
  secretList,
} from './hmac.js'

/** What the option `keys` takes: a key, a list of keys, a function that fetches them, or a ring that was made of one. */
export type Keys = KeyInput | readonly KeyInput[] | KeySource | KeyRing

/** Fetches the keys, from a vault for instance. */
export type KeySource = () => MaybePromise<KeyInput | readonly KeyInput[]>

export interface KeysOptions extends KeyChecks {
  /** Loads them again this often, with the first request after that. Default: only by `reload()`. */
  reloadEvery?: Duration
  /** How long a function may take. Default 10 seconds. */
  timeout?: Duration
  /** The present time, for tests. */
  clock?: () => Date
}

const DEFAULT_TIMEOUT = '10s'

/**
 * Prepares keys that can be loaded again without a restart. The first key that signs is the one that does; every key verifies.
 * Where a reload fails, the last good keys stay for as long as it takes.
 *
 * @param source - keys, or a function that fetches them; files are read again with each reload
 * @returns a ring for the option `keys`
 * @throws {TypeError} for keys that are weak, of the wrong kind or not to be read; those of a function are `ERR_SESSION_KEYS`
 */
export function createKeys(source: KeyInput | readonly KeyInput[] | KeySource, options: KeysOptions = {}): KeyRing {
  const { algorithms, allowWeakSecrets = false, reloadEvery, clock = () => new Date() } = options
  if (algorithms !== undefined) checkAlgorithms(algorithms)
  const checks = { allowWeakSecrets, ...(algorithms && { algorithms }) }
  const timeout = parseDuration(options.timeout ?? DEFAULT_TIMEOUT, 'timeout')
  const atStart = typeof source === 'function' ? undefined : checkKeys(source, checks)
  let checked: CheckedKey[] | undefined = atStart

  async function load(): Promise<KeySet> {
    const input = typeof source === 'function' ? await inTime(source(), timeout) : source
    const keys = checked ?? checkKeys(input, checks)
    checked = undefined
    return await prepareKeySet(keys)
  }

  const ring = createKeyRing({
    load,
    canSign: atStart === undefined || atStart.some(({ canSign }) => canSign),
    isOwn: true,
    clock,
    ...(reloadEvery !== undefined && { maxAge: parseDuration(reloadEvery, 'reloadEvery') }),
  })
  // Elsewhere an import is asynchronous work, which Workers do not allow while a module starts.
  if (atStart && platform.name === 'node') ring.current()
  return ring
}

/** Whether `keys` was made into a ring already. */
export function isKeyRing(keys: Keys): keys is KeyRing {
  return typeof keys === 'object' && keys !== null && 'renewed' in keys && typeof keys.renewed === 'function'
}

/** The ring of a codec's option `keys`. @throws {TypeError} */
export function ringOf(keys: Keys, checks: KeyChecks): KeyRing {
  if (!isKeyRing(keys)) return createKeys(keys, checks)
  if (checks.algorithms === undefined && checks.allowWeakSecrets !== true) return keys
  throw new TypeError('Give "algorithms" and "allowWeakSecrets" to createKeys() or remoteJwks(), where the keys are')
}

async function inTime<T>(value: MaybePromise<T>, timeout: number): Promise<T> {
  if (!(value instanceof Promise)) return value
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`No keys within ${timeout} milliseconds`)), timeout)
    value.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

// Keys that may be loaded again while requests go on: the last good set stays until there is a better one, and nobody waits for a
// reload but the first request, and one after a long silence.

/** Keys for one codec or several. */
export interface KeyRing extends CodecKeys {
  /**
   * Loads the keys now. Requests go on with the ones before.
   *
   * @throws {SessionError} `ERR_SESSION_KEYS` where that fails; the last good keys stay
   */
  reload(): Promise<void>
  /** @internal False where surely none of them signs. */
  readonly canSign: boolean
  /** @internal @throws {SessionError} `ERR_SESSION_KEYS` where there are none yet, or only such as are too old */
  current(): Promise<KeySet>
  /** @internal For a token that no key of `set` is for: newer ones, if there are any. Never fails. */
  renewed(set: KeySet): Promise<KeySet>
}

export interface KeyLoading {
  load(): Promise<KeySet>
  canSign: boolean
  /** Whether the public keys are this server's own to hand out. */
  isOwn: boolean
  /** Milliseconds after which they are loaded again, with the next request. */
  maxAge?: number
  /** Milliseconds after which keys that could not be loaded again are used no more. */
  maxStale?: number
  /** Milliseconds between two loads that an unknown token asked for; absent: none can. */
  cooldown?: number
  clock: () => Date
}

/** Milliseconds of rest after a load that failed, so that no crowd of requests falls upon the source. */
const RETRY_AFTER = 5000

export function createKeyRing(loading: KeyLoading): KeyRing {
  const { clock, canSign, isOwn, cooldown } = loading
  const { maxAge = Number.POSITIVE_INFINITY, maxStale = Number.POSITIVE_INFINITY } = loading
  const listeners = new Set<(event: KeysEvent) => void>()
  let set: KeySet | undefined
  let loadedAt = Number.NaN
  let triedAt = Number.NaN
  let cause: unknown
  let underway: Promise<void> | undefined

  async function attempt(): Promise<void> {
    try {
      set = await loading.load()
      loadedAt = clock().getTime()
      cause = undefined
    } catch (error) {
      cause = error ?? 'unknown'
    }
    underway = undefined
    const { keys = [], signer } = set ?? {}
    const kid = signer?.kid === undefined ? {} : { kid: signer.kid }
    tell({ keyCount: keys.length, ...kid, ...(cause !== undefined && { code: 'ERR_SESSION_KEYS' }) })
  }

  /** One at a time, whoever asks. */
  function load(): Promise<void> {
    if (underway !== undefined) return underway
    triedAt = clock().getTime()
    underway = attempt()
    return underway
  }

  function tell(event: KeysEvent): void {
    for (const listener of listeners) {
      try {
        listener(event)
      } catch {
        // It may be nobody's request that keys are loaded in: a listener that fails has nobody to tell.
      }
    }
  }

  /** Whether something was less than `period` ago. A clock that was set back says no. */
  function isRecent(time: number, period: number): boolean {
    const passed = clock().getTime() - time
    return passed >= 0 && passed < period
  }

  async function find(): Promise<KeySet> {
    const isResting = cause !== undefined && isRecent(triedAt, RETRY_AFTER)
    const begun = isResting ? undefined : load()
    if (set === undefined || !isRecent(loadedAt, 2 * maxAge)) await begun
    if (set !== undefined && clock().getTime() - loadedAt < maxAge + maxStale) return set
    throw outage()
  }

  async function renew(old: KeySet): Promise<KeySet> {
    const mayAsk = cooldown !== undefined && !isRecent(triedAt, cooldown)
    if (set === old && (underway !== undefined || mayAsk)) await load()
    return set ?? old
  }

  async function publicKeys(): Promise<readonly Jwk[]> {
    return isOwn ? publicKeysOf(await current()) : []
  }

  async function current(): Promise<KeySet> {
    return set !== undefined && isRecent(loadedAt, maxAge) ? set : find()
  }

  function outage(): SessionError {
    return new SessionError('ERR_SESSION_KEYS', 'The keys could not be loaded', { cause })
  }

  return {
    canSign,
    current,
    ready: async () => void (await current()),
    renewed: (old) => renew(old),
    publicKeys: () => publicKeys(),
    listen: (listener) => void listeners.add(listener),
    async reload() {
      await underway
      await load()
      if (cause !== undefined) throw outage()
    },
  }
}

// The keys of a moment: the first signs, every one verifies, and a token's `kid` says which is tried first.
// RFC 7515 §4.1.4, RFC 7517 §5.

export interface KeySet {
  /** The one that signs is the first. */
  readonly keys: readonly RingKey[]
  readonly signer: RingKey | undefined
  readonly algorithms: ReadonlySet<string>
}

/** What a token says of its key, and what is to be verified. None of it is trusted. */
export interface SignedInput {
  alg: string
  kid: string | undefined
  signingInput: string
  signature: Uint8Array
}

/**
 * Looks at the keys of an option.
 *
 * @throws {TypeError} naming the option
 */
export function checkKeys(input: KeyInput | readonly KeyInput[], checks: KeyChecks, option = 'keys'): CheckedKey[] {
  const inputs = Array.isArray(input) ? (input as readonly KeyInput[]) : [input as KeyInput]
  try {
    const keys = inputs.flatMap((each) => formsOf(each)).map((form) => checkKey(form, checks))
    if (keys.length > 0) return keys
  } catch (error) {
    if (!(error instanceof TypeError) || error.message.startsWith('Option ')) throw error
    throw new TypeError(`Option "${option}" holds ${error.message}`)
  }
  throw new TypeError(`Option "${option}" holds no key`)
}

/** Prepares them. Of a private key and its own public one, the private one stays. */
export async function prepareKeySet(checked: readonly CheckedKey[]): Promise<KeySet> {
  const keys: RingKey[] = []
  const first = checked.find(({ canSign }) => canSign)
  for (const each of first ? [first, ...checked.filter((other) => other !== first)] : checked) {
    const key = await each.prepare()
    const twin = keys.findIndex((other) => isSame(other, key))
    if (twin === -1) keys.push(key)
    else if (keys[twin]?.sign === undefined && key.sign) keys[twin] = key
  }
  return keySetOf(keys)
}

export function keySetOf(keys: readonly RingKey[]): KeySet {
  const signer = keys[0]?.sign && keys[0]
  return { keys, signer, algorithms: new Set(keys.map(({ alg }) => alg)) }
}

/** @returns the place of the key that verified, or -1 */
export async function verifyWithSet({ keys }: KeySet, input: SignedInput, use: KeyUse): Promise<number> {
  const { alg, kid, signingInput, signature } = input
  // The key that the token names first, then the others: another issuer may name the same keys in another way.
  for (const isNamed of kid === undefined ? [false] : [true, false]) {
    for (const [index, key] of keys.entries()) {
      if (key.alg !== alg || (kid !== undefined && (key.kid === kid) !== isNamed)) continue
      if (await key.verify(signingInput, signature, use)) return index
    }
  }
  return -1
}

/** Whether a token of this `kid` may have a key that is not here. */
export function knows({ keys }: KeySet, kid: string | undefined): boolean {
  return kid !== undefined && keys.some((key) => key.kid === kid)
}

/** What others may have of the set (RFC 7517 §5): of key pairs the public members, of secrets nothing. */
export function publicKeysOf({ keys }: KeySet): Jwk[] {
  return keys.flatMap(({ publicJwk }) => (publicJwk ? [publicJwk] : []))
}

function isSame(a: RingKey, b: RingKey): boolean {
  if (!a.publicJwk || !b.publicJwk || a.alg !== b.alg) return false
  const { x, y, n, e } = a.publicJwk
  return x === b.publicJwk.x && y === b.publicJwk.y && n === b.publicJwk.n && e === b.publicJwk.e
}

// One key of a ring, made ready for its algorithm. What it signs as a session never verifies as a public half, nor the other way
// round: a secret derives another key for that, a key pair signs other octets (docs/decisions.md).

export interface RingKey {
  readonly alg: JwsAlgorithm
  readonly kid?: string
  /** The public members, with `alg`, `kid` and `use`; a secret has none. */
  readonly publicJwk?: Jwk
  /** Absent for a public key. */
  sign?(signingInput: string, use: KeyUse): Promise<Uint8Array>
  verify(signingInput: string, signature: Uint8Array, use: KeyUse): Promise<boolean>
}

/** A key that was looked at: what is wrong with it was said already. */
export interface CheckedKey {
  readonly alg: JwsAlgorithm
  readonly canSign: boolean
  /** At once on Node; the platform of the web imports it now. */
  prepare(): Promise<RingKey>
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
  if ('secret' in form)
    return checkSecret(form.secret, algorithmOfAlgorithms({ kty: 'oct' }, form.alg, algorithms), kid, checks)
  // A platform may refuse a weak key, too, and not say why.
  if ('jwk' in form.material) checkRsa(form.material.jwk)
  const key = readMaterial(form.material)
  const alg = algorithmOfAlgorithms(key.facts, form.alg, algorithms)
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
    verify: async (signingInput, mac, use) => (await verify(signingInput, mac, use)) !== -1,
  }
}

async function always<T>(value: T): Promise<T> {
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

async function prepareKey(key: AsymmetricKey, alg: JwsAlgorithm, given: string | undefined): Promise<RingKey> {
  const prepared = await key.prepare(alg as SignatureAlgorithm)
  const { jwk } = prepared
  const kid = given ?? (jwk && (await thumbprintOf(jwk)))
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
async function thumbprintOf(jwk: Jwk): Promise<string> {
  const digest = await platform.sha256(encodeUtf8(JSON.stringify(publicMembers(jwk))))
  return encodeBase64Url(digest)
}

/** A session's signature covers the token alone, that of a public half something that no token can be. */
function labelled(signingInput: string, { purpose, cookieName }: KeyUse): string {
  return purpose === 'session' ? signingInput : publicHalfLabel(cookieName) + signingInput
}

// The forms in which an application has its keys, and how each is told from the others.
// RFC 7517 for JWK, RFC 7468 for PEM.

/**
 * One key, or a set of them: a secret as text or octets, PEM as text, a JWK, a JWK set, a `CryptoKey`, a pair of those, a
 * `KeyObject`; or an object that says more about one.
 */
export type KeyInput =
  | string
  | Uint8Array
  | Jwk
  | JwkSet
  | CryptoKey
  | CryptoKeys
  | KeyObjectLike
  | (KeyLabels & { readonly pem: string; readonly passphrase?: string })
  /** PEM, JWK, JWK set, or else a secret of exactly its octets. Node only; read at start and with each reload. */
  | (KeyLabels & { readonly file: string; readonly passphrase?: string })
  | (KeyLabels & { readonly key: string | Uint8Array | Jwk | CryptoKey | CryptoKeys | KeyObjectLike })

/**
 * Takes an input apart into keys.
 *
 * @throws {TypeError} without the name of an option, which the caller puts before it
 */
export function formsOf(input: KeyInput, labels: KeyLabels = {}): KeyForm[] {
  if (typeof input === 'string') return [formOfText(input, labels)]
  if (input instanceof Uint8Array) return [formOfSecret(input, labels)]
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    throw new TypeError('something that is no key')
  if ('pem' in input) return [formOfPem(input.pem, input, input.passphrase)]
  if ('file' in input) return formsOfFile(input.file, input, input.passphrase)
  if ('key' in input) return formsOf(input.key, input)
  if ('keys' in input) return formsOfJwkSet(input, labels)
  if ('kty' in input) return [formOfJwk(input, labels)]
  if ('privateKey' in input || 'publicKey' in input) return [formOfCryptoKeys(input, labels)]
  if ('export' in input && typeof input.export === 'function') return [formOfKeyObject(input, labels)]
  if ('usages' in input && 'algorithm' in input) return [formOfCryptoKey(input, labels)]
  throw new TypeError('something that is no key')
}

function formOfText(text: string, labels: KeyLabels): KeyForm {
  return text.trim().startsWith('-----BEGIN ') ? formOfPem(text, labels) : formOfSecret(encodeUtf8(text), labels)
}

/** RFC 7468 §3: the label stands in both lines. Text may stand around a block (§2). */
const PEM_BLOCK = /^-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?^-----END \1-----/gm
/** Others, such as the parameters of a curve, are no keys. */
const KEY_LABEL = /(?:^| )KEY$|^CERTIFICATE$/

function formOfPem(text: unknown, labels: KeyLabels, passphrase?: string): KeyForm {
  if (typeof text !== 'string') throw new TypeError('a "pem" that is no text')
  const blocks = [...text.trim().matchAll(PEM_BLOCK)].filter(([, label = '']) => KEY_LABEL.test(label))
  const [block] = blocks
  if (block === undefined) throw new TypeError('a PEM without a key')
  if (blocks.length > 1) throw new TypeError('a PEM with several keys; give each by itself')
  return { ...labelsOf(labels), material: { pem: block[0], ...(passphrase !== undefined && { passphrase }) } }
}

function formsOfFile(path: string, labels: KeyLabels, passphrase?: string): KeyForm[] {
  const octets = readFile(path)
  const text = new TextDecoder().decode(octets)
  if (/^-----BEGIN /m.test(text)) return [formOfPem(text, labels, passphrase)]
  const json = parseObject(text)
  return json === undefined ? [formOfSecret(octets, labels)] : formsOf(json, labelsOf(labels))
}

/** The message of the file system has the path, which is nobody else's business. */
function readFile(path: string): Uint8Array {
  try {
    return platform.readFile(path)
  } catch (error) {
    throw error instanceof TypeError ? error : new TypeError('a "file" that can not be read')
  }
}

/** JSON that may name another file or hold a PEM is none of ours. */
function parseObject(text: string): Jwk | JwkSet | undefined {
  try {
    const value: unknown = JSON.parse(text)
    const isKey = typeof value === 'object' && value !== null && ('kty' in value || 'keys' in value)
    return isKey && !('file' in value || 'pem' in value || 'key' in value) ? (value as Jwk) : undefined
  } catch {
    return undefined
  }
}

// The three forms that every key is brought into: octets of a secret, a `CryptoKey` of one, and what a platform makes a key pair of.

/** What may be said of a key that does not say it itself. */
export interface KeyLabels {
  /** The algorithm; default: the key's own, else what its type is for (RSA: RS256). */
  readonly alg?: JwsAlgorithm
  /** The id; default: the key's own, else its thumbprint (RFC 7638). A secret has none unless it is given one. */
  readonly kid?: string
}

export type KeyForm = KeyLabels & ({ readonly secret: Uint8Array | CryptoKey } | { readonly material: KeyMaterial })

/**
 * Whatever looks like a key file may be public: it is never an HMAC secret here.
 *
 * @throws {TypeError} without the name of an option, as every function of these files
 */
export function formOfSecret(secret: Uint8Array, labels: KeyLabels): KeyForm {
  if (looksLikeKeyFile(secret)) throw new TypeError('a PEM or JWK as a secret; give PEM as text and a JWK as an object')
  return { ...labelsOf(labels), secret: secret.slice() }
}

/** Only these two, whatever else the object has. */
export function labelsOf({ alg, kid }: KeyLabels): KeyLabels {
  return { ...(alg !== undefined && { alg }), ...(kid !== undefined && { kid }) }
}

/** What is said of a key, with what it says itself. */
export function withOwnAlgorithm(labels: KeyLabels, own: unknown): KeyLabels {
  if (own === undefined) return labelsOf(labels)
  if (labels.alg !== undefined && labels.alg !== own) throw new TypeError('a key with another "alg" than it has itself')
  return { ...labelsOf(labels), alg: own as JwsAlgorithm }
}

// Keys that are JSON. RFC 7517 §4 and §5.

/** @throws {TypeError} unless the key is for signatures (RFC 7517 §4.2 and §4.3) */
export function formOfJwk(jwk: Jwk, labels: KeyLabels): KeyForm {
  if (typeof jwk !== 'object' || jwk === null || typeof jwk.kty !== 'string') throw new TypeError('a JWK without "kty"')
  if (jwk.use !== undefined && jwk.use !== 'sig') throw new TypeError('a JWK whose "use" is not "sig"')
  checkOperations(jwk)
  checkNumbers(jwk)
  const { kty, k, alg, kid } = jwk
  const known = withOwnAlgorithm({ ...(kid !== undefined && { kid }), ...labels }, commonName(alg))
  return kty === 'oct' ? formOfSecret(octetsOf(k), known) : { ...known, material: { jwk } }
}

export function formsOfJwkSet({ keys }: JwkSet, labels: KeyLabels): KeyForm[] {
  if (!Array.isArray(keys)) throw new TypeError('a JWK set without a list of "keys"')
  if (labels.kid !== undefined) throw new TypeError('one "kid" for a set of keys')
  return keys.map((jwk: Jwk) => formOfJwk(jwk, labels))
}

function checkOperations(jwk: Jwk): void {
  const operations: unknown = jwk.key_ops
  if (operations === undefined) return
  if (!Array.isArray(operations)) throw new TypeError('a JWK whose "key_ops" is no list')
  const needed = jwk.kty === 'oct' ? ['sign', 'verify'] : [isPrivateJwk(jwk) ? 'sign' : 'verify']
  const missing = needed.find((operation) => !operations.includes(operation))
  if (missing !== undefined) throw new TypeError(`a JWK whose "key_ops" do not allow to ${missing}`)
}

/** RFC 7515 §2: base64url without padding. Platforms are laxer, and read different keys then. */
function checkNumbers({ x, y, n, e, d, p, q, dp, dq, qi }: Jwk): void {
  for (const number of [x, y, n, e, d, p, q, dp, dq, qi]) {
    if (number !== undefined) octetsOf(number)
  }
}

function octetsOf(k: unknown): Uint8Array {
  try {
    return decodeBase64Url(k as string)
  } catch {
    throw new TypeError('a JWK with a member that is no base64url')
  }
}

// Keys that WebCrypto holds. What such a key is for is a part of it (W3C Web Cryptography Level 2 §13).

/** A private key, a public one, or both. */
export interface CryptoKeys {
  readonly privateKey?: CryptoKey
  readonly publicKey?: CryptoKey
}

/** @throws {TypeError} for a key with other usages, and for a private one that neither can be exported nor has its public one beside it */
export function formOfCryptoKeys({ privateKey, publicKey }: CryptoKeys, labels: KeyLabels): KeyForm {
  if (privateKey && !privateKey.usages.includes('sign')) throw new TypeError('a private CryptoKey that may not sign')
  if (publicKey && !publicKey.usages.includes('verify')) throw new TypeError('a public CryptoKey that may not verify')
  const key = privateKey ?? publicKey
  if (key === undefined) throw new TypeError('a pair without a key')
  if (publicKey === undefined && !key.extractable) {
    throw new TypeError('a private CryptoKey that can not be exported; give { privateKey, publicKey }')
  }
  const material = { ...(privateKey && { privateKey }), ...(publicKey && { publicKey }) }
  return { ...withOwnAlgorithm(labels, algorithmOf(key)), material }
}

/** @throws {TypeError} unless it is for HMAC, and may both sign and verify */
export function formOfCryptoKey(key: CryptoKey, labels: KeyLabels): KeyForm {
  if (key.type === 'public') return formOfCryptoKeys({ publicKey: key }, labels)
  if (key.type === 'private') return formOfCryptoKeys({ privateKey: key }, labels)
  if (key.algorithm.name !== 'HMAC') throw new TypeError('a secret CryptoKey that is not for HMAC')
  if (!key.usages.includes('sign') || !key.usages.includes('verify')) {
    throw new TypeError('a secret CryptoKey that may not both sign and verify')
  }
  const known = withOwnAlgorithm(labels, algorithmOf(key))
  const octets = platform.secretOctets(key)
  return octets ? formOfSecret(octets, known) : { ...known, secret: key }
}

const CURVES: Readonly<Record<string, string>> = { 'P-256': 'ES256', 'P-384': 'ES384', 'P-521': 'ES512' }

/** Another name stays as it is and is refused with the algorithms that are unknown. */
function algorithmOf({ algorithm }: CryptoKey): string {
  const { name, hash, namedCurve = '' } = algorithm as { name: string; hash?: { name: string }; namedCurve?: string }
  const bits = hash?.name.replace('SHA-', '')
  if (name === 'HMAC') return `HS${bits}`
  if (name === 'RSASSA-PKCS1-v1_5') return `RS${bits}`
  if (name === 'RSA-PSS') return `PS${bits}`
  if (name === 'ECDSA') return CURVES[namedCurve] ?? name
  return name === 'Ed25519' ? 'EdDSA' : name
}

// Keys that node:crypto has read or made, told by their shape: not every runtime has its class.

/** `KeyObject` of node:crypto, by its shape. */
export interface KeyObjectLike {
  readonly type: 'public' | 'private' | 'secret'
  readonly asymmetricKeyType?: string | undefined
  // biome-ignore lint/suspicious/noExplicitAny: the overloads of KeyObject
  export(...options: any[]): unknown
}

/** @throws {TypeError} for one that signs no sessions */
export function formOfKeyObject(key: KeyObjectLike, labels: KeyLabels): KeyForm {
  if (key.type === 'secret') return formOfSecret(key.export() as Uint8Array, labels)
  if (key.asymmetricKeyType === 'rsa-pss') throw new TypeError('a KeyObject of type rsa-pss; give one of type rsa')
  return { ...labelsOf(labels), material: { pem: exported(key) } }
}

/**
 * As PEM and not as a JWK: of a key that was made a moment ago Node 20 holds a lock meanwhile, and waits for itself for ever where its
 * garbage collector comes in between and puts away what made the key.
 */
function exported(key: KeyObjectLike): string {
  try {
    return key.export({ format: 'pem', type: key.type === 'private' ? 'pkcs8' : 'spki' }) as string
  } catch {
    throw new TypeError('a KeyObject of a type or curve that signs no sessions')
  }
}

// A secret that WebCrypto holds. Its octets may be out of reach, so the key of a public half is derived by signing, as
// the keyring derives one.

/** Shortest secret in octets, as in the keyring. */
const SHORTEST_HMAC = 32

export interface CryptoSecret {
  sign(data: string | Uint8Array, use: KeyUse): Promise<Uint8Array>
  verify(data: string | Uint8Array, mac: Uint8Array, use: KeyUse): Promise<boolean>
}

/** @throws {TypeError} for a weak secret unless it is allowed */
export function createCryptoSecret(key: CryptoKey, hash: HashName, allowWeak: boolean): CryptoSecret {
  const { length } = key.algorithm as HmacKeyAlgorithm
  if (!allowWeak && length < SHORTEST_HMAC * 8) {
    throw new TypeError(`a secret CryptoKey of ${length} bits; ${SHORTEST_HMAC * 8} are needed`)
  }
  const own = webHmacKeyOf(key)
  const derived = new Map<string, Promise<HmacKey>>()

  async function keyFor({ purpose, cookieName }: KeyUse): Promise<HmacKey> {
    if (purpose === 'session') return own
    const known = derived.get(cookieName) ?? deriveKey(own, hash, cookieName)
    derived.set(cookieName, known)
    return known
  }

  return {
    sign: (data, use) => sign(keyFor(use), data),
    verify: (data, mac, use) => verify(keyFor(use), data, mac),
  }
}

async function sign(key: Promise<HmacKey>, data: string | Uint8Array): Promise<Uint8Array> {
  return await (await key).sign(data)
}

async function verify(key: Promise<HmacKey>, data: string | Uint8Array, mac: Uint8Array): Promise<boolean> {
  return await (await key).verify(data, mac)
}

async function deriveKey(own: HmacKey, hash: HashName, cookieName: string): Promise<HmacKey> {
  return platform.hmacKey(await own.sign(publicHalfLabel(cookieName)), hash)
}

// The ring of a codec's option `secrets`: each secret with each algorithm. It never changes.

/**
 * The first secret signs with the first algorithm; then come the others with it, then all with the next.
 *
 * @throws {TypeError} for empty or weak secrets, and for algorithms that are not for secrets
 */
export function ringOfSecrets(secrets: Secrets, checks: Required<KeyChecks>): KeyRing {
  const { algorithms, allowWeakSecrets } = checks
  const hmacs = algorithms.filter(isHmac)
  if (hmacs.length < algorithms.length) throw new TypeError('Option "algorithms" may hold HS256, HS384 and HS512')
  checkAlgorithms(algorithms)
  const list = secretList(secrets, 'secrets')
  const set = keySetOf(
    hmacs.flatMap((alg) =>
      list.map((secret) =>
        keyOfSecret({ alg }, createKeyring({ secrets: [secret], hash: HMAC_HASHES[alg], allowWeakSecrets })),
      ),
    ),
  )
  return {
    canSign: true,
    current: async () => set,
    renewed: async () => set,
    publicKeys: async () => [],
    listen: () => {},
    reload: async () => {},
  }
}

// The public keys of all codecs as one JWK set. RFC 7517 §5.

/** @throws {SessionError} `ERR_SESSION_KEYS`: half a set would make good sessions look forged elsewhere */
export async function publicJwks(codecs: readonly SessionCodec[]): Promise<JwkSet> {
  const found = new Map<string, Jwk>()
  for (const { keys } of codecs) {
    for (const jwk of keys ? await keys.publicKeys() : []) found.set(JSON.stringify(jwk), jwk)
  }
  return { keys: [...found.values()] }
}

// The algorithms of signed tokens, and which of them a key is for. The key decides, never the token.
// RFC 7518 §3.1, RFC 8037 §3.1.

export type HmacAlgorithm = 'HS256' | 'HS384' | 'HS512'

/** What a token may be signed with. */
export type JwsAlgorithm = HmacAlgorithm | SignatureAlgorithm

export const HMAC_HASHES: Readonly<Record<HmacAlgorithm, HashName>> = {
  HS256: 'SHA-256',
  HS384: 'SHA-384',
  HS512: 'SHA-512',
}

/** What a key without a word of its own is for. */
const DEFAULTS: readonly JwsAlgorithm[] = ['HS256', 'RS256', 'ES256', 'ES384', 'ES512', 'EdDSA']

/** RFC 9864 §2.2 has another name for EdDSA with the one curve that there is here. */
export function commonName(name: unknown): unknown {
  return name === 'Ed25519' ? 'EdDSA' : name
}

export function isAlgorithm(name: unknown): name is JwsAlgorithm {
  return typeof name === 'string' && (Object.hasOwn(HMAC_HASHES, name) || Object.hasOwn(SIGNATURE_ALGORITHMS, name))
}

export function isHmac(algorithm: JwsAlgorithm): algorithm is HmacAlgorithm {
  return Object.hasOwn(HMAC_HASHES, algorithm)
}

/** Whether a key of this type and curve can have the algorithm. */
export function fits(algorithm: JwsAlgorithm, { kty, crv }: Pick<Jwk, 'kty' | 'crv'>): boolean {
  if (isHmac(algorithm)) return kty === 'oct'
  const facts = SIGNATURE_ALGORITHMS[algorithm]
  return facts.kty === kty && (facts.crv === undefined || facts.crv === crv)
}

/**
 * The one algorithm of a key.
 *
 * @param named - what the key says itself, or was said of it
 * @param allowed - in the order of preference; default: all
 * @throws {TypeError} without the name of an option, which the caller puts before it
 */
export function algorithmOfAlgorithms(
  facts: Pick<Jwk, 'kty' | 'crv'>,
  named: unknown,
  allowed: readonly JwsAlgorithm[] | undefined,
): JwsAlgorithm {
  if (named !== undefined && !isAlgorithm(named)) throw new TypeError('a key with an "alg" that signs no sessions')
  if (named !== undefined && !fits(named, facts)) throw new TypeError(`a key that can not be used with ${named}`)
  const algorithm = named ?? (allowed ?? DEFAULTS).find((name) => fits(name, facts))
  if (algorithm !== undefined && (allowed === undefined || allowed.includes(algorithm))) return algorithm
  throw new TypeError(allowed ? 'a key for none of "algorithms"' : 'a key of a type or curve that signs no sessions')
}

/** @throws {TypeError} for a list that is empty, or has a name twice or an unknown one */
export function checkAlgorithms(algorithms: readonly JwsAlgorithm[]): void {
  if (algorithms.length === 0) throw new TypeError('Option "algorithms" is empty')
  for (const [index, name] of algorithms.entries()) {
    if (!isAlgorithm(name)) throw new TypeError('Option "algorithms" holds a name that is no algorithm of ours')
    if (algorithms.indexOf(name) !== index) throw new TypeError(`Option "algorithms" holds ${name} twice`)
  }
}
