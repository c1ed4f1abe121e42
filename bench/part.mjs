/**
 * One table of the report, in a process of its own: what the compiler learns from one table must not change another.
 * Takes its name and what else it needs as arguments; answers with a message.
 */
import { measureBeaker } from './beaker.mjs'
import { measureClient } from './client.mjs'
import { measureHeaders } from './headers.mjs'
import { startPython } from './python.mjs'
import { measureRevocation } from './revocation.mjs'
import { measureCookies, measureServer } from './server.mjs'

const [part, task] = process.argv.slice(2)

/** @type {Record<string, () => Promise<unknown>>} */
const parts = {
  server: () =>
    task === 'sizes'
      ? measureCookies()
      : withPython('python.py', (peer) => measureServer(task, rowsOf(peer, task, 'beaker-session-jwt (Python)'))),
  beaker: () =>
    withPython('python_beaker.py', (peer) => measureBeaker(task, (theirs, name) => rowsOf(peer, theirs, name))),
  client: () => measureClient(),
  headers: () => measureHeaders(),
  revocation: () => measureRevocation(),
}
process.send(await parts[part]())

async function withPython(program, measure) {
  const peer = startPython(program)
  try {
    return await measure(peer)
  } finally {
    peer?.close()
  }
}

/** What Python takes for a task, where there is Python. */
function rowsOf(peer, task, name) {
  return peer ? [{ name, sample: () => peer.sample(task) }] : []
}
