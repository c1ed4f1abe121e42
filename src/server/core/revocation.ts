/**
 * Ends sessions before they expire: a look at each one that loads, and a list of what was revoked that all processes share.
 * What a store keeps of it: docs/revocation.md.
 */
import { platform } from '#platform'
import { encodeHex, encodeUtf8 } from '../../shared/bytes.js'
import type { Duration } from '../../shared/define-session.js'
import { isOutage, SessionError } from '../../shared/errors.js'
import { checkLimit } from '../../shared/limits.js'
import { checkDuration, checkNames, type OptionNames } from '../../shared/option-names.js'
import type { MaybePromise, SessionData } from '../../shared/types.js'
import type { SessionCodec } from '../codecs/codec.js'
import { isThumbprint } from '../keys/thumbprint.js'
import type { SessionStore, StoredSession } from '../stores/store.js'
import { authenticatedAt } from './authentication.js'
import { CLOCK_TOLERANCE } from './lifetime.js'
import { ownerText, type ReadOwner } from './owner.js'
import { type Draft, type LoadedSession, loadedData, type Session, stateOf } from './session.js'
import { createRows, REVOKED, type Rows } from './store-rows.js'
import { checkTenant } from './tenant.js'

/** What there is to judge a session by. Nothing of it may be changed. */
export interface RevocableSession<Data extends object = SessionData> {
  /** As its cookie names it; undefined if the format has no id. */
  readonly id: string | undefined
  /** By the option `owner`. */
  readonly owner: string | undefined
  /** Of this id: `regenerate()` moves it. Undefined if the format does not say. */
  readonly createdAt: Date | undefined
  /** When the visitor last proved who they are; undefined: the session does not know. */
  readonly authenticatedAt: Date | undefined
  /** The application's keys. */
  readonly data: Readonly<Partial<Data>>
  /** The name of the codec that read it. */
  readonly codec: string
  /** The thumbprint of the key that verified it, as `keyThumbprint` gives it; undefined if no key did. */
  readonly key: string | undefined
}

/** Answers whether a session was revoked: `createRevocations()`, or an object of yours. */
export interface Revocation<Data extends object = SessionData> {
  /**
   * Whether a session has ended that is valid by itself. Asked once for each load. What it throws, and anything but `true` and `false`, is
   * `ERR_SESSION_STORE` of `load`: a session whose fate is unknown is neither let in nor taken for none.
   *
   * @param options.isFresh - the session is about to get another id: what was remembered does not count
   */
  isRevoked(session: RevocableSession<Data>, options?: { readonly isFresh?: boolean }): MaybePromise<boolean>
  /**
   * Called once by `createSessions` and `verifySessions`.
   *
   * @throws {TypeError} if it can't be used with such sessions
   */
  fits?(sessions: RevocableSessions): void
}

/** What `createSessions` and `verifySessions` were given. */
interface RevocableSessions {
  /** The option `owner` is there. */
  readonly hasOwner: boolean
  /** Of the definition, in milliseconds. */
  readonly idleTimeout?: number | undefined
  readonly absoluteTimeout?: number | undefined
  /** All that read: by an option a value may end before the timeouts say so. */
  readonly codecs: readonly Pick<SessionCodec, 'valueEnd'>[]
}

interface RevocationSettings {
  readonly revocation: Revocation | undefined
  readonly ownerOf: ReadOwner
}

/**
 * Why a session is none any more, or undefined.
 *
 * @throws {SessionError} `ERR_SESSION_STORE` if that can't be found out
 */
