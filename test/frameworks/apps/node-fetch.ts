/** A fetch handler behind `node:http`: the bridge that runtimes with a `fetch` server bring along. */
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import type { RunningApp } from '../behaviour.js'
import { listen } from './listen.js'

export function startNodeFetch(handler: (request: Request) => Promise<Response>): Promise<RunningApp> {
  return listen(async (incoming, outgoing) => {
    const headers = new Headers(incoming.headers as Record<string, string>)
    const url = new URL(incoming.url ?? '/', `http://${incoming.headers.host}`)
    const response = await handler(new Request(url, { method: incoming.method ?? 'GET', headers }))
    outgoing.statusCode = response.status
    for (const [name, value] of response.headers) outgoing.appendHeader(name, value)
    if (response.body && incoming.method !== 'HEAD') Readable.fromWeb(response.body as ReadableStream).pipe(outgoing)
    else outgoing.end()
  })
}
