/** Adapters that get a function: it gives the sessions of a request, as those of its host. */
import { describe, expect, test } from 'vitest'
import {
  compact,
  createSessions,
  fetchJwks,
  fetchSessions,
  honoSessions,
  nextProxy,
  nextSessions,
  type Session,
  type Sessions,
} from '../../../src/server/index.js'
import { namesOf, OLD_SECRET, SECRET } from '../server.helpers.js'

const sessions = createSessions({ codecs: [compact({ secrets: SECRET })], expose: false })
const tenants = new Map(['shop.example', 'blog.example'].map((tenant) => [tenant, sessions.with({ tenant })]))

const keys = new Map([
  ['shop.example', SECRET],
  ['blog.example', OLD_SECRET],
])

class UnknownHost extends Error {}

function sessionsAt(url: string): Sessions {
  const found = tenants.get(new URL(url).hostname)
  if (!found) throw new UnknownHost()
  return found
}

const count = (session: Session): void => {
  session.data.visits = Number(session.data.visits ?? 0) + 1
}

type Visit = (url: string, cookie: string) => Promise<Response>

/** Each counts the visits of a session. */
const adapters: Record<string, Visit> = {
  fetchSessions: async (url, cookie) => {
    const handler = fetchSessions(
      async (request) => sessionsAt(request.url),
      (_, session) => {
        count(session)
        return Response.json(session.data)
      },
    )
    return await handler(new Request(url, { headers: { cookie } }))
  },
  honoSessions: async (url, cookie) => {
    const context = {
      req: { raw: new Request(url, { headers: { cookie } }) },
      res: new Response(),
      set: (_: string, session: Session) => count(session),
    }
    let data: unknown
    const set = (name: string, session: Session): void => {
      context.set(name, session)
      data = session.data
    }
    const own = { ...context, set }
    await honoSessions((c: typeof own) => sessionsAt(c.req.raw.url))(own, async () => {
      own.res = Response.json(data)
    })
    return own.res
  },
  nextProxy: async (url, cookie) => {
    const proxy = nextProxy(
      (request) => sessionsAt(request.url),
      { next: () => new Response() },
      (_, session) => {
        count(session)
        return Response.json(session.data)
      },
    )
    return await proxy(new Request(url, { headers: { cookie } }))
  },
  nextSessions: async (url, cookie) => {
    const headers = new Headers({ cookie, host: new URL(url).host })
    const set: string[] = []
    const cookies = {
      getAll: () => (cookie === '' ? [] : [{ name: 'beaker.session.id', value: cookie.split('=')[1] ?? '' }]),
      set: (name: string, value: string) => set.push(`${name}=${value}`),
    }
    const { change } = nextSessions(
      // Next would encode the values of compact.
      (incoming) =>
        sessionsAt(`https://${incoming.get('host')}/`).with({ secrets: keys.get(incoming.get('host') ?? '') ?? '' }),
      async () => cookies,
      async () => headers,
    )
    const data = await change((session) => {
      count(session)
      return session.data
    })
    return new Response(JSON.stringify(data), { headers: set.map((text) => ['set-cookie', text] as [string, string]) })
  },
}

describe.each(Object.entries(adapters))('%s', (_, visit) => {
  test('loads and commits the sessions of the host', async () => {
    const first = await visit('https://shop.example/', '')
    expect(await first.json()).toEqual({ visits: 1 })
    const cookie = first.headers
      .getSetCookie()
      .map((text) => text.split(';')[0])
      .join('; ')
    expect(namesOf(first.headers.getSetCookie())).toEqual(['beaker.session.id'])
    expect(await (await visit('https://shop.example/', cookie)).json()).toEqual({ visits: 2 })
    expect(await (await visit('https://blog.example/', cookie)).json()).toEqual({ visits: 1 })
  })

  test('what the function throws is an error of the request', async () => {
    await expect(visit('https://other.example/', '')).rejects.toBeInstanceOf(UnknownHost)
  })
})

test('a function that gives no sessions', async () => {
  const handler = fetchSessions((() => undefined) as unknown as () => Sessions, () => new Response())
  await expect(handler(new Request('https://shop.example/'))).rejects.toThrow(
    /^fetchSessions takes what createSessions/,
  )
})

test('fetchJwks', async () => {
  const handler = fetchJwks((request) => sessionsAt(request.url))
  expect(await (await handler(new Request('https://shop.example/jwks.json'))).json()).toEqual({ keys: [] })
  await expect(handler(new Request('https://other.example/jwks.json'))).rejects.toBeInstanceOf(UnknownHost)
})
