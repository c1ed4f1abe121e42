/**
 * Runs something before the head of a Node response leaves, whatever makes it leave: `end`, a stream, a redirect, an error page.
 * If that has to be awaited, the response is held: it already behaves as one that is sent, and leaves afterwards.
 * The behaviour is that of `http.ServerResponse` in Node.js 20.
 */
import { isOutage } from '../../shared/errors.js'
import type { MaybePromise } from '../../shared/types.js'
import { createRequestMemory, type HeaderTarget } from '../core/http.js'
import { type Session, stateOf } from '../core/session.js'
import type { SessionsInternal } from '../core/sessions.js'

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

/** The headers of a response until they leave. The response itself refuses changes while it is held. */
export interface ResponseHead {
  getHeader(name: string): number | string | string[] | undefined
  setHeader(name: string, value: string | string[]): void
  /** No header can be set any more. */
  hasLeft(): boolean
}

export interface HeldWork {
  /** Called once. May set headers by the head that `holdResponse` returns. */
  prepare: () => MaybePromise<unknown>
  /**
   * Called with what `prepare` threw. What the handler has sent is dropped, so that an error page can go out instead; what it
   * sends after that page is dropped too.
   */
  fail: (error: unknown) => unknown
  /** Called when the response is done, unless that was an error page. */
  finish?: () => unknown
}

/**
 * Takes over the methods by which the head of a response can leave. Further calls for the same response add to its work; the
 * last one added runs first.
 */
export function holdResponse(response: NodeResponse, work: HeldWork): ResponseHead {
  const known = heldResponses.of(response)
  if (known) {
    known.works.push(work)
    return known.head
  }
  const works = [work]
  const head = takeOver(response as FullResponse, works)
  heldResponses.keep(response, { works, head })
  return head
}

const heldResponses = /* @__PURE__ */ createRequestMemory<{ works: HeldWork[]; head: ResponseHead }>()

// biome-ignore lint/suspicious/noExplicitAny: methods of Node, called with what the handler gave
type Method = (...args: any[]) => any

/** What a response of Node has beyond that. Other runtimes may lack some of it. */
interface FullResponse extends NodeResponse {
  readonly req?: { readonly method?: string; readonly httpVersionMajor?: number; readonly socket?: Connection | null }
  readonly socket?: Connection | null
  readonly writableHighWaterMark?: number
  readonly destroyed?: boolean
  addTrailers: Method
  destroy: Method
  emit: Method
  listenerCount(event: string): number
  getMaxListeners?(): number
  setMaxListeners?: Method
  on: Method
  once: Method
}

interface Connection {
  readonly destroyed?: boolean
  readonly readableEnded?: boolean
  destroy?: Method
}

interface PipedSource {
  unpipe(destination: unknown): unknown
  destroy?(): unknown
}

/**
 * - untouched: nothing has been sent
 * - held: the handler has begun to answer, `prepare` is not done
 * - open: calls go to Node
 * - failed: calls are those of the error page
 */
type Phase = 'untouched' | 'held' | 'open' | 'failed'

/** A call that waits until the response is released. */
interface HeldCall {
  run: () => unknown
  /** Settles its callback if it will never run. */
  drop?: (error: unknown) => void
}

