/**
 * How a store talks to a database: one function that runs a statement, and optionally transactions.
 * `pgExecute` and `sqliteExecute` return one; any driver can be behind it.
 */
import type { MaybePromise } from '../../shared/types.js'
import type { StoredSession } from './store.js'

/** What differs between databases here: the placeholders of parameters, and how a time is stored. */
export type SqlDialect = 'postgresql' | 'sqlite'

/** A row: values by the names of their columns. */
export type SqlRow = Readonly<Record<string, unknown>>

/** Runs one statement. @returns its rows, none if it has no result */
export type SqlQuery = (sql: string, params: readonly string[]) => MaybePromise<readonly SqlRow[]>

/** A function with two more properties. Both are optional: the store has an option for one and can work without the other. */
export interface SqlExecute extends SqlQuery {
  /** The database behind it. */
  readonly dialect?: SqlDialect
  /**
   * Runs `work` in one transaction, which is rolled back if it throws. No other statements run in between. PostgreSQL reads what is
   * committed; SQLite holds the writer's lock from the beginning.
   */
  readonly transaction?: <T>(work: (execute: SqlQuery) => MaybePromise<T>) => MaybePromise<T>
}

/** An `SqlExecute` that has all of it. */
export interface SqlConnection extends SqlExecute {
  /** The database behind it. */
  readonly dialect: SqlDialect
  /** Runs `work` in one transaction, which is rolled back if it throws. */
  readonly transaction: NonNullable<SqlExecute['transaction']>
}

/**
 * @internal
 *
 * @throws {TypeError} for an `execute` that is no function
 */
export function checkExecute(execute: SqlExecute): void {
  if (typeof execute !== 'function')
    throw new TypeError('Option "execute" must be a function, such as the result of pgExecute')
}

/**
 * @internal
 *
 * @throws {TypeError} for a database that is neither of the two
 */
export function dialectOf(execute: SqlExecute, dialect: SqlDialect | undefined = execute.dialect): SqlDialect {
  if (dialect === 'postgresql' || dialect === 'sqlite') return dialect
  throw new TypeError('Option "dialect" must be postgresql or sqlite, for an "execute" that does not say what it is')
}

/**
 * @internal
 *
 * @throws {TypeError} for an answer that is no list
 */
export async function rowsOf(answer: MaybePromise<readonly SqlRow[]>): Promise<readonly SqlRow[]> {
  const rows = await answer
  if (Array.isArray(rows)) return rows
  throw new TypeError('Option "execute" must return a list of rows')
}

/** A name that is safe in a statement: `table`, or `schema.table`, up to 63 characters each as in PostgreSQL. */
const NAME = /^[A-Za-z_][A-Za-z0-9_$]{0,62}(?:\.[A-Za-z_][A-Za-z0-9_$]{0,62})?$/

/**
 * The quoted name of a table.
 *
 * @internal
 * @throws {TypeError} naming the option, for anything that is not a plain name
 */
export function quoteTable(name: string, option: string): string {
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw new TypeError(`Option "${option}" must be a name of letters, digits and _, perhaps after a schema and a dot`)
  }
  return name
    .split('.')
    .map((part) => `"${part}"`)
    .join('.')
}

/** @internal What `update` of a store is given. */
export type RowChange = (current: StoredSession | undefined) => StoredSession | undefined

/** @internal One row of a table, inside a transaction. */
export interface LockedRow {
  /** Reads the row, which is locked until the transaction ends; undefined if there is none. */
  lock(): Promise<SqlRow | undefined>
  /** The session of the row; undefined if it has expired. */
  read(row: SqlRow): Promise<StoredSession | undefined>
  /**
   * @param isThere - otherwise the row is new
   * @returns the row after that; undefined if another request has created it in the meantime
   */
  write(changed: StoredSession, isThere: boolean): Promise<StoredSession | undefined>
}

/** How often a change is tried again. Each time another request created the row first and then deleted it. */
const MAX_ATTEMPTS = 10

/**
 * Reads, changes and writes a row.
 *
 * @internal
 * @returns the row after that
 */
export async function changeLocked(
  { lock, read, write }: LockedRow,
  change: RowChange,
): Promise<StoredSession | undefined> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const row = await lock()
    const current = row && (await read(row))
    const changed = change(current)
    if (changed === undefined) return current
    // A missing row can't be locked: another request may have created it in the meantime.
    const written = await write(changed, row !== undefined)
    if (written) return written
  }
  throw new Error(
    `Other requests created and deleted the session ${MAX_ATTEMPTS} times while this request tried to write it`,
  )
}
