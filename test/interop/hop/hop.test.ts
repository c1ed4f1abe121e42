/**
 * Django's own tests with a hop through Node: whatever session Django writes, Node loads, changes, changes back and writes before Django
 * reads it. Each test that passes without the hop passes with it.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest'
import { findPython } from '../find-python.js'
import { findDjangoTests, findPytest, hopFolder } from './python-packages.js'

/** Tests that pass without the hop only, each with its reason. There is none. */
const EXCEPTIONS: Readonly<Record<string, string>> = {}

/** Why Django's text goes on without a hop. */
const WITHOUT_HOP = {
  expired: 'the session has expired when it is written, so neither side reads it',
  empty: 'Node reads a session without a key, but one that has become empty again ends',
  'not a session': '`signing.dumps` made it of something else than a dictionary',
}

interface Mode {
  title: string
  apps: readonly string[]
  env?: Record<string, string>
  /** At least so many tests, and sessions that hop. */
  least: { tests: number; row: number; cookie: number }
}

const client = ['test_client', 'test_client_regress', 'messages_tests', 'csrf_tests']
const modes: readonly Mode[] = [
  {
    title: 'rows of JSON',
    apps: ['sessions_tests', 'signing', 'signed_cookies_tests', 'auth_tests', ...client],
    least: { tests: 1900, row: 400, cookie: 12 },
  },
  {
    title: 'signed cookies of JSON',
    apps: ['auth_tests', ...client],
    env: { SESSIONGLASS_HOP_ENGINE: 'django.contrib.sessions.backends.signed_cookies' },
    least: { tests: 1200, row: 1, cookie: 300 },
  },
  {
    title: 'rows of pickles',
    apps: ['sessions_tests', ...client],
    env: { SESSIONGLASS_HOP_PICKLE: 'on' },
    least: { tests: 1000, row: 150, cookie: 8 },
  },
]

interface Outcome {
  run: number
  skipped: number
  /** The tests that did not pass, each with what Python says. */
  bad: Record<string, string>
}

interface Finished {
  status: number | null
  output: string
}

