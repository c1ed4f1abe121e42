// @ts-check
/**
 * A worker of the simulated fleet: node:http and sessions of this package, as built. Started with an IPC channel, by which
 * it is told the time, reports what its events say, and answers whether something can be retired.
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
/** A round of the clients counts as a second. */
const began = Date.now()
let round = 0
const clock = () => new Date(began + round * 1000)

const codecs = {
  beaker: () => beaker({ validateKey, serializer: 'pickle', removeKeys }),
  'beaker-jwt': () => beakerJwt({ secrets }),
}
/** Begins to count with the first round that the worker is told of. @type {import('../../src/server/index.js').ReadStats | undefined} */
let stats
/** @type {Map<string, number>} */
let counts = new Map()

const sessions = createSessions({
  session: /** @type {import("../../src/server/index.js").SessionDefinition<AppSession>} */ (
    defineSession({ name: cookieName })
  ),
  codecs: formats.map((format) => codecs[format]()),
  expose: true,
  secure: false,
  clock,
  on(event) {
    stats?.on(event)
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

process.on(
  'message',
  (/** @type {{ round?: number, report?: true, safeToRetire?: number, stop?: true }} */ question) => {
    if (question.stop) return process.disconnect()
    if (question.round !== undefined) {
      round = question.round
      stats ??= createReadStats({ clock })
    }
    if (question.report) {
      process.send?.({ counts: [...counts] })
      counts = new Map()
    }
    const { safeToRetire } = question
    process.send?.({ answer: safeToRetire === undefined ? true : (stats?.safeToRetire(safeToRetire) ?? false) })
  },
)
process.on('disconnect', () => process.exit(0))
