/**
 * Data as a tree: each value with its kind. Objects that a pickle names are shown and never made.
 */
import { encodeHex } from '../shared/bytes.js'
import { PickleObject } from '../shared/pickle/object.js'
import { isPlainObject } from '../shared/types.js'
import { fromNow, kindOf, local, utc } from '../shared/words.js'
import { button, type Child, element } from './dom.js'

/** Members that are shown before a button shows the next. */
const SHOWN = 100
const DEEPEST = 60
/** Containers below this depth are closed at first. */
const OPEN_DEPTH = 3
/** Characters of one text, or of the digits of bytes. */
const SHOWN_TEXT = 20_000

/** The members of a session or of a header. */
export function tree(data: object, now: Date, label: string): HTMLElement {
  return list(membersOf(data) ?? [], { now, depth: 0, above: new Set([data]) }, label)
}

interface Place {
  readonly now: Date
  readonly depth: number
  /** The containers around it: a pickle may hold itself. */
  readonly above: ReadonlySet<object>
}

type Members = readonly (readonly [key: string, value: unknown])[]

function list(members: Members, place: Place, label?: string): HTMLElement {
  const made = element('ul', { class: 'tree', role: 'list', 'aria-label': label })
  const showFrom = (start: number): void => {
    for (const [key, value] of members.slice(start, start + SHOWN)) made.append(item(key, value, place))
    const left = members.length - start - SHOWN
    if (left <= 0) return
    const more = element('li', {})
    more.append(
      button(`Show more (${left.toLocaleString('en')} left)`, () => {
        more.remove()
        showFrom(start + SHOWN)
      }),
    )
    made.append(more)
  }
  showFrom(0)
  return made
}

function item(key: string, value: unknown, place: Place): HTMLElement {
  const name = element('span', { class: 'key' }, key)
  const kind = element('span', { class: 'kind' }, kindOf(value))
  const members = typeof value === 'object' && value !== null ? membersOf(value) : undefined
  if (!members) return element('li', {}, name, kind, leaf(value, place.now))
  const title = headOf(value as object)
  if (place.above.has(value as object)) return element('li', {}, name, kind, note('the same value as above'))
  if (place.depth >= DEEPEST) return element('li', {}, name, kind, note('nested too deeply to show'))
  if (members.length === 0) return element('li', {}, name, kind, title)
  const inner = element('details', { open: place.depth < OPEN_DEPTH }, element('summary', {}, name, kind, title))
  const deeper = { ...place, depth: place.depth + 1, above: new Set([...place.above, value as object]) }
  const fill = (): void => {
    if (inner.childElementCount === 1) inner.append(list(members, deeper))
  }
  if (inner.open) fill()
  else inner.addEventListener('toggle', fill, { once: true })
  return element('li', {}, inner)
}

/** What a container is called, if its kind alone does not say it. */
function headOf(value: object): Child {
  return value instanceof PickleObject && element('code', { class: 'value' }, `${value.module}.${value.name}`)
}

/** Undefined for a value without members. */
function membersOf(value: object): Members | undefined {
  if (Array.isArray(value)) return value.map((member, index) => [String(index), member])
  if (value instanceof Set) return [...value].map((member, index) => [String(index), member])
  if (value instanceof Map) return [...value].map(([key, member]) => [keyText(key), member])
  if (isPlainObject(value)) return Object.entries(value)
  if (!(value instanceof PickleObject)) return undefined
  const { args, keywords, state, items, entries } = value
  const parts = { args, keywords, state, items, entries }
  return Object.entries(parts).filter(([, part]) => part !== undefined)
}

function keyText(key: unknown): string {
  return typeof key === 'string' ? key : `${String(key)} (${kindOf(key)})`
}

function leaf(value: unknown, now: Date): HTMLElement {
  if (value instanceof Date) return dateOf(value, now)
  if (ArrayBuffer.isView(value)) return bytesOf(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))
  if (typeof value === 'string') return textOf(value)
  if (typeof value !== 'object' || value === null) return element('code', { class: 'value' }, String(value))
  return element('code', { class: 'value' }, objectText(value))
}

/** In UTC, in the time zone of the browser, and from now. */
export function dateOf(value: Date, now: Date): HTMLElement {
  if (Number.isNaN(+value)) return element('code', { class: 'value' }, 'no date')
  return element(
    'span',
    { class: 'date' },
    element('time', { class: 'value', datetime: value.toISOString() }, utc(value)),
    element('span', { class: 'soft' }, `${local(value)}, ${fromNow(value, now)}`),
  )
}

function bytesOf(bytes: Uint8Array): HTMLElement {
  const digits = encodeHex(bytes.subarray(0, SHOWN_TEXT / 2)).replace(/..(?!$)/g, '$& ')
  const isCut = bytes.length > SHOWN_TEXT / 2
  return element('code', { class: 'value bytes' }, digits, isCut && ' …')
}

function textOf(value: string): HTMLElement {
  const text = value.length > SHOWN_TEXT ? `${value.slice(0, SHOWN_TEXT)}…` : value
  return element('code', { class: 'value text' }, JSON.stringify(text))
}

/** ObjectId, Decimal128 and their kin print themselves; so do dates and decimals of Python. */
function objectText(value: object): string {
  const { _bsontype: type, bytes, subtype, buffer } = value as Record<string, unknown>
  if (type === 'Binary') {
    const content = (bytes ?? buffer) as Uint8Array
    return `${encodeHex(content)} (${content.length} bytes, subtype ${String(subtype ?? '')})`
  }
  try {
    return String(value)
  } catch {
    return 'a value that has no text'
  }
}

function note(text: string): HTMLElement {
  return element('span', { class: 'soft' }, text)
}
