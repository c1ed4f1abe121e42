/**
 * A Beaker session names the domain and path of its own cookie (`session.domain = '.example.com'`). A cookie beside it would be read
 * last from then on, and what Python writes later would be lost.
 * https://github.com/bbangert/beaker/blob/master/beaker/session.py: `_domain` and `_path` are keys of every session.
 */
import { expect, test } from 'vitest'
import {
  beaker,
  beakerJwt,
  createSessions,
  defineSession,
  type SessionEvent,
  type Sessions,
  type SessionsOptions,
} from '../../src/server/index.js'
import { NAME, SECRET, testClock } from '../server/server.helpers.js'
import { Jar } from './jar.js'

const PUBLIC = `${NAME}.public`
const PARENT = '.example.com'
const validateKey = SECRET
const clock = testClock()

interface Place {
  domain?: string | null
  path?: string
}

/** What Beaker does with a session that names its place: it reads the last cookie, and writes where the session says. */
function python({ domain = null, path = '/' }: Place, name = NAME): Sessions {
  return createSessions({
    session: defineSession({ name }),
    codecs: [beaker({ validateKey, domain, path })],
    path,
    ...(domain === null ? {} : { domain }),
    expose: false,
    secure: false,
    expireShadows: false,
    clock,
  })
}

interface Node {
  sessions: Sessions
  events: SessionEvent[]
  types(): string[]
}

function node(options: Partial<Omit<SessionsOptions, 'readOnly'>> = {}): Node {
  const events: SessionEvent[] = []
  const sessions = createSessions({
    codecs: [beaker({ validateKey })],
    expose: ['user'],
    clock,
    on: (event) => events.push(event),
    ...options,
  })
  return { sessions, events, types: () => events.map(({ type }) => type) }
}

/** One request. */
async function visit(sessions: Sessions, jar: Jar, change: object = {}): Promise<string[]> {
  const session = await sessions.load(jar.header)
  Object.assign(session.data, change)
  const set = await sessions.commit(session)
  jar.take(set)
  return set
}

async function dataIn(sessions: Sessions, jar: Jar): Promise<object> {
  return (await sessions.load(jar.header)).data
}

const allowing: Partial<Omit<SessionsOptions, 'readOnly'>>[] = [
  { allowedPlaces: [{ domain: PARENT }] },
  { allowedPlaces: [{ domain: 'Example.com', path: '/' }] },
  { expireShadows: [{ domain: PARENT }] },
]

test.each(allowing)('a session of the parent domain stays there, with %j', async (options) => {
  const [app, server, jar] = [python({ domain: PARENT }), node(options), new Jar()]
  await visit(app, jar, { user: 'dave' })
  clock.pass(120)
  await visit(server.sessions, jar)
  await visit(server.sessions, jar, { visits: 1 })
  expect(jar.places(NAME)).toEqual(['example.com/'])
  expect(jar.places(PUBLIC)).toEqual(['example.com/'])
  await visit(app, jar, { visits: 2 })
  expect(await dataIn(server.sessions, jar)).toEqual({ user: 'dave', visits: 2 })
  jar.take(await server.sessions.destroy(await server.sessions.load(jar.header)))
  expect(jar.header).toBe('')
  expect(server.types()).toContain('renewed')
  expect(server.types()).not.toContain('misplaced')
})

test('a public cookie that shows nothing any more goes from the same place', async () => {
  const [{ sessions }, jar] = [node({ allowedPlaces: [{ domain: PARENT }] }), new Jar()]
  await visit(python({ domain: PARENT }), jar, { user: 'dave', visits: 1 })
  await visit(sessions, jar)
  expect(jar.places(PUBLIC)).toEqual(['example.com/'])
  await visit(sessions, jar, { user: undefined })
  expect(jar.places(NAME)).toEqual(['example.com/'])
  expect(jar.places(PUBLIC)).toEqual([])
})

