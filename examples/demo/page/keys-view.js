/**
 * The keys of the server, and whether the old ones are still needed.
 */
import { element, fill } from './dom.js'
import { fromNow } from './words.js'

/** @typedef {import('./server.js').State} State */

/**
 * @param {HTMLElement} place
 * @param {State} state
 */
export function showKeys(place, { keys, retireAfter, now }) {
  fill(
    place,
    keys.map((key) => {
      const lastSeen = key.lastSeen ? `last seen ${fromNow(new Date(key.lastSeen), Date.parse(now))}` : 'not seen yet'
      return element(
        'li',
        { 'data-tone': key.signs ? 'signs' : key.safeToRetire ? 'safe' : 'waits' },
        element('span', { class: 'key-name' }, `Key ${key.number}`),
        element('span', { class: 'key-role' }, key.signs ? 'signs' : 'verifies'),
        element('span', { class: 'key-seen' }, lastSeen),
        !key.signs && wait(key, retireAfter, now),
      )
    }),
  )
}

/**
 * @param {import('./server.js').ShownKey} key
 * @param {number} retireAfter
 * @param {string} now
 */
function wait({ number, safeToRetire, safeAt }, retireAfter, now) {
  const left = safeToRetire ? 0 : Math.max(1, Math.ceil((Date.parse(safeAt ?? now) - Date.parse(now)) / 1000))
  const bar = element('span', { class: 'wait-bar', 'aria-hidden': 'true' }, element('span', {}))
  const inside = bar.firstElementChild
  if (inside instanceof HTMLElement) inside.style.width = `${Math.min(1, 1 - left / retireAfter) * 100}%`
  return element(
    'span',
    { class: 'key-wait' },
    bar,
    element('span', {}, safeToRetire ? `safe: unused for ${retireAfter} s` : `not yet safe, ${left} s`),
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
