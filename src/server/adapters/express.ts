/**
 * Sessions for Express 5 and Connect: `req.session` in the shape of express-session, saved by itself before the head of the
 * response leaves.
 */

import { SessionError } from '../../shared/errors.js'
import type { MaybePromise, SessionData } from '../../shared/types.js'
import type { SetCookie, SetCookieAttributes } from '../core/cookies.js'
import { createRequestMemory, type HeaderTarget } from '../core/http.js'
import { type Session, stateOf } from '../core/session.js'
import type { Sessions } from '../core/sessions.js'
import { internal } from '../core/verify-sessions.js'
import { holdResponse, type NodeResponse, saveSession, withStatus } from './held-response.js'

/** The part of an Express request that is used here. */
export interface NodeRequest {
  readonly headers: { readonly cookie?: string | undefined }
}

export type ExpressMiddleware = (request: NodeRequest, response: NodeResponse, next: (error?: unknown) => void) => void

export interface ExpressOptions {
  /** Where the request gets its session: default `session`. A second cookie needs another one. */
  property?: string
}

/** The sessions of each request, by property. */
const attached = createRequestMemory<Map<string, Session<object>>>()

/**
 * Express middleware: `req.session` is the session's data, with the methods of express-session that do not enumerate: `save`,
 * `destroy`, `regenerate`, `reload` (each with a callback, a promise, or neither) and `touch`, and `id` and `cookie`. Change the data, deep
 * inside too, and it is saved before the head of the response leaves; what changes after that is lost.
 * `req.session = null` ends the session. `sessionOf(req)` is the whole `Session`.
 *
 * Whatever can't be saved goes to `next` in place of the response; an outage of the store or the source of keys has `status` 503.
 * A response is marked as depending on the cookie only where something looked at `req.session`.
 *
 * @param options.property - the name on the request in place of `session`
 * @returns a function for `app.use` of Express and Connect
 * @example
 * app.use(expressSessions(sessions))
 * app.get('/', (req, res) => res.json({ visits: (req.session.visits = (req.session.visits ?? 0) + 1) }))
 */
