/**
 * Any store of express-session: connect-redis, connect-pg-simple, connect-mongo, session-file-store, its own MemoryStore …
 * Their sessions are one object: the data, and a `cookie` beside it.
 */
import { errorAt, type SessionError } from '../../shared/errors.js'
import { checkNames } from '../../shared/option-names.js'
import { className, isPlainObject, type SessionData } from '../../shared/types.js'
import type { SessionStore } from './store.js'

/** The part of an express-session store that is used. */
export interface ExpressStore {
  /** Reads one session. */
  // biome-ignore lint/suspicious/noExplicitAny: each store has its own type of session
  get(id: string, callback: (error?: any, session?: any) => void): unknown
  /** Writes one session. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  set(id: string, session: any, callback?: (error?: any) => void): unknown
  /** Deletes one session. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  destroy(id: string, callback?: (error?: any) => void): unknown
  /** Moves the expiry of one session. Absent: it is written again. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  touch?(id: string, session: any, callback?: (error?: any) => void): unknown
}

/** The part of a session's cookie that stores read: when the row expires. */
interface StoredCookie {
  /** Milliseconds from now. */
  originalMaxAge: number | null
  expires: Date | null
  httpOnly: boolean
  path: string
}

/**
 * Makes a session store from a store made for express-session. Values are kept as that store keeps them, mostly as JSON, so a `Date`
 * comes back as text. These stores can't read and write in one step: if two processes write the same session at the same time, the
 * later one wins. A session that one of them destroys stays destroyed: another entry marks it for an hour.
 *
 * @param store - what you would pass to `session({ store })`
 * @param options.clock - the current time, for tests
 * @throws {TypeError} for something that is not such a store
 * @since 0.1.0
 * @example
 * const store = fromExpressStore(new MemoryStore())
 * const sessions = createSessions({ store, secrets, expose: false })
 */
export function fromExpressStore(store: ExpressStore, options: { clock?: () => Date } = {}): SessionStore {
  checkNames(options, { clock: 'function' }, 'fromExpressStore')
  const { clock = () => new Date() } = options
  for (const method of ['get', 'set', 'destroy'] as const) {
    if (typeof store?.[method] !== 'function') throw new TypeError(`fromExpressStore: the store has no ${method}()`)
  }

  function cookieOf(expiresAt: Date | undefined): StoredCookie {
    const left = expiresAt ? expiresAt.getTime() - clock().getTime() : null
    const cookie: StoredCookie = { originalMaxAge: left, expires: expiresAt ?? null, httpOnly: true, path: '/' }
    // Some ask for maxAge, which express-session computes and does not store.
    return Object.defineProperty(cookie, 'maxAge', { value: left })
  }

  const bridge: SessionStore = {
    name: 'express',
    async get(id) {
      const session = await ask<SessionData | null | undefined>((done) => store.get(id, done), isMissingFile)
      if (!session) return undefined
      // If the store has its own time to live, which a touch moves, the cookie's expiry is outdated.
      const { cookie: _, ...data } = session
      return { data }
    },
    async set(id, { data, expiresAt }) {
      if (data.cookie !== undefined) {
        throw errorAt('cookie', 'ERR_SESSION_UNWRITABLE', 'The store uses the key cookie itself')
      }
      refuseUnkept(data)
      const cookie = { cookie: cookieOf(expiresAt) }
      // The data may have the key without a value.
      await ask((done) => store.set(id, { ...cookie, ...data, ...cookie }, done))
    },
    delete: (id) => ask((done) => store.destroy(id, done), isMissingFile),
  }
  if (typeof store.touch !== 'function') return bridge
  return {
    ...bridge,
    async touch(id, expiresAt) {
      // Some take the whole session from here, so it must be the current one.
      const row = await bridge.get(id)
      if (row) await ask((done) => store.touch?.(id, { cookie: cookieOf(expiresAt), ...row.data }, done), isMissingFile)
    },
  }
}

/** Levels, and values counted at each place where they stand: these stores write JSON, mostly, and no walk of theirs may be endless. */
const MAX_LEVELS = 100
const MAX_VALUES = 1_000_000

/**
 * Refuses what JSON can't write, or drops without a word, before the store tries.
 *
 * @throws {SessionError} `ERR_SESSION_UNWRITABLE` with the path; `ERR_SESSION_LIMIT` for data that is nested too deep, circular, or
 *   too large
 */
function refuseUnkept(data: SessionData): void {
  const path: string[] = []
  let values = 0

  function check(value: unknown, isView = false): void {
    if (typeof value === 'function' || typeof value === 'symbol' || typeof value === 'bigint') {
      throw errorAt(path.join('.'), 'ERR_SESSION_UNWRITABLE', `The store can't hold a ${typeof value}`)
    }
    if (value instanceof BigInt64Array || value instanceof BigUint64Array) check(0n)
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return
    values += Array.isArray(value) ? value.length : 1
    if (values > MAX_VALUES || path.length > MAX_LEVELS) throw tooLarge(path)
    const { toJSON } = value as { toJSON?: unknown }
    if (typeof toJSON === 'function' && !isView) {
      check(toJSON.call(value, path.at(-1) ?? ''), true)
      return
    }
    const keys = Object.keys(value)
    // A map, a set, a pattern, an error: what is in it does not show, and `{}` would be written.
    if (keys.length === 0 && !Array.isArray(value) && !isPlainObject(value)) {
      throw errorAt(path.join('.'), 'ERR_SESSION_UNWRITABLE', `The store can't hold an instance of ${className(value)}`)
    }
    for (const key of keys) {
      path.push(key)
      check((value as SessionData)[key])
      path.pop()
    }
  }

  check(data)
}

function tooLarge(path: readonly string[]): SessionError {
  return errorAt(
    path.slice(0, 8).join('.'),
    'ERR_SESSION_LIMIT',
    'The session has too many values, is nested too deep, or is a circle',
  )
}

type Done<T> = (error?: unknown, value?: T) => void

/** Some throw, some return a promise in addition to calling back, and some call back twice: the first answer counts. */
function ask<T = void>(call: (done: Done<T>) => unknown, forgives?: (error: unknown) => boolean): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const done: Done<T> = (error, value) => {
      if (error && !forgives?.(error)) reject(error)
      else resolve(value as T)
    }
    Promise.resolve(call(done)).catch(done)
  })
}

/** How session-file-store says that there is no session; express-session accepts it too. */
function isMissingFile(error: unknown): boolean {
  return (error as { code?: unknown } | undefined)?.code === 'ENOENT'
}
