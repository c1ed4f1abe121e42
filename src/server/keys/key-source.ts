/**
 * Keys and secrets that come late and change: loaded with their first use, and again while requests go on.
 * A build needs none, an outage of the vault signs nobody out, and what a removed key verified counts no more.
 */
import type { Duration } from '../../shared/define-session.js'
import { SessionError, type SessionErrorCode } from '../../shared/errors.js'
import { checkDuration, isUnset } from '../../shared/option-names.js'
import type { MaybePromise } from '../../shared/types.js'
import type { Secrets } from './hmac.js'

/** Called with the first use, after `reloadEvery` by the next request, and by `sessions.reload()`. */
export type SecretSource<Value = Secrets> = () => MaybePromise<Value>

/** What became of keys that were loaded: of key pairs how many there are now, and which signs; or a code. */
export interface KeysEvent {
  /** How many keys there are now. */
  keyCount?: number
  /** The id of the key that signs. */
  kid?: string
  /** Why they could not be loaded. */
  code?: SessionErrorCode
}

/** Keys that are loaded while they are used. */
export interface LoadedKeys {
  /** From now on, whenever keys are loaded or can't be. */
  listen(listener: (event: KeysEvent) => void): void
  /**
   * Loads the keys, and what they need, before the first request does.
   *
   * @throws {SessionError} `ERR_SESSION_KEYS` if that fails
   */
  ready(): Promise<void>
  /**
   * Loads the keys now. Requests go on with the ones before. Absent: they never change.
   *
   * @throws {SessionError} `ERR_SESSION_KEYS` if that fails; the last valid keys stay
   */
  reload?(): Promise<void>
}

export interface Loading<Value> {
  load(): Promise<Value>
  /** What an event says of them. */
  describe?(value: Value | undefined): KeysEvent
  /** Milliseconds after which they are loaded again, with the next request. */
  maxAge?: number | undefined
  /** Milliseconds after which what could not be loaded again is used no more. */
  maxStale?: number
  clock?: (() => Date) | undefined
}

/** A value that is loaded while requests go on. */
export interface Reloading<Value> extends Required<LoadedKeys> {
  /**
   * The value that counts now; loaded first, if there is none.
   *
   * @throws {SessionError} `ERR_SESSION_KEYS` if there is none yet, or only one that is too old
   */
  current(): Promise<Value>
  /**
   * A newer value than `old`, if one is being loaded or the last load began more than `cooldown` milliseconds ago (absent: only if
   * one is being loaded). Else, and if that fails, the last one.
   */
  newer(old: Value, cooldown?: number): Promise<Value>
  /** For signatures: works once more if another value was loaded meanwhile, because what a removed key signs is lost. */
  use<Result>(work: (value: Value) => Promise<Result>): Promise<Result>
}

/** Milliseconds of rest after a load that failed, so that not every request asks the source again. */
const RETRY_AFTER = 5000
const FAILED = 'ERR_SESSION_KEYS'
const FOREVER = Infinity

/**
 * The last valid value stays until there is a better one, and no request waits for a reload but the first, and one after a long
 * silence. Concurrent requests share one load.
 *
 * @param initial - a value that need not be loaded
 */
export function createReloading<Value>(loading: Loading<Value>, initial?: Value): Reloading<Value> {
  const { maxAge = FOREVER, maxStale = FOREVER, clock = () => new Date() } = loading
  const now = (): number => clock().getTime()
  const listeners: ((event: KeysEvent) => void)[] = []
  let value = initial
  let loadedAt = 0
  let triedAt = Number.NaN
  let cause: unknown
  let underway: Promise<void> | undefined

  /** Never fails: it leaves a `cause`. */
  function load(): Promise<void> {
    underway ??= attempt()
    return underway
  }

  async function attempt(): Promise<void> {
    triedAt = now()
    try {
      value = await loading.load()
      loadedAt = now()
      cause = undefined
    } catch (error) {
      cause = error ?? 'unknown'
    }
    underway = undefined
    const event: KeysEvent = { ...loading.describe?.(value), ...(cause !== undefined && { code: FAILED }) }
    // Keys may be loaded in no request at all: there is none that could fail for a listener.
    void Promise.allSettled(listeners.map(async (listener) => listener(event)))
  }

  /** Whether something was less than `period` ago. A clock that was set back says no. */
  function isRecent(time: number, period: number): boolean {
    const passed = now() - time
    return passed >= 0 && passed < period
  }

  async function current(): Promise<Value> {
    if (value !== undefined && (maxAge === FOREVER || isRecent(loadedAt, maxAge))) return value
    const isResting = cause !== undefined && isRecent(triedAt, RETRY_AFTER)
    const begun = isResting ? undefined : load()
    // A source that stands still holds up no request: only what begins after a silence is waited for.
    const isSilence = cause === undefined && triedAt - loadedAt >= 2 * maxAge
    if (value === undefined || isSilence || !isRecent(loadedAt, maxAge + maxStale)) await begun
    if (value !== undefined && now() - loadedAt < maxAge + maxStale) return value
    throw outage()
  }

  function outage(): SessionError {
    const why = cause instanceof SessionError ? cause.message : 'The keys could not be loaded'
    return new SessionError(FAILED, why, { cause })
  }

  return {
    current,
    async newer(old, cooldown) {
      const mayAsk = cooldown !== undefined && !isRecent(triedAt, cooldown)
      if (value === old && (underway || mayAsk)) await load()
      return value ?? old
    },
    async use(work) {
      const first = await current()
      const result = await work(first)
      return value === first || value === undefined ? result : await work(value)
    },
    listen: (listener) => void listeners.push(listener),
    async ready() {
      // It is no request, so it does not wait for the end of a rest.
      if (value === undefined) await load()
      await current()
    },
    async reload() {
      await underway
      await load()
      if (cause !== undefined) throw outage()
    },
  }
}

