/** A table of its own in SQLite; test/interop/sql-store.test.ts has PostgreSQL. */

import { sqlStore } from '../../src/server/stores/sql-store.js'
import { sqliteExecute } from '../../src/server/stores/sqlite.js'
import { testClock } from '../server/server.helpers.js'
import { openSqlite } from '../server/stores/sqlite.helpers.js'
import { storeContract } from './store-contract.js'

storeContract('sqlStore', {
  owners: 'index',
  async make() {
    const clock = testClock()
    const store = sqlStore({ execute: sqliteExecute(await openSqlite()), clock })
    await store.createTable()
    return { store, now: clock, pass: (milliseconds) => clock.pass(milliseconds / 1000) }
  },
})
