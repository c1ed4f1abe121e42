/** Versions of a schema: old data moves once, newer data is protected or kept, and two releases at the same time lose nothing. */
import { describe, expect, test } from 'vitest'
import {
  beaker,
  beakerJwt,
  createSessions,
  defineSession,
  djangoJwt,
  djangoSigned,
  jwe,
  jwt,
  memoryStore,
  SessionError,
  type SessionEvent,
  type Sessions,
  type SessionsOptions,
} from '../../../src/server/index.js'
import { runs } from '../../random.js'
import { rejection, SECRET, testBrowser } from '../server.helpers.js'
import { type Given, isText, places, schemaOf } from './schema.helpers.js'

type Definition = Partial<Parameters<typeof defineSession>[0]> & Record<string, unknown>

function release(definition: Definition, options: Partial<SessionsOptions>): Sessions & { events: SessionEvent[] } {
  const events: SessionEvent[] = []
  const sessions = createSessions({
    session: defineSession(definition as never) as never,
    expose: true,
    on: (event) => events.push(event),
    ...options,
  } as SessionsOptions)
  return Object.assign(sessions, { events })
}

/** One shape has `name`, the next `user` and a list of `roles`. */
const one: Definition = { schema: schemaOf({ name: isText }) }
const two: Definition = {
  schema: schemaOf({ user: isText, roles: Array.isArray }),
  version: 2,
  migrate: ({ name, ...others }: Given) => ({ ...others, user: name, roles: [] }),
}

async function signIn(sessions: Sessions, data: object) {
  const browser = testBrowser()
  const session = await sessions.load('')
  Object.assign(session.data, data)
  session.flash('info', 'Hello')
  browser.take(await sessions.commit(session))
  return browser
}

