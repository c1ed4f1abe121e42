/**
 * Sessions of beaker-session-jwt: a JWT signed with HS256 whose payload is `{"bsZ": base85(zlib(BSON))}` or plain claims.
 * RFC 7515, FORMATS §4.
 */
import { platform } from '#platform'
import { decodeBase85 } from '../../shared/base85.js'
import { bsonOrigin } from '../../shared/bson/origin.js'
import { type BsonTypes, readBson } from '../../shared/bson/reader.js'
import { decodeUtf8 } from '../../shared/bytes.js'
import { type DataAndMeta, takeBeakerMeta } from '../../shared/decode.js'
import type { Duration } from '../../shared/define-session.js'
import { asVerified, SessionError } from '../../shared/errors.js'
import { createHeaderReader, type HeaderReader, looksLikeJwt, splitJwt } from '../../shared/jwt.js'
import { checkNames, type OptionNames } from '../../shared/option-names.js'
import type { Origin, OriginNode, SessionData } from '../../shared/types.js'
import { bsonPackageTypes, withBsonTypes } from '../bson-types.js'
import { readClaims } from '../json/claims.js'
import { readJson } from '../json/reader.js'
import { createHmacKeys, type HmacKeys, type Secrets } from '../keys/hmac.js'
import type { Known, SecretSource } from '../keys/key-source.js'
import { readOften } from '../values.js'
import { BEAKER_KEYS, beakerRecord } from './beaker-meta.js'
import { checkMaxInflated } from './checks.js'
import type { CodecContext, SessionCodec, SessionRecord } from './codec.js'
import { withSecrets } from './secret-source.js'
import { createVerifiedCache, type VerifiedCache } from './verified-cache.js'

