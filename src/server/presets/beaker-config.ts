/**
 * Reads the configuration that a Python service already has: options of Beaker and beaker-session-jwt, as an object or .ini text.
 * FORMATS §3 and §4; conversions as `beaker.converters`.
 */

import { defineSession } from '../../shared/define-session.js'
import { checkNames, type OptionNames } from '../../shared/option-names.js'
import type { SessionData } from '../../shared/types.js'
import { type BeakerCryptoType, type BeakerOptions, beaker } from '../codecs/beaker.js'
import { beakerJwt } from '../codecs/beaker-jwt.js'
import type { SessionCodec } from '../codecs/codec.js'
import { beakerNever } from '../core/cookies.js'
import type { SessionsOptions } from '../core/options.js'
import type { Secrets } from '../keys/hmac.js'

export interface BeakerConfigOptions {
  /** Options of the configuration to skip, such as `data_dir`. */
  ignore?: readonly string[]
  /** Accepts secrets under 32 bytes, as Python does. */
  allowWeakSecrets?: boolean
  /** What encrypts on the Python side, if `crypto_type` leaves that to the packages that Python finds. */
  cryptoType?: BeakerCryptoType
  /**
   * Copies a mistake of Beaker: its `cookie_expires = false` is 2038-01-19 03:14:07 in local time (here that of this process),
   * labelled GMT. Default false: in real GMT.
   */
  localNever?: boolean
  /**
   * Takes the CSRF secrets that pyramid_beaker put into the sessions (`_csrft_`) out of them: set it when Python no longer reads them.
   * Default false.
   */
  deriveCsrf?: boolean
}

const OPTIONS: OptionNames<BeakerConfigOptions> = {
  ignore: 1,
  allowWeakSecrets: 1,
  cryptoType: 1,
  localNever: 1,
  deriveCsrf: 1,
}

/** The result of `fromBeakerConfig`; `expose` only if `httponly` is given. */
export type BeakerSessionsOptions<Data extends object> = Omit<SessionsOptions<Data>, 'expose'> & { expose?: boolean }

/** What a value may be: text as in an .ini file, or what Python code would pass. */
export type BeakerConfig = Readonly<Record<string, unknown>>

const KNOWN: ReadonlySet<string> = new Set([
  'cookie_domain',
  'cookie_expires',
  'cookie_path',
  'httponly',
  'key',
  'samesite',
  'save_accessed_time',
  'secure',
  'timeout',
])

/** The words of `asbool`. */
const TRUE: readonly string[] = ['true', 'yes', 'on', 'y', 't', '1']
const FALSE: readonly string[] = ['false', 'no', 'off', 'n', 'f', '0']

/** Options of Beaker that change nothing here if they have one of these values. */
const WITHOUT_EFFECT: Readonly<Record<string, readonly string[]>> = {
  // Sessions are saved if they changed.
  auto: /* @__PURE__ */ TRUE.concat(FALSE),
  data_dir: [],
  // A corrupt cookie is a fresh session here.
  invalidate_corrupt: TRUE,
  lock_dir: [],
  log_file: [],
  secret: [],
  type: ['cookie'],
  webtest_varname: [],
}

/** Options of the other session class: they may be present if they are None. */
const NONE_IN_BOTH: ReadonlySet<string> = new Set(['encrypt_key', 'validate_key'])
/** Beaker still accepts `session_`, with a warning. */
const PREFIXED = /^(?:beaker\.session\.|session[._])(.+)$/s
const OF_BEAKER: ReadonlySet<string> = new Set([
  'crypto_type',
  'data_serializer',
  'encrypt_key',
  'encrypt_nonce_bits',
  'validate_key',
])
const OF_JWT: ReadonlySet<string> = new Set([
  'bson_compress_jwt_payload',
  'jwt_secret_keys',
  'original_format_data_serializer',
  'original_format_remove_keys',
  'original_format_validate_key',
  'read_original_format',
  'write_original_format',
])
/** Python counts the signature here, and only here (FORMATS trap 2). */
const MAX_ORIGINAL_LENGTH = 4064

/** The names in all versions of Beaker since 1.9; `default` depends on what Python finds installed. */
const CRYPTO_TYPES: readonly unknown[] = ['cryptography', 'pycrypto', 'pycryptodome', 'nss']