function takeOver(response: FullResponse, works: readonly HeldWork[]): ResponseHead {
  const writeHead = response.writeHead.bind(response)
  const write = response.write.bind(response)
  const end = response.end.bind(response)
  const flushHeaders = response.flushHeaders.bind(response)
  const connection = response.req?.socket ?? response.socket
  const sources = new Set<PipedSource>()
  let phase: Phase = 'untouched'
  let current = 0

  // The answer that is held.
  let status = { code: 200, message: '' }
  let calls: HeldCall[] = []
  let size = 0
  let isFull = false
  let hasEnded = false
  /** Written and not ended in this turn: Node loses such bytes when the response is destroyed now. */
  let isCorked = false
  let destruction: { run: () => unknown; isAtOnce: boolean } | undefined
  let real = methodsOf(response)
  let stopPretending: () => void = () => {}
  let leaveConnection: () => (() => void) | undefined = () => undefined

  const isGone = (): boolean => connection?.destroyed === true
  const highWaterMark = (): number => response.writableHighWaterMark ?? 16_384

  function begin(): void {
    phase = 'held'
    status = { code: response.statusCode, message: messageOf(response) }
    real = methodsOf(response)
    current = works.length
    let preparing: MaybePromise<unknown>
    try {
      preparing = prepareRest()
    } catch (error) {
      preparing = Promise.reject(error)
    }
    if (!(preparing instanceof Promise)) {
      phase = 'open'
      return
    }
    if (isGone()) phase = 'open'
    else pretend()
    preparing.then(release, refuse)
  }

  function prepareRest(): MaybePromise<unknown> {
    while (current > 0) {
      current--
      const preparing = works[current]?.prepare()
      if (preparing instanceof Promise) return preparing.then(prepareRest)
    }
    return undefined
  }

  /** From here on the response looks like one that is sent. */
  function pretend(): void {
    leaveConnection = guard(connection, response.req?.httpVersionMajor)
    stopPretending = replace(response, {
      headersSent: getter(() => true),
      writableEnded: getter(() => hasEnded),
      finished: getter(() => hasEnded),
      writableFinished: getter(isFinished),
      writableNeedDrain: getter(() => isFull && !hasEnded && !destruction),
      destroyed: getter(() => destruction !== undefined || isGone()),
      setHeader: method(() => refuseHeader('set')),
      setHeaders: method(() => refuseHeader('set')),
      appendHeader: method(() => refuseHeader('append')),
      removeHeader: method(() => refuseHeader('remove')),
      addTrailers: method(addTrailers),
      writeContinue: method(later('writeContinue')),
      writeProcessing: method(later('writeProcessing')),
      writeEarlyHints: method(later('writeEarlyHints')),
      cork: method(later('cork')),
      uncork: method(later('uncork')),
      destroy: method(destroy),
      // What older middleware calls before each write, as it knows nothing of a held head.
      _implicitHeader: method(() => {}),
    })
  }

  /** A real response of this size would be with the operating system by now. */
  function isFinished(): boolean {
    return hasEnded && size < highWaterMark() && !isGone()
  }

  function release(): void {
    if (phase !== 'held') return
    const destroyConnection = stopHolding()
    phase = 'open'
    // What the handler sets after its answer is to be read, and does not leave.
    const code = response.statusCode
    const message = messageOf(response)
    setStatus(response, status)
    let hasRoom = false
    try {
      for (const { run } of takeCalls()) {
        const result = run()
        if (typeof result === 'boolean') hasRoom = result
      }
    } catch (error) {
      if (response.headersSent) response.destroy()
      else {
        abandon(error)
        tell(error)
      }
      return
    }
    response.statusCode = code
    if (message !== status.message) setStatus(response, { code, message })
    destroyAfterwards(destroyConnection)
    // A stream that was told to wait goes on now, unless the connection is full: then Node says when.
    if (isFull && hasRoom && !hasEnded) response.emit('drain')
  }

  function refuse(error: unknown): void {
    if (phase === 'held') {
      const destroyConnection = stopHolding()
      abandon(error)
      if (destruction) destruction.run()
      // The connection was to be closed as there was nothing more to say on it: the error page still goes out.
      else if (destroyConnection) response.setHeader('Connection', 'close')
    }
    tell(error)
  }

  /** Makes way for an error page. */
  function abandon(error: unknown): void {
    phase = 'failed'
    for (const { drop } of takeCalls()) drop?.(error)
    for (const source of sources) {
      source.unpipe(response)
      source.destroy?.()
    }
    setStatus(response, { code: 500, message: '' })
    dropHeaders(response)
  }

  function tell(error: unknown): void {
    const giveUp = (): unknown => response.destroy()
    try {
      const told = works[current]?.fail(error)
      if (told instanceof Promise) told.catch(giveUp)
    } catch {
      giveUp()
    }
  }

  /** @returns what destroys the connection, if that was asked for meanwhile */
  function stopHolding(): (() => void) | undefined {
    stopPretending()
    return leaveConnection()
  }

  function takeCalls(): HeldCall[] {
    const taken = calls
    calls = []
    return taken
  }

  function destroyAfterwards(destroyConnection: (() => void) | undefined): void {
    const { run = destroyConnection, isAtOnce = hasEnded || isCorked } = destruction ?? {}
    if (!run) return
    // In a turn of its own Node still sends what was written in an earlier one.
    if (isAtOnce) run()
    else setTimeout(run)
  }

  // What the handler calls while the response is held.

  function hold(call: HeldCall): void {
    calls.push(call)
  }

  function later(name: string): Method {
    return (...args) => hold({ run: () => (response as unknown as Record<string, Method>)[name]?.(...args) })
  }

  function addTrailers(...args: unknown[]): void {
    if (!hasEnded) real.addTrailers?.apply(response, args)
  }

  function destroy(error?: unknown): FullResponse {
    destruction ??= { run: () => response.destroy(error), isAtOnce: hasEnded || isCorked }
    return response
  }

  function holdWrite(args: unknown[]): boolean {
    const chunk = args[0] as string | Uint8Array
    const callback = callbackOf(args)
    if (hasEnded) return refuseWrite(callback)
    if (destruction) return refuseDestroyed(callback)
    hold({ run: () => write(...args), ...(callback ? { drop: (error) => queueMicrotask(() => callback(error)) } : {}) })
    if (!hasBody(response, status.code)) return true
    isCorked = true
    queueMicrotask(() => {
      isCorked = false
    })
    size += lengthOf(chunk)
    isFull ||= size >= highWaterMark()
    return !isFull
  }

  function holdEnd(args: unknown[]): FullResponse {
    const chunk = isChunk(args[0]) ? args[0] : undefined
    const callback = callbackOf(args)
    if (hasEnded) {
      if (chunk) refuseWrite(callback)
      else if (callback && isFinished()) callback(nodeError('ERR_STREAM_ALREADY_FINISHED'))
      else if (callback) response.once('finish', callback)
      return response
    }
    hasEnded = true
    if (destruction) return response
    hold({ run: () => end(...args), ...(callback ? { drop: () => response.once('finish', callback) } : {}) })
    if (chunk && hasBody(response, status.code)) size += lengthOf(chunk)
    return response
  }

  /** Node emits an error too. Without a listener it would end the process. */
  function refuseWrite(callback: Method | undefined): false {
    const error = nodeError('ERR_STREAM_WRITE_AFTER_END')
    queueMicrotask(() => {
      callback?.(error)
      if (phase !== 'failed' && response.listenerCount('error') > 0) response.emit('error', error)
    })
    return false
  }

  function refuseDestroyed(callback: Method | undefined): false {
    if (callback) queueMicrotask(() => callback(nodeError('ERR_STREAM_DESTROYED')))
    return false
  }

  /** @returns whether a call goes to Node now */
  function passes(): boolean {
    if (phase === 'untouched' && canBeSent(response.statusCode, messageOf(response))) begin()
    return phase !== 'held'
  }

  response.writeHead = (code: number, ...rest: unknown[]) => {
    if (phase === 'held') refuseHeader('write')
    const message = rest.find((part) => typeof part === 'string')
    // Node throws for a head that can't be sent.
    if (phase !== 'untouched' || !canBeSent(code, message ?? messageOf(response))) return writeHead(code, ...rest)
    applyHead(response, code, rest)
    if (message !== undefined && response.req?.httpVersionMajor !== 2) response.statusMessage = message
    const call = (): unknown => (message === undefined ? writeHead(code) : writeHead(code, message))
    if (passes()) return call()
    hold({ run: call })
    return response
  }
  response.write = (...args) => {
    // Node throws for what is no chunk, whatever the state of the response.
    if (!isChunk(args[0])) return write(...args)
    if (!passes()) return holdWrite(args)
    if (isTooLate()) return refuseWrite(callbackOf(args))
    return destruction ? refuseDestroyed(callbackOf(args)) : write(...args)
  }
  response.end = (...args) => {
    const isWrong = args[0] && typeof args[0] !== 'function' && !isChunk(args[0])
    if (isWrong && !hasEnded) return end(...args)
    if (!passes()) return holdEnd(args)
    if (args[0] && isTooLate()) refuseWrite(callbackOf(args))
    else if (!destruction) end(...args)
    return response
  }
  response.flushHeaders = () => {
    if (passes()) flushHeaders()
    else if (!hasEnded) hold({ run: flushHeaders })
  }

  /** The handler knows nothing of the error page that went out instead of its answer: what it still writes is dropped. */
  function isTooLate(): boolean {
    return phase === 'failed' && response.writableEnded
  }

  allowOneMoreListener(response)
  response.once('close', () => {
    if (phase === 'held') release()
    else if (phase === 'open' && response.headersSent) for (const { finish } of works) finish?.()
  })
  response.on('pipe', (source: PipedSource) => sources.add(source))
  return {
    getHeader: (name) => response.getHeader(name),
    setHeader(name, value) {
      // The head of a response whose connection is closed goes nowhere.
      if (isGone()) return
      if (phase === 'held') real.setHeader.call(response, name, value)
      else response.setHeader(name, value)
    },
    hasLeft: () => phase === 'held' || (phase === 'open' && response.headersSent),
  }
}

