/**
 * What one request may cost: anyone can send tokens that nobody signed.
 */
import { SessionError } from '../../shared/errors.js'
import type { Verifications } from '../keys/hmac.js'
import { MAX_COSTLY } from '../keys/keys.js'

/** Verifications by key pairs that are not costly. Secrets cost next to nothing. */
const MAX_ORDINARY = 16

export interface RequestVerifications extends Verifications {
  /** After each value of the header. */
  endValue(): void
}

/** The first value that costs anything may try the keys of all codecs: only then is a session of any of them found. */
export function createVerifications(): RequestVerifications {
  let isFirst = true
  let ordinary = 0
  // Its members are plain ones: a request makes this object, and those with getters take long to make.
  const verifications = { costly: 0, isCutShort: false, endValue, spend }

  function endValue(): void {
    isFirst = verifications.costly + ordinary === 0
  }

  function spend(cost: { costly: number; ordinary: number }): void {
    const costly = verifications.costly + cost.costly
    const all = ordinary + cost.ordinary
    if (!isFirst && (costly > MAX_COSTLY || (all > MAX_ORDINARY && ordinary > 0))) {
      verifications.isCutShort = true
      throw new SessionError('ERR_SESSION_LIMIT', 'The request has brought more tokens than are verified')
    }
    verifications.costly = costly
    ordinary = all
  }
  return verifications
}
