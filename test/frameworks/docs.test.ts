/** The examples of the pages about Workers, Bun and Deno, run on these. All other examples are run by test/docs. */
import { afterEach, describe, expect, test } from 'vitest'
import { root } from '../../scripts/run.mjs'
import { installRuntimes } from '../../scripts/runtimes.mjs'
import { blocksOf } from '../docs/pages.js'
import { testBrowser } from '../server/server.helpers.js'
import type { RunningApp } from './behaviour.js'
import { type RuntimeName, startOnRuntime } from './runtime-server.js'

const SESSION_KEY = 'an-example-of-a-secret-with-64-hexadecimal-digits-of-randomness'
let app: RunningApp | undefined

afterEach(() => app?.close())

describe.skipIf(!installRuntimes())('the example of', () => {
  test.each<[page: string, file: string, RuntimeName]>([
    ['workers', 'worker.ts', 'workerd'],
    ['bun', 'app.ts', 'Bun'],
    ['deno', 'app.ts', 'Deno'],
  ])('docs/frameworks/%s.md', async (page, file, runtime) => {
    const block = blocksOf(`docs/frameworks/${page}.md`).find((one) => one.file === file)
    const stdin = { contents: block?.code ?? '', resolveDir: root, loader: 'ts' as const }
    app = await startOnRuntime(runtime, `docs-${page}`, { stdin }, { SESSION_KEY })
    const browser = testBrowser()
    const get = async (path: string): Promise<string> => {
      const answer = await fetch(`${app?.url}${path}`, { headers: { cookie: browser.cookie }, redirect: 'manual' })
      browser.take(answer.headers.getSetCookie())
      return answer.status === 303 ? 'see other' : answer.text()
    }
    expect(await get('/')).toBe('visit 1 of nobody')
    expect(await get('/sign-in')).toBe('see other')
    expect(await get('/')).toBe('visit 2 of dave')
    expect([...browser.cookies.keys()].sort()).toEqual(['app.session', 'app.session.public'])
  })
})
