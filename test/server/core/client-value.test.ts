/** What the page may see of a session, as text for HTML that is rendered on the server. */
import { Binary, ObjectId } from 'bson'
import { describe, expect, test } from 'vitest'
import {
  beakerJwt,
  createSessions,
  defineSession,
  memoryStore,
  type SessionCodec,
  serializeForClient,
  verifySessions,
} from '../../../src/server/index.js'
import { lightValue } from '../../../src/shared/bson/light-types.js'
import { readBsonBy } from '../../../src/shared/bson/reader.js'
import { decodeBase64Url } from '../../../src/shared/bytes.js'
import { SECRET, serve } from '../server.helpers.js'

const data = { user: 'dave', roles: ['admin', 'staff'], badge: 'not for scripts' }

/** As the page revives it. */
function revive(text: string): unknown {
  const json = JSON.parse(text)
  return json?.$bson ? readBsonBy(decodeBase64Url(json.$bson), lightValue) : json
}

async function textOf(options: Parameters<typeof serve>[0], value: object = data): Promise<string> {
  const session = await serve(options).sessions.load('')
  Object.assign(session.data, value)
  return serializeForClient(session)
}

describe('shows what scripts may see', () => {
  const readable = { ...data }
  test.each<[string, Parameters<typeof serve>[0], unknown]>([
    ['a list', { expose: ['user', 'roles', 'missing'] }, { user: 'dave', roles: ['admin', 'staff'] }],
    ['a function', { expose: ({ user }) => ({ name: user }) }, { name: 'dave' }],
    ['everything', { expose: true }, readable],
    ['nothing', { expose: false }, null],
    ['none of the keys', { expose: ['missing'] }, null],
    ['everything, of a session that is in a store', { expose: true, store: memoryStore() }, null],
    ['a list, of a session that is in a store', { expose: ['user'], store: memoryStore() }, { user: 'dave' }],
    ['a list, in a service that only reads', { expose: ['user'], readOnly: true }, { user: 'dave' }],
  ])('%s', async (_, options, expected) => {
    expect(JSON.parse(await textOf(options))).toEqual(expected)
  })

  test('nothing that only the server can read', async () => {
    const codec: SessionCodec = { ...beakerJwt({ secrets: SECRET }), readable: false }
    expect(await textOf({ expose: true, codecs: [codec] })).toBe('null')
  })

  test('what the definition says, also where sessions are only verified', async () => {
    const session = defineSession<{ user: string; badge: string }>()({ name: 's', expose: ['user'] })
    const sessions = createSessions({ session, secrets: SECRET })
    const written = await sessions.load('')
    Object.assign(written.data, data)
    expect(serializeForClient(written)).toBe('{"user":"dave"}')
    const cookie = (await sessions.commit(written)).map((set) => set.split(';')[0]).join('; ')
    const codecs = [beakerJwt({ secrets: SECRET })]
    const read = await verifySessions({ session, codecs }).load(cookie)
    expect(serializeForClient(read)).toBe('{"user":"dave"}')
    const silent = await verifySessions({ session: defineSession({ name: 's' }), codecs }).load(cookie)
    expect(silent.data).toMatchObject({ user: 'dave' })
    expect(serializeForClient(silent)).toBe('null')
  })

  test('not the row of a store, also when the session was loaded from it', async () => {
    const { sessions, browser, visit } = serve({ expose: true, store: memoryStore() })
    await visit((data) => Object.assign(data, { user: 'dave' }))
    const session = await sessions.load(browser.cookie)
    expect(session.data).toEqual({ user: 'dave' })
    expect(serializeForClient(session)).toBe('null')
  })
})

test('is of this request, before its commit and after', async () => {
  const { sessions, browser, visit } = serve({ expose: ['user'] })
  await visit((data) => Object.assign(data, { user: 'dave', badge: 'x' }))
  const session = await sessions.load(browser.cookie)
  expect(serializeForClient(session)).toBe('{"user":"dave"}')
  session.data.user = 'eve'
  expect(serializeForClient(session)).toBe('{"user":"eve"}')
  await sessions.commit(session)
  expect(serializeForClient(session)).toBe('{"user":"eve"}')
  await sessions.destroy(session)
  expect(serializeForClient(session)).toBe('null')
})

