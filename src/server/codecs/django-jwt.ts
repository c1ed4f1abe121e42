/**
 * Tokens of django-session-jwt: the key of a session on the server, and claims that other services trust without it.
 * RFC 7519, FORMATS §6.2; docs/django.md lists what is different.
 */
import { platform } from '#platform'
import { takeJwtMeta } from '../../shared/decode.js'
import { checkFields, type Duration, expandFields, type SessionFields } from '../../shared/define-session.js'
import { errorAt, SessionError } from '../../shared/errors.js'
import { looksLikeJwt } from '../../shared/jwt.js'
import { checkDuration, checkNames, type OptionNames, refusePresentUndefined } from '../../shared/option-names.js'
import type { MaybePromise, OriginNode, SessionData } from '../../shared/types.js'
import type { JsonClaims } from '../json/claims.js'
import { writeJson } from '../json/writer.js'
import type { Secrets } from '../keys/hmac.js'
import type { KeyInput } from '../keys/key-input.js'
import type { Known, SecretSource } from '../keys/key-source.js'
import { type KeyRing, type Keys, ringOf, ringOfSecrets } from '../keys/keys.js'
import { equalValues } from '../values.js'
import { checkExpires, endOfToken, type MetaNames, refuseMeta, refuseTokenTimes, watchSubject } from './checks.js'
import type { CodecContext, SessionCodec, SessionRecord } from './codec.js'
import { withSecrets } from './secret-source.js'
import { createSignedTokens, type SignedTokens } from './signed-token.js'

/** The settings of django-session-jwt, whose own names stand in capitals. */
export interface DjangoJwtOptions<User extends object = Record<string, unknown>> {
  /** `KEY`: a text or file for HS256, or a pair of private and public key for RS256; or what returns it. Instead of `keys`. */
  key?: DjangoKey | SecretSource<DjangoKey>
  /** Several keys, or what loads them: the first that signs does so, all verify. Django has no rotation. Instead of `key`. */
  keys?: Keys
  /** Several texts for HS256, or what returns them. Instead of `key`. */
  secrets?: Secrets | SecretSource
  /**
   * Loads what a function returns, and files, again this often, with the first request after that.
   *
   * @defaultValue only by `sessions.reload()`
   */
  reloadEvery?: Duration
  /**
   * `FIELDS`: `'a'`, `['a', 's']`, `['a', 's', 'long']`, or short names by long ones as in `defineSession`.
   *
   * @defaultValue those of the session's definition
   */
  fields?: readonly DjangoField[] | SessionFields
  /**
   * Called whenever a token is written: the user whose fields go into it, or `null`. Without it the claims of the previous token are
   * copied, so that a service can extend a token without a database.
   */
  user?: (session: DjangoJwtSession) => MaybePromise<User | null>
  /** `CALLABLE`: further claims. */
  claims?: (user: User | null) => MaybePromise<Record<string, unknown>>
  /**
   * `SESSION_FIELD`: the claim with the session's key.
   *
   * @defaultValue that of the session's definition, or `sk`
   */
  sessionField?: string
  /**
   * `EXPIRES`: tokens expire (`exp`) this long after they were written.
   *
   * @defaultValue they do not expire by themselves
   */
  expires?: Duration
  /**
   * When `exp` is renewed: after half of `expires`, with each request as in Django, or only with changes.
   *
   * @defaultValue `half-life`
   */
  renew?: 'half-life' | 'always' | 'never'
  /**
   * How far clocks may differ for `exp`, `nbf` and `iat`.
   *
   * @defaultValue 30 seconds
   */
  clockTolerance?: Duration
  /**
   * Writes the id of the key into the header, which Django does not.
   *
   * @defaultValue false
   */
  kid?: boolean
  /**
   * How many of the last valid cookies are remembered.
   *
   * @defaultValue 256; 0: none
   */
  remember?: number
  /** Takes secrets under 32 bytes. */
  allowWeakSecrets?: boolean
}

