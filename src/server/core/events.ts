/**
 * What the server tells of its work: one hook, never data, tokens or keys.
 */
import type { Duration } from '../../shared/define-session.js'
import type { SessionErrorCode } from '../../shared/errors.js'
import { checkDuration, checkNames } from '../../shared/option-names.js'
import type { ShadowedCookie } from './cookies.js'

/** What happened. */
export type SessionEventType =
  /** A cookie verified and became a session. */
  | 'read'
  /** A cookie of our name did not; `code` says why. */
  | 'rejected'
  /** A session went to the first codec and key. */
  | 'upgraded'
  /** A session could not be written by the first codec and stayed as it was; `path` says why. */
  | 'kept'
  /** There were several cookies of our name. */
  | 'shadowed'
  /** A session was written only to renew its times. */
  | 'renewed'
  /** A session was written: a cookie was set, or, if there is no `bytes`, only its row in the store. */
  | 'committed'
  | 'destroyed'
  /** Keys were loaded, or could not be. */
  | 'keys'
  /**
   * Another request wrote the same session meanwhile: a change to each of `keys` was overwritten. `ERR_SESSION_DESTROYED`: it ended the
   * session, and nothing of this one was written. `ERR_SESSION_STORE`: the store did not give back at once what was written there, so a
   * request in another process may bring a session back that was destroyed.
   */
  | 'conflict'
  /** A session was changed or ended after the head of the response had left, and could not be saved; `code` says why. */
  | 'unsaved'
  /** A session names another place for its cookie than `allowedPlaces` allows, and was written or ended in our own. */
  | 'misplaced'
  /** A Secure cookie was set over what looks like plain HTTP; told once. */
  | 'insecure'

/** One event. It never has data of a session, a value of a cookie or a key. */
export interface SessionEvent {
  /** What happened. */
  type: SessionEventType
  /** When it happened, by the option `clock`. */
  time: Date
  /** The cookie's name. */
  cookie: string
  /** The name of the codec that read or wrote the session, or that has the keys. */
  codec?: string
  /** Place of the codec in the list; 0 writes. */
  codecIndex?: number
  /** Place of the key in the codec's ring; 0 signs. */
  keyIndex?: number
  /** The id of the key, if it has one. */
  kid?: string
  /** Why, if something was refused or could not be done. */
  code?: SessionErrorCode
  /** Bytes of the cookie's name and value. */
  bytes?: number
  /** With `read`: the session has no time that one of the timeouts could count from, so that timeout can't end it. */
  untimed?: true
  /** With `read`: the version of its schema that the session had, if it has a schema and data of the application. */
  version?: number
  /** With `rejected`: a fresh session may replace it, as `onInvalid` says. */
  fresh?: true
  /** How many cookies of our name there were. */
  candidates?: number
  /** Those of them that did not become the session. */
  shadowed?: readonly ShadowedCookie[]
  /** How many keys the codec has after they were loaded. */
  keyCount?: number
  /** Keys that two requests changed at once. */
  keys?: readonly string[]
  /** Where in the session a value could not be written. */
  path?: string
  /** `mode: 'observe'`: it would have happened. */
  observed?: true
}

/** Called for every event. It must not throw and should not wait. */
export type SessionEventListener = (event: SessionEvent) => void

/** Tells the listener, with what is the same for every event. */
export type EmitEvent = (event: Omit<SessionEvent, 'cookie' | 'time' | 'observed'>) => void

// Counts which codec and key the sessions in use were signed with: how an operator knows that an old key can go.

/** One codec and key, and how often sessions signed with it came in. */
export interface ReadStatsRow {
  /** The name of the codec. */
  codec: string
  /** Place of the codec in the list; 0 writes. */
  codecIndex: number
  /** Place of the key in the codec's ring; 0 signs. */
  keyIndex?: number
  /** The id of the key, if it has one. */
  kid?: string
  /** How many sessions came in. */
  reads: number
  /** When the first of them came in. */
  firstSeen: Date
  /** When the last of them came in. */
  lastSeen: Date
}

/** Which codec or key is meant. Without one: everything but the first key of the first codec. */
export interface ReadStatsTarget {
  /** The name of the codec. */
  codec?: string
  /** Place of the key in the codec's ring. */
  keyIndex?: number
}

/** Counts of one process. */
export interface ReadStats {
  /** Give this to `createSessions({ on })`, or call it from your own listener. */
  readonly on: (event: SessionEvent) => void
  /** When the counting began. */
  readonly since: Date
  /** One row for each codec and key that read a session. */
  rows(): ReadStatsRow[]
  /** How many cookies were rejected, by error code. */
  rejected(): Record<string, number>
  /** How many sessions were read that a timeout can't end: `requireTimes: true` would refuse these. */
  untimed(): number
  /**
   * Whether nothing came in that needs the old codecs and keys for `olderThan`, and the counting has lasted that long.
   * It knows only of what this process saw: ask each process, and take at least the life of a cookie.
   *
   * @param olderThan - `'7d'`, or seconds
   */
  safeToRetire(olderThan: Duration, target?: ReadStatsTarget): boolean
}

/**
 * Makes a counter for `createSessions({ on: stats.on })`.
 *
 * @param options.clock - the present time, for tests
 * @throws {TypeError} for an unknown option
 * @since 0.1.0
 * @example
 * const stats = createReadStats()
 * const sessions = createSessions({ secrets: [newSecret, oldSecret], expose: false, on: stats.on })
 * console.log(stats.safeToRetire('14d')) // → false
 */
export function createReadStats(options: { clock?: () => Date } = {}): ReadStats {
  checkNames(options, { clock: 'function' }, 'createReadStats')
  const clock = options.clock ?? (() => new Date())
  const since = clock()
  const rows = new Map<string, ReadStatsRow>()
  const rejections = new Map<string, number>()
  let untimed = 0

  return {
    since,
    on(event) {
      if (event.type === 'read') {
        countRead(rows, event)
        if (event.untimed) untimed++
      } else if (event.type === 'rejected' && event.code !== undefined) {
        rejections.set(event.code, (rejections.get(event.code) ?? 0) + 1)
      }
    },
    rows: () => [...rows.values()].map((row) => ({ ...row })),
    rejected: () => Object.fromEntries(rejections),
    untimed: () => untimed,
    safeToRetire(olderThan, target) {
      const quietSince = clock().getTime() - checkDuration(olderThan, 'olderThan')
      if (since.getTime() > quietSince) return false
      return ![...rows.values()].some((row) => isMeant(row, target) && row.lastSeen.getTime() > quietSince)
    },
  }
}

function countRead(rows: Map<string, ReadStatsRow>, event: SessionEvent): void {
  const { codec = '', codecIndex = 0, keyIndex, kid, time } = event
  const key = JSON.stringify([codecIndex, codec, keyIndex, kid])
  const row = rows.get(key)
  if (row) {
    row.reads++
    row.lastSeen = time
    return
  }
  rows.set(key, {
    codec,
    codecIndex,
    ...(keyIndex === undefined ? {} : { keyIndex }),
    ...(kid === undefined ? {} : { kid }),
    reads: 1,
    firstSeen: time,
    lastSeen: time,
  })
}

function isMeant(row: ReadStatsRow, target: ReadStatsTarget | undefined): boolean {
  if (target?.codec === undefined && target?.keyIndex === undefined) {
    return row.codecIndex > 0 || (row.keyIndex ?? 0) > 0
  }
  return (
    (target.codec === undefined || row.codec === target.codec) &&
    (target.keyIndex === undefined || row.keyIndex === target.keyIndex)
  )
}