describe.each(Object.entries(places))('%s', (_, place) => {
  test('old data moves at its first visit, with our own keys and those of others', async () => {
    const where = place()
    const browser = await signIn(release(one, where), { name: 'dave', login_expires: 5 })
    let calls = 0
    const given: unknown[] = []
    const next = release(
      {
        ...two,
        migrate: async (old: Given, version: number) => {
          calls++
          given.push(structuredClone(old), version)
          const { name, ...others } = old
          delete old.name
          return { ...others, user: name, roles: ['user'], _f_info: ['lost'] }
        },
      },
      where,
    )
    const session = await next.load(browser.cookie)
    expect(given).toEqual([{ name: 'dave', login_expires: 5 }, 1])
    const moved = { user: 'dave', roles: ['user'], login_expires: 5, _version: 2, _f_info: ['Hello'] }
    expect(session.data).toEqual(moved)
    expect(session.parsed).toEqual({ user: 'dave', roles: ['user'], login_expires: 5 })
    expect(next.events.at(-1)).toMatchObject({ type: 'read', version: 1 })
    browser.take(await next.commit(session))
    const again = await next.load(browser.cookie)
    expect(again.data).toEqual(moved)
    expect(next.events.at(-1)).toMatchObject({ type: 'read', version: 2 })
    expect(await next.commit(again)).toEqual([])
    expect(calls).toBe(1)
  })

  test.each(['on-change', 'never'] as const)("upgrade: '%s' writes it with the next change", async (upgrade) => {
    const where = place()
    const browser = await signIn(release(one, where), { name: 'dave' })
    const next = release(two, { ...where, upgrade })
    const session = await next.load(browser.cookie)
    expect(await next.commit(session)).toEqual([])
    session.data.seen = true
    browser.take(await next.commit(session))
    await next.load(browser.cookie)
    expect(next.events.at(-1)).toMatchObject({ type: 'read', version: 2 })
  })

  test('a version that this release does not read is protected, whatever onInvalid says', async () => {
    const where = place()
    const browser = await signIn(release(two, where), { user: 'dave', roles: [] })
    for (const onInvalid of ['reject', 'fresh', () => ({ name: 'nobody' })] as const) {
      const before = release(one, { ...where, onInvalid })
      const session = await before.load(browser.cookie)
      expect(session.rejected).toMatchObject({ code: 'ERR_SESSION_VERSION', verified: true })
      expect(session.rejected?.message).toContain('has version 2 of its schema, and this release reads version 1')
      session.data.name = 'eve'
      await rejection('ERR_SESSION_PROTECTED', before.commit(session))
    }
    expect((await release(two, where).load(browser.cookie)).data).toMatchObject({ user: 'dave' })
    // Nor one that is too old.
    const third = release({ ...two, version: 3, reads: [3, 3] }, where)
    expect((await third.load(browser.cookie)).rejected?.code).toBe('ERR_SESSION_VERSION')
  })

  test.each([0, 1.5, '2', null, -1])('%j is no version', async (version) => {
    const where = place()
    const browser = await signIn(createSessions({ ...where, expose: true }), { name: 'dave', _version: version })
    const { rejected } = await release(one, where).load(browser.cookie)
    expect(rejected?.code).toBe('ERR_SESSION_VERSION')
  })

  test('a newer version that is read stays what it is, with keys that this release does not know', async () => {
    const where = place()
    const browser = await signIn(release(two, where), { name: 'dave', user: 'dave', roles: ['admin'] })
    const before = release({ ...one, reads: [1, 2] }, where)
    const session = await before.load(browser.cookie)
    session.data.seen = true
    browser.take(await before.commit(session))
    expect((await release(two, where).load(browser.cookie)).data).toMatchObject({
      roles: ['admin'],
      seen: true,
      _version: 2,
    })
    // Data that this release has made is of its own version.
    const fresh = await before.load(browser.cookie)
    fresh.data = { name: 'eve' }
    browser.take(await before.commit(fresh))
    expect((await release(two, where).load(browser.cookie)).data).toMatchObject({ user: 'eve', _version: 2 })
  })

  test('what migrate throws rejects and protects, and its outage is an outage', async () => {
    const where = place()
    const browser = await signIn(release(one, where), { name: 'dave' })
    const failing = (error: unknown, onInvalid: 'reject' | 'fresh') =>
      release(
        {
          ...two,
          migrate() {
            throw error
          },
        },
        { ...where, onInvalid },
      )
    const cause = new RangeError('own')
    for (const onInvalid of ['reject', 'fresh'] as const) {
      const sessions = failing(cause, onInvalid)
      const session = await sessions.load(browser.cookie)
      expect(session.rejected).toMatchObject({ code: 'ERR_SESSION_SCHEMA', verified: true, cause, issues: [] })
      session.data.user = 'eve'
      await rejection('ERR_SESSION_PROTECTED', sessions.commit(session))
    }
    await rejection('ERR_SESSION_STORE', failing(new SessionError('ERR_SESSION_STORE'), 'reject').load(browser.cookie))
    expect((await release(two, where).load(browser.cookie)).data).toMatchObject({ user: 'dave' })
  })

  test('migrate that makes no object refuses the data, and a function may still repair it', async () => {
    const where = place()
    const browser = await signIn(release(one, where), { name: 'dave' })
    const refusing: Definition = { ...two, migrate: () => undefined }
    for (const made of [undefined, null, 'text', []]) {
      const sessions = release({ ...two, migrate: () => made }, where)
      expect((await sessions.load(browser.cookie)).rejected?.code).toBe('ERR_SESSION_SCHEMA')
    }
    const replacing = release(refusing, { ...where, onInvalid: 'fresh' })
    const session = await replacing.load(browser.cookie)
    session.data = { user: 'eve', roles: [] }
    expect(await replacing.commit(session)).not.toEqual([])
    const repairing = release(refusing, { ...where, onInvalid: (__, data) => ({ user: data.name, roles: [] }) })
    const repaired = await repairing.load(browser.cookie)
    expect(repaired.data).toMatchObject({ user: 'dave', _version: 2 })
    browser.take(await repairing.commit(repaired))
    expect((await release(two, where).load(browser.cookie)).data).toMatchObject({ user: 'dave', _version: 2 })
  })

  test('newer data that a function repairs has the version of this release, also if that is the first', async () => {
    const where = place()
    const browser = await signIn(release({ ...two, migrate: undefined }, where), { user: 'dave', roles: [] })
    const onInvalid: SessionsOptions['onInvalid'] = (_, data) => ({ name: (data as Given).user })
    const sessions = release({ ...one, reads: [1, 2] }, { ...where, onInvalid })
    const repaired = await sessions.load(browser.cookie)
    expect(repaired.data).toMatchObject({ name: 'dave', _version: 1 })
    browser.take(await sessions.commit(repaired))
    expect((await release(one, where).load(browser.cookie)).data).toMatchObject({ name: 'dave' })
  })

  test('what is undefined is no data, so a schema that wants nothing else has it', async () => {
    const exact = schemaOf({ name: isText, others: (_, all) => Object.keys(all).length === 1 })
    const where = place()
    const sessions = release({ schema: exact }, where)
    const session = await sessions.load('')
    Object.assign(session.data, { name: 'dave', gone: undefined })
    expect(await sessions.commit(session)).not.toEqual([])
  })
})

