/** The schema of a definition: what it judges and when, what becomes of data that it refuses, and what it never touches. */
import { describe, expect, test } from 'vitest'
import { getSession } from '../../../src/client/index.js'
import { MAX_ISSUES, MAX_PATH, MAX_PATH_KEYS } from '../../../src/server/core/judge.js'
import {
  beakerJwt,
  createSessions,
  defineSession,
  type SessionEvent,
  type SessionsOptions,
  type StandardSchema,
  serializeForClient,
  verifySessions,
} from '../../../src/server/index.js'
import { expectWithout, NAME, rejection, SECRET, testBrowser } from '../server.helpers.js'
import { isText, places, schemaOf } from './schema.helpers.js'

const codecs = [beakerJwt({ secrets: [SECRET] })]

function serve(schema: StandardSchema, options: Partial<SessionsOptions> = {}) {
  const events: SessionEvent[] = []
  const sessions = createSessions({
    session: defineSession({ schema }) as never,
    codecs,
    expose: true,
    on: (event) => events.push(event),
    ...options,
  })
  return { sessions, events }
}

/** The Cookie header of a session that no schema has seen. */
async function cookieWith(data: object, options: Partial<SessionsOptions> = {}): Promise<string> {
  const browser = testBrowser()
  const sessions = createSessions({ codecs, expose: true, ...options })
  const session = await sessions.load('')
  Object.assign(session.data, data)
  browser.take(await sessions.commit(session))
  return browser.cookie
}

describe('what is judged', () => {
  test.each(Object.entries(places))('%s: not before the application has written a key of its own', async (_, place) => {
    const schema = schemaOf({ user: isText })
    const { sessions } = serve(schema, place())
    const browser = testBrowser()
    const session = await sessions.load('')
    session.csrfToken()
    session.flash('info', 'Hello')
    session.remember('30d')
    browser.take(await sessions.commit(session))
    const again = await sessions.load(browser.cookie)
    expect(schema.seen).toEqual([])
    expect(again).toMatchObject({ isNew: false, parsed: undefined, rejected: undefined })

    again.data.user = 'dave'
    browser.take(await sessions.commit(again))
    // Nothing of ours: a strict schema would refuse it.
    expect(schema.seen).toEqual([{ user: 'dave' }])
    expect(again.parsed).toEqual({ user: 'dave' })
    delete again.data.user
    await sessions.commit(again)
    expect(schema.seen).toHaveLength(1)
    expect(again.parsed).toBeUndefined()
  })

  test.each(Object.entries(places))('%s: a copy, so that what the schema changes changes nothing', async (_, place) => {
    const schema = schemaOf({}, (data) => {
      data.user = 'eve'
      delete data.login_expires
      ;(data.list as unknown[]).push(2)
      ;(data.at as Date).setTime(0)
      ;(data.bytes as Uint8Array)[0] = 9
      return data
    })
    const { sessions } = serve(schema, place())
    const data = () => ({
      user: 'dave',
      login_expires: 1_800_000_000,
      list: [1],
      at: new Date(1_700_000_000_000),
      bytes: new Uint8Array([1]),
      big: 2n ** 60n,
    })
    const browser = testBrowser()
    const session = await sessions.load('')
    Object.assign(session.data, data())
    browser.take(await sessions.commit(session))
    expect(session.data).toEqual(data())
    const again = await sessions.load(browser.cookie)
    expect(again.data).toEqual(data())
    expect(schema.seen.at(-1)?.big).toBe(2n ** 60n)
    expect(again.parsed).toMatchObject({ user: 'eve', list: [1, 2] })
    expect(await sessions.commit(again)).toEqual([])
  })

  test('instances of classes as they are, and plain values of any depth as copies', async () => {
    class Money {
      readonly #cents = 5
      get cents(): number {
        return this.#cents
      }
    }
    const given = {
      price: new Money(),
      map: new Map([['a', new Money()]]),
      buffer: Buffer.from('x'),
      plain: { deep: [{}] },
    }
    const schema = schemaOf({ price: () => false })
    const { sessions } = serve(schema)
    const session = await sessions.load('')
    Object.assign(session.data, given)
    await rejection('ERR_SESSION_SCHEMA', sessions.commit(session))
    const [seen] = schema.seen as [typeof given]
    expect(seen.price).toBe(given.price)
    expect(seen.map).not.toBe(given.map)
    expect(seen.map.get('a')?.cents).toBe(5)
    expect(seen.buffer).toBe(given.buffer)
    expect(seen.plain.deep).not.toBe(given.plain.deep)
  })

  test('no unchanged session once more, and no session that is renewed', async () => {
    const schema = schemaOf({ user: isText })
    const { sessions } = serve(schema, { touchEvery: 0 })
    const browser = testBrowser()
    browser.take([`${await cookieWith({ user: 'dave' })}; Path=/`])
    const session = await sessions.load(browser.cookie)
    expect(schema.seen).toHaveLength(1)
    expect(await sessions.commit(session)).toHaveLength(1)
    expect(schema.seen).toHaveLength(1)
    expect(session.parsed).toEqual({ user: 'dave' })
  })

  test('by verifySessions, load({ token }) and with(), too', async () => {
    const schema = schemaOf({ user: isText })
    const session = defineSession({ schema }) as never
    const bad = await cookieWith({ user: 1 })
    const token = bad.slice(NAME.length + 1)
    const reading = verifySessions({ session, codecs })
    expect((await reading.load(bad)).rejected?.code).toBe('ERR_SESSION_SCHEMA')
    expect((await reading.load(await cookieWith({ user: 'dave' }))).parsed).toEqual({ user: 'dave' })
    const repairing = verifySessions({ session, codecs, onInvalid: () => ({ user: 'nobody' }) })
    expect((await repairing.load(bad)).data).toEqual({ user: 'nobody' })
    const { sessions } = serve(schema)
    expect((await sessions.load({ token })).rejected?.code).toBe('ERR_SESSION_SCHEMA')
    const other = sessions.with({ onInvalid: () => ({ user: 'nobody' }) })
    expect((await other.load({ token })).data).toEqual({ user: 'nobody' })
  })
})

