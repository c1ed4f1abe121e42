/**
 * The claims of a token whose signature was verified: by JSON.parse if that is exact, else by our own reader.
 * RFC 7519 §4; numbers as FORMATS §9.
 */
import { SessionError } from '../../shared/errors.js'
import type { OriginNode, SessionData } from '../../shared/types.js'
import { readOften } from '../values.js'
import { MAX_JSON_DEPTH, MAX_JSON_VALUES, readJson } from './reader.js'

/** What JSON.parse gets wrong or refuses: integers beyond 2^53 (16 digits), and the names Python writes. */
const INEXACT = /[0-9]{16}|NaN|Infinity/

/**
 * @param text - JSON
 * @returns the claims; integers beyond 2^53 are bigints
 * @throws {SessionError} `ERR_SESSION_JSON` unless it is an object, `ERR_SESSION_LIMIT` past 64 levels or `maxValues`
 */
export function readClaims(text: string, maxValues: number = MAX_JSON_VALUES): Record<string, unknown> {
  const claims = INEXACT.test(text) || mayPass(text, maxValues) ? readJson(text, maxValues).value : parse(text)
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) {
    throw new SessionError('ERR_SESSION_JSON', 'The payload is not a JSON object')
  }
  return claims as Record<string, unknown>
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new SessionError('ERR_SESSION_JSON', 'The payload is not JSON text')
  }
}

/**
 * Whether a text may pass the limits of our reader, which says so. Each level begins with a bracket; values are at most the first of
 * each object or array, and one behind each comma.
 */
function mayPass(text: string, maxValues: number): boolean {
  let brackets = 0
  let commas = 0
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit === 0x2c) commas++
    if ((unit === 0x7b || unit === 0x5b) && ++brackets > MAX_JSON_DEPTH) return true
  }
  return brackets + commas >= maxValues
}

export interface JsonClaims {
  /** @returns the claims, in new objects with each call. @throws {SessionError} as `readClaims` */
  read(): SessionData
  /** The claims with the text of their numbers. It never changes, so all sessions of one token share it. */
  root(): OriginNode
}

/** The claims in a JSON text, for as many sessions as ask. Nothing is read before it is needed. */
export function createJsonClaims(text: string): JsonClaims {
  let root: OriginNode | undefined
  return {
    read: readOften(() => readClaims(text)),
    root() {
      root ??= readJson(text)
      return root
    },
  }
}
