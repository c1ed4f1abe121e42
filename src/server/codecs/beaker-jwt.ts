/**
 * Sessions of beaker-session-jwt: a JWT signed with HS256 whose payload is `{"bsZ": base85(zlib(BSON))}` or plain claims.
 * RFC 7515, FORMATS §4.
 */
import { platform } from '#platform'
import { base85Room, decodeBase85, putBase85 } from '../../shared/base85.js'
import { bsonOrigin } from '../../shared/bson/origin.js'
import { type BsonTypes, readBson } from '../../shared/bson/reader.js'
import { writeBson } from '../../shared/bson/writer.js'
import { decodeBase64Url, decodeUtf8, encodeUtf8 } from '../../shared/bytes.js'
import { type DataAndMeta, takeBeakerMeta } from '../../shared/decode.js'
import { asVerified, SessionError } from '../../shared/errors.js'
import { looksLikeJwt, splitJwt } from '../../shared/jwt.js'
import type { Origin, OriginNode, SessionData } from '../../shared/types.js'
import { bsonPackageTypes, withBsonTypes } from '../bson-types.js'
import { readClaims } from '../json/claims.js'
import { readJson } from '../json/reader.js'
import { writeJson } from '../json/writer.js'
import { createKeyring, type Keyring, type Secrets } from '../keys/hmac.js'
import { equalValues, readOften } from '../values.js'
import { type CodecContext, inflatedLimit, refuseMeta, type SessionCodec, type SessionRecord } from './codec.js'
import { createVerifiedCache, type VerifiedCache } from './verified-cache.js'

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
    verify: async (value, context) => recall(value, context, verifying) ?? verify(value, context, verifying),
    sign: (record, context) => sign(record, context, keyring, compress),
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

async function verify(
  value: string,
  context: CodecContext,
  { keyring, reading, cache }: Verifying,
): Promise<SessionRecord> {
  const { header, payload, signature, signingInput } = splitJwt(value)
  if (header.alg !== ALGORITHM)
    throw new SessionError('ERR_SESSION_ALGORITHM', `The token is not signed with ${ALGORITHM}`)
  if (header.crit !== undefined) throw new SessionError('ERR_SESSION_ALGORITHM', 'The token asks for extensions (crit)')
  if (signature === '') throw new SessionError('ERR_SESSION_SIGNATURE', 'The token has no signature')
  const keyIndex = await keyring.verify(signingInput, decodeBase64Url(signature), context)
  if (keyIndex === -1) throw new SessionError('ERR_SESSION_SIGNATURE', 'No key verifies the signature')
  try {
    const content = openBeakerPayload(decodeUtf8(platform.octetsOfBase64Url(payload)), reading)
    const record = await withBsonTypes(() => readBeakerContent(content, reading))
    if (context.purpose === 'session') {
      cache.set(value, { keyIndex, content }, content.payload.length + (content.bytes?.length ?? 0))
    }
    return withKeyIndex(record, keyIndex)
  } catch (error) {
    throw asVerified(error)
  }
}

async function sign(
  record: SessionRecord,
  context: CodecContext,
  keyring: Keyring,
  compress: boolean,
): Promise<string> {
  const root = record.origin?.root()
  refuseMeta(record.data, BEAKER_KEYS, record.origin?.format === BEAKER_JWT ? undefined : root)
  const session = withBeakerMeta(record, root)
  const origin = withFloatTimes(root)
  const claims = compress ? compressed(session, origin) : plain(session, origin)
  const signingInput = `${HEADER}.${platform.base64Url(claims)}`
  return `${signingInput}.${platform.base64Url(await keyring.sign(signingInput, context))}`
}

/** Room for the claims of nearly every session: an array of their own takes longer than the digits. */
const room: Uint8Array = new Uint8Array(4096)

/**
 * No character of base85 needs an escape in JSON.
 *
 * @returns good until the next call
 */
