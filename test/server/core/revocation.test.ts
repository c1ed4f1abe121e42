/** Sessions that are ended before they expire, without a row of their own. */
import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { MAX_REVOKED_KEYS } from '../../../src/server/core/revocation.js'
import {
  beakerJwt,
  compact,
  createRevocations,
  createSessions,
  defineSession,
  jwt,
  keyThumbprint,
  memoryStore,
  type RevocableSession,
  type Revocations,
  type RevocationsOptions,
  type Session,
  SessionError,
  type SessionStore,
  type Sessions,
  type SessionsOptions,
  verifySessions,
} from '../../../src/server/index.js'
import {
  type Browser,
  dave,
  NAME,
  OLD_SECRET,
  rejection,
  SECRET,
  START,
  serve,
  testBrowser,
  testClock,
  textCodec,
} from '../server.helpers.js'

const owner = (data: { user?: unknown }): string | undefined => data.user as string | undefined
const OPTIONS = { secrets: [SECRET], expose: false, owner } as const
const session = defineSession({ name: NAME, idleTimeout: '1d' })

/** A store that counts, and fails if it is told so. */
function watched(store: SessionStore) {
  const watch = { reads: 0, writes: 0, isDown: false }
  const step = <T>(kind: 'reads' | 'writes', task: () => T): T => {
    watch[kind]++
    if (watch.isDown) throw new Error('down')
    return task()
  }
  const update = store.update as Required<SessionStore>['update']
  const watchedStore: SessionStore = {
    name: 'watched',
    get: (id) => step('reads', () => store.get(id)),
    set: (id, row) => step('writes', () => store.set(id, row)),
    delete: (id) => step('writes', () => store.delete(id)),
    update: (id, change) => step('writes', () => update(id, change)),
  }
  return Object.assign(watch, { store: watchedStore })
}

/** Some processes with one store, their own revocations and one clock. */
function fleet(
  options: Partial<RevocationsOptions> = {},
  more: Partial<SessionsOptions> = {},
  clock = testClock(START),
) {
  const shared = watched(memoryStore({ clock, ttl: '14d' }))
  const process = (): { sessions: Sessions; revocations: Revocations } => {
    const revocations = createRevocations({ store: shared.store, cacheFor: '10s', clock, ...options })
    const { secrets, ...rest } = OPTIONS
    const sessions = createSessions({
      session,
      ...(more.codecs ? rest : { ...rest, secrets }),
      revocation: revocations,
      clock,
      ...more,
    } as SessionsOptions)
    return { sessions, revocations }
  }
  return { shared, clock, process }
}

async function signIn(sessions: Sessions, user = 'dave', browser: Browser = testBrowser()): Promise<Browser> {
  const session = await sessions.load(browser.cookie)
  session.regenerate({ authenticated: true })
  Object.assign(session.data, { user })
  browser.take(await sessions.commit(session))
  return browser
}

async function codeOf(sessions: Pick<Sessions, 'load'>, { cookie }: Browser): Promise<string | undefined> {
  return (await sessions.load(cookie)).rejected?.code
}

const REVOKED = 'ERR_SESSION_REVOKED'

