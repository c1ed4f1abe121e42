/** The Django site of examples/federation on a free port of 127.0.0.1, and a visitor of it. */
import { fileURLToPath } from 'node:url'
import { type PythonServer, startPythonServer } from './python-server.js'

export interface DjangoSiteOptions {
  secretKey?: string
  fallbacks?: readonly string[]
  /** The dotted path of Django's SESSION_SERIALIZER. */
  serializer?: string
  /** Django's DATABASES['default']. */
  database: Record<string, unknown>
  /** DJANGO_SESSION_JWT. */
  jwt: Record<string, unknown>
  users?: readonly { username: string; password: string; email?: string }[]
  page?: string
  static?: Record<string, string>
  /** A folder of older packages. */
  packages?: string
}

/** Starts the site. @throws {Error} with what Python said, where it does not come up */
export async function startDjangoSite({ packages, ...options }: DjangoSiteOptions): Promise<PythonServer> {
  const program = fileURLToPath(new URL('../../examples/federation/django/site.py', import.meta.url))
  return startPythonServer(program, { options: { fastPasswords: true, ...options }, packages })
}

/** A browser as far as cookies go: those of the last answers, for every server on 127.0.0.1. */
export class CookieJar {
  readonly #cookies = new Map<string, string>()

  get(name: string): string | undefined {
    return this.#cookies.get(name)
  }

  set(name: string, value: string): void {
    this.#cookies.set(name, value)
  }

  get header(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  /** Takes what a response sets; `Max-Age=0` and dates of the past take it away. */
  take(setCookies: readonly string[]): void {
    for (const text of setCookies) {
      const [pair = '', ...attributes] = text.split(';').map((part) => part.trim())
      const name = pair.slice(0, pair.indexOf('='))
      const isOver = attributes.some((attribute) => /^(max-age=0$|expires=thu, 01[ -]jan[ -]1970)/i.test(attribute))
      if (isOver) this.#cookies.delete(name)
      else this.#cookies.set(name, pair.slice(pair.indexOf('=') + 1))
    }
  }

  async fetch(url: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers)
    headers.set('cookie', this.header)
    const response = await fetch(url, { redirect: 'manual', ...init, headers })
    this.take(response.headers.getSetCookie())
    return response
  }

  /** Signs in through Django's own view. @throws {Error} where Django does not */
  async signIn(site: string, username: string, password: string): Promise<void> {
    await this.fetch(`${site}/login`)
    await this.#post(`${site}/login`, { username, password })
  }

  /** Signs out through Django's own view. @throws {Error} where Django does not */
  async signOut(site: string): Promise<void> {
    await this.#post(`${site}/logout`, {})
  }

  async #post(url: string, fields: Record<string, string>): Promise<void> {
    const body = new URLSearchParams({ ...fields, csrfmiddlewaretoken: this.get('csrftoken') ?? '' })
    const { status } = await this.fetch(url, { method: 'POST', body })
    if (status !== 302) throw new Error(`Django answered ${new URL(url).pathname} with ${status}`)
  }
}