describe('what the schema refuses', () => {
  test.each(Object.entries(places))('%s: is rejected, and its cookie protected', async (_, place) => {
    const where = place()
    const cookie = await cookieWith({ user: 1, secret: 'swordfish' }, where)
    const { sessions, events } = serve(schemaOf({ user: isText }), where)
    const session = await sessions.load(cookie)
    expect(session.data).toEqual({})
    expect(session.parsed).toBeUndefined()
    expect(session.rejected).toMatchObject({
      code: 'ERR_SESSION_SCHEMA',
      verified: true,
      path: 'user',
      issues: [{ path: 'user' }],
    })
    expectWithout(session.rejected, ['swordfish'])
    expect(session.rejected?.message).toBe('The schema refuses the data of the session (at "user")')
    expect(await sessions.commit(session)).toEqual([])
    session.data.user = 'eve'
    await rejection('ERR_SESSION_PROTECTED', sessions.commit(session))
    expect(events.map(({ type, code, fresh }) => [type, code, fresh])).toEqual([
      ['rejected', 'ERR_SESSION_SCHEMA', undefined],
    ])
    session.regenerate()
    expect(await sessions.commit(session)).not.toEqual([])
  })

  test("onInvalid 'fresh': a fresh session may replace it, and an event says so", async () => {
    const cookie = await cookieWith({ user: 1 })
    const { sessions, events } = serve(schemaOf({ user: isText }), { onInvalid: 'fresh' })
    const session = await sessions.load(cookie)
    expect(session.rejected?.code).toBe('ERR_SESSION_SCHEMA')
    expect(events).toMatchObject([{ type: 'rejected', code: 'ERR_SESSION_SCHEMA', fresh: true }])
    expect(await sessions.commit(session)).toEqual([])
    session.data.user = 'eve'
    const browser = testBrowser()
    browser.take(await sessions.commit(session))
    expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'eve' })
    // Beside another value that verified it stays.
    const both = await sessions.load(`${cookie}; ${await cookieWith({ user: 2 })}`)
    both.data.user = 'eve'
    await rejection('ERR_SESSION_PROTECTED', sessions.commit(both))
  })

  test.each(Object.entries(places))(
    '%s: a function repairs a copy, and the next commit writes that',
    async (_, place) => {
      const where = place()
      const browser = testBrowser()
      browser.take([`${await cookieWith({ user: 1, list: [1], _f_info: ['Hello'] }, where)}; Path=/`])
      const given: unknown[] = []
      const { sessions } = serve(
        schemaOf({ user: isText }, ({ user }) => ({ user, made: true })),
        {
          ...where,
          onInvalid: async (issues, data) => {
            given.push(issues, structuredClone(data))
            ;(data.list as unknown[]).push(2)
            return { ...data, user: String(data.user) }
          },
        },
      )
      const session = await sessions.load(browser.cookie)
      expect(given).toEqual([[{ path: 'user' }], { user: 1, list: [1] }])
      expect(session.data).toEqual({ user: '1', list: [1, 2], _f_info: ['Hello'] })
      expect(session.parsed).toEqual({ user: '1', made: true })
      expect(session.rejected).toBeUndefined()
      browser.take(await sessions.commit(session))
      const { sessions: strict } = serve(schemaOf({ user: isText }), where)
      expect((await strict.load(browser.cookie)).data).toEqual({ user: '1', list: [1, 2], _f_info: ['Hello'] })
      expect(await strict.commit(await strict.load(browser.cookie))).toEqual([])
    },
  )

  test('what the function returns is judged again; undefined rejects, and anything but an object is a mistake', async () => {
    const cookie = await cookieWith({ user: 1 })
    const load = (made: unknown) =>
      serve(schemaOf({ user: isText }), { onInvalid: () => made as object }).sessions.load(cookie)
    expect((await load(undefined)).rejected?.code).toBe('ERR_SESSION_SCHEMA')
    expect((await load({ user: 2 })).rejected).toMatchObject({ code: 'ERR_SESSION_SCHEMA', verified: true })
    for (const made of [null, 'text', []]) await expect(load(made)).rejects.toThrow(TypeError)
    const { sessions } = serve(schemaOf({ user: isText }), {
      onInvalid() {
        throw new RangeError('own')
      },
    })
    await expect(sessions.load(cookie)).rejects.toThrow(RangeError)
  })

  test.each(Object.entries(places))('%s: is not written either, and the cookie of before stays', async (_, place) => {
    const where = place()
    const { sessions } = serve(schemaOf({ user: isText }), where)
    const browser = testBrowser()
    const first = await sessions.load('')
    first.data.user = 'dave'
    browser.take(await sessions.commit(first))
    const session = await sessions.load(browser.cookie)
    session.data.user = 1
    session.data.other = 'swordfish'
    const headers = new Headers()
    const error = await rejection('ERR_SESSION_SCHEMA', sessions.commit(session, headers))
    expect(error).toMatchObject({ issues: [{ path: 'user' }], path: 'user' })
    expect(error.verified).toBeUndefined()
    expectWithout(error, ['swordfish'])
    expect([...headers]).toEqual([])
    expect(session.parsed).toEqual({ user: 'dave' })
    expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'dave' })
    // After a repair of the data it is written.
    session.data.user = 'eve'
    browser.take(await sessions.commit(session))
    expect(session.parsed).toMatchObject({ user: 'eve' })
    expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'eve', other: 'swordfish' })
  })

  test("mode 'observe' tells it, too", async () => {
    const { sessions } = serve(schemaOf({ user: isText }), { mode: 'observe' })
    const session = await sessions.load('')
    session.data.user = 1
    await rejection('ERR_SESSION_SCHEMA', sessions.commit(session))
  })
})