describe('isRevoked', () => {
  test('gets what there is to judge by, and nothing that can be changed', async () => {
    let seen: RevocableSession | undefined
    const { sessions, browser, clock } = serve({
      owner,
      revocation: {
        isRevoked(session) {
          seen = session
          return false
        },
      },
    })
    await signIn(sessions, 'dave', browser)
    expect(seen).toBeUndefined()
    clock.pass(60)
    const { id } = await sessions.load(browser.cookie)
    expect(seen).toEqual({
      id,
      owner: 'dave',
      createdAt: new Date(START),
      authenticatedAt: new Date(START),
      data: { user: 'dave', _authenticated_at: START / 1000 },
      codec: 'beakerJwt',
      key: await keyThumbprint(SECRET),
    })
    expect(Object.isFrozen(seen)).toBe(true)
  })

  test('may be asynchronous; a session that is revoked counts as one that has expired', async () => {
    const revoked = new Set<string | undefined>()
    const { sessions, browser, events } = serve({ revocation: { isRevoked: async ({ id }) => revoked.has(id) } })
    const first = await sessions.load(null)
    dave(first.data)
    browser.take(await sessions.commit(first))
    revoked.add(first.id)
    events.length = 0
    const session = await sessions.load(browser.cookie)
    expect(session).toMatchObject({ isNew: true, data: {} })
    expect(session.rejected).toMatchObject({ code: REVOKED, verified: true })
    expect(events).toEqual([expect.objectContaining({ type: 'rejected', code: REVOKED })])
    // A request that writes nothing lets the cookie be.
    expect(await sessions.commit(session)).toEqual([])
    Object.assign(session.data, { user: 'eve' })
    browser.take(await sessions.commit(session))
    const next = await sessions.load(browser.cookie)
    expect(next.data).toEqual({ user: 'eve' })
    expect(next.id).not.toBe(first.id)
  })

  test('is not asked for a session that is none by itself, and once for one that is', async () => {
    const asked: unknown[] = []
    const isRevoked = ({ id }: RevocableSession): boolean => asked.push(id) < 0
    const { sessions, browser, clock } = serve({ idleTimeout: 60, revocation: { isRevoked } })
    await sessions.load(`${NAME}=garbage`)
    const first = await sessions.load(null)
    dave(first.data)
    browser.take(await sessions.commit(first))
    expect(asked).toEqual([])
    await sessions.load(browser.cookie)
    expect(asked).toEqual([first.id])
    clock.pass(61)
    await sessions.load(browser.cookie)
    expect(asked).toEqual([first.id])
  })

  test('the next cookie of the request counts if one is revoked', async () => {
    const revoked: (string | undefined)[] = []
    const { sessions } = serve({ revocation: { isRevoked: ({ id }) => revoked.includes(id) } })
    const [one, two] = [testBrowser(), testBrowser()]
    for (const browser of [one, two]) {
      const session = await sessions.load(null)
      dave(session.data)
      browser.take(await sessions.commit(session))
      if (browser === two) revoked.push(session.id)
    }
    const session = await sessions.load(`${one.cookie}; ${two.cookie}`)
    expect(session.data).toEqual({ user: 'dave' })
  })

  test.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new RangeError('mine')
      },
    ],
    ['rejects', async () => Promise.reject(new Error('mine'))],
    ['forgets to answer', () => undefined],
    ['answers with text', () => 'false'],
  ])('that %s lets nobody in, and takes nobody for signed out', async (_, isRevoked) => {
    let asks = false
    const { sessions, browser } = serve({ revocation: { isRevoked: () => (asks ? (isRevoked() as boolean) : false) } })
    const first = await sessions.load(null)
    dave(first.data)
    browser.take(await sessions.commit(first))
    asks = true
    const request = { headers: { cookie: browser.cookie } }
    const error = await rejection('ERR_SESSION_STORE', sessions.load(request))
    expect(error.cause).toBeInstanceOf(Error)
    // The same request may try again.
    asks = false
    expect((await sessions.load(request)).data).toEqual({ user: 'dave' })
  })

  test('an outage that it tells passes as it is', async () => {
    const outage = new SessionError('ERR_SESSION_KEYS', 'down')
    const { sessions, browser, visit } = serve({
      revocation: {
        isRevoked() {
          throw outage
        },
      },
    })
    await visit(dave)
    await expect(sessions.load(browser.cookie)).rejects.toBe(outage)
  })

  test('what "owner" throws is the error of the application', async () => {
    const { sessions, browser, visit } = serve({
      owner() {
        throw new RangeError('mine')
      },
      revocation: { isRevoked: () => false },
    })
    await visit(dave)
    await expect(sessions.load(browser.cookie)).rejects.toThrow(RangeError)
  })

  test.each([[null], [true], [{}], [() => false]])('is needed: %j', (revocation) => {
    expect(() => serve({ revocation: revocation as never })).toThrow(/Option "revocation" needs isRevoked\(\)/)
  })

  test('a format without an id has none', async () => {
    let seen: RevocableSession | undefined
    const codec = { ...textCodec('a'), keepsId: false }
    const { sessions } = serve({
      codecs: [codec],
      expose: false,
      revocation: {
        isRevoked(session) {
          seen = session
          return false
        },
      },
    })
    await sessions.load(`${NAME}=text~a~${encodeURIComponent('{"data":{"user":"dave"}}')}`)
    expect(seen).toMatchObject({ id: undefined, createdAt: undefined, authenticatedAt: undefined, key: undefined })
  })

  test('with() takes another one, or none', async () => {
    const { sessions, browser, visit } = serve({ revocation: { isRevoked: () => true } })
    await visit(dave)
    expect(await codeOf(sessions, browser)).toBe(REVOKED)
    expect(await codeOf(sessions.with({ revocation: undefined }), browser)).toBeUndefined()
    expect(await codeOf(sessions.with({ revocation: { isRevoked: () => false } }), browser)).toBeUndefined()
  })
})

