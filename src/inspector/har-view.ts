/**
 * The sessions of a HAR file as a time line.
 */

import { count, utc } from '../shared/words.js'
import { button, element, say } from './dom.js'
import { type Change, type HarEvent, type HarSession, readHar, textOf, turns } from './har.js'

/** Cookies that are shown: a file that somebody made up may have any number. */
const SHOWN_SESSIONS = 200
/** Events that are shown before a button shows the next. */
const SHOWN = 100
const SHOWN_CHANGES = 30
/** Characters of a value in a change. */
const SHOWN_VALUE = 160
/** Characters of an address. */
const SHOWN_URL = 300

/** Which file is the last. */
let showing = 0

/**
 * @param har - the parsed file
 * @param open - shows one cookie
 */
export async function showHar(har: unknown, place: HTMLElement, open: (text: string) => void): Promise<void> {
  const mine = ++showing
  const reading = await readHar(har)
  if (mine !== showing) return
  if (!reading) return void place.replaceChildren(problem('This JSON is no HAR file: it has no log with entries.'))
  const { sessions, requests, hasCookies } = reading
  const found = `${count(requests, 'request')}, ${count(sessions.length, 'session cookie')}`
  place.replaceChildren(element('p', { class: 'har-total' }, element('b', {}, found)))
  say('The file was read')
  if (sessions.length === 0) {
    place.append(
      problem(
        hasCookies
          ? 'None of its cookies has a form of sessions that this page knows.'
          : 'It has no cookies. Browsers leave them out unless you ask: in Chrome, export the HAR "with sensitive data".',
      ),
    )
  }
  const turn = turns()
  for (const [index, session] of sessions.slice(0, SHOWN_SESSIONS).entries()) {
    place.append(sessionCard(session, index + 1, open))
    await turn()
    if (mine !== showing) return
  }
  const left = sessions.length - SHOWN_SESSIONS
  if (left > 0) place.append(problem(`${count(left, 'more session cookie')} of the file are not shown.`))
}

function problem(text: string): HTMLElement {
  return element('p', { class: 'problem' }, text)
}

function sessionCard(session: HarSession, number: number, open: (text: string) => void): HTMLElement {
  const { name, host, events, unchanged } = session
  const id = `session-${number}`
  const title = events.find(({ cookie }) => cookie)?.cookie?.title ?? ''
  const list = element('ol', { class: 'events' })
  const start = events[0]?.time ?? new Date(0)
  const showFrom = (first: number): void => {
    for (const event of events.slice(first, first + SHOWN)) list.append(eventItem(event, start, open))
    const left = events.length - first - SHOWN
    if (left <= 0) return
    const more = element('li', {})
    more.append(
      button(`Show more (${left.toLocaleString('en')} left)`, () => {
        more.remove()
        showFrom(first + SHOWN)
      }),
    )
    list.append(more)
  }
  showFrom(0)
  return element(
    'article',
    { class: 'card', 'aria-labelledby': id },
    element(
      'header',
      { class: 'card-head' },
      element('h2', { id }, name),
      element('p', { class: 'format' }, element('b', {}, title), ` on ${host}`),
      element(
        'p',
        { class: 'soft' },
        `${count(events.length, 'change')} from ${utc(start)} on; ${count(unchanged, 'request')} sent it as it was.`,
      ),
    ),
    list,
  )
}

const KINDS: Readonly<Record<HarEvent['kind'], string>> = {
  sent: 'The request brought it',
  set: 'The response set it',
  removed: 'The response removed it',
}

function eventItem(event: HarEvent, start: Date, open: (text: string) => void): HTMLElement {
  const { kind, time, method, url, status, cookie, changes } = event
  const after = (+time - +start) / 1000
  return element(
    'li',
    { 'data-kind': kind },
    element(
      'p',
      { class: 'event-head' },
      element('b', {}, KINDS[kind]),
      element('time', { datetime: time.toISOString(), class: 'soft' }, `+${after.toFixed(after < 100 ? 2 : 0)} s`),
    ),
    element(
      'p',
      { class: 'request' },
      element('code', {}, `${method} ${shortened(url, SHOWN_URL)}`),
      ` ${status || ''}`,
    ),
    changes.length > 0 && changeList(changes),
    cookie && changes.length === 0 && element('p', { class: 'soft' }, plainText(event)),
    cookie &&
      element(
        'p',
        { class: 'event-foot' },
        element('span', { class: 'soft' }, `${cookie.title}, ${count(cookie.bytes, 'byte')} `),
        button('Inspect', () => open(headerOf(event))),
      ),
  )
}

function headerOf({ kind, cookie }: HarEvent): string {
  const { name = '', value = '', attributes = [] } = cookie ?? {}
  const pair = `${name}=${value}`
  return kind === 'set' ? `Set-Cookie: ${[pair, ...attributes].join('; ')}` : `Cookie: ${pair}`
}

function plainText({ cookie }: HarEvent): string {
  const keys = Object.keys(cookie?.decoded?.data ?? {})
  if (!cookie?.decoded) return "What is in it can't be read without a key."
  return keys.length === 0 ? 'It has no data.' : `It holds ${keys.slice(0, 20).join(', ')}.`
}

function changeList(changes: readonly Change[]): HTMLElement {
  const items = changes
    .slice(0, SHOWN_CHANGES)
    .map(({ key, before, after, how }) =>
      element(
        'li',
        { 'data-how': how },
        element('span', { class: 'how' }, how),
        element('span', { class: 'key' }, key),
        how !== 'added' && element('del', {}, shortened(textOf(before), SHOWN_VALUE)),
        how !== 'removed' && element('ins', {}, shortened(textOf(after), SHOWN_VALUE)),
      ),
    )
  const left = changes.length - items.length
  return element('ul', { class: 'changes', role: 'list' }, ...items, left > 0 && element('li', {}, `and ${left} more`))
}

function shortened(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most)}…` : text
}
