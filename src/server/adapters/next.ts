/**
 * Sessions for Next 16, by `cookies()`: to be read in server components, to be changed in server actions and route handlers.
 * Next itself is not imported: what is needed of it is handed in.
 */
import { isPlainObject, type SessionData } from '../../shared/types.js'
import { serialized, serializeForClient } from '../core/client-value.js'
import { COOKIE_BYTES, type SetCookie, type SetCookieAttributes } from '../core/cookies.js'
import { createRequestMemory } from '../core/http.js'
import type { Session } from '../core/session.js'
import type { Sessions } from '../core/sessions.js'
import { internal } from '../core/verify-sessions.js'
import { type SessionsFor, sessionsFinder } from './saving.js'

/** The part of what `cookies()` of `next/headers` gives that is used here. */
export interface NextCookies {
  /** All cookies of the request. */
  getAll(): readonly { readonly name: string; readonly value: string }[]
  // Missing from the type where Next allows no writing, and refusing at run time.
  /** Sets a cookie. Its type is missing if Next allows no writing, and it throws at run time. */
  set?(name: string, value: string, attributes: NextCookieAttributes): unknown
}

/** The part of what `headers()` of `next/headers` gives that is used here. */
export interface NextHeaders {
  /** One header of the request. */
  get(name: string): string | null
}

/** The attributes of a cookie, as `cookies().set` of Next takes them. */
export interface NextCookieAttributes {
  /** `Path` */
  path?: string
  /** `Domain` */
  domain?: string
  /** `Expires` */
  expires?: Date
  /** `Max-Age`, in seconds. */
  maxAge?: number
  /** `HttpOnly` */
  httpOnly?: boolean
  /** `Secure` */
  secure?: boolean
  /** `Partitioned` */
  partitioned?: boolean
  /** `SameSite` */
  sameSite?: 'lax' | 'strict' | 'none'
  /** `Priority` */
  priority?: 'low' | 'medium' | 'high'
}

/** What `nextSessions` gives. */
export interface NextSessions<Data extends object, Parsed = unknown> {
  /**
   * The session, for server components: changing it is a `TypeError`, for there no cookie can be set.
   *
   * @throws {SessionError} `ERR_SESSION_STORE` and `ERR_SESSION_KEYS`
   */
  read(): Promise<ReadOnlySession<Data, Parsed>>
  /**
   * Loads the session, does the work and sets the cookies: in server actions and route handlers. It also sets them when the
   * work throws, for that is how Next redirects. All that is done in one request is done to the same session.
   *
   * @throws {TypeError} where Next can set no cookies, and for codecs whose values Next would write differently
   * @throws {SessionError} what `load` and `commit` throw
   */
  change<Result>(work: (session: Session<Data, Parsed>) => Result | Promise<Result>): Promise<Result>
}

const ADVICE =
  'Next sets no cookies while it renders a server component: change the session in a server action or a route handler ' +
  '(nextSessions: change), or in proxy.ts (nextProxy)'

/**
 * The sessions of an application of Next. A route handler can as well be made by `fetchSessions`, which also sets `Vary` and
 * `Cache-Control`, answers an outage with 503, and writes the values of every codec.
 *
 * @param sessions - or a function of `headers()` that gives them
 * @param cookies - from `next/headers`
 * @param headers - from `next/headers`: `cookies()` has one cookie of each name, the browser may have sent several
 * @throws {TypeError} for read-only sessions, and for what `createSessions` did not make; without `headers`
 * @since 0.1.0
 * @example
 * const { read, change } = nextSessions(sessions, cookies, headers)
 *
 * export async function signIn(user: string): Promise<void> {
 *   await change((session) => {
 *     session.regenerate()
 *     session.data.user = user
 *   })
 * }
 */
export function nextSessions<Data extends object = SessionData, Parsed = unknown>(
  sessions: SessionsFor<Data, NextHeaders, Parsed>,
  cookies: () => Promise<NextCookies>,
  headers: () => Promise<NextHeaders>,
): NextSessions<Data, Parsed> {
  if (typeof headers !== 'function') throw new TypeError('nextSessions takes cookies and headers of next/headers')
  const find = sessionsFinder(sessions, 'nextSessions')
  const opened = createRequestMemory<Opened<Data, Parsed> | undefined>()

  async function incoming(): Promise<Incoming<Data, Parsed>> {
    const store = await cookies()
    const sent = await headers()
    return { store, sent: sent.get('cookie') ?? '', sessions: await find(sent) }
  }

  /** One session for each request, as long as the cookies are those that it was loaded from, or has set. */
  async function open({ store, sent, sessions }: Incoming<Data, Parsed>): Promise<Session<Data, Parsed>> {
    const header = headerOf(store, sent, sessions.name)
    const known = opened.of(store)
    if (known?.header === header && known.sessions === sessions) return known.session
    const session = sessions.load(header)
    opened.keep(store, { sessions, header, session })
    return session
  }

  async function save(
    { store, sent, sessions }: Incoming<Data, Parsed>,
    session: Session<Data, Parsed>,
  ): Promise<void> {
    let next: Opened<Data, Parsed> | undefined
    try {
      const names = new Set<string>()
      for (const setCookie of await sessions[internal].commit(session)) {
        // Next keeps one cookie of a name: ours comes before those that expire in other places.
        if (!names.has(setCookie.name)) setOn(store, setCookie)
        names.add(setCookie.name)
      }
      if (!session.isDestroyed)
        next = { sessions, header: headerOf(store, sent, sessions.name), session: Promise.resolve(session) }
    } finally {
      // What could not be written, or has ended, is nothing to go on with.
      opened.keep(store, next)
    }
  }

  return {
    async read() {
      return readOnlySession(await open(await incoming()), ADVICE)
    },
    async change(work) {
      const request = await incoming()
      const session = await open(request)
      try {
        return await work(session)
      } finally {
        await save(request, session)
      }
    },
  }
}

