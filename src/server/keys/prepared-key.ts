/**
 * A key that is ready for its one algorithm: how it signs and verifies. Secrets are the platform's, key pairs jose's.
 * RFC 7515 §5.1 and §5.2, RFC 7518 §3, RFC 8037 §3.1.
 */
import { platform } from '#platform'
import { decodeBase64Url, encodeUtf8 } from '../../shared/bytes.js'
import { bytesOf, type HashName, plainBuffer } from '../platform/platform.js'
import { createHmacKeys, type HmacKeysOptions, type KeyUse, publicCookieLabel } from './hmac.js'
import type { SignBytes } from './signer.js'

/** A JSON Web Key with the members that signatures know (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2). */
export interface Jwk extends Readonly<Partial<Record<TextMember, string>>> {
  /** What the key may be used for. */
  readonly key_ops?: string[]
}

export type NumberMember = 'x' | 'y' | 'n' | 'e' | 'd' | 'p' | 'q' | 'dp' | 'dq' | 'qi'
type TextMember = NumberMember | 'kty' | 'crv' | 'k' | 'alg' | 'use' | 'kid'

/** What a verification costs, and for which tokens the key has to be tried. */
export interface KeyCost {
  /** ES384, ES512 and RSA above 4096 bits cost a hundred times as much as ES256. */
  readonly cost: 'nothing' | 'little' | 'much'
  /** The `kid` that it was given, so that its tokens name it. */
  readonly givenKid: string | undefined
}

/** What it signs as a session never verifies as a public cookie, nor the other way round. */
export interface PreparedKey extends KeyCost {
  readonly alg: JwsAlgorithm
  readonly kid?: string
  /** The public members, with `alg`, `kid` and `use`; a secret has none. */
  readonly publicJwk?: Jwk
  /** @returns the token. Absent for a public key */
  sign?(token: UnsignedToken, use: KeyUse): Promise<string>
  verify(token: SignedToken, use: KeyUse): Promise<boolean>
  /** Names the key and tells nothing of it: RFC 7638 for a pair. Undefined for a `CryptoKey` that can't be exported. */
  thumbprint(): Promise<string | undefined>
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

/** HMAC with SHA-256, SHA-384 or SHA-512 (RFC 7518 §3.2). */
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

/** RFC 9864 §2.2 has another name for EdDSA with the one curve that there is here. */
export function commonName(name: unknown): unknown {
  return name === 'Ed25519' ? 'EdDSA' : name
}

export function isAlgorithm(name: unknown): name is JwsAlgorithm {
  return typeof name === 'string' && Object.hasOwn(ALGORITHMS, name)
}

/** RSA of more bits costs as much as ES384. */
const COSTLY_RSA = 4096

export function costOf(alg: JwsAlgorithm, rsaBits = 0): KeyCost['cost'] {
  if (ALGORITHMS[alg].kty === 'oct') return 'nothing'
  return alg === 'ES384' || alg === 'ES512' || rsaBits > COSTLY_RSA ? 'much' : 'little'
}

export function keyOfSecret(alg: HmacAlgorithm, options: Omit<HmacKeysOptions, 'hash'>, kid?: string): PreparedKey {
  const hmacKeys = createHmacKeys({ ...options, hash: ALGORITHMS[alg].hash })
  return {
    alg,
    ...(kid !== undefined && { kid }),
    cost: costOf(alg),
    givenKid: kid,
    async sign({ signingInput }, use) {
      const input = signingInput()
      return `${input}.${await hmacKeys.signText(input, use)}`
    },
    verify: async ({ signingInput, signature }, use) => (await hmacKeys.verify(signingInput, signature, use)) !== -1,
    thumbprint: async () => (await hmacKeys.thumbprints())[0],
  }
}

export interface KeyPair {
  readonly publicKey: CryptoKey
  readonly privateKey?: CryptoKey
  /** In place of a private key that is elsewhere. */
  readonly signBytes?: SignBytes
  /** The public members; absent for a `CryptoKey` that can't be exported. */
  readonly jwk?: Jwk
}

/** For WebCrypto. */
export function parametersOf(alg: SignatureAlgorithm): { name: string; hash: string; saltLength: number } {
  const { name, hash } = ALGORITHMS[alg]
  return { name, hash, saltLength: Number(hash.slice(4)) / 8 }
}

/** Loads jose, with the first of them. What is signed for the public cookie is no token: that is WebCrypto. */
export async function keyOfPair(pair: KeyPair, alg: SignatureAlgorithm, givenKid?: string): Promise<PreparedKey> {
  const { publicKey, privateKey, signBytes, jwk } = pair
  const { modulusLength = 0 } = publicKey.algorithm as Partial<RsaKeyAlgorithm>
  const { size = Math.ceil(modulusLength / 8) } = ALGORITHMS[alg]
  const parameters = parametersOf(alg)
  const { calculateJwkThumbprint } = await import('jose/jwk/thumbprint')
  const { compactVerify } = await import('jose/jws/compact/verify')
  const { CompactSign } = privateKey ? await import('jose/jws/compact/sign') : {}
  const thumbprint = jwk && (await calculateJwkThumbprint(jwk))
  const kid = givenKid ?? thumbprint
  const labels = { ...(kid !== undefined && { kid }), alg }
  const publicInput = (use: KeyUse, signingInput: string) => bytesOf(publicCookieLabel(use) + signingInput)
  return {
    ...labels,
    cost: costOf(alg, modulusLength),
    givenKid,
    thumbprint: async () => thumbprint,
    ...(jwk && { publicJwk: { ...jwk, ...labels, use: 'sig' } }),
    ...((privateKey || signBytes) && {
      async sign({ header, payload, signingInput }: UnsignedToken, use: KeyUse) {
        if (privateKey && CompactSign && use.purpose === 'session') {
          return await new CompactSign(encodeUtf8(payload)).setProtectedHeader(header).sign(privateKey)
        }
        const input = signingInput()
        const bytes = use.purpose === 'session' ? bytesOf(input) : publicInput(use, input)
        const signature = signBytes
          ? await signBytes(bytes, { publicKey, parameters, size })
          : new Uint8Array(await crypto.subtle.sign(parameters, privateKey as CryptoKey, bytes))
        return `${input}.${platform.base64Url(signature)}`
      },
    }),
    async verify({ value, payload, signingInput, signature }, use) {
      // OpenSSL takes one of RSA-PSS without the zeros at its start (RFC 8017 §8.1.2), and workerd throws at one of EdDSA that is cut.
      if (signature.length !== size) return false
      if (use.purpose === 'public') {
        return await crypto.subtle.verify(parameters, publicKey, plainBuffer(signature), publicInput(use, signingInput))
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
