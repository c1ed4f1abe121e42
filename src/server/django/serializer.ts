/**
 * What a Django session is as octets: compact JSON in ASCII, or a pickle.
 * FORMATS §8, §7 for pickles and §9 for numbers; verified before anything here sees it.
 */
import { encodeUtf8 } from '../../shared/bytes.js'
import { SessionError } from '../../shared/errors.js'
import { readPickle } from '../../shared/pickle/reader.js'
import { decodeLatin1 } from '../../shared/pickle/text.js'
import type { OriginNode, SessionData } from '../../shared/types.js'
import { readClaims } from '../json/claims.js'
import { readJson } from '../json/reader.js'
import { writeJson } from '../json/writer.js'
import { writePickle } from '../pickle/writer.js'

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
  /** @throws {SessionError} `ERR_SESSION_KEY` for octets of the other serializer, and those of its reader */
  read(bytes: Uint8Array): DjangoReading
  /** @param root - where the session came from, whatever wrote it */
  write(session: SessionData, root: OriginNode | undefined): Uint8Array
}

/** How a pickle of protocol 2 or later begins; JSON of an object never does. */
const PROTO = 0x80

/** @throws {TypeError} for an unknown serializer */
export function createDjangoSerializer(serializer: 'json' | 'pickle'): DjangoSerializer {
  if (serializer === 'json') {
    return {
      format: 'json',
      read(bytes) {
        if (bytes[0] === PROTO) throw wrongSerializer('a pickle')
        // Django reads Latin-1, of which it writes ASCII alone.
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
      if (bytes[0] !== PROTO) throw wrongSerializer('no pickle')
      const { value, origin } = readPickle(bytes)
      return { value, root: () => origin, again: () => readPickle(bytes).value }
    },
    write: (session, root) => writePickle(session, root ? { origin: root } : {}),
  }
}

/** A key error, so that a codec of the other serializer is asked next. */
function wrongSerializer(what: string): SessionError {
  return new SessionError('ERR_SESSION_KEY', `The session is ${what}: another serializer wrote it`)
}
