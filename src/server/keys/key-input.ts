/**
 * The forms in which a key is given, what shows of them at once, and how each is imported, by jose.
 * RFC 7517, RFC 7518 §6; RFC 7468 for PEM.
 */
import { platform } from '#platform'
import { encodeBase64 } from '../../shared/base64.js'
import { decodeBase64Url, encodeUtf8 } from '../../shared/bytes.js'
import { type Duration, parseDuration } from '../../shared/define-session.js'
import { refuseUndefined } from '../../shared/option-names.js'
import type { MaybePromise } from '../../shared/types.js'
import { MAX_KEYS } from './hmac.js'
import {
  ALGORITHMS,
  commonName,
  costOf,
  type HmacAlgorithm,
  isAlgorithm,
  type Jwk,
  type JwsAlgorithm,
  type KeyCost,
  type KeyPair,
  keyOfPair,
  keyOfSecret,
  type NumberMember,
  type PreparedKey,
  parametersOf,
  type SignatureAlgorithm,
} from './prepared-key.js'
import { signBytesWith } from './signer.js'
import { checkCoordinate, checkExponent, checkPoint, checkRsa, checkRsaLength, refusePublished } from './weak-keys.js'
import { refuseKeyFile, refuseOpenSsh } from './weak-secrets.js'

/**
 * One key, or a set of them: a secret as text or bytes, PEM as text, a JWK, a JWK set, a `CryptoKey`, a pair of those, a
 * `KeyObject`, a signer for a key that is elsewhere; or an object that says more about one.
 */
export type KeyInput =
  | string
  | Uint8Array
  | Jwk
  | JwkSet
  | CryptoKey
  | CryptoKeys
  | KeyObjectLike
  | KeySigner
  | (KeyLabels & { readonly pem: string; readonly passphrase?: string })
  /** PEM, JWK, JWK set, or else a secret of exactly its bytes. Node only; read at start and with each reload. */
  | (KeyLabels & { readonly file: string; readonly passphrase?: string })
  | (KeyLabels & { readonly key: string | Uint8Array | Jwk | CryptoKey | CryptoKeys | KeyObjectLike })

/** What may be said of a key that does not say it itself. */
interface KeyLabels {
  /** The algorithm; default: the key's own, else what its type is for (RSA: RS256). */
  readonly alg?: JwsAlgorithm
  /** The id; default: the key's own, else its thumbprint (RFC 7638). A secret has none unless it is given one. */
  readonly kid?: string
}

/** A private key that is asked for each signature. */
export interface KeySigner {
  /** The one algorithm of the key. */
  readonly alg: SignatureAlgorithm
  /**
   * The id.
   *
   * @defaultValue the public key's own, else its thumbprint (RFC 7638)
   */
  readonly kid?: string
  /**
   * Signs the bytes, which it has to hash itself if its service takes a digest. ECDSA may be the two numbers of RFC 7518 §3.4 or DER,
   * as AWS and Google Cloud give it. What it throws is `ERR_SESSION_KEYS`.
   */
  sign(bytes: Uint8Array): MaybePromise<Uint8Array>
  /** In any form of a public key, or as the bytes of its SPKI (DER), as AWS gives it. Every signature is verified with it. */
  readonly publicKey: string | Uint8Array | Jwk | CryptoKey | KeyObjectLike
  /**
   * How long one signature may take.
   *
   * @defaultValue 5 seconds
   */
  readonly timeout?: Duration
}

interface CryptoKeys {
  readonly privateKey?: CryptoKey
  readonly publicKey?: CryptoKey
}

/** `KeyObject` of node:crypto, by its shape: not every runtime has its class. */
interface KeyObjectLike {
  readonly type: 'public' | 'private' | 'secret'
  // biome-ignore lint/suspicious/noExplicitAny: the overloads of KeyObject
  export(...options: any[]): unknown
}

/** A set of public keys (RFC 7517 §5). */
export interface JwkSet {
  /** The keys. */
  readonly keys: Jwk[]
}

