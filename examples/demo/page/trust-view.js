/**
 * Who checked the signature. The browser never does; the server did when it was asked last.
 */
import { element, fill } from './dom.js'

/** @typedef {import('./server.js').Verdict} Verdict */

/**
 * @param {HTMLElement} place
 * @param {object} view
 * @param {boolean} view.hasCookie
 * @param {Verdict | undefined} view.verdict
 * @param {boolean} view.isCurrent - the cookie is still the one that the verdict is about
 */
export function showTrust(place, { hasCookie, verdict, isCurrent }) {
  const { tone, words } = hasCookie
    ? serverSays(verdict, isCurrent)
    : { tone: 'open', words: 'There is nothing to check.' }
  fill(place, [
    element(
      'dl',
      { class: 'witnesses' },
      witness('This page', 'open', 'cannot tell: it has no key. What it shows may be forged.'),
      witness('The server', tone, words),
    ),
    element(
      'p',
      { class: 'trust-actions' },
      element(
        'button',
        { type: 'button', 'data-forge': true, 'data-focus': 'forge', disabled: !hasCookie },
        'Forge it in this page',
      ),
      element('button', { type: 'button', 'data-action': 'visit', 'data-focus': 'ask' }, 'Ask the server'),
    ),
  ])
}

/**
 * @param {Verdict | undefined} verdict
 * @param {boolean} isCurrent
 */
function serverSays(verdict, isCurrent) {
  if (!verdict || !isCurrent) return { tone: 'open', words: 'was not asked since the cookie changed.' }
  const { verifiedBy, signedBy, rejected, isRenewed } = verdict
  if (isRenewed) return { tone: 'good', words: 'verified it, and renewed it.' }
  if (rejected && !signedBy) return { tone: 'bad', words: `rejected it: ${rejected}.` }
  if (signedBy === undefined) return { tone: 'open', words: 'saw no session.' }
  if (verifiedBy === undefined) return { tone: 'good', words: `signed it with key ${signedBy}.` }
  if (verifiedBy === signedBy) return { tone: 'good', words: `verified it: key ${signedBy} matched.` }
  return { tone: 'good', words: `verified it with key ${verifiedBy} and signed it again with key ${signedBy}.` }
}

/** @param {string} who @param {string} tone @param {string} words */
function witness(who, tone, words) {
  return element('div', { class: 'witness', 'data-tone': tone }, element('dt', {}, who), element('dd', {}, words))
}
