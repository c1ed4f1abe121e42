/**
 * Runs something before the head of a Node response leaves, whatever ends it: `end`, a stream, a redirect, an error.
 * Where that something has to be awaited, `writeHead`, `write`, `end` and `flushHeaders` are held in their order.
 */
import { dropHeaders } from './fetch.js'

/** The part of `http.ServerResponse` that is used here. */
export interface NodeResponse {
  statusCode: number
  statusMessage: string
  readonly headersSent: boolean
  readonly writableEnded: boolean
  getHeader(name: string): number | string | string[] | undefined
  setHeader(name: string, value: number | string | readonly string[]): unknown
  removeHeader(name: string): void
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
  prepare: () => Promise<void>
  /**
   * Called with what `prepare` threw, or a call that was held. What the handler has sent is dropped, so that an error page can
   * go out instead; so is what it sends after that page.
   */
  fail: (error: unknown) => void
}

/** Takes the response's four ways out into its hands. */
export function holdResponse(response: NodeResponse, { prepare, fail }: HeldResponseOptions): void {
  const writeHead = response.writeHead.bind(response)
  const write = response.write.bind(response)
  const end = response.end.bind(response)
  const flushHeaders = response.flushHeaders.bind(response)
  let phase: 'untouched' | 'held' | 'open' | 'failed' = 'untouched'
  let held: (() => unknown)[] = []
  let hasEnded = false

  /** Lets the call through at once, or keeps it for later. */
  function pass<Result>(call: () => Result, meanwhile: Result): Result {
    if (phase === 'untouched') begin()
    if (phase === 'held') {
      held.push(call)
      return meanwhile
    }
    // The handler knows nothing of the page that went out instead: what it goes on to write would be an error without a listener.
    return phase === 'failed' && response.writableEnded ? meanwhile : call()
  }

  function begin(): void {
    phase = 'held'
    let preparing: Promise<void>
    try {
      preparing = prepare()
    } catch (error) {
      refuse(error)
      return
    }
    if (preparing instanceof Promise) {
      pretend(response, { headersSent: () => true, writableEnded: () => hasEnded })
      preparing.then(release, refuse)
    } else phase = 'open'
  }

  function release(): void {
    phase = 'open'
    stopPretending(response)
    const calls = held
    held = []
    try {
      const results = calls.map((call) => call())
      // A stream that was told to wait goes on now, unless the socket is full: then the socket says when.
      if (results.findLast((result) => typeof result === 'boolean') === true) response.emit('drain')
    } catch (error) {
      fail(error)
    }
  }

  function refuse(error: unknown): void {
    // Not in this call: the handler is in the middle of its own `end` or `write`.
    queueMicrotask(() => {
      held = []
      phase = 'failed'
      stopPretending(response)
      response.statusCode = 500
      response.statusMessage = ''
      dropHeaders(response)
      fail(error)
    })
  }

  response.writeHead = (status: number, ...rest: unknown[]) => {
    applyHead(response, status, rest)
    return pass(() => writeHead(status, ...rest.filter((part) => typeof part === 'string')), response)
  }
  response.write = (...args) => pass(() => write(...args), false)
  response.end = (...args) => {
    hasEnded = true
    return pass(() => end(...args), response)
  }
  response.flushHeaders = () => pass(flushHeaders, undefined)
}

/**
 * What an application asks to know whether it may still answer. It has answered, though nothing has left yet: the page of a later
 * error must not be mixed into what is held.
 */
function pretend(response: NodeResponse, answers: Record<'headersSent' | 'writableEnded', () => boolean>): void {
  for (const [name, get] of Object.entries(answers)) Object.defineProperty(response, name, { configurable: true, get })
}

function stopPretending(response: NodeResponse): void {
  for (const name of ['headersSent', 'writableEnded']) Reflect.deleteProperty(response, name)
}

/** Headers given to `writeHead` would replace what is set there: they are set first, so that cookies are added to them. */
function applyHead(response: NodeResponse, status: number, rest: unknown[]): void {
  if (response.headersSent) return
  response.statusCode = status
  const headers = rest.find((part) => typeof part === 'object' && part !== null)
  if (Array.isArray(headers)) {
    const pairs = Array.isArray(headers[0]) ? (headers as unknown[][]) : pairsOf(headers)
    for (const [name] of pairs) response.removeHeader(String(name))
    for (const [name, value] of pairs) appendHeader(response, String(name), value)
  } else if (headers) {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  }
}

/** Node also takes a flat list: name, value, name, value. */
function pairsOf(flat: unknown[]): unknown[][] {
  return flat.flatMap((name, index) => (index % 2 === 0 ? [[name, flat[index + 1]]] : []))
}

/** A list may name a header more than once. */
function appendHeader(response: NodeResponse, name: string, value: unknown): void {
  const before = response.getHeader(name)
  response.setHeader(name, before === undefined ? (value as string) : ([before, value].flat() as string[]))
}
