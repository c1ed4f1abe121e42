/** A plain node:http application, `load` and `commit` by hand: sign in, change, look at and end a session. */
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { normalize } from 'node:path'
import {
  type BeakerConfig,
  createSessions,
  type Duration,
  type Expose,
  fromBeakerConfig,
  type Session,
  type SessionData,
  type Sessions,
  type SessionsOptions,
} from '../../src/server/index.js'
import { type Client, clientFiles, clientPages } from './client-page.js'

export interface NodeAppOptions {
  /** With commas, as Python has them: the first signs, all verify. */
  secrets: string
  expose: Expose
  client: Client
  /** Further options of its sessions. */
  options?: Pick<SessionsOptions, 'session' | 'maxAge'>
}

/** What `/look` tells. */
export interface Look {
  /** When the session was loaded, in milliseconds since 1970. */
  now: number
  user?: unknown
  endsAt?: number | undefined
}

export interface NodeApp {
  /** Without a slash at its end. */
  readonly url: string
  close(): Promise<void>
}

/**
 * Starts the application on a free port of 127.0.0.1. `/login?user=`, `/set?key=&value=`, `/logout`, `/json` and
 * `/rotate?keys=` and `/configure?session=` do what they do in python/app.py. `/login` also takes `remember=`, and `/look` tells
 * of a session without writing it. Any other path shows the page.
 */
export async function startNodeApp({ secrets, expose, client, options }: NodeAppOptions): Promise<NodeApp> {
  let sessions = sessionsOf(secrets)
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  function sessionsOf(keys: string): Sessions {
    return createSessions({ ...options, secrets: keys, expose, secure: false })
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://127.0.0.1')
    if (pathname === '/rotate') {
      sessions = sessionsOf(query.get('keys') ?? '')
      response.end('rotated')
      return
    }
    if (pathname === '/configure') {
      const config = JSON.parse(query.get('session') ?? '') as BeakerConfig
      sessions = createSessions({ ...fromBeakerConfig(config), expose })
      response.end('configured')
      return
    }
    const file = clientFile(pathname)
    if (file !== undefined) {
      const content = await readFile(file)
      response.writeHead(200, { 'content-type': 'text/javascript' }).end(content)
      return
    }
    await answerWithSession(pathname, query, request, response)
  }

  async function answerWithSession(
    pathname: string,
    query: URLSearchParams,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const now = Date.now()
    const session = await sessions.load(request)
    if (pathname === '/look') {
      response.end(
        JSON.stringify({ now, user: session.data.user, endsAt: session.expiresAt?.getTime() } satisfies Look),
      )
      return
    }
    if (pathname === '/login') {
      session.regenerate() // a new id at sign-in
      session.data.user = query.get('user')
      session.remember((query.get('remember') as Duration | 'browser' | null) ?? undefined)
    } else if (pathname === '/set') {
      session.data[query.get('key') ?? ''] = query.get('value')
    }
    if (pathname === '/logout') await sessions.destroy(session, response)
    else await sessions.commit(session, response)

    if (pathname === '/json') {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(session))
    } else if (['/login', '/set', '/logout'].includes(pathname)) {
      response.writeHead(303, { location: '/' }).end()
    } else {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(pageOf(session, client))
    }
  }

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

function clientFile(pathname: string): string | undefined {
  for (const [prefix, place] of Object.entries(clientFiles)) {
    if (pathname === prefix) return place
    const path = normalize(pathname)
    if (path.startsWith(`${prefix}/`)) return place + path.slice(prefix.length)
  }
  return undefined
}

function pageOf({ data }: Session<SessionData>, client: Client): string {
  const { scripts, inline } = clientPages[client]
  const rows = Object.entries(data).map(([key, value]) => {
    const text = escapeHtml(typeof value === 'string' ? value : JSON.stringify(value))
    return `<tr data-key="${escapeHtml(key)}"><th>${escapeHtml(key)}</th><td>${text}</td></tr>`
  })
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Node application</title>
<h1>Node sees</h1>
<table id="node-session">
${rows.join('\n')}
</table>
<h1>The browser sees</h1>
<pre id="browser-session"></pre>
${scripts.map((url) => `<script src="${escapeHtml(url)}"></script>`).join('\n')}
<script type="module">
${inline}
</script>
</html>
`
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
}
