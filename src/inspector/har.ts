/**
 * The sessions of a HAR file: which request sent which value, and which response set it.
 * HAR 1.2, as browsers export it.
 */
import { formOf } from '../shared/cookie-forms.js'
import { cookiesIn } from '../shared/pasted-cookies.js'
import { type Inspected, inspectCookie } from './inspected.js'

/** What happened to a session. */
export interface HarEvent {
  /** `sent`: the request brought a value that no response of the file had set. */
  readonly kind: 'sent' | 'set' | 'removed'
  readonly time: Date
  readonly method: string
  readonly url: string
  readonly status: number
  /** Absent once it is removed. */
  readonly cookie?: Inspected
  readonly changes: readonly Change[]
}

/** One key that differs from the value before. */
export interface Change {
  readonly key: string
  readonly before: unknown
  readonly after: unknown
  readonly how: 'added' | 'removed' | 'changed'
}

/** One cookie of one host. */
export interface HarSession {
  readonly name: string
  readonly host: string
  readonly events: HarEvent[]
  /** Requests that sent the value as it was. */
  unchanged: number
}

export interface HarReading {
  readonly sessions: readonly HarSession[]
  readonly requests: number
  /** Browsers leave cookies out of an export unless they are asked for them. */
  readonly hasCookies: boolean
}

/** Milliseconds of work before the page may draw and take input. */
const SLICE = 12

/** Waits until the browser had its turn, if it is time. */
export function turns(): () => Promise<void> {
  let start = performance.now()
  return async () => {
    if (performance.now() - start < SLICE) return
    await new Promise((resolve) => setTimeout(resolve))
    start = performance.now()
  }
}

/**
 * Reads all entries, in the order of their time.
 *
 * @param har - the parsed file; what is malformed in it is left out
 * @returns undefined if it is no HAR
 */
export async function readHar(har: unknown): Promise<HarReading | undefined> {
  const { entries } = membersOf(membersOf(har).log)
  if (!Array.isArray(entries)) return undefined
  const sorted = entries.map(entryOf).sort((a, b) => +a.time - +b.time)
  const sessions = new Map<string, HarSession>()
  const turn = turns()
  let hasCookies = false
  for (const entry of sorted) {
    const { host, sent, set } = entry
    hasCookies ||= sent !== '' || set.length > 0
    for (const cookie of cookiesIn(sent === '' ? '' : `Cookie: ${sent}`)) {
      noteSent(sessions, host, entry, cookie.name ?? '', cookie.value)
    }
    for (const { name = '', value, attributes } of cookiesIn(set.map((line) => `Set-Cookie: ${line}`).join('\n'))) {
      noteSet(sessions, host, entry, inspectCookie({ name, value, attributes: attributes ?? [] }))
    }
    for (const line of set) noteRemoved(sessions, host, entry, line)
    await turn()
  }
  return {
    sessions: [...sessions.values()].filter(({ events }) => events.length > 0),
    requests: sorted.length,
    hasCookies,
  }
}

interface Entry extends Pick<HarEvent, 'time' | 'method' | 'url' | 'status'> {
  readonly host: string
  /** The Cookie header. */
  readonly sent: string
  /** The Set-Cookie headers. */
  readonly set: readonly string[]
}

function entryOf(raw: unknown): Entry {
  const entry = membersOf(raw)
  const [request, response] = [membersOf(entry.request), membersOf(entry.response)]
  const time = new Date(stringOf(entry.startedDateTime))
  const url = stringOf(request.url)
  const listed = pairsOf(request.cookies).map(({ name, value }) => `${name}=${value}`)
  return {
    time: Number.isNaN(+time) ? new Date(0) : time,
    url,
    method: stringOf(request.method),
    status: typeof response.status === 'number' ? response.status : 0,
    host: hostOf(url),
    sent: headersOf(request, 'cookie')[0] ?? listed.join('; '),
    // Chromium writes several headers of one name as one with line ends.
    set: headersOf(response, 'set-cookie').flatMap((value) => value.split(/\r?\n/)),
  }
}

function headersOf({ headers }: Record<string, unknown>, wanted: string): string[] {
  return pairsOf(headers).flatMap(({ name, value }) => (name.toLowerCase() === wanted ? [value] : []))
}

