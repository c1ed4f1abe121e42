/**
 * The keys of a codec, given at once or by a function that fetches them; they can be loaded again while requests go on.
 * RFC 7515 §4.1.4, RFC 7517 §5.
 */
import { type Duration, parseDuration } from '../../shared/define-session.js'
import { SessionError, type SessionErrorCode } from '../../shared/errors.js'
import type { MaybePromise } from '../../shared/types.js'
import type { HmacKey } from '../platform/platform.js'
import { createHmacKeys, type KeyUse, type Secrets, secretList, type Verifications } from './hmac.js'
import {
  ALGORITHMS,
  type CheckedKey,
  checkAlgorithms,
  checkKeys,
  type HmacAlgorithm,
  type Jwk,
  type JwkSet,
  type KeyChecks,
  type KeyCost,
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
  const { algorithms, reloadEvery, clock } = options
  if (algorithms !== undefined) checkAlgorithms(algorithms)
  const timeout = parseDuration(options.timeout ?? DEFAULT_TIMEOUT, 'timeout')
  let checked = typeof source === 'function' ? undefined : checkKeys(source, options)
  if (checked) checkCost(checked)

  async function load(): Promise<KeySet> {
    const input = typeof source === 'function' ? await inTime(source(), timeout) : source
    const keys = checked ?? checkKeys(input, options)
    checked = undefined
    return await prepareKeys(keys)
  }

  return createKeyRing({
    load,
    canSign: checked === undefined || checked.some(({ canSign }) => canSign),
    ...(reloadEvery !== undefined && { maxAge: parseDuration(reloadEvery, 'reloadEvery') }),
    ...(clock && { clock }),
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

async function inTime<T>(value: MaybePromise<T>, timeout: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`No keys within ${timeout} milliseconds`)), timeout)
  })
  return await Promise.race([value, late]).finally(() => clearTimeout(timer))
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
  checkCost([...keys.values()])
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
const FOREVER = Number.POSITIVE_INFINITY

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

/** How many verifications one request may cost: those of costly keys, and those of other key pairs. Secrets cost next to nothing. */
const MAX_COSTLY = 3
const MAX_ORDINARY = 16

/** For a new request. */
export function startVerifications(): Verifications {
  return { costly: 0, ordinary: 0, isLater: false, isCutShort: false }
}

/**
 * Counts what a token may cost before its first key is tried. The first value of a request may try the keys of all codecs: only then is
 * a session of any of them found.
 *
 * @throws {SessionError} `ERR_SESSION_LIMIT` if the request has brought too many
 */
function count(spent: Verifications, keys: KeySet): void {
  const more = costlyOf(keys).length
  const costly = spent.costly + more
  const ordinary = spent.ordinary + keys.filter((key) => !key.isCostly && ALGORITHMS[key.alg].kty !== 'oct').length
  const isTooMuch = costly > MAX_COSTLY || (ordinary > MAX_ORDINARY && spent.ordinary > 0)
  if (more > MAX_COSTLY || (spent.isLater && isTooMuch)) {
    spent.isCutShort = true
    throw new SessionError('ERR_SESSION_LIMIT', 'The request has brought more tokens than are verified')
  }
  Object.assign(spent, { costly, ordinary })
}

function costlyOf<Key extends KeyCost>(keys: readonly Key[]): Key[] {
  return keys.filter(({ isCostly }) => isCostly)
}

/** @throws {TypeError} for a list whose tokens, if they name no key, cost more than one request may */
function checkCost(keys: readonly KeyCost[]): void {
  const count = costlyOf(keys).filter(({ isNamed }) => !isNamed).length
  if (count <= MAX_COSTLY) return
  throw new TypeError(
    `Option "keys" holds ${count} keys for ES384, ES512 or RSA above 4096 bits without a "kid"; ${MAX_COSTLY} are the most`,
  )
}

/**
 * @returns the place of the key that verified, or -1
 * @throws {SessionError} `ERR_SESSION_LIMIT` for one token too many
 */
export async function verifyWithSet(keys: KeySet, token: SignedToken, use: KeyUse): Promise<number> {
  const { alg, kid } = token
  // A `kid` that is known means that key alone; another issuer may name the same keys in another way.
  const named = knows(keys, kid) ? keys.filter((key) => key.kid === kid) : keys
  const suitable = named.filter((key) => key.alg === alg)
  // Of more costly keys than that, those with a name are for tokens that say it.
  const isLong = costlyOf(suitable).length > MAX_COSTLY
  const possible = isLong ? suitable.filter(({ isCostly, isNamed }) => !(isCostly && isNamed)) : suitable
  if (use.verifications) count(use.verifications, possible)
  for (const key of possible) if (await key.verify(token, use)) return keys.indexOf(key)
  return -1
}

/** Whether a token of this `kid` may have a key that is not here. */
export function knows(keys: KeySet, kid: string | undefined): boolean {
  return kid !== undefined && keys.some((key) => key.kid === kid)
}
