/** Requests of one browser at the same time: all begin with one cookie, and their responses come back in some order. */
import { describe, expect, test } from 'vitest'
import { MAX_VERSIONS } from '../../../src/server/core/versions.js'
import {
  beakerJwt,
  compact,
  decodeSession,
  jwt,
  memoryStore,
  type SessionCodec,
  type SessionStore,
} from '../../../src/server/index.js'
import { dave, type Fixture, NAME, SECRET, serve, textCodec } from '../server.helpers.js'
import { openStore, serveStored } from '../stores/stores.helpers.js'

const wait = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds))
const conflicts = ({ events }: Fixture) =>
  events
    .filter(({ type }) => type === 'conflict')
    .map(({ keys, code }) => ({ ...(keys && { keys }), ...(code && { code }) }))

/** A codec of a format of our own: it carries the version. */
function countingCodec(): SessionCodec {
  const inner = textCodec('counting') as Required<SessionCodec>
  return {
    ...textCodec('counting'),
    family: 'counting',
    matches: (value) => value.startsWith('counting~'),
    async sign(record, context) {
      return `counting~${record.version}~${await inner.sign(record, context)}`
    },
    async verify(value, context) {
      const [, version, ...rest] = value.split('~')
      return { ...(await inner.verify(rest.join('~'), context)), version: Number(version) }
    },
  }
}

/** A request that has been read and not yet answered. */
async function begin({ sessions, browser }: Fixture, change: (data: Record<string, unknown>) => unknown = () => {}) {
  const session = await sessions.load(browser.cookie)
  change(session.data)
  return { session, answer: async () => browser.take(await sessions.commit(session)) }
}

async function dataOf({ sessions, browser }: Fixture): Promise<object> {
  return (await sessions.load(browser.cookie)).data
}

describe.each<[string, () => SessionStore]>([
  ['memory', () => memoryStore()],
  ['one that changes a row in one step', () => openStore()],
  ['one that reads and writes', () => openStore({ atomic: false })],
])('with a store: %s', (_, makeStore) => {
  test('different keys: nothing is lost, whatever the order', async () => {
    const fixture = serveStored({ store: makeStore() })
    await fixture.visit((data) => Object.assign(data, { start: 1, gone: 1 }))
    const requests = await Promise.all(
      Array.from({ length: 12 }, (__, n) => begin(fixture, (data) => Object.assign(data, { [`key${n}`]: n }))),
    )
    requests.push(await begin(fixture, (data) => delete data.gone))
    await Promise.all(requests.reverse().map(({ answer }) => answer()))
    const keys = Array.from({ length: 12 }, (__, n) => [`key${n}`, n])
    expect(await dataOf(fixture)).toEqual({ start: 1, ...Object.fromEntries(keys) })
    expect(conflicts(fixture)).toEqual([])
  })

  test('one key: the later write has it, and it is told', async () => {
    const fixture = serveStored({ store: makeStore() })
    await fixture.visit((data) => Object.assign(data, { n: 0, same: 0 }))
    const a = await begin(fixture, (data) => Object.assign(data, { n: 1, same: 7, a: 1 }))
    const b = await begin(fixture, (data) => Object.assign(data, { n: 2, same: 7, b: 1 }))
    await b.answer()
    await a.answer()
    expect(await dataOf(fixture)).toEqual({ n: 1, same: 7, a: 1, b: 1 })
    expect(conflicts(fixture)).toEqual([{ keys: ['n'] }])
  })

  test('a request that saves twice takes nothing back', async () => {
    const fixture = serveStored({ store: makeStore() })
    await fixture.visit((data) => Object.assign(data, { start: 1 }))
    const a = await begin(fixture, (data) => Object.assign(data, { a: 1 }))
    const b = await begin(fixture, (data) => Object.assign(data, { b: 1 }))
    await b.answer()
    await a.answer()
    a.session.data.later = 1
    await a.answer()
    expect(await dataOf(fixture)).toEqual({ start: 1, a: 1, b: 1, later: 1 })
    expect(conflicts(fixture)).toEqual([])
  })

  test('the public cookie shows what all of them wrote', async () => {
    const fixture = serveStored({ store: makeStore(), expose: ['a', 'b'] })
    await fixture.visit((data) => Object.assign(data, { start: 1 }))
    const a = await begin(fixture, (data) => Object.assign(data, { a: 1 }))
    const b = await begin(fixture, (data) => Object.assign(data, { b: 1 }))
    await a.answer()
    await b.answer()
    expect(decodeSession(fixture.browser.cookies.get(`${NAME}.public`) as string).data).toEqual({ a: 1, b: 1 })
  })
})

