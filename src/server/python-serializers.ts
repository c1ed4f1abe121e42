/**
 * A session of Beaker or Django as bytes: a pickle of protocol 2, or JSON as Python's json module writes it.
 * FORMATS §2.6, §7 and §8; verified and decrypted before anything here sees it.
 */
import { platform } from '#platform'
import { decodeUtf8, encodeUtf8 } from '../shared/bytes.js'
import { type Python2Encoding, type ReadPickleOptions, readPickle } from '../shared/pickle/reader.js'
import { decodeLatin1 } from '../shared/pickle/text.js'
import type { OriginNode, SessionData } from '../shared/types.js'
import { readClaims } from './json/claims.js'
import { readJson } from './json/reader.js'
import { writeJson } from './json/writer.js'
import { writePickle } from './pickle/writer.js'

/** A session as it was read. */
export interface SerializedReading {
  value: unknown
  isDict: boolean
  /** Where the session ends in the bytes. */
  end: number
  /** Where each value came from; of a pickle its views are those of `value`. */
  root(): OriginNode
  /** The same value once more, untouched. */
  again(): unknown
}

export interface PythonSerializer {
  readonly format: 'pickle' | 'json'
  /** By the first byte, which tells the serializers of an honest session apart. */
  owns(bytes: Uint8Array): boolean
  /** @throws {SessionError} `ERR_SESSION_PICKLE`, `ERR_SESSION_COMPRESSION`, `ERR_SESSION_JSON`, `ERR_SESSION_LIMIT` */
  read(bytes: Uint8Array): SerializedReading
  /**
   * @param root - what the session was when it was read, in whichever format
   * @param types - neutral types of values that are not as they were read; default: those of `root`
   * @throws {SessionError} `ERR_SESSION_UNWRITABLE` with the path of a value that the serializer can't hold, `ERR_SESSION_LIMIT` for
   *   what `read` would refuse
   */
  write(session: SessionData, root: OriginNode | undefined, types?: OriginNode): Promise<Uint8Array>
}

export interface PythonSerializerOptions {
  serializer: 'pickle' | 'json'
  /** JSON with spaces inside a zlib stream of at most so many bytes, as Beaker has it; absent: compact JSON, as Django has it. */
  maxInflated?: number
  /** Most bytes of JSON as Django has it; default 1 MiB. */
  maxLength?: number
  /** Most values; default 100 000. */
  maxValues?: number
  /** How byte strings of Python 2 in a pickle are read. Default `ascii`. */
  encoding?: Python2Encoding
  /** Writes pickles that Python 2 can read, too. Default false. */
  python2?: boolean
}

/** How pickles are read and written. */
interface PickleOptions extends Required<Pick<ReadPickleOptions, 'limits'>> {
  readonly encoding: Python2Encoding
  readonly python2: boolean
}

/** How a pickle of protocol 2 or later begins; JSON and zlib never do. */
const PROTO = 0x80
/** CMF of a window of 32 KiB (RFC 1950 §2.2). */
const DEFLATE = 0x78
/** The default of Python's zlib. */
const LEVEL = 6

/** @throws {TypeError} for an unknown serializer or encoding */
export function createPythonSerializer(options: PythonSerializerOptions): PythonSerializer {
  const { serializer, maxInflated, maxLength, maxValues, encoding = 'ascii', python2 = false } = options
  if (!['ascii', 'utf-8', 'latin1'].includes(encoding)) {
    throw new TypeError('Option "encoding" must be ascii, utf-8 or latin1')
  }
  if (serializer === 'pickle')
    return pickleSerializer({ encoding, python2, limits: maxValues === undefined ? {} : { items: maxValues } })
  if (serializer !== 'json') throw new TypeError('Option "serializer" must be pickle or json')
  return maxInflated === undefined ? jsonSerializer(maxLength, maxValues) : zlibJsonSerializer(maxInflated, maxValues)
}

function pickleSerializer({ python2, ...reading }: PickleOptions): PythonSerializer {
  return {
    format: 'pickle',
    owns: (bytes) => bytes[0] === PROTO,
    read(bytes) {
      const { value, root, origin, end } = readPickle(bytes, reading)
      const again = (): unknown => readPickle(bytes, reading).value
      return { value, isDict: root.kind === 'dict', end, root: () => origin, again }
    },
    write: async (session, root, types = root) =>
      writePickle(session, { python2, ...reading, ...(root && { origin: root }), ...(types && { types }) }),
  }
}

/** Django reads Latin-1, and writes only the ASCII of it. */
function jsonSerializer(maxLength: number | undefined, maxValues: number | undefined): PythonSerializer {
  return {
    format: 'json',
    owns: (bytes) => bytes[0] !== PROTO,
    read: (bytes) => jsonReading(decodeLatin1(bytes), bytes.length, maxValues),
    write: async (session, root, types = root) =>
      encodeUtf8(
        writeJson(session, {
          ascii: true,
          ...(types && { origin: types }),
          ...(maxLength !== undefined && { maxLength }),
          ...(maxValues !== undefined && { maxValues }),
        }),
      ),
  }
}

function zlibJsonSerializer(maxInflated: number, maxValues: number | undefined): PythonSerializer {
  return {
    format: 'json',
    owns: (bytes) => bytes[0] === DEFLATE,
    read: (bytes) =>
      jsonReading(decodeUtf8(platform.inflate(bytes, maxInflated), 'ERR_SESSION_JSON'), bytes.length, maxValues),
    async write(session, root, types = root) {
      const style = { ascii: true, spaces: true, maxLength: maxInflated, ...(maxValues !== undefined && { maxValues }) }
      const text = writeJson(session, { ...style, ...(types && { origin: types }) })
      return await platform.deflate(encodeUtf8(text), LEVEL)
    },
  }
}

function jsonReading(text: string, end: number, maxValues: number | undefined): SerializedReading {
  const root = (): OriginNode => readJson(text, maxValues)
  return { value: readClaims(text, maxValues), isDict: true, end, root, again: () => root().value }
}
