/**
 * Counts which codec and key the sessions in use were signed with: how an operator knows that an old key can go.
 */
import { type Duration, parseDuration } from '../shared/duration.js'
import type { SessionEvent } from './events.js'

/** One codec and key, and how often sessions signed with it came in. */
export interface ReadStatsRow {
  codec: string
  codecIndex: number
  keyIndex?: number
  kid?: string
  reads: number
  firstSeen: Date
  lastSeen: Date
}

/** Which codec or key is meant. Without one: everything but the first key of the first codec. */
export interface ReadStatsTarget {
  codec?: string
  keyIndex?: number
}

export interface ReadStats {
  /** Give this to `createSessions({ on })`, or call it from your own listener. */
  readonly on: (event: SessionEvent) => void
  /** When the counting began. */
  readonly since: Date
  rows(): ReadStatsRow[]
  /** How many cookies were rejected, by error code. */
  rejected(): Record<string, number>
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
 */
export function createReadStats(options: { clock?: () => Date } = {}): ReadStats {
  const clock = options.clock ?? (() => new Date())
  const since = clock()
  const rows = new Map<string, ReadStatsRow>()
  const rejections = new Map<string, number>()

  return {
    since,
    on(event) {
      if (event.type === 'read') countRead(rows, event)
      else if (event.type === 'rejected' && event.code !== undefined) {
        rejections.set(event.code, (rejections.get(event.code) ?? 0) + 1)
      }
    },
    rows: () => [...rows.values()].map((row) => ({ ...row })),
    rejected: () => Object.fromEntries(rejections),
    safeToRetire(olderThan, target) {
      const quietSince = clock().getTime() - parseDuration(olderThan, 'olderThan')
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