export async function revokedError(
  { revocation, ownerOf }: RevocationSettings,
  loaded: LoadedSession,
  options?: { readonly isFresh: boolean },
): Promise<SessionError | undefined> {
  if (!revocation) return undefined
  const { record, codec } = loaded
  const data = loadedData(loaded)
  const owner = ownerOf(data)
  try {
    const key = record.keyIndex === undefined ? undefined : (await codec.thumbprints?.())?.[record.keyIndex]
    const { id, createdAt } = record
    const about = { id, owner, createdAt, authenticatedAt: authenticatedAt(data), data, codec: codec.name, key }
    const isRevoked = await revocation.isRevoked(Object.freeze(about), options)
    if (isRevoked === false) return undefined
    if (isRevoked === true) return new SessionError('ERR_SESSION_REVOKED', undefined, { verified: true })
    throw new TypeError('isRevoked() must return true or false')
  } catch (error) {
    throw isOutage(error) ? error : new SessionError('ERR_SESSION_STORE', 'isRevoked() failed', { cause: error })
  }
}

/** A new id would outlive the revocation of the old one. Who has just proved who they are has nothing to do with that. */
export async function isRevokedMeanwhile(settings: RevocationSettings, draft: Draft): Promise<boolean> {
  const { loaded, isRegenerated, isAuthenticated } = draft
  if (!settings.revocation || !loaded || !isRegenerated || isAuthenticated) return false
  return (await revokedError(settings, loaded, { isFresh: true })) !== undefined
}

/** Where revocations are kept, for how long, and what an outage means. */
export interface RevocationsOptions {
  /**
   * Where it is kept: any `SessionStore` that all processes share, also that of the sessions. It must not forget: a Redis that evicts
   * rows, and a `memoryStore` that is full, let revoked sessions in again.
   */
  store: SessionStore
  /** How long a process goes by what it has read: after this time a revocation has taken effect everywhere. 0: each load asks the store. */
  cacheFor: Duration
  /**
   * How long a revocation is kept, which is how long the longest session lives.
   *
   * @defaultValue 400 days; `false`: for ever
   */
  keepFor?: Duration | false
  /**
   * What a store that does not answer means: `refuse` makes `load` reject with `ERR_SESSION_STORE`, for 503; `allow`
   * lets in what this process does not know as revoked.
   *
   * @defaultValue `refuse`
   */
  onOutage?: 'refuse' | 'allow'
  /**
   * How many sessions and owners are remembered as they were read.
   *
   * @defaultValue 10 000
   */
  maxCached?: number
  /** Whose revocations these are, as the option of `createSessions`: those of two tenants in one store are apart. */
  tenant?: string
  /** The present time, for tests. */
  clock?: () => Date
}

/** What was revoked, and the ways to revoke more. Each takes effect in this process at once, and everywhere within `cacheFor`. */
export interface Revocations {
  /** For the option `revocation`. */
  isRevoked(session: RevocableSession<never>, options?: { readonly isFresh?: boolean }): Promise<boolean>
  /**
   * Called once by `createSessions` and `verifySessions`.
   *
   * @throws {TypeError} for sessions without the option `owner`, and for those that last longer than `keepFor`
   */
  fits(sessions: RevocableSessions): void
  /**
   * Ends one session, in every browser that has its cookie.
   *
   * @param session - or its id
   * @throws {SessionError} `ERR_SESSION_STORE`: call it again
   * @throws {TypeError} for a session whose format has no id
   */
  revokeSession(session: Session<object> | string): Promise<void>
  /**
   * Ends all sessions of an owner that were signed in before a moment. What counts is `authenticatedAt`, which no renewal moves. A
   * session that does not know it has ended, too.
   *
   * @param owner - as the option `owner` tells it
   * @param before - default: now. An earlier moment than that of another call changes nothing
   * @throws {SessionError} `ERR_SESSION_STORE`: call it again
   */
  revokeOwner(owner: string | number | bigint, before?: Date): Promise<void>
  /**
   * Ends everything that one key has signed, whatever times it claims.
   *
   * @param thumbprint - as `keyThumbprint` gives it, never the key itself
   * @throws {SessionError} `ERR_SESSION_STORE`: call it again; `ERR_SESSION_LIMIT` for more than 100 keys
   */
  revokeKey(thumbprint: string): Promise<void>
}

