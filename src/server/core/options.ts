/**
 * The options of `createSessions`, checked and made ready once.
 */
import {
  checkFields,
  DEFAULT_NAME,
  DEFINITION_OPTIONS,
  type Duration,
  type SessionDefinition,
} from '../../shared/define-session.js'
import { checkNames, type OptionNames, refusePresentUndefined } from '../../shared/option-names.js'
import type { SessionData } from '../../shared/types.js'
import { beakerJwt } from '../codecs/beaker-jwt.js'
import type { CodecContext, SessionCodec, SessionRecord } from '../codecs/codec.js'
import { createVerifiedCache, type VerifiedCache } from '../codecs/verified-cache.js'
import type { Secrets } from '../keys/hmac.js'
import type { KeysEvent, LoadedKeys, SecretSource } from '../keys/key-source.js'
import { createMutex, type Mutex } from '../mutex.js'
import type { SessionStore } from '../stores/store.js'
import {
  type AllowedPlace,
  allowedPlaces,
  type ChunkLimits,
  type CookieAttributes,
  type CookiePlace,
  type CookieWriter,
  createChunkLimits,
  createCookieWriter,
  shadowPlaces,
} from './cookies.js'
import { type CsrfKeys, createCsrfKeys } from './csrf.js'
import type { EmitEvent, SessionEventListener } from './events.js'
import { createExposure, type Expose, type Exposure, publicName } from './expose.js'
import { type PlainHttpWatch, watchPlainHttp } from './http.js'
import { createLifetimes, createTouch, type Lifetime, type NeedsTouch } from './lifetime.js'
import {
  createRules,
  type LifetimeFunction,
  putWish,
  type ReadCookieEnd,
  type ReadOwnTimes,
  type Rule,
  readCookieEnd,
  readOwnTimes,
} from './own-lifetime.js'
import type { Session, SessionOwner } from './session.js'
import { createRowReader, createRows, type RowReader, type Rows } from './store-rows.js'
import { createVersions, type Versions } from './versions.js'

export interface SessionsOptions<Data extends object = SessionData> extends CookieAttributes {
  expires?: boolean | Date | Duration | LifetimeFunction<Session<Data>>
  maxAge?: Duration | LifetimeFunction<Session<Data>>
  /** Name, type and timeouts, shared with the browser. Default: cookie `beaker.session.id`, no timeouts. */
  session?: SessionDefinition<Data>
  /** The first writes, all read. */
  codecs?: readonly SessionCodec[]
  /** Short for `codecs: [beakerJwt({ secrets })]`. */
  secrets?: Secrets | SecretSource
  /** With `secrets`: loads what a function returns again this often. Other codecs have the same option. */
  reloadEvery?: Duration
  /** Keeps the data: the cookie then only names the session, with what its codec adds. Default: the cookie holds the data. */
  store?: SessionStore
  /** What may scripts on the page see? Required: a list of keys, a function, `true` (all) or `false` (nothing). */
  expose: Expose<Data>
  /** How old the last access may get before the cookie is written anew: default one minute, 0 for each commit. */
  touchEvery?: Duration | false
  /**
   * Whether a session without the times that the timeouts count from is refused, as one that has expired. Default: as the codec
   * says, which is true for `compact` alone: tokens of PyJWT and old Beaker sessions often have none, and never time out.
   */
  requireTimes?: boolean
  /** When a session moves to the first codec and key: at once (default), with its next change, or never. */
  upgrade?: 'always' | 'on-change' | 'never'
  /** How many cookies a session that is too large for one may take, 1 to 4, if the codec's values can be split. Default 3. */
  chunks?: number
  /** Bytes that they may take together in the Cookie header. Default 8192. */
  headerBudget?: number
  /**
   * Which cookies of our name are expired in other places than ours, when a request has several: `true` (default) with a `domain` the
   * one of the host alone; a list names places where the application's own cookie once was. If ours is partitioned, the one without a
   * partition too, with each write; `false` expires none of them.
   */
  expireShadows?: boolean | readonly CookiePlace[]
  /**
   * Where a session may be that names its domain and path itself, as those of the codec `beaker` do. Default: in our own place, of the host
   * alone, and in the places of `expireShadows`. Our own place is always allowed, and any other session is written there.
   */
  allowedPlaces?: readonly AllowedPlace[]
  /**
   * Takes CSRF secrets out of the sessions that hold one (`_csrft_`, as pyramid_beaker writes it), so that their tokens are derived as those
   * of new sessions are. Set it when Python no longer reads the sessions. Default false.
   */
  deriveCsrf?: boolean
  /**
   * Lets a fresh session replace a value that verified and can't be read, as Beaker's `invalidate_corrupt` does. Default false: another
   * release may have written it, and only `regenerate()` or `destroy()` replaces it. It stays if another value verified, too.
   */
  replaceUnreadable?: boolean
  /** `observe` writes nothing and reports what it would do: the safe first step on live traffic. */
  mode?: 'write' | 'observe'
  /** Only `load`: the codecs need no keys to sign with. */
  readOnly?: boolean
  on?: SessionEventListener
  /** The present time, for tests. */
  clock?: () => Date
}

