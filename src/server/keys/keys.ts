/**
 * The keys of a codec, given at once or by a function that fetches them; they can be loaded again while requests go on.
 * RFC 7515 §4.1.4, RFC 7517 §5.
 */
import { type Duration, parseDuration } from '../../shared/define-session.js'
import { SessionError, type SessionErrorCode } from '../../shared/errors.js'
import type { MaybePromise } from '../../shared/types.js'
import { createHmacKeys, type KeyUse, type Secrets, secretList } from './hmac.js'
import {
  type CheckedKey,
  checkAlgorithms,
  checkKeys,
  HMAC_HASHES,
  type HmacAlgorithm,
  isHmac,
  type Jwk,
  type JwkSet,
  type KeyChecks,
  type KeyInput,
  keyOfSecret,
  type PreparedKey,
  type SignedToken,
} from './key-input.js'

/** What the option `keys` takes: a key, a list of keys, a function that fetches them, or what `createKeys` made of one. */
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

/** What became of keys that were loaded: how many there are now, and which signs; or a code. */
export interface KeysEvent {
  keyCount?: number
  kid?: string
  code?: SessionErrorCode
}

/** The keys of a codec, as others may know of them. */
export interface CodecKeys {
  /** Of key pairs the public members alone; of secrets nothing. */
  publicKeys(): Promise<readonly Jwk[]>
  /** From now on, whenever keys are loaded or can't be. */
  listen(listener: (event: KeysEvent) => void): void
  /**
   * Loads the keys, and what they need, before the first request does.
   *
   * @throws {SessionError} `ERR_SESSION_KEYS` if that fails
   */
  ready(): Promise<void>
}

/** Keys for one codec or several. */
export interface KeyRing extends CodecKeys {
  /**
   * Loads the keys now. Requests go on with the ones before.
   *
   * @throws {SessionError} `ERR_SESSION_KEYS` if that fails; the last valid keys stay
   */
  reload(): Promise<void>
  /** @internal False if surely none of them signs. */
  readonly canSign: boolean
  /** @internal @throws {SessionError} `ERR_SESSION_KEYS` if there are none yet, or only such as are too old */
  current(): Promise<KeySet>
  /** @internal For a token that no key of `set` is for: newer ones, if there are any. Never fails. */
  renewed(set: KeySet): Promise<KeySet>
}

const DEFAULT_TIMEOUT = '10s'

/**
 * Prepares keys that can be loaded again without a restart. The first key that signs is the one that does; every key verifies.
 * If a reload fails, the last valid keys stay for as long as it takes.
 *
 * @param source - keys, or a function that fetches them; files are read again with each reload
 * @returns keys for the option `keys`
 * @throws {TypeError} for keys that are weak or of the wrong kind. What only an import can tell, and all that is wrong with the keys of
 *   a function, is `ERR_SESSION_KEYS` of `ready()` and of the first use
 */
export function createKeys(source: KeyInput | readonly KeyInput[] | KeySource, options: KeysOptions = {}): KeyRing {
  const { algorithms, allowWeakSecrets = false, reloadEvery, clock = () => new Date() } = options
  if (algorithms !== undefined) checkAlgorithms(algorithms)
  const checks = { allowWeakSecrets, ...(algorithms && { algorithms }) }
  const timeout = parseDuration(options.timeout ?? DEFAULT_TIMEOUT, 'timeout')
  const atStart = typeof source === 'function' ? undefined : checkKeys(source, checks)
  let checked = atStart

  async function load(): Promise<KeySet> {
    const input = typeof source === 'function' ? await inTime(source(), timeout) : source
    const keys = checked ?? checkKeys(input, checks)
    checked = undefined
    return await prepareKeySet(keys)
  }

  return createKeyRing({
    load,
    canSign: atStart === undefined || atStart.some(({ canSign }) => canSign),
    isOwn: true,
    clock,
    ...(reloadEvery !== undefined && { maxAge: parseDuration(reloadEvery, 'reloadEvery') }),
  })
}

/** The keys of a codec's option `keys`. @throws {TypeError} */
export function ringOf(keys: Keys, checks: KeyChecks): KeyRing {
  if (!(typeof keys === 'object' && keys !== null && 'renewed' in keys)) return createKeys(keys, checks)
  if (checks.algorithms === undefined && checks.allowWeakSecrets !== true) return keys
  throw new TypeError('Pass "algorithms" and "allowWeakSecrets" to createKeys() or remoteJwks(), which have the keys')
}

/**
 * The keys of a codec's option `secrets`: the first secret signs with the first algorithm; then come the others with it, then all
 * with the next. They never change.
 *
 * @throws {TypeError} for empty or weak secrets, and for algorithms that are not for secrets
 */
export function ringOfSecrets(secrets: Secrets, { algorithms, allowWeakSecrets }: Required<KeyChecks>): KeyRing {
  const hmacs = algorithms.filter(isHmac)
  if (hmacs.length < algorithms.length) throw new TypeError('Option "algorithms" may contain HS256, HS384 and HS512')
  checkAlgorithms(algorithms)
  const list = secretList(secrets, 'secrets')
  const prepare = (alg: HmacAlgorithm, secret: Uint8Array): PreparedKey =>
    keyOfSecret({ alg }, createHmacKeys({ secrets: [secret], hash: HMAC_HASHES[alg], allowWeakSecrets }))
  const set = keySetOf(hmacs.flatMap((alg) => list.map((secret) => prepare(alg, secret))))
  return {
    canSign: true,
    current: async () => set,
    renewed: async () => set,
    publicKeys: async () => [],
    listen: () => {},
    reload: async () => {},
    ready: async () => {},
  }
}

