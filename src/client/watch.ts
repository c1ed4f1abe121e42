/**
 * Follows the session of a page: tells when it appears, changes, ends or disappears. No request.
 * Cookie Store API for changes of cookies; WHATWG HTML for the events of a page.
 */
import type { SessionDefinition } from '../shared/define-session.js'
import type { SessionMeta } from '../shared/types.js'
import { endsOf, type Found, isCurrent, type Readable, readCandidates, TOLERANCE, visibleOf } from './candidates.js'
import type { ReadOptions } from './inspect.js'

/** What became of it: it appeared, its data changed, it disappeared, it came to its end. */
export type SessionChange = 'signedIn' | 'changed' | 'signedOut' | 'expired'

type Snapshot<Public> = Readonly<Partial<Public>> | null

/** What a listener is told of a change. */
export interface SessionEvent<Public> {
  /** Why the listener is called. */
  readonly reason: SessionChange
  /** What the session was before. */
  readonly previous: Snapshot<Public>
}

/** Without `reason`, only the end of the session has moved: the server renewed it. */
export type StoreEvent<Public> = Omit<SessionEvent<Public>, 'reason'> & { readonly reason: SessionChange | undefined }

/** Gets what the page should show now, `null` if there is no session, and why. */
export type SessionListener<Public> = (session: Snapshot<Public>, event: SessionEvent<Public>) => void

/** How a session is followed. */
export interface StoreOptions extends Pick<ReadOptions, 'reader'> {
  /**
   * Seconds that the visitor's clock may be wrong, while nothing tells the server's.
   *
   * @defaultValue 30
   */
  clockTolerance?: number
  /**
   * Seconds between two looks at the cookies and the clock beside all events; `Infinity` for none.
   *
   * @defaultValue 1 while a session with an end is shown; else 60, or 5 in a browser without a Cookie Store
   */
  poll?: number
}

/** How a session is followed, and how that ends. */
export interface WatchOptions extends StoreOptions {
  /** Ends it, as the function that is returned does. */
  signal?: AbortSignal
}

/** A session that is followed, as `useSyncExternalStore` and others take it. */
export interface ClientSessionStore<Public> {
  /** What the page shows now: the same object while it has the same content. */
  getSnapshot(): Snapshot<Public>
  /** `null`: a server has no cookies of a page. */
  getServerSnapshot(): Snapshot<Public>
  /** The end of the session by the visitor's clock, if nothing renews it; `null` if there is none. */
  getEnd(): Date | null
  /** @returns a function that ends it */
  subscribe(listener: (event: StoreEvent<Public>) => void, signal?: AbortSignal): () => void
}

const stores = new WeakMap<object, ClientSessionStore<unknown>>()
/** One for each store that somebody follows: looks at the cookies again. */
const looks = new Set<Look>()

/** @param serverTime - milliseconds since 1970; everything else tells nothing, such as an event */
type Look = (serverTime?: unknown) => void

/**
 * Calls the listener whenever the session appears, changes, ends or disappears; not at once. **Nothing is verified**, as with `getSession`.
 *
 * @param session - a definition, or the cookie's name
 * @param listener - gets what the page should show by then, and an event with the reason
 * @param options - `signal` ends it
 * @returns a function that ends it
 * @since 0.1.0
 * @example
 * const stop = watchSession(appSession, (session, { reason }) => {
 *   if (reason === 'expired') location.reload()
 *   else show(session?.user)
 * })
 */
export function watchSession<Public, Data = unknown>(
  session: SessionDefinition<Data, Public> | string,
  listener: SessionListener<Public>,
  { signal, ...options }: WatchOptions = {},
): () => void {
  const store = createSessionStore(session, options)
  return store.subscribe(
    (event) => event.reason && listener(store.getSnapshot(), event as SessionEvent<Public>),
    signal,
  )
}

/**
 * The session as a store for a user interface. All who give the same definition and no options share one.
 *
 * @param session - a definition, or the cookie's name
 * @since 0.1.0
 * @example
 * const store = createSessionStore(appSession)
 * const stop = store.subscribe(() => show(store.getSnapshot()))
 */
