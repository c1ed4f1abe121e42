/**
 * `req.session` in the shape of express-session: views of a session's data, callbacks and promises. What the methods do is what
 * `load`, `commit` and `destroy` do.
 */
import { SessionError } from '../../shared/errors.js'
import type { MaybePromise, SessionData } from '../../shared/types.js'
import type { SetCookie, SetCookieAttributes } from '../core/cookies.js'
import type { HeaderTarget } from '../core/http.js'
import { type Session, stateOf } from '../core/session.js'
import type { Sessions } from '../core/sessions.js'
import { internal } from '../core/verify-sessions.js'
import { withStatus } from './held-response.js'

export type SessionCallback = (error?: unknown) => void

/**
 * What `req.session` is: the data, and the methods of express-session. A key of the data that is called like one of them is
 * at `sessionOf(req).data`.
 */
export type ExpressSession<Data extends object = SessionData> = Omit<Partial<Data>, keyof ExpressSessionMembers> &
  ExpressSessionMembers

/**
 * What `expressSessions` adds to a request. One line declares it for all of an application:
 * `declare global { namespace Express { interface Request extends ExpressRequestSession<AppSession> {} } }`
 */
export interface ExpressRequestSession<Data extends object = SessionData> {
  get session(): ExpressSession<Data>
  /** `null` ends the session, and an object takes the place of the data. */
  set session(data: Partial<Data> | null)
  sessionID: string
}

interface ExpressSessionMembers {
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

interface OpenSession<Data extends object> {
  /** What a request's `session` gives. */
  view(): ExpressSession<Data> | null
  /** What its `sessionID` gives, which tells of the cookie as much as the data does. */
  id(): string
  /** What assigning to it does. */
  replace(data: Partial<Data> | null | undefined): void
  /** Ended in this request. */
  isEnded(): boolean
}

interface Exchange<Data extends object> {
  session: Session<Data>
  request: { readonly headers: { readonly cookie?: string | undefined } }
  target: HeaderTarget
  /** No cookie can be set any more. */
  hasLeft?: () => boolean
}

/** Opens the session of a request to its application. */
export function openSession<Data extends object>(
  sessions: Sessions<Data>,
  { session, request, target, hasLeft = () => false }: Exchange<Data>,
): OpenSession<Data> {
  const { load, commit, destroy, late, attributes } = sessions[internal]
  const state = stateOf(session)
  let hasEnded = false
  let current: { data: Partial<Data>; view: Partial<Data> & ViewMembers } | undefined

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
    return hasLeft() ? late.commit(session) : commit(session, target)
  }

  function end(): Promise<unknown> {
    // Also when it fails: then it is tried again before the head leaves, and the error goes out in place of the response.
    hasEnded = true
    return hasLeft() ? late.destroy(session) : destroy(session, target)
  }

  function regenerate(): void {
    refuseEnded()
    // Who kept the old object finds the old session in it, by name too.
    Object.defineProperty(members, 'id', { value: session.id })
    members = membersOf()
    session.regenerate()
    session.data = {}
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
    get: (target, name) => (isMember(name) ? members[name] : getMember(target, name)),
    set: (target, name, value) => (isMember(name) ? refuse(name) : setMember(target, name, value)),
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

/** `__proto__` is a key like any other: the prototype of the data is nobody's to set. */
function setMember(target: object, name: string | symbol, value: unknown): boolean {
  if (name !== '__proto__' || Object.hasOwn(target, name)) return Reflect.set(target, name, value)
  return Reflect.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true })
}

function getMember(target: object, name: string | symbol): unknown {
  return name === '__proto__' && !Object.hasOwn(target, name) ? undefined : Reflect.get(target, name)
}

/** The data behind a view; anything else as it is. */
function dataOf<Data extends object>(view: Data): Data {
  return (targets.get(view) as Data | undefined) ?? view
}
