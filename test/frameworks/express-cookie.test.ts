/**
 * `req.session.cookie` beside that of express-session: the same requests at the same times, and browsers get cookies of the same
 * lifetime. express-session names it by Expires, ours by Max-Age, too.
 */
import { createRequire } from 'node:module'
import express from 'express'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createSessions, defineSession, expressSessions, memoryStore } from '../../src/server/index.js'
import { SECRET } from '../server/server.helpers.js'
import { listen } from './apps/listen.js'
import type { RunningApp } from './behaviour.js'

// Its types would claim `req.session` of every test for themselves.
const expressSession = createRequire(import.meta.url)('express-session') as (options: object) => express.RequestHandler

const NAME = 'sid'
const MINUTE = 60
const HOUR = 3600
const DAY = 24 * HOUR

type CookieSetters = { -readonly [Name in 'maxAge' | 'originalMaxAge' | 'expires']: unknown }

interface SessionLike {
  cookie: CookieSetters
  step?: number
  touch(): unknown
  regenerate(callback: (error?: unknown) => void): unknown
}

interface Visit {
  /** What differs from one implementation to the other comes from the request, as it does in an application. */
  readonly session: SessionLike
}

interface Step {
  /** Seconds since the step before. */
  readonly after?: number
  readonly change?: (visit: Visit) => unknown
  /** The data does not change. */
  readonly isIdle?: boolean
}

interface Configuration {
  /** Seconds. */
  readonly maxAge?: number
  readonly isRolling: boolean
}

const fromNow = (seconds: number): Date => new Date(Date.now() + seconds * 1000)
const cookieOf =
  (change: (cookie: CookieSetters) => unknown) =>
  ({ session }: Visit): unknown =>
    change(session.cookie)
const assign = (attributes: Partial<CookieSetters>) => cookieOf((cookie) => Object.assign(cookie, attributes))
const maxAge = (seconds: number) => assign({ maxAge: seconds * 1000 })
/** Until the touch express-session shows what was before; ours shows the new one at once. */
const originalMaxAge =
  (value: unknown) =>
  ({ session }: Visit): void => {
    session.cookie.originalMaxAge = value
    session.touch()
  }
const regenerate = (visit: Visit): Promise<unknown> =>
  new Promise((resolve, reject) => {
    visit.session.regenerate((error) => (error ? reject(error) : resolve(undefined)))
  })

const ends: Record<string, Step[]> = {
  'maxAge when somebody signs in': [
    {},
    { after: MINUTE, change: maxAge(30 * DAY) },
    { after: 5 * DAY },
    { after: 29 * DAY },
  ],
  'maxAge of a new session': [{ change: maxAge(HOUR) }, { after: 10 }, { after: 59 * MINUTE }],
  'expires is a time from now, which moves with each response': [
    { change: cookieOf((cookie) => Object.assign(cookie, { expires: fromNow(HOUR) })) },
    { after: 50 * MINUTE },
    { after: 50 * MINUTE },
  ],
  'originalMaxAge counts from the end of the request': [
    { change: maxAge(HOUR) },
    { after: 10, change: originalMaxAge(2 * HOUR * 1000) },
    { after: 90 * MINUTE },
  ],
  'one lifetime after another': [
    { change: maxAge(HOUR) },
    { after: 10, change: maxAge(DAY) },
    { after: 2 * HOUR, change: maxAge(MINUTE) },
    { after: 30 },
  ],
  'again what it was': [
    { change: maxAge(HOUR) },
    { after: 60, change: cookieOf((cookie) => Object.assign(cookie, { maxAge: cookie.originalMaxAge })) },
    { after: 60 },
  ],
  'the server ends it, too, and the next one has no lifetime of its own': [
    { change: maxAge(HOUR) },
    { after: HOUR + 1 },
    { after: 10, change: maxAge(DAY) },
    { after: HOUR + 1 },
  ],
  'maxAge of 0 ends it': [{ change: maxAge(HOUR) }, { after: 10, change: maxAge(0) }, { after: 10 }],
  'an end that has passed': [
    { change: maxAge(HOUR) },
    { after: 10, change: cookieOf((cookie) => Object.assign(cookie, { expires: fromNow(-60) })) },
    { after: 10 },
  ],
  'regenerate ends the lifetime of its own': [
    { change: maxAge(30 * DAY) },
    { after: 10, change: (visit) => regenerate(visit).then(() => maxAge(HOUR)(visit)) },
    { after: 10, change: regenerate },
    { after: 10, change: maxAge(HOUR) },
  ],
  'what an application kept of the cookie': [
    { change: cookieOf((cookie) => Object.assign(cookie, { maxAge: HOUR * 1000 })) },
    { after: 10, change: ({ session: { cookie } }) => [MINUTE, HOUR].map((age) => (cookie.maxAge = age * 1000)) },
    { after: 10 },
  ],
}

