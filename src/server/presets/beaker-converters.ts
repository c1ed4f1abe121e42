/**
 * Option values as `beaker.converters` and `beaker.util` read them: text as in an .ini file, or what Python code would give.
 * FORMATS §3.
 */

/** What a value may be: text as in an .ini file, or what Python code would give. */
export type BeakerConfig = Readonly<Record<string, unknown>>

/** The words of `asbool`. */
export const TRUE: readonly string[] = ['true', 'yes', 'on', 'y', 't', '1']
export const FALSE: readonly string[] = ['false', 'no', 'off', 'n', 'f', '0']

/** `asbool`: a text must be one of the words; anything else is true or false as Python sees it. */
export function asBoolean(options: BeakerConfig, name: string): boolean | undefined {
  const value = options[name]
  if (value === undefined) return undefined
  if (typeof value !== 'string') return Boolean(value)
  const word = value.trim().toLowerCase()
  if (TRUE.includes(word)) return true
  if (FALSE.includes(word)) return false
  throw new TypeError(`Beaker option "${name}" is neither true nor false`)
}

export function asText(options: BeakerConfig, name: string): string | undefined {
  const value = options[name]
  if (value === undefined || (value === null && name === 'cookie_domain')) return undefined
  if (typeof value === 'string' && value.trim() !== '') return value
  throw new TypeError(`Beaker option "${name}" must be text, and not empty`)
}

export function asSeconds(options: BeakerConfig, name: string): number | undefined {
  const value = options[name]
  if (value === undefined || value === null) return undefined
  const seconds = typeof value === 'string' && /^[0-9]+$/.test(value) ? Number(value) : value
  if (typeof seconds === 'number' && Number.isInteger(seconds) && seconds > 0) return seconds
  throw new TypeError(`Beaker option "${name}" must be a number of seconds`)
}

/** `aslist` with commas: the parts of a text, empty ones too; a list as it is. */
export function asList(options: BeakerConfig, name: string): string[] {
  const value = options[name]
  if (value === undefined || value === null || value === '') return []
  const parts: unknown = typeof value === 'string' ? value.split(',').map((part) => part.trim()) : value
  if (Array.isArray(parts) && parts.every((part) => typeof part === 'string')) return parts
  throw new TypeError(`Beaker option "${name}" must be a text or a list of texts`)
}
