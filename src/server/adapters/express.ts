/**
 * Sessions for Express 5 and Connect: `req.session` is the data, saved by itself before the head of the response leaves.
 */
import { isSessionError } from '../../shared/errors.js'
import type { SessionData } from '../../shared/types.js'
import { run, wait } from '../flow.js'
import { type Session, stateOf } from '../session.js'
import { type Sessions, trips } from '../sessions.js'
import { holdResponse, type NodeResponse } from './held-response.js'

/** The part of an Express request that is used here. */
export interface NodeRequest {
  readonly headers: { readonly cookie?: string | undefined }
}

export type ExpressMiddleware = (request: NodeRequest, response: NodeResponse, next: (error?: unknown) => void) => void

/**
 * Express middleware: `req.session` is the session's data. Change it, deep inside too, and it is saved before the head of the
 * response leaves; what changes after that is lost. `req.session = null` ends the session. The whole `Session` is what
 * `await sessions.load(req)` gives.
 *
 * Whatever can't be saved goes to `next` in place of the response; an outage of the store or the source of keys has `status` 503.
 *
 * @returns a function for `app.use` of Express and Connect
 * @example
 * app.use(expressSessions(sessions))
 * app.get('/', (req, res) => res.json({ visits: (req.session.visits = (req.session.visits ?? 0) + 1) }))
 */
export function expressSessions<Data extends object = SessionData>(sessions: Sessions<Data>): ExpressMiddleware {
  const { load, commit, destroy } = sessions[trips]
  if (commit === undefined) throw new TypeError('expressSessions saves sessions: these are read only')

  function attach(
    request: NodeRequest,
    response: NodeResponse,
    next: (error?: unknown) => void,
    session: Session<Data>,
  ): void {
    let ended = false
    Object.defineProperty(request, 'session', {
      configurable: true,
      enumerable: true,
      get: () => (ended || stateOf(session).isDestroyed ? null : session.data),
      set: (data: Data | null | undefined) => {
        // What comes after an end is another session: it must not go on under the old id.
        if (ended && data) session.regenerate()
        ended = data === null || data === undefined
        if (data) session.data = data
      },
    })
    holdResponse(response, {
      prepare: () => run(prepare(session, response, () => ended)),
      fail: (error) => next(withStatus(error)),
    })
    next()
  }

  function* prepare(session: Session<Data>, response: NodeResponse, isEnded: () => boolean) {
    const target = response as Parameters<typeof commit>[1]
    yield* wait(isEnded() ? destroy(session, target) : commit(session, target))
  }

  return (request, response, next) => {
    run(
      (function* () {
        let session: Session<Data>
        try {
          session = yield* wait(load(request))
        } catch (error) {
          next(withStatus(error))
          return
        }
        attach(request, response, next, session)
      })(),
    )
  }
}

/** Express answers with an error's `status`. */
function withStatus(error: unknown): unknown {
  const isOutage = isSessionError(error) && (error.code === 'ERR_SESSION_STORE' || error.code === 'ERR_SESSION_KEYS')
  return isOutage ? Object.assign(error, { status: 503 }) : error
}
