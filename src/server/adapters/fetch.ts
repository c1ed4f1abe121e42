/**
 * Sessions for handlers of fetch `Request`s: Workers, Deno, Bun, Hono and others.
 */
import { isOutage } from '../../shared/errors.js'
import type { SessionData } from '../../shared/types.js'
import type { Session } from '../core/session.js'
import type { Sessions } from '../core/sessions.js'

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
      if (answer === undefined) throw new TypeError('The handler of fetchSessions must return a Response')
      // `Response.error()` and the answer to a WebSocket have no headers that could be changed.
      if (answer.status < 200) return answer
      const response = changeable(answer)
      try {
        await sessions.commit(session, response.headers)
      } catch (error) {
        // What feeds the body has nobody to read it.
        response.body?.cancel().catch(() => {})
        throw error
      }
      return response
    } catch (error) {
      if (isOutage(error)) return new Response('Sessions are not available', { status: 503 })
      throw error
    }
  }
}

/**
 * The response, so that it leaves as it would have left; or a copy. The headers of `Response.redirect()` and of a fetched response
 * can't be changed. A response without a body may be one that the application keeps for every request.
 */
function changeable(response: Response): Response {
  const { status, statusText, headers } = response
  if (headers.has('content-type') && !NO_BODY.has(status)) {
    try {
      headers.delete('x-no-such-header')
      return response
    } catch {}
  }
  return new Response(response.body, { status, statusText, headers: new Headers(headers) })
}

/** Statuses of responses that have none (Fetch §2.2.3), and of redirects. */
const NO_BODY = new Set([204, 205, 304, 301, 302, 303, 307, 308])