/** What the middleware of a WebSocket handshake gets may be any object: nothing can be held, and no cookie set. */
export function isResponse(response: object): response is NodeResponse {
  return METHODS.every((name) => typeof (response as Record<string, unknown>)[name] === 'function')
}

const METHODS = ['writeHead', 'write', 'end', 'flushHeaders', 'getHeader', 'setHeader', 'on', 'once']

/** In place of a response that can't be held. */
export const noResponse: ResponseHead = { getHeader: () => undefined, setHeader() {}, hasLeft: () => true }

/** Node warns of the eleventh listener for one event: ours is not to count, so that the handler has as many as without us. */
function allowOneMoreListener(response: FullResponse): void {
  const most = response.getMaxListeners?.() ?? 0
  // 0: any number.
  if (most > 0) response.setMaxListeners?.(most + 1)
}

/** The methods that a held response still needs, whoever replaced them before. */
function methodsOf(response: FullResponse): { setHeader: Method; addTrailers: Method | undefined } {
  const { setHeader, addTrailers } = response
  return { setHeader, addTrailers }
}

// Connections: what closes one must not overtake the responses on it that are held.

interface Guard {
  /** Of the responses that are held. */
  count: number
  /** Runs out if somebody has called `destroy()` meanwhile. */
  patience: ReturnType<typeof setTimeout> | undefined
  end: () => void
}

