/** The demo as somebody starts it, and its page as somebody uses it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test as base, expect, type Page } from 'playwright/test'

const root = fileURLToPath(new URL('../..', import.meta.url))

export interface DemoServer {
  url: string
  /** What it printed so far. */
  output(): string
  close(): Promise<void>
}

export interface DemoPage {
  readonly page: Page
  press(name: string | RegExp): Promise<void>
  signIn(name?: string): Promise<void>
  choose(position: string): Promise<void>
  /** The row of a key in the view of `getSession()`. */
  row(key: string): ReturnType<Page['locator']>
  status(): ReturnType<Page['locator']>
  log(): ReturnType<Page['locator']>
  /** The value of a cookie as the browser has it, HttpOnly or not. */
  cookie(name?: string): Promise<string | undefined>
}

interface DemoFixtures {
  args: string[]
  server: DemoServer
  demo: DemoPage
}

export const cookieName = 'beaker.session.id'

export const test = base.extend<DemoFixtures>({
  args: [[], { option: true }],
  server: async ({ args }, use) => {
    const server = await startDemo(['--port', '0', ...args])
    await use(server)
    await server.close()
  },
  demo: async ({ page, server }, use) => {
    const faults: string[] = []
    page.on('pageerror', (error) => faults.push(String(error)))
    page.on('console', (message) => {
      // A refused change answers with a status that Chromium also logs.
      if (message.type() === 'error' && !/status of 4(?:00|09)/.test(message.text())) faults.push(message.text())
    })
    await page.goto(server.url)
    await expect(page.locator('#connection')).toHaveText('live')
    await use(createDemoPage(page))
    expect(faults, 'errors of the page, the policy for its contents among them').toEqual([])
  },
})

/** Starts the demo and waits until it says where it is. */
export async function startDemo(args: readonly string[], isReady = /^sessionglass demo: /m): Promise<DemoServer> {
  const child = spawn(process.execPath, ['examples/demo/server.mjs', ...args], { cwd: root })
  let output = ''
  await new Promise<void>((resolve, reject) => {
    const collect = (chunk: Buffer): void => {
      output += chunk.toString()
      if (isReady.test(output)) resolve()
    }
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    child.once('exit', (code) => reject(new Error(`the demo ended with ${code}: ${output}`)))
  })
  return {
    url: /http:\/\/localhost:\d+/.exec(output)?.[0] ?? '',
    output: () => output,
    close: () => stop(child),
  }
}

async function stop(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await ended
}

function createDemoPage(page: Page): DemoPage {
  const answered = () => page.waitForResponse((response) => response.request().method() === 'POST')
  const press = async (name: string | RegExp): Promise<void> => {
    await Promise.all([answered(), page.getByRole('button', { name }).first().click()])
  }
  return {
    page,
    press,
    signIn: async (name = 'Grace Hopper') => {
      await page.getByLabel('Name', { exact: true }).fill(name)
      await press('Sign in')
      await expect(page.locator('#who')).toHaveText(`Signed in as ${name}`)
    },
    choose: async (position) => {
      await Promise.all([answered(), page.getByRole('radio', { name: position }).check({ force: true })])
    },
    row: (key) => page.locator(`#session tr[data-key="${key}"]`),
    status: () => page.getByRole('status'),
    log: () => page.locator('#log'),
    cookie: async (name = cookieName) => (await page.context().cookies()).find((cookie) => cookie.name === name)?.value,
  }
}
