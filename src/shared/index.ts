/**
 * The entry `sessionglass`: what both sides share, and a decoder that verifies nothing.
 */

export { decimalText } from './bson/decimal.js'
export type { BsonTypes } from './bson/reader.js'
export { type DecodeOptions, decodeSession, type SessionReader } from './decode.js'
export type { Duration, SessionFields } from './define-session.js'
export {
  type DefineSession,
  defineSession,
  type ExposingDefinition,
  type InputOf,
  type OutputOf,
  type SchemaOptions,
  type SessionDefinition,
  type SessionOptions,
} from './define-session.js'
export {
  isSessionError,
  type KeySize,
  SessionError,
  type SessionErrorCode,
  type SessionErrorOptions,
} from './errors.js'
export type {
  DecodedSession,
  MaybePromise,
  SchemaResult,
  SessionData,
  SessionFormat,
  SessionMeta,
  StandardSchema,
} from './types.js'
