/**
 * Which objects are documents of BSON, and in which order their members are written.
 * FORMATS §5 for the place of `_id`.
 */
import type { SessionData } from './types.js'

/** A document's members, by name. */
export type Members = SessionData | Map<string, unknown>

/** Tells a plain object, also of another realm, whose `Object.prototype` is not ours. */
export function isPlain(value: unknown): value is SessionData {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return true
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'isPrototypeOf')
}

/**
 * The keys as they are written: those of the origin first, in its order; of the outermost document `_id` before all, as
 * pymongo puts it, unless BSON had it elsewhere.
 *
 * @param own - the keys there are
 * @param before - the keys of the origin
 */
export function orderedKeys(
  own: string[],
  before: readonly string[],
  { outermost, bson }: { outermost: boolean; bson: boolean },
): Iterable<string> {
  const first = outermost && own.includes('_id') && !(bson && before.includes('_id')) ? ['_id'] : []
  const wanted = first.length > 0 ? [...first, ...before] : before
  if (wanted.every((key, index) => key === own[index])) return own
  const present = new Set(own)
  return new Set([...wanted.filter((key) => present.has(key)), ...own])
}
