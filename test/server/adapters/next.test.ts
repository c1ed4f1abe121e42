/** Sessions of Next by stand-ins for `cookies()` and `NextResponse`; the real ones are in test/browser/next.spec.ts. */
import { describe, expect, test } from 'vitest'
import {
  createSessions,
  defineSession,
  type NextCookieAttributes,
  nextProxy,
  nextSessions,
  type ReadOnlySession,
  type Session,
  SessionError,
  type StandardSchema,
} from '../../../src/server/index.js'
import { NAME, rejection, SECRET, serve, textCodec } from '../server.helpers.js'

type Set = [name: string, value: string, attributes: NextCookieAttributes]

const signIn =
  (user: string) =>
  ({ data }: Session): void => {
    data.user = user
  }

/** A store of cookies as Next has it in an action; `isRendering` as in a server component. */
function cookieJar({ isRendering = false }: { isRendering?: boolean } = {}) {
  const jar = new Map<string, string>()
  const set: Set[] = []
  // As Next has it: the same one throughout a request.
  const store = {
    getAll: () => [...jar].map(([name, value]) => ({ name, value })),
    set(...given: Set) {
      if (isRendering) throw new Error('Cookies can only be modified in a Server Action or Route Handler')
      set.push(given)
      jar.set(given[0], given[1])
    },
  }
  return { jar, set, cookies: async () => store }
}

/** Of a browser that has sent nothing. */
const headers = async (): Promise<Headers> => new Headers()

describe('cookies as the browser sent them', () => {
  /** As Next reads a header: the last one of each name, decoded. */
  function jarOf(cookie: string) {
    const made = cookieJar()
    for (const pair of cookie.split('; ')) {
      const [name = '', value = ''] = pair.split(/=(.*)/s)
      try {
        made.jar.set(name, decodeURIComponent(value))
      } catch {}
    }
    return { ...made, headers: async () => new Headers({ cookie }) }
  }

  async function signedIn(user = 'dave') {
    const { sessions, browser, visit } = serve()
    await visit((data) => Object.assign(data, { user }))
    return { sessions, value: browser.cookies.get(NAME) as string }
  }

  test.each<[string, (value: string) => string]>([
    ['an older twin after it', (value) => `${NAME}=${value}; ${NAME}=stale`],
    ['an older twin before it', (value) => `${NAME}=stale; ${NAME}=${value}`],
    ['a twin that can not be decoded', (value) => `${NAME}=${value}; ${NAME}=%zz`],
    ['in quotes', (value) => `other=1; ${NAME}="${value}"`],
  ])('%s', async (_, header) => {
    const { sessions, value } = await signedIn()
    const { cookies, headers, set } = jarOf(header(value))
    const { read, change } = nextSessions(sessions, cookies, headers)
    expect((await read()).data).toEqual({ user: 'dave' })
    await change(({ data }) => void Object.assign(data, { user: 'eve' }))
    expect((await read()).data).toEqual({ user: 'eve' })
    const { cookies: sameRequest } = jarOf('')
    const jar = await sameRequest()
    for (const [name, next] of set) jar.set(name, next, {})
    // A page that is rendered after the action has another store, and the same headers.
    expect((await nextSessions(sessions, async () => jar, headers).read()).data).toEqual({ user: 'eve' })
  })

  test('what a schema makes of the data is there, too, and is not to be changed', async () => {
    const schema: StandardSchema<{ user: string }, { user: string; isAdmin: boolean }> = {
      '~standard': {
        version: 1,
        vendor: 'by hand',
        validate: (value) => ({ value: { ...(value as { user: string }), isAdmin: false } }),
      },
    }
    const sessions = createSessions({ session: defineSession({ schema, expose: false }), secrets: SECRET })
    const written = await sessions.load('')
    written.data.user = 'dave'
    const [cookie = ''] = await sessions.commit(written)
    const { cookies, headers } = jarOf(cookie.split(';')[0] as string)
    const { parsed } = await nextSessions(sessions, cookies, headers).read()
    expect(parsed).toEqual({ user: 'dave', isAdmin: false })
    expect(() => Object.assign(parsed as object, { isAdmin: true })).toThrow(TypeError)
  })

  test('one that the request deleted is gone', async () => {
    const { sessions, value } = await signedIn()
    const { cookies, headers, jar } = jarOf(`${NAME}=${value}`)
    jar.delete(NAME)
    expect((await nextSessions(sessions, cookies, headers).read()).isNew).toBe(true)
  })

  test('headers is asked for', () => {
    const { cookies } = cookieJar()
    expect(() => nextSessions(serve().sessions, cookies, undefined as never)).toThrow('cookies and headers')
  })
})

