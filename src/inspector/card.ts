/**
 * Everything about one cookie.
 */
import type { SessionError } from '../shared/errors.js'
import type { SessionData, SessionMeta } from '../shared/types.js'
import { count, problemText } from '../shared/words.js'
import { copyButton, element, rows, section } from './dom.js'
import type { Inspected } from './inspected.js'
import { sizes } from './sizes.js'
import { times } from './times.js'
import { dateOf, tree } from './tree.js'
import { type Warning, warningsOf } from './warnings.js'

/** Claims that are times in seconds. */
const TIME_CLAIMS: ReadonlySet<string> = new Set(['exp', 'nbf', 'iat', 'auth_time', '_creation_time', '_accessed_time'])

/** Where more of a card comes to stand: what the keys say of the cookie, and what they can do with it. */
export interface CardPlaces {
  readonly verdict: HTMLElement
  readonly tools: HTMLElement
}

/** @param number - tells the cards of one page apart, from 1 */
export function card(cookie: Inspected, number: number, now: Date, { verdict, tools }: CardPlaces): HTMLElement {
  const { name, title, form, decoded, error, header, unpacking, attributes } = cookie
  const id = `cookie-${number}`
  return element(
    'article',
    { class: 'card', 'aria-labelledby': id },
    element(
      'header',
      { class: 'card-head' },
      element('h2', { id, tabindex: -1 }, name ?? 'Value without a name'),
      element('p', { class: 'format' }, element('b', {}, title), form && `, ${form.what}`),
      element('p', { class: 'badges' }, ...badges(cookie)),
    ),
    glass(cookie),
    verdict,
    error && problem(error, cookie),
    !decoded && !error && element('p', { class: 'problem' }, closedText(cookie)),
    warningList(warningsOf(cookie, now)),
    element(
      'div',
      { class: 'parts' },
      element(
        'div',
        {},
        decoded ? dataPart(decoded.data, now) : undefined,
        header && section('Header', tree(header, now, 'Header')),
        decoded?.claims && claimsPart(decoded.claims, now),
        attributes && attributes.length > 0 && section('Attributes', attributeRows(attributes)),
      ),
      element(
        'div',
        {},
        decoded ? metaPart(decoded.meta, now) : undefined,
        section('Size', sizes(cookie)),
        section('Steps of unpacking', steps(unpacking.steps)),
      ),
    ),
    tools,
  )
}

/** The data that a session holds. */
export function dataPart(data: SessionData, now: Date, title = 'Data'): HTMLElement {
  const isEmpty = Object.keys(data).length === 0
  return section(title, isEmpty ? element('p', { class: 'soft' }, 'No data.') : tree(data, now, title))
}

function metaPart(meta: SessionMeta, now: Date): HTMLElement | undefined {
  const line = times(meta, now)
  if (meta.id === undefined && !line) return undefined
  const id = meta.id === undefined ? undefined : rows([['id', element('code', { class: 'value' }, meta.id)]])
  return section('Session', id, line)
}

function claimsPart(claims: Record<string, unknown>, now: Date): HTMLElement {
  const dates = Object.entries(claims).filter(
    ([key, value]) => TIME_CLAIMS.has(key) && typeof value === 'number' && Math.abs(value) < 8.64e12,
  )
  const inner = element(
    'details',
    { class: 'claims' },
    element('summary', {}, count(Object.keys(claims).length, 'claim')),
    tree(claims, now, 'Claims'),
    dates.length > 0 && rows(dates.map(([key, value]) => [key, dateOf(new Date(Number(value) * 1000), now)] as const)),
  )
  return section('Claims as they stand in the token', inner)
}

function badges({ bytes, unpacking, form, decoded, header }: Inspected): HTMLElement[] {
  const isSealed = form?.name === 'jwe' || form?.name === 'iron' || (form?.name === 'beaker' && !decoded)
  const texts = [
    `${count(bytes, 'byte')}`,
    typeof header?.alg === 'string' && header.alg,
    unpacking.serializer,
    unpacking.isCompressed && 'compressed',
    decoded && 'readable without a key',
    isSealed && 'encrypted',
    'not verified',
  ]
  return texts
    .filter((text): text is string => typeof text === 'string')
    .map((text) => element('span', { class: 'badge', 'data-verdict': text === 'not verified' && 'none' }, text))
}

/** The value itself, its parts in colour. */
function glass({ value, unpacking, name }: Inspected): HTMLElement {
  const code = element(
    'code',
    { class: 'glass', tabindex: 0, role: 'region', 'aria-label': `Text of ${name ?? 'the value'}` },
    ...unpacking.parts.map(({ part, text, what }) => element('span', { 'data-part': part, title: what }, text)),
  )
  const legend = element(
    'ul',
    { class: 'legend', role: 'list' },
    ...unpacking.parts.map(({ part, text, what }) =>
      element(
        'li',
        {},
        element('span', { class: 'swatch', 'data-part': part, 'aria-hidden': 'true' }),
        `${what} `,
        element('span', { class: 'soft' }, String(text.length)),
      ),
    ),
  )
  return element(
    'div',
    { class: 'glass-place' },
    code,
    element(
      'div',
      { class: 'glass-foot' },
      legend,
      copyButton('Copy value', () => value),
    ),
  )
}

function problem(error: SessionError, { title }: Inspected): HTMLElement {
  const text =
    title === 'Beaker, encrypted'
      ? 'It is encrypted, or was made by another serializer. With both keys of Beaker it can be opened below.'
      : problemText(error)
  return element('p', { class: 'problem' }, element('code', {}, error.code), ` ${text}`)
}

function closedText({ form }: Inspected): string {
  switch (form?.name) {
    case 'jwe':
      return 'Only who has the key can read it. With the secret it can be opened below.'
    case 'iron':
      return 'Only who has its password can read it, and this page does not open cookies of iron-session.'
    case 'store-key':
    case 'express-session':
      return 'The cookie only names a session. Its data is on the server.'
    default:
      return 'No format that this page knows looks like this. Paste a value, or a whole Cookie or Set-Cookie header.'
  }
}

export function warningList(warnings: readonly Warning[]): HTMLElement | undefined {
  if (warnings.length === 0) return undefined
  return element(
    'ul',
    { class: 'warnings', role: 'list', 'aria-label': 'Warnings' },
    ...warnings.map(({ level, title, text }) =>
      element('li', { 'data-level': level }, element('b', {}, title), ` ${text}`),
    ),
  )
}

function attributeRows(attributes: readonly string[]): HTMLElement {
  return rows(
    attributes.map((attribute) => {
      const [name = '', ...value] = attribute.split('=')
      return [name.trim(), element('code', { class: 'value' }, value.length > 0 ? value.join('=') : 'yes')] as const
    }),
  )
}

function steps(list: Inspected['unpacking']['steps']): HTMLElement {
  const largest = Math.max(1, ...list.map(({ size }) => size))
  return element(
    'ol',
    { class: 'steps' },
    ...list.map(({ what, size, unit }) => {
      const bar = element('span', { class: 'step-bar', 'aria-hidden': 'true' })
      bar.style.width = `${(size / largest) * 100}%`
      return element(
        'li',
        {},
        element('span', {}, what),
        element('span', { class: 'number' }, count(size, unit.slice(0, -1))),
        bar,
      )
    }),
  )
}
