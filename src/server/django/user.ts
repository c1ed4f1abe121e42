/**
 * The user that a Django session says is signed in, if the password has not changed since the sign-in.
 * FORMATS §8: `_auth_user_id`, `_auth_user_backend` and `_auth_user_hash`.
 */
import { decodeHex, encodeHex } from '../../shared/bytes.js'
import { checkNames, type OptionNames } from '../../shared/option-names.js'
import type { MaybePromise } from '../../shared/types.js'
import type { HmacKey } from '../platform/platform.js'
import { createDjangoSecrets, type DjangoHash, type DjangoSecretOptions, type DjangoSecrets } from './signer.js'

/** The part of a session that is used. */
export interface DjangoUserSession {
  /** With Django's own keys. */
  data: object
}

/** How a user is looked up, and what Django is configured with. */
export interface DjangoUserOptions<Row extends object = Record<string, unknown>> extends DjangoSecretOptions {
  /** The user's row by the text of the primary key; undefined or null if there is none. */
  user: (id: string) => MaybePromise<Row | null | undefined>
  /**
   * The column with Django's hash of the password.
   *
   * @defaultValue `password`
   */
  passwordField?: string | undefined
  /**
   * The column that is false for users who may not sign in any more.
   *
   * @defaultValue `is_active`; a missing column has no effect
   */
  activeField?: string | undefined
  /**
   * `AUTHENTICATION_BACKENDS`.
   *
   * @defaultValue any
   */
  backends?: readonly string[] | undefined
  /**
   * Accepts the SHA-1 hash of Django before 3.1; Django from 4.0 on does not.
   *
   * @defaultValue true
   */
  legacy?: boolean | undefined
}

/** A user whom Django signed in. */
export interface DjangoUser<Row extends object = Record<string, unknown>> {
  /** The primary key, as text (FORMATS trap 24). */
  id: string
  /** The dotted path of the backend that checked the password. */
  backend: string
  /** The row. */
  user: Row
}

/** What Django passes to its `salted_hmac`. */
const AUTH_HASH_SALT = 'django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash'
/** 64 hex digits of SHA-256, or 40 of SHA-1; Django compares them case-sensitively. */
const HASH = /^(?:[0-9a-f]{64}|[0-9a-f]{40})$/
const SHA1_DIGITS = 40

const OPTIONS: OptionNames<DjangoUserOptions> = {
  secretKey: 1,
  secretKeyFallbacks: 1,
  reloadEvery: 1,
  user: 'function',
  passwordField: 1,
  activeField: 1,
  backends: 1,
  legacy: 'switch',
  allowWeakSecrets: 'switch',
}

const LOGIN_OPTIONS: OptionNames<DjangoLoginOptions> = {
  secretKey: 1,
  reloadEvery: 1,
  backend: 1,
  allowWeakSecrets: 'switch',
}

/** Keys are derived once for each object of options. */
const prepared = new WeakMap<object, DjangoSecrets>()

/**
 * Returns the user of a session that Django signed in. `_auth_user_hash` must match the password that the user has now, so changing
 * the password in Django signs the user out here too. The hash may be made with the current secret or one of its fallbacks; a hash of
 * a fallback is replaced in the session, as Django does. This says nothing about permissions. A session whose hash does not match stays
 * as it is: Django ends it, so destroy it.
 *
 * @param session - with Django's own keys in `data`, as from `djangoStore` or `djangoSigned`
 * @param options - keep the object: its keys are derived with its first use
 * @returns null if no user is signed in, the user does not exist or is not active, or the password was changed
 * @throws {TypeError} naming the option, also if the row has no text in `passwordField`
 * @see FORMATS §8
 * @since 0.1.0
 * @example
 * const found = await djangoUser(session, { secretKey, user: (id) => users.get(id) })
 * console.log(found?.user.username) // → ada
 */
export function djangoUser<Row extends object = Record<string, unknown>>(
  session: DjangoUserSession,
  options: DjangoUserOptions<Row>,
): MaybePromise<DjangoUser<Row> | null> {
  return find(session.data as Record<string, unknown>, options)
}

