/**
 * Sessions for Express 5 and Connect: `req.session` in the shape of express-session, saved by itself before the head of the
 * response leaves.
 */
import { checkNames } from '../../shared/option-names.js'
import type { SessionData } from '../../shared/types.js'
import { createRequestMemory } from '../core/http.js'
import { type Session, stateOf, viewed } from '../core/session.js'
import { internal } from '../core/verify-sessions.js'
import { openSession } from './express-session.js'
import {
  holdResponse,
  isResponse,
  type NodeResponse,
  noResponse,
  type ResponseHead,
  saveSession,
  withStatus,
} from './held-response.js'
import { type SessionsFor, sessionsFinder } from './saving.js'

export type { ExpressRequestSession, ExpressSession, SessionCallback, SessionCookie } from './express-session.js'

/** The part of an Express request that is used here. */
export interface NodeRequest {
  /** The headers of the request. */
  readonly headers: { readonly cookie?: string | undefined; readonly host?: string | undefined }
}

/** `response` may be any object if the request is the handshake of a WebSocket. */
// biome-ignore lint/suspicious/noExplicitAny: socket.io has its own type of what goes to next
export type ExpressMiddleware = (request: NodeRequest, response: object, next: (error?: any) => void) => void

/** Where the session stands. */
export interface ExpressOptions {
  /**
   * Where the request gets its session. A second cookie needs another one.
   *
   * @defaultValue `session`
   */
  property?: string
}

/** The sessions of each request, by property. */
const attached = /* @__PURE__ */ createRequestMemory<Map<string, Session<object>>>()

/**
 * Express middleware: `req.session` is the session's data, with the methods of express-session that do not enumerate: `save`,
 * `destroy`, `regenerate`, `reload` (each with a callback, a promise, or neither) and `touch`, and `id` and `cookie`. Change the data, deep
 * inside too, and it is saved before the head of the response leaves; what changes after that is saved only if it goes to a row.
 * `req.session = null` ends the session. `sessionOf(req)` is the whole `Session`.
 *
 * Whatever can't be saved goes to `next` in place of the response; an outage of the store or the source of keys has `status` 503.
 * A response is marked as depending on the cookie only where something looked at `req.session`.
 *
 * @param sessions - or a function of the request that gives them
 * @param options.property - the name on the request in place of `session`
 * @returns a function for `app.use` of Express and Connect
 * @throws {TypeError} for read-only sessions, for what `createSessions` did not make, and for an unknown option
 * @since 0.1.0
 * @example
 * app.use(expressSessions(sessions))
 * app.get('/', (req, res) => res.json({ visits: (req.session.visits = (req.session.visits ?? 0) + 1) }))
 */
export function expressSessions<Data extends object = SessionData, Incoming extends NodeRequest = NodeRequest>(
  sessions: SessionsFor<Data, Incoming>,
  options: ExpressOptions = {},
): ExpressMiddleware {
  checkNames(options, { property: 1 }, 'expressSessions')
  const { property = 'session' } = options
  const find = sessionsFinder(sessions, 'expressSessions')

  async function attach(request: NodeRequest, response: object, next: Next): Promise<void> {
    const found = await find(request as Incoming)
    const { [internal]: inner } = found
    const { destroy, late } = inner
    const session = await inner.load(request)
    const head = isResponse(response) ? hold(response) : noResponse
    const open = openSession<Data>(found, { session, request, target: head, hasLeft: head.hasLeft })
    Object.defineProperty(request, property, {
      configurable: true,
      enumerable: true,
      get: open.view,
      set: open.replace,
    })
    if (property === 'session') {
      Object.defineProperty(request, 'sessionID', { configurable: true, enumerable: true, get: open.id })
    }
    const all = attached.of(request) ?? new Map<string, Session<object>>()
    attached.keep(request, all.set(property, session))

    function hold(response: NodeResponse): ResponseHead {
      return holdResponse(response, {
        prepare: () => (open.isEnded() ? destroy(session, head) : saveSession(inner, session, head)),
        fail: (error) => next(withStatus(error)),
        finish: () => late.finish(session, open.isEnded()),
      })
    }
  }

  async function serve(request: NodeRequest, response: object, next: Next): Promise<void> {
    let failure: unknown[] = []
    try {
      await attach(request, response, next)
    } catch (error) {
      failure = [withStatus(error)]
    }
    try {
      next(...failure)
    } catch (error) {
      // A `next` of Express or Connect never throws.
      next(error)
    }
  }

  return (request, response, next) => {
    serve(request, response, next).catch(() => (response as { destroy?(): unknown }).destroy?.())
  }
}

/**
 * The whole `Session` of a request of Express, Connect or Fastify: its data under any key, when it began, why a cookie was rejected. Looking at it counts as
 * looking at `req.session`.
 *
 * @typeParam Parsed - what a schema makes of the data, for `parsed`
 * @param request - that the adapter has seen
 * @param property - as it was given to `expressSessions` or `fastifySessions`
 * @throws {TypeError} if neither has seen the request
 * @since 0.1.0
 * @example
 * app.get('/', (req, res) => {
 *   const session = sessionOf<{ save?: string }>(req)
 *   session.data.save = 'a key that is called like a method'
 *   res.json({ isNew: session.isNew, data: session.data })
 * })
 */
export function sessionOf<Data extends object = SessionData, Parsed = unknown>(
  request: object,
  property = 'session',
): Session<Data, Parsed> {
  const view = (request as Record<string, { [viewed]?: Session<Data> } | undefined>)[property]
  const session = attached.of(request)?.get(property) ?? view?.[viewed]
  if (session === undefined)
    throw new TypeError(`sessionOf: neither expressSessions nor fastifySessions has set "${property}" on this request`)
  stateOf(session).isRead = true
  return session as Session<Data, Parsed>
}

type Next = (error?: unknown) => void
