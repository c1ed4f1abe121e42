/**
 * Whose session it is, as the application's option `owner` tells by the data.
 */
import type { SessionData } from '../../shared/types.js'

/** Who the session belongs to; a whole number counts as its text. Undefined, null or an empty text: nobody is signed in. */
export type Owner<Data extends object = SessionData> = (
  data: Readonly<Partial<Data>>,
) => string | number | bigint | null | undefined

/** The owner of a session with this data. What the application's function throws is the application's own error. */
export type ReadOwner = (data: SessionData) => string | undefined

/** Without the option. */
export const noOwner: ReadOwner = () => undefined

export function createOwner<Data extends object>(owner: Owner<Data> | undefined): ReadOwner {
  if (owner === undefined) return noOwner
  return (data) => ownerText(owner(data as Partial<Data>), 'The function of option "owner"')
}

/**
 * @param source - what gave it, for the error
 * @throws {TypeError} for what can't be compared as a text
 */
export function ownerText(owner: unknown, source: string): string | undefined {
  if (owner === undefined || owner === null || owner === '') return undefined
  if (typeof owner === 'string') return owner
  if (typeof owner === 'bigint' || Number.isSafeInteger(owner)) return String(owner)
  throw new TypeError(`${source} must return a text, a whole number or undefined`)
}
