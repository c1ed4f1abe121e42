/**
 * When a session expires and when its times must be renewed. The current time is always passed in.
 * Idle timeout as Beaker counts it (FORMATS §2.2); `exp` by RFC 7519 §4.1.4.
 */
import type { Duration } from '../../shared/define-session.js'
import { SessionError } from '../../shared/errors.js'
import { checkDuration } from '../../shared/option-names.js'
import type { OwnTimes } from '../../shared/own-times.js'
import type { SessionRecord } from '../codecs/codec.js'

/** What a format says of a session's times. */
export type Times = {
  readonly [Time in 'createdAt' | 'accessedAt' | 'expiresAt' | 'validFor']?: SessionRecord[Time] | undefined
}

export interface LifetimeOptions {
  /** Milliseconds without a request. */
  idleTimeout?: number | undefined
  /** Milliseconds since the session began. */
  absoluteTimeout?: number | undefined
}

/** The rules of one kind of session, and of a session that has a lifetime of its own. */
export interface Lifetimes {
  /** @param own - replaces the idle timeout; an absolute timeout counts in any case */
  of(own: OwnTimes | undefined): Lifetime
}

export interface Lifetime {
  /** Why a session has expired by the timeouts, or undefined. The codec checks an expiry inside a token (`refuseTokenTimes`). */
  ended(times: Times, now: Date): SessionError | undefined
  /** Whether a timeout can't end the session, because it does not say when it was last used or when it began. */
  isUntimed(times: Times, now: Date): boolean
  /** A format without a time of the last access tells it by the end that was written with it. */
  lastAccess(times: Times, now: Date): Date | undefined
  /** When it expires if no further request comes. */
  expiresAt(times: Times): Date | undefined
  /** Milliseconds. */
  readonly idle: number | undefined
  /** Since 1970: an end that no request moves. */
  readonly fixed: number | undefined
  /** There is no timeout. */
  readonly isEndless: boolean
}

/** How far the clock of another server may be ahead, in milliseconds. */
export const CLOCK_TOLERANCE = 300_000
/** Milliseconds; with a short idle timeout half of that. */
const DEFAULT_TOUCH_EVERY = 60_000
/** Milliseconds by which an end is rounded down in a token. */
const WHOLE_SECONDS = 1000

/** Prepares the rules of one kind of session. */
export function createLifetimes({ idleTimeout, absoluteTimeout: absolute }: LifetimeOptions): Lifetimes {
  const configured = createLifetime({ idle: idleTimeout, absolute })
  return {
    of: (own) => (own ? createLifetime({ idle: own.idleTimeout, absolute, fixed: own.end, isOwn: true }) : configured),
  }
}

interface Rules {
  readonly idle: number | undefined
  readonly absolute: number | undefined
  readonly fixed?: number | undefined
  /** Of the session itself: then a codec has written its end by that, and not by an option of its own. */
  readonly isOwn?: boolean
}

function createLifetime({ idle, absolute, fixed, isOwn = false }: Rules): Lifetime {
  function lastAccess({ createdAt, accessedAt, expiresAt, validFor }: Times, now: Date): Date | undefined {
    const life = isOwn ? idle : (validFor ?? idle)
    if (accessedAt || !expiresAt || life === undefined) return accessedAt
    // The absolute end says nothing about the last access, nor does an end that another system has set further ahead.
    const absoluteEnd = (createdAt?.getTime() ?? Number.NaN) + (absolute ?? Number.NaN)
    if (life === idle && expiresAt.getTime() > absoluteEnd - WHOLE_SECONDS) return now
    const time = expiresAt.getTime() - life
    return new Date(Math.min(Math.max(time, createdAt?.getTime() ?? time), now.getTime()))
  }

  return {
    ended(times, now) {
      const { createdAt } = times
      const accessedAt = lastAccess(times, now)
      if (idle !== undefined && accessedAt) {
        if (isAhead(accessedAt, now)) return early('it was last used in the future')
        if (now.getTime() - accessedAt.getTime() > idle) return over('it was idle for too long')
      }
      if (absolute !== undefined && createdAt) {
        if (isAhead(createdAt, now)) return early('it begins in the future')
        if (now.getTime() - createdAt.getTime() > absolute) return over('it is too old')
      }
      return fixed !== undefined && now.getTime() >= fixed ? over('its own end has passed') : undefined
    },
    isUntimed(times, now) {
      const isNeverIdle = idle !== undefined && lastAccess(times, now) === undefined
      return isNeverIdle || (absolute !== undefined && times.createdAt === undefined)
    },
    lastAccess,
    expiresAt({ createdAt, accessedAt, expiresAt }) {
      let end = Math.min(expiresAt?.getTime() ?? Infinity, fixed ?? Infinity)
      if (accessedAt && idle !== undefined) end = Math.min(end, accessedAt.getTime() + idle)
      if (createdAt && absolute !== undefined) end = Math.min(end, createdAt.getTime() + absolute)
      return end === Infinity ? undefined : new Date(end)
    },
    idle,
    fixed,
    isEndless: (idle ?? absolute) === undefined,
  }
}

/**
 * Whether the times of a session must be renewed.
 *
 * @param isRenewed - what the format itself says, where it does: then only an idle timeout asks for more
 */
export type NeedsTouch = (lifetime: Lifetime, times: Times, now: Date, isRenewed?: boolean) => boolean

/**
 * @param touchEvery - how old the last access may get before it is written anew (0: always); `false` writes it only with other changes
 * @throws {TypeError} for a duration that is none
 */
export function createTouch(touchEvery: Duration | false | undefined, idleTimeout: number | undefined): NeedsTouch {
  const configured = touchInterval(touchEvery, idleTimeout)
  return ({ idle, fixed, lastAccess }, times, now, isRenewed) => {
    // No renewal moves a fixed end.
    if (fixed === undefined && (isRenewed === true || (isRenewed === false && idle === undefined))) return isRenewed
    const accessedAt = lastAccess(times, now)
    // A session that does not say when it was used last would never be idle: give it a time, as Beaker does.
    if (!accessedAt) return idle !== undefined
    // Without a touch a session with an idle timeout of its own would end although it is used.
    const own =
      idle === undefined || idle === idleTimeout ? configured : Math.min(configured ?? DEFAULT_TOUCH_EVERY, idle / 2)
    return own !== undefined && now.getTime() - accessedAt.getTime() >= own
  }
}

function touchInterval(touchEvery: Duration | false | undefined, idleTimeout: number | undefined): number | undefined {
  if (touchEvery === undefined) return Math.min(DEFAULT_TOUCH_EVERY, (idleTimeout ?? Number.POSITIVE_INFINITY) / 2)
  if (touchEvery === false) {
    if (idleTimeout === undefined) return undefined
    throw new TypeError('Option "touchEvery" cannot be false with an idleTimeout: active users would be signed out too')
  }
  const interval = touchEvery === 0 ? 0 : checkDuration(touchEvery, 'touchEvery')
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