/** The options of `verifySessions`, for a service that only reads. */
export interface VerifyOptions<Data extends object = SessionData> {
  /** Name, type and timeouts, shared with the browser. Default: cookie `beaker.session.id`, no timeouts. */
  session?: SessionDefinition<Data>
  /** All of them read. */
  codecs: readonly SessionCodec[]
  /** Where the data is, if the cookie only names the session. */
  store?: SessionStore
  /**
   * Whether a session without the times that the timeouts count from is refused, as one that has expired. Default: as the codec
   * says, which is true for `compact` alone: tokens of PyJWT and old Beaker sessions often have none, and never time out.
   */
  requireTimes?: boolean
  on?: SessionEventListener
  /** The present time, for tests. */
  clock?: () => Date
}

/** Options made ready, as far as loading needs them. */
export interface LoadSettings {
  readonly name: string
  readonly publicName: string
  readonly codecs: readonly SessionCodec[]
  /** Signs the public cookie; absent if there is none. */
  readonly publicCodec: SessionCodec | undefined
  /** What the last public cookies say. */
  readonly publicRecords: VerifiedCache<SessionRecord>
  readonly ownTimes: ReadOwnTimes
  /** Absent if nothing is ever written. */
  readonly putWish?: SessionOwner['putWish']
  /** The rules of a session with this data. */
  lifetimeOf(data: SessionData): Lifetime
  /** Undefined: as each codec says. */
  readonly requireTimes: boolean | undefined
  /** A fresh session may replace a value that verified and can't be read. */
  readonly replaceUnreadable: boolean
  /** A codec splits values over several cookies. */
  readonly joinsChunks: boolean
  readonly csrf: CsrfKeys
  /** Of the codecs and the store. */
  readonly loadedKeys: readonly LoadedKeys[]
  /** The store, if there is one. */
  readonly rows: RowReader | undefined
  readonly versions: Versions
  readonly clock: () => Date
  /** Absent if no one listens. */
  readonly emit: EmitEvent | undefined
}

/** Options made ready, as a commit needs them. */
export interface Settings extends LoadSettings {
  readonly rows: Rows | undefined
  readonly exposure: Exposure
  readonly needsTouch: NeedsTouch
  readonly cookieEnd: ReadCookieEnd
  /** Asks the functions of `maxAge` and `expires` for one write; absent if there are none. */
  readonly askRules: ((session: Session<object>, data: SessionData) => Rule) | undefined
  readonly cookies: CookieWriter
  readonly chunkLimits: ChunkLimits
  readonly plainHttp: PlainHttpWatch
  readonly upgrade: 'always' | 'on-change' | 'never'
  readonly observe: boolean
  /** An application may save and destroy one session without waiting in between: the second waits for the first. */
  readonly turns: Mutex<Session<object>>
}

/** What codecs are told of the session cookie. */
export function contextOf({ name }: LoadSettings, purpose: CodecContext['purpose'], now: Date): CodecContext {
  return { cookieName: name, purpose, now }
}

export const VERIFY_OPTIONS: OptionNames<VerifyOptions> = {
  session: 1,
  codecs: 1,
  store: 1,
  requireTimes: 'switch',
  on: 1,
  clock: 1,
}

const OPTIONS: OptionNames<SessionsOptions> = {
  ...VERIFY_OPTIONS,
  secrets: 1,
  reloadEvery: 1,
  expose: 1,
  touchEvery: 1,
  upgrade: 1,
  chunks: 1,
  headerBudget: 1,
  expireShadows: 1,
  allowedPlaces: 1,
  deriveCsrf: 'switch',
  replaceUnreadable: 'switch',
  mode: 1,
  readOnly: 'switch',
  path: 1,
  domain: 1,
  secure: 'switch',
  sameSite: 1,
  expires: 1,
  maxAge: 1,
  partitioned: 'switch',
  priority: 1,
  embedded: 'switch',
}

