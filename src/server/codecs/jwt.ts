/**
 * Sessions as plain claims of a JWT, signed with HMAC: what wsgi-jwt-session and PyJWT write.
 * RFC 7519, RFC 7518 §3.2, FORMATS §6.
 */
import { decodeBase64Url, decodeUtf8, encodeBase64Url, encodeUtf8 } from '../../shared/bytes.js'
import { type Duration, parseDuration } from '../../shared/duration.js'
import { asVerified, SessionError } from '../../shared/errors.js'
import { looksLikeJwt, splitJwt } from '../../shared/jwt.js'
import { takeJwtMeta } from '../../shared/session-meta.js'
import type { OriginNode, SessionData } from '../../shared/types.js'
import { equalValues } from '../equal-values.js'
import { type Flow, run, wait } from '../flow.js'
import { readClaims } from '../json-claims.js'
import { readJson } from '../json-reader.js'
import { writeJson } from '../json-writer.js'
import { createKeyring, type Keyring, type Secrets } from '../keyring.js'
import { refuseTokenTimes } from '../lifetime.js'
import { refuseMeta } from '../meta-guard.js'
import type { HashName } from '../platform/platform.js'
import { createVerifiedCache, type VerifiedCache } from '../verified-cache.js'
import type { CodecContext, SessionCodec, SessionRecord } from './codec.js'

export type HmacAlgorithm = 'HS256' | 'HS384' | 'HS512'

export interface JwtOptions {
  /** A list, or a text with commas. The first signs, all verify. */
  secrets: Secrets
  /** The first signs, all verify; default `['HS256']`. The token's own word never adds one. */
  algorithms?: readonly HmacAlgorithm[]
  /** Takes secrets under 32 octets, as Python does. */
  allowWeakSecrets?: boolean
  /**
   * Writes `exp` this far ahead, and moves it ahead with each touch. Default: tokens have no end of their own. An idle timeout
   * needs it: `exp` is the only place of a plain token that tells of the last use.
   */
  expires?: Duration
  /** How far clocks may differ for `exp`, `nbf` and `iat`. Default 30 seconds. */
  clockTolerance?: Duration
  /** How many of the last good cookies are remembered, so that they need not be verified again. Default 256; 0: none. */
  remember?: number
  /** Gives new sessions an id (`jti`) and the time they began (`iat`). Default true; what was read stays in any case. */
  identify?: boolean
}

const HASHES: Record<HmacAlgorithm, HashName> = { HS256: 'SHA-256', HS384: 'SHA-384', HS512: 'SHA-512' }
const DEFAULT_TOLERANCE = '30s'
/** The claim that holds the session of beaker-session-jwt (FORMATS §4). */
const COMPRESSED = 'bsZ'

const META = {
  exp: 'the codec\'s option "expires"',
  nbf: 'a codec of your own',
  iat: 'session.createdAt',
  jti: 'session.id and session.regenerate()',
} as const

/**
 * The codec of plain JWT sessions. Any JWT signed with one of its secrets is a session to it: give it secrets of their own.
 * Only a payload in the form of `beakerJwt` is left to that codec. `aud`, `iss` and `sub` are data here, unchecked; PyJWT refuses
 * an `aud` that it was not told of, and since 2.10 a `sub` that is no text.
 *
 * @returns a codec of the family `jws`; `keyIndex` counts the secrets of the first algorithm, then those of the next
 * @throws {TypeError} for missing, empty or weak secrets and unknown algorithms
 */
export function jwt(options: JwtOptions): SessionCodec {
  const settings = settle(options)
  return {
    name: 'jwt',
    family: 'jws',
    readable: true,
    meta: META,
    matches: looksLikeJwt,
    verify: (value, context) => run(verify(value, context, settings)),
    sign: (record, context) => run(sign(record, context, settings)),
    changed: ({ data, origin }) =>
      origin === undefined || !equalValues(takeJwtMeta(origin.root().value as SessionData).data, data),
  }
}

interface Settings {
  rings: ReadonlyMap<string, { keyring: Keyring; firstIndex: number }>
  /** Signs with the first algorithm. */
  signing: Keyring
  /** The header of that, encoded. */
  header: string
  cache: VerifiedCache<{ payload: string; keyIndex: number }>
  /** Milliseconds. */
  expires: number | undefined
  /** Milliseconds. */
  tolerance: number
  identify: boolean
}

function settle(options: JwtOptions): Settings {
  const { secrets, algorithms = ['HS256'], allowWeakSecrets = false, expires, identify = true } = options
  const rings = new Map<string, { keyring: Keyring; firstIndex: number }>()
  for (const name of algorithms) {
    if (!Object.hasOwn(HASHES, name)) throw new TypeError('Option "algorithms" may hold HS256, HS384 and HS512')
    if (rings.has(name)) throw new TypeError(`Option "algorithms" holds ${name} twice`)
    const keyring = createKeyring({ secrets, hash: HASHES[name], allowWeakSecrets })
    rings.set(name, { keyring, firstIndex: rings.size * keyring.size })
  }
  const signing = rings.values().next().value?.keyring
  if (signing === undefined) throw new TypeError('Option "algorithms" is empty')
  return {
    rings,
    signing,
    cache: createVerifiedCache(options.remember),
    // PyJWT since 2.5.0 sorts the header (FORMATS §6).
    header: encodeBase64Url(encodeUtf8(`{"alg":"${algorithms[0]}","typ":"JWT"}`)),
    identify,
    expires: expires === undefined ? undefined : positive(parseDuration(expires, 'expires')),
    tolerance: parseDuration(options.clockTolerance ?? DEFAULT_TOLERANCE, 'clockTolerance'),
  }
}