test('a store that reads and writes is asked by one request at a time, for each id', async () => {
  const store = openStore({ atomic: false })
  const fixture = serveStored({ store })
  await fixture.visit((data) => Object.assign(data, { start: 1 }))
  const a = await begin(fixture, (data) => Object.assign(data, { a: 1 }))
  const b = await begin(fixture, (data) => Object.assign(data, { b: 1 }))
  store.calls.length = 0
  store.gate = () => wait(5)
  await Promise.all([a.answer(), b.answer()])
  // The second `get` of each looks whether the session was destroyed meanwhile.
  expect(store.calls).toEqual(['get', 'set', 'get', 'get', 'set', 'get'])
})

test('a store that does not give back at once what was written is told by an event', async () => {
  const store = openStore({ atomic: false })
  const fixture = serveStored({ store })
  await fixture.visit((data) => Object.assign(data, { start: 1 }))
  const [first, second] = [await begin(fixture), await begin(fixture)]
  await fixture.sessions.destroy(first.session)
  expect(conflicts(fixture)).toEqual([])
  // As a copy that lags behind: the mark is not there yet.
  store.set = async () => {}
  store.rows.clear()
  await fixture.sessions.destroy(second.session)
  expect(conflicts(fixture)).toEqual([{ code: 'ERR_SESSION_STORE' }])
})

test('the mark of a destroyed session ends after an hour', async () => {
  const store = openStore({ atomic: false })
  const fixture = serveStored({ store })
  await fixture.visit((data) => Object.assign(data, { start: 1 }))
  await fixture.sessions.destroy(await fixture.sessions.load(fixture.browser.cookie))
  expect([...store.rows]).toEqual([
    [
      expect.stringMatching(/^[0-9a-f]{32}$/),
      { data: { destroyed: true }, expiresAt: new Date(fixture.clock().getTime() + 3_600_000) },
    ],
  ])
})

test('a store that touches by writing the whole session undoes nothing, and brings nothing back', async () => {
  const store = openStore({ atomic: false })
  store.touch = async (id, expiresAt) => {
    const row = await store.get(id)
    if (row) await store.set(id, { ...row, ...(expiresAt && { expiresAt }) })
  }
  const fixture = serveStored({ store, idleTimeout: 1800 })
  await fixture.visit((data) => Object.assign(data, { start: 1 }))
  fixture.clock.pass(900)
  const [renewing, again, changing, ending] = await Promise.all([
    begin(fixture),
    begin(fixture),
    begin(fixture, (data) => Object.assign(data, { a: 1 })),
    begin(fixture),
  ])
  store.gate = () => wait(5)
  const changed = changing.answer()
  await wait(2)
  await Promise.all([changed, renewing.answer()])
  expect(await dataOf(fixture)).toEqual({ start: 1, a: 1 })
  await Promise.all([again.answer(), fixture.sessions.destroy(ending.session)])
  expect(store.ids).toEqual([])
})

