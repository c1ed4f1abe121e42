/**
 * Django's own table of sessions, read and written beside Django.
 * FORMATS §8.
 */
import { type Duration, parseDuration } from '../../shared/duration.js'
import type { MaybePromise } from '../codecs/codec.js'
import { localTimes, ownEnd, type RowTimes, zonedTimes } from '../django/expiry.js'
import { createDjangoRows, type DjangoRowOptions } from '../django/row.js'
import { type Statements, statementsFor } from '../django/statements.js'
import { type Flow, run, wait } from '../flow.js'
import type { SqlDialect, SqlExecute, SqlQuery, SqlRow } from './sql.js'
import type { SessionStore, StoredSession } from './store.js'

export interface DjangoStoreOptions extends DjangoRowOptions {
  /** `pgExecute(pool)`, `sqliteExecute(database)`, or a function that runs a statement and answers with its rows. */
  execute: SqlExecute
  /** What `execute` speaks to, where it does not say so itself. */
  dialect?: SqlDialect
  /** Default `django_session`; `schema.table` where it is not on the search path. */
  table?: string
  /** `SESSION_COOKIE_AGE`: how long a session without an end of its own is kept. Default two weeks, as Django's. */
  cookieAge?: Duration
  /** `TIME_ZONE`, with SQLite under `USE_TZ = False` alone: such a table has local times. Default `UTC`. */
  timeZone?: string
  /** The present time, for tests. */
  clock?: () => Date
}

const TABLE = 'django_session'
const COOKIE_AGE = '14d'
/** Django's keys: 32 characters of these (FORMATS §8). Ours are hex digits, which are among them. */
const SESSION_KEY = /^[a-z0-9]{32}$/
/** How often a change is tried anew. Each time another request made the row first, and then it was gone again. */
const MAX_ATTEMPTS = 10

/**
 * A store over the table of `django.contrib.sessions`: what Django wrote is read, what is written Django reads. The backends `db` and
 * `cached_db` use it; with `cached_db` Django sees a change of ours only once its cache has forgotten the session.
 *
 * As in Django, each writing moves the end of a row ahead: to `_session_expiry` where the session has it, else by `cookieAge`. An end
 * that the sessions ask for counts instead of `cookieAge`, and never outlives a `_session_expiry`.
 *
 * Where `execute` has transactions, a row is read, changed and written in one of them, and what Django writes meanwhile waits.
 * A request of Django that began before still writes the whole session as it read it.
 *
 * @throws {TypeError} naming the option
 * @see FORMATS §8
 */
export function djangoStore(options: DjangoStoreOptions): SessionStore {
  const settings = settle(options)
  const { execute } = settings
  const { transaction } = execute
  return {
    name: 'django',
    get: (id) => run(get(settings, execute, id)),
    set: (id, session) => run(set(settings, id, session)),
    delete: (id) => run(remove(settings, id)),
    touch: (id, expiresAt) => run(touch(settings, id, expiresAt)),
    ...(transaction && {
      update: (id: string, change: Change) => transaction((query) => run(update(settings, query, { id, change }))),
    }),
  }
}

type Change = (current: StoredSession | undefined) => StoredSession | undefined

interface Settings {
  execute: SqlExecute
  statements: Statements
  rows: ReturnType<typeof createDjangoRows>
  times: RowTimes
  /** Milliseconds. */
  cookieAge: number
  clock: () => Date
}

function settle(options: DjangoStoreOptions): Settings {
  const { execute, table = TABLE, timeZone = 'UTC', clock = () => new Date() } = options
  if (typeof execute !== 'function') throw new TypeError('Option "execute" must be a function, as pgExecute makes one')
  const dialect = options.dialect ?? execute.dialect
  if (dialect !== 'postgresql' && dialect !== 'sqlite') {
    throw new TypeError('Option "dialect" must be postgresql or sqlite, for an "execute" that does not say what it is')
  }
  return {
    execute,
    statements: statementsFor(dialect, table),
    rows: createDjangoRows(options),
    times: dialect === 'postgresql' ? zonedTimes : localTimes(timeZone),
    cookieAge: parseDuration(options.cookieAge ?? COOKIE_AGE, 'cookieAge'),
    clock,
  }
}

function* get(settings: Settings, query: SqlQuery, id: string): Flow<StoredSession | undefined> {
  // What can be no key of a row need not be asked for.
  if (!SESSION_KEY.test(id)) return undefined
  const [row] = yield* rowsOf(query(settings.statements.select, [id]))
  return row && (yield* read(settings, row))
}

/** The session of a row; undefined where it has expired, by Django's own comparison. */
function* read({ rows, times, clock }: Settings, row: SqlRow): Flow<StoredSession | undefined> {
  const expiresAt = times.read(row.expire_date)
  if (expiresAt <= clock()) return undefined
  return { ...(yield* rows.read(row.session_data)), expiresAt }
}

function* set(settings: Settings, id: string, session: StoredSession): Flow<void> {
  const { text, end } = yield* written(settings, session)
  yield* rowsOf(settings.execute(settings.statements.upsert, [checkedKey(id), text, end]))
}

function* remove({ execute, statements }: Settings, id: string): Flow<void> {
  if (SESSION_KEY.test(id)) yield* rowsOf(execute(statements.delete, [id]))
}

function* touch(settings: Settings, id: string, expiresAt: Date | undefined): Flow<void> {
  const { execute, statements, times, clock } = settings
  const current = yield* get(settings, execute, id)
  if (current === undefined) return
  const end = endOf(settings, { data: current.data, ...(expiresAt && { expiresAt }) })
  yield* rowsOf(execute(statements.touch, [times.write(end), id, times.write(clock())]))
}

/** Inside a transaction. */
function* update(
  settings: Settings,
  query: SqlQuery,
  { id, change }: { id: string; change: Change },
): Flow<StoredSession | undefined> {
  const { statements, rows } = settings
  checkedKey(id)
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const [row] = yield* rowsOf(query(statements.lock, [id]))
    const current = row && (yield* read(settings, row))
    const changed = change(current)
    if (changed === undefined) return current
    const { text, end, expiresAt } = yield* written(settings, changed)
    const [made] = yield* rowsOf(
      row ? query(statements.update, [text, end, id]) : query(statements.insert, [id, text, end]),
    )
    // Nobody could lock what was not there: another request may have made it in the meantime.
    if (row || made) return { ...(yield* rows.read(text)), expiresAt }
  }
  throw new Error(`Others made and removed the session ${MAX_ATTEMPTS} times while this request tried to write it`)
}

interface Written {
  text: string
  end: string
  expiresAt: Date
}

function* written(settings: Settings, session: StoredSession): Flow<Written> {
  const expiresAt = endOf(settings, session)
  const text = yield* settings.rows.write(session, settings.clock())
  return { text, end: settings.times.write(expiresAt), expiresAt }
}

function endOf({ times, cookieAge, clock }: Settings, { data, expiresAt }: StoredSession): Date {
  const now = clock()
  const own = ownEnd(data, now, times)
  const asked = expiresAt ?? (own ? undefined : new Date(now.getTime() + cookieAge))
  if (own === undefined || asked === undefined) return (own ?? asked) as Date
  return own < asked ? own : asked
}

function checkedKey(id: string): string {
  if (SESSION_KEY.test(id)) return id
  throw new TypeError('A session key of Django has 32 characters of a to z and 0 to 9')
}

function* rowsOf(answer: MaybePromise<readonly SqlRow[]>): Flow<readonly SqlRow[]> {
  const rows = yield* wait(answer)
  if (Array.isArray(rows)) return rows
  throw new TypeError('Option "execute" must answer with a list of rows')
}
