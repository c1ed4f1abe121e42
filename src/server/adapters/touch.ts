/**
 * Renews the session of a page that is used without a request: the server's half of `refreshSession`.
 * W3C Fetch Metadata for `Sec-Fetch-Site`; RFC 6454 §7 for `Origin`.
 */
import { isOutage } from '../../shared/errors.js'
import { checkNames } from '../../shared/option-names.js'
import type { SessionData } from '../../shared/types.js'
import type { HeaderTarget } from '../core/http.js'
import { internal } from '../core/verify-sessions.js'
import { unavailable } from './fetch.js'
import { type ReplyHeaders, targetOf, withStatus } from './held-response.js'
import { type SessionsFor, sessionsFinder } from './saving.js'

/** Whose pages may ask. */
export interface TouchOptions {
  /**
   * Origins whose pages may ask beside those of the handler's own origin, each as `'https://app.example.org'`. For them the application
   * sends the headers of CORS.
   */
  origins?: readonly string[]
}

/** One handler for all of these. */
export interface TouchHandler {
  /** For Express, Connect and `node:http`. */
  (request: TouchRequest, response: TouchResponse, next?: (error?: unknown) => void): void
  /** For Fastify. */
  (request: TouchOfFastify, reply: TouchReply): Promise<unknown>
  /** For Hono. */
  (context: TouchContext, ...rest: unknown[]): Promise<Response>
  /** For handlers of fetch `Request`s, and the route handlers of Next.js, which looks at this last signature. */
  (request: Request, ...rest: unknown[]): Promise<Response>
}

/** The part of a context of Hono that is used here. */
interface TouchContext {
  readonly req: { readonly raw: Request }
}

