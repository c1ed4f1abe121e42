/**
 * What `inspectSession()` says: everything a page can know about its cookie without a key.
 */
import { element, fill } from './dom.js'
import { bytesText, dateTime, fromNow } from './words.js'

/**
 * @param {HTMLElement} place
 * @param {import('./reading.js').Reading} reading
 */
export function showInspection(place, { inspection, session }) {
  const { format, header, claims, meta = {}, size, cookie, error, over, endsAt, candidates } = inspection
  const facts = [
    fact('cookie', cookie && code(cookie), 'name'),
    fact('format', format && [code(format), claims?.bsZ ? ', compressed' : ', plain claims'], 'payload'),
    fact('header', header && code(JSON.stringify(header)), 'header'),
    fact('id', meta.id && code(meta.id), 'payload'),
    fact('created', meta.createdAt && moment(meta.createdAt), 'payload'),
    fact('last used', meta.accessedAt && moment(meta.accessedAt), 'payload'),
    fact('ends', endsAt && session && moment(endsAt), 'payload'),
    fact('over because', over && code(over), 'payload'),
    fact('unreadable', error && code(error), 'value'),
    fact('size', size && `${bytesText(size)}, name and value`),
    fact('candidates', candidates.length > 1 && candidates.map((found) => code(found.cookie))),
  ]
  const known = facts.flat().some(Boolean)
  fill(place, [
    known
      ? element('dl', { class: 'facts' }, facts.flat())
      : element('p', { class: 'nothing' }, element('code', {}, 'candidates: []'), ' Nothing to inspect.'),
  ])
}

/**
 * @param {string} name
 * @param {import('./dom.js').Child | import('./dom.js').Child[] | 0} value
 * @param {string} [part] - of the cookie it is written in
 */
function fact(name, value, part) {
  if (!value || (Array.isArray(value) && value.length === 0)) return []
  return [element('div', { class: 'fact', 'data-part': part }, element('dt', {}, name), element('dd', {}, value))]
}

/** @param {string} text */
function code(text) {
  return element('code', {}, text)
}

/** @param {Date} date */
function moment(date) {
  return [
    element('time', { datetime: date.toISOString() }, dateTime(date)),
    ' ',
    element('span', { class: 'relative', 'data-moment': date.getTime() }, fromNow(date)),
  ]
}

/** Times that are told from now on move on. */
export function keepTime() {
  setInterval(() => {
    if (document.hidden) return
    for (const shown of document.querySelectorAll('[data-moment]')) {
      shown.textContent = fromNow(new Date(Number(shown.getAttribute('data-moment'))))
    }
  }, 1000)
}