/**
 * Returns the options of `createSessions` that do what the Python configuration does, to be spread into it. As in Python, `secure` is
 * false unless the configuration sets it.
 *
 * @param config - options with the prefix `beaker.session.` or `session.`, or all without one; or the text of an .ini section
 * @throws {TypeError} naming every option that is unknown, unsupported or has a wrong value
 * @example
 * createSessions({ ...fromBeakerConfig({ 'session.jwt_secret_keys': key, 'session.timeout': '1800' }), expose: ['user'] })
 */
export function fromBeakerConfig<Data extends object = SessionData>(
  config: BeakerConfig | string,
  configOptions: BeakerConfigOptions = {},
): BeakerSessionsOptions<Data> {
  checkNames(configOptions, OPTIONS, 'fromBeakerConfig')
  const { ignore = [], allowWeakSecrets = false, cryptoType, localNever = false, deriveCsrf = false } = configOptions
  const options = withoutPrefix(typeof config === 'string' ? parseIniOptions(config) : config)
  refuseOthers(options, ignore)
  if (typeof config === 'string') refuseInterpolation(options)
  const timeout = asSeconds(options, 'timeout')
  const httpOnly = asBoolean(options, 'httponly')
  const savesAccess = asBoolean(options, 'save_accessed_time') ?? true
  if (timeout !== undefined && !savesAccess)
    throw new TypeError('Beaker option "timeout" requires "save_accessed_time"')
  return {
    session: defineSession<Data>({
      name: asText(options, 'key') ?? 'beaker.session.id',
      ...(timeout === undefined ? {} : { idleTimeout: timeout }),
    }),
    codecs: codecsOf(options, { allowWeakSecrets, cryptoType }),
    path: asText(options, 'cookie_path') ?? '/',
    ...optional('domain', asText(options, 'cookie_domain')),
    secure: asBoolean(options, 'secure') ?? false,
    sameSite: sameSiteOf(options),
    expires: expiresOf(options, localNever),
    ...(savesAccess ? {} : { touchEvery: false as const }),
    ...(deriveCsrf ? { deriveCsrf } : {}),
    ...optional('expose', httpOnly === undefined ? undefined : !httpOnly),
  }
}

/**
 * Reads options: `key = value` or `key: value`. Lines with a deeper indent continue a value; `#` and `;` begin comments. Sections are
 * not kept apart, and nothing is interpolated.
 *
 * @throws {TypeError} for any other line
 */
