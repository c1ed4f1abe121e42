/**
 * The check of every option that is a number: a limit that is none bounds nothing.
 * What the options may be stands in docs/errors.md.
 */

export interface LimitRange {
  /** Default 1. */
  least?: number
  most?: number
  /** What it counts, as `bytes`, for the message. */
  unit?: string
}

/**
 * Checks an option that is a whole number. Infinity, NaN, fractions and text are none.
 *
 * @param option - its name, for the message
 * @returns the value
 * @throws {TypeError} naming the option
 */
export function checkLimit(value: number, option: string, range: LimitRange = {}): number {
  const { least = 1, most = Number.MAX_SAFE_INTEGER, unit } = range
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value
  const bounds = most === Number.MAX_SAFE_INTEGER ? `, ${least} or more` : ` from ${least} to ${most}`
  throw new TypeError(`Option "${option}" must be a whole number${unit === undefined ? '' : ` of ${unit}`}${bounds}`)
}

/** Bytes that an array can have on every runtime. */
const ONE_GIB = 1_073_741_824

/** Checks the option `maxInflated`, in bytes. @throws {TypeError} naming it */
export function checkInflated(maxInflated: number): number {
  return checkLimit(maxInflated, 'maxInflated', { most: ONE_GIB, unit: 'bytes' })
}
