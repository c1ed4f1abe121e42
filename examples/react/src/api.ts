import { checkSessions } from 'sessionglass/client'

/** Sends a request to the server, with JSON if there is a body. */
export async function send(method: 'GET' | 'POST', path: string, body?: object): Promise<Response> {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`/api${path}`, { method, ...(body && { headers, body: JSON.stringify(body) }) })
  checkSessions() // for browsers that don't tell of new cookies
  return response
}
