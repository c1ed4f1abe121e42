/** What fromExpressStore says to a store; test/interop/express-store.test.ts has real ones. */
import { describe, expect, test } from 'vitest'
import { type ExpressStore, fromExpressStore } from '../../../src/server/index.js'
import { rejection, START, testClock } from '../server.helpers.js'
import { serveStored } from './stores.helpers.js'

/** A store of express-session that keeps objects, as none should. */
function rawStore(rows = new Map<string, unknown>()) {
  const store: ExpressStore = {
    get: (id, done) => done(null, rows.get(id)),
    set: (id, session, done) => {
      rows.set(id, session)
      done?.()
    },
    destroy: (id, done) => {
      rows.delete(id)
      done?.()
    },
    touch: (id, session, done) => {
      rows.set(id, { ...session, touched: true })
      done?.()
    },
  }
  return { store, rows }
}

test('the session has the cookie that stores look at', async () => {
  const { store, rows } = rawStore()
  const bridge = fromExpressStore(store, { clock: testClock() })
  await bridge.set('a', { data: { user: 'dave' }, expiresAt: new Date(START + 60_000) })
  const { cookie } = rows.get('a') as { cookie: { maxAge?: number } }
  expect(rows.get('a')).toEqual({
    cookie: { originalMaxAge: 60_000, expires: new Date(START + 60_000), httpOnly: true, path: '/' },
    user: 'dave',
  })
  expect([cookie.maxAge, Object.keys(cookie)]).toEqual([60_000, ['originalMaxAge', 'expires', 'httpOnly', 'path']])
  await bridge.set('b', { data: {} })
  expect(rows.get('b')).toEqual({ cookie: { originalMaxAge: null, expires: null, httpOnly: true, path: '/' } })
})

test('a key "cookie" without a value does not take its place', async () => {
  const { store, rows } = rawStore()
  await fromExpressStore(store).set('a', { data: { user: 'dave', cookie: undefined } })
  expect(rows.get('a')).toMatchObject({ cookie: { expires: null }, user: 'dave' })
})

test('the data is what stands beside it', async () => {
  const { store, rows } = rawStore()
  rows.set('a', { cookie: { expires: '2020-01-01T00:00:00Z' }, user: 'dave', __proto__: { x: 1 } })
  expect(await fromExpressStore(store).get('a')).toEqual({ data: { user: 'dave' } })
  expect(await fromExpressStore(store).get('b')).toBeUndefined()
})

test('touch gives the row that is there, and makes none', async () => {
  const { store, rows } = rawStore()
  const bridge = fromExpressStore(store, { clock: testClock() })
  await bridge.set('a', { data: { user: 'dave' } })
  await bridge.touch?.('a', new Date(START + 5000))
  await bridge.touch?.('b', new Date(START + 5000))
  expect(rows.get('a')).toMatchObject({ user: 'dave', touched: true, cookie: { originalMaxAge: 5000 } })
  expect(rows.has('b')).toBe(false)
  const { touch: _, ...rest } = store
  expect(fromExpressStore(rest).touch).toBeUndefined()
})

test('the key cookie is taken', async () => {
  const error = await rejection(
    'ERR_SESSION_UNWRITABLE',
    fromExpressStore(rawStore().store).set('a', { data: { cookie: 1 } }),
  )
  expect(error.path).toBe('cookie')
})

test.each<[string, object]>([
  ['Map', new Map([['a', 1]])],
  ['Set', new Set([1])],
  ['RegExp', /a/],
  ['Error', new Error('swordfish')],
])('a %s is refused: its store would write {}', async (name, value) => {
  const { store, rows } = rawStore()
  const bridge = fromExpressStore(store)
  await bridge.set('a', { data: { user: 'dave' } })
  const error = await rejection('ERR_SESSION_UNWRITABLE', bridge.set('a', { data: { deep: [{ value }] } }))
  expect({ path: error.path, message: error.message }).toEqual({
    path: 'deep.0.value',
    message: `The store can't hold an instance of ${name} (at "deep.0.value")`,
  })
  expect(rows.get('a')).toMatchObject({ user: 'dave' })
})

test.each([new BigInt64Array(1), new BigUint64Array(1)])(
  'numbers that JSON has not are refused, in an array too',
  async (value) => {
    const bridge = fromExpressStore(rawStore().store)
    const error = await rejection('ERR_SESSION_UNWRITABLE', bridge.set('a', { data: { deep: [{ value }] } }))
    expect(error.message).toBe(`The store can't hold a bigint (at "deep.0.value")`)
  },
)

describe('however a store answers', () => {
  const fault = new Error('connection lost')
  const answering = (get: ExpressStore['get']) => fromExpressStore({ ...rawStore().store, get })

  test('by an error, by throwing, by a promise: once', async () => {
    for (const bridge of [
      answering((_, done) => done(fault)),
      answering(() => {
        throw fault
      }),
      answering(() => Promise.reject(fault)),
      answering(async (_, done) => {
        done(fault)
        throw new Error('a second one')
      }),
    ]) {
      await expect(bridge.get('a')).rejects.toBe(fault)
    }
  })

  test('a missing file is a missing session', async () => {
    const missing = Object.assign(new Error('no such file'), { code: 'ENOENT' })
    expect(await answering((_, done) => done(missing)).get('a')).toBeUndefined()
    const { store } = rawStore()
    store.destroy = (_, done) => done?.(missing)
    await fromExpressStore(store).delete('a')
    store.touch = (_, __, done) => done?.(missing)
    const bridge = fromExpressStore(store)
    await bridge.set('a', { data: {} })
    await bridge.touch?.('a', undefined)
  })

  test('the sessions say ERR_SESSION_STORE, with the cause', async () => {
    const { store } = rawStore()
    const { sessions } = serveStored({ store: fromExpressStore(store) })
    const session = await sessions.load('')
    session.data.user = 'dave'
    store.set = (_, __, done) => done?.(fault)
    expect((await rejection('ERR_SESSION_STORE', sessions.commit(session))).cause).toBe(fault)
  })
})

test.each([undefined, null, {}, { get() {}, set() {} }])('%j is no store', (store) => {
  expect(() => fromExpressStore(store as never)).toThrow(/fromExpressStore/)
})
