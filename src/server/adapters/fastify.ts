/**
 * Sessions for Fastify 5: a plugin that gives each request its `session`, and commits it before the reply is sent.
 */
import { checkNames } from '../../shared/option-names.js'
import { AUTHENTICATED } from '../../shared/own-times.js'
import type { SessionData } from '../../shared/types.js'
import { createRequestMemory } from '../core/http.js'
import { BOUND } from '../core/own-keys.js'
import { wishOf } from '../core/own-lifetime.js'
import { type Session, stateOf, viewed } from '../core/session.js'
import type { SessionsInternal } from '../core/sessions.js'
import { internal } from '../core/verify-sessions.js'
import {
  dropHeaders,
  holdResponse,
  type NodeResponse,
  type ResponseHead,
  saveSession,
  withStatus,
} from './held-response.js'
import { type SessionsFor, sessionsFinder } from './saving.js'

/** The part of a Fastify request that is used here. */
export interface FastifyRequestLike {
  /** Node's own request. */
  readonly raw: { readonly headers: { readonly cookie?: string | undefined; readonly host?: string | undefined } }
}

/** The part of a Fastify reply that is used here. */
export interface FastifyReplyLike {
  /** Node's own response. */
  readonly raw: NodeResponse
  /** It was ended, or taken over by `reply.hijack()`. */
  readonly sent: boolean
  /** A header of the reply. */
  getHeader(name: string): number | string | string[] | undefined
  /** Sets a header. */
  header(name: string, value: unknown): unknown
  /** Removes a header. */
  removeHeader(name: string): unknown
  /** Sends the reply. */
  send(payload: unknown): unknown
}

/** The part of a Fastify instance that is used here. */
export interface FastifyLike {
  /** Adds a property to requests. */
  // biome-ignore lint/suspicious/noExplicitAny: Fastify's own types go by the name of what is decorated
  decorateRequest(name: any, value: any): unknown
  /** Adds a hook. */
  // biome-ignore lint/suspicious/noExplicitAny: one overload for each hook
  addHook(name: any, hook: any): unknown
}

/** Where the session stands. */
export interface FastifyOptions {
  /**
   * Where the request gets its session. A second cookie needs another one.
   *
   * @defaultValue `session`
   */
  property?: string
}

/** What `app.register` takes. */
export type FastifyPlugin = (instance: FastifyLike) => Promise<void>

/**
 * What `request.session` is: the `Session`, and the methods by which plugins of Fastify use one, as @fastify/session and
 * @fastify/secure-session have them. At run time any other name is a key of the data, as it is in those.
 */
export type FastifySession<Data extends object = SessionData, Parsed = unknown> = FastifySessionMembers<Data> &
  Session<Data, Parsed>

/**
 * What `fastifySessions` adds to a request. One line declares it for all of an application:
 * `declare module 'fastify' { interface FastifyRequest extends FastifyRequestSession<AppSession> {} }`
 *
 * @typeParam Parsed - what a schema makes of the data, for `request.session.parsed`
 */
export interface FastifyRequestSession<Data extends object = SessionData, Parsed = unknown> {
  /** The session of the request. */
  session: FastifySession<Data, Parsed>
}

interface FastifySessionMembers<Data extends object> {
  /** A key of the data. */
  get<Key extends keyof Data>(key: Key): Data[Key] | undefined
  // biome-ignore lint/suspicious/noExplicitAny: whatever a plugin keeps there
  get(key: string): any
  /** Sets a key of the data; `undefined` removes it. */
  set<Key extends keyof Data>(key: Key, value: Data[Key] | undefined): void
  set(key: string, value: unknown): void
  /**
   * Begins a session of a new id. Its data is empty, but for the keys that are named.
   *
   * @param keys - of the data, which stay
   */
  regenerate(keys?: readonly string[], callback?: FastifyCallback): Promise<void>
  regenerate(callback: FastifyCallback): Promise<void>
  /** Ends the session now. */
  destroy(callback?: FastifyCallback): Promise<void>
  /** Ends the session before the reply is sent. It takes no key: `set(key, undefined)` removes one. */
  delete(): void
  /** Does nothing: `touchEvery` says how often the times of a session are renewed. */
  touch(): void
  /**
   * Takes what a plugin says of the cookie if it is so already, and gives this session its own lifetime, as `remember` does.
   *
   * @param attributes.maxAge - in seconds
   * @throws {TypeError} for any other attribute: they are options of `createSessions`
   */
  options(attributes: Readonly<Record<string, unknown>> & { readonly maxAge?: number | undefined }): void
  /** A key of the data here, as applications have it: the method is `sessionOf(request).authenticated()`. */
  authenticated: never
  /** A key of the data here, too: see `sessionOf(request).owner`. */
  owner: never
}

