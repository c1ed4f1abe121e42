/**
 * One visitor's session during one request: its data, and what is known about it.
 * The application can't reach what the server remembers of it (record, cookies of the request).
 */
import type { SessionError } from '../../shared/errors.js'
import type { MaybePromise, SessionData } from '../../shared/types.js'
import type { SessionCodec, SessionRecord } from '../codecs/codec.js'
import type { StoredSession } from '../stores/store.js'
import { type authenticate, authenticatedAt, type regenerate, type SignIn } from './authentication.js'
import type { SetCookie } from './cookies.js'
import { type CsrfState, createCsrfToken, isCsrfToken } from './csrf.js'
import type { Expose } from './expose.js'
import { type addFlash, type FlashValue, takeFlash } from './flash.js'
import type { CookieSource } from './http.js'
import type { Once, OnceOptions } from './once.js'
import type { PutWish, Wish } from './own-lifetime.js'
import type { ReadOwner } from './owner.js'

/** What only the server knows of a session: `load` makes it, `commit` and `destroy` change it at their end. */
export interface SessionState extends CsrfState {
  /** The session as its cookie has it: as it was loaded, or as this request wrote it. Absent: no cookie has it yet. */
  loaded?: LoadedSession
  createdAt: Date
  accessedAt: Date
  expiresAt: Date | undefined
  /** Why the request's cookie did not become this session. */
  rejected?: SessionError
  /** The request brought more cookies than are looked at, and none of those was a session: one of the others may be. */
  isCutShort?: boolean
  /** What was rejected may be replaced by an ordinary commit: see `replaceUnreadable`. */
  isReplaceable?: boolean
  /** The id in a rejected token whose row exists and can't be read. */
  rejectedId?: string
  isRegenerated: boolean
  /** The visitor proved in this request who they are. */
  isAuthenticated?: boolean
  /** When somebody had done so, and who, as the session was loaded. */
  signIn?: SignIn
  /** What is known of its device; absent without the option `bound`. */
  bound?: BoundState
  /** Its times are renewed now, whatever `touchEvery` says. */
  isTouched?: boolean
  isDestroyed: boolean
  /** The application looked at the session, so its answer may depend on the cookie. */
  isRead: boolean
  /** The cookies that the browser has of this session, after the answers so far. */
  browser: BrowserCookies
  /** Whose sessions it was loaded by. */
  readonly tenant?: string | undefined
  /** The cookies that earlier commits put into the same response. */
  sent: readonly SetCookie[]
  /** The request, as `load` was given it. */
  readonly source: CookieSource
}

/** The device that a session is bound to. */
export interface BoundState {
  /** As the data has it. */
  mark?: string
  /** The thumbprint of the key, once a browser has registered. */
  boundKey?: string | undefined
  /** This request has a proof of the key. */
  isBound?: boolean
  /** `bind()` was called, and the browser does not know yet. */
  isOffered?: boolean
  /** The browser has, or may have, cookies of a binding. */
  hasCookies?: boolean | undefined
}

/** A session as a cookie has it, with what a commit compares to. */
export interface LoadedSession {
  /** Of the cookie, all pieces. */
  readonly value: string
  readonly record: SessionRecord
  readonly codec: SessionCodec
  readonly codecIndex: number
  /**
   * A copy of the application's data as it was loaded or written; a commit compares with it. Absent: the codec compares by the record's
   * origin.
   */
  readonly base?: SessionData | undefined
  /** The row in the store, as it was read or written last. */
  readonly row?: StoredSession
  /** The format counts versions: the cookie that the request brought has one. */
  readonly isCounted?: boolean
  /** For the event: the version of its schema that the cookie or row has. */
  readonly told?: { readonly version: number }
  /** What the schema made of the data. */
  readonly parsed?: unknown
  /** The data as the cookie or row has it: it was of an older version, or was repaired. */
  readonly unshaped?: SessionData | undefined
  /** This request wrote it together with changes of other requests, which the application's data does not have. */
  readonly isMerged?: boolean
}

/** What the application gets: with a store the token has little of it. */
export function loadedData({ row, record }: LoadedSession): SessionData {
  return row?.data ?? record.data
}

/** The cookies of our names in a browser. */
export interface BrowserCookies {
  /** There is one of the session's own name, whatever its value. */
  readonly hasSession: boolean
  /** There are several of that name: those in other places have to go. */
  readonly hasSeveral: boolean
  /** Which pieces besides the first there are. */
  readonly chunks: readonly number[]
  readonly publicCookie: PublicCookie | undefined
  /** There are none: the client keeps the session's value itself. */
  readonly isToken?: boolean
}

