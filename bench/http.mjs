/** Requests per second of a server that reads a session, and of one that also writes it, against the same server without. */
import { fork } from 'node:child_process'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { median } from './measure.mjs'

const program = fileURLToPath(new URL('http-server.mjs', import.meta.url))
const here = fileURLToPath(new URL('..', import.meta.url))
const CONNECTIONS = 32
const REQUESTS = 12_000
const ROUNDS = 9

/**
 * Rounds take turns, so that a busy machine slows all alike.
 *
 * @returns {Promise<Record<string, { rate: number, share: number }>>} requests per second, and that as a share of the bare server's
 *   in the same round: medians
 */
export async function measureHttp() {
  const servers = {}
  for (const kind of ['bare', 'read', 'written']) servers[kind] = await startServer(kind)
  const rest = stayAwake()
  // The first rounds are for the compilers.
  const rounds = []
  for (let round = -2; round < ROUNDS; round++) {
    const rates = {}
    for (const [name, { port, cookie }] of Object.entries(servers)) rates[name] = await requestsPerSecond(port, cookie)
    if (round >= 0) rounds.push(rates)
  }
  rest()
  for (const { child } of Object.values(servers)) child.kill()
  const result = {}
  for (const name of Object.keys(servers)) {
    const rate = median(rounds.map((rates) => rates[name]))
    result[name] = { rate, share: median(rounds.map((rates) => rates[name] / rates.bare)) }
  }
  return result
}

/**
 * @param {'bare' | 'read' | 'written'} kind
 * @param {string} [folder] - of the build that it uses
 */
export function startServer(kind, folder = here) {
  return new Promise((resolve, reject) => {
    const child = fork(program, [kind, folder], { env: { ...process.env, NODE_ENV: 'production' } })
    child.once('message', (message) => resolve({ child, ...message }))
    child.once('exit', reject)
  })
}

/**
 * Keeps this process from going to sleep between two answers: waking it up would be work of the server that answers, the more of it
 * the slower that server is.
 *
 * @returns ends it
 */
function stayAwake() {
  let isOver = false
  const turn = () => {
    if (!isOver) setImmediate(turn)
  }
  turn()
  return () => {
    isOver = true
  }
}

/** Sockets of our own, for the client of `node:http` takes longer than the server and would be all that is measured. */
export async function requestsPerSecond(port, cookie, requests = REQUESTS) {
  const request = `GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: ${cookie}\r\n\r\n`
  const started = performance.now()
  let left = requests
  const visitor = async () => {
    const socket = connect(port, '127.0.0.1')
    await new Promise((resolve, reject) => {
      const next = () => (left-- > 0 ? socket.write(request) : resolve())
      socket.once('error', reject)
      // One request at a time, and an answer that fits one segment: its body is the last of it.
      socket.on('data', (chunk) => {
        if (chunk.subarray(0, 12).toString('latin1') !== 'HTTP/1.1 200') reject(new Error('The server failed'))
        else next()
      })
      next()
    })
    socket.destroy()
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, visitor))
  return requests / ((performance.now() - started) / 1000)
}
