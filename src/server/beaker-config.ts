/**
 * Reads the configuration a Python service already has: Beaker's and beaker-session-jwt's options, as an object or .ini text.
 * FORMATS §3 and §4; conversions as `beaker.converters`.
 */
import { defineSession } from '../shared/define-session.js'
import type { SessionData } from '../shared/types.js'
import { beakerJwt } from './codecs/beaker-jwt.js'
import type { SessionCodec } from './codecs/codec.js'
import { parseIniOptions } from './ini-options.js'
import type { Secrets } from './keyring.js'
import type { SessionsOptions } from './settings.js'

export interface BeakerConfigOptions {
  /** Options of the configuration that may be left out of account, as `data_dir`. */
  ignore?: readonly string[]
  /** Takes secrets under 32 octets, as Python does. */
  allowWeakSecrets?: boolean
}

/** What a value may be: text as in an .ini file, or what Python code would give. */
export type BeakerConfig = Readonly<Record<string, unknown>>

/** What `fromBeakerConfig` finds out; `expose` only where `httponly` is given. */
export type BeakerSessionsOptions<Data extends object> = Omit<SessionsOptions<Data>, 'expose'> & { expose?: boolean }

/**
 * The options of `createSessions` that do what the Python configuration does, to be spread into it. `secure` is false where
 * the configuration does not set it, as there.
 *
 * @param config - options with the prefix `beaker.session.` or `session.`, or all without one; or the text of an .ini section
 * @throws {TypeError} naming every option that is unknown, unsupported or has a wrong value
 * @example
 * createSessions({ ...fromBeakerConfig({ 'session.jwt_secret_keys': key, 'session.timeout': '1800' }), expose: ['user'] })
 */
export function fromBeakerConfig<Data extends object = SessionData>(
  config: BeakerConfig | string,
  { ignore = [], allowWeakSecrets = false }: BeakerConfigOptions = {},
): BeakerSessionsOptions<Data> {
  const options = withoutPrefix(typeof config === 'string' ? parseIniOptions(config) : config)
  refuseOthers(options, ignore)
  if (typeof config === 'string') refuseInterpolation(options)
  const compress = asBoolean(options, 'bson_compress_jwt_payload') ?? true
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
    codecs: [codecOf(options, { compress, allowWeakSecrets })],
    path: asText(options, 'cookie_path') ?? '/',
    ...optional('domain', asText(options, 'cookie_domain')),
    secure: asBoolean(options, 'secure') ?? false,
    sameSite: sameSiteOf(options),
    expires: expiresOf(options),
    ...(savesAccess ? {} : { touchEvery: false as const }),
    ...optional('expose', httpOnly === undefined ? undefined : !httpOnly),
  }
}

function codecOf(options: BeakerConfig, settings: { compress: boolean; allowWeakSecrets: boolean }): SessionCodec {
  const secrets = options.jwt_secret_keys
  if (secrets === undefined || secrets === null) throw new TypeError('Beaker option "jwt_secret_keys" is missing')
  try {
    return beakerJwt({ ...settings, secrets: secrets as Secrets })
  } catch (error) {
    throw new TypeError('Beaker option "jwt_secret_keys" holds a key that can not be used', { cause: error })
  }
}

/** The words of `asbool`. */
const TRUE: readonly string[] = ['true', 'yes', 'on', 'y', 't', '1']
const FALSE: readonly string[] = ['false', 'no', 'off', 'n', 'f', '0']

const KNOWN: ReadonlySet<string> = new Set([
  'bson_compress_jwt_payload',
  'cookie_domain',
  'cookie_expires',
  'cookie_path',
  'httponly',
  'jwt_secret_keys',
  'key',
  'samesite',
  'save_accessed_time',
  'secure',
  'timeout',
])

