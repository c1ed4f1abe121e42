/**
 * Freezes what JSON and BSON are made of, so that a session shared by a whole page stays as it was read.
 */

/**
 * Freezes plain objects and arrays at every level. Bytes, dates, maps, sets and values of classes stay as they are.
 *
 * @returns the same value
 */
export function deepFreeze<Value>(value: Value): Value {
  if (Array.isArray(value) || (value && Object.getPrototypeOf(value) === Object.prototype)) {
    for (const member of Object.values(Object.freeze(value) as object)) deepFreeze(member)
  }
  return value
}
