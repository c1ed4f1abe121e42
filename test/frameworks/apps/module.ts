/** The suite's application as the module that Workers, Bun and `deno serve` run. */
import { appSessions } from '../app-sessions.js'
import { fetchApp } from './fetch.js'

const both = appSessions()

export default { port: 0, hostname: '127.0.0.1', fetch: fetchApp(both) }
