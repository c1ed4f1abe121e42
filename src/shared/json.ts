/**
 * A JSON text that must be an object (RFC 8259): as Python writes it for claims, strict for a JOSE header.
 * A name such as `__proto__` becomes a plain own member in both.
 */
import { SessionError } from './errors.js'

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
  if (!object) throw new SessionError('ERR_SESSION_JSON')
  return object
}

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
    throw new SessionError('ERR_SESSION_MALFORMED', 'The header is no JSON object with unique names')
  }
  return object
}

/** Undefined where there is none. The engine's error is dropped: its message quotes the text. */
function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value = JSON.parse(text)
    // JSON that begins like this is an object.
    if (/^\s*{/.test(text)) return value
  } catch {}
  return undefined
}

/** A string, closed or not so that no part is read twice, or a run of word characters, of which `1Infinity` is one. */
const TOKEN = /"(?:[^"\\]|\\.)*"?|[\w.]+/gs

function standardNumber(token: string): string {
  return token === 'NaN' ? 'null' : token === 'Infinity' ? '1e999' : token
}

/** A string, and the colon after it if it is a name. */
const STRING = /"(?:[^"\\]|\\.)*"\s*(:?)/g

function countNames(json: string): number {
  return [...json.matchAll(STRING)].filter(([, colon]) => colon).length
}
