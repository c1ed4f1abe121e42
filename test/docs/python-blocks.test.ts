/** The Python of the documentation: it is parsed, and the real packages have what it imports. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { findPython } from '../interop/find-python.js'
import { listPages, pythonBlocksOf } from './pages.js'

const program = fileURLToPath(new URL('check-python.py', import.meta.url))
/** What examples take for granted, and the environment has not. */
const foreign = ['pytest']

const blocks = listPages().flatMap((page) => pythonBlocksOf(page))
const python = findPython()
if (python === undefined) console.warn('skipping the Python of the documentation: node scripts/python-env.mjs')

test('there are blocks', () => {
  expect(new Set(blocks.map(({ page }) => page)).size).toBeGreaterThan(2)
})

test('their reader takes them by any name of the language, each with its line', () => {
  const text = 'a\n```python\nx\n```\n```ts\ny\n```\n```py3 z\ny\n\nz\n```\n'
  expect(pythonBlocksOf('a.md', text)).toEqual([
    { page: 'a.md', line: 3, code: 'x\n' },
    { page: 'a.md', line: 9, code: 'y\n\nz\n' },
  ])
})

describe.skipIf(python === undefined)('with Python', () => {
  test.each(blocks.map((block) => [`${block.page}:${block.line}`, block.code] as const))('%s', (place, code) => {
    expect(faultOf(place, code)).toBe('')
  })

  test.each([
    ['a syntax error', 'def f(:\n', 'SyntaxError'],
    ['a module that is not there', 'import beaker_session_jvt\n', 'a.md:1: there is no module beaker_session_jvt'],
    ['a name that is not there', 'from beaker.session import Cookie\n', 'a.md:1: beaker.session has no Cookie'],
  ])('%s is found', (_, code, fault) => {
    expect(faultOf('a.md:1', code)).toContain(fault)
  })
})

/** What is wrong with a block; nothing: an empty text. */
function faultOf(place: string, code: string): string {
  const options = { input: code, encoding: 'utf8', timeout: 30_000 } as const
  const { error, status, stderr } = spawnSync(
    python as string,
    ['-W', 'ignore', '-B', program, place, ...foreign],
    options,
  )
  if (error) throw error
  return status === 0 ? '' : stderr.trim() || `ended with ${status}`
}
