/**
 * Sessions of a server: `load` is the trip in, `commit` and `destroy` are the trip out.
 * The first codec writes and every codec reads; the first key signs and every key verifies.
 */
import type { SessionData } from '../../shared/types.js'
import { publicJwks } from '../keys/keys.js'
import type { JwkSet } from '../platform/platform.js'
import {
  contentOf,
  expiredCookies,
  expiredShadows,
  keepWritten,
  planOf,
  refuseOverwriting,
  respond,
  writePublicHalf,
  writeSession,
} from './commit.js'
import { type CookieSource, createRequestMemory, type HeaderTarget } from './http.js'
import { loadSession, newId } from './load.js'
import { type SessionsOptions, type Settings, settle } from './options.js'
import { identify, type Session, type SessionOwner, type SessionState, stateOf } from './session.js'

export interface ReadOnlySessions<Data extends object = SessionData> {
  /** The name of the cookie. */
  readonly name: string
  /**
   * Finds the session of a request; the same one however often it is called for the same request object. A cookie that can't
   * be read gives a fresh session with `rejected`.
   *
   * @throws {SessionError} `ERR_SESSION_STORE` and `ERR_SESSION_KEYS`: never an empty session for a good cookie
   */
  load(source: CookieSource): Promise<Session<Data>>
  /**
   * The public keys of the codecs, for other services to verify with (RFC 7517 §5). Secrets are never among them, nor are keys
   * of `remoteJwks`, which their own server hands out.
   *
   * @throws {SessionError} `ERR_SESSION_KEYS` where keys could not be loaded
   */
  jwks(): Promise<JwkSet>
  /** @internal For adapters: the same trip, at once where nothing has to be awaited, and without counting as a look at it. */
  readonly [trips]: Pick<Trips<Data>, 'load'>
}

export interface Sessions<Data extends object = SessionData> extends ReadOnlySessions<Data> {
  /** @internal */
  readonly [trips]: Trips<Data>
  /**
   * Writes the session if there is anything to write: changed data, a touch that is due, an older codec or key.
   *
   * @param headers - of the response: gets the cookies, `Vary: Cookie`, and `Cache-Control: private, no-store` unless it has one
   * @returns the Set-Cookie values, none or more
   * @throws {SessionError} `ERR_SESSION_TOO_LARGE`, `ERR_SESSION_UNWRITABLE`, `ERR_SESSION_PROTECTED`, `ERR_SESSION_STORE`: nothing is set then
   * @throws {TypeError} for a key in the data that is not data, as `_id`
   */
  commit(session: Session<Data>, headers?: HeaderTarget): Promise<string[]>
  /**
   * Ends the session: its cookies expire, its row goes, and no later commit brings it back.
   *
   * @throws {SessionError} `ERR_SESSION_STORE`: the row may be there still, and nothing is set; may be called again
   */
  destroy(session: Session<Data>, headers?: HeaderTarget): Promise<string[]>
}

/** @internal */
export const trips: unique symbol = Symbol('trips')

/** @internal */
export interface Trips<Data extends object> {
  load(source: CookieSource): Promise<Session<Data>>
  commit(session: Session<Data>, headers?: HeaderTarget): Promise<string[]>
  destroy(session: Session<Data>, headers?: HeaderTarget): Promise<string[]>
  /** The Set-Cookie text of a session without a value: its attributes. */
  attributes(now: Date): string
  readonly settings: Settings
  /** The same trips with other settings, for tests of applications. */
  altered(changes: Partial<Settings>): Trips<Data>
}

/**
 * Prepares the sessions of a server: keys, codecs and cookie attributes are checked here and never again.
 *
 * @throws {TypeError} naming the option that is wrong
 */
export function createSessions<Data extends object = SessionData>(
  options: SessionsOptions<Data> & { readOnly: true },
): ReadOnlySessions<Data>
export function createSessions<Data extends object = SessionData>(options: SessionsOptions<Data>): Sessions<Data>
export function createSessions<Data extends object = SessionData>(
  options: SessionsOptions<Data>,
): ReadOnlySessions<Data> | Sessions<Data> {
  const settings = settle(options)
  const both = tripsOf<Data>(settings)
  const reading = {
    name: settings.name,
    async load(source: CookieSource) {
      const session = await both.load(source)
      stateOf(session).isRead = true
      return session
    },
    jwks: async () => publicJwks(settings.codecs),
  }
  if (options.readOnly) return { ...reading, [trips]: { load: both.load } }
  return {
    ...reading,
    [trips]: both,
    commit: async (session, headers) => both.commit(session, headers),
    destroy: async (session, headers) => both.destroy(session, headers),
  }
}

