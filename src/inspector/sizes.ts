/**
 * What takes the bytes of a cookie: a bar against what browsers keep, and each key's share.
 */
import type { SessionMeta } from '../shared/types.js'
import { count } from '../shared/words.js'
import { element } from './dom.js'
import { COOKIE_BYTES, type Inspected } from './inspected.js'
import { weightOf } from './unpacking.js'

interface Share {
  readonly label: string
  readonly bytes: number
  readonly part: 'name' | 'header' | 'signature' | 'key'
}

/** Keys that have a row of their own; the rest is one. */
const SHOWN = 12

export function sizes(cookie: Inspected): HTMLElement {
  const shares = sharesOf(cookie)
  const { bytes, unpacking } = cookie
  const bar = element('div', {
    class: 'bar',
    role: 'meter',
    'aria-label': 'Size of the cookie',
    'aria-valuemin': 0,
    'aria-valuemax': COOKIE_BYTES,
    'aria-valuenow': Math.min(bytes, COOKIE_BYTES),
    'aria-valuetext': `${count(bytes, 'byte')} of ${COOKIE_BYTES}`,
  })
  const whole = Math.max(bytes, COOKIE_BYTES)
  const list = element('ul', { class: 'shares', role: 'list' })
  shares.forEach(({ label, bytes: part, part: kind }, index) => {
    const tone = kind === 'key' ? `key-${index % 6}` : kind
    const piece = element('span', { 'data-tone': tone })
    piece.style.width = `${(part / whole) * 100}%`
    bar.append(piece)
    list.append(
      element(
        'li',
        {},
        element('span', { class: 'swatch', 'data-tone': tone, 'aria-hidden': 'true' }),
        element('span', { class: kind === 'key' ? 'key' : '' }, label),
        element('span', { class: 'number' }, count(part, 'byte')),
      ),
    )
  })
  const isShared = unpacking.isCompressed && shares.some(({ part }) => part === 'key')
  return element(
    'div',
    { class: 'sizes' },
    element(
      'p',
      { class: 'total' },
      element('b', {}, bytes.toLocaleString('en')),
      ` of ${COOKIE_BYTES} bytes that a browser keeps`,
    ),
    bar,
    list,
    isShared &&
      element(
        'p',
        { class: 'soft' },
        'Keys are compressed together: their bytes are shared out by their size before that.',
      ),
  )
}

function sharesOf({ name = '', value, bytes, decoded, unpacking }: Inspected): Share[] {
  const lengthOf = (part: string): number =>
    unpacking.parts.reduce((sum, one) => sum + (one.part === part ? one.text.length : 0), 0)
  const nameBytes = bytes - new TextEncoder().encode(value).length
  const header = lengthOf('header')
  const signature = lengthOf('signature')
  const rest = bytes - nameBytes - header - signature
  const fixed: Share[] = [
    { label: name === '' ? 'name' : `name ${name}`, bytes: nameBytes, part: 'name' },
    { label: 'header and separators', bytes: header, part: 'header' },
    { label: 'signature', bytes: signature, part: 'signature' },
  ]
  return [
    ...fixed.filter((share) => share.bytes > 0),
    ...keyShares(rest, decoded && { ...decoded.data, ...metaKeys(decoded.meta) }),
  ]
}

/** Id and times are in the payload, too. */
function metaKeys({ id, createdAt, accessedAt, expiresAt }: SessionMeta): object {
  const times = [createdAt, accessedAt, expiresAt].filter((time) => time !== undefined)
  return id === undefined && times.length === 0 ? {} : { 'id and times': [id ?? '', ...times] }
}

function keyShares(rest: number, data: object | undefined): Share[] {
  const entries = Object.entries(data ?? {})
  if (entries.length === 0) return [{ label: 'payload', bytes: rest, part: 'key' }]
  const weights = entries.map(([key, value]) => ({ label: key, weight: weightOf(key, value) }))
  weights.sort((a, b) => b.weight - a.weight)
  const sum = weights.reduce((sum, { weight }) => sum + weight, 0)
  const shown = weights.slice(0, SHOWN)
  const others = weights.slice(SHOWN)
  const all =
    others.length === 0
      ? shown
      : [
          ...shown,
          {
            label: `${count(others.length, 'other key')}`,
            weight: others.reduce((sum, { weight }) => sum + weight, 0),
          },
        ]
  let left = rest
  return all.map(({ label, weight }, index) => {
    const bytes = index === all.length - 1 ? left : Math.min(left, Math.round((rest * weight) / sum))
    left -= bytes
    return { label, bytes, part: 'key' }
  })
}
