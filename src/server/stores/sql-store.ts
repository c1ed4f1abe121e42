/**
 * Sessions in a table of a database, PostgreSQL 9.5 or SQLite 3.35 and later, with an index of their owners.
 * The text of a row is that of our other stores (row.ts); times are whole milliseconds since 1970.
 */
import { isWellFormed } from '../../shared/bytes.js'
import type { Duration } from '../../shared/define-session.js'
import { checkDuration, checkNames, type OptionNames } from '../../shared/option-names.js'
import { withBsonTypes } from '../bson-types.js'
import { readRow, writeRow } from './row.js'
import {
  changeLocked,
  checkExecute,
  dialectOf,
  type LockedRow,
  quoteTable,
  type RowChange,
  rowsOf,
  type SqlDialect,
  type SqlExecute,
  type SqlQuery,
  type SqlRow,
} from './sql.js'
import type { OwnedQuery, SessionStore, StoredSession } from './store.js'

/** The database, and how long sessions are kept. */
export interface SqlStoreOptions {
  /** `pgExecute(pool)`, `sqliteExecute(database)`, or a function that runs a statement and returns its rows. */
  execute: SqlExecute
  /** The database behind `execute`, if `execute` does not say so itself. */
  dialect?: SqlDialect
  /**
   * The table; `schema.table` if it is not on the search path. At most 55 characters behind the dot.
   *
   * @defaultValue `sessions`
   */
  table?: string
  /**
   * How long a session without its own expiry is kept after its last write or touch.
   *
   * @defaultValue 14 days; `false`: for ever
   */
  ttl?: Duration | false
  /** The present time, for tests. */
  clock?: () => Date
}

/** A store that can make and clean its table. */
export interface SqlStore extends SessionStore {
  /** Makes the table and its indexes if they do not exist. For deployments and tests; docs/stores.md has the statements for migrations. */
  createTable(): Promise<void>
  /** Deletes expired rows, in portions. They count as gone before that, too. @returns how many there were */
  deleteExpired(): Promise<number>
}

const OPTIONS: OptionNames<SqlStoreOptions> = { execute: 'function', dialect: 1, table: 1, ttl: 1, clock: 'function' }

const TABLE = 'sessions'
const DEFAULT_TTL = '14d'
/** Names of indexes have eight characters more, and PostgreSQL cuts a name off after 63. */
const MAX_TABLE_LENGTH = 55
/** Rows that are deleted with one statement. */
const PORTION = 1000
/** Any number: processes that make tables wait for each other. */
const CREATE_LOCK = 1_936_028_531
/** Any other text can't be in a column, or is no id. */
const ID = /^\P{Cc}{1,255}$/u

/**
 * A store over its own table. The database stays yours. Expired rows stay in the table until you call `deleteExpired()`.
 *
 * If `execute` has transactions, a row is read, changed and written in one of them.
 *
 * @throws {TypeError} naming the option
 * @see docs/stores.md for the table
 * @since 0.1.0
 * @example
 * const store = sqlStore({ execute: pgExecute(pool), table: 'app.sessions' })
 * await store.createTable()
 */
export function sqlStore(options: SqlStoreOptions): SqlStore {
  checkNames(options, OPTIONS, 'sqlStore')
  const settings = settingsOf(options)
  const { execute, statements } = settings
  const { transaction } = execute
  return {
    name: 'sql',
    get: async (id) => (await getMany(settings, [id]))[0],
    getMany: (ids) => getMany(settings, ids),
    set: (id, session) => set(settings, id, session),
    delete: async (id) => {
      if (isId(id)) await statements.delete(execute, [id])
    },
    touch: (id, expiresAt) => touch(settings, id, expiresAt),
    listOwned: (owner, query) => listOwned(settings, owner, query),
    ...(transaction && {
      update: (id: string, change: RowChange) => transaction((query) => update(settings, query, { id, change })),
    }),
    createTable: async () => {
      const create = async (query: SqlQuery): Promise<void> => {
        for (const statement of statements.create) await rowsOf(query(statement, []))
      }
      await (transaction ? transaction(create) : create(execute))
    },
    deleteExpired: () => deleteExpired(settings),
  }
}

interface SqlStoreSettings {
  execute: SqlExecute
  statements: Statements
  /** Milliseconds; undefined: no end. */
  lifetime: number | undefined
  clock: () => Date
}

function settingsOf(options: SqlStoreOptions): SqlStoreSettings {
  const { execute, table = TABLE, ttl = DEFAULT_TTL, clock = () => new Date() } = options
  checkExecute(execute)
  const statements = statementsFor(dialectOf(execute, options.dialect), table)
  return { execute, statements, lifetime: ttl === false ? undefined : checkDuration(ttl, 'ttl'), clock }
}

