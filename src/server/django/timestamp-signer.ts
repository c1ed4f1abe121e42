/**
 * `P:T:S`, text with the time it was signed at and an HMAC, as `django.core.signing.TimestampSigner` makes it.
 * FORMATS §8.
 */
import { decodeBase64Url } from '../../shared/bytes.js'
import { SessionError } from '../../shared/errors.js'
import { type Flow, wait } from '../flow.js'
import { type KeyUse, keyAt } from '../keyring.js'
import { decodeBase62, encodeBase62 } from './base62.js'
import type { DjangoHash, DjangoSecrets } from './secret-keys.js'

/** A value whose signature was good. */
export interface Unsigned {
  /** P. */
  payload: string
  /** T, in whole seconds. */
  signedAt: Date
  /** Place of the secret; those of SHA-1 come after all others. */
  keyIndex: number
}

export interface TimestampSigner {
  sign(payload: string, signedAt: Date, use: KeyUse): Flow<string>
  /** @throws {SessionError} `ERR_SESSION_MALFORMED`, `ERR_SESSION_SIGNATURE`; `ERR_SESSION_CLAIMS` for a verified time that is none */
  unsign(value: string, use: KeyUse): Flow<Unsigned>
}

export interface TimestampSignerOptions {
  secrets: DjangoSecrets
  salt: string
  /** Reads signatures by SHA-1, too. */
  legacy: boolean
}

/**
 * P in base64url with `.` before it where it is compressed, T to base 62, S in base64url: 27 digits for the 20 octets of
 * SHA-1, 43 for SHA-256.
 */
const SIGNED = /^(\.?[A-Za-z0-9_-]*):([0-9A-Za-z]+):([A-Za-z0-9_-]{43}|[A-Za-z0-9_-]{27})$/
const SHA1_DIGITS = 27

/** Tells by shape alone whether Django's signer may have made a value. */
export function looksLikeDjangoSigned(value: string): boolean {
  return SIGNED.test(value)
}

/** Prepares a signer for one salt. The public half of a session has a salt of its own for each cookie name. */
export function createTimestampSigner({ secrets, salt, legacy }: TimestampSignerOptions): TimestampSigner {
  const saltOf = ({ purpose, cookieName }: KeyUse): string =>
    `${purpose === 'session' ? salt : `sessionglass public half of ${cookieName}`}signer`

  return {
    *sign(payload, signedAt, use) {
      const signed = `${payload}:${encodeBase62(Math.floor(signedAt.getTime() / 1000))}`
      const keys = yield* wait(secrets.keys(saltOf(use), 'SHA-256'))
      return `${signed}:${yield* wait(keyAt(keys, use.keyIndex).signText(signed))}`
    },
    *unsign(value, use) {
      const [, payload, time, signature] = SIGNED.exec(value) ?? []
      if (payload === undefined || time === undefined || signature === undefined) {
        throw new SessionError('ERR_SESSION_MALFORMED', 'The value is not text, time and signature of Django')
      }
      const isLegacy = signature.length === SHA1_DIGITS
      const mac = decodeBase64Url(signature)
      const hash = isLegacy ? 'SHA-1' : 'SHA-256'
      const found = isLegacy && !legacy ? -1 : yield* verify(`${payload}:${time}`, mac, { hash, salt: saltOf(use) })
      if (found === -1) throw new SessionError('ERR_SESSION_SIGNATURE', 'No key verifies the signature')
      return { payload, signedAt: timeOf(time), keyIndex: isLegacy ? secrets.size + found : found }
    },
  }

  function* verify(signed: string, mac: Uint8Array, by: { hash: DjangoHash; salt: string }): Flow<number> {
    const keys = yield* wait(secrets.keys(by.salt, by.hash))
    for (const [index, key] of keys.entries()) {
      if (yield* wait(key.verify(signed, mac))) return index
    }
    return -1
  }
}

function timeOf(digits: string): Date {
  const time = new Date(decodeBase62(digits) * 1000)
  if (!Number.isNaN(time.getTime())) return time
  throw new SessionError('ERR_SESSION_CLAIMS', 'The time of the signature is out of range', { verified: true })
}
