/**
 * Copies of session data that was read once: each request gets objects of its own, and the text in them is shared.
 */
import type { SessionData } from '../../shared/types.js'

/**
 * Prepares data to be copied, which takes a tenth of reading it again.
 *
 * @param data - as a reader made it, without circles; must not change from here on
 * @returns makes a copy with each call; undefined where a value is of a class that only its reader knows how to make
 */
export function createCopies(data: SessionData): (() => SessionData) | undefined {
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