export interface KeyChecks {
  /**
   * What the keys may be for, in the order of preference.
   *
   * @defaultValue all
   */
  readonly algorithms?: readonly JwsAlgorithm[]
  /** Takes secrets under 32 bytes. */
  readonly allowWeakSecrets?: boolean
}

/** A key whose shape was checked. */
export interface CheckedKey extends KeyCost {
  readonly canSign: boolean
  /** The public numbers, if they show: the same for a private key and its own public one. */
  readonly numbers?: string
  /** Imports it. @throws {TypeError} for what only an import can tell */
  prepare(): Promise<PreparedKey>
}

/** What shows of a key without an import. */
interface Shape {
  /** Absent for a PEM: only the import tells. */
  readonly kty?: string
  readonly crv?: string
  readonly rsaBits?: number
  readonly alg?: unknown
  readonly kid?: unknown
}

interface SecretShape extends Shape {
  readonly secret: Uint8Array | CryptoKey
}

interface PairShape extends Shape, Pick<CheckedKey, 'canSign' | 'numbers'> {
  /** The one that was given beside a private key. */
  readonly publicKey?: CryptoKey
  /** Fails unless the key is for the algorithm. */
  read(alg: SignatureAlgorithm): Promise<KeyPair>
}

/** The rules for the keys of an option, and its name. */
export interface OptionChecks extends KeyChecks {
  readonly option: string
  /** Of another server. */
  readonly isRemote?: boolean
}

/** @throws {TypeError} naming the option. The other messages of this file begin after its name */
export function checkKeys(input: KeyInput | readonly KeyInput[], checks: OptionChecks): CheckedKey[] {
  refuseUndefined(input, checks.option)
  const inputs = Array.isArray(input) ? (input as readonly KeyInput[]) : [input as KeyInput]
  try {
    const keys = inputs.flatMap((each) => keysOf(each, checks, {}))
    if (keys.length > MAX_KEYS) throw new TypeError(`more than ${MAX_KEYS} keys`)
    if (keys.length > 0) return keys
    throw new TypeError('no key')
  } catch (error) {
    if (!(error instanceof TypeError) || error.message.startsWith('Option ')) throw error
    throw new TypeError(`Option "${checks.option}" holds ${error.message}`)
  }
}

function keysOf(input: KeyInput, checks: OptionChecks, said: KeyLabels): CheckedKey[] {
  const checked = (shape: SecretShape | PairShape, labels = said) => [checkKey(shape, checks, labels)]
  if (typeof input === 'string')
    return checked(PEM.test(input) ? shapeOfPem(input, checks) : secretOf(encodeUtf8(input)))
  if (input instanceof Uint8Array) return checked(secretOf(input))
  if (typeof input !== 'object' || input === null || Array.isArray(input)) throw new TypeError(NO_KEY)
  if ('kty' in input) return checked(shapeOfJwk(input, checks))
  if ('keys' in input) {
    if (!Array.isArray(input.keys)) throw new TypeError('a JWK set without a list of "keys"')
    if (said.kid !== undefined) throw new TypeError('one "kid" for a set of keys')
    return input.keys.flatMap((jwk) => checked(shapeOfJwk(jwk, checks)))
  }
  const labels = { ...said, ...input } as KeyLabels
  if ('pem' in input) return checked(shapeOfPem(input.pem, checks, input.passphrase), labels)
  if ('file' in input) return keysOf(readFile(input), checks, labels)
  if ('sign' in input) return checked(shapeOfSigner(input, checks), labels)
  if ('key' in input) return keysOf(input.key, checks, labels)
  if ('usages' in input) return checked(shapeOfCryptoKey(input))
  if ('export' in input) return checked(shapeOfKeyObject(input, checks))
  return checked(shapeOfPair(input as CryptoKeys))
}

/** Characters of a key id: it travels in each token. */
const MAX_KID = 256