/** The public keys of all codecs as one JWK set (RFC 7517 §5). @throws {SessionError} `ERR_SESSION_KEYS`: never half a set */
export async function publicJwks(codecs: readonly { readonly keys?: CodecKeys }[]): Promise<JwkSet> {
  const found = new Map<string, Jwk>()
  for (const { keys } of codecs) {
    for (const jwk of keys ? await keys.publicKeys() : []) found.set(JSON.stringify(jwk), jwk)
  }
  return { keys: [...found.values()] }
}

async function inTime<T>(value: MaybePromise<T>, timeout: number): Promise<T> {
  if (!(value instanceof Promise)) return value
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`No keys within ${timeout} milliseconds`)), timeout)
    value.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

// Keys that may be loaded again while requests go on: the last valid set stays until there is a better one, and no request waits for
// a reload but the first, and one after a long silence.

export interface KeyLoading {
  load(): Promise<KeySet>
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

/** Milliseconds of rest after a load that failed, so that not every request asks the source again. */
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

  async function attempt(): Promise<void> {
    try {
      set = await loading.load()
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

  /** Concurrent requests share one load. */
  function load(): Promise<void> {
    if (underway !== undefined) return underway
    triedAt = clock().getTime()
    underway = attempt()
    return underway
  }

  function tell(event: KeysEvent): void {
    for (const listener of listeners) {
      try {
        listener(event)
      } catch {
        // Keys may be loaded in no request at all: there is none that could fail for a listener.
      }
    }
  }

  /** Whether something was less than `period` ago. A clock that was set back says no. */
  function isRecent(time: number, period: number): boolean {
    const passed = clock().getTime() - time
    return passed >= 0 && passed < period
  }

  async function current(): Promise<KeySet> {
    if (set !== undefined && isRecent(loadedAt, maxAge)) return set
    const isResting = cause !== undefined && isRecent(triedAt, RETRY_AFTER)
    const begun = isResting ? undefined : load()
    if (set === undefined || !isRecent(loadedAt, 2 * maxAge)) await begun
    if (set !== undefined && clock().getTime() - loadedAt < maxAge + maxStale) return set
    throw outage()
  }

  function outage(): SessionError {
    return new SessionError('ERR_SESSION_KEYS', 'The keys could not be loaded', { cause })
  }

  return {
    canSign,
    current,
    async renewed(old) {
      const mayAsk = cooldown !== undefined && !isRecent(triedAt, cooldown)
      if (set === old && (underway !== undefined || mayAsk)) await load()
      return set ?? old
    },
    async publicKeys() {
      const { keys } = isOwn ? await current() : { keys: [] }
      return keys.flatMap(({ publicJwk }) => (publicJwk ? [publicJwk] : []))
    },
    listen: (listener) => void listeners.add(listener),
    async ready() {
      await current()
    },
    async reload() {
      await underway
      await load()
      if (cause !== undefined) throw outage()
    },
  }
}

// The keys of a moment: the first signs, every one verifies, and a token's `kid` says which is tried first.
// RFC 7515 §4.1.4, RFC 7517 §5.

export interface KeySet {
  /** The one that signs is the first. */
  readonly keys: readonly PreparedKey[]
  readonly signer: PreparedKey | undefined
  readonly algorithms: ReadonlySet<string>
}

export function keySetOf(keys: readonly PreparedKey[]): KeySet {
  const signer = keys[0]?.sign && keys[0]
  return { keys, signer, algorithms: new Set(keys.map(({ alg }) => alg)) }
}

/** @returns the place of the key that verified, or -1 */
export async function verifyWithSet({ keys }: KeySet, token: SignedToken, use: KeyUse): Promise<number> {
  const { alg, kid } = token
  // The key that the token names first, then the others: another issuer may name the same keys in another way.
  for (const isNamed of kid === undefined ? [false] : [true, false]) {
    for (const [index, key] of keys.entries()) {
      if (key.alg !== alg || (kid !== undefined && (key.kid === kid) !== isNamed)) continue
      if (await key.verify(token, use)) return index
    }
  }
  return -1
}

/** Whether a token of this `kid` may have a key that is not here. */
export function knows({ keys }: KeySet, kid: string | undefined): boolean {
  return kid !== undefined && keys.some((key) => key.kid === kid)
}

/** Of a private key and its own public one, the private one stays. */
async function prepareKeySet(checked: readonly CheckedKey[]): Promise<KeySet> {
  const keys: PreparedKey[] = []
  const first = checked.find(({ canSign }) => canSign)
  for (const each of first ? [first, ...checked.filter((other) => other !== first)] : checked) {
    const key = await each.prepare()
    const twin = keys.findIndex((other) => isSame(other, key))
    if (twin === -1) keys.push(key)
    else if (keys[twin]?.sign === undefined && key.sign) keys[twin] = key
  }
  return keySetOf(keys)
}

function isSame(a: PreparedKey, b: PreparedKey): boolean {
  const names = ['alg', 'x', 'y', 'n', 'e'] as const
  return a.publicJwk !== undefined && names.every((name) => a.publicJwk?.[name] === b.publicJwk?.[name])
}
