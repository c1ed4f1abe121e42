/**
 * Sessions as plain claims of a JWT, signed with secrets or key pairs: what wsgi-jwt-session and PyJWT write.
 * RFC 7519, RFC 7518 §3, FORMATS §6.
 */
import { takeJwtMeta } from '../../shared/decode.js'
import type { Duration } from '../../shared/define-session.js'
import { errorAt, SessionError } from '../../shared/errors.js'
import { looksLikeJwt } from '../../shared/jwt.js'
import { checkDuration, checkNames, type OptionNames, refusePresentUndefined } from '../../shared/option-names.js'
import type { OriginNode, SessionData } from '../../shared/types.js'
import type { JsonClaims } from '../json/claims.js'
import { writeJson } from '../json/writer.js'
import type { Secrets } from '../keys/hmac.js'
import type { Known, SecretSource } from '../keys/key-source.js'
import { type KeyRing, type Keys, ringOf, ringOfSecrets } from '../keys/keys.js'
import type { JwsAlgorithm } from '../keys/prepared-key.js'
import { equalValues, setOwn } from '../values.js'
import { checkExpires, endOfToken, refuseMeta, refuseTokenTimes, watchSubject } from './checks.js'
import type { CodecContext, SessionCodec, SessionRecord } from './codec.js'
import { withSecrets } from './secret-source.js'
import { createSignedTokens, type SignedTokens } from './signed-token.js'

/** Keys, and what is signed. Either `secrets` or `keys` is required. */
export interface JwtOptions {
  /** A list, or a text with commas, or what returns one. The first signs, all verify. Instead of `keys`. */
  secrets?: Secrets | SecretSource
  /**
   * Key pairs, public keys, JWK sets, and secrets as one key among others; or what loads them. The first that signs does so, all
   * verify. Instead of `secrets`.
   */
  keys?: Keys
  /**
   * Loads what a function returns, and files, again this often, with the first request after that.
   *
   * @defaultValue only by `sessions.reload()`
   */
  reloadEvery?: Duration
  /**
   * With `secrets`: the first signs, all verify. With `keys`: what they may be for, the first that fits a key which
   * does not say it itself. The header of a token never adds one.
   *
   * @defaultValue `['HS256']` with `secrets`, all with `keys`
   */
  algorithms?: readonly JwsAlgorithm[]
  /**
   * Writes the id of the key that signs into the header.
   *
   * @defaultValue true; secrets have an id only if they were given one
   */
  kid?: boolean
  /** Takes secrets under 32 bytes, as Python does. */
  allowWeakSecrets?: boolean
  /**
   * Tokens expire (`exp`) this long after they were written, and each touch writes them again. An idle timeout needs
   * it: only `exp` of a plain token tells when it was used last.
   *
   * @defaultValue they do not expire by themselves
   */
  expires?: Duration
  /**
   * How far clocks may differ for `exp`, `nbf` and `iat`.
   *
   * @defaultValue 30 seconds
   */
  clockTolerance?: Duration
  /**
   * How many of the last valid cookies are remembered, so that they need not be verified again.
   *
   * @defaultValue 256; 0: none
   */
  remember?: number
  /**
   * Gives new sessions an id (`jti`) and the time they were created (`iat`).
   *
   * @defaultValue true; what was read stays in any case
   */
  identify?: boolean
}

const OPTIONS: OptionNames<JwtOptions> = {
  secrets: 1,
  keys: 1,
  reloadEvery: 1,
  algorithms: 1,
  kid: 'switch',
  allowWeakSecrets: 'switch',
  expires: 1,
  clockTolerance: 1,
  remember: 1,
  identify: 'switch',
}

const DEFAULT_TOLERANCE = '30s'
/** The claim that holds the session of beaker-session-jwt (FORMATS §4). */
const COMPRESSED = 'bsZ'

const META = {
  exp: 'the codec\'s option "expires"',
  nbf: 'your own codec',
  iat: 'session.createdAt',
  jti: 'session.id and session.regenerate()',
} as const

/**
 * The codec of plain JWT sessions. To it, any JWT signed with one of its keys is a session: give it its own keys.
 * Only a payload in the form of `beakerJwt` is left to that codec. `aud`, `iss` and `sub` are data here, unchecked; PyJWT refuses
 * an `aud` that it was not told of, and since 2.10 a `sub` that is not text, of which the process is warned once.
 *
 * @returns a codec of the family `jws`; `keyIndex` counts the secrets of the first algorithm, then those of the next, or the keys.
 *   It only reads if no key can sign
 * @throws {TypeError} for missing, empty, weak or unsuitable keys and unknown algorithms
 * @since 0.1.0
 * @example
 * const codec = jwt({ keys: { file: 'private-key.pem' }, algorithms: ['ES256'], expires: '1h' })
 */