function checkKey(shape: SecretShape | PairShape, checks: OptionChecks, said: KeyLabels): CheckedKey {
  const kid = said.kid ?? shape.kid
  if (kid !== undefined && !(typeof kid === 'string' && kid !== '' && kid.length <= MAX_KID)) {
    throw new TypeError(`a key whose "kid" is not text of 1 to ${MAX_KID} characters`)
  }
  const algorithms = algorithmsFor(shape, said.alg, checks)
  if ('read' in shape) {
    const costs = new Set(algorithms.map((alg) => costOf(alg, shape.rsaBits)))
    return {
      canSign: shape.canSign,
      ...(shape.numbers !== undefined && { numbers: shape.numbers }),
      // What a PEM costs may show only with its import.
      cost: costs.size === 1 && costs.has('much') ? 'much' : 'little',
      givenKid: kid,
      prepare: () => importKey(shape, algorithms as SignatureAlgorithm[], { ...checks, kid }),
    }
  }
  const { secret } = shape
  const { option, allowWeakSecrets = false } = checks
  const secrets = secret instanceof Uint8Array ? [secret] : secret
  const key = keyOfSecret(algorithms[0] as HmacAlgorithm, { secrets, option, allowWeakSecrets }, kid)
  return { ...key, canSign: true, prepare: async () => key }
}

/** What a key that does not say it itself is for. */
const DEFAULTS: readonly JwsAlgorithm[] = ['HS256', 'RS256', 'ES256', 'ES384', 'ES512', 'EdDSA']

/** Those that a key may be for, in the order of preference: the import takes the first that it can. */
function algorithmsFor(shape: Shape, said: unknown, { algorithms: allowed }: KeyChecks): JwsAlgorithm[] {
  const { alg: own } = shape
  const alg = said ?? own
  if (own !== undefined && own !== alg) throw new TypeError('a key whose own "alg" is a different one')
  if (alg !== undefined && !isAlgorithm(alg)) throw new TypeError('a key with an "alg" that is not for sessions')
  if (alg !== undefined && !fits(alg, shape)) throw new TypeError(`a key that can not be used with ${alg}`)
  const possible = alg === undefined ? (allowed ?? DEFAULTS) : [alg]
  const found = possible.filter((name) => fits(name, shape) && allowed?.includes(name) !== false)
  if (found.length > 0) return found
  throw new TypeError(allowed ? 'a key for none of "algorithms"' : 'a key of a type or curve that is not for sessions')
}

function fits(alg: JwsAlgorithm, shape: Shape): boolean {
  const { kty, crv } = ALGORITHMS[alg]
  if (shape.kty === undefined) return kty !== 'oct'
  return shape.kty === kty && (crv === undefined || shape.crv === crv)
}

async function importKey(
  shape: PairShape,
  algorithms: SignatureAlgorithm[],
  { kid, ...checks }: KeyChecks & { kid: string | undefined },
): Promise<PreparedKey> {
  for (const alg of algorithms) {
    // What a platform says of a key may hold parts of it.
    const pair = await shape.read(alg).catch(() => undefined)
    if (pair?.jwk) checkNumbers(pair.jwk, checks)
    if (pair && !(await belongsTogether(pair, shape.publicKey ?? pair.publicKey, alg))) throw new TypeError(MISMATCH)
    if (pair) return await keyOfPair(pair, alg, kid)
  }
  throw new TypeError(`A key can not be imported for ${algorithms.join(' or ')}`)
}

const MISMATCH = 'A private key and a public key that do not belong together'

/** Whether the one verifies what the other signs: else no session that is written could be read. */
async function belongsTogether(
  { privateKey }: KeyPair,
  publicKey: CryptoKey,
  alg: SignatureAlgorithm,
): Promise<boolean> {
  if (!privateKey) return true
  const parameters = parametersOf(alg)
  const text = encodeUtf8('sessionglass: do the keys of this pair belong together?')
  try {
    const signature = await crypto.subtle.sign(parameters, privateKey, text)
    return await crypto.subtle.verify(parameters, publicKey, signature, text)
  } catch {
    // workerd looks itself, and what it says may hold parts of the key.
    return false
  }
}

