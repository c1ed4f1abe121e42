/**
 * What an untrusted pickle may cost, each number with its reason.
 * FORMATS §7; a cookie holds 3 KB of pickle, a row of a session table rarely more than some hundred.
 */
import { SessionError } from '../errors.js'

/** Octets of a pickle, and of all text that is converted while reading: as much as any inflated session may have. */
export const MAX_PICKLE_OCTETS = 1_048_576
/** Containers inside each other; the same as for BSON, so that what was read in one format can be written in the other. */
export const MAX_PICKLE_DEPTH = 64
/** Values that opcodes make: each takes about 150 octets of memory, so 15 MB at most. */
export const MAX_PICKLE_ITEMS = 100_000
/** Highest memo index: Python counts up from 0, and a table of this size costs half a megabyte. */
export const MAX_PICKLE_MEMO = 65_535
/** Decimal digits of an integer or a Decimal: Python refuses to read more from text, since that takes quadratic time. */
export const MAX_PICKLE_DIGITS = 4_300
/** Octets of an integer in binary: what `MAX_PICKLE_DIGITS` digits need. */
export const MAX_PICKLE_INTEGER_OCTETS = 1_786
/** Characters of a module or class name: real ones have some dozen, and each is looked up. */
export const MAX_PICKLE_NAME = 1_024
/** Zones by name that datetimes are in: each costs a formatter of the runtime, as much as reading a whole session. */
export const MAX_PICKLE_ZONES = 32
/** Values when every shared one is counted at each place: what a walk over the session visits, as `JSON.stringify` does. */
export const MAX_PICKLE_EXPANDED = 1_000_000

/** Limits of one reading; each defaults to the constant of its name. */
export interface PickleLimits {
  /** Octets of the whole pickle. */
  octets: number
  /** Containers inside each other. */
  depth: number
  /** Values made by opcodes. */
  items: number
  /** Highest memo index. */
  memo: number
  /** Values counted at each place where they are seen. */
  expanded: number
}

/**
 * Fills in the default of each limit that is not given.
 *
 * @param limits - what the caller sets, in the units of `PickleLimits`
 * @throws {TypeError} a limit is no positive integer
 */
export function pickleLimits(limits?: Partial<PickleLimits>): PickleLimits {
  const all = {
    octets: limits?.octets ?? MAX_PICKLE_OCTETS,
    depth: limits?.depth ?? MAX_PICKLE_DEPTH,
    items: limits?.items ?? MAX_PICKLE_ITEMS,
    memo: limits?.memo ?? MAX_PICKLE_MEMO,
    expanded: limits?.expanded ?? MAX_PICKLE_EXPANDED,
  }
  if (limits === undefined) return all
  for (const [name, limit] of Object.entries(all)) {
    if (!Number.isSafeInteger(limit) || limit < 1) throw new TypeError(`limits.${name} must be a positive integer`)
  }
  return all
}

/** What is left to spend: some opcodes copy, and a few octets may ask for the same copy again and again. */
export interface PickleBudget {
  items: number
  octets: number
}

/** @throws {SessionError} `ERR_SESSION_LIMIT` when the items are spent */
export function spendItems(budget: PickleBudget, items: number): void {
  budget.items -= items
  if (budget.items < 0) throw new SessionError('ERR_SESSION_LIMIT', 'the pickle holds too many values')
}

/** @throws {SessionError} `ERR_SESSION_LIMIT` when the octets are spent */
export function spendOctets(budget: PickleBudget, octets: number): void {
  budget.octets -= octets
  if (budget.octets < 0) throw new SessionError('ERR_SESSION_LIMIT', 'the pickle converts too much text')
}
