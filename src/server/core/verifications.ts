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
  const spent = { costly: 0, ordinary: 0 }
  let isFirst = true
  let isCutShort = false
  return {
    get costly() {
      return spent.costly
    },
    get isCutShort() {
      return isCutShort
    },
    endValue() {
      isFirst = spent.costly + spent.ordinary === 0
    },
    spend(cost) {
      const costly = spent.costly + cost.costly
      const ordinary = spent.ordinary + cost.ordinary
      if (!isFirst && (costly > MAX_COSTLY || (ordinary > MAX_ORDINARY && spent.ordinary > 0))) {
        isCutShort = true
        throw new SessionError('ERR_SESSION_LIMIT', 'The request has brought more tokens than are verified')
      }
      Object.assign(spent, { costly, ordinary })
    },
  }
}
