/**
 * Sessions between Node and the real Django, in its table and in signed cookies (FORMATS §8): one suite for each Django,
 * database and side of `#platform`.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { platform } from '#platform'
import { djangoSigned } from '../../src/server/codecs/django-signed.js'
import { djangoUser } from '../../src/server/django/user.js'
import { createSessions, defineSession, jwt } from '../../src/server/index.js'
import { type DjangoStoreOptions, djangoStore } from '../../src/server/stores/django.js'
import type { SqlExecute } from '../../src/server/stores/sql.js'
import { describeWithPython, type PeerOptions, type PythonPeer } from './peer.js'
import { createRandom, type Random, randomData, seed } from './random-data.js'
import { normalized, type Tagged, taggedOf } from './tagged.js'

export interface DjangoDatabase {
  name: string
  /** Django's DATABASES['default']. */
  settings: Record<string, unknown>
  execute: SqlExecute
  close(): Promise<void> | void
}

export interface DjangoSuite {
  /** Which Django; default the current one. */
  older?: PeerOptions['older']
  serializer: 'json' | 'pickle'
  /** A database of this suite's own. */
  open(): Promise<DjangoDatabase>
  /** For the title. */
  database: string
  /** Random sessions in each direction. */
  count: number
  /** What this Django does: `legacy` writes the older rows and SHA-1, `both` reads them too and writes the new ones. */
  era: 'legacy' | 'both' | 'current'
}

export const secretKey = 'django-insecure-interop-!@#$%^&*(-_=+)-0123456789abcdef'
const newSecretKey = 'another secret key of the same Django, in the next year'
const cookie = { cookieName: 'sessionid', purpose: 'session' } as const

interface Saved {
  /** The key of the row, or the value of the cookie. */
  value: string
  keys: string[]
}

export function djangoSuite({ older = false, serializer, open, database: kind, count, era }: DjangoSuite): void {
  const title = `${older || 'current'} Django, ${serializer} in ${kind}, and ${platform.name}, SEED=${seed}`
  describeWithPython(title, (peer) => djangoTests(peer, { serializer, open, count, era }), {
    older,
    program: 'django_peer.py',
  })
}

