/**
 * What the server needs of its runtime.
 * Chosen by the `imports` entry `#platform` of package.json.
 */

/** SHA-1 is there for the signatures of Beaker alone (FORMATS §2.1). */
export type HashName = 'SHA-1' | 'SHA-256' | 'SHA-384' | 'SHA-512'

/** An HMAC key, prepared once (RFC 2104). */
export interface HmacKey {
  /** The MAC of `data` (text as UTF-8): 20, 32, 48 or 64 octets. */
  sign(data: string | Uint8Array): Promise<Uint8Array>
  /** Compares in constant time. */
  verify(data: string | Uint8Array, mac: Uint8Array): Promise<boolean>
}

/**
 * The ways of AES-256 that stand in Beaker's cookies (FORMATS §2.3): CTR counts in all 16 octets of its first block, CBC pads
 * as PKCS #7, GCM takes an IV of 12 octets and puts its tag of 16 behind the text, ECB knows no IV and no padding.
 */
export type AesMode = 'CTR' | 'CBC' | 'GCM' | 'ECB'

export interface AesOptions {
  /** 32 octets. */
  key: Uint8Array
  /** 16 octets, or 12 for GCM; ECB has none. */
  iv: Uint8Array
}

export interface Platform {
  readonly name: 'node' | 'web'
  hmacKey(secret: Uint8Array, hash: HashName): HmacKey
  /** Reads a key pair or a public key; nothing is said yet about what it may be used for. @throws for what is no key */
  asymmetricKey(material: KeyMaterial): AsymmetricKey
  /** The octets of a secret that may be exported; undefined where they can't be had at once. */
  secretOctets(key: CryptoKey): Uint8Array | undefined
  /** The octets of a file. @throws {TypeError} where there are no files */
  readFile(path: string): Uint8Array
  /** The SHA-1 digest of `data`, 20 octets. */
  sha1(data: Uint8Array): Promise<Uint8Array>
  /** The SHA-256 digest of `data`, 32 octets. */
  sha256(data: Uint8Array): Promise<Uint8Array>
  encrypt(mode: Exclude<AesMode, 'ECB'>, plaintext: Uint8Array, options: AesOptions): Promise<Uint8Array>
  /** @returns undefined where the length, the padding or the tag is wrong */
  decrypt(mode: AesMode, ciphertext: Uint8Array, options: AesOptions): Promise<Uint8Array | undefined>
  /** base64url without padding (RFC 4648 §5) of octets, or of a text as UTF-8. */
  base64Url(data: string | Uint8Array): string
  /** What `decodeBase64Url` gives, and throws. */
  octetsOfBase64Url(text: string): Uint8Array
  /** Gives and throws what `inflateZlib` does. */
  inflate(bytes: Uint8Array, limit: number): Uint8Array
  /** A zlib stream (RFC 1950) at `level` 0 to 9. */
  deflate(bytes: Uint8Array, level: number): Uint8Array
  randomBytes(length: number): Uint8Array
  /** Tells the operator. Neither stops anything. */
  warn(code: string, message: string): void
}

// Signatures with key pairs: what a platform makes of a key, and the algorithms it knows.
// RFC 7518 §3.3 to §3.5, RFC 8037 §3.1.

export type SignatureAlgorithm =
  | 'RS256'
  | 'RS384'
  | 'RS512'
  | 'PS256'
  | 'PS384'
  | 'PS512'
  | 'ES256'
  | 'ES384'
  | 'ES512'
  | 'EdDSA'

export interface AlgorithmFacts {
  readonly kty: 'RSA' | 'EC' | 'OKP'
  readonly crv?: string
  /** EdDSA has a hash of its own inside. */
  readonly hash?: 'SHA-256' | 'SHA-384' | 'SHA-512'
}

export const SIGNATURE_ALGORITHMS: Readonly<Record<SignatureAlgorithm, AlgorithmFacts>> = {
  RS256: { kty: 'RSA', hash: 'SHA-256' },
  RS384: { kty: 'RSA', hash: 'SHA-384' },
  RS512: { kty: 'RSA', hash: 'SHA-512' },
  PS256: { kty: 'RSA', hash: 'SHA-256' },
  PS384: { kty: 'RSA', hash: 'SHA-384' },
  PS512: { kty: 'RSA', hash: 'SHA-512' },
  ES256: { kty: 'EC', crv: 'P-256', hash: 'SHA-256' },
  ES384: { kty: 'EC', crv: 'P-384', hash: 'SHA-384' },
  ES512: { kty: 'EC', crv: 'P-521', hash: 'SHA-512' },
  EdDSA: { kty: 'OKP', crv: 'Ed25519' },
}

/** Octets (RFC 8032 §5.1.6). */
const ED25519_SIGNATURE = 64

/**
 * The octets of a signature, where a runtime has to be told: OpenSSL takes one of RSA-PSS without the zeros at its start (RFC 8017
 * §8.1.2 and §8.2.2, step 1), and workerd throws at one of EdDSA that is cut.
 */
export function signatureLength(algorithm: SignatureAlgorithm, modulusBits: number | undefined): number | undefined {
  if (algorithm === 'EdDSA') return ED25519_SIGNATURE
  return modulusBits === undefined ? undefined : Math.ceil(modulusBits / 8)
}

/** An asymmetric key in one of the forms that an application has it in. */
export type KeyMaterial =
  | { readonly jwk: Jwk }
  /** One block of RFC 7468, with its first and last line. */
  | { readonly pem: string; readonly passphrase?: string }
  | { readonly privateKey?: CryptoKey; readonly publicKey?: CryptoKey }

/** A key that was read and is not yet meant for an algorithm. */
export interface AsymmetricKey {
  /** `kty` and `crv`, with `n` and `e` for RSA. */
  readonly facts: Pick<Jwk, 'kty' | 'crv' | 'n' | 'e'>
  readonly isPrivate: boolean
  /** Prepares it for one algorithm, which must fit the facts. */
  prepare(algorithm: SignatureAlgorithm): Promise<SignatureKey>
}

export interface SignatureKey {
  /** The public members; absent for a `CryptoKey` that can't be exported. */
  readonly jwk?: Jwk
  /** The signature as JWS has it (RFC 7518 §3.4: R and S in a row). Absent for a public key. */
  sign?(data: string | Uint8Array): Promise<Uint8Array>
  /** Whatever is wrong with the signature, the answer is false. */
  verify(data: string | Uint8Array, signature: Uint8Array): Promise<boolean>
}

// A JSON Web Key with the members that signatures know, and a set of them.
// RFC 7517 §4 and §5, RFC 7518 §6, RFC 8037 §2.

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

/** The members that make a public key, in the order of RFC 7638 §3.2. */
const PUBLIC_MEMBERS = {
  RSA: ['e', 'kty', 'n'],
  EC: ['crv', 'kty', 'x', 'y'],
  OKP: ['crv', 'kty', 'x'],
} as const satisfies Record<string, readonly (keyof Jwk)[]>

/** The public members alone, sorted: nothing private can be among them. */
export function publicMembers(jwk: Jwk): Jwk {
  const names: readonly (keyof Jwk)[] = PUBLIC_MEMBERS[jwk.kty as keyof typeof PUBLIC_MEMBERS] ?? []
  return Object.fromEntries(names.map((name) => [name, jwk[name]]))
}

/** Whether it can sign: every private key has a `d` (RFC 7518 §6.2.2 and §6.3.2, RFC 8037 §2). */
export function isPrivateJwk(jwk: Jwk): boolean {
  return jwk.d !== undefined
}
