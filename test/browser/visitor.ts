/** A person with a browser: goes to pages, sees what server and script show there, and has cookies to play with. */
import { createHmac } from 'node:crypto'
import { expect, type Page } from 'playwright/test'

/** What a page shows. */
interface View {
  /** The rows of the server's table. */
  server: Record<string, string>
  /** What `getSession()` gave to the script of the page, after JSON. */
  browser: Record<string, unknown> | null
}

export interface Visitor {
  readonly page: Page
  /** Answers with an error status and errors in scripts, until now. */
  readonly faults: string[]
  /** Goes to a page of either application, or where it redirects to. */
  visit(url: string): Promise<View>
  /** What an application's `/json` says of the session. */
  json(app: { url: string }): Promise<unknown>
  /** Gives both applications other keys, the first to sign with. */
  rotate(apps: readonly { url: string }[], keys: readonly string[]): Promise<void>
  /** The value of the cookie, HttpOnly or not. */
  cookie(name?: string): Promise<string | undefined>
  /** Replaces the value of a cookie that is there, as a person with the developer tools can. */
  forge(value: string, of?: { name?: string; path?: string }): Promise<void>
}

export const cookieName = 'beaker.session.id'
export const publicName = `${cookieName}.public`

export function createVisitor(page: Page): Visitor {
  const faults: string[] = []
  page.on('response', (response) => {
    const { pathname } = new URL(response.url())
    if (response.status() >= 400 && pathname !== '/favicon.ico') faults.push(`${response.status()} at ${pathname}`)
  })
  page.on('pageerror', (error) => faults.push(String(error)))

  const cookies = async () => await page.context().cookies()

  return {
    page,
    faults,
    visit: async (url) => {
      await page.goto(url)
      const { cells, text } = await page.evaluate(() => ({
        cells: [...document.querySelectorAll('tr')].map((row) => [row.dataset.key, row.querySelector('td')?.innerText]),
        text: document.querySelector('#browser-session')?.textContent,
      }))
      expect(text, 'the script of the page has run').toBeTruthy()
      return { server: Object.fromEntries(cells), browser: JSON.parse(text ?? '') }
    },
    json: async ({ url }) => {
      const response = await page.goto(`${url}/json`)
      return await response?.json()
    },
    rotate: async (apps, keys) => {
      const query = new URLSearchParams({ keys: keys.join(',') })
      for (const { url } of apps) await page.goto(`${url}/rotate?${query}`)
    },
    cookie: async (name = cookieName) =>
      (await cookies()).find((each) => each.name === name && each.path === '/')?.value,
    forge: async (value, { name = cookieName, path = '/' } = {}) => {
      const cookie = (await cookies()).find((each) => each.name === name && each.path === path)
      expect(cookie, `there is a cookie ${name}`).toBeDefined()
      if (cookie) await page.context().addCookies([{ ...cookie, value }])
    },
  }
}

/** Which key a token is signed with, by node:crypto alone (RFC 7515 §5.2, HS256). */
export function signingKey(token: string | undefined, keys: readonly string[]): string | undefined {
  const [header = '', payload = '', signature = ''] = (token ?? '').split('.')
  return keys.find((key) => createHmac('sha256', key).update(`${header}.${payload}`).digest('base64url') === signature)
}

/** What somebody without a key can make of a token. */
export function forgeries(token: string): Record<string, string> {
  const [header, payload, signature] = token.split('.') as [string, string, string]
  const mallory = encode({ user: 'mallory', _id: '0'.repeat(32), _creation_time: 1.5, _accessed_time: 1.5 })
  return {
    'another signature': `${header}.${payload}.${swapFirst(signature)}`,
    'another payload': `${header}.${mallory}.${signature}`,
    'no algorithm': `${encode({ typ: 'JWT', alg: 'none' })}.${mallory}.`,
    'a signature with another key': sign(`${header}.${mallory}`, 'a key that neither of them knows....'),
    'no end': token.slice(0, -20),
    'no token at all': 'x',
  }
}

function sign(signingInput: string, key: string): string {
  return `${signingInput}.${createHmac('sha256', key).update(signingInput).digest('base64url')}`
}

function swapFirst(text: string): string {
  return (text.startsWith('A') ? 'B' : 'A') + text.slice(1)
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
