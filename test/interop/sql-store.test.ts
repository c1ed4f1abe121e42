/** sqlStore in a real PostgreSQL. */
import { Client, Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pgExecute, sqlStore } from '../../src/server/index.js'
import { idsOwned, storeContract } from '../contract/store-contract.js'
import { testClock } from '../server/server.helpers.js'
import { hasPostgres, type Postgres, postgresHint, startPostgres } from '../setup/postgres.js'

if (hasPostgres()) {
  describe('with a real PostgreSQL', () => {
    let server: Postgres
    let pool: Pool
    beforeAll(async () => {
      server = await startPostgres()
      const { host, port, user, database } = server
      pool = new Pool({ host, port, user, database })
    })
    afterAll(async () => {
      await pool.end()
      await server.stop()
    })
    let made = 0

    storeContract('sqlStore', {
      owners: 'index',
      async make() {
        const clock = testClock()
        const store = sqlStore({ execute: pgExecute(pool), table: `t${made++}`, clock })
        await store.createTable()
        return { store, now: clock, pass: (milliseconds) => clock.pass(milliseconds / 1000) }
      },
    })

    test('eight processes make the table at once, in a schema', async () => {
      await pool.query('CREATE SCHEMA shop')
      const store = sqlStore({ execute: pgExecute(pool), table: 'shop.visits' })
      await Promise.all(Array.from({ length: 8 }, () => store.createTable()))
      const { rows } = await pool.query("SELECT indexname FROM pg_indexes WHERE schemaname = 'shop' ORDER BY 1")
      expect(rows.map(({ indexname }) => indexname)).toEqual(['visits_expires', 'visits_owner', 'visits_pkey'])
    })

    test('a single client does, too', async () => {
      const { host, port, user, database } = server
      const client = new Client({ host, port, user, database })
      await client.connect()
      const store = sqlStore({ execute: pgExecute(client), table: 'single' })
      await store.createTable()
      await store.set('a', { data: { n: 0 }, owner: 'dave' })
      const add = async () =>
        await store.update?.('a', (row) => ({ data: { n: Number(row?.data.n) + 1 }, owner: 'dave' }))
      await Promise.all([add(), add(), add()])
      expect((await store.get('a'))?.data).toEqual({ n: 3 })
      expect(await idsOwned(store, 'dave')).toEqual(['a'])
      await client.end()
    })

    test('several processes delete what has expired, and each row counts once', async () => {
      const clock = testClock()
      const store = sqlStore({ execute: pgExecute(pool), table: 'old', clock })
      await store.createTable()
      const end = clock().getTime()
      await pool.query(
        `INSERT INTO old SELECT lpad(i::text, 32, '0'), '{}', NULL, 0, 0, ${end} + i % 2 FROM generate_series(1, 5000) i`,
      )
      const counts = await Promise.all(Array.from({ length: 4 }, () => store.deleteExpired()))
      expect(counts.reduce((sum, count) => sum + count)).toBe(2500)
      expect((await pool.query('SELECT count(*)::int AS n FROM old')).rows).toEqual([{ n: 2500 }])
    })

    test('of 10 000 rows the index finds those of one owner', async () => {
      const store = sqlStore({ execute: pgExecute(pool), table: 'many' })
      await store.createTable()
      await pool.query(
        `INSERT INTO many SELECT lpad(i::text, 32, '0'), '{}', 'u' || i % 1000, 0, 0, NULL FROM generate_series(1, 10000) i`,
      )
      await pool.query('ANALYZE many')
      const sql =
        "SELECT id FROM many WHERE owner = 'u7' AND id > '' AND (expires_at IS NULL OR expires_at > 5) ORDER BY id LIMIT 100"
      const { rows } = await pool.query(`EXPLAIN ${sql}`)
      expect(JSON.stringify(rows)).toContain('many_owner')
      expect(await idsOwned(store, 'u7')).toHaveLength(10)
    })
  })
} else {
  test.skip(postgresHint, () => {})
}
