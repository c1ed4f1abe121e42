/** The four ways out of a response: in their order, after what has to be done before the head leaves. */
import { EventEmitter, once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { PassThrough, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { holdResponse, type ResponseHead } from '../../../src/server/adapters/held-response.js'

type Handler = (response: ServerResponse, request: IncomingMessage) => unknown
type Prepare = (head: ResponseHead, response: ServerResponse) => void | Promise<void>

const servers: Server[] = []

afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

interface Answer {
  status: number
  statusText: string
  headers: Headers
  body: string
  prepared: number
  failures: unknown[]
  /** Errors that nobody listened for. */
  errors: unknown[]
}

/** One request to a handler whose response is held. */
async function answerOf(
  handler: Handler,
  prepare: Prepare,
  fail?: (response: ServerResponse) => void,
): Promise<Answer> {
  let prepared = 0
  const failures: unknown[] = []
  const errors: unknown[] = []
  const done: unknown[] = []
  const server = createServer((request, response) => {
    response.on('error', (error) => errors.push(error))
    const head = holdResponse(response, {
      prepare: () => {
        prepared++
        return prepare(head, response)
      },
      fail: (error) => {
        failures.push(error)
        if (fail) fail(response)
        else response.destroy()
      },
    })
    done.push((async () => handler(response, request))().catch((error) => errors.push(error)))
  })
  servers.push(server)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  const body = await answer.text()
  await Promise.all(done)
  const { status, statusText, headers } = answer
  return { status, statusText, headers, body, prepared, failures, errors }
}

const later = (milliseconds = 20): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds))
const setCookie: Prepare = (head) => {
  const before = head.getHeader('set-cookie')
  head.setHeader('set-cookie', [...(before === undefined ? [] : [before].flat().map(String)), 'sid=1'])
}

describe.each<[string, Prepare]>([
  ['at once', setCookie],
  [
    'later',
    async (head, response) => {
      await later()
      setCookie(head, response)
    },
  ],
])('prepared %s', (_, prepare) => {
  test.each<[string, Handler, string]>([
    ['end', (response) => response.end('whole'), 'whole'],
    ['end without a body', (response) => response.end(), ''],
    ['write and end', (response) => [response.write('a'), response.write('b'), response.end('c')], 'abc'],
    ['writeHead and end', (response) => response.writeHead(200).end('x'), 'x'],
    [
      'flushHeaders and a late end',
      async (response) => [response.flushHeaders(), await later(40), response.end('x')],
      'x',
    ],
    ['a stream', (response) => Readable.from(['a', 'b', 'c']).pipe(response), 'abc'],
    ['a pipeline', (response) => pipeline(Readable.from(['a', 'b', 'c']), response), 'abc'],
    ['a late end', async (response) => [response.write('a'), await later(40), response.end('b')], 'ab'],
  ])('%s', async (_, handler, body) => {
    const answer = await answerOf(handler, prepare)
    expect(answer).toMatchObject({ status: 200, body, prepared: 1, failures: [], errors: [] })
    expect(answer.headers.getSetCookie()).toEqual(['sid=1'])
  })

  test('more than a socket takes at once', async () => {
    const chunk = 'x'.repeat(64 * 1024)
    const answer = await answerOf((response) => pipeline(Readable.from(Array(64).fill(chunk)), response), prepare)
    expect(answer.body.length).toBe(64 * chunk.length)
    expect(answer.errors).toEqual([])
  })

  test('a stream goes on when the last call that was held is no write', async () => {
    const answer = await answerOf(async (response) => {
      if (!response.write('a')) {
        response.flushHeaders()
        await once(response, 'drain')
      }
      response.end('b')
    }, prepare)
    expect(answer.body).toBe('ab')
  })

  test('callbacks of write and end are called', async () => {
    const called: string[] = []
    await answerOf((response) => {
      response.write('a', () => called.push('write'))
      response.end('b', () => called.push('end'))
    }, prepare)
    expect(called).toEqual(['write', 'end'])
  })

  test.each<[string, Handler, string, string[]]>([
    ['an object', (response) => response.writeHead(201, { 'X-A': 'b', 'Set-Cookie': 'a=1' }).end(), 'b', ['a=1']],
    ['a message too', (response) => response.writeHead(201, 'Made', { 'X-A': 'b' }).end(), 'b', []],
    [
      'a flat list',
      (response) => response.writeHead(201, ['X-A', 'b', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'X-A', 'c']).end(),
      'b, c',
      ['a=1', 'b=2'],
    ],
    [
      'a list of pairs',
      // as Node takes it, though its types do not say so
      (response) =>
        response
          .writeHead(201, [
            ['X-A', 'b'],
            ['Set-Cookie', ['a=1', 'b=2']],
          ] as never)
          .end(),
      'b',
      ['a=1', 'b=2'],
    ],
  ])('writeHead with headers in %s, beside ours', async (_, handler, xA, cookies) => {
    const answer = await answerOf((response, request) => {
      response.setHeader('X-A', 'replaced')
      return handler(response, request)
    }, prepare)
    expect(answer.status).toBe(201)
    expect(answer.headers.get('x-a')).toBe(xA)
    expect(answer.headers.getSetCookie()).toEqual([...cookies, 'sid=1'])
  })

  // Deno sends none of its own.
  test.skipIf('Deno' in globalThis)('the reason phrase', async () => {
    expect((await answerOf((response) => response.writeHead(200, 'Fine').end(), prepare)).statusText).toBe('Fine')
  })

  test('cookies that were set before stay', async () => {
    const answer = await answerOf((response) => response.setHeader('Set-Cookie', 'a=1').end(), prepare)
    expect(answer.headers.getSetCookie()).toEqual(['a=1', 'sid=1'])
  })
})