const OPTIONS: OptionNames<DjangoJwtOptions> = {
  key: 1,
  keys: 1,
  secrets: 1,
  reloadEvery: 1,
  fields: 1,
  user: 'function',
  claims: 'function',
  sessionField: 1,
  expires: 1,
  renew: 1,
  clockTolerance: 1,
  kid: 'switch',
  remember: 1,
  allowWeakSecrets: 'switch',
}

/** One key, or a private key and its public key. */
type DjangoKey = KeyInput | readonly [privateKey: KeyInput, publicKey: KeyInput]

/** An attribute, perhaps dotted; a short name, by default the attribute; a long name, by default the short one. */
export type DjangoField =
  | string
  | readonly [attribute: string]
  | readonly [attribute: string, short: string]
  | readonly [attribute: string, short: string, long: string]

/** What `user` is told of a session that is about to be written. */
export interface DjangoJwtSession {
  /** The key of the session on the server. */
  id: string
  /** What the store holds of it; without a store, what the application has in `session.data`. */
  data: SessionData
  /** The token as it came, where one did. */
  claims?: Readonly<Record<string, unknown>>
}

const FORMAT = 'django-jwt'
const DEFAULT_FIELD = 'sk'
const DEFAULT_TOLERANCE = '30s'

/**
 * The codec of django-session-jwt. To it, any JWT with a session field that is signed with one of its keys is a session. `iat` is when
 * the token was written, not when the session was created: no absolute timeout can go by it.
 *
 * @returns a codec of the family `jws`; it only reads if no key can sign
 * @throws {TypeError} for unsuitable keys, names that occur twice, and a `claims` without `user`
 * @see FORMATS §6.2
 * @since 0.1.0
 * @example
 * const codec = djangoJwt({ key: secret, fields: ['id', ['username', 'u', 'user_name']], expires: '7d' })
 */
export function djangoJwt<User extends object = Record<string, unknown>>(
  options: DjangoJwtOptions<User>,
): SessionCodec {
  checkNames<DjangoJwtOptions>(options as DjangoJwtOptions, OPTIONS, 'djangoJwt')
  const { fields, sessionField } = options
  return {
    ...withSecrets(options, ['secrets'], create<User>),
    forSession: (names) =>
      djangoJwt({
        ...options,
        ...((fields ?? names.fields) && { fields: fields ?? names.fields }),
        ...((sessionField ?? names.sessionField) && { sessionField: sessionField ?? names.sessionField }),
      } as DjangoJwtOptions<User>),
  }
}

function create<User extends object>(options: Known<DjangoJwtOptions<User>>): SessionCodec {
  const ring = ringOfOptions(options)
  const settings = settingsOf(options, ring)
  const { tokens, meta, fields, sessionField } = settings
  return {
    name: 'djangoJwt',
    family: 'jws',
    readable: true,
    ...(settings.expires !== undefined && { valueEnd: (record, now) => endOfToken(record, now, settings.expires) }),
    meta,
    keys: ring,
    keepsId: true,
    ...(ring.deriveKeys && { deriveKeys: ring.deriveKeys }),
    thumbprints: ring.thumbprints,
    matches: looksLikeJwt,
    verify: (value, context) => tokens.verify(value, context, (claims) => readToken(claims, context, settings)),
    ...(ring.canSign && { sign: (record, context) => sign(record, context, settings) }),
    changed: ({ data, origin }) =>
      origin === undefined || !equalValues(dataOf(origin.root().value as SessionData, fields, sessionField), data),
    needsRenewal: (record, now) => needsRenewal(record, now, settings),
  }
}

interface DjangoJwtSettings {
  tokens: SignedTokens
  watchSubject: ReturnType<typeof watchSubject>
  fields: Fields
  sessionField: string
  meta: MetaNames
  user: ((session: DjangoJwtSession) => MaybePromise<object | null>) | undefined
  claims: ((user: object | null) => MaybePromise<Record<string, unknown>>) | undefined
  renew: 'half-life' | 'always' | 'never'
  /** Milliseconds. */
  expires: number | undefined
  /** Milliseconds. */
  tolerance: number
}

