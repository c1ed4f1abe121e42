/** A real PostgreSQL for tests: a cluster of its own in a temporary folder, on a free port of 127.0.0.1. */
import { spawnSync } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { freePort, isHere, launch, stop } from './database-server.js'

export interface Postgres {
  readonly host: '127.0.0.1'
  readonly port: number
  readonly user: string
  readonly database: 'postgres'
  /** For good. */
  stop(): Promise<void>
  /** Ends the server at once, and starts it again with all that it had acknowledged. */
  restart(): Promise<void>
}

/** What to install where it is missing. */
export const postgresHint = 'no PostgreSQL found (Debian: apt-get install postgresql)'

/** Tells whether the programs are here. @throws {Error} under `CI=true` where they are not */
export function hasPostgres(): boolean {
  return isHere(programs(), postgresHint)
}

/**
 * Makes a cluster and starts its server; it keeps nothing and trusts everybody on this machine.
 *
 * @throws {Error} with what the server said, where it does not come up
 */
export async function startPostgres(): Promise<Postgres> {
  const bin = programs()
  if (bin === undefined) throw new Error(postgresHint)
  const owner = ownerOfProcess()
  const folder = mkdtempSync(join(tmpdir(), 'sessionglass-postgres-'))
  if (owner.uid !== undefined) chownSync(folder, owner.uid, owner.gid ?? owner.uid)
  const user = 'sessionglass'
  const options = { ...owner, cwd: folder, env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' } }
  const made = spawnSync(
    join(bin, 'initdb'),
    ['--pgdata', folder, '--username', user, '--auth', 'trust', '--encoding', 'UTF8', '--no-sync'],
    { ...options, encoding: 'utf8' },
  )
  if (made.status !== 0) throw new Error(`initdb failed:\n${made.stderr}`)
  const port = await freePort()
  const settings = ['fsync=off', 'listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=60']
  const args = ['-D', folder, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])]
  let server = await launch(join(bin, 'postgres'), args, options)
  return {
    host: '127.0.0.1',
    port,
    user,
    database: 'postgres',
    async stop() {
      // Immediate: there is nothing to keep.
      await stop(server, 'SIGQUIT')
      rmSync(folder, { recursive: true, force: true })
    },
    async restart() {
      await stop(server, 'SIGQUIT')
      server = await launch(join(bin, 'postgres'), args, options)
    },
  }
}

/** The folder with `initdb` and `postgres`: Debian keeps them out of the PATH. */
function programs(): string | undefined {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : []
  const folders = [
    ...versions.map((version) => join(debian, version, 'bin')),
    ...(process.env.PATH ?? '').split(delimiter),
  ]
  return folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')))
}

/** PostgreSQL refuses to run as root: then as the user of its package, or as nobody. */
function ownerOfProcess(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {}
  for (const name of ['postgres', 'nobody']) {
    const [uid, gid] = ['-u', '-g'].map((flag) => spawnSync('id', [flag, name], { encoding: 'utf8' }))
    if (uid?.status === 0 && gid?.status === 0) return { uid: Number(uid.stdout), gid: Number(gid.stdout) }
  }
  return {}
}
