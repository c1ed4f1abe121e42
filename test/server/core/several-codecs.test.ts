/** Several codecs in one list: the first writes, all read, and only of one family does one follow another. */
import { describe, expect, test } from 'vitest'
import {
  beakerJwt,
  type HmacAlgorithm,
  jwt,
  type SessionCodec,
  type SessionsOptions,
} from '../../../src/server/index.js'
import {
  dave,
  type Fixture,
  NAME,
  OLD_SECRET,
  SECRET,
  serve,
  testBrowser,
  testClock,
  textCodec,
} from '../server.helpers.js'

const THIRD_SECRET = 'swordfish-third-of-the-keys-0123456789abcde'

const plain = (secret = SECRET, ...algorithms: HmacAlgorithm[]): SessionCodec =>
  jwt({ secrets: [secret], ...(algorithms.length > 0 ? { algorithms } : {}) })
const beaker = (secret = SECRET, compress = true): SessionCodec => beakerJwt({ secrets: [secret], compress })

interface Roll {
  before: SessionCodec[]
  after: SessionCodec[]
  options?: Partial<SessionsOptions>
}

/** A browser that signed in with the codecs of before comes to a server with those of after. */
async function roll({ before, after, options = {} }: Roll): Promise<Fixture> {
  const browser = testBrowser()
  const clock = testClock()
  await serve({ codecs: before }, { browser, clock }).visit((data) => Object.assign(data, { user: 'dave', visits: 1 }))
  return serve({ codecs: after, touchEvery: false, ...options }, { browser, clock })
}

describe.each<[string, Roll & { keyIndex: number; codecIndex: number }]>([
  ['beakerJwt → jwt', { before: [beaker()], after: [plain(OLD_SECRET), beaker()], codecIndex: 1, keyIndex: 0 }],
  ['jwt → beakerJwt', { before: [plain()], after: [beaker(OLD_SECRET), plain()], codecIndex: 1, keyIndex: 0 }],
  [
    'beakerJwt → jwt with the same secret',
    { before: [beaker()], after: [plain(), beaker()], codecIndex: 1, keyIndex: 0 },
  ],
  [
    'HS256 → HS512 as two codecs',
    {
      before: [plain(SECRET, 'HS256')],
      after: [plain(SECRET, 'HS512'), plain(SECRET, 'HS256')],
      codecIndex: 1,
      keyIndex: 0,
    },
  ],
  [
    'HS256 → HS512 as one codec',
    { before: [plain(SECRET, 'HS256')], after: [plain(SECRET, 'HS512', 'HS256')], codecIndex: 0, keyIndex: 1 },
  ],
])('%s', (_, { before, after, codecIndex, keyIndex }) => {
  test('everybody stays signed in, and moves with the first request', async () => {
    const { visit, browser, events, sessions } = await roll({ before, after })
    const old = browser.cookie
    const { id } = await sessions.load(old)
    events.length = 0
    await visit()
    const [first, last] = [before[0]?.name, after[0]?.name]
    expect(events).toMatchObject([
      { type: 'read', codec: first, codecIndex, keyIndex },
      { type: 'upgraded', codec: last, codecIndex: 0, keyIndex: 0 },
      { type: 'committed', codec: last, codecIndex: 0, keyIndex: 0 },
    ])
    expect(browser.cookie).not.toBe(old)
    const session = await sessions.load(browser.cookie)
    expect(session.data).toEqual({ user: 'dave', visits: 1 })
    expect(session.id).toBe(id)
    expect([session.codec, session.keyIndex]).toEqual([last, 0])
    expect(await visit()).toEqual([])
  })

  test("upgrade: 'on-change' waits for a change, 'never' for ever", async () => {
    const waiting = await roll({ before, after, options: { upgrade: 'on-change' } })
    expect(await waiting.visit()).toEqual([])
    expect(await waiting.visit((data) => Object.assign(data, { visits: 2 }))).toHaveLength(1)
    expect(waiting.events.map(({ type }) => type)).toEqual(['read', 'read', 'upgraded', 'committed'])

    const staying = await roll({ before, after, options: { upgrade: 'never' } })
    expect(await staying.visit()).toEqual([])
    await staying.visit((data) => Object.assign(data, { visits: 2 }))
    const session = await staying.sessions.load(staying.browser.cookie)
    expect(session.data).toEqual({ user: 'dave', visits: 2 })
    expect(session.codec).toBe(before[0]?.name)
    // a codec signs with its first key in any case
    expect(staying.events.some(({ type }) => type === 'upgraded')).toBe(codecIndex === 0)
  })

  test('observe reports it and writes nothing', async () => {
    const { visit, events } = await roll({ before, after, options: { mode: 'observe' } })
    expect(await visit()).toEqual([])
    expect(events).toMatchObject([{ type: 'read' }, { type: 'upgraded', observed: true }, { type: 'committed' }])
  })
})

