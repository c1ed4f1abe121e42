/**
 * Sessions that nobody but a server with the secret can read: JWE in compact serialization with a direct key.
 * RFC 7516, RFC 7518 §4.5 and §5, FORMATS §12. Nothing is compressed: lengths would tell what a session says.
 */
import { platform } from '#platform'
import { bsonOrigin } from '../../shared/bson/origin.js'
import { type BsonTypes, readBson } from '../../shared/bson/reader.js'
import { writeBson } from '../../shared/bson/writer.js'
import { decodeUtf8, encodeUtf8 } from '../../shared/bytes.js'
import { type DataAndMeta, takeBeakerMeta, takeJwtMeta } from '../../shared/decode.js'
import type { Duration } from '../../shared/define-session.js'
import { asVerified, errorAt, SessionError } from '../../shared/errors.js'
import { createHeaderReader, type HeaderReader, looksLikeJwt } from '../../shared/jwt.js'
import { checkNames, type OptionNames } from '../../shared/option-names.js'
import { EXPIRY, EXPIRY_RULE } from '../../shared/own-times.js'
import type { OriginNode, SessionData } from '../../shared/types.js'
import { bsonPackageTypes, withBsonTypes } from '../bson-types.js'
import { createJsonClaims } from '../json/claims.js'
import { writeJson } from '../json/writer.js'
import { type ContentEncryption, createEncryptionKeys, type EncryptionKeys } from '../keys/encryption-keys.js'
import { boundName, type Secrets } from '../keys/hmac.js'
import type { Known, SecretSource } from '../keys/key-source.js'
import { equalValues, readOften } from '../values.js'
import { beakerDict, withFloatTimes } from './beaker-dict.js'
import { BEAKER_KEYS, beakerRecord } from './beaker-meta.js'
import { checkExpires, endOfToken, refuseMeta, refuseTokenTimes } from './checks.js'
import type { CodecContext, SessionCodec, SessionRecord } from './codec.js'
import { withSecrets } from './secret-source.js'
import { createVerifiedCache, type VerifiedCache } from './verified-cache.js'

/** Secrets, and what is encrypted. */
export interface JweOptions {
  /** A list, or a text with commas, or what returns one. The first encrypts, all decrypt. */
  secrets: Secrets | SecretSource
  /**
   * Loads what a function returns again this often, with the first request after that.
   *
   * @defaultValue only by `sessions.reload()`
   */
  reloadEvery?: Duration
  /**
   * The one content encryption that is written and read.
   *
   * @defaultValue `A256GCM`
   */
  enc?: ContentEncryption
  /**
   * What is encrypted: BSON, which also holds dates and bytes, or JSON. Both are read.
   *
   * @defaultValue `bson`
   */
  payload?: 'bson' | 'claims'
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
   * How many of the last valid cookies are remembered, so that they need not be decrypted again.
   *
   * @defaultValue 256; 0: none
   */
  remember?: number
  /** Constructors for ObjectId and the like, for a MongoDB driver that has its own copy of the bson package. */
  bsonTypes?: BsonTypes
}

const OPTIONS: OptionNames<JweOptions> = {
  secrets: 1,
  reloadEvery: 1,
  enc: 1,
  payload: 1,
  expires: 1,
  chunks: 'switch',
  allowWeakSecrets: 'switch',
  remember: 1,
  bsonTypes: 1,
}

/** The name, the family and the origin of what was read here. */
const JWE = 'jwe'
/** Characters, checked before any key is used; what is written has no more. Four cookies of the size that browsers keep. */
const MAX_LENGTH = 16_384
/** What a session counts its writes under. */
const WRITES = '_writes'
/** Five parts (RFC 7516 §3.1). All may be empty but the header. */
const VALUE = /^[\w-]+(?:\.[\w-]*){4}$/

/** Bytes of the initialization vector and of the tag: RFC 7518 §5.2.5 and §5.3. */
const SIZES: Readonly<Record<ContentEncryption, { iv: number; tag: number }>> = {
  A256GCM: { iv: 12, tag: 16 },
  'A256CBC-HS512': { iv: 16, tag: 32 },
}

