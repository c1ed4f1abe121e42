/**
 * The entry `sessionglass/client/compact`: our own compact sessions, for a page whose server writes them. Only pages that import it load its code.
 * FORMATS §11. Nothing is verified.
 */

import { decodeJwt, MAX_INFLATED } from '../shared/decode.js'
import { decodeCompact, looksLikeCompact } from '../shared/decode-compact.js'
import type { SessionReader } from './candidates.js'

export type { SessionReader } from './candidates.js'

/** What reads everything that is no compact session. */
export interface CompactReaderOptions {
  /**
   * Reads all other values, `beakerReader` for one.
   *
   * @defaultValue every JWT form, as `getSession` does
   */
  otherwise?: Pick<SessionReader, 'decode'>
}

/**
 * Reads compact sessions beside all that `getSession` reads. **Nothing is verified.**
 *
 * @example
 * getSession(appSession, { reader: compactReader })
 */
export const compactReader: SessionReader = /* @__PURE__ */ createCompactReader()

/**
 * The same beside another reader, while sessions move from one format to the other. Keep what it gives: each reader remembers
 * what it has read.
 *
 * @param options - what reads all other values
 * @since 0.1.0
 * @example
 * const reader = createCompactReader({ otherwise: beakerReader })
 * const session = getSession(appSession, { reader })
 */
export function createCompactReader({ otherwise = { decode: decodeJwt } }: CompactReaderOptions = {}): SessionReader {
  return {
    values: new Map(),
    decode: (value) => (looksLikeCompact(value) ? decodeCompact(value, MAX_INFLATED) : otherwise.decode(value)),
  }
}
