/** What the types of the adapters let through, and what they do not. */
import type { Express, Request as ExpressRequest, RequestHandler } from 'express'
import { describe, expectTypeOf, test } from 'vitest'
import type {
  ExpressSession,
  FastifyRequestSession,
  NextCookies,
  NextResponses,
  NextSessions,
  ReadOnlySession,
  Session,
  SessionCookie,
  Sessions,
  StandardSchema,
} from '../../src/server/index.js'
import {
  createSessions,
  defineSession,
  expressSessions,
  fetchSessions,
  nextProxy,
  nextSessions,
  sessionOf,
} from '../../src/server/index.js'

interface Data {
  user?: string
  cart?: { items: { name: string }[] }
  at?: Date
}

declare const sessions: Sessions<Data>
const real = createSessions<Data>({ secrets: 'a-secret-of-the-types-0123456789abcdef', expose: false })

const bySite = (_site: string): Sessions<Data> => real

describe('Express', () => {
  test('req.session is the data and the methods', () => {
    expectTypeOf<ExpressSession<Data>['user']>().toEqualTypeOf<string | undefined>()
    expectTypeOf<ExpressSession<Data>['id']>().toEqualTypeOf<string>()
    expectTypeOf<ExpressSession<Data>['cookie']>().toEqualTypeOf<SessionCookie>()
    expectTypeOf<ReturnType<ExpressSession<Data>['save']>>().toEqualTypeOf<Promise<void>>()
    expectTypeOf<ExpressSession<Data>>().not.toHaveProperty('other')
  })

  test('of the cookie the lifetime can be set', () => {
    expectTypeOf<SessionCookie['maxAge']>().toEqualTypeOf<number | null>()
    expectTypeOf<SessionCookie['expires']>().toEqualTypeOf<Date | null>()
    void ((cookie: SessionCookie) => {
      cookie.maxAge = 60_000
      cookie.originalMaxAge = null
      cookie.expires = new Date()
      cookie.expires = false
      // @ts-expect-error milliseconds
      cookie.maxAge = '60s'
      // @ts-expect-error an option of createSessions
      cookie.path = '/'
    })
  })

  test('a key that is called like a method has the type of the method', () => {
    expectTypeOf<ExpressSession<{ save: number; id: Date }>['save']>().toBeFunction()
    expectTypeOf<ExpressSession<{ save: number; id: Date }>['id']>().toEqualTypeOf<string>()
  })

  test('the middleware is one of Express, and takes no sessions that are read only', () => {
    expectTypeOf<ReturnType<typeof expressSessions>>().toExtend<RequestHandler>()
    expectTypeOf<Express['use']>().toBeCallableWith(
      expressSessions(createSessions({ secrets: 'a-secret-of-the-types-0123456789abcdef', expose: false })),
    )
    // @ts-expect-error they have no commit
    void (() => expressSessions(createSessions({ secrets: 'x', expose: false, readOnly: true })))
  })
})

describe('a function of the request in place of sessions', () => {
  test('gets the request of the framework, and may take its time', () => {
    expectTypeOf<Express['use']>().toBeCallableWith(
      expressSessions((request: ExpressRequest) => bySite(request.hostname)),
    )
    expectTypeOf<Express['use']>().toBeCallableWith(expressSessions(async () => real))
    expectTypeOf(() =>
      fetchSessions(
        (request) => bySite(request.url),
        () => new Response(),
      ),
    ).returns.toBeFunction()
    const nothing = (): undefined => undefined
    // @ts-expect-error a function gives sessions
    void (() => fetchSessions(nothing, () => new Response()))
  })
})

