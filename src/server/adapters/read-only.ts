/**
 * A session to be looked at: its type has no way to change it, and trying so says where that is possible.
 */
import type { Session } from '../session.js'

/** The same with nothing to assign to, all the way down. Bytes, dates, Map and Set are left as they are. */
export type DeepReadonly<Value> = Value extends Date | Uint8Array | ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>
  ? Value
  : Value extends object
    ? { readonly [Key in keyof Value]: DeepReadonly<Value[Key]> }
    : Value

type Known = 'id' | 'isNew' | 'createdAt' | 'accessedAt' | 'expiresAt' | 'rejected'

export interface ReadOnlySession<Data extends object> extends Readonly<Pick<Session<Data>, Known>> {
  readonly data: DeepReadonly<Data>
}

/**
 * @param advice - what to do instead, for the `TypeError` that changing anything throws
 */
export function readOnlySession<Data extends object>(session: Session<Data>, advice: string): ReadOnlySession<Data> {
  const refuse = (): never => {
    throw new TypeError(advice)
  }
  const views = new WeakMap<object, object>()
  const handler: ProxyHandler<object> = {
    get: (target, name) => viewOf(Reflect.get(target, name)),
    set: refuse,
    deleteProperty: refuse,
    defineProperty: refuse,
    setPrototypeOf: refuse,
    getOwnPropertyDescriptor(target, name) {
      const descriptor = Reflect.getOwnPropertyDescriptor(target, name)
      return descriptor && 'value' in descriptor ? { ...descriptor, value: viewOf(descriptor.value) } : descriptor
    },
  }

  function viewOf(value: unknown): unknown {
    if (!isPlain(value)) return value
    const view = views.get(value) ?? new Proxy(value, handler)
    views.set(value, view)
    return view
  }

  const { id, isNew, createdAt, accessedAt, expiresAt, rejected } = session
  // A copy of the data: what guards its meta keys is in the way of React, which passes on plain members alone.
  const data = { ...session.data }
  return viewOf({ data, id, isNew, createdAt, accessedAt, expiresAt, rejected }) as ReadOnlySession<Data>
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return Array.isArray(value) || prototype === Object.prototype || prototype === null
}
