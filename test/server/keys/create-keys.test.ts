/** Keys that are loaded while requests go on: threats 29 and 36. */
import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { platform } from '#platform'
import {
  createKeys,
  createSessions,
  jwt,
  type KeyInput,
  type KeysEvent,
  type SessionCodec,
  type SessionEvent,
} from '../../../src/server/index.js'
import { expectWithout, rejection, testBrowser, testClock } from '../server.helpers.js'
import { pairFor, pemOf, publicKeysOf, session } from './keys.helpers.js'

const old = { key: pairFor('ES256', 'old').privateKey, kid: 'old' }
const fresh = { key: pairFor('ES256', 'new').privateKey, kid: 'new' }

/** A source that a test can change, stop and count. */
function testSource(keys: KeyInput | readonly KeyInput[]) {
  const state = { keys, count: 0, fails: undefined as unknown, gate: Promise.resolve() }
  const source = async (): Promise<KeyInput | readonly KeyInput[]> => {
    state.count++
    await state.gate
    if (state.fails !== undefined) throw state.fails
    return state.keys
  }
  return Object.assign(source, { state })
}

async function signWith(keys: KeyInput): Promise<string> {
  return await (jwt({ keys }) as Required<SessionCodec>).sign({ data: { user: 'dave' } }, session)
}

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20))

describe('the first load', () => {
  test('happens at the first use, once for all who wait', async () => {
    const source = testSource([old])
    const codec = jwt({ keys: source })
    expect(source.state.count).toBe(0)
    const token = await signWith(old)
    const records = await Promise.all(Array.from({ length: 20 }, () => codec.verify(token, session)))
    expect(records.every(({ kid }) => kid === 'old')).toBe(true)
    expect(source.state.count).toBe(1)
  })

  test.each<[string, unknown]>([
    ['a source that fails', { fails: new Error('the vault is sealed') }],
    ['a source that throws nothing', { fails: null }],
    ['no key', { keys: [] }],
    ['a weak key', { keys: ['swordfish'] }],
    ['something else', { keys: 5 as never }],
  ])('%s: load rejects, and there is no empty session', async (_, change) => {
    const source = testSource([old])
    Object.assign(source.state, change)
    const events: SessionEvent[] = []
    const sessions = createSessions({
      codecs: [jwt({ keys: source })],
      expose: false,
      on: (event) => events.push(event),
    })
    const error = await rejection('ERR_SESSION_KEYS', sessions.load(`${sessions.name}=${await signWith(old)}`))
    expectWithout(error, ['swordfish'])
    await rejection('ERR_SESSION_KEYS', sessions.jwks())
    expect(events.map(({ type, code }) => [type, code])).toEqual([['keys', 'ERR_SESSION_KEYS']])
    const session = await sessions.load(null)
    Object.assign(session.data, { a: 1 })
    await rejection('ERR_SESSION_KEYS', sessions.commit(session))
  })

  test('that fails is tried again after 5 seconds, not with each request', async () => {
    const source = testSource([old])
    const clock = testClock()
    const codec = jwt({ keys: createKeys(source, { clock }) })
    const token = await signWith(old)
    source.state.fails = new Error('down')
    for (let request = 0; request < 5; request++)
      await rejection('ERR_SESSION_KEYS', async () => codec.verify(token, session))
    expect(source.state.count).toBe(1)
    source.state.fails = undefined
    clock.pass(4.9)
    await rejection('ERR_SESSION_KEYS', async () => codec.verify(token, session))
    clock.pass(0.1)
    expect((await codec.verify(token, session)).kid).toBe('old')
    expect(source.state.count).toBe(2)
  })

  test('that takes too long fails', async () => {
    const keys = createKeys(() => new Promise<KeyInput>(() => {}), { timeout: 0.05 })
    const error = await rejection('ERR_SESSION_KEYS', keys.reload())
    expect((error.cause as Error).message).toBe('No keys within 50 milliseconds')
  })

  test('a set without a key that signs reads, and can not write', async () => {
    const codec = jwt({ keys: testSource([pairFor('ES256', 'old').publicKey]) }) as Required<SessionCodec>
    expect((await codec.verify(await signWith(old), session)).data).toEqual({ user: 'dave' })
    await rejection('ERR_SESSION_KEYS', async () => codec.sign({ data: {} }, session))
  })
})

