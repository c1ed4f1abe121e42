/**
 * The keys of a codec: key pairs by jose, and secrets among them, given at once or by a function that fetches them.
 * RFC 7515 §5.1 and §5.2, RFC 7517, RFC 7518 §3.1; RFC 7468 for PEM.
 */
import { platform } from '#platform'
import { decodeBase64Url, encodeUtf8 } from '../../shared/bytes.js'
import { type Duration, parseDuration } from '../../shared/define-session.js'
import { SessionError, type SessionErrorCode } from '../../shared/errors.js'
import type { MaybePromise } from '../../shared/types.js'
import { bytesOf, type HashName, plainBuffer } from '../platform/platform.js'
import {
  createHmacKeys,
  type HmacKeys,
  type KeyUse,
  looksLikeKeyFile,
  publicCookieLabel,
  type Secrets,
  secretList,
} from './hmac.js'

/** What the option `keys` takes: a key, a list of keys, a function that fetches them, or what `createKeys` made of one. */
export type Keys = KeyInput | readonly KeyInput[] | KeySource | KeyRing

/** Fetches the keys, from a vault for instance. */
export type KeySource = () => MaybePromise<KeyInput | readonly KeyInput[]>

/**
 * One key, or a set of them: a secret as text or bytes, PEM as text, a JWK, a JWK set, a `CryptoKey`, a pair of those, a
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
  /** PEM, JWK, JWK set, or else a secret of exactly its bytes. Node only; read at start and with each reload. */
  | (KeyLabels & { readonly file: string; readonly passphrase?: string })
  | (KeyLabels & { readonly key: string | Uint8Array | Jwk | CryptoKey | CryptoKeys | KeyObjectLike })

/** What may be said of a key that does not say it itself. */
export interface KeyLabels {
  /** The algorithm; default: the key's own, else what its type is for (RSA: RS256). */
  readonly alg?: JwsAlgorithm
  /** The id; default: the key's own, else its thumbprint (RFC 7638). A secret has none unless it is given one. */
  readonly kid?: string
}

/** A private key, a public one, or both. */
export interface CryptoKeys {
  readonly privateKey?: CryptoKey
  readonly publicKey?: CryptoKey
}

/** `KeyObject` of node:crypto, by its shape: not every runtime has its class. */
export interface KeyObjectLike {
  readonly type: 'public' | 'private' | 'secret'
  readonly asymmetricKeyType?: string | undefined
  readonly asymmetricKeyDetails?: { modulusLength?: number; namedCurve?: string } | undefined
  // biome-ignore lint/suspicious/noExplicitAny: the overloads of KeyObject
  export(...options: any[]): unknown
}

/** A JSON Web Key with the members that signatures know (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2). */
export interface Jwk {
  readonly kty?: string
  readonly crv?: string
  readonly x?: string
  readonly y?: string
  readonly n?: string
  readonly e?: string
  readonly d?: string
  readonly p?: string
  readonly q?: string
  readonly dp?: string
  readonly dq?: string
  readonly qi?: string
  readonly k?: string
  readonly alg?: string
  readonly use?: string
  readonly key_ops?: string[]
  readonly kid?: string
}

export interface JwkSet {
  readonly keys: Jwk[]
}

export interface KeyChecks {
  /** What the keys may be for, in the order of preference; default: all. */
  readonly algorithms?: readonly JwsAlgorithm[]
  /** Takes secrets under 32 bytes. */
  readonly allowWeakSecrets?: boolean
}

export interface KeysOptions extends KeyChecks {
  /** Loads them again this often, with the first request after that. Default: only by `reload()`. */
  reloadEvery?: Duration
  /** How long a function may take. Default 10 seconds. */
  timeout?: Duration
  /** The present time, for tests. */
  clock?: () => Date
}

/** What became of keys that were loaded: how many there are now, and which signs; or a code. */
export interface KeysEvent {
  keyCount?: number
  kid?: string
  code?: SessionErrorCode
}

/** The keys of a codec, as others may know of them. */
export interface CodecKeys {
  /** Of key pairs the public members alone; of secrets nothing. */
  publicKeys(): Promise<readonly Jwk[]>
  /** From now on, whenever keys are loaded or can't be. */
  listen(listener: (event: KeysEvent) => void): void
  /**
   * Loads the keys, and what they need, before the first request does.
   *
   * @throws {SessionError} `ERR_SESSION_KEYS` if that fails
   */
  ready(): Promise<void>
}

/** Keys for one codec or several. */
export interface KeyRing extends CodecKeys {
  /**
   * Loads the keys now. Requests go on with the ones before.
   *
   * @throws {SessionError} `ERR_SESSION_KEYS` if that fails; the last valid keys stay
   */
  reload(): Promise<void>
  /** @internal False if surely none of them signs. */
  readonly canSign: boolean
  /** @internal @throws {SessionError} `ERR_SESSION_KEYS` if there are none yet, or only such as are too old */
  current(): Promise<KeySet>
  /** @internal For a token that no key of `set` is for: newer ones, if there are any. Never fails. */
  renewed(set: KeySet): Promise<KeySet>
}

