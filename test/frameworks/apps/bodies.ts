/** Answers of every kind: below /bare with a header of their own, below /session with a session. No module of Node. */
import { fetchSessions } from '../../../src/server/adapters/fetch.js'
import { createSessions } from '../../../src/server/core/sessions.js'
import { SECRET } from '../app-sessions.js'

const sessions = createSessions<{ user?: string }>({ secrets: [SECRET], expose: false })

/** One object for all requests, as a response without a body may be. */
const shared = new Response(null, { status: 404 })
const bytes = new TextEncoder().encode('bytes')

export const ANSWERS = {
  text: () => new Response('a text'),
  html: () => new Response('<p>a page</p>', { headers: { 'content-type': 'text/html' } }),
  empty: () => new Response(''),
  json: () => Response.json({ a: 1 }),
  bytes: () => new Response(bytes),
  blob: () => new Response(new Blob(['b {}'], { type: 'text/css' })),
  form: () => new Response(new URLSearchParams({ a: '1' })),
  stream: () => new Response(new Blob([bytes]).stream()),
  teapot: () => new Response('short and stout', { status: 418, statusText: 'Teapot' }),
  shared: () => shared,
  nothing: () => new Response(null, { status: 204 }),
  redirect: (request: Request) => Response.redirect(new URL('/bare/text', request.url), 303),
  fetched: (request: Request) => fetch(new URL('/bare/text', request.url)),
} satisfies Record<string, (request: Request) => Response | Promise<Response>>

function answerOf(request: Request): Response | Promise<Response> {
  const name = new URL(request.url).pathname.split('/').at(-1) as keyof typeof ANSWERS
  return ANSWERS[name](request)
}

const withSession = fetchSessions(sessions, (request, session) => {
  session.data.user = new URL(request.url).searchParams.get('user') ?? 'dave'
  return answerOf(request)
})

async function withHeader(request: Request): Promise<Response> {
  const response = await answerOf(request)
  // In a few of them it can't be set.
  try {
    response.headers.append('x-app', '1')
  } catch {}
  return response
}

export default {
  port: 0,
  hostname: '127.0.0.1',
  fetch: async (request: Request): Promise<Response> =>
    new URL(request.url).pathname.startsWith('/bare') ? await withHeader(request) : await withSession(request),
}