test('of a new session, and of a client that keeps the value itself, the page sees nothing', async () => {
  const { sessions } = serve({ expose: true })
  expect(serializeForClient(await sessions.load(''))).toBe('null')
  const session = await sessions.load({ token: undefined })
  session.data.user = 'dave'
  expect(serializeForClient(session)).toBe('null')
})

test('does not show the lifetime that a session has for itself, nor its version', async () => {
  for (const expose of [true, ['user'], (all: object) => all] as const) {
    const session = await serve({ expose: expose as true }).sessions.load('')
    session.data.user = 'dave'
    session.remember('30d')
    Object.assign(session.data, { _version: 2 })
    expect(serializeForClient(session)).toBe('{"user":"dave"}')
  }
})

test('its answer depends on the cookie', async () => {
  const { sessions, browser, visit } = serve({ expose: true })
  await visit((data) => Object.assign(data, { user: 'dave' }))
  const session = await sessions.load(browser.cookie)
  serializeForClient(session)
  const headers = new Headers()
  await sessions.commit(session, headers)
  expect(headers.get('cache-control')).toMatch(/private|no-store/)
})

test('what is no session of load() is refused', () => {
  expect(() => serializeForClient({ data } as never)).toThrow(TypeError)
})

describe('the text', () => {
  test('ends no script element and begins no comment', async () => {
    const value = { user: '</script><!--<script>&amp;\u2028\u2029', '<key>': 1 }
    const text = await textOf({ expose: true }, value)
    expect(text).not.toMatch(/[<>&\u2028\u2029]/)
    expect(JSON.parse(text)).toEqual(value)
  })

  test.each<[string, object]>([
    ['dates', { at: new Date(1_700_000_000_123) }],
    ['an integer beyond 2^53', { id: 2n ** 60n }],
    ['bytes', { bytes: new Uint8Array([0, 255, 62]) }],
    ['numbers that JSON has no name for', { list: [Number.NaN, Number.POSITIVE_INFINITY, -0] }],
    ['minus zero', { number: -0 }],
    ['deep inside', { list: [{ at: [new Date(0)] }] }],
    ['a key that a literal would take for the prototype', { user: JSON.parse('{"__proto__":{"name":"eve"}}') }],
    ['a key of its own form', { $bson: 'AAAA' }],
    ['that and others', { $bson: '', user: 'dave' }],
  ])('keeps %s', async (_, value) => {
    const text = await textOf({ expose: true }, value)
    expect(Object.keys(JSON.parse(text))).toEqual(['$bson'])
    expect(revive(text)).toEqual(value)
  })

  test('is plain JSON otherwise', async () => {
    const value = { text: 'é\n"', number: -1.5, flag: false, none: null, list: [{ $date: 1 }], object: { $bson: 'x' } }
    expect(await textOf({ expose: true }, value)).toBe(JSON.stringify(value))
  })

  test('leaves out what a cookie leaves out, and takes what a class says of itself', async () => {
    const value = { url: new URL('https://example.com/'), none: undefined, list: [undefined] }
    expect(JSON.parse(await textOf({ expose: true }, value))).toEqual({ url: 'https://example.com/', list: [null] })
  })

  test('a value of BSON is the one that the page would read from the cookie', async () => {
    const id = '0123456789abcdef01234567'
    const revived = revive(
      await textOf({ expose: true }, { id: new ObjectId(id), binary: new Binary(new Uint8Array([1]), 5) }),
    ) as Record<string, { _bsontype: string }>
    expect(`${revived.id}`).toBe(id)
    expect([revived.id?._bsontype, revived.binary?._bsontype]).toEqual(['ObjectId', 'Binary'])
  })

  test('of what no session can hold there is none', async () => {
    await expect(textOf({ expose: true }, { nested: { call: () => 1 } })).rejects.toMatchObject({
      code: 'ERR_SESSION_UNWRITABLE',
      path: 'nested.call',
    })
    const circle: Record<string, unknown> = {}
    circle.circle = circle
    await expect(textOf({ expose: true }, circle)).rejects.toMatchObject({ code: 'ERR_SESSION_LIMIT' })
  })
})
