/** `sessionglass/react` in Chromium, with React 18 and 19: hydration, what renders again, two tabs, the countdown, nothing left behind. */
import { type BrowserContext, test as base, expect, type Page } from 'playwright/test'
import { type ReactApp, reactVersions, startReactApp } from './react-app.js'
import type { ReactWindow } from './react-page.js'

for (const version of reactVersions) {
  base.describe(`React ${version}`, () => {
    let app: ReactApp

    const test = base.extend<{ faults: string[] }>({
      faults: async ({ context }, use) => {
        const faults: string[] = []
        const listen = (page: Page): void => {
          page.on('console', (message) => {
            if (['error', 'warning'].includes(message.type()) && !/favicon|404/.test(message.text())) {
              faults.push(message.text())
            }
          })
          page.on('pageerror', (error) => faults.push(String(error)))
        }
        context.on('page', listen)
        await use(faults)
        expect(faults, 'errors and warnings in the console').toEqual([])
      },
    })

    test.beforeAll(async () => {
      app = await startReactApp(version)
    })
    test.afterAll(() => app?.close())

    const set = (context: BrowserContext, query: string) => context.request.get(`${app.url}/set?${query}`)

    async function open(context: BrowserContext, query = ''): Promise<Page> {
      const page = await context.newPage()
      await page.goto(`${app.url}/?${query}`)
      await page.waitForFunction(() => 'react' in window)
      return page
    }

    test('the server renders the session, and the page hydrates it without a warning', async ({ context, faults }) => {
      await set(context, 'user=dave%3C/script%3E&roles=a,b&items=2')
      const html = await (await context.request.get(app.url)).text()
      expect(html).toContain('<p id="user">dave&lt;/script&gt;</p>')
      expect(html).toContain('<p id="since">2023-11-14T22:13:20.123Z</p>')
      expect(html).not.toContain('not for scripts')
      for (const query of ['', 'text']) {
        const page = await open(context, query)
        await expect(page.locator('#user')).toHaveText('dave</script>')
        await expect(page.locator('#roles')).toHaveText('A B')
        await expect(page.locator('#since')).toHaveText('2023-11-14T22:13:20.123Z')
        await expect(page.locator('#items')).toHaveText('2')
        await settled(page)
        expect(await rendersOf(page)).toMatchObject({ user: 2, roles: 2 })
        await page.close()
      }
      expect(faults).toEqual([])
    })

    test('a visitor without a session', async ({ context, faults }) => {
      const page = await open(context)
      await expect(page.locator('main')).toHaveText('nobodyneverempty-user: undefined')
      expect(faults).toEqual([])
    })

    test('after hydration the cookie counts, without a warning', async ({ context, faults }) => {
      await set(context, 'user=dave')
      const page = await open(context, 'stale')
      await expect(page.locator('#user')).toHaveText('dave')
      expect(faults).toEqual([])
    })

    test('a page that no server rendered reads the cookie alone', async ({ context, faults }) => {
      await set(context, 'user=dave')
      const page = await open(context, 'static&stale')
      await expect(page.locator('#user')).toHaveText('dave')
      expect(faults).toEqual([])
    })

    test('a component renders again only if its part has changed', async ({ context, faults }) => {
      await set(context, 'user=dave&roles=a')
      const page = await open(context)
      await settled(page)
      const before = await rendersOf(page)
      await set(context, 'roles=a')
      await expect(page.locator('#since')).toHaveText('2023-11-14T22:13:20.123Z')
      await page.locator('#member').click()
      await expect(page.locator('#member')).toHaveText('visits: 2')
      await set(context, 'roles=a,b')
      await expect(page.locator('#roles')).toHaveText('A B')
      await expect(page.locator('#member')).toHaveText('visits: 3')
      const after = await rendersOf(page)
      expect(after.user).toBe(before.user)
      // In strict mode every component renders twice.
      expect(after.roles).toBe((before.roles as number) + 2)
      expect(faults).toEqual([])
    })

    test('a thousand components show one change', async ({ context, faults }) => {
      await set(context, 'user=dave')
      const page = await open(context, 'many=1000')
      const shown = () => page.locator('.visits').allTextContents()
      expect(new Set(await shown())).toEqual(new Set(['1']))
      await set(context, 'roles=x')
      await expect(page.locator('.visits').last()).toHaveText('2')
      expect(await shown()).toEqual(Array.from({ length: 1000 }, () => '2'))
      expect(faults).toEqual([])
    })

    test('who signs out in one tab is signed out in the other', async ({ context, faults }) => {
      await set(context, 'user=dave')
      const pages = [await open(context), await open(context)]
      for (const page of pages) await expect(page.locator('#user')).toHaveText('dave')
      await pages[0]?.evaluate(() => fetch('/sign-out'))
      for (const page of pages) await expect(page.locator('#user')).toHaveText('nobody')
      await set(context, 'user=eve')
      for (const page of pages) await expect(page.locator('#user')).toHaveText('eve')
      expect(faults).toEqual([])
    })

    test('the last seconds are counted, each once', async ({ context, faults }) => {
      await set(context, 'user=dave&seconds=6')
      const page = await open(context)
      const seen = page.evaluate(() => {
        const element = document.querySelector('#left') as HTMLElement
        const texts = [element.textContent]
        new MutationObserver(() => texts.push(element.textContent)).observe(element, {
          subtree: true,
          characterData: true,
        })
        return new Promise<unknown[]>((resolve) => {
          const user = document.querySelector('#user') as HTMLElement
          new MutationObserver(() => setTimeout(() => resolve(texts), 100)).observe(user, {
            subtree: true,
            characterData: true,
          })
        })
      })
      // A slow machine may miss one.
      const numbers = (await seen).filter((text) => text !== '-')
      expect(numbers).toEqual(['3', '2', '1'].filter((text) => numbers.includes(text)))
      expect(numbers).not.toEqual([])
      await expect(page.locator('#user')).toHaveText('nobody')
      await expect(page.locator('#left')).toHaveText('-')
      expect(faults).toEqual([])
    })

    test('nothing is left after the last component', async ({ context, faults }) => {
      await context.addInitScript(countListeners)
      await set(context, 'user=dave')
      const page = await open(context, 'many=50')
      await settled(page)
      const used = await page.evaluate(() => ({ ...(window as unknown as Counted).counted }))
      expect(used.listeners).toBeGreaterThan(0)
      await page.evaluate(() => (window as unknown as ReactWindow).react.root.unmount())
      await settled(page)
      expect(await page.evaluate(() => (window as unknown as Counted).counted)).toEqual({ listeners: 0, timers: 0 })
      expect(faults).toEqual([])
    })
  })
}

