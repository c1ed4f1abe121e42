/**
 * Octets as the text that Django signs: base64url, behind a `.` where they are compressed.
 * FORMATS §8 for the rule when that is.
 */
import { platform } from '#platform'
import { decodeBase64Url } from '../../shared/bytes.js'
import { SessionError } from '../../shared/errors.js'
import { deflateZlib } from '../deflate/zlib-stream.js'

/** Most octets of a session, serialized: far above a real one, and few enough for every server. */
export const MAX_SESSION_OCTETS = 1_048_576

/** Python's zlib asks for this level by default. */
const LEVEL = 6

/**
 * @param limit - most octets, so that whatever is written can be read again
 * @throws {SessionError} `ERR_SESSION_LIMIT`
 */
export function encodePayload(bytes: Uint8Array, limit: number): string {
  if (bytes.length > limit) throw tooLong(limit)
  const compressed = deflateZlib(bytes, LEVEL)
  return compressed.length < bytes.length - 1 ? `.${platform.base64Url(compressed)}` : platform.base64Url(bytes)
}

/**
 * @param limit - most octets
 * @returns the octets, in an array of their own
 * @throws {SessionError} `ERR_SESSION_MALFORMED`, `ERR_SESSION_COMPRESSION`, `ERR_SESSION_LIMIT`
 */
export function decodePayload(payload: string, limit: number): Uint8Array {
  if (payload.startsWith('.')) return platform.inflate(decodeBase64Url(payload.slice(1)), limit)
  const bytes = decodeBase64Url(payload)
  if (bytes.length > limit) throw tooLong(limit)
  return bytes
}

function tooLong(limit: number): SessionError {
  return new SessionError('ERR_SESSION_LIMIT', `The session has more than ${limit} octets`)
}
