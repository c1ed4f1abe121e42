/**
 * A cookie moves into a partition, and back: a browser keeps and sends both, so a sign-out has to end both.
 * https://github.com/bigcommerce/catalyst/pull/3231: the cookie without a partition survives the sign-out.
 * https://github.com/privacycg/CHIPS/issues/78: how to move the cookies of an application that is used in a frame and outside.
 */
import { describe, expect, test } from 'vitest'
import { compact, createSessions, defineSession, type Sessions, type SessionsOptions } from '../../src/server/index.js'
import { NAME, SECRET } from '../server/server.helpers.js'
import { Jar } from './jar.js'

const sessionsOf = (options: Partial<Omit<SessionsOptions, 'readOnly'>>): Sessions =>
  createSessions({ codecs: [compact({ secrets: [SECRET] })], expose: ['user'], ...options })

/** One request. */
async function visit(sessions: Sessions, jar: Jar, change: (data: Record<string, unknown>) => unknown = () => {}) {
  const session = await sessions.load(jar.header)
  change(session.data)
  const set = await sessions.commit(session)
  jar.take(set)
  return set
}

async function signOut(sessions: Sessions, jar: Jar): Promise<void> {
  jar.take(await sessions.destroy(await sessions.load(jar.header)))
}

const signIn = (data: object): unknown => Object.assign(data, { user: 'dave', blob: noise(5000) })
const count = (data: Record<string, unknown>): unknown => Object.assign(data, { n: 1, blob: noise(5000) })

/** Text that does not get shorter: the session takes two cookies. */
function noise(length: number): string {
  return Array.from({ length }, () => Math.random().toString(36).at(-1)).join('')
}

const moves: [string, Partial<SessionsOptions>, Partial<SessionsOptions>][] = [
  ['into a frame', {}, { embedded: true }],
  ['into a partition', { sameSite: 'none' }, { sameSite: 'none', partitioned: true }],
  ['into a partition of a domain', { domain: 'example.org' }, { domain: 'example.org', partitioned: true }],
  ['out of a frame', { embedded: true }, { expireShadows: [{ partitioned: true }] }],
  [
    'out of the partition of a domain and path',
    { domain: 'example.org', path: '/app', partitioned: true },
    { domain: '.example.org', path: '/app', expireShadows: [{ domain: 'example.org', partitioned: true }] },
  ],
]

describe.each(moves)('%s', (_, before, now) => {
  const [older, newer] = [sessionsOf(before as object), sessionsOf(now as object)]

  test('one write, and the former cookies are gone', async () => {
    const jar = new Jar()
    await visit(older, jar, signIn)
    expect(jar.names).toEqual([NAME, `${NAME}.1`, `${NAME}.public`])
    await visit(newer, jar, count)
    expect(jar.names).toEqual([NAME, `${NAME}.1`, `${NAME}.public`])
    expect((await newer.load(jar.header)).data).toMatchObject({ user: 'dave', n: 1 })
  })

  test('a sign-out ends both', async () => {
    const jar = new Jar()
    await visit(older, jar, signIn)
    // A response of each deployment, as while one replaces the other.
    jar.take(await newer.commit(Object.assign(await newer.load(''), { data: { user: 'dave' } })))
    await signOut(newer, jar)
    expect(jar.header).toBe('')
  })

  test('a sign-out right after the move, too', async () => {
    const jar = new Jar()
    await visit(older, jar, signIn)
    await signOut(newer, jar)
    expect(jar.header).toBe('')
  })
})

test('a request without a cookie, and one that writes nothing, expire nothing', async () => {
  const sessions = sessionsOf({ embedded: true })
  const jar = new Jar()
  const set = await visit(sessions, jar, (data) => Object.assign(data, { user: 'dave' }))
  expect(set.filter((cookie) => cookie.includes('Max-Age=0'))).toEqual([])
  expect(await visit(sessions, jar)).toEqual([])
})

test('a second commit for one response replaces each cookie of the first', async () => {
  const sessions = sessionsOf({ embedded: true })
  const jar = new Jar()
  await visit(sessions, jar, (data) => Object.assign(data, { user: 'dave' }))
  const session = await sessions.load(jar.header)
  const headers = new Headers()
  for (const user of ['eve', 'mallory']) {
    session.data.user = user
    await sessions.commit(session, headers)
  }
  const places = headers.getSetCookie().map((cookie) => [cookie.split('=')[0], cookie.includes('; Partitioned')])
  expect(places).toEqual([
    [NAME, true],
    [`${NAME}.public`, true],
    [NAME, false],
    [`${NAME}.public`, false],
  ])
})

test('what expires has the attributes that a frame of another site needs', async () => {
  const sessions = sessionsOf({ embedded: true, expose: false })
  const set = await sessions.destroy(await sessions.load(`${NAME}=x`))
  expect(set.map((cookie) => cookie.split('; ').slice(3))).toEqual([
    ['HttpOnly', 'Path=/', 'Partitioned', 'SameSite=None', 'Secure'],
    ['HttpOnly', 'Path=/', 'SameSite=None', 'Secure'],
  ])
})

test('a name with __Host- has two places; expireShadows: false leaves the other one alone', async () => {
  for (const [expireShadows, count] of [
    [true, 2],
    [[{ path: '/app' }, { domain: 'example.org' }], 2],
    [false, 1],
  ] as const) {
    const session = defineSession({ name: '__Host-sid' })
    const sessions = sessionsOf({ session, embedded: true, expose: false, expireShadows })
    expect(await sessions.destroy(await sessions.load('__Host-sid=x'))).toHaveLength(count)
  }
})

test.each([
  [[{ partitioned: false }], {}],
  [[{ partitioned: true }], { embedded: true }],
  [[{ partitioned: true }], { secure: false }],
] as const)('refused: %j beside %j', (expireShadows, options) => {
  expect(() => sessionsOf({ ...options, expireShadows })).toThrow(TypeError)
})