const untilClosed = (change: (visit: Visit) => unknown): Step[] => [
  { change: maxAge(30 * DAY) },
  { after: 10, change },
  { after: HOUR },
  { after: HOUR, isIdle: true },
  { after: 10, change: maxAge(DAY) },
  { after: HOUR },
]

const browserLong: Record<string, Step[]> = {
  'expires is null: until the browser closes': untilClosed(assign({ expires: null })),
  'expires is false': untilClosed(assign({ expires: false })),
  'maxAge is null': untilClosed(assign({ maxAge: null })),
  'maxAge is false': untilClosed(assign({ maxAge: false })),
  'maxAge is undefined': untilClosed(assign({ maxAge: undefined })),
  'originalMaxAge is null': untilClosed(originalMaxAge(null)),
  'a lifetime alone': [
    {},
    { after: 10, isIdle: true, change: maxAge(HOUR) },
    { after: 10, isIdle: true },
    { after: 10 },
  ],
}

type Start = (configuration: Configuration, steps: readonly Step[]) => Promise<RunningApp>

function appOf(middleware: express.RequestHandler, steps: readonly Step[]): Promise<RunningApp> {
  const app = express()
  app.use(middleware)
  app.get('/:step', async (request, response) => {
    const visit = request as unknown as Visit
    const { change, isIdle = false } = steps[Number(request.params.step)] as Step
    const { cookie } = visit.session
    const before = lookAt(visit)
    const known = visit.session.step
    await change?.(visit)
    if (!isIdle) visit.session.step = Number(request.params.step)
    response.json({ known, before, isKept: cookie === visit.session.cookie, after: lookAt(visit) })
  })
  return listen(app)
}

function lookAt({ session: { cookie } }: Visit): unknown {
  const { maxAge, originalMaxAge, expires } = cookie
  // express-session gives back what was set: null, false or undefined.
  return [maxAge, originalMaxAge, expires].map((value) => (value === false ? null : (value ?? null)))
}

const theirs: Start = ({ maxAge, isRolling }, steps) =>
  appOf(
    expressSession({
      name: NAME,
      secret: SECRET,
      resave: false,
      saveUninitialized: false,
      rolling: isRolling,
      cookie: { secure: false, ...(maxAge === undefined ? {} : { maxAge: maxAge * 1000 }) },
    }),
    steps,
  )

const oursWith =
  (hasStore: boolean): Start =>
  ({ maxAge, isRolling }, steps) =>
    appOf(
      expressSessions(
        createSessions({
          session: defineSession({ name: NAME, idleTimeout: '90d' }),
          secrets: [SECRET],
          expose: false,
          secure: false,
          ...(isRolling ? { touchEvery: 0 } : {}),
          ...(maxAge === undefined ? {} : { maxAge }),
          ...(hasStore ? { store: memoryStore() } : {}),
        }),
      ),
      steps,
    )
const ours = oursWith(false)
const oursInStore = oursWith(true)

/** How long the cookie of a response lasts. */
type Lifetime = 'none' | 'browser' | 'over' | string

interface Told {
  readonly cookie: Lifetime
  readonly body: unknown
}

const running: RunningApp[] = []
const START = Date.UTC(2026, 0, 31, 12)

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: START })
})
afterEach(async () => {
  vi.useRealTimers()
  await Promise.all(running.splice(0).map((app) => app.close()))
})

