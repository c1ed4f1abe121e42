/**
 * Single flight: of concurrent requests of one session, in one process or several, one does a piece of work and the others get its result.
 * Across processes a row in the store has the lease of the one that works, then its result, encrypted (AES-GCM, NIST SP 800-38D).
 */
import { platform } from '#platform'
import { decodeBase64Url, decodeUtf8, encodeBase64Url, encodeHex, encodeUtf8 } from '../../shared/bytes.js'
import { type Duration, parseDuration } from '../../shared/define-session.js'
import { SessionError, type SessionErrorCode } from '../../shared/errors.js'
import { checkNames } from '../../shared/option-names.js'
import { isPlainObject, type MaybePromise } from '../../shared/types.js'
import type { SessionCodec } from '../codecs/codec.js'
import { boundName } from '../keys/hmac.js'
import type { SessionStore, StoredSession } from '../stores/store.js'
import { ONCE, type Rows } from './store-rows.js'

/** How long a result is kept. */
export interface OnceOptions {
  /**
   * How long the result is kept for requests that were sent before it was there.
   *
   * @defaultValue 10 seconds
   */
  resultFor?: Duration
}

/** What it needs to know of a session. */
interface OnceSession {
  readonly id: string
  readonly isDestroyed: boolean
  readonly isRegenerated: boolean
  /** As its cookie has it. */
  readonly loaded?: { readonly record: { readonly id?: string }; readonly row?: object }
}

/** Does the work, or waits for the one that does it. */
export type Once = <Result>(
  state: OnceSession,
  key: string,
  work: () => MaybePromise<Result>,
  options?: OnceOptions,
) => Promise<Result>

export interface OnceSettings {
  readonly name: string
  readonly tenant: string | undefined
  readonly codecs: readonly SessionCodec[]
  readonly store: SessionStore | undefined
  readonly rows: Rows | undefined
  readonly clock: () => Date
  /** What this process does at present, of all sessions with these keys. */
  readonly flights: Flights
}

/** What one process does at present, and without a store what it has done. */
export interface Flights {
  /** It was told that the store can't keep two processes from working. */
  hasWarned?: true
  readonly running: Map<string, Flight>
  readonly done: Map<string, { readonly text: string; readonly until: number }>
}

interface Flight {
  readonly text: Promise<string>
  waiting: number
}

export function createFlights(): Flights {
  return { running: new Map(), done: new Map() }
}

const DEFAULT_RESULT_FOR = '10s'
/** Characters of a key. */
const MAX_KEY = 256
/** Characters of a result as JSON. */
const MAX_RESULT = 65_536
/** Requests of one process that wait for one piece of work. */
const MAX_WAITING = 1000
/** Results that a process without a store keeps. */
const MAX_DONE = 1024
/** Milliseconds after which one that works and gives no sign of it is dead. */
const LEASE = 10_000
const BEAT = 3000
/** Milliseconds between two looks at a row, each time longer. */
const FIRST_POLL = 25
const LAST_POLL = 250
/** Least milliseconds until other processes have seen a row of a store that can't change it in one step. */
const SETTLING = 50
/** How often a result is written again if the store fails. */
const MAX_ATTEMPTS = 5

/** @returns what `session.once` calls */
export function createOnce(settings: OnceSettings): Once {
  return async (state, key, work, options = {}) => {
    checkNames(options, { resultFor: 1 }, 'once')
    const { resultFor = DEFAULT_RESULT_FOR } = options
    const keptFor = parseDuration(resultFor, 'resultFor')
    if (typeof key !== 'string' || key === '' || key.length > MAX_KEY) {
      throw new TypeError(`The key of once() must be a text of 1 to ${MAX_KEY} characters`)
    }
    if (typeof work !== 'function') throw new TypeError('once() takes a function that does the work')
    if (state.isDestroyed) throw new SessionError('ERR_SESSION_DESTROYED', 'The session was destroyed')
    const id = await flightId(settings, subjectOf(state), key)
    const text = await shared(settings, id, () => fly(settings, { id, state, work, keptFor }))
    return (JSON.parse(text) as { value: never }).value
  }
}

/**
 * What concurrent requests of a session agree on, and no other session has.
 *
 * @throws {TypeError} for a format without an id: two visitors may have the same value there
 */
function subjectOf({ id, loaded, isRegenerated }: OnceSession): string {
  if (isRegenerated || !loaded) return id
  if (loaded.record.id !== undefined) return loaded.record.id
  throw new TypeError("once() needs a codec that keeps the session's id")
}

/** 32 hex digits, as every store takes them, and of no session. */
async function flightId({ name, tenant }: OnceSettings, subject: string, key: string): Promise<string> {
  const parts = JSON.stringify(['sessionglass once', boundName({ cookieName: name, tenant }), subject, key])
  const digest = await platform.sha256(encodeUtf8(parts))
  return encodeHex(digest.subarray(0, 16))
}

