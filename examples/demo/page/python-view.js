/**
 * What the Beaker application sees in the same cookie. Python has to be asked: it runs on another port of this host.
 */
import { byId, element, fill } from './dom.js'

/** @typedef {{ is_new: boolean, id: string, rows: { key: string, type: string, value: string }[] }} Seen */

/**
 * @param {number} port
 * @param {string} action
 * @returns {Promise<Seen | undefined>}
 */
export async function askPython(port, action) {
  try {
    const url = `${location.protocol}//${location.hostname}:${port}/${action}`
    const response = await fetch(url, { method: 'POST', credentials: 'include' })
    return response.ok ? await response.json() : undefined
  } catch {
    return undefined
  }
}

/** @param {Seen | undefined} seen */
export function showPython(seen) {
  fill(byId('python-session'), [seen ? answer(seen) : element('p', { class: 'nothing' }, 'Python does not answer.')])
}

/** @param {Seen} seen */
function answer({ is_new: isNew, rows }) {
  if (rows.length === 0) {
    return element(
      'p',
      { class: 'nothing' },
      element('code', {}, '{}'),
      isNew ? ' A new, empty session.' : ' An empty session.',
    )
  }
  return element(
    'table',
    { class: 'session', role: 'table' },
    element('caption', { class: 'hidden' }, 'The session in Python'),
    element('tbody', { role: 'rowgroup' }, rows.map(row)),
  )
}

/** @param {Seen['rows'][number]} row */
function row({ key, type, value }) {
  return element(
    'tr',
    { role: 'row' },
    element('th', { scope: 'row', role: 'rowheader' }, key),
    element(
      'td',
      { role: 'cell', class: 'cell-value' },
      element(
        'div',
        { class: 'value-line' },
        element('span', { class: 'value' }, value),
        element('span', { class: 'type' }, type),
      ),
    ),
  )
}
