/**
 * A fleet of Node and real Python servers, and visitors who stay signed in for different times. Over simulated weeks both sides renew and
 * change their sessions, browsers close, and each session has to last as long as its visitor asked for: none shorter, none longer.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  beaker,
  beakerJwt,
  createSessions,
  defineSession,
  djangoSession,
  djangoSigned,
  djangoStore,
  type Sessions,
  type SessionsOptions,
} from '../../src/server/index.js'
import { key } from './beaker-jwt.helpers.js'
import { type DjangoDatabase, secretKey } from './django.suite.js'
import { openDjangoSqlite } from './django-databases.js'
import { pythonOfDocs } from './docs-python.js'
import { describeWithPython, type PythonPeer } from './peer.js'
import { createRandom, type Random, seed } from './random-data.js'
import { member, type Tagged } from './tagged.js'

const START = 1_800_000_000_000
const MINUTE = 60_000
const DAY = 86_400_000
/** Both sides have whole seconds in their cookies, each rounded in its own way. */
const TOLERANCE = 2000

/** What a visitor asks for when signing in: milliseconds from the last write, a moment, or nothing. */
type Wish = { seconds: number } | { date: number } | 'browser' | 'none'

const WISHES: readonly string[] = ['browser', 'date', 'none', 'seconds']

/** A request to a Python server. */
interface PythonRequest {
  now: number
  cookie: string | undefined
  /** Signs in under this name, for so long. */
  signIn?: { n: string; wish: Wish }
  /** Writes the session, where reading alone does not. */
  isChange: boolean
}

interface Answer {
  setCookies: readonly string[]
  /** Whose session the server found. */
  n: string | undefined
}

interface Fleet {
  cookieName: string
  node: () => Sessions
  python(request: PythonRequest): Promise<Answer>
  /** Without a wish: until the browser closes, or for so long after a write. */
  usual: 'browser' | number
  /** What ends a session on the server if its visitor asked for no time, after the last write. */
  idle: number
  /** What ends a session on the server whatever its visitor asked for, after the last write. */
  cap: number
}

let now = START
const clock = (): Date => new Date(now)

/** A cookie jar with a clock. */
class Browser {
  readonly #name: string
  cookie: { value: string; end: number | 'browser' } | undefined
  /** What the last cookie was, for somebody who keeps it longer than a browser would. */
  kept: string | undefined

  constructor(name: string) {
    this.#name = name
  }

  get header(): string | undefined {
    if (this.cookie && this.cookie.end !== 'browser' && this.cookie.end <= now) this.cookie = undefined
    return this.cookie && `${this.#name}=${this.cookie.value}`
  }

