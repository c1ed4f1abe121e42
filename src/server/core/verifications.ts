/**
 * What one request may cost: anyone can send tokens that nobody signed.
 */
import { SessionError } from '../../shared/errors.js'
import type { VerificationCost, Verifications } from '../keys/hmac.js'
import { MAX_COSTLY } from '../keys/keys.js'

/** Verifications by key pairs that are not costly, and attempts to decrypt. */
const MAX_ORDINARY = 16
/** Verifications by secrets: all candidates with the longest list of one codec. */
const MAX_SECRETS = 512

export interface RequestVerifications extends Verifications {
  /** After each value of the header. */
  endValue(): void
}

/** The first value that costs anything may try the keys of all codecs: only then is a session of any of them found. */
export function createVerifications(): RequestVerifications {
  let isFirst = true
  let isFirstOfSecrets = true
  let ordinary = 0
  let secrets = 0
  // Its members are plain ones: a request makes this object, and those with getters take long to make.
  const verifications = { costly: 0, isCutShort: false, endValue, spend }

  function endValue(): void {
    isFirst = verifications.costly + ordinary === 0
    isFirstOfSecrets = secrets === 0
  }

  function spend(cost: VerificationCost): void {
    const costly = verifications.costly + (cost.costly ?? 0)
    const all = ordinary + (cost.ordinary ?? 0)
    const allSecrets = secrets + (cost.secrets ?? 0)
    const isTooCostly = !isFirst && (costly > MAX_COSTLY || (all > MAX_ORDINARY && ordinary > 0))
    if (isTooCostly || (!isFirstOfSecrets && allSecrets > MAX_SECRETS)) {
      verifications.isCutShort = true
      throw new SessionError('ERR_SESSION_LIMIT', 'The request has more tokens than are verified')
    }
    verifications.costly = costly
    ordinary = all
    secrets = allSecrets
  }
  return verifications
}