export interface PublicCookie {
  readonly value: string
  /** What it says; absent if no key verifies it. */
  readonly record?: SessionRecord
}

const HAS_ENDED: ReadonlySet<string> = /* @__PURE__ */ new Set(['ERR_SESSION_EXPIRED', 'ERR_SESSION_REVOKED'])

/** Errors for which a fresh session may replace what was rejected, as the option `onInvalid` says. */
export const replaceable: WeakSet<SessionError> = /* @__PURE__ */ new WeakSet()

/** A value that verified but can't be read is not overwritten: a newer release may have written it. */
export function isProtected(rejected: SessionError | undefined): boolean {
  return rejected?.verified === true && !HAS_ENDED.has(rejected.code)
}

/** What events tell of a session. */
export function identify({ codec, codecIndex, record: { keyIndex, kid } }: LoadedSession): SessionIdentity {
  const identity: SessionIdentity = { codec: codec.name, codecIndex }
  if (keyIndex !== undefined) identity.keyIndex = keyIndex
  if (kid !== undefined) identity.kid = kid
  return identity
}

interface SessionIdentity {
  codec: string
  codecIndex: number
  keyIndex?: number
  kid?: string
}

/** What a session needs of the server it belongs to. */
export interface SessionOwner {
  readonly clock: () => Date
  /** Absent if nothing is ever written, as the next five. */
  readonly once?: Once
  readonly putWish?: PutWish
  readonly addFlash?: typeof addFlash
  readonly regenerate?: typeof regenerate
  readonly authenticate?: typeof authenticate
  readonly bind?: (data: SessionData, state: SessionState, now: Date) => void
  readonly ownerOf: ReadOwner
  readonly shown: Shown
}

/** What decides what scripts on the page see of a session. */
export interface Shown {
  readonly expose: Expose
  /** A browser can read the session's own cookie, unless it is HttpOnly. */
  readonly isReadable: boolean
  /** The cookie has little of the data. */
  readonly hasStore: boolean
}

/** Under this name a view of a session, as that of Fastify, has the session itself. */
export const viewed: unique symbol = Symbol('sessionglass')

/** The session behind a view; a session as it is. */
export function sessionBehind<Data extends object>(session: Session<Data>): Session<Data> {
  return (session as { [viewed]?: Session<Data> } | undefined)?.[viewed] ?? session
}

/** The server's own view of a session. */
export let stateOf: (session: Session<object>) => SessionState
export let shownOf: (session: Session<object>) => Shown
/** The present time, by the clock of the sessions. */
export let nowOf: (session: Session<object>) => Date
/** The data of a session, and whether the application has asked for it: until then it is as it was loaded. */
let dataOf: (session: Session<object>) => { data: SessionData; isAsked: boolean }

/**
 * The session when the commit begins. The application may go on while the commit waits: what it puts into `data`, and a
 * `regenerate()`, are for the next commit.
 */
export interface Draft {
  readonly id: string
  readonly createdAt: Date
  readonly loaded: LoadedSession | undefined
  readonly rejected: SessionError | undefined
  readonly rejectedId: string | undefined
  readonly isCutShort: boolean | undefined
  readonly isReplaceable: boolean | undefined
  readonly isRegenerated: boolean
  readonly isAuthenticated: boolean | undefined
  readonly signIn: SignIn | undefined
  readonly isTouched: boolean | undefined
  /** A CSRF token of the id was made or verified. */
  readonly isNeeded: boolean
  readonly browser: BrowserCookies
  readonly data: SessionData
  /** The application has asked for the data: until then it is as it was loaded. */
  readonly isAsked: boolean
}

export function draftOf(session: Session<object>): Draft {
  // Member by member: spreading takes longer than all else of a commit that writes nothing.
  const { id, createdAt, loaded, rejected, rejectedId, isCutShort, isReplaceable, browser } = stateOf(session)
  const { isRegenerated, isAuthenticated, signIn, isTouched, isNeeded } = stateOf(session)
  const { data, isAsked } = dataOf(session)
  return {
    id,
    createdAt,
    loaded,
    rejected,
    rejectedId,
    isCutShort,
    isReplaceable,
    isRegenerated,
    isAuthenticated,
    signIn,
    isTouched,
    isNeeded,
    browser,
    data,
    isAsked,
  }
}

/** The session of one request, as `load` gives it. Change its `data`; `commit` finds out what has to be written. */
export class Session<Data extends object = SessionData, Parsed = unknown> {
  readonly #state: SessionState
  readonly #owner: SessionOwner
  #data: Partial<Data>
  /** Whether the application has asked for the data: until then it is as it was loaded. */
  #isAsked = false

