/**
 * The keys of a moment: the first signs, every one verifies, and a token's `kid` says which is tried first.
 * RFC 7515 §4.1.4, RFC 7517 §5.
 */
import { type Flow, wait } from '../flow.js'
import type { KeyUse } from '../keyring.js'
import type { Jwk } from '../platform/jwk.js'
import { formsOf, type KeyInput } from './key-input.js'
import { type CheckedKey, checkKey, type KeyChecks, type RingKey } from './ring-key.js'

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
export function* prepareKeySet(checked: readonly CheckedKey[]): Flow<KeySet> {
  const keys: RingKey[] = []
  const first = checked.find(({ canSign }) => canSign)
  for (const each of first ? [first, ...checked.filter((other) => other !== first)] : checked) {
    const key = yield* each.prepare()
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
export function* verifyWithSet({ keys }: KeySet, input: SignedInput, use: KeyUse): Flow<number> {
  const { alg, kid, signingInput, signature } = input
  // The key that the token names first, then the others: another issuer may name the same keys in another way.
  for (const isNamed of kid === undefined ? [false] : [true, false]) {
    for (const [index, key] of keys.entries()) {
      if (key.alg !== alg || (kid !== undefined && (key.kid === kid) !== isNamed)) continue
      if (yield* wait(key.verify(signingInput, signature, use))) return index
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