const python = findPython()
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sessionglass-hop-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Runs Python without a look at files that it compiled, with folders before its own packages. */
async function runPython(
  args: readonly string[],
  { cwd, path, env = {} }: { cwd: string; path: readonly string[]; env?: Record<string, string> },
): Promise<Finished> {
  const child = spawn(python ?? '', ['-W', 'ignore', '-B', ...args], {
    cwd,
    env: { ...process.env, ...env, PYTHONPATH: path.join(delimiter), SESSIONGLASS_HOP_NODE: nodeOf(env) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const [status] = (await once(child, 'close')) as [number | null]
  return { status, output }
}

function nodeOf(env: Record<string, string>): string {
  return env.SESSIONGLASS_HOP_NODE ?? process.execPath
}

let runs = 0

/** Runs tests of Django. @throws {Error} with what it printed, if it did not come to an end */
async function runDjango(
  tests: string,
  labels: readonly string[],
  env: Record<string, string>,
): Promise<{ outcome: Outcome; hops: Record<string, number> }> {
  const name = join(folder, String(++runs))
  const files = { SESSIONGLASS_HOP_OUTCOME: `${name}.json`, SESSIONGLASS_HOP_LOG: `${name}.log` }
  const { output } = await runPython(['runtests.py', '--parallel=1', '--settings=recording_settings', ...labels], {
    cwd: tests,
    path: [hopFolder],
    env: { ...env, ...files },
  })
  if (!existsSync(files.SESSIONGLASS_HOP_OUTCOME))
    throw new Error(`Django's tests did not run:\n${output.slice(-4000)}`)
  const lines = existsSync(files.SESSIONGLASS_HOP_LOG)
    ? readFileSync(files.SESSIONGLASS_HOP_LOG, 'utf8').split('\n')
    : []
  const hops: Record<string, number> = {}
  for (const kind of lines.filter((line) => line !== '')) hops[kind] = (hops[kind] ?? 0) + 1
  return { outcome: JSON.parse(readFileSync(files.SESSIONGLASS_HOP_OUTCOME, 'utf8')) as Outcome, hops }
}

/** What pip can't download without a network is left out, except under CI. */
function found(find: () => string, context: TestContext): string {
  try {
    return find()
  } catch (error) {
    if (process.env.CI === 'true' || process.env.CI === '1') throw error
    console.warn(`skipping "${context.task.name}": ${(error as Error).message.split('\n')[0]}`)
    context.skip()
    throw error
  }
}

/** As a label for the runner: what is wrong with a whole class stands under its name in brackets. */
function labelOf(id: string): string {
  return /\((.+)\)$/.exec(id)?.[1] ?? id
}

if (python === undefined) {
  console.warn("skipping Django's own tests: no Python packages; node scripts/python-env.mjs installs them")
  test.skip('needs Python', () => {})
} else {
  // Two at a time, each in one process.
  describe.concurrent("Django's own tests with a hop through Node", { timeout: 900_000 }, () => {
    test.for(modes)('$title', async ({ title, apps, env = {}, least }, context) => {
      const tests = found(findDjangoTests, context)
      const { outcome, hops } = await runDjango(tests, apps, { ...env, SESSIONGLASS_HOP: 'on' })
      const failed = Object.keys(outcome.bad)
      const alone = failed.length === 0 ? undefined : await runDjango(tests, [...new Set(failed.map(labelOf))], env)
      const byTheHop = failed.filter((id) => alone?.outcome.bad[id] === undefined && EXCEPTIONS[id] === undefined)
      console.log(
        [
          `Django's tests over ${title}: ${outcome.run} run, ${outcome.skipped} skipped`,
          `${failed.length - byTheHop.length} fail without the hop too, ${byTheHop.length} with it alone`,
          Object.entries(hops)
            .map(([kind, count]) => `${count} ${kind}`)
            .join(', '),
        ].join('; '),
      )
      expect(Object.fromEntries(byTheHop.map((id) => [id, outcome.bad[id]]))).toEqual({})
      expect(outcome.run).toBeGreaterThanOrEqual(least.tests)
      expect(hops.row).toBeGreaterThanOrEqual(least.row)
      expect(hops.cookie).toBeGreaterThanOrEqual(least.cookie)
      expect(Object.keys({ ...WITHOUT_HOP, row: '', cookie: '' })).toEqual(expect.arrayContaining(Object.keys(hops)))
    })
  })

  describe('the hop for the tests of an application', { timeout: 300_000 }, () => {
    const sample = `${hopFolder}sample`

    test('as a plugin of pytest', async (context) => {
      const path = [hopFolder, found(findPytest, context)]
      const args = ['-m', 'pytest', '-p', 'no:cacheprovider', '-p', 'sessionglass_hop', '--ds', 'sample_settings']
      const { status, output } = await runPython(args, { cwd: sample, path })
      expect(output).toContain('2 passed')
      expect(output).toMatch(/sessionglass hop: \d+ cookie, \d+ empty, \d+ row\n/)
      expect(status).toBe(0)
      const env = { SESSIONGLASS_HOP_NODE: 'false' }
      const broken = await runPython(args, { cwd: sample, path, env })
      expect(broken.output).toContain('2 failed')
      expect(broken.output).toContain('Node has ended')
    })

    test("as settings of Django's own runner", async () => {
      const log = join(folder, 'sample.log')
      const env = { SESSIONGLASS_HOP_SETTINGS: 'sample_settings', SESSIONGLASS_HOP_LOG: log }
      const args = ['-m', 'django', 'test', '--settings=hop_settings']
      const { status, output } = await runPython(args, { cwd: sample, path: [hopFolder, sample], env })
      expect(output).toContain('Ran 2 tests')
      expect(status).toBe(0)
      expect(new Set(readFileSync(log, 'utf8').trim().split('\n'))).toEqual(new Set(['row', 'cookie', 'empty']))
    })
  })
}
