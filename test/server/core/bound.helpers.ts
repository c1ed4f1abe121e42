/** A browser with a device key, for tests of device bound sessions: it registers and renews as Chromium does. */
import { CompactSign, exportJWK, generateKeyPair, type JWK } from 'jose'
import {
  type BoundOptions,
  createSessions,
  fetchBound,
  type Session,
  type Sessions,
  type SessionsOptions,
} from '../../../src/server/index.js'
import { type Browser, NAME, SECRET, testBrowser, testClock } from '../server.helpers.js'

export const HOST = 'app.example'
export const PROOF = `${NAME}.bound`
export const KEY = `${NAME}.key`

/** What a device signs with. */
export interface Device {
  readonly jwk: JWK
  /** @param change - of the header and the payload */
  sign(
    challenge: string,
    change?: { header?: object; payload?: object; text?: (token: string) => string },
  ): Promise<string>
}

export async function testDevice(alg: 'ES256' | 'RS256' | 'ES384' = 'ES256'): Promise<Device> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  const jwk = await exportJWK(publicKey)
  return {
    jwk,
    async sign(challenge, { header, payload, text = (token: string) => token } = {}) {
      const claims = new TextEncoder().encode(JSON.stringify({ jti: challenge, ...payload }))
      const said = { alg, typ: 'dbsc+jwt', ...header }
      return text(await new CompactSign(claims).setProtectedHeader(said).sign(privateKey))
    },
  }
}

/** Sessions with the option `bound`, and one browser. */
export interface BoundFixture {
  readonly sessions: Sessions
  readonly browser: Browser
  readonly clock: ReturnType<typeof testClock>
  readonly handle: (request: Request) => Promise<Response>
  /** Signs a visitor in, with `bind()`. @returns the headers of the answer */
  signIn(change?: (session: Session) => unknown): Promise<Headers>
  load(cookie?: string): Promise<Session>
  post(step: 'register' | 'refresh', headers?: Record<string, string>, cookie?: string): Promise<Response>
  /** All that Chromium does after a sign-in. */
  register(device: Device, headers: Headers): Promise<Response>
  /** All that it does before a request without a proof. */
  refresh(device: Device, cookie?: string): Promise<Response>
}

export function bound(
  options: BoundOptions = {},
  more: Partial<SessionsOptions> = {},
  { browser = testBrowser(), clock = testClock() }: { browser?: Browser; clock?: ReturnType<typeof testClock> } = {},
): BoundFixture {
  const sessions = createSessions({
    ...(more.codecs ? {} : { secrets: SECRET }),
    expose: false,
    clock,
    bound: { required: 'if-bound', ...options },
    ...more,
  } as SessionsOptions)
  const handle = fetchBound(sessions)

  async function post(step: string, headers: Record<string, string> = {}, cookie = browser.cookie): Promise<Response> {
    const { path = '/dbsc' } = options
    const all = { host: HOST, ...(cookie && { cookie }), ...headers }
    const response = await handle(new Request(`https://${HOST}${path}/${step}`, { method: 'POST', headers: all }))
    if (cookie === browser.cookie) browser.take(response.headers.getSetCookie())
    return response
  }

  return {
    sessions,
    browser,
    clock,
    handle,
    post,
    async signIn(change = () => {}) {
      const headers = new Headers()
      const session = await sessions.load(browser.cookie)
      session.regenerate({ authenticated: true })
      session.data.user = 'dave'
      session.bind()
      await change(session)
      await sessions.commit(session, headers)
      browser.take(headers.getSetCookie())
      return headers
    },
    load: (cookie = browser.cookie) => sessions.load(cookie),
    async register(device, headers) {
      const proof = await device.sign(registrationIn(headers).challenge, { header: { jwk: device.jwk } })
      return await post('register', { 'secure-session-response': proof })
    },
    async refresh(device, cookie) {
      const id = { 'sec-secure-session-id': `${NAME}@${HOST}` }
      const first = await post('refresh', id, cookie)
      if (first.status !== 403) return first
      const proof = await device.sign(challengeIn(first))
      return await post('refresh', { ...id, 'secure-session-response': proof }, cookie)
    },
  }
}

/** What the header offers. */
export function registrationIn(headers: Headers): { algorithms: string; path: string; challenge: string } {
  const header = headers.get('secure-session-registration') ?? ''
  const [, algorithms = '', path = '', challenge = ''] =
    /^\(([^)]*)\);path="([^"]*)";challenge="([^"]*)"$/.exec(header) ?? []
  return { algorithms, path, challenge }
}

export function challengeIn(response: Response): string {
  return /^"([^"]*)";id="[^"]*"$/.exec(response.headers.get('secure-session-challenge') ?? '')?.[1] ?? ''
}

/** A browser whose visitor has signed in, and that has registered. */
export async function boundFixture(
  options: BoundOptions = {},
  more: Partial<SessionsOptions> = {},
  clock: ReturnType<typeof testClock> = testClock(),
): Promise<BoundFixture & { device: Device }> {
  const fixture = bound(options, more, { clock })
  const device = await testDevice()
  const response = await fixture.register(device, await fixture.signIn())
  if (response.status !== 200) throw new Error(`The registration was answered with ${response.status}`)
  return { ...fixture, device }
}
