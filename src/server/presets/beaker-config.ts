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

/** What a configuration of Beaker does not say. */
export interface BeakerConfigOptions {
  /** Options of the configuration to skip, such as `data_dir`. */
  ignore?: readonly string[]
  /** Accepts secrets under 32 bytes, as Python does. */
  allowWeakSecrets?: boolean
  /** What encrypts on the Python side, if `crypto_type` leaves that to the packages that Python finds. */
  cryptoType?: BeakerCryptoType
  /**
   * The version of Beaker on the Python side, as `'1.13'`: what `crypto_type = default` means changed with 1.14. It is read as both
   * write it, and written as this version does if Python has all its packages.
   */
  beakerVersion?: `${number}.${number}` | `${number}.${number}.${number}`
  /**
   * Copies a mistake of Beaker: its `cookie_expires = false` is 2038-01-19 03:14:07 in local time (here that of this
   * process), labelled GMT.
   *
   * @defaultValue false: in real GMT
   */
  localNever?: boolean
  /**
   * Takes the CSRF secrets that pyramid_beaker put into the sessions (`_csrft_`) out of them: set it when Python no
   * longer reads them.
   *
   * @defaultValue false
   */
  deriveCsrf?: boolean
}

const OPTIONS: OptionNames<BeakerConfigOptions> = {
  ignore: 1,
  allowWeakSecrets: 'switch',
  cryptoType: 1,
  beakerVersion: 1,
  localNever: 'switch',
  deriveCsrf: 'switch',
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
  'invalidate_corrupt',
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
const WITHOUT_EFFECT: Readonly<Record<string, readonly string[] | 'any'>> = {
  // Sessions are saved if they changed.
  auto: /* @__PURE__ */ TRUE.concat(FALSE),
  cookie_on_exception: TRUE,
  // Where sessions on the server are, and what signs their ids.
  data_dir: 'any',
  lock_dir: 'any',
  secret: 'any',
  enabled: TRUE,
  log_file: [],
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
 * @since 0.1.0
 * @example
 * createSessions({ ...fromBeakerConfig({ 'session.jwt_secret_keys': key, 'session.timeout': '1800' }), expose: ['user'] })
 */
export function fromBeakerConfig<Data extends object = SessionData>(
  config: BeakerConfig | string,
  configOptions: BeakerConfigOptions = {},
): BeakerSessionsOptions<Data> {
  checkNames(configOptions, OPTIONS, 'fromBeakerConfig')
  const { ignore = [], localNever = false, deriveCsrf = false } = configOptions
  if (typeof config !== 'string' && (typeof config !== 'object' || config === null)) {
    throw new TypeError('fromBeakerConfig takes the options as an object, or the text of an .ini section')
  }
  const options = withoutPrefix(typeof config === 'string' ? parseIniOptions(config) : config)
  refuseServerSide(options)
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
      idleTimeout: timeout ?? false,
    }),
    codecs: withExpiryWarning(codecsOf(options, configOptions)),
    path: asText(options, 'cookie_path') ?? '/',
    ...optional('domain', asText(options, 'cookie_domain')),
    secure: asBoolean(options, 'secure') ?? false,
    sameSite: sameSiteOf(options),
    expires: expiresOf(options, localNever),
    ...(savesAccess ? {} : { touchEvery: false as const }),
    ...(deriveCsrf ? { deriveCsrf } : {}),
    // Beaker's default, and taken over only if it is written: another release's session would be replaced, too.
    ...(asBoolean(options, 'invalidate_corrupt') ? { replaceUnreadable: true } : {}),
    ...optional('expose', httpOnly === undefined ? undefined : !httpOnly),
  }
}

/**
 * Reads the options of the one section that has options of sessions, or of the only section: `key = value` or `key: value`. Lines with a
 * deeper indent continue a value; `#` and `;` begin comments. Nothing is interpolated, and nothing inherited.
 *
 * @throws {TypeError} for any other line, for several such sections, and for a section that inherits from elsewhere
 */
