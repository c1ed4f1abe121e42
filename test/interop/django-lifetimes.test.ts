/**
 * A session's own lifetime between Node and the real Django: two equal sessions, one that Django alone changes and one that both do. At the
 * same moments of one clock both get the same wishes, and each time the cookie, the row and what Django says of the session are equal.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Wish } from '../../src/server/core/own-lifetime.js'
import {
  createSessions,
  defineSession,
  djangoJwt,
  djangoSession,
  djangoSigned,
  djangoStore,
  type Sessions,
  type SessionsOptions,
} from '../../src/server/index.js'
import { zoneOffset } from '../../src/shared/pickle/known.js'
import { hasPostgres, postgresHint } from '../setup/postgres.js'
import { type DjangoDatabase, secretKey } from './django.suite.js'
import { openDjangoPostgres, openDjangoSqlite } from './django-databases.js'
import { CookieJar } from './django-site.js'
import { describeWithPython, type PeerOptions, type PythonPeer } from './peer.js'
import { createRandom, type Random, seed } from './random-data.js'
import type { Tagged } from './tagged.js'

const START = 1_800_000_000_123
const MINUTE = 60_000
const DAY = 86_400_000
/** Django's default for SESSION_COOKIE_AGE, in seconds. */
const COOKIE_AGE = 1_209_600
/** DJANGO_SESSION_JWT's. */
const EXPIRES = 28_800

type Engine = 'db' | 'cached_db' | 'jwt' | 'signed_cookies'
/** What somebody asks for: milliseconds or seconds from then on; `keep` asks for nothing. */
type Asked =
  | { kind: 'keep' | 'none' | 'browser' }
  | { kind: 'seconds'; seconds: number }
  | { kind: 'timedelta' | 'date'; after: number }

interface Step {
  by: 'Django' | 'Node'
  /** Milliseconds since the step before. */
  after: number
  asked: Asked
}

/** What Django says of a session, in seconds and milliseconds. */
interface Lifetime {
  age: number
  browser: boolean
  date: number
  own: string
  row: number | null
}

interface Visit {
  set_cookie: string[]
  lifetime: Lifetime | null
}

interface Site {
  engine: Engine
  peer: PythonPeer
  zone: string | undefined
  /** SESSION_COOKIE_AGE. */
  age: number
  options: Pick<SessionsOptions, 'codecs' | 'store' | 'maxAge'>
}

interface SuiteOptions {
  older?: PeerOptions['older']
  serializer: 'json' | 'pickle'
  open: () => Promise<DjangoDatabase>
  database: 'SQLite' | 'PostgreSQL'
  /** Random sessions for each backend. */
  count: number
  settings?: {
    USE_TZ?: false
    TIME_ZONE?: string
    SESSION_COOKIE_AGE?: number
    SESSION_EXPIRE_AT_BROWSER_CLOSE?: true
  }
}

/** A moment that a test moves; every side goes by it. */
let now = START
const clock = (): Date => new Date(now)

