/**
 * One key: the forms in which it is given, the one algorithm that it is for, and how it signs and verifies. Key pairs are jose's.
 * RFC 7515 §5.1 and §5.2, RFC 7517, RFC 7518 §3; RFC 7468 for PEM.
 */
import { platform } from '#platform'
import { decodeBase64Url, encodeUtf8 } from '../../shared/bytes.js'
import { bytesOf, type HashName, plainBuffer } from '../platform/platform.js'
import { createHmacKeys, type HmacKeysOptions, type KeyUse, MAX_KEYS, publicCookieLabel } from './hmac.js'
import { checkExponent, checkPoint, checkRsa, checkRsaLength, isKeyFile } from './weak-keys.js'

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
interface KeyLabels {
  /** The algorithm; default: the key's own, else what its type is for (RSA: RS256). */
  readonly alg?: JwsAlgorithm
  /** The id; default: the key's own, else its thumbprint (RFC 7638). A secret has none unless it is given one. */
  readonly kid?: string
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

/** A JSON Web Key with the members that signatures know (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2). */
export interface Jwk extends Readonly<Partial<Record<TextMember, string>>> {
  readonly key_ops?: string[]
}

type NumberMember = 'x' | 'y' | 'n' | 'e' | 'd' | 'p' | 'q' | 'dp' | 'dq' | 'qi'
type TextMember = NumberMember | 'kty' | 'crv' | 'k' | 'alg' | 'use' | 'kid'

export interface JwkSet {
  readonly keys: Jwk[]
}

export interface KeyChecks {
  /** What the keys may be for, in the order of preference; default: all. */
  readonly algorithms?: readonly JwsAlgorithm[]
  /** Takes secrets under 32 bytes. */
  readonly allowWeakSecrets?: boolean
}

/** What a verification costs, and for which tokens the key has to be tried. */
export interface KeyCost {
  /** ES384, ES512, and RSA above 4096 bits: a hundred times as much as ES256. */
  readonly isCostly: boolean
  /** It was given a `kid`, so its tokens name it. */
  readonly isNamed: boolean
}

/** A key whose shape was checked. */
export interface CheckedKey extends KeyCost {
  readonly canSign: boolean
  /** Imports it. @throws {TypeError} for what only an import can tell */
  prepare(): Promise<PreparedKey>
}

/** A key that is ready for its one algorithm. What it signs as a session never verifies as a public cookie, nor the other way round. */
export interface PreparedKey extends KeyCost {
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

// The algorithms: the key decides, never the token.
// RFC 7518 §3.1 to §3.5, RFC 8037 §3.1.

export type HmacAlgorithm = 'HS256' | 'HS384' | 'HS512'
export type SignatureAlgorithm = `${'RS' | 'PS' | 'ES'}${256 | 384 | 512}` | 'EdDSA'

/** What a token may be signed with. */
export type JwsAlgorithm = HmacAlgorithm | SignatureAlgorithm

/** The type and curve of its keys, and its names in WebCrypto. */
interface AlgorithmFacts {
  readonly kty: 'oct' | 'RSA' | 'EC' | 'OKP'
  readonly crv?: string
  readonly name: string
  readonly hash: HashName
  /** Bytes of a signature; one of RSA is as long as the modulus. */
  readonly size?: number
}

export const ALGORITHMS: Readonly<Record<JwsAlgorithm, AlgorithmFacts>> = {
  HS256: { kty: 'oct', name: 'HMAC', hash: 'SHA-256' },
  HS384: { kty: 'oct', name: 'HMAC', hash: 'SHA-384' },
  HS512: { kty: 'oct', name: 'HMAC', hash: 'SHA-512' },
  RS256: { kty: 'RSA', name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  RS384: { kty: 'RSA', name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-384' },
  RS512: { kty: 'RSA', name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-512' },
  PS256: { kty: 'RSA', name: 'RSA-PSS', hash: 'SHA-256' },
  PS384: { kty: 'RSA', name: 'RSA-PSS', hash: 'SHA-384' },
  PS512: { kty: 'RSA', name: 'RSA-PSS', hash: 'SHA-512' },
  ES256: { kty: 'EC', crv: 'P-256', name: 'ECDSA', hash: 'SHA-256', size: 64 },
  ES384: { kty: 'EC', crv: 'P-384', name: 'ECDSA', hash: 'SHA-384', size: 96 },
  ES512: { kty: 'EC', crv: 'P-521', name: 'ECDSA', hash: 'SHA-512', size: 132 },
  EdDSA: { kty: 'OKP', crv: 'Ed25519', name: 'Ed25519', hash: 'SHA-512', size: 64 },
}

/** What a key that does not say it itself is for. */
const DEFAULTS: readonly JwsAlgorithm[] = ['HS256', 'RS256', 'ES256', 'ES384', 'ES512', 'EdDSA']

/** RFC 9864 §2.2 has another name for EdDSA with the one curve that there is here. */
export function commonName(name: unknown): unknown {
  return name === 'Ed25519' ? 'EdDSA' : name
}

export function isAlgorithm(name: unknown): name is JwsAlgorithm {
  return typeof name === 'string' && Object.hasOwn(ALGORITHMS, name)
}

/** @throws {TypeError} for a list that is empty, or has a name twice or an unknown one */
export function checkAlgorithms(algorithms: readonly JwsAlgorithm[]): void {
  if (algorithms.length === 0) throw new TypeError('Option "algorithms" is empty')
  const unknown = algorithms.some((name) => !isAlgorithm(name))
  if (unknown) throw new TypeError('Option "algorithms" contains a name that is not a supported algorithm')
  const twice = algorithms.find((name, index) => algorithms.indexOf(name) !== index)
  if (twice) throw new TypeError(`Option "algorithms" contains ${twice} twice`)
}

/** Those that a key may be for, in the order of preference: the import takes the first that it can. */
function algorithmsFor(material: Material, said: unknown, { algorithms: allowed }: KeyChecks): JwsAlgorithm[] {
  const { alg: own } = material
  const alg = said ?? own
  if (own !== undefined && own !== alg) throw new TypeError('a key whose own "alg" is a different one')
  if (alg !== undefined && !isAlgorithm(alg)) throw new TypeError('a key with an "alg" that is not for sessions')
  if (alg !== undefined && !fits(alg, material)) throw new TypeError(`a key that can not be used with ${alg}`)
  const possible = alg === undefined ? (allowed ?? DEFAULTS) : [alg]
  const found = possible.filter((name) => fits(name, material) && allowed?.includes(name) !== false)
  if (found.length > 0) return found
  throw new TypeError(allowed ? 'a key for none of "algorithms"' : 'a key of a type or curve that is not for sessions')
}

/** Whether a key can have the algorithm. Of a PEM only the import tells; no key pair is for HMAC. */
function fits(alg: JwsAlgorithm, { secret, jwk }: Material): boolean {
  const { kty, crv } = ALGORITHMS[alg]
  if (jwk) return jwk.kty === kty && (crv === undefined || jwk.crv === crv)
  return (secret !== undefined) === (kty === 'oct')
}

// The shape of a key: what shows of it without an import. Messages begin after the name of the option, which `checkKeys` adds.

/** What a key is made of, one of four, and what it says of itself. */
interface Material {
  readonly secret?: Uint8Array | CryptoKey
  /** SPKI, PKCS #8 or X.509. */
  readonly pem?: string
  readonly jwk?: Jwk
  readonly pair?: CryptoKeys
  readonly alg?: unknown
  readonly kid?: unknown
}

/** @throws {TypeError} naming the option */
export function checkKeys(input: KeyInput | readonly KeyInput[], checks: KeyChecks): CheckedKey[] {
  const inputs = Array.isArray(input) ? (input as readonly KeyInput[]) : [input as KeyInput]
  try {
    const keys = inputs.flatMap((each) => keysOf(each, checks, {}))
    if (keys.length > MAX_KEYS) throw new TypeError(`more than ${MAX_KEYS} keys`)
    if (keys.length > 0) return keys
    throw new TypeError('no key')
  } catch (error) {
    if (!(error instanceof TypeError) || error.message.startsWith('Option ')) throw error
    throw new TypeError(`Option "keys" holds ${error.message}`)
  }
}

function keysOf(input: KeyInput, checks: KeyChecks, said: KeyLabels): CheckedKey[] {
  const checked = (material: Material): CheckedKey[] => [checkKey(material, checks, said)]
  if (typeof input === 'string') return checked(PEM.test(input) ? readPem(input) : { secret: encodeUtf8(input) })
  if (input instanceof Uint8Array) return checked({ secret: input })
  if (typeof input !== 'object' || input === null || Array.isArray(input)) throw new TypeError(NO_KEY)
  if ('kty' in input) return checked(readJwk(input))
  if ('keys' in input) {
    if (!Array.isArray(input.keys)) throw new TypeError('a JWK set without a list of "keys"')
    if (said.kid !== undefined) throw new TypeError('one "kid" for a set of keys')
    return input.keys.flatMap((jwk) => checked(readJwk(jwk)))
  }
  if ('pem' in input) return [checkKey(readPem(input.pem, input.passphrase), checks, { ...said, ...input })]
  if ('file' in input) return keysOf(readFile(input), checks, { ...said, ...input })
  if ('key' in input) return keysOf(input.key, checks, { ...said, ...input })
  if ('usages' in input) return checked(readCryptoKey(input))
  if ('export' in input) return checked(readKeyObject(input))
  return checked(readPair(input as CryptoKeys))
}

const NO_KEY = 'something that is not a key'

const PEM = /^\s*-----BEGIN /
/** RFC 7468 §3: the label stands in both lines. Text may stand around a block (§2). */
const PEM_BLOCK = /^-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?^-----END \1-----/gm
/** Others, such as the parameters of a curve, are no keys. */
const KEY_LABEL = /(?:^| )KEY$|^CERTIFICATE$/
/** What jose reads: RFC 7468 §5, §10 and §13. */
const PLAIN_LABEL = /^(?:PUBLIC KEY|PRIVATE KEY|CERTIFICATE)$/

function readPem(text: unknown, passphrase?: string): Material {
  if (typeof text !== 'string') throw new TypeError('a "pem" that is not text')
  const blocks = [...text.trim().matchAll(PEM_BLOCK)].filter(([, label = '']) => KEY_LABEL.test(label))
  const [[pem, label = ''] = []] = blocks
  if (pem === undefined) throw new TypeError('a PEM without a key')
  if (blocks.length > 1) throw new TypeError('a PEM with several keys; pass each one separately')
  if (label.startsWith('OPENSSH')) throw new TypeError('an OpenSSH key; convert it: ssh-keygen -p -m PKCS8 -f FILE')
  return PLAIN_LABEL.test(label) ? { pem } : readJwk(platform.jwkOfPem(pem, passphrase))
}

function isPrivatePem(pem: string): boolean {
  return pem.startsWith('-----BEGIN PRIVATE')
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
export function readJwk(jwk: Jwk, isRemote = false): Material {
  if (typeof jwk !== 'object' || jwk === null || typeof jwk.kty !== 'string') throw new TypeError('a JWK without "kty"')
  const { kty, kid, use = 'sig', key_ops: operations = ['sign', 'verify'] } = jwk
  if (use !== 'sig') throw new TypeError('a JWK whose "use" is not "sig"')
  if (!Array.isArray(operations)) throw new TypeError('a JWK whose "key_ops" is not a list')
  checkUses(operations, kty === 'oct' ? ['sign', 'verify'] : [isPrivateJwk(jwk) ? 'sign' : 'verify'])
  // Platforms are laxer about base64url (RFC 7515 §2), and read different keys then.
  for (const name of NUMBERS) if (jwk[name] !== undefined) bytesOfMember(jwk[name])
  const own = { alg: commonName(jwk.alg), kid }
  if (kty === 'oct') return { ...own, secret: bytesOfMember(jwk.k) }
  checkPublicNumbers(jwk, isRemote)
  return { ...own, jwk }
}

/** @throws {TypeError} for a key with which anyone could sign, or that costs too much */
function checkPublicNumbers({ kty, n, e, x }: Jwk, isRemote = false): void {
  if (kty === 'RSA') checkRsa(bytesOfMember(n), bytesOfMember(e), isRemote)
  if (kty === 'OKP') checkPoint(bytesOfMember(x))
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

function readCryptoKey(key: CryptoKey): Material {
  if (key.type !== 'secret') return readPair({ [`${key.type}Key`]: key })
  checkUses(key.usages, ['sign', 'verify'])
  return { secret: key, alg: algorithmOf(key) }
}

function readPair(pair: CryptoKeys): Material {
  const { privateKey, publicKey } = pair
  const key = privateKey ?? publicKey
  if (key === undefined) throw new TypeError(NO_KEY)
  if (privateKey) checkUses(privateKey.usages, ['sign'])
  if (publicKey) checkUses(publicKey.usages, ['verify'])
  if (publicKey === undefined && !key.extractable) {
    throw new TypeError('a private CryptoKey that cannot be exported; pass { privateKey, publicKey }')
  }
  checkRsaLength(rsaLengthOf(pair))
  return { pair, alg: algorithmOf(key) }
}

/** Another name stays as it is and is refused with the algorithms that are unknown. */
function algorithmOf({ algorithm }: CryptoKey): string {
  const { name, hash, namedCurve } = algorithm as RsaHashedKeyAlgorithm & EcKeyAlgorithm
  const isSame = (known: AlgorithmFacts): boolean =>
    known.name === name && (hash?.name ?? known.hash) === known.hash && (namedCurve ?? known.crv) === known.crv
  return Object.entries(ALGORITHMS).find(([, known]) => isSame(known))?.[0] ?? name
}

/** On Node by way of PEM: see `exportPem`. */
function readKeyObject(key: KeyObjectLike): Material {
  if (key.type === 'secret') return { secret: key.export() as Uint8Array }
  const pem = { format: 'pem', type: key.type === 'private' ? 'pkcs8' : 'spki' }
  let jwk: unknown
  try {
    jwk = platform.name === 'node' ? platform.jwkOfPem(key.export(pem) as string) : key.export({ format: 'jwk' })
  } catch {
    throw new TypeError('a KeyObject of a type or curve that is not for sessions')
  }
  return readJwk(jwk as Jwk)
}

/** Characters of a key id: it travels in each token. */
const MAX_KID = 256

export function checkKey(material: Material, checks: KeyChecks, said: KeyLabels = {}): CheckedKey {
  const { secret, pem, jwk, pair } = material
  const kid = said.kid ?? material.kid
  if (kid !== undefined && !(typeof kid === 'string' && kid !== '' && kid.length <= MAX_KID)) {
    throw new TypeError(`a key whose "kid" is not text of 1 to ${MAX_KID} characters`)
  }
  const algorithms = algorithmsFor(material, said.alg, checks)
  if (secret === undefined) {
    const canSign = pair?.privateKey !== undefined || (pem ? isPrivatePem(pem) : jwk !== undefined && isPrivateJwk(jwk))
    const bits = jwk ? bytesOfMember(jwk.n ?? '').length * 8 : rsaLengthOf(pair)
    return {
      canSign,
      // What a PEM holds only its import tells.
      isCostly: !pem && isCostly(algorithms[0] as JwsAlgorithm, bits),
      isNamed: kid !== undefined,
      prepare: () => importKey(material, algorithms as SignatureAlgorithm[], kid),
    }
  }
  // It may be public: here it is never an HMAC secret, whatever is allowed.
  if (secret instanceof Uint8Array && isKeyFile(secret)) {
    throw new TypeError('a PEM or JWK as a secret; pass PEM as text and a JWK as an object')
  }
  const [alg] = algorithms as [HmacAlgorithm]
  const secrets = secret instanceof Uint8Array ? [secret] : secret
  const key = keyOfSecret(alg, { allowWeakSecrets: checks.allowWeakSecrets === true, secrets, option: 'keys' }, kid)
  return { ...key, canSign: true, prepare: async () => key }
}

export function keyOfSecret(alg: HmacAlgorithm, options: Omit<HmacKeysOptions, 'hash'>, kid?: string): PreparedKey {
  const hmacKeys = createHmacKeys({ ...options, hash: ALGORITHMS[alg].hash })
  return {
    alg,
    ...(kid !== undefined && { kid }),
    isCostly: false,
    isNamed: kid !== undefined,
    async sign({ signingInput }, use) {
      const input = signingInput()
      return `${input}.${await hmacKeys.signText(input, use)}`
    },
    verify: async ({ signingInput, signature }, use) => (await hmacKeys.verify(signingInput, signature, use)) !== -1,
  }
}

function withSignature(signingInput: string, signature: Uint8Array): string {
  return `${signingInput}.${platform.base64Url(signature)}`
}

// Key pairs by jose, which is loaded with the first of them. What is signed for the public cookie is no token: that is WebCrypto.

type Jose = typeof import('jose/key/import')

async function importKey(material: Material, algorithms: SignatureAlgorithm[], kid?: string): Promise<PreparedKey> {
  const jose = await import('jose/key/import')
  for (const alg of algorithms) {
    // What a platform says of a key may hold parts of it.
    const pair = await importPair(material, alg, jose).catch(() => undefined)
    if (pair) return await preparePair(pair, alg, kid)
  }
  throw new TypeError(`A key can not be imported for ${algorithms.join(' or ')}`)
}

interface Pair extends CryptoKeys {
  readonly publicKey: CryptoKey
  /** The public members; absent for a `CryptoKey` that can't be exported. */
  readonly jwk?: Jwk
}

/** RSA of more bits costs as much as ES384. */
const COSTLY_RSA = 4096

function isCostly(alg: JwsAlgorithm, rsaBits = 0): boolean {
  return alg === 'ES384' || alg === 'ES512' || rsaBits > COSTLY_RSA
}

function rsaLengthOf({ privateKey, publicKey }: CryptoKeys = {}): number | undefined {
  return ((privateKey ?? publicKey)?.algorithm as Partial<RsaKeyAlgorithm> | undefined)?.modulusLength
}

/** By way of a JWK with the members that make the key, and nothing else: what it is for was looked at before. */
async function importPair({ jwk, pem, pair = {} }: Material, alg: SignatureAlgorithm, jose: Jose): Promise<Pair> {
  const exportable = [pair.privateKey, pair.publicKey].find((key) => key?.extractable)
  const text = pem ?? (exportable && (await exportPem(exportable)))
  const whole = jwk ?? (text && (await readAsJwk(text, alg, jose)))
  if (!whole) return pair as Pair
  const publicKey = (await jose.importJWK(pick(whole, PUBLIC_NUMBERS), alg)) as CryptoKey
  const privateKey = isPrivateJwk(whole)
    ? ((await jose.importJWK(pick(whole, NUMBERS), alg)) as CryptoKey)
    : pair.privateKey
  // As the platform read it: Deno takes a point that is not on its curve, and says so here.
  const exported = pick((await crypto.subtle.exportKey('jwk', publicKey)) as Jwk, PUBLIC_NUMBERS)
  return { publicKey, jwk: exported, ...(privateKey && { privateKey }) }
}

/**
 * What can be exported is read again, as PEM and not as a JWK: of a key that was made a moment ago Node 20 holds a lock meanwhile,
 * and waits for itself for ever if its garbage collector comes in between and puts away what made the key.
 */
async function exportPem(key: CryptoKey): Promise<string> {
  const { exportPKCS8, exportSPKI } = await import('jose/key/export')
  return await (key.type === 'private' ? exportPKCS8(key) : exportSPKI(key))
}

async function readAsJwk(pem: string, alg: SignatureAlgorithm, jose: Jose): Promise<Jwk> {
  const publicReader = pem.startsWith('-----BEGIN CERT') ? jose.importX509 : jose.importSPKI
  const read = isPrivatePem(pem) ? jose.importPKCS8 : publicReader
  return (await crypto.subtle.exportKey('jwk', await read(pem, alg, { extractable: true }))) as Jwk
}

function pick(jwk: Jwk, numbers: readonly NumberMember[]): Jwk {
  const names = (['kty', 'crv', ...numbers] as const).filter((name) => jwk[name] !== undefined)
  return Object.fromEntries(names.map((name) => [name, jwk[name]]))
}

async function preparePair(pair: Pair, alg: SignatureAlgorithm, given: string | undefined): Promise<PreparedKey> {
  const { publicKey, privateKey, jwk } = pair
  const { modulusLength = 0, publicExponent } = publicKey.algorithm as Partial<RsaKeyAlgorithm>
  if (jwk) checkPublicNumbers(jwk)
  else if (publicExponent) checkExponent(publicExponent)
  const { name, hash, size = Math.ceil(modulusLength / 8) } = ALGORITHMS[alg]
  const parameters = { name, hash, saltLength: Number(hash.slice(4)) / 8 }
  const { calculateJwkThumbprint } = await import('jose/jwk/thumbprint')
  const { compactVerify } = await import('jose/jws/compact/verify')
  const { CompactSign } = privateKey ? await import('jose/jws/compact/sign') : {}
  const kid = given ?? (jwk && (await calculateJwkThumbprint(jwk)))
  const labels = { ...(kid !== undefined && { kid }), alg }
  const signedFor = ({ cookieName }: KeyUse, signingInput: string) =>
    bytesOf(publicCookieLabel(cookieName) + signingInput)
  return {
    ...labels,
    isCostly: isCostly(alg, modulusLength),
    isNamed: given !== undefined,
    ...(jwk && { publicJwk: { ...jwk, ...labels, use: 'sig' } }),
    ...(privateKey && {
      async sign({ header, payload, signingInput }: UnsignedToken, use: KeyUse) {
        if (CompactSign && use.purpose === 'session') {
          return await new CompactSign(encodeUtf8(payload)).setProtectedHeader(header).sign(privateKey)
        }
        const input = signingInput()
        const signature = await crypto.subtle.sign(parameters, privateKey, signedFor(use, input))
        return withSignature(input, new Uint8Array(signature))
      },
    }),
    async verify({ value, payload, signingInput, signature }, use) {
      // OpenSSL takes one of RSA-PSS without the zeros at its start (RFC 8017 §8.1.2), and workerd throws at one of EdDSA that is cut.
      if (signature.length !== size) return false
      if (use.purpose === 'public') {
        return await crypto.subtle.verify(parameters, publicKey, plainBuffer(signature), signedFor(use, signingInput))
      }
      // jose takes base64url that is not strict on some runtimes.
      decodeBase64Url(payload)
      const algorithms = alg === 'EdDSA' ? [alg, 'Ed25519'] : [alg]
      return await compactVerify(value, publicKey, { algorithms }).then(
        () => true,
        () => false,
      )
    },
  }
}