/** One flight of each id in this process: errors are those of the one that flies, and shared. */
async function shared({ flights, clock }: OnceSettings, id: string, fly: () => Promise<string>): Promise<string> {
  const { running, done } = flights
  const known = done.get(id)
  if (known && known.until > clock().getTime()) return known.text
  const joined = running.get(id)
  if (joined) {
    if (joined.waiting >= MAX_WAITING) {
      throw new SessionError(
        'ERR_SESSION_LIMIT',
        `More than ${MAX_WAITING} requests of a session wait for the same work`,
      )
    }
    joined.waiting++
    return await joined.text
  }
  const flight: Flight = { text: fly(), waiting: 0 }
  running.set(id, flight)
  try {
    return await flight.text
  } finally {
    running.delete(id)
  }
}

interface Work {
  readonly id: string
  readonly state: OnceSession
  readonly work: () => MaybePromise<unknown>
  /** Milliseconds. */
  readonly keptFor: number
}

const STORE: SessionErrorCode = 'ERR_SESSION_STORE'

/** Without `update` a lease counts after a time, and a process that is slower than that begins, too. */
function warnOnce({ store, flights }: OnceSettings): void {
  if (store?.update || flights.hasWarned) return
  flights.hasWarned = true
  platform.warn(
    STORE,
    `session.once() may do a piece of work twice if several processes share the store ${store?.name}: it can't read and write a ` +
      'row in one step. redisStore and djangoStore can',
  )
}

/** @returns the result as JSON */
async function fly(settings: OnceSettings, task: Work): Promise<string> {
  const { rows, flights, clock } = settings
  if (rows) return await flyBesideOthers(settings, rows, task)
  const text = await resultOf(task)
  const now = clock().getTime()
  for (const [id, { until }] of flights.done) if (until <= now || flights.done.size >= MAX_DONE) flights.done.delete(id)
  flights.done.set(task.id, { text, until: now + task.keptFor })
  return text
}

async function resultOf({ work }: Work): Promise<string> {
  const text = JSON.stringify({ value: await work() })
  if (text.length <= MAX_RESULT) return text
  throw new SessionError('ERR_SESSION_LIMIT', `The result of once() has more than ${MAX_RESULT} characters as JSON`)
}

// Across processes. A row has one of these under its one key.

/** Someone works, and raises `beat` while it does. */
interface Lease {
  readonly holder: string
  readonly beat: number
}

/** It is done. Milliseconds since 1970 until which that counts. */
interface Done {
  readonly holder: string
  readonly until: number
  /** Encrypted. */
  readonly result?: string
  /** There is none: the work failed, or its session was destroyed meanwhile. */
  readonly code?: 'ERR_SESSION_WORK' | 'ERR_SESSION_DESTROYED'
}

/** A lease as it was seen first. The clocks of two machines may differ, so only our own counts how long it stays as it is. */
interface Seen extends Lease {
  readonly since: number
}

async function flyBesideOthers(settings: OnceSettings, rows: Rows, task: Work): Promise<string> {
  const { clock } = settings
  const secrets = await secretsOf(settings, task.id)
  warnOnce(settings)
  const holder = encodeHex(platform.randomBytes(16))
  let seen: Seen | undefined

  /** Nobody works on it, and there is no result that counts. */
  function isFree(flight: Lease | Done | undefined): boolean {
    if (!flight) return true
    if ('until' in flight) {
      // Those that have waited for it take it in any case: a failure, and a result that is kept for less than a look at the row takes.
      if (flight.holder === seen?.holder) return false
      return flight.result === undefined || flight.until <= clock().getTime()
    }
    const isSame = seen?.holder === flight.holder && seen.beat === flight.beat
    return isSame && performance.now() - (seen as Seen).since >= LEASE
  }

  for (let poll = FIRST_POLL; ; poll = Math.min(poll * 1.5, LAST_POLL)) {
    let flight = flightIn(await rows.find(task.id))
    if (isFree(flight)) {
      const began = performance.now()
      flight = flightIn(
        await rows.upsert(task.id, (current) =>
          isFree(flightIn(current)) ? leaseRow(settings, { holder, beat: 0 }) : undefined,
        ),
      )
      if (!flight) throw new SessionError('ERR_SESSION_STORE', 'The store did not keep a row that it was given')
      const claim = { holder, took: performance.now() - began }
      if (flight.holder === holder && (await isKept(settings, rows, task.id, claim))) {
        return await hold(settings, rows, { ...task, holder, secrets })
      }
    }
    if (flight && 'until' in flight && !isFree(flight)) return await takeResult(flight, secrets)
    if (flight && 'beat' in flight && !(seen?.holder === flight.holder && seen.beat === flight.beat)) {
      seen = { ...flight, since: performance.now() }
    }
    await pause(poll)
  }
}

/**
 * In a store without `update` another process may have written at the same time: the last one keeps the lease. How long that one may
 * take is not known; it is taken to be no slower than this one.
 */
async function isKept(
  { store }: OnceSettings,
  rows: Rows,
  id: string,
  { holder, took }: { holder: string; took: number },
): Promise<boolean> {
  if (store?.update) return true
  await pause(Math.max(SETTLING, 2 * took))
  return flightIn(await rows.find(id))?.holder === holder
}

