/**
 * `P:T:S`: text, the time when it was signed, and an HMAC, as `django.core.signing.TimestampSigner` makes it.
 * FORMATS §8.
 */
import { platform } from '#platform'
import { concatBytes, decodeBase64Url, encodeUtf8 } from '../../shared/bytes.js'
import type { Duration } from '../../shared/define-session.js'
import { SessionError } from '../../shared/errors.js'
import { refuseUndefined } from '../../shared/option-names.js'
import { boundName, createHmacKeys, derivedOnce, type KeyUse, keyAt, secretThumbprint } from '../keys/hmac.js'
import { type Known, type LoadedKeys, loadSecrets, type SecretSource } from '../keys/key-source.js'
import type { HmacKey } from '../platform/platform.js'

/** A value whose signature was right. */
interface Unsigned {
  /** P: the session, or whatever was signed. */
  text: string
  /** T, in whole seconds. */
  signedAt: Date
  /** Index of the secret; those of SHA-1 come after all others. */
  keyIndex: number
}

export interface TimestampSigner {
  sign(text: string, signedAt: Date, use: KeyUse): Promise<string>
  /** @throws {SessionError} `ERR_SESSION_MALFORMED`, `ERR_SESSION_SIGNATURE`; `ERR_SESSION_CLAIMS` if the time is not valid */
  unsign(value: string, use: KeyUse): Promise<Unsigned>
}

export interface TimestampSignerOptions {
  secrets: DjangoSecrets
  salt: string
  /** Reads SHA-1 signatures too. */
  legacy: boolean
}

/**
 * P in base64url with `.` before it if it is compressed, T to base 62, S in base64url: 27 digits for the 20 bytes of
 * SHA-1, 43 for SHA-256.
 */
const SIGNED = /^(\.?[A-Za-z0-9_-]*):([0-9A-Za-z]+):([A-Za-z0-9_-]{43}|[A-Za-z0-9_-]{27})$/
const SHA1_DIGITS = 27

/** The most bytes of a serialized session: far more than a real one has, and few enough for every server. */
export const MAX_SESSION_BYTES = 1_048_576
/** Python's zlib asks for this level by default. */
const LEVEL = 6
/** Numbers to base 62: how Django writes the seconds of a signature. */
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** Eight digits can express 2e14 seconds, more than a `Date` can. */
const MAX_DIGITS = 8

/** Says by shape alone whether Django's signer may have made a value. */
export function looksLikeDjangoSigned(value: string): boolean {
  return SIGNED.test(value)
}

/** Prepares a signer for one salt. The public cookie of each cookie name has its own salt. */
export function createTimestampSigner({ secrets, salt, legacy }: TimestampSignerOptions): TimestampSigner {
  const saltOf = (use: KeyUse): string =>
    `${use.purpose === 'session' ? salt : `sessionglass public half of ${boundName(use)}`}signer`

  return {
    async sign(text, signedAt, use) {
      const signed = `${text}:${encodeBase62(Math.floor(signedAt.getTime() / 1000))}`
      const keys = await secrets.keys(saltOf(use), 'SHA-256')
      return `${signed}:${platform.base64Url(await keyAt(keys, use.keyIndex).sign(signed))}`
    },
    async unsign(value, use) {
      const [, text, time, signature] = SIGNED.exec(value) ?? []
      if (text === undefined || time === undefined || signature === undefined) {
        throw new SessionError('ERR_SESSION_MALFORMED', 'The value is not text, time and signature of Django')
      }
      const isLegacy = signature.length === SHA1_DIGITS
      const mac = decodeBase64Url(signature)
      const keys = isLegacy && !legacy ? [] : await secrets.keys(saltOf(use), isLegacy ? 'SHA-1' : 'SHA-256')
      use.verifications?.spend({ secrets: keys.length })
      for (const [index, key] of keys.entries()) {
        if (!(await key.verify(`${text}:${time}`, mac))) continue
        return { text, signedAt: timeOf(time), keyIndex: isLegacy ? keys.length + index : index }
      }
      throw new SessionError('ERR_SESSION_SIGNATURE', 'No key verifies the signature')
    },
  }
}

function timeOf(digits: string): Date {
  const time = new Date(decodeBase62(digits) * 1000)
  if (!Number.isNaN(time.getTime())) return time
  throw new SessionError('ERR_SESSION_CLAIMS', 'The time of the signature is out of range', { verified: true })
}

/** The text of a whole number that is not negative. */
export function encodeBase62(number: number): string {
  let text = ''
  let rest = number
  do {
    text = (DIGITS[rest % 62] as string) + text
    rest = Math.floor(rest / 62)
  } while (rest > 0)
  return text
}

/** @throws {SessionError} `ERR_SESSION_MALFORMED` for no digits, another character, or more than eight digits */
export function decodeBase62(text: string): number {
  let number = 0
  for (const digit of text) {
    const value = DIGITS.indexOf(digit)
    if (value === -1) throw malformed()
    number = number * 62 + value
  }
  if (text === '' || text.length > MAX_DIGITS) throw malformed()
  return number
}

function malformed(): SessionError {
  return new SessionError('ERR_SESSION_MALFORMED', 'The time of the signature is not a number to base 62')
}

/** SHA-1 is for what Django before 3.1 made. */
export type DjangoHash = 'SHA-1' | 'SHA-256'

/** One of Django's secrets. */
export type DjangoSecret = string | Uint8Array

