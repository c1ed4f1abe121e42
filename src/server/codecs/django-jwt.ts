/**
 * Tokens of django-session-jwt: the key of a session on the server, and claims that other services trust without it.
 * RFC 7519, FORMATS §6.2; docs/django.md lists what is different.
 */
import { platform } from '#platform'
import { type Duration, parseDuration } from '../../shared/duration.js'
import { SessionError } from '../../shared/errors.js'
import type { SessionFields } from '../../shared/fields.js'
import { looksLikeJwt } from '../../shared/jwt.js'
import { takeJwtMeta } from '../../shared/session-meta.js'
import type { SessionData } from '../../shared/types.js'
import { type Flow, run } from '../flow.js'
import type { JsonPayload } from '../json/payload.js'
import { writeJson } from '../json/writer.js'
import type { Secrets } from '../keyring.js'
import { type Keys, ringOf } from '../keys/create-keys.js'
import type { KeyInput } from '../keys/key-input.js'
import type { KeyRing } from '../keys/key-ring.js'
import { ringOfSecrets } from '../keys/secret-ring.js'
import { refuseTokenTimes, tokenLife } from '../lifetime.js'
import { type MetaNames, refuseMeta } from '../meta-guard.js'
import { equalValues } from '../values/equal-values.js'
import type { CodecContext, MaybePromise, SessionCodec, SessionRecord } from './codec.js'
import { type ClaimsSettings, type DjangoJwtSession, djangoClaims } from './django-claims.js'
import { createFields, type DjangoField, type Fields } from './django-fields.js'
import { createSignedTokens, type SignedTokens } from './signed-token.js'

export interface DjangoJwtOptions<User extends object = Record<string, unknown>> {
  /** `KEY`: a text or file for HS256, or a pair of private and public key for RS256. Instead of `keys`. */
  key?: KeyInput | readonly [privateKey: KeyInput, publicKey: KeyInput]
  /** Several keys, or what loads them: the first that signs does so, all verify. Django has no rotation. Instead of `key`. */
  keys?: Keys
  /** Several texts for HS256. Instead of `key`. */
  secrets?: Secrets
  /** `FIELDS`: `'a'`, `['a', 's']`, `['a', 's', 'long']`, or short names by long ones as in `defineSession`. */
  fields?: readonly DjangoField[] | SessionFields
  /**
   * Asked whenever a token is written: whose fields go into it? `null`: nobody's. Without it the claims of the token before are copied,
   * so that a service can extend a token without a database.
   */
  user?: (session: DjangoJwtSession) => MaybePromise<User | null>
  /** `CALLABLE`: further claims. */
  claims?: (user: User | null) => MaybePromise<Record<string, unknown>>
  /** `SESSION_FIELD`: the claim with the session's key. Default `sk`. */
  sessionField?: string
  /** `EXPIRES`: writes `exp` this far ahead. Default: tokens have no end of their own. */
  expires?: Duration
  /** When the end moves ahead: once half of `expires` is over (default), with each request as in Django, or with changes alone. */
  renew?: 'half-life' | 'always' | 'never'
  /** How far clocks may differ for `exp`, `nbf` and `iat`. Default 30 seconds. */
  clockTolerance?: Duration
  /** Writes the id of the key into the header, which Django does not. Default false. */
  kid?: boolean
  /** How many of the last good cookies are remembered. Default 256; 0: none. */
  remember?: number
  /** Takes secrets under 32 octets. */
  allowWeakSecrets?: boolean
}

const FORMAT = 'django-jwt'
const DEFAULT_FIELD = 'sk'
const DEFAULT_TOLERANCE = '30s'

/**
 * The codec of django-session-jwt. Any JWT with a session field that is signed with one of its keys is a session to it. `iat` is when
 * the token was written, not when the session began: no absolute timeout can go by it.
 *
 * @returns a codec of the family `jws`; it only reads where no key can sign
 * @throws {TypeError} for unsuitable keys, names that stand twice, and a `claims` without `user`
 * @see FORMATS §6.2
 */
export function djangoJwt<User extends object = Record<string, unknown>>(
  options: DjangoJwtOptions<User>,
): SessionCodec {
  const ring = ringOfOptions(options)
  const settings = settle(options, ring)
  const { tokens, meta, fields, sessionField } = settings
  return {
    name: 'djangoJwt',
    family: 'jws',
    readable: true,
    meta,
    keys: ring,
    matches: looksLikeJwt,
    verify: (value, context) => run(tokens.verify(value, context, (payload) => readToken(payload, context, settings))),
    ...(ring.canSign && { sign: (record, context) => run(sign(record, context, settings)) }),
    changed: ({ data, origin }) =>
      origin === undefined || !equalValues(dataOf(origin.root().value as SessionData, fields, sessionField), data),
    needsRenewal: (record, now) => needsRenewal(record, now, settings),
  }
}