test('a first version is written nowhere, a later one with the first key of the application', async () => {
  const codecs = [beakerJwt({ secrets: [SECRET] })]
  const first = release(one, { codecs })
  const session = await first.load('')
  session.data.name = 'dave'
  await first.commit(session)
  expect(session.data).toEqual({ name: 'dave' })

  const second = release(two, { codecs })
  const other = await second.load('')
  other.flash('info', 'Hello')
  await second.commit(other)
  expect(other.data).not.toHaveProperty('_version')
  Object.assign(other.data, { user: 'dave', roles: [] })
  await second.commit(other)
  expect(other.data).toMatchObject({ _version: 2 })
  // For a version alone no session is kept.
  for (const key of ['user', 'roles', '_f_info']) delete other.data[key]
  expect((await second.commit(other)).join()).toContain('Max-Age=0')
})

describe('what other requests write meanwhile', () => {
  const served = async (definition: Definition, data: object) => {
    const where = { codecs: [beakerJwt({ secrets: [SECRET] })], store: memoryStore() }
    const browser = await signIn(createSessions({ ...where, expose: true }), data)
    return { where, cookie: browser.cookie, sessions: release(definition, where) }
  }
  const ordered: Definition = { schema: schemaOf({ from: (from, { to }) => Number(from) <= Number(to) }) }

  test('two changes that are valid alone and not together: the second fails, and the first stays', async () => {
    const { cookie, sessions } = await served(ordered, { from: 1, to: 5 })
    const [up, down] = [await sessions.load(cookie), await sessions.load(cookie)]
    up.data.from = 4
    down.data.to = 2
    await sessions.commit(up)
    await rejection('ERR_SESSION_SCHEMA', sessions.commit(down))
    expect((await sessions.load(cookie)).data).toMatchObject({ from: 4, to: 5 })
  })

  test('a row that an old release has written is moved before the changes are put together', async () => {
    const { where, cookie, sessions } = await served(two, { name: 'dave' })
    const old = release(one, where)
    const [mine, theirs] = [await sessions.load(cookie), await old.load(cookie)]
    theirs.data.name = 'eve'
    mine.data.roles = ['admin']
    await old.commit(theirs)
    await sessions.commit(mine)
    expect((await sessions.load(cookie)).data).toMatchObject({ user: 'eve', roles: ['admin'], _version: 2 })
    expect(sessions.events.some(({ type }) => type === 'conflict')).toBe(false)
  })

  test('a row that a new release has moved meanwhile is not written by one that does not read it', async () => {
    const { where, cookie, sessions } = await served(two, { name: 'dave' })
    const old = release(one, where)
    const theirs = await old.load(cookie)
    await sessions.commit(await sessions.load(cookie))
    theirs.data.name = 'eve'
    await rejection('ERR_SESSION_VERSION', old.commit(theirs))
    theirs.regenerate()
    await rejection('ERR_SESSION_VERSION', old.commit(theirs))
    expect((await sessions.load(cookie)).data).toMatchObject({ user: 'dave', _version: 2 })
  })
})

