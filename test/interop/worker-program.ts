/** Programs of tests that need several processes: one file, built from the sources, with the folder and the databases that they share. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll } from 'vitest'
import { root } from '../../scripts/run.mjs'
import { hasPostgres, type Postgres, startPostgres } from '../setup/postgres.js'
import { hasRedis, type Redis, startRedis } from '../setup/redis.js'

export interface WorkerProgram {
  /** The path of the program. */
  readonly path: string
  /** An empty folder. */
  readonly folder: string
  /** Those that are installed, once the tests have begun. */
  readonly servers: { redis?: Redis; postgres?: Postgres }
}

/** Builds `test/interop/NAME-worker.ts` before the tests of this file, and starts the databases; stops them behind the tests. */
export function workerProgram(name: string): WorkerProgram {
  const path = `${root}.cache/${name}/worker.mjs`
  const folder = mkdtempSync(join(tmpdir(), `sessionglass-${name}-`))
  const servers: WorkerProgram['servers'] = {}
  beforeAll(async () => {
    await build({
      entryPoints: [`${root}test/interop/${name}-worker.ts`],
      outfile: path,
      bundle: true,
      platform: 'node',
      format: 'esm',
      packages: 'external',
      alias: { '#platform': `${root}src/server/platform/node.ts` },
      logLevel: 'warning',
    })
    if (hasRedis()) servers.redis = await startRedis()
    if (hasPostgres()) servers.postgres = await startPostgres()
  })
  afterAll(async () => {
    await servers.redis?.stop()
    await servers.postgres?.stop()
    rmSync(folder, { recursive: true })
  })
  return { path, folder, servers }
}
