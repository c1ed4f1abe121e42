/**
 * Signs a session for cookies that have room for it. If they have not, the error names the keys that take the most.
 * RFC 6265 §6.1; BSON specification 1.1.
 */
import { writeBson } from '../../shared/bson/writer.js'
import { type KeySize, SessionError } from '../../shared/errors.js'
import type { SessionData } from '../../shared/types.js'
import type { CodecContext, SessionCodec, SessionRecord } from '../codecs/codec.js'
import { type ChunkLimits, chunkRoom, MAX_COOKIE_BYTES } from './cookies.js'

/**
 * Signs a value that a cookie, or several, can hold.
 *
 * @throws {SessionError} `ERR_SESSION_TOO_LARGE` with the largest keys, and what the codec throws
 */
export async function signFitting(
  codec: SessionCodec,
  record: SessionRecord,
  context: CodecContext,
  { place, bytes }: Room,
): Promise<string> {
  const value = await (codec as Required<SessionCodec>).sign(record, context)
  const room = Math.min(codec.maxLength ?? bytes, bytes)
  if (value.length <= room) return value
  throw new SessionError(
    'ERR_SESSION_TOO_LARGE',
    `${place} takes ${value.length} bytes as ${codec.name}; there is room for ${room} (see "largest" for the biggest keys)`,
    { largest: largestKeys(record.data) },
  )
}

/** Where a value stands, and the most bytes that it may have there. */
export interface Room {
  readonly place: string
  readonly bytes: number
}

/**
 * @param cookieName - of the cookie that the value stands in, which takes room too
 * @param limits - of the cookies that it may be split over
 */
export function cookieRoom(cookieName: string, limits?: ChunkLimits): Room {
  const bytes = limits ? chunkRoom(cookieName, limits) : MAX_COOKIE_BYTES - cookieName.length
  return { place: `Cookie ${cookieName}`, bytes }
}

/** How many keys an error names. */
const LARGEST_KEYS = 5
/** Bytes of the length and the end of a BSON document, which every measure has. */
const BSON_FRAME_BYTES = 5

/**
 * Which keys take the most room, for the error that says a session is too large: sizes only, never values.
 *
 * @returns the largest first, by the bytes that each takes as BSON before compression; 0 for what can't be measured
 */
export function largestKeys(data: SessionData): KeySize[] {
  return Object.keys(data)
    .map((key) => ({ key, bytes: bsonBytes(key, data[key]) }))
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, LARGEST_KEYS)
}

function bsonBytes(key: string, value: unknown): number {
  try {
    return writeBson({ [key]: value }).length - BSON_FRAME_BYTES
  } catch {
    return 0
  }
}