describe('change', () => {
  test.each([{ embedded: true }, { domain: 'shop.example' }])(
    'Next keeps one cookie of a name, which is ours: %j',
    async (options) => {
      const { sessions } = serve({ ...options, expose: ['user'] })
      const { set, jar, cookies } = cookieJar()
      const { change } = nextSessions(sessions, cookies, headers)
      await change(signIn('dave'))
      await change(signIn('eve'))
      expect(jar.get(NAME)).not.toBe('')
      expect(set.map(([name]) => name)).toEqual([NAME, `${NAME}.public`, NAME, `${NAME}.public`])
      await change((session) => sessions.destroy(session))
      expect([...jar.values()]).toEqual(['', ''])
      expect(set.slice(4).map(([, , { domain, partitioned }]) => ({ domain, partitioned }))).toEqual(
        Array(2).fill({ domain: options.domain, partitioned: options.embedded === true }),
      )
    },
  )

  test('sets what commit would set', async () => {
    const { sessions } = serve({
      domain: 'shop.example',
      maxAge: '1h',
      priority: 'high',
      expose: ['user'],
      expires: '1h',
    })
    const { set, jar, cookies } = cookieJar()
    const { change } = nextSessions(sessions, cookies, headers)
    expect(
      await change((session) => {
        session.data.user = 'dave'
        session.data.secret = 'x'
        return session.id
      }),
    ).toMatch(/^[\da-f]{32}$/)
    expect(set.map(([name]) => name)).toEqual([NAME, `${NAME}.public`])
    expect(set[0]?.[2]).toEqual({
      path: '/',
      domain: 'shop.example',
      maxAge: 3600,
      expires: expect.any(Date),
      sameSite: 'lax',
      priority: 'high',
      httpOnly: true,
      secure: true,
      partitioned: false,
    })
    expect(set[1]?.[2]).toMatchObject({ httpOnly: false })
    const known = await sessions.load([...jar].map((pair) => pair.join('=')).join('; '))
    expect(known.data).toEqual({ user: 'dave', secret: 'x' })
  })

  test.each([
    ['30d', 2_592_000],
    ['browser', undefined],
  ] as const)('may remember the session for %s: the next change repeats it', async (wish, maxAge) => {
    const { set, cookies } = cookieJar()
    const { change } = nextSessions(serve({ maxAge: '1h', expose: ['user'] }).sessions, cookies, headers)
    await change((session) => {
      signIn('dave')(session)
      session.remember(wish)
    })
    await change(signIn('eve'))
    expect(set.map(([name, , attributes]) => [name, attributes.maxAge])).toEqual(
      [NAME, `${NAME}.public`, NAME, `${NAME}.public`].map((name) => [name, maxAge]),
    )
  })

  test('twice: the second knows of the first, and nothing is set when nothing changes', async () => {
    const { set, cookies } = cookieJar()
    const { change, read } = nextSessions(serve().sessions, cookies, headers)
    for (const visits of [1, 2]) {
      await change(({ data }) => {
        data.visits = ((data.visits as number | undefined) ?? 0) + 1
      })
      expect((await read()).data).toEqual({ visits })
    }
    await change(() => {})
    expect(set).toHaveLength(2)
  })

  test('at the same time, or one inside another: no change is lost', async () => {
    const { jar, cookies } = cookieJar()
    const { sessions } = serve()
    const { change } = nextSessions(sessions, cookies, headers)
    await change(signIn('dave'))
    const slowly = (key: string) => async (session: Session) => {
      await new Promise((resolve) => setTimeout(resolve, 5))
      session.data[key] = 1
    }
    await Promise.all([change(slowly('a')), change(slowly('b'))])
    await change(async (session) => {
      session.data.outer = 1
      await change(({ data }) => {
        data.inner = 1
      })
    })
    const { data } = await sessions.load(`${NAME}=${jar.get(NAME)}`)
    expect(data).toEqual({ user: 'dave', a: 1, b: 1, outer: 1, inner: 1 })
  })

  test('after what can not be written, the next one begins with what the browser has', async () => {
    const { cookies } = cookieJar()
    const { change, read } = nextSessions(serve().sessions, cookies, headers)
    await change(signIn('dave'))
    const tooMuch = change(({ data }) =>
      Object.assign(data, { big: 'x'.repeat(5000).replace(/x/g, () => `${Math.random()}`) }),
    )
    await rejection('ERR_SESSION_TOO_LARGE', tooMuch)
    await change(signIn('eve'))
    expect((await read()).data).toEqual({ user: 'eve' })
  })

  test('cookies that the application sets by itself in between count', async () => {
    const { jar, cookies } = cookieJar()
    const { change, read } = nextSessions(serve().sessions, cookies, headers)
    await change(signIn('dave'))
    const before = jar.get(NAME) as string
    await change(signIn('eve'))
    jar.set(NAME, before)
    expect((await read()).data).toEqual({ user: 'dave' })
    jar.delete(NAME)
    expect((await read()).data).toEqual({})
  })

  test('after the end of a session another one may begin', async () => {
    const { jar, cookies } = cookieJar()
    const { sessions } = serve()
    const { change, read } = nextSessions(sessions, cookies, headers)
    await change(signIn('dave'))
    const ended = await change((session) => {
      void sessions.destroy(session)
      return session.id
    })
    expect((await read()).data).toEqual({})
    const begun = await change((session) => {
      session.data.user = 'eve'
      return session.id
    })
    expect(begun).not.toBe(ended)
    expect((await sessions.load(`${NAME}=${jar.get(NAME)}`)).data).toEqual({ user: 'eve' })
  })

  test('destroying the session', async () => {
    const { set, jar, cookies } = cookieJar()
    const { sessions } = serve()
    const { change } = nextSessions(sessions, cookies, headers)
    await change(signIn('dave'))
    await change((session) => sessions.destroy(session))
    expect(jar.get(NAME)).toBe('')
    expect(set[1]?.[2]).toMatchObject({ maxAge: 0, expires: new Date(0) })
  })

  test('also when the work throws, as a redirect of Next does', async () => {
    const { jar, cookies } = cookieJar()
    const { sessions } = serve()
    const redirect = new Error('NEXT_REDIRECT')
    const work = nextSessions(sessions, cookies, headers).change((session) => {
      session.data.user = 'dave'
      throw redirect
    })
    await expect(work).rejects.toBe(redirect)
    expect((await sessions.load(`${NAME}=${jar.get(NAME)}`)).data).toEqual({ user: 'dave' })
  })

  test('where cookies can not be set, the error says where they can', async () => {
    const { cookies } = cookieJar({ isRendering: true })
    const { sessions } = serve()
    const work = nextSessions(sessions, cookies, headers).change(signIn('dave'))
    await expect(work).rejects.toThrow(/server component: .*server action or a route handler .*proxy\.ts/)
    const without = nextSessions(sessions, async () => ({ getAll: () => [] }), headers)
    await expect(without.change(signIn('dave'))).rejects.toThrow(/proxy\.ts/)
    // Nothing to write is no mistake there.
    expect(await nextSessions(sessions, cookies, headers).change((session) => session.isNew)).toBe(true)
  })

  test('refuses a value that Next would write in another way', async () => {
    const { set, cookies } = cookieJar()
    const { sessions } = serve({ codecs: [textCodec('a', { sign: async () => 'text~a~b+c/d=' })], expose: false })
    const work = nextSessions(sessions, cookies, headers).change(signIn('dave'))
    await expect(work).rejects.toThrow(/percent-encode.*fetchSessions.*nextProxy/)
    expect(set).toEqual([])
  })

  test('an outage is the error it is', async () => {
    const { jar, cookies } = cookieJar()
    jar.set(NAME, 'text~down~')
    const codec = textCodec('down', { fails: new SessionError('ERR_SESSION_STORE', 'down') })
    const { change, read } = nextSessions(serve({ codecs: [codec], expose: false }).sessions, cookies, headers)
    await rejection('ERR_SESSION_STORE', read())
    await rejection(
      'ERR_SESSION_STORE',
      change(() => {}),
    )
  })

  test('cookies of others are left out, also those with characters that would split', async () => {
    const { jar, cookies } = cookieJar()
    const { sessions, events } = serve()
    jar.set('other', 'x')
    jar.set(`${NAME}.public`, `a; ${NAME}=b`)
    expect((await nextSessions(sessions, cookies, headers).read()).isNew).toBe(true)
    expect(events).toEqual([])
  })
})

