/**
 * The store contract: where sessions are kept on the server, by their id.
 * A store is a plain object; test/contract is the suite that each one passes.
 */
import type { MaybePromise, Origin, SessionData } from '../../shared/types.js'
import type { LoadedKeys } from '../keys/key-source.js'
import type { HmacKey } from '../platform/platform.js'

/** One row. */
export interface StoredSession {
  /** The application's keys. */
  data: SessionData
  /** When the row may be deleted; absent: the store's own limit, if it has one. */
  expiresAt?: Date
  /** What the row says about each value. It is opaque and passed back to `set`, so that untouched values keep their type. */
  origin?: Origin
  /**
   * Who the session belongs to. A store with an index of owners keeps it, and its `get` and `update` say it of each row: undefined for a row
   * without one.
   */
  owner?: string | undefined
  /** When the row was made, by the store's own clock. What is passed to `set` has no effect. */
  createdAt?: Date
  /** When the row was last written or touched, by the store's own clock. What is passed to `set` has no effect. */
  accessedAt?: Date
}

/** Which of an owner's rows are asked for. */
export interface OwnedQuery {
  /** Most ids to return. */
  limit: number
  /** Only ids that sort after this text, which may be no id. */
  after?: string
  /** For a store without an index of owners, which looks at each row. */
  ownerOf(data: SessionData): string | undefined
}

/**
 * A store is only asked by id. What it returns belongs to the caller, and it keeps no object that it was given. It throws whatever its
 * client throws; the sessions turn that into `ERR_SESSION_STORE`.
 */
export interface SessionStore {
  /** For events and errors. */
  readonly name: string
  /**
   * For a store with secrets: keys for something else than rows, which differ for each label, as a codec has them. Results of
   * `session.once` are encrypted with them if no codec has secrets.
   */
  deriveKeys?(label: string): Promise<readonly Pick<HmacKey, 'sign'>[]>
  /** For a store with keys that are loaded while it works. */
  readonly keys?: LoadedKeys
  /** What the other side has configured, in milliseconds, in place of the default of `defineSession`. */
  readonly idleTimeout?: number
  /** The row; undefined if there is none or it has expired. Throws for a row that can't be read. */
  get(id: string): MaybePromise<StoredSession | undefined>
  /** Several rows with one question, in the order of the ids. Absent: `get` is asked for each. */
  getMany?(ids: readonly string[]): MaybePromise<readonly (StoredSession | undefined)[]>
  /** Writes the row, whether or not it exists. Its time to live comes from `expiresAt`. */
  set(id: string, session: StoredSession): MaybePromise<void>
  /** Deletes the row; a missing row is no error. */
  delete(id: string): MaybePromise<void>
  /**
   * The ids of the rows of an owner that have not expired, in their order. Fewer than `limit`: there are no more. Absent: sessions in this store can't be listed by their owner.
   */
  listOwned?(owner: string, query: OwnedQuery): MaybePromise<readonly string[]>
  /** Moves the expiry of a row and nothing else; a deleted row stays deleted. Absent: the row is written again. */
  touch?(id: string, expiresAt: Date | undefined): MaybePromise<void>
  /**
   * How long a session asks browsers to keep its cookie, if its data says so in words of its own: until a time, or until the browser closes.
   * Absent or undefined: as `_session_expiry` says. It never throws.
   */
  cookieEnd?(data: SessionData, now: Date): Date | 'browser' | undefined
  /** How the other side writes a time into `_session_expiry`, if it does not take one with an offset from UTC. */
  endText?(time: Date): string
  /**
   * Reads, changes and writes one row in one step, so that no other process can write in between. Absent: the sessions call `get` and
   * `set` one after the other for each id, which is safe within one process only.
   *
   * @param change - gets the current row, or undefined if there is none; returns the row to write, or undefined to leave everything as
   *   it is. It is synchronous, and called again if another request wrote first.
   * @returns the row after that
   */
  update?(
    id: string,
    change: (current: StoredSession | undefined) => StoredSession | undefined,
  ): MaybePromise<StoredSession | undefined>
}
