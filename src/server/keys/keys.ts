/**
 * The keys of a codec, given at once or by a function that fetches them; they can be loaded again while requests go on.
 * RFC 7515 §4.1.4, RFC 7517 §5.
 */
import type { Duration } from '../../shared/define-session.js'
import { checkDuration, checkNames, type OptionNames } from '../../shared/option-names.js'
import type { MaybePromise } from '../../shared/types.js'
import type { HmacKey } from '../platform/platform.js'
import { createHmacKeys, type Secrets, secretList } from './hmac.js'
import { type CheckedKey, checkKeys, type KeyChecks, type KeyInput, type OptionChecks } from './key-input.js'
import {
  createReloading,
  inTime,
  type KeysEvent,
  type LoadedKeys,
  type Loading,
  type Reloading,
  SOURCE_TIMEOUT,
} from './key-source.js'
import {
  ALGORITHMS,
  type HmacAlgorithm,
  isAlgorithm,
  type Jwk,
  type JwsAlgorithm,
  type KeyCost,
  keyOfSecret,
  type PreparedKey,
} from './prepared-key.js'

/** What the option `keys` takes: a key, a list of keys, a function that fetches them, or what `createKeys` made of one. */
export type Keys = KeyInput | readonly KeyInput[] | KeySource | KeyRing

/** Fetches the keys, from a vault for instance. */
export type KeySource = () => MaybePromise<KeyInput | readonly KeyInput[]>

/** How keys are loaded, and what they may be for. */
export interface KeysOptions extends KeyChecks {
  /**
   * Loads them again this often, with the first request after that.
   *
   * @defaultValue only by `reload()`
   */
  reloadEvery?: Duration
  /**
   * How long a function may take.
   *
   * @defaultValue 10 seconds
   */
  timeout?: Duration
  /** The present time, for tests. */
  clock?: () => Date
}

/** The keys of a codec, as others may know of them. */
export interface CodecKeys extends LoadedKeys {
  /** Of key pairs the public members alone; of secrets nothing. */
  publicKeys(): Promise<readonly Jwk[]>
}

/** Keys for one codec or several. */
export interface KeyRing extends Reloading<KeySet>, Pick<CodecKeys, 'publicKeys'> {
  /** @internal One for each key. */
  thumbprints(): Promise<readonly (string | undefined)[]>
  /** @internal For secrets that never change: see `SessionCodec`. */
  deriveKeys?(label: string): Promise<readonly HmacKey[]>
  /** @internal False if surely none of them signs. */
  readonly canSign: boolean
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
  clock: 'function',
}

/**
 * Prepares keys that can be loaded again without a restart. The first key that signs is the one that does; every key verifies.
 * If a reload fails, the last valid keys stay for as long as it takes.
 *
 * @param source - keys, or a function that fetches them; files are read again with each reload
 * @returns keys for the option `keys`
 * @throws {TypeError} for keys that are weak or of the wrong kind. What only an import can tell, and all that is wrong with the keys of
 *   a function, is `ERR_SESSION_KEYS` of `ready()` and of the first use
 * @since 0.1.0
 * @example
 * const keys = createKeys(() => readFromVault('session-keys'), { reloadEvery: '10m' })
 * const codec = jwt({ keys })
 */
export function createKeys(source: KeyInput | readonly KeyInput[] | KeySource, options: KeysOptions = {}): KeyRing {
  checkNames(options, OPTIONS, 'createKeys')
  return createNamedKeys(source, { ...options, option: 'keys' })
}

function createNamedKeys(source: Exclude<Keys, KeyRing>, options: KeysOptions & OptionChecks): KeyRing {
  const { algorithms, reloadEvery, clock, option } = options
  if (algorithms !== undefined) checkAlgorithms(algorithms)
  const timeout = options.timeout === undefined ? SOURCE_TIMEOUT : checkDuration(options.timeout, 'timeout')
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

  const canSign = checked === undefined || checked.some((key) => key.canSign)
  return createKeyRing({
    load,
    canSign,
    ...(reloadEvery !== undefined && { maxAge: checkDuration(reloadEvery, 'reloadEvery') }),
    clock,
  })
}

/** @throws {TypeError} for what is no list, and for one that is empty, or has a name twice or an unknown one */
export function checkAlgorithms(algorithms: readonly JwsAlgorithm[]): void {
  checkIsList(algorithms)
  if (algorithms.length === 0) throw new TypeError('Option "algorithms" is empty')
  const unknown = algorithms.some((name) => !isAlgorithm(name))
  if (unknown) throw new TypeError('Option "algorithms" contains a name that is not a supported algorithm')
  const twice = algorithms.find((name, index) => algorithms.indexOf(name) !== index)
  if (twice) throw new TypeError(`Option "algorithms" contains ${twice} twice`)
}

function checkIsList(algorithms: readonly JwsAlgorithm[]): void {
  if (!Array.isArray(algorithms)) throw new TypeError('Option "algorithms" must be a list, such as ["RS256"]')
}

/** The keys of a codec's option, `keys` or of another name. @throws {TypeError} */
export function ringOf(keys: Keys, options: KeysOptions, option = 'keys'): KeyRing {
  if (!(typeof keys === 'object' && keys !== null && 'renewed' in keys)) {
    return createNamedKeys(keys, { ...options, option })
  }
  const { algorithms, allowWeakSecrets, reloadEvery } = options
  if (algorithms === undefined && allowWeakSecrets !== true && reloadEvery === undefined) return keys
  throw new TypeError(
    'Pass "algorithms", "allowWeakSecrets" and "reloadEvery" to createKeys() or remoteJwks(), which have the keys',
  )
}

/**
 * The keys of a codec's option `secrets`: the first secret signs with the first algorithm; then come the others with it, then all
 * with the next. They never change.
 *
 * @throws {TypeError} for empty or weak secrets, and for algorithms that are not for secrets
 */
export function ringOfSecrets(secrets: Secrets, { algorithms, allowWeakSecrets }: Required<KeyChecks>): KeyRing {
  checkIsList(algorithms)
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

export function createKeyRing(loading: KeyLoading, initial?: KeySet): KeyRing {
  const keys = createReloading({ ...loading, describe }, initial)
  return {
    ...keys,
    canSign: loading.canSign,
    publicKeys: async () => (await keys.current()).flatMap(({ publicJwk }) => publicJwk ?? []),
    thumbprints: async () => await Promise.all((await keys.current()).map((key) => key.thumbprint())),
    renewed: (set) => keys.newer(set, loading.cooldown),
  }
}

interface KeyLoading extends Loading<KeySet> {
  canSign: boolean
  /** Milliseconds between two loads that an unknown token asked for; absent: none can. */
  cooldown?: number
}

function describe(keys: KeySet = []): KeysEvent {
  const [first] = keys
  return { keyCount: keys.length, ...(first?.sign && first.kid !== undefined && { kid: first.kid }) }
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

export function isCostly({ cost }: KeyCost): boolean {
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
