/**
 * The sessions of a server: `load` finds a request's session, `commit` writes it, `destroy` ends it.
 * The first codec writes and every codec reads; the first key signs and every key verifies.
 */
import type { ExposingDefinition } from '../../shared/define-session.js'
import type { SessionData } from '../../shared/types.js'
import { type Bound, type BoundOptions, boundLoader, createBound, refuseBind } from './bound.js'
import { commit, destroy, markResponse, needsCommit } from './commit.js'
import type { SetCookie, SetCookieAttributes } from './cookies.js'
import type { HeaderTarget } from './http.js'
import { type LateWrites, lateWrites } from './late.js'
import { createLoader, type LoadSession } from './load.js'
import { changedOptions, type SessionsChanges, type SessionsOptions, type Settings, settle } from './options.js'
import type { CookieEnd } from './own-lifetime.js'
import {
  type EndSessionsOptions,
  endSession,
  endSessions,
  type ListSessionsOptions,
  listSessions,
  type OwnedSessions,
} from './owned-sessions.js'
import { publicReader } from './public-cookie.js'
import { rulesOf } from './schema.js'
import { type Session, sessionBehind, stateOf } from './session.js'
import { internal, type ReadOnlySessions, readOnlySessions } from './verify-sessions.js'

/**
 * The sessions of a server that writes them.
 *
 * @typeParam Parsed - what a schema makes of the data
 */
export interface Sessions<Data extends object = SessionData, Parsed = unknown> extends ReadOnlySessions<Data, Parsed> {
  /** @internal */
  readonly [internal]: SessionsInternal<Data>
  /**
   * Writes the session if there is anything to write: changed data, a touch that is due, an older codec or key.
   *
   * @param headers - of the response: gets the cookies, `Vary: Cookie`, and `Cache-Control: private, no-store` unless it has one
   * @returns the Set-Cookie values, none or more
   * @throws {SessionError} `ERR_SESSION_TOO_LARGE`, `ERR_SESSION_UNWRITABLE`, `ERR_SESSION_PROTECTED`, `ERR_SESSION_SCHEMA`,
   *   `ERR_SESSION_VERSION`, `ERR_SESSION_STORE`: then nothing is set
   * @throws {TypeError} for a key in the data that is not data, as `_id`
   */
  commit(session: Session<Data>, headers?: HeaderTarget): Promise<string[]>
  /**
   * Ends the session: its cookies expire, its row goes, and no later commit brings it back.
   *
   * @throws {SessionError} `ERR_SESSION_STORE`: the row may still exist, and nothing is set; you can call it again
   */
  destroy(session: Session<Data>, headers?: HeaderTarget): Promise<string[]>
  /**
   * The sessions of an owner, for the page of one's devices: one page of at most `limit`. Needs the option `owner`, and a store that keeps
   * owners.
   *
   * @param owner - as the option `owner` returns it
   * @throws {SessionError} `ERR_SESSION_STORE`
   * @throws {TypeError} naming what is missing
   * @see docs/owners.md
   */
  listSessions(owner: string | number | bigint, options?: ListSessionsOptions<Data>): Promise<OwnedSessions<Data>>
  /**
   * Ends one session of an owner, as `destroy` does: no request that is under way brings it back. The browser keeps its cookie, which no longer
   * has a session.
   *
   * @param handle - from `listSessions`; the handle of another owner's session ends nothing
   * @returns whether there was such a session
   * @throws {SessionError} `ERR_SESSION_STORE`
   * @throws {TypeError} naming what is missing
   */
  endSession(owner: string | number | bigint, handle: string): Promise<boolean>
  /**
   * Ends all sessions of an owner, or all but one. A sign-in while it runs may be ended, too.
   *
   * @returns how many there were
   * @throws {SessionError} `ERR_SESSION_STORE`: some may have ended; call it again
   * @throws {TypeError} naming what is missing
   */
  endSessions(owner: string | number | bigint, options?: EndSessionsOptions<Data>): Promise<number>
  /**
   * The same sessions with other options, for one request or one tenant. It takes microseconds; keep what it returns for as long as you
   * can, because each has its own memory of requests.
   *
   * @throws {TypeError} naming the option that is wrong, or that can't change
   * @see docs/tenants.md
   */
  with(changes: SessionsChanges<Data>): Sessions<Data, Parsed>
}

