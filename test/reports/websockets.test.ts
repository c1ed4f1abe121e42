/** Handshakes of WebSockets: `io.engine.use(middleware)`, `middleware(request, {}, next)` in socket.io, and `upgrade` with ws. */
import { once } from 'node:events'
import { createServer, type Server as HttpServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server } from 'socket.io'
import { io as connect } from 'socket.io-client'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import {
  createSessions,
  type ExpressSession,
  expressSessions,
  memoryStore,
  SessionError,
  type Sessions,
  sessionOf,
} from '../../src/server/index.js'
import { SECRET, textCodec } from '../server/server.helpers.js'

interface Data {
  user?: string
  messages?: number
}

const closers: (() => unknown)[] = []

afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function listen(server: HttpServer): Promise<string> {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  closers.push(() => server.close())
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function signedIn(sessions: Sessions<Data>): Promise<string> {
  const session = await sessions.load('')
  session.data.user = 'dave'
  return (await sessions.commit(session))[0]?.split(';')[0] as string
}

const inCookies = createSessions<Data>({ secrets: [SECRET], expose: false })
const inStore = createSessions<Data>({ secrets: [SECRET], expose: false, store: memoryStore() })
const down = createSessions<Data>({
  codecs: [
    textCodec('down', {
      verify: () => {
        throw new SessionError('ERR_SESSION_STORE', 'It is down')
      },
    }),
  ],
  expose: false,
})

const sessionIn = (request: object): ExpressSession<Data> => (request as { session: ExpressSession<Data> }).session

/** What a connection does: one more message, and what saving it said. */
async function count(request: IncomingMessage): Promise<unknown[]> {
  const session = sessionIn(request)
  session.messages = (session.messages ?? 0) + 1
  const saved = await session.save().then(
    () => 'saved',
    (error: SessionError) => error.code,
  )
  return [session.user ?? null, session.messages, sessionOf(request).isNew, saved]
}

describe.each(['io.engine.use', 'io.use'] as const)('socket.io, %s', (idiom) => {
  async function start(sessions: Sessions<Data>): Promise<string> {
    const middleware = expressSessions(sessions)
    const server = createServer()
    const io = new Server(server)
    closers.push(() => io.close())
    if (idiom === 'io.engine.use') io.engine.use(middleware)
    else io.use((socket, next) => middleware(socket.request, {}, next))
    io.on('connection', (socket) => {
      socket.on('count', async (done) => done(await count(socket.request)))
    })
    return await listen(server)
  }

  function ask(address: string, transport: 'polling' | 'websocket', cookie: string): Promise<unknown> {
    const client = connect(`http://${address}`, {
      transports: [transport],
      extraHeaders: { cookie },
      forceNew: true,
      reconnection: false,
    })
    closers.push(() => client.close())
    return new Promise((resolve) => {
      client.on('connect_error', (error) => resolve(error))
      client.emit('count', resolve)
    })
  }

  test.each(['websocket', 'polling'] as const)('%s: the session is that of the cookie', async (transport) => {
    const cookie = await signedIn(inStore)
    const address = await start(inStore)
    expect(await ask(address, transport, cookie)).toEqual(['dave', 1, false, 'saved'])
    expect(await ask(address, transport, cookie)).toEqual(['dave', 2, false, 'saved'])
    expect((await inStore.load(cookie)).data).toEqual({ user: 'dave', messages: 2 })
    expect(await ask(address, transport, '')).toEqual([null, 1, true, 'ERR_SESSION_TOO_LATE'])
  })

  test('without a store nothing can be saved', async () => {
    const cookie = await signedIn(inCookies)
    const address = await start(inCookies)
    expect(await ask(address, 'websocket', cookie)).toEqual(['dave', 1, false, 'ERR_SESSION_TOO_LATE'])
  })

  test('an outage refuses the connection', async () => {
    const address = await start(down)
    expect(await ask(address, 'websocket', 'beaker.session.id=text~down~')).toBeInstanceOf(Error)
  })
})

describe('ws', () => {
  async function start(sessions: Sessions<Data>): Promise<string> {
    const middleware = expressSessions(sessions)
    const server = createServer()
    const sockets = new WebSocketServer({ noServer: true })
    closers.push(() => sockets.close())
    server.on('upgrade', (request, socket, head) => {
      middleware(request, {}, (error?: { status?: number }) => {
        if (error) socket.end(`HTTP/1.1 ${error.status} Unavailable\r\nConnection: close\r\n\r\n`)
        else
          sockets.handleUpgrade(request, socket, head, (client) => {
            client.on('message', async (text) => {
              if (String(text) === 'end') await sessionIn(request).destroy()
              client.send(JSON.stringify(sessionIn(request) === null ? 'ended' : await count(request)))
            })
          })
      })
    })
    return `ws://${await listen(server)}`
  }

  async function open(url: string, cookie: string): Promise<(text: string) => Promise<unknown>> {
    const client = new WebSocket(url, { headers: { cookie } })
    closers.push(() => client.terminate())
    await once(client, 'open')
    return async (text) => {
      client.send(text)
      const [answer] = await once(client, 'message')
      return JSON.parse(String(answer))
    }
  }

  test('one connection saves again and again, and keeps what other requests wrote', async () => {
    const cookie = await signedIn(inStore)
    const ask = await open(await start(inStore), cookie)
    expect(await ask('count')).toEqual(['dave', 1, false, 'saved'])
    const other = await inStore.load(cookie)
    other.data.user = 'eve'
    await inStore.commit(other)
    expect(await ask('count')).toMatchObject({ 1: 2, 3: 'saved' })
    expect((await inStore.load(cookie)).data).toEqual({ user: 'eve', messages: 2 })
    expect(await ask('end')).toBe('ended')
    expect((await inStore.load(cookie)).data).toEqual({})
  })

  test('an outage is 503', async () => {
    const client = new WebSocket(await start(down), { headers: { cookie: 'beaker.session.id=text~down~' } })
    const [error] = await once(client, 'error')
    expect(error.message).toBe('Unexpected server response: 503')
  })

  test('no warning, no unhandled rejection', async () => {
    const warned = vi.fn()
    process.on('warning', warned)
    const ask = await open(await start(inStore), await signedIn(inStore))
    await ask('count')
    process.off('warning', warned)
    expect(warned).not.toHaveBeenCalled()
  })
})