function lifetimeSuite({ older = false, serializer, open, database: kind, count, settings = {} }: SuiteOptions): void {
  const { TIME_ZONE: zone, SESSION_COOKIE_AGE: age = COOKIE_AGE, SESSION_EXPIRE_AT_BROWSER_CLOSE: closes } = settings
  const under = Object.entries(settings).map(([name, value]) => `${name} = ${value}, `)
  const title = `lifetimes in ${older || 'current'} Django, ${serializer} in ${kind}, ${under.join('')}SEED=${seed}`
  describeWithPython(
    title,
    (peer) => {
      let database: DjangoDatabase
      beforeAll(async () => {
        database = await open()
        if (zone) await peer.call('set_zone', { zone })
        const settings_more = { ...settings, DJANGO_SESSION_JWT: { KEY: secretKey, EXPIRES } }
        await peer.call('configure', { database: database.settings, secret: secretKey, serializer, settings_more })
      })
      afterAll(() => database?.close())

      const local = zone === undefined ? {} : { timeZone: zone }
      const table = (codec: NonNullable<SessionsOptions['codecs']>[number]) => () => ({
        codecs: [codec],
        store: djangoStore({ execute: database.execute, secretKey, serializer, clock, cookieAge: age, ...local }),
      })
      const engines: [Engine, () => Site['options']][] = [
        ['db', table(djangoSession())],
        ['cached_db', table(djangoSession())],
        ['jwt', table(djangoJwt({ key: secretKey, expires: EXPIRES }))],
        ['signed_cookies', () => ({ codecs: [djangoSigned({ secretKey, serializer, maxAge: age, ...local })] })],
      ]
      // The others are the same table, and the same cookie.
      const isUsual = kind === 'SQLite' && !older && under.length === 0
      const wanted: Engine[] = kind === 'SQLite' ? ['db', 'signed_cookies'] : ['db']
      const possible = engines.filter(([engine]) => isUsual || wanted.includes(engine))
      describe.each(possible)('%s', (engine, optionsOf) =>
        siteTests(
          () => ({ engine, peer, zone, age, options: { ...optionsOf(), ...(!closes && { maxAge: age }) } }),
          count,
        ),
      )
    },
    { older, program: 'django_lifetimes.py' },
  )
}

const wishes: Asked[] = [
  { kind: 'none' },
  { kind: 'browser' },
  { kind: 'seconds', seconds: 300 },
  { kind: 'timedelta', after: 7_200_000 },
  { kind: 'date', after: 3 * DAY + 877 },
]

function siteTests(site: () => Site, count: number): void {
  for (const [first, other] of [
    ['Django', 'Node'],
    ['Node', 'Django'],
  ] as const) {
    test.each(wishes)(`${first} asks for %o, and ${other} keeps to it`, async (asked) => {
      const before: Asked = asked.kind === 'none' ? { kind: 'seconds', seconds: 99 } : { kind: 'keep' }
      await live(site(), [
        { by: 'Django', after: 0, asked: before },
        { by: first, after: 61_003, asked },
        { by: other, after: 61_005, asked: { kind: 'keep' } },
        { by: first, after: 61_007, asked: { kind: 'keep' } },
        { by: other, after: 61_009, asked: { kind: 'keep' } },
      ])
    })
  }

  test('random wishes of both sides, at random times', async () => {
    const random = createRandom(seed)
    for (let session = 0; session < count; session++) {
      const steps: Step[] = [{ by: random.pick(['Django', 'Node']), after: 0, asked: randomWish(random) }]
      while (steps.length < 5) {
        const isKept = random.below(3) > 0
        const asked: Asked = isKept ? { kind: 'keep' } : randomWish(random)
        steps.push({ by: random.pick(['Django', 'Node', 'Node']), after: 1 + random.below(MINUTE / 2), asked })
      }
      await live(site(), steps)
    }
  })
}

function randomWish(random: Random): Asked {
  const after = 3 * MINUTE + random.below(10 ** (5 + random.below(5)))
  const kind = random.pick(['none', 'browser', 'seconds', 'timedelta', 'date'] as const)
  if (kind === 'seconds') return { kind, seconds: Math.floor(after / 1000) }
  return kind === 'none' || kind === 'browser' ? { kind } : { kind, after }
}