/** @internal What adapters and the testing helpers use. */
export interface SessionsInternal<Data extends object> {
  /** Without counting as a look at the session. */
  readonly load: LoadSession<Data>
  /** Whether a commit would write anything. It never waits and never throws. */
  needsCommit(session: Session<Data>): boolean
  /** For a session that needs no commit: the response depends on the cookie if something looked at the session. */
  markResponse(session: Session<Data>, headers: HeaderTarget): void
  commit(session: Session<Data>, headers?: HeaderTarget): Promise<SetCookie[]>
  /** A commit that renews the times, whatever `touchEvery` says. */
  touch(session: Session<Data>, headers?: HeaderTarget): Promise<SetCookie[]>
  destroy(session: Session<Data>, headers?: HeaderTarget): Promise<SetCookie[]>
  /** Device bound sessions, and the loading of sessions whose proof may have ended. */
  readonly bound?: { readonly device: Bound; readonly load: LoadSession<Data> }
  /** For a response whose head has left. */
  readonly late: LateWrites
  /** What a session cookie gets at that time. @param end - if the session itself says it */
  attributes(now: Date, end?: CookieEnd): SetCookieAttributes
  readonly settings: Settings
  /** The same sessions with other settings, for tests of applications. */
  with(changes: Partial<Settings>): SessionsInternal<Data>
}

/**
 * Prepares the sessions of a server: keys, codecs and cookie attributes are checked here, once.
 *
 * @throws {TypeError} naming the option that is wrong
 * @since 0.1.0
 * @example
 * const sessions = createSessions({ secrets: process.env.SESSION_KEY!, expose: ['user'] })
 * const session = await sessions.load(request)
 * session.data.user = 'ada'
 * await sessions.commit(session, response.headers)
 */
export function createSessions<Data extends object = SessionData, Parsed = unknown>(
  options: Partial<SessionsOptions<Data, Parsed>> & { readOnly: true },
): ReadOnlySessions<Data, Parsed>
export function createSessions<Data extends object = SessionData, Parsed = unknown>(
  options: Omit<SessionsOptions<Data>, 'session' | 'expose'> & {
    session: ExposingDefinition<Data, unknown, Parsed>
    expose?: never
  },
): Sessions<Data, Parsed>
export function createSessions<Data extends object = SessionData, Parsed = unknown>(
  options: SessionsOptions<Data, Parsed>,
): Sessions<Data, Parsed>
export function createSessions<Data extends object = SessionData>(
  options: Partial<SessionsOptions<Data>>,
): ReadOnlySessions<Data> | Sessions<Data> {
  const settings = settled(options as SessionsOptions<Data>)
  if (settings.schema) rulesOf(settings.schema)
  if (!options.readOnly) return writing<Data>(settings)
  return readOnlySessions<Data>(settings, settings.bound && internalOf<Data>(settings).load)
}

/** Not in `settle`, so that what only verifies loads nothing of it. */
function settled<Data extends object>(options: SessionsOptions<Data>, from?: Settings): Settings {
  const settings = settle(options, from)
  if (options.bound === undefined) return Object.assign(settings, { bind: refuseBind })
  const bound = createBound(options.bound as BoundOptions, settings)
  return Object.assign(settings, { bound, bind: bound.bind })
}

function writing<Data extends object, Parsed = unknown>(settings: Settings): Sessions<Data, Parsed> {
  const sessions = internalOf<Data>(settings)
  const reading = readOnlySessions<Data, Parsed>(settings, sessions.load)
  return {
    ...reading,
    [internal]: sessions,
    async ready() {
      await reading.ready()
      await Promise.all([settings.codecs[0]?.prepareSign?.(), settings.publicCodec?.prepareSign?.()])
    },
    commit: async (session, headers) => (await sessions.commit(sessionBehind(session), headers)).map(String),
    destroy: async (session, headers) => (await sessions.destroy(sessionBehind(session), headers)).map(String),
    listSessions: (owner, options) => listSessions<Data>(settings, owner, options),
    endSession: (owner, handle) => endSession(settings, owner, handle),
    endSessions: (owner, options) => endSessions<Data>(settings, owner, options),
    with: (changes) => writing<Data, Parsed>(settled(changedOptions(settings.options, changes), settings)),
  }
}

function internalOf<Data extends object>(settings: Settings): SessionsInternal<Data> {
  const load = createLoader<Data>(settings, publicReader(settings))
  const { bound: device } = settings
  return {
    load: device ? boundLoader(device, settings, load) : load,
    ...(device && { bound: { device, load } }),
    needsCommit: (session) => needsCommit(settings, session),
    markResponse: (session, headers) => markResponse(settings, session, headers),
    commit: (session, headers) => commit(settings, session, headers),
    touch: (session, headers) => touch(settings, session, headers),
    destroy: (session, headers) => destroy(settings, session, headers),
    late: lateWrites(settings),
    attributes: (now, end) => settings.cookies.attributes({ ...settings.exposure, now, end }),
    settings,
    with: (changes) => internalOf({ ...settings, ...changes }),
  }
}

async function touch(
  settings: Settings,
  session: Session<object>,
  headers: HeaderTarget | undefined,
): Promise<SetCookie[]> {
  const state = stateOf(session)
  state.isTouched = true
  try {
    return await commit(settings, session, headers)
  } finally {
    // If that failed, no commit of the error page tries it again.
    state.isTouched = false
  }
}
