/**
 * The content of a Beaker cookie: a pickle of protocol 2, or zlib of JSON as `json.dumps` writes it.
 * FORMATS §2.6; verified and decrypted before anything here sees it.
 */
import { platform } from '#platform'
import { decodeUtf8, encodeUtf8 } from '../shared/bytes.js'
import { isSessionError, SessionError } from '../shared/errors.js'
import { type Python2Encoding, readPickle } from '../shared/pickle/reader.js'
import { decodeLatin1 } from '../shared/pickle/text.js'
import type { OriginNode, SessionData } from '../shared/types.js'
import { withFloatTimes } from './codecs/beaker-jwt.js'
import { readClaims } from './json/claims.js'
import { readJson } from './json/reader.js'
import { writeJson } from './json/writer.js'
import { writePickle } from './pickle/writer.js'

/** A session as it was read. */
export interface SerializedReading {
  value: unknown
  /** Random bytes are practically never read like this. */
  isCertain: boolean
  /** Where each value came from; of a pickle its views are those of `value`. */
  root(): OriginNode
  /** The same value once more, untouched. */
  again(): unknown
}

export interface BeakerSerializer {
  readonly format: 'pickle' | 'json'
  /** By the first byte, which tells the serializers of an honest payload apart. */
  owns(bytes: Uint8Array): boolean
  /** Whether bytes are of this serializer and not random, although they could not be read or something is left over. */
  wrote(bytes: Uint8Array, error?: unknown): boolean
  /** @throws {SessionError} `ERR_SESSION_PICKLE`, `ERR_SESSION_COMPRESSION`, `ERR_SESSION_JSON`, `ERR_SESSION_LIMIT` */
  read(bytes: Uint8Array): SerializedReading
  /** @param types - neutral types, for values that have changed since they were read */
  write(session: SessionData, root: OriginNode | undefined, types: OriginNode): Uint8Array
}

export interface BeakerSerializerOptions {
  serializer: 'pickle' | 'json'
  encoding: Python2Encoding
  python2: boolean
  /** Bytes. */
  maxInflated: number
}

/** Python's zlib asks for this level by default. */
const LEVEL = 6
const PROTO = 0x80
/** CMF of a window of 32 KiB (RFC 1950 §2.2). */
const DEFLATE = 0x78
/** What every version of Beaker writes into every session; random bytes practically never contain these fourteen. */
const BEAKER_TIMES = /_(?:creation|accessed)_time/
/** After a pickle: what AES-ECB and Beaker 0.9 fill their last block with (FORMATS §2.3, §2.4). */
const PADDING = /^[ \0]{0,16}$/

/** @throws {TypeError} for an unknown serializer or encoding */
export function createBeakerSerializer(options: BeakerSerializerOptions): BeakerSerializer {
  const { serializer, encoding, python2, maxInflated } = options
  if (!['ascii', 'utf-8', 'latin1'].includes(encoding)) {
    throw new TypeError('Option "encoding" must be ascii, utf-8 or latin1')
  }
  if (serializer !== 'pickle' && serializer !== 'json')
    throw new TypeError('Option "serializer" must be pickle or json')
  if (serializer === 'json') {
    return {
      format: 'json',
      owns: (bytes) => bytes[0] === DEFLATE,
      // Random bytes do not inflate for long, and never to a right checksum.
      wrote: (_, error) => !isSessionError(error) || error.code !== 'ERR_SESSION_COMPRESSION',
      read: (bytes) => readZlibJson(bytes, maxInflated),
      write: (session, _, types) =>
        platform.deflate(encodeUtf8(writeJson(session, { origin: types, ascii: true, spaces: true })), LEVEL),
    }
  }
  return {
    format: 'pickle',
    owns: (bytes) => bytes[0] === PROTO,
    wrote: (bytes) => bytes[0] === PROTO && BEAKER_TIMES.test(decodeLatin1(bytes)),
    read(bytes) {
      const { value, root, origin, end } = readPickle(bytes, { encoding })
      const isSession =
        root.kind === 'dict' && (PADDING.test(decodeLatin1(bytes, end)) || origin.child('_id') !== undefined)
      return {
        value,
        isCertain: bytes[0] === PROTO && isSession,
        root: () => origin,
        again: () => readPickle(bytes, { encoding }).value,
      }
    },
    write: (session, root, types) =>
      root?.format === 'pickle'
        ? writePickle(session, { origin: root, types: withFloatTimes(undefined), python2 })
        : writePickle(session, { types, python2 }),
  }
}

function readZlibJson(bytes: Uint8Array, maxInflated: number): SerializedReading {
  const text = decodeUtf8(platform.inflate(bytes, maxInflated), 'ERR_SESSION_JSON')
  const root = (): OriginNode => readJson(text)
  return { value: readClaims(text), isCertain: true, root, again: () => root().value }
}

// A Django session as bytes: compact JSON in ASCII, or a pickle.
// FORMATS §8, §7 for pickles and §9 for numbers; verified before anything here sees it.

/** A session as it was read. */
export interface DjangoReading {
  value: unknown
  /** Where each value came from; of a pickle its views are those of `value`. */
  root(): OriginNode
  /** The same value once more, untouched. */
  again(): unknown
}

export interface DjangoSerializer {
  readonly format: 'json' | 'pickle'
  /** @throws {SessionError} `ERR_SESSION_KEY` for bytes of the other serializer, and the errors of its reader */
  read(bytes: Uint8Array): DjangoReading
  /** @param root - the origin of the session, of any codec */
  write(session: SessionData, root: OriginNode | undefined): Uint8Array
}

/** How a pickle of protocol 2 or later begins; JSON of an object never does. */
const SERIALIZER_PROTO = 0x80

/** @throws {TypeError} for an unknown serializer */
export function createDjangoSerializer(serializer: 'json' | 'pickle'): DjangoSerializer {
  if (serializer === 'json') {
    return {
      format: 'json',
      read(bytes) {
        if (bytes[0] === SERIALIZER_PROTO) throw wrongSerializer('a pickle')
        // Django reads Latin-1, but writes only ASCII.
        const text = decodeLatin1(bytes)
        const root = (): OriginNode => readJson(text)
        return { value: readClaims(text), root, again: () => root().value }
      },
      write: (session, root) => encodeUtf8(writeJson(session, { ascii: true, ...(root ? { origin: root } : {}) })),
    }
  }
  if (serializer !== 'pickle') throw new TypeError('Option "serializer" must be json or pickle')
  return {
    format: 'pickle',
    read(bytes) {
      if (bytes[0] !== SERIALIZER_PROTO) throw wrongSerializer('not a pickle')
      const { value, origin } = readPickle(bytes)
      return { value, root: () => origin, again: () => readPickle(bytes).value }
    },
    write: (session, root) => writePickle(session, root ? { origin: root } : {}),
  }
}

/** A key error, so that a codec with the other serializer is tried next. */
function wrongSerializer(what: string): SessionError {
  return new SessionError('ERR_SESSION_KEY', `The session is ${what}: another serializer wrote it`)
}
