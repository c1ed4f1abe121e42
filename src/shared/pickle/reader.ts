/**
 * Reads a pickle of protocols 0 to 5 from Python 2 or 3 without importing, calling or evaluating anything.
 * FORMATS §7; docs/pickle.md has the table of views.
 */
import { SessionError } from '../errors.js'
import { type PickleLimits, pickleLimits } from './limits.js'
import { runPickle } from './machine.js'
import type { PickleNode } from './node.js'
import { type PickleOrigin, pickleOrigin } from './origin.js'
import { type Python2Encoding, viewOf } from './view.js'

export interface ReadPickleOptions {
  /** How byte strings of Python 2 are read; default `ascii`, as Beaker on Python 3 does. */
  encoding?: Python2Encoding
  /** Each defaults to the constant of its name in `limits`. */
  limits?: Partial<PickleLimits>
}

export interface PickleDocument {
  /** The JavaScript view. */
  readonly value: unknown
  /** What each value was in Python. */
  readonly root: PickleNode
  /** The same for writers: ours goes by the nodes, others by the neutral types. */
  readonly origin: PickleOrigin
  /** Where it ended: octets from here on were ignored. */
  readonly end: number
}

/**
 * Reads a pickle into plain values.
 *
 * Proves nothing about who wrote it; verify its signature first. Classes it does not know become `PickleObject`.
 * Shared and recursive references keep their identity, so the value may hold cycles.
 *
 * @param bytes - the pickle; octets behind its STOP are ignored
 * @param options - the encoding of Python 2 text, and limits
 * @returns the view and where it came from
 * @throws {SessionError} `ERR_SESSION_PICKLE`, `ERR_SESSION_LIMIT`
 * @throws {TypeError} an unknown encoding, or a limit that is no positive integer
 */
export function readPickle(bytes: Uint8Array, options: ReadPickleOptions = {}): PickleDocument {
  const { encoding = 'ascii' } = options
  if (encoding !== 'ascii' && encoding !== 'utf-8' && encoding !== 'latin1') {
    throw new TypeError("encoding must be 'ascii', 'utf-8' or 'latin1'")
  }
  const limits = pickleLimits(options.limits)
  if (bytes.length > limits.octets) throw new SessionError('ERR_SESSION_LIMIT', 'the pickle is too long')
  const budget = { items: limits.items, octets: limits.octets }
  const { root, end } = runPickle(bytes, limits, budget)
  const value = viewOf(root, { encoding, limits, budget, zones: new Set() })
  return { value, root, origin: pickleOrigin(root), end }
}
