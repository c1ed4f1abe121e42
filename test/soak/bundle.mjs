// @ts-check
/** Bundles a program of this folder with the sources, so that Node runs it without a build. */
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('../..', import.meta.url))

/**
 * @param {'server' | 'soak'} name
 * @returns {Promise<string>} the bundle: inside the project's folder, where it finds the packages
 */
export async function bundle(name) {
  const outfile = `${root}.cache/soak/${name}.mjs`
  await build({
    entryPoints: [`${root}test/soak/${name}.ts`],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    alias: { '#platform': `${root}src/server/platform/node.ts` },
    sourcemap: 'inline',
    absWorkingDir: root,
    logLevel: 'error',
  })
  return outfile
}
