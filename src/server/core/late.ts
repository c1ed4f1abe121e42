/**
 * What is written after the head of a response has left, and without a response: no cookie can be set any more, a row in the
 * store can.
 */
import { platform } from '#platform'
import { isSessionError, SessionError, type SessionErrorCode } from '../../shared/errors.js'
import { begin, commitNow, destroyNow } from './commit.js'
import type { Settings } from './options.js'
import { type Session, stateOf } from './session.js'

export interface LateWrites {
  /** Saves changed data. @throws {SessionError} `ERR_SESSION_TOO_LATE` if that needs a cookie, and what a commit throws */
  commit(session: Session<object>): Promise<void>
  /** Removes the row. @throws {SessionError} `ERR_SESSION_TOO_LATE` if only a cookie could end the session, `ERR_SESSION_STORE` */
  destroy(session: Session<object>): Promise<void>
  /**
   * For a response that is done: saves what changed after its head left. What can't be saved is told by an event.
   *
   * @param hasEnded - the application ended the session
   */
  finish(session: Session<object>, hasEnded: boolean): void
}

/** The warning is given once, and only if there is no listener for events. */
export function lateWrites(settings: Settings): LateWrites {
  const { turns, emit, name } = settings
  let hasWarned = false

  async function telling(write: () => Promise<unknown>): Promise<void> {
    try {
      await write()
    } catch (error) {
      const code: SessionErrorCode = isSessionError(error) ? error.code : 'ERR_SESSION_UNWRITABLE'
      emit?.({ type: 'unsaved', code })
      if (!emit && !hasWarned) {
        hasWarned = true
        platform.warn(
          code,
          `A session (${name}) was changed after the head of the response had left, and could not be saved`,
        )
      }
      throw error
    }
  }

  const commit = (session: Session<object>): Promise<void> =>
    telling(() =>
      turns(session, async () => {
        const pending = pendingChange(settings, session)
        if (pending === 'cookie') throw tooLate()
        if (pending === 'row') await commitNow(settings, session, undefined)
      }),
    )

  const destroy = (session: Session<object>): Promise<void> =>
    telling(() =>
      turns(session, async () => {
        if (!hasRow(session) && hasCookie(session)) throw tooLate()
        await destroyNow(settings, session, undefined)
      }),
    )

  return {
    commit,
    destroy,
    finish(session, hasEnded) {
      const { isDestroyed } = stateOf(session)
      if (hasEnded && !isDestroyed) destroy(session).catch(() => {})
      else if (pendingChange(settings, session)) commit(session).catch(() => {})
    },
  }
}

/** What has to be written for data that changed. It never waits and never throws. */
function pendingChange(settings: Settings, session: Session<object>): 'row' | 'cookie' | undefined {
  const { isDestroyed, isRegenerated } = stateOf(session)
  if (isDestroyed || settings.observe) return undefined
  try {
    const reason = begin(settings, session).plan?.reason
    // Without its row an emptied session has ended, whatever its cookie says.
    if (reason === 'emptied') return hasRow(session) ? 'row' : 'cookie'
    if (reason !== 'changed') return undefined
  } catch {
    return 'cookie'
  }
  return hasRow(session) && !isRegenerated ? 'row' : 'cookie'
}

function hasRow(session: Session<object>): boolean {
  return stateOf(session).loaded?.row !== undefined
}

function hasCookie(session: Session<object>): boolean {
  const { loaded, browser } = stateOf(session)
  return loaded !== undefined || browser.hasSession
}

function tooLate(): SessionError {
  return new SessionError(
    'ERR_SESSION_TOO_LATE',
    'The head of the response has left: the cookie of the session can not be set',
  )
}