describe.each<[string, SessionCodec]>([
  ['a codec of this test', countingCodec()],
  ['compact', compact({ secrets: [SECRET] })],
])('in a cookie that carries its version: %s', (_, codec) => {
  const serveCounting = (options: Parameters<typeof serve>[0] = {}): Fixture =>
    serve({ codecs: [codec], expose: false, ...options })
  const versionIn = async ({ browser }: Fixture): Promise<number | undefined> => {
    const context = { cookieName: NAME, purpose: 'session', now: new Date() } as const
    return (await codec.verify(browser.cookies.get(NAME) as string, context)).version
  }

  test('each write counts', async () => {
    const fixture = serveCounting()
    for (let n = 0; n < 3; n++) {
      await fixture.visit((data) => Object.assign(data, { n }))
      expect(await versionIn(fixture)).toBe(n)
    }
  })

  test('different keys: the later response has both, and the first is not undone', async () => {
    const fixture = serveCounting()
    await fixture.visit((data) => Object.assign(data, { start: 1, gone: 1 }))
    const a = await begin(fixture, (data) => Object.assign(data, { a: [1] }))
    const b = await begin(fixture, (data) => {
      data.b = 1
      delete data.gone
    })
    await a.answer()
    await b.answer()
    expect(await dataOf(fixture)).toEqual({ start: 1, a: [1], b: 1 })
    expect(await versionIn(fixture)).toBe(2)
    expect(conflicts(fixture)).toEqual([{}])
  })

  test('one key: the later write has it, and the key is told', async () => {
    const fixture = serveCounting()
    await fixture.visit((data) => Object.assign(data, { n: 0 }))
    const a = await begin(fixture, (data) => Object.assign(data, { n: 1 }))
    const b = await begin(fixture, (data) => Object.assign(data, { n: 2 }))
    await a.answer()
    await b.answer()
    expect(await dataOf(fixture)).toEqual({ n: 2 })
    expect(conflicts(fixture)).toEqual([{ keys: ['n'] }])
  })

  test('a request that saves twice takes nothing back', async () => {
    const fixture = serveCounting()
    await fixture.visit((data) => Object.assign(data, { start: 1 }))
    const a = await begin(fixture, (data) => Object.assign(data, { a: 1 }))
    const b = await begin(fixture, (data) => Object.assign(data, { b: 1 }))
    await a.answer()
    await b.answer()
    const cookie = fixture.browser.cookie
    await b.answer()
    expect(fixture.browser.cookie).toBe(cookie)
    b.session.data.later = 1
    await b.answer()
    expect(await dataOf(fixture)).toEqual({ start: 1, a: 1, b: 1, later: 1 })
  })

  test('a newer cookie that came in with another request counts too', async () => {
    const here = serveCounting()
    await here.visit((data) => Object.assign(data, { start: 1 }))
    const late = await begin(here, (data) => Object.assign(data, { b: 1 }))
    // Another process writes; its cookie comes back here.
    const there = serveCounting()
    there.browser.take([`${NAME}=${here.browser.cookies.get(NAME)}`])
    await there.visit((data) => Object.assign(data, { a: 1 }))
    here.browser.take([`${NAME}=${there.browser.cookies.get(NAME)}`])
    await here.visit()
    await late.answer()
    expect(await dataOf(here)).toEqual({ start: 1, a: 1, b: 1 })
    expect(conflicts(here)).toEqual([{}])
  })

  test('two processes: the loss is told as soon as one sees both', async () => {
    const here = serveCounting()
    await here.visit((data) => Object.assign(data, { start: 1 }))
    const there = serveCounting()
    there.browser.take([`${NAME}=${here.browser.cookies.get(NAME)}`])
    await here.visit((data) => Object.assign(data, { a: 1 }))
    await there.visit((data) => Object.assign(data, { b: 1 }))
    here.browser.take([`${NAME}=${there.browser.cookies.get(NAME)}`])
    expect(await dataOf(here)).toEqual({ start: 1, b: 1 })
    expect(conflicts(here)).toEqual([{}])
  })

  test('a touch does not undo what another request wrote', async () => {
    const fixture = serveCounting({ idleTimeout: 600, touchEvery: 60 })
    await fixture.visit((data) => Object.assign(data, { start: 1 }))
    fixture.clock.pass(100)
    const idle = await begin(fixture, () => {})
    const busy = await begin(fixture, (data) => Object.assign(data, { a: 1 }))
    await busy.answer()
    await idle.answer()
    expect(await dataOf(fixture)).toEqual({ start: 1, a: 1 })
  })

  test('after a sign-out nothing of the same process writes the session again', async () => {
    const fixture = serveCounting()
    await fixture.visit(dave)
    const late = await begin(fixture, (data) => Object.assign(data, { b: 1 }))
    const leaving = await begin(fixture, () => {})
    fixture.browser.take(await fixture.sessions.destroy(leaving.session))
    await late.answer()
    expect(fixture.browser.cookies.size).toBe(0)
    expect(late.session.isDestroyed).toBe(true)
    expect(conflicts(fixture)).toEqual([{ code: 'ERR_SESSION_DESTROYED' }])
  })

  test('a third request with the old cookie changes nothing about that', async () => {
    const fixture = serveCounting()
    await fixture.visit((data) => Object.assign(data, { start: 1 }))
    const old = fixture.browser.cookie
    const a = await begin(fixture, (data) => Object.assign(data, { a: 1 }))
    const b = await begin(fixture, (data) => Object.assign(data, { b: 1 }))
    const late = await begin(fixture, (data) => Object.assign(data, { late: 1 }))
    await a.answer()
    await fixture.sessions.load(old)
    await b.answer()
    expect(await dataOf(fixture)).toEqual({ start: 1, a: 1, b: 1 })
    fixture.browser.take(await fixture.sessions.destroy(await fixture.sessions.load(fixture.browser.cookie)))
    await fixture.sessions.load(old)
    await late.answer()
    expect(fixture.browser.cookies.size).toBe(0)
  })

  test('a sign-in is not undone by a request that began before it', async () => {
    const fixture = serveCounting()
    await fixture.visit((data) => Object.assign(data, { cart: 1 }))
    const late = await begin(fixture, (data) => Object.assign(data, { b: 1 }))
    const login = await begin(fixture, dave)
    login.session.regenerate()
    await login.answer()
    await late.answer()
    expect(await dataOf(fixture)).toEqual({ cart: 1, user: 'dave' })
  })

  test('of two cookies of one session the newer one is it', async () => {
    const fixture = serveCounting()
    await fixture.visit((data) => Object.assign(data, { n: 1 }))
    const older = fixture.browser.cookie
    await fixture.visit((data) => Object.assign(data, { n: 2 }))
    for (const cookies of [
      [older, fixture.browser.cookie],
      [fixture.browser.cookie, older],
    ])
      expect((await fixture.sessions.load(cookies.join('; '))).data).toEqual({ n: 2 })
    expect(fixture.events.filter(({ type }) => type === 'shadowed')).toHaveLength(2)
  })

  test('sessions of others stay theirs', async () => {
    const fixture = serveCounting()
    const made = []
    for (const user of ['dave', 'eve']) {
      const session = await fixture.sessions.load('')
      session.data.user = user
      made.push((await fixture.sessions.commit(session))[0]?.split(';')[0] as string)
    }
    const [first, second] = await Promise.all(made.map((cookie) => fixture.sessions.load(cookie)))
    for (const session of [first, second]) if (session) session.data.n = 1
    await fixture.sessions.commit(second as never)
    await fixture.sessions.commit(first as never)
    expect([first?.data, second?.data]).toEqual([
      { user: 'dave', n: 1 },
      { user: 'eve', n: 1 },
    ])
    expect(conflicts(fixture)).toEqual([])
  })

  test(`${MAX_VERSIONS} sessions are remembered, and the one before them is not`, async () => {
    for (const [others, known] of [
      [MAX_VERSIONS - 1, true],
      [MAX_VERSIONS, false],
    ] as const) {
      const fixture = serveCounting()
      await fixture.visit((data) => Object.assign(data, { start: 1 }))
      const a = await begin(fixture, (data) => Object.assign(data, { a: 1 }))
      const b = await begin(fixture, (data) => Object.assign(data, { b: 1 }))
      await a.answer()
      for (let n = 0; n < others; n++) {
        const session = await fixture.sessions.load('')
        session.data.n = n
        const [cookie = ''] = await fixture.sessions.commit(session)
        await fixture.sessions.load(cookie.split(';')[0])
      }
      await b.answer()
      expect(await dataOf(fixture)).toEqual(known ? { start: 1, a: 1, b: 1 } : { start: 1, b: 1 })
    }
  })

  test('observing tells of it and writes nothing', async () => {
    const writing = serveCounting()
    await writing.visit((data) => Object.assign(data, { start: 1 }))
    const fixture = serveCounting({ mode: 'observe' })
    fixture.browser.take([`${NAME}=${writing.browser.cookies.get(NAME)}`])
    const late = await begin(fixture, (data) => Object.assign(data, { b: 1 }))
    await writing.visit((data) => Object.assign(data, { a: 1 }))
    fixture.browser.take([`${NAME}=${writing.browser.cookies.get(NAME)}`])
    await fixture.visit()
    expect(await fixture.sessions.commit(late.session)).toEqual([])
    expect(fixture.events.filter(({ type }) => type === 'conflict')).toMatchObject([{ observed: true }])
  })
})

