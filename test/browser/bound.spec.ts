/**
 * Device bound sessions in a real Chromium with a key in software: registered at the sign-in, renewed before requests, useless in another
 * browser. What the browser does itself is told by the events of its debugger.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { type Browser, type BrowserContext, test as base, chromium, expect, type Page } from 'playwright/test'
import { findBrowser } from '../../scripts/find-browser.mjs'
import {
  type BoundOptions,
  compact,
  createSessions,
  expressBound,
  memoryStore,
  type Sessions,
  type SessionsOptions,
} from '../../src/server/index.js'
import { certificateFor } from './certificate.js'

const NAME = 'beaker.session.id'
const PROOF = `${NAME}.bound`
const secrets = ['the first of the two keys of this test.', 'the second of the two keys of this test.']
const HOSTS = ['dbsc.test', 'app.dbsc.test', 'other.example']
const certificate = certificateFor(HOSTS)
const FEATURES = 'DeviceBoundSessions:RefreshQuota/false,EnableBoundSessionCredentialsSoftwareKeysForManualTesting'

/** A server with sessions that a test may change, and what browsers asked of it. */
interface Served {
  url: string
  port: number
  sessions: Sessions
  /** Seconds by which its clock is wrong. */
  skew: number
  /** `register 200` and the like, without those of other paths. */
  log: string[]
  /** Runs before an answer of the handler leaves. */
  before(step: string): Promise<void> | void
  /** Runs when it has left. */
  after(step: string, status: number): void
  change(options?: BoundOptions, more?: Partial<SessionsOptions>): void
}

interface Visitor {
  context: BrowserContext
  page: Page
  /** What the debugger tells of the bound sessions of the page. */
  events: Event[]
  /** What a request of the page shows of its session. */
  look(page?: Page): Promise<Seen>
  /** Signs in and waits until the browser has registered. */
  signIn(): Promise<void>
  /** The proof is gone, as when it has expired. */
  dropProof(): Promise<void>
}

interface Seen {
  user?: string
  isBound: boolean
  key?: string
  rejected?: string
}

interface Event {
  creationEventDetails?: { fetchResult?: string }
  refreshEventDetails?: { refreshResult?: string }
  challengeEventDetails?: { challengeResult?: string }
  terminationEventDetails?: { deletionReason?: string }
}

const test = base.extend<{ served: Served; visitor: Visitor }, { bindingBrowser: Browser; plainBrowser: Browser }>({
  // biome-ignore lint/correctness/noEmptyPattern: the runner reads the names of the fixtures out of it
  bindingBrowser: [({}, use) => withBrowser([`--enable-features=${FEATURES}`], use), { scope: 'worker' }],
  // biome-ignore lint/correctness/noEmptyPattern: the same
  plainBrowser: [({}, use) => withBrowser([], use), { scope: 'worker' }],
  // biome-ignore lint/correctness/noEmptyPattern: the same
  served: async ({}, use) => {
    const { served, close } = await serve()
    await use(served)
    close()
  },
  visitor: async ({ bindingBrowser, served }, use) => {
    const context = await bindingBrowser.newContext()
    await use(await visitorOf(context, served))
    await context.close()
  },
})

async function withBrowser(args: string[], use: (browser: Browser) => Promise<void>): Promise<void> {
  const executablePath = findBrowser()
  const browser = await chromium.launch({
    ...(executablePath === undefined ? {} : { executablePath }),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--no-proxy-server',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      `--host-resolver-rules=${HOSTS.map((host) => `MAP ${host} 127.0.0.1`).join(',')}`,
      `--ignore-certificate-errors-spki-list=${certificate.spki}`,
      ...args,
    ],
  })
  await use(browser)
  await browser.close()
}

