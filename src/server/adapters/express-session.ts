/**
 * The session of one request as middleware for express-session knows it: views of its data, callbacks and promises.
 * What the methods do is what `load`, `commit` and `destroy` do.
 */
import { SessionError } from '../../shared/errors.js'
import type { SessionData } from '../../shared/types.js'
import type { MaybePromise } from '../codecs/codec.js'
import { type Flow, run, wait } from '../flow.js'
import { type Session, stateOf } from '../session.js'
import { type Sessions, trips } from '../sessions.js'
import type { HeaderTarget } from '../trips/message.js'
import { withStatus } from './outage.js'
import { describeCookie, type SessionCookie } from './session-cookie.js'
import { dataOf, type ViewMembers, viewOf } from './session-view.js'

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
  const { load, commit, destroy, attributes } = sessions[trips]
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
    reload: (callback?: SessionCallback) => answer(callback, () => run(reload())),
    touch: () => view(),
  })
  let members = membersOf()

  function save(): MaybePromise<unknown> {
    refuseEnded()
    return commit(session, target)
  }

  function end(): MaybePromise<unknown> {
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

  function* reload(): Flow<void> {
    refuseEnded()
    const cookie = state.cookies.length > 0 ? sentCookies(state.cookies) : (request.headers.cookie ?? '')
    const fresh = yield* wait(load({ headers: { cookie } }))
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
function sentCookies(setCookies: readonly string[]): string {
  return setCookies.map((setCookie) => setCookie.split(';', 1)[0]).join('; ')
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
