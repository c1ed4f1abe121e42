/**
 * The page's talk with the server: a POST for each button, and the stream of events. None of it is needed to read the
 * session.
 */

import { checkSessions, refreshSession } from '../../../dist/client/index.js'

/** @typedef {import('../server/answers.mjs').Verdict & { isRenewed?: boolean }} Verdict */
/** @typedef {import('../server/desk.mjs').PageEvent} PageEvent */
/** @typedef {{ number: number, signs: boolean, lastSeen: string | null, safeToRetire: boolean, safeAt: string | null }} ShownKey */
/**
 * @typedef {object} State
 * @property {import('../server/settings.mjs').Positions} settings
 * @property {ShownKey[]} keys
 * @property {number} retireAfter - seconds
 * @property {number | null} pythonPort
 * @property {string} now
 */
/** @typedef {{ code?: string, message: string, largest?: { key: string, bytes: number }[] }} Problem */
/** @typedef {{ error?: Problem, verdict?: Verdict, events?: PageEvent[], state?: State }} Answer */

/**
 * @param {string} action
 * @param {Record<string, unknown>} [body]
 * @returns {Promise<Answer>} with an error where the server can't be reached
 */
export async function send(action, body = {}) {
  try {
    const response = await fetch(`/${action}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    return await response.json()
  } catch {
    return { error: { message: 'the server does not answer' } }
  } finally {
    // Every browser has the answer's cookies by now, and not every one says so.
    checkSessions()
  }
}

/**
 * Keeps the session while its page is used: a request without anything to say.
 *
 * @returns {Promise<boolean>} whether the server still has the session
 */
export async function renew() {
  try {
    return await refreshSession('/session')
  } catch {
    return false
  }
}

/**
 * @param {object} listener
 * @param {(event: PageEvent) => void} listener.onEvent
 * @param {(state: State) => void} listener.onState
 * @param {(verdict: Verdict) => void} listener.onVerdict
 * @param {() => void} listener.onCheck - somebody has signed out everywhere: is this session one of those?
 * @param {(isOpen: boolean) => void} listener.onConnection - a stream that opens anew tells its log from the start
 */
export function followServer({ onEvent, onState, onVerdict, onCheck, onConnection }) {
  const stream = new EventSource('/events')
  stream.addEventListener('open', () => onConnection(true))
  stream.addEventListener('error', () => onConnection(false))
  stream.addEventListener('session', ({ data }) => onEvent(JSON.parse(data)))
  stream.addEventListener('state', ({ data }) => onState(JSON.parse(data)))
  stream.addEventListener('check', () => onCheck())
  stream.addEventListener('verdict', ({ data }) => onVerdict(JSON.parse(data)))
}