interface Settings extends ClaimsSettings {
  tokens: SignedTokens
  renew: 'half-life' | 'always' | 'never'
  /** Milliseconds. */
  tolerance: number
}

function settle<User extends object>(options: DjangoJwtOptions<User>, ring: KeyRing): Settings {
  const { fields = [], sessionField = DEFAULT_FIELD, user, claims, expires, renew = 'half-life', kid = false } = options
  if (user !== undefined && typeof user !== 'function') throw new TypeError('Option "user" must be a function')
  if (claims !== undefined && (typeof claims !== 'function' || user === undefined)) {
    throw new TypeError('Option "claims" must be a function, and needs "user"')
  }
  if (!['half-life', 'always', 'never'].includes(renew)) {
    throw new TypeError('Option "renew" must be one of half-life, always, never')
  }
  return {
    tokens: createSignedTokens({ ring, writesKid: kid, remember: options.remember }),
    fields: createFields(fields, sessionField),
    sessionField,
    meta: metaOf(sessionField),
    user,
    claims: claims as ClaimsSettings['claims'],
    renew,
    expires: tokenLife(expires),
    tolerance: parseDuration(options.clockTolerance ?? DEFAULT_TOLERANCE, 'clockTolerance'),
  }
}

function ringOfOptions<User extends object>(options: DjangoJwtOptions<User>): KeyRing {
  const { key, keys, secrets, allowWeakSecrets = false } = options
  const given = [key, keys, secrets].filter((each) => each !== undefined)
  if (given.length !== 1) throw new TypeError('Give djangoJwt one of "key", "keys" and "secrets"')
  if (secrets !== undefined) return ringOfSecrets(secrets, { algorithms: ['HS256'], allowWeakSecrets })
  if (key === undefined) return ringOf(keys as Keys, { allowWeakSecrets })
  if (typeof key === 'string') refuseFileName(key)
  if (!Array.isArray(key)) return ringOf(key as KeyInput, { allowWeakSecrets })
  if (key.length !== 2) throw new TypeError('Option "key" must be one key, or a private and its public one')
  return ringOf(key as readonly KeyInput[], { algorithms: ['RS256'] })
}

/** Django takes such a text for the file, where there is one. To sign with its name would be a secret that everybody can guess. */
function refuseFileName(key: string): void {
  try {
    platform.readFile(key)
  } catch {
    return
  }
  throw new TypeError('Option "key" is the name of a file: give { file }')
}

function metaOf(sessionField: string): MetaNames {
  return {
    [sessionField]: 'session.id and session.regenerate()',
    exp: 'the codec\'s option "expires"',
    iat: 'nothing: it moves whenever the token is written',
    nbf: 'a codec of your own',
    jti: 'a codec of your own',
  }
}

function readToken(payload: JsonPayload, { now, purpose }: CodecContext, settings: Settings): SessionRecord {
  const { fields, sessionField, tolerance } = settings
  const claims = payload.claims()
  const { data, meta } = takeJwtMeta(claims)
  refuseTokenTimes(meta, now, tolerance)
  const times = {
    ...(meta.createdAt && { accessedAt: meta.createdAt }),
    ...(meta.expiresAt && { expiresAt: meta.expiresAt }),
  }
  const origin = { format: FORMAT, root: payload.root }
  if (purpose === 'public') return { ...times, data, claims, origin }
  const id = claims[sessionField]
  if (id === undefined)
    throw new SessionError('ERR_SESSION_KEY', 'The token has no session field: it is of another codec')
  if (typeof id !== 'string') throw new SessionError('ERR_SESSION_CLAIMS', 'The session field is no text')
  // Django signs one without a key when somebody signs out (FORMATS trap 23).
  if (id === '') throw new SessionError('ERR_SESSION_EXPIRED', 'The session is over: the token names none')
  return { ...times, id, data: dataOf(claims, fields, sessionField), claims, origin }
}

function dataOf(claims: SessionData, fields: Fields, sessionField: string): SessionData {
  const { [sessionField]: _, ...data } = takeJwtMeta(claims).data
  return fields.expand(data)
}

/** Django means to renew at half-life and renews with each request (FORMATS trap 22). */
function needsRenewal({ expiresAt }: SessionRecord, now: Date, { renew, expires }: Settings): boolean {
  if (renew !== 'half-life') return renew === 'always'
  if (expires === undefined) return false
  return expiresAt === undefined || expiresAt.getTime() - now.getTime() <= expires / 2
}

function* sign(record: SessionRecord, context: CodecContext, settings: Settings): Flow<string> {
  const root = record.origin?.root()
  const own = record.origin?.format === FORMAT ? root : undefined
  refuseMeta(record.data, settings.meta, own ? undefined : root)
  const claims = yield* djangoClaims(record, own, context, settings)
  return yield* settings.tokens.sign(writeJson(claims, { ascii: true, ...(root && { origin: root }) }), context)
}