const DEFAULT_TIMEOUT = '10s'

/**
 * Prepares keys that can be loaded again without a restart. The first key that signs is the one that does; every key verifies.
 * If a reload fails, the last valid keys stay for as long as it takes.
 *
 * @param source - keys, or a function that fetches them; files are read again with each reload
 * @returns keys for the option `keys`
 * @throws {TypeError} for keys that are weak or of the wrong kind. What only an import can tell, and all that is wrong with the keys of
 *   a function, is `ERR_SESSION_KEYS` of `ready()` and of the first use
 */
export function createKeys(source: KeyInput | readonly KeyInput[] | KeySource, options: KeysOptions = {}): KeyRing {
  const { algorithms, allowWeakSecrets = false, reloadEvery, clock = () => new Date() } = options
  if (algorithms !== undefined) checkAlgorithms(algorithms)
  const checks = { allowWeakSecrets, ...(algorithms && { algorithms }) }
  const timeout = parseDuration(options.timeout ?? DEFAULT_TIMEOUT, 'timeout')
  const atStart = typeof source === 'function' ? undefined : checkKeys(source, checks)
  let checked = atStart

  async function load(): Promise<KeySet> {
    const input = typeof source === 'function' ? await inTime(source(), timeout) : source
    const keys = checked ?? checkKeys(input, checks)
    checked = undefined
    return await prepareKeySet(keys)
  }

  return createKeyRing({
    load,
    canSign: atStart === undefined || atStart.some(({ canSign }) => canSign),
    isOwn: true,
    clock,
    ...(reloadEvery !== undefined && { maxAge: parseDuration(reloadEvery, 'reloadEvery') }),
  })
}

/** The keys of a codec's option `keys`. @throws {TypeError} */
export function ringOf(keys: Keys, checks: KeyChecks): KeyRing {
  if (!(typeof keys === 'object' && keys !== null && 'renewed' in keys)) return createKeys(keys, checks)
  if (checks.algorithms === undefined && checks.allowWeakSecrets !== true) return keys
  throw new TypeError('Give "algorithms" and "allowWeakSecrets" to createKeys() or remoteJwks(), where the keys are')
}

/**
 * The keys of a codec's option `secrets`: the first secret signs with the first algorithm; then come the others with it, then all
 * with the next. They never change.
 *
 * @throws {TypeError} for empty or weak secrets, and for algorithms that are not for secrets
 */
export function ringOfSecrets(secrets: Secrets, { algorithms, allowWeakSecrets }: Required<KeyChecks>): KeyRing {
  const hmacs = algorithms.filter(isHmac)
  if (hmacs.length < algorithms.length) throw new TypeError('Option "algorithms" may hold HS256, HS384 and HS512')
  checkAlgorithms(algorithms)
  const list = secretList(secrets, 'secrets')
  const prepare = (alg: HmacAlgorithm, secret: Uint8Array): PreparedKey =>
    keyOfSecret({ alg }, createHmacKeys({ secrets: [secret], hash: HMAC_HASHES[alg], allowWeakSecrets }))
  const set = keySetOf(hmacs.flatMap((alg) => list.map((secret) => prepare(alg, secret))))
  return {
    canSign: true,
    current: async () => set,
    renewed: async () => set,
    publicKeys: async () => [],
    listen: () => {},
    reload: async () => {},
    ready: async () => {},
  }
}

/** The public keys of all codecs as one JWK set (RFC 7517 §5). @throws {SessionError} `ERR_SESSION_KEYS`: never half a set */
export async function publicJwks(codecs: readonly { readonly keys?: CodecKeys }[]): Promise<JwkSet> {
  const found = new Map<string, Jwk>()
  for (const { keys } of codecs) {
    for (const jwk of keys ? await keys.publicKeys() : []) found.set(JSON.stringify(jwk), jwk)
  }
  return { keys: [...found.values()] }
}

async function inTime<T>(value: MaybePromise<T>, timeout: number): Promise<T> {
  if (!(value instanceof Promise)) return value
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`No keys within ${timeout} milliseconds`)), timeout)
    value.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

// Keys that may be loaded again while requests go on: the last valid set stays until there is a better one, and no request waits for
// a reload but the first, and one after a long silence.

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

