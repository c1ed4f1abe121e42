/**
 * Keys that tell about a session and are not data, as `_id` or `exp`: assigning one is a mistake that is said at once.
 */
import { SessionError } from '../shared/errors.js'
import type { OriginNode, SessionData } from '../shared/types.js'

/** Key to what to use instead. */
export type MetaNames = Readonly<Record<string, string>>

/**
 * Prepares a guard for session data: assigning one of the meta keys throws a `TypeError` that names the property to use.
 * The data stays a plain object; the guards are not enumerable.
 */
export function createMetaGuard(meta: MetaNames = {}): <Data extends object>(data: Data) => Data {
  const guards = Object.entries(meta).map(([key, instead]) => [key, guardOf(key, instead)] as const)
  return (data) => {
    // Frozen data is checked when it is written.
    if (!Object.isExtensible(data)) return data
    for (const [key, descriptor] of guards) {
      if (!Object.hasOwn(data, key)) Object.defineProperty(data, key, descriptor)
    }
    return data
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
    throw new SessionError('ERR_SESSION_UNWRITABLE', 'The session has keys that are no text', { path: '' })
  }
  for (const key in meta) {
    if (data[key] === undefined || !Object.hasOwn(data, key)) continue
    if (foreign?.child?.(key) === undefined) throw metaError(key, meta[key] as string)
    throw new SessionError('ERR_SESSION_UNWRITABLE', `The format has another use for the key ${key}`, { path: key })
  }
}

function guardOf(key: string, instead: string): PropertyDescriptor {
  return {
    configurable: true,
    get: () => undefined,
    set: () => {
      throw metaError(key, instead)
    },
  }
}

function metaError(key: string, instead: string): TypeError {
  return new TypeError(`"${key}" is not session data: use ${instead}`)
}
