/** Django's table over SQLite: each operation, its end, interleaving, and what never reaches a statement. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { djangoJwt } from '../../../src/server/codecs/django-jwt.js'
import { createSessions } from '../../../src/server/core/sessions.js'
import { type DjangoStoreOptions, djangoStore } from '../../../src/server/stores/django.js'
import type { SqlConnection, SqlExecute, SqlQuery } from '../../../src/server/stores/sql.js'
import { sqliteExecute } from '../../../src/server/stores/sqlite.js'
import type { SessionStore, StoredSession } from '../../../src/server/stores/store.js'
import { defineSession } from '../../../src/shared/define-session.js'
import { failure } from '../../contract/codec-checks.js'
import { testClock } from '../server.helpers.js'
import { DJANGO_TABLE, openSqlite, type TestDatabase } from './sqlite.helpers.js'

const secretKey = 'vector-secret-key-0123456789-abcdefghijklmnop'
const id = 'k'.repeat(32)
const twoWeeks = 14 * 86_400

let database: TestDatabase
let execute: SqlExecute
let statements: string[]
let clock: ReturnType<typeof testClock>

beforeEach(async () => {
  database = await openSqlite()
  database.exec(DJANGO_TABLE)
  statements = []
  execute = spied(sqliteExecute(database))
  clock = testClock()
})
afterEach(() => database.close())

function storeWith(options: Partial<DjangoStoreOptions> = {}): SessionStore {
  return djangoStore({ execute, secretKey, clock, ...options })
}

/** Notes each statement that is run. */
function spied(inner: SqlConnection): SqlExecute {
  const noting =
    (query: SqlQuery): SqlQuery =>
    (sql, params) => {
      statements.push(sql)
      return query(sql, params)
    }
  const { transaction, dialect } = inner
  return Object.assign(noting(inner), {
    dialect,
    transaction: <T>(work: Parameters<typeof transaction<T>>[0]) => transaction((query) => work(noting(query))),
  })
}

async function rowOf(key = id): Promise<Record<string, unknown> | undefined> {
  return (await execute('SELECT * FROM django_session WHERE session_key = ?', [key]))[0]
}

async function insert(text: string, expires: string, key = id): Promise<void> {
  await execute('INSERT INTO django_session VALUES (?, ?, ?)', [key, text, expires])
}

/** What a core does that merges one key. */
const setting =
  (name: string, value: unknown) =>
  (current: StoredSession | undefined): StoredSession | undefined =>
    current && { ...current, data: { ...current.data, [name]: value } }

describe('a row', () => {
  test('is written as Django writes it, and read', async () => {
    const store = storeWith()
    await store.set(id, { data: {} })
    expect(await rowOf()).toMatchObject({
      session_key: id,
      session_data: 'e30:1r31eq:TbTwr7YVVVNKrhfS2o8dhy3X63hoPt-5J4FTHyhEa4U',
      expire_date: '2023-11-28 22:13:20',
    })
    await store.set(id, { data: { user: 'dave' } })
    const row = await store.get(id)
    expect(row?.data).toEqual({ user: 'dave' })
    expect(row?.expiresAt).toEqual(new Date(clock().getTime() + twoWeeks * 1000))
  })

  test('shares no object with anybody', async () => {
    const store = storeWith()
    const list = ['a']
    await store.set(id, { data: { list } })
    list.push('b')
    const first = await store.get(id)
    Object.assign(first?.data.list as string[], ['c'])
    expect((await store.get(id))?.data).toEqual({ list: ['a'] })
  })

  test('is deleted, and deleting what is not there is no fault', async () => {
    const store = storeWith()
    await store.set(id, { data: { a: 1 } })
    await store.delete(id)
    await store.delete(id)
    expect(await store.get(id)).toBeUndefined()
    expect(await rowOf()).toBeUndefined()
  })

  test('stands in the table that the option names', async () => {
    database.exec(DJANGO_TABLE.replace('django_session', 'other_table'))
    await storeWith({ table: 'main.other_table' }).set(id, { data: { a: 1 } })
    expect(await rowOf()).toBeUndefined()
    expect(await execute('SELECT session_key FROM other_table', [])).toHaveLength(1)
    expect(statements[0]).toContain('"main"."other_table"')
  })
})

