/**
 * One key: the forms in which it is given, what it is for, and how it signs and verifies. Key pairs are jose's.
 * RFC 7515 §5.1 and §5.2, RFC 7517, RFC 7518 §3; RFC 7468 for PEM.
 */
import { platform } from '#platform'
import { decodeBase64Url, encodeUtf8 } from '../../shared/bytes.js'
import { bytesOf, type HashName, plainBuffer } from '../platform/platform.js'
import { createHmacKeys, type HmacKeys, type KeyUse, looksLikeKeyFile, publicCookieLabel } from './hmac.js'

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

/** A private key, a public one, or both. */
interface CryptoKeys {
  readonly privateKey?: CryptoKey
  readonly publicKey?: CryptoKey
}

/** `KeyObject` of node:crypto, by its shape: not every runtime has its class. */
interface KeyObjectLike {
  readonly type: 'public' | 'private' | 'secret'
  readonly asymmetricKeyType?: string | undefined
  readonly asymmetricKeyDetails?: { modulusLength?: number; namedCurve?: string } | undefined
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

// The shape of a key: what it is, what it is for, and whether it is strong enough, as far as that shows without an import.
// Each function throws a TypeError without the name of the option, which `checkKeys` puts before it.

/** A key whose shape was checked. */
export interface CheckedKey {
  readonly canSign: boolean
  /** Imports it. @throws {TypeError} for what only an import can tell */
  prepare(): Promise<PreparedKey>
}

/** What is said of a key, and what is asked of it. */
type Terms = KeyLabels & KeyChecks

/** @throws {TypeError} naming the option */
export function checkKeys(input: KeyInput | readonly KeyInput[], checks: KeyChecks): CheckedKey[] {
  const inputs = Array.isArray(input) ? (input as readonly KeyInput[]) : [input as KeyInput]
  try {
    const keys = inputs.flatMap((each) => keysOf(each, checks))
    if (keys.length > 0) return keys
  } catch (error) {
    if (!(error instanceof TypeError) || error.message.startsWith('Option ')) throw error
    throw new TypeError(`Option "keys" holds ${error.message}`)
  }
  throw new TypeError('Option "keys" holds no key')
}

function keysOf(input: KeyInput, terms: Terms): CheckedKey[] {
  if (typeof input === 'string') {
    return [/^\s*-----BEGIN /.test(input) ? keyOfPem(input, terms) : keyOfBytes(encodeUtf8(input), terms)]
  }
  if (input instanceof Uint8Array) return [keyOfBytes(input, terms)]
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    throw new TypeError('something that is not a key')
  if ('pem' in input) return [keyOfPem(input.pem, labelled(input, terms), input.passphrase)]
  if ('file' in input) return keysOfFile(input.file, labelled(input, terms), input.passphrase)
  if ('key' in input) return keysOf(input.key, labelled(input, terms))
  if ('keys' in input) return keysOfJwkSet(input, terms)
  if ('kty' in input) return [keyOfJwk(input, terms)]
  if ('privateKey' in input || 'publicKey' in input) return [keyOfCryptoKeys(input, terms)]
  if ('export' in input && typeof input.export === 'function') return [keyOfKeyObject(input, terms)]
  if ('usages' in input && 'algorithm' in input) return [keyOfCryptoKey(input, terms)]
  throw new TypeError('something that is not a key')
}

function labelled({ alg, kid }: KeyLabels, terms: Terms): Terms {
  return { ...terms, ...(alg !== undefined && { alg }), ...(kid !== undefined && { kid }) }
}

/** What looks like a key file may be public: here it is never an HMAC secret. */
function keyOfBytes(secret: Uint8Array, terms: Terms): CheckedKey {
  if (looksLikeKeyFile(secret)) throw new TypeError('a PEM or JWK as a secret; pass PEM as text and a JWK as an object')
  return checkSecret([secret], terms)
}

/** RFC 7468 §3: the label stands in both lines. Text may stand around a block (§2). */
const PEM_BLOCK = /^-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?^-----END \1-----/gm
/** Others, such as the parameters of a curve, are no keys. */
const KEY_LABEL = /(?:^| )KEY$|^CERTIFICATE$/
/** What jose reads: RFC 7468 §5, §10 and §13. */
const PLAIN_LABEL = /^(?:PUBLIC KEY|PRIVATE KEY|CERTIFICATE)$/

function keyOfPem(text: unknown, terms: Terms, passphrase?: string): CheckedKey {
  if (typeof text !== 'string') throw new TypeError('a "pem" that is not text')
  const blocks = [...text.trim().matchAll(PEM_BLOCK)].filter(([, label = '']) => KEY_LABEL.test(label))
  const [[block, label = ''] = []] = blocks
  if (block === undefined) throw new TypeError('a PEM without a key')
  if (blocks.length > 1) throw new TypeError('a PEM with several keys; pass each one separately')
  if (label.startsWith('OPENSSH')) throw new TypeError('an OpenSSH key; convert it: ssh-keygen -p -m PKCS8 -f FILE')
  return keyOfPlainPem(PLAIN_LABEL.test(label) ? block : platform.plainPem(block, passphrase), {}, terms)
}

function keyOfPlainPem(pem: string, facts: KeyFacts, terms: Terms): CheckedKey {
  return checkPair(facts, pem.startsWith('-----BEGIN PRIVATE'), terms, (alg, jose) => importPem(pem, alg, jose))
}

function keysOfFile(path: string, terms: Terms, passphrase?: string): CheckedKey[] {
  const bytes = platform.readFile(path)
  const text = new TextDecoder().decode(bytes)
  if (/^-----BEGIN /m.test(text)) return [keyOfPem(text, terms, passphrase)]
  const json = parseKey(text)
  return json === undefined ? [keyOfBytes(bytes, terms)] : keysOf(json, terms)
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

function keysOfJwkSet({ keys }: JwkSet, terms: Terms): CheckedKey[] {
  if (!Array.isArray(keys)) throw new TypeError('a JWK set without a list of "keys"')
  if (terms.kid !== undefined) throw new TypeError('one "kid" for a set of keys')
  return keys.map((jwk: Jwk) => keyOfJwk(jwk, terms))
}

/** @throws {TypeError} unless the key is for signatures (RFC 7517 §4.2 and §4.3) */
export function keyOfJwk(jwk: Jwk, terms: Terms): CheckedKey {
  if (typeof jwk !== 'object' || jwk === null || typeof jwk.kty !== 'string') throw new TypeError('a JWK without "kty"')
  if (jwk.use !== undefined && jwk.use !== 'sig') throw new TypeError('a JWK whose "use" is not "sig"')
  checkOperations(jwk)
  const { kty, crv = '', k, kid, n = '', e = '' } = jwk
  // Platforms are laxer about base64url (RFC 7515 §2), and read different keys then.
  for (const name of NUMBERS) if (jwk[name] !== undefined) bytesOfMember(jwk[name])
  const known = withOwnAlgorithm({ ...(kid !== undefined && { kid }), ...terms }, commonName(jwk.alg))
  if (kty === 'oct') return keyOfBytes(bytesOfMember(k), known)
  const rsa = { modulusLength: bitLength(bytesOfMember(n)), publicExponent: bytesOfMember(e) }
  const facts = { kty, crv, ...(kty === 'RSA' && rsa) }
  return checkPair(facts, isPrivateJwk(jwk), known, (alg, jose) => importJwk(jwk, alg, jose))
}

function checkOperations({ kty, d, key_ops: operations }: Jwk): void {
  if (operations === undefined) return
  if (!Array.isArray(operations)) throw new TypeError('a JWK whose "key_ops" is not a list')
  const needed = kty === 'oct' ? ['sign', 'verify'] : [d === undefined ? 'verify' : 'sign']
  const missing = needed.find((operation) => !operations.includes(operation))
  if (missing !== undefined) throw new TypeError(`a JWK whose "key_ops" do not allow to ${missing}`)
}

function bytesOfMember(text: unknown): Uint8Array {
  try {
    return decodeBase64Url(text as string)
  } catch {
    throw new TypeError('a JWK with a member that is not base64url')
  }
}

/** @throws {TypeError} for a key with other usages, and for a private one that can't be exported and has no public one beside it */
function keyOfCryptoKeys(keys: CryptoKeys, terms: Terms): CheckedKey {
  const { privateKey, publicKey } = keys
  if (privateKey && !privateKey.usages.includes('sign')) throw new TypeError('a private CryptoKey that may not sign')
  if (publicKey && !publicKey.usages.includes('verify')) throw new TypeError('a public CryptoKey that may not verify')
  const key = privateKey ?? publicKey
  if (key === undefined) throw new TypeError('a pair without a key')
  if (publicKey === undefined && !key.extractable) {
    throw new TypeError('a private CryptoKey that cannot be exported; pass { privateKey, publicKey }')
  }
  const own = algorithmOf(key)
  const { modulusLength, publicExponent } = key.algorithm as RsaKeyAlgorithm
  const facts = { ...SIGNATURE_ALGORITHMS[own as SignatureAlgorithm], modulusLength, publicExponent }
  const known = withOwnAlgorithm(terms, own)
  return checkPair(facts, privateKey !== undefined, known, (alg, jose) => importCryptoKeys(keys, alg, jose))
}

/** @throws {TypeError} for a secret that is not for HMAC, or may not both sign and verify */
function keyOfCryptoKey(key: CryptoKey, terms: Terms): CheckedKey {
  if (key.type === 'public') return keyOfCryptoKeys({ publicKey: key }, terms)
  if (key.type === 'private') return keyOfCryptoKeys({ privateKey: key }, terms)
  if (key.algorithm.name !== 'HMAC') throw new TypeError('a secret CryptoKey that is not for HMAC')
  if (!key.usages.includes('sign') || !key.usages.includes('verify')) {
    throw new TypeError('a secret CryptoKey that may not both sign and verify')
  }
  return checkSecret(key, withOwnAlgorithm(terms, algorithmOf(key)))
}

/** What WebCrypto and node:crypto call them. */
const NAMES: Readonly<Record<string, string>> = {
  HMAC: 'HS',
  'RSASSA-PKCS1-v1_5': 'RS',
  'RSA-PSS': 'PS',
  ...{
    'P-256': 'ES256',
    prime256v1: 'ES256',
    'P-384': 'ES384',
    secp384r1: 'ES384',
    'P-521': 'ES512',
    secp521r1: 'ES512',
  },
  ...{ Ed25519: 'EdDSA', ed25519: 'EdDSA' },
}

/** Another name stays as it is and is refused with the algorithms that are unknown. */
function algorithmOf({ algorithm }: CryptoKey): string {
  const { name, hash, namedCurve } = algorithm as { name: string; hash?: { name: string }; namedCurve?: string }
  return `${NAMES[namedCurve ?? name] ?? name}${hash?.name.replace('SHA-', '') ?? ''}`
}

/**
 * As PEM and not as a JWK: of a key that was made a moment ago Node 20 holds a lock meanwhile, and waits for itself for ever if its
 * garbage collector comes in between and puts away what made the key.
 */
function keyOfKeyObject(key: KeyObjectLike, terms: Terms): CheckedKey {
  if (key.type === 'secret') return keyOfBytes(key.export() as Uint8Array, terms)
  const { asymmetricKeyType: type = '', asymmetricKeyDetails: { namedCurve, modulusLength } = {} } = key
  if (type === 'rsa-pss') throw new TypeError('a KeyObject of type rsa-pss; pass one of type rsa')
  const known = SIGNATURE_ALGORITHMS[NAMES[namedCurve ?? type] as SignatureAlgorithm]
  // Of a curve with an unknown name only the import tells whether it is one of ours.
  if (!known && type !== 'rsa' && type !== 'ec') {
    throw new TypeError('a KeyObject of a type or curve that is not for sessions')
  }
  const facts = type === 'rsa' ? { kty: 'RSA', ...(modulusLength !== undefined && { modulusLength }) } : (known ?? {})
  const pem = key.export({ format: 'pem', type: key.type === 'private' ? 'pkcs8' : 'spki' }) as string
  return keyOfPlainPem(pem.trim(), facts, terms)
}

/** What is said of a key, with what it says itself. */
function withOwnAlgorithm(terms: Terms, own: unknown): Terms {
  if (own === undefined) return terms
  if (terms.alg === undefined || terms.alg === own) return { ...terms, alg: own as JwsAlgorithm }
  throw new TypeError('a key whose own "alg" is a different one')
}

/** Characters of a key id: it travels in each token. */
const MAX_KID = 256

function checkKid({ kid }: KeyLabels): Pick<KeyLabels, 'kid'> {
  if (kid === undefined) return {}
  if (typeof kid === 'string' && kid !== '' && kid.length <= MAX_KID) return { kid }
  throw new TypeError(`a key whose "kid" is not text of 1 to ${MAX_KID} characters`)
}

function checkSecret(secrets: [Uint8Array] | CryptoKey, terms: Terms): CheckedKey {
  const kid = checkKid(terms)
  const [alg] = algorithmsFor({ kty: 'oct' }, terms) as [HmacAlgorithm]
  const { allowWeakSecrets = false } = terms
  const hmacKeys = createHmacKeys({ secrets, hash: HMAC_HASHES[alg], allowWeakSecrets, option: 'keys' })
  const key = keyOfSecret({ alg, ...kid }, hmacKeys)
  return { canSign: true, prepare: async () => key }
}

export function keyOfSecret(labels: Pick<PreparedKey, 'alg' | 'kid'>, hmacKeys: HmacKeys): PreparedKey {
  return {
    ...labels,
    sign: async ({ signingInput }, use) => withSignature(signingInput(), await hmacKeys.sign(signingInput(), use)),
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

/** @throws {TypeError} for a modulus that is too short or too long, and for an exponent with which anyone could sign */
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

type ImportPair = (alg: SignatureAlgorithm, jose: Jose) => Promise<Pair>

function checkPair(facts: KeyFacts, canSign: boolean, terms: Terms, importPair: ImportPair): CheckedKey {
  const { kid } = checkKid(terms)
  const algorithms = algorithmsFor(facts, terms) as SignatureAlgorithm[]
  checkRsa(facts)
  return {
    canSign,
    async prepare() {
      const jose = await loadJose()
      for (const alg of algorithms) {
        // What a platform says of a key may hold parts of it.
        const pair = await importPair(alg, jose).catch(() => undefined)
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
    return await withJwk(await read(pem, alg, { extractable: true }))
  }
  const readable = await jose.importPKCS8(pem, alg, { extractable: true })
  const shared = (await crypto.subtle.exportKey('jwk', readable)) as Jwk
  return { ...(await importJwk(publicMembers(shared), alg, jose)), privateKey: await jose.importPKCS8(pem, alg) }
}

/** The members that make the key, and nothing else: what the key is for was looked at before. */
async function importJwk(jwk: Jwk, alg: SignatureAlgorithm, jose: Jose): Promise<Pair> {
  const shared = publicMembers(jwk)
  const pair = await withJwk((await jose.importJWK(shared, alg)) as CryptoKey)
  if (!isPrivateJwk(jwk)) return pair
  return { ...pair, privateKey: (await jose.importJWK({ ...shared, ...pick(jwk, NUMBERS) }, alg)) as CryptoKey }
}

/** As the platform read it: Deno takes a point that is not on its curve, and says so here. */
async function withJwk(publicKey: CryptoKey): Promise<Pair> {
  return { publicKey, jwk: publicMembers((await crypto.subtle.exportKey('jwk', publicKey)) as Jwk) }
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
/** Of all types, public and private. */
const NUMBERS: readonly NumberMember[] = ['x', 'y', 'n', 'e', 'd', 'p', 'q', 'dp', 'dq', 'qi']

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

export const HMAC_HASHES: Readonly<Record<HmacAlgorithm, HashName>> = {
  HS256: 'SHA-256',
  HS384: 'SHA-384',
  HS512: 'SHA-512',
}

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

export function isHmac(algorithm: JwsAlgorithm): algorithm is HmacAlgorithm {
  return Object.hasOwn(HMAC_HASHES, algorithm)
}

/** Whether a key of this type and curve can have the algorithm. */
function fits(algorithm: JwsAlgorithm, { kty, crv }: KeyFacts): boolean {
  if (isHmac(algorithm)) return kty === 'oct'
  const facts = SIGNATURE_ALGORITHMS[algorithm]
  return kty === undefined || (facts.kty === kty && (facts.crv === undefined || facts.crv === crv))
}

/** The one algorithm of a key; of a key whose type is not known yet, those that it may be for, in the order of preference. */
function algorithmsFor(facts: KeyFacts, { alg, algorithms: allowed }: Terms): JwsAlgorithm[] {
  if (alg !== undefined && !isAlgorithm(alg)) throw new TypeError('a key with an "alg" that is not for sessions')
  if (alg !== undefined && !fits(alg, facts)) throw new TypeError(`a key that can not be used with ${alg}`)
  const possible = alg === undefined ? (allowed ?? DEFAULTS) : [alg]
  const found = possible.filter((name) => fits(name, facts) && (allowed === undefined || allowed.includes(name)))
  if (found.length > 0) return facts.kty === undefined ? found : found.slice(0, 1)
  throw new TypeError(allowed ? 'a key for none of "algorithms"' : 'a key of a type or curve that is not for sessions')
}

/** @throws {TypeError} for a list that is empty, or has a name twice or an unknown one */
export function checkAlgorithms(algorithms: readonly JwsAlgorithm[]): void {
  if (algorithms.length === 0) throw new TypeError('Option "algorithms" is empty')
  for (const [index, name] of algorithms.entries()) {
    if (!isAlgorithm(name)) throw new TypeError('Option "algorithms" contains a name that is not a supported algorithm')
    if (algorithms.indexOf(name) !== index) throw new TypeError(`Option "algorithms" contains ${name} twice`)
  }
}
