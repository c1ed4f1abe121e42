/** A session's life over many requests: renewal, both timeouts at once, sign-in and sign-out. */
import { describe, expect, test } from 'vitest'
import { compactReader } from '../../../src/client/compact.js'
import { inspectSession } from '../../../src/client/index.js'
import { openSession } from '../../../src/server/adapters/express-session.js'
import {
  beakerJwt,
  compact,
  defineSession,
  djangoJwt,
  djangoSigned,
  fetchSessions,
  jwt,
  type SessionCodec,
} from '../../../src/server/index.js'
import { dave, NAME, SECRET, START, serve } from '../server.helpers.js'

const formats: [string, () => SessionCodec][] = [
  ['beakerJwt', () => beakerJwt({ secrets: SECRET })],
  ['compact', () => compact({ secrets: SECRET })],
  ['jwt', () => jwt({ secrets: SECRET, expires: '30m' })],
]

describe('rolling renewal', () => {
  test.each(formats)('%s: a visitor who comes often enough stays', async (_, codec) => {
    const { browser, sessions, clock, visit } = serve({ codecs: [codec()], idleTimeout: 1800, touchEvery: '1m' })
    await visit(dave)
    for (let step = 0; step < 20; step++) {
      clock.pass(1740)
      expect(await visit()).toHaveLength(1)
    }
    expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'dave' })
    clock.pass(1861)
    expect((await sessions.load(browser.cookie)).rejected?.code).toBe('ERR_SESSION_EXPIRED')
  })

  test.each<[string | number | false | undefined, number, number]>([
    // express-session's `rolling: true` writes with every response
    [0, 0, 1],
    // the default
    [undefined, 59, 0],
    [undefined, 60, 1],
    // Auth.js' `updateAge` of a day
    ['1d', 86_399, 0],
    ['1d', 86_400, 1],
    [false, 1_000_000, 0],
  ])('touchEvery %j after %d seconds writes %d cookies', async (touchEvery, seconds, count) => {
    const { clock, visit } = serve({
      ...(touchEvery === undefined ? {} : { touchEvery: touchEvery as '1d' }),
      maxAge: '30d',
    })
    await visit(dave)
    clock.pass(seconds)
    const cookies = await visit()
    expect(cookies).toHaveLength(count)
    // the browser's own end moves with it
    for (const cookie of cookies) expect(cookie).toContain('; Max-Age=2592000; ')
  })
})

describe('both timeouts at once', () => {
  test.each(formats)('%s: use moves one end and never the other', async (_, codec) => {
    const { browser, sessions, clock, visit } = serve({ codecs: [codec()], idleTimeout: 1800, absoluteTimeout: 7200 })
    await visit(dave)
    for (let step = 0; step < 6; step++) {
      clock.pass(1199)
      const session = await sessions.load(browser.cookie)
      expect(session.isNew, `after ${step + 1} steps`).toBe(false)
      browser.take(await sessions.commit(session))
      const now = clock().getTime()
      expect(session.createdAt).toEqual(new Date(START))
      expect(session.expiresAt).toEqual(new Date(Math.min(now + 1_800_000, START + 7_200_000)))
    }
    clock.pass(7)
    expect((await sessions.load(browser.cookie)).rejected?.code).toBe('ERR_SESSION_EXPIRED')
  })

  test.each(formats)('%s: who does not come back is out by the idle one', async (_, codec) => {
    const { browser, sessions, clock, visit } = serve({ codecs: [codec()], idleTimeout: 1800, absoluteTimeout: 7200 })
    await visit(dave)
    clock.pass(1831)
    expect((await sessions.load(browser.cookie)).rejected?.code).toBe('ERR_SESSION_EXPIRED')
  })

  test.each(formats)('%s: regenerate() begins the absolute one anew', async (_, codec) => {
    const { browser, sessions, clock, visit } = serve({ codecs: [codec()], idleTimeout: 1800, absoluteTimeout: 2400 })
    await visit(dave)
    clock.pass(1500)
    const session = await sessions.load(browser.cookie)
    session.regenerate()
    browser.take(await sessions.commit(session))
    clock.pass(1500)
    expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'dave' })
  })
})

describe('sign-in', () => {
  test('gives everything anew that somebody may have planted', async () => {
    const { browser, sessions, clock } = serve()
    const planted = await sessions.load(null)
    const token = planted.csrfToken()
    planted.flash('info', 'call this number')
    browser.take(await sessions.commit(planted))
    clock.pass(30)
    const session = await sessions.load(browser.cookie)
    session.regenerate()
    session.data.user = 'dave'
    session.flash('info', 'welcome')
    browser.take(await sessions.commit(session))
    const later = await sessions.load(browser.cookie)
    expect(later.id).toBe(session.id)
    expect(later.id).not.toBe(planted.id)
    expect(later.createdAt).toEqual(new Date(START + 30_000))
    expect(later.verifyCsrf(token)).toBe(false)
    expect(later.flash('info')).toEqual(['welcome'])
  })
})

