// @ts-check
/**
 * `npm run fuzz`: every random test a hundred times as long as in `npm test`; another factor as its argument.
 * Random tests are those that take their number of runs from test/random.ts. SESSIONGLASS_SEED sets their seed.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { root, runModule } from './run.mjs'

const factor = process.argv[2] ?? '100'
if (!/^[1-9]\d*$/.test(factor)) {
  console.error('usage: npm run fuzz [-- FACTOR]')
  process.exit(2)
}
const files = readdirSync(`${root}test`, { recursive: true, encoding: 'utf8' })
  .map((file) => `test/${file.replaceAll('\\', '/')}`)
  .filter((file) => file.endsWith('.test.ts') && /from '[./]+\/random\.js'/.test(readFileSync(root + file, 'utf8')))
// A test has its usual time for each of its usual runs.
const timeout = `--testTimeout=${20_000 * Number(factor)}`
const projects = ['shared', 'node', 'web'].flatMap((name) => ['--project', name])
if (!runModule('vitest/vitest.mjs', ['run', ...projects, timeout, ...files], { env: { FUZZ_RUNS: factor } })) {
  process.exitCode = 1
}
