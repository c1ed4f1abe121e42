/**
 * The server's own trouble: never an empty session, and nobody is signed out for it.
 */
import { isSessionError } from '../../shared/errors.js'

/** Whether the session store or the source of keys is down. */
export function isOutage(error: unknown): boolean {
  return isSessionError(error) && (error.code === 'ERR_SESSION_STORE' || error.code === 'ERR_SESSION_KEYS')
}
