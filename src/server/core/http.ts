/**
 * The two ends of an HTTP exchange by their shape: where a Cookie header is read, and where Set-Cookie is added.
 * RFC 6265 §3; caching by RFC 9111 §5.2.2 and §4.1.
 */
import { platform } from '#platform'
import type { SessionErrorCode } from '../../shared/errors.js'
import { isLoopback } from '../keys/remote-jwks.js'
import type { EmitEvent } from './events.js'

/** A fetch `Request`, a Node `IncomingMessage`, a Cookie header, a token, or nothing. */
export type CookieSource =
  | TokenSource
  | { readonly headers: Pick<Headers, 'get'> | { readonly cookie?: string | undefined } }
  | string
  | null
  | undefined

/**
 * A session that a client keeps itself and sends in its own header, without any cookie. Undefined, null or empty:
 * none so far.
 */
export interface TokenSource {
  /** What the client sent. */
  readonly token: string | null | undefined
}

/** The `Headers` of a fetch `Response`, or a Node `ServerResponse`. */
export type HeaderTarget =
  | Pick<Headers, 'append' | 'delete' | 'get' | 'getSetCookie' | 'set'>
  | {
      getHeader(name: string): number | string | string[] | undefined
      setHeader(name: string, value: string | string[]): unknown
    }

/** Requests have headers; some middleware gives them a `token`, too. */
export function isTokenSource(source: CookieSource): source is TokenSource {
  return typeof source === 'object' && source !== null && 'token' in source && !('headers' in source)
}

/** What comes behind the scheme: no token of ours has a blank in it. */
const BEARER = /^Bearer +(\S+) *$/i

/**
 * The token of the header `Authorization: Bearer …` (RFC 6750 §2.1), for `load({ token: bearerToken(request) })`. It proves nothing: `load`
 * verifies it.
 *
 * @param request - a fetch `Request`, or a Node `IncomingMessage`
 * @returns undefined if the request has none
 * @since 0.1.0
 * @example
 * const session = await sessions.load({ token: bearerToken(request) })
 * console.log(session.isNew) // → true
 */
export function bearerToken(request: {
  readonly headers: Pick<Headers, 'get'> | { readonly authorization?: string | undefined }
}): string | undefined {
  const { headers } = request
  const isWeb = 'get' in headers && typeof headers.get === 'function'
  const text = isWeb ? headers.get('authorization') : (headers as { authorization?: string }).authorization
  return BEARER.exec(text ?? '')?.[1]
}

/** The Cookie header of a request. @throws {TypeError} for something that is no request */
export function cookieHeader(source: Exclude<CookieSource, TokenSource>): string {
  if (typeof source === 'string') return source
  if (source === null || source === undefined) return ''
  const headers: unknown = source.headers
  if (typeof headers !== 'object' || headers === null) {
    throw new TypeError('load takes a Request, an IncomingMessage, the text of a Cookie header, or { token }')
  }
  if ('get' in headers && typeof headers.get === 'function') return (headers as Headers).get('cookie') ?? ''
  return (headers as { cookie?: string }).cookie ?? ''
}

export interface ResponseChange {
  cookies: readonly string[]
  /** Set-Cookie texts of an earlier commit that these replace. */
  replaces: readonly string[]
  /** The response depends on a session, or sets one: no shared cache may keep it. */
  isPrivate: boolean
}

/**
 * Adds the cookies, `Vary: Cookie`, and `Cache-Control: private, no-store` unless the application has set one. One that does not
 * say who may store a response with a cookie gets `private` added; `public` and `s-maxage` are the application's word.
 */
export function changeResponse(target: HeaderTarget, { cookies, replaces, isPrivate }: ResponseChange): void {
  const headers = headersOf(target)
  if (replaces.length > 0) {
    const others = headers.getSetCookie().filter((cookie) => !replaces.includes(cookie))
    headers.delete('set-cookie')
    for (const cookie of others) headers.append('set-cookie', cookie)
  }
  for (const cookie of cookies) headers.append('set-cookie', cookie)
  const vary = headers.get('vary')
  if (!vary) headers.set('vary', 'Cookie')
  else if (!vary.split(',').some((field) => ['cookie', '*'].includes(field.trim().toLowerCase()))) {
    headers.set('vary', `${vary}, Cookie`)
  }
  const cacheControl = headers.get('cache-control')
  if (isPrivate && !cacheControl) headers.set('cache-control', 'private, no-store')
  else if (cacheControl && cookies.length > 0 && !saysWhoMayStore(cacheControl)) {
    headers.set('cache-control', `${cacheControl}, private`)
  }
}

/** @throws {TypeError} for what has no headers to change, as a fetch `Response` in place of its headers */
function headersOf(target: HeaderTarget): WebTarget {
  if ('setHeader' in target) return new NodeHeaders(target)
  if ('append' in target) return target
  throw new TypeError('Cookies go to a ServerResponse, or to the headers of a Response: pass response.headers')
}