  constructor(data: Partial<Data>, state: SessionState, owner: SessionOwner) {
    this.#data = data
    this.#state = state
    this.#owner = owner
  }

  /** The application's keys, none of which a new session has. Change them, deep inside too; `commit` finds out. */
  get data(): Partial<Data> {
    this.#isAsked = true
    return this.#data
  }

  set data(data: Partial<Data>) {
    if (typeof data !== 'object' || data === null || Array.isArray(data))
      throw new TypeError('session.data must be an object')
    this.#isAsked = true
    this.#data = data
  }

  /**
   * What the definition's schema made of the data, with its transforms and defaults: as it was loaded, and after a commit as it was written.
   * Undefined without a schema, and until the application has written one of its keys. It is the application's to keep: changing it
   * changes nothing in the session.
   */
  get parsed(): Parsed | undefined {
    return this.#state.loaded?.parsed as Parsed | undefined
  }

  /** 32 hex digits, or what another system made. */
  get id(): string {
    return this.#state.id
  }

  /** Who the session belongs to now, as the option `owner` tells by the data; undefined: nobody is signed in, or there is no such option. */
  get owner(): string | undefined {
    return this.#owner.ownerOf(this.#data as SessionData)
  }

  /** No cookie had this session when it was loaded. */
  get isNew(): boolean {
    return this.#state.loaded === undefined
  }

  /** When the session began. `regenerate()` moves it. */
  get createdAt(): Date {
    return this.#state.createdAt
  }