async function find<Row extends object>(
  data: Record<string, unknown>,
  options: DjangoUserOptions<Row>,
): Promise<DjangoUser<Row> | null> {
  checkUserOptions(options)
  const secrets = secretsOf(options)
  const { _auth_user_id: id, _auth_user_backend: backend, _auth_user_hash: hash } = data
  // A number in pickles of Django before 1.8.
  if (typeof id !== 'string' && typeof id !== 'number') return null
  if (typeof backend !== 'string' || (options.backends && !options.backends.includes(backend))) return null
  if (typeof hash !== 'string' || !HASH.test(hash)) return null
  const user = await options.user(String(id))
  if (!user || !isActive(user, options.activeField ?? 'is_active')) return null
  const password = passwordOf(user, options.passwordField ?? 'password')
  const by: DjangoHash = hash.length === SHA1_DIGITS ? 'SHA-1' : 'SHA-256'
  if (by === 'SHA-1' && options.legacy === false) return null
  const keys = await secrets.keys(AUTH_HASH_SALT, by)
  const found = await verify(password, decodeHex(hash), keys)
  if (found === undefined) return null
  const [today] = keys
  if (today && found !== today) data._auth_user_hash = encodeHex(await today.sign(password))
  return { id: String(id), backend, user }
}

function secretsOf(options: DjangoSecretOptions): DjangoSecrets {
  const secrets = prepared.get(options) ?? createDjangoSecrets(options)
  prepared.set(options, secrets)
  return secrets
}

function checkUserOptions<Row extends object>(options: DjangoUserOptions<Row>): void {
  checkNames(options as unknown as DjangoUserOptions, OPTIONS, 'djangoUser')
  if (typeof options.user !== 'function') throw new TypeError('Option "user" must be a function')
}

/** SQLite has no booleans. */
function isActive(user: object, field: string): boolean {
  const active = (user as Record<string, unknown>)[field]
  return active === undefined || active === true || active === 1 || active === 1n
}

function passwordOf(user: object, field: string): string {
  const password = (user as Record<string, unknown>)[field]
  if (typeof password === 'string') return password
  throw new TypeError(`Option "passwordField": the user has no text in ${field}`)
}

async function verify(password: string, hash: Uint8Array, keys: readonly HmacKey[]): Promise<HmacKey | undefined> {
  for (const key of keys) {
    if (await key.verify(password, hash)) return key
  }
  return undefined
}

/** What Django is configured with. */
export interface DjangoLoginOptions extends Omit<DjangoSecretOptions, 'secretKeyFallbacks'> {
  /**
   * The dotted path of the backend that checked the password.
   *
   * @defaultValue `django.contrib.auth.backends.ModelBackend`
   */
  backend?: string
}

/** Django's own keys of a session. */
export interface DjangoLogin {
  /** The primary key, as text. */
  _auth_user_id: string
  /** The dotted path of the backend. */
  _auth_user_backend: string
  /** An HMAC of the password's hash: changing the password ends the session. */
  _auth_user_hash: string
}

/**
 * What Django's `login` (3.1 or later) puts into a session: assign it to `session.data` and call `regenerate()`. It checks no password, so do
 * that first. In tests it is the data for `sessionCookie`. For sessions over `djangoStore` or `djangoSigned`.
 *
 * @param user - the primary key, and the column `password` as it is in the row: Django's hash, not the password
 * @param options - keep the object: its keys are derived, and asked for, with its first use
 * @throws {TypeError} for a secret that is missing, empty or weak
 * @see FORMATS §8
 * @since 0.1.0
 * @example
 * session.regenerate()
 * Object.assign(session.data, await djangoLogin({ id: row.id, password: row.password }, { secretKey }))
 * console.log(session.data._auth_user_id) // → 7
 */
export async function djangoLogin(
  user: { id: string | number | bigint; password: string },
  options: DjangoLoginOptions,
): Promise<DjangoLogin> {
  checkNames(options, LOGIN_OPTIONS, 'djangoLogin')
  const secrets = secretsOf(options)
  const { backend = 'django.contrib.auth.backends.ModelBackend' } = options
  const [key] = await secrets.keys(AUTH_HASH_SALT, 'SHA-256')
  const hash = key === undefined ? '' : encodeHex(await key.sign(user.password))
  return { _auth_user_id: String(user.id), _auth_user_backend: backend, _auth_user_hash: hash }
}
