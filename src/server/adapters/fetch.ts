/**
 * Sessions for handlers of fetch `Request`s: Workers, Deno, Bun, Hono and others.
 */
import type { SessionData } from '../../shared/types.js'
import type { Session } from '../session.js'
import type { Sessions } from '../sessions.js'
import { isOutage } from '../trips/outage.js'

export type FetchHandler<Data extends object, Rest extends unknown[]> = (
  request: Request,
  session: Session<Data>,
  ...rest: Rest
) => Response | Promise<Response>

/**
 * Wraps a handler: the session is loaded before it and committed into its response.
 *
 * @returns a handler that answers 503 where the session store or the source of keys is down
 * @throws {SessionError} what `commit` throws, as `ERR_SESSION_TOO_LARGE`
 * @example
 * export default { fetch: fetchSessions(sessions, (request, session) => Response.json(session.data)) }
 */
export function fetchSessions<Data extends object = SessionData, Rest extends unknown[] = []>(
  sessions: Sessions<Data>,
  handler: FetchHandler<Data, Rest>,
): (request: Request, ...rest: Rest) => Promise<Response> {
  return async (request, ...rest) => {
    try {
      const session = await sessions.load(request)
      const answer = await handler(request, session, ...rest)
      // `Response.error()` and the answer to a WebSocket have no headers that could be changed.
      if (answer.status < 200) return answer
      const response = withOwnHeaders(answer)
      await sessions.commit(session, response.headers)
      return response
    } catch (error) {
      if (isOutage(error)) return new Response('Sessions are not available', { status: 503 })
      throw error
    }
  }
}

/** The headers of `Response.redirect()` and of a fetched response can't be changed. */
function withOwnHeaders(response: Response): Response {
  const { status, statusText } = response
  return new Response(response.body, { status, statusText, headers: new Headers(response.headers) })
}