function settingsOf<User extends object>(options: Known<DjangoJwtOptions<User>>, ring: KeyRing): DjangoJwtSettings {
  const { fields = [], sessionField = DEFAULT_FIELD, user, claims, expires, renew = 'half-life', kid = false } = options
  if (claims !== undefined && (typeof claims !== 'function' || user === undefined)) {
    throw new TypeError('Option "claims" must be a function, and needs "user"')
  }
  if (!['half-life', 'always', 'never'].includes(renew)) {
    throw new TypeError('Option "renew" must be one of half-life, always, never')
  }
  return {
    tokens: createSignedTokens({ ring, writesKid: kid, remember: options.remember }),
    watchSubject: watchSubject('djangoJwt'),
    fields: createFields(fields, sessionField),
    sessionField,
    meta: metaOf(sessionField),
    user,
    claims: claims as DjangoJwtSettings['claims'],
    renew,
    expires: checkExpires(expires),
    tolerance: checkDuration(options.clockTolerance ?? DEFAULT_TOLERANCE, 'clockTolerance'),
  }
}

function metaOf(sessionField: string): MetaNames {
  return {
    [sessionField]: 'session.id and session.regenerate()',
    exp: 'the codec\'s option "expires"',
    iat: 'nothing: it moves whenever the token is written',
    nbf: 'your own codec',
    jti: 'your own codec',
  }
}

function ringOfOptions<User extends object>(options: Known<DjangoJwtOptions<User>>): KeyRing {
  const { key, keys, secrets, allowWeakSecrets = false, reloadEvery } = options
  const every = reloadEvery !== undefined && { reloadEvery }
  const given = [key, keys, secrets].filter((each) => each !== undefined)
  if (given.length === 0) refusePresentUndefined(options, 'key', 'keys', 'secrets')
  if (given.length !== 1) throw new TypeError('Give djangoJwt one of "key", "keys" and "secrets"')
  if (secrets !== undefined) return ringOfSecrets(secrets, { algorithms: ['HS256'], allowWeakSecrets })
  if (key === undefined) return ringOf(keys as Keys, { allowWeakSecrets, ...every })
  const source =
    typeof key === 'function' ? async () => keysOf(await (key as SecretSource<DjangoKey>)()) : keysOf(key as DjangoKey)
  return ringOf(source, { allowWeakSecrets, ...every }, 'key')
}

/** Of a pair, each is for RS256, as in Django. */
function keysOf(key: DjangoKey): KeyInput | readonly KeyInput[] {
  if (typeof key === 'string') refuseFileName(key)
  if (!Array.isArray(key)) return key as KeyInput
  if (key.length !== 2) throw new TypeError('Option "key" must be one key, or a private key and its public key')
  return key.map((each: KeyInput) => ({ key: each, alg: 'RS256' }))
}

/** Django reads such a file. To sign with its name would be a secret that anybody can guess. */
function refuseFileName(key: string): void {
  try {
    platform.readFile(key)
  } catch {
    return
  }
  throw new TypeError('Option "key" is the name of a file: pass { file }')
}

function readToken(jsonClaims: JsonClaims, { now, purpose }: CodecContext, settings: DjangoJwtSettings): SessionRecord {
  const { fields, sessionField, tolerance } = settings
  const claims = jsonClaims.read()
  const { data, meta } = takeJwtMeta(claims)
  refuseTokenTimes(meta, now, tolerance)
  const times = {
    ...(meta.createdAt && { accessedAt: meta.createdAt }),
    ...(meta.expiresAt && { expiresAt: meta.expiresAt }),
  }
  const origin = { format: FORMAT, root: jsonClaims.root }
  if (purpose === 'public') return { ...times, data, claims, origin }
  const id = claims[sessionField]
  if (id === undefined)
    throw new SessionError('ERR_SESSION_KEY', 'The token has no session field: it is for another codec')
  if (typeof id !== 'string') throw new SessionError('ERR_SESSION_CLAIMS', 'The session field is not text')
  // Django signs one without a key when a user signs out (FORMATS trap 23).
  if (id === '') throw new SessionError('ERR_SESSION_EXPIRED', 'The session has expired: the token names none')
  return { ...times, id, data: dataOf(claims, fields, sessionField), claims, origin }
}

