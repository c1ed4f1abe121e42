/**
 * The check of the names of options: one that is not known would be ignored, and a session that never expires looks like one that does.
 */
import { parseDuration } from './define-session.js'

/**
 * Every name that an options object may have, and which of them are true or false, or a function. A type that gets another option makes
 * this list a type error.
 */
export type OptionNames<Options extends object> = {
  readonly [Name in keyof Options]-?: Kind<Exclude<Options[Name], undefined>>
}

type Kind<Value> = [Value] extends [boolean]
  ? 'switch'
  : [Value] extends [(...parameters: never) => unknown]
    ? 'function'
    : 1

/**
 * Refuses options that do not exist, what is no function where only one is called, and what is neither true nor false for a switch: the text
 * `'false'`, as an environment variable has it, would count as true.
 *
 * @param owner - the function that takes them, for the message
 * @throws {TypeError} naming the option, and the nearest name that exists
 */
export function checkNames<Options extends object>(options: Options, known: OptionNames<Options>, owner: string): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new TypeError(`${owner} takes an object of options`)
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(known, name)) {
      throw new TypeError(`${owner} has no option "${name}". ${hint(name, Object.keys(known))}`)
    }
    const kind: 'switch' | 'function' | 1 = known[name as keyof Options]
    if (value === undefined || kind === 1) continue
    if (kind === 'function' && typeof value !== 'function') throw new TypeError(`Option "${name}" must be a function`)
    if (kind === 'switch' && typeof value !== 'boolean') throw new TypeError(`Option "${name}" must be true or false`)
  }
}

/**
 * Checks an option that is a duration. A page has no room for what it must be, a server says it.
 *
 * @returns milliseconds
 * @throws {TypeError} naming the option
 */
export function checkDuration(value: unknown, option: string): number {
  try {
    return parseDuration(value, option)
  } catch (cause) {
    throw new TypeError(`${option} must be a number of seconds, or text like '30m'`, { cause })
  }
}

/**
 * Refuses a key, or a list of keys, that an environment variable should have set.
 *
 * @throws {TypeError} naming the option
 */
export function refuseUndefined(value: unknown, option: string): void {
  if (!isUnset(value)) return
  const verb = value === undefined ? 'is' : 'contains'
  throw new TypeError(`Option "${option}" ${verb} undefined: is the environment variable set?`)
}

/** Whether a key, or one of a list, is undefined. */
export function isUnset(value: unknown): boolean {
  return value === undefined || (Array.isArray(value) && value.includes(undefined))
}

/** @throws {TypeError} for the first of these options that is present and undefined */
export function refusePresentUndefined<Options extends object>(
  options: Options,
  ...names: (keyof Options & string)[]
): void {
  for (const name of names) if (name in options) refuseUndefined(options[name], name)
}

/** What a name has to share with another to be meant for it: half of all its letters and pairs is the same name. */
const LEAST_LIKENESS = 0.2

/**
 * The name that shares most pairs of neighbouring letters, in relation to their lengths.
 *
 * @returns undefined if none of them is near
 */
export function nearestName(name: string, names: readonly string[]): string | undefined {
  const pairs = (text: string): string[] =>
    [...text.toLowerCase()].map((letter, at, all) => letter + (all[at + 1] ?? ''))
  const given = pairs(name)
  const likeness = (other: string): number =>
    pairs(other).filter((pair) => given.includes(pair)).length / (other.length + name.length)
  const [nearest = ''] = [...names].sort((one, other) => likeness(other) - likeness(one))
  return names.length < 2 || likeness(nearest) >= LEAST_LIKENESS ? nearest : undefined
}

/** The nearest name, or all of them. */
function hint(name: string, names: readonly string[]): string {
  const nearest = nearestName(name, names)
  return nearest === undefined ? `It has: ${names.join(', ')}` : `Did you mean "${nearest}"?`
}
