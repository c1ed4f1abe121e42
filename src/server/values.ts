/**
 * Session values: whether two are equal, what two requests changed in one session, and copies.
 * Plain objects, arrays, dates, bytes, regular expressions, Map and Set of any realm, and instances of classes.
 */
import { errorAt } from '../shared/errors.js'
import { isPlainObject, type OriginNode, type SessionData } from '../shared/types.js'

/** Deeper than any format or store goes: past it values count as different, and the writer says what is wrong. */
const MAX_DEPTH = 100

/**
 * Compares two values as a session holds them. A member that is `undefined` is absent, `-0` differs from `0`, `NaN` equals
 * `NaN`, and instances of the same class are compared by their own properties.
 */
export function equalValues(a: unknown, b: unknown): boolean {
  return equal({}, a, b, 0)
}

/** Pairs that are equal or being compared: an object that is shared at many places is looked at once, and a circle ends. */
interface Comparison {
  pairs?: Map<object, Set<object>>
}

/** Data that nests no deeper than this has few places, and needs no record of them. */
const SHALLOW = 2

function equal(comparison: Comparison, a: unknown, b: unknown, depth: number): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null || depth > MAX_DEPTH) return false
  if (depth > SHALLOW && isKnownPair(comparison, a, b)) return true
  return equalObjects(comparison, a, b, depth)
}

function isKnownPair(comparison: Comparison, a: object, b: object): boolean {
  comparison.pairs ??= new Map()
  const partners = comparison.pairs.get(a)
  if (partners?.has(b)) return true
  if (partners) partners.add(b)
  else comparison.pairs.set(a, new Set([b]))
  return false
}

function equalObjects(comparison: Comparison, a: object, b: object, depth: number): boolean {
  if (Array.isArray(a)) return Array.isArray(b) && equalLists(comparison, a, b, depth)
  if (isPlainObject(a)) return isPlainObject(b) && equalMembers(comparison, a, b, depth)
  const kind = kindOf(a)
  if (kind !== kindOf(b)) return false
  switch (kind) {
    case 'Date':
      return Object.is(Number(a), Number(b))
    case 'RegExp':
      return String(a) === String(b)
    case 'Uint8Array':
      return equalLists(comparison, a as Uint8Array, b as Uint8Array, depth)
    case 'Map':
      return equalLists(
        comparison,
        [...(a as Map<unknown, unknown>)].flat(),
        [...(b as Map<unknown, unknown>)].flat(),
        depth,
      )
    case 'Set':
      return equalLists(comparison, [...(a as Set<unknown>)], [...(b as Set<unknown>)], depth)
    default:
      return (
        Object.getPrototypeOf(a) === Object.getPrototypeOf(b) &&
        !hidesState(a) &&
        equalMembers(comparison, a as Members, b as Members, depth)
      )
  }
}

type Members = Record<string, unknown>

/** A URL or a Temporal has no member that shows its state. Of BSON's classes only those without a state have none. */
function hidesState(value: object): boolean {
  return Object.keys(value).length === 0 && !('_bsontype' in value)
}

/** The built-in class of an object, whichever realm it comes from: there `instanceof` says no. */
function kindOf(value: object): string {
  return Object.prototype.toString.call(value).slice('[object '.length, -1)
}

/** A list of more items may be nearly all holes: then only those that are there are looked at. */
const MAX_DENSE = 100_000

function equalLists(comparison: Comparison, a: ArrayLike<unknown>, b: ArrayLike<unknown>, depth: number): boolean {
  if (a.length !== b.length) return false
  if (a.length > MAX_DENSE && Array.isArray(a)) {
    return equalMembers(comparison, a as unknown as Members, b as unknown as Members, depth)
  }
  for (let index = 0; index < a.length; index++) {
    if (!equal(comparison, a[index], b[index], depth + 1)) return false
  }
  return true
}

function equalMembers(comparison: Comparison, a: Members, b: Members, depth: number): boolean {
  let present = 0
  for (const key of Object.keys(a)) {
    if (a[key] === undefined) continue
    present++
    if (!Object.hasOwn(b, key) || !equal(comparison, a[key], b[key], depth + 1)) return false
  }
  for (const key of Object.keys(b)) {
    if (b[key] !== undefined) present--
  }
  return present === 0
}

/**
 * Refuses to write a session whose dict has keys that are not text: the data does not show them, and they would be lost.
 *
 * @param root - what another format or codec read
 * @throws {SessionError} `ERR_SESSION_UNWRITABLE`
 */
export function refuseHiddenKeys(root: OriginNode | undefined): void {
  if (!(root?.value instanceof Map)) return
  const path = String([...root.value.keys()].find((key) => typeof key !== 'string'))
  throw errorAt(path, 'ERR_SESSION_UNWRITABLE', 'The session has keys that are not text')
}

/**
 * The data with the keys that it does not show: a pickled dict may have keys that are not text, and its reader gives a `Map` then.
 *
 * @param root - what the same format read
 */
export function withHiddenKeys(data: SessionData, root: OriginNode | undefined): SessionData {
  if (!(root?.value instanceof Map)) return data
  const hidden = [...root.value].filter(([key]) => typeof key !== 'string')
  const shown = Object.entries(data).filter(([, value]) => value !== undefined)
  return new Map<unknown, unknown>([...hidden, ...shown]) as unknown as SessionData
}