function dataOf(claims: SessionData, fields: Fields, sessionField: string): SessionData {
  const { [sessionField]: _, ...data } = takeJwtMeta(claims).data
  return fields.expand(data)
}

/** Django means to renew at half-life and renews with each request (FORMATS trap 22). */
function needsRenewal({ expiresAt }: SessionRecord, now: Date, { renew, expires }: DjangoJwtSettings): boolean {
  if (renew !== 'half-life') return renew === 'always'
  if (expires === undefined) return false
  return expiresAt === undefined || expiresAt.getTime() - now.getTime() <= expires / 2
}

async function sign(record: SessionRecord, context: CodecContext, settings: DjangoJwtSettings): Promise<string> {
  const root = record.origin?.root()
  const own = record.origin?.format === FORMAT ? root : undefined
  refuseMeta(record.data, settings.meta, own ? undefined : root)
  const claims = await djangoClaims(record, own, context, settings)
  settings.watchSubject(claims, context)
  return await settings.tokens.sign(writeJson(claims, { ascii: true, ...(root && { origin: root }) }), context)
}

/**
 * @param own - the payload as it was read, if it was of this format
 * @throws {SessionError} `ERR_SESSION_UNWRITABLE` for data that would be lost
 * @throws {TypeError} for a claim that `claims` must not give
 */
async function djangoClaims(
  record: SessionRecord,
  own: OriginNode | undefined,
  context: CodecContext,
  settings: DjangoJwtSettings,
): Promise<SessionData> {
  const claims = context.purpose === 'public' ? record.data : await claimsOf(record, own, settings)
  // A key without a value must not take the place of the expiry.
  const given = Object.entries(claims).filter(([, value]) => value !== undefined)
  return { ...registered(record, own, context, settings), ...Object.fromEntries(given) }
}

/** In Django's order: the session's key, when the token is written, when it expires. */
function registered(
  record: SessionRecord,
  own: OriginNode | undefined,
  { now, purpose }: CodecContext,
  { expires, sessionField }: DjangoJwtSettings,
): SessionData {
  const { id } = record
  const end = endOfToken(record, now, expires)
  const exp = end && { exp: Math.floor(end.getTime() / 1000) }
  if (purpose === 'public') return { ...exp }
  if (id === undefined || id === '') throw new TypeError('A token of Django needs the id of its session')
  const { nbf, jti } = (own?.value ?? {}) as SessionData
  return {
    [sessionField]: id,
    iat: Math.floor(now.getTime() / 1000),
    ...exp,
    ...(nbf !== undefined && { nbf }),
    ...(jti !== undefined && { jti }),
  }
}

async function claimsOf(
  record: SessionRecord,
  own: OriginNode | undefined,
  settings: DjangoJwtSettings,
): Promise<SessionData> {
  const { fields, user: find, claims: more } = settings
  const read = (own?.value ?? {}) as SessionData
  const { id = '', data, stored, claims: before } = record
  if (!find) return fields.shorten(data, read)
  const user = await find({ id, data: stored ?? data, ...(before && { claims: before }) })
  const further = more ? await more(user) : {}
  const taken = Object.keys(settings.meta).find((name) => Object.hasOwn(further, name))
  if (taken !== undefined) throw new TypeError(`Option "claims" must not return "${taken}"`)
  const claims = { ...(user && fields.take(user)), ...further }
  if (stored === undefined) refuseOthers(data, { read, claims, fields })
  return claims
}