/** `exp` has whole seconds: a token of less would be over at once. */
function positive(expires: number): number {
  if (expires >= 1000) return expires
  throw new TypeError('Option "expires" must be a second or more')
}

function* verify(value: string, context: CodecContext, settings: Settings): Flow<SessionRecord> {
  const isSession = context.purpose === 'session'
  const known = isSession ? settings.cache.get(value) : undefined
  if (known) return { ...readToken(known.payload, context, settings), keyIndex: known.keyIndex }
  const { header, payload, signature, signingInput } = splitJwt(value)
  const ring = typeof header.alg === 'string' ? settings.rings.get(header.alg) : undefined
  if (ring === undefined) throw new SessionError('ERR_SESSION_ALGORITHM', 'The token is signed with another algorithm')
  if (header.crit !== undefined) throw new SessionError('ERR_SESSION_ALGORITHM', 'The token asks for extensions (crit)')
  if (signature === '') throw new SessionError('ERR_SESSION_SIGNATURE', 'The token has no signature')
  const index = yield* wait(ring.keyring.verify(signingInput, decodeBase64Url(signature), context))
  if (index === -1) throw new SessionError('ERR_SESSION_SIGNATURE', 'No key verifies the signature')
  try {
    const verified = { payload: decodeUtf8(decodeBase64Url(payload)), keyIndex: ring.firstIndex + index }
    const record = readToken(verified.payload, context, settings)
    if (isSession) settings.cache.set(value, verified, payload.length)
    return { ...record, keyIndex: verified.keyIndex }
  } catch (error) {
    throw asVerified(error)
  }
}

function readToken(payload: string, { now }: CodecContext, { expires, tolerance }: Settings): SessionRecord {
  const claims = readClaims(payload)
  if (typeof claims[COMPRESSED] === 'string') {
    throw new SessionError('ERR_SESSION_KEY', 'The key is one of another codec: the session is compressed (bsZ)')
  }
  const { data, meta } = takeJwtMeta(claims)
  refuseTokenTimes(meta, now, tolerance)
  const { notBefore: _, ...times } = meta
  // A token that is renewed with each touch tells by its end when the last one was.
  const end = expires === undefined ? undefined : meta.expiresAt?.getTime()
  const accessedAt = end === undefined ? {} : { accessedAt: lastIssue(end - (expires as number), meta.createdAt, now) }
  return { ...times, ...accessedAt, data, claims, origin: { format: 'jwt', root: () => readJson(payload) } }
}

/** Not before the token began, and not in the future: somebody else may have set another end. */
function lastIssue(time: number, createdAt: Date | undefined, now: Date): Date {
  return new Date(Math.min(Math.max(time, createdAt?.getTime() ?? time), now.getTime()))
}

function* sign(record: SessionRecord, context: CodecContext, settings: Settings): Flow<string> {
  const root = record.origin?.root()
  refuseMeta(record.data, META, record.origin?.format === 'jwt' ? undefined : root)
  if (record.data[COMPRESSED] !== undefined) {
    throw new SessionError('ERR_SESSION_UNWRITABLE', 'Plain claims can not hold the key that means compressed ones', {
      path: COMPRESSED,
    })
  }
  const claims = writeJson(withJwtMeta(record, root, context, settings), {
    ascii: true,
    ...(root ? { origin: root } : {}),
  })
  const signingInput = `${settings.header}.${encodeBase64Url(encodeUtf8(claims))}`
  const mac = yield* wait(settings.signing.sign(signingInput, context))
  return `${signingInput}.${encodeBase64Url(mac)}`
}

/** Claims that were read stay, whatever the options; new ones come last, in whole seconds. */
function withJwtMeta(
  { data, id, createdAt, expiresAt }: SessionRecord,
  root: OriginNode | undefined,
  { now, purpose }: CodecContext,
  { expires, identify }: Settings,
): SessionData {
  const read = (root?.format === 'json' ? root.value : {}) as SessionData
  const isNamed = identify && purpose === 'session'
  const end = expires === undefined ? expiresAt : new Date(now.getTime() + expires)
  const claims: SessionData = { ...data }
  if (read.nbf !== undefined) claims.nbf = read.nbf
  if (createdAt && (isNamed || read.iat !== undefined)) claims.iat = seconds(createdAt, read.iat)
  if (end) claims.exp = seconds(end, read.exp)
  if (id !== undefined && (isNamed || read.jti !== undefined)) claims.jti = id
  return claims
}

/** The very number that was read, which may have a fraction, as long as the time is the same. */
function seconds(time: Date, read: unknown): number {
  if (typeof read === 'number' && Math.round(read * 1000) === time.getTime()) return read
  return Math.floor(time.getTime() / 1000)
}
