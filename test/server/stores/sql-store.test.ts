/** What sqlStore does beside the contract of stores, in SQLite; test/interop/sql-store.test.ts has PostgreSQL. */
import { describe, expect, test } from 'vitest'
import {
  createRevocations,
  djangoSession,
  jwt,
  type SqlExecute,
  type SqlRow,
  sqliteExecute,
  sqlStore,
} from '../../../src/server/index.js'
import { SECRET, START, testClock } from '../server.helpers.js'
import { openSqlite } from './sqlite.helpers.js'
import { serveStored } from './stores.helpers.js'

async function open(table?: string) {
  const database = await openSqlite()
  const clock = testClock()
  const execute = sqliteExecute(database)
  const store = sqlStore({ execute, clock, ...(table !== undefined && { table }) })
  await store.createTable()
  const rows = async (sql: string): Promise<readonly SqlRow[]> => await execute(sql, [])
  return { database, clock, execute, store, rows }
}

const ID = 'a'.repeat(32)

test('keeps what was revoked', async () => {
  const { store, clock, rows } = await open()
  const make = () => createRevocations({ store, cacheFor: 0, clock })
  const [here, there] = [make(), make()]
  const judge = (id: string, owner: string, seconds: number) =>
    there.isRevoked({
      id,
      owner,
      createdAt: undefined,
      authenticatedAt: new Date(START + seconds * 1000),
      data: {} as never,
      codec: 'compact',
      key: undefined,
    })
  await Promise.all([
    here.revokeSession('one'),
    there.revokeSession('two'),
    here.revokeOwner('dave'),
    there.revokeOwner('dave', new Date(START + 5000)),
  ])
  expect(await Promise.all([judge('one', 'eve', 9), judge('two', 'eve', 9), judge('three', 'eve', -9)])).toEqual([
    true,
    true,
    false,
  ])
  expect(await Promise.all([judge('three', 'dave', 4), judge('three', 'dave', 5)])).toEqual([true, false])
  expect(await rows('SELECT owner FROM sessions')).toHaveLength(4)
})

describe('the table', () => {
  test('has a row for each session, with whole milliseconds', async () => {
    const { store, rows, clock } = await open()
    await store.set(ID, { data: { user: 'dave' }, owner: 'dave', expiresAt: new Date(START + 60_000) })
    clock.pass(1)
    await store.touch?.(ID, undefined)
    expect((await rows('SELECT * FROM sessions')).map((row) => ({ ...row }))).toEqual([
      {
        id: ID,
        data: '{"user":"dave"}',
        owner: 'dave',
        created_at: START,
        accessed_at: START + 1000,
        expires_at: START + 1000 + 14 * 86_400_000,
      },
    ])
  })

  test('without an end', async () => {
    const { execute, rows, clock } = await open()
    const store = sqlStore({ execute, ttl: false, clock })
    await store.set(ID, { data: {}, owner: 'dave' })
    expect(await rows('SELECT expires_at, owner FROM sessions')).toEqual([
      expect.objectContaining({ expires_at: null, owner: 'dave' }),
    ])
    clock.pass(1e9)
    expect(await store.get(ID)).toMatchObject({ data: {}, owner: 'dave' })
    expect(await store.deleteExpired()).toBe(0)
    expect(await store.listOwned?.('dave', { limit: 1, ownerOf: () => undefined })).toEqual([ID])
  })

  test('is made once, with its indexes, in its schema', async () => {
    const { store, rows, database } = await open('main.visits')
    await store.createTable()
    await store.set(ID, { data: { a: 1 } })
    const found = await rows("SELECT name FROM main.sqlite_master WHERE name LIKE 'visits%' ORDER BY name")
    expect(found.map(({ name }) => name)).toEqual(['visits', 'visits_expires', 'visits_owner'])
    database.exec("ATTACH DATABASE ':memory:' AS other")
    const other = sqlStore({ execute: sqliteExecute(database), table: 'other.visits' })
    await other.createTable()
    expect(await other.get(ID)).toBeUndefined()
    await other.set(ID, { data: { b: 1 } })
    expect([(await store.get(ID))?.data, (await other.get(ID))?.data]).toEqual([{ a: 1 }, { b: 1 }])
    expect((await rows("SELECT name FROM other.sqlite_master WHERE name LIKE 'visits_owner'")).length).toBe(1)
  })

  test('is asked by its indexes', async () => {
    const { rows } = await open()
    const plan = async (sql: string): Promise<string> =>
      (await rows(`EXPLAIN QUERY PLAN ${sql}`)).map(({ detail }) => String(detail)).join('\n')
    expect(await plan("SELECT id FROM sessions WHERE owner = 'a' AND id > '' ORDER BY id LIMIT 5")).toMatch(
      /USING (?:COVERING )?INDEX sessions_owner/,
    )
    expect(await plan('SELECT id FROM sessions WHERE expires_at <= 5 ORDER BY expires_at LIMIT 5')).toMatch(
      /sessions_expires/,
    )
  })
})