/** The keys that are not data, each with what to use instead. */
const META = {
  ...BEAKER_KEYS,
  exp: 'the codec\'s option "expires"',
  [WRITES]: 'another name',
} as const

/** Members of the header that change what a token is, each with what it is called (RFC 7516 §4.1, RFC 7518 §4.8.1). */
const REFUSED_MEMBERS: Readonly<Record<string, string>> = {
  zip: 'is compressed (zip)',
  crit: 'asks for extensions (crit)',
  p2c: 'asks for a key from a password (p2c)',
  p2s: 'asks for a key from a password (p2s)',
  cty: 'says that something else is in it (cty), such as another token',
}

/**
 * The codec of encrypted sessions. A value is valid for the cookie name, the tenant and the purpose that it was written for, and for nothing
 * else. A page reads none of it: with a list of `expose`, the public cookie is signed with a key that is derived from the same secret.
 *
 * @throws {TypeError} for missing, empty or weak secrets, an unknown `enc` or `payload`, and an `expires` under a second
 * @see FORMATS §12
 * @since 0.1.0
 * @example
 * const sessions = createSessions({ codecs: [jwe({ secrets })], expose: ['user'] })
 */
export function jwe(options: JweOptions): SessionCodec {
  checkNames(options, OPTIONS, 'jwe')
  let newest: SessionCodec | undefined
  const codec = withSecrets(options, ['secrets'], (known) => {
    newest = create(known)
    return newest
  })
  const { keys } = codec
  if (!keys) return codec
  // Secrets that are loaded: the public cookie goes by those of the moment, too.
  const current = async (): Promise<Required<SessionCodec>> => {
    await keys.ready()
    return newest?.publicCodec as Required<SessionCodec>
  }
  return { ...codec, publicCodec: { ...publicCodecOf(current), keys } }
}

function create(options: Known<JweOptions>): SessionCodec {
  const { enc = 'A256GCM', payload = 'bson', allowWeakSecrets = false, chunks = true } = options
  if (!Object.hasOwn(SIZES, enc)) throw new TypeError('Option "enc" must be one of A256GCM, A256CBC-HS512')
  if (payload !== 'bson' && payload !== 'claims') throw new TypeError('Option "payload" must be one of bson, claims')
  const keys = createEncryptionKeys({ secrets: options.secrets, enc, allowWeakSecrets })
  const settings: JweSettings = {
    keys,
    enc,
    payload,
    types: options.bsonTypes ?? bsonPackageTypes,
    expires: checkExpires(options.expires),
    readHeader: createHeaderReader(),
    cache: createVerifiedCache(options.remember),
  }
  return {
    name: JWE,
    family: JWE,
    readable: false,
    maxLength: MAX_LENGTH,
    ...(settings.expires !== undefined && { valueEnd: (record, now) => endOfToken(record, now, settings.expires) }),
    hasTimes: true,
    isBound: true,
    chunks,
    meta: META,
    keepsId: true,
    deriveKeys: keys.derive,
    thumbprints: keys.thumbprints,
    publicCodec: publicCodec(settings),
    matches: (value) => VALUE.test(value),
    verify: (value, context) => verify(value, context, settings),
    prepareSign: keys.prepare,
    sign: (record, context) => sign(record, context, settings),
    changed: ({ data, origin }) =>
      origin === undefined || !equalValues(takeMeta(origin.root().value as SessionData).data, data),
  }
}

/** What the options make. */
interface JweSettings {
  keys: EncryptionKeys
  enc: ContentEncryption
  payload: 'bson' | 'claims'
  types: BsonTypes
  /** Milliseconds. */
  expires: number | undefined
  readHeader: HeaderReader
  cache: VerifiedCache<Content>
}

/** What was decrypted. It stays as it is, whatever is done to the sessions read from it. */
interface Content {
  readonly keyIndex: number
  readonly kid: string
  /** The session as Beaker's dict, in new objects with each call. */
  read(): SessionData
  /** The same with its types. It never changes, so all sessions of one value share it. */
  root(): OriginNode
}