async function serve(): Promise<{ served: Served; close: () => void }> {
  const clock = (): Date => new Date(Date.now() + served.skew * 1000)
  const make = (options: BoundOptions = {}, more: Partial<SessionsOptions> = {}): Sessions =>
    createSessions({
      codecs: [compact({ secrets })],
      expose: false,
      clock,
      bound: { required: 'if-bound', exclude: ['/sign-out'], ...options },
      ...more,
    })
  const served: Served = {
    url: '',
    port: 0,
    sessions: make(),
    skew: 0,
    log: [],
    before() {},
    after() {},
    change: (options, more) => {
      served.sessions = make(options, more)
    },
  }
  const server = createServer({ key: certificate.key, cert: certificate.cert }, (request, response) => {
    answer(served, request, response).catch((error) => response.writeHead(500).end(String(error)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  served.port = (server.address() as AddressInfo).port
  served.url = `https://dbsc.test:${served.port}`
  return {
    served,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** `/sign-in`, `/sign-out`, and all other paths show the session of the request. */
async function answer(served: Served, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', served.url)
  const step = /^\/dbsc\/(\w+)/.exec(pathname)?.[1]
  if (step) {
    await served.before(step)
    response.once('finish', () => {
      served.log.push(`${step} ${response.statusCode}`)
      served.after(step, response.statusCode)
    })
  }
  const { sessions } = served
  expressBound(sessions)(request, response, (error) => {
    const shown = error ? Promise.reject(error) : show(sessions, pathname, { request, response })
    shown.catch((thrown) => response.writeHead(503).end(String(thrown)))
  })
}

async function show(
  sessions: Sessions,
  pathname: string,
  { request, response }: { request: IncomingMessage; response: ServerResponse },
): Promise<void> {
  if (pathname === '/favicon.ico') return void response.writeHead(204).end()
  if (pathname === '/links') {
    response.setHeader('Content-Type', 'text/html')
    return void response.end(`<a href="https://dbsc.test:${request.socket.localPort}/page#part">there</a>`)
  }
  const session = await sessions.load(request)
  if (pathname === '/sign-in') {
    session.regenerate({ authenticated: true })
    session.data.user = 'dave'
    session.bind()
  }
  if (pathname === '/sign-out') await sessions.destroy(session, response)
  else await sessions.commit(session, response)
  const { isBound, boundKey: key, rejected, data } = session
  response.setHeader('Content-Type', 'text/html')
  response.end(JSON.stringify({ user: data.user, isBound, key, rejected: rejected?.code }))
}

async function visitorOf(context: BrowserContext, served: Served): Promise<Visitor> {
  const page = await context.newPage()
  const events: Event[] = []
  const debug = await context.newCDPSession(page)
  await debug.send('Network.enable')
  await debug.send('Network.enableDeviceBoundSessions' as 'Network.enable', { enable: true } as object)
  debug.on('Network.deviceBoundSessionEventOccurred' as 'Network.dataReceived', (event) => events.push(event as Event))
  return {
    context,
    page,
    events,
    async look(where = page) {
      await where.goto(`${served.url}/page`)
      return seenOn(where)
    },
    async signIn() {
      const before = count(served, 'register 200')
      await page.goto(`${served.url}/sign-in`)
      await expect.poll(() => count(served, 'register 200')).toBe(before + 1)
      await expect
        .poll(() => events.filter((event) => event.creationEventDetails?.fetchResult === 'Success').length)
        .toBe(before + 1)
    },
    dropProof: () => context.clearCookies({ name: PROOF }),
  }
}

async function seenOn(page: Page): Promise<Seen> {
  return JSON.parse((await page.textContent('body')) ?? '') as Seen
}

function count({ log }: Served, line: string): number {
  return log.filter((each) => each === line).length
}

function refreshes(events: readonly Event[]): (string | undefined)[] {
  return events.flatMap(({ refreshEventDetails: details }) => (details ? [details.refreshResult] : []))
}

test('a sign-in is bound, and after the end of its proof the browser renews it before a request', async ({
  served,
  visitor: { look, signIn, events, context, page },
}) => {
  served.change({ life: '6s' })
  await signIn()
  const first = await look()
  expect(first).toEqual({ user: 'dave', isBound: true, key: expect.stringMatching(/^[\w-]{43}$/) })
  await page.goto('about:blank')
  await expect.poll(async () => (await context.cookies(served.url)).map(({ name }) => name)).toEqual([NAME])
  expect(await look()).toEqual(first)
  expect(refreshes(events)).toContain('Refreshed')
  expect(served.log.filter((line) => line.startsWith('refresh'))).toContain('refresh 200')
})

test('twelve requests at once and two tabs wait for one renewal', async ({ served, visitor }) => {
  await visitor.signIn()
  await visitor.look()
  const second = await visitor.context.newPage()
  await visitor.look(second)
  await visitor.dropProof()
  served.log.length = 0
  const ask = (page: Page): Promise<Seen[]> =>
    page.evaluate(() => Promise.all(Array.from({ length: 6 }, async () => (await fetch('/api')).json())))
  const seen = (await Promise.all([ask(visitor.page), ask(second)])).flat()
  expect(seen.map(({ isBound }) => isBound)).toEqual(Array.from({ length: 12 }, () => true))
  expect(served.log).toEqual(['refresh 403', 'refresh 200'])
})

test('a jar that was copied is refused after the end of the proof, and signs nobody out', async ({
  served,
  visitor,
  bindingBrowser,
}) => {
  await visitor.signIn()
  const owner = await visitor.look()
  const jar = await visitor.context.storageState()
  const thief = await visitorOf(await bindingBrowser.newContext({ storageState: jar }), served)
  expect((await thief.look()).isBound).toBe(true)
  // The proof ends on the server; the thief's browser also loses it, and has nothing to renew it with.
  served.skew = 1000
  expect(await thief.look()).toEqual({ isBound: false, rejected: 'ERR_SESSION_UNBOUND' })
  await thief.dropProof()
  expect(await thief.look()).toEqual({ isBound: false, rejected: 'ERR_SESSION_UNBOUND' })
  await thief.page.goto(`${served.url}/sign-out`)
  await thief.context.close()
  await visitor.dropProof()
  expect(await visitor.look()).toEqual(owner)
})

test('a sign-out ends the binding, and a renewal that is late brings nothing back', async ({ served, visitor }) => {
  await visitor.signIn()
  await visitor.look()
  await visitor.dropProof()
  let release = (): void => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  let isHeld = false
  served.before = async (step) => {
    if (step !== 'refresh' || isHeld) return
    isHeld = true
    await held
  }
  // A request waits for its renewal; the sign-out does not.
  const waiting = visitor.page.evaluate(async () => (await fetch('/api')).json()).catch(() => undefined)
  await expect.poll(() => isHeld).toBe(true)
  const second = await visitor.context.newPage()
  await second.goto(`${served.url}/sign-out`)
  release()
  await waiting
  expect(await visitor.look()).toEqual({ isBound: false })
  expect(await visitor.look()).toEqual({ isBound: false })
  expect((await visitor.context.cookies(served.url)).filter(({ name }) => name === NAME)).toEqual([])
  await expect.poll(() => visitor.events.some(({ terminationEventDetails }) => terminationEventDetails)).toBe(true)
})

test('signing in again replaces the binding by another one', async ({ visitor }) => {
  await visitor.signIn()
  const first = await visitor.look()
  await visitor.signIn()
  const second = await visitor.look()
  expect([second.isBound, second.key === first.key]).toEqual([true, false])
  await visitor.dropProof()
  expect(await visitor.look()).toEqual(second)
  const reasons = visitor.events.flatMap(({ terminationEventDetails: details }) => details?.deletionReason ?? [])
  expect(reasons).toEqual(['Replaced'])
})

test('a browser that can not bind has its session as before, unless it is required', async ({
  served,
  plainBrowser,
}) => {
  const context = await plainBrowser.newContext()
  const page = await context.newPage()
  const look = async (): Promise<Seen> => {
    await page.goto(`${served.url}/page`)
    return seenOn(page)
  }
  await page.goto(`${served.url}/sign-in`)
  served.skew = 1000
  expect(await look()).toEqual({ user: 'dave', isBound: false })
  served.change({ required: (session) => session.data.user === 'anna' })
  expect(await look()).toEqual({ user: 'dave', isBound: false })
  served.change({ required: true, grace: '1h' })
  expect(await look()).toEqual({ user: 'dave', isBound: false })
  served.change({ required: true })
  expect(await look()).toEqual({ isBound: false, rejected: 'ERR_SESSION_UNBOUND' })
  expect(served.log).toEqual([])
  await context.close()
})

test('required in every form lets a browser in that binds', async ({ served, visitor }) => {
  for (const required of [true, false, 'if-bound', () => true] as const) {
    served.change({ required, grace: 0 })
    await visitor.signIn()
    await visitor.dropProof()
    expect(await visitor.look()).toMatchObject({ user: 'dave', isBound: true })
  }
})

test('a link from another site arrives without a proof, and is loaded again with one', async ({ served, visitor }) => {
  await visitor.signIn()
  await visitor.dropProof()
  served.skew = 1000
  const { page } = visitor
  await page.goto(`https://other.example:${served.port}/links`)
  await page.click('a')
  await expect(page.locator('body')).toContainText('"isBound":true')
  expect(page.url()).toBe(`${served.url}/page`)
  await page.goBack()
  expect(page.url()).toContain('other.example')
})

test('a clock of the server that jumps between a challenge and its answer costs one more question', async ({
  served,
  visitor,
}) => {
  await visitor.signIn()
  for (const seconds of [30, -30, 90, -90]) {
    served.skew = 0
    served.log.length = 0
    let asked = 0
    served.after = (step, status) => {
      if (step !== 'refresh' || status !== 403) return
      asked += 1
      if (asked === 1) served.skew = seconds
    }
    await visitor.dropProof()
    expect((await visitor.look()).isBound).toBe(true)
    const questions = Math.abs(seconds) > 60 ? 2 : 1
    expect(served.log).toEqual([...Array.from({ length: questions }, () => 'refresh 403'), 'refresh 200'])
  }
})

test('keys that are rotated between two renewals change nothing', async ({ served, visitor }) => {
  const [first = '', second = ''] = secrets
  served.change({}, { codecs: [compact({ secrets: [first] })] })
  await visitor.signIn()
  const bound = await visitor.look()
  for (const present of [[second, first], [second]]) {
    served.change({}, { codecs: [compact({ secrets: present })] })
    await visitor.dropProof()
    expect(await visitor.look()).toEqual(bound)
  }
})

test('a store that is down during a renewal ends nothing', async ({ served, visitor }) => {
  const { get, ...store } = memoryStore()
  let isDown = false
  served.change(
    {},
    {
      store: {
        ...store,
        get: (id) => {
          if (isDown) throw new Error('down')
          return get(id)
        },
      },
    },
  )
  await visitor.signIn()
  const bound = await visitor.look()
  await visitor.dropProof()
  isDown = true
  await visitor.page.goto(`${served.url}/page`)
  expect(await visitor.page.textContent('body')).toContain('could not read a session')
  expect(served.log).toContain('refresh 503')
  isDown = false
  expect(await visitor.look()).toEqual(bound)
})
