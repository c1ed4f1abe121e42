/** Django's table as a session store; its pickles hold what JSON can't. */
import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { djangoStore } from '../../src/server/stores/django.js'
import { sqliteExecute } from '../../src/server/stores/sqlite.js'
import { testClock } from '../server/server.helpers.js'
import { DJANGO_TABLE, openSqlite } from '../server/stores/sqlite.helpers.js'
import { storeContract } from './store-contract.js'

for (const serializer of ['json', 'pickle'] as const) {
  storeContract(`djangoStore, ${serializer}`, {
    isJson: serializer === 'json',
    owners: 'scan',
    async make() {
      const database = await openSqlite()
      database.exec(DJANGO_TABLE)
      const clock = testClock()
      const secretKey = 'vector-secret-key-0123456789-abcdefghijklmnop'
      const store = djangoStore({ execute: sqliteExecute(database), secretKey, serializer, clock })
      return { store, now: clock, pass: (milliseconds) => clock.pass(milliseconds / 1000) }
    },
  })
}

test('nothing was written beside memory', () => {
  expect(existsSync(':memory:')).toBe(false)
})
