/**
 * Django's own table of sessions, read and written beside Django.
 * FORMATS §8.
 */
import type { Duration } from '../../shared/define-session.js'
import { isOutage, isSessionError } from '../../shared/errors.js'
import { checkDuration, checkNames, type OptionNames } from '../../shared/option-names.js'
import type { SessionData } from '../../shared/types.js'
import {
  djangoCookieEnd,
  djangoExpiry,
  djangoLocalEnds,
  localTimes,
  type RowTimes,
  zonedTimes,
} from '../django/expiry.js'
import { createDjangoRows, type DjangoRowOptions, type DjangoRows } from '../django/session-table.js'
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

/** The database, and what Django is configured with. */
export interface DjangoStoreOptions extends DjangoRowOptions {
  /** `pgExecute(pool)`, `sqliteExecute(database)`, or a function that runs a statement and returns its rows. */
  execute: SqlExecute
  /** The database behind `execute`, if `execute` does not say so itself. */
  dialect?: SqlDialect
  /**
   * The table; `schema.table` if it is not on the search path.
   *
   * @defaultValue `django_session`
   */
  table?: string
  /**
   * `SESSION_COOKIE_AGE`: how long a session without its own expiry is kept.
   *
   * @defaultValue two weeks, as in Django
   */
  cookieAge?: Duration
  /** `TIME_ZONE`, only under `USE_TZ = False`: such sessions have local times, and so has a table of SQLite. */
  timeZone?: string
  /** The current time, for tests. */
  clock?: () => Date
}

const OPTIONS: OptionNames<DjangoStoreOptions> = {
  execute: 'function',
  dialect: 1,
  table: 1,
  cookieAge: 1,
  timeZone: 1,
  clock: 'function',
  secretKey: 1,
  secretKeyFallbacks: 1,
  reloadEvery: 1,
  serializer: 1,
  legacy: 'switch',
  salt: 1,
  allowWeakSecrets: 'switch',
  maxInflated: 1,
}

const TABLE = 'django_session'
const COOKIE_AGE = '14d'
/** Django's keys: 32 characters of these (FORMATS §8). Ours are hex digits, which are among them. */
const SESSION_KEY = /^[a-z0-9]{32}$/

/**
 * A store over the table of `django.contrib.sessions`: each side reads what the other wrote. The backends `db` and `cached_db` use
 * this table; with `cached_db` Django sees our changes only after its cache entry has expired.
 *
 * As in Django, each write moves the expiry of a row: to `_session_expiry` if the session has one, else by `cookieAge`. An expiry that
 * the sessions ask for replaces `cookieAge`, and is never later than a `_session_expiry`.
 *
 * If `execute` has transactions, a row is read, changed and written in one of them, and Django's writes wait until it ends. A request
 * of Django that began earlier still overwrites the whole session with what it read.
 *
 * @throws {TypeError} naming the option
 * @see FORMATS §8
 * @since 0.1.0
 * @example
 * const store = djangoStore({ execute: pgExecute(pool), secretKey })
 */
export function djangoStore(options: DjangoStoreOptions): SessionStore {
  checkNames(options, OPTIONS, 'djangoStore')
  const settings = settingsOf(options)
  const { execute } = settings
  const { transaction } = execute
  return {
    name: 'django',
    idleTimeout: settings.cookieAge,
    ...(settings.rows.keys && { keys: settings.rows.keys }),
    deriveKeys: settings.rows.deriveKeys,
    get: (id) => get(settings, execute, id),
    set: (id, session) => set(settings, id, session),
    delete: (id) => remove(settings, id),
    listOwned: (owner, query) => listOwned(settings, owner, query),
    touch: (id, expiresAt) => touch(settings, id, expiresAt),
    cookieEnd: (data, now) => djangoCookieEnd(data, now, settings.ends),
    ...(options.timeZone !== undefined && djangoLocalEnds(options.timeZone)),
    ...(transaction && {
      update: (id: string, change: RowChange) => transaction((query) => update(settings, query, { id, change })),
    }),
  }
}