describe.each<[string, SessionCodec]>([
  ['beakerJwt', beakerJwt({ secrets: [SECRET] })],
  ['jwt', jwt({ secrets: [SECRET], expires: '1h' })],
])('in the format of another system, which has no place for a version: %s', (_, codec) => {
  test('the later response wins, and nobody can tell', async () => {
    const fixture = serve({ codecs: [codec], expose: false })
    await fixture.visit((data) => Object.assign(data, { start: 1 }))
    const a = await begin(fixture, (data) => Object.assign(data, { a: 1 }))
    const b = await begin(fixture, (data) => Object.assign(data, { b: 1 }))
    await a.answer()
    await b.answer()
    expect(await dataOf(fixture)).toEqual({ start: 1, b: 1 })
    expect(conflicts(fixture)).toEqual([])
  })

  test('requests that only read undo nothing, as long as no touch is due', async () => {
    const fixture = serve({ codecs: [codec], expose: false, touchEvery: 60 })
    await fixture.visit((data) => Object.assign(data, { start: 1 }))
    fixture.clock.pass(59)
    const readers = await Promise.all(Array.from({ length: 5 }, () => begin(fixture, () => {})))
    const writer = await begin(fixture, (data) => Object.assign(data, { a: 1 }))
    await writer.answer()
    for (const reader of readers) await reader.answer()
    expect(await dataOf(fixture)).toEqual({ start: 1, a: 1 })
    fixture.clock.pass(61)
    const late = await begin(fixture, () => {})
    await (await begin(fixture, (data) => Object.assign(data, { b: 1 }))).answer()
    await late.answer()
    // This is what a touch costs, once in each interval.
    expect(await dataOf(fixture)).toEqual({ start: 1, a: 1 })
  })
})

test('one session per request, however often it is loaded', async () => {
  const { sessions, browser, visit } = serve()
  await visit((data) => Object.assign(data, { n: 1 }))
  const request = new Request('https://a.example/', { headers: { cookie: browser.cookie } })
  const node = { headers: { cookie: browser.cookie } }
  for (const source of [request, node]) {
    const [first, second] = await Promise.all([sessions.load(source), sessions.load(source)])
    expect(second).toBe(first)
    expect(await sessions.load(source)).toBe(first)
  }
  // A text is no request: nothing says whether two are the same.
  expect(await sessions.load(browser.cookie)).not.toBe(await sessions.load(browser.cookie))
})
