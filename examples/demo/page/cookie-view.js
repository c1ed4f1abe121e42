/**
 * The cookie as a strip of glass: its parts in colour, and how much of what browsers keep it takes.
 */
import { element, fill } from './dom.js'
import { demoSession } from './session.js'
import { bytesText } from './words.js'

/** Bytes of name and value that browsers keep. */
const MOST = 4096

/** @typedef {import('./reading.js').VisibleCookie} VisibleCookie */

/**
 * @param {HTMLElement} place
 * @param {object} view
 * @param {VisibleCookie[]} view.cookies
 * @param {number | undefined} view.hiddenBytes - size of the session's own cookie, where scripts can't see it
 * @param {boolean} view.isRejected - the server did not believe the session's own cookie
 */
export function showCookies(place, { cookies, hiddenBytes, isRejected }) {
  const shown = cookies.map((cookie) => glass(cookie, isRejected && cookie.name === demoSession.name))
  if (hiddenBytes !== undefined) shown.unshift(frosted(hiddenBytes))
  fill(place, shown.length > 0 ? shown : [empty()])
}

/**
 * The same strip in small, for when the large one is scrolled away.
 *
 * @param {HTMLElement} place
 * @param {VisibleCookie | undefined} cookie
 */
export function showMiniature(place, cookie) {
  const pieces = (cookie?.parts ?? []).map(({ part, text }) => {
    const piece = element('span', { 'data-part': part })
    piece.style.flexGrow = String(text.length)
    return piece
  })
  const words = cookie
    ? [element('code', {}, cookie.name), total(cookie.size)]
    : [element('span', {}, 'no cookie to read')]
  fill(place, [words[0], element('span', { class: 'miniature-strip' }, pieces), words[1]])
}

/** @param {VisibleCookie} cookie @param {boolean} isRejected */
function glass({ name, value, size, parts }, isRejected) {
  const text = element(
    'code',
    { class: 'cookie-text', tabindex: 0, role: 'region', 'aria-label': `Text of the cookie ${name}` },
    parts.flatMap(({ part, text }, index) => [
      index > 0 && element('span', { class: 'cookie-mark' }, index === 1 ? '=' : '.'),
      element('span', { class: 'cookie-part', 'data-part': part, 'data-cookie': name }, text),
    ]),
  )
  const light = element('div', { class: 'light', 'aria-hidden': 'true' })
  light.style.background = lightThrough(parts)
  const head = element(
    'div',
    { class: 'slab-head' },
    legend(parts),
    isRejected && rejected(),
    inspectorLink(name, value),
    total(size),
  )
  const slab = element('div', { class: isRejected ? 'slab is-rejected' : 'slab' }, head, text, gauge(name, size, parts))
  return element('article', { class: 'cookie', 'aria-label': `Cookie ${name}` }, light, slab)
}

/** @param {VisibleCookie['parts']} parts */
function lightThrough(parts) {
  const length = parts.reduce((sum, { text }) => sum + text.length, 0)
  let end = 0
  const stops = parts.map(({ part, text }) => {
    const middle = end + text.length / 2
    end += text.length
    return `var(--${part === 'value' ? 'payload' : part}) ${Math.round((middle / length) * 100)}%`
  })
  return `linear-gradient(90deg, ${stops.join(', ')})`
}

/** @param {VisibleCookie['parts']} parts */
function legend(parts) {
  return element(
    'ul',
    { class: 'legend', role: 'list' },
    parts.map(({ part, text }) =>
      element(
        'li',
        {},
        element(
          'button',
          { type: 'button', 'data-part': part, 'data-pin': part, 'data-focus': `pin ${part}`, 'aria-pressed': 'false' },
          element('span', { class: 'swatch', 'aria-hidden': 'true' }),
          part,
          ' ',
          element('b', {}, String(text.length)),
        ),
      ),
    ),
  )
}

/** @param {string} name @param {string} value */
function inspectorLink(name, value) {
  // Browsers never send what stands behind #.
  const href = `/dist/inspector.html#${encodeURIComponent(`${name}=${value}`)}`
  return element(
    'a',
    { href, target: '_blank', rel: 'noreferrer', 'data-focus': `inspect ${name}` },
    'Open in the inspector',
  )
}

function rejected() {
  return element('p', { class: 'verdict' }, 'Rejected by the server')
}

/** @param {number} size */
function total(size) {
  return element('p', { class: 'total' }, element('b', {}, String(size)), ` of ${MOST} bytes`)
}

/** @param {string} name @param {number} size @param {VisibleCookie['parts']} parts */
function gauge(name, size, parts) {
  const tube = element('div', {
    class: 'gauge',
    role: 'meter',
    'aria-label': `Size of ${name}`,
    'aria-valuemin': 0,
    'aria-valuemax': MOST,
    'aria-valuenow': size,
    'aria-valuetext': `${bytesText(size)} of ${MOST}`,
  })
  for (const { part, text } of parts) {
    const piece = element('span', { 'data-part': part })
    piece.style.width = `${(text.length / MOST) * 100}%`
    tube.append(piece)
  }
  const marks = [0, 1024, 2048, 3072, MOST].map((mark) => element('span', {}, String(mark)))
  return element(
    'div',
    { class: 'gauge-place' },
    tube,
    element('div', { class: 'scale', 'aria-hidden': 'true' }, marks),
  )
}

/** @param {number} bytes */
function frosted(bytes) {
  return element(
    'article',
    { class: 'cookie slab slab-frosted', 'aria-label': `Cookie ${demoSession.name}, closed to scripts` },
    element(
      'div',
      { class: 'slab-head' },
      element(
        'p',
        { class: 'frosted-name' },
        element('code', {}, demoSession.name),
        element('span', { class: 'badge' }, 'HttpOnly'),
      ),
      total(bytes),
    ),
    element(
      'p',
      { class: 'frosted-note' },
      'The session itself. Scripts can neither read nor steal it; the server told its size.',
    ),
  )
}

/** The shape of what will be there. */
function empty() {
  const ghosts = /** @type {const} */ (['name', 'header', 'payload', 'signature']).map((part) =>
    element('span', { class: 'ghost', 'data-part': part }, part),
  )
  return element(
    'article',
    { class: 'cookie slab slab-empty', 'aria-label': 'No cookie' },
    element('p', { class: 'ghosts', 'aria-hidden': 'true' }, ghosts),
    element('p', {}, 'No session cookie here. Sign in, and it appears in this glass.'),
  )
}
