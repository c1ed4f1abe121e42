/**
 * The code of the documentation: every ts, tsx and js block is type-checked, and those that test/docs/examples/ says are run. What a
 * line `console.log(…) // → text` says is what it must print. CONTRIBUTING.md tells how to write one.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import { root } from '../../scripts/run.mjs'
import { checkExamples, type Example, programOf, writeExamples } from './compile.js'
import { docstringExamples } from './docstrings.js'
import { type Block, blocksOf, listPages } from './pages.js'

interface Code extends Example {
  isRun: boolean
}

const pages = listPages().map((page): [string, Code[]] => [page, blocksOf(page).map(asCode)])
const docstrings = docstringExamples().map((example): Code => ({ ...example, isRun: true }))
const all = [...pages.flatMap(([, blocks]) => blocks), ...docstrings]
const run = promisify(execFile)

let mistakes: Map<Example, string[]>

beforeAll(() => {
  writeExamples(all)
  mistakes = checkExamples(all)
}, 120_000)

test('there are blocks, and some of them run', () => {
  expect(all.length).toBeGreaterThan(15)
  expect(all.filter(({ isRun }) => isRun).length).toBeGreaterThan(10)
})

describe.each([...pages.filter(([, blocks]) => blocks.length > 0), ['docstrings', docstrings] as const])(
  '%s',
  (_, codes) => {
    test.each(codes.map((code) => [`${code.place}:${code.line}`, code] as const))(
      '%s has the right types',
      (_, code) => {
        expect(mistakes.get(code)).toEqual([])
      },
    )

    const runnable = codes.filter(({ isRun }) => isRun)
    test.each(runnable.map((code) => [`${code.place}:${code.line}`, code] as const))('%s runs', async (_, code) => {
      expect(await outputOf(code)).toEqual(expectedOutput(code))
    })
  },
)

function asCode(block: Block): Code {
  return { ...block, place: block.page }
}

/** The lines that a block prints; where it promises none, it must only end well. */
async function outputOf(code: Code): Promise<string[]> {
  const preload = `${root}test/docs/run-example.mjs`
  const { stdout } = await run(process.execPath, ['--import', `file://${preload}`, programOf(code)], {
    cwd: root,
    timeout: 30_000,
    env: { PATH: process.env.PATH, ...SECRETS },
  })
  return stdout.split('\n').slice(0, -1)
}

function expectedOutput({ code, after }: Code): string[] {
  return [...`${code}\n${after}`.matchAll(/\/\/ → (.*)$/gm)].map(([, line]) => line as string)
}

/** What examples read from the environment. */
const SECRETS = {
  SESSION_KEY: 'an-example-of-a-secret-with-64-hexadecimal-digits-of-randomness',
  SHOP_KEY: 'the-secret-of-a-tenant-called-shop-with-64-characters-that-differ',
  BLOG_KEY: 'the-secret-of-a-tenant-called-blog-with-64-characters-that-differ',
  OLD_SESSION_KEY: 'the-secret-that-was-the-first-one-until-the-last-rotation-of-it',
}
