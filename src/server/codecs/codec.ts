/**
 * The codec contract: how one format of session cookies is told, verified and signed.
 * A codec is a plain object; test/contract is the suite that each one passes.
 */
import type { Origin, SessionData } from '../../shared/types.js'

/** What is synchronous stays synchronous; only a platform or a key that needs it answers with a promise. */
export type MaybePromise<T> = T | Promise<T>

export interface CodecContext {
  cookieName: string
  /** `public` is the half that scripts may read; it is signed with a key of its own and never an authority. */
  purpose: 'session' | 'public'
  now: Date
}

export interface SessionRecord {
  /** The application's keys. */
  data: SessionData
  /** The JWT payload as parsed, where there is one. */
  claims?: Record<string, unknown>
  id?: string
  createdAt?: Date
  accessedAt?: Date
  expiresAt?: Date
  /**
   * How often the session was written before, for formats of our own: whole, from 0. A codec that carries it makes lost updates
   * visible; where it is absent nobody can tell.
   */
  version?: number
  /** Which key of the codec's ring verified it; 0 is the one that signs. */
  keyIndex?: number
  kid?: string
  /** What the payload said of each value, so that untouched keys survive. */
  origin?: Origin
}

export interface SessionCodec {
  readonly name: string
  /** Values of two families never look alike: `jws`, `jwe`, `beaker`, `django-signed`, `compact`. */
  readonly family: string
  /** Can a browser read it at all? */
  readonly readable: boolean
  /** Longest value in characters, as that system counts it. */
  readonly maxLength?: number
  /** May the value be split over several cookies? */
  readonly chunks?: boolean
  /** Keys that tell about the session and are not data, each with what to use instead. */
  readonly meta?: Readonly<Record<string, string>>
  /** Tells by shape alone whether a value may be of this family. */
  matches(value: string): boolean
  /** @throws {SessionError} any code; `verified` is true where the signature was good */
  verify(value: string, context: CodecContext): MaybePromise<SessionRecord>
  /** Absent: read only. @throws {SessionError} `ERR_SESSION_UNWRITABLE` with the path of a value it can't hold */
  sign?(record: SessionRecord, context: CodecContext): MaybePromise<string>
  /** Whether the data differs from what `origin` read; absent: the core compares with a copy. */
  changed?(record: SessionRecord): boolean
}
