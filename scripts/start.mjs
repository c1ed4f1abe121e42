// @ts-check
/** `npm start`: installs and builds what is missing, then runs the demo server; arguments are passed on. */
import { existsSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { buildIfStale } from './build.mjs'
import { ensureInstall } from './ensure-install.mjs'
import { root } from './run.mjs'

const server = `${root}examples/demo/server.mjs`

if (!existsSync(server)) {
  console.error('examples/demo/server.mjs is missing')
  process.exitCode = 1
} else if (ensureInstall() && buildIfStale()) {
  // In this very process, so that a signal stops the server and not only its parent.
  process.argv[1] = server
  await import(pathToFileURL(server).href)
} else {
  process.exitCode = 1
}
