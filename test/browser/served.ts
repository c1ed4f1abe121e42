/** Tests whose pages come from a small server of their own. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test as base } from 'playwright/test'

type Served = ReturnType<typeof base.extend<{ url: string }>>

/** @returns `test` with `url`, on which a new server of each test answers */
export function servedBy(answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>): Served {
  return base.extend<{ url: string }>({
    // biome-ignore lint/correctness/noEmptyPattern: the runner reads the names of the fixtures out of it
    url: async ({}, use) => {
      const server = createServer((request, response) => {
        answer(request, response).catch((error) => response.writeHead(500).end(String(error)))
      })
      await once(server.listen(0, '127.0.0.1'), 'listening')
      // Chromium takes Secure cookies of this name without TLS.
      await use(`http://localhost:${(server.address() as AddressInfo).port}`)
      server.closeAllConnections()
      server.close()
    },
  })
}
