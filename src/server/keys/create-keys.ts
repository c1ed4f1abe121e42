/**
 * The keys of a codec as an application gives them: there already, in files, or from a function that fetches them.
 */
import { platform } from '#platform'
import { type Duration, parseDuration } from '../../shared/duration.js'
import type { MaybePromise } from '../codecs/codec.js'
import { type Flow, wait } from '../flow.js'
import { checkAlgorithms } from './algorithms.js'
import type { KeyInput } from './key-input.js'
import { createKeyRing, type KeyRing } from './key-ring.js'
import { checkKeys, type KeySet, prepareKeySet } from './key-set.js'
import type { CheckedKey, KeyChecks } from './ring-key.js'

/** What the option `keys` takes: a key, a list of keys, a function that fetches them, or a ring that was made of one. */
export type Keys = KeyInput | readonly KeyInput[] | KeySource | KeyRing

/** Fetches the keys, from a vault for instance. */
export type KeySource = () => MaybePromise<KeyInput | readonly KeyInput[]>

export interface KeysOptions extends KeyChecks {
  /** Loads them again this often, with the first request after that. Default: only by `reload()`. */
  reloadEvery?: Duration
  /** How long a function may take. Default 10 seconds. */
  timeout?: Duration
  /** The present time, for tests. */
  clock?: () => Date
}

const DEFAULT_TIMEOUT = '10s'

/**
 * Prepares keys that can be loaded again without a restart. The first key that signs is the one that does; every key verifies.
 * Where a reload fails, the last good keys stay for as long as it takes.
 *
 * @param source - keys, or a function that fetches them; files are read again with each reload
 * @returns a ring for the option `keys`
 * @throws {TypeError} for keys that are weak, of the wrong kind or not to be read; those of a function are `ERR_SESSION_KEYS`
 */
export function createKeys(source: KeyInput | readonly KeyInput[] | KeySource, options: KeysOptions = {}): KeyRing {
  const { algorithms, allowWeakSecrets = false, reloadEvery, clock = () => new Date() } = options
  if (algorithms !== undefined) checkAlgorithms(algorithms)
  const checks = { allowWeakSecrets, ...(algorithms && { algorithms }) }
  const timeout = parseDuration(options.timeout ?? DEFAULT_TIMEOUT, 'timeout')
  const atStart = typeof source === 'function' ? undefined : checkKeys(source, checks)
  let checked: CheckedKey[] | undefined = atStart

  function* load(): Flow<KeySet> {
    const input = typeof source === 'function' ? yield* wait(inTime(source(), timeout)) : source
    const keys = checked ?? checkKeys(input, checks)
    checked = undefined
    return yield* prepareKeySet(keys)
  }

  const ring = createKeyRing({
    load,
    canSign: atStart === undefined || atStart.some(({ canSign }) => canSign),
    isOwn: true,
    clock,
    ...(reloadEvery !== undefined && { maxAge: parseDuration(reloadEvery, 'reloadEvery') }),
  })
  // Elsewhere an import is asynchronous work, which Workers do not allow while a module starts.
  if (atStart && platform.name === 'node') ring.current()
  return ring
}

/** Whether `keys` was made into a ring already. */
export function isKeyRing(keys: Keys): keys is KeyRing {
  return typeof keys === 'object' && keys !== null && 'renewed' in keys && typeof keys.renewed === 'function'
}

/** The ring of a codec's option `keys`. @throws {TypeError} */
export function ringOf(keys: Keys, checks: KeyChecks): KeyRing {
  if (!isKeyRing(keys)) return createKeys(keys, checks)
  if (checks.algorithms === undefined && checks.allowWeakSecrets !== true) return keys
  throw new TypeError('Give "algorithms" and "allowWeakSecrets" to createKeys() or remoteJwks(), where the keys are')
}

function inTime<T>(value: MaybePromise<T>, timeout: number): MaybePromise<T> {
  if (!(value instanceof Promise)) return value
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`No keys within ${timeout} milliseconds`)), timeout)
    value.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
