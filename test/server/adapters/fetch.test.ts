import { describe, expect, test } from 'vitest'
import { fetchSessions, type Session, SessionError } from '../../../src/server/index.js'
import { NAME, SECRET, serve, textCodec } from '../server.helpers.js'

const request = (cookie = ''): Request => new Request('http://localhost/', { headers: { cookie } })
const signIn = (_: Request, session: Session): Response => {
  session.data.user = 'dave'
  return new Response('in')
}

describe('a handler', () => {
  test('gets the session, and its changes go into the response', async () => {
    const { sessions, browser } = serve()
    const response = await fetchSessions(sessions, signIn)(request())
    expect(response.headers.getSetCookie()).toHaveLength(1)
    expect(response.headers.get('vary')).toBe('Cookie')
    expect(response.headers.get('cache-control')).toBe('private, no-store')
    expect(await response.text()).toBe('in')
    browser.take(response.headers.getSetCookie())
    const show = fetchSessions(sessions, (_, { data }) => Response.json(data))
    expect(await (await show(request(browser.cookie))).json()).toEqual({ user: 'dave' })
  })

  test.each([
    ['30d', 'Max-Age=2592000'],
    ['browser', undefined],
  ] as const)('may remember the session for %s: each later write repeats it', async (wish, attribute) => {
    const { sessions, browser, clock } = serve({ maxAge: '1h' })
    const lifetimeOf = (response: Response): string | undefined => {
      const [setCookie = ''] = response.headers.getSetCookie()
      browser.take([setCookie])
      return /Max-Age=\d+/.exec(setCookie)?.[0]
    }
    const remembering = fetchSessions(sessions, (same, session) => {
      session.remember(wish)
      return signIn(same, session)
    })
    expect(lifetimeOf(await remembering(request()))).toBe(attribute)
    clock.pass(61)
    const reading = fetchSessions(sessions, () => new Response())
    expect(lifetimeOf(await reading(request(browser.cookie)))).toBe(attribute)
    const forgetting = fetchSessions(sessions, (_, session) => {
      session.remember(undefined)
      return new Response()
    })
    expect(lifetimeOf(await forgetting(request(browser.cookie)))).toBe('Max-Age=3600')
  })

  test('gets everything the server gives', async () => {
    const handler = fetchSessions(serve().sessions, (_, session, environment: { KEY: string }, context: number) =>
      Response.json([session.isNew, environment.KEY, context]),
    )
    expect(await (await handler(request(), { KEY: 'x' }, 5)).json()).toEqual([true, 'x', 5])
  })

  test('may find the session again by the request', async () => {
    const { sessions } = serve()
    const handler = fetchSessions(sessions, async (same, session) =>
      Response.json((await sessions.load(same)) === session),
    )
    expect(await (await handler(request())).json()).toBe(true)
  })

  test('may answer with a response whose headers can not be changed', async () => {
    const handler = fetchSessions(serve().sessions, () => Response.error())
    expect((await handler(request())).type).toBe('error')
  })

  test('may commit and destroy by itself', async () => {
    const { sessions, browser, visit } = serve()
    await visit((data) => Object.assign(data, { user: 'dave' }))
    const handler = fetchSessions(sessions, async (_, session) => {
      const response = new Response('out', { headers: { 'set-cookie': 'other=1' } })
      await sessions.destroy(session, response.headers)
      return response
    })
    const cookies = (await handler(request(browser.cookie))).headers.getSetCookie()
    expect(cookies).toHaveLength(2)
    expect(cookies[0]).toBe('other=1')
    expect(cookies[1]).toMatch(new RegExp(`^${NAME}=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0`))
  })
})