  /**
   * When the visitor last proved who they are, as `regenerate({ authenticated: true })` and `authenticated()` kept it; undefined: the session
   * does not know. No renewal moves it, and no other `regenerate()`.
   */
  get authenticatedAt(): Date | undefined {
    return authenticatedAt(this.#data as SessionData)
  }

  /** The last request before this one that was written down (`touchEvery`). */
  get accessedAt(): Date {
    return this.#state.accessedAt
  }

  /** When it expires if it is not used again; undefined without any timeout. */
  get expiresAt(): Date | undefined {
    return this.#state.expiresAt
  }

  /**
   * For a session of `load({ token })`: its value, to be handed to the client. After a commit that wrote it anew it is the new value, else the
   * one that came in. Undefined: there is none to keep, because the session is new and nothing was written, was emptied, or was destroyed.
   * Always undefined for a session of a cookie.
   */
  get token(): string | undefined {
    const { browser, isDestroyed, loaded } = this.#state
    return browser.isToken && !isDestroyed ? loaded?.value : undefined
  }

  /** Why the cookie that came with the request did not become this session. */
  get rejected(): SessionError | undefined {
    return this.#state.rejected
  }

  /** The name of the codec that read it. */
  get codec(): string | undefined {
    return this.#state.loaded?.codec.name
  }

  /** Which key of that codec verified it; 0 is the one that signs. */
  get keyIndex(): number | undefined {
    return this.#state.loaded?.record.keyIndex
  }

  /** The JWT payload as it was loaded, if the cookie is a JWT. */
  get claims(): Readonly<Record<string, unknown>> | undefined {
    return this.#state.loaded?.record.claims
  }

  /** Destroyed: a later commit does not bring it back. */
  get isDestroyed(): boolean {
    return this.#state.isDestroyed
  }

  /**
   * A fresh id and creation time for the same data, without flash messages and what tokens were made of. Call it at every login and change of
   * rights (session fixation). It also allows the next commit to replace a cookie that verified but could not be read.
   *
   * @param options.authenticated - the visitor has just proved who they are: `authenticated()` in the same step. Default: when they last
   *   did so stays as it is
   * @throws {TypeError} for a session of `verifySessions`, as all that changes more than `data`
   */
  regenerate(options: { authenticated?: boolean } = {}): void {
    const { regenerate, clock } = this.#owner
    writer(regenerate)(this.data as SessionData, this.#state, options, clock())
  }

  /**
   * The visitor has proved now who they are, by a password, a passkey or another factor: `requireRecent` counts from here, and a sign-out
   * everywhere before this moment does not end the session. It stays in the data, under `_authenticated_at`. The session loses it with its
   * last key of the application, and with another `owner`, if the option says who that is.
   */
  authenticated(): void {
    const { authenticate, clock } = this.#owner
    writer(authenticate)(this.data as SessionData, this.#state, clock())
  }

  /** This request has a proof of the device that the session is bound to: see the option `bound`. */
  get isBound(): boolean {
    return this.#state.bound?.isBound ?? false
  }

  /** The thumbprint (RFC 7638) of the device's key, once the browser has bound the session; it says nothing of this request. */
  get boundKey(): string | undefined {
    return this.#state.bound?.boundKey
  }

  /**
   * Offers the browser to bind the session to its device, with the next commit: at a sign-in, after `regenerate({ authenticated: true })`.
   * A browser that can't ignores it. A session that is bound already stays as it is, unless the visitor has just proved who they are:
   * then it begins anew. For a session of `load({ token })` it does nothing.
   *
   * @throws {TypeError} without the option `bound`, and if nothing is ever written
   * @see docs/bound.md
   */
  bind(): void {
    const { bind, clock } = this.#owner
    writer(bind)(this.data as SessionData, this.#state, clock())
  }

  /**
   * Keeps a message for the next page, or takes all messages of a name out: they are read once, and taking them changes the session.
   * They are in the data under `_f_` and the name, as pyramid_beaker has them.
   *
   * @param value - what JSON has a type for; left out: read
   * @returns the messages, oldest first; an empty list if there are none
   * @throws {TypeError} for a value of another type
   */
  flash(name: string): FlashValue[]
  flash(name: string, value: FlashValue): void
  flash(name: string, value?: FlashValue): unknown {
    if (value === undefined) return takeFlash(this.data as SessionData, name)
    return writer(this.#owner.addFlash)(this.data as SessionData, name, value)
  }

  /**
   * A token for the forms and scripts of this session: a different text with each call, all valid until `regenerate()` or the session's end.
   * It is made of the session's id, so a visitor without a session gets a cookie. A secret that the data has under `_csrft_`, as
   * pyramid_beaker writes it, comes first.
   *
   * @see docs/lifecycle.md for what it does not replace
   */
  csrfToken(): string {
    return createCsrfToken(this.data as SessionData, this.#state)
  }

  /**
   * Whether a request may change anything: its token was made by `csrfToken()` for this session. False for anything else.
   *
   * @param token - from the request's body or its own header, never from a cookie
   */
  verifyCsrf(token: unknown): boolean {
    return isCsrfToken(this.data as SessionData, this.#state, token)
  }

  /**
   * Keeps what this visitor wants in the session, for each later write to find (`_session_expiry`, as Django's `set_expiry` has it): the cookie
   * lasts so long, and so does the session on the server. The definition's `absoluteTimeout` ends it in any case.
   *
   * @param wish - so long without a request (`'30d'`, or seconds), a time, `'browser'` (the cookie lasts until it closes, the session as the
   *   definition says), or undefined: as the options say
   * @throws {TypeError} for anything else
   */
  remember(wish: Wish | undefined): void {
    writer(this.#owner.putWish)(this.data as SessionData, wish)
  }

  /**
   * Does a piece of work once for concurrent requests of this session: one of them does it, and the others get its result. For what
   * can't be done twice, as using a refresh token. With a store that holds across processes, and a process that dies in the middle
   * is replaced after 10 seconds without a sign of life. Without a store it holds for each process alone. In a store that can't change a
   * row in one step, as `fromExpressStore`, two processes may work; a warning tells of it.
   *
   * The result is JSON: a `Date` comes back as text. In the store it is encrypted. An error reaches all who wait, and is not kept.
   *
   * @param key - names the work, up to 256 characters
   * @param options.resultFor - how long the result counts for requests that come later; default 10 seconds
   * @throws {SessionError} `ERR_SESSION_WORK` if it failed in another process, `ERR_SESSION_DESTROYED`, `ERR_SESSION_STORE`,
   *   `ERR_SESSION_LIMIT` for a result above 65 536 characters
   * @throws {TypeError} with a store, if no codec has secrets
   */
  async once<Result>(key: string, work: () => MaybePromise<Result>, options?: OnceOptions): Promise<Result> {
    return await writer(this.#owner.once)(this.#state, key, work, options)
  }

  /** The data only, without id and times. */
  toJSON(): Partial<Data> {
    return this.data
  }

  static {
    stateOf = (given) => {
      const session = sessionBehind(given)
      if (!(#state in session)) throw new TypeError('This is no session of load(): is an "await" missing before it?')
      return session.#state
    }
    shownOf = (session) => sessionBehind(session).#owner.shown
    nowOf = (session) => sessionBehind(session).#owner.clock()
    dataOf = (session) => ({ data: session.#data as SessionData, isAsked: session.#isAsked })
  }
}

/** What changes more of a session than its data. @throws {TypeError} if nothing is ever written */
function writer<Part>(part: Part | undefined): Part {
  if (part) return part
  throw new TypeError('This call needs sessions that write')
}
