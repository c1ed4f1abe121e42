/**
 * Runs something before the head of a Node response leaves, whatever ends it: `end`, a stream, a redirect, an error.
 * Where that something has to be awaited, `writeHead`, `write`, `end` and `flushHeaders` are held in their order.
 */
import type { MaybePromise } from '../codecs/codec.js'

/** The part of `http.ServerResponse` that is used here. */
export interface NodeResponse {
  statusCode: number
  statusMessage: string
  readonly headersSent: boolean
  getHeader(name: string): number | string | string[] | undefined
  setHeader(name: string, value: number | string | readonly string[]): unknown
  // biome-ignore lint/suspicious/noExplicitAny: the overloads of http.ServerResponse
  writeHead(...args: any[]): unknown
  // biome-ignore lint/suspicious/noExplicitAny: see writeHead
  write(...args: any[]): boolean
  // biome-ignore lint/suspicious/noExplicitAny: see writeHead
  end(...args: any[]): unknown
  flushHeaders(): void
  emit(event: 'drain'): boolean
}

export interface HeldResponseOptions {
  /** Called once; may set headers. */
  prepare: () => MaybePromise<void>
  /** Called with what `prepare` threw. What the handler has sent is dropped, so that an error page can go out instead. */
  fail: (error: unknown) => void
}

/** Takes the response's four ways out into its hands. */
export function holdResponse(response: NodeResponse, { prepare, fail }: HeldResponseOptions): void {
  const writeHead = response.writeHead.bind(response)
  const write = response.write.bind(response)
  const end = response.end.bind(response)
  const flushHeaders = response.flushHeaders.bind(response)
  let phase: 'untouched' | 'held' | 'open' = 'untouched'
  let held: (() => unknown)[] = []

  /** Lets the call through at once, or keeps it for later. */
  function pass<Result>(call: () => Result, meanwhile: Result): Result {
    if (phase === 'untouched') begin()
    if (phase === 'open') return call()
    held.push(call)
    return meanwhile
  }

  function begin(): void {
    phase = 'held'
    let preparing: MaybePromise<void>
    try {
      preparing = prepare()
    } catch (error) {
      refuse(error)
      return
    }
    if (preparing instanceof Promise) preparing.then(release, refuse)
    else phase = 'open'
  }

  function release(): void {
    phase = 'open'
    const results = held.map((call) => call())
    held = []
    // A stream that was told to wait goes on now, unless the socket is full: then the socket says when.
    if (results.at(-1) === true) response.emit('drain')
  }

  function refuse(error: unknown): void {
    // Not in this call: the handler is in the middle of its own `end` or `write`.
    queueMicrotask(() => {
      held = []
      phase = 'open'
      fail(error)
    })
  }

  response.writeHead = (status: number, ...rest: unknown[]) => {
    applyHead(response, status, rest)
    return pass(() => writeHead(status, ...rest.filter((part) => typeof part === 'string')), response)
  }
  response.write = (...args) => pass(() => write(...args), false)
  response.end = (...args) => pass(() => end(...args), response)
  response.flushHeaders = () => pass(flushHeaders, undefined)
}

/** Headers given to `writeHead` would replace what is set there: they are set first, so that cookies are added to them. */
function applyHead(response: NodeResponse, status: number, rest: unknown[]): void {
  if (response.headersSent) return
  response.statusCode = status
  const headers = rest.find((part) => typeof part === 'object' && part !== null)
  if (Array.isArray(headers)) {
    const pairs = Array.isArray(headers[0]) ? headers : pairsOf(headers)
    for (const [name, value] of pairs) appendHeader(response, String(name), value)
  } else if (headers) {
    for (const [name, value] of Object.entries(headers)) if (value !== undefined) response.setHeader(name, value)
  }
}

/** Node also takes a flat list: name, value, name, value. */
function pairsOf(flat: unknown[]): unknown[][] {
  return flat.flatMap((name, index) => (index % 2 === 0 ? [[name, flat[index + 1]]] : []))
}

function appendHeader(response: NodeResponse, name: string, value: unknown): void {
  const before = name.toLowerCase() === 'set-cookie' ? response.getHeader(name) : undefined
  const values = [before ?? [], value as string | string[]].flat() as string[]
  response.setHeader(name, before === undefined ? (value as string) : values)
}