export function createSessionStore<Public, Data = unknown>(
  session: SessionDefinition<Data, Public> | string,
  options: StoreOptions = {},
): ClientSessionStore<Public> {
  if (typeof session === 'string') session = { name: session } as SessionDefinition<Data, Public>
  for (const _ in options) return followSession(session, options)
  const store = stores.get(session) ?? followSession(session, options)
  stores.set(session, store as ClientSessionStore<unknown>)
  return store as ClientSessionStore<Public>
}

/** What TypeScript's own types of a page don't know for sure. */
interface Scope {
  readonly document?: Document
  readonly cookieStore?: EventTarget & { getAll(): Promise<readonly { name: string; value: string }[]> }
  /** Of a service worker. */
  readonly registration?: { readonly cookies?: { subscribe(cookies: readonly object[]): Promise<void> } }
}

function followSession<Public>(
  definition: SessionDefinition<unknown, Public>,
  { reader, clockTolerance = TOLERANCE, poll }: StoreOptions,
): ClientSessionStore<Public> {
  const { document, cookieStore, registration } = globalThis as Scope
  const events = new EventTarget()
  const behind = clockTolerance * -1_000
  let snapshot: Snapshot<Public> = null
  /** What all are told just now. */
  let event: StoreEvent<Public> | undefined
  /** By the server's clock. */
  let end = Infinity
  /** How far that is ahead of the visitor's, or a little more: whatever time a server wrote, it is not in its future. */
  let ahead = behind
  /** What is shown, and the text of a cookie whose end has been seen: it stays ended, whatever the clock says then. */
  let found: Found<Partial<Public>> | undefined
  let over: string | undefined
  /** It changes when somebody sets this machine's clock, and after its sleep. */
  let started = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let followers = 0
  let following: AbortController
  /** Tells other tabs where no event of the browser does. */
  let channel: BroadcastChannel | undefined

  function look(serverTime?: unknown): void {
    // Whole seconds, rounded down.
    if ((serverTime as number) > 0) ahead = (serverTime as number) + 500 - serverNow() + ahead
    // If a listener looks again, all hear of this change before the next.
    if (event) setTimeout(look)
    else if (document) update()
    // biome-ignore lint/style/useTemplate: smaller after gzip, and a page has no byte to spare
    else void cookieStore?.getAll().then((all) => update(all.map((one) => one.name + '=' + one.value).join(';')))
  }

  function update(cookies?: string): void {
    const previous = snapshot
    const before = end
    const candidates = readCandidates(definition, cookies, reader)
    const now = serverNow(candidates.find((one) => one.data)?.meta)
    // Its end has patience by `ahead` already, its beginning gets it here.
    found = candidates.find(
      (candidate) => candidate.value !== over && isCurrent(candidate, definition, now - behind, -behind),
    )
    const data = visibleOf(found?.data)
    if (contentOf(previous) !== contentOf(data)) snapshot = data
    end = Math.min(...(found ? endsOf(found as Readable, definition).filter(Boolean) : []))
    clearTimeout(timer)
    // No timer holds more than 24 days.
    if (followers)
      timer = setTimeout(look, Math.min(end - now, (poll ?? (end < Infinity ? 1 : cookieStore ? 60 : 5)) * 1_000, 2e9))
    if (snapshot === previous && end === before) return
    channel?.postMessage(0)
    // A browser that knows the server's clock better drops the cookie before `now` is there.
    const ended = now - Math.max(behind, Math.min(ahead, 0)) > before - 1_000 ? 'expired' : 'signedOut'
    const change = snapshot ? (previous ? 'changed' : 'signedIn') : ended
    event = { reason: snapshot === previous ? undefined : change, previous }
    events.dispatchEvent(new Event('change'))
    event = undefined
  }

  function serverNow({ accessedAt, createdAt }: SessionMeta = {}): number {
    const now = Date.now()
    const start = now - performance.now()
    // By more than a second.
    if ((start - started) ** 2 > 1e6) ahead = behind
    started = start
    ahead = Math.max(ahead, +(accessedAt ?? createdAt ?? 0) - now)
    if (now + ahead >= end) {
      // Until the next look, even if somebody sets the clock back.
      end = 0
      over = found?.value
    }
    return now + ahead
  }

  function open(): void {
    // What happened while a page was not seen may have been told to nobody.
    for (const type of ['pageshow', 'visibilitychange', 'cookiechange', 'focus'])
      addEventListener(type, look, following)
    cookieStore?.addEventListener('change', look, following)
    // A service worker has to ask for them.
    registration?.cookies?.subscribe([{}]).catch(() => {})
    if (!cookieStore) {
      channel = new BroadcastChannel('sessionglass')
      channel.onmessage = look
    }
    looks.add(look)
  }

  return {
    getSnapshot() {
      if (!followers) update()
      // The timer may be late: after a sleep, and in a page that nobody sees.
      return serverNow() < end ? snapshot : null
    },
    getServerSnapshot: () => null,
    getEnd() {
      if (!followers) update()
      // Neither an end that has been seen nor none.
      return end / end ? new Date(end - ahead) : null
    },
    subscribe(listener, signal) {
      if (!followers++) {
        following = new AbortController()
        // On a server there is nothing to follow.
        if (document || cookieStore) open()
        look()
      }
      const own = new AbortController()
      events.addEventListener('change', () => listener(event as StoreEvent<Public>), own)
      const stop = (): void => own.abort()
      own.signal.addEventListener('abort', () => {
        if (--followers) return
        following.abort()
        channel = channel?.close() as undefined
        looks.delete(look)
        clearTimeout(timer)
      })
      signal?.addEventListener('abort', stop, own)
      if (signal?.aborted) stop()
      return stop
    },
  }
}