function parseIniOptions(text: string): Record<string, string> {
  const sections = new Map<string, Map<string, string>>()
  let options = new Map<string, string>()
  let last: { key: string; indent: number } | undefined
  for (const line of text.split(/\r?\n/)) {
    const indent = line.search(/\S/)
    const content = line.trim()
    if (content === '' || /^[#;]/.test(content)) continue
    if (last !== undefined && indent > last.indent) {
      options.set(last.key, `${options.get(last.key)}\n${content}`)
    } else if (/^\[.*\]$/.test(content)) {
      last = undefined
      options = sections.get(content) ?? new Map()
      sections.set(content, options)
    } else {
      const [, key = '', value] = /^([^=:]+)[=:](.*)$/.exec(content) ?? []
      if (value === undefined) throw new TypeError('A line of the .ini text is not "key = value"')
      last = { key: key.trim(), indent }
      options.set(last.key, value.trim())
      if (sections.size === 0) sections.set('', options)
    }
  }
  return onlySection([...sections.values()])
}

function onlySection(sections: readonly Map<string, string>[]): Record<string, string> {
  const ofSessions = sections.filter((options) => [...options.keys()].some((key) => PREFIXED.test(key)))
  const filled = ofSessions.length > 0 ? ofSessions : sections.filter(({ size }) => size > 0)
  if (filled.length > 1) {
    throw new TypeError('The .ini text has options of sessions in several sections: pass the text of one section')
  }
  const [options = new Map<string, string>()] = filled
  // PasteDeploy: `egg:` and `call:` name code; anything else names a section, here or in another file, whose options count, too.
  const use = options.get('use')
  if (use !== undefined && !/^(?:egg|call):/.test(use)) {
    throw new TypeError(
      'The .ini section has "use", so it inherits options that are not in this text: pass all its options as an object',
    )
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

/** Without `type = cookie` the original Beaker keeps sessions on the server, and its cookie holds an id. */
function refuseServerSide(options: BeakerConfig): void {
  const { type } = options
  if (isJwt(options) || (typeof type === 'string' && type.trim() === 'cookie')) return
  throw new TypeError(
    `Beaker option "type" ${type === undefined ? 'is missing' : 'is not cookie'}: such sessions are on the server of Python, and no other reads them. Set type = cookie in Python first`,
  )
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
  const values = WITHOUT_EFFECT[name]
  return value === null || values === 'any' || values?.includes(String(value).trim().toLowerCase()) === true
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

/**
 * The codecs in the order of the rollout: the first writes what Python writes.
 *
 * @throws {TypeError} naming the option
 */
function codecsOf(options: BeakerConfig, codecOptions: BeakerConfigOptions): SessionCodec[] {
  if (!isJwt(options)) return originalCodecs(options, codecOptions)
  const current = jwtCodec(options, codecOptions)
  const reads = asBoolean(options, 'read_original_format') ?? false
  const writes = asBoolean(options, 'write_original_format') ?? false
  if (!reads && !writes) return [current]
  const original = { ...formerCodec(options, codecOptions), maxLength: MAX_ORIGINAL_LENGTH }
  return writes ? [original, current] : [current, original]
}

function jwtCodec(options: BeakerConfig, { allowWeakSecrets = false }: BeakerConfigOptions): SessionCodec {
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
function formerCodec(options: BeakerConfig, configOptions: BeakerConfigOptions): SessionCodec {
  return beaker({
    allowWeakSecrets: configOptions.allowWeakSecrets,
    validateKey: keyOf(options, 'original_format_validate_key', configOptions),
    serializer: serializerOf(options, 'original_format_data_serializer'),
    removeKeys: asList(options, 'original_format_remove_keys'),
    ...cookieKeys(options),
  })
}

function originalCodecs(options: BeakerConfig, configOptions: BeakerConfigOptions): SessionCodec[] {
  const { encrypt_key } = options
  const isEncrypted = encrypt_key !== undefined && encrypt_key !== null
  const shared = {
    allowWeakSecrets: configOptions.allowWeakSecrets,
    validateKey: keyOf(options, 'validate_key', configOptions),
    serializer: serializerOf(options, 'data_serializer'),
    ...cookieKeys(options),
  }
  if (!isEncrypted) return [beaker(shared)]
  const encryptKey = keyOf(options, 'encrypt_key')
  const nonceBits = asSeconds(options, 'encrypt_nonce_bits')
  return cryptoTypesOf(options, configOptions).map((cryptoType) =>
    beaker({ ...shared, encryptKey, cryptoType, nonceBits }),
  )
}

/** Applications may set a lifetime in the session itself, as Allura does by `login_expires`: no option says so. */
const OWN_EXPIRY =
  'fromBeakerConfig: if the Python application gives sessions their own lifetime, set "expires" or "maxAge" to the same here'

function withExpiryWarning([writer, ...others]: SessionCodec[]): SessionCodec[] {
  return writer ? [{ ...writer, warnings: [...(writer.warnings ?? []), OWN_EXPIRY] }, ...others] : []
}

function cookieKeys(options: BeakerConfig): Pick<BeakerOptions, 'domain' | 'path'> {
  return { domain: asText(options, 'cookie_domain') ?? null, path: asText(options, 'cookie_path') ?? '/' }
}

/** Any text, including spaces. */
function keyOf(options: BeakerConfig, name: string, { allowWeakSecrets = false }: BeakerConfigOptions = {}): string {
  const key = options[name]
  // A public example, copied into many applications.
  if (!allowWeakSecrets && String(key).trim().toLowerCase() === 'true') {
    throw new TypeError(
      `Beaker option "${name}" is True, a text that everyone knows: anyone can forge a session, and run code in Python. Set a secret there and here`,
    )
  }
  if (key === undefined || key === null) throw new TypeError(`Beaker option "${name}" is missing`)
  if (typeof key === 'string' && key !== '') return key
  throw new TypeError(`Beaker option "${name}" must be text, and not empty`)
}

function serializerOf(options: BeakerConfig, name: string): 'pickle' | 'json' {
  const value = options[name] ?? 'pickle'
  if (value === 'pickle' || value === 'json') return value
  throw new TypeError(`Beaker option "${name}" must be pickle or json`)
}

/**
 * What encrypts, the first of them to write. `default` depends on what Python finds installed: since 1.14 cryptography, then
 * pycryptodome; before, python-nss, then PyCrypto (FORMATS §2.3).
 */
function cryptoTypesOf(
  { crypto_type = 'default' }: BeakerConfig,
  { cryptoType, beakerVersion }: BeakerConfigOptions,
): BeakerCryptoType[] {
  const isOld = beakerVersion !== undefined && isBefore114(beakerVersion)
  if (crypto_type === 'default') {
    if (cryptoType !== undefined) return [cryptoType]
    if (beakerVersion === undefined) {
      throw new TypeError(
        'Beaker option "crypto_type" depends on what Python has installed: give "cryptoType" or "beakerVersion" to fromBeakerConfig',
      )
    }
    return isOld ? ['pycryptodome', 'nss', 'cryptography'] : ['cryptography', 'pycryptodome', 'nss']
  }
  if (crypto_type === 'nss' && !isOld) {
    throw new TypeError(
      'Beaker option "crypto_type" is nss, which Beaker has no more since 1.14: give beakerVersion: \'1.13\' for an older one',
    )
  }
  if (CRYPTO_TYPES.includes(crypto_type)) return [crypto_type as BeakerCryptoType]
  throw new TypeError('Beaker option "crypto_type" must be cryptography, pycrypto, pycryptodome, nss or default')
}

function isBefore114(version: string): boolean {
  const [, major, minor] = /^(\d+)\.(\d+)(?:\.\d+)?$/.exec(version) ?? []
  if (minor === undefined) throw new TypeError('Option "beakerVersion" must be a version such as 1.13')
  return Number(major) < 1 || (Number(major) === 1 && Number(minor) < 14)
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
