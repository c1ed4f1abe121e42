/**
 * Keys that may be loaded again while requests go on: the last good set stays until there is a better one, and nobody waits for a
 * reload but the first request, and one after a long silence.
 */
import { SessionError } from '../../shared/errors.js'
import type { CodecKeys, KeysEvent, MaybePromise } from '../codecs/codec.js'
import { type Flow, run, wait } from '../flow.js'
import type { Jwk } from '../platform/jwk.js'
import { type KeySet, publicKeysOf } from './key-set.js'

/** Keys for one codec or several. */
export interface KeyRing extends CodecKeys {
  /**
   * Loads the keys now. Requests go on with the ones before.
   *
   * @throws {SessionError} `ERR_SESSION_KEYS` where that fails; the last good keys stay
   */
  reload(): Promise<void>
  /** @internal False where surely none of them signs. */
  readonly canSign: boolean
  /** @internal @throws {SessionError} `ERR_SESSION_KEYS` where there are none yet, or only such as are too old */
  current(): MaybePromise<KeySet>
  /** @internal For a token that no key of `set` is for: newer ones, if there are any. Never fails. */
  renewed(set: KeySet): MaybePromise<KeySet>
}

export interface KeyLoading {
  load(): Flow<KeySet>
  canSign: boolean
  /** Whether the public keys are this server's own to hand out. */
  isOwn: boolean
  /** Milliseconds after which they are loaded again, with the next request. */
  maxAge?: number
  /** Milliseconds after which keys that could not be loaded again are used no more. */
  maxStale?: number
  /** Milliseconds between two loads that an unknown token asked for; absent: none can. */
  cooldown?: number
  clock: () => Date
}

/** Milliseconds of rest after a load that failed, so that no crowd of requests falls upon the source. */
const RETRY_AFTER = 5000

export function createKeyRing(loading: KeyLoading): KeyRing {
  const { clock, canSign, isOwn, cooldown } = loading
  const { maxAge = Number.POSITIVE_INFINITY, maxStale = Number.POSITIVE_INFINITY } = loading
  const listeners = new Set<(event: KeysEvent) => void>()
  let set: KeySet | undefined
  let loadedAt = Number.NaN
  let triedAt = Number.NaN
  let cause: unknown
  let underway: Promise<void> | undefined

  function* attempt(): Flow<void> {
    try {
      set = yield* loading.load()
      loadedAt = clock().getTime()
      cause = undefined
    } catch (error) {
      cause = error ?? 'unknown'
    }
    underway = undefined
    const { keys = [], signer } = set ?? {}
    const kid = signer?.kid === undefined ? {} : { kid: signer.kid }
    tell({ keyCount: keys.length, ...kid, ...(cause !== undefined && { code: 'ERR_SESSION_KEYS' }) })
  }

  /** One at a time, whoever asks. */
  function load(): MaybePromise<void> {
    if (underway !== undefined) return underway
    triedAt = clock().getTime()
    const attempted = run(attempt())
    if (attempted instanceof Promise) underway = attempted
    return underway
  }

  function tell(event: KeysEvent): void {
    for (const listener of listeners) {
      try {
        listener(event)
      } catch {
        // It may be nobody's request that keys are loaded in: a listener that fails has nobody to tell.
      }
    }
  }

  /** Whether something was less than `period` ago. A clock that was set back says no. */
  function isRecent(time: number, period: number): boolean {
    const passed = clock().getTime() - time
    return passed >= 0 && passed < period
  }

  function* find(): Flow<KeySet> {
    const isResting = cause !== undefined && isRecent(triedAt, RETRY_AFTER)
    const begun = isResting ? undefined : load()
    if (set === undefined || !isRecent(loadedAt, 2 * maxAge)) yield* wait(begun)
    if (set !== undefined && clock().getTime() - loadedAt < maxAge + maxStale) return set
    throw outage()
  }

  function* renew(old: KeySet): Flow<KeySet> {
    const mayAsk = cooldown !== undefined && !isRecent(triedAt, cooldown)
    if (set === old && (underway !== undefined || mayAsk)) yield* wait(load())
    return set ?? old
  }

  function* publicKeys(): Flow<readonly Jwk[]> {
    return isOwn ? publicKeysOf(yield* wait(current())) : []
  }

  function current(): MaybePromise<KeySet> {
    return set !== undefined && isRecent(loadedAt, maxAge) ? set : run(find())
  }

  function outage(): SessionError {
    return new SessionError('ERR_SESSION_KEYS', 'The keys could not be loaded', { cause })
  }

  return {
    canSign,
    current,
    renewed: (old) => run(renew(old)),
    publicKeys: () => run(publicKeys()),
    listen: (listener) => void listeners.add(listener),
    async reload() {
      await underway
      await load()
      if (cause !== undefined) throw outage()
    },
  }
}