function djangoTests(
  peer: PythonPeer,
  { serializer, open, count, era }: Pick<DjangoSuite, 'serializer' | 'open' | 'count' | 'era'>,
): void {
  let database: DjangoDatabase
  /** What Node makes is in the newer format. */
  const readsOurs = era !== 'legacy'
  /** What Django before 3.1 can't read need not be tested with it. */
  const testOfOurs = readsOurs ? test : () => {}
  const storeWith = (options: Partial<DjangoStoreOptions> = {}) =>
    djangoStore({ execute: database.execute, secretKey, serializer, ...options })
  const kindOfData = serializer === 'json' ? 'json' : 'bson'

  beforeAll(async () => {
    database = await open()
    await peer.call('configure', { database: database.settings, secret: secretKey, serializer })
  })
  afterAll(() => database?.close())

  test('Node reads what Django saved', async () => {
    const saved = await peer.call<Saved[]>('random_rows', { seed, count, serializer })
    const store = storeWith()
    for (const [index, { value, keys }] of saved.entries()) {
      const row = await store.get(value)
      expect(Object.keys(row?.data ?? {}).sort(), `session ${index}`).toEqual(keys.sort())
    }
    expect(saved).toHaveLength(count)
  })

  testOfOurs('Node changes one key of what Django saved, and Django finds all others as they were', async () => {
    const saved = await peer.call<Saved[]>('random_rows', { seed, count, serializer })
    const store = storeWith()
    const random = createRandom(seed)
    const comparisons: Record<string, unknown>[] = []
    for (const { value } of saved) {
      let changed = ''
      await store.update?.(value, (row) => {
        const data = row?.data as Record<string, unknown>
        changed = changeOneKey(data, random)
        return row
      })
      comparisons.push({ before: value, changed: [changed] })
    }
    const outcomes = await peer.batch('differences', comparisons)
    expect(outcomes.filter((outcome) => JSON.stringify(outcome) !== '{"result":[]}')).toEqual([])
    expect(outcomes).toHaveLength(count)
  })

  testOfOurs('Django reads what Node made', async () => {
    const store = storeWith()
    const samples = randomData(kindOfData, count, seed)
    const keys: string[] = []
    for (const data of samples) {
      const key = newKey()
      await store.set(key, { data })
      keys.push(key)
    }
    const outcomes = await peer.batch<Tagged>(
      'load',
      keys.map((key) => ({ key })),
    )
    const seen = outcomes.map((outcome) => ('result' in outcome ? normalized(outcome.result) : outcome))
    // An int beyond 32 bits has no other name here than in JSON.
    expect(seen).toEqual(samples.map((data) => normalized(taggedOf(data, 'json'))))
  })

  if (!readsOurs) {
    test('a Django before 3.1 finds nothing in what Node made, or fails', async () => {
      const keys = Array.from({ length: 20 }, newKey)
      for (const key of keys) await storeWith().set(key, { data: { a: 1 } })
      const seen = await peer.batch(
        'load',
        keys.map((key) => ({ key })),
      )
      expect(
        seen.filter((outcome) => 'result' in outcome && JSON.stringify(outcome.result) !== '{"$dict":[]}'),
      ).toEqual([])
    })
  }

  testOfOurs('each sees what the other changed, and who deletes it deletes it for both', async () => {
    const store = storeWith()
    const key = await peer.call<string>('create', {
      session: {
        $dict: [
          ['user', 'dave'],
          ['visits', { $int: '1' }],
        ],
      },
    })
    const before = await store.get(key)
    expect(before?.data).toEqual({ user: 'dave', visits: 1 })
    await store.update?.(key, (row) => row && { ...row, data: { ...row.data, visits: 2, cart: ['A1'] } })
    await peer.call('change', { key, session: { $dict: [['locale', 'de']] }, remove: ['user'] })
    expect((await store.get(key))?.data).toEqual({ visits: 2, cart: ['A1'], locale: 'de' })
    await peer.call('flush', { key })
    expect(await store.get(key)).toBeUndefined()

    const other = newKey()
    await store.set(other, { data: { from: 'Node' } })
    expect(await peer.call('load', { key: other })).toEqual({ $dict: [['from', 'Node']] })
    await store.delete(other)
    expect(await peer.call('load', { key: other })).toBeNull()
    expect(await peer.call('exists', { key: other })).toBe(false)
  })

  testOfOurs('whole sessions: a token of Node names the row, and Django reads, changes and ends it', async () => {
    const sessions = createSessions({
      session: defineSession({ name: 'sid', idleTimeout: '30m' }),
      store: storeWith(),
      codecs: [jwt({ secrets: [newSecretKey] })],
      expose: false,
    })
    const first = await sessions.load('')
    first.data.user = 'dave'
    const [setCookie = ''] = await sessions.commit(first)
    const token = setCookie.slice(0, setCookie.indexOf(';'))
    const key = first.id
    expect(await peer.call('load', { key })).toEqual({ $dict: [['user', 'dave']] })
    expectNear(await ageInDjango(key), 1800)

    const [one, two] = [await sessions.load(token), await sessions.load(token)]
    await peer.call('change', { key, session: { $dict: [['locale', 'de']] } })
    one.data.cart = ['A1']
    await sessions.commit(one)
    two.data.visits = 3
    await sessions.commit(two)
    expect(await peer.call('load', { key })).toEqual({
      $dict: [
        ['user', 'dave'],
        ['locale', 'de'],
        ['cart', ['A1']],
        ['visits', { $int: '3' }],
      ],
    })

    await peer.call('flush', { key })
    const after = await sessions.load(token)
    expect(after.rejected?.code).toBe('ERR_SESSION_EXPIRED')
    expect(after.data).toEqual({})
    expect(after.id).not.toBe(key)
  })

  testOfOurs('a view that read before another deleted does not bring the session back', async () => {
    const store = storeWith()
    const key = await peer.call<string>('create', { session: { $dict: [['user', 'dave']] } })
    await store.delete(key)
    const row = await store.update?.(key, (current) => current && { ...current, data: { ...current.data, late: true } })
    expect(row).toBeUndefined()
    expect(await peer.call('exists', { key })).toBe(false)
  })

  const expiries: [string, Tagged | undefined, number][] = [
    ['none', undefined, 1_209_600],
    ['seconds', { $int: '300' }, 300],
    ['until the browser is closed', { $int: '0' }, 1_209_600],
    ['a timedelta', { $timedelta: [2, 3, 0] } as never, 172_803],
  ]
  // Django before 4.1 can't put the time of a timedelta into JSON.
  const possible = expiries.filter(([, expiry]) => serializer === 'pickle' || era === 'current' || !isTimedelta(expiry))

  test.each(possible)('the end of a session: %s', async (_, expiry, seconds) => {
    const store = storeWith()
    const session = { $dict: [['a', { $int: '1' }]] }
    const key = await peer.call<string>('create', { session, ...(expiry === undefined ? {} : { expiry }) })
    const row = await store.get(key)
    expectNear(secondsLeft(row?.expiresAt), seconds)
    // Somebody moved it; the next writing puts it where Django would.
    await store.touch?.(key, new Date(Date.now() + 100_000))
    expectNear(await ageInDjango(key), 100)
    await store.update?.(
      key,
      (current) => current && { data: current.data, ...(current.origin && { origin: current.origin }) },
    )
    expectNear(await ageInDjango(key), seconds)
    expectNear(secondsLeft((await store.get(key))?.expiresAt), seconds)
  })

  test('an expired row is gone for both, and Django clears it away', async () => {
    const store = storeWith()
    const key = await peer.call<string>('create', { session: { $dict: [['a', true]] } })
    await store.touch?.(key, new Date(Date.now() - 1))
    expect(await store.get(key)).toBeUndefined()
    expect(await peer.call('load', { key })).toBeNull()
    await store.touch?.(key, new Date(Date.now() + 60_000))
    expect(await store.get(key)).toBeUndefined()
    expect(await peer.call('exists', { key })).toBe(true)
    await peer.call('clear_expired')
    expect(await peer.call('exists', { key })).toBe(false)
  })

  testOfOurs('an end that Node asks for is the one that Django keeps to', async () => {
    const key = newKey()
    await storeWith().set(key, { data: { a: 1 }, expiresAt: new Date(Date.now() + 90_000) })
    expectNear(await ageInDjango(key), 90)
    await storeWith().set(key, { data: { a: 1 }, expiresAt: new Date(Date.now() - 1000) })
    expect(await peer.call('load', { key })).toBeNull()
  })

  test('a row signed with an old key: read with a fallback, refused without', async () => {
    const key = await peer.call<string>('create', { session: { $dict: [['a', 'b']] } })
    const rotated = storeWith({ secretKey: newSecretKey, secretKeyFallbacks: [secretKey] })
    expect((await rotated.get(key))?.data).toEqual({ a: 'b' })
    const strict = storeWith({ secretKey: newSecretKey })
    await expect(async () => strict.get(key)).rejects.toMatchObject({ code: 'ERR_SESSION_SIGNATURE' })
    if (!readsOurs) return
    await rotated.update?.(key, (row) => row && { ...row, data: { ...row.data, c: 'd' } })
    expect((await strict.get(key))?.data).toEqual({ a: 'b', c: 'd' })
    await peer.call('set_secrets', { secret: newSecretKey })
    expect(await peer.call('load', { key })).toEqual({
      $dict: [
        ['a', 'b'],
        ['c', 'd'],
      ],
    })
    await peer.call('set_secrets', { secret: secretKey })
  })

  test('a password change in Django signs out in Node, too', async () => {
    const store = storeWith()
    const id = await peer.call<{ $int: string }>('make_user', { name: 'dave', password: 'first' })
    const key = await peer.call<string>('login', { name: 'dave' })
    const data = (await store.get(key))?.data ?? {}
    expect(await userOf(data)).toMatchObject({ id: id.$int, backend: 'django.contrib.auth.backends.ModelBackend' })
    expect(await userOf({ ...data, _auth_user_hash: undefined })).toBeNull()
    expect(await userOf(data, { secretKey: newSecretKey })).toBeNull()

    await peer.call('set_active', { name: 'dave', active: false })
    expect(await userOf(data)).toBeNull()
    await peer.call('set_active', { name: 'dave', active: true })
    expect(await peer.call('signed_in', { key })).toBe('dave')

    await peer.call('set_password', { name: 'dave', password: 'second' })
    expect(await userOf(data)).toBeNull()
    expect(await peer.call('signed_in', { key })).toBeNull()
    expect(await store.get(key)).toBeUndefined()
  })

  testOfOurs('the secret of a sign-in may be a fallback now: both put the hash of today in its place', async () => {
    await peer.call('make_user', { name: 'eve', password: 'first' })
    const key = await peer.call<string>('login', { name: 'eve' })
    const store = storeWith({ secretKey: newSecretKey, secretKeyFallbacks: [secretKey] })
    const row = await store.get(key)
    const found = await userOf(row?.data ?? {}, { secretKey: newSecretKey, secretKeyFallbacks: [secretKey] })
    expect(found?.user).toMatchObject({ username: 'eve' })
    expect(await userOf(row?.data ?? {}, { secretKey: newSecretKey })).not.toBeNull()
    await store.set(key, row as NonNullable<typeof row>)
    await peer.call('set_secrets', { secret: newSecretKey })
    expect(await peer.call('signed_in', { key })).toBe('eve')
    await peer.call('set_secrets', { secret: secretKey })
  })

  test('signing out in Django signs out in Node', async () => {
    await peer.call('make_user', { name: 'carol', password: 'first' })
    const key = await peer.call<string>('login', { name: 'carol' })
    expect(await storeWith().get(key)).toBeDefined()
    await peer.call('logout', { key })
    expect(await storeWith().get(key)).toBeUndefined()
  })

  test('signed cookies: Node changes one key, and Django finds all others as they were', async () => {
    const saved = await peer.call<Saved[]>('random_cookies', { seed, count, serializer })
    const codec = djangoSigned({ secretKey, serializer })
    const random = createRandom(seed)
    const comparisons: Record<string, unknown>[] = []
    for (const { value, keys } of saved) {
      expect(codec.matches(value)).toBe(true)
      const context = { ...cookie, now: new Date() }
      const record = await codec.verify(value, context)
      expect(Object.keys(record.data).sort()).toEqual(keys.sort())
      // A value that holds itself counts as changed: nobody could compare it to its end.
      if (serializer === 'json') expect(codec.changed?.(record)).toBe(false)
      const changed = changeOneKey(record.data, random)
      const after = await codec.sign?.({ ...record, accessedAt: context.now }, context)
      comparisons.push({ before: value, after, changed: [changed] })
    }
    expect(comparisons).toHaveLength(count)
    if (!readsOurs) return
    const outcomes = await peer.batch('differences', comparisons)
    expect(outcomes.filter((outcome) => JSON.stringify(outcome) !== '{"result":[]}')).toEqual([])
  })

  testOfOurs('signed cookies: Django reads what Node made, and refuses what Node refuses', async () => {
    const codec = djangoSigned({ secretKey, serializer })
    const samples = randomData(kindOfData, count, seed)
    const now = new Date()
    const values = await Promise.all(samples.map(async (data) => codec.sign?.({ data }, { ...cookie, now })))
    const outcomes = await peer.batch<Tagged>(
      'read_cookie',
      values.map((value) => ({ value })),
    )
    const seen = outcomes.map((outcome) => ('result' in outcome ? normalized(outcome.result) : outcome))
    expect(seen).toEqual(samples.map((data) => normalized(taggedOf(data, 'json'))))

    const value = String(values[0])
    const tooOld = new Date(now.getTime() - 1_209_601_000)
    const old = String(await codec.sign?.({ data: { a: 1 }, accessedAt: tooOld }, { ...cookie, now }))
    const publicValue = String(await codec.sign?.({ data: { a: 1 } }, { ...cookie, purpose: 'public', now }))
    const row = await peer.call<string>('create', { session: { $dict: [['a', true]] } })
    const { data: rowText } = await peer.call<{ data: string }>('row', { key: row })
    for (const refused of [old, publicValue, rowText, value.replace(/.$/, (last) => (last === 'A' ? 'E' : 'A'))]) {
      expect(await peer.call('read_cookie', { value: refused })).toBeNull()
      await expect(async () => codec.verify(refused, { ...cookie, now })).rejects.toHaveProperty('code')
    }
  })

  async function ageInDjango(key: string): Promise<number> {
    return (await peer.call<{ age: number }>('row', { key })).age
  }

  function userOf(data: object, secrets: { secretKey: string; secretKeyFallbacks?: string[] } = { secretKey }) {
    return djangoUser({ data }, { ...secrets, user: rowOfUser })
  }

  async function rowOfUser(id: string): Promise<Record<string, unknown> | undefined> {
    const mark = database.execute.dialect === 'postgresql' ? '$1' : '?'
    const sql = `SELECT username, password, is_active FROM auth_user WHERE id = ${mark}`
    return (await database.execute(sql, [id]))[0]
  }
}

function isTimedelta(expiry: Tagged | undefined): boolean {
  return typeof expiry === 'object' && expiry !== null && '$timedelta' in expiry
}

function secondsLeft(time: Date | undefined): number {
  return ((time?.getTime() ?? Number.NaN) - Date.now()) / 1000
}

/** Both sides take their time. */
function expectNear(seconds: number, expected: number): void {
  expect(Math.abs(seconds - expected), `${seconds} for ${expected}`).toBeLessThan(20)
}

function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Replaces, removes or adds one top-level key; it never removes the last one, for a session that becomes empty ends. Returns it. */
function changeOneKey(data: Record<string, unknown>, random: Random): string {
  const names = Object.keys(data)
  const kind = random.below(3)
  const name = kind === 0 || names.length === 0 ? 'added by Node' : random.pick(names)
  if (kind === 1 && names.length > 1) delete data[name]
  else {
    const value = 'changed by Node'
    Object.defineProperty(data, name, { value, configurable: true, enumerable: true, writable: true })
  }
  return name
}
