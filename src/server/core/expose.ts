/**
 * What scripts on the page may see: the session itself, a public half in a cookie of its own, or nothing.
 * The public half is signed with a key of its own and never accepted as authority.
 */
import type { SessionData } from '../../shared/types.js'

/** `true`: all, and the cookie is readable. A list or function: those fields, in `NAME.public`. `false`: nothing. */
export type Expose<Data extends object = SessionData> =
  | boolean
  | readonly (keyof Data & string)[]
  | ((data: Readonly<Data>) => object)

export interface Exposure {
  /** Whether the session cookie itself is closed to scripts. */
  readonly httpOnly: boolean
  /** The public half, where there is one. */
  publicHalf?(data: SessionData): SessionData
}

/**
 * Checks the decision everybody must take.
 *
 * @throws {TypeError} when it was not taken
 */
export function createExposure<Data extends object>(expose: Expose<Data>): Exposure {
  if (typeof expose === 'boolean') return { httpOnly: !expose }
  if (typeof expose === 'function') return { httpOnly: true, publicHalf: (data) => checked(expose(data as Data)) }
  if (Array.isArray(expose) && expose.every((key) => typeof key === 'string')) {
    const keys: readonly string[] = [...new Set<string>(expose)]
    return { httpOnly: true, publicHalf: (data) => pick(data, keys) }
  }
  throw new TypeError(
    'Option "expose" is required: which fields may scripts on the page see? A list as ["user"], a function, true (all) or false (none)',
  )
}

/** What the name of the cookie with the public half ends in. */
export const PUBLIC_SUFFIX = '.public'

/** The name of the cookie with the public half. */
export function publicName(cookieName: string): string {
  return cookieName + PUBLIC_SUFFIX
}

function pick(data: SessionData, keys: readonly string[]): SessionData {
  const entries = keys
    .filter((key) => Object.hasOwn(data, key) && data[key] !== undefined)
    .map((key) => [key, data[key]])
  return Object.fromEntries(entries) as SessionData
}

function checked(half: object): SessionData {
  if (typeof half !== 'object' || half === null || Array.isArray(half)) {
    throw new TypeError('The function of option "expose" must return an object')
  }
  return half as SessionData
}