// The forms.

const NO_KEY = 'something that is not a key'

function secretOf(secret: Uint8Array | CryptoKey, own: Pick<Shape, 'alg' | 'kid'> = {}): SecretShape {
  if (secret instanceof Uint8Array) refuseKeyFile(secret)
  return { ...own, kty: 'oct', secret }
}

const PEM = /^\s*-----BEGIN /
/** RFC 7468 §3: the label stands in both lines. Text may stand around a block (§2). */
const PEM_BLOCK = /^-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?^-----END \1-----/gm
/** Others, such as the parameters of a curve, are no keys. */
const KEY_LABEL = /(?:^| )KEY$|^CERTIFICATE$/
/** What jose reads: RFC 7468 §5, §10 and §13. */
const PLAIN_LABEL = /^(?:PUBLIC KEY|PRIVATE KEY|CERTIFICATE)$/

function shapeOfPem(text: unknown, checks: OptionChecks, passphrase?: string): SecretShape | PairShape {
  if (typeof text !== 'string') throw new TypeError('a "pem" that is not text')
  const blocks = [...text.trim().matchAll(PEM_BLOCK)].filter(([, label = '']) => KEY_LABEL.test(label))
  const [[pem, label = ''] = []] = blocks
  if (pem === undefined) refuseOpenSsh(encodeUtf8(text))
  if (pem === undefined) throw new TypeError('a PEM without a key')
  if (blocks.length > 1) throw new TypeError('a PEM with several keys; pass each one separately')
  if (label.startsWith('OPENSSH')) throw new TypeError('an OpenSSH key; convert it: ssh-keygen -p -m PKCS8 -f FILE')
  if (!PLAIN_LABEL.test(label)) return shapeOfJwk(platform.jwkOfPem(pem, passphrase), checks)
  return { canSign: label === 'PRIVATE KEY', read: (alg) => importPem(pem, alg) }
}

function readFile({ file, passphrase }: { file: string; passphrase?: string }): KeyInput {
  const bytes = platform.readFile(file)
  const text = new TextDecoder().decode(bytes)
  if (/^-----BEGIN /m.test(text)) return { pem: text, ...(passphrase !== undefined && { passphrase }) }
  try {
    const json = JSON.parse(text)
    return 'kty' in json || 'keys' in json ? json : bytes
  } catch {
    return bytes
  }
}

/** Of the types RSA, EC and OKP. */
const PUBLIC_NUMBERS: readonly NumberMember[] = ['x', 'y', 'n', 'e']
const NUMBERS: readonly NumberMember[] = ['x', 'y', 'n', 'e', 'd', 'p', 'q', 'dp', 'dq', 'qi']

/** @throws {TypeError} unless the key is for signatures (RFC 7517 §4.2 and §4.3) */
function shapeOfJwk(jwk: Jwk, checks: Partial<OptionChecks> = {}): SecretShape | PairShape {
  if (typeof jwk !== 'object' || jwk === null || typeof jwk.kty !== 'string') throw new TypeError('a JWK without "kty"')
  const { kty, crv, kid, use = 'sig', key_ops: operations = ['sign', 'verify'] } = jwk
  if (use !== 'sig') throw new TypeError('a JWK whose "use" is not "sig"')
  if (!Array.isArray(operations)) throw new TypeError('a JWK whose "key_ops" is not a list')
  checkUses(operations, kty === 'oct' ? ['sign', 'verify'] : [isPrivateJwk(jwk) ? 'sign' : 'verify'])
  // Platforms are laxer about base64url (RFC 7515 §2), and read different keys then.
  for (const name of NUMBERS) if (jwk[name] !== undefined) bytesOfMember(jwk[name])
  const own = { alg: commonName(jwk.alg), kid }
  if (kty === 'oct') return secretOf(bytesOfMember(jwk.k), own)
  checkNumbers(jwk, checks)
  return {
    ...own,
    kty,
    ...(crv !== undefined && { crv }),
    rsaBits: bytesOfMember(jwk.n ?? '').length * 8,
    canSign: isPrivateJwk(jwk),
    numbers: JSON.stringify(pick(jwk, PUBLIC_NUMBERS)),
    read: (alg) => importJwk(jwk, alg),
  }
}

