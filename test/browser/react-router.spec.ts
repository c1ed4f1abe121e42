/** The route of docs/react.md in Chromium, rendered on the server by the real React Router: a loader, the provider, hydration. */
import { mkdirSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { pathToFileURL } from 'node:url'
import { type BuildOptions, build } from 'esbuild'
import { expect } from 'playwright/test'
import { root } from '../../scripts/run.mjs'
import type { Sessions } from '../../src/server/index.js'
import { blocksOf } from '../docs/pages.js'
import { servedBy } from './served.js'

const folder = `${root}.cache/react-router`

/** What the page of docs leaves to the reader, as the documentation of React Router has it. */
const OWN = {
  'server.tsx': `import { renderToString } from 'react-dom/server'
import { createStaticHandler, createStaticRouter, StaticRouterProvider } from 'react-router'
import Root, { loader } from './root.js'
export { sessions } from './sessions.js'
const { query, dataRoutes } = createStaticHandler([{ path: '/', loader, Component: Root }])
export async function render(request: Request): Promise<string> {
  const context = await query(request)
  if (context instanceof Response) throw new Error('a redirect')
  return renderToString(<StaticRouterProvider router={createStaticRouter(dataRoutes, context)} context={context} />)
}`,
  'client.tsx': `import { hydrateRoot } from 'react-dom/client'
import { createBrowserRouter } from 'react-router'
import { RouterProvider } from 'react-router/dom'
import Root from './root.js'
const hydrationData = window.__staticRouterHydrationData
const router = createBrowserRouter([{ path: '/', loader: () => null, Component: Root }], { hydrationData })
hydrateRoot(document.querySelector('#root'), <RouterProvider router={router} />)`,
}

interface Built {
  render(request: Request): Promise<string>
  readonly sessions: Sessions<{ user?: string; card?: string }>
}

let server: Built
let client = ''

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams, href } = new URL(request.url ?? '/', `http://${request.headers.host}`)
  if (pathname === '/client.js') return void response.setHeader('content-type', 'text/javascript').end(client)
  if (pathname !== '/' && pathname !== '/sign-in') return void response.writeHead(404).end()
  if (pathname === '/sign-in') {
    const session = await server.sessions.load(request)
    Object.assign(session.data, { user: searchParams.get('user'), card: 'not for scripts' })
    await server.sessions.commit(session, response)
    return void response.end()
  }
  const html = await server.render(new Request(href, { headers: { cookie: request.headers.cookie ?? '' } }))
  response.setHeader('content-type', 'text/html')
  response.end(`<!doctype html><title>shop</title><div id="root">${html}</div><script src="/client.js"></script>`)
}

const test = servedBy(answer)

test.beforeAll(async () => {
  process.env.SESSION_KEY = 'an-example-of-a-secret-with-64-hexadecimal-digits-of-randomness'
  mkdirSync(folder, { recursive: true })
  const blocks = Object.fromEntries(blocksOf('docs/react.md').map(({ file, code }) => [file, code]))
  for (const name of ['app-session.ts', 'header.tsx', 'sessions.ts', 'root.tsx']) {
    writeFileSync(`${folder}/${name}`, blocks[name] ?? '')
  }
  for (const [name, text] of Object.entries(OWN)) writeFileSync(`${folder}/${name}`, text)
  const common: BuildOptions = { absWorkingDir: folder, bundle: true, jsx: 'automatic', logLevel: 'error' }
  await build({
    ...common,
    entryPoints: ['server.tsx'],
    outfile: 'server.mjs',
    platform: 'node',
    format: 'esm',
    packages: 'external',
  })
  // In a bundle for the page React Router removes the loader, and with it what only the loader needs.
  const withoutServer = {
    name: 'without-server',
    setup({ onResolve, onLoad }: import('esbuild').PluginBuild) {
      onResolve({ filter: /sessions\.js$|^sessionglass\/server$/ }, () => ({ path: 'none', namespace: 'none' }))
      onLoad({ filter: /.*/, namespace: 'none' }, () => ({
        contents: 'export const sessions = undefined, serializeForClient = undefined',
      }))
    },
  }
  const define = { 'process.env.NODE_ENV': '"development"' }
  const built = await build({
    ...common,
    entryPoints: ['client.tsx'],
    define,
    plugins: [withoutServer],
    write: false,
  })
  client = built.outputFiles[0]?.text ?? ''
  server = await import(pathToFileURL(`${folder}/server.mjs`).href)
})

test('a visitor is shown by the server and by the page, without a warning', async ({ page, url }) => {
  const faults: string[] = []
  page.on('pageerror', (error) => faults.push(String(error)))
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()) && !/favicon|404/.test(message.text()))
      faults.push(message.text())
  })
  await page.goto(url)
  await expect(page.getByRole('link', { name: 'Sign in' })).toBeVisible()
  await page.evaluate(() => fetch('/sign-in?user=dave%3C/script%3E'))
  await expect(page.locator('p')).toHaveText('Hello dave</script>')
  const html = await (await page.context().request.get(url)).text()
  expect(html).toMatch(/<p>Hello (<!-- -->)?dave&lt;\/script&gt;/)
  expect(html).not.toContain('not for scripts')
  await page.reload()
  await expect(page.locator('p')).toHaveText('Hello dave</script>')
  await page.evaluate(() => fetch('/sign-in?user=erin'))
  await expect(page.locator('p')).toHaveText('Hello erin')
  expect(faults).toEqual([])
})
