/**
 * What is remembered of each request, for as long as the request is.
 * Kept at the request itself: a WeakMap of short-lived keys takes the garbage collector longer than a session takes to load.
 * A private member (ECMAScript §7.3.29 PrivateFieldAdd) takes a tenth of the time of one that is defined so as not to enumerate.
 */

export interface RequestMemory<Value> {
  of(request: object): Value | undefined
  keep(request: object, value: Value): void
}

/** Makes a memory that shares nothing with any other. */
export function createRequestMemory<Value>(): RequestMemory<Value> {
  // For requests that take no member.
  const others = new WeakMap<object, Value>()

  /** "Constructs" an object that is there already, by which it gets a private member: nobody sees it, and no copy has it. */
  class Keeper extends Itself {
    #value: Value

    constructor(request: object, value: Value) {
      super(request)
      this.#value = value
    }

    static of(request: object): Value | undefined {
      return #value in request ? request.#value : others.get(request)
    }

    static keep(request: object, value: Value): void {
      if (#value in request) request.#value = value
      else new Keeper(request, value)
    }
  }

  return {
    of: Keeper.of,
    keep(request, value) {
      try {
        Keeper.keep(request, value)
      } catch {
        others.set(request, value)
      }
    },
  }
}

class Itself {
  constructor(object: object) {
    // biome-ignore lint/correctness/noConstructorReturn: what a derived class adds members to
    return object
  }
}
