/**
 * When a session expires and when its times must be renewed. The current time is always passed in.
 * Idle timeout as Beaker counts it (FORMATS §2.2); `exp` by RFC 7519 §4.1.4.
 */
import { type Duration, parseDuration } from '../../shared/define-session.js'
import { SessionError } from '../../shared/errors.js'
import type { SessionMeta } from '../../shared/types.js'

export interface LifetimeOptions {
  /** Milliseconds without a request. */
  idleTimeout?: number
  /** Milliseconds since the session began. */
  absoluteTimeout?: number
  /** How old the last access may get before it is written anew (0: always); `false` writes it only with other changes. */
  touchEvery?: Duration | false
}

export interface Lifetime {
  /** Why a session has expired by the timeouts, or undefined. The codec checks an expiry inside a token (`refuseTokenTimes`). */
  ended(times: SessionMeta, now: Date): SessionError | undefined
  /** Whether a timeout can't end the session, because it does not say when it was last used or when it began. */
  isUntimed(times: SessionMeta, now: Date): boolean
  /** A format without a time of the last access tells it by the end that was written with it. */
  lastAccess(times: SessionMeta, now: Date): Date | undefined
  /** When it expires if no further request comes. */
  expiresAt(times: { [Time in 'createdAt' | 'accessedAt' | 'expiresAt']?: Date | undefined }): Date | undefined
  /** @param isRenewed - what the format itself says, where it does: then only an idle timeout asks for more */
  needsTouch(times: SessionMeta, now: Date, isRenewed?: boolean): boolean
}

/** How far the clock of another server may be ahead, in milliseconds. */
const CLOCK_TOLERANCE = 300_000
/** Milliseconds; with a short idle timeout half of that. */
const DEFAULT_TOUCH_EVERY = 60_000
/** Milliseconds by which an end is rounded down in a token. */
const WHOLE_SECONDS = 1000

/** Prepares the rules of one kind of session. @throws {TypeError} for a duration that is none */
export function createLifetime(options: LifetimeOptions): Lifetime {
  const { idleTimeout, absoluteTimeout } = options
  const touchEvery = touchInterval(options.touchEvery, idleTimeout)

  function lastAccess({ createdAt, accessedAt, expiresAt }: SessionMeta, now: Date): Date | undefined {
    if (accessedAt || !expiresAt || idleTimeout === undefined) return accessedAt
    // The absolute end says nothing about the last access, nor does an end that another system has set further ahead.
    const absoluteEnd = (createdAt?.getTime() ?? Number.NaN) + (absoluteTimeout ?? Number.NaN)
    if (expiresAt.getTime() > absoluteEnd - WHOLE_SECONDS) return now
    return new Date(Math.min(expiresAt.getTime() - idleTimeout, now.getTime()))
  }

  return {
    ended(times, now) {
      const { createdAt } = times
      const accessedAt = lastAccess(times, now)
      if (idleTimeout !== undefined && accessedAt) {
        if (isAhead(accessedAt, now)) return early('it was last used in the future')
        if (now.getTime() - accessedAt.getTime() > idleTimeout) return over('it was idle for too long')
      }
      if (absoluteTimeout !== undefined && createdAt) {
        if (isAhead(createdAt, now)) return early('it begins in the future')
        if (now.getTime() - createdAt.getTime() > absoluteTimeout) return over('it is too old')
      }
      return undefined
    },
    isUntimed(times, now) {
      const isNeverIdle = idleTimeout !== undefined && lastAccess(times, now) === undefined
      return isNeverIdle || (absoluteTimeout !== undefined && times.createdAt === undefined)
    },
    lastAccess,
    expiresAt({ createdAt, accessedAt, expiresAt }) {
      let end = expiresAt?.getTime() ?? Infinity
      if (accessedAt && idleTimeout !== undefined) end = Math.min(end, accessedAt.getTime() + idleTimeout)
      if (createdAt && absoluteTimeout !== undefined) end = Math.min(end, createdAt.getTime() + absoluteTimeout)
      return end === Infinity ? undefined : new Date(end)
    },
    needsTouch(times, now, isRenewed) {
      if (isRenewed === true || (isRenewed === false && idleTimeout === undefined)) return isRenewed
      const accessedAt = lastAccess(times, now)
      // A session that does not say when it was used last would never be idle: give it a time, as Beaker does.
      if (!accessedAt) return idleTimeout !== undefined
      return touchEvery !== undefined && now.getTime() - accessedAt.getTime() >= touchEvery
    },
  }
}

function touchInterval(touchEvery: Duration | false | undefined, idleTimeout: number | undefined): number | undefined {
  if (touchEvery === undefined) return Math.min(DEFAULT_TOUCH_EVERY, (idleTimeout ?? Number.POSITIVE_INFINITY) / 2)
  if (touchEvery === false) {
    if (idleTimeout === undefined) return undefined
    throw new TypeError('Option "touchEvery" cannot be false with an idleTimeout: active users would be signed out too')
  }
  const interval = touchEvery === 0 ? 0 : parseDuration(touchEvery, 'touchEvery')
  if (idleTimeout !== undefined && interval >= idleTimeout) {
    throw new TypeError('Option "touchEvery" must be shorter than the idleTimeout')
  }
  return interval
}

function isAhead(time: Date, now: Date): boolean {
  return time.getTime() > now.getTime() + CLOCK_TOLERANCE
}

function over(why: string): SessionError {
  return new SessionError('ERR_SESSION_EXPIRED', `The session has expired: ${why}`, { verified: true })
}

function early(why: string): SessionError {
  return new SessionError('ERR_SESSION_NOT_YET_VALID', `The session is not valid yet: ${why}`, { verified: true })
}
