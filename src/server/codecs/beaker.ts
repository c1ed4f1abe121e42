/**
 * Cookie-only sessions of Beaker: a signed pickle or JSON, perhaps encrypted.
 * FORMATS §2.
 */
import { encodeBase64 } from '../../shared/base64.js'
import { looksLikeBeaker } from '../../shared/decode-beaker.js'
import { asVerified } from '../../shared/errors.js'
import type { Python2Encoding } from '../../shared/pickle/view.js'
import { type Flow, run } from '../flow.js'
import { refuseMeta } from '../meta-guard.js'
import { type BeakerCipher, type BeakerCryptoType, createBeakerCipher } from './beaker-cipher.js'
import { decodeBody, readOpened } from './beaker-opening.js'
import { BEAKER_KEYS, withFloatTimes } from './beaker-payload.js'
import { type BeakerSerializer, createBeakerSerializer } from './beaker-serializer.js'
import { BEAKER, beakerRecord, beakerSession, type CookieKeys, hasChanged } from './beaker-session.js'
import { type BeakerSigner, createBeakerSigner } from './beaker-signature.js'
import type { CodecContext, SessionCodec, SessionRecord } from './codec.js'

export type { BeakerCryptoType }

export interface BeakerOptions {
  /** `validate_key`; in a list the first signs, all verify. Beaker itself knows one. */
  validateKey: string | readonly string[]
  /** `encrypt_key`; absent: not encrypted. */
  encryptKey?: string | undefined
  /**
   * What encrypts on the Python side. It must be said where there is an `encryptKey`: Beaker's own default is whatever
   * package it finds. `auto`, `pycrypto-ecb` and `beaker-0.9` only read.
   */
  cryptoType?: BeakerCryptoType | undefined
  /** `encrypt_nonce_bits`: 128 (default since Beaker 1.8) or 48 (before). Absent, both are read and 128 are written. */
  nonceBits?: number | undefined
  /** `data_serializer`. Default `pickle`. */
  serializer?: 'pickle' | 'json' | undefined
  /** Keys that are dropped when a session is read: what no other format holds, or nobody needs any more. */
  removeKeys?: readonly string[] | undefined
  /** How byte strings of Python 2 are read. Default `ascii`, as Beaker on Python 3 does, which refuses all others. */
  encoding?: Python2Encoding | undefined
  /** Writes what Python 2 reads, too. Default false. */
  python2?: boolean | undefined
  /** Refuses base64 in any but its one canonical form, which Beaker does not. */
  strictBase64?: boolean | undefined
  /** `cookie_domain`, which Beaker since 1.11 keeps in the session (`_domain`); absent, a fresh session says nothing. */
  domain?: string | null | undefined
  /** `cookie_path`, the same (`_path`). */
  path?: string | undefined
  /** Most octets that JSON may have after its signature was verified. Default 1 MiB. */
  maxInflated?: number | undefined
}

export interface BeakerCodec extends SessionCodec {
  /** What is weak in this configuration and must stay for Beaker's sake; for a log at start. No key is in it. */
  readonly warnings: readonly string[]
}

/** Beaker refuses to store more than this, not counting the signature (FORMATS trap 2). */
const MAX_BODY = 4064
const SIGNATURE = 40
const MAX_INFLATED = 1024 * 1024

/**
 * The codec of Beaker's cookie-only sessions. Without an `encryptKey` anybody can read them; and whoever knows the
 * `validateKey` can make Python run any program, for Python unpickles what it signs. Nothing is run here.
 *
 * In a list of codecs with one `validateKey`, a cookie goes on to the next one unless it is certain whose it is. With AES-GCM
 * its tag says so. Otherwise only what chance does not make is a session: a pickled dict that ends with the octets or has a
 * key that every Beaker writes, JSON with the right checksum.
 *
 * `auto` goes by the same: the tag of AES-GCM, or else the one of AES-CTR, AES-CBC and AES-ECB that gives a session. A nonce
 * of 128 bits shows by its `==`.
 *
 * @throws {TypeError} naming the option, also for a configuration that no Beaker could read
 * @see FORMATS §2
 */
export function beaker(options: BeakerOptions): BeakerCodec {
  const settings = settle(options)
  const { cipher } = settings
  const isReadOnly = cipher !== undefined && cipher.encrypt === undefined
  return {
    name: 'beaker',
    family: 'beaker',
    readable: cipher === undefined,
    maxLength: SIGNATURE + MAX_BODY,
    meta: BEAKER_KEYS,
    warnings: warningsOf(options, settings.validateKeys),
    matches: looksLikeBeaker,
    verify: (value, context) => run(verify(value, context, settings)),
    ...(isReadOnly ? {} : { sign: (record, context) => run(sign(record, context, settings)) }),
    changed: hasChanged,
  }
}

interface Settings {
  validateKeys: readonly string[]
  signer: BeakerSigner
  cipher: BeakerCipher | undefined
  serializer: BeakerSerializer
  removeKeys: ReadonlySet<string>
  fresh: CookieKeys
  strictBase64: boolean
}

