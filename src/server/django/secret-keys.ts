/**
 * Django's secrets and the keys it makes of them: a plain hash of a salt and the secret, one key for each use.
 * FORMATS §8 (trap 25).
 */
import { platform } from '#platform'
import { concatBytes, encodeUtf8 } from '../../shared/bytes.js'
import type { MaybePromise } from '../codecs/codec.js'
import { type Flow, run, wait } from '../flow.js'
import { createKeyring } from '../keyring.js'
import type { HmacKey } from '../platform/platform.js'

/** SHA-1 is there for what Django before 3.1 made. */
export type DjangoHash = 'SHA-1' | 'SHA-256'

export interface DjangoSecretOptions {
  /** `SECRET_KEY`. It signs, and verifies first. */
  secretKey: string | Uint8Array
  /** `SECRET_KEY_FALLBACKS`: keys that only verify. Django before 4.1 has none. */
  fallbacks?: readonly (string | Uint8Array)[] | undefined
  /** Takes secrets under 32 octets. */
  allowWeakSecrets?: boolean | undefined
  /** What the option of the fallbacks is called, for errors. */
  fallbacksOption: string
}

/** The secrets of one configuration, the one that signs first. */
export interface DjangoSecrets {
  readonly size: number
  /** The HMAC keys for a use, in the order of the secrets; derived once. */
  keys(salt: string, hash: DjangoHash): MaybePromise<readonly HmacKey[]>
}

/** @throws {TypeError} for a missing, empty or weak secret */
export function createDjangoSecrets(options: DjangoSecretOptions): DjangoSecrets {
  const { secretKey, fallbacks = [], allowWeakSecrets = false, fallbacksOption } = options
  checkSecrets([secretKey], 'secretKey', allowWeakSecrets)
  if (!Array.isArray(fallbacks)) throw new TypeError(`Option "${fallbacksOption}" must be a list`)
  if (fallbacks.length > 0) checkSecrets(fallbacks, fallbacksOption, allowWeakSecrets)
  const secrets = [secretKey, ...fallbacks].map((key) => (typeof key === 'string' ? encodeUtf8(key) : key.slice()))
  const derived = new Map<string, MaybePromise<readonly HmacKey[]>>()
  return {
    size: secrets.length,
    keys(salt, hash) {
      const name = `${hash} ${salt}`
      const keys = derived.get(name) ?? run(derive(secrets, encodeUtf8(salt), hash))
      derived.set(name, keys)
      return keys
    },
  }
}

/** The rules for secrets are those of every ring. */
function checkSecrets(secrets: readonly unknown[], option: string, allowWeakSecrets: boolean): void {
  createKeyring({ secrets: secrets as readonly string[], hash: 'SHA-256', allowWeakSecrets, option })
}

function* derive(secrets: readonly Uint8Array[], salt: Uint8Array, hash: DjangoHash): Flow<readonly HmacKey[]> {
  const keys: HmacKey[] = []
  for (const secret of secrets) {
    const salted = concatBytes(salt, secret)
    const digest = yield* wait(hash === 'SHA-1' ? platform.sha1(salted) : platform.sha256(salted))
    keys.push(platform.hmacKey(digest, hash))
  }
  return keys
}