describe('a reload', () => {
  test('by hand: the new keys count at once, the old ones no more', async () => {
    const source = testSource([old])
    const keys = createKeys(source)
    const codec = jwt({ keys })
    const tokens = { old: await signWith(old), fresh: await signWith(fresh) }
    expect((await codec.verify(tokens.old, session)).kid).toBe('old')
    source.state.keys = [fresh]
    expect((await codec.verify(tokens.old, session)).kid).toBe('old')
    await keys.reload()
    expect((await codec.verify(tokens.fresh, session)).kid).toBe('new')
    // It was remembered as good; that was the word of a key that is gone.
    await rejection('ERR_SESSION_SIGNATURE', async () => codec.verify(tokens.old, session))
    expect((await publicKeysOf(codec)).map(({ kid }) => kid)).toEqual(['new'])
  })

  test('that fails keeps the last good keys, says so, and rejects', async () => {
    const source = testSource([old])
    const keys = createKeys(source)
    const events: KeysEvent[] = []
    keys.listen((event) => events.push(event))
    const codec = jwt({ keys })
    const token = await signWith(old)
    await keys.reload()
    for (const [fails, keysNow] of [
      [new Error('down'), [fresh]],
      [undefined, ['swordfish']],
      [undefined, []],
    ] as const) {
      Object.assign(source.state, { fails, keys: keysNow })
      const error = await rejection('ERR_SESSION_KEYS', keys.reload())
      expect(error.cause).toBeInstanceOf(Error)
      expectWithout(error, ['swordfish'])
      expect((await codec.verify(token, session)).kid).toBe('old')
    }
    expect(events).toEqual([
      { keyCount: 1, kid: 'old' },
      ...Array(3).fill({ keyCount: 1, kid: 'old', code: 'ERR_SESSION_KEYS' }),
    ])
  })

  test('of its own, beside the requests: none waits for it', async () => {
    const source = testSource([old])
    const clock = testClock()
    const keys = createKeys(source, { reloadEvery: '1m', clock })
    await keys.reload()
    const codec = jwt({ keys })
    const tokens = { old: await signWith(old), fresh: await signWith(fresh) }
    let open = (): void => {}
    source.state.gate = new Promise((resolve) => {
      open = resolve
    })
    source.state.keys = [fresh, old]
    clock.pass(59.9)
    await codec.verify(tokens.old, session)
    expect(source.state.count).toBe(1)
    clock.pass(0.1)
    for (let request = 0; request < 5; request++) expect((await codec.verify(tokens.old, session)).keyIndex).toBe(0)
    expect(source.state.count).toBe(2)
    open()
    await settled()
    expect((await codec.verify(tokens.fresh, session)).keyIndex).toBe(0)
    expect((await codec.verify(tokens.old, session)).keyIndex).toBe(1)
    expect(source.state.count).toBe(2)
  })

  test('after a silence of two intervals is waited for: a key that was dropped meanwhile is not used once more', async () => {
    const source = testSource([old])
    const clock = testClock()
    const codec = jwt({ keys: createKeys(source, { reloadEvery: '1m', clock }) })
    const token = await signWith(old)
    await codec.verify(token, session)
    source.state.keys = [fresh]
    clock.pass(120)
    await rejection('ERR_SESSION_SIGNATURE', async () => codec.verify(token, session))
    expect(source.state.count).toBe(2)
  })

  test('whose source stands still: no request waits for it, however long that takes', async () => {
    const source = testSource([old])
    const clock = testClock()
    const codec = jwt({ keys: createKeys(source, { reloadEvery: '1m', timeout: '1h', clock }) })
    const token = await signWith(old)
    await codec.verify(token, session)
    for (const count of [2, 3]) {
      let fail = (_: Error): void => {}
      source.state.gate = new Promise((_, reject) => {
        fail = reject
      })
      // The source is asked with the first of these requests, and does not answer.
      for (const seconds of [60, 1, 59, 60, 3600]) {
        clock.pass(seconds)
        expect((await codec.verify(token, session)).kid).toBe('old')
        expect(source.state.count).toBe(count)
      }
      fail(new Error('down'))
      await settled()
    }
  })

  test('that fails for hours: the last good keys go on, and the source has its rest', async () => {
    const source = testSource([old])
    const clock = testClock()
    const codec = jwt({ keys: createKeys(source, { reloadEvery: '1m', clock }) })
    const token = await signWith(old)
    await codec.verify(token, session)
    source.state.fails = new Error('down')
    for (let second = 0; second < 3600; second += 0.5) {
      clock.pass(0.5)
      await codec.verify(token, session)
    }
    expect(source.state.count).toBeGreaterThan(600)
    expect(source.state.count).toBeLessThan(720)
  })

  test('a clock that is set back does no harm', async () => {
    const source = testSource([old])
    const clock = testClock()
    const codec = jwt({ keys: createKeys(source, { reloadEvery: '1m', clock }) })
    const token = await signWith(old)
    await codec.verify(token, session)
    clock.pass(-86_400)
    source.state.fails = new Error('down')
    expect((await codec.verify(token, session)).kid).toBe('old')
    source.state.fails = undefined
    clock.pass(6)
    await codec.verify(token, session)
    await settled()
    expect(source.state.count).toBe(3)
  })

  test('a listener that fails changes nothing', async () => {
    const keys = createKeys(testSource([old]))
    keys.listen(() => {
      throw new Error('of the log')
    })
    await keys.reload()
    expect((await jwt({ keys }).verify(await signWith(old), session)).kid).toBe('old')
  })

  test.runIf(platform.name === 'node')('reads files again', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'keys-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const file = join(folder, 'key.pem')
    writeFileSync(file, pemOf(old.key))
    const keys = createKeys({ file })
    const codec = jwt({ keys })
    expect((await codec.verify(await signWith(old), session)).keyIndex).toBe(0)
    writeFileSync(file, pemOf(fresh.key))
    await keys.reload()
    expect((await codec.verify(await signWith(fresh), session)).keyIndex).toBe(0)
    writeFileSync(file, 'half of a file')
    await rejection('ERR_SESSION_KEYS', keys.reload())
    expect((await codec.verify(await signWith(fresh), session)).keyIndex).toBe(0)
  })
})

