/** `npm run corpora`: apart from the other tests, for the corpora are no part of this repository. */
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  root: fileURLToPath(new URL('../../', import.meta.url)),
  resolve: { alias: { '#platform': fileURLToPath(new URL('../../src/server/platform/node.ts', import.meta.url)) } },
  test: { include: ['test/corpora/*.test.ts'], testTimeout: 600_000 },
})