describe('responses whose headers can not be changed', () => {
  test('a redirect keeps status, place and body', async () => {
    const handler = fetchSessions(serve().sessions, (same, session) => {
      signIn(same, session)
      return Response.redirect('http://localhost/home', 303)
    })
    const response = await handler(request())
    expect(response.status).toBe(303)
    expect(response.headers.get('location')).toBe('http://localhost/home')
    expect(response.headers.getSetCookie()).toHaveLength(1)
  })

  test.each([204, 304])('%i has no body', async (status) => {
    const handler = fetchSessions(serve().sessions, (same, session) => {
      signIn(same, session)
      return new Response(null, { status, statusText: 'Nothing here' })
    })
    const response = await handler(request())
    expect(response).toMatchObject({ status, statusText: 'Nothing here', body: null })
    expect(response.headers.getSetCookie()).toHaveLength(1)
  })

  test('cookies and headers of the application stay', async () => {
    const headers = new Headers([
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2; Expires=Thu, 01 Jan 1970 00:00:00 GMT'],
      ['cache-control', 'no-cache'],
      ['vary', 'Accept'],
    ])
    const handler = fetchSessions(serve().sessions, (same, session) => {
      signIn(same, session)
      return new Response('body', { status: 418, headers })
    })
    const response = await handler(request())
    expect(response.status).toBe(418)
    expect(response.headers.getSetCookie().slice(0, 2)).toEqual(['a=1', 'b=2; Expires=Thu, 01 Jan 1970 00:00:00 GMT'])
    expect(response.headers.getSetCookie()).toHaveLength(3)
    expect(response.headers.get('cache-control')).toBe('no-cache, private')
    expect(response.headers.get('vary')).toBe('Accept, Cookie')
    expect(headers.getSetCookie()).toHaveLength(2)
  })
})

describe('trouble', () => {
  test.each(['ERR_SESSION_STORE', 'ERR_SESSION_KEYS'] as const)(
    '%s is 503, and the handler is not asked',
    async (code) => {
      const down = textCodec('down', { fails: new SessionError(code, 'It is down') })
      let asked = 0
      const handler = fetchSessions(serve({ codecs: [down], expose: false }).sessions, () => {
        asked++
        return new Response('in')
      })
      const response = await handler(request(`${NAME}=text~x`))
      expect(response.status).toBe(503)
      expect(response.headers.getSetCookie()).toEqual([])
      expect(await response.text()).toBe('Sessions are not available')
      expect(asked).toBe(0)
    },
  )

  test('at the commit it is 503 too, and nothing is set', async () => {
    const down = textCodec('down', {
      sign: () => {
        throw new SessionError('ERR_SESSION_STORE', 'It is down')
      },
    })
    const response = await fetchSessions(serve({ codecs: [down], expose: false }).sessions, signIn)(request())
    expect(response.status).toBe(503)
    expect(response.headers.getSetCookie()).toEqual([])
  })

  test("other errors are the caller's, and nothing is saved", async () => {
    const { sessions, events } = serve()
    const failing = fetchSessions(sessions, (same, session) => {
      signIn(same, session)
      throw new RangeError('of the handler')
    })
    await expect(failing(request())).rejects.toThrow(new RangeError('of the handler'))
    const tooMuch = fetchSessions(sessions, (_, session) => {
      session.data.bad = () => {}
      return new Response('in')
    })
    await expect(tooMuch(request())).rejects.toMatchObject({ code: 'ERR_SESSION_UNWRITABLE' })
    expect(events).toEqual([])
  })

  test('a handler that returns nothing is named', async () => {
    const handler = fetchSessions(serve().sessions, () => undefined as unknown as Response)
    await expect(handler(request())).rejects.toThrow('must return a Response')
  })

  test('a tampered cookie is no trouble', async () => {
    const { sessions } = serve({ secrets: [SECRET] })
    const handler = fetchSessions(sessions, (_, { isNew, rejected }) => Response.json({ isNew, code: rejected?.code }))
    expect(await (await handler(request(`${NAME}=a.b.c`))).json()).toEqual({
      isNew: true,
      code: 'ERR_SESSION_MALFORMED',
    })
  })
})
