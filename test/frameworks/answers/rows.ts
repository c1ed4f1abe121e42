/**
 * Ways to answer: once and rightly, twice, wrongly, in part, or never. Each is done by whoever writes it for a kind of
 * framework; the words FIRST and SECOND are in the bodies of the first and of any later answer.
 */
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { PassThrough, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Request as ExpressRequest, Response as ExpressResponse, NextFunction } from 'express'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Context } from 'koa'
import type { Observer } from './exchange.js'

export interface Row {
  name: string
  /** The head of the request where it is not a plain GET. */
  head?: string
  /** Over `node:http`, and over Express with its response as it is. */
  node?: (request: IncomingMessage, response: ServerResponse, observer: Observer) => unknown
  express?: (request: ExpressRequest, response: ExpressResponse, next: NextFunction, observer: Observer) => unknown
  fastify?: (request: FastifyRequest, reply: FastifyReply, observer: Observer) => unknown
  koa?: (context: Context, observer: Observer) => unknown
  /** A handler of fetch requests, and of Hono. */
  web?: (request: Request, observer: Observer) => Response | Promise<Response>
  /** Nobody is there to get the answer, or nothing of it leaves the server. */
  isUnanswered?: boolean
  /** The handler itself ends the connection before its answer is complete. */
  isCutOff?: boolean
  /** It ends with an error, and not every framework saves a session then. */
  isError?: boolean
  /** The connection is not used again: Express destroys it, and at no certain time. */
  isAlone?: boolean
}

const FIRST = 'the first answer'
const SECOND = 'the second answer'
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const HEAD = 'HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n'

/** What a response says of itself. */
function lookAt(response: ServerResponse, { see }: Observer): void {
  see('headersSent', () => response.headersSent)
  see('writableEnded', () => response.writableEnded)
  see('finished', () => response.finished)
  see('statusCode', () => response.statusCode)
  see('header', () => response.getHeader('x-a'))
  see('destroyed', () => response.destroyed)
}

