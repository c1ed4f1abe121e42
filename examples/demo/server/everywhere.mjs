/**
 * Signing out everywhere. A signed cookie has no row that could be deleted, so the server keeps one time for each user: sessions that were
 * signed in before it have ended. It needs no list of sessions.
 */
import { createRevocations, memoryStore } from '../../../dist/server/index.js'

/** @typedef {import('./actions.mjs').DemoSession} DemoSession */

/** For `createSessions`. A server of several processes has a store that they share, and looks there less often. */
export const revocations = createRevocations({ store: memoryStore(), cacheFor: '1s' })

/** Ends all sessions of the user of this one. @param {DemoSession} session */
export async function endEverywhere({ owner }) {
  if (owner !== undefined) await revocations.revokeOwner(owner)
}

/**
 * Whether the session of a request has ended so. The fresh one takes its place: its commit takes the cookie away.
 *
 * @param {DemoSession} session
 */
export function hasEnded(session) {
  if (session.rejected?.code !== 'ERR_SESSION_REVOKED') return false
  session.regenerate()
  return true
}
