/**
 * What is remembered of each request, for as long as the request is.
 * Kept at the request itself: a WeakMap of short-lived keys takes the garbage collector longer than a session takes to load.
 */

export interface RequestMemory<Value> {
  of(request: object): Value | undefined
  keep(request: object, value: Value): void
}

/** Makes a memory that shares nothing with any other. */
export function createRequestMemory<Value>(): RequestMemory<Value> {
  const member = Symbol('session')
  // For requests that take no member.
  const others = new WeakMap<object, Value>()
  return {
    of(request) {
      return Object.hasOwn(request, member) ? (request as { [member]: Value })[member] : others.get(request)
    },
    keep(request, value) {
      const isKept = Reflect.defineProperty(request, member, { value, configurable: true })
      if (!isKept) others.set(request, value)
    },
  }
}
