/**
 * A length of time as people write it in options: `'30m'`, or seconds as a number (the unit of Max-Age, RFC 6265 §5.2.2,
 * and of Beaker's `timeout`, FORMATS §2.2).
 */

const MILLISECONDS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

/** A number of seconds, or a number with the unit `s`, `m`, `h`, `d` or `w`. */
export type Duration = number | `${number}${'s' | 'm' | 'h' | 'd' | 'w'}`

/**
 * The milliseconds of a duration. Zero is one; whoever has no use for it refuses it.
 *
 * @param value - seconds, or text such as `'30s'`, `'1.5h'`, `'7d'`
 * @param option - the option's name, for the message
 * @returns milliseconds, finite and not negative
 * @throws {TypeError} names the option
 */
export function parseDuration(value: unknown, option: string): number {
  const [, digits, unit] = (typeof value === 'string' && DURATION.exec(value)) || []
  const milliseconds =
    typeof value === 'number' ? value * 1_000 : Number(digits) * (MILLISECONDS[unit as string] as number)
  if (!(milliseconds >= 0 && milliseconds <= Number.MAX_SAFE_INTEGER)) {
    throw new TypeError(`${option} must be a number of seconds, or text like '30s', '30m', '2h', '7d', '2w'`)
  }
  return milliseconds
}

const DURATION = /^(\d+(?:\.\d+)?)([smhdw])$/
