/**
 * One visitor's session during one request: its data, and what is known about it.
 * What the server remembers beside that (record, cookies that came in) is out of the application's reach.
 */
import type { SessionError } from '../../shared/errors.js'
import type { SessionData } from '../../shared/types.js'
import type { SessionCodec, SessionRecord } from '../codecs/codec.js'
import type { StoredSession } from '../stores/store.js'
import { createCsrfToken, forgetCsrf, isCsrfToken } from './csrf.js'
import { addFlash, type FlashValue, forgetFlash, takeFlash } from './flash.js'

/** What only the server knows of a session. */
export interface SessionState {
  /** The cookie as it came in or was written last; absent while no cookie holds this session. */
  held?: HeldSession
  id: string
  createdAt: Date
  accessedAt: Date
  expiresAt: Date | undefined
  rejected?: SessionError
  isDestroyed: boolean
  isRegenerated: boolean
  /** The application looked at it, so that what it answers may depend on the cookie. */
  isRead?: boolean
  /** Called when a cookie goes out: says, once, that a browser would drop it. */
  watchTransport: () => void
  /** The public half as it came in or was written last. */
  publicValue?: string | undefined
  /** The request had a cookie of our name, whatever was in it. */
  hadCookie: boolean
  /** The id of a row that is there and could not be read. */
  unreadableId?: string
  /** The pieces beside the first that the browser has. */
  chunks: readonly number[]
  /** The request had several cookies of our name: those in other places have to go. */
  isShadowed?: boolean
  /** Set-Cookie texts of earlier commits in the same response. */
  cookies: readonly string[]
}

/** A session as a cookie holds it. */
export interface HeldSession {
  value: string
  record: SessionRecord
  codec: SessionCodec
  codecIndex: number
  /** Written by this request: `record` is what was meant, not what was read. */
  isWritten?: boolean
  /** Where the data is in a store. */
  stored?: StoredData
  /** What the application had when this was written, where the changes of other requests were written with it. */
  base?: SessionData
}

/** What a store holds of a session. */
export interface StoredData {
  /** As it was read or written last. */
  row: StoredSession
  /** A copy of what the application was given or had written: by it a commit knows what this request changed. */
  base: SessionData
}

/** What events tell of it. */
export function identify({ codec, codecIndex, record: { keyIndex, kid } }: HeldSession): HeldIdentity {
  const identity: HeldIdentity = { codec: codec.name, codecIndex }
  if (keyIndex !== undefined) identity.keyIndex = keyIndex
  if (kid !== undefined) identity.kid = kid
  return identity
}

interface HeldIdentity {
  codec: string
  codecIndex: number
  keyIndex?: number
  kid?: string
}

/** What a session needs of the server it belongs to. */
export interface SessionOwner {
  newId(): string
  now(): Date
}

/** The server's own view of a session. */
export let stateOf: (session: Session<object>) => SessionState
/** The data of a session, if the application has asked for it; otherwise it is as it was loaded. */
export let askedData: (session: Session<object>) => object | undefined

export class Session<Data extends object = SessionData> {
  readonly #state: SessionState
  readonly #owner: SessionOwner
  #data: Data
  /** Whether the application has asked for the data: until then it is as it was loaded. */
  #isAsked = false

  constructor(data: Data, state: SessionState, owner: SessionOwner) {
    this.#data = data
    this.#state = state
    this.#owner = owner
  }

  /** The application's keys. Change them, deep inside too; `commit` finds out. */
  get data(): Data {
    this.#isAsked = true
    return this.#data
  }

  set data(data: Data) {
    if (typeof data !== 'object' || data === null || Array.isArray(data))
      throw new TypeError('session.data must be an object')
    this.#isAsked = true
    this.#data = data
  }

  /** 32 hex digits, or what another system made. */
  get id(): string {
    return this.#state.id
  }

  /** No cookie held this session when it was loaded. */
  get isNew(): boolean {
    return this.#state.held === undefined
  }

  get createdAt(): Date {
    return this.#state.createdAt
  }

  /** The last request before this one that was written down (`touchEvery`). */
  get accessedAt(): Date {
    return this.#state.accessedAt
  }

  /** When it is over unless it is used again; undefined without any timeout. */
  get expiresAt(): Date | undefined {
    return this.#state.expiresAt
  }

  /** Why the cookie that came with the request did not become this session. */
  get rejected(): SessionError | undefined {
    return this.#state.rejected
  }

  /** The name of the codec that read it. */
  get codec(): string | undefined {
    return this.#state.held?.codec.name
  }

  /** Which key of that codec verified it; 0 is the one that signs. */
  get keyIndex(): number | undefined {
    return this.#state.held?.record.keyIndex
  }

  /** The JWT payload as it came, where there is one. */
  get claims(): Readonly<Record<string, unknown>> | undefined {
    return this.#state.held?.record.claims
  }

  /** Ends here: a later commit can not bring it back. */
  get isDestroyed(): boolean {
    return this.#state.isDestroyed
  }

  /**
   * A fresh id and creation time for the same data, without flash messages and the CSRF secret. Call it at every login and change of
   * rights (session fixation). It also allows the next commit to replace a cookie that verified but could not be read.
   */
  regenerate(): void {
    const state = this.#state
    state.id = this.#owner.newId()
    state.createdAt = this.#owner.now()
    state.accessedAt = state.createdAt
    state.isRegenerated = true
    forgetFlash(this.data as SessionData)
    forgetCsrf(this.data as SessionData)
  }

  /**
   * Keeps a message for the next page, or takes all messages of a name out: they are read once, and taking them changes the session.
   * They are in the data under `_f_` and the name, as pyramid_beaker has them.
   *
   * @param value - what JSON has a type for; left out: read
   * @returns the messages, oldest first; none for a name without any
   * @throws {TypeError} for a value of another type
   */
  flash(name: string): FlashValue[]
  flash(name: string, value: FlashValue): void
  flash(name: string, value?: FlashValue): unknown {
    if (value === undefined) return takeFlash(this.data as SessionData, name)
    return addFlash(this.data as SessionData, name, value)
  }

  /**
   * A token for the forms and scripts of this session: another text with each call, all good until `regenerate()` or the session's end.
   * The first call puts a secret into the data under `_csrft_`: a visitor without a session gets a cookie by it.
   *
   * @see docs/lifecycle.md for what it does not replace
   */
  csrfToken(): string {
    return createCsrfToken(this.data as SessionData)
  }

  /**
   * Whether a request may change anything: its token was made by `csrfToken()` for this session. False for whatever is no token.
   *
   * @param token - from the request's body or a header of its own, never from a cookie
   */
  verifyCsrf(token: unknown): boolean {
    return isCsrfToken(this.data as SessionData, token)
  }

  /** The data only: neither id nor where it came from. */
  toJSON(): Data {
    return this.data
  }

  static {
    stateOf = (session) => session.#state
    askedData = (session) => (session.#isAsked ? session.#data : undefined)
  }
}
