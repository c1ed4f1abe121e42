/**
 * Sessions of beaker-session-jwt: a JWT signed with HS256 whose payload is `{"bsZ": base85(zlib(BSON))}` or plain claims.
 * RFC 7515, FORMATS §4.
 */
import { platform } from '#platform'
import { base85Room, putBase85 } from '../../shared/base85.js'
import type { BsonTypes } from '../../shared/bson-reader.js'
import { writeBson } from '../../shared/bson-writer.js'
import { decodeBase64Url, decodeUtf8, encodeUtf8 } from '../../shared/bytes.js'
import { asVerified, SessionError } from '../../shared/errors.js'
import { looksLikeJwt, splitJwt } from '../../shared/jwt.js'
import type { OriginNode, SessionData } from '../../shared/types.js'
import { deflateZlib } from '../deflate/zlib-stream.js'
import { type Flow, run, wait } from '../flow.js'
import { writeJson } from '../json/writer.js'
import { createKeyring, type Keyring, type Secrets } from '../keyring.js'
import { refuseMeta } from '../meta-guard.js'
import { bsonPackageTypes } from '../values/bson-types.js'
import { inflatedLimit } from '../values/inflated-limit.js'
import { createVerifiedCache, type VerifiedCache } from '../values/verified-cache.js'
import {
  BEAKER_JWT,
  BEAKER_KEYS,
  type BeakerContent,
  isBeakerData,
  openBeakerPayload,
  type PayloadOptions,
  readBeakerContent,
  withBeakerMeta,
  withFloatTimes,
} from './beaker-payload.js'
import type { CodecContext, SessionCodec, SessionRecord } from './codec.js'

export interface BeakerJwtOptions {
  /** `jwt_secret_keys`: a list, or a text with commas. The first signs, all verify. */
  secrets: Secrets
  /** `bson_compress_jwt_payload`: write `bsZ` (default), which also holds dates and bytes, or plain claims. Both are read. */
  compress?: boolean
  /** Takes secrets under 32 octets, as Python does. */
  allowWeakSecrets?: boolean
  /** Most octets a compressed payload may have after its signature was verified. Default 1 MiB. */
  maxInflated?: number
  /** How many of the last good cookies are remembered, so that they need not be verified and inflated again. Default 256; 0: none. */
  remember?: number
  /** Constructors for ObjectId and the like, for a MongoDB driver that has its own copy of the bson package. */
  bsonTypes?: BsonTypes
}

/** Python refuses longer values (FORMATS trap 2). */
const MAX_LENGTH = 4064
const MAX_INFLATED = 1024 * 1024
const ALGORITHM = 'HS256'
/** `{"typ":"JWT","alg":"HS256"}`: joserfc since 0.6.0 puts `typ` first (FORMATS §4). */
const HEADER = 'eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9'
/** What stands in the claims around the digits. */
const BSZ_HEAD: Uint8Array = /* @__PURE__ */ encodeUtf8('{"bsZ":"')
const BSZ_TAIL: Uint8Array = /* @__PURE__ */ encodeUtf8('"}')
/** zlib's best compression, as Python asks for. */
const LEVEL = 9

/**
 * The codec of beaker-session-jwt. Any JWT signed with one of its secrets is a session to it, as it is to Python: give it
 * secrets of their own.
 *
 * @throws {TypeError} for missing, empty or weak secrets
 */
export function beakerJwt(options: BeakerJwtOptions): SessionCodec {
  const { secrets, allowWeakSecrets = false, compress = true } = options
  const keyring = createKeyring({ secrets, hash: 'SHA-256', allowWeakSecrets })
  const reading: PayloadOptions = {
    maxInflated: inflatedLimit(options.maxInflated ?? MAX_INFLATED),
    types: options.bsonTypes ?? bsonPackageTypes,
  }
  const cache = createVerifiedCache<VerifiedToken>(options.remember)
  const verifying: Verifying = { keyring, reading, cache }
  return {
    name: 'beakerJwt',
    family: 'jws',
    readable: true,
    maxLength: MAX_LENGTH,
    meta: BEAKER_KEYS,
    // What was verified before needs no second look at its form.
    matches: (value) => cache.get(value) !== undefined || looksLikeJwt(value),
    verify: (value, context) => recall(value, context, verifying) ?? run(verify(value, context, verifying)),
    sign: (record, context) => run(sign(record, context, keyring, compress)),
    changed: ({ data, origin }) => origin === undefined || !isBeakerData(data, origin),
  }
}