async function getMany(
  { execute, statements, clock }: SqlStoreSettings,
  ids: readonly string[],
): Promise<(StoredSession | undefined)[]> {
  const asked = ids.filter(isId)
  const rows = asked.length > 0 ? await statements.select(asked.length)(execute, asked) : []
  const now = clock().getTime()
  const found = new Map(rows.map((row) => [String(row.id), row]))
  return await Promise.all(
    ids.map(async (id) => {
      const row = found.get(id)
      return row && (await read(row, now))
    }),
  )
}

/** The session of a row; undefined if it has expired. */
async function read(row: SqlRow, now: number): Promise<StoredSession | undefined> {
  const expiresAt = timeOf(row.expires_at)
  if (expiresAt && expiresAt.getTime() <= now) return undefined
  const [createdAt, accessedAt] = [timeOf(row.created_at), timeOf(row.accessed_at)]
  const owner = typeof row.owner === 'string' ? row.owner : undefined
  return {
    ...(await withBsonTypes(() => readRow(String(row.data)))),
    owner,
    ...(createdAt && { createdAt }),
    ...(accessedAt && { accessedAt }),
    ...(expiresAt && { expiresAt }),
  }
}

/** Drivers give a large integer as a number, a text or a bigint. */
function timeOf(value: unknown): Date | undefined {
  return value === null || value === undefined ? undefined : new Date(Number(value))
}

async function set(settings: SqlStoreSettings, id: string, session: StoredSession): Promise<void> {
  const { execute, statements } = settings
  await statements.upsert(execute, written(settings, id, session))
}

async function touch(settings: SqlStoreSettings, id: string, expiresAt: Date | undefined): Promise<void> {
  const { execute, statements, clock } = settings
  if (!isId(id)) return
  const now = String(clock().getTime())
  await statements.touch(execute, [id, endOf(settings, expiresAt), now])
}

async function listOwned(
  { execute, statements, clock }: SqlStoreSettings,
  owner: string,
  { limit, after = '' }: OwnedQuery,
): Promise<string[]> {
  const params = [owner, after, String(clock().getTime()), String(limit)]
  return (await statements.list(execute, params)).map(({ id }) => String(id))
}

/** Inside a transaction. */
function update(
  settings: SqlStoreSettings,
  query: SqlQuery,
  { id, change }: { id: string; change: RowChange },
): Promise<StoredSession | undefined> {
  const { statements, clock } = settings
  const row: LockedRow = {
    lock: async () => (await statements.lock(query, [checkedId(id)]))[0],
    read: (row) => read(row, clock().getTime()),
    async write(changed, isThere) {
      const [made] = await (isThere ? statements.upsert : statements.insert)(query, written(settings, id, changed))
      return isThere || made ? changed : undefined
    },
  }
  return changeLocked(row, change)
}

async function deleteExpired({ execute, statements, clock }: SqlStoreSettings): Promise<number> {
  const now = String(clock().getTime())
  for (let deleted = 0; ; ) {
    const rows = await statements.deleteExpired(execute, [now, String(PORTION)])
    deleted += rows.length
    if (rows.length < PORTION) return deleted
  }
}

/** Parameters of `upsert` and `insert`. An empty text is none: parameters of our drivers are texts. */
function written(settings: SqlStoreSettings, id: string, session: StoredSession): string[] {
  const now = String(settings.clock().getTime())
  return [checkedId(id), writeRow(session), session.owner ?? '', endOf(settings, session.expiresAt), now]
}

function endOf({ lifetime, clock }: SqlStoreSettings, expiresAt: Date | undefined): string {
  if (expiresAt) return String(expiresAt.getTime())
  return lifetime === undefined ? '' : String(clock().getTime() + lifetime)
}

function isId(id: string): boolean {
  return ID.test(id) && isWellFormed(id)
}

function checkedId(id: string): string {
  if (isId(id)) return id
  throw new TypeError('An id in a table must be a text of 1 to 255 characters')
}

/** Runs a statement with its parameters. */
type Statement = (query: SqlQuery, params: readonly string[]) => Promise<readonly SqlRow[]>

interface Statements {
  create: readonly string[]
  /** So many ids. */
  select(count: number): Statement
  /** The same, and the row is locked until the transaction ends. */
  lock: Statement
  /** What `written` returns. */
  upsert: Statement
  /** The same. Returns a row if there was none before, and writes nothing otherwise. */
  insert: Statement
  /** id */
  delete: Statement
  /** id, end, the current time: an expired row stays expired. */
  touch: Statement
  /** Owner, the id to begin after, the current time, and how many. */
  list: Statement
  /** The current time, and how many. Returns a row for each. */
  deleteExpired: Statement
}

