/**
 * Reads the configuration a Python service already has: Beaker's and beaker-session-jwt's options, as an object or .ini text.
 * FORMATS §3 and §4; conversions as `beaker.converters`.
 */
import { defineSession } from '../../shared/define-session.js'
import type { SessionData } from '../../shared/types.js'
import type { BeakerCryptoType } from '../codecs/beaker.js'
import { beakerNever } from '../set-cookie.js'
import type { SessionsOptions } from '../settings.js'
import { codecsOf, optionsOfCodecs } from './beaker-codecs.js'
import { asBoolean, asSeconds, asText, type BeakerConfig, FALSE, TRUE } from './beaker-converters.js'
import { parseIniOptions } from './ini-options.js'

export type { BeakerConfig }

export interface BeakerConfigOptions {
  /** Options of the configuration that may be left out of account, as `data_dir`. */
  ignore?: readonly string[]
  /** Takes secrets under 32 octets, as Python does. */
  allowWeakSecrets?: boolean
  /** What encrypts on the Python side, where `crypto_type` leaves it to the packages that Python finds. */
  cryptoType?: BeakerCryptoType
  /**
   * Copies a mistake of Beaker: its `cookie_expires` of false is 2038-01-19 03:14:07 in local time, here of this process,
   * called GMT. Default false: in GMT.
   */
  localNever?: boolean
}

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
  { ignore = [], allowWeakSecrets = false, cryptoType, localNever = false }: BeakerConfigOptions = {},
): BeakerSessionsOptions<Data> {
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
    ...optional('expose', httpOnly === undefined ? undefined : !httpOnly),
  }
}

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

/** Options of Beaker that change nothing here, as long as they have one of these values. */
const WITHOUT_EFFECT: Readonly<Record<string, readonly string[]>> = {
  // Sessions are saved when they changed.
  auto: [...TRUE, ...FALSE],
  data_dir: [],
  // A corrupt cookie is a fresh session here.
  invalidate_corrupt: TRUE,
  lock_dir: [],
  log_file: [],
  secret: [],
  type: ['cookie'],
  webtest_varname: [],
}

/** Of the other session class: they may stand there, set to None. */
const NONE_IN_BOTH: ReadonlySet<string> = new Set(['encrypt_key', 'validate_key'])

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
  const known = isKnown(options)
  const others = Object.keys(options).filter(
    (name) => !ignore.includes(name) && !known(name) && !hasNoEffect(name, options[name]),
  )
  if (others.length > 0) {
    throw new TypeError(
      `Beaker options that are unknown or unsupported here: ${others.join(', ')} (list them in "ignore" to go on)`,
    )
  }
}

function isKnown(options: BeakerConfig): (name: string) => boolean {
  const ofCodecs = optionsOfCodecs(options)
  return (name) => KNOWN.has(name) || ofCodecs.has(name)
}

/** Some readers of .ini files make "%" of "%%" and put values in for %(name)s, others do not: a secret must not depend on it. */
function refuseInterpolation(options: BeakerConfig): void {
  const known = isKnown(options)
  const names = Object.keys(options).filter((name) => known(name) && String(options[name]).includes('%'))
  if (names.length > 0) {
    throw new TypeError(`Beaker options with "%", which is not interpolated here: ${names.join(', ')} (give an object)`)
  }
}

/** Python's None is "not set" to each of them. */
function hasNoEffect(name: string, value: unknown): boolean {
  if (!Object.hasOwn(WITHOUT_EFFECT, name)) return value === null && NONE_IN_BOTH.has(name)
  return value === null || (WITHOUT_EFFECT[name] as readonly string[]).includes(String(value).trim().toLowerCase())
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

function optional<Key extends string, Value>(key: Key, value: Value | undefined): { [K in Key]?: Value } {
  return (value === undefined ? {} : { [key]: value }) as { [K in Key]?: Value }
}
