/** Statements through the shapes of node-postgres. A real server is in test/interop/django-postgres.test.ts. */
import { EventEmitter } from 'node:events'
import { describe, expect, test } from 'vitest'
import { type PgPool, pgExecute } from '../../../src/server/stores/pg.js'
import type { SqlConnection, SqlQuery } from '../../../src/server/stores/sql.js'

type Released = boolean | Error | undefined

/** A pool that notes what each of its clients was told; a statement that holds `fail` fails. */
function fakePool() {
  const log: string[] = []
  const released: Released[] = []
  let clients = 0
  const query =
    (name: string) =>
    async (sql: string, params: unknown[] = []): Promise<{ rows: unknown[] }> => {
      log.push([name, sql, ...params].join(' '))
      await new Promise((resolve) => setTimeout(resolve, 1))
      if (sql.includes('fail')) throw new Error(`${sql}: no`)
      return { rows: [{ sql }] }
    }
  const pool: PgPool = {
    totalCount: 0,
    query: query('pool'),
    async connect() {
      return { query: query(`client${++clients}`), release: (error) => void released.push(error) }
    },
  }
  return { pool, log, released }
}

const begin = 'BEGIN ISOLATION LEVEL READ COMMITTED'
const inside = async (execute: SqlConnection, work: (query: SqlQuery) => unknown): Promise<unknown> =>
  execute.transaction(work)

describe('a pool', () => {
  test('runs a statement with its parameters and gives the rows', async () => {
    const { pool, log } = fakePool()
    const execute = pgExecute(pool)
    expect(execute.dialect).toBe('postgresql')
    expect(await execute('SELECT $1', ['a'])).toEqual([{ sql: 'SELECT $1' }])
    expect(log).toEqual(['pool SELECT $1 a'])
  })

  test('gives each transaction a client, and takes it back', async () => {
    const { pool, log, released } = fakePool()
    const execute = pgExecute(pool)
    const works = ['a', 'b'].map((name) => inside(execute, async (query) => (await query(name, [])).length))
    expect(await Promise.all(works)).toEqual([1, 1])
    expect(log.filter((line) => line.startsWith('client1'))).toEqual([
      `client1 ${begin}`,
      'client1 a',
      'client1 COMMIT',
    ])
    expect(log.filter((line) => line.startsWith('client2'))).toEqual([
      `client2 ${begin}`,
      'client2 b',
      'client2 COMMIT',
    ])
    expect(released).toEqual([false, false])
  })

  test.each([
    ['a statement', (query: SqlQuery) => query('fail', [])],
    ['the work', () => Promise.reject(new Error('fail: no'))],
    [
      'the work at once',
      (): never => {
        throw new Error('fail: no')
      },
    ],
  ])('where %s fails, rolls back, says why and gives the client up', async (_, work) => {
    const { pool, log, released } = fakePool()
    await expect(inside(pgExecute(pool), work)).rejects.toThrow('fail: no')
    expect(log.at(-1)).toBe('client1 ROLLBACK')
    expect(log).not.toContain('client1 COMMIT')
    expect(released).toEqual([true])
  })

  test('listens to a client that is in use: a connection that breaks then is an error of the query alone', async () => {
    const { pool, released } = fakePool()
    const client = new EventEmitter()
    const breaking: PgPool = {
      ...pool,
      connect: async () =>
        Object.assign(client, {
          query: async () => {
            // Throws if no one listens.
            client.emit('error', new Error('Connection terminated unexpectedly'))
            throw new Error('fail: no')
          },
          release: (error: Released) => void released.push(error),
        }),
    }
    await expect(inside(pgExecute(breaking), (query) => query('a', []))).rejects.toThrow('fail: no')
    expect(released).toEqual([true])
    expect(client.listenerCount('error')).toBe(0)
  })

  test('says the first error where rolling back fails, too', async () => {
    const { pool } = fakePool()
    const broken: PgPool = {
      ...pool,
      async connect() {
        const client = await pool.connect()
        return { ...client, query: (sql, params) => client.query(sql === 'ROLLBACK' ? 'fail 2' : sql, params) }
      },
    }
    await expect(inside(pgExecute(broken), (query) => query('fail 1', []))).rejects.toThrow('fail 1: no')
  })
})

test('a single client runs nothing of others in the middle of a transaction', async () => {
  const { pool, log } = fakePool()
  const client = await pool.connect()
  const execute = pgExecute(client)
  await Promise.all([
    inside(execute, async (query) => {
      await query('a', [])
      await query('b', [])
    }),
    execute('other', []),
    inside(execute, (query) => query('fail', [])).catch(() => {}),
    execute('last', []),
  ])
  expect(log.map((line) => line.replace('client1 ', ''))).toEqual([
    ...[begin, 'a', 'b', 'COMMIT'],
    'other',
    ...[begin, 'fail', 'ROLLBACK'],
    'last',
  ])
})

test('something else throws', () => {
  for (const database of [undefined, null, {}, { query: 1 }])
    expect(() => pgExecute(database as never)).toThrow(TypeError)
})
