/**
 * What `getSession()` returned, key by key, with what each one costs; and beside it what else the cookie holds.
 */
import { decodeSession } from '../../../dist/shared/index.js'
import { costs, journey } from './byte-cost.js'
import { element, fill } from './dom.js'
import { showValue, typeName } from './show-value.js'
import { bytesText } from './words.js'

/** @typedef {import('./reading.js').Reading} Reading */
/**
 * @typedef {object} Member
 * @property {string} key - as the cookie has it
 * @property {unknown} value
 * @property {string} [told] - where `inspectSession()` tells it, which `getSession()` does not
 */

/**
 * @param {HTMLElement} place
 * @param {Reading} reading
 */
export function showSession(place, { session, inspection, read }) {
  if (!session) {
    fill(place, [element('p', { class: 'nothing' }, element('code', {}, 'null'), ` ${whyNull(inspection)}`)])
    return
  }
  const { claims = {}, meta, own, value = '' } = inspection
  const isCompressed = typeof claims.bsZ === 'string'
  const returned = Object.entries(session).map(([key, value]) => ({ key, value }))
  const members = [...returned, ...(isCompressed ? besideBson(meta, own, value) : besideClaims(claims, session))]
  const sizes = costs(Object.fromEntries(members.map(({ key, value }) => [key, value])), isCompressed)
  const payload = read?.parts.find(({ part }) => part === 'payload')?.text ?? ''
  const sum = sizes.reduce((total, { bytes }) => total + bytes, 0)
  const most = Math.max(...sizes.map(({ bytes }) => bytes))
  const rows = members.map((member, index) => row(member, sizes[index]?.bytes ?? 0, most))
  const groups = [group('returned', rows.slice(0, returned.length))]
  if (rows.length > returned.length) groups.push(group('beside', [besideHead(), ...rows.slice(returned.length)]))
  fill(place, [table(groups, isCompressed, inspection.cookie), way(journey({ payload, bsZ: claims.bsZ, total: sum }))])
}

/** @param {Reading['inspection']} inspection */
function whyNull({ candidates, error, over }) {
  if (candidates.length === 0) return 'There is no cookie to read.'
  if (error) return `The cookie cannot be read: ${error}.`
  return over === 'idle' ? 'The session was not used for too long.' : 'The session is over.'
}

/**
 * What Beaker keeps beside the data: it costs as well. Times are floating-point seconds, as long as a BSON date.
 *
 * @param {NonNullable<Reading['inspection']['meta']>} [meta]
 * @param {Reading['inspection']['own']} own - the lifetime of `remember`
 * @param {string} value - of the cookie
 * @returns {Member[]}
 */
function besideBson({ id, createdAt, accessedAt } = {}, own, value) {
  const { _authenticated_at } = decodeSession(value).data
  const found = [
    { key: '_session_expiry', value: own?.idleTimeout && own.idleTimeout / 1000, told: 'own.idleTimeout' },
    { key: '_id', value: id, told: 'meta.id' },
    { key: '_authenticated_at', value: _authenticated_at, told: 'claims.bsZ' },
    { key: '_creation_time', value: createdAt, told: 'meta.createdAt' },
    { key: '_accessed_time', value: accessedAt, told: 'meta.accessedAt' },
  ]
  return found.filter(({ value }) => value)
}

/**
 * @param {Record<string, unknown>} claims
 * @param {object} session
 * @returns {Member[]}
 */
function besideClaims(claims, session) {
  const rest = Object.entries(claims).filter(([key]) => !Object.hasOwn(session, key))
  return rest.map(([key, value]) => ({ key, value, told: `claims.${key}` }))
}

/** @param {HTMLElement[]} groups @param {boolean} isCompressed @param {string} [cookie] - the rows are from */
function table(groups, isCompressed, cookie) {
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
    groups,
  )
}

/** @param {'returned' | 'beside'} name @param {HTMLElement[]} rows */
function group(name, rows) {
  return element('tbody', { role: 'rowgroup', 'data-rows': name }, rows)
}

function besideHead() {
  return element(
    'tr',
    { role: 'row', class: 'beside-head' },
    element(
      'th',
      { scope: 'rowgroup', role: 'rowheader', colspan: 4 },
      'Also in the cookie ',
      element('span', { class: 'type' }, 'not returned: ', element('code', {}, 'inspectSession()'), ' tells it'),
    ),
  )
}

/** @param {string} text */
function head(text) {
  return element('th', { scope: 'col', role: 'columnheader' }, text)
}

/** @param {Member} member @param {number} bytes @param {number} most */
function row({ key, value, told }, bytes, most) {
  const bar = element('span', { class: 'cost-bar', 'aria-hidden': 'true' }, element('span', {}))
  const inside = bar.firstElementChild
  if (inside instanceof HTMLElement) inside.style.width = `${(bytes / most) * 100}%`
  return element(
    'tr',
    { role: 'row', class: told && 'is-meta', 'data-key': key },
    element('th', { scope: 'row', role: 'rowheader' }, key),
    element(
      'td',
      { role: 'cell', class: 'cell-value' },
      element(
        'div',
        { class: 'value-line' },
        showValue(value),
        element('span', { class: 'type' }, told ? element('code', {}, told) : typeName(value)),
      ),
    ),
    element('td', { role: 'cell', class: 'cell-cost' }, bar, element('span', { class: 'cost' }, String(bytes))),
    element('td', { role: 'cell', class: 'cell-remove' }, !told && removeButton(key)),
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