describe('the end of a row', () => {
  test('is what Django compares: gone from that moment on', async () => {
    const store = storeWith()
    await store.set(id, { data: { a: 1 }, expiresAt: new Date(clock().getTime() + 10_000) })
    clock.pass(9.999)
    expect(await store.get(id)).toBeDefined()
    clock.pass(0.001)
    expect(await store.get(id)).toBeUndefined()
    expect(await store.update?.(id, setting('b', 2))).toBeUndefined()
    expect((await rowOf())?.expire_date).toBe('2023-11-14 22:13:30')
  })

  test.each([
    [{}, undefined, twoWeeks],
    [{}, 60, 60],
    [{ _session_expiry: 300 }, undefined, 300],
    [{ _session_expiry: 300 }, 60, 60],
    [{ _session_expiry: 300 }, 600, 300],
    [{ _session_expiry: 0 }, undefined, twoWeeks],
    [{ _session_expiry: 0 }, 60, 60],
    [{ _session_expiry: null }, undefined, twoWeeks],
    [{ _session_expiry: 3 * twoWeeks }, undefined, 3 * twoWeeks],
    [{ _session_expiry: '2023-11-14T22:23:20+00:00' }, undefined, 600],
    [{ _session_expiry: '2023-11-15T00:23:20.000000+02:00' }, undefined, 600],
    [{ _session_expiry: '2023-11-14T20:23:20.5-0200' }, undefined, 600.5],
    [{ _session_expiry: new Date(1_700_000_600_000) }, undefined, 600],
  ])('%j asked for %s seconds: %s', async (data, asked, seconds) => {
    const store = storeWith({ serializer: 'pickle' })
    const expiresAt = asked === undefined ? {} : { expiresAt: new Date(clock().getTime() + asked * 1000) }
    await store.set(id, { data, ...expiresAt })
    expect(((await store.get(id))?.expiresAt?.getTime() ?? 0) - clock().getTime()).toBe(seconds * 1000)
  })

  test.each([true, 'soon', [], {}, 1e300, Number.NaN, new Date(Number.NaN), '2023-13-01T00:00:00'])(
    'an end of %s is refused with its key',
    async (expiry) => {
      const error = await failure(() => storeWith().set(id, { data: { _session_expiry: expiry } }))
      expect(error).toMatchObject({ code: 'ERR_SESSION_UNWRITABLE', path: '_session_expiry' })
      expect(await rowOf()).toBeUndefined()
    },
  )

  test('is moved by touch and by nothing else of it', async () => {
    const store = storeWith({ cookieAge: '1h' })
    await store.set(id, { data: { a: 1 } })
    const before = await rowOf()
    clock.pass(60)
    await store.touch?.(id, new Date(clock().getTime() + 5000))
    expect(await rowOf()).toEqual({ ...before, expire_date: '2023-11-14 22:14:25' })
    await store.touch?.(id, undefined)
    expect(await rowOf()).toEqual({ ...before, expire_date: '2023-11-14 23:14:20' })
    clock.pass(3600)
    await store.touch?.(id, new Date(clock().getTime() + 5000))
    expect((await rowOf())?.expire_date).toBe('2023-11-14 23:14:20')
    await store.touch?.('l'.repeat(32), new Date(clock().getTime() + 5000))
    expect(await rowOf('l'.repeat(32))).toBeUndefined()
  })

  test('touch keeps to the end that Django gave the session', async () => {
    const store = storeWith()
    await store.set(id, { data: { _session_expiry: 300 } })
    await store.touch?.(id, new Date(clock().getTime() + 3_600_000))
    expect((await rowOf())?.expire_date).toBe('2023-11-14 22:18:20')
  })

  test('is a local time of the zone where Django has USE_TZ = False', async () => {
    const store = storeWith({ timeZone: 'America/New_York' })
    await store.set(id, { data: { a: 1 }, expiresAt: new Date(clock().getTime() + 60_250) })
    expect((await rowOf())?.expire_date).toBe('2023-11-14 17:14:20.250000')
    expect((await store.get(id))?.expiresAt).toEqual(new Date(clock().getTime() + 60_250))
    // Both sides of the changes of 2024.
    for (const time of [
      '2024-03-10T06:59:00Z',
      '2024-03-10T07:01:00Z',
      '2024-11-03T05:30:00Z',
      '2024-11-03T07:30:00Z',
    ]) {
      await store.set(id, { data: { a: 1 }, expiresAt: new Date(time) })
      expect((await store.get(id))?.expiresAt, time).toEqual(new Date(time))
    }
  })

  test.each([
    ['2023-11-20 10:00:00', '2023-11-20T10:00:00.000Z'],
    ['2023-11-20 10:00:00.5', '2023-11-20T10:00:00.500Z'],
    ['2023-11-20 10:00:00.123456', '2023-11-20T10:00:00.123Z'],
    ['2023-11-20T10:00:00+01:30', '2023-11-20T08:30:00.000Z'],
    ['2023-11-20 10:00:00-03', '2023-11-20T13:00:00.000Z'],
  ])('%s in the table', async (text, time) => {
    const store = storeWith()
    await store.set(id, { data: { a: 1 } })
    await execute('UPDATE django_session SET expire_date = ?', [text])
    expect((await store.get(id))?.expiresAt?.toISOString()).toBe(time)
  })

  test.each(['', 'never', '2023-11-20', '2023-13-20 10:00:00', '2023-11-20 10:00:00.1234567', '1e999'])(
    '%j in the table is an error, not a session without an end',
    async (text) => {
      const store = storeWith()
      await store.set(id, { data: { a: 1 } })
      await execute('UPDATE django_session SET expire_date = ?', [text])
      expect(await failure(() => store.get(id))).toMatchObject({ code: 'ERR_SESSION_CLAIMS' })
    },
  )
})

