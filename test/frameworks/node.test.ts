/** The behaviour suite over the frameworks that run in this process, with codecs that answer at once and later. */
import { appSessions } from './app-sessions.js'
import { startExpress } from './apps/express.js'
import { startFastify } from './apps/fastify.js'
import { fetchApp } from './apps/fetch.js'
import { startHono } from './apps/hono.js'
import { startKoa } from './apps/koa.js'
import { startNodeFetch } from './apps/node-fetch.js'
import { startNodeHttp } from './apps/node-http.js'
import { describeBehaviour } from './behaviour.js'

for (const isSlow of [false, true]) {
  const name = (framework: string): string => `${framework}, codecs that answer ${isSlow ? 'later' : 'at once'}`
  const both = appSessions(isSlow)
  describeBehaviour(name('Express'), () => startExpress(both), { savesOnError: true })
  describeBehaviour(name('Fastify'), () => startFastify(both), { savesOnError: true })
  describeBehaviour(name('Hono'), () => startHono(both), { savesOnError: true, hasLazySession: false })
  describeBehaviour(name('fetch'), () => startNodeFetch(fetchApp(both)), { savesOnError: false, hasLazySession: false })
  describeBehaviour(name('Koa'), () => startKoa(both), { savesOnError: false, hasLazySession: false })
  describeBehaviour(name('node:http'), () => startNodeHttp(both), { savesOnError: false, hasLazySession: false })
}
