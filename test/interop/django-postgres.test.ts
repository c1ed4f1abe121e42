/** The current Django and 3.2 over a real PostgreSQL, and many requests at once. */
import { Client, Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { djangoStore } from '../../src/server/stores/django.js'
import { pgExecute } from '../../src/server/stores/pg.js'
import type { SessionStore, StoredSession } from '../../src/server/stores/store.js'
import { hasPostgres, type Postgres, postgresHint, startPostgres } from '../setup/postgres.js'
import { djangoSuite, secretKey } from './django.suite.js'
import { openDjangoPostgres as open } from './django-databases.js'

if (hasPostgres()) {
  for (const serializer of ['json', 'pickle'] as const) {
    djangoSuite({ serializer, open, database: 'PostgreSQL', count: 40, era: 'current' })
    djangoSuite({ serializer, open, database: 'PostgreSQL', count: 20, era: 'both', older: 'older-django' })
  }
  describe('many requests at once, through two pools and a client', () => concurrencyTests())
} else {
  console.warn(`skipping Django over PostgreSQL: ${postgresHint}`)
  test.skip('needs PostgreSQL', () => {})
}

function concurrencyTests(): void {
  const id = 'k'.repeat(32)
  let server: Postgres
  let connections: (Pool | Client)[] = []
  let stores: SessionStore[] = []
  const counting =
    (name: string) =>
    (current: StoredSession | undefined): StoredSession => {
      const count = Number(current?.data.count ?? 0) + 1
      return { ...current, data: { ...current?.data, [name]: true, count } }
    }

  beforeAll(async () => {
    server = await startPostgres()
    const { host, port, user, database } = server
    const where = { host, port, user, database }
    const client = new Client(where)
    await client.connect()
    // The zone of a connection is nobody's concern.
    connections = [
      new Pool({ ...where, max: 5, options: '-c TimeZone=Asia/Tokyo' }),
      new Pool({ ...where, max: 5 }),
      client,
    ]
    await client.query(
      'CREATE TABLE django_session (session_key varchar(40) PRIMARY KEY, session_data text NOT NULL, expire_date timestamptz NOT NULL)',
    )
    stores = connections.map((connection) => djangoStore({ execute: pgExecute(connection), secretKey }))
  })
  afterAll(async () => {
    for (const connection of connections) await connection.end()
    await server?.stop()
  })

  test.each([
    ['one session that is there', true],
    ['one session that nobody has made yet', false],
  ])('%s loses nothing', async (_, isThere) => {
    const [store] = stores as [SessionStore]
    await store.delete(id)
    if (isThere) await store.set(id, { data: { count: 0 } })
    const names = Array.from({ length: 60 }, (__, at) => `key${at}`)
    await Promise.all(names.map(async (name, at) => stores[at % stores.length]?.update?.(id, counting(name))))
    const { count, ...others } = (await store.get(id))?.data ?? {}
    expect(count).toBe(60)
    expect(Object.keys(others).sort()).toEqual(names.sort())
  })

  test('the end is the same moment through every connection', async () => {
    const expiresAt = new Date(Date.now() + 90_123)
    for (const writer of stores) {
      await writer.set(id, { data: { a: 1 }, expiresAt })
      for (const reader of stores) expect((await reader.get(id))?.expiresAt).toEqual(expiresAt)
    }
  })

  test('a change that throws leaves the row and the connection as they were', async () => {
    for (const store of stores) {
      await store.set(id, { data: { a: 1 } })
      await expect(
        (async () =>
          store.update?.(id, () => {
            throw new Error('no')
          }))(),
      ).rejects.toThrow('no')
      expect((await store.get(id))?.data).toEqual({ a: 1 })
      await store.update?.(id, counting('b'))
      expect((await store.get(id))?.data).toEqual({ a: 1, b: true, count: 1 })
    }
  })
}