const OPTIONS: OptionNames<RevocationsOptions> = {
  store: 1,
  cacheFor: 1,
  keepFor: 1,
  onOutage: 1,
  maxCached: 1,
  tenant: 1,
  clock: 'function',
}

const DEFAULT_KEEP = '400d'
const DEFAULT_CACHED = 10_000
/** Keys that may be revoked at a time. */
export const MAX_REVOKED_KEYS = 100
/** 9999-12-31: some stores end what has no end. */
const FOR_EVER = 253_402_300_799_000

/** What all loads look at first: until when there may be rows at all, and the few keys. */
interface Overview {
  /** Milliseconds since 1970. */
  readonly until: number
  /** The end of each. */
  readonly keys: Readonly<Record<string, number>>
}

const NO_OWNER =
  'Option "revocation" needs the option "owner": without it revokeOwner() finds no session. If nobody signs in: owner: () => undefined'
const TOO_SHORT =
  'Option "revocation": sessions last longer than "keepFor" of createRevocations(), which keeps what was revoked. Make it longer (false: for ever)'

const NOTHING: Overview = { until: 0, keys: {} }
const OVERVIEW = 'all'

/**
 * Makes a list of what was revoked. A load costs nothing but memory while nothing was revoked lately: each process then reads one row once
 * per `cacheFor`. Otherwise a session and its owner are looked up once per `cacheFor`.
 *
 * @throws {TypeError} naming the option that is wrong
 * @since 0.1.0
 * @example
 * const revocations = createRevocations({ store: memoryStore(), cacheFor: '10s' })
 * const sessions = createSessions({ secrets, expose: false, owner: ({ user }) => user, revocation: revocations })
 * @see docs/revocation.md
 */
export function createRevocations(options: RevocationsOptions): Revocations {
  checkNames(options, OPTIONS, 'createRevocations')
  const { store, clock = () => new Date(), onOutage = 'refuse', maxCached = DEFAULT_CACHED } = options
  if (onOutage !== 'refuse' && onOutage !== 'allow')
    throw new TypeError('Option "onOutage" must be one of refuse, allow')
  checkLimit(maxCached, 'maxCached')
  const tenant = checkTenant(options)
  const cacheFor = checkDuration(options.cacheFor, 'cacheFor')
  const keepFor = options.keepFor === false ? Infinity : checkDuration(options.keepFor ?? DEFAULT_KEEP, 'keepFor')
  const rows = createRows(store, { clock, emit: undefined })
  const cacheOptions = { cacheFor, clock, onFailure: failureOf(onOutage, { cacheFor, clock }) }
  const overviews = createCache<Overview>({ ...cacheOptions, most: 1, nothing: NOTHING })
  const ended = createCache<number>({ ...cacheOptions, most: maxCached, nothing: 0 })
  const now = (): number => clock().getTime()

  async function read<Value>(names: readonly string[], nothing: Value): Promise<Value[]> {
    const found = await rows.findMany(await Promise.all(names.map((name) => rowId(name, tenant))))
    return found.map((row) => valueIn(row, nothing))
  }

  /** Writes the row first: if the overview tells of it, it is there. */
  async function revoke(name: string, before: number): Promise<void> {
    const endFor = (moment: number): number => endOf(Math.max(now(), moment), keepFor)
    const moment = await write(rows, await rowId(name, tenant), (known: number) => Math.max(known, before), endFor, 0)
    ended.put(name, moment)
    await tell(endFor(moment))
  }

  async function tell(end: number, key?: string): Promise<void> {
    const change = ({ until, keys }: Overview): Overview => ({
      until: key === undefined ? Math.max(until, end) : until,
      keys: keysWith(keys, { key, end, now: now() }),
    })
    const endFor = ({ until, keys }: Overview): number => Math.max(until, ...Object.values(keys))
    overviews.put(OVERVIEW, await write(rows, await rowId(OVERVIEW, tenant), change, endFor, NOTHING))
  }

  return {
    fits({ hasOwner, idleTimeout, absoluteTimeout, codecs }) {
      if (!hasOwner) throw new TypeError(NO_OWNER)
      const ends = codecs.map(({ valueEnd }) => Number(valueEnd?.({ data: {} }, new Date(0)) ?? Infinity))
      const lastsFor = Math.min(idleTimeout || Infinity, absoluteTimeout || Infinity, Math.max(...ends))
      if (lastsFor > keepFor) throw new TypeError(TOO_SHORT)
    },
    async isRevoked({ id, owner, authenticatedAt, key }, { isFresh = false } = {}) {
      const [overview = NOTHING] = await overviews.get([OVERVIEW], (names) => read(names, NOTHING), isFresh)
      const { until, keys } = overview
      const time = now()
      if (key !== undefined && Object.hasOwn(keys, key) && (keys[key] as number) > time) return true
      if (until <= time) return false
      const names = [...(id === undefined ? [] : [`session ${id}`]), ...(owner === undefined ? [] : [`owner ${owner}`])]
      const moments = await ended.get(names, (missing) => read(missing, 0), isFresh)
      const isEnded = id !== undefined && (moments[0] as number) > 0
      return isEnded || (owner !== undefined && (moments.at(-1) as number) > signInOf(authenticatedAt, time))
    },
    revokeSession: async (session) => await revoke(`session ${idOf(session)}`, now()),
    async revokeOwner(owner, before = clock()) {
      const name = ownerText(owner, 'revokeOwner()')
      if (name === undefined) throw new TypeError('revokeOwner() needs an owner: sessions of nobody are not told apart')
      if (!(before instanceof Date && Number.isFinite(before.getTime()))) {
        throw new TypeError('The moment of revokeOwner() must be a Date')
      }
      await revoke(`owner ${name}`, before.getTime())
    },
    async revokeKey(thumbprint) {
      if (!isThumbprint(thumbprint)) throw new TypeError('revokeKey() takes what keyThumbprint() gives')
      await tell(endOf(now(), keepFor), thumbprint)
    },
  }
}

