/**
 * Messages for the next page, read once: kept in the session under the keys that pyramid_beaker uses, as lists.
 * FORMATS §2.2: to Python, and to every format, they are plain data.
 */
import { isPlainObject, type SessionData } from '../../shared/types.js'

/** What every format can hold, plain claims too. */
export type FlashValue =
  | string
  | number
  | boolean
  | null
  | readonly FlashValue[]
  | { readonly [key: string]: FlashValue }

/** Before the name that the application gives. */
export const FLASH_PREFIX = '_f_'
/** Deeper than a message goes; a circle ends here. */
const MAX_FLASH_DEPTH = 16

/**
 * Adds a message.
 *
 * @throws {TypeError} for a name that is no text, and for what JSON has no type for
 */
export function addFlash(data: SessionData, name: string, value: FlashValue): void {
  if (typeof name !== 'string') throw new TypeError('flash() needs text as the name of the messages')
  if (!isFlashValue(value, 0))
    throw new TypeError('flash() takes text, finite numbers, booleans, null, and lists and objects of them')
  const key = FLASH_PREFIX + name
  const before = Object.hasOwn(data, key) && Array.isArray(data[key]) ? (data[key] as unknown[]) : []
  data[key] = [...before, value]
}

/** Takes all messages of a name out. Something else than a list, which no flash left there, is left alone. */
export function takeFlash(data: SessionData, name: string): FlashValue[] {
  const key = FLASH_PREFIX + name
  const messages = Object.hasOwn(data, key) ? data[key] : undefined
  if (!Array.isArray(messages)) return []
  delete data[key]
  return messages as FlashValue[]
}

/** Removes the messages of all names: an attacker who planted a session must not leave messages in the next one. */
export function forgetFlash(data: SessionData): void {
  for (const key of Object.keys(data)) if (key.startsWith(FLASH_PREFIX) && Array.isArray(data[key])) delete data[key]
}

/** A list of messages without any. */
export function isNoFlash(key: string, value: unknown): boolean {
  return key.startsWith(FLASH_PREFIX) && Array.isArray(value) && value.length === 0
}

function isFlashValue(value: unknown, depth: number): boolean {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true
  if (typeof value === 'number') return Number.isFinite(value)
  if (depth === MAX_FLASH_DEPTH || !(Array.isArray(value) || isPlainObject(value))) return false
  return Object.values(value).every((member) => isFlashValue(member, depth + 1))
}
