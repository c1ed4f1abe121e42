/**
 * `req.session` in the shape of express-session: views of a session's data, callbacks and promises. What the methods do is what
 * `load`, `commit` and `destroy` do.
 */
import { SessionError } from '../../shared/errors.js'
import { AUTHENTICATED, EXPIRY } from '../../shared/own-times.js'
import type { MaybePromise, SessionData } from '../../shared/types.js'
import type { SetCookie, SetCookieAttributes } from '../core/cookies.js'
import type { HeaderTarget } from '../core/http.js'
import { BOUND } from '../core/own-keys.js'
import { wishOf } from '../core/own-lifetime.js'
import { type Session, stateOf } from '../core/session.js'
import type { Sessions, SessionsInternal } from '../core/sessions.js'
import { internal } from '../core/verify-sessions.js'
import { withStatus } from './held-response.js'

/** Called when the work is done, with what went wrong. */
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
  /** The id of the session, under the name of express-session. */
  sessionID: string
}

interface ExpressSessionMembers {
  readonly id: string
  /** Its lifetime can be set for this session; the other attributes are options of `createSessions`. */
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
  const { load, commit, destroy, late } = sessions[internal]
  const state = stateOf(session)
  let hasEnded = false
  let cookie: SessionCookie | undefined
  let current: { data: Partial<Data>; view: Partial<Data> & ViewMembers } | undefined

  const isEnded = (): boolean => hasEnded || state.isDestroyed

  function view(): ExpressSession<Data> | null {
    state.isRead = true
    if (isEnded()) return null
    const { data } = session
    cookie ??= cookieOf(session, sessions[internal])
    if (current?.data !== data) current = { data, view: viewOf(data, members) }
    return current.view as unknown as ExpressSession<Data>
  }