interface Held extends Work {
  readonly holder: string
  readonly secrets: readonly Uint8Array[]
}

/** Works, and says so again and again: a second use of a refresh token can revoke all of its kind. */
async function hold(settings: OnceSettings, rows: Rows, task: Held): Promise<string> {
  const { id, holder, keptFor, secrets, state } = task
  let beat = 0
  let isOver = false
  let renewal: Promise<unknown> = Promise.resolve()
  const isOurs = (row: StoredSession | undefined): boolean => flightIn(row)?.holder === holder
  const timer: unknown = setInterval(() => {
    beat++
    // What fails is tried with the next.
    renewal = renewal
      .then(() => rows.upsert(id, (row) => (isOurs(row) && !isOver ? leaseRow(settings, { holder, beat }) : undefined)))
      .catch(() => {})
  }, BEAT)
  ;(timer as { unref?(): void }).unref?.()

  async function finish(outcome: Pick<Done, 'result' | 'code'>, milliseconds: number): Promise<void> {
    isOver = true
    const until = settings.clock().getTime() + milliseconds
    const row = rowOf({ holder, until, ...outcome }, new Date(until + LEASE))
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      try {
        await rows.upsert(id, (current) => (isOurs(current) ? row : undefined))
        return
      } catch {
        await pause(LAST_POLL)
      }
    }
  }

  try {
    const text = await resultOf(task)
    const isGone = state.isDestroyed || (state.loaded?.row !== undefined && !(await hasRow(rows, state)))
    if (isGone) await finish({ code: 'ERR_SESSION_DESTROYED' }, LEASE)
    else await finish({ result: await encrypt(text, secrets[0] as Uint8Array) }, keptFor)
    return text
  } catch (error) {
    await finish({ code: 'ERR_SESSION_WORK' }, LEASE)
    throw error
  } finally {
    clearInterval(timer as ReturnType<typeof setInterval>)
  }
}

/** Whether the session that was loaded is still there. If the store can't tell, it is. */
async function hasRow(rows: Rows, { loaded }: OnceSession): Promise<boolean> {
  const id = loaded?.record.id
  if (id === undefined) return true
  return await rows.current(id).then(Boolean, () => true)
}

async function takeResult({ result, code }: Done, secrets: readonly Uint8Array[]): Promise<string> {
  if (result === undefined) {
    if (code === 'ERR_SESSION_DESTROYED') throw new SessionError('ERR_SESSION_DESTROYED', 'The session was destroyed')
    throw new SessionError('ERR_SESSION_WORK', 'The work of once() failed in another process')
  }
  for (const secret of secrets) {
    const text = await decrypt(result, secret)
    if (text !== undefined) return text
  }
  throw new SessionError('ERR_SESSION_KEY', 'No key decrypts the result that another process has stored')
}

/** More than a lease: a row that a store drops in time is free without waiting. */
function leaseRow({ clock }: OnceSettings, lease: Lease): StoredSession {
  return rowOf(lease, new Date(clock().getTime() + 2 * LEASE))
}

function rowOf(flight: Lease | Done, expiresAt: Date): StoredSession {
  return { data: { [ONCE]: flight }, expiresAt }
}

function flightIn(row: StoredSession | undefined): Lease | Done | undefined {
  const flight: unknown = row?.data[ONCE]
  return isPlainObject(flight) && typeof flight.holder === 'string' ? (flight as unknown as Lease | Done) : undefined
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

// Results at rest.

const IV_BYTES = 12

/** @returns for this flight alone: 32 bytes of each secret. @throws {TypeError} without any */
async function secretsOf({ codecs, store, name, tenant }: OnceSettings, id: string): Promise<readonly Uint8Array[]> {
  const label = `sessionglass once of ${boundName({ cookieName: name, tenant })}\x01`
  const owners: readonly Pick<SessionStore, 'deriveKeys'>[] = [...codecs, ...(store ? [store] : [])]
  const keys = (await Promise.all(owners.map((owner) => owner.deriveKeys?.(label) ?? []))).flat()
  if (keys.length === 0) {
    throw new TypeError(
      'once() with a store needs a codec with secrets, or djangoStore: it encrypts results with their keys',
    )
  }
  return await Promise.all(keys.map(async (key) => await platform.sha256(await key.sign(id))))
}

async function encrypt(text: string, key: Uint8Array): Promise<string> {
  const iv = platform.randomBytes(IV_BYTES)
  const sealed = await platform.encrypt('GCM', encodeUtf8(text), { key, iv })
  return `${encodeBase64Url(iv)}.${encodeBase64Url(sealed)}`
}

/** @returns undefined for another key, and for what nobody encrypted here */
async function decrypt(result: string, key: Uint8Array): Promise<string | undefined> {
  try {
    const [iv, sealed] = result.split('.').map((part) => decodeBase64Url(part)) as [Uint8Array, Uint8Array]
    const bytes = await platform.decrypt('GCM', sealed, { key, iv })
    return bytes && decodeUtf8(bytes)
  } catch {
    return undefined
  }
}