interface Incoming<Data extends object, Parsed> {
  store: NextCookies
  /** The Cookie header. */
  sent: string
  sessions: Sessions<Data, Parsed>
}

interface Opened<Data extends object, Parsed> {
  sessions: Sessions<Data, Parsed>
  header: string
  session: Promise<Session<Data, Parsed>>
}

/**
 * The Cookie header, as far as it is about one session: its cookie, the public cookie, further parts. Of a name that this request
 * has set or deleted, Next knows the cookie; all others are as the browser sent them.
 */
function headerOf(store: NextCookies, sent: string, sessionName: string): string {
  const isOurs = (name: string): boolean => name === sessionName || name.startsWith(`${sessionName}.`)
  const known = new Map(store.getAll().map(({ name, value }) => [name, value]))
  const pairs = sent.split(';').map((pair) => pair.trim())
  const nameOf = (pair: string): string => pair.slice(0, Math.max(0, pair.indexOf('='))).trim()
  const names = new Set(pairs.map(nameOf))
  // As Next reads them: the last one of a name that it can decode.
  const before = new Map(pairs.flatMap((pair) => decodedPair(nameOf(pair), pair.slice(pair.indexOf('=') + 1))))
  const isSame = (name: string): boolean => names.has(name) && before.get(name) === known.get(name)
  const kept = pairs.filter((pair) => isOurs(nameOf(pair)) && isSame(nameOf(pair)))
  const changed = [...known]
    .filter(([name]) => isOurs(name) && !isSame(name))
    // Any other value would not stay one cookie in this header.
    .filter(([, value]) => COOKIE_BYTES.test(value))
    .map(([name, value]) => `${name}=${value}`)
  return [...kept, ...changed].join('; ')
}

function decodedPair(name: string, value: string): [name: string, value: string][] {
  try {
    return [[name, decodeURIComponent(value.trim())]]
  } catch {
    return []
  }
}

function setOn(store: NextCookies, { name, value, attributes }: SetCookie): void {
  if (encodeURIComponent(value) !== value) {
    throw new TypeError(
      `Next would percent-encode the value of ${name}, and no other reader decodes that: use fetchSessions in a route handler, or nextProxy`,
    )
  }
  if (typeof store.set !== 'function') throw new TypeError(ADVICE)
  try {
    store.set(name, value, attributesOf(attributes))
  } catch (error) {
    throw new TypeError(ADVICE, { cause: error })
  }
}

function attributesOf({ sameSite, ...attributes }: SetCookieAttributes): NextCookieAttributes {
  return { ...attributes, ...(sameSite && { sameSite: sameSite.toLowerCase() as 'lax' | 'strict' | 'none' }) }
}

// A session to be looked at: its type has no way to change it, and trying so says where that is possible.

/** The same with nothing to assign to, all the way down. Bytes, dates, Map and Set are left as they are. */
export type DeepReadonly<Value> = Value extends Date | Uint8Array | ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>
  ? Value
  : Value extends object
    ? { readonly [Key in keyof Value]: DeepReadonly<Value[Key]> }
    : Value

type Known = 'id' | 'isNew' | 'createdAt' | 'accessedAt' | 'expiresAt' | 'authenticatedAt' | 'owner' | 'rejected'

/** A session to look at. Changing it is a `TypeError`. */
export interface ReadOnlySession<Data extends object, Parsed = unknown> extends Readonly<Pick<Session<Data>, Known>> {
  /** The application's keys. */
  readonly data: DeepReadonly<Partial<Data>>
  /** What a schema made of the data. */
  readonly parsed: DeepReadonly<Parsed> | undefined
}

/**
 * @param advice - what to do instead, for the `TypeError` that changing anything throws
 */
function readOnlySession<Data extends object, Parsed>(
  session: Session<Data, Parsed>,
  advice: string,
): ReadOnlySession<Data, Parsed> {
  const refuse = (): never => {
    throw new TypeError(advice)
  }
  const views = new WeakMap<object, object>()
  const handler: ProxyHandler<object> = {
    get: (target, name) => viewOf(Reflect.get(target, name)),
    set: refuse,
    deleteProperty: refuse,
    defineProperty: refuse,
    setPrototypeOf: refuse,
    getOwnPropertyDescriptor(target, name) {
      const descriptor = Reflect.getOwnPropertyDescriptor(target, name)
      return descriptor && 'value' in descriptor ? { ...descriptor, value: viewOf(descriptor.value) } : descriptor
    },
  }

  function viewOf(value: unknown): unknown {
    if (!Array.isArray(value) && !isPlainObject(value)) return value
    const view = views.get(value) ?? new Proxy(value, handler)
    views.set(value, view)
    return view
  }

  const { id, isNew, createdAt, accessedAt, authenticatedAt, expiresAt, rejected, parsed } = session
  const { data } = session
  const forClient = (): string => serializeForClient(session)
  return viewOf({
    [serialized]: forClient,
    data,
    parsed,
    id,
    isNew,
    createdAt,
    accessedAt,
    authenticatedAt,
    expiresAt,
    get owner() {
      return session.owner
    },
    rejected,
  }) as ReadOnlySession<Data, Parsed>
}
