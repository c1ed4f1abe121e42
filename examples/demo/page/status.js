/**
 * One line that says how the last press of a button went, for eyes and for screen readers.
 */
import { byId } from './dom.js'
import { bytesText } from './words.js'

/** @typedef {{ tone: 'good' | 'bad', words: string }} Word */

/** @param {Word} word */
export function announce({ tone, words }) {
  const status = byId('status')
  status.dataset.tone = tone
  status.textContent = words
}

/**
 * @param {string} action
 * @param {import('./server.js').Answer} answer
 * @returns {Word}
 */
export function outcome(action, { error, verdict = {}, events = [] }) {
  if (error) return { tone: 'bad', words: problem(error) }
  if (action === 'rotate')
    return { tone: 'good', words: 'A new key signs. Make a request, and your session moves to it.' }
  if (action === 'retire') return { tone: 'good', words: 'The old key is gone.' }
  const kept = events.find(({ type }) => type === 'kept')
  if (kept)
    return { tone: 'bad', words: `The session stays as it was: ${kept.path ?? 'a key'} does not fit plain claims.` }
  const { wouldWrite, bytes, signedBy, rejected, ended } = verdict
  if (ended) return { tone: 'good', words: 'Signed out. The cookie is gone.' }
  if (wouldWrite !== undefined)
    return { tone: 'good', words: `Observed: the server would have written ${bytesText(wouldWrite)}.` }
  if (bytes !== undefined)
    return { tone: 'good', words: `The server wrote ${bytesText(bytes)}, signed with key ${signedBy}.` }
  if (rejected) return { tone: 'bad', words: `The server rejected the cookie: ${rejected}.` }
  return { tone: 'good', words: 'There is no session, so nothing was written.' }
}

/**
 * What became of the session without a press of a button here.
 *
 * @param {import('../../../dist/client/index.js').SessionChange} reason
 * @param {Partial<import('./session.js').DemoSession> | null} previous
 * @param {Partial<import('./session.js').DemoSession> | null} session
 * @returns {Word | undefined}
 */
export function told(reason, previous, session) {
  if (reason === 'expired') return { tone: 'bad', words: 'The session has ended: nothing used it for too long.' }
  if (reason === 'signedOut') {
    return {
      tone: 'good',
      words: `${previous?.user?.name ?? 'You'} signed out in another tab. This page sent no request.`,
    }
  }
  if (reason === 'changed') return undefined
  return { tone: 'good', words: `${session?.user?.name ?? 'You'} signed in in another tab.` }
}

/** @param {import('./server.js').Problem} error */
function problem({ message, largest }) {
  const biggest = largest?.slice(0, 2).map(({ key, bytes }) => `${key} ${bytesText(bytes)}`) ?? []
  return biggest.length > 0
    ? `${message.replace(/ \(see .*/, '')}. Biggest: ${biggest.join(', ')}. The old cookie stays.`
    : message
}