test('nothing leaves before it is prepared, though the application has answered', async () => {
  const order: string[] = []
  const bytes = (response: ServerResponse): string => `${response.socket?.bytesWritten} bytes`
  const state = ({ headersSent, writableEnded }: ServerResponse): string =>
    `sent ${headersSent}, ended ${writableEnded}`
  let seen: ServerResponse | undefined
  const answer = await answerOf(
    (response) => {
      seen = response
      order.push(state(response))
      order.push(`write ${response.write('a')}, ${state(response)}, ${bytes(response)}`)
      response.end()
      order.push(state(response))
    },
    async (_, response) => {
      await later()
      order.push(`prepared, ${bytes(response)}`)
    },
  )
  expect(order).toEqual([
    'sent false, ended false',
    'write true, sent true, ended false, 0 bytes',
    'sent true, ended true',
    'prepared, 0 bytes',
  ])
  expect(answer.body).toBe('a')
  expect(Object.keys(Object.getOwnPropertyDescriptors(seen))).not.toContain('headersSent')
  expect(seen?.headersSent).toBe(true)
})

test('where preparing fails, nothing has been sent for the page of the error', async () => {
  const states: boolean[] = []
  await answerOf(
    (response) => response.end('never'),
    async () => {
      await later()
      throw new RangeError('down')
    },
    (response) => {
      states.push(response.headersSent, response.writableEnded)
      response.end('sorry')
    },
  )
  expect(states).toEqual([false, false])
})

describe.each<[string, Prepare]>([
  [
    'at once',
    () => {
      throw new RangeError('down')
    },
  ],
  [
    'later',
    async () => {
      await later()
      throw new RangeError('down')
    },
  ],
])('failing %s', (_, prepare) => {
  const errorPage = (response: ServerResponse): void => void response.end('sorry')

  test.each<[string, Handler]>([
    ['end', (response) => response.end('secret')],
    ['write and end', (response) => [response.write('secret'), response.end('secret')]],
    ['writeHead', (response) => response.writeHead(302, { Location: '/', 'Content-Length': 2 }).end('ab')],
    [
      'headers of a body',
      (response) => response.setHeader('Content-Encoding', 'gzip').setHeader('ETag', '"x"').end('a'),
    ],
    ['a stream', (response) => Readable.from(['secret', 'secret']).pipe(response)],
    ['flushHeaders', (response) => [response.flushHeaders(), response.end('secret')]],
    [
      'writes that go on',
      async (response) => [response.write('a'), await later(60), response.write('b'), response.end('c')],
    ],
  ])('%s: the error page goes out, and nothing else', async (_, handler) => {
    const answer = await answerOf(handler, prepare, errorPage)
    expect(answer).toMatchObject({ status: 500, body: 'sorry', prepared: 1, errors: [] })
    expect(answer.failures).toEqual([new RangeError('down')])
    expect(answer.headers.get('content-encoding')).toBeNull()
    expect(answer.headers.get('etag')).toBeNull()
  })
})

test('what only Node can refuse is told when the response is released', async () => {
  const answer = await answerOf(
    (response) => {
      // A body of known length has no trailers.
      response.setHeader('Trailer', 'X-Sum').setHeader('Content-Length', 5)
      response.end('never')
    },
    () => later(),
    (response) => response.end('sorry'),
  )
  expect(answer.failures).toEqual([expect.objectContaining({ code: 'ERR_HTTP_TRAILER_INVALID' })])
  expect([answer.status, answer.body]).toEqual([500, 'sorry'])
})

test('a handler that waits for drain goes on, even if Node has room for all it wrote', async () => {
  const server = createServer(async (_, response) => {
    response.write = () => true
    holdResponse(response, { prepare: () => later(), fail: () => response.destroy() })
    const hasRoom = response.write('x'.repeat(100_000))
    if (!hasRoom) await once(response, 'drain')
    response.end(`had room: ${hasRoom}`)
  })
  servers.push(server)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  expect(await answer.text()).toBe('had room: false')
})

