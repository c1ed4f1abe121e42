/** Stores made for express-session, the real packages; connect-redis is in redis-store.test.ts. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ExpressStore, fromExpressStore } from '../../src/server/index.js'
import { storeContract } from '../contract/store-contract.js'
import { rejection } from '../server/server.helpers.js'
import { serveStored } from '../server/stores/stores.helpers.js'
import { hasPostgres, postgresHint, startPostgres } from '../setup/postgres.js'

// Its types would claim `req.session` of every test for themselves.
const require = createRequire(import.meta.url)
const session = require('express-session') as { MemoryStore: new () => ExpressStore }
const time = { now: () => new Date(), pass: wait }

storeContract('MemoryStore of express-session', {
  make: () => ({ store: fromExpressStore(new session.MemoryStore()), ...time }),
  isJson: true,
  stringifies: true,
  inSteps: true,
  life: 400,
})

if (hasPostgres()) {
  describe('with a real PostgreSQL', async () => {
    const PgStore = require('connect-pg-simple')(session) as new (options: object) => ExpressStore
    const postgres = await startPostgres()
    const pool = new pg.Pool({
      host: postgres.host,
      port: postgres.port,
      user: postgres.user,
      database: postgres.database,
    })
    pool.on('error', () => {})
    const store = new PgStore({ pool, pruneSessionInterval: false, errorLog: () => {} })
    beforeAll(() => pool.query(readFileSync(require.resolve('connect-pg-simple/table.sql'), 'utf8')))
    afterAll(async () => {
      await pool.end()
      await postgres.stop()
    })

    storeContract('connect-pg-simple', {
      async make() {
        await pool.query('DELETE FROM session')
        return { store: fromExpressStore(store), ...time }
      },
      isJson: true,
      stringifies: true,
      inSteps: true,
      // It counts whole seconds.
      life: 2000,
    })

    test('a database that goes away is a store that is down', async () => {
      const { visit, sessions, browser } = serveStored({ store: fromExpressStore(store) })
      await visit((data) => Object.assign(data, { user: 'dave' }))
      expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'dave' })
      await postgres.stop()
      expect((await rejection('ERR_SESSION_STORE', sessions.load(browser.cookie))).cause).toBeInstanceOf(Error)
    })
  })
} else {
  test.skip(postgresHint, () => {})
}
