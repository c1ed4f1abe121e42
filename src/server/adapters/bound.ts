/**
 * Where browsers register the key of their device and renew its proof, and the page that sends a visitor from another site through a renewal.
 * W3C Device Bound Session Credentials; the answers are those that Chromium needs, see docs/bound.md.
 */
import { platform } from '#platform'
import { encodeBase64 } from '../../shared/base64.js'
import { encodeUtf8 } from '../../shared/bytes.js'
import { isOutage, isSessionError } from '../../shared/errors.js'
import { checkNames } from '../../shared/option-names.js'
import type { SessionData } from '../../shared/types.js'
import { type Bound, type KeptKey, type Mark, markWith, setHeader } from '../core/bound.js'
import type { SetCookie } from '../core/cookies.js'
import { type DeviceKey, type DeviceProof, jwkOf, openDeviceProof, verifyDeviceProof } from '../core/device-proof.js'
import { changeResponse, type HeaderTarget } from '../core/http.js'
import { BOUND } from '../core/own-keys.js'
import { isProtected, type Session, stateOf } from '../core/session.js'
import type { Sessions, SessionsInternal } from '../core/sessions.js'
import { internal } from '../core/verify-sessions.js'
import { type ReplyHeaders, targetOf, withStatus } from './held-response.js'
import type { HonoContext } from './hono.js'
import { type SessionsFor, sessionsFinder } from './saving.js'

/** What the handlers of device bound sessions do beside registering and renewing. */
export interface BoundHandlerOptions {
  /**
   * Answers a visitor who follows a link from another site, and so comes without a proof, with a small page that loads the address again: then
   * the browser renews first.
   *
   * @defaultValue `true`
   */
  reload?: boolean
}

/** A handler of fetch `Request`s. */
type Handler<Rest extends unknown[]> = (request: Request, ...rest: Rest) => Response | Promise<Response>

/**
 * Answers browsers that register or renew a device bound session, for fetch `Request`s: Workers, Deno, Bun, and as `POST` of a route handler
 * of Next.
 *
 * @param sessions - with the option `bound`, or a function of the request that gives them
 * @param handler - what answers all other requests, as `fetchSessions` makes it. Default: they get 404
 * @returns a handler
 * @throws {TypeError} for sessions without the option `bound`
 * @since 0.1.0
 * @see docs/bound.md
 * @example
 * export default { fetch: fetchBound(sessions, fetchSessions(sessions, (_, session) => Response.json(session.data))) }
 */
export function fetchBound<Data extends object = SessionData, Rest extends unknown[] = unknown[]>(
  sessions: SessionsFor<Data, Request>,
  handler?: Handler<Rest>,
  options: BoundHandlerOptions = {},
): (request: Request, ...rest: Rest) => Promise<Response> {
  const find = boundFinder(sessions, 'fetchBound', options)
  return async (request, ...rest) => {
    const headers = new Headers()
    const answer = await answerTo(await find(request), askingOfFetch(request), { target: headers, options })
    if (answer) return new Response(answer.body ?? null, { status: answer.status, headers })
    return handler ? await handler(request, ...rest) : new Response('Not found', { status: 404 })
  }
}

