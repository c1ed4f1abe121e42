/**
 * Sessions for handlers of fetch `Request`s: Workers, Deno, Bun, Hono and others.
 */
import { isOutage, isSessionError, type SessionError } from '../../shared/errors.js'
import type { SessionData } from '../../shared/types.js'
import type { Session } from '../core/session.js'
import type { Sessions } from '../core/sessions.js'
import { type SessionsFor, sessionsFinder } from './saving.js'

/** Your handler: it gets the session after the request, and then what the runtime passes on. */
export type FetchHandler<Data extends object, Rest extends unknown[], Parsed = unknown> = (
  request: Request,
  session: Session<Data, Parsed>,
  ...rest: Rest
) => Response | Promise<Response>

/**
 * Wraps a handler: the session is loaded before it and committed into its response.
 *
 * @param sessions - or a function of the request that gives them
 * @param handler - answers the request; it gets the session after it
 * @returns a handler that answers 503 where the session store or the source of keys is down
 * @throws {SessionError} what `commit` throws, as `ERR_SESSION_TOO_LARGE`
 * @since 0.1.0
 * @example
 * export default { fetch: fetchSessions(sessions, (request, session) => Response.json(session.data)) }
 */
export function fetchSessions<Data extends object = SessionData, Rest extends unknown[] = [], Parsed = unknown>(
  sessions: SessionsFor<Data, Request, Parsed>,
  handler: FetchHandler<Data, Rest, Parsed>,
): (request: Request, ...rest: Rest) => Promise<Response> {
  const find = sessionsFinder(sessions, 'fetchSessions')
  return async (request, ...rest) => {
    try {
      const found = await find(request)
      const session = await found.load(request)
      const answer = await handler(request, session, ...rest)
      if (answer === undefined) throw new TypeError('The handler of fetchSessions must return a Response')
      return await commitInto(found, session, answer)
    } catch (error) {
      if (isOutage(error)) return unavailable()
      if (isSessionError(error) && error.code === 'ERR_SESSION_NOT_RECENT') return refused(error)
      throw error
    }
  }
}

/**
 * What an outage of the store or of the source of keys is answered with.
 *
 * @internal
 */
export function unavailable(): Response {
  return new Response('Sessions are not available', { status: 503 })
}

/**
 * The headers that go with 403.
 *
 * @internal
 */
export const REFUSED_HEADERS = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' }

/**
 * The JSON that goes with 403.
 *
 * @internal
 */
export function refusedBody({ code, maxAge }: SessionError): string {
  return JSON.stringify({ code, maxAge })
}

/**
 * What a visitor gets who has to prove again who they are.
 *
 * @internal
 */
export function refused(error: SessionError): Response {
  return new Response(refusedBody(error), { status: 403, headers: REFUSED_HEADERS })
}

/**
 * Commits a session into a response.
 *
 * @returns the response that leaves: the same, or a copy if its headers can't be changed
 * @internal
 * @throws {SessionError} what `commit` throws; then the body is cancelled
 */
export async function commitInto<Data extends object>(
  sessions: Sessions<Data>,
  session: Session<Data>,
  answer: Response,
): Promise<Response> {
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
}

/**
 * The same response if cookies may be added to it: a copy loses the type and the length that a runtime knows of a body. The headers of
 * `Response.redirect()` and of a fetched response can't be changed, and an application may keep a response without a body for every
 * request: those are copied.
 */
function changeable(response: Response): Response {
  if (hasBody(response)) {
    try {
      response.headers.delete('x-no-such-header')
      return response
    } catch {}
  }
  const { body, status, statusText, headers } = response
  return new Response(body, { status, statusText, headers: new Headers(headers) })
}

function hasBody(response: Response): boolean {
  // One that is used up: whoever sends it says so.
  if (response.bodyUsed) return true
  if (!('Bun' in globalThis || 'Deno' in globalThis)) return response.body !== null
  // There a body that something has asked for has lost its type, or its length. Not so in the response that was cloned.
  const { body } = response.clone()
  body?.cancel().catch(() => {})
  return body !== null
}