/** Milliseconds of rest after a load that failed, so that not every request asks the source again. */
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

  /** Concurrent requests share one load. */
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
        // Keys may be loaded in no request at all: there is none that could fail for a listener.
      }
    }
  }

  /** Whether something was less than `period` ago. A clock that was set back says no. */
  function isRecent(time: number, period: number): boolean {
    const passed = clock().getTime() - time
    return passed >= 0 && passed < period
  }

  async function current(): Promise<KeySet> {
    if (set !== undefined && isRecent(loadedAt, maxAge)) return set
    const isResting = cause !== undefined && isRecent(triedAt, RETRY_AFTER)
    const begun = isResting ? undefined : load()
    if (set === undefined || !isRecent(loadedAt, 2 * maxAge)) await begun
    if (set !== undefined && clock().getTime() - loadedAt < maxAge + maxStale) return set
    throw outage()
  }

  function outage(): SessionError {
    return new SessionError('ERR_SESSION_KEYS', 'The keys could not be loaded', { cause })
  }

  return {
    canSign,
    current,
    async renewed(old) {
      const mayAsk = cooldown !== undefined && !isRecent(triedAt, cooldown)
      if (set === old && (underway !== undefined || mayAsk)) await load()
      return set ?? old
    },
    async publicKeys() {
      const { keys } = isOwn ? await current() : { keys: [] }
      return keys.flatMap(({ publicJwk }) => (publicJwk ? [publicJwk] : []))
    },
    listen: (listener) => void listeners.add(listener),
    async ready() {
      await current()
    },
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
  readonly keys: readonly PreparedKey[]
  readonly signer: PreparedKey | undefined
  readonly algorithms: ReadonlySet<string>
}

/** A key that is ready for its one algorithm. What it signs as a session never verifies as a public cookie, nor the other way round. */
export interface PreparedKey {
  readonly alg: JwsAlgorithm
  readonly kid?: string
  /** The public members, with `alg`, `kid` and `use`; a secret has none. */
  readonly publicJwk?: Jwk
  /** @returns the token. Absent for a public key */
  sign?(token: UnsignedToken, use: KeyUse): Promise<string>
  verify(token: SignedToken, use: KeyUse): Promise<boolean>
}

export interface UnsignedToken {
  readonly header: Readonly<Record<string, string>> & { readonly alg: JwsAlgorithm }
  /** The claims as JSON. */
  readonly payload: string
  /** Both, encoded. */
  signingInput(): string
}

/** A token, and what it says of its key. None of it is trusted. */
export interface SignedToken {
  readonly value: string
  readonly alg: string
  readonly kid: string | undefined
  readonly payload: string
  readonly signingInput: string
  readonly signature: Uint8Array
}

export function keySetOf(keys: readonly PreparedKey[]): KeySet {
  const signer = keys[0]?.sign && keys[0]
  return { keys, signer, algorithms: new Set(keys.map(({ alg }) => alg)) }
}

/** @returns the place of the key that verified, or -1 */
export async function verifyWithSet({ keys }: KeySet, token: SignedToken, use: KeyUse): Promise<number> {
  const { alg, kid } = token
  // The key that the token names first, then the others: another issuer may name the same keys in another way.
  for (const isNamed of kid === undefined ? [false] : [true, false]) {
    for (const [index, key] of keys.entries()) {
      if (key.alg !== alg || (kid !== undefined && (key.kid === kid) !== isNamed)) continue
      if (await key.verify(token, use)) return index
    }
  }
  return -1
}

/** Whether a token of this `kid` may have a key that is not here. */
export function knows({ keys }: KeySet, kid: string | undefined): boolean {
  return kid !== undefined && keys.some((key) => key.kid === kid)
}

/** Of a private key and its own public one, the private one stays. */
async function prepareKeySet(checked: readonly CheckedKey[]): Promise<KeySet> {
  const keys: PreparedKey[] = []
  const first = checked.find(({ canSign }) => canSign)
  for (const each of first ? [first, ...checked.filter((other) => other !== first)] : checked) {
    const key = await each.prepare()
    const twin = keys.findIndex((other) => isSame(other, key))
    if (twin === -1) keys.push(key)
    else if (keys[twin]?.sign === undefined && key.sign) keys[twin] = key
  }
  return keySetOf(keys)
}

function isSame(a: PreparedKey, b: PreparedKey): boolean {
  if (!a.publicJwk || !b.publicJwk || a.alg !== b.alg) return false
  const { x, y, n, e } = a.publicJwk
  return x === b.publicJwk.x && y === b.publicJwk.y && n === b.publicJwk.n && e === b.publicJwk.e
}

// The shape of a key: what it is, what it is for, and whether it is strong enough, as far as that shows without an import.
// Each function throws a TypeError without the name of the option, which `checkKeys` puts before it.

/** A key whose shape was checked. */
export interface CheckedKey {
  readonly canSign: boolean
  /** Imports it. @throws {TypeError} for what only an import can tell */
  prepare(): Promise<PreparedKey>
}

/** @throws {TypeError} naming the option */
function checkKeys(input: KeyInput | readonly KeyInput[], checks: KeyChecks): CheckedKey[] {
  const inputs = Array.isArray(input) ? (input as readonly KeyInput[]) : [input as KeyInput]
  try {
    const keys = inputs.flatMap((each) => keysOf(each, {}, checks))
    if (keys.length > 0) return keys
  } catch (error) {
    if (!(error instanceof TypeError) || error.message.startsWith('Option ')) throw error
    throw new TypeError(`Option "keys" holds ${error.message}`)
  }
  throw new TypeError('Option "keys" holds no key')
}