  /** @returns whether the session's cookie was set */
  take(setCookies: readonly string[]): boolean {
    const own = setCookies.map((text) => text.trim()).filter((text) => text.startsWith(`${this.#name}=`))
    expect(own.length).toBeLessThan(2)
    const [text] = own
    if (text === undefined) return false
    const seconds = /; max-age=(-?\d+)/i.exec(text)?.[1]
    const date = /; expires=([^;]+)/i.exec(text)?.[1]
    const byDate = date === undefined ? 'browser' : Date.parse(date.replaceAll(/(?<=\d)-|-(?=\d)/g, ' '))
    const end = seconds === undefined ? byDate : now + Number(seconds) * 1000
    const value = text.slice(this.#name.length + 1, text.indexOf(';'))
    this.cookie = { value, end }
    this.kept = `${this.#name}=${value}`
    return true
  }

  close(): void {
    if (this.cookie?.end === 'browser') this.cookie = undefined
  }
}

interface Visitor {
  n: string
  browser: Browser
  wish: Wish
  /** When the session was written last. */
  written: number
  next: number
}

interface Tally {
  shortened: string[]
  prolonged: string[]
  /** How many sessions ended as they should, by wish. */
  ended: Record<string, number>
  renewals: { Node: number; Python: number }
}

async function simulate(
  fleet: Fleet,
  { visitors: count, visits }: { visitors: number; visits: number },
): Promise<Tally> {
  const random = createRandom(seed)
  const tally: Tally = { shortened: [], prolonged: [], ended: {}, renewals: { Node: 0, Python: 0 } }
  const servers = [fleet.node(), fleet.node()]
  let last = 0
  const visitors: Visitor[] = []
  for (let at = 0; at < count; at++) {
    now = START + at * MINUTE
    const visitor: Visitor = { n: '', browser: new Browser(fleet.cookieName), wish: 'none', written: 0, next: 0 }
    await signIn(visitor)
    visitors.push(visitor)
  }
  // Few seeds end no session of one wish in so many visits: then there are more.
  const isEnough = (visit: number): boolean => visit >= visits && Object.keys(tally.ended).length === WISHES.length
  for (let visit = 0; visit < 10 * visits && !isEnough(visit); visit++) {
    const visitor = visitors.reduce((one, other) => (other.next < one.next ? other : one))
    now = visitor.next
    const ends = endsOf(fleet, visitor)
    const isClosed = random.below(8) === 0
    if (Math.abs(now - Math.min(ends.cookie, ends.server)) <= 2 * TOLERANCE) now += 5 * TOLERANCE
    if (isClosed) visitor.browser.close()
    const isOver = now > Math.min(ends.cookie, ends.server) || (isClosed && ends.isAtClose)
    await (isOver ? expectGone(visitor, ends) : use(visitor))
    visitor.next = now + gapOf(fleet, visitor, random)
  }
  return tally

  async function signIn(visitor: Visitor): Promise<void> {
    visitor.n = `n${++last}`
    visitor.wish = randomWish(random)
    visitor.browser.cookie = undefined
    if (random.below(2) === 0) {
      const session = await random.pick(servers).load('')
      session.data.n = visitor.n
      if (visitor.wish !== 'none') session.remember(wishOfNode(visitor.wish))
      take(visitor, await random.pick(servers).commit(session), 'Node')
    } else {
      const request = { now, cookie: undefined, signIn: visitor, isChange: true }
      take(visitor, (await fleet.python(request)).setCookies, 'Python')
    }
    visitor.next = now + gapOf(fleet, visitor, random)
  }

  /** The session lives: whichever server is asked finds it, and what it sets lasts as it should. */
  async function use(visitor: Visitor): Promise<void> {
    const isChange = random.below(2) === 0
    const by = random.pick(['Node', 'Python'] as const)
    const { n, setCookies } = by === 'Node' ? await visitNode(visitor, isChange) : await visitPython(visitor, isChange)
    if (n !== visitor.n) {
      tally.shortened.push(`${by} found ${n}: ${about(visitor)}`)
      return await signIn(visitor)
    }
    const isDue = by === 'Node' ? now - visitor.written > touchOf(visitor.wish) : isChange
    if (!take(visitor, setCookies, by) && isDue) {
      tally.shortened.push(`${by} did not renew: ${about(visitor)}`)
    }
  }

  /** The session is over: the browser has no cookie of it, or the server does not take it. */
  async function expectGone(visitor: Visitor, { server }: Ends): Promise<void> {
    const { header, kept } = visitor.browser
    if (header !== undefined && server > now) tally.prolonged.push(`the browser has it: ${about(visitor)}`)
    const found = server > now ? undefined : (await random.pick(servers).load(kept)).data.n
    if (found !== undefined) tally.prolonged.push(`Node takes it: ${about(visitor)}`)
    const kind = typeof visitor.wish === 'string' ? visitor.wish : (Object.keys(visitor.wish)[0] as string)
    tally.ended[kind] = (tally.ended[kind] ?? 0) + 1
    await signIn(visitor)
  }

  async function visitNode(visitor: Visitor, isChange: boolean): Promise<Answer> {
    const sessions = random.pick(servers)
    const session = await sessions.load(visitor.browser.header)
    const n = session.data.n as string | undefined
    if (isChange && n !== undefined) session.data.at = now
    return { n, setCookies: await sessions.commit(session) }
  }

  async function visitPython({ browser }: Visitor, isChange: boolean): Promise<Answer> {
    return await fleet.python({ now, cookie: browser.header, isChange })
  }

  /** What was set has to end as the visitor asked. */
  function take(visitor: Visitor, setCookies: readonly string[], by: 'Node' | 'Python'): boolean {
    if (!visitor.browser.take(setCookies)) return false
    tally.renewals[by]++
    visitor.written = now
    const { cookie, isAtClose } = endsOf(fleet, visitor)
    const expected = isAtClose ? Number.POSITIVE_INFINITY : cookie
    const given = visitor.browser.cookie?.end
    const actual = given === 'browser' ? Number.POSITIVE_INFINITY : Number(given)
    if (actual === expected || Math.abs(actual - expected) <= TOLERANCE) return true
    // A cookie that goes with the browser is shorter than any other.
    const isShort = given === 'browser' || (expected !== Number.POSITIVE_INFINITY && actual < expected)
    tally[isShort ? 'shortened' : 'prolonged'].push(`${by} set a cookie until ${given}: ${about(visitor)}`)
    return true
  }

  function about(visitor: Visitor): string {
    const { n, wish, written } = visitor
    return JSON.stringify({ n, wish, written, now, ...endsOf(fleet, visitor) })
  }
}

interface Ends {
  cookie: number
  server: number
  /** The cookie goes with the browser. */
  isAtClose: boolean
}

function endsOf({ usual, idle, cap }: Fleet, { wish, written }: Pick<Visitor, 'wish' | 'written'>): Ends {
  const never = Number.POSITIVE_INFINITY
  if (wish === 'browser' || (wish === 'none' && usual === 'browser')) {
    return { cookie: never, server: written + idle, isAtClose: true }
  }
  if (wish === 'none') return { cookie: written + Number(usual), server: written + idle, isAtClose: false }
  const end = 'date' in wish ? wish.date : written + wish.seconds * 1000
  return { cookie: end, server: Math.min(end, written + cap), isAtClose: false }
}

/** How long after a write Node writes again by itself: a minute, or half of what is shorter. No renewal moves a date. */
function touchOf(wish: Wish): number {
  if (typeof wish === 'string') return MINUTE
  return 'date' in wish ? Number.POSITIVE_INFINITY : Math.min(MINUTE, wish.seconds * 500)
}

function randomWish(random: Random): Wish {
  const seconds = 30 + random.below(10 ** (3 + random.below(4)))
  return random.pick([{ seconds }, { seconds }, { date: now + seconds * 1000 }, 'browser', 'none'] as const)
}

function wishOfNode(wish: Exclude<Wish, 'none'>): number | Date | 'browser' {
  if (wish === 'browser') return wish
  return 'date' in wish ? new Date(wish.date) : wish.seconds
}

/** Mostly within the lifetime, at times past it. */
function gapOf(fleet: Fleet, visitor: Visitor, random: Random): number {
  const { cookie, server } = endsOf(fleet, visitor)
  const left = Math.min(cookie, server, now + 20 * DAY) - now
  return 500 + Math.floor(left * (random.below(1000) / 1000) ** 2 * 1.3)
}

function expectKept(tally: Tally): void {
  expect(tally.shortened).toEqual([])
  expect(tally.prolonged).toEqual([])
  expect(Object.keys(tally.ended).sort()).toEqual(WISHES)
  expect(Math.min(tally.renewals.Node, tally.renewals.Python)).toBeGreaterThan(50)
}

const withLifetimes = pythonOfDocs('def with_lifetimes')
type Form = [string, Record<string, unknown>, () => NonNullable<SessionsOptions['codecs']>]
const forms: [Form, ...Form[]] = [
  ['beaker-session-jwt', { jwt_secret_keys: [key] }, () => [beakerJwt({ secrets: [key] })]],
  [
    'beaker-session-jwt with JSON',
    { jwt_secret_keys: [key], bson_compress_jwt_payload: false },
    () => [beakerJwt({ secrets: [key], compress: false })],
  ],
  ['Beaker with pickle', { validate_key: key }, () => [beaker({ validateKey: key })]],
  [
    'Beaker with JSON',
    { validate_key: key, data_serializer: 'json' },
    () => [beaker({ validateKey: key, serializer: 'json' })],
  ],
]

describeWithPython(
  `a fleet of Node and Beaker, SEED=${seed}`,
  (peer) => {
    const fleetOf = ([, options, codecs]: Form, program = withLifetimes, usual: Fleet['usual'] = 'browser'): Fleet => ({
      cookieName: 'beaker.session.id',
      usual,
      idle: Number.POSITIVE_INFINITY,
      cap: Number.POSITIVE_INFINITY,
      node: () =>
        createSessions({
          session: defineSession({ idleTimeout: false }),
          codecs: codecs(),
          ...(usual !== 'browser' && { maxAge: usual / 1000 }),
          expose: false,
          secure: false,
          clock,
        }),
      python: (request) =>
        visitBeaker(
          peer,
          program,
          { ...options, ...(usual !== 'browser' && { cookie_expires: { $timedelta: [0, usual / 1000, 0] } }) },
          request,
        ),
    })

    test.each(forms)('%s: every session lasts as its visitor asked', async (...form) => {
      expectKept(await simulate(fleetOf(form), { visitors: 30, visits: 1200 }))
    })

    test('the same where Beaker has a cookie_expires', async () => {
      expectKept(await simulate(fleetOf(forms[0], withLifetimes, 14 * DAY), { visitors: 30, visits: 1200 }))
    })

    test('a Python without the lines of the docs ends sessions with the browser', async () => {
      const without = 'with_lifetimes = lambda app: app'
      const { shortened, prolonged } = await simulate(fleetOf(forms[0], without), { visitors: 20, visits: 200 })
      expect(shortened.some((line) => line.startsWith('Python set a cookie until browser'))).toBe(true)
      expect(shortened.some((line) => line.includes('found undefined'))).toBe(true)
      expect(shortened.filter((line) => line.startsWith('Node set'))).toEqual([])
      expect(prolonged).toEqual([])
    })
  },
  { program: 'beaker_lifetimes.py' },
)

async function visitBeaker(
  peer: PythonPeer,
  program: string,
  options: Record<string, unknown>,
  { now, cookie, signIn, isChange }: PythonRequest,
): Promise<Answer> {
  const set = (name: string, value: Tagged) => ['set', name, value]
  const operations: unknown[] = [['read']]
  if (signIn) {
    operations.push(set('n', signIn.n))
    const wish = tagged(signIn.wish)
    if (wish !== undefined) operations.push(set('_session_expiry', wish))
  }
  if (isChange) operations.push(set('changed', String(now)), ['save'])
  const request = { program, options, now: now / 1000, cookie: cookie ?? null, operations }
  const { set_cookie, session } = await peer.call<{ set_cookie: string[]; session: Tagged }>('visit', request)
  return { setCookies: set_cookie, n: member(session, 'n') as string | undefined }
}

/** As the line of the docs puts it into a session. */
function tagged(wish: Wish): Tagged | undefined {
  if (wish === 'none') return undefined
  if (wish === 'browser') return { $int: '0' }
  if ('seconds' in wish) return { $int: String(wish.seconds) }
  return new Date(wish.date).toISOString().replace('.000Z', '+00:00').replace('Z', '000+00:00')
}

describeWithPython(
  `a fleet of Node and Django, SEED=${seed}`,
  (peer) => {
    let database: DjangoDatabase
    beforeAll(async () => {
      database = await openDjangoSqlite()
      await peer.call('configure', { database: database.settings, secret: secretKey })
    })
    afterAll(() => database?.close())

    const options: [string, () => Pick<SessionsOptions, 'codecs' | 'store'>, number][] = [
      [
        'db',
        () => ({ codecs: [djangoSession()], store: djangoStore({ execute: database.execute, secretKey, clock }) }),
        Number.POSITIVE_INFINITY,
      ],
      ['signed_cookies', () => ({ codecs: [djangoSigned({ secretKey })] }), 14 * DAY],
    ]
    describe.each(options)('%s', (engine, made, cap) => {
      test('every session lasts as its visitor asked', async () => {
        const fleet: Fleet = {
          cookieName: 'sessionid',
          usual: 14 * DAY,
          idle: 14 * DAY,
          cap,
          node: () =>
            createSessions({
              session: defineSession({ name: 'sessionid' }),
              ...made(),
              maxAge: '14d',
              expose: false,
              secure: false,
              clock,
            }),
          python: (request) => visitDjango(peer, engine, request),
        }
        expectKept(await simulate(fleet, { visitors: 25, visits: 500 }))
      })
    })
  },
  { program: 'django_lifetimes.py' },
)

async function visitDjango(
  peer: PythonPeer,
  engine: string,
  { now, cookie, signIn, isChange }: PythonRequest,
): Promise<Answer> {
  const operations: unknown[] = isChange ? [['set', 'changed', String(now)]] : [['read']]
  if (signIn) {
    const { n, wish } = signIn
    const isDate = typeof wish === 'object' && 'date' in wish
    const expiry = isDate
      ? { $datetime: `${new Date(wish.date).toISOString().slice(0, -1)}000`, offset_s: 0 }
      : (tagged(wish) ?? null)
    operations.push(['set', 'n', n], ['expiry', expiry])
  }
  const value = cookie?.slice(cookie.indexOf('=') + 1) ?? null
  const answer = await peer.call<{ set_cookie: string[]; n: string | null }>('visit', {
    engine,
    now: now / 1000,
    cookie: value,
    operations,
  })
  return { setCookies: answer.set_cookie, n: answer.n ?? undefined }
}
