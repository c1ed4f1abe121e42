/** Requests per second of a server that reads a session, and of one that also writes it, against the same server without. */
import { fork } from 'node:child_process'
import { Agent, get } from 'node:http'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('http-server.mjs', import.meta.url))
const CONNECTIONS = 32
const REQUESTS = 12_000
const ROUNDS = 3

/** Rounds take turns, so that a busy machine slows both alike; the best round of each counts. */
export async function measureHttp() {
  const servers = { bare: await start('bare'), read: await start('read'), written: await start('written') }
  const best = { bare: 0, read: 0, written: 0 }
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, { port, cookie }] of Object.entries(servers)) {
      best[name] = Math.max(best[name], await requestsPerSecond(port, cookie))
    }
  }
  for (const { child } of Object.values(servers)) child.kill()
  return best
}

/** @param {'bare' | 'read' | 'written'} kind */
function start(kind) {
  return new Promise((resolve, reject) => {
    const child = fork(program, [kind])
    child.once('message', (message) => resolve({ child, ...message }))
    child.once('exit', reject)
  })
}

async function requestsPerSecond(port, cookie) {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
  const started = performance.now()
  let left = REQUESTS
  const visitor = async () => {
    while (left-- > 0) await request({ port, agent, host: '127.0.0.1', headers: { cookie } })
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, visitor))
  agent.destroy()
  return REQUESTS / ((performance.now() - started) / 1000)
}

function request(options) {
  return new Promise((resolve, reject) => {
    get(options, (response) => response.resume().once('end', resolve)).once('error', reject)
  })
}