/** @throws {TypeError} for a table that is not a plain name */
function statementsFor(dialect: SqlDialect, tableName: string): Statements {
  const table = quoteTable(tableName, 'table')
  const isPg = dialect === 'postgresql'
  const whole = isPg ? 'bigint' : 'INTEGER'
  const time = (number: number): string => `CAST($${number} AS ${whole})`
  const [id, now] = ['CAST($1 AS text)', time(5)]
  const end = (number: number): string => `CAST(NULLIF($${number}, '') AS ${whole})`
  const isLive = (at: string, alias = ''): string => `(${alias}expires_at IS NULL OR ${alias}expires_at > ${at})`
  const insert =
    `INSERT INTO ${table} AS row_before (id, data, owner, created_at, accessed_at, expires_at) ` +
    `VALUES (${id}, CAST($2 AS text), NULLIF($3, ''), ${now}, ${now}, ${end(4)})`
  const select = `SELECT id, data, owner, created_at, accessed_at, expires_at FROM ${table} WHERE id`
  const created = `CASE WHEN ${isLive(now, 'row_before.')} THEN row_before.created_at ELSE excluded.created_at END`
  const portion = `SELECT id FROM ${table} WHERE expires_at <= ${time(1)} ORDER BY expires_at LIMIT ${time(2)}`
  const prepared = (sql: string): Statement => statementOf(sql, dialect)
  return {
    create: createStatements(dialect, tableName),
    select: (count) =>
      prepared(`${select} IN (${Array.from({ length: count }, (_, at) => `CAST($${at + 1} AS text)`)})`),
    // SQLite has already locked the whole file.
    lock: prepared(`${select} = ${id}${isPg ? ' FOR UPDATE' : ''}`),
    upsert: prepared(
      `${insert} ON CONFLICT (id) DO UPDATE SET data = excluded.data, owner = excluded.owner, ` +
        `created_at = ${created}, accessed_at = excluded.accessed_at, expires_at = excluded.expires_at`,
    ),
    insert: prepared(`${insert} ON CONFLICT (id) DO NOTHING RETURNING id`),
    delete: prepared(`DELETE FROM ${table} WHERE id = ${id}`),
    touch: prepared(
      `UPDATE ${table} SET expires_at = ${end(2)}, accessed_at = ${time(3)} WHERE id = ${id} AND ${isLive(time(3))}`,
    ),
    list: prepared(
      `SELECT id FROM ${table} WHERE owner = ${id} AND id > CAST($2 AS text) AND ${isLive(time(3))} ` +
        `ORDER BY id LIMIT ${time(4)}`,
    ),
    // Two processes that do this at once share the work.
    deleteExpired: prepared(
      `DELETE FROM ${table} WHERE id IN (${portion}${isPg ? ' FOR UPDATE SKIP LOCKED' : ''}) ` +
        `AND expires_at <= ${time(1)} RETURNING id`,
    ),
  }
}

/** SQLite gets parameters in the order of the text, because its drivers do not agree on numbers. */
function statementOf(numbered: string, dialect: SqlDialect): Statement {
  if (dialect === 'postgresql') return (query, params) => rowsOf(query(numbered, params))
  const order = [...numbered.matchAll(/\$(\d+)/g)].map(([, number]) => Number(number) - 1)
  const sql = numbered.replace(/\$\d+/g, '?')
  const inOrder = (params: readonly string[]): string[] => order.map((at) => params[at] as string)
  return (query, params) => rowsOf(query(sql, inOrder(params)))
}

/** @throws {TypeError} for a table with a name that is too long */
function createStatements(dialect: SqlDialect, tableName: string): string[] {
  const isPg = dialect === 'postgresql'
  const name = tableName.split('.').at(-1) as string
  const schema = tableName.slice(0, -name.length)
  if (name.length > MAX_TABLE_LENGTH) {
    throw new TypeError(`Option "table" must be a name of at most ${MAX_TABLE_LENGTH} characters, for its indexes`)
  }
  const quoted = (text: string): string => quoteTable(text, 'table')
  const index = (what: string): string => quoted(isPg ? `${name}_${what}` : `${schema}${name}_${what}`)
  // An index belongs to the schema of its table: PostgreSQL takes that from the table, SQLite from the index.
  const on = isPg ? quoted(tableName) : quoted(name)
  const whole = isPg ? 'bigint' : 'INTEGER'
  const [text, bytewise] = isPg ? ['text', 'text COLLATE "C"'] : ['TEXT', 'TEXT NOT NULL']
  return [
    // IF NOT EXISTS alone fails if two processes do it at once.
    ...(isPg ? [`SELECT pg_advisory_xact_lock(${CREATE_LOCK})`] : []),
    `CREATE TABLE IF NOT EXISTS ${quoted(tableName)} (id ${bytewise} PRIMARY KEY, data ${text} NOT NULL, owner ${text}, ` +
      `created_at ${whole} NOT NULL, accessed_at ${whole} NOT NULL, expires_at ${whole})`,
    `CREATE INDEX IF NOT EXISTS ${index('owner')} ON ${on} (owner, id) WHERE owner IS NOT NULL`,
    `CREATE INDEX IF NOT EXISTS ${index('expires')} ON ${on} (expires_at) WHERE expires_at IS NOT NULL`,
  ]
}
