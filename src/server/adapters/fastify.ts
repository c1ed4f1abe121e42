/**
 * Sessions for Fastify 5: a plugin that gives each request its `session`, and commits it before the reply is sent.
 */
import type { SessionData } from '../../shared/types.js'
import { createRequestMemory, type HeaderTarget } from '../core/http.js'
import { type Session, stateOf } from '../core/session.js'
import type { Sessions } from '../core/sessions.js'
import { internal } from '../core/verify-sessions.js'
import { dropHeaders, isForEverybody, withStatus } from './fetch.js'

/** The part of a Fastify request that is used here. */
export interface FastifyRequestLike {
  readonly raw: { readonly headers: { readonly cookie?: string | undefined } }
}

/** The part of a Fastify reply that is used here. */
export interface FastifyReplyLike {
  getHeader(name: string): number | string | string[] | undefined
  header(name: string, value: string | string[]): unknown
  removeHeader(name: string): unknown
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
 * Fastify plugin: `request.session` is the `Session` of the request, its data in `request.session.data`, committed in the hook
 * `onSend`. `await sessions.destroy(request.session)` ends it.
 *
 * It holds for the instance it is registered with and what is inside of that. A reply that is hijacked or written by
 * `reply.raw` is not seen: commit there by hand. An outage of the store or the source of keys is answered with 503.
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
  const { load, commit } = sessions[internal]
  if (commit === undefined) throw new TypeError('fastifySessions saves sessions: these are read only')
  const loaded = createRequestMemory<Session<Data>>()
  const isWriting = createRequestMemory<boolean>()

  async function read(request: FastifyRequestLike): Promise<void> {
    loaded.keep(request, await load(request.raw))
  }

  async function write(request: FastifyRequestLike, reply: FastifyReplyLike): Promise<void> {
    const session = loaded.of(request)
    if (session === undefined) return
    const state = stateOf(session)
    if (!state.isRead && !state.isDestroyed && isForEverybody(reply)) return
    // The page that tells of a failure comes through here too, and would fail as well.
    if (isWriting.of(request)) return
    isWriting.keep(request, true)
    const target = targetOf(reply)
    try {
      await commit(session, target)
    } catch (error) {
      dropHeaders(target)
      throw error
    }
    isWriting.keep(request, false)
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
    instance.addHook('onRequest', (request: FastifyRequestLike, _reply: unknown, next: Next) => {
      settle(() => read(request), next)
    })
    instance.addHook(
      'onSend',
      (request: FastifyRequestLike, reply: FastifyReplyLike, _payload: unknown, next: Next) => {
        settle(() => write(request, reply), next)
      },
    )
  }
  return Object.assign(plugin, {
    // What is decorated here is meant for the instance that registers the plugin, not for one inside of it.
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: 'sessionglass',
    [Symbol.for('plugin-meta')]: { name: 'sessionglass', fastify: '5.x' },
  })
}

type Next = (error?: Error) => void

async function settle(work: () => Promise<void>, next: Next): Promise<void> {
  let failure: Error | undefined
  try {
    await work()
  } catch (error) {
    failure = withStatus(error) as Error
  }
  next(failure)
}

/** `reply.header` adds to the cookies that are there, where `setHeader` of Node replaces them. */
function targetOf(
  reply: FastifyReplyLike,
): Exclude<HeaderTarget, { append: unknown }> & Pick<FastifyReplyLike, 'removeHeader'> {
  return {
    getHeader: (name) => reply.getHeader(name),
    removeHeader: (name) => reply.removeHeader(name),
    setHeader(name, value) {
      reply.removeHeader(name)
      reply.header(name, value)
    },
  }
}