function keysOf(input: KeyInput, labels: KeyLabels, checks: KeyChecks): CheckedKey[] {
  if (typeof input === 'string') return [keyOfText(input, labels, checks)]
  if (input instanceof Uint8Array) return [keyOfBytes(input, labels, checks)]
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    throw new TypeError('something that is no key')
  if ('pem' in input) return [keyOfPem(input.pem, input, checks, input.passphrase)]
  if ('file' in input) return keysOfFile(input.file, input, checks, input.passphrase)
  if ('key' in input) return keysOf(input.key, input, checks)
  if ('keys' in input) return keysOfJwkSet(input, labels, checks)
  if ('kty' in input) return [keyOfJwk(input, labels, checks)]
  if ('privateKey' in input || 'publicKey' in input) return [keyOfCryptoKeys(input, labels, checks)]
  if ('export' in input && typeof input.export === 'function') return [keyOfKeyObject(input, labels, checks)]
  if ('usages' in input && 'algorithm' in input) return [keyOfCryptoKey(input, labels, checks)]
  throw new TypeError('something that is no key')
}

function keyOfText(text: string, labels: KeyLabels, checks: KeyChecks): CheckedKey {
  return text.trim().startsWith('-----BEGIN ')
    ? keyOfPem(text, labels, checks)
    : keyOfBytes(encodeUtf8(text), labels, checks)
}

/** What looks like a key file may be public: here it is never an HMAC secret. */
function keyOfBytes(secret: Uint8Array, labels: KeyLabels, checks: KeyChecks): CheckedKey {
  if (looksLikeKeyFile(secret)) throw new TypeError('a PEM or JWK as a secret; give PEM as text and a JWK as an object')
  return checkSecret([secret], labels, checks)
}

/** RFC 7468 §3: the label stands in both lines. Text may stand around a block (§2). */
const PEM_BLOCK = /^-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?^-----END \1-----/gm
/** Others, such as the parameters of a curve, are no keys. */
const KEY_LABEL = /(?:^| )KEY$|^CERTIFICATE$/
/** What jose reads: RFC 7468 §5, §10 and §13. */
const PLAIN_LABEL = /^(?:PUBLIC KEY|PRIVATE KEY|CERTIFICATE)$/

function keyOfPem(text: unknown, labels: KeyLabels, checks: KeyChecks, passphrase?: string): CheckedKey {
  if (typeof text !== 'string') throw new TypeError('a "pem" that is no text')
  const blocks = [...text.trim().matchAll(PEM_BLOCK)].filter(([, label = '']) => KEY_LABEL.test(label))
  const [[block, label = ''] = []] = blocks
  if (block === undefined) throw new TypeError('a PEM without a key')
  if (blocks.length > 1) throw new TypeError('a PEM with several keys; give each by itself')
  if (label.startsWith('OPENSSH')) throw new TypeError('an OpenSSH key; convert it: ssh-keygen -p -m PKCS8 -f FILE')
  const pem = PLAIN_LABEL.test(label) ? block : platform.plainPem(block, passphrase)
  return keyOfPlainPem(pem, {}, labels, checks)
}

function keyOfPlainPem(pem: string, facts: KeyFacts, labels: KeyLabels, checks: KeyChecks): CheckedKey {
  return checkPair(facts, pem.startsWith('-----BEGIN PRIVATE'), labels, checks, (alg, jose) =>
    importPem(pem, alg, jose),
  )
}

function keysOfFile(path: string, labels: KeyLabels, checks: KeyChecks, passphrase?: string): CheckedKey[] {
  const bytes = readFile(path)
  const text = new TextDecoder().decode(bytes)
  if (/^-----BEGIN /m.test(text)) return [keyOfPem(text, labels, checks, passphrase)]
  const json = parseKey(text)
  return json === undefined ? [keyOfBytes(bytes, labels, checks)] : keysOf(json, labels, checks)
}

/** The message of the file system has the path, which is not for a log. */
function readFile(path: string): Uint8Array {
  try {
    return platform.readFile(path)
  } catch (error) {
    throw error instanceof TypeError ? error : new TypeError('a "file" that can not be read')
  }
}

/** JSON that may name another file or hold a PEM is no key. */
function parseKey(text: string): Jwk | JwkSet | undefined {
  try {
    const value: unknown = JSON.parse(text)
    const isKey = typeof value === 'object' && value !== null && ('kty' in value || 'keys' in value)
    return isKey && !('file' in value || 'pem' in value || 'key' in value) ? (value as Jwk) : undefined
  } catch {
    return undefined
  }
}

function keysOfJwkSet({ keys }: JwkSet, labels: KeyLabels, checks: KeyChecks): CheckedKey[] {
  if (!Array.isArray(keys)) throw new TypeError('a JWK set without a list of "keys"')
  if (labels.kid !== undefined) throw new TypeError('one "kid" for a set of keys')
  return keys.map((jwk: Jwk) => keyOfJwk(jwk, labels, checks))
}

