/**
 * Statements through node-postgres (`pg`): a pool, or one client.
 * Recognized by shape, so that this package depends on no driver.
 */
import type { MaybePromise } from '../../shared/types.js'
import { createMutex } from '../mutex.js'
import type { SqlConnection, SqlQuery, SqlRow } from './sql.js'

/** The part of a `pg.Client` that is used. */
export interface PgClient {
  /** Runs one statement. */
  query(sql: string, params?: unknown[]): Promise<{ rows: unknown[] }>
}

/** The part of a `pg.Pool` that is used. */
export interface PgPool extends PgClient {
  /** By this property a pool is known. */
  readonly totalCount: number
  /** Takes a client out of the pool, for a transaction. */
  connect(): Promise<PgPoolClient>
}

/** The part of a `pg.PoolClient` that is used. */
export interface PgPoolClient extends PgClient {
  /** Gives the client back; with an error it is closed. */
  release(error?: Error | boolean): void
  /** Listens for a connection that breaks. */
  on?(event: 'error', listener: (error: Error) => void): unknown
  /** Stops listening. */
  off?(event: 'error', listener: (error: Error) => void): unknown
}

/** Independent of the database's default: the locked row is the one that was committed last. */
const BEGIN = 'BEGIN ISOLATION LEVEL READ COMMITTED'

/**
 * The `execute` of a store over PostgreSQL. The pool stays yours: set its limits, handle its errors, end it. A single client is enough
 * for scripts and tests: its statements run one after the other, and it must not have an open transaction of yours.
 *
 * @param database - a `pg.Pool`, or a connected `pg.Client`
 * @throws {TypeError} if it has another shape
 * @since 0.1.0
 * @example
 * const store = sqlStore({ execute: pgExecute(pool) })
 */
export function pgExecute(database: PgPool | PgClient): SqlConnection {
  if (typeof database?.query !== 'function') throw new TypeError('pgExecute takes a Pool or a Client of pg')
  if (isPool(database)) {
    const execute = queryOf(database)
    const transaction = <T>(work: (execute: SqlQuery) => MaybePromise<T>): Promise<T> => inPool(database, work)
    return Object.assign(execute, { dialect: 'postgresql', transaction } as const)
  }
  /** Both use the one connection. */
  const mutex = createMutex<'connection'>()
  const query = queryOf(database)
  const execute: SqlQuery = (sql, params) => mutex('connection', () => query(sql, params))
  const transaction = <T>(work: (execute: SqlQuery) => MaybePromise<T>): MaybePromise<T> =>
    mutex('connection', () => begun(database, work))
  return Object.assign(execute, { dialect: 'postgresql', transaction } as const)
}

function isPool(database: PgPool | PgClient): database is PgPool {
  return 'totalCount' in database && typeof database.connect === 'function'
}

function queryOf(client: PgClient): SqlQuery {
  return async (sql, params) => (await client.query(sql, [...params])).rows as SqlRow[]
}

async function inPool<T>(pool: PgPool, work: (execute: SqlQuery) => MaybePromise<T>): Promise<T> {
  const client = await pool.connect()
  // The pool listens only to clients that are not in use. If no one listens, a connection that breaks ends the process.
  client.on?.('error', ignore)
  let broken = true
  try {
    const result = await begun(client, work)
    broken = false
    return result
  } finally {
    client.off?.('error', ignore)
    // A client whose transaction failed may still be in it, so the pool has to create another one.
    client.release(broken)
  }
}

/** The query that was under way fails too. */
function ignore(): void {}

async function begun<T>(client: PgClient, work: (execute: SqlQuery) => MaybePromise<T>): Promise<T> {
  await client.query(BEGIN)
  try {
    const result = await work(queryOf(client))
    await client.query('COMMIT')
    return result
  } catch (error) {
    // The first error is the one to report.
    await client.query('ROLLBACK').catch(() => {})
    throw error
  }
}
