/**
 * The keys of a codec, given at once or by a function that fetches them; they can be loaded again while requests go on.
 * RFC 7515 §4.1.4, RFC 7517 §5.
 */
import { type Duration, parseDuration } from '../../shared/define-session.js'
import { SessionError, type SessionErrorCode } from '../../shared/errors.js'
import { checkNames, type OptionNames } from '../../shared/option-names.js'
import type { MaybePromise } from '../../shared/types.js'
import type { HmacKey } from '../platform/platform.js'
import { createHmacKeys, inTime, type KeyUse, type Secrets, secretList } from './hmac.js'
import {
  type CheckedKey,
  checkKeys,
  type JwkSet,
  type KeyChecks,
  type KeyInput,
  type OptionChecks,
} from './key-input.js'
import {
  ALGORITHMS,
  type HmacAlgorithm,
  isAlgorithm,
  type Jwk,
  type JwsAlgorithm,
  type KeyCost,
  keyOfSecret,
  type PreparedKey,
  type SignedToken,
} from './prepared-key.js'

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
  /** @internal For secrets that never change: see `SessionCodec`. */
  deriveKeys?(label: string): Promise<readonly HmacKey[]>
  /** @internal False if surely none of them signs. */
  readonly canSign: boolean
  /** @internal @throws {SessionError} `ERR_SESSION_KEYS` if there are none yet, or only such as are too old */
  current(): Promise<KeySet>
  /** @internal For a token that no key of `set` is for: newer ones, if there are any. Never fails. */
  renewed(set: KeySet): Promise<KeySet>
}

/** The keys of a moment: every one verifies, and the first signs if it can. */
export type KeySet = readonly PreparedKey[]

const OPTIONS: OptionNames<KeysOptions> = {
  algorithms: 1,
  allowWeakSecrets: 'switch',
  reloadEvery: 1,
  timeout: 1,
  clock: 1,
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
  checkNames(options, OPTIONS, 'createKeys')
  return createNamedKeys(source, { ...options, option: 'keys' })
}

function createNamedKeys(source: Exclude<Keys, KeyRing>, options: KeysOptions & OptionChecks): KeyRing {
  const { algorithms, reloadEvery, clock, option } = options
  if (algorithms !== undefined) checkAlgorithms(algorithms)
  const timeout = parseDuration(options.timeout ?? DEFAULT_TIMEOUT, 'timeout')
  let checked = typeof source === 'function' ? undefined : checkKeys(source, options)
  // A private key and its own public one become one key.
  if (checked) checkCost([...new Map(checked.map((key) => [key.numbers ?? key, key])).values()], option)

  async function load(): Promise<KeySet> {
    const input = typeof source === 'function' ? await inTime(source(), timeout) : source
    const inputs = checked ?? checkKeys(input, options)
    checked = undefined
    const keys = await prepareKeys(inputs)
    checkCost(keys, option)
    return keys
  }

  return createKeyRing({
    load,
    canSign: checked === undefined || checked.some(({ canSign }) => canSign),
    ...(reloadEvery !== undefined && { maxAge: parseDuration(reloadEvery, 'reloadEvery') }),
    ...(clock && { clock }),
  })
}

/** @throws {TypeError} for a list that is empty, or has a name twice or an unknown one */
export function checkAlgorithms(algorithms: readonly JwsAlgorithm[]): void {
  if (algorithms.length === 0) throw new TypeError('Option "algorithms" is empty')
  const unknown = algorithms.some((name) => !isAlgorithm(name))
  if (unknown) throw new TypeError('Option "algorithms" contains a name that is not a supported algorithm')
  const twice = algorithms.find((name, index) => algorithms.indexOf(name) !== index)
  if (twice) throw new TypeError(`Option "algorithms" contains ${twice} twice`)
}

