/**
 * What `getSession()` returned, key by key, with what each one costs.
 */
import { costs, journey } from './byte-cost.js'
import { element, fill } from './dom.js'
import { showValue, typeName } from './show-value.js'
import { bytesText } from './words.js'

/** @typedef {import('./reading.js').Reading} Reading */
/** @typedef {{ key: string, value: unknown, isMeta: boolean }} Member */

/**
 * @param {HTMLElement} place
 * @param {Reading} reading
 */
export function showSession(place, { session, inspection, read }) {
  if (!session) {
    fill(place, [element('p', { class: 'nothing' }, element('code', {}, 'null'), ` ${whyNull(inspection)}`)])
    return
  }
  const { claims = {}, meta } = inspection
  const isCompressed = typeof claims.bsZ === 'string'
  const members = [...membersOf(session, false), ...membersOf(metaOf(claims, meta, isCompressed), true)]
  const sizes = costs(Object.fromEntries(members.map(({ key, value }) => [key, value])), isCompressed)
  const payload = read?.parts.find(({ part }) => part === 'payload')?.text ?? ''
  const sum = sizes.reduce((total, { bytes }) => total + bytes, 0)
  const most = Math.max(...sizes.map(({ bytes }) => bytes))
  const rows = members.map((member, index) => row(member, sizes[index]?.bytes ?? 0, most))
  fill(place, [table(rows, isCompressed, inspection.cookie), way(journey({ payload, bsZ: claims.bsZ, total: sum }))])
}

/** @param {Reading['inspection']} inspection */
function whyNull({ candidates, error, over }) {
  if (candidates.length === 0) return 'There is no cookie to read.'
  if (error) return `The cookie cannot be read: ${error}.`
  return over === 'idle' ? 'The session was not used for too long.' : 'The session is over.'
}

/** @param {object} members @param {boolean} isMeta @returns {Member[]} */
function membersOf(members, isMeta) {
  return Object.entries(members).map(([key, value]) => ({ key, value, isMeta }))
}

/**
 * What Beaker keeps beside the data: it costs as well. Times are floating-point seconds, as long as a BSON date.
 *
 * @param {Record<string, unknown>} claims
 * @param {Reading['inspection']['meta']} meta
 * @param {boolean} isCompressed
 */
function metaOf(claims, meta = {}, isCompressed = false) {
  const found = isCompressed
    ? { _id: meta.id, _creation_time: meta.createdAt, _accessed_time: meta.accessedAt }
    : { _id: claims._id, _creation_time: claims._creation_time, _accessed_time: claims._accessed_time }
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined))
}

/** @param {HTMLElement[]} rows @param {boolean} isCompressed @param {string} [cookie] - the rows are from */
function table(rows, isCompressed, cookie) {
  return element(
    'table',
    { class: 'session', role: 'table', 'data-from': cookie },
    element('caption', { class: 'hidden' }, 'Keys of the session and what each costs'),
    element(
      'thead',
      { role: 'rowgroup' },
      element(
        'tr',
        { role: 'row' },
        head('Key'),
        head('Value'),
        head(isCompressed ? 'Bytes of BSON' : 'Bytes of JSON'),
        element('td', { role: 'cell' }),
      ),
    ),
    element('tbody', { role: 'rowgroup' }, rows),
  )
}

/** @param {string} text */
function head(text) {
  return element('th', { scope: 'col', role: 'columnheader' }, text)
}

/** @param {Member} member @param {number} bytes @param {number} most */
function row({ key, value, isMeta }, bytes, most) {
  const bar = element('span', { class: 'cost-bar', 'aria-hidden': 'true' }, element('span', {}))
  const inside = bar.firstElementChild
  if (inside instanceof HTMLElement) inside.style.width = `${(bytes / most) * 100}%`
  return element(
    'tr',
    { role: 'row', class: isMeta ? 'is-meta' : undefined, 'data-key': key },
    element('th', { scope: 'row', role: 'rowheader' }, key),
    element(
      'td',
      { role: 'cell', class: 'cell-value' },
      element(
        'div',
        { class: 'value-line' },
        showValue(value),
        element('span', { class: 'type' }, isMeta ? 'about the session' : typeName(value)),
      ),
    ),
    element('td', { role: 'cell', class: 'cell-cost' }, bar, element('span', { class: 'cost' }, String(bytes))),
    element('td', { role: 'cell', class: 'cell-remove' }, !isMeta && removeButton(key)),
  )
}

/** @param {string} key */
function removeButton(key) {
  return element(
    'button',
    {
      type: 'button',
      class: 'remove',
      'data-remove': key,
      'data-focus': `remove ${key}`,
      'aria-label': `Delete ${key}`,
    },
    '×',
  )
}

/** @param {{ step: string, bytes: number }[]} steps */
function way(steps) {
  return element(
    'ol',
    { class: 'journey', 'aria-label': 'From the data to the cookie' },
    steps.map(({ step, bytes }) => element('li', {}, step, ' ', element('b', {}, bytesText(bytes)))),
  )
}
