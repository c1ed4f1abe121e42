/**
 * A JWT (RFC 7519) in compact serialization (RFC 7515 §3.1), split and parsed in two steps: a server verifies between them.
 * Both parsers of JSON objects keep a name such as `__proto__` as a plain own member.
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

/** Reads the base64url text of a JOSE header. @throws {SessionError} `ERR_SESSION_MALFORMED`, `ERR_SESSION_LIMIT` */
export type HeaderReader = (text: string) => JwtParts['header']

/**
 * Splits a token and parses its header. Does not check the signature or `alg`, and does not decode the payload.
 *
 * @param value - a cookie value
 * @param readHeader - for a caller who reads many tokens: what `createHeaderReader` returned
 * @throws {SessionError} `ERR_SESSION_UNSUPPORTED` if it is not three parts, `ERR_SESSION_MALFORMED` if the header is no
 *   JSON object with unique names, `ERR_SESSION_LIMIT` if the header is too long
 * @see RFC 7515 §3.1 and §4
 */
export function splitJwt(value: string, readHeader: HeaderReader = parseHeader): JwtParts {
  if (!looksLikeJwt(value)) throw new SessionError('ERR_SESSION_UNSUPPORTED', 'The value is no token')
  const [header, payload, signature] = splitParts(value) as [string, string, string]
  return { header: readHeader(header), payload, signature, signingInput: `${header}.${payload}` }
}

/** A reader that remembers the last header. Most tokens have the same one, and parsing it takes longer than the rest. */
export function createHeaderReader(): HeaderReader {
  let lastText: string | undefined
  let lastHeader: JwtParts['header']
  return (text) => {
    if (text !== lastText) {
      lastHeader = parseHeader(text)
      lastText = text
    }
    return lastHeader
  }
}

/** In characters. Headers have some 40, with a key id 100; nothing this short is nested too deeply to parse. */
export const MAX_HEADER_LENGTH = 2048

function parseHeader(text: string): JwtParts['header'] {
  return deepFreeze(openHeader(text))
}

/** A header that only its reader holds, so it is not frozen. @throws {SessionError} as `splitJwt` */
export function openHeader(text: string): Record<string, unknown> {
  if (text.length > MAX_HEADER_LENGTH) {
    throw new SessionError('ERR_SESSION_LIMIT', 'The header of the token is too long')
  }
  return parseUniqueObject(decodeUtf8(decodeBase64Url(text)))
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
const COMPACT = /^[\w-]+\.[\w-]*\.[\w-]*$/

/**
 * Splits a token and opens nothing.
 *
 * @returns the text of header, payload and signature
 * @throws {SessionError} `ERR_SESSION_UNSUPPORTED` if there are not three; whether they are base64url shows when they are decoded
 */
export function splitParts(value: string): string[] {
  const parts = value.split('.')
  if (parts.length !== 3) throw new SessionError('ERR_SESSION_UNSUPPORTED')
  return parts
}

/**
 * An object as `json.dumps` of Python writes it: the numbers that JSON lacks may stand bare. `NaN` becomes null, the
 * infinities those of JavaScript. If a name appears twice, the last one counts, as in Python.
 *
 * @param text - JSON text
 * @throws {SessionError} `ERR_SESSION_JSON` if it is none or no object
 * @see FORMATS §4
 */
export function parseObject(text: string): Record<string, unknown> {
  const object =
    parse(text) || parse(text.replace(TOKEN, (token) => ({ NaN: 'null', Infinity: '1e999' })[token] ?? token))
  if (!object) throw new SessionError('ERR_SESSION_JSON')
  return object
}

/**
 * An object whose names are unique at every level, as RFC 7515 §4 wants a header.
 *
 * @param text - JSON text
 * @throws {SessionError} `ERR_SESSION_MALFORMED` if it is none, no object, or has a name twice
 * @see RFC 7515 §4
 */
export function parseUniqueObject(text: string): Record<string, unknown> {
  const object = parse(text)
  const again = JSON.stringify(object)
  // Of two equal names only the last stays, so what is written again has fewer. Most headers are as JSON.stringify writes.
  if (!object || (again !== text && countNames(text) !== countNames(again))) {
    throw new SessionError('ERR_SESSION_MALFORMED', 'The header is no JSON object with unique names')
  }
  return object
}

/** False or undefined if there is none. The engine's error is dropped: its message quotes the text. */
function parse(text: string): Record<string, unknown> | false | undefined {
  try {
    // JSON that begins like this is an object.
    return /^\s*{/.test(text) && JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A string, closed or not so that no part is read twice, or a run of word characters, of which `1Infinity` is one. */
const TOKEN = /"(?:[^"\\]|\\.)*"?|[\w.]+/gs

/** A string, and the colon after it if it is a name. */
const STRING = /"(?:[^"\\]|\\.)*"\s*(:?)/g

function countNames(json: string): number {
  return [...json.matchAll(STRING)].filter(([, colon]) => colon).length
}
