/**
 * The keys of the server, and whether the old ones are still needed.
 */
import { element, fill } from './dom.js'
import { fromNow } from './words.js'

/** @typedef {import('./server.js').State} State */

/** What is drawn: the numbers, and which of them can go. */
let drawn = ''

/**
 * @param {HTMLElement} place
 * @param {State} state
 */
export function showKeys(place, { keys, retireAfter, now }) {
  // Time passes each second. Buttons stay as they are then, so that a press is never lost.
  const shape = JSON.stringify(keys.map(({ number, safeToRetire }) => ({ number, safeToRetire })))
  if (shape !== drawn) fill(place, keys.map(item))
  drawn = shape
  for (const [index, key] of keys.entries()) tell(place.children[index], key, retireAfter, Date.parse(now))
}

/** @param {import('./server.js').ShownKey} key */
function item({ number, signs, safeToRetire }) {
  return element(
    'li',
    { 'data-tone': signs ? 'signs' : safeToRetire ? 'safe' : 'waits' },
    element('span', { class: 'key-name' }, `Key ${number}`),
    element('span', { class: 'key-role' }, signs ? 'signs' : 'verifies'),
    element('span', { class: 'key-seen' }),
    !signs && wait(number, safeToRetire),
  )
}

/** @param {number} number @param {boolean} safeToRetire */
function wait(number, safeToRetire) {
  return element(
    'span',
    { class: 'key-wait' },
    element('span', { class: 'wait-bar', 'aria-hidden': 'true' }, element('span', {})),
    element('span', { class: 'wait-words' }),
    element(
      'button',
      {
        type: 'button',
        'data-retire': number,
        'data-focus': `retire ${number}`,
        'aria-disabled': safeToRetire ? undefined : 'true',
      },
      `Retire key ${number}`,
    ),
  )
}

/**
 * @param {Element | undefined} place
 * @param {import('./server.js').ShownKey} key
 * @param {number} retireAfter - seconds
 * @param {number} now - milliseconds, by the server's clock
 */
function tell(place, { lastSeen, signs, safeToRetire, safeAt }, retireAfter, now) {
  const seen = place?.querySelector('.key-seen')
  if (seen) seen.textContent = lastSeen ? `last seen ${fromNow(new Date(lastSeen), now)}` : 'not seen yet'
  const words = place?.querySelector('.wait-words')
  const bar = place?.querySelector('.wait-bar span')
  if (signs || !words || !(bar instanceof HTMLElement)) return
  const left = safeToRetire ? 0 : Math.max(1, Math.ceil((Date.parse(safeAt ?? '') - now) / 1000))
  bar.style.width = `${Math.min(1, 1 - left / retireAfter) * 100}%`
  words.textContent = safeToRetire ? `safe: unused for ${retireAfter} s` : `not yet safe, ${left} s`
}
