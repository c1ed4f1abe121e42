/**
 * A JSON text that must be an object (RFC 8259): strict for a JOSE header, as Python writes it for claims.
 * A name such as `__proto__` becomes a plain own member in both.
 */
import { SessionError } from './errors.js'

/**
 * An object whose names are unique at every level, as RFC 7515 §4 wants a header.
 *
 * @param text - JSON text
 * @throws {SessionError} `ERR_SESSION_MALFORMED` where it is none, no object, or says a name twice
 * @see RFC 7515 §4
 */
export function parseUniqueObject(text: string): Record<string, unknown> {
  const object = parse(text)
  // Of a name that is said twice the last stays, so writing it again counts fewer.
  if (!object || countNames(text) !== countNames(JSON.stringify(object))) {
    throw new SessionError('ERR_SESSION_MALFORMED', 'header is no object with unique names')
  }
  return object
}

/**
 * An object as `json.dumps` of Python writes it: the numbers that JSON lacks may stand bare. `NaN` becomes null, the
 * infinities those of JavaScript. Of a name that is said twice the last counts, as in Python.
 *
 * @param text - JSON text
 * @throws {SessionError} `ERR_SESSION_JSON` where it is none or no object
 * @see FORMATS §4
 */
export function parseObject(text: string): Record<string, unknown> {
  const object = parse(text) ?? parse(text.replace(TOKEN, standardNumber))
  if (!object) throw new SessionError('ERR_SESSION_JSON', 'payload is no JSON object')
  return object
}

/** Undefined where there is none. The engine's error is dropped because its message quotes the text. */
function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value = JSON.parse(text)
    if (value && typeof value === 'object' && !Array.isArray(value)) return value
  } catch {}
  return undefined
}

/** A string, with the colon after it if it is a name, or a run of word characters; an open string too, so that no part is read twice. */
const TOKEN = /"(?:[^"\\]|\\[\s\S])*(?:"\s*:?)?|[\w.]+/g

/** `1Infinity` is one token and stays the error it is. */
function standardNumber(token: string): string {
  return token === 'NaN' ? 'null' : token === 'Infinity' ? '1e999' : token
}

function countNames(text: string): number {
  return text.match(TOKEN)?.filter((token) => token.endsWith(':')).length ?? 0
}