describe('keys', () => {
  test.each([
    '',
    'k'.repeat(31),
    'k'.repeat(33),
    'K'.repeat(32),
    `${'k'.repeat(31)}'`,
    `${'k'.repeat(32)}\n`,
    "' OR '1'='1",
  ])('%j never reaches a statement', async (key) => {
    const store = storeWith()
    expect(await store.get(key)).toBeUndefined()
    await store.delete(key)
    await store.touch?.(key, clock())
    expect(await failure(() => store.set(key, { data: {} }))).toBeInstanceOf(TypeError)
    expect(await failure(() => store.update?.(key, () => ({ data: {} })))).toBeInstanceOf(TypeError)
    expect(statements).toEqual([])
  })

  test('values are parameters', async () => {
    const store = storeWith()
    const nasty = `'); DROP TABLE django_session; --`
    await store.set(id, { data: { [nasty]: nasty } })
    expect((await store.get(id))?.data).toEqual({ [nasty]: nasty })
    await insert(nasty, '2023-11-20 10:00:00', 'm'.repeat(32))
    expect(await failure(() => store.get('m'.repeat(32)))).toMatchObject({ code: 'ERR_SESSION_MALFORMED' })
    expect(statements.join()).not.toContain(nasty)
  })
})

describe('update', () => {
  test('changes one key, and every other keeps its text', async () => {
    await insert(
      await signedRow('{"one":1.0,"large":18446744073709551617,"nan":NaN,"b":{"two":2.0}}'),
      '2023-11-20 10:00:00',
    )
    const store = storeWith()
    const row = await store.update?.(id, setting('user', 'dave'))
    expect(row?.data).toEqual({ one: 1, large: 18446744073709551617n, nan: Number.NaN, b: { two: 2 }, user: 'dave' })
    expect(await payloadOf()).toBe('{"one":1.0,"large":18446744073709551617,"nan":NaN,"b":{"two":2.0},"user":"dave"}')
    // What comes back is as good a base for the next change.
    await store.set(id, { ...(row as StoredSession), data: { ...row?.data, more: true } })
    expect(await payloadOf()).toContain('{"one":1.0,')
  })

  test('makes a row where there is none, and leaves all as it is on demand', async () => {
    const store = storeWith()
    expect(await store.update?.(id, () => undefined)).toBeUndefined()
    expect(await rowOf()).toBeUndefined()
    const made = await store.update?.(id, (current) => {
      expect(current).toBeUndefined()
      return { data: { a: 1 } }
    })
    expect(made?.data).toEqual({ a: 1 })
    expect(made?.expiresAt).toEqual(new Date(clock().getTime() + twoWeeks * 1000))
    const before = await rowOf()
    expect((await store.update?.(id, () => undefined))?.data).toEqual({ a: 1 })
    expect(await rowOf()).toEqual(before)
  })

  test('takes an expired row for none, and may write over it', async () => {
    const store = storeWith()
    await store.set(id, { data: { old: true }, expiresAt: new Date(clock().getTime() - 1) })
    await store.update?.(id, (current) => ({ data: { ...current?.data, fresh: true } }))
    expect((await store.get(id))?.data).toEqual({ fresh: true })
  })

  test('a row that cannot be read stays as it is', async () => {
    await insert('garbage', '2023-11-20 10:00:00')
    const store = storeWith()
    let asked = false
    const error = await failure(() =>
      store.update?.(id, () => {
        asked = true
        return { data: {} }
      }),
    )
    expect(error).toMatchObject({ code: expect.stringMatching(/^ERR_SESSION_/) })
    expect(asked).toBe(false)
    expect((await rowOf())?.session_data).toBe('garbage')
  })

  test('where the change throws, or the session can not be written, nothing happens', async () => {
    const store = storeWith()
    await store.set(id, { data: { a: 1 } })
    const before = await rowOf()
    await expect(async () =>
      store.update?.(id, () => {
        throw new Error('no')
      }),
    ).rejects.toThrow('no')
    expect(await failure(() => store.update?.(id, setting('b', new Date())))).toMatchObject({
      code: 'ERR_SESSION_UNWRITABLE',
      path: 'b',
    })
    expect(await rowOf()).toEqual(before)
    // The transaction is over: the next one can begin.
    await store.update?.(id, setting('b', 2))
    expect((await store.get(id))?.data).toEqual({ a: 1, b: 2 })
  })

  test('thirty at once lose nothing', async () => {
    const store = storeWith()
    await store.set(id, { data: { count: 0 } })
    const names = Array.from({ length: 30 }, (_, at) => `key${at}`)
    await Promise.all(
      names.map(async (name) =>
        store.update?.(id, (current) => {
          const count = Number(current?.data.count) + 1
          return current && { ...current, data: { ...current.data, [name]: true, count } }
        }),
      ),
    )
    const { count, ...others } = (await store.get(id))?.data ?? {}
    expect(count).toBe(30)
    expect(Object.keys(others).sort()).toEqual(names.sort())
  })

  test('two connections to one file lose nothing', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sessionglass-sqlite-'))
    const path = join(folder, 'db.sqlite3')
    const first = await openSqlite(path)
    first.exec(DJANGO_TABLE)
    const second = await openSqlite(path)
    const stores = [first, second].map((connection) =>
      djangoStore({ execute: sqliteExecute(connection), secretKey, clock }),
    ) as [SessionStore, SessionStore]
    await stores[0].set(id, { data: { count: 0 } })
    for (let round = 0; round < 20; round++) {
      await stores[round % 2]?.update?.(id, (current) => setting('count', Number(current?.data.count) + 1)(current))
    }
    expect((await stores[0].get(id))?.data).toEqual({ count: 20 })
    first.close()
    second.close()
    rmSync(folder, { recursive: true, force: true })
    expect(existsSync(path)).toBe(false)
  })

  test('is absent without transactions', () => {
    const bare: SqlQuery = () => []
    expect(storeWith({ execute: bare, dialect: 'sqlite' }).update).toBeUndefined()
  })

  test('a row that others make first is merged into, and one that comes and goes is given up', async () => {
    const store = storeWith()
    await store.set(id, { data: { theirs: true } })
    const [theirs] = await execute('SELECT session_data, expire_date FROM django_session', [])
    let selects = 0
    const racing = (isThere: (select: number) => boolean): SqlExecute => {
      const query: SqlQuery = (sql, params) => {
        if (sql.startsWith('SELECT')) return isThere(++selects) && theirs ? [theirs] : []
        return sql.startsWith('INSERT') ? [] : execute(sql, params)
      }
      return Object.assign(query, {
        dialect: 'sqlite',
        transaction: <T>(work: (query: SqlQuery) => T) => work(query),
      } as const)
    }
    const calls: unknown[] = []
    const change = (current: StoredSession | undefined): StoredSession => {
      calls.push(current?.data)
      return { data: { ...current?.data, mine: true } }
    }
    await storeWith({ execute: racing((select) => select > 1) }).update?.(id, change)
    expect(calls).toEqual([undefined, { theirs: true }])
    expect((await store.get(id))?.data).toEqual({ theirs: true, mine: true })
    calls.length = 0
    await expect(async () => storeWith({ execute: racing(() => false) }).update?.(id, change)).rejects.toThrow(
      '10 times',
    )
    expect(calls).toHaveLength(10)
  })
})

