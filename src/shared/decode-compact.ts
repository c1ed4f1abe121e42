/**
 * Takes a session of our own compact format apart without any key.
 * FORMATS §11: what the bytes say of the session itself, and BSON.
 */
import { decodeCookie85 } from './base85.js'
import { lightValue } from './bson/light-types.js'
import { readBsonBy } from './bson/reader.js'
import { concatBytes, decodeUtf8, encodeHex } from './bytes.js'
import { SessionError } from './errors.js'
import { inflateZlib } from './inflate.js'
import type { DecodedSession, SessionMeta } from './types.js'

/** What the first byte says is there; the highest bit is for a later layout. */
export const DEFLATED = 1
export const HEX_ID = 2
export const TEXT_ID = 4
export const CREATED = 8
export const ACCESSED = 16
export const EXPIRES = 32
export const VERSION = 64

/** `~`, 20 digits of the MAC, 8 digits or more of what it covers. No other family begins with `~`. */
const VALUE = /^~[!#$()*+\-./0-9:=?@A-Z[\]^_`a-z{|}~]{28,}$/
/** Where the MAC ends. */
const MAC_END = 21
/** The two bytes that every zlib stream of ours begins with are left out (RFC 1950 §2.2). */
export const ZLIB_HEAD: Uint8Array = /* @__PURE__ */ Uint8Array.of(0x78, 0xda)

/** What stands in a value beside the MAC. */
export interface CompactContent {
  meta: SessionMeta
  version?: number
  /** The document, in an array of its own. */
  bson: Uint8Array
}

/** Tells by shape alone whether a value may be of this format. */
export function looksLikeCompact(value: string): boolean {
  return VALUE.test(value)
}

/** The digits of the MAC, and those that it covers. Neither is verified. */
export function splitCompact(value: string): { mac: string; body: string } {
  return { mac: value.slice(1, MAC_END), body: value.slice(MAC_END) }
}

/**
 * Decodes a compact session. **Nothing is verified.**
 *
 * @param value - the cookie's value, chunks joined
 * @param limit - most bytes that it may inflate to
 * @throws {SessionError} `ERR_SESSION_UNSUPPORTED` for another format or a later layout, `ERR_SESSION_MALFORMED`,
 *   `ERR_SESSION_CLAIMS`, `ERR_SESSION_COMPRESSION`, `ERR_SESSION_LIMIT`, `ERR_SESSION_BSON`
 * @see FORMATS §11
 */
export function decodeCompact(value: string, limit: number): DecodedSession {
  if (!looksLikeCompact(value)) throw new SessionError('ERR_SESSION_UNSUPPORTED')
  const { meta, bson } = openCompact(splitCompact(value).body, limit)
  return { format: 'compact', data: readBsonBy(bson, lightValue), meta }
}

type Inflate = (bytes: Uint8Array, limit: number) => Uint8Array

/**
 * Reads what stands before the document, and inflates that.
 *
 * @param body - the digits that the MAC covers
 * @param limit - most bytes that may come out
 * @param inflate - a platform's own, which takes a tenth of the time for a large session
 * @throws {SessionError} as `decodeCompact`, but for BSON
 */
export function openCompact(body: string, limit: number, inflate: Inflate = inflateZlib): CompactContent {
  const bytes = decodeCookie85(body)
  const meta: SessionMeta = {}
  const flags = bytes[0] as number
  let position = 1
  // Also what has two ids at once: no release wrote it.
  if (flags > 127 || (flags & HEX_ID && flags & TEXT_ID)) throw new SessionError('ERR_SESSION_UNSUPPORTED')
  if (flags & HEX_ID) meta.id = encodeHex(take(16))
  if (flags & TEXT_ID) meta.id = decodeUtf8(take(varint()))
  // Each time counts from the one before it, which costs fewer bytes.
  let time = 0
  if (flags & CREATED) meta.createdAt = date()
  if (flags & ACCESSED) meta.accessedAt = date()
  if (flags & EXPIRES) meta.expiresAt = date()
  const version = flags & VERSION ? { version: varint() } : {}
  const rest = bytes.subarray(position)
  const bson = flags & DEFLATED ? inflate(concatBytes(ZLIB_HEAD, rest), limit) : rest
  if (bson.length > limit) throw new SessionError('ERR_SESSION_LIMIT')
  return { meta, ...version, bson }

  function take(length: number): Uint8Array {
    const start = position
    position += length
    if (position > bytes.length) throw new SessionError('ERR_SESSION_MALFORMED')
    return bytes.subarray(start, position)
  }

  /** 7 bits in each byte, the lowest first; the highest bit says that more follow. */
  function varint(): number {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = take(1)[0] as number
      value += (byte & 127) * factor
      if (!Number.isSafeInteger(value)) throw new SessionError('ERR_SESSION_CLAIMS')
      if (byte < 128) return value
    }
  }

  /** Milliseconds since the time before; odd ones lie before it. */
  function date(): Date {
    const step = varint()
    time += step % 2 ? -(step + 1) / 2 : step / 2
    const date = new Date(time)
    if (Number.isNaN(+date)) throw new SessionError('ERR_SESSION_CLAIMS')
    return date
  }
}
