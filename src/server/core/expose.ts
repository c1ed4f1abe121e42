/**
 * What scripts on the page may see: the session cookie itself, some fields in the public cookie, or nothing.
 * The public cookie is signed with its own key and never accepted as authority.
 */
import type { SessionData } from '../../shared/types.js'
import { type ReadOwnTimes, readOwnTimes, withOwnTimes } from './own-lifetime.js'

/** `true`: all, and the cookie is readable. A list or function: those fields, in `NAME.public`. `false`: nothing. */
export type Expose<Data extends object = SessionData> =
  | boolean
  | readonly (keyof Data & string)[]
  | ((data: Readonly<Partial<Data>>) => object)

export interface Exposure {
  /** Whether scripts can't read the session cookie itself. */
  readonly httpOnly: boolean
  /** What the public cookie holds, with the session's own lifetime; absent if there is none. */
  publicData?(data: SessionData): SessionData
}

/**
 * Checks the option `expose`, which has no default: every application has to choose.
 *
 * @throws {TypeError} if it is missing
 */
export function createExposure<Data extends object>(
  expose: Expose<Data>,
  ownTimes: ReadOwnTimes = readOwnTimes(undefined),
): Exposure {
  if (typeof expose === 'boolean') return { httpOnly: !expose }
  const showing = (choose: (data: SessionData) => SessionData): Exposure => ({
    httpOnly: true,
    publicData: (data) => withOwnTimes(choose(data), ownTimes(data)),
  })
  if (typeof expose === 'function') return showing((data) => checked(expose(data as Data)))
  if (Array.isArray(expose) && expose.every((key) => typeof key === 'string')) {
    const keys: readonly string[] = [...new Set<string>(expose)]
    return showing((data) => pick(data, keys))
  }
  throw new TypeError(
    'Option "expose" is required: which fields may scripts on the page see? A list such as ["user"], a function, true (all) or false (none)',
  )
}

/** The end of the public cookie's name. */
export const PUBLIC_SUFFIX = '.public'

/** The name of the public cookie. */
export function publicName(cookieName: string): string {
  return cookieName + PUBLIC_SUFFIX
}

function pick(data: SessionData, keys: readonly string[]): SessionData {
  const entries = keys
    .filter((key) => Object.hasOwn(data, key) && data[key] !== undefined)
    .map((key) => [key, data[key]])
  return Object.fromEntries(entries) as SessionData
}

function checked(data: object): SessionData {
  const isObject = typeof data === 'object' && data !== null && !Array.isArray(data)
  // A promise would show nothing, without a word.
  if (!isObject || typeof (data as { then?: unknown }).then === 'function') {
    throw new TypeError('The function of option "expose" must return an object')
  }
  return data as SessionData
}