const guards = /* @__PURE__ */ createRequestMemory<Guard>()

/** Milliseconds. A store that never answers keeps no connection open. */
const MAX_PATIENCE = 30_000

/**
 * `destroy()` of a connection waits until no response on it is held: Express destroys it after an error that comes after the
 * answer, and the answer would be lost. If the connection itself fails or ends, it is destroyed at once.
 *
 * @returns ends that, and returns what destroys the connection if that was asked for
 */
function guard(connection: Connection | null | undefined, version: number | undefined): () => (() => void) | undefined {
  // A connection of HTTP/2 has other responses too, and lets no handler destroy it.
  if (typeof connection?.destroy !== 'function' || version !== 1) return () => undefined
  const guard = guards.of(connection) ?? { count: 0, patience: undefined, end: () => {} }
  guards.keep(connection, guard)
  if (guard.count === 0) {
    const { destroy } = connection
    const destroyNow = (...args: unknown[]): unknown => destroy.apply(connection, args)
    guard.end = replace(connection, {
      destroy: method((...args: unknown[]) => {
        // Node keeps the method for the end of a connection, and may call it after this has ended.
        if (guard.count === 0 || args[0] !== undefined || connection.readableEnded) return destroyNow(...args)
        guard.patience ??= setTimeout(destroyNow, MAX_PATIENCE)
        return connection
      }),
    })
  }
  guard.count++
  return () => {
    guard.count--
    if (guard.count > 0) return undefined
    guard.end()
    if (guard.patience === undefined) return undefined
    clearTimeout(guard.patience)
    guard.patience = undefined
    return () => connection.destroy?.()
  }
}

// Properties in place of an object's own, for a while.

/** Leaves out what the object does not have. @returns puts back what was there */
function replace(object: object, properties: Record<string, PropertyDescriptor>): () => void {
  const before: [string, PropertyDescriptor | undefined][] = []
  for (const [name, property] of Object.entries(properties)) {
    if (!(name in object)) continue
    const own = Object.getOwnPropertyDescriptor(object, name)
    if (property.get && own && 'value' in own) {
      // Node assigns to some of them.
      property.set = (value) => {
        own.value = value
      }
    }
    if (Reflect.defineProperty(object, name, property)) before.push([name, own])
  }
  return () => {
    for (const [name, own] of before) {
      Reflect.deleteProperty(object, name)
      if (own) Object.defineProperty(object, name, own)
    }
  }
}

function getter(get: () => boolean): PropertyDescriptor {
  return { configurable: true, enumerable: true, get }
}

function method(value: Method): PropertyDescriptor {
  return { configurable: true, enumerable: true, writable: true, value }
}

// Node's rules.

const MESSAGES = {
  ERR_HTTP_HEADERS_SENT: 'Cannot $ headers after they are sent to the client',
  ERR_STREAM_WRITE_AFTER_END: 'write after end',
  ERR_STREAM_ALREADY_FINISHED: 'Cannot call end after a stream was finished',
  ERR_STREAM_DESTROYED: 'Cannot call write after a stream was destroyed',
}

function nodeError(code: keyof typeof MESSAGES, verb = ''): Error {
  return Object.assign(new Error(MESSAGES[code].replace('$', verb)), { code })
}

function refuseHeader(verb: string): never {
  throw nodeError('ERR_HTTP_HEADERS_SENT', verb)
}

