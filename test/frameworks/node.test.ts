/** The behaviour suite over the frameworks that run in this process: with codecs that answer at once and later, and with a store. */
import { appSessions } from './app-sessions.js'
import { startExpress } from './apps/express.js'
import { startFastify } from './apps/fastify.js'
import { fetchApp } from './apps/fetch.js'
import { startHono } from './apps/hono.js'
import { startKoa } from './apps/koa.js'
import { startNodeFetch } from './apps/node-fetch.js'
import { startNodeHttp } from './apps/node-http.js'
import { describeBehaviour } from './behaviour.js'

for (const kind of ['at once', 'later', 'from a store'] as const) {
  const name = (framework: string): string => `${framework}, sessions ${kind}`
  const both = appSessions(kind)
  const hasStore = kind === 'from a store'
  describeBehaviour(name('Express'), () => startExpress(both), { savesOnError: true, hasStore })
  describeBehaviour(name('Fastify'), () => startFastify(both), { savesOnError: true, hasStore })
  describeBehaviour(name('Hono'), () => startHono(both), { savesOnError: true, hasStore, hasLazySession: false })
  describeBehaviour(name('fetch'), () => startNodeFetch(fetchApp(both)), {
    savesOnError: false,
    hasStore,
    hasLazySession: false,
  })
  describeBehaviour(name('Koa'), () => startKoa(both), { savesOnError: false, hasStore, hasLazySession: false })
  describeBehaviour(name('node:http'), () => startNodeHttp(both), {
    savesOnError: false,
    hasStore,
    hasLazySession: false,
  })
}
