/**
 * Keys that tell about a session and are not data, as `_id` or `exp`: assigning one is a mistake that is said at once.
 */
import { SessionError } from '../shared/errors.js'
import type { OriginNode, SessionData } from '../shared/types.js'

/** Key to what to use instead. */
export type MetaNames = Readonly<Record<string, string>>

export interface MetaGuard {
  /** Guards an object as it is. */
  guard<Data extends object>(data: Data): Data
  /** Guards a copy, or the object where a copy would not be the same: a third of the time, for the guards can come first. */
  guardCopy<Data extends object>(data: Data): Data
}

/**
 * Prepares a guard for session data: assigning one of the meta keys throws a `TypeError` that names the property to use.
 * The data stays a plain object; the guards are not enumerable.
 */
export function createMetaGuard(meta: MetaNames = {}): MetaGuard {
  const guards = Object.entries(meta).map(([key, instead]) => guardOf(key, instead))
  const addTo = (target: object, data: object): void => {
    for (const { key, descriptor } of guards) {
      if (!Object.hasOwn(data, key)) Object.defineProperty(target, key, descriptor)
    }
  }
  return {
    guard(data) {
      // Frozen data is checked when it is written.
      if (Object.isExtensible(data)) addTo(data, data)
      return data
    },
    guardCopy<Data extends object>(data: Data): Data {
      if (guards.length === 0 || !isPlain(data)) return this.guard(data)
      const copy = {} as Data
      addTo(copy, data)
      return Object.assign(copy, data)
    },
  }
}

/**
 * The same check at writing, for data that was put together elsewhere.
 *
 * @param foreign - what another codec read, where it did: a key that is data there is nobody's mistake
 * @throws {TypeError} naming what to use instead
 * @throws {SessionError} `ERR_SESSION_UNWRITABLE` for a key of `foreign`, and where that has others than `data` can show
 */
export function refuseMeta(data: SessionData, meta: MetaNames, foreign?: OriginNode): void {
  if (foreign?.value instanceof Map) {
    const path = String([...foreign.value.keys()].find((key) => typeof key !== 'string'))
    throw new SessionError('ERR_SESSION_UNWRITABLE', 'The session has keys that are no text', { path })
  }
  for (const key in meta) {
    if (data[key] === undefined || !Object.hasOwn(data, key)) continue
    if (foreign?.child?.(key) === undefined) throw metaError(key, meta[key] as string)
    throw new SessionError('ERR_SESSION_UNWRITABLE', `The format has another use for the key ${key}`, { path: key })
  }
}

/** Whether a copy by assigning is the same: `__proto__` as a key would become the prototype. */
function isPlain(data: object): boolean {
  return Object.getPrototypeOf(data) === Object.prototype && !Object.hasOwn(data, '__proto__')
}

interface Guard {
  key: string
  descriptor: PropertyDescriptor
}

/** The same for all sessions: engines share the shape of objects only where their accessors are the very same functions. */
const known = new Map<string, Guard>()

function guardOf(key: string, instead: string): Guard {
  const name = JSON.stringify([key, instead])
  const guard = known.get(name) ?? newGuard(key, instead)
  known.set(name, guard)
  return guard
}

function newGuard(key: string, instead: string): Guard {
  const set = (): void => {
    throw metaError(key, instead)
  }
  return { key, descriptor: { configurable: true, get: () => undefined, set } }
}

function metaError(key: string, instead: string): TypeError {
  return new TypeError(`"${key}" is not session data: use ${instead}`)
}
