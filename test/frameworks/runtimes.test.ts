/** The behaviour suite on Bun, Deno and workerd. */
import { describe, expect, test } from 'vitest'
import { root } from '../../scripts/run.mjs'
import { installRuntimes } from '../../scripts/runtimes.mjs'
import { describeBehaviour } from './behaviour.js'
import { startOnRuntime } from './runtime-server.js'

const isInstalled = installRuntimes()

test('nothing is left out under CI', () => {
  expect(isInstalled || !process.env.CI).toBe(true)
})

describe.skipIf(!isInstalled)('on', () => {
  for (const runtime of ['Bun', 'Deno', 'workerd'] as const) {
    describeBehaviour(
      runtime,
      () => startOnRuntime(runtime, 'suite', { entryPoints: [`${root}test/frameworks/apps/module.ts`] }),
      { savesOnError: false, hasLazySession: false },
    )
  }
})
