/**
 * Rows as Django before 3.1 wrote them: base64 of the hex HMAC-SHA1, a colon, and the serialized session.
 * FORMATS §8.
 */
import { decodeBase64 } from '../../shared/base64.js'
import { SessionError } from '../../shared/errors.js'
import { decodeLatin1 } from '../../shared/pickle/text.js'
import { type Flow, wait } from '../flow.js'
import { decodeHex } from '../values/hex.js'
import type { DjangoSecrets } from './secret-keys.js'

/** 40 hex digits and the colon behind them. */
const MAC = /^[0-9a-f]{40}:$/
const MAC_LENGTH = 41

/** Tells by shape alone: the newer form has colons, and base64 has none. */
export function looksLikeLegacyRow(text: string): boolean {
  return !text.includes(':')
}

/**
 * The serialized session of a row.
 *
 * @param salt - of the newer form; the older one lacks its last dot
 * @returns octets whose signature was good
 * @throws {SessionError} `ERR_SESSION_MALFORMED`, `ERR_SESSION_SIGNATURE`
 */
export function* verifyLegacyRow(text: string, secrets: DjangoSecrets, salt: string): Flow<Uint8Array> {
  const row = decodeBase64(text, true)
  const prefix = decodeLatin1(row.subarray(0, MAC_LENGTH))
  if (!MAC.test(prefix)) throw new SessionError('ERR_SESSION_MALFORMED', 'The row is not one of Django')
  const serialized = row.subarray(MAC_LENGTH)
  const mac = decodeHex(prefix.slice(0, -1))
  for (const key of yield* wait(secrets.keys(salt.replace(/\.(?=[^.]*$)/, ''), 'SHA-1'))) {
    if (yield* wait(key.verify(serialized, mac))) return serialized
  }
  throw new SessionError('ERR_SESSION_SIGNATURE', 'No key verifies the row')
}