function compressed(session: SessionData, origin: OriginNode): Uint8Array {
  const stream = platform.deflate(writeBson(session, { origin }), LEVEL)
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

// The session that a payload of beaker-session-jwt holds: BSON in `bsZ`, claims beside it, and Beaker's own keys.
// FORMATS §4 for the payload, §2.2 for the keys; times are float seconds since 1970.

/** The origin of what was read here. */
export const BEAKER_JWT = 'beaker-jwt'

/** What Beaker keeps among the session's own keys, each with what to use instead. */
export const BEAKER_KEYS = {
  _id: 'session.id and session.regenerate()',
  _creation_time: 'session.createdAt',
  _accessed_time: 'session.accessedAt',
  _expires: 'the option "expires"',
  _path: 'the option "path"',
  _domain: 'the option "domain"',
} as const

export interface PayloadOptions {
  /** Octets. */
  maxInflated: number
  types: BsonTypes
}

/** A payload that was opened and not yet read: it stays as it is, whatever is done to the sessions read from it. */
export interface BeakerContent {
  /** The JSON text. */
  readonly payload: string
  /** The BSON of `bsZ`. */
  readonly bytes?: Uint8Array
  /** The text of `bsZ` where there is no other claim. */
  readonly alone?: string
  /** The BSON with its types, made at the first commit that asks: nobody changes it, so all later ones share it. */
  root?: OriginNode
  /** What the BSON says where there is no other claim, made at the first reading. */
  known?: KnownSession
}

interface KnownSession {
  meta: DataAndMeta['meta']
  /** The data in objects of its own. */
  read(): SessionData
  /** Nobody changes it, so all records share it. */
  origin: BeakerOrigin
}

/** Also knows the data as it was read, for comparing; it must not be changed. */
interface BeakerOrigin extends Origin {
  data(): SessionData
}

/**
 * Opens the payload of a token whose signature was verified.
 *
 * @param payload - the JSON text
 * @throws {SessionError} for JSON, base85 or zlib that is not well formed or too large
 */
export function openBeakerPayload(payload: string, { maxInflated }: PayloadOptions): BeakerContent {
  // What nearly every payload is needs no JSON reader.
  const [, alone] = ONLY_BSZ.exec(payload) ?? []
  const bsZ = alone ?? (MAY_HAVE_BSZ.test(payload) ? readClaims(payload).bsZ : undefined)
  if (bsZ === undefined || bsZ === '' || bsZ === null) return { payload }
  if (typeof bsZ !== 'string') throw new SessionError('ERR_SESSION_MALFORMED', 'The claim bsZ is no text')
  const bytes = platform.inflate(decodeBase85(bsZ), maxInflated)
  return { payload, bytes, ...(alone === undefined ? {} : { alone }) }
}

/**
 * Reads the session in a payload. Claims beside `bsZ` are merged under the BSON, as Python's `dict.update` does.
 *
 * @returns a session of its own with each call
 * @throws {SessionError} for JSON or BSON that is not well formed or too large
 */
export function readBeakerContent(content: BeakerContent, { types }: PayloadOptions): SessionRecord {
  const { payload, bytes, alone } = content
  if (alone !== undefined) {
    content.known ??= knownSession(content, types)
    const { meta, read, origin } = content.known
    return recordOf({ data: read(), meta }, { bsZ: alone }, origin)
  }
  const claims = readClaims(payload)
  const { bsZ: _, ...beside } = claims
  if (bytes === undefined)
    return recordOf(
      takeBeakerMeta(beside),
      claims,
      originOf(() => readJson(payload)),
    )
  const session = takeBeakerMeta({ ...beside, ...readBson(bytes, { types }) })
  return recordOf(
    session,
    claims,
    originOf(() => mergedNode(readJson(payload), rootOf(content, types))),
  )
}

function knownSession(content: BeakerContent, types: BsonTypes): KnownSession {
  const read = (): DataAndMeta => takeBeakerMeta(readBson(content.bytes as Uint8Array, { types }))
  const { data, meta } = read()
  const readData = (): SessionData => read().data
  let before: SessionData | undefined
  return {
    meta,
    read: readOften(readData, data),
    origin: originOf(
      () => rootOf(content, types),
      () => {
        before ??= readData()
        return before
      },
    ),
  }
}

function rootOf(content: BeakerContent, types: BsonTypes): OriginNode {
  content.root ??= bsonOrigin(content.bytes as Uint8Array, { types })
  return content.root
}

/** An object of `bsZ` alone, its text without spaces and escapes, as base85 has none (RFC 8259 §4 and §7). */
const ONLY_BSZ = /^\{"bsZ":"([!#-[\]-~]+)"\}$/
/** The name as it is, or any escape, which may stand in it. */
const MAY_HAVE_BSZ = /bsZ|\\u/

/** The session as Python's dict has it: `_id` first, then the data, then the times. */
export function withBeakerMeta({ id, data, createdAt, accessedAt }: SessionRecord, root?: OriginNode): SessionData {
  const session: SessionData = id === undefined ? { ...data } : { _id: id, ...data }
  if (createdAt !== undefined) session._creation_time = seconds(createdAt, root?.child?.('_creation_time'))
  if (accessedAt !== undefined) session._accessed_time = seconds(accessedAt, root?.child?.('_accessed_time'))
  return session
}

/** Whether the data is what the payload held. */
export function isBeakerData(data: SessionData, origin: Origin): boolean {
  return equalValues((origin as BeakerOrigin).data(), data)
}

/** The payload's types, with times as floats also where they are new. */
export function withFloatTimes(root: OriginNode | undefined): OriginNode {
  return {
    format: root?.format ?? 'none',
    value: root?.value,
    keys: () => root?.keys?.() ?? [],
    child: (key) => root?.child?.(key) ?? (key === '_creation_time' || key === '_accessed_time' ? FLOAT : undefined),
  }
}

const FLOAT: OriginNode = { format: 'none', value: undefined, type: 'double' }

/** @param before - the data as it was read, where it is at hand */
function originOf(
  root: () => OriginNode,
  before: () => SessionData = () => takeBeakerMeta(root().value as SessionData).data,
): BeakerOrigin {
  return { format: BEAKER_JWT, root, data: before }
}

function recordOf(
  { data, meta: { id, createdAt, accessedAt } }: DataAndMeta,
  claims: SessionData,
  origin: BeakerOrigin,
): SessionRecord {
  const record: SessionRecord = { data, claims, origin }
  // Not `_expires`, which is about the browser's cookie and not about the session (FORMATS §2.2).
  if (id !== undefined) record.id = id
  if (createdAt) record.createdAt = new Date(createdAt)
  if (accessedAt) record.accessedAt = new Date(accessedAt)
  return record
}

function mergedNode(claims: OriginNode, session: OriginNode): OriginNode {
  const own = (key: string): OriginNode | undefined => (key === 'bsZ' ? undefined : claims.child?.(key))
  const { bsZ: _, ...beside } = claims.value as SessionData
  return {
    format: 'merged',
    value: { ...beside, ...(session.value as SessionData) },
    keys: () => new Set([...(claims.keys?.() ?? []), ...(session.keys?.() ?? [])]),
    child: (key) => session.child?.(key) ?? own(key),
  }
}

/** The very number that was read, which may have microseconds, as long as the time is the same. */
function seconds(time: Date, node: OriginNode | undefined): number {
  const read = node?.value
  if (typeof read === 'number' && Math.round(read * 1000) === time.getTime()) return read
  return time.getTime() / 1000
}
