/** The test with both applications on one host, and the visitor who goes from one to the other. */
import { test as base, expect } from 'playwright/test'
import type { Expose } from '../../src/server/index.js'
import { findPython } from '../interop/find-python.js'
import { type PythonApp, startPythonApp } from '../interop/python-app.js'
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
}

export const test = base.extend<AppOptions & Apps>({
  client: ['modules', { option: true }],
  expose: [true, { option: true }],

  python: async ({ client, expose }, use, testInfo) => {
    if (findPython() === undefined) skipWithoutPython(testInfo)
    const session = { jwt_secret_keys: firstKey, httponly: expose !== true }
    const app = await startPythonApp({ session, static: clientFiles, ...clientPages[client] })
    await use(app)
    await app.close()
  },

  node: async ({ client, expose }, use) => {
    const app = await startNodeApp({ secrets: firstKey, client, expose })
    await use(app)
    await app.close()
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
