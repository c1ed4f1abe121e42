/**
 * Tells why a decoded session does not count at a time.
 * FORMATS §2.2 for Beaker's timeout, RFC 7519 §4.1.4 and §4.1.5 for `exp` and `nbf`.
 */
import type { SessionDefinition } from '../shared/define-session.js'
import type { Candidate } from './candidates.js'

/** Too long unused, too long ago, past its `exp`, before its `nbf`. */
export type Over = 'idle' | 'absolute' | 'exp' | 'nbf'

/** Milliseconds that the clock of a visitor may be wrong, for the benefit of the session. */
const TOLERANCE = 30_000

/**
 * Tells why a session does not count. The server's word is the last one.
 *
 * @param definition - has the timeouts in milliseconds
 * @param now - milliseconds since 1970
 * @returns undefined where it counts
 * @see FORMATS §2.2, RFC 7519 §4.1
 */
export function whyOver(
  { format, meta = {} }: Pick<Candidate, 'format' | 'meta'>,
  { idleTimeout = Infinity, absoluteTimeout = Infinity }: Omit<SessionDefinition<unknown>, 'name'>,
  now: number,
): Over | undefined {
  const { accessedAt, createdAt, expiresAt, notBefore } = meta
  if (accessedAt && now - +accessedAt > idleTimeout + TOLERANCE) return 'idle'
  if (createdAt && now - +createdAt > absoluteTimeout + TOLERANCE) return 'absolute'
  // Beaker's own `_expires` is about its cookie, and nothing there reads `exp`.
  if (format !== 'beaker-jwt' && expiresAt && now - +expiresAt >= TOLERANCE) return 'exp'
  if (notBefore && +notBefore - now > TOLERANCE) return 'nbf'
  return undefined
}
