/**
 * The one error of the project: a stable code, a message that never holds a value.
 * Codes are part of the API; docs/errors.md lists cause and cure of each.
 */

export type SessionErrorCode =
  /** Not well formed in the format it looks like: parts, base64url, base85, header. */
  | 'ERR_SESSION_MALFORMED'
  /** No codec reads values that look like this. */
  | 'ERR_SESSION_UNSUPPORTED'
  /** The header names another algorithm than the key has, or none. */
  | 'ERR_SESSION_ALGORITHM'
  /** There is no key for this value. */
  | 'ERR_SESSION_KEY'
  /** No key verifies the signature. */
  | 'ERR_SESSION_SIGNATURE'
  /** The compressed payload is no complete zlib stream (RFC 1950). */
  | 'ERR_SESSION_COMPRESSION'
  /** The payload is no JSON text of an object. */
  | 'ERR_SESSION_JSON'
  /** The payload is no BSON document. */
  | 'ERR_SESSION_BSON'
  /** The payload is no pickle that can be read. */
  | 'ERR_SESSION_PICKLE'
  /** A limit on untrusted input was passed: size, depth, number of elements. */
  | 'ERR_SESSION_LIMIT'
  /** A time stamp or another claim about the session has the wrong type or is out of range. */
  | 'ERR_SESSION_CLAIMS'
  /** The session is expired: idle or absolute timeout, or `exp`. */
  | 'ERR_SESSION_EXPIRED'
  /** The session is not valid yet: `nbf`, or issued in the future. */
  | 'ERR_SESSION_NOT_YET_VALID'
  /** The format can't hold this value; `path` names the key. */
  | 'ERR_SESSION_UNWRITABLE'
  /** The cookie would be larger than browsers keep; `largest` names the biggest keys. */
  | 'ERR_SESSION_TOO_LARGE'
  /** The schema of the session refuses its data; `issues` has the paths. */
  | 'ERR_SESSION_SCHEMA'
  /** The data is of a version of its schema that this release does not read. */
  | 'ERR_SESSION_VERSION'
  /** The value verified but could not be read, so an ordinary commit does not replace it. */
  | 'ERR_SESSION_PROTECTED'
  /** The session was destroyed; it can't be saved again. */
  | 'ERR_SESSION_DESTROYED'
  /** The head of the response has left, and only a cookie could save or end the session. */
  | 'ERR_SESSION_TOO_LATE'
  /** The session, or the key that signed it, was revoked. */
  | 'ERR_SESSION_REVOKED'
  /** The session is bound to a device, or has to be, and the request has no proof of that device. */
  | 'ERR_SESSION_UNBOUND'
  /** The visitor proved who they are too long ago, or the session does not know when. */
  | 'ERR_SESSION_NOT_RECENT'
  /** The work of `session.once` failed in another process, which has the error. */
  | 'ERR_SESSION_WORK'
  /** The session store is down. */
  | 'ERR_SESSION_STORE'
  /** The source of the keys is down. */
  | 'ERR_SESSION_KEYS'
  /** A Secure cookie was set over what looks like plain HTTP; a warning, never thrown. */
  | 'ERR_SESSION_INSECURE'
  /** Nothing ends the sessions on the server; a warning, never thrown. */
  | 'ERR_SESSION_ENDLESS'

/** One key of a session and what it costs, for `ERR_SESSION_TOO_LARGE`. */
export interface KeySize {
  /** The key in `session.data`. */
  key: string
  /** Bytes the key and its value take in the payload, before compression and encoding. */
  bytes: number
}

/** What an error says beside its code and message. */
export interface SessionErrorOptions {
  /** What was thrown first. It may come from a library: log it, and don't show it to a visitor. */
  cause?: unknown
  /** Where in the session, as `user.roles.0`. */
  path?: string
  /** The signature was valid: the value was made with one of the keys. */
  verified?: boolean
  /** The keys that take the most room, the largest first; for `ERR_SESSION_TOO_LARGE`. */
  largest?: readonly KeySize[]
  /** Seconds since the visitor proved who they are, at most; for `ERR_SESSION_NOT_RECENT`. */
  maxAge?: number
  /** Where a schema refuses the data, at most 20 places; never what it says of them, which may hold values. */
  issues?: readonly { readonly path: string }[]
}

/**
 * The one error that this package throws, except for a caller's mistake, which is a `TypeError`. Its message never
 * holds a value.
 */
export class SessionError extends Error {
  /** Always `SessionError`. */
  override readonly name = 'SessionError' as const
  /** What went wrong. Codes are stable: compare with them, not with the message. */
  declare readonly code: SessionErrorCode
  /** Where in the session, as `user.roles.0`; only if one value is to blame. */
  declare readonly path?: string
  /** `true`: the signature was valid, so the value was made with one of the keys. */
  declare readonly verified?: boolean
  /** The keys that take the most room, the largest first; with `ERR_SESSION_TOO_LARGE`. */
  declare readonly largest?: readonly KeySize[]
  /** How many seconds ago the visitor may have proved who they are; with `ERR_SESSION_NOT_RECENT`. */
  declare readonly maxAge?: number
  /** Where a schema refuses the data, at most 20 places; with `ERR_SESSION_SCHEMA`. */
  declare readonly issues?: readonly { readonly path: string }[]

  constructor(code: SessionErrorCode, message: string = code, options: SessionErrorOptions = {}) {
    super(message, options)
    Object.assign(this, options, { code })
  }
}

/** Characters of a path in a message. */
const SHOWN_PATH = 200

/** An error about one value of a session. Its path stands in the message too, for some logs hold nothing else; a key is no value. */
export function errorAt(path: string, code: SessionErrorCode, message: string): SessionError {
  return new SessionError(code, `${message} (at ${JSON.stringify(path).slice(0, SHOWN_PATH)})`, { path })
}

/**
 * Tells a `SessionError`, also one of another copy of this package (a second bundle, another realm).
 *
 * @param error - anything that was thrown
 * @since 0.1.0
 * @example
 * try {
 *   await sessions.commit(session, response.headers)
 * } catch (error) {
 *   if (!isSessionError(error)) throw error
 *   console.log(error.code, error.largest?.[0]?.key) // → ERR_SESSION_TOO_LARGE photo
 * }
 */
export function isSessionError(error: unknown): error is SessionError {
  if (typeof error !== 'object' || error === null) return false
  const { name, code } = error as { name?: unknown; code?: unknown }
  return name === 'SessionError' && typeof code === 'string' && code.startsWith('ERR_SESSION_')
}

/** The same error for a value whose signature was valid, whatever was thrown. */
export function asVerified(error: unknown): SessionError {
  if (!(error instanceof SessionError)) {
    return new SessionError('ERR_SESSION_MALFORMED', 'The payload can not be read', { cause: error, verified: true })
  }
  if (error.verified) return error
  const { code, message, path } = error
  return new SessionError(code, message, { cause: error, verified: true, ...(path === undefined ? {} : { path }) })
}

/** Whether the session store or the source of keys is down: the server's own trouble, so the session is neither empty nor ended. */
export function isOutage(error: unknown): boolean {
  return isSessionError(error) && (error.code === 'ERR_SESSION_STORE' || error.code === 'ERR_SESSION_KEYS')
}
