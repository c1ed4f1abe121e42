/** How long a session lasts: remembered through a restart of the browser or not, and until the second in which the server ends it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, expect } from 'playwright/test'
import { defineSession, type SessionOptions } from '../../src/shared/index.js'
import { test } from './apps.js'
import { type Look, type NodeApp, type NodeAppOptions, startNodeApp } from './node-app.js'
import { cookieName, createVisitor, publicName } from './visitor.js'

const secrets = 'the key that the application signs with'

interface Starts {
  start(options: Pick<NodeAppOptions, 'expose' | 'options'>): Promise<NodeApp>
  /** A browser with a profile in a folder, as a person has it: what it keeps is there when it is opened again. */
  profile: { open(): Promise<BrowserContext> }
}

const it = test.extend<Starts>({
  // biome-ignore lint/correctness/noEmptyPattern: the runner reads the names of the fixtures out of it
  start: async ({}, use) => {
    const apps: NodeApp[] = []
    await use(async (given) => {
      const app = await startNodeApp({ ...given, secrets, client: 'modules' })
      apps.push(app)
      return app
    })
    await Promise.all(apps.map((app) => app.close()))
  },

  profile: async ({ playwright, launchOptions }, use) => {
    const folder = await mkdtemp(join(tmpdir(), 'sessionglass-profile-'))
    const { chromium } = playwright
    await use({
      open: async () => await chromium.launchPersistentContext(folder, { ...launchOptions, headless: true }),
    })
    await rm(folder, { recursive: true, force: true })
  },
})

/** Days for which the browser keeps a cookie, rounded; undefined if only until it closes. */
function daysOf({ expires }: { expires: number }): number | undefined {
  return expires === -1 ? undefined : Math.round((expires - Date.now() / 1000) / 86_400)
}

it.describe('when the browser is closed and opened again', () => {
  const cases: [title: string, remember: string | undefined, options: NodeAppOptions['options'], days?: number][] = [
    ['a remembered session is still there', '30d', {}, 30],
    ['a session that remembers nothing is gone', undefined, {}],
    ['a session for this browser alone is gone', 'browser', { maxAge: '30d' }],
    ['the options remember every session', undefined, { maxAge: '20d' }, 20],
  ]
  for (const expose of [true, ['user']]) {
    for (const [title, remember, options, days] of cases) {
      it(`${title}, with expose: ${JSON.stringify(expose)}`, async ({ start, profile }) => {
        const app = await start({ expose, ...(options && { options }) })
        const dave = { server: { user: 'dave' }, browser: { user: 'dave' } }
        const query = new URLSearchParams({ user: 'dave', ...(remember && { remember }) })

        const before = await profile.open()
        const visitor = createVisitor(await before.newPage())
        expect(await visitor.visit(`${app.url}/login?${query}`)).toMatchObject(dave)
        const names = expose === true ? [cookieName] : [cookieName, publicName]
        const cookies = (await before.cookies()).map((cookie) => [cookie.name, daysOf(cookie)])
        expect(new Map(cookies as [string, number][])).toEqual(new Map(names.map((name) => [name, days])))
        await before.close()

        const after = await profile.open()
        const again = createVisitor(await after.newPage())
        const seen = await again.visit(app.url)
        if (days === undefined) expect(seen).toEqual({ server: {}, browser: null })
        else expect(seen).toMatchObject(dave)
        await after.close()
        expect([...visitor.faults, ...again.faults]).toEqual([])
      })
    }
  }
})

it.describe('the page shows a session until the second in which the server ends it', () => {
  /** Milliseconds. */
  const TOLERANCE = 1000
  /** So much later a page ends it, because the clock of a visitor may be wrong. */
  const PATIENCE = 30_000

  const cases: [title: string, options: SessionOptions, remember?: string][] = [
    ['idleTimeout of a session that is remembered', { idleTimeout: '30m' }, '3s'],
    ['idleTimeout', { idleTimeout: '3s' }],
    ['absoluteTimeout', { absoluteTimeout: '3s' }],
    ['absoluteTimeout of a session that is remembered for longer', { absoluteTimeout: '3s' }, '30d'],
  ]
  for (const expose of [true, ['user']]) {
    for (const [title, definition, remember] of cases) {
      it(`${title}, with expose: ${JSON.stringify(expose)}`, async ({ start, page, context }) => {
        const app = await start({ expose, options: { session: defineSession(definition) } })
        await page.goto(app.url)
        await page.evaluate(
          async (query) => void (await fetch(`/login?${query}`)),
          new URLSearchParams({ user: 'dave', ...(remember && { remember }) }).toString(),
        )
        // A browser drops what it remembers; others may have kept it.
        const cookie = (await context.cookies()).map(({ name, value }) => `${name}=${value}`).join('; ')
        const look = async (): Promise<Look> =>
          (await (await fetch(`${app.url}/look`, { headers: { cookie } })).json()) as Look
        /** Whether the page shows it now, by the cookies that are kept, with a clock that is so much ahead. */
        const show = async (ahead: number) =>
          await page.evaluate(
            ([definition, cookie, ahead]) => {
              const { defineSession, getSession } = window.sessionglass
              const now = Date.now()
              const session = getSession(defineSession(definition), { cookie, now: new Date(now + ahead) })
              return { now, isThere: session !== null }
            },
            [definition, cookie, ahead] as const,
          )

        const { endsAt = 0 } = await look()
        expect(endsAt).toBeGreaterThan(0)
        const found = { server: new Set<boolean>(), page: new Set<boolean>() }
        for (let now = 0; now < endsAt + TOLERANCE; ) {
          const server = await look()
          const shown = await show(PATIENCE)
          const answers = { server: [server.now, server.user === 'dave'], page: [shown.now, shown.isThere] } as const
          for (const side of ['server', 'page'] as const) {
            const [at, isThere] = answers[side]
            if (Math.abs(at - endsAt) > TOLERANCE)
              expect(isThere, `${side}, ${at - endsAt} ms after it`).toBe(at < endsAt)
            found[side].add(isThere)
          }
          now = Math.min(server.now, shown.now)
        }
        expect(found).toEqual({ server: new Set([true, false]), page: new Set([true, false]) })

        // What is documented: the page waits 30 s, by its own clock.
        const early = endsAt + PATIENCE - TOLERANCE - Date.now()
        expect(await show(early - 60_000)).toMatchObject({ isThere: true })
        expect(await show(early + 2 * TOLERANCE)).toMatchObject({ isThere: false })
      })
    }
  }

  it('the browser itself drops the cookie of a session that is remembered for 3 seconds', async ({ start, page }) => {
    const app = await start({ expose: true })
    await page.goto(`${app.url}/login?user=dave&remember=3s`)
    const session = () => page.evaluate(() => window.sessionglass.getSession())
    await expect.poll(session).toBeNull()
    expect(await page.context().cookies()).toEqual([])
  })
})
