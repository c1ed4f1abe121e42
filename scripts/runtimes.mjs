// @ts-check
/**
 * Runs the server's suites, and a trip with the built files, on every runtime the package is for: Node 20 to 26, Bun, Deno
 * and workerd. Bun and Deno run them twice, over the platform of Node, which package.json gives them, and over that of the web.
 */
import { execFile } from 'node:child_process'
import { cpSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { pathToFileURL } from 'node:url'
import { buildIfStale } from './build.mjs'
import { bundleSuites } from './bundle-suites.mjs'
import { installLocked } from './install-locked.mjs'
import { root } from './run.mjs'

const source = `${root}test/runtimes`
const folder = `${root}.cache/runtimes`
/** Where their programs are. */
export const bin = `${folder}/node_modules/.bin`

/** @type {readonly { name: string, command: readonly string[] }[]} */
const RUNTIMES = [
  { name: `Node ${process.versions.node}`, command: [process.execPath, 'main.mjs', 'node'] },
  ...['22', '24', '26'].map((major) => ({
    name: `Node ${major}`,
    command: [`${folder}/node_modules/node${major}/bin/node`, 'main.mjs', 'node'],
  })),
  { name: 'Bun', command: [`${bin}/bun`, 'main.mjs', 'node'] },
  { name: 'Bun (web)', command: [`${bin}/bun`, 'main.mjs', 'web'] },
  { name: 'Deno', command: [`${bin}/deno`, 'run', '--allow-all', 'main.mjs', 'node'] },
  { name: 'Deno (web)', command: [`${bin}/deno`, 'run', '--allow-all', 'main.mjs', 'web'] },
  { name: 'workerd', command: [`${bin}/workerd`, 'test', 'workerd.capnp'] },
]

/**
 * @returns {Promise<{ passed: number, failed: number } | undefined>} the sum over all runtimes; undefined where they can't be installed
 */
export async function runOnRuntimes() {
  if (!installRuntimes()) return undefined
  if (!buildIfStale()) throw new Error('dist/ could not be built')
  for (const name of /** @type {const} */ (['node', 'web', 'workerd'])) {
    await bundleSuites(name, `${folder}/suites.${name}.mjs`)
  }
  for (const file of ['main.mjs', 'workerd.capnp']) cpSync(`${source}/${file}`, `${folder}/${file}`)
  const total = { passed: 0, failed: 0 }
  const waiting = [...RUNTIMES]
  async function runWaiting() {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const { passed, failed } = await runOn(next.command)
      console.log(`${next.name}: ${passed} passed, ${failed} failed`)
      total.passed += passed
      total.failed += failed
    }
  }
  // Each runs on one core, but for its garbage collector.
  await Promise.all(Array.from({ length: availableParallelism() }, runWaiting))
  return total
}

/**
 * The runtimes themselves come from npm, pinned by a lock file of their own.
 *
 * @returns {boolean} whether they are there
 */
export function installRuntimes() {
  return installLocked(source, folder)
}

/** Milliseconds; most take half a minute. */
const TIMEOUT = 300_000
/** Bytes of what one of them prints. */
const MAX_OUTPUT = 64 * 1024 * 1024

/**
 * @param {readonly string[]} command
 * @returns {Promise<{ passed: number, failed: number }>}
 */
function runOn([program = '', ...args]) {
  const options = { cwd: folder, timeout: TIMEOUT, maxBuffer: MAX_OUTPUT }
  return new Promise((resolve) => {
    const child = execFile(program, args, options, (_error, stdout, stderr) => {
      const totals = totalsOf(`${stdout}\n${stderr}`, child.exitCode)
      if (totals.failed > 0) console.error(`${stdout.slice(-4000)}\n${stderr.slice(-4000)}`)
      resolve(totals)
    })
  })
}

/**
 * What a runtime says of itself: one that ended without its line ran nothing to the end, and one that did not end well,
 * or stood still until it was stopped, did not pass whatever it says.
 *
 * @param {string} output
 * @param {number | null} status - its exit code; null where it was stopped
 * @returns {{ passed: number, failed: number }}
 */
export function totalsOf(output, status) {
  const [, passed, failed] = /^(\d+) passed, (\d+) failed$/m.exec(output) ?? []
  if (passed === undefined) return { passed: 0, failed: 1 }
  return { passed: Number(passed), failed: status === 0 ? Number(failed) : Math.max(1, Number(failed)) }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const total = await runOnRuntimes()
  if (!total || total.failed > 0) process.exitCode = 1
}
