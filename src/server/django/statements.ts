/**
 * The statements on Django's session table, in the words of PostgreSQL 9.5 or SQLite 3.35 and later. Values are parameters.
 * FORMATS §8.
 */
import { quoteTable, type SqlDialect } from '../stores/sql.js'

/** Parameters in the order of the text, of `session_key`, `session_data` and `expire_date` in turn. */
export interface Statements {
  /** `session_key` */
  select: string
  /** `session_key`. The same, and nobody else changes the row until the transaction ends. */
  lock: string
  /** `session_key, session_data, expire_date` */
  upsert: string
  /** `session_key, session_data, expire_date`. Answers with a row where there was none before, and writes nothing otherwise. */
  insert: string
  /** `session_data, expire_date, session_key` */
  update: string
  /** `session_key` */
  delete: string
  /** `expire_date, session_key`, and the present time: a row that has expired stays so. */
  touch: string
}

/** @throws {TypeError} for a table that is no plain name */
export function statementsFor(dialect: SqlDialect, tableName: string): Statements {
  const table = quoteTable(tableName, 'table')
  const [first, second, third] = dialect === 'postgresql' ? ['$1', '$2', '$3'] : ['?', '?', '?']
  const select = `SELECT session_data, expire_date FROM ${table} WHERE session_key = ${first}`
  const insert = `INSERT INTO ${table} (session_key, session_data, expire_date) VALUES (${first}, ${second}, ${third})`
  const replace = 'DO UPDATE SET session_data = excluded.session_data, expire_date = excluded.expire_date'
  return {
    select,
    // SQLite has locked the whole file by then.
    lock: dialect === 'postgresql' ? `${select} FOR UPDATE` : select,
    upsert: `${insert} ON CONFLICT (session_key) ${replace}`,
    insert: `${insert} ON CONFLICT (session_key) DO NOTHING RETURNING session_key`,
    update: `UPDATE ${table} SET session_data = ${first}, expire_date = ${second} WHERE session_key = ${third}`,
    delete: `DELETE FROM ${table} WHERE session_key = ${first}`,
    touch: `UPDATE ${table} SET expire_date = ${first} WHERE session_key = ${second} AND expire_date > ${third}`,
  }
}
