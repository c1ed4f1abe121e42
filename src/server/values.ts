/**
 * Deep equality of session values: how a commit knows that nothing changed.
 */
import { writeBson } from '../shared/bson/writer.js'
import type { KeySize } from '../shared/errors.js'
import type { SessionData } from '../shared/types.js'

/** Deeper than any format goes; past it values count as different, and the writer says what is wrong. */
const MAX_DEPTH = 100

/**
 * Compares two values as a session holds them: plain objects (a member that is `undefined` is absent), arrays, dates,
 * bytes, regular expressions, Map, Set, and instances of the same class by their own properties. `-0` differs from `0`, `NaN` equals `NaN`.
 */
export function equalValues(a: unknown, b: unknown, depth = 0): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null || depth > MAX_DEPTH) return false
  if (Array.isArray(a)) return Array.isArray(b) && equalLists(a, b, depth)
  if (a instanceof Date) return b instanceof Date && Object.is(a.getTime(), b.getTime())
  if (a instanceof RegExp) return b instanceof RegExp && String(a) === String(b)
  if (a instanceof Uint8Array) return b instanceof Uint8Array && equalLists(a, b, depth)
  if (a instanceof Map) return b instanceof Map && equalLists([...a].flat(), [...b].flat(), depth)
  if (a instanceof Set) return b instanceof Set && equalLists([...a], [...b], depth)
  return classOf(a) === classOf(b) && equalMembers(a as Members, b as Members, depth)
}

type Members = Record<string, unknown>

function equalLists(a: ArrayLike<unknown>, b: ArrayLike<unknown>, depth: number): boolean {
  if (a.length !== b.length) return false
  for (let index = 0; index < a.length; index++) {
    if (!equalValues(a[index], b[index], depth + 1)) return false
  }
  return true
}

function equalMembers(a: Members, b: Members, depth: number): boolean {
  let present = 0
  for (const key of Object.keys(a)) {
    if (a[key] === undefined) continue
    present++
    if (!Object.hasOwn(b, key) || !equalValues(a[key], b[key], depth + 1)) return false
  }
  for (const key of Object.keys(b)) {
    if (b[key] !== undefined) present--
  }
  return present === 0
}

/** The prototype, where it is not that of plain data. */
function classOf(value: object): unknown {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype ? null : prototype
}

// Two requests that changed one session: what each changed since they began stays, key by key.

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
const MERGE_MAX_DEPTH = 100

/** A copy to compare with later, down to what can be changed in place. */
export function copyOf<Value>(value: Value, depth = 0): Value {
  if (typeof value !== 'object' || value === null || depth > MERGE_MAX_DEPTH) return value
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

// Copies of session data that is read often: each request gets objects of its own, and the text in them is shared.

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

// Which keys of a session take the room, for the error that says it is too large. Sizes only, never values.

const NAMED = 5
/** Length and end of a BSON document, which every measure has. */
const FRAME_OCTETS = 5

/** The biggest keys first, by what each takes as BSON before compression; 0 for what can't be measured. */
export function largestKeys(data: SessionData): KeySize[] {
  return Object.keys(data)
    .map((key) => ({ key, bytes: octets(key, data[key]) }))
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, NAMED)
}

function octets(key: string, value: unknown): number {
  try {
    return writeBson({ [key]: value }).length - FRAME_OCTETS
  } catch {
    return 0
  }
}
