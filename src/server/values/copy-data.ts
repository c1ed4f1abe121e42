/**
 * Copies of session data that is read often: each request gets objects of its own, and the text in them is shared.
 */
import type { SessionData } from '../../shared/types.js'

/**
 * Reads the same data again and again. The second call reads it once more, as a pattern, and all later ones copy that, which takes a
 * tenth of reading: what is asked for only once is not prepared for more.
 *
 * @param read - makes the data, without circles, in objects that nobody else has
 * @param first - what it made already, which the first call gives away
 * @returns gives the data in objects of its own with each call; where a value is of a class that only its reader knows how to make,
 *   by reading it each time
 */
export function readOften(read: () => SessionData, first?: SessionData): () => SessionData {
  let isFirst = true
  let ready = first
  let copy: (() => SessionData) | undefined
  return () => {
    if (isFirst) {
      isFirst = false
      const data = ready ?? read()
      ready = undefined
      return data
    }
    copy ??= copiesOf(read()) ?? read
    return copy()
  }
}

/** @param data - must not change from here on */
function copiesOf(data: SessionData): (() => SessionData) | undefined {
  return isKnown(data) ? (copierOf(data) as () => SessionData) : undefined
}

function isKnown(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Date.prototype || prototype === Uint8Array.prototype) return true
  if (prototype !== Object.prototype && prototype !== Array.prototype) return false
  return Object.values(value).every(isKnown)
}

/** Only what is an object has to be looked at again. */
function copierOf(value: object): () => unknown {
  if (value instanceof Date) return () => new Date(value)
  if (value instanceof Uint8Array) return () => new Uint8Array(value)
  const members = Object.entries(value)
    .filter(([, member]) => typeof member === 'object' && member !== null)
    .map(([key, member]) => ({ key, copy: copierOf(member) }))
  return () => {
    // Keys that are there already are set as they are, `__proto__` too.
    const copy = (Array.isArray(value) ? value.slice() : { ...value }) as SessionData
    for (const { key, copy: copyMember } of members) copy[key] = copyMember()
    return copy
  }
}
