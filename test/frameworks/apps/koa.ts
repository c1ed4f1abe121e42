/** The suite's application on Koa 3, with the lines of docs/frameworks/koa.md. */
import { Readable } from 'node:stream'
import Koa from 'koa'
import type { Session } from '../../../src/server/core/session.js'
import { isSessionError } from '../../../src/shared/errors.js'
import { actionOf, type Data } from '../actions.js'
import type { AppSessions } from '../app-sessions.js'
import type { RunningApp } from '../behaviour.js'
import { listen } from './listen.js'

interface State {
  session: Session<Data>
  other: Session<Data>
}

export function startKoa(both: AppSessions): Promise<RunningApp> {
  const app = new Koa<State>()
  app.silent = true
  for (const [name, sessions] of [
    ['session', both.sessions],
    ['other', both.other],
  ] as const) {
    app.use(async (ctx, next) => {
      const fail = (error: unknown): never => ctx.throw(isOutage(error) ? 503 : 500, error as Error)
      ctx.state[name] = await sessions.load(ctx.req).catch(fail)
      await next()
      await sessions.commit(ctx.state[name], ctx.res).catch(fail)
    })
  }
  app.use(async (ctx) => {
    const { session, other } = ctx.state
    const answer = await actionOf(ctx.path)({
      data: () => session.data,
      id: () => session.id,
      regenerate: () => session.regenerate(),
      destroy: () => both.sessions.destroy(session),
      other: () => other.data,
    })
    const { status = 200, location, body, headers = {} } = answer
    ctx.set(headers)
    if (location !== undefined) ctx.redirect(location)
    ctx.status = status
    ctx.body = Array.isArray(body) ? Readable.from(body) : body
    if (body === undefined) ctx.status = status
  })
  return listen(app.callback())
}

function isOutage(error: unknown): boolean {
  return isSessionError(error) && ['ERR_SESSION_STORE', 'ERR_SESSION_KEYS'].includes(error.code)
}