describe('createRevocations', () => {
  describe('revokeSession', () => {
    test('ends one session, everywhere within cacheFor, to the millisecond, and here at once', async () => {
      const { process, clock } = fleet()
      const [here, there] = [process(), process()]
      const [browser, other] = [await signIn(here.sessions), await signIn(here.sessions)]
      // Something was revoked before, so that there is something to remember.
      await here.revocations.revokeSession('another')
      clock.pass(10)
      expect(await codeOf(there.sessions, browser)).toBeUndefined()
      await here.revocations.revokeSession(await here.sessions.load(browser.cookie))
      expect(await codeOf(here.sessions, browser)).toBe(REVOKED)
      clock.pass(9.999)
      expect(await codeOf(there.sessions, browser)).toBeUndefined()
      clock.pass(0.001)
      expect(await codeOf(there.sessions, browser)).toBe(REVOKED)
      expect(await codeOf(here.sessions, other)).toBeUndefined()
      expect(await codeOf(there.sessions, other)).toBeUndefined()
    })

    test('takes an id, and refuses what has none', async () => {
      const { process } = fleet()
      const { sessions, revocations } = process()
      const browser = await signIn(sessions)
      await revocations.revokeSession((await sessions.load(browser.cookie)).id)
      expect(await codeOf(sessions, browser)).toBe(REVOKED)
      await expect(revocations.revokeSession('')).rejects.toThrow(TypeError)
      await expect(revocations.revokeSession(undefined as never)).rejects.toThrow(TypeError)
      const { sessions: nameless } = serve({ codecs: [{ ...textCodec('a'), keepsId: false }], expose: false })
      const session = await nameless.load(`${NAME}=text~a~${encodeURIComponent('{"data":{"user":"dave"}}')}`)
      await expect(revocations.revokeSession(session)).rejects.toThrow('no id')
    })

    test('a request under way that only changes data writes a cookie that is revoked, too', async () => {
      const { process } = fleet()
      const { sessions, revocations } = process()
      const browser = await signIn(sessions)
      const underWay = await sessions.load(browser.cookie)
      await revocations.revokeSession(underWay.id)
      Object.assign(underWay.data, { visits: 1 })
      browser.take(await sessions.commit(underWay))
      expect(await codeOf(sessions, browser)).toBe(REVOKED)
    })

    test('a request under way can not move it to a new id, in a process that has not read it yet either', async () => {
      const { process, clock } = fleet()
      const [here, there] = [process(), process()]
      const browser = await signIn(here.sessions)
      await here.revocations.revokeSession('another')
      clock.pass(10)
      await there.sessions.load(browser.cookie)
      await here.revocations.revokeSession((await here.sessions.load(browser.cookie)).id)
      const underWay = await there.sessions.load(browser.cookie)
      expect(underWay.isNew).toBe(false)
      underWay.regenerate()
      expect(await there.sessions.commit(underWay)).toEqual([])
      expect(underWay.isDestroyed).toBe(true)
      expect(await codeOf(here.sessions, browser)).toBe(REVOKED)
    })

    test('one that signs in meanwhile is a new session', async () => {
      const { process } = fleet()
      const { sessions, revocations } = process()
      const browser = await signIn(sessions)
      const underWay = await sessions.load(browser.cookie)
      await revocations.revokeSession(underWay.id)
      underWay.regenerate({ authenticated: true })
      browser.take(await sessions.commit(underWay))
      expect(await codeOf(sessions, browser)).toBeUndefined()
    })
  })

  describe('revokeOwner', () => {
    test('ends what was signed in before, and nothing else, to the millisecond', async () => {
      const { process, clock } = fleet()
      const { sessions, revocations } = process()
      const before = await signIn(sessions)
      const eve = await signIn(sessions, 'eve')
      clock.pass(0.001)
      const same = await signIn(sessions)
      await revocations.revokeOwner('dave')
      clock.pass(0.001)
      const after = await signIn(sessions)
      expect(await Promise.all([before, same, after, eve].map((browser) => codeOf(sessions, browser)))).toEqual([
        REVOKED,
        undefined,
        undefined,
        undefined,
      ])
    })

    test('in another process within cacheFor, to the millisecond', async () => {
      const { process, clock } = fleet()
      const [here, there] = [process(), process()]
      const browser = await signIn(here.sessions)
      clock.pass(1)
      expect(await codeOf(there.sessions, browser)).toBeUndefined()
      await here.revocations.revokeOwner('dave')
      expect(await codeOf(here.sessions, browser)).toBe(REVOKED)
      clock.pass(9.999)
      expect(await codeOf(there.sessions, browser)).toBeUndefined()
      clock.pass(0.001)
      expect(await codeOf(there.sessions, browser)).toBe(REVOKED)
    })

    test('"everywhere but here": the session that asks proves it again, in the same millisecond too', async () => {
      const { process, clock } = fleet()
      const { sessions, revocations } = process()
      const [here, elsewhere] = [await signIn(sessions), await signIn(sessions)]
      clock.pass(5)
      const session = await sessions.load(here.cookie)
      await revocations.revokeOwner('dave')
      session.authenticated()
      here.take(await sessions.commit(session))
      expect(await codeOf(sessions, here)).toBeUndefined()
      expect(await codeOf(sessions, elsewhere)).toBe(REVOKED)
    })

    test('no renewal, change or new id moves the time of the sign-in', async () => {
      const { process, clock } = fleet({}, { touchEvery: 0 })
      const { sessions, revocations } = process()
      const browser = await signIn(sessions)
      const underWay = await sessions.load(browser.cookie)
      clock.pass(1)
      await revocations.revokeOwner('dave')
      clock.pass(60)
      Object.assign(underWay.data, { visits: 1 })
      browser.take(await sessions.commit(underWay))
      expect(await codeOf(sessions, browser)).toBe(REVOKED)
    })

    test('a session that does not know when it was signed in counts as older, and so does one of the future', async () => {
      const { process, clock } = fleet()
      const { sessions, revocations } = process()
      const codes: (string | undefined)[] = []
      await revocations.revokeOwner('dave')
      clock.pass(3600)
      for (const time of [
        undefined,
        'now',
        START / 1000 + 3600 + 300,
        START / 1000 + 3600 + 300.001,
        START / 1000 - 1,
      ]) {
        const session = await sessions.load(null)
        Object.assign(session.data, { user: 'dave', ...(time !== undefined && { _authenticated_at: time }) })
        const browser = testBrowser()
        browser.take(await sessions.commit(session))
        codes.push(await codeOf(sessions, browser))
      }
      expect(codes).toEqual([REVOKED, REVOKED, undefined, REVOKED, REVOKED])
    })

    test('an earlier moment does not take a later one back', async () => {
      const { process, clock } = fleet()
      const [here, there] = [process(), process()]
      const browser = await signIn(here.sessions)
      clock.pass(10)
      await here.revocations.revokeOwner('dave')
      await here.revocations.revokeOwner('dave', new Date(START - 1))
      await there.revocations.revokeOwner('dave', new Date(START - 1))
      expect([await codeOf(here.sessions, browser), await codeOf(there.sessions, browser)]).toEqual([REVOKED, REVOKED])
    })

    test('another process that keeps it for a shorter time does not shorten it', async () => {
      const ten = defineSession({ name: NAME, idleTimeout: '10d' })
      const { process, shared, clock } = fleet({ keepFor: '12d' }, { session: ten })
      const short = createRevocations({ store: shared.store, cacheFor: '10s', keepFor: '2d', clock })
      const browser = await signIn(process().sessions)
      clock.pass(1)
      await process().revocations.revokeOwner('dave')
      await short.revokeOwner('dave', new Date(START))
      clock.pass(3 * 86_400)
      expect(await codeOf(process().sessions, browser)).toBe(REVOKED)
    })

    test('a moment in the future is kept as long as it counts, also in a store that does not say when a row ends', async () => {
      const { process, shared, clock } = fleet({ keepFor: '2d' })
      const { update } = shared.store as Required<SessionStore>
      shared.store.update = (id, change) =>
        update(id, (current) => {
          const { expiresAt: _, ...row } = current ?? { data: {} }
          return change(current && row)
        })
      const { revocations } = process()
      await revocations.revokeOwner('dave', new Date(START + 3 * 86_400_000))
      await revocations.revokeOwner('dave')
      await revocations.revokeSession('another')
      clock.pass(2.5 * 86_400)
      const browser = await signIn(process().sessions)
      expect(await codeOf(process().sessions, browser)).toBe(REVOKED)
    })

    test('a moment in the future ends what is signed in until then', async () => {
      const { process, clock } = fleet({ keepFor: '1d' })
      const { sessions, revocations } = process()
      await revocations.revokeOwner('dave', new Date(START + 60_000))
      clock.pass(59.999)
      const before = await signIn(sessions)
      clock.pass(0.001)
      const after = await signIn(sessions)
      expect([await codeOf(sessions, before), await codeOf(sessions, after)]).toEqual([REVOKED, undefined])
    })

    test('a number is its text', async () => {
      const { process, clock } = fleet({}, { owner: ({ user }) => user as number })
      const { sessions, revocations } = process()
      const browser = await signIn(sessions, 17 as never)
      clock.pass(1)
      await revocations.revokeOwner(17)
      expect(await codeOf(sessions, browser)).toBe(REVOKED)
    })

    test.each([
      ['', undefined],
      [undefined, undefined],
      [{}, undefined],
      ['dave', new Date(Number.NaN)],
      ['dave', 5],
    ])('refuses %j %s', async (who, before) => {
      const { revocations } = fleet().process()
      await expect(revocations.revokeOwner(who as never, before as never)).rejects.toThrow(TypeError)
    })
  })

  describe('revokeKey', () => {
    test('ends all that a key signed, whatever times it claims, within cacheFor', async () => {
      const { process, clock } = fleet({}, { codecs: [compact({ secrets: [SECRET, OLD_SECRET] })], upgrade: 'never' })
      const [here, there] = [process(), process()]
      const old = fleet({}, { codecs: [compact({ secrets: OLD_SECRET })] }, clock).process()
      const [good, leaked] = [await signIn(here.sessions), await signIn(old.sessions)]
      await there.sessions.load(leaked.cookie)
      clock.pass(1)
      await here.revocations.revokeKey(await keyThumbprint(OLD_SECRET))
      const forged = testBrowser()
      clock.pass(8.999)
      expect(await codeOf(there.sessions, leaked)).toBeUndefined()
      const later = await old.sessions.load(null)
      Object.assign(later.data, { user: 'dave', _authenticated_at: START / 1000 + 200 })
      forged.take(await old.sessions.commit(later))
      clock.pass(1.001)
      expect([await codeOf(there.sessions, leaked), await codeOf(there.sessions, forged)]).toEqual([REVOKED, REVOKED])
      expect(await codeOf(here.sessions, leaked)).toBe(REVOKED)
      expect([await codeOf(here.sessions, good), await codeOf(there.sessions, good)]).toEqual([undefined, undefined])
    })

    test('looks nothing up', async () => {
      const { process, shared, clock } = fleet()
      const { sessions, revocations } = process()
      const browser = await signIn(sessions)
      await revocations.revokeKey(await keyThumbprint(OLD_SECRET))
      shared.reads = 0
      clock.pass(10)
      for (let times = 0; times < 5; times++) await sessions.load(browser.cookie)
      expect(shared.reads).toBe(1)
    })

    test('is kept for keepFor, to the millisecond, and no longer', async () => {
      const { process, clock } = fleet({ keepFor: '2d', cacheFor: '30d' })
      const { sessions, revocations } = process()
      await revocations.revokeKey(await keyThumbprint(SECRET))
      clock.pass(2 * 86_400 - 0.001)
      const browser = await signIn(sessions)
      expect(await codeOf(sessions, browser)).toBe(REVOKED)
      clock.pass(0.001)
      // What was read counts on, so the moment is looked at again.
      expect(await codeOf(sessions, browser)).toBeUndefined()
    })

    test('100 keys at a time, and others again when those have ended', async () => {
      const { process, clock } = fleet({ keepFor: '2d' })
      const { revocations } = process()
      const nameOf = (number: number): string => String(number).padStart(43, '0')
      for (let number = 0; number < MAX_REVOKED_KEYS; number++) await revocations.revokeKey(nameOf(number))
      await revocations.revokeKey(nameOf(0))
      await rejection('ERR_SESSION_LIMIT', revocations.revokeKey(nameOf(MAX_REVOKED_KEYS)))
      clock.pass(2 * 86_400)
      await revocations.revokeKey(nameOf(MAX_REVOKED_KEYS))
    })

    test.each([[SECRET], [''], [undefined], ['a'.repeat(42)], ['a'.repeat(44)], [`secret.${'a'.repeat(42)}`]])(
      'takes a thumbprint and no key: %s',
      async (text) => {
        const { revocations } = fleet().process()
        await expect(revocations.revokeKey(text as never)).rejects.toThrow(
          'revokeKey() takes what keyThumbprint() gives',
        )
      },
    )
  })

  describe('costs', () => {
    test('one row for each process and cacheFor, while nothing was revoked', async () => {
      const { process, shared, clock } = fleet()
      const { sessions } = process()
      const browsers = await Promise.all(['a', 'b', 'c'].map((user) => signIn(sessions, user)))
      shared.reads = 0
      await Promise.all(Array.from({ length: 50 }, (_, at) => sessions.load((browsers[at % 3] as Browser).cookie)))
      expect(shared.reads).toBe(1)
      clock.pass(9.999)
      await sessions.load((browsers[0] as Browser).cookie)
      expect(shared.reads).toBe(1)
      clock.pass(0.001)
      await sessions.load((browsers[0] as Browser).cookie)
      expect(shared.reads).toBe(2)
      expect(shared.writes).toBe(0)
    })

    test('one look for each session and for each owner in cacheFor, if something was', async () => {
      const { process, shared } = fleet()
      const { sessions, revocations } = process()
      await revocations.revokeSession('another')
      const [one, two] = [await signIn(sessions), await signIn(sessions)] as [Browser, Browser]
      shared.reads = 0
      for (let times = 0; times < 5; times++) await Promise.all([sessions.load(one.cookie), sessions.load(two.cookie)])
      // Two sessions, one owner; the overview is known from the revocation.
      expect(shared.reads).toBe(3)
    })

    test('one question for a session and its owner, of a store that takes several ids', async () => {
      const { process, shared, clock } = fleet()
      const { get } = shared.store
      const asked: number[] = []
      shared.store.getMany = async (ids) => {
        asked.push(ids.length)
        return await Promise.all(ids.map(get))
      }
      const { sessions, revocations } = process()
      await revocations.revokeSession('another')
      const [one, two] = [await signIn(sessions), await signIn(sessions)] as [Browser, Browser]
      asked.length = 0
      for (let times = 0; times < 3; times++) await Promise.all([sessions.load(one.cookie), sessions.load(two.cookie)])
      // The second knows the owner by the question of the first.
      expect(asked).toEqual([2, 1])
      clock.pass(10)
      await sessions.load(one.cookie)
      // The overview, which all share, and one question.
      expect(asked).toEqual([2, 1, 1, 2])
      await revocations.revokeOwner('dave', new Date(START + 20_000))
      expect([await codeOf(sessions, one), await codeOf(sessions, two)]).toEqual([REVOKED, REVOKED])
    })

    test('what is known counts, also if the same question pushes it out', async () => {
      const { process, clock } = fleet({ maxCached: 1 })
      const { sessions, revocations } = process()
      const browser = await signIn(sessions)
      clock.pass(1)
      await revocations.revokeOwner('dave')
      expect(await codeOf(sessions, browser)).toBe(REVOKED)
    })

    test.each<[string, readonly undefined[] | undefined]>([
      ['too few rows', [undefined]],
      ['nothing', undefined],
    ])('a store that answers several ids with %s lets nobody in', async (_, rows) => {
      const { process, shared, clock } = fleet()
      const { sessions, revocations } = process()
      await revocations.revokeSession('another')
      const browser = await signIn(sessions)
      const { get } = shared.store
      shared.store.getMany = async (ids) => (ids.length === 1 ? [await get(ids[0] as string)] : rows) as never
      clock.pass(10)
      await rejection('ERR_SESSION_STORE', sessions.load(browser.cookie))
    })

    test('nothing any more once no session that old can live', async () => {
      const { process, shared, clock } = fleet({ keepFor: '2d' })
      const { sessions, revocations } = process()
      await revocations.revokeOwner('dave')
      clock.pass(2 * 86_400 - 0.001)
      let browser = await signIn(sessions, 'eve')
      shared.reads = 0
      await sessions.load(browser.cookie)
      expect(shared.reads).toBe(3)
      clock.pass(60)
      browser = await signIn(sessions, 'eve')
      shared.reads = 0
      for (let times = 0; times < 3; times++) await sessions.load(browser.cookie)
      expect(shared.reads).toBe(1)
    })

    test('at most maxCached are remembered', async () => {
      const { process, shared } = fleet({ maxCached: 4 })
      const { sessions, revocations } = process()
      await revocations.revokeSession('another')
      const browsers: Browser[] = []
      for (const user of ['a', 'b']) browsers.push(await signIn(sessions, user))
      const visit = async (): Promise<number> => {
        shared.reads = 0
        for (const { cookie } of browsers) await sessions.load(cookie)
        return shared.reads
      }
      expect([await visit(), await visit()]).toEqual([4, 0])
      browsers.push(await signIn(sessions, 'c'))
      // The one that was asked for first goes first.
      expect([await visit(), await visit()]).toEqual([2, 6])
    })

    test('cacheFor: 0 asks each time', async () => {
      const { process } = fleet({ cacheFor: 0 })
      const [here, there] = [process(), process()]
      const browser = await signIn(here.sessions)
      expect(await codeOf(there.sessions, browser)).toBeUndefined()
      await here.revocations.revokeSession((await here.sessions.load(browser.cookie)).id)
      expect(await codeOf(there.sessions, browser)).toBe(REVOKED)
    })

    test('a clock that was set back keeps nothing longer', async () => {
      const { process, clock } = fleet()
      const [here, there] = [process(), process()]
      const browser = await signIn(here.sessions)
      await there.sessions.load(browser.cookie)
      clock.pass(-1)
      await here.revocations.revokeSession((await here.sessions.load(browser.cookie)).id)
      expect(await codeOf(there.sessions, browser)).toBe(REVOKED)
    })
  })

  test('a reading under way does not take back what was revoked meanwhile', async () => {
    const { process, shared } = fleet()
    const { get } = shared.store
    const held: (() => void)[] = []
    let holds = false
    shared.store.get = async (id) => {
      const row = await get(id)
      if (holds) await new Promise<void>((resolve) => held.push(resolve))
      return row
    }
    const { sessions, revocations } = process()
    await revocations.revokeSession('another')
    const browser = await signIn(sessions)
    const { id } = await sessions.with({ revocation: undefined }).load(browser.cookie)
    holds = true
    const reading = sessions.load(browser.cookie)
    while (held.length === 0) await wait(1)
    holds = false
    await revocations.revokeSession(id)
    for (const release of held) release()
    expect((await reading).isNew).toBe(false)
    expect(await codeOf(sessions, browser)).toBe(REVOKED)
  })

  describe('an outage of the store', () => {
    test('refuses all by default: an error of load, no signed-out visitor', async () => {
      const { process, shared, clock } = fleet()
      const { sessions } = process()
      const browser = await signIn(sessions)
      await sessions.load(browser.cookie)
      shared.isDown = true
      clock.pass(9.999)
      expect(await codeOf(sessions, browser)).toBeUndefined()
      clock.pass(0.001)
      await rejection('ERR_SESSION_STORE', sessions.load(browser.cookie))
      await rejection('ERR_SESSION_STORE', sessions.load(browser.cookie))
      shared.isDown = false
      expect(await codeOf(sessions, browser)).toBeUndefined()
    })

    test('with "allow" what is known stays, all others are let in, and the store is asked once for cacheFor', async () => {
      const { process, shared, clock } = fleet({ onOutage: 'allow' })
      const { sessions, revocations } = process()
      const [revoked, valid] = [await signIn(sessions), await signIn(sessions, 'eve')]
      await revocations.revokeSession((await sessions.load(revoked.cookie)).id)
      clock.pass(60)
      shared.isDown = true
      shared.reads = 0
      for (let times = 0; times < 3; times++) {
        expect([await codeOf(sessions, revoked), await codeOf(sessions, valid)]).toEqual([REVOKED, undefined])
      }
      // The overview, two sessions, two owners.
      expect(shared.reads).toBe(5)
      shared.isDown = false
      clock.pass(10)
      expect([await codeOf(sessions, revoked), await codeOf(sessions, valid)]).toEqual([REVOKED, undefined])
    })

    test('revoking tells of it, and may be tried again', async () => {
      const { process, shared } = fleet()
      const { sessions, revocations } = process()
      const browser = await signIn(sessions)
      const { id } = await sessions.load(browser.cookie)
      shared.isDown = true
      await rejection('ERR_SESSION_STORE', revocations.revokeSession(id))
      shared.isDown = false
      await revocations.revokeSession(id)
      expect(await codeOf(sessions, browser)).toBe(REVOKED)
    })
  })

  test('a store without update works in steps', async () => {
    const clock = testClock()
    const { get, set, delete: remove } = memoryStore({ clock })
    const { process } = fleet({ store: { name: 'steps', get, set, delete: remove } }, {}, clock)
    const [here, there] = [process(), process()]
    const browsers = [await signIn(here.sessions), await signIn(here.sessions), await signIn(here.sessions)]
    const ids = await Promise.all(browsers.map(async ({ cookie }) => (await here.sessions.load(cookie)).id))
    await Promise.all(ids.map((id) => here.revocations.revokeSession(id)))
    for (const browser of browsers) expect(await codeOf(there.sessions, browser)).toBe(REVOKED)
  })

  test('its rows say nothing of whom they are about, and are no sessions', async () => {
    const rows = new Map<string, unknown>()
    const clock = testClock()
    const inner = memoryStore({ clock })
    const store: SessionStore = {
      ...inner,
      async update(id, change) {
        const row = await (inner.update as Required<SessionStore>['update'])(id, change)
        rows.set(id, row)
        return row
      },
    }
    const { process } = fleet({ store }, {}, clock)
    const { revocations } = process()
    await revocations.revokeOwner('dave')
    await revocations.revokeSession('an id')
    await revocations.revokeKey(await keyThumbprint(SECRET))
    expect([...rows.keys()]).toEqual(rows.size === 3 ? [...rows.keys()].filter((id) => /^[0-9a-f]{32}$/.test(id)) : [])
    expect(JSON.stringify([...rows])).not.toMatch(/dave|an id|swordfish/)
    // Its id may be sent as that of a session, if ids are not signed.
    const bare = createSessions({
      session,
      codecs: [
        {
          ...textCodec('bare'),
          keepsId: true,
          bareId: 'alone',
          verify: async (value) => ({ data: {}, id: value.slice(5) }),
        },
      ],
      store,
      expose: false,
      clock,
    })
    for (const id of rows.keys()) {
      expect((await bare.load(`${NAME}=text~${id}`)).rejected?.code).toBe('ERR_SESSION_EXPIRED')
    }
  })

  test('two tenants in one store are apart', async () => {
    const clock = testClock()
    const store = memoryStore({ clock })
    const base = createSessions({
      ...OPTIONS,
      codecs: [compact({ secrets: SECRET })],
      secrets: undefined,
      session,
      clock,
    } as never) as Sessions
    const tenants = ['a', 'b'].map((tenant) => {
      const revocations = createRevocations({ store, cacheFor: 0, tenant, clock })
      return { revocations, sessions: base.with({ tenant, revocation: revocations }) }
    })
    const browsers = await Promise.all(tenants.map(({ sessions }) => signIn(sessions)))
    clock.pass(1)
    await tenants[0]?.revocations.revokeOwner('dave')
    const codes = tenants.map(({ sessions }, at) => codeOf(sessions, browsers[at] as Browser))
    expect(await Promise.all(codes)).toEqual([REVOKED, undefined])
  })

  test('verifySessions and load({ token }) know them, too', async () => {
    const { process, clock } = fleet({}, { codecs: [beakerJwt({ secrets: SECRET })] })
    const { sessions, revocations } = process()
    const codecs = [beakerJwt({ secrets: SECRET })]
    const reader = verifySessions({ session, codecs, owner, revocation: revocations, clock })
    const browser = await signIn(sessions)
    const token = browser.cookies.get(NAME) as string
    expect((await reader.load({ token })).data).toMatchObject({ user: 'dave' })
    clock.pass(1)
    await revocations.revokeOwner('dave')
    expect((await reader.load(browser.cookie)).rejected?.code).toBe(REVOKED)
    expect((await reader.load({ token })).rejected?.code).toBe(REVOKED)
    const underWay = await sessions.load({ token })
    expect(underWay.rejected?.code).toBe(REVOKED)
    await sessions.commit(underWay)
    expect(underWay.token).toBeUndefined()
  })

  test('beside a store of sessions', async () => {
    const clock = testClock()
    const store = memoryStore({ clock })
    const { process } = fleet({ store }, { store, codecs: [jwt({ secrets: SECRET })] }, clock)
    const { sessions, revocations } = process()
    const [one, two] = [await signIn(sessions), await signIn(sessions, 'eve')]
    clock.pass(1)
    await revocations.revokeOwner('dave')
    expect([await codeOf(sessions, one), await codeOf(sessions, two)]).toEqual([REVOKED, undefined])
  })

  describe('options', () => {
    const store = memoryStore()
    test.each<[string, object, RegExp]>([
      ['an unknown name', { cacheFr: 1 }, /no option "cacheFr"/],
      ['cacheFor', { cacheFor: undefined }, /cacheFor must be/],
      ['cacheFor', { cacheFor: 'soon' }, /cacheFor must be/],
      ['keepFor', { keepFor: 'long' }, /keepFor must be/],
      ['onOutage', { onOutage: 'open' }, /"onOutage" must be one of refuse, allow/],
      ['maxCached', { maxCached: 0 }, /maxCached/],
      ['store', { store: undefined }, /Option "store"/],
      ['tenant', { tenant: undefined }, /Option "tenant"/],
      ['clock', { clock: 5 }, /Option "clock" must be a function/],
    ])('%s: %j', (_, wrong, message) => {
      expect(() => createRevocations({ store, cacheFor: '10s', ...wrong })).toThrow(message)
    })

    test('the sessions need an owner', () => {
      const revocation = createRevocations({ store, cacheFor: '10s' })
      expect(() => createSessions({ secrets: SECRET, expose: false, revocation })).toThrow(/needs the option "owner"/)
      const codecs = [beakerJwt({ secrets: SECRET })]
      expect(() => verifySessions({ codecs, revocation })).toThrow(/needs the option "owner"/)
      verifySessions({ codecs, revocation, owner: () => undefined })
    })

    test.each<[string, object, RevocationsOptions['keepFor'], boolean]>([
      ['as long as the sessions', { idleTimeout: '2d' }, '2d', true],
      ['shorter', { idleTimeout: '2d' }, 172_799, false],
      ['the sooner end counts', { idleTimeout: '2d', absoluteTimeout: '1d' }, '1d', true],
      ['the default of both', {}, undefined, true],
      ['sessions without an end, for ever', { idleTimeout: false }, false, true],
      ['sessions without an end', { idleTimeout: false }, undefined, false],
    ])('keepFor: %s', (_, timeouts, keepFor, isTaken) => {
      const revocation = createRevocations({ store, cacheFor: '10s', ...(keepFor !== undefined && { keepFor }) })
      const make = (): unknown =>
        createSessions({ session: defineSession(timeouts), secrets: SECRET, expose: false, owner, revocation })
      if (isTaken) make()
      else expect(make).toThrow(/"keepFor" of createRevocations/)
    })

    test.each<[string, () => SessionsOptions['codecs'], boolean]>([
      ['the codec ends each value in time', () => [jwt({ secrets: SECRET, expires: '2d' })], true],
      ['the codec ends it later', () => [jwt({ secrets: SECRET, expires: '3d' })], false],
      ['not all do', () => [beakerJwt({ secrets: SECRET }), jwt({ secrets: SECRET, expires: '2d' })], false],
      [
        'one does so later',
        () => [jwt({ secrets: SECRET, expires: '1d' }), compact({ secrets: SECRET, expires: '3d' })],
        false,
      ],
    ])('of sessions without a timeout: %s', (_, codecs, isTaken) => {
      const revocation = createRevocations({ store, cacheFor: '10s', keepFor: '2d' })
      const make = (): unknown =>
        createSessions({
          session: defineSession({ idleTimeout: false }),
          codecs: codecs() ?? [],
          expose: false,
          owner,
          revocation,
        } as SessionsOptions)
      if (isTaken) expect(make).not.toThrow()
      else expect(make).toThrow(/"keepFor" of createRevocations/)
    })

    test('keepFor: false keeps them for ever', async () => {
      const clock = testClock()
      const { process } = fleet(
        { keepFor: false },
        { session: defineSession({ name: NAME, idleTimeout: false }) },
        clock,
      )
      const { sessions, revocations } = process()
      const browser = await signIn(sessions)
      clock.pass(1)
      await revocations.revokeOwner('dave')
      clock.pass(40 * 365 * 86_400)
      expect(await codeOf(sessions, browser)).toBe(REVOKED)
    })
  })
})

test('a session that was rejected so does not show what it was', async () => {
  const { process, clock } = fleet()
  const { sessions, revocations } = process()
  const browser = await signIn(sessions, 'a name')
  clock.pass(1)
  await revocations.revokeOwner('a name')
  const { rejected } = (await sessions.load(browser.cookie)) as Session
  expect(String(rejected?.stack) + JSON.stringify(rejected)).not.toContain('a name')
})
