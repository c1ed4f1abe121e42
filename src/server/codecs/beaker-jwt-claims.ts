/**
 * The claims that beakerJwt signs: `{"bsZ": base85(zlib(BSON))}` or plain ones. A service that only verifies never loads this file.
 * FORMATS §4.
 */
import { platform } from '#platform'
import { writeBson } from '../../shared/bson/writer.js'
import { encodeUtf8 } from '../../shared/bytes.js'
import { base85Room, putBase85 } from '../../shared/encode-base85.js'
import { errorAt } from '../../shared/errors.js'
import type { OriginNode, SessionData } from '../../shared/types.js'
import { writeJson } from '../json/writer.js'
import { beakerDict, withFloatTimes } from './beaker-dict.js'
import { BEAKER_KEYS } from './beaker-meta.js'
import { refuseMeta } from './checks.js'
import type { SessionRecord } from './codec.js'

export interface ClaimsOptions {
  /** Writes `bsZ`. */
  compress: boolean
  /** Most bytes of the BSON. */
  maxInflated: number
  /** The session was read by the same codec. */
  isOwn: boolean
}

/** zlib's best compression, as Python asks for. */
const LEVEL = 9

/**
 * Writes the payload of a token.
 *
 * @throws {TypeError} for data under a key of Beaker's own
 * @throws {SessionError} `ERR_SESSION_UNWRITABLE` with the path of a value that the format can't hold, `ERR_SESSION_LIMIT`
 */
export async function writeClaims(record: SessionRecord, options: ClaimsOptions): Promise<string | Uint8Array> {
  const root = record.origin?.root()
  refuseMeta(record.data, BEAKER_KEYS, options.isOwn ? undefined : root)
  const session = beakerDict(record, root)
  const origin = withFloatTimes(root)
  if (!options.compress) return plainClaims(session, origin)
  return compressedClaims(await platform.deflate(writeBson(session, { origin, maxBytes: options.maxInflated }), LEVEL))
}

/** The claims before and behind the digits of `bsZ`. */
const BSZ_HEAD: Uint8Array = /* @__PURE__ */ encodeUtf8('{"bsZ":"')
const BSZ_TAIL: Uint8Array = /* @__PURE__ */ encodeUtf8('"}')

/** No character of base85 needs an escape in JSON. @param stream - the session as BSON, compressed */
function compressedClaims(stream: Uint8Array): Uint8Array {
  const claims = new Uint8Array(BSZ_HEAD.length + base85Room(stream.length) + BSZ_TAIL.length)
  claims.set(BSZ_HEAD)
  const end = putBase85(stream, claims, BSZ_HEAD.length)
  claims.set(BSZ_TAIL, end)
  return claims.subarray(0, end + BSZ_TAIL.length)
}

function plainClaims(session: SessionData, origin: OriginNode): string {
  if (session.bsZ === undefined) return writeJson(session, { origin })
  const message = 'Plain claims must not have the key bsZ, which marks compressed sessions'
  throw errorAt('bsZ', 'ERR_SESSION_UNWRITABLE', message)
}
