/** The suite's application on `node:http` alone, with the lines of docs/frameworks/node-http.md. */
import { isSessionError } from '../../../src/shared/errors.js'
import { actionOf } from '../actions.js'
import type { AppSessions } from '../app-sessions.js'
import type { RunningApp } from '../behaviour.js'
import { listen } from './listen.js'
import { send } from './send.js'

export function startNodeHttp({ sessions, other }: AppSessions): Promise<RunningApp> {
  return listen(async (request, response) => {
    try {
      const session = await sessions.load(request)
      const second = await other.load(request)
      const answer = await actionOf(request.url ?? '/')({
        data: () => session.data,
        id: () => session.id,
        regenerate: () => session.regenerate(),
        destroy: () => sessions.destroy(session),
        other: () => second.data,
      })
      for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value)
      await sessions.commit(session, response)
      await other.commit(second, response)
      await send(response, answer)
    } catch (error) {
      // What was said of the page does not go for this one.
      for (const name of response.getHeaderNames()) response.removeHeader(name)
      response.statusCode = isSessionError(error) && error.code === 'ERR_SESSION_STORE' ? 503 : 500
      response.end('sorry')
    }
  })
}
