/**
 * Cookie-only sessions of Beaker: a signed pickle or JSON, perhaps encrypted.
 * FORMATS §2.
 */
import { platform } from '#platform'
import { encodeBase64 } from '../../shared/base64.js'
import { concatBytes, decodeHex, encodeHex, encodeUtf8 } from '../../shared/bytes.js'
import { takeBeakerMeta } from '../../shared/decode.js'
import { looksLikeBeaker, textKeys } from '../../shared/decode-beaker.js'
import type { Duration } from '../../shared/define-session.js'
import { asVerified, isSessionError, SessionError } from '../../shared/errors.js'
import { checkNames, type OptionNames, refusePresentUndefined, refuseUndefined } from '../../shared/option-names.js'
import type { Python2Encoding } from '../../shared/pickle/reader.js'
import { decodeLatin1 } from '../../shared/pickle/text.js'
import type { Origin, OriginNode, SessionData } from '../../shared/types.js'
import { createHmacKeys, equalInConstantTime, type HmacKeys } from '../keys/hmac.js'
import type { Known, SecretSource } from '../keys/key-source.js'
import { publicMaterial } from '../keys/weak-secrets.js'
import { createPythonSerializer, type PythonSerializer, type SerializedReading } from '../python-serializers.js'
import { equalValues, withHiddenKeys } from '../values.js'
import {
  type BeakerCipher,
  type BeakerCryptoType,
  createBeakerCipher,
  decodeBody,
  type OpenedBody,
} from './beaker-cipher.js'
import { beakerDict, withFloatTimes } from './beaker-dict.js'
import { BEAKER_KEYS, beakerRecord } from './beaker-meta.js'
import { checkMaxInflated, MAX_COOKIE_VALUES, refuseMeta } from './checks.js'
import type { CodecContext, NamedPlace, SessionCodec, SessionRecord } from './codec.js'
import { withSecrets } from './secret-source.js'

export type { BeakerCryptoType }

/** The settings of Beaker, mostly under its own names. */
export interface BeakerOptions {
  /** `validate_key`, or what returns it; in a list the first signs, all verify. Beaker itself knows one. */
  validateKey: string | readonly string[] | SecretSource<string | readonly string[]>
  /**
   * Takes keys that anyone may know: a PEM, a JWK, `True`, a secret of a published example.
   *
   * @defaultValue false
   */
  allowWeakSecrets?: boolean | undefined
  /**
   * `encrypt_key`, or what returns it.
   *
   * @defaultValue not encrypted
   */
  encryptKey?: string | SecretSource<string>
  /**
   * Loads what a function returns again this often, with the first request after that.
   *
   * @defaultValue only by `sessions.reload()`
   */
  reloadEvery?: Duration | undefined
  /**
   * What encrypts on the Python side; needed with an `encryptKey`, because Beaker's own default is whatever
   * package it finds. `auto`, `pycrypto-ecb` and `beaker-0.9` only read.
   */
  cryptoType?: BeakerCryptoType | undefined
  /**
   * `encrypt_nonce_bits`: 128 (Beaker since 1.8) or 48 (before).
   *
   * @defaultValue both are read and 128 are written
   */
  nonceBits?: number | undefined
  /**
   * `data_serializer`.
   *
   * @defaultValue `pickle`
   */
  serializer?: 'pickle' | 'json' | undefined
  /** Keys that are dropped when a session is read, because no other format holds them or they are needed no more. */
  removeKeys?: readonly string[] | undefined
  /**
   * How byte strings of Python 2 are read.
   *
   * @defaultValue `ascii`, as Beaker on Python 3 does, which refuses all others
   */
  encoding?: Python2Encoding | undefined
  /**
   * Writes what Python 2 reads, too.
   *
   * @defaultValue false
   */
  python2?: boolean | undefined
  /** Refuses base64 in any but its one canonical form, which Beaker does not. */
  strictBase64?: boolean | undefined
  /** `cookie_domain`, which Beaker since 1.11 keeps in the session (`_domain`); absent, a fresh session says nothing. */
  domain?: string | null | undefined
  /** `cookie_path`, the same (`_path`). */
  path?: string | undefined
  /**
   * Most bytes that JSON may have after its signature was verified.
   *
   * @defaultValue 1 MiB
   */
  maxInflated?: number | undefined
}

