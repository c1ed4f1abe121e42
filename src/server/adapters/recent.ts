/**
 * Asks visitors to prove again who they are before a sensitive action ("sudo mode"): for handlers, and as one step before them.
 */
import type { Duration } from '../../shared/define-session.js'
import type { SessionError } from '../../shared/errors.js'
import { checkNames } from '../../shared/option-names.js'
import type { SessionData } from '../../shared/types.js'
import { checkMaxAge, isRecent, notRecent } from '../core/authentication.js'
import { draftOf, nowOf, type Session, sessionBehind, stateOf } from '../core/session.js'
import { sessionOf } from './express.js'
import { REFUSED_HEADERS, refused, refusedBody } from './fetch.js'

/**
 * Refuses a session whose visitor has not proved lately who they are. It looks at `authenticatedAt` alone: whether anybody is signed in, and
 * who, is for the application to ask.
 *
 * @param session - of `load`, or what Fastify's request has
 * @param maxAge - how long ago it may be, as `'10m'`, or seconds
 * @throws {SessionError} `ERR_SESSION_NOT_RECENT` with `maxAge` in seconds; adapters answer it with 403
 * @since 0.1.0
 * @example
 * const session = await sessions.load(request)
 * requireRecent(session, '10m')
 */
export function requireRecent(session: Pick<Session<object>, 'authenticatedAt'>, maxAge: Duration): void {
  const age = checkMaxAge(maxAge, 'requireRecent()')
  const refusal = refusalOf(session, age)
  if (!refusal) return
  // As Express, Fastify and Hono look for them.
  throw Object.assign(refusal, { status: 403, statusCode: 403, getResponse: () => refused(refusal) })
}

/** Where the session stands. */
export interface RecentOptions {
  /**
   * Where the request has its session, as it was given to the adapter.
   *
   * @defaultValue `session`
   */
  property?: string
}

/** One step for all of these. */
export interface RecentStep {
  /** For `fetchSessions`: the answer to a session that is refused. */
  (session: Session<object>): Response | undefined
  /** For Express and Connect. */
  (request: object, response: RecentResponse, next: (error?: unknown) => void): void
  /** For Fastify, as `preHandler`. */
  (request: object, reply: RecentReply): Promise<unknown>
  /** For Hono. */
  (context: RecentContext, next: () => Promise<void>): Promise<Response | undefined>
}

/** The part of Node's response that is used here. */
interface RecentResponse {
  statusCode: number
  setHeader(name: string, value: string): unknown
  end(body: string): unknown
}

/** The part of a reply of Fastify that is used here. */
interface RecentReply {
  code(status: number): RecentReply
  header(name: string, value: string): RecentReply
  send(body: string): unknown
}

/** The part of a context of Hono that is used here. */
interface RecentContext {
  readonly req: { readonly raw: Request }
  readonly var: object
}

/**
 * A step before a handler: it passes visitors who proved lately who they are, and answers all others with 403 and the JSON
 * `{ "code": "ERR_SESSION_NOT_RECENT", "maxAge": 600 }`, for a page that asks for the password then and tries again.
 *
 * @param maxAge - how long ago it may be, as `'10m'`, or seconds
 * @param options.property - the name of the session on the request
 * @returns one function for Express, Connect, Fastify (`preHandler`) and Hono; with a session alone it gives the answer, for `fetchSessions`
 * @throws {TypeError} for something else than a duration
 * @since 0.1.0
 * @example
 * app.post('/account/delete', recentOnly('10m'), (req, res) => res.json({ deleted: true }))
 */
export function recentOnly(maxAge: Duration, options: RecentOptions = {}): RecentStep {
  checkNames(options, { property: 1 }, 'recentOnly')
  const { property = 'session' } = options
  const age = checkMaxAge(maxAge, 'recentOnly()')

  async function answerHono(
    { var: variables }: RecentContext,
    next: () => Promise<void>,
  ): Promise<Response | undefined> {
    const refusal = refusalOf((variables as Record<string, Session<object>>)[property] as Session<object>, age)
    return refusal ? refused(refusal) : void (await next())
  }

  async function answerFastify(request: object, reply: RecentReply): Promise<unknown> {
    const refusal = refusalOf(sessionOf(request, property), age)
    if (!refusal) return undefined
    for (const [name, value] of Object.entries(REFUSED_HEADERS)) reply.header(name, value)
    return reply.code(403).send(refusedBody(refusal))
  }

  function answerNode(request: object, response: RecentResponse, next: (error?: unknown) => void): void {
    let refusal: SessionError | undefined
    try {
      refusal = refusalOf(sessionOf(request, property), age)
    } catch (error) {
      next(error)
      return
    }
    if (!refusal) {
      next()
      return
    }
    for (const [name, value] of Object.entries(REFUSED_HEADERS)) response.setHeader(name, value)
    response.statusCode = 403
    response.end(refusedBody(refusal))
  }

  function step(given: object, answer?: unknown, next?: unknown): unknown {
    if (answer === undefined) {
      const refusal = refusalOf(given as Session<object>, age)
      return refusal && refused(refusal)
    }
    if (typeof answer === 'function') return answerHono(given as RecentContext, answer as () => Promise<void>)
    if ('setHeader' in (answer as object)) {
      return answerNode(given, answer as RecentResponse, next as (error?: unknown) => void)
    }
    return answerFastify(given, answer as RecentReply)
  }
  return step as RecentStep
}

function refusalOf(given: Pick<Session<object>, 'authenticatedAt'>, maxAge: number): SessionError | undefined {
  const session = sessionBehind(given as Session<object>)
  const state = stateOf(session)
  // The answer depends on the cookie.
  state.isRead = true
  const isValid = !state.isDestroyed && isRecent(draftOf(session).data as SessionData, nowOf(session), maxAge)
  return isValid ? undefined : notRecent(maxAge)
}