/** Milliseconds that a function may take. */
export const SOURCE_TIMEOUT = 10_000

/** Waits for keys, but not longer than `timeout` milliseconds. */
export async function inTime<T>(value: MaybePromise<T>, timeout: number, what = 'keys'): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`No ${what} within ${timeout} milliseconds`)), timeout)
  })
  return await Promise.race([value, late]).finally(() => clearTimeout(timer))
}

// Options of which some are secrets.

/** The options with their secrets. */
export type Known<Options> = { [Name in keyof Options]: Exclude<Options[Name], () => unknown> }

/** What the options make once their secrets are known. */
export interface LoadedSecrets<Made> extends Reloading<Made> {
  /** The same without its secrets. No value is signed or verified with it. */
  readonly shape: Made
}

/** In place of secrets for what needs none. */
const PLACEHOLDER = /* @__PURE__ */ 'there is no secret yet '.repeat(3)

export interface SecretOptions {
  readonly reloadEvery?: Duration | undefined
  /** What these hold may be files, which are read again. */
  readonly keys?: unknown
  readonly key?: unknown
}

/**
 * @param options - what `create` takes, each secret perhaps as a function
 * @param names - which of them are secrets
 * @param create - what it throws for secrets of a function is `ERR_SESSION_KEYS`
 * @returns undefined if no secret is a function
 * @throws {TypeError} for a mistake in the other options
 */
export function loadSecrets<Options extends SecretOptions, Made>(
  options: Options,
  names: readonly (keyof Options & string)[],
  create: (options: Known<Options>) => Made,
): LoadedSecrets<Made> | undefined {
  const sources = names.filter((name) => typeof options[name] === 'function')
  const { reloadEvery, ...others } = options
  if (sources.length === 0) {
    if (reloadEvery === undefined || options.keys !== undefined || options.key !== undefined) return undefined
    throw new TypeError('Option "reloadEvery" needs secrets from a function')
  }
  const make = (values: readonly unknown[]): Made =>
    create({ ...others, ...Object.fromEntries(sources.map((name, at) => [name, values[at]])) } as Known<Options>)
  const shape = make(sources.map((name) => (/fallbacks/i.test(name) ? [] : PLACEHOLDER)))
  const every = reloadEvery !== undefined && { maxAge: checkDuration(reloadEvery, 'reloadEvery') }
  let last: { text: string; made: Made } | undefined

  async function load(): Promise<Made> {
    const values = await Promise.all(sources.map((name) => secretOf(options, name)))
    const text = JSON.stringify(values, (_, value) => (value instanceof Uint8Array ? [...value] : value))
    // With the same secrets, what is remembered under them still counts.
    if (last?.text !== text) last = { text, made: await attempted(() => make(values)) }
    return last.made
  }

  return { ...createReloading({ load, ...every }), shape }
}

async function secretOf<Options extends object>(options: Options, name: keyof Options & string): Promise<unknown> {
  const source = options[name] as SecretSource<unknown>
  const value = await attempted(() => inTime(source(), SOURCE_TIMEOUT), `The function of option "${name}" failed`)
  if (!isUnset(value)) return value
  throw new SessionError(
    FAILED,
    `The function of option "${name}" returned undefined: is the environment variable set?`,
  )
}

/** @param message - default: that of the error. What is said to be wrong with options names them and holds none */
async function attempted<Value>(task: () => MaybePromise<Value>, message?: string): Promise<Value> {
  try {
    return await task()
  } catch (cause) {
    throw new SessionError(FAILED, message ?? (cause as Error).message, { cause })
  }
}
