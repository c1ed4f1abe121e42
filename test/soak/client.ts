/** What a browser does: it sends its cookies, keeps those of each answer, and goes away when its user does. */
import { Agent, type IncomingMessage, request } from 'node:http'
import { NAME } from './systems.js'

/** As long as nothing is broken, every answer comes sooner on any machine. */
const PATIENCE = 60_000

const agent = new Agent({ keepAlive: true })

export interface Sending {
  port: number
  path: string
  jar: CookieJar
  /** Name and number of a fault. */
  fault?: string
  /** Milliseconds after which the connection is closed, unless the answer is there. */
  abortAfter?: number
  /** Closes the connection as soon as the first line of the body is there. */
  leaves?: boolean
}

export interface Reply {
  status: number
  data?: Record<string, unknown>
  rejected?: string
  /** Of an error. */
  code?: string
}

/** The cookies of one browser, as far as they are ours: all have one host and one path. */
export class CookieJar {
  readonly #cookies: Map<string, string>
  /** The path of the request whose answer set the session's own cookie last. */
  setBy: string | undefined

  constructor(cookies: Iterable<[string, string]> = []) {
    this.#cookies = new Map(cookies)
  }

  get header(): string {
    return [...this.#cookies].map((cookie) => cookie.join('=')).join('; ')
  }

  copy(): CookieJar {
    return new CookieJar(this.#cookies)
  }

  take(setCookies: readonly string[], path: string): void {
    for (const text of setCookies) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(text) ?? []
      if (/;\s*max-age=0\b/i.test(text)) this.#cookies.delete(name)
      else this.#cookies.set(name, value)
      if (name === NAME) this.setBy = path
    }
  }
}

/**
 * @returns undefined if the client went away before the answer came
 * @throws {Error} for an answer that never comes or that nobody understands
 */
export function send({ port, path, jar, fault, abortAfter, leaves = false }: Sending): Promise<Reply | undefined> {
  return new Promise((resolve, reject) => {
    const headers = { ...(jar.header && { cookie: jar.header }), ...(fault && { 'x-fault': fault }) }
    const outgoing = request({ host: '127.0.0.1', port, path, agent, headers })
    let isGone = false
    const goAway = (): void => {
      isGone = true
      outgoing.destroy()
    }
    const patience = setTimeout(() => outgoing.destroy(new Error('no answer')), PATIENCE)
    const leaving = abortAfter === undefined ? undefined : setTimeout(goAway, abortAfter)
    outgoing.on('close', () => clearTimeout(patience))
    outgoing.on('error', (error) => (isGone ? resolve(undefined) : reject(error)))
    outgoing.on('response', (response) => {
      clearTimeout(leaving)
      jar.take(response.headers['set-cookie'] ?? [], path)
      const line = firstLine(response, leaves ? goAway : undefined)
      line.then((text) => replyOf(response.statusCode ?? 0, text)).then(resolve, reject)
    })
    outgoing.end()
  })
}

/** An adapter may have its own text for an error. */
function replyOf(status: number, text: string): Reply {
  if (status === 200) return { status, ...JSON.parse(text) }
  return text.startsWith('{') ? { status, ...JSON.parse(text) } : { status, code: String(status) }
}

/** The first line of a body; the rest is read as well, unless `leave` is called instead. */
async function firstLine(response: IncomingMessage, leave: (() => void) | undefined): Promise<string> {
  let text = ''
  try {
    for await (const chunk of response.setEncoding('utf8')) {
      if (!text.includes('\n')) text += chunk
      if (leave && text.includes('\n')) leave()
    }
  } catch (error) {
    if (!leave) throw error
  }
  return text.split('\n', 1)[0] as string
}