/** Secrets, each as a value or as a function. */
export interface DjangoSecretOptions {
  /** `SECRET_KEY`, or what returns it. It signs, and verifies first. */
  secretKey: DjangoSecret | SecretSource<DjangoSecret>
  /** `SECRET_KEY_FALLBACKS`, or what returns them: keys that only verify. Django before 4.1 has none. */
  secretKeyFallbacks?: readonly DjangoSecret[] | SecretSource<readonly DjangoSecret[]> | undefined
  /**
   * Loads what a function returns again this often, with the first use after that.
   *
   * @defaultValue only by `sessions.reload()`
   */
  reloadEvery?: Duration | undefined
  /** Accepts secrets under 32 bytes. */
  allowWeakSecrets?: boolean | undefined
}

/** The options of what Django signs, in a cookie or in a row. */
export interface DjangoSigningOptions extends Omit<DjangoSecretOptions, 'secretKeyFallbacks'> {
  /**
   * `SESSION_SERIALIZER`.
   *
   * @defaultValue `json`, as Django's
   */
  serializer?: 'json' | 'pickle' | undefined
  /**
   * Reads what Django before 3.1 signed, by SHA-1; Django from 4.0 on does not.
   *
   * @defaultValue true
   */
  legacy?: boolean | undefined
  /**
   * Most bytes that a session may have after its signature was verified.
   *
   * @defaultValue 1 MiB
   */
  maxInflated?: number | undefined
}

/** The secrets of one configuration; the first one signs. */
export interface DjangoSecrets {
  /** The HMAC keys for a use, in the order of the secrets; derived once. */
  keys(salt: string, hash: DjangoHash): Promise<readonly HmacKey[]>
  /** One for each secret. */
  thumbprints(): Promise<readonly string[]>
  /** If a function gives them. */
  readonly loaded?: LoadedKeys
}

/** @throws {TypeError} for a missing, empty or weak secret; of a function that is `ERR_SESSION_KEYS` of the first use */
export function createDjangoSecrets(options: DjangoSecretOptions): DjangoSecrets {
  const create = (known: Known<DjangoSecretOptions>) => fixedSecrets(known, known.secretKeyFallbacks)
  const loaded = loadSecrets(options, ['secretKey', 'secretKeyFallbacks'], create)
  if (!loaded) return create(options as Known<DjangoSecretOptions>)
  return {
    loaded,
    keys: async (salt, hash) => (await loaded.current()).keys(salt, hash),
    thumbprints: async () => (await loaded.current()).thumbprints(),
  }
}

/**
 * Secrets that are known and stay.
 *
 * @param fallbacksOption - the name of the option with the fallbacks, for errors
 * @throws {TypeError} for a missing, empty or weak secret
 */
export function fixedSecrets(
  { secretKey, allowWeakSecrets = false }: Pick<Known<DjangoSecretOptions>, 'secretKey' | 'allowWeakSecrets'>,
  fallbacks: readonly DjangoSecret[] = [],
  fallbacksOption = 'secretKeyFallbacks',
): DjangoSecrets {
  refuseUndefined(secretKey, 'secretKey')
  checkSecrets([secretKey], 'secretKey', allowWeakSecrets)
  if (!Array.isArray(fallbacks)) throw new TypeError(`Option "${fallbacksOption}" must be a list`)
  if (fallbacks.length > 0) checkSecrets(fallbacks, fallbacksOption, allowWeakSecrets)
  const secrets = [secretKey, ...fallbacks].map((key) => (typeof key === 'string' ? encodeUtf8(key) : key.slice()))
  const derived = new Map<string, Promise<readonly HmacKey[]>>()
  return {
    thumbprints: async () => await Promise.all(secrets.map(secretThumbprint)),
    keys(salt, hash) {
      return derivedOnce(derived, `${hash} ${salt}`, () => derive(secrets, encodeUtf8(salt), hash))
    },
  }
}

/** The rules for secrets are those of every ring. */
function checkSecrets(secrets: readonly unknown[], option: string, allowWeakSecrets: boolean): void {
  createHmacKeys({ secrets: secrets as readonly string[], hash: 'SHA-256', allowWeakSecrets, option })
}

async function derive(secrets: readonly Uint8Array[], salt: Uint8Array, hash: DjangoHash): Promise<readonly HmacKey[]> {
  const keys: HmacKey[] = []
  for (const secret of secrets) {
    const salted = concatBytes(salt, secret)
    const digest = await (hash === 'SHA-1' ? platform.sha1(salted) : platform.sha256(salted))
    keys.push(platform.hmacKey(digest, hash))
  }
  return keys
}

/**
 * @param limit - the most bytes, so that everything that is written can be read again
 * @throws {SessionError} `ERR_SESSION_LIMIT`
 */
export async function encodeSessionText(bytes: Uint8Array, limit: number): Promise<string> {
  if (bytes.length > limit) throw tooLong(limit)
  const compressed = await platform.deflate(bytes, LEVEL)
  return compressed.length < bytes.length - 1 ? `.${platform.base64Url(compressed)}` : platform.base64Url(bytes)
}

/**
 * @param limit - the most bytes
 * @returns the bytes, in a new array
 * @throws {SessionError} `ERR_SESSION_MALFORMED`, `ERR_SESSION_COMPRESSION`, `ERR_SESSION_LIMIT`
 */
export function decodeSessionText(text: string, limit: number): Uint8Array {
  if (text.startsWith('.')) return platform.inflate(decodeBase64Url(text.slice(1)), limit)
  const bytes = decodeBase64Url(text)
  if (bytes.length > limit) throw tooLong(limit)
  return bytes
}

function tooLong(limit: number): SessionError {
  return new SessionError('ERR_SESSION_LIMIT', `The session has more than ${limit} bytes`)
}