/** The keys of a codec's option, `keys` or of another name. @throws {TypeError} */
export function ringOf(keys: Keys, checks: KeyChecks, option = 'keys'): KeyRing {
  if (!(typeof keys === 'object' && keys !== null && 'renewed' in keys)) {
    return createNamedKeys(keys, { ...checks, option })
  }
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
  const hmacs = algorithms.filter((alg): alg is HmacAlgorithm => ALGORITHMS[alg]?.kty === 'oct')
  if (hmacs.length < algorithms.length) throw new TypeError('Option "algorithms" may contain HS256, HS384 and HS512')
  checkAlgorithms(algorithms)
  const list = secretList(secrets, 'secrets')
  const keys = hmacs.flatMap((alg) => list.map((secret) => keyOfSecret(alg, { secrets: [secret], allowWeakSecrets })))
  const [first = 'HS256'] = hmacs
  return {
    ...createKeyRing({ load: async () => keys, canSign: true }, keys),
    deriveKeys: createHmacKeys({ secrets: list, hash: ALGORITHMS[first].hash, allowWeakSecrets }).derive,
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

/** The first that signs comes first. Of a private key and its own public one, the private one stays. */
async function prepareKeys(checked: readonly CheckedKey[]): Promise<KeySet> {
  const keys = new Map<unknown, PreparedKey>()
  for (const each of new Set([...checked.filter(({ canSign }) => canSign).slice(0, 1), ...checked])) {
    const key = await each.prepare()
    const { alg, x, y, n, e } = key.publicJwk ?? {}
    const identity = alg === undefined ? key : JSON.stringify([alg, x, y, n, e])
    if (key.sign ? !keys.get(identity)?.sign : !keys.has(identity)) keys.set(identity, key)
  }
  return [...keys.values()]
}

export interface KeyLoading {
  load(): Promise<KeySet>
  canSign: boolean
  /** Milliseconds after which they are loaded again, with the next request. */
  maxAge?: number
  /** Milliseconds after which keys that could not be loaded again are used no more. */
  maxStale?: number
  /** Milliseconds between two loads that an unknown token asked for; absent: none can. */
  cooldown?: number
  clock?: () => Date
}

/** Milliseconds of rest after a load that failed, so that not every request asks the source again. */
const RETRY_AFTER = 5000
const FAILED = 'ERR_SESSION_KEYS'
const FOREVER = Infinity

/**
 * Keys that may be loaded again while requests go on: the last valid ones stay until there are better ones, and no request waits for
 * a reload but the first, and one after a long silence.
 *
 * @param initial - keys that need not be loaded
 */
export function createKeyRing(loading: KeyLoading, initial?: KeySet): KeyRing {
  const { canSign, maxAge = FOREVER, maxStale = FOREVER, cooldown, clock = () => new Date() } = loading
  const listeners = new Set<(event: KeysEvent) => void>()
  let keys = initial
  let loadedAt = Number.NaN
  let triedAt = Number.NaN
  let cause: unknown
  let underway: Promise<void> | undefined

  /** Concurrent requests share one load. Never fails: it leaves a `cause`. */
  function load(): Promise<void> {
    underway ??= attempt()
    return underway
  }

  async function attempt(): Promise<void> {
    triedAt = clock().getTime()
    try {
      keys = await loading.load()
      loadedAt = clock().getTime()
      cause = undefined
    } catch (error) {
      cause = error ?? 'unknown'
    }
    underway = undefined
    const [first] = keys ?? []
    const kid = first?.sign && first.kid !== undefined ? { kid: first.kid } : {}
    const event: KeysEvent = { keyCount: keys?.length ?? 0, ...kid, ...(cause !== undefined && { code: FAILED }) }
    // Keys may be loaded in no request at all: there is none that could fail for a listener.
    void Promise.allSettled([...listeners].map(async (listener) => listener(event)))
  }

  /** Whether something was less than `period` ago. A clock that was set back says no. */
  function isRecent(time: number, period: number): boolean {
    const passed = clock().getTime() - time
    return passed >= 0 && passed < period
  }

  async function current(): Promise<KeySet> {
    if (keys && (maxAge === FOREVER || isRecent(loadedAt, maxAge))) return keys
    const isResting = cause !== undefined && isRecent(triedAt, RETRY_AFTER)
    const begun = isResting ? undefined : load()
    if (!keys || !isRecent(loadedAt, maxAge + Math.min(maxAge, maxStale))) await begun
    if (keys && clock().getTime() - loadedAt < maxAge + maxStale) return keys
    throw outage()
  }

  function outage(): SessionError {
    return new SessionError(FAILED, 'The keys could not be loaded', { cause })
  }

  return {
    canSign,
    current,
    async renewed(old) {
      const mayAsk = cooldown !== undefined && !isRecent(triedAt, cooldown)
      if (keys === old && (underway || mayAsk)) await load()
      return keys ?? old
    },
    publicKeys: async () => (await current()).flatMap(({ publicJwk }) => publicJwk ?? []),
    listen: (listener) => void listeners.add(listener),
    ready: async () => void (await current()),
    async reload() {
      await underway
      await load()
      if (cause !== undefined) throw outage()
    },
  }
}

/** Costly keys that a token is tried with, and verifications by such keys in one request. */
export const MAX_COSTLY = 3

/** Without the costly keys beyond the third of one `kid`, or of none: a token that names it would be tried with each. */
export function affordable<Key extends KeyCost>(keys: readonly Key[]): Key[] {
  return keys.filter((key) => {
    const others = keys
      .slice(0, keys.indexOf(key))
      .filter((other) => other.givenKid === key.givenKid && isCostly(other))
    return !isCostly(key) || others.length < MAX_COSTLY
  })
}

function isCostly({ cost }: KeyCost): boolean {
  return cost === 'much'
}

/** @throws {TypeError} for a list whose tokens cost more than one request may */
function checkCost(keys: readonly KeyCost[], option: string): void {
  const [first] = keys.filter((key) => !affordable(keys).includes(key))
  if (!first) return
  const which = first.givenKid === undefined ? 'without a "kid"' : 'with the same "kid"'
  const count = keys.filter((key) => isCostly(key) && key.givenKid === first.givenKid).length
  throw new TypeError(
    `Option "${option}" holds ${count} keys for ES384, ES512 or RSA above 4096 bits ${which}; ${MAX_COSTLY} are the most`,
  )
}

export interface FoundKey {
  /** The place of the key that verified, or -1. */
  readonly index: number
  /** The token names a key of the set: newer sets have no other. */
  readonly isKnown: boolean
}

/** @throws {SessionError} `ERR_SESSION_LIMIT` for one token too many */
export async function verifyWithSet(keys: KeySet, token: SignedToken, use: KeyUse): Promise<FoundKey> {
  const { alg, kid } = token
  // A `kid` that is known means that key alone; another issuer may name the same keys in another way.
  const named = kid === undefined ? [] : keys.filter((key) => key.kid === kid)
  const isKnown = named.length > 0
  const suitable = (isKnown ? named : keys).filter((key) => key.alg === alg)
  // Of more costly keys than that, those with a name are for tokens that say it.
  const isLong = suitable.filter(isCostly).length > MAX_COSTLY
  const possible = isLong ? suitable.filter((key) => !isCostly(key) || key.givenKid === undefined) : suitable
  const count = (cost: KeyCost['cost']) => possible.filter((key) => key.cost === cost).length
  use.verifications?.spend({ costly: count('much'), ordinary: count('little') })
  for (const key of possible) if (await key.verify(token, use)) return { index: keys.indexOf(key), isKnown }
  return { index: -1, isKnown }
}
