/**
 * The entry `sessionglass/client/django`: what Django's backend `signed_cookies` writes, for a page. Only pages that import it load its code.
 * FORMATS §8. Nothing is verified.
 */

import { decodeJwt, MAX_INFLATED } from '../shared/decode.js'
import { decodeDjango, looksLikeDjango } from '../shared/decode-django.js'
import type { SessionReader } from './candidates.js'

export type { SessionReader } from './candidates.js'

/** What reads everything that Django did not sign. */
export interface DjangoReaderOptions {
  /**
   * Reads all other values, `beakerReader` for one.
   *
   * @defaultValue every JWT form, as `getSession` does
   */
  otherwise?: Pick<SessionReader, 'decode'>
}

/**
 * Reads Django's signed cookies beside all that `getSession` reads. **Nothing is verified.** Sessions by the serializer of
 * pickles stay unreadable, and so do those of every other backend: their cookie is but a key.
 *
 * @example
 * getSession(djangoSession, { reader: djangoReader })
 */
export const djangoReader: SessionReader = /* @__PURE__ */ createDjangoReader()

/**
 * The same beside another reader. Create it once: each reader remembers what it has read.
 *
 * @param options - what reads all other values
 * @since 0.1.0
 * @example
 * const reader = createDjangoReader({ otherwise: compactReader })
 * const session = getSession(djangoSession, { reader })
 */
export function createDjangoReader({ otherwise = { decode: decodeJwt } }: DjangoReaderOptions = {}): SessionReader {
  return {
    values: new Map(),
    decode: (value) => (looksLikeDjango(value) ? decodeDjango(value, MAX_INFLATED) : otherwise.decode(value)),
  }
}