describe('the order', () => {
  test('the first that verifies reads: beakerJwt takes plain claims of its key', async () => {
    const { sessions, browser } = await roll({ before: [plain()], after: [beaker(), plain()] })
    expect((await sessions.load(browser.cookie)).codec).toBe('beakerJwt')
  })

  test('nobody has the key: the rejection is that of a signature', async () => {
    const after = [beaker(OLD_SECRET), plain(THIRD_SECRET)]
    const { sessions, browser, events } = await roll({ before: [plain()], after })
    const session = await sessions.load(browser.cookie)
    expect(session.isNew).toBe(true)
    expect(session.rejected?.code).toBe('ERR_SESSION_SIGNATURE')
    expect(events).toMatchObject([{ type: 'rejected', code: 'ERR_SESSION_SIGNATURE' }])
  })

  test('an algorithm that nobody has, too', async () => {
    const after = [beaker(), plain(SECRET, 'HS384')]
    const { sessions, browser } = await roll({ before: [plain(SECRET, 'HS512')], after })
    expect((await sessions.load(browser.cookie)).rejected?.code).toBe('ERR_SESSION_ALGORITHM')
  })

  test('whoever verified has the last word: no second codec for an expired token', async () => {
    const strict = jwt({ secrets: [SECRET], clockTolerance: 0 })
    const browser = testBrowser()
    const clock = testClock()
    const writer = jwt({ secrets: [SECRET], expires: '1h' })
    await serve({ codecs: [writer] }, { browser, clock }).visit(dave)
    clock.pass(3600)
    const { sessions } = serve({ codecs: [strict, beaker()] }, { browser, clock })
    expect((await sessions.load(browser.cookie)).rejected?.code).toBe('ERR_SESSION_EXPIRED')
    // in the other order the first to verify is one that knows no exp
    expect((await serve({ codecs: [beaker(), strict] }, { browser, clock }).sessions.load(browser.cookie)).isNew).toBe(
      false,
    )
  })

  test('compressed claims without a codec for them are kept, not overwritten', async () => {
    const { sessions, browser } = await roll({ before: [beaker()], after: [plain()] })
    const session = await sessions.load(browser.cookie)
    expect(session.rejected).toMatchObject({ code: 'ERR_SESSION_KEY', verified: true })
    session.data.user = 'eve'
    await expect(sessions.commit(session)).rejects.toMatchObject({ code: 'ERR_SESSION_PROTECTED' })
  })

  test('another family is never asked after a signature was wrong', async () => {
    let asked = 0
    const other = textCodec('other', {
      matches: () => true,
      verify: async () => {
        asked++
        return { data: { user: 'forged' } }
      },
    })
    const { sessions, browser } = await roll({ before: [plain()], after: [plain(OLD_SECRET), other] })
    expect((await sessions.load(browser.cookie)).rejected?.code).toBe('ERR_SESSION_SIGNATURE')
    expect(asked).toBe(0)
    expect((await sessions.load(`${NAME}=text~x`)).data).toEqual({ user: 'forged' })
    expect(asked).toBe(1)
  })
})

describe('what one format can hold and another can not', () => {
  test('a session with bytes stays with beakerJwt, and says so', async () => {
    const browser = testBrowser()
    const clock = testClock()
    const bytes = Uint8Array.of(1, 2, 3)
    await serve({ codecs: [beaker()] }, { browser, clock }).visit((data) => Object.assign(data, { bytes }))
    const { visit, events, sessions } = serve({ codecs: [plain(OLD_SECRET), beaker()] }, { browser, clock })
    expect(await visit()).toEqual([])
    expect(events).toMatchObject([{ type: 'read' }, { type: 'kept', code: 'ERR_SESSION_UNWRITABLE', path: 'bytes' }])
    await visit(dave)
    const session = await sessions.load(browser.cookie)
    expect([session.codec, session.data]).toEqual(['beakerJwt', { bytes, user: 'dave' }])
  })

  test('so does one with a key that means something else in plain claims', async () => {
    const browser = testBrowser()
    const clock = testClock()
    await serve({ codecs: [beaker()] }, { browser, clock }).visit((data) => Object.assign(data, { exp: 'press' }))
    const { visit, events, sessions } = serve({ codecs: [plain(OLD_SECRET), beaker()] }, { browser, clock })
    expect(await visit()).toEqual([])
    expect(events.at(-1)).toMatchObject({ type: 'kept', path: 'exp' })
    expect((await sessions.load(browser.cookie)).data).toEqual({ exp: 'press' })
  })

  test('1.0 stays a float on its way from BSON to JSON', async () => {
    const browser = testBrowser()
    const clock = testClock()
    await serve({ codecs: [beaker(SECRET, false)] }, { browser, clock }).visit((data) =>
      Object.assign(data, { a: 1, b: -0 }),
    )
    await serve({ codecs: [beaker()] }, { browser, clock }).visit((data) => Object.assign(data, { c: 1 }))
    const { sessions } = serve({ codecs: [plain(OLD_SECRET), beaker()] }, { browser, clock })
    const [cookie = ''] = await sessions.commit(await sessions.load(browser.cookie))
    const payload = Buffer.from(cookie.split('.')[3] ?? '', 'base64url').toString()
    expect(payload).toMatch(/^\{"a":1,"b":-0\.0,"c":1,/)
  })
})

test('a key that is data to one codec and not to the first is kept as it was, and lost to nobody', async () => {
  const { sign } = plain(OLD_SECRET) as Required<SessionCodec>
  const record = { data: { user: 'dave', _id: 'a document of a database' } }
  const context = { cookieName: NAME, purpose: 'session', now: new Date() } as const
  const browser = testBrowser()
  browser.take([`${NAME}=${await sign(record, context)}`])
  const { visit, events } = serve({ codecs: [beaker(), plain(OLD_SECRET)] }, { browser })
  await visit((data) => Object.assign(data, { user: 'eve' }))
  expect(events.find(({ type }) => type === 'kept')).toMatchObject({ code: 'ERR_SESSION_UNWRITABLE', path: '_id' })
  expect((await plain(OLD_SECRET).verify(browser.cookie.slice(NAME.length + 1), context)).data).toEqual({
    ...record.data,
    user: 'eve',
  })
})