function tripsOf<Data extends object>(settings: Settings): Trips<Data> {
  const loaded = createRequestMemory<Promise<Session<Data>>>()
  const owner: SessionOwner = { newId, now: settings.clock }

  function loadOnce(source: CookieSource): Promise<Session<Data>> {
    if (typeof source !== 'object' || source === null) return loadSession<Data>(settings, owner, source)
    const known = loaded.of(source)
    if (known !== undefined) return known
    const session = loadSession<Data>(settings, owner, source)
    loaded.keep(source, session)
    return session
  }

  return {
    settings,
    load: loadOnce,
    commit: (session, headers) => takeTurn(session, () => commit(settings, session, headers)),
    destroy: (session, headers) => takeTurn(session, () => destroy(settings, session, headers)),
    attributes: (now) => settings.cookies.set(settings.name, '', { ...settings.exposure, now }),
    altered: (changes) => tripsOf({ ...settings, ...changes }),
  }
}

/** The trip out: anything to write? → store, if any → sign → public half → Set-Cookie. */
async function commit(
  settings: Settings,
  session: Session<object>,
  headers: HeaderTarget | undefined,
): Promise<string[]> {
  const state = stateOf(session)
  if (state.isDestroyed) return respond(settings, state, [...state.cookies], headers)
  const { held: before, isRegenerated } = state
  const plan = await planOf(settings, session)
  if (plan && !before) refuseOverwriting(state)
  const content = plan && (await contentOf(settings, session, plan))
  if (plan && !content) {
    // Another request ended it, and its response has told the browser what is true now.
    state.isDestroyed = true
    return respond(settings, state, [], headers)
  }
  const written = plan && content && !plan.isRowOnly && (await writeSession(settings, session, plan, content))
  const half = await writePublicHalf(settings, session, written || undefined, content)
  if (written && isRegenerated) await leave(settings, state)
  const isOver = !written && !state.held && state.rejected?.code === 'ERR_SESSION_EXPIRED'
  const shadows = written && state.isShadowed ? expiredShadows(settings, state) : []
  // From here on nothing fails: a session is never known as written when it was not sent.
  if (written) keepWritten(settings, session, written)
  else if (plan?.isRowOnly && before) settings.emit?.({ type: 'committed', ...identify(before) })
  if (content?.stored && state.held && !settings.observe) state.held.stored = content.stored
  if (half && !settings.observe) state.publicValue = half.value
  const expired = isOver ? expiredCookies(settings, state) : []
  return respond(settings, state, [...(written ? written.cookies : expired), ...shadows, half?.cookie], headers)
}

/** A session goes, or moves to another id: what its old id stood for ends. */
async function leave({ rows, versions, observe }: Settings, { held, unreadableId }: SessionState): Promise<void> {
  if (observe) return
  const id = held?.stored ? held.record.id : unreadableId
  if (rows && id !== undefined) await rows.remove(id)
  if (held) versions.end(held)
}

/** The trip out of a session that ends. */
async function destroy(
  settings: Settings,
  session: Session<object>,
  headers: HeaderTarget | undefined,
): Promise<string[]> {
  const { cookies, exposure, publicName } = settings
  const state = stateOf(session)
  const isHeld = state.hadCookie || state.held !== undefined
  const hasPublicHalf = state.publicValue !== undefined || (isHeld && exposure.publicHalf !== undefined)
  const isFirst = !state.isDestroyed
  // Even where the store fails, no commit saves it again.
  state.isDestroyed = true
  await leave(settings, state)
  if (isFirst) settings.emit?.({ type: 'destroyed', ...(state.held ? identify(state.held) : {}) })
  return respond(
    settings,
    state,
    [
      ...(isHeld ? [...expiredCookies(settings, state), ...expiredShadows(settings, state)] : []),
      hasPublicHalf ? cookies.expire(publicName, { httpOnly: false }) : undefined,
    ],
    headers,
  )
}

// One thing at a time for each session object: an application may save and end a session without waiting in between.

const busy = new WeakMap<object, Promise<void>>()

/** Does the work at once where nothing is under way, and what is synchronous stays so. */
export function takeTurn<T>(owner: object, work: () => Promise<T>): Promise<T> {
  const before = busy.get(owner)
  const outcome = before ? before.then(work) : work()
  hold(owner, outcome)
  return outcome
}

function hold(owner: object, outcome: Promise<unknown>): void {
  const done = (): void => {
    if (busy.get(owner) === turn) busy.delete(owner)
  }
  const turn = outcome.then(done, done)
  busy.set(owner, turn)
}
