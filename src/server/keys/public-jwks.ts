/**
 * The public keys of all codecs as one JWK set. RFC 7517 §5.
 */
import type { SessionCodec } from '../codecs/codec.js'
import { type Flow, wait } from '../flow.js'
import type { Jwk, JwkSet } from '../platform/jwk.js'

/** @throws {SessionError} `ERR_SESSION_KEYS`: half a set would make good sessions look forged elsewhere */
export function* publicJwks(codecs: readonly SessionCodec[]): Flow<JwkSet> {
  const found = new Map<string, Jwk>()
  for (const { keys } of codecs) {
    for (const jwk of keys ? yield* wait(keys.publicKeys()) : []) found.set(JSON.stringify(jwk), jwk)
  }
  return { keys: [...found.values()] }
}
