// @ts-check
/**
 * Loaded before an example: its servers take free ports and close with it, and `fetch` finds them under the ports they
 * asked for, with the cookies of a browser.
 */
import { Server } from 'node:http'

/** @type {Map<string, number>} */
const ports = new Map()
/** @type {Map<string, string>} */
const cookies = new Map()

const listen = /** @type {(...options: unknown[]) => Server} */ (Server.prototype.listen)
const realFetch = globalThis.fetch

Server.prototype.listen = listenAnywhere
globalThis.fetch = fetchExample

/**
 * @this {Server}
 * @param {unknown} wanted
 * @param {unknown[]} rest
 * @returns {Server}
 */
function listenAnywhere(wanted, ...rest) {
  const port = typeof wanted === 'object' && wanted !== null && 'port' in wanted ? wanted.port : wanted
  // supertest asks for the port that it got at once.
  if (port === 0) return listen.call(this, 0).unref()
  this.once('listening', () => {
    const address = /** @type {{ port: number }} */ (this.address())
    ports.set(String(port), address.port)
  })
  this.prependListener('request', (_, response) => {
    response.shouldKeepAlive = false
  })
  return listen.call(this, 0, '127.0.0.1', ...rest.filter((part) => typeof part === 'function')).unref()
}

/**
 * @param {string | URL | Request} input
 * @param {RequestInit} [init]
 */
async function fetchExample(input, init = {}) {
  // An example asks right after it began to listen.
  await new Promise((resolve) => setTimeout(resolve, 20))
  const url = new URL(String(input))
  url.hostname = '127.0.0.1'
  url.port = String(ports.get(url.port) ?? url.port)
  const headers = new Headers(init.headers)
  if (!headers.has('cookie')) headers.set('cookie', [...cookies].map((pair) => pair.join('=')).join('; '))
  const response = await realFetch(url, { redirect: 'manual', ...init, headers })
  for (const setCookie of response.headers.getSetCookie()) {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(setCookie) ?? []
    if (/; Max-Age=0(;|$)/.test(setCookie)) cookies.delete(name)
    else cookies.set(name, value)
  }
  return response
}
