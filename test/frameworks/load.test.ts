/** Load on loopback: many clients, each with its own session, that count their own requests in it. */
import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expressSessions } from '../../src/server/adapters/express.js'
import { createSessions } from '../../src/server/core/sessions.js'

const CLIENTS = 32
const REQUESTS = 20_000
/** What a heap may grow by in three quarters of the requests: a leak of 350 bytes for each of them would be more. */
const MAX_GROWTH = 5 * 2 ** 20

interface Counter {
  count: number
  cart?: { items: number[] }
}

describe('20 000 requests with sessions read, changed and touched', () => {
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS })
  let server: Server
  let port: number

  beforeAll(async () => {
    const sessions = createSessions<Counter>({
      secrets: ['a secret of thirty-two bytes, or more'],
      expose: false,
      touchEvery: 0,
      secure: false,
    })
    const withSession = expressSessions(sessions)
    server = createServer((incoming, response) => {
      withSession(incoming, response, (error) => {
        if (error) {
          response.statusCode = 500
          response.end()
          return
        }
        const { session } = incoming as IncomingMessage & { session: Counter }
        // Every other request only reads: the cookie is touched all the same.
        if (incoming.url === '/count') session.count = (session.count ?? 0) + 1
        response.end(String(session.count))
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port
  })

  afterAll(() => {
    agent.destroy()
    server.close()
    server.closeAllConnections()
  })

  async function send(path: string, cookie: string): Promise<{ status: number; cookie: string; body: string }> {
    const outgoing = request({ port, host: '127.0.0.1', agent, path, headers: cookie ? { cookie } : {} }).end()
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
    let body = ''
    for await (const chunk of response.setEncoding('utf8')) body += chunk
    const [set] = response.headers['set-cookie'] ?? []
    return { status: response.statusCode ?? 0, cookie: set?.split(';')[0] ?? '', body }
  }

  test('no error, no lost update, no growing heap', { timeout: 120_000 }, async () => {
    let left = REQUESTS
    let heapAfterQuarter: number | undefined
    const problems: string[] = []
    const client = async (): Promise<number> => {
      let cookie = ''
      let count = 0
      for (let isCount = true; left > 0; isCount = !isCount) {
        left--
        if (isCount) count++
        const answer = await send(isCount ? '/count' : '/look', cookie)
        if (answer.status !== 200) problems.push(`status ${answer.status}`)
        if (answer.body !== String(count)) problems.push(`counted ${answer.body} instead of ${count}`)
        if (answer.cookie === '') problems.push('a cookie was not touched')
        cookie = answer.cookie
        if (left === REQUESTS * 0.75) heapAfterQuarter = heapUsed()
      }
      return count
    }
    const counts = await Promise.all(Array.from({ length: CLIENTS }, client))
    expect(problems).toEqual([])
    expect(Math.abs(counts.reduce((sum, count) => sum + count) - REQUESTS / 2)).toBeLessThanOrEqual(CLIENTS)
    expect(heapUsed() - (heapAfterQuarter ?? Number.NaN)).toBeLessThan(MAX_GROWTH)
  })
})

/** Bytes in use after everything unused is gone. */
function heapUsed(): number {
  setFlagsFromString('--expose_gc')
  runInNewContext('gc')()
  return process.memoryUsage().heapUsed
}
