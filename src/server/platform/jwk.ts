/**
 * A JSON Web Key with the members that signatures know, and a set of them.
 * RFC 7517 §4 and §5, RFC 7518 §6, RFC 8037 §2.
 */

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