/** What no reason phrase has in it (RFC 9112 §4). */
const NOT_IN_PHRASE = /[^\t\x20-\x7e\x80-\xff]/

/** Node throws for the status line of any other, and nothing is sent. */
function canBeSent(code: number, message: string): boolean {
  const number = Math.trunc(Number(code))
  return number >= 100 && number <= 999 && !NOT_IN_PHRASE.test(message)
}

function isChunk(value: unknown): value is string | Uint8Array {
  return typeof value === 'string' || Object.prototype.toString.call(value) === '[object Uint8Array]'
}

function callbackOf(args: unknown[]): Method | undefined {
  return args.find((arg) => typeof arg === 'function') as Method | undefined
}

function lengthOf(chunk: string | Uint8Array): number {
  return typeof chunk === 'string' ? chunk.length : chunk.byteLength
}

/** RFC 9110 §6.4.1. Node lets a handler write one all the same, and drops it. */
function hasBody(response: FullResponse, code: number): boolean {
  return response.req?.method !== 'HEAD' && code !== 204 && code !== 304
}

/** In HTTP/2 there is none, and asking for it warns. */
function messageOf(response: NodeResponse): string {
  return Object.hasOwn(response, 'statusMessage') ? (response.statusMessage ?? '') : ''
}

function setStatus(response: NodeResponse, { code, message }: { code: number; message: string }): void {
  response.statusCode = code
  if (message !== messageOf(response)) response.statusMessage = message
}

/** Headers given to `writeHead` would replace what is set there: they are set first, so that cookies are added to them. */
function applyHead(response: NodeResponse, code: number, rest: unknown[]): void {
  response.statusCode = code
  const headers = rest.find((part) => typeof part === 'object' && part !== null)
  if (Array.isArray(headers)) {
    const pairs = Array.isArray(headers[0]) ? (headers as unknown[][]) : pairsOf(headers)
    for (const [name] of pairs) {
      if (response.getHeader(String(name)) !== undefined) response.removeHeader(String(name))
    }
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

// What an adapter adds to a response, and what is left of it for an error page.

/** Commits a session before the head leaves. There is nothing to wait for unless the commit writes something. */
export function saveSession<Data extends object>(
  sessions: SessionsInternal<Data>,
  session: Session<Data>,
  head: ResponseHead,
): Promise<unknown> | undefined {
  const { isRead, isDestroyed } = stateOf(session)
  if (!isRead && !isDestroyed && isForEverybody(head)) return undefined
  if (sessions.needsCommit(session)) return sessions.commit(session, head)
  sessions.markResponse(session, head)
  return undefined
}

/**
 * A response whose Cache-Control lets shared caches keep it: nothing of a session that the handler did not look at is added.
 * What is due, as a renewal, is due with the next response too. RFC 9111 §5.2.2.
 */
function isForEverybody(head: ResponseHead): boolean {
  return /\b(?:public|s-maxage)\b/i.test(String(head.getHeader('cache-control') ?? ''))
}

/** The same error; an outage of the store or the source of keys with the `status` and `statusCode` that frameworks answer with. */
export function withStatus(error: unknown): unknown {
  return isOutage(error) ? Object.assign(error as Error, { status: 503, statusCode: 503 }) : error
}

/** What the handler said of a body that does not go out, and how long caches may keep it. */
const HEADERS_OF_THE_BODY = [
  'Content-Type',
  'Content-Disposition',
  'Content-Language',
  'Content-Length',
  'Content-Encoding',
  'Content-Range',
  'Transfer-Encoding',
  'Trailer',
  'ETag',
  'Last-Modified',
  'Expires',
  'Location',
]

/** Makes way for an error page, which no cache keeps unless that page says so. */
export function dropHeaders(response: Pick<NodeResponse, 'getHeader' | 'removeHeader' | 'setHeader'>): void {
  for (const name of HEADERS_OF_THE_BODY) {
    // Node takes the removal of a header for the wish not to have it, even if it was never there.
    if (response.getHeader(name) !== undefined) response.removeHeader(name)
  }
  response.setHeader('Cache-Control', 'no-store')
}

/** The headers of a reply of Fastify. */
export interface ReplyHeaders {
  getHeader(name: string): number | string | string[] | undefined
  header(name: string, value: unknown): unknown
  removeHeader(name: string): unknown
}

/** Fastify adds a Set-Cookie to those that are there. */
export function targetOf(reply: ReplyHeaders): HeaderTarget {
  return {
    getHeader: (name) => reply.getHeader(name),
    setHeader(name, value) {
      reply.removeHeader(name)
      reply.header(name, value)
    },
  }
}
