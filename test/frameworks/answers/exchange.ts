/**
 * One exchange over a raw socket, and a second request on the same connection once the first response is closed: the bytes
 * that came back, and what the handler saw.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Server, type Socket } from 'node:net'

/** What a handler saw while it answered. */
export interface Observer {
  /** Makes a call and notes its result, or what it threw. */
  see(label: string, call: () => unknown): void
  /** Notes what a callback or an event told. When it is told is not compared. */
  told(label: string, value?: unknown): void
  /** The client goes away; fulfilled once the server knows. */
  abort(): Promise<void>
}

export interface Transcript {
  /** All bytes of the connection as Latin-1, without what differs in every response. */
  wire: string
  calls: string[]
  /** Sorted. */
  events: string[]
  /** Set-Cookie headers of sessions. */
  cookies: number
  /** What ended the process, had nobody listened. */
  escaped: string[]
}

/** The path of the second request. Applications answer it with this text. */
export const NEXT = 'next'

/** Where an application tells of each request that came in. */
export type OnExchange = (request: IncomingMessage, response: ServerResponse) => void

export interface StartedApp {
  server: Server
  close(): Promise<unknown>
}

export interface FirstRequest {
  head: string
  /** The server of the framework sends headers in no certain order. */
  hasHeadersInAnyOrder: boolean
  /** No second request comes after it. */
  isAlone: boolean
}

/** @param start - starts an application that calls `onExchange` first for each request */
export async function exchange(
  start: (observer: Observer, onExchange: OnExchange) => Promise<StartedApp>,
  { head, isAlone, hasHeadersInAnyOrder }: FirstRequest,
): Promise<Transcript> {
  const calls: string[] = []
  const events: string[] = []
  const escaped: string[] = []
  const onEscape = (error: unknown): void => void escaped.push(describe(error))
  const others = (['uncaughtException', 'unhandledRejection'] as const).map((name) => {
    const listeners = process.listeners(name as 'uncaughtException')
    process.removeAllListeners(name)
    process.on(name, onEscape)
    return { name, listeners }
  })

  let client: Socket
  let serverSocket: Socket | undefined
  let count = 0
  const observer: Observer = {
    see(label, call) {
      try {
        calls.push(`${label}: ${describe(call())}`)
      } catch (error) {
        calls.push(`${label} threw ${describe(error)}`)
      }
    },
    told: (label, value) => void events.push(value === undefined ? label : `${label}: ${describe(value)}`),
    async abort() {
      const closed = new Promise((resolve) => serverSocket?.once('close', resolve))
      client.resetAndDestroy()
      await closed
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
  const onExchange: OnExchange = (request, response) => {
    const isFirst = count++ === 0
    serverSocket = request.socket
    response.once('close', () => {
      if (isFirst && !isAlone) client.write(`GET /${NEXT} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
      else client.end()
    })
    if (!isFirst) return
    for (const event of ['finish', 'close']) response.once(event, () => observer.told(event))
  }

  const app = await start(observer, onExchange)
  try {
    client = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
    const chunks: Buffer[] = []
    client.on('data', (chunk) => chunks.push(chunk))
    client.on('error', () => {})
    client.write(head)
    await new Promise((resolve) => client.once('close', resolve))
    // What still runs on the server: a commit, a handler that waits, callbacks.
    await new Promise((resolve) => setTimeout(resolve, 60))
    const wire = Buffer.concat(chunks).toString('latin1')
    const cookies = wire.match(/^Set-Cookie: sid=/gim)?.length ?? 0
    const common = withoutOurs(wire)
    return {
      wire: hasHeadersInAnyOrder ? withSortedHeaders(common) : common,
      calls,
      events: events.sort(),
      cookies,
      escaped,
    }
  } finally {
    await app.close()
    for (const { name, listeners } of others) {
      process.removeAllListeners(name)
      for (const listener of listeners) process.on(name, listener)
    }
  }
}

/** The date, the headers that a session adds, and how names and media types are written. */
function withoutOurs(wire: string): string {
  return wire
    .replace(/^[\w-]+(?=: )/gm, (name) => name.toLowerCase())
    .replace(/^date: .*\r\n/gm, '')
    .replace(/^set-cookie: sid=.*\r\n/gm, '')
    .replace(/^vary: Cookie\r\n/gm, '')
    .replace(/^(vary: .*), Cookie\r\n/gm, '$1\r\n')
    .replace(/^cache-control: private, no-store\r\n/gm, '')
    .replace(/; charset=/g, ';charset=')
}

function withSortedHeaders(wire: string): string {
  const lines = /(HTTP\/1.1 \d{3} .*\r\n)((?:[\w-]+: .*\r\n)*)/g
  return wire.replace(lines, (_, status: string, headers: string) => status + headers.split('\r\n').sort().join('\r\n'))
}

function describe(value: unknown): string {
  if (value instanceof Error) {
    const { code } = value as Error & { code?: string }
    return code === undefined ? `${value.name} ${value.message}` : `${code} ${value.message}`
  }
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? value.join() : 'an object'
  return String(value)
}
