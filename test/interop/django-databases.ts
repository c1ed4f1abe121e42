/** Databases that Django and Node share in tests. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Pool } from 'pg'
import { pgExecute } from '../../src/server/stores/pg.js'
import { sqliteExecute } from '../../src/server/stores/sqlite.js'
import { openSqlite } from '../server/stores/sqlite.helpers.js'
import { startPostgres } from '../setup/postgres.js'
import type { DjangoDatabase } from './django.suite.js'

/** A file in a folder of its own. */
export async function openDjangoSqlite(): Promise<DjangoDatabase> {
  const folder = mkdtempSync(join(tmpdir(), 'sessionglass-django-'))
  const path = join(folder, 'db.sqlite3')
  const database = await openSqlite(path)
  return {
    name: 'SQLite',
    settings: { ENGINE: 'django.db.backends.sqlite3', NAME: path },
    execute: sqliteExecute(database),
    close() {
      database.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** A server of its own. */
export async function openDjangoPostgres(): Promise<DjangoDatabase> {
  const server = await startPostgres()
  const { host, port, user, database } = server
  const pool = new Pool({ host, port, user, database })
  return {
    name: 'PostgreSQL',
    settings: { ENGINE: 'django.db.backends.postgresql', HOST: host, PORT: port, USER: user, NAME: database },
    execute: pgExecute(pool),
    async close() {
      await pool.end()
      await server.stop()
    },
  }
}
