/**
 * The options of `createSessions`, checked and made ready once.
 */
import {
  checkFields,
  DEFINITION_OPTIONS,
  type Duration,
  defineSession,
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
import { copyOf } from '../values.js'
import { authenticate, regenerate } from './authentication.js'
import type { Bound, BoundOptions } from './bound.js'
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
import { addFlash } from './flash.js'
import { type PlainHttpWatch, watchPlainHttp } from './http.js'
import { createLifetimes, createTouch, type Lifetime, type LifetimeOptions, type NeedsTouch } from './lifetime.js'
import { createFlights, createOnce, type Flights } from './once.js'
import {
  createPutWish,
  createRules,
  type LifetimeFunction,
  otherSideOf,
  type ReadCookieEnd,
  type ReadOwnTimes,
  type Rule,
  readCookieEnd,
  readOwnTimes,
} from './own-lifetime.js'
import { createOwner, type Owner, type ReadOwner } from './owner.js'
import type { Revocation } from './revocation.js'
import type { OnInvalid, SchemaSource } from './schema.js'
import type { Session, SessionOwner } from './session.js'
import { createRowReader, createRows, type RowReader, type Rows } from './store-rows.js'
import { checkTenant, readerOfTenant, rowOwners, rowsOfTenant, tenantWarnings } from './tenant.js'
import { createVersions, type Versions } from './versions.js'

/** The options of `createSessions`. Required are `expose`, here or in the definition, and `codecs` or `secrets`. */
export interface SessionsOptions<Data extends object = SessionData, Parsed = unknown> extends CookieAttributes {
  /** As in `CookieAttributes`; a function gets the session. */
  expires?: boolean | Date | Duration | LifetimeFunction<Session<Data>>
  /** As in `CookieAttributes`; a function gets the session. */
  maxAge?: Duration | LifetimeFunction<Session<Data>>
  /**
   * Name, type and timeouts, shared with the browser.
   *
   * @defaultValue cookie `beaker.session.id`, 14 days without a request
   */
  session?: SessionDefinition<Data, unknown, Parsed>
  /** The first writes, all read. */
  codecs?: readonly SessionCodec[]
  /** Short for `codecs: [beakerJwt({ secrets })]`. */
  secrets?: Secrets | SecretSource
  /** With `secrets`: loads what a function returns again this often. Other codecs have the same option. */
  reloadEvery?: Duration
  /**
   * Whose sessions these are, for applications or customers that share code: enters what `compact`, public cookies, CSRF tokens and rows
   * are bound to. The formats of Python have no place for it: there each tenant needs its own keys. Usually given to `with()`.
   */
  tenant?: string
  /**
   * Who a session belongs to, told by its data: `(data) => data.user`. `session.owner` gives it. A whole number counts as its text;
   * undefined, null and an empty text: nobody is signed in.
   */
  owner?: Owner<Data>
  /**
   * Ends sessions that are valid by themselves: `createRevocations()`, or an object with `isRevoked(session)`, asked at each load. A session
   * that is revoked counts as one that has expired.
   */
  revocation?: Revocation<Data>
  /**
   * Binds sessions to the browser's device, so that a stolen cookie is useless minutes later.
   *
   * @defaultValue no session is bound
   */
  bound?: BoundOptions<Data>
  /**
   * Keeps the data: the cookie then only names the session, with what its codec adds.
   *
   * @defaultValue the cookie holds the data
   */
  store?: SessionStore
  /**
   * What may scripts on the page see? Required, here or in the definition and not in both: a list of keys, a function, `true` (all) or
   * `false` (nothing).
   */
  expose: Expose<Data>
  /**
   * How old the last access may get before the cookie is written anew.
   *
   * @defaultValue one minute, 0 for each commit
   */
  touchEvery?: Duration | false
  /**
   * Whether a session without the times that the timeouts count from is refused, as one that has expired.
   *
   * @defaultValue as the codec says, which is true for `compact` and `jwe`: tokens of PyJWT and old Beaker sessions
   *   often have none, and never time out
   */
  requireTimes?: boolean
  /**
   * When a session moves to the first codec and key: at once, with its next change, or never.
   *
   * @defaultValue `always`
   */
  upgrade?: 'always' | 'on-change' | 'never'
  /**
   * How many cookies a session that is too large for one may take, 1 to 4, if the codec's values can be split.
   *
   * @defaultValue 3
   */
  chunks?: number
  /**
   * Bytes that they may take together in the Cookie header.
   *
   * @defaultValue 8192
   */
  headerBudget?: number
  /**
   * Which cookies of our name are expired in other places than ours, when a request has several: `true` with a
   * `domain` the one of the host alone; a list names places where the application's own cookie once was. If ours is
   * partitioned, the one without a partition too, with each write; `false` expires none of them.
   *
   * @defaultValue `true`
   */
  expireShadows?: boolean | readonly CookiePlace[]
  /**
   * Where a session may be that names its domain and path itself, as those of the codec `beaker` do. Our own place is
   * always allowed, and any other session is written there.
   *
   * @defaultValue in our own place, of the host alone, and in the places of `expireShadows`
   */
  allowedPlaces?: readonly AllowedPlace[]
  /**
   * Takes CSRF secrets out of the sessions that hold one (`_csrft_`, as pyramid_beaker writes it), so that their
   * tokens are derived as those of new sessions are. Set it when Python no longer reads the sessions.
   *
   * @defaultValue false
   */
  deriveCsrf?: boolean
  /**
   * Lets a fresh session replace a value that verified and can't be read, as Beaker's `invalidate_corrupt` does. It
   * stays if another value verified, too.
   *
   * @defaultValue false: another release may have written it, and only `regenerate()` or `destroy()` replaces it
   */
  replaceUnreadable?: boolean
  /**
   * What becomes of a session whose data the definition's schema refuses: `'reject'` protects its cookie until
   * `regenerate()` or `destroy()`, `'fresh'` lets a fresh session replace it, and a function repairs a copy of the
   * data, or returns undefined to reject it.
   *
   * @defaultValue `'reject'`
   */
  onInvalid?: OnInvalid
  /**
   * `observe` writes nothing and reports what it would do: the safe first step on live traffic.
   *
   * @defaultValue `write`
   */
  mode?: 'write' | 'observe'
  /**
   * Only `load`: the codecs need no keys to sign with.
   *
   * @defaultValue false
   */
  readOnly?: boolean
  /** Called for every event: what was read, written, rejected. docs/observability.md has ready listeners. */
  on?: SessionEventListener
  /** The present time, for tests. */
  clock?: () => Date
}

/** The options of `verifySessions`, for a service that only reads. */
export interface VerifyOptions<Data extends object = SessionData, Parsed = unknown> {
  /**
   * Name, type and timeouts, shared with the browser.
   *
   * @defaultValue cookie `beaker.session.id`, 14 days without a request
   */
  session?: SessionDefinition<Data, unknown, Parsed>
  /** All of them read. */
  codecs: readonly SessionCodec[]
  /** Where the data is, if the cookie only names the session. */
  store?: SessionStore
  /** Whose sessions these are, as it was given to `createSessions`. */
  tenant?: string
  /**
   * Who a session belongs to, told by its data: `(data) => data.user`. `session.owner` gives it. A whole number counts as its text;
   * undefined, null and an empty text: nobody is signed in.
   */
  owner?: Owner<Data>
  /**
   * Ends sessions that are valid by themselves: `createRevocations()`, or an object with `isRevoked(session)`, asked at each load. A session
   * that is revoked counts as one that has expired.
   */
  revocation?: Revocation<Data>
  /**
   * Whether a session without the times that the timeouts count from is refused, as one that has expired.
   *
   * @defaultValue as the codec says, which is true for `compact` and `jwe`: tokens of PyJWT and old Beaker sessions
   *   often have none, and never time out
   */
  requireTimes?: boolean
  /** What becomes of a session whose data the definition's schema refuses, as in `createSessions`; nothing is replaced here. */
  onInvalid?: OnInvalid
  /** Called for every event: what was read or rejected. */
  on?: SessionEventListener
  /** The present time, for tests. */
  clock?: () => Date
}

/**
 * The options that `with()` takes: those of `createSessions` but for the definition, `expose` and `readOnly`. Undefined: as if it had not
 * been given to `createSessions`.
 */
export type SessionsChanges<Data extends object = SessionData> = {
  [Option in Exclude<keyof SessionsOptions<Data>, 'session' | 'expose' | 'readOnly'>]?:
    | SessionsOptions<Data>[Option]
    | (Option extends 'codecs' | 'secrets' | 'store' | 'tenant' ? never : undefined)
}

/** Options made ready, as far as loading needs them. */
export interface LoadSettings extends SessionOwner {
  readonly name: string
  readonly tenant: string | undefined
  /** Beside those of the codecs. */
  readonly warnings: readonly string[]
  /** Data as it was loaded, for a commit to compare with. Absent where nothing is written. */
  readonly copyForCommit?: (data: SessionData) => SessionData
  /** The codecs and stores that are listened to, by all sessions that `with()` makes. */
  readonly heard: WeakSet<object>
  readonly publicName: string
  readonly codecs: readonly SessionCodec[]
  /** Signs the public cookie; absent if there is none. */
  readonly publicCodec: SessionCodec | undefined
  /** A warning, if sessions have no end at all. */
  readonly endless: readonly string[]
  readonly ownTimes: ReadOwnTimes
  readonly revocation: Revocation | undefined
  /** The rules of a session with this data. */
  lifetimeOf(data: SessionData): Lifetime
  /** Undefined: as each codec says. */
  readonly requireTimes: boolean | undefined
  /** Absent if the definition has none. */
  readonly schema: SchemaSource | undefined
  /** A fresh session may replace a value that verified and can't be read. */
  readonly replaceUnreadable: boolean
  /** A codec splits values over several cookies. */
  readonly joinsChunks: boolean
  readonly csrf: CsrfKeys
  /** Of the codecs and the store. */
  readonly loadedKeys: readonly LoadedKeys[]
  /** The store, if there is one. */
  readonly rows: RowReader | undefined
  /** Absent where nothing is written. */
  readonly versions: Versions | undefined
  /** Absent if no one listens. */
  readonly emit: EmitEvent | undefined
}

/** Sessions of other keys are others, even if they have the same id. */
type AllFlights = WeakMap<SessionCodec, Flights>
type PublicRecords = WeakMap<SessionCodec, VerifiedCache<SessionRecord>>

/** Options made ready, as a commit needs them. */
export interface Settings extends LoadSettings {
  readonly versions: Versions
  /** What they were made of. */
  readonly options: SessionsOptions
  /** What the last public cookies say. */
  readonly publicRecords: VerifiedCache<SessionRecord> | undefined
  /** The same for each codec, of all sessions that `with()` makes. */
  readonly allPublicRecords: PublicRecords
  /** The work of `session.once` that this process does, for each first codec, of all sessions that `with()` makes. */
  readonly allFlights: AllFlights
  readonly rows: Rows | undefined
  /** For all sessions of an owner: the store's name, its rows by their own ids, and who a row belongs to. */
  readonly owned: {
    readonly store: string | undefined
    readonly rows: Rows | undefined
    readonly ownerOf: ReadOwner | undefined
  }
  readonly exposure: Exposure
  readonly needsTouch: NeedsTouch
  readonly cookieEnd: ReadCookieEnd
  /** Asks the functions of `maxAge` and `expires` for one write; absent if there are none. */
  readonly askRules: ((session: Session<object>, data: SessionData) => Rule) | undefined
  readonly cookies: CookieWriter
  readonly secure: boolean
  readonly chunkLimits: ChunkLimits
  readonly plainHttp: PlainHttpWatch
  readonly upgrade: 'always' | 'on-change' | 'never'
  readonly observe: boolean
  /** An application may save and destroy one session without waiting in between: the second waits for the first. */
  readonly turns: Mutex<Session<object>>
  /** Absent without the option. */
  readonly bound?: Bound | undefined
}

/** What codecs are told of the session cookie. */
export function contextOf({ name, tenant }: LoadSettings, purpose: CodecContext['purpose'], now: Date): CodecContext {
  return { cookieName: name, tenant, purpose, now }
}

export const VERIFY_OPTIONS: OptionNames<VerifyOptions> = {
  session: 1,
  codecs: 1,
  store: 1,
  tenant: 1,
  owner: 'function',
  revocation: 1,
  requireTimes: 'switch',
  onInvalid: 1,
  on: 'function',
  clock: 'function',
}

// Not spread: a bundler keeps that where only `verifySessions` is called.
const OPTIONS: OptionNames<SessionsOptions> = /* @__PURE__ */ Object.assign({}, VERIFY_OPTIONS, {
  secrets: 1,
  reloadEvery: 1,
  expose: 1,
  bound: 1,
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
} satisfies OptionNames<Omit<SessionsOptions, keyof VerifyOptions>>)

/** @throws {TypeError} for an option that does not exist, or belongs elsewhere */
export function checkSessionsOptions<Options extends object>(
  options: Options,
  known: OptionNames<Options>,
  owner: string,
): void {
  // What both sides need. Here it would be ignored, and a session without its timeout never ends.
  for (const option of DEFINITION_OPTIONS.split(', ')) {
    if (option !== 'expose' && Object.hasOwn(options ?? {}, option))
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

/** What settings of almost the same options have already. */
export type Kept = {
  [Part in 'codecs' | 'heard' | 'csrf' | 'emit' | 'warnings']?: LoadSettings[Part] | undefined
}

/** @throws {TypeError} naming the option that is wrong */
export function settleLoading<Data extends object>(
  options: VerifyOptions<Data> & Pick<SessionsOptions<Data>, 'deriveCsrf' | 'replaceUnreadable' | 'mode'>,
  kept: Kept = {},
): LoadSettings {
  const { session = defineSession<Data>({}), clock = () => new Date(), mode } = options
  if (!isDefinition(session)) throw new TypeError('Option "session" must come from defineSession()')
  const tenant = checkTenant(options)
  checkCodecs(options.codecs)
  refuseBareIds(options.codecs, options.store)
  const { name, fields, sessionField } = session
  if (fields && sessionField !== undefined) checkFields(fields, sessionField)
  const codecs = kept.codecs ?? options.codecs.map((codec) => (fields && codec.forSession?.(session)) ?? codec)
  const { requireTimes } = options
  const timeouts = timeoutsOf(session, codecs, options.store)
  const lifetimes = createLifetimes(timeouts)
  const { owner } = options
  const revocation = options.revocation as Revocation | undefined
  const ends = codecs.every(({ valueEnd }) => valueEnd)
  if (revocation !== undefined && typeof revocation?.isRevoked !== 'function') {
    throw new TypeError('Option "revocation" needs isRevoked()')
  }
  revocation?.fits?.({ hasOwner: owner !== undefined, ...timeouts, codecs })
  const reader = options.store === undefined ? undefined : createRowReader(options.store)
  const emit = kept.emit ?? emitter(options.on, { cookie: name, clock, observe: mode === 'observe' })
  const heard = kept.heard ?? new WeakSet()
  const owners = [...codecs, ...(options.store ? [options.store] : [])]
  if (emit) listenTo(owners, codecs.length, { heard, emit })
  const ownTimes = readOwnTimes(otherSideOf(codecs, options.store))
  return {
    name,
    tenant,
    warnings: kept.warnings ?? [],
    heard,
    publicName: publicName(name),
    codecs,
    publicCodec: undefined,
    endless: lifetimes.of(undefined).isEndless && !ends ? [ENDLESS] : [],
    ownTimes,
    ownerOf: createOwner(owner),
    revocation,
    shown: {
      expose: session.expose ?? false,
      isReadable: codecs[0]?.readable === true,
      hasStore: options.store !== undefined,
    },
    lifetimeOf: (data) => lifetimes.of(ownTimes(data)),
    requireTimes,
    schema: session.schema || options.onInvalid ? { definition: session, ...options } : undefined,
    replaceUnreadable: options.replaceUnreadable === true,
    joinsChunks: codecs.some((codec) => codec.chunks),
    loadedKeys: owners.flatMap(({ keys }) => keys ?? []),
    csrf: kept.csrf ?? createCsrfKeys(codecs, { cookieName: name, tenant }, options.deriveCsrf === true),
    rows: reader && tenant !== undefined ? readerOfTenant(reader, tenant) : reader,
    versions: undefined,
    clock,
    emit,
  }
}

/** Once to each codec and store, however many sessions use it. */
function listenTo(
  owners: readonly (SessionCodec | SessionStore)[],
  codecs: number,
  { heard, emit }: { heard: LoadSettings['heard']; emit: EmitEvent },
): void {
  for (const [index, owner] of owners.entries()) {
    if (heard.has(owner)) continue
    heard.add(owner)
    const codec = index < codecs && { codec: owner.name, codecIndex: index }
    owner.keys?.listen((event: KeysEvent) => emit({ type: 'keys', ...codec, ...event }))
  }
}

/** The first codec that browsers can read signs the public cookie; without one, the first that has another for it. */
function publicCodecOf(codecs: readonly SessionCodec[]): SessionCodec | undefined {
  return codecs.find((codec) => codec.readable && codec.sign) ?? codecs.find((codec) => codec.publicCodec)?.publicCodec
}

/** With keys that change nothing of it counts. */
function publicRecordsOf(codec: SessionCodec, all: PublicRecords): VerifiedCache<SessionRecord> {
  const known = all.get(codec)
  if (known) return known
  const records = createVerifiedCache<SessionRecord>()
  codec.keys?.listen(() => records.clear())
  all.set(codec, records)
  return records
}

const ENDLESS = 'Sessions never expire on the server: set idleTimeout or absoluteTimeout in defineSession()'

/** What another system configures counts before the default of definitions. */
function timeoutsOf(
  { idleTimeout, absoluteTimeout, '~': byDefault }: SessionDefinition<unknown, unknown>,
  [writer]: readonly SessionCodec[],
  store: SessionStore | undefined,
): LifetimeOptions {
  return { idleTimeout: (byDefault && (store ?? writer)?.idleTimeout) || idleTimeout, absoluteTimeout }
}

/** As `defineSession` makes one: frozen, with its mark, and with times in milliseconds. Written by hand, a time that is text would never come. */
function isDefinition(session: SessionDefinition<unknown> | null): boolean {
  if (session?.['~'] === undefined || !Object.isFrozen(session)) return false
  const { idleTimeout = 1, absoluteTimeout = 1 } = session
  const isKnown = (name: string): unknown =>
    session.schema || name.startsWith('~') || DEFINITION_OPTIONS.split(', ').includes(name)
  return [idleTimeout, absoluteTimeout].every(Number.isFinite) && Object.keys(session).every(isKnown)
}

/** @throws {TypeError} for anything but a list of codecs */
function checkCodecs(codecs: readonly SessionCodec[]): void {
  if (!Array.isArray(codecs)) throw new TypeError('Option "codecs" must be a list of codecs')
  if (codecs.length === 0) throw new TypeError('Option "codecs" is empty')
  const isCodec = (codec: SessionCodec | undefined): boolean => typeof codec?.verify === 'function'
  if (!codecs.every(isCodec)) throw new TypeError('Option "codecs" contains something that is not a codec')
}

/** @throws {TypeError} if it is in the definition, too */
function exposeOf<Data extends object>({ session, expose, readOnly }: SessionsOptions<Data>): Expose<Data> {
  // What reads only shows nothing to a page.
  if (session?.expose === undefined) return readOnly ? (expose ?? false) : expose
  if (expose !== undefined) throw new TypeError('Option "expose" is in defineSession() already: one place decides')
  return session.expose as Expose<Data>
}

/**
 * The options of sessions with some changes.
 *
 * @throws {TypeError} for an option that does not exist or can't change, and for keys, a store or a tenant that is present and undefined
 */
export function changedOptions(from: SessionsOptions, changes: object): SessionsOptions {
  for (const [option, cure] of Object.entries(UNCHANGEABLE)) {
    if (Object.hasOwn(changes ?? {}, option)) throw new TypeError(`with() does not change "${option}": ${cure}`)
  }
  for (const option of DEFINITION_OPTIONS.split(', ')) {
    if (Object.hasOwn(changes ?? {}, option)) {
      throw new TypeError(`with() does not change "${option}" of defineSession(): ${UNCHANGEABLE.session}`)
    }
  }
  checkNames(changes as SessionsOptions, OPTIONS, 'with')
  refusePresentUndefined(changes as SessionsOptions, 'codecs', 'secrets')
  const isStoreUnset = 'store' in changes && changes.store === undefined
  if (isStoreUnset) throw new TypeError('Option "store" is undefined: leave it out if it stays')
  return { ...from, ...('secrets' in changes && { codecs: undefined }), ...changes } as SessionsOptions
}

/** What stays as `createSessions` was given it, with what to do instead. */
const UNCHANGEABLE = {
  session: 'the page knows the definition, too. Another one needs its own createSessions()',
  expose: 'the page counts on it. A function of the data can show different fields',
  readOnly: 'call createSessions() with it, or verifySessions()',
}

/** Tells which options are as they were. */
function sameAs(from: Settings | undefined, options: object): (...names: readonly string[]) => boolean {
  const [before, now] = [from?.options, options] as [Record<string, unknown> | undefined, Record<string, unknown>]
  return (...names) => before !== undefined && names.every((name) => before[name] === now[name])
}

/** What did not change. */
function keptOf(
  from: Settings,
  options: Pick<SessionsOptions, 'store' | 'tenant'> & { codecs: readonly SessionCodec[] },
): Kept {
  const isSame = sameAs(from, options)
  const { codecs, tenant } = options
  const before = from.options.codecs ?? []
  const keepsCodecs = codecs.length === before.length && codecs.every((codec, at) => codec === before[at])
  const keepsTenant = keepsCodecs && tenant === from.tenant
  const shared = codecs.filter((codec) => before.includes(codec))
  return {
    codecs: keepsCodecs ? from.codecs : undefined,
    heard: from.heard,
    csrf: keepsTenant && isSame('deriveCsrf') ? from.csrf : undefined,
    emit: isSame('on', 'clock', 'mode') ? from.emit : undefined,
    warnings: keepsTenant ? from.warnings : tenantWarnings(tenant, shared, options.store !== undefined),
  }
}

/**
 * @param from - settings of almost the same options: what did not change is taken from there
 * @throws {TypeError} naming the option that is wrong
 */
export function settle<Data extends object>(given: SessionsOptions<Data>, from?: Settings): Settings {
  if (!from) checkSessionsOptions(given as SessionsOptions, OPTIONS, 'createSessions')
  const { upgrade = 'always', mode = 'write' } = given
  oneOf('upgrade', upgrade, ['always', 'on-change', 'never'])
  oneOf('mode', mode, ['write', 'observe'])
  const options: WithCodecs<Data> = { ...given, codecs: codecList(given), secrets: undefined, reloadEvery: undefined }
  const { codecs } = options
  if (options.deriveCsrf && !codecs.some(({ deriveKeys }) => deriveKeys)) {
    throw new TypeError('Option "deriveCsrf" needs a codec with secrets')
  }
  const [writer] = codecs
  if (options.store !== undefined && !options.readOnly && writer?.keepsId === false) {
    throw new TypeError(`Option "store" needs a codec that keeps the session's id; ${writer.name} does not`)
  }
  const loading = settleLoading(options, from && keptOf(from, options))
  const exposure =
    from && from.options.store === options.store && from.codecs === loading.codecs
      ? from.exposure
      : createExposure(exposeOf(given), loading.ownTimes)
  const { emit, tenant } = loading
  const publicCodec = exposure.publicData && publicCodecOf(loading.codecs)
  if (exposure.publicData && !publicCodec && !options.readOnly) {
    throw new TypeError(
      'Option "expose" needs a codec that browsers can read; none of "codecs" is, so set expose: false',
    )
  }
  const allPublicRecords = from?.allPublicRecords ?? new WeakMap()
  const isSame = sameAs(from, options)
  const { store } = options
  const ownerOf = options.owner && rowOwners(loading.ownerOf, tenant)
  const all = store && createRows(store, { clock: loading.clock, emit, ownerOf })
  const rows = all && tenant !== undefined ? rowsOfTenant(all, tenant) : all
  const allFlights: AllFlights = from?.allFlights ?? new WeakMap()
  const flights = allFlights.get(writer as SessionCodec) ?? createFlights()
  allFlights.set(writer as SessionCodec, flights)
  const side = otherSideOf(loading.codecs, store)
  // Spreading takes longer than all else of `with()`.
  return Object.assign(loading, {
    options: options as unknown as SessionsOptions,
    copyForCommit: copyOf<SessionData>,
    // Sessions of other keys are others, even if they have the same id.
    versions: from && loading.codecs === from.codecs ? from.versions.forTenant(tenant) : createVersions(),
    rows,
    owned: { store: store?.name, rows: all, ownerOf },
    allFlights,
    once: createOnce({ ...loading, store, rows, flights }),
    publicCodec,
    publicRecords: publicCodec && publicRecordsOf(publicCodec, allPublicRecords),
    allPublicRecords,
    exposure,
    shown: { ...loading.shown, expose: exposeOf(given) as Expose },
    putWish: createPutWish(side),
    addFlash,
    regenerate,
    authenticate,
    needsTouch: createTouch(options.touchEvery, loading.lifetimeOf({}).idle),
    cookieEnd: readCookieEnd(side),
    askRules: createRules(side, ['maxAge', options.maxAge], ['expires', options.expires]),
    cookies: from && isSame(...PLACE_OPTIONS) ? from.cookies : cookieWriterOf(options, loading.name),
    secure: options.secure ?? true,
    chunkLimits: createChunkLimits(options),
    plainHttp: from?.plainHttp ?? watchPlainHttp(loading.name),
    upgrade,
    observe: mode === 'observe',
    turns: from?.turns ?? createMutex<Session<object>>(),
  })
}

/** The attributes of cookies, and other places where they may be. */
const PLACE_OPTIONS: readonly (keyof SessionsOptions)[] = [
  'path',
  'domain',
  'secure',
  'sameSite',
  'expires',
  'maxAge',
  'partitioned',
  'priority',
  'embedded',
  'expireShadows',
  'allowedPlaces',
]

function cookieWriterOf(
  options: CookieAttributes & Pick<SessionsOptions, 'expireShadows' | 'allowedPlaces'>,
  name: string,
): CookieWriter {
  const shadows = shadowPlaces(options.expireShadows ?? true, options)
  // Such a name has one place, with and without a partition.
  const isPossible = ({ domain, path }: CookiePlace): boolean =>
    !name.toLowerCase().startsWith('__host-') || (domain === undefined && path === '/')
  return createCookieWriter(
    options,
    [name, publicName(name)],
    shadows.filter(isPossible),
    allowedPlaces(options.allowedPlaces, options, shadows).filter(isPossible),
  )
}

/** The codec of `secrets` is among the others. */
type WithCodecs<Data extends object> = Omit<SessionsOptions<Data>, 'codecs' | 'secrets' | 'reloadEvery'> & {
  codecs: readonly SessionCodec[]
  secrets: undefined
  reloadEvery: undefined
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
  return (event) => {
    const isWrite = !['read', 'rejected', 'shadowed', 'keys', 'insecure'].includes(event.type)
    on({ ...event, cookie, time: clock(), ...(observe && isWrite ? { observed: true } : {}) })
  }
}

function oneOf(option: string, value: string, allowed: readonly string[]): void {
  if (!allowed.includes(value)) throw new TypeError(`Option "${option}" must be one of ${allowed.join(', ')}`)
}
