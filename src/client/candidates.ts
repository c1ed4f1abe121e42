/**
 * The cookies that may be a session, decoded once for as long as their text stays the same.
 * RFC 6265 §5.4, FORMATS §1. Nothing of them is verified.
 */
import { readCookies } from '../shared/cookie.js'
import { decodeSession, type SessionReader } from '../shared/decode.js'
import type { SessionError, SessionErrorCode } from '../shared/errors.js'
import { deepFreeze } from '../shared/freeze.js'
import type { DecodedSession, SessionData } from '../shared/types.js'

/** For further formats, and for places that have no page: other cookies, another clock. */
export interface ReadOptions {
  /** Cookies to read instead of `document.cookie`, as `name=value; name=value`. */
  cookie?: string | undefined
  /** The present time instead of the clock's. */
  now?: Date | undefined
  /** Readers of further formats. With another array everything is read anew. */
  readers?: readonly SessionReader[] | undefined
}

/** One cookie that may be the session. */
export interface Candidate<Data = SessionData> extends Partial<DecodedSession<Data>> {
  /** The cookie's name: the session's own, or that of its public half. */
  cookie: string
  value: string
  /** Octets of name and value together, as browsers count them (4 096 at most). */
  size: number
  /** Why the value could not be read; then there is no `data`. */
  error?: SessionErrorCode
}

interface Read {
  cookie: string
  readers: readonly SessionReader[] | undefined
  candidates: readonly Candidate[]
}

/** The last read of each session name. */
const reads = new Map<string, Read>()

/**
 * All cookies that may be the session, the likeliest first: the public half before the session's own cookie, and of one
 * name the last first, as Python and the server take them.
 *
 * @param name - the session's cookie name
 * @returns frozen candidates, each the same one while its value is the same
 */
export function readCandidates(name: string, { cookie = pageCookies(), readers }: ReadOptions): readonly Candidate[] {
  let read = reads.get(name)
  if (read?.readers !== readers) read = undefined
  if (read?.cookie === cookie) return read.candidates
  const candidates = [`${name}.public`, name].flatMap((half) =>
    readCookies(cookie, half)
      .reverse()
      .map(
        (value) =>
          read?.candidates.find((known) => known.cookie === half && known.value === value) ??
          readCandidate(half, value, readers),
      ),
  )
  reads.set(name, { cookie, readers, candidates })
  return candidates
}

function readCandidate(cookie: string, value: string, readers: ReadOptions['readers']): Candidate {
  const candidate: Candidate = { cookie, value, size: new TextEncoder().encode(cookie + value).length }
  try {
    Object.assign(candidate, decodeSession(value, { readers }))
  } catch (error) {
    candidate.error = (error as SessionError).code
  }
  return deepFreeze(candidate)
}

/** Empty on a server, and in a frame that may not ask for cookies. */
function pageCookies(): string {
  try {
    return document.cookie
  } catch {
    return ''
  }
}
