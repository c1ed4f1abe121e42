/**
 * The demo as one request listener: the page, its event stream, and a POST for each button.
 */
import { touchHandler } from '../../../dist/server/index.js'
import { changes } from './actions.mjs'
import { explain, verdictOf } from './answers.mjs'
import { createDesk } from './desk.mjs'
import { createEventStream, message } from './event-stream.mjs'
import { endEverywhere, hasEnded } from './everywhere.mjs'
import { INSPECTOR, readPageFile, securityHeaders } from './files.mjs'
import { readBody, refusal } from './guard.mjs'
import { createKeys } from './keys.mjs'
import { createSettings } from './settings.mjs'

/** @typedef {import('node:http').IncomingMessage} Request */
/** @typedef {import('node:http').ServerResponse} Response */
/** @typedef {{ port: number, stop(): void }} Python */

/** @param {{ retireAfter: number }} options - seconds that an old key must have been unused */
export function createApp({ retireAfter }) {
  const keys = createKeys(retireAfter)
  const settings = createSettings()
  const stream = createEventStream()
  const desk = createDesk({ keys, settings, onEvent: (event) => stream.log(event) })
  /** Renews a session for a page in use; it looks itself who asks. */
  const touch = touchHandler(() => desk.sessions)
  /** @type {Python | undefined} */
  let python

  const report = () => ({
    settings: settings.report(),
    keys: keys.report(),
    retireAfter,
    pythonPort: python?.port ?? null,
    now: new Date(),
  })
  const tellState = () => stream.tell('state', report())
  keys.onChange(tellState)
  settings.onChange(tellState)
  // An old key becomes safe to retire by the mere passing of time.
  const ticking = setInterval(() => stream.isWatched && keys.report().length > 1 && tellState(), 1000)
  ticking.unref()

  /** @type {Record<string, (body: Record<string, unknown>) => void>} What is about the server and not about a session. */
  const switches = {
    rotate: () => keys.rotate(),
    retire: ({ key }) => keys.retire(Number(key)),
    settings: ({ name, position }) => {
      if (!settings.change(name, position)) throw new TypeError('there is no such switch')
    },
  }

  /** @param {Request} request @param {Response} response */
  async function handle(request, response) {
    for (const [name, value] of Object.entries(securityHeaders(python?.port))) response.setHeader(name, value)
    try {
      const reason = refusal(request)
      const { pathname } = new URL(request.url ?? '/', 'http://localhost')
      if (reason) send(response, 403, { error: { message: reason } })
      else if (pathname === '/session') await renew(request, response)
      else if (request.method === 'POST') await post(pathname.slice(1), request, response)
      else if (pathname === '/events') await watch(request, response)
      else await sendFile(pathname, response)
    } catch (error) {
      console.error(error)
      if (!response.headersSent) send(response, 500, { error: { message: 'the demo has a bug: see its terminal' } })
    }
  }

  /** @param {Request} request @param {Response} response */
  async function renew(request, response) {
    const { sessions } = desk
    const session = await sessions.load(request)
    if (!hasEnded(session)) return touch(request, response)
    await sessions.commit(session, response)
    send(response, 401, {})
  }

  /** @param {string} action @param {Request} request @param {Response} response */
  async function post(action, request, response) {
    const body = await readBody(request)
    if (!body) return send(response, 400, { error: { message: 'the body must be a JSON object, and not a large one' } })
    const { result, events } = await desk.listen(async () => {
      try {
        return await act(action, body, request, response)
      } catch (error) {
        return explain(error)
      }
    })
    const { status, error } = result
    // Keys and switches alone do not touch the session, so there is nothing new to say about it.
    const verdict = action === 'rotate' || action === 'retire' ? undefined : verdictOf(events)
    send(response, status, { error, verdict, events, state: report() })
    tellState()
  }

  /**
   * @param {string} action @param {Record<string, unknown>} body @param {Request} request @param {Response} response
   * @returns {Promise<{ status: number, error?: unknown }>}
   */
  async function act(action, body, request, response) {
    if (Object.hasOwn(switches, action)) {
      switches[action]?.(body)
      if (action !== 'settings') return { status: 200 }
    }
    // Taken after the switch: the answer to a switch is the first cookie that is written by the new rule.
    const { sessions } = desk
    const session = await sessions.load(request)
    hasEnded(session)
    if (action === 'sign-out-everywhere') {
      await endEverywhere(session)
      // Every page asks whether its session is one of those.
      response.once('finish', () => stream.tell('check', null))
    }
    if (action === 'sign-out' || action === 'sign-out-everywhere') await sessions.destroy(session, response)
    else {
      const change = Object.hasOwn(changes, action) ? changes[action] : action === 'settings' && changes.visit
      if (!change) return { status: 404, error: { message: 'there is no such button' } }
      change(session, body)
      await sessions.commit(session, response)
    }
    return { status: 200 }
  }

  /** @param {Request} request @param {Response} response */
  async function watch(request, response) {
    stream.open(response)
    const { events } = await desk.listen(() => desk.sessions.load(request))
    response.write(message('state', report()))
    response.write(message('verdict', verdictOf(events)))
  }

  return {
    handle,
    keys,
    settings,
    /** @param {Python} started */
    attachPython(started) {
      python = started
      tellState()
    },
    close() {
      clearInterval(ticking)
      python?.stop()
      stream.close()
    },
  }
}

/** @param {string} pathname @param {Response} response */
async function sendFile(pathname, response) {
  const file = await readPageFile(pathname)
  if (!file) return send(response, 404, { error: { message: 'there is no such page' } })
  if (pathname === INSPECTOR) response.setHeader('content-security-policy', "frame-ancestors 'none'")
  response.writeHead(200, { 'content-type': file.type, 'cache-control': 'no-cache' })
  response.end(file.body)
}

/** @param {Response} response @param {number} status @param {unknown} body */
function send(response, status, body) {
  response.statusCode = status
  response.setHeader('content-type', 'application/json')
  if (!response.getHeader('cache-control')) response.setHeader('cache-control', 'no-store')
  response.end(JSON.stringify(body))
}
