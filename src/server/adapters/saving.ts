/**
 * What an adapter takes: sessions that it can save, or a function that gives those of a request.
 */
import type { MaybePromise, SessionData } from '../../shared/types.js'
import type { Sessions, SessionsInternal } from '../core/sessions.js'
import { internal } from '../core/verify-sessions.js'

/**
 * Sessions, or a function of the request that gives them: for tenants, found by host name. What it throws is handled as any error of the
 * request.
 *
 * @typeParam Parsed - what a schema makes of the data, as for all adapters
 */
export type SessionsFor<Data extends object = SessionData, Incoming = unknown, Parsed = unknown> =
  | Sessions<Data, Parsed>
  | ((request: Incoming) => MaybePromise<Sessions<Data, Parsed>>)

/** The inner side of sessions. @throws {TypeError} for options in place of sessions, or for sessions that are read only */
function savingOf<Data extends object>(sessions: Sessions<Data>, adapter: string): SessionsInternal<Data> {
  const inner: Partial<SessionsInternal<Data>> | undefined = sessions?.[internal]
  if (inner === undefined) throw new TypeError(`${adapter} takes what createSessions() returns`)
  if (inner.commit === undefined) throw new TypeError(`${adapter} saves sessions: these are read only`)
  return sessions[internal]
}

/**
 * Finds the sessions of a request.
 *
 * @throws {TypeError} as `savingOf`: at once for sessions, later for what a function gives
 */
export function sessionsFinder<Data extends object, Incoming, Parsed>(
  sessions: SessionsFor<Data, Incoming, Parsed>,
  adapter: string,
): (request: Incoming) => MaybePromise<Sessions<Data, Parsed>> {
  if (typeof sessions !== 'function') {
    savingOf(sessions, adapter)
    return () => sessions
  }
  return async (request) => {
    const found = await sessions(request)
    savingOf(found, adapter)
    return found
  }
}
