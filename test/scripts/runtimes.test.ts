/** How the suites come to other runtimes: what is bundled, what stands in for vitest, and what counts as passed. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterAll, expect, test } from 'vitest'
import { suitesOf } from '../../scripts/bundle-suites.mjs'
import { root } from '../../scripts/run.mjs'
import { totalsOf } from '../../scripts/runtimes.mjs'

const folder = mkdtempSync(join(tmpdir(), 'runtimes-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Bundles files of a folder of their own, the first of them as the entry. */
async function bundle(files: Record<string, string>): Promise<string> {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(join(folder, file, '..'), { recursive: true })
    writeFileSync(join(folder, file), text)
  }
  const outfile = join(folder, 'out.mjs')
  await build({
    entryPoints: [join(folder, Object.keys(files)[0] ?? '')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    alias: { vitest: `${root}test/runtimes/mini-vitest.ts` },
    nodePaths: [`${root}node_modules`],
    logLevel: 'silent',
  })
  return outfile
}

test('every platform has the suites of its own, and workerd those of the web that it can run', () => {
  const [node, web, workerd] = (['node', 'web', 'workerd'] as const).map(suitesOf) as [string[], string[], string[]]
  const common = (files: string[]): string[] => files.filter((file) => !/\.(?:node|web)\.test\.ts$/.test(file))
  expect(common(node)).toEqual(common(web))
  expect(node.some((file) => file.endsWith('.node.test.ts')) && !node.some((file) => file.includes('.web.'))).toBe(true)
  expect(web.some((file) => file.includes('.node.'))).toBe(false)
  expect(web).toEqual(expect.arrayContaining(workerd))
  expect(workerd).toEqual(expect.arrayContaining(['server/django/session-table.test.ts', 'contract/key-pairs.test.ts']))
  expect(workerd).not.toContain('server/stores/sqlite.test.ts')
})

test.each([
  ['3 passed, 0 failed\n', 0, { passed: 3, failed: 0 }],
  ['FAILED a\n3 passed, 2 failed\nError', 1, { passed: 3, failed: 2 }],
  // It stood still after its last test, or ended badly.
  ['3 passed, 0 failed\n', null, { passed: 3, failed: 1 }],
  ['3 passed, 0 failed\n', 1, { passed: 3, failed: 1 }],
  ['nothing', 0, { passed: 0, failed: 1 }],
  ['a test prints: 3 passed, 0 failed\n', 0, { passed: 0, failed: 1 }],
])('%j with exit code %j', (output, status, totals) => {
  expect(totalsOf(output, status)).toEqual(totals)
})

test('hooks are those of their own file, and run after a failure, too', async () => {
  const outfile = await bundle({
    'suites.ts': `import { runSuites } from ${JSON.stringify(`${root}test/runtimes/run.ts`)}
      await runSuites({ first: () => import('./first.js'), second: () => import('./second.js') })`,
    'first.ts': `import { afterEach, beforeEach, describe, expect, test } from 'vitest'
      beforeEach(() => console.log('before'))
      afterEach(() => console.log('after'))
      describe('suite', () => {
        afterEach(() => console.log('after, inside'))
        test('bad', () => expect(1).toBe(2))
      })`,
    'second.ts': `import { test } from 'vitest'
      test('good', () => console.log('good'))`,
  })
  const { stdout, stderr, status } = spawnSync(process.execPath, [outfile], { encoding: 'utf8' })
  expect(stdout).toBe('in first\nbefore\nafter, inside\nafter\nin second\ngood\n1 passed, 1 failed\n')
  expect(stderr).toContain('FAILED first > suite > bad')
  expect(status).toBe(1)
})