/**
 * The codec of the public cookie that goes with sessions which a page can't read. Its secrets are known with its first use: some runtimes
 * derive nothing at once.
 */
function publicCodec({ keys, payload, types, expires }: JweSettings): SessionCodec {
  let made: Promise<Required<SessionCodec>> | undefined
  const make = async (): Promise<SessionCodec> => {
    const secrets = await keys.publicSecrets()
    if (payload === 'claims') return (await import('./jwt.js')).jwt({ secrets })
    const codec = (await import('./beaker-jwt.js')).beakerJwt({ secrets, bsonTypes: types })
    return expires === undefined ? codec : withEnd(codec as Required<SessionCodec>, expires)
  }
  return publicCodecOf(() => {
    made ??= make() as Promise<Required<SessionCodec>>
    return made
  })
}

/**
 * Beaker's tokens have no place for the end that the option `expires` gives a session. So the public cookie has it as pages read the end that a
 * session has for itself. The rule beside it, which no page gets, tells that it is not the session's.
 */
function withEnd(codec: Required<SessionCodec>, expires: number): SessionCodec {
  return {
    ...codec,
    async verify(value, context) {
      const record = await codec.verify(value, context)
      const { [EXPIRY]: end, [EXPIRY_RULE]: rule, ...data } = record.data
      return rule === true ? { ...record, data, expiresAt: new Date(String(end)) } : record
    },
    sign(record, context) {
      if (record.isOwnEnd) return codec.sign(record, context)
      const latest = context.now.getTime() + expires
      const end = new Date(Math.min(record.expiresAt?.getTime() ?? latest, latest)).toISOString()
      return codec.sign({ ...record, data: { ...record.data, [EXPIRY]: end, [EXPIRY_RULE]: true } }, context)
    },
  }
}

function publicCodecOf(codec: () => Promise<Required<SessionCodec>>): SessionCodec {
  return {
    name: 'jwe, its public cookie',
    family: 'jws',
    readable: true,
    matches: looksLikeJwt,
    verify: async (value, context) => (await codec()).verify(value, context),
    sign: async (record, context) => (await codec()).sign(record, context),
  }
}

async function verify(value: string, context: CodecContext, settings: JweSettings): Promise<SessionRecord> {
  const isSession = context.purpose === 'session'
  // No value has a blank in it.
  const name = `${boundName(context)} ${value}`
  const known = isSession ? settings.cache.get(name) : undefined
  if (known) return readContent(known, context)
  const { kid } = checkedHeader(value, settings)
  const decrypted = await settings.keys.decrypt(value, kid, context)
  if (!decrypted) throw new SessionError('ERR_SESSION_SIGNATURE', 'No key decrypts the token')
  try {
    const { plaintext, ...key } = decrypted
    const content: Content = { ...key, ...openPayload(plaintext, settings) }
    const record = await withBsonTypes(() => readContent(content, context))
    if (isSession) settings.cache.set(name, content, plaintext.length)
    return record
  } catch (error) {
    throw asVerified(error)
  }
}

/**
 * Takes a token apart without any key, and refuses what this format never has. jose would refuse most of it, but not by name, and takes
 * base64url on some runtimes that is not strict.
 *
 * @throws {SessionError} `ERR_SESSION_LIMIT`, `ERR_SESSION_UNSUPPORTED`, `ERR_SESSION_MALFORMED`, `ERR_SESSION_ALGORITHM`
 */
