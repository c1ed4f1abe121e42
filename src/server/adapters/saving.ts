/**
 * What an adapter takes: sessions that it can save.
 */
import type { Sessions, SessionsInternal } from '../core/sessions.js'
import { internal } from '../core/verify-sessions.js'

/** The inner side of sessions. @throws {TypeError} for options in place of sessions, or for sessions that are read only */
export function savingOf<Data extends object>(sessions: Sessions<Data>, adapter: string): SessionsInternal<Data> {
  const inner: Partial<SessionsInternal<Data>> | undefined = sessions?.[internal]
  if (inner === undefined) throw new TypeError(`${adapter} takes what createSessions() returns`)
  if (inner.commit === undefined) throw new TypeError(`${adapter} saves sessions: these are read only`)
  return sessions[internal]
}
