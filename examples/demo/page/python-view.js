/**
 * What the Beaker application sees in the same cookie. Python has to be asked: it runs on another port of this host.
 */
import { byId, element, fill } from './dom.js'

/** @typedef {{ is_new: boolean, id: string, rows: { key: string, type: string, value: string }[] }} Seen */
/** @typedef {{ kept: string }} Kept - why Python left the cookie as it was */

/**
 * @param {number} port
 * @param {string} action
 * @returns {Promise<Seen | Kept | undefined>}
 */
export async function askPython(port, action) {
  try {
    const url = `${location.protocol}//${location.hostname}:${port}/${action}`
    const response = await fetch(url, { method: 'POST', credentials: 'include' })
    return response.ok || response.status === 409 ? await response.json() : undefined
  } catch {
    return undefined
  }
}

/**
 * @param {Seen | Kept | undefined} said
 * @returns {import('./status.js').Word}
 */
export function showPython(said) {
  if (!said) return refused('Python does not answer.')
  if ('kept' in said) return refused(`The session stays as it was: ${said.kept}.`)
  fill(byId('python-session'), [answer(said)])
  return { tone: 'good', words: 'Python answered, and wrote the cookie anew.' }
}

/**
 * @param {string} words
 * @returns {import('./status.js').Word}
 */
function refused(words) {
  fill(byId('python-session'), [element('p', { class: 'nothing' }, words)])
  return { tone: 'bad', words }
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
