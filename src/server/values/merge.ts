/**
 * Two requests that changed one session: what each changed since they began stays, key by key.
 */
import type { SessionData } from '../../shared/types.js'
import { equalValues } from './equal-values.js'

/** One session, seen three times. */
export interface ThreeWays {
  /** As this request found it. */
  base: SessionData
  /** As this request leaves it. */
  mine: SessionData
  /** As it is now, which others may have changed meanwhile. */
  theirs: SessionData
}

export interface Merged {
  data: SessionData
  /** Keys that both changed, each to something else; this request's values are the ones in `data`. */
  clashes: string[]
}

/**
 * Puts this request's changes onto what others left. Keys of the session itself are what is merged: two changes inside
 * one object or list are a clash, and the later one has it.
 */
export function mergeByKey({ base, mine, theirs }: ThreeWays): Merged {
  const data: SessionData = { ...theirs }
  const clashes: string[] = []
  for (const key of new Set([...Object.keys(base), ...Object.keys(mine)])) {
    if (isSame(key, base, mine) || isSame(key, mine, theirs)) continue
    if (!isSame(key, base, theirs)) clashes.push(key)
    if (memberOf(key, mine) === undefined) delete data[key]
    else setOwn(data, key, mine[key])
  }
  return { data, clashes }
}

/** Deeper than any store goes. */
const MAX_DEPTH = 100

/** A copy to compare with later, down to what can be changed in place. */
export function copyOf<Value>(value: Value, depth = 0): Value {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return value
  return copyOfObject(value, depth + 1) as Value
}

function copyOfObject(value: object, depth: number): object {
  if (Array.isArray(value)) return value.map((item) => copyOf(item, depth))
  if (value instanceof Date) return new Date(value)
  if (value instanceof Uint8Array) return new Uint8Array(value)
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [copyOf(key, depth), copyOf(item, depth)]))
  if (value instanceof Set) return new Set([...value].map((item) => copyOf(item, depth)))
  const copy: SessionData = Object.create(Object.getPrototypeOf(value))
  for (const key of Object.keys(value)) setOwn(copy, key, copyOf((value as SessionData)[key], depth))
  return copy
}

function isSame(key: string, a: SessionData, b: SessionData): boolean {
  return equalValues(memberOf(key, a), memberOf(key, b))
}

function memberOf(key: string, data: SessionData): unknown {
  return Object.hasOwn(data, key) ? data[key] : undefined
}

/** `__proto__` is a key like any other. */
function setOwn(target: SessionData, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true })
}