test('a rotation under load: no request fails, and all end with the new key', async () => {
  const source = testSource([old])
  const clock = testClock()
  const events: SessionEvent[] = []
  const keys = createKeys(source, { reloadEvery: 1, clock })
  const sessions = createSessions({
    codecs: [jwt({ keys })],
    expose: ['visits'],
    touchEvery: 0,
    clock,
    on: (event) => events.push(event),
  })
  const steps: (readonly KeyInput[])[] = [[old], [old, fresh], [fresh, old], [fresh, old], [fresh]]
  const browsers = Array.from({ length: 10 }, () => testBrowser())
  let requests = 0
  const visit = async (browser: (typeof browsers)[number]): Promise<void> => {
    const current = await sessions.load(browser.cookie)
    expect(current.rejected).toBeUndefined()
    const data = current.data as { visits?: number }
    data.visits = (data.visits ?? 0) + 1
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 2))
    browser.take(await sessions.commit(current))
    requests++
  }
  for (const step of steps) {
    source.state.keys = step
    for (let round = 0; round < 12; round++) {
      clock.pass(0.25)
      await Promise.all([...browsers.map(visit), ...(round === 6 ? [keys.reload()] : [])])
    }
  }
  expect(requests).toBe(steps.length * 12 * browsers.length)
  for (const browser of browsers) {
    const { data, kid } = { ...(await sessions.load(browser.cookie)), ...(await loaded(browser.cookie)) }
    expect(data).toEqual({ visits: steps.length * 12 })
    expect(kid).toBe('new')
  }
  expect(events.filter(({ type }) => type === 'rejected')).toEqual([])
  const told = events.filter(({ type }) => type === 'keys')
  expect(told.length).toBeGreaterThan(steps.length)
  expect(told.at(-1)).toMatchObject({ codec: 'jwt', codecIndex: 0, keyCount: 1, kid: 'new' })

  async function loaded(cookie: string): Promise<{ data: object; kid: string | undefined }> {
    const { data } = await sessions.load(cookie)
    return { data, kid: events.findLast(({ type }) => type === 'read')?.kid }
  }
})

test('one ring for two codecs', async () => {
  const source = testSource([old])
  const keys = createKeys(source)
  const token = await signWith(old)
  for (const codec of [jwt({ keys }), jwt({ keys, expires: '1h' })]) {
    expect((await codec.verify(token, session)).kid).toBe('old')
  }
  expect(source.state.count).toBe(1)
})
