/**
 * The keys of the demo: the newest signs, all verify, and each tells when a session last came in that it had signed.
 * Keys live as long as the process: a restart signs everybody out.
 */
import { randomBytes } from 'node:crypto'
import { createReadStats } from '../../../dist/server/index.js'

/** @typedef {{ number: number, secret: string, lastSeen?: Date }} Key */

/** @param {number} retireAfter - seconds that a key must have been unused to be safe to retire */
export function createKeys(retireAfter) {
  /** @type {Key[]} The newest first, as `secrets` wants them. */
  let ring = []
  let stats = createReadStats()
  let made = 0
  /** @type {Set<() => void>} */
  const listeners = new Set()
  rotate()

  /** Counting begins anew, because a place in the ring now means another key. */
  function change(/** @type {Key[]} */ next) {
    remember()
    ring = next
    stats = createReadStats()
    for (const listener of listeners) listener()
  }

  function remember() {
    for (const { keyIndex, lastSeen } of stats.rows()) {
      const key = ring[keyIndex ?? 0]
      if (key) key.lastSeen = lastSeen
    }
  }

  function rotate() {
    change([{ number: ++made, secret: randomBytes(32).toString('hex') }, ...ring])
  }

  return {
    rotate,
    /** @param {number} number */
    retire: (number) => change(ring.filter((key, index) => index === 0 || key.number !== number)),
    secrets: () => ring.map(({ secret }) => secret),
    /** The key at a place of the ring, by the number that people see. */
    numberAt: (/** @type {number | undefined} */ keyIndex) =>
      keyIndex === undefined ? undefined : ring[keyIndex]?.number,
    /** @param {import('../../../dist/server/index.js').SessionEvent} event */
    on: (event) => stats.on(event),
    /** @param {() => void} listener */
    onChange: (listener) => void listeners.add(listener),
    /** What the page shows: never a secret. */
    report() {
      remember()
      return ring.map(({ number, lastSeen }, keyIndex) => ({
        number,
        signs: keyIndex === 0,
        lastSeen: lastSeen ?? null,
        safeToRetire: keyIndex > 0 && stats.safeToRetire(retireAfter, { keyIndex }),
        safeAt: keyIndex > 0 ? safeAt(stats.since, lastSeen, retireAfter) : null,
      }))
    },
  }
}

/**
 * @param {Date} since
 * @param {Date | undefined} lastSeen
 * @param {number} retireAfter
 */
function safeAt(since, lastSeen, retireAfter) {
  return new Date(Math.max(since.getTime(), lastSeen?.getTime() ?? 0) + retireAfter * 1000)
}
