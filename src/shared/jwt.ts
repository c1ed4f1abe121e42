/**
 * A JWS in compact serialization with a claims set inside (RFC 7515 §3.1, RFC 7519), taken apart in two steps, so that
 * whoever has a key verifies between them.
 */
import { decodeBase64Url, decodeUtf8 } from './bytes.js'
import { SessionError } from './errors.js'
import { deepFreeze } from './types.js'

/** The parts of a token. None of them is verified. */
export interface JwtParts {
  /** The JOSE header, frozen. */
  header: Readonly<Record<string, unknown>>
  /** The payload, still base64url. */
  payload: string
  /** What the signature covers: header and payload as they stand. */
  signingInput: string
  /** The signature, still base64url and perhaps empty. */
  signature: string
}

/** The header of the token before; they repeat. Frozen, because many tokens share it. */
let knownText: string | undefined
let knownHeader: Readonly<Record<string, unknown>>

/** Characters; headers have some 40, with a key id 100. Nothing so short is nested too deep for a stack. */
export const MAX_HEADER_LENGTH = 2048

/**
 * Splits a token and parses its header. Neither the signature nor `alg` is looked at, and the payload stays closed.
 *
 * @param value - a cookie value
 * @throws {SessionError} `ERR_SESSION_UNSUPPORTED` where it is not three parts, `ERR_SESSION_MALFORMED` where the header is no
 *   JSON object with unique names
 * @see RFC 7515 §3.1 and §4
 */
export function splitJwt(value: string): JwtParts {
  if (!looksLikeJwt(value)) throw new SessionError('ERR_SESSION_UNSUPPORTED', 'The value is no token')
  const [header, payload, signature] = splitParts(value) as [string, string, string]
  if (header.length > MAX_HEADER_LENGTH)
    throw new SessionError('ERR_SESSION_LIMIT', 'The header of the token is too long')
  if (header !== knownText) {
    knownHeader = deepFreeze(parseUniqueObject(decodeUtf8(decodeBase64Url(header))))
    knownText = header
  }
  return { header: knownHeader, payload, signature, signingInput: `${header}.${payload}` }
}

/**
 * The claims of a payload. Verify the signature before this where there is a key.
 *
 * @param payload - the decoded payload
 * @throws {SessionError} `ERR_SESSION_JSON` where it is no JSON object, `ERR_SESSION_MALFORMED` where it is no UTF-8
 * @see RFC 7519 §4
 */
export function parseClaims(payload: Uint8Array): Record<string, unknown> {
  return parseObject(decodeUtf8(payload))
}

/**
 * Tells by shape alone whether a value may be a token: three base64url parts.
 *
 * @see RFC 7515 §3.1
 */
export function looksLikeJwt(value: string): boolean {
  return COMPACT.test(value)
}

/** `BASE64URL(header) '.' BASE64URL(payload) '.' BASE64URL(signature)`; payload and signature may be empty. */
const COMPACT = /^([\w-]+)\.([\w-]*)\.([\w-]*)$/

/**
 * Splits a token and opens nothing.
 *
 * @returns the text of header, payload and signature
 * @throws {SessionError} `ERR_SESSION_UNSUPPORTED` where there are not three; whether they are base64url shows when they are decoded
 */
export function splitParts(value: string): string[] {
  const parts = value.split('.')
  if (parts.length !== 3) throw new SessionError('ERR_SESSION_UNSUPPORTED')
  return parts
}

// A JSON text that must be an object (RFC 8259): as Python writes it for claims, strict for a JOSE header.
// A name such as `__proto__` becomes a plain own member in both.

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