/** One session, seen three times. */
export interface ThreeWays {
  /** As this request found it. */
  base: SessionData
  /** As this request leaves it. */
  mine: SessionData
  /** As it is now, which other requests may have changed. */
  theirs: SessionData
}

export interface Merged {
  data: SessionData
  /** Keys that both changed, each to something else; `data` has this request's values. */
  clashes: string[]
}

/**
 * Puts this request's changes onto what other requests left. Only the keys of the session itself are merged: two changes inside
 * one object or list are a clash, and the later one wins.
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

function isSame(key: string, a: SessionData, b: SessionData): boolean {
  return equalValues(memberOf(key, a), memberOf(key, b))
}

/** An own member, never what every object has. */
export function memberOf(key: string, data: SessionData): unknown {
  return Object.hasOwn(data, key) ? data[key] : undefined
}

/** Sets an own member, never a setter or the prototype: `__proto__` is a key like any other. */
export function setOwn(target: SessionData, key: string, value: unknown): void {
  if (key in target) {
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true })
  } else target[key] = value
}

/**
 * Marks in a copy which keys have changed since it was made: what was written of them meanwhile is unknown, so they count as changed
 * from now on, whatever their value.
 */
export function markUncertain(copy: SessionData, data: SessionData): void {
  if (equalValues(copy, data)) return
  for (const key of new Set([...Object.keys(copy), ...Object.keys(data)])) {
    if (!isSame(key, copy, data)) setOwn(copy, key, UNCERTAIN)
  }
}

/** Equals no value of a session. */
const UNCERTAIN: unique symbol = Symbol('uncertain')

/** A copy to compare with later: whatever can be changed in place is copied. */
export function copyOf<Value>(value: Value): Value {
  return copyWith(new Map(), value, 0) as Value
}

/** Objects that were copied already, each with its copy: a circle ends here. */
type Copies = Map<object, object>

function copyWith(copies: Copies, value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return value
  return copies.get(value) ?? copyOfObject(copies, value, depth + 1)
}

function copyOfObject(copies: Copies, value: object, depth: number): object {
  if (Array.isArray(value)) {
    const copy: unknown[] = new Array(value.length)
    copies.set(value, copy)
    if (value.length > MAX_DENSE) {
      for (const index of Object.keys(value)) copy[Number(index)] = copyWith(copies, value[Number(index)], depth)
    } else for (let index = 0; index < value.length; index++) copy[index] = copyWith(copies, value[index], depth)
    return copy
  }
  if (isPlainObject(value)) return copyOfMembers(copies, value, depth)
  switch (kindOf(value)) {
    case 'Date':
      return new Date(value as Date)
    case 'Uint8Array':
      return new Uint8Array(value as Uint8Array)
    case 'Map':
      return copyOfMap(copies, value as Map<unknown, unknown>, depth)
    case 'Set':
      return copyOfSet(copies, value as Set<unknown>, depth)
    // Nothing in a regular expression is data that can be changed.
    case 'RegExp':
      return value
    default:
      return copyOfMembers(copies, value, depth)
  }
}

function copyOfMap(copies: Copies, map: Map<unknown, unknown>, depth: number): Map<unknown, unknown> {
  const copy = new Map<unknown, unknown>()
  copies.set(map, copy)
  for (const [key, value] of map) copy.set(copyWith(copies, key, depth), copyWith(copies, value, depth))
  return copy
}

function copyOfSet(copies: Copies, set: Set<unknown>, depth: number): Set<unknown> {
  const copy = new Set<unknown>()
  copies.set(set, copy)
  for (const item of set) copy.add(copyWith(copies, item, depth))
  return copy
}

function copyOfMembers(copies: Copies, value: object, depth: number): object {
  const copy: SessionData = Object.create(Object.getPrototypeOf(value))
  copies.set(value, copy)
  for (const key of Object.keys(value)) setOwn(copy, key, copyWith(copies, (value as SessionData)[key], depth))
  return copy
}

/**
 * Gives the same data again and again, in new objects for each request. The first call reads it. The second reads it once
 * more, as a pattern; all later ones copy the pattern, which takes a tenth of the time.
 *
 * @param read - makes the data, without circles, in objects that nothing else has
 * @param first - what was read already, for the first call
 * @returns gives the data; if it holds a class that only its reader can make, it is read each time
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

/** @param pattern - must not change from here on */
function copiesOf(pattern: SessionData): (() => SessionData) | undefined {
  return canCopy(pattern) ? (copierOf(pattern) as () => SessionData) : undefined
}

function canCopy(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Date.prototype || prototype === Uint8Array.prototype) return true
  if (prototype !== Object.prototype && prototype !== Array.prototype) return false
  return Object.values(value).every(canCopy)
}

/** Only members that are objects have to be looked at again. */
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

const applicationErrors = /* @__PURE__ */ new WeakSet<object>()

/** Marks what a function of the application throws while a store works: no failure of the store. */
export function asApplicationError(error: unknown): unknown {
  if (typeof error === 'object' && error !== null) applicationErrors.add(error)
  return error
}

export function isApplicationError(error: unknown): boolean {
  return typeof error === 'object' && error !== null && applicationErrors.has(error)
}