interface DjangoStoreSettings {
  execute: SqlExecute
  statements: Statements
  rows: DjangoRows
  times: RowTimes
  /** For what `set_expiry` has put into the session. */
  ends: RowTimes
  /** Milliseconds. */
  cookieAge: number
  clock: () => Date
}

function settingsOf(options: DjangoStoreOptions): DjangoStoreSettings {
  const { execute, table = TABLE, timeZone = 'UTC', clock = () => new Date() } = options
  checkExecute(execute)
  const dialect = dialectOf(execute, options.dialect)
  const local = localTimes(timeZone)
  return {
    execute,
    statements: statementsFor(dialect, table),
    rows: createDjangoRows(options),
    times: dialect === 'postgresql' ? zonedTimes : local,
    ends: local,
    cookieAge: checkDuration(options.cookieAge ?? COOKIE_AGE, 'cookieAge'),
    clock,
  }
}

async function get(settings: DjangoStoreSettings, query: SqlQuery, id: string): Promise<StoredSession | undefined> {
  // The table is not asked for a text that can't be a key.
  if (!SESSION_KEY.test(id)) return undefined
  const [row] = await rowsOf(query(settings.statements.select, [id]))
  return row && (await read(settings, row))
}

/** The session of a row; undefined if it has expired, by Django's own comparison. */
async function read({ rows, times, clock }: DjangoStoreSettings, row: SqlRow): Promise<StoredSession | undefined> {
  const expiresAt = times.read(row.expire_date)
  if (expiresAt <= clock()) return undefined
  return { ...(await rows.read(row.session_data)), expiresAt }
}

async function set(settings: DjangoStoreSettings, id: string, session: StoredSession): Promise<void> {
  const { text, end } = await written(settings, session)
  await rowsOf(settings.execute(settings.statements.upsert, [checkedKey(id), text, end]))
}

async function remove({ execute, statements }: DjangoStoreSettings, id: string): Promise<void> {
  if (SESSION_KEY.test(id)) await rowsOf(execute(statements.delete, [id]))
}

/** Rows that are read at once, for one owner among all. */
const SCAN = 500

/** Django has no column for the user: every row that has not expired is read, in the order of the keys. */
async function listOwned(
  settings: DjangoStoreSettings,
  owner: string,
  { limit, after = '', ownerOf }: OwnedQuery,
): Promise<string[]> {
  const { execute, statements, times, clock } = settings
  const ids: string[] = []
  let last = after
  for (;;) {
    const rows = await rowsOf(execute(statements.scan, [last, times.write(clock()), String(SCAN)]))
    for (const row of rows) {
      last = String(row.session_key)
      if (await isOwned(settings, row, (data) => ownerOf(data) === owner)) ids.push(last)
      if (ids.length === limit) return ids
    }
    if (rows.length < SCAN) return ids
  }
}

/** A row that can't be read belongs to another Django, or to nobody. */
async function isOwned(
  { rows }: DjangoStoreSettings,
  row: SqlRow,
  isOwners: (data: SessionData) => boolean,
): Promise<boolean> {
  let data: SessionData
  try {
    data = (await rows.read(row.session_data)).data
  } catch (error) {
    if (isSessionError(error) && !isOutage(error)) return false
    throw error
  }
  return isOwners(data)
}

async function touch(settings: DjangoStoreSettings, id: string, expiresAt: Date | undefined): Promise<void> {
  const { execute, statements, times, clock } = settings
  const current = await get(settings, execute, id)
  if (current === undefined) return
  const end = endOf(settings, { data: current.data, ...(expiresAt && { expiresAt }) })
  await rowsOf(execute(statements.touch, [times.write(end), id, times.write(clock())]))
}