/** @throws {TypeError} unless the key is for signatures (RFC 7517 §4.2 and §4.3) */
export function keyOfJwk(jwk: Jwk, labels: KeyLabels, checks: KeyChecks): CheckedKey {
  if (typeof jwk !== 'object' || jwk === null || typeof jwk.kty !== 'string') throw new TypeError('a JWK without "kty"')
  if (jwk.use !== undefined && jwk.use !== 'sig') throw new TypeError('a JWK whose "use" is not "sig"')
  checkOperations(jwk)
  const { kty, crv = '', k, kid, n, e } = jwk
  // Platforms are laxer about base64url (RFC 7515 §2), and read different keys then.
  for (const name of PRIVATE_MEMBERS) if (jwk[name] !== undefined) bytesOfMember(jwk[name])
  const known = withOwnAlgorithm({ ...(kid !== undefined && { kid }), ...labels }, commonName(jwk.alg))
  if (kty === 'oct') return keyOfBytes(bytesOfMember(k), known, checks)
  const rsa = kty === 'RSA' && {
    modulusLength: bitLength(bytesOfMember(n ?? '')),
    publicExponent: bytesOfMember(e ?? ''),
  }
  const facts = { kty, crv, ...rsa }
  return checkPair(facts, isPrivateJwk(jwk), known, checks, (alg, jose) => importJwk(jwk, alg, jose))
}

function checkOperations(jwk: Jwk): void {
  const operations: unknown = jwk.key_ops
  if (operations === undefined) return
  if (!Array.isArray(operations)) throw new TypeError('a JWK whose "key_ops" is no list')
  const needed = jwk.kty === 'oct' ? ['sign', 'verify'] : [isPrivateJwk(jwk) ? 'sign' : 'verify']
  const missing = needed.find((operation) => !operations.includes(operation))
  if (missing !== undefined) throw new TypeError(`a JWK whose "key_ops" do not allow to ${missing}`)
}

function bytesOfMember(text: unknown): Uint8Array {
  try {
    return decodeBase64Url(text as string)
  } catch {
    throw new TypeError('a JWK with a member that is no base64url')
  }
}

/** @throws {TypeError} for a key with other usages, and for a private one that can't be exported and has no public one beside it */
function keyOfCryptoKeys({ privateKey, publicKey }: CryptoKeys, labels: KeyLabels, checks: KeyChecks): CheckedKey {
  if (privateKey && !privateKey.usages.includes('sign')) throw new TypeError('a private CryptoKey that may not sign')
  if (publicKey && !publicKey.usages.includes('verify')) throw new TypeError('a public CryptoKey that may not verify')
  const key = privateKey ?? publicKey
  if (key === undefined) throw new TypeError('a pair without a key')
  if (publicKey === undefined && !key.extractable) {
    throw new TypeError('a private CryptoKey that can not be exported; give { privateKey, publicKey }')
  }
  const own = algorithmOf(key)
  const known = withOwnAlgorithm(labels, own)
  const { modulusLength, publicExponent } = key.algorithm as RsaKeyAlgorithm
  const facts = { ...SIGNATURE_ALGORITHMS[own as SignatureAlgorithm], modulusLength, publicExponent }
  return checkPair(facts, privateKey !== undefined, known, checks, (alg, jose) =>
    importCryptoKeys({ ...(privateKey && { privateKey }), ...(publicKey && { publicKey }) }, alg, jose),
  )
}

