/**
 * Cookie-only sessions of Beaker: a signed pickle or JSON, perhaps encrypted.
 * FORMATS §2.
 */
import { platform } from '#platform'
import { decodeBase64, encodeBase64 } from '../../shared/base64.js'
import { concatBytes, encodeHex, encodeUtf8 } from '../../shared/bytes.js'
import { takeBeakerMeta } from '../../shared/decode.js'
import { looksLikeBeaker, textKeys } from '../../shared/decode-beaker.js'
import { asVerified, SessionError } from '../../shared/errors.js'
import type { Python2Encoding } from '../../shared/pickle/reader.js'
import type { Origin, OriginNode, SessionData } from '../../shared/types.js'
import { createKeyring, decodeHex, equalInConstantTime } from '../keys/hmac.js'
import { type BeakerSerializer, createBeakerSerializer, type SerializedReading } from '../python-serializers.js'
import { equalValues } from '../values.js'
import { type BeakerCipher, type BeakerCryptoType, createBeakerCipher } from './beaker-cipher.js'
import { BEAKER_KEYS, withBeakerMeta, withFloatTimes } from './beaker-jwt.js'
import { type CodecContext, refuseMeta, type SessionCodec, type SessionRecord } from './codec.js'

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
    verify: (value, context) => verify(value, context, settings),
    ...(isReadOnly ? {} : { sign: (record, context) => sign(record, context, settings) }),
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
async function verify(value: string, context: CodecContext, settings: Settings): Promise<SessionRecord> {
  const { signer, cipher, serializer, validateKeys, removeKeys, strictBase64 } = settings
  const { body, keyIndex } = await signer.verify(value, context)
  try {
    const opened = cipher
      ? await cipher.decrypt(body, validateKeys[keyIndex] as string, (bytes) => fits(bytes, serializer))
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
async function sign(record: SessionRecord, context: CodecContext, settings: Settings): Promise<string> {
  const { signer, cipher, serializer, validateKeys, removeKeys, fresh } = settings
  const root = record.origin?.root()
  const isSame = record.origin?.format === BEAKER && root?.format === serializer.format
  refuseMeta(record.data, BEAKER_KEYS, isSame ? undefined : root)
  const session = beakerSession(record, { format: serializer.format, fresh, removeKeys })
  const bytes = serializer.write(session, root, withFloatTimes(root))
  // The encryption has its key from both.
  const validateKey = validateKeys[context.keyIndex ?? 0] as string
  const body = cipher?.encrypt ? await cipher.encrypt(bytes, validateKey) : encodeBase64(bytes)
  return await signer.sign(body, context)
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

// Whether opened octets are a session: the signature of a Beaker cookie says who made it, and nothing of what with.
// FORMATS §2.1; a wrong cipher, key, nonce length or serializer gives octets that are as good as random.

/** A body without its base64 and its encryption. */
export interface OpenedBody {
  bytes: Uint8Array
  /** A tag under the encryption key vouches for the octets. */
  isProven: boolean
}

/**
 * Reads what was opened. Where no tag vouches for it, it is a session only where chance makes none: JSON whose checksum is
 * right, a dict that ends with the octets, or one with a key that every Beaker writes.
 *
 * @throws {SessionError} `ERR_SESSION_KEY` where the octets may be another codec's; another code only where they are not
 */
export function readOpened({ bytes, isProven }: OpenedBody, serializer: BeakerSerializer): SerializedReading {
  let cause: unknown
  try {
    const reading = serializer.read(bytes)
    if (isProven || reading.isCertain || serializer.wrote(bytes)) return reading
  } catch (error) {
    if (isProven ? serializer.owns(bytes) : serializer.wrote(bytes, error)) throw error
    cause = error
  }
  const message = `The session is no ${serializer.format}, or the encryption key, the cipher or the nonce is another one`
  throw new SessionError('ERR_SESSION_KEY', message, { cause })
}

/**
 * The octets of a body, or of what stands behind its nonce.
 *
 * @throws {SessionError} `ERR_SESSION_KEY` where it goes on behind its padding, as it does where a nonce is in it;
 *   `ERR_SESSION_MALFORMED`
 */
export function decodeBody(text: string, strict: boolean): Uint8Array {
  try {
    return decodeBase64(text, strict)
  } catch (error) {
    if (!PADDED_INSIDE.test(text)) throw error
    throw new SessionError('ERR_SESSION_KEY', 'The body is encrypted, or its nonce is of another length', {
      cause: error,
    })
  }
}

/** Padding of base64 (RFC 4648 §4) that is not at the end. */
const PADDED_INSIDE = /=[^=]/

// A Beaker session and what it keeps among its own keys: id, times, and three about the browser's cookie.
// FORMATS §2.2.

/** The origin of what was read here. */
export const BEAKER = 'beaker'

/** Where the session came from, and how to see again what it was. */
interface BeakerOrigin extends Origin {
  readonly format: typeof BEAKER
  /** The data as it was read, whatever became of it since. */
  again(): SessionData
}

/** What a fresh session says of its cookie, as Beaker does since 1.11; nothing where absent. */
export interface CookieKeys {
  _domain?: string | null
  _path?: string
}

/**
 * The record of a session that was read.
 *
 * @param removeKeys - keys that are gone at once
 * @throws {SessionError} `ERR_SESSION_PICKLE`, `ERR_SESSION_CLAIMS`
 */
export function beakerRecord(
  { value, root, again }: SerializedReading,
  removeKeys: ReadonlySet<string>,
): SessionRecord {
  const { data, meta } = takeBeakerMeta(shownKeys(value, removeKeys))
  const origin: BeakerOrigin = {
    format: BEAKER,
    root: () => remainingRoot(root(), removeKeys),
    again: () => takeBeakerMeta(shownKeys(again(), removeKeys)).data,
  }
  const record: SessionRecord = { data, origin }
  if (meta.id !== undefined) record.id = meta.id
  if (meta.createdAt) record.createdAt = meta.createdAt
  if (meta.accessedAt) record.accessedAt = meta.accessedAt
  return record
}

/** Whether the data differs from what was read. */
export function hasChanged({ data, origin }: SessionRecord): boolean {
  return !isBeakerOrigin(origin) || !equalValues(origin.again(), data)
}

/**
 * The session as Beaker's dict has it: `_domain`, `_path`, `_id`, the data, the times. What it said of its cookie stays, for
 * Python prefers that to its configuration. Keys that are no text make it a `Map`.
 *
 * @param format - that it is written in: `_expires` may be a date, which JSON lacks
 * @param fresh - what a session that no Beaker wrote says of its cookie
 */
export function beakerSession(
  record: SessionRecord,
  { format, fresh, removeKeys }: { format: string; fresh: CookieKeys; removeKeys: ReadonlySet<string> },
): SessionData {
  const root = record.origin?.root()
  const isOwn = isBeakerOrigin(record.origin)
  const cookieKeys = isOwn ? keptCookieKeys(root as OriginNode, format, removeKeys) : fresh
  const session = { ...cookieKeys, ...withBeakerMeta(record, root) }
  if (!isOwn || root?.format !== format || !(root.value instanceof Map)) return session
  const others = [...root.value].filter(([key]) => typeof key !== 'string')
  const own = Object.entries(session).filter(([, value]) => value !== undefined)
  return new Map<unknown, unknown>([...others, ...own]) as unknown as SessionData
}

function keptCookieKeys(root: OriginNode, format: string, removeKeys: ReadonlySet<string>): SessionData {
  const names = root.format === format ? ['_domain', '_path', '_expires'] : ['_domain', '_path']
  const found = names.filter((name) => !removeKeys.has(name)).map((name) => [name, root.child?.(name)] as const)
  return Object.fromEntries(found.flatMap(([name, node]) => (node ? [[name, node.value]] : [])))
}

/** Keys that are no text stand in no data, so that they are removed here: without them other formats can hold the session. */
function remainingRoot(root: OriginNode, removeKeys: ReadonlySet<string>): OriginNode {
  if (removeKeys.size === 0 || !(root.value instanceof Map)) return root
  const entries = [...root.value].filter(([key]) => typeof key === 'string' || !removeKeys.has(String(key)))
  const isText = entries.every(([key]) => typeof key === 'string')
  return { ...root, value: isText ? Object.fromEntries(entries) : new Map(entries) }
}

/** A dict may have any keys; a session shows those that are text, and the others are written back. */
function shownKeys(value: unknown, removeKeys: ReadonlySet<string>): SessionData {
  const session = textKeys(value)
  if (removeKeys.size === 0) return session
  return Object.fromEntries(Object.entries(session).filter(([key]) => !removeKeys.has(key)))
}

function isBeakerOrigin(origin: Origin | undefined): origin is BeakerOrigin {
  return origin?.format === BEAKER
}

// The 40 hex digits that Beaker's cookies begin with: HMAC-SHA1 of the rest, or in 0.9.0 and 0.9.1 a plain SHA-1.
// FORMATS §2.1 and §2.4.

export interface SignedBody {
  /** What was signed: text, as it stands in the cookie. */
  body: string
  keyIndex: number
}

export interface BeakerSigner {
  /** The signature and the body behind it. */
  sign(body: string, context: CodecContext): Promise<string>
  /** @throws {SessionError} `ERR_SESSION_SIGNATURE` */
  verify(value: string, context: CodecContext): Promise<SignedBody>
}

/** Characters of the signature. */
const LENGTH = 40

/**
 * Prepares the keys: the first signs, every one verifies.
 *
 * @param plain - the SHA-1 of key and body instead of an HMAC, which reads 0.9.0 and 0.9.1 and signs nothing
 * @throws {TypeError} for an empty key
 */
export function createBeakerSigner(validateKeys: readonly string[], plain: boolean): BeakerSigner {
  const keyring = createKeyring({
    secrets: validateKeys,
    hash: 'SHA-1',
    allowWeakSecrets: true,
    option: 'validateKey',
  })
  const keys = validateKeys.map(encodeUtf8)
  return {
    async sign(body, context) {
      const mac = await keyring.sign(body, context)
      return encodeHex(mac) + body
    },
    async verify(value, context) {
      // Compared as text there, so upper case never verifies.
      if (!looksLikeBeaker(value)) throw refused()
      const body = value.slice(LENGTH)
      const mac = decodeHex(value.slice(0, LENGTH))
      const keyIndex = plain ? await verifyPlain(keys, body, mac, context) : await keyring.verify(body, mac, context)
      if (keyIndex === -1) throw refused()
      return { body, keyIndex }
    },
  }
}

/**
 * Whoever has one good value can make the SHA-1 of a longer one, but never from ASCII alone: between both stands an
 * octet 0x80, which `looksLikeBeaker` takes nowhere.
 */
async function verifyPlain(
  keys: readonly Uint8Array[],
  body: string,
  mac: Uint8Array,
  context: CodecContext,
): Promise<number> {
  if (context.purpose !== 'session') return -1
  const signed = encodeUtf8(body)
  let found = -1
  for (const [index, key] of keys.entries()) {
    const digest = await platform.sha1(concatBytes(key, signed))
    if (equalInConstantTime(digest, mac) && found === -1) found = index
  }
  return found
}

function refused(): SessionError {
  return new SessionError('ERR_SESSION_SIGNATURE', 'No key verifies the signature')
}
