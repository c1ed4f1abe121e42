/**
 * A secret that WebCrypto holds. Its octets may be out of reach, so the key of a public half is derived by signing, as
 * the keyring derives one.
 */
import { platform } from '#platform'
import type { MaybePromise } from '../codecs/codec.js'
import { type Flow, run, wait } from '../flow.js'
import { type KeyUse, publicHalfLabel } from '../keyring.js'
import type { HashName, HmacKey } from '../platform/platform.js'
import { webHmacKeyOf } from '../platform/web-signature.js'

/** Shortest secret in octets, as in the keyring. */
const SHORTEST_HMAC = 32

export interface CryptoSecret {
  sign(data: string | Uint8Array, use: KeyUse): MaybePromise<Uint8Array>
  verify(data: string | Uint8Array, mac: Uint8Array, use: KeyUse): MaybePromise<boolean>
}

/** @throws {TypeError} for a weak secret unless it is allowed */
export function createCryptoSecret(key: CryptoKey, hash: HashName, allowWeak: boolean): CryptoSecret {
  const { length } = key.algorithm as HmacKeyAlgorithm
  if (!allowWeak && length < SHORTEST_HMAC * 8) {
    throw new TypeError(`a secret CryptoKey of ${length} bits; ${SHORTEST_HMAC * 8} are needed`)
  }
  const own = webHmacKeyOf(key)
  const derived = new Map<string, MaybePromise<HmacKey>>()

  function keyFor({ purpose, cookieName }: KeyUse): MaybePromise<HmacKey> {
    if (purpose === 'session') return own
    const known = derived.get(cookieName) ?? run(deriveKey(own, hash, cookieName))
    derived.set(cookieName, known)
    return known
  }

  return {
    sign: (data, use) => run(sign(keyFor(use), data)),
    verify: (data, mac, use) => run(verify(keyFor(use), data, mac)),
  }
}

function* sign(key: MaybePromise<HmacKey>, data: string | Uint8Array): Flow<Uint8Array> {
  return yield* wait((yield* wait(key)).sign(data))
}

function* verify(key: MaybePromise<HmacKey>, data: string | Uint8Array, mac: Uint8Array): Flow<boolean> {
  return yield* wait((yield* wait(key)).verify(data, mac))
}

function* deriveKey(own: HmacKey, hash: HashName, cookieName: string): Flow<HmacKey> {
  return platform.hmacKey(yield* wait(own.sign(publicHalfLabel(cookieName))), hash)
}