/** Its browser forgets no cookie by itself, so that the server has to end its sessions. */
async function play(start: Start, configuration: Configuration, steps: readonly Step[]): Promise<Told[]> {
  vi.setSystemTime(START)
  const app = await start(configuration, steps)
  running.push(app)
  const told: Told[] = []
  let cookie: string | undefined
  for (const [index, { after = 0 }] of steps.entries()) {
    vi.setSystemTime(Date.now() + after * 1000)
    const answer = await fetch(`${app.url}/${index}`, { headers: cookie === undefined ? {} : { cookie } })
    expect(answer.status).toBe(200)
    const set = answer.headers.getSetCookie()
    expect(set.length).toBeLessThanOrEqual(1)
    const lifetime = lifetimeOf(set[0])
    if (lifetime !== 'none') cookie = lifetime === 'over' ? undefined : set[0]?.split(';')[0]
    told.push({ cookie: lifetime, body: await answer.json() })
  }
  return told
}

function lifetimeOf(setCookie: string | undefined): Lifetime {
  if (setCookie === undefined) return 'none'
  const [, expires] = /; Expires=([^;]+)/.exec(setCookie) ?? []
  const [, age] = /; Max-Age=([^;]+)/.exec(setCookie) ?? []
  const byAge = age === undefined ? undefined : new Date(Date.now() + Number(age) * 1000)
  if (byAge && expires !== undefined && Number(age) > 0) expect(byAge.toUTCString()).toBe(expires)
  const end = byAge ?? (expires === undefined ? undefined : new Date(expires))
  if (!end) return 'browser'
  return end.getTime() > Date.now() ? end.toUTCString() : 'over'
}

const cookiesOf = (told: readonly Told[]): Lifetime[] => told.map(({ cookie }) => cookie)

describe.each([undefined, 7 * DAY])('cookie.maxAge of the configuration is %s', (maxAge) => {
  describe('a cookie with each response', () => {
    test.each(Object.entries({ ...ends, ...browserLong }))('%s', async (_, steps) => {
      const configuration = { isRolling: true, ...(maxAge === undefined ? {} : { maxAge }) }
      const expected = await play(theirs, configuration, steps)
      expect(await play(ours, configuration, steps)).toEqual(expected)
      expect(await play(oursInStore, configuration, steps)).toEqual(expected)
    })
  })
})

describe('a cookie with each change', () => {
  test.each(Object.entries(ends))('%s', async (_, steps) => {
    const configuration = { isRolling: false, maxAge: 7 * DAY }
    expect(await play(ours, configuration, steps)).toEqual(await play(theirs, configuration, steps))
  })

  test('a difference: express-session sends no cookie for a lifetime alone, and ours does', async () => {
    const steps: Step[] = [{}, { after: 10, isIdle: true, change: maxAge(HOUR) }, { after: 10 }]
    const configuration = { isRolling: false, maxAge: 7 * DAY }
    const [expected, told] = [await play(theirs, configuration, steps), await play(ours, configuration, steps)]
    expect(cookiesOf(expected)[1]).toBe('none')
    expect(cookiesOf(told)[1]).toBe(new Date(START + (10 + HOUR) * 1000).toUTCString())
    expect(told.map(({ body }) => body)).toEqual(expected.map(({ body }) => body))
    expect(told.filter((_, index) => index !== 1)).toEqual(expected.filter((_, index) => index !== 1))
  })

  test('so a browser of express-session keeps a cookie that was to go when it closes', async () => {
    const steps = untilClosed(assign({ expires: null })).slice(0, 3)
    const [expected, told] = [
      await play(theirs, { isRolling: false }, steps),
      await play(ours, { isRolling: false }, steps),
    ]
    expect(cookiesOf(expected)).toEqual([expect.stringMatching(/GMT$/), 'none', 'none'])
    expect(cookiesOf(told)).toEqual([cookiesOf(expected)[0], 'browser', 'browser'])
    expect(told.map(({ body }) => body)).toEqual(expected.map(({ body }) => body))
  })
})