/** Data that the application put into the session and the user does not have would be lost silently. */
function refuseOthers(
  data: SessionData,
  { read, claims, fields }: { read: SessionData; claims: SessionData; fields: Fields },
): void {
  for (const [key, value] of Object.entries(data)) {
    const isField = fields.names.some(({ short, long }) => key === short || key === long)
    const isKnown = (object: SessionData): boolean => Object.hasOwn(object, key) && equalValues(object[key], value)
    if (value === undefined || isField || isKnown(read) || isKnown(claims)) continue
    throw errorAt(key, 'ERR_SESSION_UNWRITABLE', 'The claims are those of "user": other data needs a store')
  }
}

interface FieldNames {
  readonly attribute: readonly string[]
  readonly short: string
  readonly long: string
}

/** The fields of a codec, ready for use. */
interface Fields {
  readonly names: readonly FieldNames[]
  /** Adds the long names to what was read; the short ones stay. */
  expand(data: SessionData): SessionData
  /** Takes the long names away again; one that the application changed changes the short one. */
  shorten(data: SessionData, read: SessionData): SessionData
  /** The fields of a user, under the short names; a missing attribute is left out. */
  take(user: object): SessionData
}

/**
 * @param fields - as django-session-jwt has them, or short names by long ones as `defineSession` has them
 * @throws {TypeError} for a name that occurs twice or has another meaning
 */
function createFields(fields: readonly DjangoField[] | SessionFields, sessionField: string): Fields {
  const names = isList(fields)
    ? fields.map(namesOf)
    : Object.entries(fields).map(([long, short]): FieldNames => ({ attribute: long.split('.'), short, long }))
  refuseTwice(names.map(({ short }) => short))
  refuseTwice(names.map(({ long }) => long))
  const shortByLong = Object.fromEntries(names.map(({ long, short }) => [long, short]))
  checkFields(shortByLong, sessionField)
  return {
    names,
    expand: (data) => expandFields(data, shortByLong),
    shorten: (data, read) => shorten(names, data, read),
    take: (user) => {
      const values = names.map(({ attribute, short }) => [short, attributeOf(user, attribute)] as const)
      return Object.fromEntries(values.filter(([, value]) => value !== undefined))
    },
  }
}

function isList(fields: readonly DjangoField[] | SessionFields): fields is readonly DjangoField[] {
  return Array.isArray(fields)
}

function namesOf(field: DjangoField): FieldNames {
  const parts: readonly unknown[] = typeof field === 'string' ? [field] : field
  const isNames = Array.isArray(parts) && parts.length >= 1 && parts.length <= 3
  if (!isNames || parts.some((part) => typeof part !== 'string' || part === '')) {
    throw new TypeError('Option "fields" contains a part that is neither a name nor a list of one to three names')
  }
  const [attribute = '', short = attribute, long = short] = parts as readonly string[]
  return { attribute: attribute.split('.'), short, long }
}

function refuseTwice(names: readonly string[]): void {
  const twin = names.find((name, index) => names.indexOf(name) !== index)
  if (twin !== undefined) throw new TypeError(`Option "fields" has the name "${twin}" twice`)
}

function shorten(names: readonly FieldNames[], data: SessionData, read: SessionData): SessionData {
  const claims = { ...data }
  for (const { short, long } of names) {
    if (short === long || (Object.hasOwn(read, long) && equalValues(read[long], data[long]))) continue
    const value = Object.hasOwn(data, long) ? data[long] : undefined
    delete claims[long]
    const isGone = value === undefined
    const isChanged = !equalValues(value, read[short])
    // If the whole data was replaced, and only short names are in it, those count.
    if (!isChanged || (isGone && !equalValues(data[short], read[short]))) continue
    if (isGone) delete claims[short]
    else claims[short] = value
  }
  return claims
}

function attributeOf(user: object, path: readonly string[]): unknown {
  let value: unknown = user
  for (const name of path) {
    if (typeof value !== 'object' || value === null) return undefined
    value = (value as Record<string, unknown>)[name]
  }
  return value
}
