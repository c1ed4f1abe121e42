import { checkSessions, refreshSession } from 'sessionglass/client'

/** Sends a request to the server, with JSON if there is a body. The status is 0 if the server can't be reached. */
export async function send(method: 'GET' | 'POST', path: string, body?: object): Promise<Response> {
  const headers = { 'content-type': 'application/json' }
  const init = { method, ...(body && { headers, body: JSON.stringify(body) }) }
  const response = await fetch(`/api${path}`, init).catch(() => Response.error())
  checkSessions() // for browsers that don't tell of new cookies
  return response
}

/** Renews the session. */
export async function renew(): Promise<void> {
  await refreshSession('/api/session').catch(() => {}) // the next one may succeed
}
