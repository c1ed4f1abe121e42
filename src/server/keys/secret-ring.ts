/**
 * The ring of a codec's option `secrets`: each secret with each algorithm. It never changes.
 */
import { createKeyring, type Secrets, secretList } from '../keyring.js'
import { checkAlgorithms, HMAC_HASHES, isHmac } from './algorithms.js'
import type { KeyRing } from './key-ring.js'
import { keySetOf } from './key-set.js'
import { type KeyChecks, keyOfSecret } from './ring-key.js'

/**
 * The first secret signs with the first algorithm; then come the others with it, then all with the next.
 *
 * @throws {TypeError} for empty or weak secrets, and for algorithms that are not for secrets
 */
export function ringOfSecrets(secrets: Secrets, checks: Required<KeyChecks>): KeyRing {
  const { algorithms, allowWeakSecrets } = checks
  const hmacs = algorithms.filter(isHmac)
  if (hmacs.length < algorithms.length) throw new TypeError('Option "algorithms" may hold HS256, HS384 and HS512')
  checkAlgorithms(algorithms)
  const list = secretList(secrets, 'secrets')
  const set = keySetOf(
    hmacs.flatMap((alg) =>
      list.map((secret) =>
        keyOfSecret({ alg }, createKeyring({ secrets: [secret], hash: HMAC_HASHES[alg], allowWeakSecrets })),
      ),
    ),
  )
  return {
    canSign: true,
    current: () => set,
    renewed: () => set,
    publicKeys: () => [],
    listen: () => {},
    reload: async () => {},
  }
}
