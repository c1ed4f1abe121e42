/**
 * Sessions for Fastify 5: a plugin that gives each request its `session`, and commits it before the reply is sent.
 */
import type { SessionData } from '../../shared/types.js'
import { createRequestMemory } from '../core/http.js'
import { type Session, stateOf } from '../core/session.js'
import type { Sessions } from '../core/sessions.js'
import { dropHeaders, holdResponse, type NodeResponse, saveSession, withStatus } from './held-response.js'
import { savingOf } from './saving.js'

/** The part of a Fastify request that is used here. */
export interface FastifyRequestLike {
  readonly raw: { readonly headers: { readonly cookie?: string | undefined } }
}

/** The part of a Fastify reply that is used here. */
export interface FastifyReplyLike {
  readonly raw: NodeResponse
  /** It was ended, or taken over by `reply.hijack()`. */
  readonly sent: boolean
  getHeader(name: string): number | string | string[] | undefined
  header(name: string, value: unknown): unknown
  removeHeader(name: string): unknown
  send(payload: unknown): unknown
}

/** The part of a Fastify instance that is used here. */
export interface FastifyLike {
  // biome-ignore lint/suspicious/noExplicitAny: Fastify's own types go by the name of what is decorated
  decorateRequest(name: any, value: any): unknown
  // biome-ignore lint/suspicious/noExplicitAny: one overload for each hook
  addHook(name: any, hook: any): unknown
}

export interface FastifyOptions {
  /** Where the request gets its session: default `session`. A second cookie needs another one. */
  property?: string
}

export type FastifyPlugin = (instance: FastifyLike) => Promise<void>

/**
 * Fastify plugin: `request.session` is the `Session` of the request, its data in `request.session.data`, committed
 * before the head of the response leaves, whatever sends it. `await sessions.destroy(request.session)` ends it.
 *
 * It holds for the instance it is registered with and what is inside of that. An outage of the store or the source of keys is
 * answered with 503.
 *
 * @param options.property - the name on the request in place of `session`
 * @returns a plugin for `app.register`
 * @example
 * app.register(fastifySessions(sessions))
 * app.get('/', async (request) => {
 *   request.session.data.visits = (request.session.data.visits ?? 0) + 1
 *   return request.session.data
 * })
 */
export function fastifySessions<Data extends object = SessionData>(
  sessions: Sessions<Data>,
  { property = 'session' }: FastifyOptions = {},
): FastifyPlugin {
  const inner = savingOf(sessions, 'fastifySessions')
  const { load } = inner
  const loaded = createRequestMemory<Session<Data>>()

  async function open(request: FastifyRequestLike, reply: FastifyReplyLike): Promise<void> {
    const session = await load(request.raw)
    loaded.keep(request, session)
    const { raw } = reply
    const head = holdResponse(raw, {
      prepare: () => saveSession(inner, session, head),
      fail(error) {
        const failure = withStatus(error)
        raw.statusCode = (failure as { status?: number }).status ?? 500
        // Fastify does nothing more for a reply that was hijacked.
        if (reply.sent) return raw.headersSent || raw.end()
        dropHeaders({
          getHeader: (name) => reply.getHeader(name),
          removeHeader: (name) => void reply.removeHeader(name),
          setHeader: (name, value) => reply.header(name, value),
        })
        return reply.send(failure)
      },
    })
  }

  // A promise, for what a plugin with a callback throws takes the process down.
  const plugin: FastifyPlugin = async (instance) => {
    instance.decorateRequest(property, {
      getter(this: FastifyRequestLike) {
        const session = loaded.of(this)
        if (session) stateOf(session).isRead = true
        return session
      },
    })
    instance.addHook('onRequest', (request: FastifyRequestLike, reply: FastifyReplyLike, next: Next) => {
      open(request, reply).then(
        () => next(),
        (error) => next(withStatus(error) as Error),
      )
    })
  }
  return Object.assign(plugin, {
    // What is decorated here is meant for the instance that registers the plugin, not for one inside of it.
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: 'sessionglass',
    [Symbol.for('plugin-meta')]: { name: 'sessionglass', fastify: '5.x' },
  })
}

type Next = (error?: Error) => void
