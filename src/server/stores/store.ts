/**
 * The store contract: where sessions live that are kept on the server, by their id.
 * A store is a plain object; test/contract is the suite that each one passes.
 */
import type { MaybePromise, Origin, SessionData } from '../../shared/types.js'

/** One row. */
export interface StoredSession {
  /** The application's keys. */
  data: SessionData
  /** When the row may be forgotten; absent: the store's own limit, if it has any. */
  expiresAt?: Date
  /** What the row said of each value; opaque, given back on writing, so that untouched values keep their type. */
  origin?: Origin
}

/**
 * A store is asked by id alone. What it returns belongs to the caller, and it keeps nothing of what it was given: no object is
 * shared with it. It throws whatever its client throws; the sessions make `ERR_SESSION_STORE` of it.
 */
export interface SessionStore {
  /** For events and errors. */
  readonly name: string
  /** The row; undefined where there is none or it has expired. A row that can't be read throws. */
  get(id: string): MaybePromise<StoredSession | undefined>
  /** Writes the row, whether or not there is one. Its time to live comes from `expiresAt`. */
  set(id: string, session: StoredSession): MaybePromise<void>
  /** Removes the row; no fault where there is none. */
  delete(id: string): MaybePromise<void>
  /** Moves the end of a row and nothing else; a row that is gone stays gone. Absent: the row is written again. */
  touch?(id: string, expiresAt: Date | undefined): MaybePromise<void>
  /**
   * Reads, changes and writes one row with nobody in between, in this process or another. Absent: the sessions take `get` and
   * `set` one after the other for each id, which holds within one process only.
   *
   * @param change - gets the row as it is now, undefined where there is none; returns the row to write, or undefined to leave
   *   all as it is. Synchronous, and called again where somebody else came first.
   * @returns the row as it is now
   */
  update?(
    id: string,
    change: (current: StoredSession | undefined) => StoredSession | undefined,
  ): MaybePromise<StoredSession | undefined>
}
