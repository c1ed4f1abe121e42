/** A database's own server as a child of the tests: found, started on a port that is free, and never left behind. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Readable } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'

/**
 * Tells whether what a test needs is here.
 *
 * @param hint - what to install
 * @throws {Error} under `CI=true` where it is not
 */
export function isHere(program: string | undefined, hint: string): boolean {
  if (program !== undefined) return true
  if (process.env.CI === 'true' || process.env.CI === '1') throw new Error(hint)
  return false
}

/**
 * Starts a server and waits until it says that it is ready.
 *
 * @throws {Error} with what it said, where it does not come up
 */
export async function launch(
  program: string,
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<ChildProcess> {
  const server = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  const kill = (): void => void server.kill('SIGKILL')
  process.once('exit', kill)
  server.once('exit', () => process.off('exit', kill))
  let log = ''
  await new Promise<void>((resolve, reject) => {
    for (const stream of [server.stdout, server.stderr] as Readable[]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        log = (log + text).slice(-8000)
        if (/ready to accept connections/i.test(log)) resolve()
      })
    }
    server.once('exit', () => reject(new Error(`${program} did not start:\n${log}`)))
    server.once('error', reject)
  })
  return server
}

/** Ends a server, by force where it takes its time. */
export async function stop(server: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const exited = once(server, 'exit')
  server.kill(signal)
  await Promise.race([exited, wait(5000).then(() => server.kill('SIGKILL'))])
}

/** A port of 127.0.0.1 that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return (address as { port: number }).port
}
