/**
 * What every request must pass: sent to a loopback name (so no other name can be rebound to this server), and a change
 * only from the page itself (Fetch Metadata, and the Origin header of RFC 6454 §7).
 */

const LOOPBACK = /^(?:localhost|127\.0\.0\.1)(?::\d+)?$/
const MAX_BODY_BYTES = 32_768

/**
 * @param {import('node:http').IncomingMessage} request
 * @returns {string | undefined} why it is refused
 */
export function refusal({ headers, method, url }) {
  if (!LOOPBACK.test(headers.host ?? '')) return 'this demo answers to localhost only'
  // touchHandler refuses for itself.
  if (url === '/session') return undefined
  if (method === 'GET' || method === 'HEAD') return undefined
  if (method !== 'POST') return 'only GET and POST are known here'
  if (headers.origin !== `http://${headers.host}`) return 'a change must come from the page itself'
  if ((headers['sec-fetch-site'] ?? 'same-origin') !== 'same-origin') return 'a change must come from the page itself'
  if (headers['content-type'] !== 'application/json') return 'a change must be JSON'
  return undefined
}

/**
 * The JSON object in the body of a request.
 *
 * @param {import('node:http').IncomingMessage} request
 * @returns {Promise<Record<string, unknown> | undefined>} undefined where it is none, or too large
 */
export async function readBody(request) {
  /** @type {Buffer[]} */
  const chunks = []
  let size = 0
  for await (const chunk of request) {
    size += chunk.length
    if (size > MAX_BODY_BYTES) return undefined
    chunks.push(chunk)
  }
  try {
    const body = JSON.parse(Buffer.concat(chunks).toString('utf8'))
    return typeof body === 'object' && body !== null && !Array.isArray(body) ? body : undefined
  } catch {
    return undefined
  }
}
