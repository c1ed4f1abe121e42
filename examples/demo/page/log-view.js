/**
 * The log of the server's events, the newest first.
 */
import { element } from './dom.js'
import { bytesText, clockTime } from './words.js'

const KEPT = 60

/** @param {HTMLElement} list */
export function createLog(list) {
  return {
    clear: () => list.replaceChildren(),
    /** @param {import('./server.js').PageEvent} event */
    add(event) {
      list.prepend(entry(event))
      while (list.children.length > KEPT) list.lastElementChild?.remove()
    },
  }
}

/** @param {import('./server.js').PageEvent} event */
function entry({ type, time, key, codec, bytes, code, path, candidates, observed }) {
  const details = [
    codec,
    key === undefined ? undefined : `key ${key}`,
    bytes === undefined ? undefined : bytesText(bytes),
    candidates === undefined ? undefined : `${candidates} cookies`,
    code,
    path && `at ${path}`,
  ].filter((text) => text !== undefined)
  const date = new Date(time)
  return element(
    'li',
    { 'data-type': type, 'data-observed': Boolean(observed) },
    element('time', { datetime: date.toISOString() }, clockTime(date)),
    element('b', {}, observed ? `would: ${type}` : type),
    element('span', {}, details.join(' · ')),
  )
}
