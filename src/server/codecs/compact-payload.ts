/**
 * The octets of a compact session: what they say of the session itself, then BSON, deflated where that is shorter.
 * FORMATS §11; src/shared/decode-compact.ts reads them.
 */
import { writeBson } from '../../shared/bson-writer.js'
import { concatBytes, encodeUtf8, isWellFormed } from '../../shared/bytes.js'
import {
  ACCESSED,
  CREATED,
  DEFLATED,
  EXPIRES,
  HEX_ID,
  TEXT_ID,
  VERSION,
  ZLIB_HEAD,
} from '../../shared/decode-compact.js'
import { SessionError } from '../../shared/errors.js'
import type { OriginNode } from '../../shared/types.js'
import { deflateZlib } from '../deflate/zlib-stream.js'
import type { SessionRecord } from './codec.js'

/** zlib's best compression. What the head of a stream says of it is only a hint (RFC 1950 §2.2). */
const LEVEL = 9
/** As this project makes ids, and Beaker does (FORMATS §2.2). */
const HEX = /^[0-9a-f]{32}$/

/**
 * The octets of a session.
 *
 * @param root - what the payload was when it was read: unchanged elements are copied
 * @throws {SessionError} `ERR_SESSION_UNWRITABLE` with the path of what BSON can't hold, `ERR_SESSION_LIMIT`
 */
export function compactPayload(record: SessionRecord, root: OriginNode | undefined): Uint8Array {
  const { id, createdAt, accessedAt, expiresAt, version } = record
  const head: number[] = [0]
  let flags = 0
  if (id !== undefined && HEX.test(id)) {
    flags |= HEX_ID
    for (let at = 0; at < id.length; at += 2) head.push(Number.parseInt(id.slice(at, at + 2), 16))
  } else if (id !== undefined) {
    if (!isWellFormed(id)) throw unwritable('id')
    flags |= TEXT_ID
    const text = encodeUtf8(id)
    putVarint(head, text.length, 'id')
    head.push(...text)
  }
  let last = 0
  const times = [
    [CREATED, createdAt, 'createdAt'],
    [ACCESSED, accessedAt, 'accessedAt'],
    [EXPIRES, expiresAt, 'expiresAt'],
  ] as const
  for (const [flag, time, name] of times) {
    if (!time) continue
    flags |= flag
    const step = time.getTime() - last
    last = time.getTime()
    putVarint(head, step < 0 ? -2 * step - 1 : 2 * step, name)
  }
  if (version !== undefined) {
    flags |= VERSION
    putVarint(head, version, 'version')
  }
  const bson = writeBson(record.data, { origin: root })
  const stream = deflateZlib(bson, LEVEL)
  const isShorter = stream.length - ZLIB_HEAD.length < bson.length
  head[0] = flags | (isShorter ? DEFLATED : 0)
  return concatBytes(Uint8Array.from(head), isShorter ? stream.subarray(ZLIB_HEAD.length) : bson)
}

/** 7 bits in each octet, the lowest first; the highest bit says that more follow. */
function putVarint(octets: number[], value: number, path: string): void {
  if (!Number.isSafeInteger(value) || value < 0) throw unwritable(path)
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) octets.push((rest % 128) + 128)
  octets.push(rest)
}

function unwritable(path: string): SessionError {
  return new SessionError('ERR_SESSION_UNWRITABLE', 'The format can not hold this fact about the session', { path })
}