export function expressSessions<Data extends object = SessionData>(
  sessions: Sessions<Data>,
  { property = 'session' }: ExpressOptions = {},
): ExpressMiddleware {
  const { load, commit, destroy } = sessions[internal]
  if (commit === undefined) throw new TypeError('expressSessions saves sessions: these are read only')

  function attach(request: NodeRequest, response: NodeResponse, session: Session<Data>, next: Next): void {
    const head = holdResponse(response, {
      prepare: () => (open.isEnded() ? destroy(session, head) : saveSession(sessions[internal], session, head)),
      fail: (error) => next(withStatus(error)),
    })
    const open = openSession<Data>(sessions, { session, request, target: head })
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
  }

  async function serve(request: NodeRequest, response: NodeResponse, next: Next): Promise<void> {
    let failure: unknown[] = []
    try {
      attach(request, response, await load(request), next)
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
 * The whole `Session` of a request: its data under any key, when it began, why a cookie was rejected. Looking at it counts as
 * looking at `req.session`.
 *
 * @param property - as it was given to `expressSessions`
 * @throws {TypeError} where no `expressSessions` has seen the request
 * @example
 * app.get('/', (req, res) => {
 *   const session = sessionOf<{ save?: string }>(req)
 *   session.data.save = 'a key that is called like a method'
 *   res.json({ isNew: session.isNew, data: session.data })
 * })
 */
export function sessionOf<Data extends object = SessionData>(request: object, property = 'session'): Session<Data> {
  const session = attached.of(request)?.get(property)
  if (session === undefined) throw new TypeError(`sessionOf: expressSessions has given this request no "${property}"`)
  stateOf(session).isRead = true
  return session as Session<Data>
}

type Next = (error?: unknown) => void

// The session of one request as middleware for express-session knows it: views of its data, callbacks and promises.
// What the methods do is what `load`, `commit` and `destroy` do.

export type SessionCallback = (error?: unknown) => void

/**
 * What `req.session` is: the data, and the methods of express-session. A key of the data that is called like one of them is
 * at `sessionOf(req).data`.
 */
export type ExpressSession<Data extends object = SessionData> = Omit<Data, keyof ExpressSessionMembers> &
  ExpressSessionMembers

export interface ExpressSessionMembers {
  readonly id: string
  /** To be looked at: the attributes are options of `createSessions`. */
  readonly cookie: SessionCookie
  /** Sets the cookie now. It is set before the head of the response leaves in any case. */
  save(callback?: SessionCallback): Promise<void>
  /** Ends the session. `req.session` is `null` from here on. */
  destroy(callback?: SessionCallback): Promise<void>
  /** Begins an empty session of a new id in place of this one, whose object keeps its data and its id. */
  regenerate(callback?: SessionCallback): Promise<void>
  /** Gives up what was changed since the last save. */
  reload(callback?: SessionCallback): Promise<void>
  /** Does nothing: `touchEvery` says how often the times of a session are renewed. */
  touch(): this
}

export interface OpenSession<Data extends object> {
  /** What a request's `session` gives. */
  view(): ExpressSession<Data> | null
  /** What its `sessionID` gives, which tells of the cookie as much as the data does. */
  id(): string
  /** What assigning to it does. */
  replace(data: Data | null | undefined): void
  /** Ended in this request. */
  isEnded(): boolean
}

export interface Exchange<Data extends object> {
  session: Session<Data>
  request: { readonly headers: { readonly cookie?: string | undefined } }
  target: HeaderTarget
}

/** Opens the session of a request to its application. */
export function openSession<Data extends object>(
  sessions: Sessions<Data>,
  { session, request, target }: Exchange<Data>,
): OpenSession<Data> {
  const { load, commit, destroy, attributes } = sessions[internal]
  const state = stateOf(session)
  let hasEnded = false
  let current: { data: Data; view: Data & ViewMembers } | undefined

  const isEnded = (): boolean => hasEnded || state.isDestroyed

  function view(): ExpressSession<Data> | null {
    state.isRead = true
    if (isEnded()) return null
    const { data } = session
    if (current?.data !== data) current = { data, view: viewOf(data, members) }
    return current.view as unknown as ExpressSession<Data>
  }

  const membersOf = (): ViewMembers => ({
    get id() {
      return session.id
    },
    get cookie() {
      const now = new Date()
      return describeCookie(attributes(now), now)
    },
    save: (callback?: SessionCallback) => answer(callback, () => save()),
    destroy: (callback?: SessionCallback) => answer(callback, () => end()),
    regenerate: (callback?: SessionCallback) => answer(callback, () => regenerate()),
    reload: (callback?: SessionCallback) => answer(callback, () => reload()),
    touch: () => view(),
  })
  let members = membersOf()

  function save(): Promise<unknown> {
    refuseEnded()
    return commit(session, target)
  }

  function end(): Promise<unknown> {
    // Also when it fails: then it is tried again before the head leaves, and the error goes out in place of the response.
    hasEnded = true
    return destroy(session, target)
  }

  function regenerate(): void {
    refuseEnded()
    // Who kept the old object finds the old session in it, by name too.
    Object.defineProperty(members, 'id', { value: session.id })
    members = membersOf()
    session.regenerate()
    session.data = {} as Data
  }

  async function reload(): Promise<void> {
    refuseEnded()
    const cookie = state.sent.length > 0 ? sentCookies(state.sent) : (request.headers.cookie ?? '')
    const fresh = await load({ headers: { cookie } })
    session.data = fresh.data
  }

  function refuseEnded(): void {
    if (isEnded()) throw new SessionError('ERR_SESSION_DESTROYED', 'The session was destroyed')
  }

  return {
    view,
    isEnded,
    id() {
      state.isRead = true
      return session.id
    },
    replace(data) {
      // What comes after an end is another session: it must not go on under the old id.
      if (hasEnded && data) session.regenerate()
      hasEnded = data === null || data === undefined
      if (data) session.data = dataOf(data)
    },
  }
}

/** The Cookie header of a browser that has taken them. */
function sentCookies(setCookies: readonly SetCookie[]): string {
  return setCookies.map(({ name, value }) => `${name}=${value}`).join('; ')
}

/**
 * Calls back in a later microtask. Without a callback the promise tells, and nobody has to listen to it: what can't be saved
 * fails again, and out loud, before the head of the response leaves.
 */
function answer(callback: SessionCallback | undefined, work: () => MaybePromise<unknown>): Promise<void> {
  const done = (async () => {
    try {
      await work()
    } catch (error) {
      throw withStatus(error)
    }
  })()
  if (callback) {
    // Outside of the promise: what the callback throws must not get lost in it.
    done.then(
      () => queueMicrotask(() => callback()),
      (error: unknown) => queueMicrotask(() => callback(error)),
    )
    return done.catch(() => {})
  }
  done.catch(() => {})
  return done
}

// `req.session.cookie`: the attributes of the session's cookie under the names of express-session, to be looked at.
// They are options of `createSessions`; setting one here would change nothing, so it throws. RFC 6265 §5.2.

export interface SessionCookie {
  readonly path: string
  readonly domain: string | undefined
  readonly httpOnly: boolean
  readonly secure: boolean
  readonly sameSite: 'lax' | 'strict' | 'none' | false
  /** `null` until the browser closes. */
  readonly expires: Date | null
  /** Milliseconds, or `null` until the browser closes. */
  readonly maxAge: number | null
  readonly originalMaxAge: number | null
}

function describeCookie(attributes: SetCookieAttributes, now: Date): SessionCookie {
  const { path, domain, httpOnly, secure, sameSite } = attributes
  const end = attributes.expires
  // Max-Age goes before Expires (RFC 6265 §4.1.2.2).
  const maxAge =
    attributes.maxAge === undefined ? (end ? end.getTime() - now.getTime() : null) : attributes.maxAge * 1000
  const values: SessionCookie = {
    path,
    domain,
    httpOnly,
    secure,
    sameSite: sameSite ? (sameSite.toLowerCase() as 'lax' | 'strict' | 'none') : false,
    expires: maxAge === null ? null : new Date(now.getTime() + maxAge),
    maxAge,
    originalMaxAge: maxAge,
  }
  const described = Object.entries(values).map(([name, value]) => [name, { enumerable: true, get: () => value, set }])
  return Object.preventExtensions(Object.defineProperties({}, Object.fromEntries(described))) as SessionCookie
}

function set(): never {
  throw new TypeError('The attributes of the cookie are options of createSessions; req.session.cookie only shows them')
}

// `req.session` in the shape that middleware for express-session expects: the data with a few methods that do not enumerate.
// A view, no copy: what is changed here is changed in the session, and the other way round.

/** What a view has beside the data. */
interface ViewMembers {
  readonly id: string
  readonly cookie: object
  readonly save: unknown
  readonly destroy: unknown
  readonly regenerate: unknown
  readonly reload: unknown
  readonly touch: unknown
}

const targets = new WeakMap<object, object>()

/**
 * Shows data under the names of the members. A key of the data with such a name stays where it is and is out of sight here.
 *
 * It is a Proxy, which `structuredClone` refuses: `structuredClone({ ...view })`.
 */
function viewOf<Data extends object>(data: Data, members: ViewMembers): Data & ViewMembers {
  const isMember = (name: string | symbol): name is keyof ViewMembers => {
    // Of an object that is fixed a proxy must tell what it has.
    return Object.hasOwn(members, name) && (Object.isExtensible(data) || !Object.hasOwn(data, name))
  }
  const refuse = (name: keyof ViewMembers): never => {
    throw new TypeError(
      `"${name}" of req.session is not data: a key of that name is at sessionOf(req).data.${name}, cookie attributes are options of createSessions`,
    )
  }
  const view = new Proxy(data, {
    get: (target, name) => (isMember(name) ? members[name] : Reflect.get(target, name)),
    set: (target, name, value) => (isMember(name) ? refuse(name) : Reflect.set(target, name, value)),
    has: (target, name) => isMember(name) || Reflect.has(target, name),
    deleteProperty: (target, name) => (isMember(name) ? refuse(name) : Reflect.deleteProperty(target, name)),
    defineProperty: (target, name, descriptor) =>
      isMember(name) ? refuse(name) : Reflect.defineProperty(target, name, descriptor),
    ownKeys: (target) => Reflect.ownKeys(target).filter((name) => !isMember(name)),
    getOwnPropertyDescriptor: (target, name) =>
      isMember(name) ? undefined : Reflect.getOwnPropertyDescriptor(target, name),
  })
  targets.set(view, data)
  return view as Data & ViewMembers
}

/** The data behind a view; anything else as it is. */
function dataOf<Data extends object>(view: Data): Data {
  return (targets.get(view) as Data | undefined) ?? view
}