function parseIniOptions(text: string): Record<string, string> {
  const options = new Map<string, string>()
  let last: { key: string; indent: number } | undefined
  for (const line of text.split(/\r?\n/)) {
    const indent = line.search(/\S/)
    const content = line.trim()
    if (content === '' || /^[#;]/.test(content)) continue
    if (last !== undefined && indent > last.indent) {
      options.set(last.key, `${options.get(last.key)}\n${content}`)
    } else if (/^\[.*\]$/.test(content)) {
      last = undefined
    } else {
      const [, key = '', value] = /^([^=:]+)[=:](.*)$/.exec(content) ?? []
      if (value === undefined) throw new TypeError('A line of the .ini text is not "key = value"')
      last = { key: key.trim(), indent }
      options.set(last.key, value.trim())
    }
  }
  return Object.fromEntries(options)
}

/** As Beaker's middleware documents it: prefixed options, or all of them if none has a prefix. */
function withoutPrefix(config: BeakerConfig): BeakerConfig {
  const prefixed = Object.entries(config).flatMap(([key, value]) => {
    const name = PREFIXED.exec(key)?.[1]
    return name === undefined ? [] : [[name, value] as const]
  })
  return prefixed.length > 0 ? Object.fromEntries(prefixed) : config
}

function refuseOthers(options: BeakerConfig, ignore: readonly string[]): void {
  const known = isKnown(options)
  const others = Object.keys(options).filter(
    (name) => !ignore.includes(name) && !known(name) && !hasNoEffect(name, options[name]),
  )
  if (others.length > 0) {
    throw new TypeError(
      `Beaker options that are unknown or unsupported here: ${others.join(', ')} (list them in "ignore" to skip them)`,
    )
  }
}

function isKnown(options: BeakerConfig): (name: string) => boolean {
  const ofCodecs = optionsOfCodecs(options)
  return (name) => KNOWN.has(name) || ofCodecs.has(name)
}

/** Some readers of .ini files turn "%%" into "%" and replace %(name)s, others do not: a secret must not depend on that. */
function refuseInterpolation(options: BeakerConfig): void {
  const known = isKnown(options)
  const names = Object.keys(options).filter((name) => known(name) && String(options[name]).includes('%'))
  if (names.length > 0) {
    throw new TypeError(`Beaker options with "%", which is not interpolated here: ${names.join(', ')} (pass an object)`)
  }
}

/** Python's None is "not set" to each of them. */
function hasNoEffect(name: string, value: unknown): boolean {
  if (!Object.hasOwn(WITHOUT_EFFECT, name)) return value === null && NONE_IN_BOTH.has(name)
  return value === null || (WITHOUT_EFFECT[name] as readonly string[]).includes(String(value).trim().toLowerCase())
}

/** The options that have an effect in this configuration; those of the other session class do nothing in Python. */
function optionsOfCodecs(options: BeakerConfig): ReadonlySet<string> {
  return isJwt(options) ? OF_JWT : OF_BEAKER
}

function isJwt({ jwt_secret_keys, validate_key, type }: BeakerConfig): boolean {
  return (
    (jwt_secret_keys !== undefined && jwt_secret_keys !== null) || (validate_key === undefined && type === undefined)
  )
}

interface CodecsOptions {
  allowWeakSecrets: boolean
  cryptoType: BeakerCryptoType | undefined
}

/**
 * The codecs in the order of the rollout: the first writes what Python writes.
 *
 * @throws {TypeError} naming the option
 */
function codecsOf(options: BeakerConfig, codecOptions: CodecsOptions): SessionCodec[] {
  if (!isJwt(options)) return [originalCodec(options, codecOptions)]
  const current = jwtCodec(options, codecOptions)
  const reads = asBoolean(options, 'read_original_format') ?? false
  const writes = asBoolean(options, 'write_original_format') ?? false
  if (!reads && !writes) return [current]
  const original = { ...formerCodec(options, codecOptions), maxLength: MAX_ORIGINAL_LENGTH }
  return writes ? [original, current] : [current, original]
}

function jwtCodec(options: BeakerConfig, { allowWeakSecrets }: CodecsOptions): SessionCodec {
  const compress = asBoolean(options, 'bson_compress_jwt_payload') ?? true
  const secrets = options.jwt_secret_keys
  if (secrets === undefined || secrets === null) {
    throw new TypeError('Beaker option "jwt_secret_keys" is missing, and so is "validate_key"')
  }
  try {
    return beakerJwt({ compress, allowWeakSecrets, secrets: secrets as Secrets })
  } catch (error) {
    throw new TypeError('Beaker option "jwt_secret_keys" contains a key that cannot be used', { cause: error })
  }
}

/** What beaker-session-jwt calls the original format; there it is never encrypted. */
function formerCodec(options: BeakerConfig, { allowWeakSecrets }: CodecsOptions): SessionCodec {
  return beaker({
    allowWeakSecrets,
    validateKey: keyOf(options, 'original_format_validate_key'),
    serializer: serializerOf(options, 'original_format_data_serializer'),
    removeKeys: asList(options, 'original_format_remove_keys'),
    ...cookieKeys(options),
  })
}

function originalCodec(options: BeakerConfig, { allowWeakSecrets, cryptoType }: CodecsOptions): SessionCodec {
  const { encrypt_key } = options
  const encrypts = encrypt_key !== undefined && encrypt_key !== null && encrypt_key !== ''
  return beaker({
    allowWeakSecrets,
    validateKey: keyOf(options, 'validate_key'),
    serializer: serializerOf(options, 'data_serializer'),
    ...cookieKeys(options),
    ...(encrypts && {
      encryptKey: keyOf(options, 'encrypt_key'),
      cryptoType: cryptoTypeOf(options, cryptoType),
      nonceBits: asSeconds(options, 'encrypt_nonce_bits'),
    }),
  })
}

function cookieKeys(options: BeakerConfig): Pick<BeakerOptions, 'domain' | 'path'> {
  return { domain: asText(options, 'cookie_domain') ?? null, path: asText(options, 'cookie_path') ?? '/' }
}

/** Any text, including spaces. */
function keyOf(options: BeakerConfig, name: string): string {
  const key = options[name]
  if (key === undefined || key === null) throw new TypeError(`Beaker option "${name}" is missing`)
  if (typeof key === 'string' && key !== '') return key
  throw new TypeError(`Beaker option "${name}" must be text, and not empty`)
}

function serializerOf(options: BeakerConfig, name: string): 'pickle' | 'json' {
  const value = options[name] ?? 'pickle'
  if (value === 'pickle' || value === 'json') return value
  throw new TypeError(`Beaker option "${name}" must be pickle or json`)
}

function cryptoTypeOf({ crypto_type }: BeakerConfig, cryptoType: BeakerCryptoType | undefined): BeakerCryptoType {
  if (crypto_type === undefined || crypto_type === 'default') {
    if (cryptoType !== undefined) return cryptoType
    throw new TypeError(
      'Beaker option "crypto_type" depends on what Python has installed: give "cryptoType" to fromBeakerConfig',
    )
  }
  if (CRYPTO_TYPES.includes(crypto_type)) return crypto_type as BeakerCryptoType
  throw new TypeError('Beaker option "crypto_type" must be cryptography, pycrypto, pycryptodome, nss or default')
}

function sameSiteOf(options: BeakerConfig): 'lax' | 'strict' | 'none' | false {
  const value = options.samesite
  if (value === undefined) return 'lax'
  if (value === null || value === false) return false
  const word = String(value).toLowerCase()
  if (word === 'lax' || word === 'strict' || word === 'none') return word
  throw new TypeError('Beaker option "samesite" must be Lax, Strict, None or null')
}

/** `cookie_expires`: a boolean, a date, or seconds. As text, "1" and "0" are booleans; `None` is false. */
function expiresOf(options: BeakerConfig, localNever: boolean): boolean | Date | number {
  const expires = convertedExpires(options)
  return expires === false && localNever ? beakerNever() : expires
}

function convertedExpires(options: BeakerConfig): boolean | Date | number {
  const value = options.cookie_expires
  if (value === undefined) return true
  if (value === null) return false
  if (value instanceof Date || typeof value === 'boolean') return value
  const word = String(value).trim().toLowerCase()
  const isWord = typeof value === 'string' && (TRUE.includes(word) || FALSE.includes(word))
  return isWord ? TRUE.includes(word) : (asSeconds(options, 'cookie_expires') as number)
}

/** `asbool`: text must be one of the words; anything else is true or false as in Python. */
function asBoolean(options: BeakerConfig, name: string): boolean | undefined {
  const value = options[name]
  if (value === undefined) return undefined
  if (typeof value !== 'string') return Boolean(value)
  const word = value.trim().toLowerCase()
  if (TRUE.includes(word)) return true
  if (FALSE.includes(word)) return false
  throw new TypeError(`Beaker option "${name}" is neither true nor false`)
}

function asText(options: BeakerConfig, name: string): string | undefined {
  const value = options[name]
  if (value === undefined || (value === null && name === 'cookie_domain')) return undefined
  if (typeof value === 'string' && value.trim() !== '') return value
  throw new TypeError(`Beaker option "${name}" must be text, and not empty`)
}

function asSeconds(options: BeakerConfig, name: string): number | undefined {
  const value = options[name]
  if (value === undefined || value === null) return undefined
  const seconds = typeof value === 'string' && /^[0-9]+$/.test(value) ? Number(value) : value
  if (typeof seconds === 'number' && Number.isInteger(seconds) && seconds > 0) return seconds
  throw new TypeError(`Beaker option "${name}" must be a number of seconds`)
}

/** `aslist` with commas: the parts of a text, including empty ones; a list stays as it is. */
function asList(options: BeakerConfig, name: string): string[] {
  const value = options[name]
  if (value === undefined || value === null || value === '') return []
  const parts: unknown = typeof value === 'string' ? value.split(',').map((part) => part.trim()) : value
  if (Array.isArray(parts) && parts.every((part) => typeof part === 'string')) return parts
  throw new TypeError(`Beaker option "${name}" must be a text or a list of texts`)
}

function optional<Key extends string, Value>(key: Key, value: Value | undefined): { [K in Key]?: Value } {
  return (value === undefined ? {} : { [key]: value }) as { [K in Key]?: Value }
}
