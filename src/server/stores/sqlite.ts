/**
 * Statements through SQLite: `DatabaseSync` of node:sqlite (Node 22.13 and later), or better-sqlite3.
 * Recognized by shape, so that this package depends on no driver. Both are synchronous.
 */
import { checkLimit } from '../../shared/limits.js'
import { checkNames, type OptionNames } from '../../shared/option-names.js'
import type { MaybePromise } from '../../shared/types.js'
import { createMutex } from '../mutex.js'
import type { SqlConnection, SqlQuery, SqlRow } from './sql.js'

/** The part of a database that is used. */
export interface SqliteDatabase {
  /** Prepares one statement. */
  prepare(sql: string): SqliteStatement
  /** Runs a statement without parameters. */
  exec(sql: string): unknown
  /** better-sqlite3. */
  readonly inTransaction?: boolean
  /** node:sqlite. */
  readonly isTransaction?: boolean
}

/** The part of a prepared statement that is used. */
export interface SqliteStatement {
  /** Runs it, and returns its rows. */
  all(...params: string[]): unknown[]
  /** Runs it without rows. */
  run(...params: string[]): unknown
  /** better-sqlite3: whether it returns rows. `all` of node:sqlite also accepts statements without rows. */
  readonly reader?: boolean
}

/** How long a statement waits. */
export interface SqliteExecuteOptions {
  /**
   * How many milliseconds a statement waits for another process, which blocks this one.
   *
   * @defaultValue 5000, as in Python's driver
   */
  busyTimeout?: number
}

const OPTIONS: OptionNames<SqliteExecuteOptions> = { busyTimeout: 1 }

const BUSY_TIMEOUT = 5000
/** Milliseconds: SQLite takes a larger number for none at all. */
const MAX_TIMEOUT = 2_147_483_647
/** Statements that stay prepared; our stores need six each. */
const MAX_STATEMENTS = 64

/**
 * The `execute` of a store over SQLite. The database stays yours. If Python opens it too, it must be the same file on a local disk; use
 * `PRAGMA journal_mode = WAL` if both write often.
 *
 * @param database - a `DatabaseSync`, or a `Database` of better-sqlite3
 * @throws {TypeError} if it has another shape, or naming the option
 * @since 0.1.0
 * @example
 * const store = sqlStore({ execute: sqliteExecute(database) })
 */
export function sqliteExecute(database: SqliteDatabase, options: SqliteExecuteOptions = {}): SqlConnection {
  checkNames(options, OPTIONS, 'sqliteExecute')
  const { busyTimeout = BUSY_TIMEOUT } = options
  if (typeof database?.prepare !== 'function' || typeof database.exec !== 'function') {
    throw new TypeError('sqliteExecute takes a DatabaseSync of node:sqlite, or a Database of better-sqlite3')
  }
  checkLimit(busyTimeout, 'busyTimeout', { least: 0, most: MAX_TIMEOUT, unit: 'milliseconds' })
  database.exec(`PRAGMA busy_timeout = ${busyTimeout}`)
  const statements = new Map<string, SqliteStatement>()
  /** Both use the one connection. */
  const mutex = createMutex<'connection'>()

  function prepare(sql: string): SqliteStatement {
    const statement = database.prepare(sql)
    if (statements.size >= MAX_STATEMENTS) statements.clear()
    statements.set(sql, statement)
    return statement
  }

  function query(sql: string, params: readonly string[]): SqlRow[] {
    const statement = statements.get(sql) ?? prepare(sql)
    if (statement.reader !== false) return statement.all(...params) as SqlRow[]
    statement.run(...params)
    return []
  }

  const execute: SqlQuery = (sql, params) => mutex('connection', () => query(sql, params))
  const transaction = <T>(work: (execute: SqlQuery) => MaybePromise<T>): MaybePromise<T> =>
    mutex('connection', () => begun(database, () => work(query)))
  return Object.assign(execute, { dialect: 'sqlite', transaction } as const)
}

/** IMMEDIATE, because a transaction that begins with a read can't write after another connection has written. */
function begun<T>(database: SqliteDatabase, work: () => MaybePromise<T>): MaybePromise<T> {
  // Inside a transaction of the application, the application decides when to commit.
  if (database.inTransaction ?? database.isTransaction) return work()
  database.exec('BEGIN IMMEDIATE')
  let result: MaybePromise<T>
  try {
    result = work()
  } catch (error) {
    throw rolledBack(database, error)
  }
  if (result instanceof Promise) {
    return result.then(
      (value) => committed(database, value),
      (error: unknown) => {
        throw rolledBack(database, error)
      },
    )
  }
  return committed(database, result)
}

function committed<T>(database: SqliteDatabase, value: T): T {
  try {
    database.exec('COMMIT')
  } catch (error) {
    throw rolledBack(database, error)
  }
  return value
}

/** The first error is the one to report; some errors have already ended the transaction. */
function rolledBack(database: SqliteDatabase, error: unknown): unknown {
  try {
    database.exec('ROLLBACK')
  } catch {}
  return error
}