describe('read', () => {
  interface Data {
    user?: string
    cart?: { items: { name: string }[] }
    at?: Date
  }

  async function readData(): Promise<ReadOnlySession<Data>> {
    const { sessions } = serve()
    const { cookies } = cookieJar()
    const { change, read } = nextSessions(sessions, cookies, headers)
    await change((session) =>
      Object.assign(session.data, { user: 'dave', cart: { items: [{ name: 'book' }] }, at: new Date(5) }),
    )
    return (await read()) as ReadOnlySession<Data>
  }

  test('gives plain data', async () => {
    const session = await readData()
    expect(session).toMatchObject({ isNew: false, rejected: undefined, createdAt: expect.any(Date) })
    expect(session.data).toEqual({ user: 'dave', cart: { items: [{ name: 'book' }] }, at: new Date(5) })
    expect(JSON.parse(JSON.stringify(session.data.cart))).toEqual({ items: [{ name: 'book' }] })
    expect(session.data.cart?.items.map(({ name }) => name)).toEqual(['book'])
    expect(Array.isArray(session.data.cart?.items)).toBe(true)
    // What React passes on to client components has plain members only.
    for (const name of Object.getOwnPropertyNames(session.data)) {
      expect(Object.getOwnPropertyDescriptor(session.data, name)?.enumerable, name).toBe(true)
    }
  })

  test.each<[string, (session: { data: { cart: { items: { name: string }[] }; user?: string } }) => unknown]>([
    ['a key', (session) => Object.assign(session.data, { user: 'eve' })],
    ['deep inside', (session) => Object.assign(session.data.cart.items[0] as object, { name: 'pen' })],
    ['a list', (session) => session.data.cart.items.push({ name: 'pen' })],
    ['deleting', (session) => delete session.data.user],
    ['defining', (session) => Object.defineProperty(session.data, 'user', { value: 'eve' })],
    ['behind a descriptor', (session) => Object.getOwnPropertyDescriptor(session.data, 'cart')?.value.items.pop()],
    ['all data', (session) => Object.assign(session, { data: {} })],
    ['the prototype', (session) => Object.setPrototypeOf(session.data, null)],
  ])('changing %s says where it is possible', async (_, change) => {
    const session = await readData()
    expect(() => change(session as never)).toThrow(/server action or a route handler .*proxy\.ts/)
    expect(session.data).toMatchObject({ user: 'dave', cart: { items: [{ name: 'book' }] } })
  })
})

