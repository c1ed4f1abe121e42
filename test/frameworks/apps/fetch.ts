/** The suite's application as a handler of fetch requests, for whatever takes one. No module of Node: it runs in workers too. */
import { fetchSessions } from '../../../src/server/adapters/fetch.js'
import type { Session } from '../../../src/server/core/session.js'
import { type Data, respond } from '../actions.js'
import type { AppSessions } from '../app-sessions.js'

export function fetchApp({ sessions, other }: AppSessions): (request: Request) => Promise<Response> {
  const withBoth = fetchSessions(sessions, (request, session) =>
    fetchSessions(other, (_, second) => {
      const { pathname } = new URL(request.url)
      return respond(pathname, {
        data: () => session.data,
        id: () => session.id,
        regenerate: () => session.regenerate(),
        destroy: () => sessions.destroy(session),
        other: () => (second as Session<Data>).data,
      })
    })(request),
  )
  return async (request) => {
    try {
      return await withBoth(request)
    } catch {
      return new Response('sorry', { status: 500 })
    }
  }
}
