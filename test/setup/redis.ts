/** A real Redis for tests: on a free port of 127.0.0.1, with nothing kept on a disk. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

export interface Redis {
  readonly url: string
  readonly port: number
  /** Ends the server; `start` brings an empty one back on the same port. */
  stop(): Promise<void>
  start(): Promise<void>
}

/** What to install where it is missing. */
export const redisHint = 'no redis-server on the PATH (Debian: apt-get install redis-server)'

/** Tells whether the program is here. @throws {Error} under `CI=true` where it is not */
export function hasRedis(): boolean {
  if (program() !== undefined) return true
  if (process.env.CI === 'true' || process.env.CI === '1') throw new Error(redisHint)
  return false
}

/** @throws {Error} with what the server said, where it does not come up */
export async function startRedis(): Promise<Redis> {
  const port = await freePort()
  let server: ChildProcess | undefined
  const redis: Redis = {
    port,
    url: `redis://127.0.0.1:${port}`,
    async start() {
      server = await launch(port)
    },
    async stop() {
      if (server === undefined) return
      const exited = once(server, 'exit')
      server.kill('SIGTERM')
      await Promise.race([exited, wait(5000).then(() => server?.kill('SIGKILL'))])
      server = undefined
    },
  }
  await redis.start()
  return redis
}

async function launch(port: number): Promise<ChildProcess> {
  const path = program()
  if (path === undefined) throw new Error(redisHint)
  const options = ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no', '--dir', tmpdir()]
  const server = spawn(path, options, { stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  await new Promise<void>((resolve, reject) => {
    const listen = (text: string): void => {
      log = (log + text).slice(-8000)
      if (log.includes('eady to accept connections')) resolve()
    }
    server.stdout.setEncoding('utf8').on('data', listen)
    server.stderr.setEncoding('utf8').on('data', listen)
    server.once('exit', () => reject(new Error(`redis-server did not start:\n${log}`)))
    server.once('error', reject)
  })
  return server
}

function program(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return folders.map((folder) => join(folder, 'redis-server')).find((path) => existsSync(path))
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return (address as { port: number }).port
}