interface Counted {
  counted: { listeners: number; timers: number }
}

/** What a page still listens to for its session, and which of its timers still wait. */
function countListeners(): void {
  const counted = { listeners: 0, timers: 0 }
  Object.assign(window, { counted })
  const own = ['pageshow', 'cookiechange', 'visibilitychange', 'focus', 'change']
  const cookies = (window as unknown as { cookieStore: EventTarget }).cookieStore
  // A page without an address has none.
  for (const target of cookies ? [window, cookies] : []) {
    const { addEventListener } = target
    target.addEventListener = (...[type, listener, options]: Parameters<EventTarget['addEventListener']>) => {
      addEventListener.call(target, type, listener, options)
      const { signal } = Object(options) as AddEventListenerOptions
      if (!own.includes(type) || !signal) return
      counted.listeners++
      signal.addEventListener('abort', () => counted.listeners--)
    }
  }
  const waiting = new Set<number>()
  const { setTimeout, clearTimeout } = window
  Object.assign(window, {
    setTimeout(work: () => void, time: number) {
      const id = setTimeout(() => {
        waiting.delete(id)
        counted.timers = waiting.size
        work()
      }, time)
      waiting.add(id)
      counted.timers = waiting.size
      return id
    },
    clearTimeout(id: number) {
      clearTimeout(id)
      waiting.delete(id)
      counted.timers = waiting.size
    },
  })
}

/** Waits until React has done what it had to do. */
async function settled(page: Page): Promise<void> {
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestIdleCallback(resolve))))
}

function rendersOf(page: Page): Promise<Record<string, number>> {
  return page.evaluate(() => ({ ...(window as unknown as ReactWindow).react.renders }))
}
