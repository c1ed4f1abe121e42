/**
 * Sessions for Hono: a middleware that gives each context its `session`, and commits it into the response.
 */
import { isOutage } from '../../shared/errors.js'
import { checkNames } from '../../shared/option-names.js'
import type { SessionData } from '../../shared/types.js'
import type { Session } from '../core/session.js'
import type { Sessions } from '../core/sessions.js'
import { commitInto, unavailable } from './fetch.js'
import { dropHeaders } from './held-response.js'
import { type SessionsFor, sessionsFinder } from './saving.js'

/** The part of a context of Hono that is used here. */
export interface HonoContext {
  /** The request. */
  readonly req: { readonly raw: Request }
  /** The response. */
  res: Response
  /** Sets a variable. */
  // biome-ignore lint/suspicious/noExplicitAny: Hono's own types go by the names of an application's variables
  set(name: any, value: any): void
}

/** What `app.use` takes. */
export type HonoMiddleware = (context: HonoContext, next: () => Promise<void>) => Promise<void>

/** Where the session stands. */
export interface HonoOptions {
  /**
   * The variable of the context. A second cookie needs another one.
   *
   * @defaultValue `session`
   */
  property?: string
}

/**
 * Hono middleware: `c.var.session` is the `Session` of the request, committed into the response of the handler or of
 * `app.onError`. `await sessions.destroy(c.var.session)` ends it.
 *
 * What can't be saved reaches `app.onError`. Without one it is answered with 500, and with 503 if the store or the source of
 * keys is down.
 *
 * @param sessions - or a function of the context that gives them
 * @param options.property - the name of the variable in place of `session`
 * @returns a function for `app.use`
 * @throws {TypeError} for read-only sessions, for what `createSessions` did not make, and for an unknown option
 * @since 0.1.0
 * @example
 * app.use(honoSessions(sessions))
 * app.get('/', (c) => {
 *   const { data } = c.var.session
 *   data.visits = (data.visits ?? 0) + 1
 *   return c.json(data)
 * })
 */
export function honoSessions<Data extends object = SessionData, Context extends HonoContext = HonoContext>(
  sessions: SessionsFor<Data, Context>,
  options: HonoOptions = {},
): HonoMiddleware {
  checkNames(options, { property: 1 }, 'honoSessions')
  const { property = 'session' } = options
  const find = sessionsFinder(sessions, 'honoSessions')
  return async (context, next) => {
    try {
      const found = await find(context as Context)
      const session = await found.load(context.req.raw)
      context.set(property, session)
      await next()
      await save(found, session, context)
    } catch (error) {
      throw isOutage(error) ? Object.assign(error as Error, { status: 503, getResponse: unavailable }) : error
    }
  }
}

async function save<Data extends object>(
  sessions: Sessions<Data>,
  session: Session<Data>,
  context: HonoContext,
): Promise<void> {
  const before = context.res
  try {
    const response = await commitInto(sessions, session, before)
    if (response !== before) replaceResponse(context, response)
  } catch (error) {
    // The error page gets the headers of the response that it replaces.
    replaceResponse(context, new Response(null, { headers: headersOfErrorPage(before.headers) }))
    throw error
  }
}

function headersOfErrorPage(before: Headers): Headers {
  const headers = new Headers(before)
  dropHeaders({
    getHeader: (name) => headers.get(name) ?? undefined,
    removeHeader: (name) => headers.delete(name),
    setHeader: (name, value) => headers.set(name, String(value)),
  })
  return headers
}

/** Hono would put the headers of the old response over those of the new one, unless there is no old one. */
function replaceResponse(context: HonoContext, response: Response): void {
  Object.assign(context, { res: undefined })
  context.res = response
}