/** Called when the work is done, with what went wrong. */
export type FastifyCallback = (error?: unknown) => void

/**
 * Fastify plugin: `request.session` is the `Session` of the request, its data in `request.session.data`, committed
 * before the head of the response leaves, whatever sends it. `await request.session.destroy()` ends it.
 *
 * `@fastify/passport`, `@fastify/flash` and `@fastify/csrf-protection` find the methods there that they need. Theirs is
 * `regenerate()`, too: it begins an empty session.
 *
 * It holds for the instance it is registered with and what is inside of that. An outage of the store or the source of keys is
 * answered with 503.
 *
 * @param sessions - or a function of Fastify's request that gives them
 * @param options.property - the name on the request in place of `session`
 * @returns a plugin for `app.register`
 * @throws {TypeError} for read-only sessions, for what `createSessions` did not make, and for an unknown option
 * @since 0.1.0
 * @example
 * app.register(fastifySessions(sessions))
 * app.get('/', async (request) => {
 *   request.session.data.visits = (request.session.data.visits ?? 0) + 1
 *   return request.session.data
 * })
 */
export function fastifySessions<
  Data extends object = SessionData,
  Incoming extends FastifyRequestLike = FastifyRequestLike,
>(sessions: SessionsFor<Data, Incoming>, options: FastifyOptions = {}): FastifyPlugin {
  checkNames(options, { property: 1 }, 'fastifySessions')
  const { property = 'session' } = options
  const find = sessionsFinder(sessions, 'fastifySessions')
  const opened = createRequestMemory<Opened<Data>>()

  async function open(request: FastifyRequestLike, reply: FastifyReplyLike): Promise<void> {
    const { [internal]: inner } = await find(request as Incoming)
    const { destroy, late } = inner
    const session = await inner.load(request.raw)
    const { raw } = reply
    const head = holdResponse(raw, {
      prepare: () => (own.hasEnded ? destroy(session, head) : saveSession(inner, session, head)),
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
      finish: () => late.finish(session, own.hasEnded),
    })
    const own: Opened<Data> = { inner, session, head, hasEnded: false }
    opened.keep(request, own)
  }

  // A promise, for what a plugin with a callback throws takes the process down.
  const plugin: FastifyPlugin = async (instance) => {
    instance.decorateRequest(property, {
      getter(this: FastifyRequestLike) {
        const own = opened.of(this)
        if (!own) return undefined
        stateOf(own.session).isRead = true
        own.view ??= viewOf(own)
        return own.view
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

interface Opened<Data extends object> {
  readonly inner: SessionsInternal<Data>
  readonly session: Session<Data>
  readonly head: ResponseHead
  view?: FastifySession<Data>
  /** By `destroy()` or `delete()`. */
  hasEnded: boolean
}

// `request.session`: the session with the methods of the plugins of Fastify, and the data under all other names.

function viewOf<Data extends object>(own: Opened<Data>): FastifySession<Data> {
  const { session } = own
  const members: object = { [viewed]: session, ...membersOf(own) }
  const dataOf = (): Record<string | symbol, unknown> => session.data as Record<string | symbol, unknown>
  const isMember = (name: string | symbol): boolean => !DATA_NAMES.has(name) && name in session
  const view = new Proxy(session, {
    get(target, name) {
      if (Object.hasOwn(members, name)) return Reflect.get(members, name)
      if (!isMember(name)) return ownOf(dataOf(), name)
      const member = Reflect.get(target, name, target)
      return typeof member === 'function' && name !== 'constructor' ? member.bind(target) : member
    },
    set(target, name, value) {
      if (Object.hasOwn(members, name)) throw new TypeError(`"${String(name)}" of request.session is not data`)
      if (isMember(name)) return Reflect.set(target, name, value, target)
      setKey(dataOf(), name, value)
      return true
    },
    has: (_, name) => Object.hasOwn(members, name) || isMember(name) || Object.hasOwn(dataOf(), name),
    deleteProperty: (_, name) => isMember(name) || Reflect.deleteProperty(dataOf(), name),
    // Who copies a session to another visitor's does not copy this.
    ownKeys: () => Reflect.ownKeys(dataOf()).filter((name) => name !== AUTHENTICATED && name !== BOUND),
    getOwnPropertyDescriptor: (_, name) =>
      Object.hasOwn(dataOf(), name)
        ? { value: dataOf()[name], writable: true, enumerable: true, configurable: true }
        : undefined,
    defineProperty: (_, name, descriptor) =>
      Reflect.defineProperty(dataOf(), name, { ...descriptor, configurable: true }),
    preventExtensions: () => false,
  })
  return view as unknown as FastifySession<Data>
}

/** `if (!request.session.authenticated)` asks for the data: a method of that name would let everybody in. */
const DATA_NAMES: ReadonlySet<string | symbol> = /* @__PURE__ */ new Set(['__proto__', 'authenticated', 'owner'])

function membersOf<Data extends object>(
  own: Opened<Data>,
): Omit<FastifySessionMembers<Data>, 'authenticated' | 'owner'> {
  const { session, inner } = own
  const { attributes, destroy, late, settings } = inner
  const data = (): Record<string, unknown> => session.data as Record<string, unknown>
  return {
    get: (key: PropertyKey) => ownOf(data(), key as string) as never,
    set: (key: PropertyKey, value: unknown) => setKey(data(), key as string, value),
    regenerate(...given: [keys?: readonly string[] | FastifyCallback, callback?: FastifyCallback]) {
      const keys = given.find((one) => Array.isArray(one)) as readonly string[] | undefined
      const kept = Object.entries(data()).filter(([key]) => keys?.includes(key))
      session.regenerate()
      session.data = Object.fromEntries(kept) as Partial<Data>
      return answer(given.find((one) => typeof one === 'function') as FastifyCallback | undefined, Promise.resolve())
    },
    destroy(callback) {
      // Also if it fails: then it is tried again before the reply is sent.
      own.hasEnded = true
      return answer(callback, own.head.hasLeft() ? late.destroy(session) : destroy(session))
    },
    delete(...keys: unknown[]) {
      if (keys.length > 0) {
        throw new TypeError(
          'delete() of request.session takes no key and ends the session: set(key, undefined) removes a key',
        )
      }
      own.hasEnded = true
    },
    touch() {},
    options(given) {
      const { maxAge, ...others } = given ?? {}
      const now = settings.clock()
      const current = attributes(now) as unknown as Record<string, unknown>
      for (const [name, value] of Object.entries(others)) {
        if (NO_ATTRIBUTES.has(name) || value === undefined || isSame(value, current[name])) continue
        throw new TypeError(
          `"${name}" of the cookie is an option of createSessions: request.session.options() changes "maxAge" alone`,
        )
      }
      if (maxAge === undefined) return
      const age: unknown = typeof maxAge === 'number' ? maxAge * 1000 : maxAge
      session.remember(wishOf(age, now, '"maxAge" of request.session.options()'))
    },
  }
}

/** What @fastify/csrf-protection has in the options of a token, and what every cookie of a session is here. */
const NO_ATTRIBUTES = new Set(['userInfo', 'signed'])

function isSame(value: unknown, attribute: unknown): boolean {
  if (value === attribute) return true
  if (typeof attribute !== 'string') return false
  return value === true ? attribute === 'Strict' : String(value).toLowerCase() === attribute.toLowerCase()
}

/** Without what every object has. */
function ownOf(data: Record<string | symbol, unknown>, name: string | symbol): unknown {
  return Object.hasOwn(data, name) ? data[name] : undefined
}

/** `__proto__` is a key as any other. */
function setKey(data: object, name: string | symbol, value: unknown): void {
  if (value === undefined) Reflect.deleteProperty(data, name)
  else Reflect.defineProperty(data, name, { value, writable: true, enumerable: true, configurable: true })
}

function answer(callback: FastifyCallback | undefined, done: Promise<unknown>): Promise<void> {
  const told = done.then(
    () => {},
    (error: unknown) => {
      throw withStatus(error)
    },
  )
  if (!callback) return told
  // Outside of the promise: what the callback throws must not get lost in it.
  told.then(
    () => queueMicrotask(() => callback()),
    (error: unknown) => queueMicrotask(() => callback(error)),
  )
  return told.catch(() => {})
}
