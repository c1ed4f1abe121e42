/**
 * A page that follows its session, in WebKit: Debian's MiniBrowser, by WebDriver on a screen that nobody sees. WebDriver (W3C) §7 to §13.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { expect } from 'playwright/test'
import { findWebKit, webKitHint } from '../../scripts/find-browser.mjs'
import { endOnServer, type Heard, SECONDS, test } from './watch-app.js'

const programs = findWebKit()

test.skip(programs === undefined && process.env.CI === undefined, webKitHint)

/** A port of WebDriver that no other test has, and a screen. */
const PORT = 20_000 + (process.pid % 10_000)
const started: ChildProcess[] = []

/** @returns `value` of the answer */
async function command(method: 'POST' | 'DELETE' | 'GET', path: string, body?: object): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${PORT}/session${path}`, {
    method,
    ...(method === 'POST' && { body: JSON.stringify(body ?? {}) }),
  })
  const { value } = (await response.json()) as { value: { message?: string } }
  if (!response.ok) throw new Error(`${path}: ${value.message}`)
  return value
}

test.beforeAll(async () => {
  if (!programs) throw new Error(webKitHint)
  const { driver, screen } = programs
  const display = `:${PORT}`
  started.push(spawn(screen, [display, '-screen', '0', '1024x768x24'], { stdio: 'ignore' }))
  started.push(spawn(driver, [`--port=${PORT}`], { stdio: 'ignore', env: { ...process.env, DISPLAY: display } }))
})

test.afterAll(() => {
  for (const process of started.reverse()) process.kill()
})

/** One window of the browser, with cookies of its own. */
class Window {
  readonly path: string
  constructor(path: string) {
    this.path = path
  }

  goTo(url: string): Promise<unknown> {
    return command('POST', `${this.path}/url`, { url })
  }

  /** The value of an expression, which may be a promise. */
  value(expression: string): Promise<unknown> {
    const script = `const done = arguments[0]; Promise.resolve(${expression}).then(done, (error) => done(String(error)))`
    return command('POST', `${this.path}/execute/async`, { script, args: [] })
  }

  send(path: string): Promise<unknown> {
    return this.value(`fetch('${path}').then((response) => response.json())`)
  }

  heard(): Promise<Heard> {
    return this.value('window.heard') as Promise<Heard>
  }

  async reasons(): Promise<unknown[]> {
    return (await this.heard()).map(([reason, user]) => [reason, user])
  }
}

/** The driver and the screen need a moment. */
async function newSession(): Promise<string> {
  const options = { binary: programs?.browser, args: ['--automation'] }
  const capabilities = { alwaysMatch: { 'webkitgtk:browserOptions': options } }
  for (let attempt = 0; ; attempt++) {
    try {
      return `/${((await command('POST', '', { capabilities })) as { sessionId: string }).sessionId}`
    } catch (error) {
      if (attempt === 100) throw error
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
}

async function withWindow(url: string, work: (window: Window) => Promise<void>): Promise<void> {
  const window = new Window(await newSession())
  try {
    await window.goTo(`${url}/page`)
    await expect.poll(() => window.value('Boolean(window.heard)')).toBe(true)
    await work(window)
  } finally {
    await command('DELETE', window.path)
  }
}

test('a sign-in, a change and a sign-out, within a second', async ({ url }) => {
  await withWindow(url, async (window) => {
    const wanted: [string, string | null][] = []
    for (const [path, heard] of [
      ['/sign-in?user=dave', ['signedIn', 'dave']],
      ['/sign-in?user=erin', ['changed', 'erin']],
      ['/sign-out', ['signedOut', null]],
    ] as const) {
      await window.send(path)
      const sent = Date.now()
      wanted.push([...heard])
      await expect.poll(() => window.reasons(), { timeout: 10_000 }).toEqual(wanted)
      expect((await window.heard()).at(-1)?.[2]).toBeLessThan(sent + 1_000)
    }
    expect(await window.value(`document.querySelector('#user').textContent`)).toBe('nobody')
  })
})

test('a frame of the same site, and a cookie that a script sets', async ({ url }) => {
  await withWindow(url, async (window) => {
    await window.value(`document.querySelector('iframe').setAttribute('src', '/sign-in?user=frank')`)
    await expect.poll(() => window.reasons(), { timeout: 10_000 }).toEqual([['signedIn', 'frank']])
    await window.value(`document.cookie = 'app.public=; Max-Age=0; Path=/'`)
    await expect
      .poll(() => window.reasons(), { timeout: 10_000 })
      .toEqual([
        ['signedIn', 'frank'],
        ['signedOut', null],
      ])
  })
})

test(`the session ends after ${SECONDS} seconds, within a second of the server's end`, async ({ url }) => {
  await withWindow(url, async (window) => {
    await window.send('/sign-in?name=brief&user=dave')
    // The server, asked all the time in another way, so that the page hears nothing of it.
    const cookies = (await command('GET', `${window.path}/cookie`)) as { name: string; value: string }[]
    const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
    const serverEnded = await endOnServer(url, cookie)
    await expect
      .poll(() => window.reasons(), { timeout: 10_000 })
      .toEqual([
        ['signedIn', 'dave'],
        ['expired', null],
      ])
    expect(Math.abs(((await window.heard()).at(-1)?.[2] ?? 0) - serverEnded)).toBeLessThan(1_000)
  })
})

test('a page that is come back to shows who is signed in now', async ({ url }) => {
  await withWindow(url, async (window) => {
    await window.send('/sign-in?user=dave')
    const shown = () => window.value(`document.querySelector('#user')?.textContent ?? null`).catch(() => null)
    await expect.poll(shown).toBe('dave')
    await window.goTo(`${url}/sign-out`)
    await command('POST', `${window.path}/back`)
    await expect.poll(shown).toBe('nobody')
  })
})
