/** Stores over real databases, for tests with several processes: their clients come back by themselves when a database does. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { RedisStore } from 'connect-redis'
import { Redis as IoRedis } from 'ioredis'
import pg from 'pg'
import { createClient } from 'redis'
import {
  djangoStore,
  type ExpressStore,
  fromExpressStore,
  pgExecute,
  redisStore,
  type SessionStore,
  sqliteExecute,
  sqlStore,
} from '../../src/server/index.js'
import { DJANGO_TABLE, openSqlite } from '../server/stores/sqlite.helpers.js'

/** The stores that several processes can share. */
export type SharedStore =
  | 'connect-redis'
  | 'connect-pg-simple'
  | 'session-file-store'
  | 'redisStore'
  | 'redisStore with ioredis'
  | 'redisStore with owners'
  | 'sqlStore in PostgreSQL'
  | 'djangoStore in PostgreSQL'
  | 'djangoStore in SQLite'

/** Where they keep their rows. */
export interface StorePlaces {
  redisPort?: number
  postgres?: { host: string; port: number; user: string; database: string }
  folder?: string
}

export interface SharedStoreOptions {
  secretKey: string
  clock?: () => Date
}

// Its types would claim `req.session` of every test for themselves.
const require = createRequire(import.meta.url)

export async function openSharedStore(
  store: SharedStore,
  { redisPort, postgres, folder }: StorePlaces,
  { secretKey, ...options }: SharedStoreOptions,
): Promise<SessionStore> {
  switch (store) {
    case 'connect-redis':
      return fromExpressStore(new RedisStore({ client: await nodeRedis(redisPort as number) }), options)
    case 'connect-pg-simple': {
      const pool = poolOf(postgres)
      await createOnce(pool, 'session', readFileSync(require.resolve('connect-pg-simple/table.sql'), 'utf8'))
      const PgStore = storeOf(require('connect-pg-simple'))
      return fromExpressStore(new PgStore({ pool, pruneSessionInterval: false, errorLog: () => {} }), options)
    }
    case 'session-file-store': {
      const FileStore = storeOf(require('session-file-store'))
      return fromExpressStore(new FileStore({ path: folder, retries: 0, reapInterval: -1, logFn: () => {} }), options)
    }
    case 'redisStore':
      return redisStore(await nodeRedis(redisPort as number), options)
    case 'redisStore with ioredis':
      return redisStore(ioRedis(redisPort as number), options)
    case 'redisStore with owners':
      return redisStore(await nodeRedis(redisPort as number), { ...options, owners: true })
    case 'sqlStore in PostgreSQL': {
      const sql = sqlStore({ execute: pgExecute(poolOf(postgres)), ...options })
      await sql.createTable()
      return sql
    }
    case 'djangoStore in PostgreSQL': {
      const pool = poolOf(postgres)
      const columns =
        'session_key varchar(40) PRIMARY KEY, session_data text NOT NULL, expire_date timestamp with time zone NOT NULL'
      await createOnce(pool, 'django_session', `CREATE TABLE django_session (${columns})`)
      return djangoStore({ execute: pgExecute(pool), secretKey, ...options })
    }
    case 'djangoStore in SQLite': {
      const database = await openSqlite(`${folder}/sessions.sqlite3`)
      const execute = sqliteExecute(database)
      database.exec(DJANGO_TABLE.replace('TABLE', 'TABLE IF NOT EXISTS'))
      return djangoStore({ execute, secretKey, ...options })
    }
  }
}

function storeOf(make: (expressSession: object) => unknown): new (options: object) => ExpressStore {
  return make(require('express-session')) as new (
    options: object,
  ) => ExpressStore
}

async function nodeRedis(port: number) {
  const socket = { reconnectStrategy: 20 }
  const client = createClient({ url: `redis://127.0.0.1:${port}`, disableOfflineQueue: true, socket })
  // The calls fail too.
  client.on('error', () => {})
  await client.connect()
  return client
}

function ioRedis(port: number): IoRedis {
  const client = new IoRedis(port, '127.0.0.1', { maxRetriesPerRequest: 0, retryStrategy: () => 20 })
  client.on('error', () => {})
  return client
}

function poolOf(settings: (StorePlaces['postgres'] & {}) | undefined): pg.Pool {
  const pool = new pg.Pool(settings)
  pool.on('error', () => {})
  return pool
}

async function createOnce(pool: pg.Pool, table: string, sql: string): Promise<void> {
  const { rows } = await pool.query('SELECT to_regclass($1) AS found', [table])
  if (rows[0].found === null) await pool.query(sql)
}