/** @throws {TypeError} for a key with which anyone could sign, or that costs too much */
function checkNumbers(jwk: Jwk, { isRemote, allowWeakSecrets }: Partial<OptionChecks>): void {
  const { kty, n, e, x } = jwk
  if (!allowWeakSecrets) refusePublished(jwk)
  if (kty === 'RSA') checkRsa(bytesOfMember(n), bytesOfMember(e), isRemote)
  if (kty === 'OKP') checkPoint(bytesOfMember(x))
  if (kty === 'EC') checkCoordinate(bytesOfMember(x))
}

/** Whether it can sign: every private key has a `d` (RFC 7518 §6.2.2 and §6.3.2, RFC 8037 §2). */
export function isPrivateJwk(jwk: Jwk): boolean {
  return jwk.d !== undefined
}

function checkUses(uses: readonly string[], needed: readonly string[]): void {
  const missing = needed.find((use) => !uses.includes(use))
  if (missing !== undefined) throw new TypeError(`a key that may not ${missing}`)
}

function bytesOfMember(text: unknown): Uint8Array<ArrayBuffer> {
  try {
    return decodeBase64Url(text as string)
  } catch {
    throw new TypeError('a JWK with a member that is not base64url')
  }
}

function shapeOfCryptoKey(key: CryptoKey): SecretShape | PairShape {
  if (key.type !== 'secret') return shapeOfPair({ [`${key.type}Key`]: key })
  checkUses(key.usages, ['sign', 'verify'])
  return secretOf(key, { alg: algorithmOf(key) })
}

function shapeOfPair(pair: CryptoKeys): PairShape {
  const { privateKey, publicKey } = pair
  const key = privateKey ?? publicKey
  if (key === undefined) throw new TypeError(NO_KEY)
  if (privateKey) checkUses(privateKey.usages, ['sign'])
  if (publicKey) checkUses(publicKey.usages, ['verify'])
  if (publicKey === undefined && !key.extractable) {
    throw new TypeError('a private CryptoKey that cannot be exported; pass { privateKey, publicKey }')
  }
  const { modulusLength: rsaBits, publicExponent } = key.algorithm as Partial<RsaKeyAlgorithm>
  if (rsaBits !== undefined) checkRsaLength(rsaBits)
  if (publicExponent) checkExponent(publicExponent)
  const alg = algorithmOf(key)
  return {
    alg,
    ...(rsaBits !== undefined && { rsaBits }),
    canSign: privateKey !== undefined,
    ...(publicKey && { publicKey }),
    read: () => importPair(pair, alg as SignatureAlgorithm),
  }
}

/** Another name stays as it is and is refused with the algorithms that are unknown. */
function algorithmOf({ algorithm }: CryptoKey): string {
  const { name, hash, namedCurve } = algorithm as RsaHashedKeyAlgorithm & EcKeyAlgorithm
  const found = Object.entries(ALGORITHMS).find(
    ([, known]) =>
      known.name === name && (hash?.name ?? known.hash) === known.hash && (namedCurve ?? known.crv) === known.crv,
  )
  return found?.[0] ?? name
}

/** On Node by way of PEM: see `importPair`. */
function shapeOfKeyObject(key: KeyObjectLike, checks: OptionChecks): SecretShape | PairShape {
  if (key.type === 'secret') return secretOf(key.export() as Uint8Array)
  const pem = { format: 'pem', type: key.type === 'private' ? 'pkcs8' : 'spki' }
  let jwk: unknown
  try {
    jwk = platform.name === 'node' ? platform.jwkOfPem(key.export(pem) as string) : key.export({ format: 'jwk' })
  } catch {
    throw new TypeError('a KeyObject of a type or curve that is not for sessions')
  }
  return shapeOfJwk(jwk as Jwk, checks)
}

