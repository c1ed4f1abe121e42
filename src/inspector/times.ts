/**
 * When a session was created, last used, and when it expires: a line, and the same as text.
 */
import type { SessionMeta } from '../shared/types.js'
import { element, rows } from './dom.js'
import { dateOf } from './tree.js'

const NAMES = [
  ['createdAt', 'created'],
  ['accessedAt', 'last used'],
  ['notBefore', 'valid from'],
  ['expiresAt', 'expires'],
] as const

/** @returns undefined if the value says no time */
export function times(meta: SessionMeta, now: Date): HTMLElement | undefined {
  const known = NAMES.flatMap(([member, name]) => {
    const time = meta[member]
    return time && !Number.isNaN(+time) ? [{ name, time }] : []
  })
  if (known.length === 0) return undefined
  return element('div', { class: 'times' }, line([...known, { name: 'now', time: now }]), rows(known.map(rowOf)))

  function rowOf({ name, time }: { name: string; time: Date }): readonly [string, HTMLElement] {
    return [name, dateOf(time, now)]
  }
}

/** The text beside it says the same. */
function line(events: readonly { readonly name: string; readonly time: Date }[]): HTMLElement {
  const sorted = [...events].sort((a, b) => +a.time - +b.time)
  const first = +(sorted[0]?.time ?? 0)
  const span = +(sorted.at(-1)?.time ?? 0) - first || 1
  const made = element('div', { class: 'time-line', 'aria-hidden': 'true' })
  let lastEnd = -1
  let level = 0
  for (const { name, time } of sorted) {
    const place = ((+time - first) / span) * 100
    // Labels that would lie over each other take turns.
    level = place - lastEnd < 16 ? (level + 1) % 3 : 0
    lastEnd = place
    const label = element('span', { class: 'time-label', 'data-level': level }, name)
    const mark = element(
      'span',
      { class: 'time-mark', 'data-time': name, 'data-side': place > 60 ? 'end' : 'start' },
      label,
    )
    mark.style.left = `${place}%`
    made.append(mark)
  }
  return made
}