function settle(options: BeakerOptions): Settings {
  const { validateKey, encryptKey, cryptoType, nonceBits, serializer = 'pickle', domain, path } = options
  const validateKeys = typeof validateKey === 'string' ? [validateKey] : validateKey
  if (!Array.isArray(validateKeys) || validateKeys.some((key: unknown) => typeof key !== 'string')) {
    throw new TypeError('Option "validateKey" must be a text or a list of texts')
  }
  const { strictBase64 = false, python2 = false, encoding = 'ascii', maxInflated = MAX_INFLATED } = options
  const isOldest = cryptoType === 'beaker-0.9'
  if (serializer === 'json' && (isOldest || cryptoType === 'pycrypto-ecb')) {
    throw new TypeError(`Option "serializer": no Beaker wrote JSON with ${cryptoType}`)
  }
  return {
    validateKeys,
    signer: createBeakerSigner(validateKeys, isOldest),
    cipher: cipherOf({ encryptKey, cryptoType, nonceBits, strictBase64 }, python2 ? [] : [...validateKeys, encryptKey]),
    serializer: createBeakerSerializer({ serializer, encoding, python2, maxInflated }),
    removeKeys: new Set(options.removeKeys),
    fresh: { ...(domain === undefined ? {} : { _domain: domain }), ...(path === undefined ? {} : { _path: path }) },
    strictBase64,
  }
}

/** @param asciiKeys - keys that Python 3 encrypts with, which takes ASCII alone (FORMATS §2.3) */
function cipherOf(
  {
    encryptKey,
    cryptoType,
    nonceBits,
    strictBase64,
  }: Pick<BeakerOptions, 'encryptKey' | 'cryptoType' | 'nonceBits'> & {
    strictBase64: boolean
  },
  asciiKeys: readonly (string | undefined)[],
): BeakerCipher | undefined {
  if (encryptKey === undefined) {
    if (cryptoType !== undefined) throw new TypeError('Option "cryptoType" needs "encryptKey"')
    if (nonceBits !== undefined) throw new TypeError('Option "nonceBits" needs "encryptKey"')
    return undefined
  }
  if (typeof encryptKey !== 'string' || encryptKey === '')
    throw new TypeError('Option "encryptKey" must be a text, and not empty')
  if (cryptoType === undefined) {
    throw new TypeError(
      'Option "cryptoType" is needed with "encryptKey": the default of Beaker is what Python has installed',
    )
  }
  if (asciiKeys.some((key) => /[^\0-\x7f]/.test(key ?? ''))) {
    throw new TypeError(
      'Options "validateKey" and "encryptKey" must be ASCII: Beaker on Python 3 encrypts with no others',
    )
  }
  return createBeakerCipher({ encryptKey, cryptoType, nonceBits, strictBase64 })
}

/** Trip in: signature, cipher, serializer, in this order. */
function* verify(value: string, context: CodecContext, settings: Settings): Flow<SessionRecord> {
  const { signer, cipher, serializer, validateKeys, removeKeys, strictBase64 } = settings
  const { body, keyIndex } = yield* signer.verify(value, context)
  try {
    const opened = cipher
      ? yield* cipher.decrypt(body, validateKeys[keyIndex] as string, (bytes) => fits(bytes, serializer))
      : { bytes: decodeBody(body, strictBase64), isProven: false }
    return { ...beakerRecord(readOpened(opened, serializer), removeKeys), keyIndex }
  } catch (error) {
    throw asVerified(error)
  }
}

function fits(bytes: Uint8Array, serializer: BeakerSerializer): boolean {
  try {
    readOpened({ bytes, isProven: false }, serializer)
    return true
  } catch {
    return false
  }
}

/** Trip out. */
function* sign(record: SessionRecord, context: CodecContext, settings: Settings): Flow<string> {
  const { signer, cipher, serializer, validateKeys, removeKeys, fresh } = settings
  const root = record.origin?.root()
  const isSame = record.origin?.format === BEAKER && root?.format === serializer.format
  refuseMeta(record.data, BEAKER_KEYS, isSame ? undefined : root)
  const session = beakerSession(record, { format: serializer.format, fresh, removeKeys })
  const bytes = serializer.write(session, root, withFloatTimes(root))
  // The encryption has its key from both.
  const validateKey = validateKeys[context.keyIndex ?? 0] as string
  const body = cipher?.encrypt ? yield* cipher.encrypt(bytes, validateKey) : encodeBase64(bytes)
  return yield* signer.sign(body, context)
}

/** Octets of an HMAC-SHA1 key that are not weaker than its result. */
const STRONG_KEY = 20
const STRONG_NONCE = 96

function warningsOf({ encryptKey, cryptoType, nonceBits = 128 }: BeakerOptions, keys: readonly string[]): string[] {
  const warnings = keys.flatMap((key, index) =>
    key.length < STRONG_KEY
      ? [`validateKey ${index} has ${key.length} characters: fewer than ${STRONG_KEY} can be guessed`]
      : [],
  )
  if (encryptKey === undefined) return warnings
  if (encryptKey.length < STRONG_KEY)
    warnings.push(`encryptKey has fewer than ${STRONG_KEY} characters: it can be guessed`)
  if (cryptoType !== 'cryptography')
    warnings.push('only cryptoType "cryptography" (AES-GCM) notices a wrong key by itself')
  if (nonceBits < STRONG_NONCE) warnings.push(`nonces of ${nonceBits} bits come twice among some million sessions`)
  return warnings
}