/** @throws {TypeError} for an option that does not exist, or belongs elsewhere */
export function checkSessionsOptions<Options extends object>(
  options: Options,
  known: OptionNames<Options>,
  owner: string,
): void {
  // What both sides need. Here it would be ignored, and a session without its timeout never ends.
  for (const option of DEFINITION_OPTIONS.split(', ')) {
    if (Object.hasOwn(options ?? {}, option))
      throw new TypeError(`Option "${option}" belongs in defineSession(): pass that as "session"`)
  }
  if (Object.hasOwn(options ?? {}, 'httpOnly')) {
    throw new TypeError('Option "httpOnly" does not exist: "expose" decides what scripts can read')
  }
  checkNames(options, known, owner)
  // As two modules that import each other leave it: without them the session would have no timeout, and the cookie would have the data.
  for (const option of ['session', 'store'] as const) {
    const isUnset = option in options && (options as Partial<VerifyOptions>)[option] === undefined
    if (isUnset) throw new TypeError(`Option "${option}" is undefined: leave it out if you want none`)
  }
}

/** @throws {TypeError} naming the option that is wrong */
export function settleLoading<Data extends object>(
  options: VerifyOptions<Data> & Pick<SessionsOptions<Data>, 'deriveCsrf' | 'replaceUnreadable' | 'mode'>,
): LoadSettings {
  const {
    session = Object.freeze({ name: DEFAULT_NAME }) as SessionDefinition<Data>,
    clock = () => new Date(),
    mode,
  } = options
  if (!isDefinition(session)) throw new TypeError('Option "session" must come from defineSession()')
  checkCodecs(options.codecs)
  refuseBareIds(options.codecs, options.store)
  const { name, fields, sessionField } = session
  if (fields && sessionField !== undefined) checkFields(fields, sessionField)
  const codecs = options.codecs.map((codec) => (fields && codec.forSession?.(session)) ?? codec)
  const { requireTimes } = options
  const emit = emitter(options.on, { cookie: name, clock, observe: mode === 'observe' })
  const publicRecords = createVerifiedCache<SessionRecord>()
  const owners = [...codecs, ...(options.store ? [options.store] : [])]
  for (const [index, { name: codec, keys }] of owners.entries()) {
    keys?.listen((event: KeysEvent) => {
      publicRecords.clear()
      emit?.({ type: 'keys', ...(index < codecs.length && { codec, codecIndex: index }), ...event })
    })
  }
  const ownTimes = readOwnTimes(options.store)
  const lifetimes = createLifetimes(session)
  return {
    name,
    publicName: publicName(name),
    codecs,
    publicCodec: undefined,
    publicRecords,
    ownTimes,
    lifetimeOf: (data) => lifetimes.of(ownTimes(data)),
    requireTimes,
    replaceUnreadable: options.replaceUnreadable === true,
    joinsChunks: codecs.some((codec) => codec.chunks),
    loadedKeys: owners.flatMap(({ keys }) => keys ?? []),
    csrf: createCsrfKeys(codecs, name, options.deriveCsrf === true),
    rows: options.store === undefined ? undefined : createRowReader(options.store),
    versions: createVersions(),
    clock,
    emit,
  }
}

/** As `defineSession` makes one: frozen, with times in milliseconds. Written by hand, a time that is text would never come. */
function isDefinition(session: SessionDefinition<object> | null): boolean {
  if (typeof session?.name !== 'string' || !Object.isFrozen(session)) return false
  const { idleTimeout = 1, absoluteTimeout = 1 } = session
  const isKnown = (name: string): boolean => name.startsWith('~') || DEFINITION_OPTIONS.includes(name)
  return [idleTimeout, absoluteTimeout].every(Number.isFinite) && Object.keys(session).every(isKnown)
}

/** @throws {TypeError} for anything but a list of codecs */
function checkCodecs(codecs: readonly SessionCodec[]): void {
  if (!Array.isArray(codecs)) throw new TypeError('Option "codecs" must be a list of codecs')
  if (codecs.length === 0) throw new TypeError('Option "codecs" is empty')
  const isCodec = (codec: SessionCodec | undefined): boolean => typeof codec?.verify === 'function'
  if (!codecs.every(isCodec)) throw new TypeError('Option "codecs" contains something that is not a codec')
}