describe('the paths that an error keeps', () => {
  const pathsFor = async (...issues: { message: string; path?: PropertyKey[] }[]) => {
    const schema = { '~standard': { version: 1, vendor: 'x', validate: () => ({ issues }) } } as StandardSchema
    const { rejected } = await serve(schema).sessions.load(await cookieWith({ user: 1 }))
    return rejected?.issues?.map(({ path }) => path)
  }
  const many = (count: number) => Array.from({ length: count }, (_, index) => ({ message: '', path: ['list', index] }))

  test(`are ${MAX_ISSUES} at most`, async () => {
    expect(await pathsFor(...many(MAX_ISSUES))).toHaveLength(MAX_ISSUES)
    expect(await pathsFor(...many(MAX_ISSUES + 1))).toHaveLength(MAX_ISSUES)
    expect((await pathsFor(...many(2)))?.at(-1)).toBe('list.1')
  })

  test(`have ${MAX_PATH_KEYS} keys and ${MAX_PATH} characters at most`, async () => {
    const keys = (count: number) => [{ message: '', path: Array.from({ length: count }, () => 'k') }]
    expect((await pathsFor(...keys(MAX_PATH_KEYS)))?.[0]?.split('.')).toHaveLength(MAX_PATH_KEYS)
    expect((await pathsFor(...keys(MAX_PATH_KEYS + 1)))?.[0]?.split('.')).toHaveLength(MAX_PATH_KEYS)
    const long = (length: number) => [{ message: '', path: ['k'.repeat(length)] }]
    expect((await pathsFor(...long(MAX_PATH)))?.[0]).toHaveLength(MAX_PATH)
    expect((await pathsFor(...long(MAX_PATH + 1)))?.[0]).toHaveLength(MAX_PATH)
  })

  test('may be those of the whole session, of symbols, and none', async () => {
    expect(await pathsFor({ message: '' }, { message: '', path: [Symbol('s'), 1] })).toEqual(['', 'Symbol(s).1'])
    expect(await pathsFor()).toEqual([])
  })
})