test('older middleware may send the head before each write', async () => {
  interface OlderResponse {
    _header: unknown
    _implicitHeader?(): void
  }
  const answer = await answerOf(
    (response) => {
      const older = response as unknown as OlderResponse
      for (const chunk of ['a', 'b']) {
        if (!older._header) older._implicitHeader?.()
        response.write(chunk)
      }
      response.end()
    },
    () => later(),
  )
  expect([answer.body, answer.errors]).toEqual(['ab', []])
})

test('a handler may add as many listeners as Node allows without a warning', async () => {
  const warnings: Error[] = []
  const note = (warning: Error): unknown => warnings.push(warning)
  process.on('warning', note)
  const answer = await answerOf(async (response) => {
    // As on a response that is not held: one listener is ours.
    const others = response.listenerCount('close') - 1
    for (let added = others; added < EventEmitter.defaultMaxListeners; added++) response.on('close', () => {})
    // Warnings are told in a later turn.
    await later()
    response.end('ok')
  }, setCookie)
  process.off('warning', note)
  expect([answer.body, answer.errors, warnings]).toEqual(['ok', [], []])
})

test('several works: the last one added goes first, and each of them sets its header', async () => {
  const order: string[] = []
  const server = createServer((_, response) => {
    for (const name of ['a', 'b', 'c']) {
      const head = holdResponse(response, {
        async prepare() {
          order.push(name)
          await later(1)
          head.setHeader(`x-${name}`, name)
        },
        fail: () => response.destroy(),
      })
    }
    response.end('done')
  })
  servers.push(server)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { headers } = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  expect(order).toEqual(['c', 'b', 'a'])
  expect(['a', 'b', 'c'].map((name) => headers.get(`x-${name}`))).toEqual(['a', 'b', 'c'])
})

test('a head that comes after an error page throws as it does after any other', async () => {
  const answer = await answerOf(
    async (response) => [response.write('a'), await later(60), response.writeHead(200)],
    async () => {
      throw new RangeError('down')
    },
    (response) => response.end('sorry'),
  )
  expect([answer.body, answer.errors]).toEqual(['sorry', [expect.objectContaining({ code: 'ERR_HTTP_HEADERS_SENT' })]])
})

test.each<[string, (response: ServerResponse) => unknown]>([
  [
    'throws',
    () => {
      throw new Error('of the error page')
    },
  ],
  ['rejects', () => Promise.reject(new Error('of the error page'))],
])('an error page that %s: the connection is closed', async (_, fail) => {
  const server = createServer((_, response) => {
    holdResponse(response, { prepare: () => Promise.reject(new RangeError('down')), fail: () => fail(response) })
    response.end('never')
  })
  servers.push(server)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  await expect(fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)).rejects.toThrow(
    /fetch failed|ECONNRESET/,
  )
})

test('what was held for an error page has its callbacks called', async () => {
  const told: unknown[] = []
  const answer = await answerOf(
    (response) => {
      response.write('never', (error) => told.push(error))
      response.end(() => told.push('finished'))
    },
    async () => {
      await later()
      throw new RangeError('down')
    },
    (response) => response.end('sorry'),
  )
  expect(answer.body).toBe('sorry')
  expect(told).toEqual([new RangeError('down'), 'finished'])
})

test('a stream that is piped into a response that fails is destroyed, and adds nothing to the error page', async () => {
  const stream = new PassThrough()
  const answer = await answerOf(
    (response) => {
      stream.pipe(response)
      stream.write('secret')
    },
    () => Promise.reject(new RangeError('down')),
    async (response) => {
      await later()
      response.end('sorry')
    },
  )
  expect([answer.body, stream.destroyed]).toEqual(['sorry', true])
})

test('connections wait for all responses on them before they are destroyed, and no longer', async () => {
  const sockets: Socket[] = []
  const releases: (() => void)[] = []
  const server = createServer((request, response) => {
    holdResponse(response, {
      prepare: () => new Promise<void>((resolve) => releases.push(resolve)),
      fail: () => {},
    })
    sockets.push(request.socket)
    response.end('done')
    request.socket.destroy()
  })
  servers.push(server)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const chunks: Buffer[] = []
  client.on('data', (chunk) => chunks.push(chunk))
  client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(2))
  while (releases.length < 2) await later(1)
  const [socket] = sockets
  for (const [index, release] of releases.entries()) {
    expect(socket?.destroyed).toBe(false)
    expect(Object.hasOwn(socket as Socket, 'destroy')).toBe(true)
    release()
    while (!client.closed && Buffer.concat(chunks).toString().split('done').length < index + 2) await later(1)
  }
  if (!client.closed) await once(client, 'close')
  expect(Buffer.concat(chunks).toString().split('done')).toHaveLength(3)
  expect(Object.hasOwn(socket as Socket, 'destroy')).toBe(false)
})
