/**
 * SQLite for tests: that of Node itself where it has one (22.13 and later), else the same in WebAssembly, with the manners of
 * better-sqlite3.
 */
import { createRequire } from 'node:module'
import type { SqliteDatabase, SqliteStatement } from '../../../src/server/stores/sqlite.js'

export interface TestDatabase extends SqliteDatabase {
  close(): void
}

const { getBuiltinModule } = process as { getBuiltinModule?: (name: string) => unknown }

/** The table as Django's migration makes it. */
export const DJANGO_TABLE =
  'CREATE TABLE "django_session" ("session_key" varchar(40) NOT NULL PRIMARY KEY, "session_data" text NOT NULL, "expire_date" datetime NOT NULL)'

/** Whether databases are those of node:sqlite, which waits for other processes; the one in WebAssembly has locks of its own. */
export const hasNodeSqlite: boolean = nodeSqlite() !== undefined

/** Opens a file, or a database in memory. */
export async function openSqlite(path = ':memory:'): Promise<TestDatabase> {
  const builtin = nodeSqlite()
  if (builtin) return new builtin.DatabaseSync(path)
  return openWasm(path)
}

function nodeSqlite(): { DatabaseSync: new (path: string) => TestDatabase } | undefined {
  return getBuiltinModule?.('node:sqlite') as ReturnType<typeof nodeSqlite>
}

async function openWasm(path: string): Promise<TestDatabase> {
  // Not by its name alone: a bundle for another runtime must not take it in.
  const { Database } = createRequire(import.meta.url)('node-sqlite3-wasm') as typeof import('node-sqlite3-wasm')
  const database = new Database(path)
  return {
    exec: (sql) => database.exec(sql),
    get inTransaction() {
      return database.inTransaction
    },
    close: () => database.close(),
    prepare(sql): SqliteStatement {
      const isReader = /^\s*(?:SELECT|PRAGMA|EXPLAIN)|\bRETURNING\b/i.test(sql)
      // No statement stays open, or the database could not be closed.
      return {
        reader: isReader,
        all(...params) {
          if (!isReader) throw new TypeError('This statement does not return data. Use run() instead')
          return database.all(sql, params)
        },
        run: (...params) => database.run(sql, params),
      }
    },
  }
}
