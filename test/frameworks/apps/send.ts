/** An answer of the suite's application by a Node response. */
import type { ServerResponse } from 'node:http'
import type { Answer } from '../actions.js'

export async function send(response: ServerResponse, { status = 200, location, body, headers = {} }: Answer) {
  response.statusCode = status
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  if (location !== undefined) response.setHeader('location', location)
  if (!Array.isArray(body)) {
    response.end(body)
    return
  }
  for (const chunk of body) {
    response.write(chunk)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  response.end()
}
