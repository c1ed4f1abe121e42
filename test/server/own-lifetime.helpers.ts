/** A visitor who comes and goes while a model keeps the time: a session with a lifetime of its own ends when the model says so. */
import { expect, test } from 'vitest'
import type { SessionReader } from '../../src/client/candidates.js'
import { getSession, inspectSession } from '../../src/client/index.js'
import { createSessions, defineSession, type SessionsOptions } from '../../src/server/index.js'
import { runs } from '../random.js'
import { START, testBrowser, testClock } from './server.helpers.js'

export interface LifetimeCase {
  /** Everything anew: codecs and a store of this clock. */
  make(
    clock: () => Date,
  ): Promise<Pick<SessionsOptions, 'codecs' | 'store'>> | Pick<SessionsOptions, 'codecs' | 'store'>
  /** What scripts may see: default `['user']`. */
  expose?: SessionsOptions['expose']
  reader?: SessionReader
  /** Only the codec's own end is in the token, so a page does not see that the definition's idle timeout is over. */
  hidesIdle?: boolean
  /** The format does not say when a session was created. */
  hidesCreated?: boolean
}

type Wish = { seconds: number } | { end: number } | { browser: true }

/** The clocks of codecs may differ by so much, and the page tolerates as much. */
const TOLERANCE = 30_000
const MINUTE = 60_000

/** Random wishes, by `remember` and by a function of `maxAge`, through random visits. */
export function lifetimeTests(
  name: string,
  { make, expose = ['user'], reader, hidesIdle, hidesCreated }: LifetimeCase,
): void {
  test.each(['remember', 'maxAge'] as const)(`${name}, by %s: never shortened, never prolonged`, async (by) => {
    for (let run = 0; run < runs(12); run++) {
      const clock = testClock()
      const definition = defineSession({
        name: 'sessionid',
        idleTimeout: 1800,
        ...(!hidesCreated && { absoluteTimeout: '90d' }),
      })
      const wish = randomWish()
      const sessions = createSessions({
        ...(await make(clock)),
        session: definition,
        expose,
        clock,
        ...(by === 'maxAge' && { maxAge: () => wishOf(wish) }),
      })
      const browser = testBrowser()
      const load = () => sessions.load(browser.cookie)
      const first = await load()
      first.data.user = 'dave'
      if (by === 'remember') first.remember(wishOf(wish))
      const setCookies = await sessions.commit(first)
      for (const cookie of setCookies) expectLifetime(cookie, wish, clock())
      browser.take(setCookies)

      /** When it was written last: later visits up to a touch do not move its end. */
      let written = clock().getTime()
      for (let visit = 0; visit < 8; visit++) {
        clock.pass(randomGap(wish, clock().getTime()))
        const now = clock().getTime()
        const session = await load()
        const capped = hidesCreated ? Number.POSITIVE_INFINITY : START + 90 * 86_400_000
        const end = Math.min(endOf(wish, written), capped)
        const over = now - end
        const shown = getSession(definition, { cookie: browser.cookie, now: clock(), ...(reader && { reader }) })
        const inspected = inspectSession(definition, {
          cookie: browser.cookie,
          now: clock(),
          ...(reader && { reader }),
        })
        const about = JSON.stringify({ run, visit, wish, over: over / 1000 })
        // Tokens have whole seconds, and some are taken 30 s longer where only they tell the end.
        if (over > TOLERANCE + 1000) {
          expect(session.isNew, about).toBe(true)
          expect(session.rejected?.code, about).toBe('ERR_SESSION_EXPIRED')
          if (!hidesIdle || !('browser' in wish)) expect(shown, about).toBeNull()
          break
        }
        if (over > -1000) continue
        expect(session.data, about).toMatchObject({ user: 'dave' })
        expect(Math.abs((session.expiresAt as Date).getTime() - end), about).toBeLessThan(1000)
        for (const seen of [shown, inspected.session]) {
          expect(seen, about).toMatchObject({ user: 'dave' })
          expect(
            Object.keys(seen ?? {}).filter((key) => key.startsWith('_')),
            about,
          ).toEqual([])
        }
        if (visit % 3 === 1) session.data.visit = visit
        const cookies = await sessions.commit(session)
        for (const cookie of cookies) expectLifetime(cookie, wish, clock())
        browser.take(cookies)
        // A row that changes is written with its new end, and its cookie is as old as it was.
        if (cookies.some((cookie) => cookie.startsWith('sessionid='))) written = now
        // Neither end moves with a visit.
        if (!('end' in wish) && end !== capped) expect(now - written, about).toBeLessThanOrEqual(MINUTE)
      }
    }
  })
}

function randomWish(): Wish {
  const kind = Math.random()
  if (kind < 0.5) return { seconds: Math.ceil(10 ** (1 + Math.random() * 6)) }
  if (kind < 0.8) return { end: START + Math.ceil(10 ** (5 + Math.random() * 5)) }
  return { browser: true }
}

function wishOf(wish: Wish): number | Date | 'browser' {
  if ('seconds' in wish) return wish.seconds
  return 'end' in wish ? new Date(wish.end) : 'browser'
}

function endOf(wish: Wish, written: number): number {
  if ('seconds' in wish) return written + wish.seconds * 1000
  return 'end' in wish ? wish.end : written + 1_800_000
}

/** Seconds: mostly within the lifetime, at times past it. */
function randomGap(wish: Wish, now: number): number {
  const life = (endOf(wish, now) - now) / 1000
  return Math.floor(Math.max(life, 0) * Math.random() ** 2 * 1.3 * 1000) / 1000 + 0.001
}

function expectLifetime(cookie: string, wish: Wish, now: Date): void {
  const maxAge = /; Max-Age=(\d+)/.exec(cookie)?.[1]
  if ('browser' in wish) expect(cookie).not.toMatch(/Max-Age|Expires/)
  else if ('seconds' in wish) expect(maxAge).toBe(String(wish.seconds))
  else expect(Number(maxAge)).toBe(Math.floor((wish.end - now.getTime()) / 1000))
}
