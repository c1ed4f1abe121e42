/**
 * Keys that are JSON. RFC 7517 §4 and §5.
 */
import { decodeBase64Url } from '../../shared/bytes.js'
import { isPrivateJwk, type Jwk, type JwkSet } from '../platform/jwk.js'
import { commonName } from './algorithms.js'
import { formOfSecret, type KeyForm, type KeyLabels, withOwnAlgorithm } from './key-form.js'

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
