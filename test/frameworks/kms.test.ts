/** examples/kms as it stands: a KMS that is slow or down signs nobody out. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { root } from '../../scripts/run.mjs'
import { testBrowser } from '../server/server.helpers.js'

const child = spawn(process.execPath, [`${root}examples/kms/server.mjs`], { stdio: ['ignore', 'pipe', 'inherit'] })
const exited = once(child, 'exit')
let url = ''

beforeAll(async () => {
  const [line] = await Promise.race([once(createInterface({ input: child.stdout }), 'line'), exited])
  url = `http://127.0.0.1:${/^listening (\d+)$/.exec(String(line))?.[1]}`
})

afterAll(async () => {
  child.kill()
  await exited
})

const browser = testBrowser()

async function visit(
  path: string,
  cookie = browser.cookie,
): Promise<{ status: number; cookies: string[]; body: object }> {
  const response = await fetch(url + path, { headers: { cookie } })
  const cookies = response.headers.getSetCookie()
  const body = response.status === 200 ? ((await response.json()) as object) : {}
  if (cookie === browser.cookie) browser.take(cookies)
  return { status: response.status, cookies, body }
}

test.each(['isDown', 'isSlow'])('%s', async (fault) => {
  expect(await visit('/sign-in?user=dave')).toMatchObject({ status: 200, body: { user: 'dave' } })
  await visit('/visit')
  await visit(`/kms?${fault}=true`, '')
  const before = browser.cookie
  // A change can't be signed: 503, and the browser keeps what it has.
  expect(await visit('/visit')).toMatchObject({ status: 503, cookies: [] })
  expect(browser.cookie).toBe(before)
  // What only reads goes on.
  expect(await visit('/')).toMatchObject({ status: 200, cookies: [], body: { user: 'dave', visits: 1 } })
  await visit(`/kms?${fault}=false`, '')
  expect(await visit('/visit')).toMatchObject({ status: 200, body: { user: 'dave', visits: 2 } })
  browser.cookies.clear()
})
