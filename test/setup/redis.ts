/** A real Redis for tests: on a free port of 127.0.0.1, with nothing kept on a disk. */
import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { freePort, isHere, launch, stop } from './database-server.js'

export interface Redis {
  readonly url: string
  readonly port: number
  /** Ends the server; `start` brings one back on the same port: an empty one, unless it keeps what it has. */
  stop(): Promise<void>
  start(): Promise<void>
}

/** What to install where it is missing. */
export const redisHint = 'no redis-server on the PATH (Debian: apt-get install redis-server)'

/** Tells whether the program is here. @throws {Error} under `CI=true` where it is not */
export function hasRedis(): boolean {
  return isHere(program(), redisHint)
}

/**
 * @param options.options - more words of the command line
 * @param options.keeps - every write is on the disk before it is acknowledged
 * @throws {Error} with what the server said, where it does not come up
 */
export async function startRedis({
  keeps = false,
  options: more = [],
}: {
  keeps?: boolean
  options?: readonly string[]
} = {}): Promise<Redis> {
  const path = program()
  if (path === undefined) throw new Error(redisHint)
  const port = await freePort()
  // A cluster writes its own file there.
  const isOwn = keeps || more.length > 0
  const folder = isOwn ? mkdtempSync(join(tmpdir(), 'sessionglass-redis-')) : tmpdir()
  const keeping = keeps ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no']
  const options = ['--bind', '127.0.0.1', '--port', String(port), '--save', '', ...keeping, '--dir', folder, ...more]
  // Also after a restart that the tests did not live to see.
  if (isOwn) process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  let server: ChildProcess | undefined
  const redis: Redis = {
    port,
    url: `redis://127.0.0.1:${port}`,
    async start() {
      server = await launch(path, options)
    },
    async stop() {
      if (server) await stop(server, 'SIGTERM')
      server = undefined
    },
  }
  await redis.start()
  return redis
}

function program(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return folders.map((folder) => join(folder, 'redis-server')).find((path) => existsSync(path))
}
