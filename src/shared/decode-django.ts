/**
 * Takes a session of Django's backend `signed_cookies` apart without any key: JSON, perhaps compressed.
 * FORMATS §8.
 */
import { decodeBase64Url, decodeUtf8 } from './bytes.js'
import { SessionError } from './errors.js'
import { inflateZlib } from './inflate.js'
import { parseObject } from './jwt.js'
import type { DecodedSession } from './types.js'

/** `payload ':' time ':' signature`; the payload is base64url, behind a `.` where it is compressed, and the time base 62. */
const VALUE = /^(\.?)([\w-]+):([0-9A-Za-z]+):[\w-]+$/
/** A pickle begins with PROTO. */
const PROTO = 0x80

/** Tells by shape alone whether Django may have signed a value. */
export function looksLikeDjango(value: string): boolean {
  return VALUE.test(value)
}

/**
 * Decodes a session in Django's signed cookie. **Nothing is verified**, and how old the signature may be is not looked at.
 *
 * @param value - the cookie's value
 * @param limit - most bytes, compressed or not
 * @returns all keys as data, Django's own (`_auth_user_id`) too; `meta.accessedAt` is the second it was signed
 * @throws {SessionError} `ERR_SESSION_UNSUPPORTED` if it has another shape or holds a pickle, `ERR_SESSION_CLAIMS` if no
 *   date is so late, `ERR_SESSION_LIMIT`, `ERR_SESSION_MALFORMED`, `ERR_SESSION_COMPRESSION`, `ERR_SESSION_JSON`
 * @see FORMATS §8
 */
export function decodeDjango(value: string, limit: number): DecodedSession {
  const [, dot, payload = '', time = ''] = VALUE.exec(value) ?? []
  const bytes = decodeBase64Url(payload)
  if (bytes.length > limit) throw new SessionError('ERR_SESSION_LIMIT')
  const serialized = dot ? inflateZlib(bytes, limit) : bytes
  if (payload === '' || serialized[0] === PROTO) throw new SessionError('ERR_SESSION_UNSUPPORTED')
  return { format: 'django-signed', data: parseObject(decodeUtf8(serialized)), meta: { accessedAt: dateOf(time) } }
}

/** @param time - seconds, with the digits `0-9A-Za-z` */
function dateOf(time: string): Date {
  let seconds = 0
  for (const digit of time) {
    const value = Number.parseInt(digit, 36)
    seconds = seconds * 62 + (digit >= 'a' ? value + 26 : value)
  }
  const date = new Date(seconds * 1_000)
  if (Number.isNaN(+date)) throw new SessionError('ERR_SESSION_CLAIMS', 'accessedAt')
  return date
}