const OPTIONS: OptionNames<BeakerOptions> = {
  validateKey: 1,
  allowWeakSecrets: 'switch',
  encryptKey: 1,
  reloadEvery: 1,
  cryptoType: 1,
  nonceBits: 1,
  serializer: 1,
  removeKeys: 1,
  encoding: 1,
  python2: 'switch',
  strictBase64: 'switch',
  domain: 1,
  path: 1,
  maxInflated: 1,
}

/** The codec, with what Beaker's settings can't make safe. */
export interface BeakerCodec extends SessionCodec {
  /** What is weak in this configuration and must stay for Beaker's sake; for a log at start. It holds no key. */
  readonly warnings: readonly string[]
}

/** Beaker refuses to store more than this, not counting the signature (FORMATS trap 2). */
const MAX_BODY = 4064
/** Characters: the hex digits of an HMAC-SHA1. */
const SIGNATURE_LENGTH = 40
/** The origin of what was read here. */
const BEAKER = 'beaker'
/** A key of as many bytes as an HMAC-SHA1 has is not weaker than it. */
const STRONG_KEY_LENGTH = 20
const STRONG_NONCE_BITS = 96

/**
 * The codec of Beaker's cookie-only sessions. Without an `encryptKey` anybody can read them. If an attacker knows the
 * `validateKey`, they can make Python run any program, for Python unpickles what it signs. Nothing is run here.
 *
 * In a list of codecs with the same `validateKey`, a cookie goes on to the next one unless it is certain which of them wrote it.
 * With AES-GCM its tag says so. Otherwise only what chance does not make is a session: a pickled dict that ends with the
 * bytes or has a key that every Beaker writes, or JSON with the right checksum.
 *
 * `auto` goes by the same: the tag of AES-GCM, or else the one of AES-CTR, AES-CBC and AES-ECB that gives a session. A nonce
 * of 128 bits shows by its `==`.
 *
 * @throws {TypeError} naming the option, also for a configuration that no Beaker could read
 * @see FORMATS §2
 * @since 0.1.0
 * @example
 * const sessions = createSessions({ codecs: [beaker({ validateKey, serializer: 'json' })], expose: false })
 */
export function beaker(options: BeakerOptions): BeakerCodec {
  checkNames(options, OPTIONS, 'beaker')
  // Those of the present secrets, once they are known.
  const warnings: string[] = []
  return withSecrets(options, ['validateKey', 'encryptKey'], (known) => create(known, warnings))
}

function create(options: Known<BeakerOptions>, warnings: string[]): BeakerCodec {
  const settings = settingsOf(options)
  warnings.splice(0, warnings.length, ...warningsOf(options, settings.validateKeys))
  const { cipher } = settings
  const isReadOnly = cipher !== undefined && cipher.encrypt === undefined
  return {
    name: 'beaker',
    family: 'beaker',
    readable: cipher === undefined,
    maxLength: SIGNATURE_LENGTH + MAX_BODY,
    meta: BEAKER_KEYS,
    warnings,
    keepsId: true,
    deriveKeys: settings.signer.derive,
    thumbprints: settings.signer.thumbprints,
    matches: looksLikeBeaker,
    verify: (value, context) => verify(value, context, settings),
    ...(isReadOnly ? {} : { sign: (record, context) => sign(record, context, settings) }),
    cookiePlace: (record) => placeOf(record, settings),
    changed: ({ data, origin }) => !isBeakerOrigin(origin) || !equalValues(origin.again(), data),
  }
}

/** What the options make. */
interface BeakerSettings {
  validateKeys: readonly string[]
  signer: BeakerSigner
  cipher: BeakerCipher | undefined
  serializer: PythonSerializer
  removeKeys: ReadonlySet<string>
  newCookieKeys: CookieKeys
  strictBase64: boolean
}

/** What a session says of its cookie, as Beaker does since 1.11. */
interface CookieKeys {
  _domain?: string | null
  _path?: string
}

