/**
 * The claims of a token that was verified, as often as they are asked for.
 * RFC 7519 §4.
 */
import type { OriginNode, SessionData } from '../../shared/types.js'
import { readOften } from '../values/copy-data.js'
import { readClaims } from './claims.js'
import { readJson } from './reader.js'

export interface JsonPayload {
  readonly text: string
  /** @returns the claims in objects of their own. @throws {SessionError} as `readClaims` */
  claims(): SessionData
  /** The claims with the text of their numbers; nobody changes it, so all sessions of one payload share it. */
  root(): OriginNode
}

/** Reads nothing before it is asked for, and nothing twice. */
export function createJsonPayload(text: string): JsonPayload {
  let root: OriginNode | undefined
  return {
    text,
    claims: readOften(() => readClaims(text)),
    root() {
      root ??= readJson(text)
      return root
    },
  }
}
