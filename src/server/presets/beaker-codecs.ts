/**
 * The codecs that a Python configuration asks for: Beaker's own cookies, those of beaker-session-jwt, or one beside the other.
 * FORMATS §2 and §4.1.
 */

import { type BeakerCryptoType, type BeakerOptions, beaker } from '../codecs/beaker.js'
import { beakerJwt } from '../codecs/beaker-jwt.js'
import type { SessionCodec } from '../codecs/codec.js'
import type { Secrets } from '../keyring.js'
import { asBoolean, asList, asSeconds, asText, type BeakerConfig } from './beaker-converters.js'

export interface BeakerCodecsOptions {
  allowWeakSecrets: boolean
  cryptoType: BeakerCryptoType | undefined
}

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

/** The options that count in this configuration; those of the other session class do nothing in Python. */
export function optionsOfCodecs(options: BeakerConfig): ReadonlySet<string> {
  return isJwt(options) ? OF_JWT : OF_BEAKER
}

/**
 * The codecs in the order of the rollout: the first writes what Python writes.
 *
 * @throws {TypeError} naming the option
 */
export function codecsOf(options: BeakerConfig, settings: BeakerCodecsOptions): SessionCodec[] {
  if (!isJwt(options)) return [originalCodec(options, settings)]
  const current = jwtCodec(options, settings)
  const reads = asBoolean(options, 'read_original_format') ?? false
  const writes = asBoolean(options, 'write_original_format') ?? false
  if (!reads && !writes) return [current]
  const original = { ...formerCodec(options), maxLength: MAX_ORIGINAL_LENGTH }
  return writes ? [original, current] : [current, original]
}

function isJwt({ jwt_secret_keys, validate_key, type }: BeakerConfig): boolean {
  return (
    (jwt_secret_keys !== undefined && jwt_secret_keys !== null) || (validate_key === undefined && type === undefined)
  )
}

function jwtCodec(options: BeakerConfig, { allowWeakSecrets }: BeakerCodecsOptions): SessionCodec {
  const compress = asBoolean(options, 'bson_compress_jwt_payload') ?? true
  const secrets = options.jwt_secret_keys
  if (secrets === undefined || secrets === null) {
    throw new TypeError('Beaker option "jwt_secret_keys" is missing, and so is "validate_key"')
  }
  try {
    return beakerJwt({ compress, allowWeakSecrets, secrets: secrets as Secrets })
  } catch (error) {
    throw new TypeError('Beaker option "jwt_secret_keys" holds a key that can not be used', { cause: error })
  }
}

/** What beaker-session-jwt calls the original format, which is never encrypted there. */
function formerCodec(options: BeakerConfig): SessionCodec {
  return beaker({
    validateKey: keyOf(options, 'original_format_validate_key'),
    serializer: serializerOf(options, 'original_format_data_serializer'),
    removeKeys: asList(options, 'original_format_remove_keys'),
    ...cookieKeys(options),
  })
}

function originalCodec(options: BeakerConfig, { cryptoType }: BeakerCodecsOptions): SessionCodec {
  const { encrypt_key } = options
  const encrypts = encrypt_key !== undefined && encrypt_key !== null && encrypt_key !== ''
  return beaker({
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

/** Any text, spaces and all. */
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

/** The names of every Beaker since 1.9; `default` is what Python finds installed. */
const CRYPTO_TYPES: readonly unknown[] = ['cryptography', 'pycrypto', 'pycryptodome', 'nss']

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
