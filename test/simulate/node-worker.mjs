// @ts-check
/**
 * A worker of the simulated fleet: node:http and sessions of this package, as built. Started with an IPC channel, to which it
 * reports what its events say, and answers whether something can be retired.
 */
import { createServer } from 'node:http'

/** @type {typeof import('../../src/server/index.js')} */
const { beaker, beakerJwt, createReadStats, createSessions, defineSession } = await import(
  new URL('../../dist/server/index.js', import.meta.url).href
)

/**
 * @typedef {object} AppSession
 * @property {string} [user]
 * @property {number} [visits]
 * @property {Date} [since]
 * @property {string[]} [roles]
 */

/** @type {ReturnType<typeof import('./plan.mjs').nodeOptions>} */
const { cookieName, formats, validateKey, removeKeys, secrets } = JSON.parse(process.argv[2] ?? '')
const REPORT_EVERY_MS = 100

const codecs = {
  beaker: () => beaker({ validateKey, serializer: 'pickle', removeKeys }),
  'beaker-jwt': () => beakerJwt({ secrets }),
}
const stats = createReadStats()
/** @type {Map<string, number>} */
let counts = new Map()

const sessions = createSessions({
  session: /** @type {typeof defineSession<AppSession>} */ (defineSession)({ name: cookieName }),
  codecs: formats.map((format) => codecs[format]()),
  expose: true,
  secure: false,
  on(event) {
    stats.on(event)
    const what = event.type === 'read' ? `read ${event.codec} ${event.keyIndex ?? 0}` : event.type
    counts.set(what, (counts.get(what) ?? 0) + 1)
  },
})

const server = createServer(async (request, response) => {
  try {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
    const session = await sessions.load(request)
    if (pathname === '/login') {
      session.regenerate()
      Object.assign(session.data, {
        user: searchParams.get('user'),
        visits: 0,
        since: new Date(Number(searchParams.get('since'))),
        roles: ['reader', 'editor'],
      })
    }
    const { data } = session
    if (data.user !== undefined) data.visits = (data.visits ?? 0) + 1
    const view = { user: data.user, visits: data.visits, since: data.since?.getTime(), roles: data.roles }
    await sessions.commit(session, response)
    response.setHeader('content-type', 'application/json').end(JSON.stringify(view))
  } catch (error) {
    console.error(error)
    response.writeHead(500).end()
  }
})

// The proxy decides when a connection ends.
server.keepAliveTimeout = 0
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.send?.({ listening: typeof address === 'object' ? address?.port : undefined })
})

const report = () => {
  if (counts.size > 0 && process.connected) process.send?.({ counts: [...counts] })
  counts = new Map()
}
setInterval(report, REPORT_EVERY_MS)

process.on('message', (/** @type {{ safeToRetire?: number, stop?: true }} */ question) => {
  if (question.safeToRetire !== undefined) process.send?.({ safe: stats.safeToRetire(question.safeToRetire) })
  if (question.stop) {
    report()
    process.disconnect()
  }
})
process.on('disconnect', () => process.exit(0))
