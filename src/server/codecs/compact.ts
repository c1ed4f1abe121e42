/**
 * Sessions in our own format: small, valid for one cookie name and one purpose, with an expiry, a version, and in chunks.
 * FORMATS §11: BSON signed with HMAC-SHA-256, cut to 128 bits (RFC 2104 §5).
 */
import { platform } from '#platform'
import { decodeCookie85 } from '../../shared/base85.js'
import { bsonOrigin } from '../../shared/bson/origin.js'
import { type BsonTypes, readBson } from '../../shared/bson/reader.js'
import { writeBson } from '../../shared/bson/writer.js'
import { concatBytes, encodeUtf8, isWellFormed } from '../../shared/bytes.js'
import {
  ACCESSED,
  type CompactContent,
  CREATED,
  DEFLATED,
  EXPIRES,
  HEX_ID,
  looksLikeCompact,
  openCompact,
  splitCompact,
  TEXT_ID,
  VERSION,
  ZLIB_HEAD,
} from '../../shared/decode-compact.js'
import type { Duration } from '../../shared/define-session.js'
import { encodeCookie85 } from '../../shared/encode-base85.js'
import { asVerified, errorAt, SessionError } from '../../shared/errors.js'
import { checkNames, type OptionNames } from '../../shared/option-names.js'
import type { OriginNode, SessionData } from '../../shared/types.js'
import { bsonPackageTypes, withBsonTypes } from '../bson-types.js'
import { boundName, createHmacKeys, type HmacKeys, type Secrets } from '../keys/hmac.js'
import type { Known, SecretSource } from '../keys/key-source.js'
import { equalValues, readOften } from '../values.js'
import { checkExpires, checkMaxInflated, endOfToken, refuseMeta, refuseTokenTimes } from './checks.js'
import type { CodecContext, SessionCodec, SessionRecord } from './codec.js'
import { withSecrets } from './secret-source.js'
import { createVerifiedCache, type VerifiedCache } from './verified-cache.js'

/** Secrets, and how long a value is valid. */
export interface CompactOptions {
  /** A list, or a text with commas, or what returns one. The first signs, all verify. */
  secrets: Secrets | SecretSource
  /**
   * Loads what a function returns again this often, with the first request after that.
   *
   * @defaultValue only by `sessions.reload()`
   */
  reloadEvery?: Duration
  /**
   * The session expires this long after each write.
   *
   * @defaultValue by the session's timeouts, if it has any
   */
  expires?: Duration
  /**
   * Whether a session that is too large for one cookie may be split over several.
   *
   * @defaultValue true
   */
  chunks?: boolean
  /** Takes secrets under 32 bytes. */
  allowWeakSecrets?: boolean
  /**
   * Most bytes that the document may have after its signature was verified.
   *
   * @defaultValue 1 MiB
   */
  maxInflated?: number
  /**
   * How many of the last valid cookies are remembered, so that they need not be verified and inflated again.
   *
   * @defaultValue 256; 0: none
   */
  remember?: number
  /** Constructors for ObjectId and the like, for a MongoDB driver that has its own copy of the bson package. */
  bsonTypes?: BsonTypes
}

const OPTIONS: OptionNames<CompactOptions> = {
  secrets: 1,
  reloadEvery: 1,
  expires: 1,
  chunks: 'switch',
  allowWeakSecrets: 'switch',
  maxInflated: 1,
  remember: 1,
  bsonTypes: 1,
}

/** The origin of what was read here. */
const COMPACT = 'compact'
/** Bytes of the MAC: half of the hash's output, the least that RFC 2104 §5 allows. */
const MAC_LENGTH = 16
/** zlib's best compression. What the head of a stream says of it is only a hint (RFC 1950 §2.2). */
const LEVEL = 9
/** How this project makes ids, and Beaker does (FORMATS §2.2). */
const HEX = /^[0-9a-f]{32}$/

/**
 * The codec of compact sessions. A value is valid for the cookie name, the tenant and the purpose that it was signed for, and for nothing else.
 * It hides nothing: anybody who has the cookie can read it. A page reads it with `sessionglass/client/compact`.
 *
 * @throws {TypeError} for missing, empty or weak secrets, and for an `expires` under a second
 * @see FORMATS §11
 * @since 0.1.0
 * @example
 * const sessions = createSessions({ codecs: [compact({ secrets })], expose: true })
 */
export function compact(options: CompactOptions): SessionCodec {
  checkNames(options, OPTIONS, 'compact')
  return withSecrets(options, ['secrets'], create)
}

function create(options: Known<CompactOptions>): SessionCodec {
  const { secrets, allowWeakSecrets = false, chunks = true, expires } = options
  const settings: CompactSettings = {
    hmacKeys: createHmacKeys({ secrets, hash: 'SHA-256', bytes: MAC_LENGTH, allowWeakSecrets }),
    types: options.bsonTypes ?? bsonPackageTypes,
    maxInflated: checkMaxInflated(options.maxInflated),
    expires: checkExpires(expires),
    cache: createVerifiedCache(options.remember),
  }
  return {
    name: COMPACT,
    family: COMPACT,
    readable: true,
    ...(settings.expires !== undefined && { valueEnd: (record, now) => endOfToken(record, now, settings.expires) }),
    hasTimes: true,
    isBound: true,
    chunks,
    keepsId: true,
    deriveKeys: settings.hmacKeys.derive,
    thumbprints: settings.hmacKeys.thumbprints,
    matches: looksLikeCompact,
    verify: (value, context) => verify(value, context, settings),
    sign: (record, context) => sign(record, context, settings),
    changed: ({ data, origin }) => origin === undefined || !equalValues(origin.root().value, data),
  }
}

