/**
 * A million random pickles through the reader and the writer: `npm run fuzz`, another number as its argument.
 * The test is the one of `npm test`; it prints its seed, which SESSIONGLASS_SEED sets.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const runs = process.argv[2] ?? '1000000'
if (!/^[1-9]\d*$/.test(runs)) {
  console.error('usage: npm run fuzz [-- number of inputs]')
  process.exit(2)
}
const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url))
const { status } = spawnSync(
  process.execPath,
  [vitest, 'run', '--project', 'shared', 'test/shared/pickle/fuzz.test.ts'],
  {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { ...process.env, SESSIONGLASS_FUZZ: runs },
    stdio: 'inherit',
  },
)
process.exit(status ?? 1)