/** A session that does not know it is older than any moment; so is one that names a time which no clock of a server has. */
function signInOf(authenticatedAt: Date | undefined, now: number): number {
  const time = authenticatedAt?.getTime() ?? Number.NEGATIVE_INFINITY
  return time > now + CLOCK_TOLERANCE ? Number.NEGATIVE_INFINITY : time
}

/** @throws {TypeError} */
function idOf(session: Session<object> | string): string {
  if (typeof session === 'string' && session !== '') return session
  if (typeof session === 'string') throw new TypeError('revokeSession() needs an id')
  const { keepsId, loaded } = stateOf(session)
  if (keepsId || loaded?.record.id !== undefined) return session.id
  throw new TypeError('revokeSession(): the format of this session has no id')
}

function endOf(time: number, keepFor: number): number {
  return Math.min(time + keepFor, FOR_EVER)
}

/** Those that have not ended, with one more. @throws {SessionError} `ERR_SESSION_LIMIT` */
function keysWith(
  keys: Overview['keys'],
  { key, end, now }: { key: string | undefined; end: number; now: number },
): Overview['keys'] {
  const kept = Object.fromEntries(Object.entries(keys).filter(([, until]) => until > now))
  if (key === undefined) return kept
  const all = { ...kept, [key]: Math.max(end, kept[key] ?? 0) }
  if (Object.keys(all).length <= MAX_REVOKED_KEYS) return all
  throw new SessionError('ERR_SESSION_LIMIT', `More than ${MAX_REVOKED_KEYS} keys would be revoked`)
}

/** 32 hex digits, as every store takes them. */
async function rowId(name: string, tenant: string | undefined): Promise<string> {
  const digest = await platform.sha256(
    encodeUtf8(`sessionglass revoked${tenant === undefined ? '' : ` of ${tenant}`}\x01${name}`),
  )
  return encodeHex(digest.subarray(0, 16))
}

function valueIn<Value>(row: StoredSession | undefined, nothing: Value): Value {
  return (row?.data[REVOKED] as Value | undefined) ?? nothing
}

