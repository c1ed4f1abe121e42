/**
 * Deep equality of session values: how a commit knows that nothing changed.
 */

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
