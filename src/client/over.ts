/**
 * Tells why a decoded session does not count at a time.
 * FORMATS §2.2 for Beaker's timeout, RFC 7519 §4.1.4 and §4.1.5 for `exp` and `nbf`.
 */
import type { SessionDefinition } from '../shared/define-session.js'
import type { SessionMeta } from '../shared/types.js'

/** Too long unused, too long ago, past its `exp`, before its `nbf`. */
export type Over = 'idle' | 'absolute' | 'exp' | 'nbf'

/** Milliseconds that the clock of a visitor may be wrong, for the benefit of the session. */
const TOLERANCE = 30_000

/**
 * Tells why a session does not count. The server's word is the last one.
 *
 * @param meta - of a Beaker session without `expiresAt`: nothing there reads `exp`
 * @param definition - has the timeouts in milliseconds
 * @param now - milliseconds since 1970
 * @returns undefined where it counts, also for want of times
 * @see FORMATS §2.2, RFC 7519 §4.1
 */
export function whyOver(
  { accessedAt, createdAt, expiresAt, notBefore }: SessionMeta,
  { idleTimeout, absoluteTimeout }: SessionDefinition<unknown>,
  now: number,
): Over | undefined {
  // No time and no timeout are NaN, and no comparison with NaN is true.
  const since = (time?: Date): number => now - Number(time) - TOLERANCE
  if (since(accessedAt) > Number(idleTimeout)) return 'idle'
  if (since(createdAt) > Number(absoluteTimeout)) return 'absolute'
  if (since(expiresAt) >= 0) return 'exp'
  if (since(notBefore) < -2 * TOLERANCE) return 'nbf'
  return undefined
}
