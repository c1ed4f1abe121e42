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

// Whether a response is meant for everybody: then nothing of a session that nobody looked at is added to it.
// What is due, as a renewal, is due with the next response too. RFC 9111 §5.2.2.

/** A response whose Cache-Control lets shared caches keep it. */
export function isForEverybody(response: { getHeader(name: string): number | string | string[] | undefined }): boolean {
  return /\b(?:public|s-maxage)\b/i.test(String(response.getHeader('cache-control') ?? ''))
}

// What an adapter does with the server's own trouble: an outage is 503, never an empty session, and the page that tells of it
// has nothing of the response in whose place it goes out.

/** The same error; an outage with the `status` and `statusCode` that frameworks answer with. */
export function withStatus(error: unknown): unknown {
  return isOutage(error) ? Object.assign(error as Error, { status: 503, statusCode: 503 }) : error
}

/** What the handler said of a body that does not go out, and how long caches may keep it. */
const HEADERS_OF_THE_BODY = [
  'Content-Type',
  'Content-Disposition',
  'Content-Language',
  'Content-Length',
  'Content-Encoding',
  'Content-Range',
  'Transfer-Encoding',
  'ETag',
  'Last-Modified',
  'Expires',
]

/** Clears the way for the page of an error, which no cache keeps unless that page says so. */
export function dropHeaders(response: {
  removeHeader(name: string): unknown
  setHeader(name: string, value: string): unknown
}): void {
  for (const name of HEADERS_OF_THE_BODY) response.removeHeader(name)
  response.setHeader('Cache-Control', 'no-store')
}