describe('a schema that throws', () => {
  test.each(Object.entries(places))('%s: is a mistake of the application, and loses no session', async (_, place) => {
    const where = place()
    const cookie = await cookieWith({ user: 'dave' }, where)
    let isBroken = true
    const schema = schemaOf({
      user: () => {
        if (isBroken) throw new RangeError('a bug')
        return true
      },
    })
    for (const onInvalid of ['reject', 'fresh'] as const) {
      const { sessions, events } = serve(schema, { ...where, onInvalid })
      isBroken = true
      await expect(sessions.load(cookie)).rejects.toThrow('a bug')
      expect(events).toEqual([])
      isBroken = false
      const session = await sessions.load(cookie)
      expect(session.data).toEqual({ user: 'dave' })
      isBroken = true
      session.data.user = 'eve'
      const headers = new Headers()
      await expect(sessions.commit(session, headers)).rejects.toThrow('a bug')
      expect([...headers]).toEqual([])
      isBroken = false
      expect((await sessions.load(cookie)).data).toEqual({ user: 'dave' })
    }
  })

  test.each([[undefined], [null], [5], ['text'], [{}]])(
    'so is one that gives neither a value nor issues: %j',
    async (result) => {
      const schema = { '~standard': { version: 1, vendor: 'x', validate: () => result } } as never
      await expect(serve(schema).sessions.load(await cookieWith({ user: 1 }))).rejects.toThrow(
        'neither a value nor issues',
      )
    },
  )

  test.each<[string, unknown, { path: string }[]]>([
    ['none', [], []],
    ['no list', new Set([1]), []],
    ['nothing in the list', [null, undefined], [{ path: '' }, { path: '' }]],
    [
      'no path',
      [
        { message: 'm', path: null },
        { message: 'm', path: 'user' },
      ],
      [{ path: '' }, { path: '' }],
    ],
    ['odd keys', [{ message: 'm', path: [null, Symbol('a'), 1, {}] }], [{ path: 'undefined.Symbol(a).1.undefined' }]],
  ])('issues that are none of the specification refuse the data, too: %s', async (_, issues, paths) => {
    const schema = { '~standard': { version: 1, vendor: 'x', validate: () => ({ issues }) } } as never
    const { rejected } = await serve(schema).sessions.load(await cookieWith({ user: 1 }))
    expect(rejected).toMatchObject({ code: 'ERR_SESSION_SCHEMA', verified: true, issues: paths })
  })
})