test('a session of the host alone stays there after the configuration got a domain', async () => {
  const [before, app, jar] = [python({ domain: null }), python({ domain: PARENT }), new Jar()]
  const { sessions, types } = node({ domain: PARENT, codecs: [beaker({ validateKey, domain: PARENT })] })
  await visit(before, jar, { user: 'dave' })
  await visit(sessions, jar, { visits: 1 })
  expect(jar.places(NAME)).toEqual(['/'])
  expect(jar.places(PUBLIC)).toEqual(['/'])
  expect(types()).not.toContain('misplaced')
  expect(await dataIn(app, jar)).toEqual({ user: 'dave', visits: 1 })

  const fresh = new Jar()
  await visit(sessions, fresh, { user: 'eve' })
  expect(fresh.places(NAME)).toEqual(['example.com/'])
})

test('the cookie that stands beside goes, also if it is in our own place', async () => {
  const [app, { sessions }, jar] = [
    python({ domain: PARENT }),
    node({ allowedPlaces: [{ domain: PARENT }] }),
    new Jar(),
  ]
  await visit(app, jar, { user: 'dave' })
  const [copy] = await visit(node({ allowedPlaces: [] }).sessions, jar, { visits: 1 })
  expect(copy).not.toContain('Domain=')
  expect(jar.places(NAME)).toEqual(['example.com/', '/'])
  await visit(sessions, jar, { visits: 2 })
  expect(jar.places(NAME)).toEqual(['example.com/'])
  await visit(app, jar, { visits: 3 })
  expect(await dataIn(sessions, jar)).toEqual({ user: 'dave', visits: 3 })
})

const outside: [Place, Partial<Omit<SessionsOptions, 'readOnly'>>][] = [
  [{ domain: PARENT }, {}],
  [{ domain: PARENT }, { allowedPlaces: [{ domain: 'www.example.com' }] }],
  [{ domain: PARENT, path: '/app' }, { allowedPlaces: [{ domain: PARENT }] }],
  [{ path: '/app' }, {}],
]

test.each(outside)('%j is outside of %j: written and ended in our own place, with an event', async (place, options) => {
  const [{ sessions, events }, jar] = [node(options), new Jar()]
  await visit(python(place), jar, { user: 'dave' })
  const set = await visit(sessions, jar, { visits: 1 })
  expect(set).toHaveLength(2)
  for (const cookie of set) expect(cookie).not.toMatch(/Domain=|Path=\/app/)
  const misplaced = events.filter(({ type }) => type === 'misplaced')
  expect(misplaced).toEqual([
    { type: 'misplaced', codec: 'beaker', codecIndex: 0, keyIndex: 0, cookie: NAME, time: clock() },
  ])
  for (const cookie of await sessions.destroy(await sessions.load(jar.header))) {
    expect(cookie).not.toMatch(/Domain=|Path=\/app/)
  }
  expect(events.filter(({ type }) => type === 'misplaced')).toHaveLength(2)
})

test.each(['__Host-sid', '__host-sid'])('%s is of the host alone, whatever a session or a list says', async (name) => {
  const session = defineSession({ name })
  const { sessions, types } = node({ session, allowedPlaces: [{ domain: PARENT }, { path: '/app' }] })
  const value = (await visit(python({ domain: PARENT }, 'sid'), new Jar(), { user: 'dave' }))[0]?.split(/[=;]/)[1]
  const loaded = await sessions.load(`${name}=${value}`)
  loaded.data.visits = 1
  const set = await sessions.commit(loaded)
  expect(set).toHaveLength(2)
  for (const cookie of set)
    expect(cookie).toMatch(/^__host-sid[^;]*=[^;]+;(?: HttpOnly;)? Path=\/; SameSite=Lax; Secure$/i)
  expect(types()).toContain('misplaced')
})

test('a session that moves to a format without a place moves to our own', async () => {
  const codecs = [beakerJwt({ secrets: SECRET }), beaker({ validateKey })]
  const [{ sessions, types }, jar] = [node({ codecs, allowedPlaces: [{ domain: PARENT }] }), new Jar()]
  await visit(python({ domain: PARENT }), jar, { user: 'dave' })
  await visit(sessions, jar)
  expect(jar.places(NAME)).toEqual(['/'])
  expect(types()).toEqual(['read', 'upgraded', 'committed'])
})