/** @throws {TypeError} naming the option that is wrong */
export function settle<Data extends object>(options: SessionsOptions<Data>): Settings {
  checkSessionsOptions(options as SessionsOptions, OPTIONS, 'createSessions')
  const { upgrade = 'always', mode = 'write' } = options
  oneOf('upgrade', upgrade, ['always', 'on-change', 'never'])
  oneOf('mode', mode, ['write', 'observe'])
  const codecs = codecList(options)
  if (options.deriveCsrf && !codecs.some(({ deriveKeys }) => deriveKeys)) {
    throw new TypeError('Option "deriveCsrf" needs a codec with secrets')
  }
  const [writer] = codecs
  if (options.store !== undefined && !options.readOnly && writer?.keepsId === false) {
    throw new TypeError(`Option "store" needs a codec that keeps the session's id; ${writer.name} does not`)
  }
  // What reads only shows nothing to a page.
  const loading = settleLoading({ ...options, codecs })
  const exposure = createExposure(options.readOnly ? (options.expose ?? false) : options.expose, loading.ownTimes)
  const { name, emit } = loading
  const publicCodec = exposure.publicData && loading.codecs.find((codec) => codec.readable && codec.sign)
  if (exposure.publicData && !publicCodec && !options.readOnly) {
    throw new TypeError(
      'Option "expose" needs a codec that browsers can read; none of "codecs" is, so set expose: false',
    )
  }
  const shadows = shadowPlaces(options.expireShadows ?? true, options)
  // Such a name has one place, with and without a partition.
  const isPossible = ({ domain, path }: CookiePlace): boolean =>
    !name.toLowerCase().startsWith('__host-') || (domain === undefined && path === '/')
  return {
    ...loading,
    rows: options.store === undefined ? undefined : createRows(options.store, { clock: loading.clock, emit }),
    publicCodec,
    exposure,
    putWish,
    needsTouch: createTouch(options.touchEvery, options.session?.idleTimeout),
    cookieEnd: readCookieEnd(options.store),
    askRules: createRules(['maxAge', options.maxAge], ['expires', options.expires]),
    cookies: createCookieWriter(
      options,
      [name, publicName(name)],
      shadows.filter(isPossible),
      allowedPlaces(options.allowedPlaces, options, shadows).filter(isPossible),
    ),
    chunkLimits: createChunkLimits(options),
    plainHttp: watchPlainHttp(name, options.secure ?? true, emit),
    upgrade,
    observe: mode === 'observe',
    turns: createMutex(),
  }
}

/** A bare id is only a name of a row, and must not be readable in the value of another codec. */
function refuseBareIds(codecs: readonly SessionCodec[], store: SessionStore | undefined): void {
  for (const { name, bareId } of codecs) {
    if (!bareId) continue
    if (store === undefined)
      throw new TypeError(`Option "store" is missing: ${name} needs one, its cookie is only a key`)
    const other = codecs.find((codec) => !codec.bareId && codec.keepsId !== false)
    if (other && bareId === 'alone') {
      throw new TypeError(
        `${name} beside ${other.name} needs allowBareKey: true. A key copied from ${other.name} works without its signature`,
      )
    }
  }
}

function codecList(
  options: Pick<SessionsOptions, 'codecs' | 'secrets' | 'reloadEvery' | 'readOnly'>,
): readonly SessionCodec[] {
  const { codecs, secrets, reloadEvery, readOnly = false } = options
  if ((codecs === undefined) === (secrets === undefined)) {
    if (codecs === undefined) refusePresentUndefined(options, 'secrets', 'codecs')
    throw new TypeError('Give createSessions either "codecs" or "secrets"')
  }
  if (codecs && reloadEvery !== undefined) throw new TypeError('Option "reloadEvery" belongs to the codecs')
  const list = codecs ?? [beakerJwt({ secrets: secrets as Secrets, ...(reloadEvery !== undefined && { reloadEvery }) })]
  checkCodecs(list)
  const [writer] = list as [SessionCodec]
  if (!writer.sign && !readOnly) {
    throw new TypeError(
      `The first codec, ${writer.name}, cannot sign: put one that can sign before it, or set readOnly: true`,
    )
  }
  return list
}

function emitter(
  on: SessionEventListener | undefined,
  { cookie, clock, observe }: { cookie: string; clock: () => Date; observe: boolean },
): EmitEvent | undefined {
  if (on === undefined) return undefined
  if (typeof on !== 'function') throw new TypeError('Option "on" must be a function')
  return (event) => {
    const isWrite = !['read', 'rejected', 'shadowed', 'keys', 'insecure'].includes(event.type)
    on({ ...event, cookie, time: clock(), ...(observe && isWrite ? { observed: true } : {}) })
  }
}

function oneOf(option: string, value: string, allowed: readonly string[]): void {
  if (!allowed.includes(value)) throw new TypeError(`Option "${option}" must be one of ${allowed.join(', ')}`)
}
