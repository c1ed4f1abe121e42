/**
 * The claims of a token whose signature was verified: by JSON.parse if that is exact, else by our own reader.
 * RFC 7519 §4; numbers as FORMATS §9.
 */
import { SessionError } from '../../shared/errors.js'
import type { OriginNode, SessionData } from '../../shared/types.js'
import { readOften } from '../values.js'
import { MAX_JSON_DEPTH, readJson } from './reader.js'

/** What JSON.parse gets wrong or refuses: integers beyond 2^53 (16 digits), and the names Python writes. */
const INEXACT = /[0-9]{16}|NaN|Infinity/

/**
 * @param text - JSON
 * @returns the claims; integers beyond 2^53 are bigints
 * @throws {SessionError} `ERR_SESSION_JSON` unless it is an object, `ERR_SESSION_LIMIT` past 64 levels
 */
export function readClaims(text: string): Record<string, unknown> {
  const claims = INEXACT.test(text) || mayBeDeep(text) ? readJson(text).value : parse(text)
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

/** A text with fewer brackets than the limit can't be nested deeper. */
function mayBeDeep(text: string): boolean {
  let brackets = 0
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if ((unit === 0x7b || unit === 0x5b) && ++brackets > MAX_JSON_DEPTH) return true
  }
  return false
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