/** @throws {TypeError} for a secret that is not for HMAC, or may not both sign and verify */
function keyOfCryptoKey(key: CryptoKey, labels: KeyLabels, checks: KeyChecks): CheckedKey {
  if (key.type === 'public') return keyOfCryptoKeys({ publicKey: key }, labels, checks)
  if (key.type === 'private') return keyOfCryptoKeys({ privateKey: key }, labels, checks)
  if (key.algorithm.name !== 'HMAC') throw new TypeError('a secret CryptoKey that is not for HMAC')
  if (!key.usages.includes('sign') || !key.usages.includes('verify')) {
    throw new TypeError('a secret CryptoKey that may not both sign and verify')
  }
  return checkSecret(key, withOwnAlgorithm(labels, algorithmOf(key)), checks)
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

/** By curve or type. Of a curve without a name only the import tells whether it is one of ours. */
const KEY_OBJECTS: Readonly<Record<string, KeyFacts>> = {
  rsa: { kty: 'RSA' },
  ec: {},
  ed25519: { kty: 'OKP', crv: 'Ed25519' },
  prime256v1: { kty: 'EC', crv: 'P-256' },
  secp384r1: { kty: 'EC', crv: 'P-384' },
  secp521r1: { kty: 'EC', crv: 'P-521' },
}

/**
 * As PEM and not as a JWK: of a key that was made a moment ago Node 20 holds a lock meanwhile, and waits for itself for ever if its
 * garbage collector comes in between and puts away what made the key.
 */
function keyOfKeyObject(key: KeyObjectLike, labels: KeyLabels, checks: KeyChecks): CheckedKey {
  if (key.type === 'secret') return keyOfBytes(key.export() as Uint8Array, labels, checks)
  const { asymmetricKeyType: type = '', asymmetricKeyDetails: { namedCurve = '', modulusLength } = {} } = key
  if (type === 'rsa-pss') throw new TypeError('a KeyObject of type rsa-pss; give one of type rsa')
  const facts = KEY_OBJECTS[namedCurve] ?? KEY_OBJECTS[type]
  if (facts === undefined) throw new TypeError('a KeyObject of a type or curve that signs no sessions')
  const pem = key.export({ format: 'pem', type: key.type === 'private' ? 'pkcs8' : 'spki' }) as string
  return keyOfPlainPem(pem.trim(), { ...facts, ...(modulusLength !== undefined && { modulusLength }) }, labels, checks)
}

/** What is said of a key, with what it says itself. */
function withOwnAlgorithm({ alg, kid }: KeyLabels, own: unknown): KeyLabels {
  if (own !== undefined && alg !== undefined && alg !== own) {
    throw new TypeError('a key with another "alg" than it has itself')
  }
  const known = (own ?? alg) as JwsAlgorithm | undefined
  return { ...(known !== undefined && { alg: known }), ...(kid !== undefined && { kid }) }
}

/** Characters of a key id: it travels in each token. */
const MAX_KID = 256

function checkKid({ kid }: KeyLabels): Pick<KeyLabels, 'kid'> {
  if (kid === undefined) return {}
  if (typeof kid === 'string' && kid !== '' && kid.length <= MAX_KID) return { kid }
  throw new TypeError(`a key whose "kid" is no text of 1 to ${MAX_KID} characters`)
}

function checkSecret(secrets: [Uint8Array] | CryptoKey, labels: KeyLabels, checks: KeyChecks): CheckedKey {
  const { allowWeakSecrets = false, algorithms } = checks
  const kid = checkKid(labels)
  const [alg] = algorithmsFor({ kty: 'oct' }, labels.alg, algorithms) as [HmacAlgorithm]
  const hmacKeys = createHmacKeys({ secrets, hash: HMAC_HASHES[alg], allowWeakSecrets, option: 'keys' })
  const key = keyOfSecret({ alg, ...kid }, hmacKeys)
  return { canSign: true, prepare: async () => key }
}

function keyOfSecret(labels: Pick<PreparedKey, 'alg' | 'kid'>, hmacKeys: HmacKeys): PreparedKey {
  return {
    ...labels,
    async sign(token, use) {
      const signingInput = token.signingInput()
      return withSignature(signingInput, await hmacKeys.sign(signingInput, use))
    },
    verify: async ({ signingInput, signature }, use) => (await hmacKeys.verify(signingInput, signature, use)) !== -1,
  }
}

function withSignature(signingInput: string, signature: Uint8Array): string {
  return `${signingInput}.${platform.base64Url(signature)}`
}

/** What is known of a key; without a type only an import tells. */
interface KeyFacts {
  readonly kty?: string
  readonly crv?: string
  /** Bits of an RSA key. */
  readonly modulusLength?: number
  readonly publicExponent?: Uint8Array
}

/** Bits of an RSA key: RFC 7518 §3.3, and what a verification may cost. */
const SHORTEST_RSA = 2048
const MAX_RSA = 8192

/** @throws {TypeError} for a modulus that is too short or too long, and for an exponent with which anybody could sign */
function checkRsa({ modulusLength: bits, publicExponent }: KeyFacts): void {
  if (bits === undefined) return
  if (bits < SHORTEST_RSA) throw new TypeError(`an RSA key of ${bits} bits; ${SHORTEST_RSA} are needed`)
  if (bits > MAX_RSA) throw new TypeError(`an RSA key of ${bits} bits; ${MAX_RSA} are the most`)
  if (publicExponent && bitLength(publicExponent) < 2) throw new TypeError('an RSA key with the exponent 1')
}

function bitLength(bytes: Uint8Array): number {
  const first = bytes.findIndex((byte) => byte !== 0)
  return first === -1 ? 0 : (bytes.length - first) * 8 - Math.clz32(bytes[first] as number) + 24
}

// Key pairs by jose, which is loaded with the first of them. What is signed for the public cookie is no token: that is WebCrypto.

function checkPair(
  facts: KeyFacts,
  canSign: boolean,
  labels: KeyLabels,
  checks: KeyChecks,
  load: (alg: SignatureAlgorithm, jose: Jose) => Promise<Pair>,
): CheckedKey {
  const { kid } = checkKid(labels)
  const algorithms = algorithmsFor(facts, labels.alg, checks.algorithms) as SignatureAlgorithm[]
  checkRsa(facts)
  return {
    canSign,
    async prepare() {
      const jose = await loadJose()
      for (const alg of algorithms) {
        // What a platform says of a key may hold parts of it.
        const pair = await load(alg, jose).catch(() => undefined)
        if (pair) return await preparePair(alg, kid, pair, jose)
      }
      throw new TypeError(`A key can not be imported for ${algorithms.join(' or ')}`)
    },
  }
}

interface Pair extends CryptoKeys {
  readonly publicKey: CryptoKey
  /** Absent for a `CryptoKey` that can't be exported. */
  readonly jwk?: Jwk
}

type Jose = Awaited<ReturnType<typeof loadJose>>

async function loadJose() {
  const [keys, { calculateJwkThumbprint }, { compactVerify }] = await Promise.all([
    import('jose/key/import'),
    import('jose/jwk/thumbprint'),
    import('jose/jws/compact/verify'),
  ])
  return { ...keys, calculateJwkThumbprint, compactVerify }
}

async function importPem(pem: string, alg: SignatureAlgorithm, jose: Jose): Promise<Pair> {
  if (!pem.startsWith('-----BEGIN PRIVATE')) {
    const read = pem.startsWith('-----BEGIN CERTIFICATE') ? jose.importX509 : jose.importSPKI
    const publicKey = await read(pem, alg, { extractable: true })
    return { publicKey, jwk: publicMembers((await crypto.subtle.exportKey('jwk', publicKey)) as Jwk) }
  }
  const readable = await jose.importPKCS8(pem, alg, { extractable: true })
  const shared = (await crypto.subtle.exportKey('jwk', readable)) as Jwk
  return { ...(await importJwk(publicMembers(shared), alg, jose)), privateKey: await jose.importPKCS8(pem, alg) }
}

/** The members that make the key, and nothing else: what the key is for was looked at before. */
async function importJwk(jwk: Jwk, alg: SignatureAlgorithm, jose: Jose): Promise<Pair> {
  const shared = publicMembers(jwk)
  const publicKey = (await jose.importJWK(shared, alg)) as CryptoKey
  if (!isPrivateJwk(jwk)) return { publicKey, jwk: shared }
  const whole = { ...shared, ...pick(jwk, PRIVATE_MEMBERS) }
  return { publicKey, jwk: shared, privateKey: (await jose.importJWK(whole, alg)) as CryptoKey }
}

/** What can be exported is read again, as PEM: see `keyOfKeyObject`. */
async function importCryptoKeys(keys: CryptoKeys, alg: SignatureAlgorithm, jose: Jose): Promise<Pair> {
  const { exportPKCS8, exportSPKI } = await import('jose/key/export')
  const { privateKey, publicKey } = keys
  if (privateKey?.extractable) return await importPem(await exportPKCS8(privateKey), alg, jose)
  const known = publicKey as CryptoKey
  const pair = known.extractable ? await importPem(await exportSPKI(known), alg, jose) : { publicKey: known }
  return { ...pair, ...(privateKey && { privateKey }) }
}

async function preparePair(
  alg: SignatureAlgorithm,
  given: string | undefined,
  { publicKey, privateKey, jwk }: Pair,
  { calculateJwkThumbprint, compactVerify }: Jose,
): Promise<PreparedKey> {
  const facts = publicKey.algorithm as Partial<RsaKeyAlgorithm>
  checkRsa(facts)
  const { parameters, signatureLength = Math.ceil((facts.modulusLength ?? 0) / 8) } = SIGNATURE_ALGORITHMS[alg]
  const kid = given ?? (jwk && (await calculateJwkThumbprint(jwk)))
  const labels = { ...(kid !== undefined && { kid }), alg }
  const { CompactSign } = privateKey ? await import('jose/jws/compact/sign') : {}
  return {
    ...labels,
    ...(jwk && { publicJwk: { ...jwk, ...labels, use: 'sig' } }),
    ...(privateKey && {
      async sign({ header, payload, signingInput }: UnsignedToken, use: KeyUse) {
        if (CompactSign && use.purpose === 'session') {
          return await new CompactSign(encodeUtf8(payload)).setProtectedHeader(header).sign(privateKey)
        }
        const signed = bytesOf(publicCookieLabel(use.cookieName) + signingInput())
        return withSignature(signingInput(), new Uint8Array(await crypto.subtle.sign(parameters, privateKey, signed)))
      },
    }),
    async verify({ value, payload, signingInput, signature }, use) {
      // OpenSSL takes one of RSA-PSS without the zeros at its start (RFC 8017 §8.1.2), and workerd throws at one of EdDSA that is cut.
      if (signature.length !== signatureLength) return false
      if (use.purpose === 'public') {
        const signed = bytesOf(publicCookieLabel(use.cookieName) + signingInput)
        return await crypto.subtle.verify(parameters, publicKey, plainBuffer(signature), signed)
      }
      // jose takes base64url that is not strict on some runtimes.
      decodeBase64Url(payload)
      try {
        await compactVerify(value, publicKey, { algorithms: alg === 'EdDSA' ? [alg, 'Ed25519'] : [alg] })
        return true
      } catch {
        return false
      }
    },
  }
}

/** The members that make a public key (RFC 7638 §3.2). */
const PUBLIC_MEMBERS = { RSA: ['e', 'kty', 'n'], EC: ['crv', 'kty', 'x', 'y'], OKP: ['crv', 'kty', 'x'] } as const
/** Of all types, the public numbers included. */
const PRIVATE_MEMBERS = ['x', 'y', 'n', 'e', 'd', 'p', 'q', 'dp', 'dq', 'qi'] as const

function publicMembers(jwk: Jwk): Jwk {
  return pick(jwk, PUBLIC_MEMBERS[jwk.kty as keyof typeof PUBLIC_MEMBERS] ?? [])
}

function pick(jwk: Jwk, names: readonly (keyof Jwk)[]): Jwk {
  return Object.fromEntries(names.filter((name) => jwk[name] !== undefined).map((name) => [name, jwk[name]]))
}

/** Whether it can sign: every private key has a `d` (RFC 7518 §6.2.2 and §6.3.2, RFC 8037 §2). */
export function isPrivateJwk(jwk: Jwk): boolean {
  return jwk.d !== undefined
}

// The algorithms of signed tokens, and which of them a key is for. The key decides, never the token.
// RFC 7518 §3.1 to §3.5, RFC 8037 §3.1.

export type HmacAlgorithm = 'HS256' | 'HS384' | 'HS512'
export type SignatureAlgorithm = `${'RS' | 'PS' | 'ES'}${256 | 384 | 512}` | 'EdDSA'

/** What a token may be signed with. */
export type JwsAlgorithm = HmacAlgorithm | SignatureAlgorithm

const HMAC_HASHES: Readonly<Record<HmacAlgorithm, HashName>> = { HS256: 'SHA-256', HS384: 'SHA-384', HS512: 'SHA-512' }

interface AlgorithmFacts {
  readonly kty: 'RSA' | 'EC' | 'OKP'
  readonly crv?: string
  /** Of WebCrypto. */
  readonly parameters: Algorithm | RsaPssParams | EcdsaParams
  /** Bytes; one of RSA is as long as the modulus. */
  readonly signatureLength?: number
}

const RSA: AlgorithmFacts = { kty: 'RSA', parameters: { name: 'RSASSA-PKCS1-v1_5' } }

const SIGNATURE_ALGORITHMS: Readonly<Record<SignatureAlgorithm, AlgorithmFacts>> = {
  RS256: RSA,
  RS384: RSA,
  RS512: RSA,
  PS256: { kty: 'RSA', parameters: { name: 'RSA-PSS', saltLength: 32 } },
  PS384: { kty: 'RSA', parameters: { name: 'RSA-PSS', saltLength: 48 } },
  PS512: { kty: 'RSA', parameters: { name: 'RSA-PSS', saltLength: 64 } },
  ES256: { kty: 'EC', crv: 'P-256', parameters: { name: 'ECDSA', hash: 'SHA-256' }, signatureLength: 64 },
  ES384: { kty: 'EC', crv: 'P-384', parameters: { name: 'ECDSA', hash: 'SHA-384' }, signatureLength: 96 },
  ES512: { kty: 'EC', crv: 'P-521', parameters: { name: 'ECDSA', hash: 'SHA-512' }, signatureLength: 132 },
  EdDSA: { kty: 'OKP', crv: 'Ed25519', parameters: { name: 'Ed25519' }, signatureLength: 64 },
}

/** What a key that does not say it itself is for. */
const DEFAULTS: readonly JwsAlgorithm[] = ['HS256', 'RS256', 'ES256', 'ES384', 'ES512', 'EdDSA']

/** RFC 9864 §2.2 has another name for EdDSA with the one curve that there is here. */
export function commonName(name: unknown): unknown {
  return name === 'Ed25519' ? 'EdDSA' : name
}

export function isAlgorithm(name: unknown): name is JwsAlgorithm {
  return typeof name === 'string' && (Object.hasOwn(HMAC_HASHES, name) || Object.hasOwn(SIGNATURE_ALGORITHMS, name))
}

function isHmac(algorithm: JwsAlgorithm): algorithm is HmacAlgorithm {
  return Object.hasOwn(HMAC_HASHES, algorithm)
}

/** Whether a key of this type and curve can have the algorithm. */
function fits(algorithm: JwsAlgorithm, { kty, crv }: KeyFacts): boolean {
  if (isHmac(algorithm)) return kty === 'oct'
  const facts = SIGNATURE_ALGORITHMS[algorithm]
  return kty === undefined || (facts.kty === kty && (facts.crv === undefined || facts.crv === crv))
}

/**
 * The one algorithm of a key; of a key whose type is not known yet, those that it may be for, in the order of preference.
 *
 * @param named - what the key says itself, or was said of it
 */
function algorithmsFor(facts: KeyFacts, named: unknown, allowed?: readonly JwsAlgorithm[]): JwsAlgorithm[] {
  if (named !== undefined && !isAlgorithm(named)) throw new TypeError('a key with an "alg" that signs no sessions')
  if (named !== undefined && !fits(named, facts)) throw new TypeError(`a key that can not be used with ${named}`)
  const possible = named === undefined ? (allowed ?? DEFAULTS) : [named]
  const found = possible.filter((name) => fits(name, facts) && (allowed === undefined || allowed.includes(name)))
  if (found.length > 0) return facts.kty === undefined ? found : found.slice(0, 1)
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
