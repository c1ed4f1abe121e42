/** What the application does while a commit waits, and several commits of one session: nothing is lost, nothing comes back. */
import { describe, expect, test } from 'vitest'
import { beakerJwt, compact, type SessionCodec } from '../../../src/server/index.js'
import { rejection, SECRET, serve, textCodec } from '../server.helpers.js'
import { openStore, serveStored } from '../stores/stores.helpers.js'

/** A codec that signs when it is told to, what the data is then. */
function slowCodec(): { codec: SessionCodec; open(): void } {
  const inner = textCodec('slow') as Required<SessionCodec>
  let open = (): void => {}
  const gate = new Promise<void>((resolve) => {
    open = resolve
  })
  return {
    open,
    codec: {
      ...inner,
      async sign(record, context) {
        await gate
        return inner.sign(record, context)
      },
    },
  }
}

describe('while a commit waits', () => {
  test('a change that is taken back does not stay in the cookie', async () => {
    const { codec, open } = slowCodec()
    const { sessions, browser } = serve({ codecs: [codec], expose: false })
    const session = await sessions.load(null)
    session.data.user = 'dave'
    const first = sessions.commit(session)
    session.data.pending = true
    open()
    browser.take(await first)
    delete session.data.pending
    browser.take(await sessions.commit(session))
    expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'dave' })
    expect(await sessions.commit(session)).toEqual([])
  })

  test('a change that is taken back does not stay in the store', async () => {
    const store = openStore()
    const fixture = serveStored({ store })
    await fixture.visit((data) => Object.assign(data, { user: 'dave' }))
    const { sessions, browser } = fixture
    const session = await sessions.load(browser.cookie)
    session.data.visits = 1
    const first = sessions.commit(session)
    session.data.pending = true
    await first
    delete session.data.pending
    await sessions.commit(session)
    expect([...store.rows.values()].map(({ data }) => data)).toEqual([{ user: 'dave', visits: 1 }])
  })

  test('a regenerate() is for the next commit', async () => {
    const store = openStore()
    // Each commit writes the cookie, too.
    const fixture = serveStored({ store, codecs: [beakerJwt({ secrets: SECRET })], touchEvery: 0 })
    await fixture.visit((data) => Object.assign(data, { user: 'dave' }))
    const { sessions, browser } = fixture
    const session = await sessions.load(browser.cookie)
    const before = session.id
    session.data.visits = 1
    const first = sessions.commit(session)
    session.regenerate()
    await first
    expect([...store.rows.keys()]).toEqual([before])
    browser.take(await sessions.commit(session))
    expect([...store.rows]).toMatchObject([[session.id, { data: { user: 'dave', visits: 1 } }]])
    expect(await sessions.load(browser.cookie)).toMatchObject({ id: session.id, data: { user: 'dave', visits: 1 } })
  })

  test('a regenerate() without a store, too', async () => {
    const { codec, open } = slowCodec()
    const { sessions, browser } = serve({ codecs: [codec], expose: false })
    const session = await sessions.load(null)
    session.data.user = 'dave'
    const before = session.id
    const first = sessions.commit(session)
    session.regenerate()
    open()
    browser.take(await first)
    expect((await sessions.load(browser.cookie)).id).toBe(before)
    browser.take(await sessions.commit(session))
    expect(session.id).not.toBe(before)
    expect((await sessions.load(browser.cookie)).id).toBe(session.id)
  })

  test('other data is for the next commit', async () => {
    const { codec, open } = slowCodec()
    const { sessions, browser } = serve({ codecs: [codec], expose: false })
    const session = await sessions.load(null)
    session.data.user = 'dave'
    const first = sessions.commit(session)
    session.data = { user: 'ann' }
    open()
    browser.take(await first)
    expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'dave' })
    browser.take(await sessions.commit(session))
    expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'ann' })
  })
})

describe('two commits in each request', () => {
  test.each<[string, SessionCodec]>([
    ['beakerJwt', beakerJwt({ secrets: SECRET })],
    ['compact', compact({ secrets: SECRET })],
  ])('%s: an earlier request does not come back', async (_, codec) => {
    const { sessions, browser, events } = serve({ codecs: [codec], expose: false })
    for (let n = 1; n <= 4; n++) {
      const session = await sessions.load(browser.cookie)
      session.data.n = n
      browser.take(await sessions.commit(session))
      session.data[`key${n}`] = n
      browser.take(await sessions.commit(session))
      expect((await sessions.load(browser.cookie)).data).toMatchObject({ n, [`key${n}`]: n })
    }
    expect(events.filter(({ type }) => type === 'conflict')).toEqual([])
  })

  test('a value that hides its state may change in the second', async () => {
    const { sessions, browser } = serve()
    const session = await sessions.load(null)
    session.data.home = new URL('https://example.org/a')
    browser.take(await sessions.commit(session))
    session.data.home = new URL('https://example.org/b')
    browser.take(await sessions.commit(session))
    expect((await sessions.load(browser.cookie)).data).toEqual({ home: 'https://example.org/b' })
  })
})

test('data that leads back to itself in many ways is refused at once', async () => {
  const { sessions } = serve()
  const session = await sessions.load(null)
  const person: Record<string, unknown> = {}
  Object.assign(person, {
    friend: person,
    boss: person,
    friends: [person, new Map([['best', person]]), new Set([person])],
  })
  session.data.person = person
  await rejection('ERR_SESSION_LIMIT', sessions.commit(session))
})

test('a load that failed is tried again for the same request', async () => {
  const store = openStore()
  const fixture = serveStored({ store })
  await fixture.visit((data) => Object.assign(data, { user: 'dave' }))
  const request = { headers: { cookie: fixture.browser.cookie } }
  store.fault = new Error('down')
  const [first, second] = [fixture.sessions.load(request), fixture.sessions.load(request)]
  await rejection('ERR_SESSION_STORE', first)
  await rejection('ERR_SESSION_STORE', second)
  expect(store.calls.filter((call) => call === 'get')).toHaveLength(1)
  delete store.fault
  const session = await fixture.sessions.load(request)
  expect(session.data).toEqual({ user: 'dave' })
  expect(await fixture.sessions.load(request)).toBe(session)
})