/** The part of Node's request that is used here. */
interface TouchRequest {
  readonly method?: string | undefined
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

/** The part of Node's response that is used here. */
interface TouchResponse {
  statusCode: number
  getHeader(name: string): number | string | string[] | undefined
  setHeader(name: string, value: string | string[]): unknown
  end(): unknown
}

interface TouchOfFastify {
  readonly raw: TouchRequest
}

/** The part of a reply of Fastify that is used here. */
interface TouchReply extends ReplyHeaders {
  readonly raw: object
  code(status: number): { send(): unknown }
}

/**
 * A handler of POST requests that renews the session now, whatever `touchEvery` says: for a page that is used without any other request.
 * It never begins a session, and `absoluteTimeout` and a lifetime of `remember` stay. The page calls `refreshSession(url)`.
 *
 * It answers 204 with the cookies, 401 if there is no session, 403 to pages of other origins, 405 to other methods, and 503 if the store or
 * the source of keys is down (Express, Connect and Fastify get that as an error with `status`).
 *
 * @param sessions - or a function of the request that gives them; Hono's gets the context
 * @param options.origins - of pages that may ask, too
 * @returns one function for fetch, Next.js, Hono, Express, Connect, `node:http` and Fastify
 * @throws {TypeError} for something else than origins
 * @since 0.1.0
 * @example
 * app.post('/session', touchHandler(sessions))
 */
export function touchHandler<Data extends object = SessionData, Incoming = unknown>(
  sessions: SessionsFor<Data, Incoming>,
  options: TouchOptions = {},
): TouchHandler {
  checkNames(options, { origins: 1 }, 'touchHandler')
  const origins = checkOrigins(options.origins ?? [])
  const find = sessionsFinder(sessions, 'touchHandler')

  async function touch({ given, request, target }: Exchange): Promise<number> {
    const asking = askingOf(request)
    if (asking.method !== 'POST') return 405
    if (!isAllowed(asking, origins)) return 403
    const { [internal]: inner } = await find(given as Incoming)
    const session = await inner.load(request)
    if (session.isNew || session.isDestroyed) return 401
    await inner.touch(session, target)
    // Another request has destroyed it, or the application's own rules have.
    return session.isNew || session.isDestroyed ? 401 : 204
  }

  async function answerFetch(given: Request | TouchContext): Promise<Response> {
    const request = 'req' in given ? given.req.raw : given
    const target = new Headers()
    try {
      const status = await touch({ given, request, target })
      for (const [name, value] of headersOf(status)) target.set(name, value)
      return new Response(null, { status, headers: target })
    } catch (error) {
      if (isOutage(error)) return unavailable()
      throw error
    }
  }

  async function answerFastify(given: TouchOfFastify, reply: TouchReply): Promise<unknown> {
    try {
      const status = await touch({ given, request: given.raw, target: targetOf(reply) })
      for (const [name, value] of headersOf(status)) reply.header(name, value)
      return await reply.code(status).send()
    } catch (error) {
      throw withStatus(error)
    }
  }

  function answerNode(request: TouchRequest, response: TouchResponse, next: unknown): void {
    touch({ given: request, request, target: response })
      .then((status) => {
        // This throws if somebody else has answered meanwhile, such as a time limit.
        for (const [name, value] of headersOf(status)) response.setHeader(name, value)
        response.statusCode = status
        response.end()
      })
      .catch((error: unknown) => {
        if (typeof next === 'function') return next(withStatus(error))
        response.statusCode = isOutage(error) ? 503 : 500
        response.end()
      })
  }

  function handle(given: unknown, answer?: unknown, next?: unknown): unknown {
    if (typeof answer !== 'object' || answer === null) return answerFetch(given as Request)
    if ('setHeader' in answer) return answerNode(given as TouchRequest, answer as TouchResponse, next)
    return 'raw' in answer
      ? answerFastify(given as TouchOfFastify, answer as TouchReply)
      : answerFetch(given as Request)
  }
  return handle as TouchHandler
}

/** One request, and where its cookies go. */
interface Exchange {
  /** What the framework gives, for a function that finds the sessions. */
  readonly given: object
  readonly request: Request | TouchRequest
  readonly target: HeaderTarget
}

/** What tells where a request comes from. */
interface Asking {
  readonly method: string | undefined
  readonly site: string | undefined
  readonly origin: string | undefined
  readonly host: string | undefined
}

function askingOf(request: Request | TouchRequest): Asking {
  const { method, headers } = request
  if (isWeb(headers)) {
    const get = (name: string): string | undefined => headers.get(name) ?? undefined
    const host = get('host') ?? new URL((request as Request).url).host
    return { method, site: get('sec-fetch-site'), origin: get('origin'), host }
  }
  const {
    'sec-fetch-site': site,
    origin,
    host,
    ':authority': authority,
  } = headers as Record<string, string | undefined>
  return { method, site, origin, host: host ?? authority }
}

function isWeb(headers: Request['headers'] | TouchRequest['headers']): headers is Headers {
  return typeof headers.get === 'function'
}

/** Browsers send `Sec-Fetch-Site` where there is TLS, and to this very machine; `Origin` with each POST. */
function isAllowed({ site, origin, host }: Asking, origins: readonly string[]): boolean {
  if (origin !== undefined && origins.includes(origin)) return true
  if (site !== undefined) return site === 'same-origin'
  // A proxy may have ended TLS.
  return origin !== undefined && [`https://${host}`, `http://${host}`].includes(origin)
}

/** @throws {TypeError} */
function checkOrigins(origins: readonly string[]): readonly string[] {
  const isOrigin = (text: unknown): boolean =>
    typeof text === 'string' && URL.canParse(text) && new URL(text).origin === text
  if (Array.isArray(origins) && origins.every(isOrigin)) return [...origins]
  throw new TypeError('Option "origins" must be a list of origins, each as \'https://app.example.org\'')
}

function headersOf(status: number): [name: string, value: string][] {
  return [['Cache-Control', 'no-store'], ...(status === 405 ? [['Allow', 'POST'] as [string, string]] : [])]
}
