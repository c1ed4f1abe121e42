// @ts-check
/**
 * Runs the server's suites on every runtime the package is for: Node 20 to 26, Bun, Deno and workerd. The suites are bundled
 * with a small stand-in for vitest; workerd gets the web platform, the others that of Node, as package.json's `imports` says.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { npmCommand, root } from './run.mjs'

const source = `${root}test/runtimes`
const folder = `${root}.cache/runtimes`
/** Where their programs are. */
export const bin = `${folder}/node_modules/.bin`

/** @type {readonly { name: string, platform: 'node' | 'web', command: string[] }[]} */
const RUNTIMES = [
  { name: `Node ${process.versions.node}`, platform: 'node', command: [process.execPath, 'suites.node.mjs'] },
  ...['22', '24', '26'].map((major) => ({
    name: `Node ${major}`,
    platform: /** @type {const} */ ('node'),
    command: [`${folder}/node_modules/node${major}/bin/node`, 'suites.node.mjs'],
  })),
  { name: 'Bun', platform: 'node', command: [`${bin}/bun`, 'suites.node.mjs'] },
  { name: 'Deno', platform: 'node', command: [`${bin}/deno`, 'run', '--allow-all', 'suites.node.mjs'] },
  { name: 'workerd', platform: 'web', command: [`${bin}/workerd`, 'test', 'workerd.capnp'] },
]

/**
 * @returns {Promise<{ passed: number, failed: number } | undefined>} the sum over all runtimes; undefined where they can't be installed
 */
export async function runOnRuntimes() {
  if (!installRuntimes()) return undefined
  await bundle('node')
  await bundle('web')
  cpSync(`${source}/workerd.capnp`, `${folder}/workerd.capnp`)
  const total = { passed: 0, failed: 0 }
  for (const { name, command } of RUNTIMES) {
    const { passed, failed } = runOn(command)
    console.log(`${name}: ${passed} passed, ${failed} failed`)
    total.passed += passed
    total.failed += failed
  }
  return total
}

/**
 * The runtimes themselves come from npm, pinned by a lock file of their own.
 *
 * @returns {boolean} whether they are there
 */
export function installRuntimes() {
  mkdirSync(folder, { recursive: true })
  const wanted = readFileSync(`${source}/package-lock.json`, 'utf8')
  if (readOrEmpty(`${folder}/installed`) === wanted) return true
  for (const file of ['package.json', 'package-lock.json']) cpSync(`${source}/${file}`, `${folder}/${file}`)
  const { program, args } = npmCommand(['ci', '--no-audit', '--no-fund'])
  const isDone = spawnSync(program, args, { cwd: folder, stdio: 'inherit' }).status === 0
  if (isDone) writeFileSync(`${folder}/installed`, wanted)
  return isDone
}

/** @param {'node' | 'web'} platform */
async function bundle(platform) {
  // Not at the top: `npm test` loads this file before it has installed anything.
  const { build } = await import('esbuild')
  const other = platform === 'node' ? '.web.test.ts' : '.node.test.ts'
  // workerd has neither files nor key pairs of Node's kind, nor an HTTP server to test the adapters of Node's frameworks with.
  const isOfNode = (/** @type {string} */ file) =>
    /from '(?:connect|express|node:fs|node:http|.*\/(?:vectors|keys\.helpers)\.js)'/.test(readFileSync(file, 'utf8'))
  const suites = ['server', 'contract'].flatMap((part) =>
    readdirSync(`${root}test/${part}`, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.test.ts') && !file.endsWith(other))
      .map((file) => `${root}test/${part}/${file}`)
      .filter((file) => platform === 'node' || !isOfNode(file)),
  )
  const imports = suites.map((file) => `await import(${JSON.stringify(file)})`).join('\n')
  const ending = {
    node: 'const { failed } = await runSuites(suites)\nif (failed > 0) process.exit(1)',
    web: 'export default { async test() { if ((await runSuites(suites)).failed > 0) throw new Error("failed") } }',
  }
  await build({
    stdin: {
      contents: `import { runSuites } from ${JSON.stringify(`${source}/run.ts`)}
        const suites = async () => { ${imports} }
        ${ending[platform]}`,
      resolveDir: root,
    },
    outfile: `${folder}/suites.${platform}.mjs`,
    bundle: true,
    format: 'esm',
    platform: platform === 'node' ? 'node' : 'neutral',
    mainFields: ['module', 'main'],
    conditions: platform === 'node' ? ['node'] : ['worker', 'browser'],
    external: ['node:*', 'connect', 'express'],
    plugins: [ownUrls],
    alias: { '#platform': `${root}src/server/platform/${platform}.ts`, vitest: `${source}/mini-vitest.ts` },
    logLevel: 'error',
  })
}

/** In a bundle every file keeps its own address, beside which its vectors are. @type {import('esbuild').Plugin} */
const ownUrls = {
  name: 'own-urls',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/](?:test|scripts)[\\/].*\.(?:ts|mjs)$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href)),
      loader: path.endsWith('.ts') ? 'ts' : 'js',
    }))
  },
}

/** Milliseconds; most take half a minute. */
const TIMEOUT = 300_000

/** @param {string[]} command */
function runOn([program = '', ...args]) {
  const { stdout, stderr } = spawnSync(program, args, { cwd: folder, encoding: 'utf8', timeout: TIMEOUT })
  const [, passed, failed] = /(\d+) passed, (\d+) failed/.exec(stdout + stderr) ?? []
  if (failed !== '0') console.error(`${stdout}\n${stderr}`.slice(-8000))
  // A runtime that ended without its line ran nothing to the end.
  return passed === undefined ? { passed: 0, failed: 1 } : { passed: Number(passed), failed: Number(failed) }
}

/** @param {string} file */
function readOrEmpty(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const total = await runOnRuntimes()
  if (!total || total.failed > 0) process.exitCode = 1
}
