/** Several cookies of our name: what is told of them, and which of them expire (RFC 6265 §5.3 and §5.4). */
import { describe, expect, test } from 'vitest'
import type { SessionsOptions } from '../../../src/server/index.js'
import { dave, NAME, OLD_SECRET, SECRET, serve } from '../server.helpers.js'

const past = 'Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0'

/** Two sessions, each signed with its own secret. */
async function twoValues(): Promise<{ ours: string; stale: string }> {
  const ours = serve({ secrets: [SECRET] })
  await ours.visit(dave)
  const stale = serve({ secrets: [OLD_SECRET] })
  await stale.visit((data) => Object.assign(data, { user: 'eve' }))
  return { ours: ours.browser.cookies.get(NAME) ?? '', stale: stale.browser.cookies.get(NAME) ?? '' }
}

async function changed(options: Partial<SessionsOptions>, header: string): Promise<string[]> {
  const { sessions } = serve(options)
  const session = await sessions.load(header)
  session.data.user = 'mallory'
  return sessions.commit(session)
}

describe('the event', () => {
  test('tells how many there are, and of the others where and why, but no value', async () => {
    const { ours, stale } = await twoValues()
    const { sessions, events } = serve()
    await sessions.load(`${NAME}=garbage; ${NAME}=${ours}; other=1; ${NAME}=${stale}`)
    const shadowed = events.find(({ type }) => type === 'shadowed')
    expect(shadowed).toMatchObject({
      candidates: 3,
      shadowed: [
        // not looked at, because a later one was valid
        { position: 0, bytes: NAME.length + 7 },
        { position: 2, bytes: NAME.length + stale.length, code: 'ERR_SESSION_SIGNATURE' },
      ],
    })
    expect(shadowed?.shadowed?.[0]).not.toHaveProperty('code')
    expect(JSON.stringify(events)).not.toContain('garbage')
    expect(JSON.stringify(events)).not.toContain(stale.slice(-20))
  })

  test('there is none for one cookie, or for the same value twice', async () => {
    const { ours } = await twoValues()
    const { sessions, events } = serve()
    await sessions.load(`${NAME}=${ours}; ${NAME}=${ours}`)
    expect(events.map(({ type }) => type)).toEqual(['read'])
  })
})

describe('with a domain, the cookie of the host alone', () => {
  const options = { domain: 'example.org', secrets: [SECRET] }

  test('expires when ours is written beside it', async () => {
    const { ours, stale } = await twoValues()
    const cookies = await changed(options, `${NAME}=${stale}; ${NAME}=${ours}`)
    expect(cookies[0]).toMatch(new RegExp(`^${NAME}=ey[^;]+; Domain=example\\.org; Path=/; SameSite=Lax; Secure$`))
    expect(cookies.slice(1)).toEqual([`${NAME}=; ${past}; Path=/; SameSite=Lax; Secure`])
  })

  test('keeps both apart in the response, and a second commit replaces neither by the other', async () => {
    const { ours, stale } = await twoValues()
    const { sessions } = serve(options)
    const headers = new Headers()
    const session = await sessions.load(`${NAME}=${stale}; ${NAME}=${ours}`)
    session.data.user = 'one'
    await sessions.commit(session, headers)
    session.data.user = 'two'
    const second = await sessions.commit(session, headers)
    expect(headers.getSetCookie()).toHaveLength(2)
    expect(headers.getSetCookie()).toEqual(second)
  })

  test('stays expired when a later commit writes only its namesake in our place', async () => {
    const { ours, stale } = await twoValues()
    let seen = 'one'
    const { sessions } = serve({ ...options, expose: () => ({ seen }) })
    const headers = new Headers()
    const session = await sessions.load(`${NAME}=${stale}; ${NAME}=${ours}`)
    session.data.user = 'mallory'
    await sessions.commit(session, headers)
    seen = 'two'
    expect(await sessions.commit(session, headers)).toHaveLength(1)
    const publicCookies = headers.getSetCookie().filter((cookie) => cookie.startsWith(`${NAME}.public=`))
    expect(publicCookies.map((cookie) => cookie.includes('; Domain='))).toEqual([false, true])
    expect(publicCookies[0]).toContain(past)
  })

  test('stays while nothing is written: it may be what was read', async () => {
    const { ours, stale } = await twoValues()
    const { sessions } = serve(options)
    expect(await sessions.commit(await sessions.load(`${NAME}=${stale}; ${NAME}=${ours}`))).toEqual([])
  })

  test('stays where the request has one cookie only', async () => {
    const { ours } = await twoValues()
    expect(await changed(options, `${NAME}=${ours}`)).toHaveLength(1)
  })

  test('never signs anybody in again after destroy, with its public cookie', async () => {
    const { ours } = await twoValues()
    const { sessions } = serve({ ...options, expose: ['user'] })
    const cookies = await sessions.destroy(await sessions.load(`${NAME}=${ours}`))
    const rest = 'Path=/; SameSite=Lax; Secure'
    expect(cookies).toEqual([
      `${NAME}=; Domain=example.org; ${past}; HttpOnly; ${rest}`,
      `${NAME}.public=; Domain=example.org; ${past}; ${rest}`,
      `${NAME}=; ${past}; HttpOnly; ${rest}`,
      `${NAME}.public=; ${past}; ${rest}`,
    ])
  })

  test('stays where the options say so', async () => {
    const { ours, stale } = await twoValues()
    const header = `${NAME}=${stale}; ${NAME}=${ours}`
    expect(await changed({ ...options, expireShadows: false }, header)).toHaveLength(1)
  })
})