function shapeOfSigner(signer: KeySigner, checks: OptionChecks): PairShape {
  const { publicKey, timeout = '5s' } = signer
  if (typeof signer.sign !== 'function') throw new TypeError('a signer whose "sign" is not a function')
  const spki =
    publicKey instanceof Uint8Array &&
    `-----BEGIN PUBLIC KEY-----\n${encodeBase64(publicKey)}\n-----END PUBLIC KEY-----`
  const shape = publicShape(spki || publicKey, checks)
  if (!shape || !('read' in shape) || shape.canSign) throw new TypeError('a signer whose "publicKey" is no public key')
  const signBytes = signBytesWith(signer, parseDuration(timeout, 'timeout'))
  return { ...shape, canSign: true, read: async (alg) => ({ ...(await shape.read(alg)), signBytes }) }
}

function publicShape(
  key: KeySigner['publicKey'] | undefined,
  checks: OptionChecks,
): SecretShape | PairShape | undefined {
  if (typeof key === 'string') return shapeOfPem(key, checks)
  if (typeof key !== 'object' || key === null) return undefined
  if ('kty' in key) return shapeOfJwk(key, checks)
  if ('usages' in key) return shapeOfCryptoKey(key)
  return 'export' in key ? shapeOfKeyObject(key, checks) : undefined
}

// Imports, each by way of a JWK with the members that make the key, and nothing else: what it is for was looked at before.

async function importJwk(jwk: Jwk, alg: SignatureAlgorithm, given?: CryptoKey): Promise<KeyPair> {
  const { importJWK } = await import('jose/key/import')
  const imported = async (names: readonly NumberMember[]) => (await importJWK(pick(jwk, names), alg)) as CryptoKey
  const publicKey = await imported(PUBLIC_NUMBERS)
  const privateKey = isPrivateJwk(jwk) ? await imported(NUMBERS) : given
  // As the platform read it: Deno takes a point that is not on its curve, and says so here.
  const exported = pick((await crypto.subtle.exportKey('jwk', publicKey)) as Jwk, PUBLIC_NUMBERS)
  return { publicKey, jwk: exported, ...(privateKey && { privateKey }) }
}

function pick(jwk: Jwk, numbers: readonly NumberMember[]): Jwk {
  const names = (['kty', 'crv', ...numbers] as const).filter((name) => jwk[name] !== undefined)
  return Object.fromEntries(names.map((name) => [name, jwk[name]]))
}

async function importPem(pem: string, alg: SignatureAlgorithm, privateKey?: CryptoKey): Promise<KeyPair> {
  const { importPKCS8, importSPKI, importX509 } = await import('jose/key/import')
  const label = pem.slice('-----BEGIN '.length)
  const publicReader = label.startsWith('CERTIFICATE') ? importX509 : importSPKI
  const read = label.startsWith('PRIVATE') ? importPKCS8 : publicReader
  const key = await read(pem, alg, { extractable: true })
  return await importJwk((await crypto.subtle.exportKey('jwk', key)) as Jwk, alg, privateKey)
}

/**
 * What can be exported is read again, as PEM and not as a JWK: of a key that was made a moment ago Node 20 holds a lock meanwhile,
 * and waits for itself for ever if its garbage collector comes in between and puts away what made the key.
 */
async function importPair(pair: CryptoKeys, alg: SignatureAlgorithm): Promise<KeyPair> {
  const key = [pair.privateKey, pair.publicKey].find((each) => each?.extractable)
  if (!key) return pair as KeyPair
  const { exportPKCS8, exportSPKI } = await import('jose/key/export')
  return await importPem(await (key.type === 'private' ? exportPKCS8(key) : exportSPKI(key)), alg, pair.privateKey)
}
