/**
 * What an adapter does with the server's own trouble: an outage is 503, never an empty session, and the page that tells of it
 * has nothing of the response in whose place it goes out.
 */
import { isOutage } from '../trips/outage.js'

/** The same error; an outage with the `status` and `statusCode` that frameworks answer with. */
export function withStatus(error: unknown): unknown {
  return isOutage(error) ? Object.assign(error as Error, { status: 503, statusCode: 503 }) : error
}

/** What the handler said of a body that does not go out, and how long caches may keep it. */
const HEADERS_OF_THE_BODY = [
  'Content-Type',
  'Content-Disposition',
  'Content-Language',
  'Content-Length',
  'Content-Encoding',
  'Content-Range',
  'Transfer-Encoding',
  'ETag',
  'Last-Modified',
  'Expires',
]

/** Clears the way for the page of an error, which no cache keeps unless that page says so. */
export function dropHeaders(response: {
  removeHeader(name: string): unknown
  setHeader(name: string, value: string): unknown
}): void {
  for (const name of HEADERS_OF_THE_BODY) response.removeHeader(name)
  response.setHeader('Cache-Control', 'no-store')
}
