/**
 * The text of a row, for stores of our own: JSON where it holds all that is in the session, else BSON in base64.
 * RFC 8259; BSON specification 1.1 and FORMATS §5; RFC 4648 §4.
 */
import { decodeBase64, encodeBase64 } from '../../shared/base64.js'
import { bsonOrigin } from '../../shared/bson/origin.js'
import { readBson } from '../../shared/bson/reader.js'
import { writeBson } from '../../shared/bson/writer.js'
import { asVerified, SessionError } from '../../shared/errors.js'
import { bsonPackageTypes } from '../bson-types.js'
import { readClaims } from '../json/claims.js'
import { readJson } from '../json/reader.js'
import { writeJson } from '../json/writer.js'
import type { StoredSession } from './store.js'

/** Most characters of a row: a user who fills a session can't fill the memory with it. */
export const MAX_ROW_LENGTH = 1_048_576
const TYPES = bsonPackageTypes

/**
 * Writes a row. JSON if it can hold the session, because people can read it; a date, bytes, NaN or an instance of a BSON class makes it BSON.
 *
 * @throws {SessionError} `ERR_SESSION_UNWRITABLE` with the path of a value that neither can hold, `ERR_SESSION_LIMIT` past
 *   `MAX_ROW_LENGTH` characters
 */
export function writeRow({ data, origin }: StoredSession): string {
  const root = origin?.root()
  const text = asJson() ?? encodeBase64(writeBson(data, { origin: root }))
  if (text.length <= MAX_ROW_LENGTH) return text
  throw tooLong()

  function asJson(): string | undefined {
    try {
      const json = writeJson(data, { ...(root && { origin: root }), maxLength: MAX_ROW_LENGTH })
      return isStandard(json) ? json : undefined
    } catch (error) {
      if (error instanceof SessionError && error.code === 'ERR_SESSION_UNWRITABLE') return undefined
      throw error
    }
  }
}

/**
 * Reads a row that `writeRow` wrote, or a JSON object that another program wrote. For use inside of `withBsonTypes`.
 *
 * @throws {SessionError} `ERR_SESSION_JSON`, `ERR_SESSION_BSON`, `ERR_SESSION_MALFORMED`, `ERR_SESSION_LIMIT`; `verified`, because
 *   writing there takes the store's password
 */
export function readRow(text: string): Pick<StoredSession, 'data' | 'origin'> {
  try {
    if (text.length > MAX_ROW_LENGTH) throw tooLong()
    if (text.startsWith('{')) {
      return { data: readClaims(text), origin: { format: 'json', root: () => readJson(text) } }
    }
    const bytes = decodeBase64(text, true)
    return { data: readBson(bytes, TYPES), origin: { format: 'bson', root: () => bsonOrigin(bytes, TYPES) } }
  } catch (error) {
    throw asVerified(error)
  }
}

/** Python has names for some numbers that other readers of JSON refuse. */
function isStandard(json: string): boolean {
  if (!/NaN|Infinity/.test(json)) return true
  try {
    return typeof JSON.parse(json) === 'object'
  } catch {
    return false
  }
}

function tooLong(): SessionError {
  return new SessionError('ERR_SESSION_LIMIT', `The row is longer than ${MAX_ROW_LENGTH} characters`)
}