/** The part of a request of Express, Connect or `node:http` that is used here. */
interface BoundRequest {
  readonly method?: string | undefined
  readonly url?: string | undefined
  readonly originalUrl?: string | undefined
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

/** The part of Node's response that is used here. */
interface BoundResponse {
  statusCode: number
  getHeader(name: string): number | string | string[] | undefined
  setHeader(name: string, value: string | string[]): unknown
  end(body?: string): unknown
}

/**
 * The same as middleware for Express and Connect: put it before `expressSessions`.
 *
 * @param sessions - with the option `bound`, or a function of the request that gives them
 * @returns a function for `app.use`
 * @throws {TypeError} for sessions without the option `bound`
 * @since 0.1.0
 * @see docs/bound.md
 * @example
 * app.use(expressBound(sessions))
 * app.use(expressSessions(sessions))
 */
export function expressBound<Data extends object = SessionData, Incoming extends BoundRequest = BoundRequest>(
  sessions: SessionsFor<Data, Incoming>,
  options: BoundHandlerOptions = {},
): (request: BoundRequest, response: BoundResponse, next: (error?: unknown) => void) => void {
  const find = boundFinder(sessions, 'expressBound', options)

  async function serve(request: BoundRequest, response: BoundResponse): Promise<boolean> {
    const found = await find(request as Incoming)
    const answer = await answerTo(found, askingOfNode(request), { target: response, options })
    if (!answer) return false
    response.statusCode = answer.status
    response.end(answer.body)
    return true
  }

  return (request, response, next) => {
    serve(request, response).then(
      (isAnswered) => {
        if (!isAnswered) next()
      },
      (error: unknown) => next(withStatus(error)),
    )
  }
}

/** The part of a request of Fastify that is used here. */
interface BoundOfFastify {
  readonly raw: BoundRequest
}

/** The part of a reply of Fastify that is used here. */
interface BoundReply extends ReplyHeaders {
  code(status: number): { send(body?: string): unknown }
}

/** The part of an instance of Fastify that is used here. */
interface BoundInstance {
  // biome-ignore lint/suspicious/noExplicitAny: the overloads of Fastify
  addHook(name: 'onRequest', hook: (request: any, reply: any) => Promise<unknown>): unknown
}

/**
 * The same as a plugin for Fastify: register it before `fastifySessions`.
 *
 * @param sessions - with the option `bound`, or a function of Fastify's request that gives them
 * @returns a plugin for `app.register`
 * @throws {TypeError} for sessions without the option `bound`
 * @since 0.1.0
 * @see docs/bound.md
 * @example
 * app.register(fastifyBound(sessions))
 * app.register(fastifySessions(sessions))
 */
export function fastifyBound<Data extends object = SessionData, Incoming extends BoundOfFastify = BoundOfFastify>(
  sessions: SessionsFor<Data, Incoming>,
  options: BoundHandlerOptions = {},
): (instance: BoundInstance) => Promise<void> {
  const find = boundFinder(sessions, 'fastifyBound', options)

  async function serve(request: Incoming, reply: BoundReply): Promise<unknown> {
    try {
      const target = targetOf(reply)
      const answer = await answerTo(await find(request), askingOfNode(request.raw), { target, options })
      return answer && reply.code(answer.status).send(answer.body)
    } catch (error) {
      throw withStatus(error)
    }
  }

  const plugin = async (instance: BoundInstance): Promise<void> => {
    instance.addHook('onRequest', serve)
  }
  return Object.assign(plugin, {
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: 'sessionglass-bound',
    [Symbol.for('plugin-meta')]: { name: 'sessionglass-bound', fastify: '5.x' },
  })
}

/**
 * The same as middleware for Hono: put it before `honoSessions`.
 *
 * @param sessions - with the option `bound`, or a function of the context that gives them
 * @returns a function for `app.use`
 * @throws {TypeError} for sessions without the option `bound`
 * @since 0.1.0
 * @see docs/bound.md
 * @example
 * app.use(honoBound(sessions))
 * app.use(honoSessions(sessions))
 */
export function honoBound<Data extends object = SessionData, Context extends HonoContext = HonoContext>(
  sessions: SessionsFor<Data, Context>,
  options: BoundHandlerOptions = {},
): (context: HonoContext, next: () => Promise<void>) => Promise<Response | undefined> {
  const find = boundFinder(sessions, 'honoBound', options)
  return async (context, next) => {
    const headers = new Headers()
    const found = await find(context as Context)
    const answer = await answerTo(found, askingOfFetch(context.req.raw), { target: headers, options })
    if (answer) return new Response(answer.body ?? null, { status: answer.status, headers })
    await next()
    return undefined
  }
}

type FindBound<Data extends object, Incoming> = (request: Incoming) => Promise<BoundSessions<Data>>

interface BoundSessions<Data extends object> {
  readonly inner: SessionsInternal<Data>
  readonly device: Bound
  /** Also a session whose proof has ended. */
  load(source: Asking['source']): Promise<Session<Data>>
}

function boundFinder<Data extends object, Incoming>(
  sessions: SessionsFor<Data, Incoming>,
  adapter: string,
  options: BoundHandlerOptions,
): FindBound<Data, Incoming> {
  checkNames(options, { reload: 'switch' }, adapter)
  const find = sessionsFinder(sessions, adapter)
  const checked = ({ [internal]: inner }: Sessions<Data>): BoundSessions<Data> => {
    if (inner.bound) return { inner, ...inner.bound }
    throw new TypeError(`${adapter} needs sessions with the option "bound"`)
  }
  if (typeof sessions !== 'function') checked(sessions)
  return async (request) => checked(await find(request))
}

/** What is asked, in any framework. */
interface Asking {
  readonly method: string | undefined
  /** Without the query. */
  readonly path: string
  readonly source: Request | { readonly headers: { readonly cookie?: string } }
  header(name: string): string | undefined
}

function askingOfFetch(request: Request): Asking {
  const { method, headers, url } = request
  return { method, path: new URL(url).pathname, source: request, header: (name) => headers.get(name) ?? undefined }
}

function askingOfNode(request: BoundRequest): Asking {
  const { method, url = '', originalUrl = url, headers } = request
  return {
    method,
    path: originalUrl.split('?', 1)[0] as string,
    source: request as { headers: { cookie?: string } },
    header(name) {
      const value = headers[name]
      return Array.isArray(value) ? value[0] : value
    },
  }
}

interface Answer {
  readonly status: number
  readonly body?: string
}

/** Where the headers of an answer go. */
interface Answering {
  readonly target: HeaderTarget
  readonly options: BoundHandlerOptions
}

/** @returns undefined for a request that is for the application */
async function answerTo<Data extends object>(
  sessions: BoundSessions<Data>,
  asking: Asking,
  { target, options }: Answering,
): Promise<Answer | undefined> {
  const { path } = sessions.device
  const step = { [`${path}/register`]: register, [`${path}/refresh`]: refresh }[asking.path]
  if (!step) return options.reload === false ? undefined : await reloadPage(sessions, asking, target)
  setHeader(target, 'Cache-Control', 'no-store')
  if (asking.method !== 'POST') {
    setHeader(target, 'Allow', 'POST')
    return { status: 405 }
  }
  try {
    return await step(sessions, asking, target)
  } catch (error) {
    // The browser keeps the session, and tries again.
    if (isOutage(error)) return { status: 503 }
    throw error
  }
}

// Registration. A status other than 2xx ends it, and nothing stays in the browser.

const REFUSED: Answer = { status: 403 }
/** No script can send the header with a proof in this mode. */
const OF_THE_BROWSER = 'no-cors'

async function register<Data extends object>(
  sessions: BoundSessions<Data>,
  asking: Asking,
  target: HeaderTarget,
): Promise<Answer> {
  const { device, inner, load } = sessions
  const now = inner.settings.clock()
  if ((asking.header('sec-fetch-mode') ?? OF_THE_BROWSER) !== OF_THE_BROWSER) return REFUSED
  const session = await load(asking.source)
  const mark = device.markIn(session.data as SessionData)
  const proof = proofIn(asking)
  if (session.isNew || !mark || mark.key !== undefined || !proof?.jwk) return REFUSED
  if (!(await device.isPending(asking.source, mark.id, now))) return REFUSED
  const about = { tie: mark.id, now }
  const from = await device.challengeTime('registration challenge', proof.challenge, about)
  const key = from === undefined ? undefined : await verifyDeviceProof(proof, proof.jwk)
  if (from === undefined || !key || !(await writeMark(sessions, session, { mark, key, target }))) return REFUSED
  const cookies = [
    await device.keyCookie(mark.id, key.jwk, now),
    await device.proofCookie({ id: mark.id, key: key.thumbprint, from, now }),
  ]
  return configured(device, device.identifierFor(asking.header('host')), { cookies, target })
}

/** @returns whether the session says now which key it is bound to @throws {SessionError} what an outage is */
async function writeMark<Data extends object>(
  { inner }: BoundSessions<Data>,
  session: Session<Data>,
  { mark, key, target }: { mark: Mark; key: DeviceKey; target: HeaderTarget },
): Promise<boolean> {
  const state = stateOf(session)
  const text = markWith(mark, key.thumbprint)
  state.bound = { ...state.bound, mark: text, boundKey: key.thumbprint, isBound: true }
  ;(session.data as SessionData)[BOUND] = text
  try {
    await inner.commit(session, target)
    return !session.isDestroyed
  } catch (error) {
    if (isOutage(error) || !isSessionError(error)) throw error
    return false
  }
}

function configured(
  device: Bound,
  identifier: string,
  { cookies, target }: { cookies: readonly SetCookie[]; target: HeaderTarget },
): Answer {
  changeResponse(target, { cookies: cookies.map(String), replaces: [], isPrivate: true })
  setHeader(target, 'Cache-Control', 'private, no-store')
  setHeader(target, 'Content-Type', 'application/json')
  return { status: 200, body: device.configuration(identifier) }
}

/** What came with a request, unless it is for another address. */
function proofIn(asking: Asking): DeviceProof | undefined {
  const proof = openDeviceProof(asking.header('secure-session-response'))
  return proof && (proof.audience === undefined || isHere(proof.audience, asking)) ? proof : undefined
}

/** A proxy may have changed the host, so the one that the browser knows counts, too. */
function isHere(audience: string, { path, header }: Asking): boolean {
  if (!URL.canParse(audience)) return false
  const url = new URL(audience)
  const { origin } = url
  const isOfHost = header('host') === url.host || header('x-forwarded-host') === url.host
  return url.pathname === path && (isOfHost || header('origin') === origin)
}

// Renewal. Chromium ends its session with 400, 401, 404, 410 and 429, and with 403 that has no challenge.

async function refresh<Data extends object>(
  sessions: BoundSessions<Data>,
  asking: Asking,
  target: HeaderTarget,
): Promise<Answer> {
  const { device, inner, load } = sessions
  const now = inner.settings.clock()
  const said = asking.header('sec-secure-session-id')?.replace(/^"(.*)"$/, '$1') ?? ''
  const identifier = device.isIdentifier(said) ? said : device.identifierFor(asking.header('host'))
  const session = await load(asking.source)
  // A release that reads it may answer the next time.
  if (isProtected(session.rejected)) return { status: 503 }
  const mark = session.isNew ? undefined : device.markIn(session.data as SessionData)
  const kept = mark && (await device.keyIn(asking.source, mark.id))
  // The browser registers anew at this moment, and that is not to be ended.
  if (mark && !kept && (await device.isPending(asking.source, mark.id, now))) return { status: 503 }
  if (!mark || !kept) return ended(identifier, target)
  const { tie, from, key } = await provedBy(device, kept, { asking, now })
  if (from === undefined || !key) {
    const challenge = await device.challengeFor('refresh challenge', tie, now)
    setHeader(target, 'Secure-Session-Challenge', `"${challenge}";id="${identifier}"`)
    return { status: 403 }
  }
  if (mark.key !== undefined && mark.key !== key.thumbprint) return ended(identifier, target)
  // Another request wrote the session while it was being bound.
  if (mark.key === undefined) await writeMark(sessions, session, { mark, key, target })
  const cookies = [
    await device.proofCookie({ id: mark.id, key: key.thumbprint, from, now }),
    ...(kept.isOld ? [await device.keyCookie(mark.id, kept.jwk, now)] : []),
  ]
  return configured(device, identifier, { cookies, target })
}

/** Whether a request has a proof of the device whose key it brought. The challenge is looked at first: that costs next to nothing. */
async function provedBy(
  device: Bound,
  { id, jwk }: KeptKey,
  { asking, now }: { asking: Asking; now: Date },
): Promise<{ tie: string; from?: number | undefined; key?: DeviceKey | undefined }> {
  const tie = `${id}.${platform.base64Url(await platform.sha256(encodeUtf8(jwk)))}`
  const proof = proofIn(asking)
  const known = jwkOf(jwk)
  // Only a registration names its key.
  if (!proof || proof.jwk !== undefined || !known) return { tie }
  const from = await device.challengeTime('refresh challenge', proof.challenge, { tie, now })
  return { tie, from, key: from === undefined ? undefined : await verifyDeviceProof(proof, known) }
}

function ended(identifier: string, target: HeaderTarget): Answer {
  setHeader(target, 'Content-Type', 'application/json')
  return { status: 200, body: JSON.stringify({ session_identifier: identifier, continue: false }) }
}

// A browser does not renew for a request that another site began.

const SCRIPT = "location.replace(location.href.split('#')[0])"

/** Loads the address again, from the site itself. @returns undefined if that would not help */
async function reloadPage<Data extends object>(
  { device, inner }: BoundSessions<Data>,
  { method, header, source }: Asking,
  target: HeaderTarget,
): Promise<Answer | undefined> {
  const isPage = header('sec-fetch-mode') === 'navigate' && header('sec-fetch-dest') === 'document'
  if (method !== 'GET' || !isPage) return undefined
  const session = await inner.load(source)
  if (session.rejected?.code !== 'ERR_SESSION_UNBOUND') return undefined
  const isStale = device.hasStaleProof(session, source)
  const site = header('sec-fetch-site')
  // From the site itself it would come for ever.
  if (!isStale && site !== 'cross-site' && site !== 'same-site') return undefined
  const digest = encodeBase64(await platform.sha256(encodeUtf8(SCRIPT)))
  const cookies = isStale ? [String(device.expireProof())] : []
  changeResponse(target, { cookies, replaces: [], isPrivate: true })
  setHeader(target, 'Cache-Control', 'private, no-store')
  setHeader(target, 'Content-Type', 'text/html; charset=utf-8')
  setHeader(target, 'Content-Security-Policy', `default-src 'none'; script-src 'sha256-${digest}'`)
  return { status: 200, body: `<!doctype html><title>…</title><script>${SCRIPT}</script>` }
}