/** Changes a value in one step. A row never ends before the value may be forgotten, nor before it would have ended. */
async function write<Value>(
  rows: Rows,
  id: string,
  change: (known: Value) => Value,
  endFor: (value: Value) => number,
  nothing: Value,
): Promise<Value> {
  let value = nothing
  await rows.upsert(id, (current) => {
    value = change(valueIn(current, nothing))
    // Some stores do not say when a row ends.
    return {
      data: { [REVOKED]: value },
      expiresAt: new Date(Math.max(endFor(value), current?.expiresAt?.getTime() ?? 0)),
    }
  })
  return value
}

/** What becomes of a value that could not be read: the error, or what was known before. */
type OnFailure = <Value>(error: unknown, known: Value) => Value

function failureOf(
  onOutage: 'refuse' | 'allow',
  { cacheFor, clock }: { cacheFor: number; clock: () => Date },
): OnFailure {
  let warned = Number.NEGATIVE_INFINITY
  return (error, known) => {
    if (onOutage === 'refuse') throw error
    const now = clock().getTime()
    if (now - warned >= cacheFor) {
      warned = now
      platform.warn('ERR_SESSION_STORE', 'The store of revocations does not answer: revoked sessions may be let in')
    }
    return known
  }
}

interface CacheOptions<Value> {
  readonly most: number
  readonly nothing: Value
  /** Milliseconds. */
  readonly cacheFor: number
  readonly clock: () => Date
  readonly onFailure: OnFailure
}

interface Entry<Value> {
  /** When the reading began. */
  readonly at: number
  readonly value: Promise<Value>
  /** What was known before. */
  known: Value
}

/** What was read lately. Concurrent requests share a reading; what was put last counts, whatever a reading under way gives. */
function createCache<Value>({ most, nothing, cacheFor, clock, onFailure }: CacheOptions<Value>) {
  const entries = new Map<string, Entry<Value>>()

  function keep(name: string, entry: Entry<Value>): void {
    entries.delete(name)
    entries.set(name, entry)
    if (entries.size > most) entries.delete(entries.keys().next().value as string)
  }

  function isKnown(name: string, at: number): boolean {
    const { at: began } = entries.get(name) ?? { at: Number.NaN }
    // Of a clock that was set back nothing is kept longer.
    return at - began < cacheFor && at >= began
  }

  /** Keeps what is being read. @param at - when the reading began */
  function begin(name: string, found: Promise<Value>, at: number): Promise<Value> {
    const known = entries.get(name)?.known ?? nothing
    const value = found.then(
      (read) => {
        entry.known = read
        return read
      },
      (error: unknown) => {
        try {
          return onFailure(error, known)
        } catch (failure) {
          // The next request asks again.
          if (entries.get(name) === entry) entries.set(name, { ...entry, at: Number.NEGATIVE_INFINITY })
          throw failure
        }
      },
    )
    const entry: Entry<Value> = { at, value, known }
    keep(name, entry)
    return value
  }

  return {
    /** @param read - gets all that is not known with one question */
    async get(names: readonly string[], read: (names: readonly string[]) => Promise<Value[]>, isFresh: boolean) {
      const at = clock().getTime()
      // Taken at once: what is read now may push out what is known.
      const known = new Map(
        names.filter((name) => !isFresh && isKnown(name, at)).map((name) => [name, entries.get(name)?.value]),
      )
      const missing = names.filter((name) => !known.has(name))
      const reading = missing.length > 0 ? read(missing) : undefined
      for (const [place, name] of missing.entries()) {
        const found = (reading as Promise<Value[]>).then((values) => values[place] as Value)
        known.set(name, begin(name, found, at))
      }
      return (await Promise.all(names.map((name) => known.get(name)))) as Value[]
    },
    put(name: string, value: Value): void {
      keep(name, { at: clock().getTime(), value: Promise.resolve(value), known: value })
    },
  }
}