/** Leads both sessions through the steps, and to their end. */
async function live(site: Site, steps: readonly Step[]): Promise<void> {
  const sessions = createSessions({
    session: defineSession({ name: 'sessionid' }),
    ...site.options,
    clock,
    // A token that is not due is not written again for a change of its row.
    ...(site.engine === 'jwt' && { touchEvery: 0 }),
    secure: false,
    expose: false,
  })
  const alone = new CookieJar()
  const both = new CookieJar()
  now = START
  let written = now
  let by: Step['by'] = 'Django'
  for (const [at, step] of steps.entries()) {
    now += step.after
    written = now
    by = step.by
    const about = `${site.engine} ${JSON.stringify({ at, steps })}`
    const reference = await visitDjango(site, alone, step.asked, at)
    const set = step.by === 'Django' ? await visitDjango(site, both, step.asked, at) : undefined
    const node = set ? undefined : await visitNode(sessions, both, step.asked, at)
    expect(keptFor(node?.cookies ?? set?.set_cookie ?? []), about).toBe(keptFor(reference.set_cookie))
    if (node && isInTable(site)) expectEnd(site, node.expiresAt, reference.lifetime, { by, written, about })

    // A moment later, and without a change: Django's clock counts down for both alike.
    now += 1500
    const expected = (await read(site, alone)) as Lifetime
    expect(await read(site, both), about).toEqual(expected)
    expectEnd(site, (await sessions.load(both.header)).expiresAt, expected, { by, written, about })
  }
  await expectToEnd(site, { sessions, alone, both }, written)
}

/** Until its end both sides find the session, and neither does from then on. */
async function expectToEnd(
  site: Site,
  { sessions, alone, both }: { sessions: Sessions; alone: CookieJar; both: CookieJar },
  written: number,
): Promise<void> {
  const { row, own, date } = (await read(site, alone)) as Lifetime
  // Of a token it is `exp`, and Django ends no signed cookie by `set_expiry`: its browser does.
  if (site.engine === 'jwt') return
  const isSigned = site.engine === 'signed_cookies'
  const life = /^\d+$/.test(own) && own !== '0' ? written + Number(own) * 1000 : own.startsWith("'") ? date : Infinity
  const end = isSigned ? Math.min(life, written + site.age * 1000) : (row as number)
  now = end - (isSigned ? 1001 : 1)
  expect((await sessions.load(both.header)).isNew, own).toBe(false)
  expect(await read(site, both), own).not.toBeNull()
  now = end + (isSigned ? 1001 : 0)
  expect((await sessions.load(both.header)).rejected?.code, own).toBe('ERR_SESSION_EXPIRED')
  if (!isSigned) expect([await read(site, alone), await read(site, both)], own).toEqual([null, null])
}

async function visitDjango(site: Site, jar: CookieJar, asked: Asked, at: number): Promise<Visit> {
  const expiry = expiryOf(asked, site.zone)
  const operations = [['set', 'n', String(at)], ...(expiry === undefined ? [] : [['expiry', expiry]])]
  const visit = await request(site, jar, operations)
  jar.take(visit.set_cookie)
  expect(visit.lifetime).not.toBeNull()
  return visit
}

async function read(site: Site, jar: CookieJar): Promise<Lifetime | null> {
  return (await request(site, jar, [['read']])).lifetime
}

async function request({ peer, engine }: Site, jar: CookieJar, operations: unknown[]): Promise<Visit> {
  return await peer.call<Visit>('visit', { engine, now: now / 1000, cookie: jar.get('sessionid') ?? null, operations })
}

async function visitNode(
  sessions: Sessions,
  jar: CookieJar,
  asked: Asked,
  at: number,
): Promise<{ cookies: string[]; expiresAt: Date | undefined }> {
  const session = await sessions.load(jar.header)
  expect(session.isNew).toBe(at === 0)
  session.data.n = String(at)
  if (asked.kind !== 'keep') session.remember(wishOf(asked))
  const cookies = await sessions.commit(session)
  jar.take(cookies)
  return { cookies, expiresAt: session.expiresAt }
}

/** The argument of `set_expiry`. */
function expiryOf(asked: Asked, zone: string | undefined): Tagged | undefined {
  if (asked.kind === 'keep') return undefined
  if (asked.kind === 'none') return null
  if (asked.kind === 'browser') return { $int: '0' }
  if (asked.kind === 'seconds') return { $int: String(asked.seconds) }
  const { after } = asked as { after: number }
  if (asked.kind === 'timedelta') {
    const seconds = Math.floor(after / 1000)
    return { $timedelta: [Math.floor(seconds / 86_400), seconds % 86_400, (after % 1000) * 1000] } as never
  }
  const text = (time: number) => `${new Date(time).toISOString().slice(0, -1)}000`
  if (zone === undefined) return { $datetime: text(now + after), offset_s: 0 }
  return { $datetime: text(now + after + (zoneOffset(zone, now + after, 0) ?? Number.NaN)) }
}

