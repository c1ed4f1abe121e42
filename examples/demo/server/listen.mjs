/**
 * Listens on the loopback address only: on the port that was asked for, or the next one that is free.
 */
import { createServer } from 'node:http'

const TRIES = 20

/**
 * @param {import('node:http').RequestListener} handle
 * @param {number} wanted - 0 for any
 * @returns {Promise<{ server: import('node:http').Server, port: number }>}
 */
export async function listen(handle, wanted) {
  for (let port = wanted; ; port++) {
    const server = createServer({ maxHeaderSize: 32_768 }, handle)
    try {
      return { server, port: await bind(server, port) }
    } catch (error) {
      if (!isTaken(error) || wanted === 0 || port >= Math.min(wanted + TRIES, 65_535)) throw error
    }
  }
}

/**
 * @param {import('node:http').Server} server
 * @param {number} port
 * @returns {Promise<number>}
 */
function bind(server, port) {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => {
      server.off('error', reject)
      const address = server.address()
      resolve(typeof address === 'object' && address ? address.port : port)
    })
  })
}

/** @param {unknown} error */
function isTaken(error) {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
}