/** Inside a transaction. */
function update(
  settings: DjangoStoreSettings,
  query: SqlQuery,
  { id, change }: { id: string; change: RowChange },
): Promise<StoredSession | undefined> {
  const { statements, rows } = settings
  const row: LockedRow = {
    lock: async () => (await rowsOf(query(statements.lock, [checkedKey(id)])))[0],
    read: (row) => read(settings, row),
    async write(changed, isThere) {
      const { text, end, expiresAt } = await written(settings, changed)
      const [made] = await rowsOf(
        isThere ? query(statements.update, [text, end, id]) : query(statements.insert, [id, text, end]),
      )
      return isThere || made ? { ...(await rows.read(text)), expiresAt } : undefined
    },
  }
  return changeLocked(row, change)
}

interface Written {
  text: string
  end: string
  expiresAt: Date
}

async function written(settings: DjangoStoreSettings, session: StoredSession): Promise<Written> {
  const expiresAt = endOf(settings, session)
  const text = await settings.rows.write(session, settings.clock())
  return { text, end: settings.times.write(expiresAt), expiresAt }
}

function endOf({ ends, cookieAge, clock }: DjangoStoreSettings, { data, expiresAt }: StoredSession): Date {
  const now = clock()
  const expiry = djangoExpiry(data, now, ends)
  const own = expiry === 'browser' ? undefined : expiry
  const asked = expiresAt ?? (own ? undefined : new Date(now.getTime() + cookieAge))
  if (own === undefined || asked === undefined) return (own ?? asked) as Date
  return own < asked ? own : asked
}

function checkedKey(id: string): string {
  if (SESSION_KEY.test(id)) return id
  throw new TypeError('A session key of Django has 32 characters of a to z and 0 to 9')
}

/** Statements for PostgreSQL 9.5 or SQLite 3.35 and later. Parameters in the order of the text, of `session_key`, `session_data` and `expire_date` in turn. */
interface Statements {
  /** `session_key` */
  select: string
  /** `session_key`. The same, and the row is locked until the transaction ends. */
  lock: string
  /** `session_key, session_data, expire_date` */
  upsert: string
  /** `session_key, session_data, expire_date`. Returns a row if there was none before, and writes nothing otherwise. */
  insert: string
  /** `session_data, expire_date, session_key` */
  update: string
  /** `session_key` */
  delete: string
  /** The key to begin after, the current time, and how many. */
  scan: string
  /** `expire_date, session_key`, and the current time: an expired row stays expired. */
  touch: string
}

/** @throws {TypeError} for a table that is not a plain name */
function statementsFor(dialect: SqlDialect, tableName: string): Statements {
  const table = quoteTable(tableName, 'table')
  const [first, second, third] = dialect === 'postgresql' ? ['$1', '$2', '$3'] : ['?', '?', '?']
  const select = `SELECT session_data, expire_date FROM ${table} WHERE session_key = ${first}`
  const insert = `INSERT INTO ${table} (session_key, session_data, expire_date) VALUES (${first}, ${second}, ${third})`
  const replace = 'DO UPDATE SET session_data = excluded.session_data, expire_date = excluded.expire_date'
  return {
    select,
    // SQLite has already locked the whole file.
    lock: dialect === 'postgresql' ? `${select} FOR UPDATE` : select,
    upsert: `${insert} ON CONFLICT (session_key) ${replace}`,
    insert: `${insert} ON CONFLICT (session_key) DO NOTHING RETURNING session_key`,
    update: `UPDATE ${table} SET session_data = ${first}, expire_date = ${second} WHERE session_key = ${third}`,
    delete: `DELETE FROM ${table} WHERE session_key = ${first}`,
    scan: `SELECT session_key, session_data FROM ${table} WHERE session_key > ${first} AND expire_date > ${second} ORDER BY session_key LIMIT ${third}`,
    touch: `UPDATE ${table} SET expire_date = ${first} WHERE session_key = ${second} AND expire_date > ${third}`,
  }
}