/** Options of Beaker that change nothing here, as long as they have one of these values. */
const WITHOUT_EFFECT: Readonly<Record<string, readonly string[]>> = {
  // Sessions are saved when they changed.
  auto: [...TRUE, ...FALSE],
  data_dir: [],
  encrypt_key: [],
  // A corrupt cookie is a fresh session here.
  invalidate_corrupt: TRUE,
  lock_dir: [],
  log_file: [],
  secret: [],
  type: ['cookie'],
  validate_key: [],
  webtest_varname: [],
}

const NOT_YET: ReadonlySet<string> = new Set([
  'original_format_data_serializer',
  'original_format_remove_keys',
  'original_format_validate_key',
  'read_original_format',
  'write_original_format',
])

/** As Beaker's middleware documents it: prefixed options, or all of them where none has a prefix. */
function withoutPrefix(config: BeakerConfig): BeakerConfig {
  const prefixed = Object.entries(config).flatMap(([key, value]) => {
    const name = PREFIXED.exec(key)?.[1]
    return name === undefined ? [] : [[name, value] as const]
  })
  return prefixed.length > 0 ? Object.fromEntries(prefixed) : config
}

/** Beaker still takes `session_`, with a warning. */
const PREFIXED = /^(?:beaker\.session\.|session[._])(.+)$/s

function refuseOthers(options: BeakerConfig, ignore: readonly string[]): void {
  const names = Object.keys(options).filter((name) => !ignore.includes(name) && !KNOWN.has(name))
  const notYet = names.filter((name) => NOT_YET.has(name) && isOn(options[name]))
  if (notYet.length > 0) throw new TypeError(`Beaker options that are not supported yet: ${notYet.join(', ')}`)
  const others = names.filter((name) => !NOT_YET.has(name) && !hasNoEffect(name, options[name]))
  if (others.length > 0) {
    throw new TypeError(
      `Beaker options that are unknown or unsupported here: ${others.join(', ')} (list them in "ignore" to go on)`,
    )
  }
}

/** Some readers of .ini files make "%" of "%%" and put values in for %(name)s, others do not: a secret must not depend on it. */
function refuseInterpolation(options: BeakerConfig): void {
  const names = Object.keys(options).filter((name) => KNOWN.has(name) && String(options[name]).includes('%'))
  if (names.length > 0) {
    throw new TypeError(`Beaker options with "%", which is not interpolated here: ${names.join(', ')} (give an object)`)
  }
}

function isOn(value: unknown): boolean {
  return value !== false && value !== null && value !== undefined && !FALSE.includes(String(value).trim().toLowerCase())
}

/** Python's None is "not set" to each of them. */
function hasNoEffect(name: string, value: unknown): boolean {
  if (!Object.hasOwn(WITHOUT_EFFECT, name)) return false
  return value === null || (WITHOUT_EFFECT[name] as readonly string[]).includes(String(value).trim().toLowerCase())
}

/** `asbool`: a text must be one of the words; anything else is true or false as Python sees it. */
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

function sameSiteOf(options: BeakerConfig): 'lax' | 'strict' | 'none' | false {
  const value = options.samesite
  if (value === undefined) return 'lax'
  if (value === null || value === false) return false
  const word = String(value).toLowerCase()
  if (word === 'lax' || word === 'strict' || word === 'none') return word
  throw new TypeError('Beaker option "samesite" must be Lax, Strict, None or null')
}

/** `cookie_expires`: a truth value, a date, or seconds. As text, "1" and "0" are truth values; `None` is false. */
function expiresOf(options: BeakerConfig): boolean | Date | number {
  const value = options.cookie_expires
  if (value === undefined) return true
  if (value === null) return false
  if (value instanceof Date || typeof value === 'boolean') return value
  const word = String(value).trim().toLowerCase()
  const isWord = typeof value === 'string' && (TRUE.includes(word) || FALSE.includes(word))
  return isWord ? TRUE.includes(word) : (asSeconds(options, 'cookie_expires') as number)
}

function optional<Key extends string, Value>(key: Key, value: Value | undefined): { [K in Key]?: Value } {
  return (value === undefined ? {} : { [key]: value }) as { [K in Key]?: Value }
}