export const rows: Row[] = [
  {
    name: 'once',
    node(_, response, observer) {
      lookAt(response, observer)
      response.setHeader('X-A', 'b')
      observer.see('end', () => response.end(FIRST) === response)
      lookAt(response, observer)
    },
    express: (_, response, __, { see }) => see('send', () => response.send(FIRST) === response),
    fastify: () => FIRST,
    koa: (context) => {
      context.body = FIRST
    },
    web: () => new Response(FIRST),
  },
  {
    name: 'a redirect, then a body',
    express(_, response) {
      response.redirect('/login')
      response.send(SECOND)
    },
    fastify(_, reply) {
      reply.redirect('/login')
      reply.send(SECOND)
    },
    koa(context) {
      context.redirect('/login')
      context.body = SECOND
    },
    web: () => Response.redirect('http://localhost/login'),
  },
  {
    name: 'sent twice, caught',
    express(_, response, __, { see }) {
      see('first', () => response.send(FIRST) === response)
      see('second', () => response.send(SECOND) === response)
    },
    fastify(_, reply, { see }) {
      see('first', () => reply.send(FIRST) === reply)
      see('sent', () => reply.sent)
      see('second', () => reply.send(SECOND) === reply)
    },
    koa(context) {
      context.body = FIRST
      context.body = SECOND
    },
  },
  {
    name: 'sent, and another in a later turn',
    isAlone: true,
    async express(_, response, __, { see }) {
      response.send(FIRST)
      await turn()
      see('second', () => response.json({ body: SECOND }))
    },
    async fastify(_, reply, { see }) {
      reply.send(FIRST)
      await turn()
      see('second', () => reply.code(400).send({ body: SECOND }) === reply)
    },
  },
  {
    name: 'sent, then another status and JSON on the same connection',
    isError: true,
    express(_, response) {
      response.send(FIRST.repeat(7))
      response.status(400).json(0)
    },
    fastify(_, reply) {
      reply.send(FIRST.repeat(7))
      reply.code(400).header('x-late', 'yes').header('content-length', '1').send(0)
    },
    koa(context) {
      context.res.end(FIRST.repeat(7))
      context.status = 400
      context.body = 0
    },
  },
  {
    name: 'sent, then thrown',
    isError: true,
    express(_, response) {
      response.send(FIRST)
      throw new Error(SECOND)
    },
    async fastify(_, reply) {
      reply.send(FIRST)
      throw new Error(SECOND)
    },
    koa(context) {
      context.body = FIRST
      throw new Error('of the application')
    },
    web: () => {
      throw new Error('of the application')
    },
  },
  {
    name: 'sent, then rejected in a later turn',
    isError: true,
    isAlone: true,
    async express(_, response) {
      response.send(FIRST)
      await turn()
      throw new Error(SECOND)
    },
    async fastify(_, reply) {
      reply.send(FIRST)
      await turn()
      throw new Error(SECOND)
    },
    async web() {
      await turn()
      throw new Error('of the application')
    },
  },
  {
    name: 'sent, then next(error)',
    express(_, response, next) {
      response.send(FIRST)
      next(new Error(SECOND))
    },
  },
  {
    name: 'sent, then next()',
    express(_, response, next) {
      response.send(FIRST)
      next()
    },
  },
  {
    name: 'thrown: the error page',
    express() {
      throw new Error('of the application')
    },
    fastify() {
      throw new Error('of the application')
    },
  },
  {
    name: 'the body in a redirect with a status of its own, and headers',
    express: (_, response) => response.status(201).set('X-A', 'b').location('/here').json({ answer: FIRST }),
    fastify: (_, reply) => reply.code(201).headers({ 'x-a': 'b', location: '/here' }).send({ answer: FIRST }),
    koa(context) {
      context.status = 201
      context.set({ 'X-A': 'b', Location: '/here' })
      context.body = { answer: FIRST }
    },
    web: () => Response.json({ answer: FIRST }, { status: 201, headers: { 'X-A': 'b', Location: '/here' } }),
  },
  {
    name: 'headers and a status after the end',
    node(_, response, observer) {
      const { see } = observer
      response.setHeader('X-A', 'b')
      response.end(FIRST)
      see('setHeader', () => response.setHeader('X-A', 'c'))
      see('appendHeader', () => response.appendHeader('X-A', 'c'))
      see('removeHeader', () => response.removeHeader('X-A'))
      see('setHeaders', () => response.setHeaders(new Map([['x-a', 'c']])))
      see('writeHead', () => response.writeHead(400))
      see('flushHeaders', () => response.flushHeaders())
      see('addTrailers', () => response.addTrailers({ 'X-Trailer': SECOND }))
      response.statusCode = 400
      response.statusMessage = 'Wrong'
      lookAt(response, observer)
    },
  },
  {
    name: 'headers after a first write, and the rest in later turns',
    async node(_, response, observer) {
      const { see } = observer
      see('write', () => response.write(`${FIRST}, `))
      lookAt(response, observer)
      see('setHeader', () => response.setHeader('X-A', 'c'))
      await turn()
      see('write', () => response.write('goes on, '))
      response.statusCode = 500
      await turn()
      see('end', () => response.end('ends') === response)
      lookAt(response, observer)
    },
  },
  {
    name: 'writeHead twice',
    node(_, response, { see }) {
      see('first', () => response.writeHead(201, 'Made', { 'X-A': 'b' }) === response)
      see('second', () => response.writeHead(400, { 'X-A': 'c' }))
      see('headersSent', () => response.headersSent)
      see('statusCode', () => response.statusCode)
      see('statusMessage', () => response.statusMessage)
      response.end(FIRST)
    },
    fastify(_, reply, { see }) {
      see('first', () => reply.raw.writeHead(201, { 'X-A': 'b' }) === reply.raw)
      see('second', () => reply.raw.writeHead(400))
      reply.raw.end(FIRST)
      return reply.hijack()
    },
  },
  {
    name: 'a head that can not be sent, then one that can',
    node(_, response, observer) {
      const { see } = observer
      see('number', () => response.writeHead(99))
      see('value', () => response.writeHead(200, { 'X-A': 'b\n' }))
      see('phrase', () => response.writeHead(200, 'Fi\nne'))
      response.statusMessage = ''
      response.statusCode = 1000
      see('end', () => response.end(FIRST))
      lookAt(response, observer)
      response.statusCode = 200
      see('end', () => response.end(FIRST) === response)
    },
  },
  {
    name: 'what is no chunk',
    node(_, response, { see }) {
      see('null', () => response.write(null))
      see('a number', () => response.write(5))
      see('headersSent', () => response.headersSent)
      see('write', () => response.write(FIRST))
      see('undefined', () => response.write(undefined))
      see('an object', () => response.end({}))
      see('writableEnded', () => response.writableEnded)
      see('end', () => response.end() === response)
      see('null', () => response.write(null))
    },
  },
  {
    name: 'write after the end',
    node(_, response, { see, told }) {
      response.on('error', (error) => told('error', error))
      response.end(FIRST)
      see('write', () => response.write(SECOND, (error) => told('callback', error)))
      see('in an encoding', () => response.write(SECOND, 'latin1', (error) => told('callback', error)))
      see('without a callback', () => response.write(SECOND))
    },
  },
  {
    name: 'end twice, with callbacks',
    node(_, response, { see, told }) {
      response.on('error', (error) => told('error', error))
      see('first', () => response.end(FIRST, () => told('first callback')) === response)
      see('body', () => response.end(SECOND, (error?: Error) => told('second callback', error)) === response)
      see('none', () => response.end((error?: Error) => told('third callback', error)) === response)
      see('nothing', () => response.end() === response)
    },
  },
  {
    name: 'end without a body, twice',
    node(_, response, { see, told }) {
      see('first', () => response.end(() => told('first callback')) === response)
      see('second', () => response.end((error?: Error) => told('second callback', error)) === response)
    },
  },
  {
    name: 'callbacks of write and end',
    node(_, response, { see, told }) {
      see('write', () => response.write(FIRST, (error) => told('write', error)))
      see('encoding', () => response.write('4f4b', 'hex', (error) => told('hex', error)))
      see('end', () => response.end('RU5E', 'base64', () => told('end')) === response)
    },
  },
  {
    name: 'a stream with back-pressure',
    node: (_, response) => pipeline(Readable.from(Array(40).fill(FIRST.repeat(400))), response),
    express: (_, response) => Readable.from(Array(40).fill(FIRST.repeat(400))).pipe(response),
    fastify: (_, reply) => reply.send(Readable.from(Array(40).fill(FIRST.repeat(400)))),
    koa(context) {
      context.body = Readable.from(Array(40).fill(FIRST.repeat(400)))
    },
    web() {
      const body = Readable.toWeb(Readable.from(Array(40).fill(Buffer.from(FIRST.repeat(400)))))
      return new Response(body as never, { headers: { 'Content-Type': 'text/plain' } })
    },
  },
  {
    name: 'writes that wait for drain',
    async node(_, response, { see }) {
      for (let index = 0; index < 3; index++) {
        see('write', () => response.write(`${index}${'.'.repeat(40_000)}`))
        see('writableNeedDrain', () => response.writableNeedDrain)
        if (response.writableNeedDrain) await once(response, 'drain')
      }
      response.end(FIRST)
    },
  },
  {
    name: 'two streams, one after the other',
    async node(_, response) {
      await pipeline(Readable.from([FIRST, ', ']), response, { end: false })
      await turn()
      await pipeline(Readable.from(['and more']), response)
    },
  },
  {
    name: 'a stream that fails before its first chunk',
    express(_, response, next) {
      const stream = new PassThrough()
      stream.on('error', next)
      stream.pipe(response)
      stream.destroy(new Error('of the stream'))
    },
    fastify(_, reply) {
      const stream = new PassThrough()
      reply.type('text/plain').send(stream)
      stream.destroy(new Error('of the stream'))
    },
  },
  {
    name: 'a stream that fails in the middle',
    isCutOff: true,
    async node(_, response, { told }) {
      const stream = new PassThrough()
      const done = pipeline(stream, response).catch((error) => told('pipeline', error))
      stream.write(FIRST)
      await turn()
      await turn()
      stream.destroy(new Error('of the stream'))
      await done
    },
    async fastify(_, reply) {
      const stream = new PassThrough()
      reply.type('text/plain').send(stream)
      stream.write(FIRST)
      await turn()
      await turn()
      stream.destroy(new Error('of the stream'))
      return reply
    },
  },
  {
    name: 'the response destroyed in the turn of its first write',
    isUnanswered: true,
    node(_, response, observer) {
      const { see, told } = observer
      response.on('error', (error) => told('error', error))
      see('write', () => response.write(FIRST, (error) => told('first callback', error?.name)))
      see('destroy', () => response.destroy() === response)
      lookAt(response, observer)
      see('write', () => response.write(SECOND, (error) => told('second callback', error)))
      see('end', () => response.end(SECOND) === response)
    },
  },
  {
    name: 'the response destroyed in a later turn',
    isUnanswered: true,
    async node(_, response, { see, told }) {
      see('write', () => response.write(FIRST, (error) => told('callback', error)))
      await turn()
      see('destroy', () => response.destroy() === response)
      see('destroyed', () => response.destroyed)
      see('write', () => response.write(SECOND, (error) => told('second callback', error)))
    },
  },
  {
    name: 'the connection destroyed after the end',
    node(request, response, { see }) {
      response.end(FIRST)
      see('destroy', () => request.socket.destroy() === request.socket)
    },
  },
  {
    name: 'HEAD',
    head: HEAD,
    node(_, response, { see, told }) {
      response.setHeader('X-A', 'b')
      see('write', () => response.write(FIRST, (error) => told('callback', error)))
      see('end', () => response.end(FIRST) === response)
    },
    express: (_, response) => response.send(FIRST),
    fastify: () => FIRST,
    koa(context) {
      context.body = FIRST
    },
    web: () => new Response(FIRST),
  },
  {
    name: '304 with a body',
    node(_, response, { see }) {
      response.writeHead(304, { ETag: '"x"' })
      see('write', () => response.write(FIRST))
      response.end(FIRST)
    },
    express: (_, response) => response.status(304).set('ETag', '"x"').send(FIRST),
    fastify: (_, reply) => reply.code(304).header('etag', '"x"').send(),
    koa(context) {
      context.status = 304
      context.set('ETag', '"x"')
    },
    web: () => new Response(null, { status: 304, headers: { ETag: '"x"' } }),
  },
  {
    name: '204',
    node: (_, response) => response.writeHead(204).end(),
    express: (_, response) => response.sendStatus(204),
    fastify: (_, reply) => reply.code(204).send(),
    koa(context) {
      context.status = 204
    },
    web: () => new Response(null, { status: 204 }),
  },
  {
    name: 'a fresh answer that becomes a 304',
    head: 'GET / HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: "x"\r\n\r\n',
    express: (_, response) => response.set('ETag', '"x"').send(FIRST),
    koa(context) {
      context.set('ETag', '"x"')
      context.body = FIRST
      if (context.fresh) context.status = 304
    },
  },
  {
    name: 'flushHeaders, then the body much later',
    async node(_, response, observer) {
      const { see } = observer
      see('flushHeaders', () => response.flushHeaders())
      lookAt(response, observer)
      see('setHeader', () => response.setHeader('X-A', 'b'))
      await new Promise((resolve) => setTimeout(resolve, 50))
      response.end(FIRST)
    },
  },
  {
    name: 'early hints and 100 Continue before the head',
    node(_, response, { see }) {
      see('early hints', () => response.writeEarlyHints({ link: '</a.css>; rel=preload; as=style' }))
      see('continue', () => response.writeContinue())
      see('processing', () => response.writeProcessing())
      response.end(FIRST)
    },
  },
  {
    name: 'early hints after a first write',
    node(_, response, { see }) {
      response.write(FIRST)
      see('early hints', () => response.writeEarlyHints({ link: '</a.css>; rel=preload; as=style' }))
      response.end('and more')
    },
  },
  {
    name: 'trailers',
    node(_, response, { see }) {
      response.setHeader('Trailer', 'X-Sum')
      response.write(FIRST)
      see('addTrailers', () => response.addTrailers({ 'X-Sum': '1' }))
      see('wrong', () => response.addTrailers({ 'X Sum': '1' }))
      response.end('and more')
      see('late', () => response.addTrailers({ 'X-Sum': '2' }))
    },
  },
  {
    name: 'a Content-Length that is too large',
    node(_, response, { see }) {
      response.setHeader('Content-Length', 100)
      see('end', () => response.end(FIRST) === response)
    },
  },
  {
    name: 'a Content-Length that is too small',
    node(_, response, { see }) {
      response.writeHead(200, { 'Content-Length': 5 })
      see('write', () => response.write(FIRST))
      see('end', () => response.end() === response)
    },
  },
  {
    name: 'corked writes',
    node(_, response, { see }) {
      response.cork()
      see('write', () => response.write(FIRST))
      see('write', () => response.write('and '))
      response.uncork()
      see('write', () => response.write('more'))
      response.end()
    },
  },
  {
    name: 'HTTP/1.0, without keep-alive',
    head: 'GET / HTTP/1.0\r\n\r\n',
    node(_, response) {
      response.write(FIRST)
      response.end('and more')
    },
    express: (_, response) => response.send(FIRST),
    fastify: () => FIRST,
    koa(context) {
      context.body = FIRST
    },
  },
  {
    name: 'a request with a body that nobody reads',
    head: 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\na=b',
    node: (_, response) => response.end(FIRST),
    express: (_, response) => response.send(FIRST),
    koa(context) {
      context.body = FIRST
    },
  },
  {
    name: 'the client goes away after the answer',
    isUnanswered: true,
    async node(_, response, { abort, see, told }) {
      response.write(FIRST)
      await abort()
      see('write', () => response.write(SECOND, (error) => told('callback', error)))
      see('end', () => response.end() === response)
    },
  },
  {
    name: 'the client goes away before there is an answer',
    isUnanswered: true,
    async node(_, response, { abort, see, told }) {
      response.on('error', (error) => told('error', error))
      await abort()
      see('destroyed', () => response.destroyed)
      see('write', () => response.write(FIRST, (error) => told('callback', error)))
      see('end', () => response.end() === response)
    },
    async express(_, response, __, { abort, see }) {
      await abort()
      see('send', () => response.send(FIRST) === response)
    },
    async fastify(_, __, { abort }) {
      await abort()
      return FIRST
    },
    async koa(context, { abort }) {
      await abort()
      context.body = FIRST
    },
  },
  {
    name: 'never answered, and the client goes away',
    isUnanswered: true,
    node: (_, __, { abort }) => abort(),
    async fastify(_, reply, { abort }) {
      await abort()
      return reply
    },
  },
  {
    name: 'a stream of the web that fails in the middle',
    web() {
      let count = 0
      const source: UnderlyingDefaultSource<Uint8Array> = {
        async pull(controller) {
          await turn()
          if (count++ === 0) controller.enqueue(new TextEncoder().encode(FIRST))
          else controller.error(new Error('of the stream'))
        },
      }
      const body = new ReadableStream(source, { highWaterMark: 0 })
      return new Response(body, { headers: { 'Content-Type': 'text/plain' } })
    },
  },
  {
    name: 'a body that was read before',
    isUnanswered: true,
    async web() {
      const response = new Response(FIRST)
      await response.text()
      return response
    },
  },
  {
    name: 'no response at all',
    isError: true,
    web: () => undefined as never,
  },
]