describe('sign-out is the end, whatever is done after it', () => {
  test('with fetchSessions', async () => {
    const { browser, sessions, visit } = serve()
    await visit(dave)
    const handler = fetchSessions(sessions, async (_, session) => {
      const response = new Response('bye')
      await sessions.destroy(session, response.headers)
      session.data.user = 'mallory'
      session.flash('info', 'still here')
      session.csrfToken()
      session.regenerate()
      await sessions.commit(session, response.headers)
      return response
    })
    const response = await handler(new Request('http://localhost/', { headers: { cookie: browser.cookie } }))
    const cookies = response.headers.getSetCookie()
    expect(cookies).toHaveLength(1)
    expect(cookies[0]).toMatch(new RegExp(`^${NAME}=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; `))
  })

  test('with req.session of Express', async () => {
    const { browser, sessions, visit } = serve()
    await visit(dave)
    const request = { headers: { cookie: browser.cookie } }
    const headers = new Headers()
    const session = await sessions.load(request)
    const open = openSession(sessions, { session, request, target: headers })
    const view = open.view()
    await view?.destroy()
    const saved = await Promise.allSettled([view?.save()])
    session.data.user = 'mallory'
    await sessions.commit(session, headers)
    expect(saved[0]?.status).toBe('rejected')
    expect(headers.getSetCookie()).toHaveLength(1)
    expect(headers.getSetCookie()[0]).toMatch(
      new RegExp(`^${NAME}=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; `),
    )
  })
})

describe("a codec's own end", () => {
  const ending: [string, (expires: '1h' | '1d') => SessionCodec][] = [
    ['jwt', (expires) => jwt({ secrets: SECRET, expires })],
    ['djangoJwt', (expires) => djangoJwt({ secrets: SECRET, expires })],
    ['compact', (expires) => compact({ secrets: SECRET, expires })],
    ['djangoSigned', (maxAge) => djangoSigned({ secretKey: SECRET, maxAge })],
  ]
  const HOUR = 3_600_000

  test.each(ending)(
    '%s: the session and its public cookie know it after the commit, as the next request does',
    async (name, codec) => {
      const { browser, sessions, clock } = serve({
        codecs: [codec('1h')],
        idleTimeout: 7200,
        absoluteTimeout: 9000,
        expose: ['user'],
      })
      const session = await sessions.load(undefined)
      Object.assign(session.data, dave, { secret: 'not for scripts' })
      browser.take(await sessions.commit(session))
      expect(session.expiresAt).toEqual(new Date(START + HOUR))
      const definition = defineSession({ name: NAME, idleTimeout: '2h', absoluteTimeout: '150m', expose: ['user'] })
      let ended = session.expiresAt
      /** Django's own format has no room for an end, nor has either of Django's for the time of creation. */
      const shown = (): Date | undefined =>
        name === 'djangoSigned'
          ? ended
          : inspectSession(definition, { cookie: browser.cookie, now: clock(), reader: compactReader }).endsAt
      expect(shown()).toEqual(new Date(START + HOUR))
      expect((await sessions.load(browser.cookie)).expiresAt).toEqual(new Date(START + HOUR))
      // Renewed, the definition ends it earlier.
      const last = name.startsWith('django') ? 2.8 : 2.5
      for (const wanted of [HOUR * 1.9, HOUR * last]) {
        clock.pass(3240)
        const again = await sessions.load(browser.cookie)
        browser.take(await sessions.commit(again))
        ended = again.expiresAt
        expect(ended).toEqual(new Date(START + wanted))
        // The page's own count ends with the first millisecond after it.
        expect([wanted, wanted + 1]).toContain(Number(shown()) - START)
        expect((await sessions.load(browser.cookie)).expiresAt).toEqual(new Date(START + wanted))
      }
    },
  )

  test.each(ending)('%s: an end that comes later than that of the definition changes nothing', async (_, codec) => {
    const { browser, sessions } = serve({ codecs: [codec('1d')], idleTimeout: 3600 })
    const session = await sessions.load(undefined)
    Object.assign(session.data, dave)
    browser.take(await sessions.commit(session))
    expect(session.expiresAt).toEqual(new Date(START + HOUR))
  })
})