test.each([
  ['sessions', true],
  ['my.sessions', true],
  [`s${'x'.repeat(54)}`, true],
  [`s${'x'.repeat(55)}`, false],
  [`my.s${'x'.repeat(55)}`, false],
  ['a;b', false],
  ['a"b', false],
  ['a.b.c', false],
  ['', false],
  [5, false],
])('the table %j: %s', async (table, isName) => {
  const make = async () => sqlStore({ execute: sqliteExecute(await openSqlite()), table: table as string })
  if (isName) expect((await make()).name).toBe('sql')
  else await expect(make()).rejects.toThrow('Option "table"')
})

test('other options are refused by their names', () => {
  const execute: SqlExecute = () => []
  expect(() => sqlStore({ execute })).toThrow('Option "dialect"')
  expect(() => sqlStore({ execute, dialect: 'mysql' as never })).toThrow('Option "dialect"')
  expect(() => sqlStore({ execute: undefined as never })).toThrow('Option "execute"')
  expect(() => sqlStore({ execute, dialect: 'sqlite', ttl: 'soon' as never })).toThrow('ttl')
  expect(() => sqlStore({ execute, dialect: 'sqlite', tables: 'a' } as never)).toThrow('"table"')
})

test('a function of your own is enough; without transactions nothing is changed in one step', async () => {
  const { execute } = await open()
  const store = sqlStore({ execute: (sql, params) => execute(sql, params), dialect: 'sqlite' })
  expect(store.update).toBeUndefined()
  await store.createTable()
  await store.set(ID, { data: { a: 1 } })
  expect((await store.get(ID))?.data).toEqual({ a: 1 })
  const mute = sqlStore({ execute: () => undefined as never, dialect: 'sqlite' })
  await expect(mute.get(ID)).rejects.toThrow('list of rows')
})