function checkedHeader(value: string, { enc, readHeader }: JweSettings): { kid: unknown } {
  if (value.length > MAX_LENGTH) throw new SessionError('ERR_SESSION_LIMIT', 'The token is too long')
  if (!VALUE.test(value)) throw new SessionError('ERR_SESSION_UNSUPPORTED', 'The value is no encrypted token')
  const [first, key, iv, text, tag] = value.split('.') as [string, string, string, string, string]
  const header = readHeader(first)
  const refuse = (what: string): never => {
    throw new SessionError('ERR_SESSION_ALGORITHM', `The token ${what}`)
  }
  if (header.alg !== 'dir') refuse('is not encrypted with a direct key (alg)')
  if (header.enc !== enc) refuse(`is not encrypted with ${enc} (enc)`)
  for (const member in REFUSED_MEMBERS) {
    if (header[member] !== undefined) refuse(REFUSED_MEMBERS[member] as string)
  }
  const lengths = [iv, tag].map((part) => platform.decodeBase64Url(part).length)
  platform.decodeBase64Url(text)
  const isWhole = key === '' && lengths[0] === SIZES[enc].iv && lengths[1] === SIZES[enc].tag
  if (!isWhole) throw new SessionError('ERR_SESSION_MALFORMED', 'A part of the token has a wrong length')
  return { kid: header.kid }
}

/** BSON begins with its own length, which no JSON text of this size does. */
function openPayload(plaintext: Uint8Array, { types }: JweSettings): Pick<Content, 'read' | 'root'> {
  const { buffer, byteOffset, length } = plaintext
  const isBson = length >= 5 && new DataView(buffer, byteOffset).getInt32(0, true) === length
  if (!isBson) return createJsonClaims(decodeUtf8(plaintext))
  let root: OriginNode | undefined
  return {
    read: readOften(() => readBson(plaintext, types)),
    root: () => {
      root ??= bsonOrigin(plaintext, types)
      return root
    },
  }
}

interface JweMeta extends DataAndMeta {
  version: unknown
}

function takeMeta(session: SessionData): JweMeta {
  const { exp, [WRITES]: version, ...dict } = session
  const { data, meta } = takeBeakerMeta(dict)
  const { expiresAt } = takeJwtMeta({ exp }).meta
  return { data, meta: { ...meta, ...(expiresAt && { expiresAt }) }, version }
}

/** @returns new objects with each call */
function readContent({ keyIndex, kid, read, root }: Content, { now }: CodecContext): SessionRecord {
  const { data, meta, version } = takeMeta(read())
  const { expiresAt } = meta
  refuseTokenTimes({ ...(expiresAt && { expiresAt }) }, now, 0)
  const record = beakerRecord({ data, meta }, { origin: { format: JWE, root } })
  record.keyIndex = keyIndex
  record.kid = kid
  if (expiresAt) record.expiresAt = expiresAt
  if (isCount(version)) record.version = version
  else if (version !== undefined) throw new SessionError('ERR_SESSION_CLAIMS', 'The number of writes is none')
  return record
}

const isCount = (version: unknown): version is number => Number.isSafeInteger(version) && (version as number) >= 0

async function sign(record: SessionRecord, context: CodecContext, settings: JweSettings): Promise<string> {
  const { origin } = record
  const root = origin?.root()
  refuseMeta(record.data, META, origin?.format === JWE ? undefined : root)
  const expiresAt = endOfToken(record, context.now, settings.expires)
  const session = beakerDict(record, root)
  if (expiresAt) session.exp = expiresAt.getTime() / 1000
  if (record.version !== undefined) {
    if (!isCount(record.version)) throw unwritable('version')
    session[WRITES] = record.version
  }
  const value = await settings.keys.encrypt(plaintextOf(session, root, settings), context)
  if (value.length > MAX_LENGTH) throw new SessionError('ERR_SESSION_LIMIT', 'The session is too large for a token')
  return value
}

/** The types that were read, but for what was written anew. */
function plaintextOf(session: SessionData, root: OriginNode | undefined, { payload }: JweSettings): Uint8Array {
  const types = withFloatTimes(root)
  if (payload === 'claims') return encodeUtf8(writeJson(session, { origin: types }))
  return writeBson(session, { origin: types, maxBytes: MAX_LENGTH })
}

function unwritable(path: string): SessionError {
  return errorAt(path, 'ERR_SESSION_UNWRITABLE', 'The format cannot store this property of the session')
}