/** Directives by which the application took the decision about shared caches itself (RFC 9111 §5.2.2). */
const STORING = new Set(['no-store', 'private', 'public', 's-maxage'])

function saysWhoMayStore(cacheControl: string): boolean {
  return cacheControl
    .split(',')
    .some((directive) => STORING.has(directive.split('=', 1)[0]?.trim().toLowerCase() ?? ''))
}

type WebTarget = Extract<HeaderTarget, { append: unknown }>
type NodeTarget = Exclude<HeaderTarget, WebTarget>

/** A Node response behind the part of `Headers` that is used here. */
class NodeHeaders implements WebTarget {
  readonly #response: NodeTarget

  constructor(response: NodeTarget) {
    this.#response = response
  }

  get(name: string): string | null {
    return this.#list(name).join(', ') || null
  }

  set(name: string, value: string): void {
    this.#response.setHeader(name, value)
  }

  append(name: string, value: string): void {
    this.#response.setHeader(name, [...this.#list(name), value])
  }

  delete(name: string): void {
    this.#response.setHeader(name, [])
  }

  getSetCookie(): string[] {
    return this.#list('set-cookie')
  }

  #list(name: string): string[] {
    const value = this.#response.getHeader(name)
    if (value === undefined) return []
    return Array.isArray(value) ? value : [String(value)]
  }
}

// Says once that a Secure cookie was set in answer to what looks like plain HTTP: a browser would drop it without a word.
// The cookie is set all the same, for behind a proxy only the proxy knows better. X-Forwarded-Proto; RFC 7239 §4; RFC 6265 §4.1.2.5.

export interface PlainHttpWatch {
  /** Warns, once, if a browser will drop a Secure cookie of the answer to this request, as far as the server can see. */
  watch(source: CookieSource, about: { secure: boolean; emit: EmitEvent | undefined }): void
}

const INSECURE: SessionErrorCode = 'ERR_SESSION_INSECURE'
/** RFC 7239 §4: `proto=https` of the first element, the one nearest to the visitor. */
const FORWARDED_HTTPS = /^[^,]*\bproto="?https\b/i

/**
 * @param name - of the cookie
 */
export function watchPlainHttp(name: string): PlainHttpWatch {
  let isOver = false
  return {
    watch(source, { secure, emit }) {
      if (isOver || !secure || !isPlainHttp(source)) return
      isOver = true
      emit?.({ type: 'insecure', code: INSECURE })
      platform.warn(
        INSECURE,
        `The cookie ${name} is Secure, and a request for it came by plain HTTP as far as this server can see: ` +
          'without HTTPS the browser drops it. If a proxy ends TLS, let it send "X-Forwarded-Proto: https" ' +
          '(Express also needs "trust proxy", for req.secure). If there is no TLS, set secure: false.',
      )
    },
  }
}

/** The parts of a fetch `Request` and of a Node `IncomingMessage` that tell. */
interface Witness {
  readonly url?: string
  readonly socket?: { readonly encrypted?: boolean }
  readonly headers: Pick<Headers, 'get'> | Readonly<Record<string, string | undefined>>
}

function isPlainHttp(source: CookieSource): boolean {
  if (typeof source !== 'object' || source === null) return false
  const { url = '', socket, headers } = source as Witness
  const get = (name: string): string | undefined =>
    'get' in headers && typeof headers.get === 'function'
      ? (headers.get(name) ?? undefined)
      : (headers as Record<string, string | undefined>)[name]
  const [protocol, host] = socket ? [socket.encrypted ? 'https:' : 'http:', get('host')] : partsOf(url)
  // There browsers keep Secure cookies.
  if (protocol !== 'http:' || host === undefined || isLoopback(host)) return false
  const forwarded = get('x-forwarded-proto')?.split(',')[0]?.trim().toLowerCase()
  return forwarded !== 'https' && !FORWARDED_HTTPS.test(get('forwarded') ?? '')
}

/** Protocol and host of the address that a `Request` has; a Node request has but a path. */
function partsOf(url: string): [protocol?: string, host?: string] {
  if (!/^https?:/.test(url)) return []
  const { protocol, host } = new URL(url)
  return [protocol, host]
}

/** A value for each request, for as long as the request exists. */
export interface RequestMemory<Value> {
  of(request: object): Value | undefined
  keep(request: object, value: Value): void
}

/**
 * The value is a hidden member of the request, which no copy takes along. A `WeakMap` is only for requests that take no member: under
 * load each of its young keys costs the garbage collector more than all else of a session that is read.
 */
export function createRequestMemory<Value>(): RequestMemory<Value> {
  const member = Symbol('sessionglass')
  const others = new WeakMap<object, Value>()
  return {
    of: (request) => (Object.hasOwn(request, member) ? (request as { [member]?: Value })[member] : others.get(request)),
    keep(request, value) {
      const isKept = Reflect.defineProperty(request, member, { value, configurable: true })
      if (!isKept) others.set(request, value)
    },
  }
}