test.each(["x'; DROP TABLE sessions; --", 'é', 'x'.repeat(255), 'x'.repeat(256), 'a\0', '\ud800', ''])(
  'the id %j',
  async (id) => {
    const { store } = await open()
    const isId = /^[x'é]/.test(id) && id.length < 256
    if (isId) await store.set(id, { data: { a: 1 } })
    else await expect((async () => await store.set(id, { data: {} }))()).rejects.toThrow(TypeError)
    expect(await store.get(id)).toEqual(isId ? expect.objectContaining({ data: { a: 1 } }) : undefined)
    await store.touch?.(id, undefined)
    await store.delete(id)
    expect(await store.get(id)).toBeUndefined()
  },
)

describe('expired rows', () => {
  test.each([0, 1, 999, 1000, 1001, 2500])('%i of them are deleted, and no other', async (count) => {
    const { store, rows, clock, execute } = await open()
    const insert = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})
      INSERT INTO sessions SELECT printf('%032d', i), '{}', NULL, 0, 0, ${START + 1000} FROM n`
    if (count > 0) await execute(insert, [])
    await store.set(ID, { data: {}, expiresAt: new Date(START + 1001) })
    expect(await store.deleteExpired()).toBe(0)
    clock.pass(1)
    expect(await store.deleteExpired()).toBe(count)
    expect((await rows('SELECT id FROM sessions')).map(({ id }) => id)).toEqual([ID])
  })

  test('count as gone before that, and a new row in their place is new', async () => {
    const { store, clock } = await open()
    await store.set(ID, { data: { a: 1 }, expiresAt: new Date(START + 1000), owner: 'dave' })
    clock.pass(1)
    expect(await store.get(ID)).toBeUndefined()
    await store.touch?.(ID, new Date(START + 9000))
    expect(await store.get(ID)).toBeUndefined()
    let seen: unknown = 'nothing'
    await store.update?.(ID, (current) => {
      seen = current
      return { data: { b: 1 }, expiresAt: new Date(START + 9000) }
    })
    expect(seen).toBeUndefined()
    expect(await store.get(ID)).toMatchObject({ data: { b: 1 }, createdAt: new Date(START + 1000) })
  })
})

test.each([
  [9, true],
  [10, false],
])('a row that others made and removed %i times meanwhile: %s', async (times, isWritten) => {
  const { execute } = await open()
  let left = times
  // As if another request made the row, and removed it.
  const query: SqlExecute = (sql, params) => (sql.includes('RETURNING') && left-- > 0 ? [] : execute(sql, params))
  const transaction: NonNullable<SqlExecute['transaction']> = (work) => work(query)
  const store = sqlStore({ execute: Object.assign(query, { dialect: 'sqlite', transaction } as const) })
  const update = (async () => await store.update?.(ID, () => ({ data: { a: 1 } })))()
  if (isWritten) expect((await update)?.data).toEqual({ a: 1 })
  else await expect(update).rejects.toThrow('10 times')
})

describe('as the store of sessions', () => {
  test('keeps the types of values, and whose session it is', async () => {
    const { store, clock } = await open()
    const { sessions, visit, browser } = serveStored(
      { store, owner: ({ user }: { user?: string }) => user, idleTimeout: 1800 },
      { clock },
    )
    const data = { user: 'dave', at: new Date(START), bytes: new Uint8Array([1, 0]), big: 2n ** 60n }
    await visit((current) => Object.assign(current, data))
    expect((await sessions.load(browser.cookie)).data).toEqual(data)
    expect((await sessions.listSessions('dave')).sessions).toMatchObject([{ data, expiresAt: new Date(START + 1.8e6) }])
    expect(await sessions.endSessions('dave')).toBe(1)
    expect((await sessions.load(browser.cookie)).rejected?.code).toBe('ERR_SESSION_EXPIRED')
  })

  test('changes at the same time are merged, and once() does its work once', async () => {
    const { store, clock } = await open()
    const { sessions, visit, browser } = serveStored({ store, codecs: [jwt({ secrets: SECRET })] }, { clock })
    await visit((data) => Object.assign(data, { user: 'dave' }))
    const open_ = await Promise.all(Array.from({ length: 10 }, () => sessions.load(browser.cookie)))
    let works = 0
    await Promise.all(
      open_.map(async (session, index) => {
        session.data[`k${index}`] = index
        await session.once('work', () => ++works)
        await sessions.commit(session)
      }),
    )
    expect(works).toBe(1)
    expect(Object.keys((await sessions.load(browser.cookie)).data)).toHaveLength(11)
  })

  test('an id of anything, from a cookie that is only an id, is no statement', async () => {
    const { store, clock } = await open()
    const { sessions } = serveStored({ store, codecs: [djangoSession()] }, { clock })
    expect((await sessions.load(`beaker.session.id=${'a'.repeat(31)}'`)).isNew).toBe(true)
  })
})
