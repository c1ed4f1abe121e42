// @ts-check
/** One loopback address before all the workers: each request goes to one of them by the number that it drew. */
import { once } from 'node:events'
import { Agent, createServer, request as forward } from 'node:http'

/**
 * @typedef {import('./worker.mjs').Worker} Worker
 *
 * @typedef {object} Proxy
 * @property {number} port
 * @property {(fresh: Worker, old?: Worker) => Promise<void>} replace - resolves when the old one has answered all it was asked
 * @property {() => readonly Worker[]} workers
 * @property {() => Promise<void>} close
 */

/** @returns {Promise<Proxy>} */
export async function startProxy() {
  const agent = new Agent({ keepAlive: true })
  /** @type {Worker[]} */
  let workers = []
  /** @type {Map<Worker, number>} */
  const busy = new Map()
  /** @type {Map<Worker, () => void>} */
  const idle = new Map()

  const server = createServer((request, response) => {
    const draw = Number(request.headers['x-draw'])
    const worker = /** @type {Worker} */ (workers[draw % workers.length])
    busy.set(worker, (busy.get(worker) ?? 0) + 1)
    response.once('close', () => {
      const left = (busy.get(worker) ?? 1) - 1
      busy.set(worker, left)
      if (left === 0) idle.get(worker)?.()
    })
    const { url, method, headers } = request
    const options = { host: '127.0.0.1', port: worker.port, path: url, method, headers, agent }
    const onward = forward(/** @type {import('node:http').RequestOptions} */ (options), (answer) => {
      const { connection, 'keep-alive': _, ...rest } = answer.headers
      response.writeHead(answer.statusCode ?? 502, { ...rest, 'x-worker': worker.kind })
      answer.pipe(response)
    })
    onward.on('error', () => (response.headersSent ? response.destroy() : response.writeHead(502).end()))
    request.pipe(onward)
  })
  // A connection that ends just when a request goes out would look like a failure of the fleet.
  server.keepAliveTimeout = 0
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()

  return {
    port: typeof address === 'object' && address ? address.port : 0,
    workers: () => workers,
    replace: async (fresh, old) => {
      workers = old ? workers.map((worker) => (worker === old ? fresh : worker)) : [...workers, fresh]
      if (old && (busy.get(old) ?? 0) > 0)
        await /** @type {Promise<void>} */ (new Promise((done) => idle.set(old, done)))
    },
    close: async () => {
      agent.destroy()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
