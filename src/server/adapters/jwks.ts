/**
 * Hands out the public keys of the sessions, so that other services verify them and hold no secret.
 * RFC 7517 §5 and §8.5.1; RFC 9110 §8.8.3 and §13.1.2 for the entity tag.
 */
import { platform } from '#platform'
import { encodeBase64Url, encodeUtf8 } from '../../shared/bytes.js'
import type { Duration } from '../../shared/define-session.js'
import { isOutage } from '../../shared/errors.js'
import { checkDuration, checkNames } from '../../shared/option-names.js'
import type { MaybePromise } from '../../shared/types.js'
import type { ReadOnlySessions } from '../core/verify-sessions.js'
import { withStatus } from './held-response.js'

/** Sessions, or a function of the request that gives them, for tenants. */
export type JwksFor<Incoming> =
  | Pick<ReadOnlySessions, 'jwks'>
  | ((request: Incoming) => MaybePromise<Pick<ReadOnlySessions, 'jwks'>>)

/** How long others may keep the set. */
export interface JwksOptions {
  /**
   * How long others may keep the set, and so how long before its use a new key must stand in it.
   *
   * @defaultValue 5 minutes
   */
  maxAge?: Duration
}

/** The part of Node's request and response that is used here. */
export interface JwksRequest {
  /** The method: `GET` or `HEAD`. */
  readonly method?: string | undefined
  /** The headers of the request. */
  readonly headers: { readonly 'if-none-match'?: string | undefined }
}

/** The part of Node's response that is used here. */
export interface JwksResponse {
  /** The status. */
  statusCode: number
  /** Sets a header. */
  setHeader(name: string, value: string): unknown
  /** Sends the response. */
  end(body?: string): unknown
}

/**
 * A handler of fetch `Request`s for the address of the JWK set, `/.well-known/jwks.json` for instance.
 *
 * @param sessions - or a function of the request that gives them
 * @returns a handler that answers GET and HEAD, 304 where the set is known, and 503 where keys could not be loaded
 * @throws {TypeError} for a `maxAge` that is no duration
 * @since 0.1.0
 * @example
 * const answer = fetchJwks(sessions, { maxAge: '10m' })
 * const response = await answer(new Request('http://localhost/.well-known/jwks.json'))
 * console.log(response.headers.get('cache-control')) // → public, max-age=600
 */
export function fetchJwks(
  sessions: JwksFor<Request>,
  options: JwksOptions = {},
): (request: Request) => Promise<Response> {
  const cacheControl = cacheControlOf(options, 'fetchJwks')
  return async (request) => {
    try {
      const { status, headers, body } = await answer(sessions, request, request.headers.get('if-none-match'))
      return new Response(body, { status, headers: { ...headers, ...cacheControl(status) } })
    } catch (error) {
      if (isOutage(error)) return new Response('The keys are not available', { status: 503 })
      throw error
    }
  }
}

/**
 * The same for Express, Connect and `node:http`.
 *
 * @param sessions - or a function of the request that gives them
 * @returns a handler that gives errors to `next`, with `status` 503 where keys could not be loaded
 * @throws {TypeError} for a `maxAge` that is no duration
 * @since 0.1.0
 * @example
 * app.get('/.well-known/jwks.json', expressJwks(sessions))
 */
export function expressJwks<Incoming extends JwksRequest = JwksRequest>(
  sessions: JwksFor<Incoming>,
  options: JwksOptions = {},
): (request: JwksRequest, response: JwksResponse, next?: (error?: unknown) => void) => void {
  const cacheControl = cacheControlOf(options, 'expressJwks')
  return (request, response, next) => {
    answer(sessions, request as Incoming, request.headers['if-none-match']).then(
      ({ status, headers, body }) => {
        response.statusCode = status
        for (const [name, value] of Object.entries({ ...headers, ...cacheControl(status) })) {
          response.setHeader(name, value)
        }
        response.end(body ?? undefined)
      },
      (error: unknown) => {
        if (next) return next(withStatus(error))
        response.statusCode = isOutage(error) ? 503 : 500
        response.end()
      },
    )
  }
}

interface Answer {
  status: number
  headers: Record<string, string>
  body: string | null
}

async function answer<Incoming extends { readonly method?: string | undefined }>(
  sessions: JwksFor<Incoming>,
  request: Incoming,
  known: string | null | undefined,
): Promise<Answer> {
  const { method = 'GET' } = request
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, headers: { Allow: 'GET, HEAD' }, body: null }
  const body = JSON.stringify(await (typeof sessions === 'function' ? await sessions(request) : sessions).jwks())
  const etag = `"${encodeBase64Url(await platform.sha256(encodeUtf8(body)))}"`
  if (matches(known, etag)) return { status: 304, headers: { ETag: etag }, body: null }
  const headers = { 'Content-Type': 'application/jwk-set+json', ETag: etag }
  return { status: 200, headers, body: method === 'HEAD' ? null : body }
}

/** RFC 9110 §13.1.2: a list of tags, weak ones too, or `*`. */
function matches(known: string | null | undefined, etag: string): boolean {
  return (known ?? '').split(',').some((tag) => ['*', etag].includes(tag.trim().replace(/^W\//, '')))
}

function cacheControlOf(options: JwksOptions, owner: string): (status: number) => Record<string, string> {
  checkNames(options, { maxAge: 1 }, owner)
  const { maxAge = '5m' } = options
  const value = `public, max-age=${Math.floor(checkDuration(maxAge, 'maxAge') / 1000)}`
  return (status): Record<string, string> => (status === 405 ? {} : { 'Cache-Control': value })
}