  const membersOf = (): ViewMembers => ({
    get id() {
      return session.id
    },
    get cookie() {
      return cookie as SessionCookie
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
    Object.defineProperties(members, { id: { value: session.id }, cookie: { value: Object.freeze({ ...cookie }) } })
    members = membersOf()
    session.regenerate()
    session.data = {}
    cookie = undefined
  }

  async function reload(): Promise<void> {
    refuseEnded()
    const cookie = state.sent.length > 0 ? sentCookies(state.sent) : (request.headers.cookie ?? '')
    const fresh = await load({ headers: { cookie } })
    session.data = fresh.data
    if (state.loaded) state.loaded = { ...state.loaded, parsed: fresh.parsed }
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

// `req.session.cookie`: the attributes of the session's cookie under the names of express-session, RFC 6265 §5.2. The lifetime may be
// set, as `remember` keeps it; the others are options of `createSessions`: setting one here would change nothing, so it throws.

/**
 * `req.session.cookie`: the attributes of the cookie, under the names of express-session. Only its lifetime can be
 * set.
 */
export interface SessionCookie {
  /** The option `path`. */
  readonly path: string
  /** The option `domain`. */
  readonly domain: string | undefined
  /** Whether scripts on the page can't read the cookie: false with `expose: true`. */
  readonly httpOnly: boolean
  /** The option `secure`. */
  readonly secure: boolean
  /** The option `sameSite`, in lower case. */
  readonly sameSite: 'lax' | 'strict' | 'none' | false
  /** `null` until the browser closes. */
  get expires(): Date | null
  /** Sets the time from now until then as `maxAge`. `null` and `false`: until the browser closes. */
  set expires(end: Date | null | false | undefined)
  /** Milliseconds that are left since the session was last written, or `null` until the browser closes. */
  get maxAge(): number | null
  /** Milliseconds from each write, kept in the session, for the server, too. `null` and `false`: until the browser closes. */
  set maxAge(age: number | null | false | undefined)
  /** Milliseconds from each write, or `null` until the browser closes. */
  get originalMaxAge(): number | null
  set originalMaxAge(age: number | null | false | undefined)
}

function cookieOf<Data extends object>(session: Session<Data>, sessions: SessionsInternal<Data>): SessionCookie {
  const { attributes, settings } = sessions
  const { span, remember } = lifetimeOf(session, sessions)
  const now = (): number => settings.clock().getTime()
  const fixed = (): SetCookieAttributes => attributes(settings.clock())
  const shown: { readonly [Name in keyof SessionCookie]: () => SessionCookie[Name] } = {
    path: () => fixed().path,
    domain: () => fixed().domain,
    httpOnly: () => fixed().httpOnly,
    secure: () => fixed().secure,
    sameSite: () => (fixed().sameSite?.toLowerCase() as 'lax' | 'strict' | 'none' | undefined) ?? false,
    expires: () => span()?.end ?? null,
    maxAge: () => {
      const end = span()?.end
      return end ? end.getTime() - now() : null
    },
    originalMaxAge: () => {
      const { end, since } = span() ?? {}
      return end && since ? end.getTime() - since.getTime() : null
    },
  }
  // Whatever the name, express-session counts a Date from now on.
  const ageOf = (value: unknown): unknown => (value instanceof Date ? value.getTime() - now() : value)
  const setters: { readonly [name: string]: (value: unknown) => void } = {
    expires(end) {
      const isDate = end instanceof Date && !Number.isNaN(end.getTime())
      if (!isDate && !isNone(end)) throw new TypeError('req.session.cookie.expires must be a Date, null or false')
      remember(ageOf(end), 'expires')
    },
    maxAge: (age) => remember(ageOf(age), 'maxAge'),
    originalMaxAge: (age) => remember(age, 'originalMaxAge'),
  }
  const members = Object.entries(shown).map(([name, get]) => {
    return [name, { enumerable: true, get, set: setters[name] ?? refuseAttribute }]
  })
  return Object.preventExtensions(Object.defineProperties({}, Object.fromEntries(members))) as SessionCookie
}

/** How long the cookie of a session lasts, from the last write on or from what was set after it. */
function lifetimeOf<Data extends object>(session: Session<Data>, { attributes, settings }: SessionsInternal<Data>) {
  const wish = (): unknown => (session.data as SessionData)[EXPIRY]
  let known = wish()
  let knownSince = session.accessedAt
  function note(): void {
    known = wish()
    knownSince = settings.clock()
  }
  return {
    /** Undefined until the browser closes. */
    span(): { since: Date; end: Date } | undefined {
      if (!Object.is(known, wish())) note()
      const { accessedAt } = session
      const since = accessedAt > knownSince ? accessedAt : knownSince
      const own = settings.cookieEnd(session.data as SessionData, since)
      const { expires, maxAge } = attributes(since, own)
      // Max-Age goes before Expires (RFC 6265 §4.1.2.2), but has no fractions.
      const isAge = maxAge !== undefined && !(own instanceof Date)
      const end = isAge ? new Date(since.getTime() + maxAge * 1000) : expires
      return end && { since, end }
    },
    /** @param age - in milliseconds @throws {TypeError} */
    remember(age: unknown, name: string): void {
      session.remember(isNone(age) ? 'browser' : wishOf(age, settings.clock(), `req.session.cookie.${name}`))
      note()
    },
  }
}

function isNone(lifetime: unknown): boolean {
  return lifetime === null || lifetime === undefined || lifetime === false
}

function refuseAttribute(): never {
  throw new TypeError(
    'The attributes of the cookie are options of createSessions: of req.session.cookie only maxAge, originalMaxAge and expires can be set',
  )
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

/** Who copies `req.session` to another visitor's, as Passport does with `keepSessionInfo`, does not copy when this one signed in. */
function isHidden(target: object, name: string | symbol): boolean {
  if ((name !== AUTHENTICATED && name !== BOUND) || !Object.isExtensible(target)) return false
  return Reflect.getOwnPropertyDescriptor(target, name)?.configurable === true
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
      `"${name}" of req.session is not data: a key of that name is at sessionOf(req).data.${name}, a lifetime is set at req.session.cookie.maxAge`,
    )
  }
  const view = new Proxy(data, {
    get: (target, name) => (isMember(name) ? members[name] : getMember(target, name)),
    set: (target, name, value) => (isMember(name) ? refuse(name) : setMember(target, name, value)),
    has: (target, name) => isMember(name) || Reflect.has(target, name),
    deleteProperty: (target, name) => (isMember(name) ? refuse(name) : Reflect.deleteProperty(target, name)),
    defineProperty: (target, name, descriptor) =>
      isMember(name) ? refuse(name) : Reflect.defineProperty(target, name, descriptor),
    ownKeys: (target) => Reflect.ownKeys(target).filter((name) => !isMember(name) && !isHidden(target, name)),
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