interface VerifiedToken {
  keyIndex: number
  content: BeakerContent
}

interface Verifying {
  keyring: Keyring
  reading: PayloadOptions
  cache: VerifiedCache<VerifiedToken>
}

/** The session of a value that was verified before. */
function recall(value: string, { purpose }: CodecContext, { reading, cache }: Verifying): SessionRecord | undefined {
  const known = purpose === 'session' ? cache.get(value) : undefined
  return known && withKeyIndex(readBeakerContent(known.content, reading), known.keyIndex)
}

function withKeyIndex(record: SessionRecord, keyIndex: number): SessionRecord {
  record.keyIndex = keyIndex
  return record
}

function* verify(value: string, context: CodecContext, { keyring, reading, cache }: Verifying): Flow<SessionRecord> {
  const { header, payload, signature, signingInput } = splitJwt(value)
  if (header.alg !== ALGORITHM)
    throw new SessionError('ERR_SESSION_ALGORITHM', `The token is not signed with ${ALGORITHM}`)
  if (header.crit !== undefined) throw new SessionError('ERR_SESSION_ALGORITHM', 'The token asks for extensions (crit)')
  if (signature === '') throw new SessionError('ERR_SESSION_SIGNATURE', 'The token has no signature')
  const keyIndex = yield* wait(keyring.verify(signingInput, decodeBase64Url(signature), context))
  if (keyIndex === -1) throw new SessionError('ERR_SESSION_SIGNATURE', 'No key verifies the signature')
  try {
    const content = openBeakerPayload(decodeUtf8(platform.octetsOfBase64Url(payload)), reading)
    const record = readBeakerContent(content, reading)
    if (context.purpose === 'session') {
      cache.set(value, { keyIndex, content }, content.payload.length + (content.bytes?.length ?? 0))
    }
    return withKeyIndex(record, keyIndex)
  } catch (error) {
    throw asVerified(error)
  }
}

function* sign(record: SessionRecord, context: CodecContext, keyring: Keyring, compress: boolean): Flow<string> {
  const root = record.origin?.root()
  refuseMeta(record.data, BEAKER_KEYS, record.origin?.format === BEAKER_JWT ? undefined : root)
  const session = withBeakerMeta(record, root)
  const origin = withFloatTimes(root)
  const claims = compress ? compressed(session, origin) : plain(session, origin)
  const signingInput = `${HEADER}.${platform.base64Url(claims)}`
  return `${signingInput}.${yield* wait(keyring.signText(signingInput, context))}`
}

/** Room for the claims of nearly every session: an array of their own takes longer than the digits. */
const room: Uint8Array = new Uint8Array(4096)

/**
 * No character of base85 needs an escape in JSON.
 *
 * @returns good until the next call
 */
function compressed(session: SessionData, origin: OriginNode): Uint8Array {
  const stream = deflateZlib(writeBson(session, { origin }), LEVEL)
  const needed = BSZ_HEAD.length + base85Room(stream.length) + BSZ_TAIL.length
  const claims = needed > room.length ? new Uint8Array(needed) : room
  claims.set(BSZ_HEAD)
  const end = putBase85(stream, claims, BSZ_HEAD.length)
  claims.set(BSZ_TAIL, end)
  return claims.subarray(0, end + BSZ_TAIL.length)
}

function plain(session: SessionData, origin: OriginNode): string {
  if (session.bsZ !== undefined) {
    throw new SessionError('ERR_SESSION_UNWRITABLE', 'Plain claims can not hold the key that means compressed ones', {
      path: 'bsZ',
    })
  }
  return writeJson(session, { origin })
}