describe('options', () => {
  const make = (options: object) => () => storeWith(options)

  test.each([
    [{ execute: undefined }, '"execute"'],
    [{ execute: {} }, '"execute"'],
    [{ execute: () => [] }, '"dialect"'],
    [{ dialect: 'mysql' }, '"dialect"'],
    [{ table: 'a"b' }, '"table"'],
    [{ table: 'a.b.c' }, '"table"'],
    [{ table: '' }, '"table"'],
    [{ table: 'django session' }, '"table"'],
    [{ table: `a${'b'.repeat(63)}` }, '"table"'],
    [{ table: 5 }, '"table"'],
    [{ serializer: 'yaml' }, '"serializer"'],
    [{ secretKey: 'short' }, '"secretKey"'],
    [{ secretKeyFallbacks: [''] }, '"secretKeyFallbacks"'],
    [{ cookieAge: 'long' }, 'cookieAge'],
    [{ timeZone: 'Europe/Nowhere' }, '"timeZone"'],
  ])('%j throws and names %s', (options, name) => {
    expect(make(options)).toThrow(TypeError)
    expect(make(options)).toThrow(name)
  })

  test('63 characters are a table', () => {
    expect(make({ table: `a${'b'.repeat(62)}` })).not.toThrow()
  })

  test('an answer that is not a list of rows is a mistake of the function', async () => {
    const store = storeWith({ execute: (() => ({ rows: [] })) as never, dialect: 'postgresql' })
    expect(await failure(() => store.get(id))).toBeInstanceOf(TypeError)
  })

  test('PostgreSQL has its own marks of parameters, locks the row, and takes times with their zone', async () => {
    const seen: [string, readonly string[]][] = []
    const query: SqlQuery = (sql, params) => {
      seen.push([sql, params])
      return sql.startsWith('INSERT') ? [{ session_key: id }] : []
    }
    const postgres: SqlExecute = Object.assign(query, {
      dialect: 'postgresql',
      transaction: <T>(work: (query: SqlQuery) => T) => work(query),
    } as const)
    const store = storeWith({ execute: postgres })
    await store.update?.(id, () => ({ data: {} }))
    await store.get(id)
    expect(seen.map(([sql]) => sql)).toEqual([
      'SELECT session_data, expire_date FROM "django_session" WHERE session_key = $1 FOR UPDATE',
      expect.stringMatching(
        /^INSERT .* VALUES \(\$1, \$2, \$3\) ON CONFLICT \(session_key\) DO NOTHING RETURNING session_key$/,
      ),
      'SELECT session_data, expire_date FROM "django_session" WHERE session_key = $1',
    ])
    expect(seen[1]?.[1]).toEqual([id, expect.stringMatching(/^e30:/), '2023-11-28T22:13:20.000Z'])
  })
})