describe('a schema', () => {
  interface Parsed {
    user: string
    at: Date
  }
  const schema: StandardSchema<{ user: string; at: string }, Parsed> = {
    '~standard': { version: 1, vendor: 'types', validate: (value) => ({ value: value as Parsed }) },
  }
  const judged = createSessions({
    session: defineSession({ schema, expose: false }),
    secrets: 'a-secret-of-the-types-0123456789abcdef',
  })
  type Judged = Session<{ user: string; at: string }, Parsed>

  test('what it makes of the data is known in the handlers of every adapter', () => {
    expectTypeOf(judged).toEqualTypeOf<Sessions<{ user: string; at: string }, Parsed>>()
    fetchSessions(judged, (_, session) => {
      expectTypeOf(session).toEqualTypeOf<Judged>()
      return Response.json(session.parsed?.at.getTime())
    })
    fetchSessions(
      async () => judged,
      (_, session) => Response.json(session.parsed?.at.getTime()),
    )
    const responses: NextResponses = { next: () => new Response() }
    nextProxy(judged, responses, (_, session) => {
      expectTypeOf(session).toEqualTypeOf<Judged>()
    })
    const cookies = async (): Promise<NextCookies> => ({ getAll: () => [] })
    const { read, change } = nextSessions(judged, cookies, async () => new Headers())
    expectTypeOf(() => change(({ parsed }) => parsed)).returns.toEqualTypeOf<Promise<Parsed | undefined>>()
    expectTypeOf<Awaited<ReturnType<typeof read>>['parsed']>().toEqualTypeOf<
      { readonly user: string; readonly at: Date } | undefined
    >()
    expectTypeOf(expressSessions).toBeCallableWith(judged)
    expectTypeOf(() => sessionOf<{ user: string; at: string }, Parsed>({})).returns.toEqualTypeOf<Judged>()
    expectTypeOf<FastifyRequestSession<Data, Parsed>['session']['parsed']>().toEqualTypeOf<Parsed | undefined>()
  })

  test('without one it is unknown', () => {
    fetchSessions(real, (_, session) => {
      expectTypeOf(session.parsed).toBeUnknown()
      return new Response()
    })
    expectTypeOf<FastifyRequestSession<Data>['session']['parsed']>().toBeUnknown()
    expectTypeOf(() => sessionOf<Data>({}).parsed).returns.toBeUnknown()
  })
})

describe('fetch', () => {
  test('the handler gets the session, and what else the server gives', () => {
    const handler = (_: Request, session: Session<Data>, env: { KEY: string }): Response =>
      Response.json([session.data.user, env.KEY])
    expectTypeOf(() => fetchSessions(sessions, handler)).returns.parameters.toEqualTypeOf<[Request, { KEY: string }]>()
  })
})

describe('Next', () => {
  test('what read() gives has nothing to assign to', () => {
    expectTypeOf<ReadOnlySession<Data>['data']>().toEqualTypeOf<{
      readonly user?: string
      readonly cart?: { readonly items: readonly { readonly name: string }[] }
      readonly at?: Date
    }>()
    expectTypeOf<ReadOnlySession<Data>>().not.toHaveProperty('regenerate')
  })

  test('change() gives what the work gives', () => {
    const cookies = async (): Promise<NextCookies> => ({ getAll: () => [] })
    const headers = async (): Promise<Headers> => new Headers()
    expectTypeOf(() => nextSessions(sessions, cookies, headers)).returns.toEqualTypeOf<NextSessions<Data>>()
    const { change } = nextSessions(real, cookies, headers)
    expectTypeOf(() => change(async ({ data }) => data.cart?.items.length)).returns.toEqualTypeOf<
      Promise<number | undefined>
    >()
  })

  test('the handler of nextProxy has the request of Next', () => {
    interface NextRequest extends Request {
      nextUrl: URL
    }
    const responses: NextResponses = { next: () => new Response() }
    const proxy = nextProxy(real, responses, (request: NextRequest, { data }) => {
      if (data.user === undefined) return Response.redirect(request.nextUrl)
      return undefined
    })
    expectTypeOf(proxy).parameters.toEqualTypeOf<[NextRequest]>()
  })
})
