/**
 * The two ends of an HTTP exchange by their shape: where a Cookie header is read, and where Set-Cookie is added.
 * RFC 6265 §3; caching by RFC 9111 §5.2.2 and §4.1.
 */

/** A fetch `Request`, a Node `IncomingMessage`, a Cookie header, or nothing. */
export type CookieSource =
  | { readonly headers: Pick<Headers, 'get'> | { readonly cookie?: string | undefined } }
  | string
  | null
  | undefined

/** The `Headers` of a fetch `Response`, or a Node `ServerResponse`. */
export type HeaderTarget =
  | Pick<Headers, 'append' | 'delete' | 'get' | 'getSetCookie' | 'set'>
  | {
      getHeader(name: string): number | string | string[] | undefined
      setHeader(name: string, value: string | string[]): unknown
    }

/** The Cookie header of a request. @throws {TypeError} for something that is no request */
export function cookieHeader(source: CookieSource): string {
  if (typeof source === 'string') return source
  if (source === null || source === undefined) return ''
  const headers: unknown = source.headers
  if (typeof headers !== 'object' || headers === null) {
    throw new TypeError('load takes a Request, an IncomingMessage or the text of a Cookie header')
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
  const headers = 'setHeader' in target ? new NodeHeaders(target) : target
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
