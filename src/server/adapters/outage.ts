/**
 * What an adapter does with the server's own trouble: an outage is 503, never an empty session.
 */
import { isSessionError } from '../../shared/errors.js'

/** Whether the session store or the source of keys is down. */
export function isOutage(error: unknown): boolean {
  return isSessionError(error) && (error.code === 'ERR_SESSION_STORE' || error.code === 'ERR_SESSION_KEYS')
}

/** The same error; an outage with the `status` and `statusCode` that frameworks answer with. */
export function withStatus(error: unknown): unknown {
  return isOutage(error) ? Object.assign(error as Error, { status: 503, statusCode: 503 }) : error
}
