/** The test with both applications on one host, and the visitor who goes from one to the other. */
import { test as base, expect } from 'playwright/test'
import { createSessions, type Expose } from '../../src/server/index.js'
import { type SignIn, sessionFixture } from '../../src/server/testing.js'
import { findPython } from '../interop/find-python.js'
import { type PythonApp, type PythonAppOptions, startPythonApp } from '../interop/python-app.js'
import { type Client, clientFiles, clientPages } from './client-page.js'
import { type NodeApp, startNodeApp } from './node-app.js'
import { createVisitor, type Visitor } from './visitor.js'

export const firstKey = 'the key both applications begin with'
export const nextKey = 'the key both applications change to.'

export interface AppOptions {
  client: Client
  expose: Expose
}

export interface Apps {
  /** Needs the real Python packages: fails without them under `CI=true`, and elsewhere skips the test. */
  python: PythonApp
  node: NodeApp
  visitor: Visitor
  /** Signs the visitor in to the Node application, and so to the Python one, without going there. */
  signIn: SignIn<{ user: string }>
}

interface PythonApps {
  /** Starts an application, or gives the one that was started with the same options. */
  pythonApps(options: PythonAppOptions): Promise<PythonApp>
}

export const test = base.extend<AppOptions & Apps, PythonApps>({
  client: ['modules', { option: true }],
  expose: [true, { option: true }],

  pythonApps: [
    // biome-ignore lint/correctness/noEmptyPattern: the runner reads the names of the fixtures out of it
    async ({}, use) => {
      const apps = new Map<string, PythonApp>()
      await use(async (options) => {
        const key = JSON.stringify(options)
        const app = apps.get(key) ?? (await startPythonApp(options))
        apps.set(key, app)
        return app
      })
      await Promise.all([...apps.values()].map((app) => app.close()))
    },
    { scope: 'worker' },
  ],

  python: async ({ client, expose, pythonApps }, use, testInfo) => {
    if (findPython() === undefined) skipWithoutPython(testInfo)
    const session = { jwt_secret_keys: firstKey, httponly: expose !== true }
    const app = await pythonApps({ session, static: clientFiles, ...clientPages[client] })
    await use(app)
    // Its keys are all that an earlier test can have changed.
    await fetch(`${app.url}/rotate?${new URLSearchParams({ keys: firstKey })}`)
  },

  node: async ({ client, expose }, use) => {
    const app = await startNodeApp({ secrets: firstKey, client, expose })
    await use(app)
    await app.close()
  },

  signIn: async ({ context, node, expose }, use) => {
    const sessions = createSessions<{ user: string }>({ secrets: firstKey, expose: expose as true, secure: false })
    await sessionFixture(sessions).signIn({ context, baseURL: node.url }, use)
  },

  visitor: async ({ page }, use) => {
    const visitor = createVisitor(page)
    await use(visitor)
    expect(visitor.faults, 'error pages and uncaught errors').toEqual([])
  },
})

let isToldOfPython = false

function skipWithoutPython(testInfo: { skip(condition: boolean, why: string): void }): void {
  const why = 'no Python packages; node scripts/python-env.mjs installs them'
  if (!isToldOfPython) console.warn(`skipping the browser tests against Python: ${why}`)
  isToldOfPython = true
  testInfo.skip(true, why)
}