// The fleet: servers of two releases at the same time. The first step of a deploy reads the next version, the second writes it. The
// requests of a visitor come to any of them.

/** Always the same numbers from 0 to 1 for a seed (mulberry32). */
function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Every format that holds the data itself. Those that are JSON have no dates. */
const fleets: Record<string, { place: (typeof places)[string]; isJson?: true }> = {
  ...Object.fromEntries(Object.entries(places).map(([name, place]) => [name, { place }])),
  beaker: { place: () => ({ codecs: [beaker({ validateKey: SECRET })] }) },
  'beaker, encrypted': {
    place: () => ({
      codecs: [beaker({ validateKey: SECRET, encryptKey: SECRET, cryptoType: 'cryptography', serializer: 'json' })],
    }),
    isJson: true,
  },
  djangoSigned: { place: () => ({ codecs: [djangoSigned({ secretKey: SECRET })] }), isJson: true },
  djangoJwt: { place: () => ({ codecs: [djangoJwt({ secrets: SECRET, expires: '14d' })] }), isJson: true },
  jwe: { place: () => ({ codecs: [jwe({ secrets: SECRET })] }) },
  'jwe, claims': { place: () => ({ codecs: [jwe({ secrets: SECRET, payload: 'claims' })] }), isJson: true },
  jwt: { place: () => ({ codecs: [jwt({ secrets: SECRET })] }), isJson: true },
  // A deploy may also change the format.
  'two formats': { place: () => ({ codecs: [jwe({ secrets: SECRET }), beakerJwt({ secrets: SECRET })] }) },
}

describe.each(Object.entries(fleets))('a rolling deploy over %s', (_, { place, isJson }) => {
  const foreignOf = (at: number): unknown => (isJson ? { at } : { at: new Date(at) })

  test.each(Array.from({ length: runs(1) }, (__, at) => at + 1))(
    'loses nothing and corrupts nothing (seed %i)',
    async (seed) => {
      const random = seededRandom(seed)
      const where = { ...place(), expose: false }
      const v1 = { ...one, reads: [1, 2] }
      // For as long as both run, the new shape has what the old one needs.
      const v2 = {
        schema: schemaOf({ name: isText, user: isText, roles: Array.isArray }),
        version: 2,
        migrate: (old: Given) => ({ ...old, user: old.name, roles: [] }),
      }
      const fleet = [release(v1, where), release(v1, where), release(v1, where)]
      const visitors = await Promise.all(
        Array.from({ length: 6 }, async (__, at) => ({
          name: `visitor ${at}`,
          browser: await signIn(release(one, where), { name: `visitor ${at}`, count: 0, foreign: foreignOf(at) }),
          count: 0,
        })),
      )
      for (let step = 0; step < 150; step++) {
        // One server after the other gets the new release.
        if (step % 30 === 29) fleet[Math.floor(step / 30) % 3] = release(v2, where)
        const visitor = visitors[Math.floor(random() * visitors.length)] as (typeof visitors)[number]
        const server = fleet[Math.floor(random() * fleet.length)] as Sessions
        const session = await server.load(visitor.browser.cookie)
        expect(session.rejected).toBeUndefined()
        expect(session.data).toMatchObject({ name: visitor.name, count: visitor.count })
        expect(session.data.foreign).toEqual(foreignOf(visitors.indexOf(visitor)))
        if (random() < 0.5) session.data.count = ++visitor.count
        if (random() < 0.1) session.regenerate()
        visitor.browser.take(await server.commit(session))
      }
      const [last] = fleet as [Sessions & { events: SessionEvent[] }]
      for (const { browser, name, count } of visitors) {
        browser.take(await last.commit(await last.load(browser.cookie)))
        const { data } = await last.load(browser.cookie)
        expect(data).toMatchObject({ name, user: name, roles: [], count, _version: 2 })
        expect(last.events.at(-1)).toMatchObject({ type: 'read', version: 2 })
      }
      for (const server of fleet as (typeof last)[]) {
        expect(server.events.filter(({ type }) => ['rejected', 'conflict', 'kept'].includes(type))).toEqual([])
      }
    },
  )
})
