/**
 * Answers to the page. They tell what the server alone knows: which key verified the cookie, which one signed it since,
 * and its size. No data of the session: that is for the page to read in the cookie.
 */
import { isSessionError } from '../../../dist/server/index.js'

/** @typedef {import('./desk.mjs').PageEvent} PageEvent */

/**
 * @typedef {object} Verdict
 * @property {number | undefined} [verifiedBy] - the key that verified the cookie as it came
 * @property {number | undefined} [signedBy] - the key whose signature the browser has now
 * @property {number | undefined} [bytes] - bytes of name and value that the browser has now
 * @property {string | undefined} [rejected] - why the cookie was not believed
 * @property {number | undefined} [wouldWrite] - bytes of the cookie that `observe` mode did not set
 * @property {boolean} [ended]
 */

/**
 * @param {PageEvent[]} events - what one request caused
 * @returns {Verdict}
 */
export function verdictOf(events) {
  const read = events.find(({ type }) => type === 'read')
  const committed = events.findLast(({ type }) => type === 'committed')
  const ended = events.some(({ type, observed }) => type === 'destroyed' && !observed)
  const kept = committed && !committed.observed ? committed : read
  return {
    verifiedBy: read?.key,
    rejected: events.find(({ type }) => type === 'rejected')?.code,
    wouldWrite: committed?.observed ? committed.bytes : undefined,
    ...(ended ? { ended } : { signedBy: kept?.key, bytes: kept?.bytes }),
  }
}

/**
 * What went wrong, in words for the visitor. Messages of the project never hold a value.
 *
 * @param {unknown} error
 * @returns {{ status: number, error: { code?: string, message: string, largest?: unknown } }}
 * @throws whatever is not the visitor's doing
 */
export function explain(error) {
  if (isSessionError(error)) {
    const { code, message, path, largest } = error
    return { status: 409, error: { code, message: path ? `${message} (at ${path})` : message, largest } }
  }
  if (error instanceof TypeError) return { status: 400, error: { message: error.message } }
  throw error
}