function settingsOf(options: Known<BeakerOptions>): BeakerSettings {
  const { validateKey, encryptKey, cryptoType, nonceBits, serializer = 'pickle', domain, path } = options
  refuseUndefined(validateKey, 'validateKey')
  refusePresentUndefined(options, 'encryptKey')
  const validateKeys = typeof validateKey === 'string' ? [validateKey] : validateKey
  if (!Array.isArray(validateKeys) || validateKeys.some((key: unknown) => typeof key !== 'string')) {
    throw new TypeError('Option "validateKey" must be text or a list of texts')
  }
  const { strictBase64 = false, python2 = false, encoding = 'ascii', allowWeakSecrets = false } = options
  const known = !allowWeakSecrets && typeof encryptKey === 'string' && publicMaterial(encodeUtf8(encryptKey))
  if (known) throw new TypeError(`Option "encryptKey" contains ${known} (or set allowWeakSecrets: true)`)
  const isOldest = cryptoType === 'beaker-0.9'
  if (serializer === 'json' && (isOldest || cryptoType === 'pycrypto-ecb')) {
    throw new TypeError(`Option "serializer": no Beaker wrote JSON with ${cryptoType}`)
  }
  return {
    validateKeys,
    signer: createBeakerSigner(validateKeys, isOldest, allowWeakSecrets),
    cipher: cipherOf({ encryptKey, cryptoType, nonceBits, strictBase64 }, python2 ? [] : [...validateKeys, encryptKey]),
    serializer: createPythonSerializer({
      serializer,
      encoding,
      python2,
      maxInflated: checkMaxInflated(options.maxInflated),
      maxValues: MAX_COOKIE_VALUES,
    }),
    removeKeys: namesOf(options.removeKeys),
    newCookieKeys: {
      ...(domain === undefined ? {} : { _domain: domain }),
      ...(path === undefined ? {} : { _path: path }),
    },
    strictBase64,
  }
}

/** @throws {TypeError} for one name in place of a list: its letters would be taken for names */
function namesOf(removeKeys: readonly string[] = []): ReadonlySet<string> {
  const isList = Array.isArray(removeKeys) && removeKeys.every((key) => typeof key === 'string')
  if (!isList) throw new TypeError('Option "removeKeys" must be a list of texts')
  return new Set(removeKeys)
}