/** The settings of beaker-session-jwt. */
export interface BeakerJwtOptions {
  /** `jwt_secret_keys`: a list, or a text with commas, or what returns one. The first signs, all verify. */
  secrets: Secrets | SecretSource
  /**
   * Loads what a function returns again this often, with the first request after that.
   *
   * @defaultValue only by `sessions.reload()`
   */
  reloadEvery?: Duration
  /**
   * `bson_compress_jwt_payload`: write `bsZ`, which also holds dates and bytes, or plain claims. Both are read.
   *
   * @defaultValue true
   */
  compress?: boolean
  /** Takes secrets under 32 bytes, as Python does. */
  allowWeakSecrets?: boolean
  /**
   * Most bytes that a compressed payload may have after its signature was verified.
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

const OPTIONS: OptionNames<BeakerJwtOptions> = {
  secrets: 1,
  reloadEvery: 1,
  compress: 'switch',
  allowWeakSecrets: 'switch',
  maxInflated: 1,
  remember: 1,
  bsonTypes: 1,
}

/** Python refuses longer values (FORMATS trap 2). */
const MAX_LENGTH = 4064
const ALGORITHM = 'HS256'
/** `{"typ":"JWT","alg":"HS256"}`: joserfc since 0.6.0 puts `typ` first (FORMATS §4). */
const HEADER = 'eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9'
/** The origin of what was read here. */
const BEAKER_JWT = 'beaker-jwt'

/**
 * The codec of beaker-session-jwt. To it, as to Python, any JWT signed with one of its secrets is a session: give it its own
 * secrets.
 *
 * @throws {TypeError} for missing, empty or weak secrets
 * @since 0.1.0
 * @example
 * const codec = beakerJwt({ secrets: [newSecret, oldSecret] })
 * const sessions = createSessions({ codecs: [codec], expose: ['user'] })
 */
export function beakerJwt(options: BeakerJwtOptions): SessionCodec {
  checkNames(options, OPTIONS, 'beakerJwt')
  return withSecrets(options, ['secrets'], create)
}

function create(options: Known<BeakerJwtOptions>): SessionCodec {
  const { secrets, allowWeakSecrets = false, compress = true } = options
  const hmacKeys = createHmacKeys({ secrets, hash: 'SHA-256', allowWeakSecrets })
  const payloads: PayloadOptions = {
    maxInflated: checkMaxInflated(options.maxInflated),
    types: options.bsonTypes ?? bsonPackageTypes,
  }
  const cache = createVerifiedCache<VerifiedToken>(options.remember)
  const verifier: Verifier = { hmacKeys, payloads, cache, readHeader: createHeaderReader() }
  let writer: ClaimsWriter | undefined
  const loadWriter = async (): Promise<ClaimsWriter> => {
    writer ??= await import('./beaker-jwt-claims.js')
    return writer
  }
  return {
    name: 'beakerJwt',
    family: 'jws',
    readable: true,
    maxLength: MAX_LENGTH,
    meta: BEAKER_KEYS,
    keepsId: true,
    deriveKeys: hmacKeys.derive,
    thumbprints: hmacKeys.thumbprints,
    // What was verified before needs no second look at its form.
    matches: (value) => cache.get(value) !== undefined || looksLikeJwt(value),
    verify: async (value, context) => readAgain(value, context, verifier) ?? verify(value, context, verifier),
    prepareSign: async () => void (await loadWriter()),
    async sign(record, context) {
      const { writeClaims } = writer ?? (await loadWriter())
      const { maxInflated } = payloads
      const isOwn = record.origin?.format === BEAKER_JWT
      const claims = await writeClaims(record, { compress, maxInflated, isOwn })
      const signingInput = `${HEADER}.${platform.base64Url(claims)}`
      return `${signingInput}.${await hmacKeys.signText(signingInput, context)}`
    },
    // What compares is no part of a service that only reads.
    original: ({ origin }) => (origin as BeakerJwtOrigin | undefined)?.data(),
  }
}

interface Verifier {
  hmacKeys: HmacKeys
  payloads: PayloadOptions
  cache: VerifiedCache<VerifiedToken>
  readHeader: HeaderReader
}

/** Loaded with the first session that is written: a service that only reads has no use for it. */
type ClaimsWriter = typeof import('./beaker-jwt-claims.js')

interface VerifiedToken {
  keyIndex: number
  payload: OpenedPayload
}

/** The session of a value that was verified before. */
function readAgain(value: string, { purpose }: CodecContext, { payloads, cache }: Verifier): SessionRecord | undefined {
  const known = purpose === 'session' ? cache.get(value) : undefined
  return known && withKeyIndex(readPayload(known.payload, payloads), known.keyIndex)
}

function withKeyIndex(record: SessionRecord, keyIndex: number): SessionRecord {
  record.keyIndex = keyIndex
  return record
}

async function verify(
  value: string,
  context: CodecContext,
  { hmacKeys, payloads, cache, readHeader }: Verifier,
): Promise<SessionRecord> {
  const { header, payload: encoded, signature, signingInput } = splitJwt(value, readHeader)
  if (header.alg !== ALGORITHM)
    throw new SessionError('ERR_SESSION_ALGORITHM', `The token is not signed with ${ALGORITHM}`)
  if (header.crit !== undefined) throw new SessionError('ERR_SESSION_ALGORITHM', 'The token asks for extensions (crit)')
  if (signature === '') throw new SessionError('ERR_SESSION_SIGNATURE', 'The token has no signature')
  const keyIndex = await hmacKeys.verify(signingInput, platform.decodeBase64Url(signature), context)
  if (keyIndex === -1) throw new SessionError('ERR_SESSION_SIGNATURE', 'No key verifies the signature')
  try {
    const payload = openPayload(decodeUtf8(platform.decodeBase64Url(encoded)), payloads)
    const record = await withBsonTypes(() => readPayload(payload, payloads))
    if (context.purpose === 'session') {
      cache.set(value, { keyIndex, payload }, payload.text.length + (payload.bson?.length ?? 0))
    }
    return withKeyIndex(record, keyIndex)
  } catch (error) {
    throw asVerified(error)
  }
}

interface PayloadOptions {
  /** Bytes. */
  maxInflated: number
  types: BsonTypes
}

/** A payload that was opened and not yet read: it stays as it is, whatever is done to the sessions read from it. */
interface OpenedPayload {
  /** The JSON text. */
  readonly text: string
  /** The BSON of `bsZ`. */
  readonly bson?: Uint8Array
  /** The text of `bsZ`, if there is no other claim. */
  readonly onlyBsZ?: string
  /** The BSON with its types, made by the first commit that asks and shared by all later ones, which do not change it. */
  root?: OriginNode
  /** What the BSON says if there is no other claim, made by the first reading. */
  session?: KnownSession
}

interface KnownSession {
  meta: DataAndMeta['meta']
  /** The data, in new objects with each call. */
  data(): SessionData
  /** Shared by all records, which do not change it. */
  origin: BeakerJwtOrigin
}

/** Also knows the data as it was read, for comparing; it must not be changed. */
interface BeakerJwtOrigin extends Origin {
  data(): SessionData
}

/** An object with `bsZ` alone, its text without spaces and escapes, as base85 has none (RFC 8259 §4 and §7). */
const ONLY_BSZ = /^\{"bsZ":"([!#-[\]-~]+)"\}$/
/** The name as it is, or any escape, which may be part of it. */
const MAY_HAVE_BSZ = /bsZ|\\u/

/**
 * Opens the payload of a token whose signature was verified.
 *
 * @param text - the JSON text
 * @throws {SessionError} for JSON, base85 or zlib that is not well formed or too large
 */
function openPayload(text: string, { maxInflated }: PayloadOptions): OpenedPayload {
  // Nearly every payload has this form and needs no JSON reader.
  const [, onlyBsZ] = ONLY_BSZ.exec(text) ?? []
  const bsZ = onlyBsZ ?? (MAY_HAVE_BSZ.test(text) ? readClaims(text).bsZ : undefined)
  if (bsZ === undefined || bsZ === '' || bsZ === null) return { text }
  if (typeof bsZ !== 'string') throw new SessionError('ERR_SESSION_MALFORMED', 'The claim bsZ is not text')
  const bson = platform.inflate(decodeBase85(bsZ), maxInflated)
  return { text, bson, ...(onlyBsZ === undefined ? {} : { onlyBsZ }) }
}

/**
 * Reads the session in a payload. Claims beside `bsZ` are merged under the BSON, as Python's `dict.update` does.
 *
 * @returns new objects with each call
 * @throws {SessionError} for JSON or BSON that is not well formed or too large
 */
function readPayload(payload: OpenedPayload, { types }: PayloadOptions): SessionRecord {
  const { text, bson, onlyBsZ } = payload
  if (onlyBsZ !== undefined) {
    payload.session ??= knownSession(payload, types)
    const { meta, data, origin } = payload.session
    return beakerRecord({ data: data(), meta }, { claims: { bsZ: onlyBsZ }, origin })
  }
  const claims = readClaims(text)
  const { bsZ: _, ...otherClaims } = claims
  if (bson === undefined) {
    return beakerRecord(takeBeakerMeta(otherClaims), { claims, origin: originOf(() => readJson(text)) })
  }
  return beakerRecord(takeBeakerMeta({ ...otherClaims, ...readBson(bson, types) }), {
    claims,
    origin: originOf(() => mergedNode(readJson(text), rootOf(payload, types))),
  })
}

function knownSession(payload: OpenedPayload, types: BsonTypes): KnownSession {
  const read = (): DataAndMeta => takeBeakerMeta(readBson(payload.bson as Uint8Array, types))
  const { data, meta } = read()
  const readData = (): SessionData => read().data
  let before: SessionData | undefined
  const dataBefore = (): SessionData => {
    before ??= readData()
    return before
  }
  return { meta, data: readOften(readData, data), origin: originOf(() => rootOf(payload, types), dataBefore) }
}

function rootOf(payload: OpenedPayload, types: BsonTypes): OriginNode {
  payload.root ??= bsonOrigin(payload.bson as Uint8Array, types)
  return payload.root
}

/** @param data - the data as it was read, if that takes less than reading the root */
function originOf(
  root: () => OriginNode,
  data: () => SessionData = () => takeBeakerMeta(root().value as SessionData).data,
): BeakerJwtOrigin {
  return { format: BEAKER_JWT, root, data }
}

function mergedNode(claims: OriginNode, session: OriginNode): OriginNode {
  const claim = (key: string): OriginNode | undefined => (key === 'bsZ' ? undefined : claims.child?.(key))
  const { bsZ: _, ...otherClaims } = claims.value as SessionData
  return {
    format: 'merged',
    value: { ...otherClaims, ...(session.value as SessionData) },
    keys: () => new Set([...(claims.keys?.() ?? []), ...(session.keys?.() ?? [])]),
    child: (key) => session.child?.(key) ?? claim(key),
  }
}