describe('nextProxy', () => {
  interface Next {
    headers?: Headers
  }

  /** As NextResponse.next, keeping what it was told. */
  function responsesOf() {
    const told: Next[] = []
    return {
      told,
      next(init: { request?: Next } = {}) {
        told.push(init.request ?? {})
        return new Response(null, { headers: { 'x-middleware-next': '1' } })
      },
    }
  }

  const request = (cookie = ''): Request =>
    new Request('https://shop.example/', { headers: { cookie, 'x-other': '1' } })

  test('the page sees what was written, and so does the browser', async () => {
    const { sessions, browser } = serve({ expose: ['user'] })
    const responses = responsesOf()
    const proxy = nextProxy(sessions, responses, (_, session) => {
      session.data.user = 'dave'
    })
    const response = await proxy(request('a=1; b=2'))
    const set = response.headers.getSetCookie()
    expect(set.map((text) => text.split('=')[0])).toEqual([NAME, `${NAME}.public`])
    expect(response.headers.get('x-middleware-next')).toBe('1')
    expect([response.headers.get('vary'), response.headers.get('cache-control')]).toEqual([
      'Cookie',
      'private, no-store',
    ])
    const { headers = new Headers() } = responses.told[0] ?? {}
    expect(headers.get('x-other')).toBe('1')
    expect(headers.get('cookie')).toMatch(/^a=1; b=2; /)
    browser.take(set)
    expect((await sessions.load({ headers })).data).toEqual({ user: 'dave' })

    // A cookie that was there is replaced, not doubled.
    const again = nextProxy(sessions, responses, (_, session) => signIn('eve')(session))
    await again(request(`${browser.cookie}; a=1`))
    const second = responses.told[1]?.headers
    expect(second?.get('cookie')?.match(new RegExp(`${NAME}=`, 'g'))).toHaveLength(1)
    expect((await sessions.load({ headers: second as Headers })).data).toEqual({ user: 'eve' })

    // A session that ended is gone for the page.
    const out = nextProxy(sessions, responses, (_, session) => void sessions.destroy(session))
    await out(request(`${browser.cookie}; a=1`))
    expect(responses.told[2]?.headers?.get('cookie')).toBe('a=1')
  })

  test('an answer goes out in place of the page, with the cookies', async () => {
    const responses = responsesOf()
    const { sessions } = serve()
    const proxy = nextProxy(sessions, responses, (_, session) => {
      session.data.user = 'dave'
      return Response.redirect('https://shop.example/in', 303)
    })
    const response = await proxy(request())
    expect([response.status, response.headers.get('location')]).toEqual([303, 'https://shop.example/in'])
    expect(response.headers.getSetCookie()).toHaveLength(1)
    expect(responses.told).toEqual([])
  })

  test('nothing is set when nothing is due; without a handler sessions are renewed', async () => {
    const { sessions, browser, clock, visit } = serve({ touchEvery: '1m' })
    await visit((data) => Object.assign(data, { user: 'dave' }))
    const responses = responsesOf()
    const proxy = nextProxy(sessions, responses)
    const first = await proxy(request(browser.cookie))
    expect([...first.headers.keys()]).toEqual(['x-middleware-next'])
    expect(responses.told).toEqual([{}])
    clock.pass(61)
    const second = await proxy(request(browser.cookie))
    expect(second.headers.getSetCookie()).toHaveLength(1)
    expect(second.headers.get('cache-control')).toBe('private, no-store')
  })

  test.each([
    ['30d', 'Max-Age=2592000'],
    ['browser', undefined],
  ] as const)('a renewal keeps what the session remembers: %s', async (wish, attribute) => {
    const { sessions, browser, clock } = serve({ maxAge: '1h' })
    const lifetimeOf = ({ headers }: Response): string | undefined => {
      browser.take(headers.getSetCookie())
      return /Max-Age=\d+/.exec(headers.getSetCookie()[0] ?? '')?.[0]
    }
    const remembering = nextProxy(sessions, responsesOf(), (_, session) => {
      signIn('dave')(session)
      session.remember(wish)
    })
    expect(lifetimeOf(await remembering(request()))).toBe(attribute)
    clock.pass(61)
    const renewed = await nextProxy(sessions, responsesOf())(request(browser.cookie))
    expect(renewed.headers.getSetCookie()).toHaveLength(1)
    expect(lifetimeOf(renewed)).toBe(attribute)
  })

  test('an outage is 503, other errors are those of the application', async () => {
    const codec = textCodec('down', { fails: new SessionError('ERR_SESSION_STORE', 'down') })
    const { sessions } = serve({ codecs: [codec], expose: false })
    const proxy = nextProxy(sessions, responsesOf())
    expect((await proxy(request(`${NAME}=text~down~`))).status).toBe(503)
    const mistaken = nextProxy(serve({ secrets: SECRET }).sessions, responsesOf(), () => {
      throw new RangeError('mine')
    })
    await expect(mistaken(request())).rejects.toThrow(new RangeError('mine'))
  })
})
