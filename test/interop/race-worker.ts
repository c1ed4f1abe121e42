/**
 * One of two processes that share a store: it does what its parent asks, and answers. Bundled and started by store-races.test.ts.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { RedisStore } from 'connect-redis'
import { Redis as IoRedis } from 'ioredis'
import pg from 'pg'
import { createClient } from 'redis'
import {
  createSessions,
  defineSession,
  djangoStore,
  type ExpressStore,
  fromExpressStore,
  jwt,
  pgExecute,
  redisStore,
  type SessionStore,
  type Sessions,
} from '../../src/server/index.js'

/** The stores that two processes can share. */
type RaceStore =
  | 'connect-redis'
  | 'connect-pg-simple'
  | 'session-file-store'
  | 'redisStore'
  | 'redisStore with ioredis'
  | 'djangoStore in PostgreSQL'

export interface RaceSettings {
  store: RaceStore
  redisPort?: number
  postgres?: { host: string; port: number; user: string; database: string }
  folder?: string
}

export type RaceAction = 'change' | 'touch' | 'regenerate' | 'destroy'

/** All for several sessions at once, each a Cookie header. */
export type RaceQuestion =
  | { ask: 'open'; settings: RaceSettings }
  /** New sessions of visitors. */
  | { ask: 'start'; count: number }
  /** The sessions of requests that will end later. */
  | { ask: 'load'; cookies: readonly string[] }
  /** What each of those requests does at its end, so many milliseconds from now. */
  | { ask: 'end'; action: RaceAction; delays: readonly number[] }
  /** Which of them a later request still finds. */
  | { ask: 'look'; cookies: readonly string[] }

export interface RaceAnswer {
  cookies?: string[]
  /** How many of the sessions are there, or were destroyed. */
  count?: number
  error?: string
}

const require = createRequire(import.meta.url)
const expressSession = require('express-session') as object
const SECRET = 'swordfish-one-of-the-keys-0123456789abcdef'

let sessions: Sessions
let loaded: Awaited<ReturnType<Sessions['load']>>[] = []

const answers = {
  async open({ settings }) {
    sessions = createSessions({
      session: defineSession({ name: 'sid', idleTimeout: '30m' }),
      store: await openStore(settings),
      codecs: [jwt({ secrets: [SECRET] })],
      expose: false,
      // Each commit is due.
      touchEvery: 0,
    })
    return {}
  },
  async start({ count }) {
    const started = Array.from({ length: count }, async () => {
      const session = await sessions.load('')
      session.data.user = 'dave'
      return cookieOf(await sessions.commit(session))
    })
    return { cookies: await Promise.all(started) }
  },
  async load({ cookies }) {
    loaded = await Promise.all(cookies.map((cookie) => sessions.load(cookie)))
    return { count: loaded.filter(({ isNew }) => !isNew).length }
  },
  async end({ action, delays }) {
    await Promise.all(
      loaded.map(async (session, index) => {
        await new Promise((resolve) => setTimeout(resolve, delays[index]))
        if (action === 'regenerate') session.regenerate()
        if (action === 'change' || action === 'regenerate') session.data.late = true
        await (action === 'destroy' ? sessions.destroy(session) : sessions.commit(session))
      }),
    )
    return { count: loaded.filter(({ isDestroyed }) => isDestroyed).length }
  },
  async look({ cookies }) {
    const found = await Promise.all(cookies.map((cookie) => sessions.load(cookie)))
    return { count: found.filter(({ isNew }) => !isNew).length }
  },
} satisfies { [Ask in RaceQuestion['ask']]: (question: Extract<RaceQuestion, { ask: Ask }>) => Promise<RaceAnswer> }

function cookieOf(cookies: readonly string[]): string {
  return cookies.map((cookie) => cookie.slice(0, cookie.indexOf(';'))).join('; ')
}

async function openStore({ store, redisPort, postgres, folder }: RaceSettings): Promise<SessionStore> {
  switch (store) {
    case 'connect-redis':
      return fromExpressStore(new RedisStore({ client: await nodeRedis(redisPort) }))
    case 'connect-pg-simple': {
      const pool = new pg.Pool(postgres)
      await createOnce(pool, 'session', readFileSync(require.resolve('connect-pg-simple/table.sql'), 'utf8'))
      const PgStore = require('connect-pg-simple')(expressSession) as new (options: object) => ExpressStore
      return fromExpressStore(new PgStore({ pool, pruneSessionInterval: false }))
    }
    case 'session-file-store': {
      const FileStore = require('session-file-store')(expressSession) as new (options: object) => ExpressStore
      return fromExpressStore(new FileStore({ path: folder, retries: 0, reapInterval: -1, logFn: () => {} }))
    }
    case 'redisStore':
      return redisStore(await nodeRedis(redisPort))
    case 'redisStore with ioredis':
      return redisStore(new IoRedis(redisPort as number, '127.0.0.1'))
    case 'djangoStore in PostgreSQL': {
      const pool = new pg.Pool(postgres)
      const columns =
        'session_key varchar(40) PRIMARY KEY, session_data text NOT NULL, expire_date timestamp with time zone NOT NULL'
      await createOnce(pool, 'django_session', `CREATE TABLE django_session (${columns})`)
      return djangoStore({ execute: pgExecute(pool), secretKey: SECRET })
    }
  }
}

async function nodeRedis(port: number | undefined) {
  const client = createClient({ url: `redis://127.0.0.1:${port}` })
  await client.connect()
  return client
}

async function createOnce(pool: pg.Pool, table: string, sql: string): Promise<void> {
  const { rows } = await pool.query('SELECT to_regclass($1) AS found', [table])
  if (rows[0].found === null) await pool.query(sql)
}

process.on('message', async (question: RaceQuestion) => {
  const answer = answers[question.ask] as (question: RaceQuestion) => Promise<RaceAnswer>
  // An error is an answer: the parent counts it.
  process.send?.(await answer(question).catch((error: Error) => ({ error: `${error.message}: ${error.cause}` })))
})
process.on('disconnect', () => process.exit())
