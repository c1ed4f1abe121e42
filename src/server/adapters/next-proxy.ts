/**
 * Sessions in `proxy.ts` of Next 16: what is written there is seen by the page of the same request already.
 */
import { isOutage } from '../../shared/errors.js'
import type { SessionData } from '../../shared/types.js'
import type { SetCookie } from '../core/cookies.js'
import type { Session } from '../core/session.js'
import { internal } from '../core/verify-sessions.js'
import { commitInto, unavailable } from './fetch.js'
import { type SessionsFor, sessionsFinder } from './saving.js'

/** The part of `NextResponse` of `next/server` that is used here. */
export interface NextResponses {
  /** Goes on to the page. */
  next(init?: { request?: { headers?: Headers } }): Response
}

/** What to answer in place of the page; nothing to go on. */
export type NextProxyHandler<Data extends object, Incoming extends Request, Parsed = unknown> = (
  request: Incoming,
  session: Session<Data, Parsed>,
  // biome-ignore lint/suspicious/noConfusingVoidType: a function that returns nothing at all is the usual one
) => Response | undefined | void | Promise<Response | undefined | void>

/**
 * Makes the function `proxy` of `proxy.ts`: it loads the session, lets the handler change it, and hands it on with the request
 * and with the response. Without a handler it renews sessions, which server components can not do.
 *
 * The page of the same request reads the session as it was written here. An outage of the store or the source of keys is
 * answered with 503. A response of the handler goes out in place of the page, with the cookies.
 *
 * @param sessions - or a function of the request that gives them
 * @param responses - `NextResponse` from `next/server`
 * @param handler - changes the session, or answers in place of the page
 * @throws {TypeError} for read-only sessions, and for what `createSessions` did not make
 * @since 0.1.0
 * @example
 * export const proxy = nextProxy(sessions, NextResponse, (request, session) => {
 *   if (session.data.user === undefined && new URL(request.url).pathname !== '/sign-in') {
 *     return Response.redirect(new URL('/sign-in', request.url))
 *   }
 * })
 */
export function nextProxy<Data extends object = SessionData, Incoming extends Request = Request, Parsed = unknown>(
  sessions: SessionsFor<Data, Incoming, Parsed>,
  responses: NextResponses,
  handler?: NextProxyHandler<Data, Incoming, Parsed>,
): (request: Incoming) => Promise<Response> {
  const find = sessionsFinder(sessions, 'nextProxy')
  return async (request) => {
    try {
      const found = await find(request)
      // Where nobody looks at the session, the page does not depend on it.
      const session = (await (handler ? found : found[internal]).load(request)) as Session<Data, Parsed>
      const answer = await handler?.(request, session)
      if (answer) return await commitInto(found, session, answer)
      const added = new Headers()
      const setCookies = await found[internal].commit(session, added)
      const isSame = setCookies.length === 0
      const response = responses.next(isSame ? {} : { request: { headers: withCookies(request.headers, setCookies) } })
      for (const [name, value] of added) response.headers.append(name, value)
      return response
    } catch (error) {
      if (isOutage(error)) return unavailable()
      throw error
    }
  }
}

/** What the browser would send if it had the new cookies already. */
function withCookies(headers: Headers, setCookies: readonly SetCookie[]): Headers {
  const fresh = new Map(setCookies.map((setCookie) => [setCookie.name, setCookie]))
  const kept = (headers.get('cookie') ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair !== '' && !fresh.has(pair.split('=', 1)[0]?.trim() ?? ''))
  const added = [...fresh.values()].filter(({ value }) => value !== '').map(({ name, value }) => `${name}=${value}`)
  const changed = new Headers(headers)
  changed.set('cookie', [...kept, ...added].join('; '))
  return changed
}