/** The argument of `remember`. */
function wishOf(asked: Asked): Wish | undefined {
  if (asked.kind === 'browser') return 'browser'
  if (asked.kind === 'seconds') return asked.seconds
  return asked.kind === 'date' || asked.kind === 'timedelta' ? new Date(now + asked.after) : undefined
}

/** How long a browser keeps the session's cookie: seconds, or until it closes. */
function keptFor(setCookies: readonly string[]): number | 'browser' {
  const own = setCookies.filter((text) => text.startsWith('sessionid='))
  expect(own).toHaveLength(1)
  const [setCookie = ''] = own
  const seconds = /; Max-Age=(\d+)/i.exec(setCookie)?.[1]
  const date = /; Expires=([^;]+)/i.exec(setCookie)?.[1]
  if (seconds === undefined) expect(date).toBeUndefined()
  // Of both, a browser goes by the seconds.
  else if (date !== undefined) expect(Math.abs(Date.parse(date) - now - Number(seconds) * 1000)).toBeLessThan(1000)
  return seconds === undefined ? 'browser' : Number(seconds)
}

/** The row alone says when a session ends; elsewhere a token does, too, which is read with the next request. */
function isInTable({ engine }: Pick<Site, 'engine'>): boolean {
  return engine === 'db' || engine === 'cached_db'
}

/** Node's end is that of the row, and of a token the end in it, if that is earlier. */
function expectEnd(
  { engine, age }: Site,
  expiresAt: Date | undefined,
  lifetime: Lifetime | null,
  { by, written, about }: { by: Step['by']; written: number; about: string },
): void {
  const { row, own, date } = lifetime as Lifetime
  const isOwn = own !== 'None' && own !== '0'
  const end = expiresAt?.getTime() as number
  if (isInTable({ engine })) expect(end, about).toBe(row)
  else {
    const life = /^\d+$/.test(own) ? written + Number(own) * 1000 : date
    // Django's tokens end by EXPIRES whatever a visitor has asked for.
    const token = by === 'Node' && isOwn ? Infinity : written + EXPIRES * 1000
    const ends = [isOwn ? life : Infinity, engine === 'jwt' ? token : written + age * 1000]
    expect(Math.abs(end - Math.min(...ends)), about).toBeLessThan(1000)
  }
}

lifetimeSuite({
  serializer: 'json',
  open: openDjangoSqlite,
  database: 'SQLite',
  count: 10,
  settings: { SESSION_COOKIE_AGE: 3600, SESSION_EXPIRE_AT_BROWSER_CLOSE: true },
})
for (const zone of ['Asia/Tokyo', 'America/Caracas']) {
  const settings = { USE_TZ: false, TIME_ZONE: zone } as const
  lifetimeSuite({ serializer: 'json', open: openDjangoSqlite, database: 'SQLite', count: 10, settings })
  if (hasPostgres())
    lifetimeSuite({ serializer: 'json', open: openDjangoPostgres, database: 'PostgreSQL', count: 6, settings })
}
for (const serializer of ['json', 'pickle'] as const) {
  lifetimeSuite({ serializer, open: openDjangoSqlite, database: 'SQLite', count: 15 })
  lifetimeSuite({ serializer, open: openDjangoSqlite, database: 'SQLite', count: 6, older: 'django-4.2' })
}
if (hasPostgres()) {
  for (const serializer of ['json', 'pickle'] as const) {
    lifetimeSuite({ serializer, open: openDjangoPostgres, database: 'PostgreSQL', count: 6 })
  }
} else {
  console.warn(`skipping lifetimes over PostgreSQL: ${postgresHint}`)
  test.skip('needs PostgreSQL', () => {})
}