/** Names with their values. */
function pairsOf(list: unknown): { readonly name: string; readonly value: string }[] {
  if (!Array.isArray(list)) return []
  return list.map(membersOf).map(({ name, value }) => ({ name: stringOf(name), value: stringOf(value) }))
}

/** Nothing of a file that somebody else made needs to be what it should be. */
function membersOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function stringOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function hostOf(url: string): string {
  try {
    return new URL(url).host
  } catch {
    return ''
  }
}

/** A name that sounds like a session, for values that only name one. */
const SESSION_NAME = /sess|sid|auth|token|login/i

function isSession(name: string, value: string): boolean {
  const form = formOf(value)
  return form !== undefined && (form.name !== 'store-key' || SESSION_NAME.test(name))
}

function sessionOf(sessions: Map<string, HarSession>, host: string, name: string): HarSession {
  const key = `${host} ${name}`
  const session = sessions.get(key) ?? { name, host, events: [], unchanged: 0 }
  sessions.set(key, session)
  return session
}

function noteSent(sessions: Map<string, HarSession>, host: string, entry: Entry, name: string, value: string): void {
  const known = sessions.get(`${host} ${name}`)
  if (!known && !isSession(name, value)) return
  const session = sessionOf(sessions, host, name)
  if (lastValue(session) === value) session.unchanged++
  else note(session, 'sent', entry, inspectCookie({ name, value }))
}

function noteSet(sessions: Map<string, HarSession>, host: string, entry: Entry, cookie: Inspected): void {
  const { name = '', value } = cookie
  if (sessions.has(`${host} ${name}`) || isSession(name, value))
    note(sessionOf(sessions, host, name), 'set', entry, cookie)
}

/** An empty value, or an end that has passed. */
function noteRemoved(sessions: Map<string, HarSession>, host: string, entry: Entry, line: string): void {
  const [, name = '', value] = /^\s*([^=;\s]+)=([^;]*)/.exec(line) ?? []
  const session = sessions.get(`${host} ${name}`)
  if (!session) return
  const [, maxAge] = /;\s*max-age\s*=\s*(-?\d+)/i.exec(line) ?? []
  const [, expires] = /;\s*expires\s*=\s*([^;]+)/i.exec(line) ?? []
  const isPast = maxAge === undefined ? expires !== undefined && new Date(expires) <= entry.time : Number(maxAge) <= 0
  if (isPast || value === '' || value === '""') note(session, 'removed', entry)
}

function lastValue({ events }: HarSession): string | undefined {
  return events.at(-1)?.cookie?.value
}

function note(
  session: HarSession,
  kind: HarEvent['kind'],
  { time, method, url, status }: Entry,
  cookie?: Inspected,
): void {
  const before = session.events.at(-1)?.cookie
  const changes = before && cookie ? changesOf(before, cookie) : []
  session.events.push({ kind, time, method, url, status, ...(cookie && { cookie }), changes })
}

function changesOf(before: Inspected, after: Inspected): Change[] {
  const old = partsOf(before)
  const now = partsOf(after)
  return [...new Set([...Object.keys(old), ...Object.keys(now)])].flatMap((key): Change[] => {
    const change = { key, before: old[key], after: now[key] }
    if (!Object.hasOwn(old, key)) return [{ ...change, how: 'added' }]
    if (!Object.hasOwn(now, key)) return [{ ...change, how: 'removed' }]
    return textOf(change.before) === textOf(change.after) ? [] : [{ ...change, how: 'changed' }]
  })
}

/** Data and what the format says of the session, by names. */
function partsOf({ decoded }: Inspected): Record<string, unknown> {
  const { id, createdAt, accessedAt, expiresAt } = decoded?.meta ?? {}
  const meta = { '(id)': id, '(created)': createdAt, '(last used)': accessedAt, '(expires)': expiresAt }
  const known = Object.entries(meta).filter(([, value]) => value !== undefined)
  return { ...decoded?.data, ...Object.fromEntries(known) }
}

/** For comparing and for showing, on one line. */
export function textOf(value: unknown): string {
  try {
    const text = JSON.stringify(value, (_key, member: unknown) =>
      typeof member === 'bigint' ? String(member) : member,
    )
    return text ?? String(value)
  } catch {
    return Object.prototype.toString.call(value)
  }
}
