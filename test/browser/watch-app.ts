/** A page that follows two sessions and writes down what it hears, and its server. Chromium, Firefox and WebKit show it. */

import { readFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { expect } from 'playwright/test'
import { beakerJwt, createSessions } from '../../src/server/index.js'
import { defineSession } from '../../src/shared/index.js'
import { clientFiles } from './client-page.js'
import { servedBy } from './served.js'

/** How long the session `brief` lasts without a request. */
export const SECONDS = 3
const app = defineSession<{ user: string }>()({ name: 'app', idleTimeout: SECONDS * 60, expose: ['user'] })
const brief = defineSession<{ user: string }>()({ name: 'brief', idleTimeout: SECONDS, expose: ['user'] })
const codecs = [beakerJwt({ secrets: ['a secret that only this test has, of 44 bytes'] })]
const sessions = {
  app: createSessions({ session: app, codecs, secure: false }),
  brief: createSessions({ session: brief, codecs, secure: false }),
}

/** What the page has written down: each change with the user, and how many milliseconds after its first line of script. */
export type Heard = [reason: string, user: string | null, time: number][]

const PAGE = `<!doctype html><title>page</title><p id="user"></p><iframe hidden></iframe>
<script src="/import-map.js"></script>
<script>if (location.search === '?without') Object.defineProperty(window, 'cookieStore', { value: undefined })</script>
<script type="module">
import * as client from '/dist/client/index.js'
import { defineSession } from '/dist/shared/index.js'
Object.assign(window, { client, heard: [] })
const app = window.app = defineSession({ name: 'app', idleTimeout: ${SECONDS * 60} })
window.brief = defineSession({ name: 'brief', idleTimeout: ${SECONDS} })
const show = (session) => { document.querySelector('#user').textContent = session?.user ?? 'nobody' }
show(client.getSession(app))
if (document.prerendering) {
  localStorage.prerendered = document.querySelector('#user').textContent
  const tell = () => { localStorage.activated = document.querySelector('#user').textContent }
  document.addEventListener('prerenderingchange', () => setInterval(tell, 50))
}
for (const definition of [app, window.brief]) {
  client.watchSession(definition, (session, { reason }) => {
    if (definition === app) show(session)
    window.heard.push([reason, session?.user ?? null, Date.now()])
  })
}
</script>`

const SERVICE_WORKER = `import { watchSession } from '/dist/client/index.js'
import { defineSession } from '/dist/shared/index.js'
const heard = []
watchSession(defineSession({ name: 'app', idleTimeout: ${SECONDS * 60} }), (session, { reason }) => heard.push([reason, session?.user ?? null]))
addEventListener('message', ({ ports }) => ports[0].postMessage(heard))
addEventListener('activate', (event) => event.waitUntil(clients.claim()))`

/** `/sign-in?name=app&user=`, `/sign-out?name=app`, `/who?name=app`; `/page` is the page, `/page?without` as in a browser without a Cookie Store. */
async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
  if (pathname === '/page') return void response.setHeader('content-type', 'text/html').end(PAGE)
  if (pathname === '/worker.js') {
    return void response.setHeader('content-type', 'text/javascript').end(SERVICE_WORKER)
  }
  const [folder] = Object.keys(clientFiles).filter((path) => pathname.startsWith(path))
  if (folder) {
    const file = `${clientFiles[folder]}${pathname.slice(folder.length)}`
    return void response.setHeader('content-type', 'text/javascript').end(await readFile(file))
  }
  const own = sessions[searchParams.get('name') === 'brief' ? 'brief' : 'app']
  const session = await own.load(request)
  const { user } = session.data
  if (pathname === '/sign-in') session.data.user = searchParams.get('user') ?? 'dave'
  if (pathname === '/sign-out') await own.destroy(session, response)
  await own.commit(session, response)
  response.end(JSON.stringify({ user: user ?? null }))
}

export const test = servedBy(answer)

/** Asks the server all the time, outside of any browser, until it says that the brief session of a cookie has ended. @returns when it did */
export async function endOnServer(url: string, cookie: string): Promise<number> {
  const who = async (): Promise<string | null> => {
    const response = await fetch(`${url}/who?name=brief`, { headers: { cookie } })
    return ((await response.json()) as { user: string | null }).user
  }
  expect(await who()).toBe('dave')
  while (await who()) await new Promise((resolve) => setTimeout(resolve, 20))
  return Date.now()
}