export function jwt(options: JwtOptions): SessionCodec {
  checkNames(options, OPTIONS, 'jwt')
  return withSecrets(options, ['secrets'], create)
}

function create(options: Known<JwtOptions>): SessionCodec {
  const ring = ringOfOptions(options)
  const settings = settingsOf(options, ring)
  const { tokens } = settings
  return {
    name: 'jwt',
    family: 'jws',
    readable: true,
    ...(settings.expires !== undefined && { valueEnd: (record, now) => endOfToken(record, now, settings.expires) }),
    meta: META,
    keys: ring,
    keepsId: settings.identify,
    ...(ring.deriveKeys && { deriveKeys: ring.deriveKeys }),
    thumbprints: ring.thumbprints,
    matches: looksLikeJwt,
    verify: (value, context) => tokens.verify(value, context, (claims) => readToken(claims, context, settings)),
    ...(ring.canSign && { sign: (record, context) => sign(record, context, settings) }),
    changed: ({ data, origin }) =>
      origin === undefined || !equalValues(takeJwtMeta(origin.root().value as SessionData).data, data),
  }
}

interface JwtSettings {
  tokens: SignedTokens
  watchSubject: ReturnType<typeof watchSubject>
  /** Milliseconds. */
  expires: number | undefined
  /** Milliseconds. */
  tolerance: number
  identify: boolean
}

function settingsOf(options: Known<JwtOptions>, ring: KeyRing): JwtSettings {
  const { expires, kid = true, identify = true } = options
  return {
    tokens: createSignedTokens({ ring, writesKid: kid, remember: options.remember }),
    watchSubject: watchSubject('jwt'),
    identify,
    expires: checkExpires(expires),
    tolerance: checkDuration(options.clockTolerance ?? DEFAULT_TOLERANCE, 'clockTolerance'),
  }
}

function ringOfOptions(options: Known<JwtOptions>): KeyRing {
  const { secrets, keys, algorithms, allowWeakSecrets = false, reloadEvery } = options
  if (secrets === undefined && keys === undefined) refusePresentUndefined(options, 'secrets', 'keys')
  if ((secrets === undefined) === (keys === undefined)) throw new TypeError('Give jwt either "keys" or "secrets"')
  if (keys !== undefined)
    return ringOf(keys, {
      allowWeakSecrets,
      ...(algorithms && { algorithms }),
      ...(reloadEvery !== undefined && { reloadEvery }),
    })
  return ringOfSecrets(secrets as Secrets, { algorithms: algorithms ?? ['HS256'], allowWeakSecrets })
}

function readToken(jsonClaims: JsonClaims, { now }: CodecContext, { expires, tolerance }: JwtSettings): SessionRecord {
  const claims = jsonClaims.read()
  if (typeof claims[COMPRESSED] === 'string') {
    throw new SessionError('ERR_SESSION_KEY', 'The token is of another codec: the session is compressed (bsZ)')
  }
  const { data, meta } = takeJwtMeta(claims)
  refuseTokenTimes(meta, now, tolerance)
  const record: SessionRecord = { data, claims, origin: { format: 'jwt', root: jsonClaims.root } }
  if (meta.id !== undefined) record.id = meta.id
  if (meta.createdAt) record.createdAt = meta.createdAt
  if (meta.expiresAt) record.expiresAt = meta.expiresAt
  // A token that is renewed with each touch tells by `exp` when the last touch was.
  if (meta.expiresAt && expires !== undefined) record.validFor = expires
  return record
}

async function sign(record: SessionRecord, context: CodecContext, settings: JwtSettings): Promise<string> {
  const root = record.origin?.root()
  refuseMeta(record.data, META, record.origin?.format === 'jwt' ? undefined : root)
  if (record.data[COMPRESSED] !== undefined) {
    throw errorAt(
      COMPRESSED,
      'ERR_SESSION_UNWRITABLE',
      'Plain claims must not have the key bsZ, which marks compressed sessions',
    )
  }
  settings.watchSubject(record.data, context)
  const claims = writeJson(withJwtMeta(record, root, context, settings), {
    ascii: true,
    ...(root ? { origin: root } : {}),
  })
  return await settings.tokens.sign(claims, context)
}

/** Claims that were read stay, whatever the options; new ones come last, in whole seconds. */
function withJwtMeta(
  record: SessionRecord,
  root: OriginNode | undefined,
  { now, purpose }: CodecContext,
  { expires, identify }: JwtSettings,
): SessionData {
  const read = (root?.format === 'json' ? root.value : {}) as SessionData
  const isNamed = identify && purpose === 'session'
  const { data, id, createdAt } = record
  const end = endOfToken(record, now, expires)
  // Adding to `{ ...data }` takes V8 far longer than this.
  const claims: SessionData = {}
  for (const key of Object.keys(data)) setOwn(claims, key, data[key])
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