/** @param asciiKeys - keys that Python 3 encrypts with, which takes only ASCII (FORMATS §2.3) */
function cipherOf(
  {
    encryptKey,
    cryptoType,
    nonceBits,
    strictBase64,
  }: Pick<Known<BeakerOptions>, 'cryptoType' | 'nonceBits'> & {
    encryptKey: string | undefined
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
    throw new TypeError('Option "encryptKey" must be text, and not empty')
  if (cryptoType === undefined) {
    throw new TypeError(
      'Option "cryptoType" is needed with "encryptKey": the default of Beaker depends on what Python has installed',
    )
  }
  if (asciiKeys.some((key) => /[^\0-\x7f]/.test(key ?? ''))) {
    throw new TypeError(
      'Options "validateKey" and "encryptKey" must be ASCII: Beaker on Python 3 encrypts only with such keys',
    )
  }
  return createBeakerCipher({ encryptKey, cryptoType, nonceBits, strictBase64 })
}

function warningsOf(
  { encryptKey, cryptoType, nonceBits = 128 }: Known<BeakerOptions>,
  keys: readonly string[],
): string[] {
  const warnings = keys.flatMap((key, index) =>
    key.length < STRONG_KEY_LENGTH
      ? [`validateKey ${index} has ${key.length} characters: fewer than ${STRONG_KEY_LENGTH} can be guessed`]
      : [],
  )
  if (encryptKey === undefined) return warnings
  if (encryptKey.length < STRONG_KEY_LENGTH)
    warnings.push(`encryptKey has fewer than ${STRONG_KEY_LENGTH} characters: it can be guessed`)
  if (cryptoType !== 'cryptography')
    warnings.push('only cryptoType "cryptography" (AES-GCM) notices a wrong key by itself')
  if (nonceBits < STRONG_NONCE_BITS) warnings.push(`nonces of ${nonceBits} bits repeat after some million sessions`)
  return warnings
}

/** Signature, cipher, serializer, in this order. */
async function verify(value: string, context: CodecContext, settings: BeakerSettings): Promise<SessionRecord> {
  const { signer, cipher, serializer, validateKeys, removeKeys, strictBase64 } = settings
  const { body, keyIndex } = await signer.verify(value, context)
  try {
    const opened = cipher
      ? await cipher.decrypt(body, validateKeys[keyIndex] as string, (bytes) => isSession(bytes, serializer))
      : { bytes: decodeBody(body, strictBase64), isProven: false }
    return { ...recordOf(readOpened(opened, serializer), removeKeys), keyIndex }
  } catch (error) {
    throw asVerified(error)
  }
}

function isSession(bytes: Uint8Array, serializer: PythonSerializer): boolean {
  try {
    readOpened({ bytes, isProven: false }, serializer)
    return true
  } catch {
    return false
  }
}

/**
 * Reads an opened body. The signature says who made it, and not with which cipher: a wrong cipher, key, nonce length or serializer
 * gives bytes that are as good as random (FORMATS §2.1). Unless a tag proves it, it is a session only if chance makes none like it.
 *
 * @throws {SessionError} `ERR_SESSION_KEY` if another codec may have written the bytes; another code only if none did
 */
function readOpened({ bytes, isProven }: OpenedBody, serializer: PythonSerializer): SerializedReading {
  let cause: unknown
  try {
    const reading = serializer.read(bytes)
    if (isProven || isCertain(bytes, reading, serializer) || wasWrittenBy(serializer, bytes)) return reading
  } catch (error) {
    if (isProven ? serializer.owns(bytes) : wasWrittenBy(serializer, bytes, error)) throw error
    cause = error
  }
  const message = `The session is not ${serializer.format}, or the encryption key, the cipher or the nonce is another one`
  throw new SessionError('ERR_SESSION_KEY', message, { cause })
}

/** What AES-ECB and Beaker 0.9 fill their last block with (FORMATS §2.3, §2.4). */
const BLOCK_PADDING = /^[ \0]{0,16}$/

/** A dict that ends with the bytes, or has the key that every Beaker writes. Random bytes never inflate to JSON. */
function isCertain(bytes: Uint8Array, { isDict, end, root }: SerializedReading, serializer: PythonSerializer): boolean {
  if (serializer.format === 'json') return true
  if (!serializer.owns(bytes) || !isDict) return false
  return BLOCK_PADDING.test(decodeLatin1(bytes, end)) || root().child?.('_id') !== undefined
}

/** Every Beaker writes these into every session; random bytes do not have all fourteen of them. */
const BEAKER_TIMES = /_(?:creation|accessed)_time/

/** Whether bytes are this serializer's and not random, though they could not be read or something is left over. */
function wasWrittenBy(serializer: PythonSerializer, bytes: Uint8Array, error?: unknown): boolean {
  if (serializer.format === 'pickle') return serializer.owns(bytes) && BEAKER_TIMES.test(decodeLatin1(bytes))
  // Random bytes do not inflate for long, and never to a right checksum.
  return !isSessionError(error) || error.code !== 'ERR_SESSION_COMPRESSION'
}

/** Where the session came from, and how to see again what it was. */
interface BeakerOrigin extends Origin {
  readonly format: typeof BEAKER
  /** The data as it was read, whatever became of it since. */
  again(): SessionData
}

function isBeakerOrigin(origin: Origin | undefined): origin is BeakerOrigin {
  return origin?.format === BEAKER
}

function recordOf({ value, root, again }: SerializedReading, removeKeys: ReadonlySet<string>): SessionRecord {
  const origin: BeakerOrigin = {
    format: BEAKER,
    root: () => remainingRoot(root(), removeKeys),
    again: () => takeBeakerMeta(shownKeys(again(), removeKeys)).data,
  }
  return beakerRecord(takeBeakerMeta(shownKeys(value, removeKeys)), { origin })
}

/** A dict may have any keys. The data shows those that are text; the others are written back. */
function shownKeys(value: unknown, removeKeys: ReadonlySet<string>): SessionData {
  const session = textKeys(value)
  if (removeKeys.size === 0) return session
  return Object.fromEntries(Object.entries(session).filter(([key]) => !removeKeys.has(key)))
}

/** The data does not show keys that are not text, so they are removed here: without them other formats can hold the session. */
function remainingRoot(root: OriginNode, removeKeys: ReadonlySet<string>): OriginNode {
  if (removeKeys.size === 0 || !(root.value instanceof Map)) return root
  const entries = [...root.value].filter(([key]) => typeof key === 'string' || !removeKeys.has(String(key)))
  const isText = entries.every(([key]) => typeof key === 'string')
  return { ...root, value: isText ? Object.fromEntries(entries) : new Map(entries) }
}

/** Serializer, cipher, signature, in this order. */
async function sign(record: SessionRecord, context: CodecContext, settings: BeakerSettings): Promise<string> {
  const { signer, cipher, serializer, validateKeys } = settings
  const root = record.origin?.root()
  const isSame = isBeakerOrigin(record.origin) && root?.format === serializer.format
  refuseMeta(record.data, BEAKER_KEYS, isSame ? undefined : root)
  const session = { ...cookieKeysOf(record, root, settings), ...beakerDict(record, root) }
  const bytes = await serializer.write(isSame ? withHiddenKeys(session, root) : session, root, withFloatTimes(root))
  // The key of the encryption is made from both keys.
  const validateKey = validateKeys[context.keyIndex ?? 0] as string
  const body = cipher?.encrypt ? await cipher.encrypt(bytes, validateKey) : encodeBase64(bytes)
  return await signer.sign(body, context)
}

/**
 * What the session says of its cookie, before all else in Beaker's dict. What a Beaker session said stays, for Python prefers that
 * to its configuration; `_expires` may be a date, which JSON lacks.
 */
function cookieKeysOf(
  { origin }: SessionRecord,
  root: OriginNode | undefined,
  { serializer, newCookieKeys, removeKeys }: BeakerSettings,
): SessionData {
  if (!isBeakerOrigin(origin)) return { ...newCookieKeys }
  const names = root?.format === serializer.format ? ['_domain', '_path', '_expires'] : ['_domain', '_path']
  const found = names.filter((name) => !removeKeys.has(name)).map((name) => [name, root?.child?.(name)] as const)
  return Object.fromEntries(found.flatMap(([name, node]) => (node ? [[name, node.value]] : [])))
}

/** A session that Beaker made knows its place; a new one goes where the options say. */
function placeOf(record: SessionRecord, settings: BeakerSettings): NamedPlace | undefined {
  if (!isBeakerOrigin(record.origin)) return undefined
  const { _domain, _path } = cookieKeysOf(record, record.origin.root(), settings)
  return {
    ...(_domain !== undefined && { domain: _domain }),
    ...(_path !== undefined && { path: _path }),
  } as NamedPlace
}

interface BeakerSigner {
  readonly derive: HmacKeys['derive']
  readonly thumbprints: HmacKeys['thumbprints']
  /** The signature and the body behind it. */
  sign(body: string, context: CodecContext): Promise<string>
  /** @throws {SessionError} `ERR_SESSION_SIGNATURE` */
  verify(value: string, context: CodecContext): Promise<SignedBody>
}

interface SignedBody {
  /** What was signed: text, as it stands in the cookie. */
  body: string
  keyIndex: number
}

/**
 * Prepares the keys: the first signs, all verify. The signature is 40 hex digits of an HMAC-SHA1, or in 0.9.0 and 0.9.1 of a
 * plain SHA-1 (FORMATS §2.1 and §2.4).
 *
 * @param isPlain - the SHA-1 of key and body instead of an HMAC; only reads
 * @throws {TypeError} for an empty key, and for one that anyone may know unless `allowWeakSecrets`
 */
function createBeakerSigner(
  validateKeys: readonly string[],
  isPlain: boolean,
  allowWeakSecrets: boolean,
): BeakerSigner {
  const hmacKeys = createHmacKeys({
    secrets: validateKeys,
    hash: 'SHA-1',
    allowWeakSecrets,
    allowShort: true,
    option: 'validateKey',
  })
  const keys = validateKeys.map(encodeUtf8)
  return {
    derive: hmacKeys.derive,
    thumbprints: hmacKeys.thumbprints,
    async sign(body, context) {
      const mac = await hmacKeys.sign(body, context)
      return encodeHex(mac) + body
    },
    async verify(value, context) {
      // Beaker compares the digits as text, so upper case never verifies.
      if (!looksLikeBeaker(value)) throw noKeyVerifies()
      const body = value.slice(SIGNATURE_LENGTH)
      const mac = decodeHex(value.slice(0, SIGNATURE_LENGTH))
      const keyIndex = isPlain ? await verifyPlain(keys, body, mac, context) : await hmacKeys.verify(body, mac, context)
      if (keyIndex === -1) throw noKeyVerifies()
      return { body, keyIndex }
    },
  }
}

/**
 * With one valid value anybody can make the SHA-1 of a longer one, but never of ASCII alone: between both stands a
 * byte 0x80, which `looksLikeBeaker` takes nowhere.
 */
async function verifyPlain(
  keys: readonly Uint8Array[],
  body: string,
  mac: Uint8Array,
  context: CodecContext,
): Promise<number> {
  if (context.purpose !== 'session') return -1
  context.verifications?.spend({ secrets: keys.length })
  const signed = encodeUtf8(body)
  let found = -1
  for (const [index, key] of keys.entries()) {
    const digest = await platform.sha1(concatBytes(key, signed))
    if (equalInConstantTime(digest, mac) && found === -1) found = index
  }
  return found
}

function noKeyVerifies(): SessionError {
  return new SessionError('ERR_SESSION_SIGNATURE', 'No key verifies the signature')
}
