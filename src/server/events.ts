/**
 * What the server tells of its work: one hook, never data, tokens or keys.
 */
import type { SessionErrorCode } from '../shared/errors.js'
import type { ShadowedCookie } from './shadows.js'

export type SessionEventType =
  /** A cookie verified and became a session. */
  | 'read'
  /** A cookie of our name did not; `code` says why. */
  | 'rejected'
  /** A session went to the first codec and key. */
  | 'upgraded'
  /** A session could not be written by the first codec and stayed as it was; `path` says why. */
  | 'kept'
  /** There were several cookies of our name. */
  | 'shadowed'
  /** A session was written only to renew its times. */
  | 'renewed'
  /** A session was written: a cookie was set, or, where there is no `bytes`, only its row in the store. */
  | 'committed'
  | 'destroyed'
  /** Keys were loaded, or could not be. */
  | 'keys'
  /**
   * Another request wrote the same session meanwhile: a change to each of `keys` was overwritten. `ERR_SESSION_DESTROYED`: it ended the
   * session, and nothing of this one was written.
   */
  | 'conflict'
  /** A Secure cookie was set over what looks like plain HTTP; told once. */
  | 'insecure'

export interface SessionEvent {
  type: SessionEventType
  time: Date
  /** The cookie's name. */
  cookie: string
  codec?: string
  /** Place of the codec in the list; 0 writes. */
  codecIndex?: number
  /** Place of the key in the codec's ring; 0 signs. */
  keyIndex?: number
  kid?: string
  code?: SessionErrorCode
  /** Octets of the cookie's name and value. */
  bytes?: number
  /** How many cookies of our name there were. */
  candidates?: number
  /** Those of them that did not become the session. */
  shadowed?: readonly ShadowedCookie[]
  /** How many keys the codec has after they were loaded. */
  keyCount?: number
  /** Keys that two requests changed at once. */
  keys?: readonly string[]
  /** Where in the session a value could not be written. */
  path?: string
  /** `mode: 'observe'`: it would have happened. */
  observed?: true
}

export type SessionEventListener = (event: SessionEvent) => void
