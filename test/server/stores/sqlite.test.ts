/** Statements through node:sqlite, or SQLite in WebAssembly with the manners of better-sqlite3 where Node has none. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { SqlConnection, SqlQuery } from '../../../src/server/stores/sql.js'
import { type SqliteDatabase, sqliteExecute } from '../../../src/server/stores/sqlite.js'
import { hasNodeSqlite, openSqlite, type TestDatabase } from './sqlite.helpers.js'

let database: TestDatabase
let execute: SqlConnection

beforeEach(async () => {
  database = await openSqlite()
  database.exec('CREATE TABLE t (a text)')
  execute = sqliteExecute(database)
})
afterEach(() => database.close())

const rows = () => execute('SELECT a FROM t ORDER BY a', [])
const plain = (found: unknown) => JSON.parse(JSON.stringify(found)) as unknown

test('answers at once, with rows where there are some', () => {
  expect(execute.dialect).toBe('sqlite')
  expect(execute('INSERT INTO t VALUES (?)', ['x'])).toEqual([])
  expect(plain(execute('INSERT INTO t VALUES (?) RETURNING a', ['y']))).toEqual([{ a: 'y' }])
  expect(plain(rows())).toEqual([{ a: 'x' }, { a: 'y' }])
  expect(execute('UPDATE t SET a = ? WHERE a = ?', ['z', 'none'])).toEqual([])
})

test('a transaction is kept as a whole or not at all', () => {
  const result = execute.transaction((query) => {
    query('INSERT INTO t VALUES (?)', ['x'])
    return 'done'
  })
  expect(result).toBe('done')
  expect(() =>
    execute.transaction((query) => {
      query('INSERT INTO t VALUES (?)', ['y'])
      throw new Error('no')
    }),
  ).toThrow('no')
  expect(() => execute.transaction((query) => query('nonsense', []))).toThrow()
  expect(plain(rows())).toEqual([{ a: 'x' }])
})

test('a transaction that has to wait keeps others out, and is kept or not', async () => {
  const slow = (name: string, fails = false) =>
    execute.transaction(async (query) => {
      query('INSERT INTO t VALUES (?)', [name])
      await new Promise((resolve) => setTimeout(resolve, 5))
      if (fails) throw new Error('no')
      return query('SELECT a FROM t', [])
    })
  const [first, second, third, last] = await Promise.allSettled([
    slow('a'),
    slow('b', true),
    slow('c'),
    execute('SELECT count(*) AS n FROM t', []),
  ])
  expect(plain((first as PromiseFulfilledResult<unknown>).value)).toEqual([{ a: 'a' }])
  expect(second.status).toBe('rejected')
  expect(plain((third as PromiseFulfilledResult<unknown>).value)).toEqual([{ a: 'a' }, { a: 'c' }])
  expect(plain((last as PromiseFulfilledResult<unknown>).value)).toEqual([{ n: 2 }])
})

test('in a transaction of the application, its end decides', () => {
  database.exec('BEGIN')
  execute.transaction((query) => query('INSERT INTO t VALUES (?)', ['x']))
  database.exec('ROLLBACK')
  expect(rows()).toEqual([])
})

test('waits for other processes as long as Python does, or as long as it was told', () => {
  const timeout = (): unknown[] => (execute('PRAGMA busy_timeout', []) as object[]).flatMap(Object.values)
  expect(timeout()).toEqual([5000])
  sqliteExecute(database, { busyTimeout: 100 })
  expect(timeout()).toEqual([100])
})

test('keeps statements prepared, but not without end', () => {
  let prepared = 0
  const counting: SqliteDatabase = {
    exec: (sql) => database.exec(sql),
    prepare(sql) {
      prepared++
      return database.prepare(sql)
    },
  }
  const query: SqlQuery = sqliteExecute(counting)
  for (let round = 0; round < 3; round++) query('SELECT 1', [])
  expect(prepared).toBe(1)
  for (let at = 0; at < 63; at++) query(`SELECT ${at + 2}`, [])
  query('SELECT 1', [])
  expect(prepared).toBe(64)
  query('SELECT 100', [])
  query('SELECT 1', [])
  expect(prepared).toBe(66)
})

test('the lock is taken at the beginning: two that read first can not both write', async () => {
  // SQLite in WebAssembly has locks that no other connection of this process sees.
  if (!hasNodeSqlite) return expect(Reflect.get(process.versions, 'node')).toMatch(/^(?:20|22\.[0-9]\.|22\.1[0-2]\.)/)
  const folder = mkdtempSync(join(tmpdir(), 'sessionglass-sqlite-'))
  const [one, two] = [await openSqlite(join(folder, 'db')), await openSqlite(join(folder, 'db'))]
  one.exec('CREATE TABLE t (a text)')
  const first = sqliteExecute(one)
  const second = sqliteExecute(two, { busyTimeout: 10 })
  first.transaction((query) => {
    query('SELECT a FROM t', [])
    expect(() => second.transaction((other) => other('SELECT a FROM t', []))).toThrow(/locked|busy/)
    query('INSERT INTO t VALUES (?)', ['x'])
  })
  expect(second.transaction((other) => other('SELECT a FROM t', []))).toHaveLength(1)
  one.close()
  two.close()
  rmSync(folder, { recursive: true, force: true })
})

test('something else throws, and so does a time that is none', () => {
  for (const other of [undefined, null, {}, { prepare: () => {} }])
    expect(() => sqliteExecute(other as never)).toThrow(TypeError)
  for (const busyTimeout of [-1, 0.5, Number.NaN, '5']) {
    expect(() => sqliteExecute(database, { busyTimeout: busyTimeout as number })).toThrow('"busyTimeout"')
  }
})