describe('other places', () => {
  test('are left alone by themselves: another application may live there', async () => {
    const { ours, stale } = await twoValues()
    for (const options of [{}, { path: '/app' }]) {
      expect(await changed(options, `${NAME}=${ours}; ${NAME}=${stale}`)).toHaveLength(1)
    }
  })

  test('expire where the application says that they were its own', async () => {
    const { ours, stale } = await twoValues()
    const expireShadows = [{ path: '/' }, { domain: '.example.org', path: '/' }, { domain: 'example.org' }]
    const cookies = await changed({ path: '/app', expireShadows }, `${NAME}=${ours}; ${NAME}=${stale}`)
    expect(cookies[0]).toContain('; Path=/app; ')
    expect(cookies.slice(1)).toEqual([
      `${NAME}=; ${past}; Path=/; SameSite=Lax; Secure`,
      `${NAME}=; Domain=.example.org; ${past}; Path=/; SameSite=Lax; Secure`,
      `${NAME}=; Domain=example.org; ${past}; Path=/app; SameSite=Lax; Secure`,
    ])
  })

  test.each<[SessionsOptions['expireShadows'], Partial<SessionsOptions>]>([
    [[{ path: '/' }], {}],
    [[{}], { path: '/app' }],
    [[{ domain: '.Example.ORG' }], { domain: 'example.org' }],
    ['/' as never, {}],
    [[null as never], {}],
  ])('must not be our own, nor anything else than places: %j', (expireShadows, options) => {
    expect(() => serve({ ...options, expireShadows: expireShadows as true })).toThrow('"expireShadows"')
  })

  test.each([[{ domain: 'exa mple' }], [{ path: 'app' }], [{ path: '/;x' }]])(
    'are checked as the options are: %j',
    (place) => {
      expect(() => serve({ expireShadows: [place] })).toThrow(TypeError)
    },
  )

  test('a name with __Host- has one place only', async () => {
    const { visit, sessions, browser } = serve({ name: '__Host-sid', expireShadows: [{ path: '/app' }] })
    await visit(dave)
    const header = `${browser.cookie}; __Host-sid=x`
    const session = await sessions.load(header)
    session.data.user = 'eve'
    expect(await sessions.commit(session)).toHaveLength(1)
  })
})
