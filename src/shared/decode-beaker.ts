/**
 * Takes a cookie of Beaker itself apart without any key: signed and not encrypted, as pickle or JSON.
 * FORMATS §2; what is inside tells which of both it is.
 */
import { decodeBase64 } from './base64.js'
import { decodeUtf8 } from './bytes.js'
import { takeBeakerMeta } from './decode.js'
import { SessionError } from './errors.js'
import { inflateZlib } from './inflate.js'
import { parseObject } from './jwt.js'
import { type ReadPickleOptions, readPickle } from './pickle/reader.js'
import type { DecodedSession, SessionData } from './types.js'

/** 40 digits of a signature, and whatever ASCII was signed. */
const VALUE = /^[0-9a-f]{40}[\x21-\x7e]+$/
const SIGNATURE = 40

/** Tells by shape alone whether Beaker may have written a value. */
export function looksLikeBeaker(value: string): boolean {
  return VALUE.test(value)
}

/**
 * Decodes a session of Beaker. **Nothing is verified**, and no class that a pickle names is made.
 *
 * @param value - the cookie's value
 * @param limit - most bytes of the pickle, or of the JSON once it is inflated
 * @param options - how to read a pickle
 * @throws {SessionError} `ERR_SESSION_UNSUPPORTED` if it is encrypted, or neither pickle nor JSON; `ERR_SESSION_LIMIT`,
 *   `ERR_SESSION_MALFORMED`, `ERR_SESSION_PICKLE`, `ERR_SESSION_COMPRESSION`, `ERR_SESSION_JSON`, `ERR_SESSION_CLAIMS`
 * @see FORMATS §2
 */
export function decodeBeaker(value: string, limit: number, options: ReadPickleOptions = {}): DecodedSession {
  const bytes = decodeBase64(value.slice(SIGNATURE))
  return { format: 'beaker', ...takeBeakerMeta(readSerialized(bytes, limit, options)) }
}

/** A pickle begins with PROTO, a zlib stream with CMF (RFC 1950 §2.2); the nonce of an encrypted one is random. */
function readSerialized(bytes: Uint8Array, limit: number, options: ReadPickleOptions): SessionData {
  if (bytes[0] === 0x78) return parseObject(decodeUtf8(inflateZlib(bytes, limit)))
  if (bytes[0] !== 0x80) throw new SessionError('ERR_SESSION_UNSUPPORTED', 'The value is neither pickle nor JSON')
  return textKeys(readPickle(bytes, options).value)
}

/** The members of a dict whose keys are text. @throws {SessionError} `ERR_SESSION_PICKLE` if it is no dict */
export function textKeys(value: unknown): SessionData {
  const isPlain = typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
  if (isPlain) return value as SessionData
  if (!(value instanceof Map)) throw new SessionError('ERR_SESSION_PICKLE', 'The session is no dict')
  // As entries, so that `__proto__` stays a key.
  return Object.fromEntries([...value].filter(([key]) => typeof key === 'string'))
}