/** What the options make. */
interface CompactSettings {
  hmacKeys: HmacKeys
  types: BsonTypes
  maxInflated: number
  /** Milliseconds. */
  expires: number | undefined
  cache: VerifiedCache<VerifiedContent>
}

/** Stays as it is, whatever is done to the sessions read from it. */
interface VerifiedContent extends CompactContent {
  keyIndex: number
  /** The document with its types, made by the first commit that asks. */
  root?: OriginNode
  /** Gives the data, in new objects with each call. */
  data?: () => SessionData
}

async function verify(value: string, context: CodecContext, settings: CompactSettings): Promise<SessionRecord> {
  if (!looksLikeCompact(value)) throw new SessionError('ERR_SESSION_MALFORMED', 'The value is not a compact session')
  const isSession = context.purpose === 'session'
  // No value has a blank in it.
  const known = isSession ? settings.cache.get(`${boundName(context)} ${value}`) : undefined
  if (known) return readContent(known, context, settings)
  const { mac, body } = splitCompact(value)
  const keyIndex = await settings.hmacKeys.verify(signingInput(body, context), decodeCookie85(mac), context)
  if (keyIndex === -1) throw new SessionError('ERR_SESSION_SIGNATURE', 'No key verifies the signature')
  try {
    const content: VerifiedContent = { ...openCompact(body, settings.maxInflated, platform.inflate), keyIndex }
    const record = await withBsonTypes(() => readContent(content, context, settings))
    if (isSession) settings.cache.set(`${boundName(context)} ${value}`, content, content.bson.length)
    return record
  } catch (error) {
    throw asVerified(error)
  }
}

/**
 * What the MAC covers: the format, the purpose, the cookie's name and perhaps the tenant before the digits. No token begins like this, so a secret
 * that is shared with another codec signs nothing that is valid for both.
 */
function signingInput(body: string, context: CodecContext): string {
  return `sessionglass compact 1 ${context.purpose} ${boundName(context)} ${body}`
}

/** @returns new objects with each call */
function readContent(content: VerifiedContent, { now }: CodecContext, { types }: CompactSettings): SessionRecord {
  const { version, bson, keyIndex } = content
  const { id, createdAt, accessedAt, expiresAt } = content.meta
  refuseTokenTimes({ ...(expiresAt && { expiresAt }) }, now, 0)
  const root = (): OriginNode => {
    content.root ??= bsonOrigin(bson, types)
    return content.root
  }
  content.data ??= readOften(() => readBson(bson, types))
  const record: SessionRecord = { data: content.data(), keyIndex, origin: { format: COMPACT, root } }
  if (id !== undefined) record.id = id
  if (createdAt) record.createdAt = new Date(createdAt)
  if (accessedAt) record.accessedAt = new Date(accessedAt)
  if (expiresAt) record.expiresAt = new Date(expiresAt)
  if (version !== undefined) record.version = version
  return record
}

async function sign(record: SessionRecord, context: CodecContext, settings: CompactSettings): Promise<string> {
  const { origin } = record
  const root = origin?.root()
  refuseMeta(record.data, {}, origin?.format === COMPACT ? undefined : root)
  const expiresAt = endOfToken(record, context.now, settings.expires)
  const bson = writeBson(record.data, { origin: root, maxBytes: settings.maxInflated })
  const stream = await platform.deflate(bson, LEVEL)
  const isShorter = stream.length - ZLIB_HEAD.length < bson.length
  const head = headOf({ ...record, ...(expiresAt && { expiresAt }) }, isShorter)
  const body = encodeCookie85(concatBytes(head, isShorter ? stream.subarray(ZLIB_HEAD.length) : bson))
  const mac = await settings.hmacKeys.sign(signingInput(body, context), context)
  return `~${encodeCookie85(mac)}${body}`
}

/** The bytes before the document: which facts about the session are there, and the facts. `openCompact` reads them. */
function headOf(record: SessionRecord, isDeflated: boolean): Uint8Array {
  const { id, createdAt, accessedAt, expiresAt, version } = record
  const bytes: number[] = [0]
  let flags = isDeflated ? DEFLATED : 0
  if (id !== undefined && HEX.test(id)) {
    flags |= HEX_ID
    for (let at = 0; at < id.length; at += 2) bytes.push(Number.parseInt(id.slice(at, at + 2), 16))
  } else if (id !== undefined) {
    if (!isWellFormed(id)) throw unwritable('id')
    flags |= TEXT_ID
    const text = encodeUtf8(id)
    putVarint(bytes, text.length, 'id')
    bytes.push(...text)
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
    putVarint(bytes, step < 0 ? -2 * step - 1 : 2 * step, name)
  }
  if (version !== undefined) {
    flags |= VERSION
    putVarint(bytes, version, 'version')
  }
  bytes[0] = flags
  return Uint8Array.from(bytes)
}

/** 7 bits in each byte, the lowest first; the highest bit says that more follow. */
function putVarint(bytes: number[], value: number, path: string): void {
  if (!Number.isSafeInteger(value) || value < 0) throw unwritable(path)
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  bytes.push(rest)
}

function unwritable(path: string): SessionError {
  return errorAt(path, 'ERR_SESSION_UNWRITABLE', 'The format cannot store this property of the session')
}