/**
 * Looks at the cookies again, for all who follow a session: after a request of your own in a browser without a Cookie Store.
 *
 * @since 0.1.0
 * @example
 * await myRequest('/sign-in')
 * checkSessions()
 */
export function checkSessions(): void {
  for (const look of looks) look()
}

/**
 * Calls `checkSessions()` after every `fetch`, `XMLHttpRequest` and submitted form of the page. Only browsers without a Cookie Store need it.
 *
 * @returns a function that ends it
 * @since 0.1.0
 * @example
 * if (!('cookieStore' in globalThis)) watchRequests()
 */
export function watchRequests(): () => void {
  const { fetch, XMLHttpRequest } = globalThis
  // On a server, and in a worker.
  if (!XMLHttpRequest) return () => {}
  const { send } = XMLHttpRequest.prototype
  const following = new AbortController()
  const { signal } = following
  globalThis.fetch = (...request) => fetch(...request).finally(checkSessions)
  XMLHttpRequest.prototype.send = function (...body) {
    this.addEventListener('loadend', checkSessions, { signal })
    send.apply(this, body)
  }
  // Of a form for another window the page hears no more.
  addEventListener('submit', () => [1, 2, 5].map((seconds) => setTimeout(checkSessions, seconds * 1_000)), { signal })
  const own = globalThis.fetch
  const ownSend = XMLHttpRequest.prototype.send
  return () => {
    following.abort()
    // Somebody else may have wrapped them since.
    if (globalThis.fetch === own) globalThis.fetch = fetch
    if (XMLHttpRequest.prototype.send === ownSend) XMLHttpRequest.prototype.send = send
  }
}

/**
 * Asks the server to renew the idle timeout, and looks at the cookies again: for a page that is used without a request.
 *
 * @param url - of `touchHandler`
 * @param init - more for `fetch`: headers, a signal
 * @returns true if the server renewed the session, false if it has none
 * @throws {TypeError} if the server can't be reached, as `fetch`
 * @throws {Error} for every other answer, with the `Response` as its `cause`: the session may still be there (503: the store is down)
 * @since 0.1.0
 * @example
 * const isSignedIn = await refreshSession('/session')
 * console.log(isSignedIn) // → false
 */
export async function refreshSession(url: string | URL, init?: RequestInit): Promise<boolean> {
  const response = await fetch(url, { method: 'POST', cache: 'no-store', ...init })
  const { status, headers } = response
  const serverTime = Date.parse(headers.get('date') ?? '')
  for (const look of looks) look(serverTime)
  if (status === 204 || status === 401) return status === 204
  throw new Error(`The server answered ${status}`, { cause: response })
}

/** The same text for values of the same content; for values that a session holds. */
export function contentOf(value: unknown): string {
  // JSON has no name for a BigInt or NaN, and nothing of a Set or Map.
  return JSON.stringify(value, (_key, member) =>
    typeof member !== 'object' ? typeof member + member : member?.[Symbol.iterator] ? [...member] : member,
  )
}