describe('how long a browser keeps the cookie', () => {
  test('a change of _session_expiry sends the cookie again, another change does not', async () => {
    const sessions = createSessions({
      session: defineSession<Record<string, unknown>>({ name: 'sessionid' }),
      codecs: [djangoJwt({ secrets: secretKey })],
      store: storeWith(),
      maxAge: '14d',
      expose: ['user'],
      clock,
    })
    let cookie = ''
    const change = async (values: object): Promise<string[]> => {
      const session = await sessions.load(cookie)
      Object.assign(session.data, values)
      const cookies = await sessions.commit(session)
      for (const text of cookies) cookie = cookie.replace(/$/, `; ${text.split(';')[0]}`)
      return cookies.map((text) => `${text.split('=')[0]} ${/Max-Age=\d+/.exec(text)?.[0]}`)
    }
    expect(await change({ user: 'dave' })).toEqual(['sessionid Max-Age=1209600', 'sessionid.public Max-Age=1209600'])
    expect(await change({ cart: ['tea'] })).toEqual([])
    expect(await change({ _session_expiry: 300 })).toEqual(['sessionid Max-Age=300', 'sessionid.public Max-Age=300'])
    expect(await change({ cart: ['milk'] })).toEqual([])
    expect(await change({ user: 'eve' })).toEqual(['sessionid.public Max-Age=300'])
    expect(await change({ _session_expiry: 0 })).toEqual(['sessionid undefined', 'sessionid.public undefined'])
    expect(await change({ _session_expiry: null })).toEqual([
      'sessionid Max-Age=1209600',
      'sessionid.public Max-Age=1209600',
    ])
  })

  test('a text without an offset is a time of the table', async () => {
    const store = storeWith({ timeZone: 'Europe/Berlin' })
    const end = (expiry: unknown) => store.cookieEnd?.({ _session_expiry: expiry }, clock())
    expect(end('2023-11-15T00:13:20')).toEqual(new Date('2023-11-14T23:13:20Z'))
    expect(end('2023-11-15T00:13:20+00:00')).toEqual(new Date('2023-11-15T00:13:20Z'))
    expect([end(0), end(null), end('soon'), end('')]).toEqual(['browser', undefined, undefined, undefined])
  })
})

async function signedRow(json: string): Promise<string> {
  const { createHash, createHmac } = await import('node:crypto')
  const key = createHash('sha256').update(`django.contrib.sessions.SessionStoresigner${secretKey}`).digest()
  const signed = `${Buffer.from(json).toString('base64url')}:1r31eq`
  return `${signed}:${createHmac('sha256', key).update(signed).digest('base64url')}`
}

async function payloadOf(): Promise<string> {
  const { inflateSync } = await import('node:zlib')
  const [payload = ''] = String((await rowOf())?.session_data).split(':')
  const bytes = Buffer.from(payload.replace('.', ''), 'base64url')
  return (payload.startsWith('.') ? inflateSync(bytes) : bytes).toString()
}
