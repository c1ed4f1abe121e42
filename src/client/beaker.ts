/**
 * The entry `sessionglass/client/beaker`: what Beaker itself writes, for a page that meets old cookies. Only pages that import it load its code.
 * FORMATS §2. Nothing is verified.
 */

import { decodeJwt, MAX_INFLATED } from '../shared/decode.js'
import { decodeBeaker, looksLikeBeaker } from '../shared/decode-beaker.js'
import type { Python2Encoding } from '../shared/pickle/reader.js'
import type { SessionReader } from './candidates.js'

export { findPickleObjects, PickleObject } from '../shared/pickle/object.js'
export {
  PythonComplex,
  PythonDate,
  PythonDecimal,
  PythonTime,
  PythonTimedelta,
  PythonTimezone,
  PythonUuid,
} from '../shared/pickle/values.js'
export type { SessionReader } from './candidates.js'

/** A real cookie of 4 KiB has room for fewer values; an attacker may have set this one. */
const MAX_ITEMS = 16_384

/** How Beaker's own cookies are read. */
export interface BeakerReaderOptions {
  /**
   * How byte strings of Python 2 are read.
   *
   * @defaultValue `ascii`, as Beaker on Python 3 does, which refuses all others
   */
  encoding?: Python2Encoding
}

/**
 * Reads Beaker's own cookies beside all that `getSession` reads. **Nothing is verified.** Encrypted ones stay unreadable, and so
 * does a session that holds itself.
 *
 * @example
 * getSession(appSession, { reader: beakerReader })
 */
export const beakerReader: SessionReader = /* @__PURE__ */ createBeakerReader()

/**
 * The same for cookies that a Python 2 may have written. Create it once: each reader remembers what it has read.
 *
 * @param options - the encoding of its text
 * @throws {TypeError} for another encoding
 * @since 0.1.0
 * @example
 * const reader = createBeakerReader({ encoding: 'utf-8' })
 * const session = getSession(appSession, { reader })
 */
export function createBeakerReader({ encoding = 'ascii' }: BeakerReaderOptions = {}): SessionReader {
  if (!['ascii', 'utf-8', 'latin1'].includes(encoding)) {
    throw new TypeError('Option "encoding" must be ascii, utf-8 or latin1')
  }
  const options = { encoding, limits: { bytes: MAX_INFLATED, items: MAX_ITEMS, expanded: MAX_ITEMS } }
  return {
    values: new Map(),
    decode: (value) => (looksLikeBeaker(value) ? decodeBeaker(value, MAX_INFLATED, options) : decodeJwt(value)),
  }
}
