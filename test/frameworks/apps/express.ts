/** The suite's application on Express 5. */
import express, { type ErrorRequestHandler, type Request } from 'express'
import { type ExpressSession, expressSessions } from '../../../src/server/adapters/express.js'
import { actionOf, type Data } from '../actions.js'
import type { AppSessions } from '../app-sessions.js'
import type { RunningApp } from '../behaviour.js'
import { listen } from './listen.js'
import { send } from './send.js'

export function startExpress({ sessions, other }: AppSessions): Promise<RunningApp> {
  const app = express()
  app.use(expressSessions(sessions), expressSessions(other, { property: 'other' }))
  app.use(async (req, res) => {
    const session = (): ExpressSession<Data> => sessionsOf(req).session
    const answer = await actionOf(req.path)({
      data: () => session() as Data,
      id: () => session().id,
      regenerate: () => session().regenerate(),
      destroy: () => session().destroy(),
      other: () => sessionsOf(req).other as Data,
    })
    if (answer.location !== undefined) res.redirect(answer.status ?? 302, answer.location)
    else if (typeof answer.body === 'string')
      res
        .status(answer.status ?? 200)
        .set(answer.headers)
        .send(answer.body)
    else await send(res, answer)
  })
  const onError: ErrorRequestHandler = (error, _req, res, _next) => {
    res.status(error.status ?? 500).send('sorry')
  }
  app.use(onError)
  return listen(app)
}

function sessionsOf(req: Request): { session: ExpressSession<Data>; other: ExpressSession<Data> } {
  return req as never
}