describe('what the application does meanwhile', () => {
  test.each(Object.entries(places))('%s: what has passed is what is written', async (_, place) => {
    const where = place()
    let wait: Promise<void> | undefined
    const schema: StandardSchema = {
      '~standard': {
        version: 1,
        vendor: 'x',
        async validate(value) {
          await wait
          return isText((value as { user?: unknown }).user) ? { value } : { issues: [{ message: '', path: ['user'] }] }
        },
      },
    }
    const { sessions } = serve(schema, where)
    const browser = testBrowser()
    const session = await sessions.load('')
    session.data.user = 'dave'
    session.data.list = [1]
    let go = (): void => {}
    wait = new Promise((resolve) => {
      go = resolve
    })
    const written = sessions.commit(session)
    session.data.user = 1
    ;(session.data.list as number[]).push(2)
    go()
    browser.take(await written)
    expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'dave', list: [1] })
    await rejection('ERR_SESSION_SCHEMA', sessions.commit(session))
    session.data.user = 'eve'
    browser.take(await sessions.commit(session))
    expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'eve', list: [1, 2] })
  })
})

test('the page sees no version, by any way', async () => {
  const sessions = createSessions({
    session: defineSession({ schema: schemaOf({ user: isText }), version: 2, expose: true }),
    codecs,
  })
  const session = await sessions.load('')
  session.data.user = 'dave'
  expect(JSON.parse(serializeForClient(session))).toEqual({ user: 'dave' })
  const browser = testBrowser()
  browser.take(await sessions.commit(session))
  expect(session.data).toEqual({ user: 'dave', _version: 2 })
  expect(JSON.parse(serializeForClient(session))).toEqual({ user: 'dave' })
  expect(getSession(NAME, { cookie: browser.cookie })).toEqual({ user: 'dave' })

  const choosing = createSessions({
    session: defineSession({ schema: schemaOf({ user: isText }), version: 2 }) as never,
    codecs,
    expose: (data) => data,
  })
  const other = await choosing.load('')
  Object.assign(other.data, { user: 'dave' })
  const page = testBrowser()
  page.take(await choosing.commit(other))
  expect(getSession(NAME, { cookie: page.cookie })).toEqual({ user: 'dave' })
})

describe('the options', () => {
  const start = (definition: object, onInvalid?: unknown) => () =>
    createSessions({
      session: defineSession(definition as never),
      codecs,
      readOnly: true,
      ...(onInvalid !== undefined && { onInvalid }),
    } as never)
  const schema = schemaOf({})
  const migrate = () => ({})

  test.each<[string, () => unknown]>([
    ['schema', start({ schema: undefined })],
    ['"schema"', start({ schema: { parse() {} } })],
    ['"schema"', start({ schema: { '~standard': { version: 2, validate() {} } } })],
    ['"version"', start({ schema, version: 0 })],
    ['"version"', start({ schema, version: 1.5 })],
    ['"version"', start({ schema, version: '2' })],
    ['version', start({ version: 2 })],
    ['migrate', start({ migrate })],
    ['reads', start({ reads: [1, 2] })],
    ['"versoin"', start({ schema, versoin: 2 })],
    ['"migrate"', start({ schema, version: 2, migrate: 'up' })],
    ['"reads"', start({ schema, version: 2, migrate, reads: [3, 4] })],
    ['"reads"', start({ schema, version: 2, migrate, reads: [1, 1] })],
    ['"reads"', start({ schema, version: 2, migrate, reads: [0, 2] })],
    ['"reads"', start({ schema, version: 2, migrate, reads: 2 })],
    ['"migrate"', start({ schema, version: 2, reads: [1, 2] })],
    ['"onInvalid"', start({ schema }, 'replace')],
    ['"onInvalid"', start({}, 'fresh')],
  ])('%s is named if it is wrong', (name, wrong) => {
    expect(wrong).toThrow(TypeError)
    expect(wrong).toThrow(name)
  })

  test('are the definition, and belong nowhere else', () => {
    expect(() => createSessions({ schema, codecs, expose: false } as never)).toThrow('belongs in defineSession()')
    const { sessions } = serve(schema)
    expect(() => sessions.with({ schema } as never)).toThrow('of defineSession()')
    expect(() => start({ schema, version: 2, migrate, reads: [1, 3] })()).not.toThrow()
    // Callable, as those of arktype are.
    expect(() => start({ schema: Object.assign(() => true, schema) })()).not.toThrow()
  })
})
