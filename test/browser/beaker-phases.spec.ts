/**
 * One page, loaded once, while the servers behind it leave Beaker one by one: `getSession` with the reader of
 * `sessionglass/client/beaker` shows the session in every phase. Real Beaker and real beaker-session-jwt (FORMATS §4.1).
 */
import { expect, type Page } from 'playwright/test'
import type * as client from '../../src/client/index.js'
import { findPython } from '../interop/find-python.js'
import { firstKey, test } from './apps.js'
import { clientFiles } from './client-page.js'
import { cookieName } from './visitor.js'

interface Spa {
  /** Asks a server for something and shows the session as it is then, with the reader and without. */
  act(url: string): Promise<{ session: unknown; format: string | undefined; without: unknown; acts: number }>
}

const phases = ['old', 'writeOld', 'writeNew', 'new'] as const

for (const serializer of ['pickle', 'json'] as const) {
  test(`a page survives all phases, from ${serializer}`, async ({ pythonApps, node, visitor }) => {
    test.skip(findPython() === undefined, 'no Python packages; node scripts/python-env.mjs installs them')
    const configs = configsOf(serializer)
    const python = await pythonApps({ session: configs.old, static: clientFiles })
    const servers = { python, node }
    for (const server of Object.values(servers)) await configure(server, configs.old)

    // The page is Node's; it asks both servers by fetch and is never loaded again.
    await visitor.page.goto(node.url)
    await startSpa(visitor.page)
    const expected: Record<string, string> = { user: 'dave' }
    const first = await act(visitor.page, `${python.url}/login?user=dave`)
    expect(first).toMatchObject({ session: expected, format: 'beaker', without: null })
    const id = await idOf(visitor.page)

    let acts = first.acts
    for (const phase of phases) {
      // Half of the fleet is in the phase before while the other half is in this one.
      for (const moved of ['python', 'node'] as const) {
        await configure(servers[moved], configs[phase])
        for (const writer of ['python', 'node'] as const) {
          const value = `${moved} is in ${phase}`
          expected[writer] = value
          const query = new URLSearchParams({ key: writer, value })
          const seen = await act(visitor.page, `${servers[writer].url}/set?${query}`)
          expect(seen.session, `${writer} wrote, ${value}`).toEqual(expected)
          expect(seen.acts, 'the page is the same one').toBe(++acts)
          expect(await idOf(visitor.page), 'the session is the same one').toBe(id)
          const isOld = seen.format === 'beaker'
          expect(seen.without, 'nobody else reads old cookies').toEqual(isOld ? null : expected)
        }
      }
      const { format } = await act(visitor.page, `${python.url}/json`)
      expect(format, `everybody in ${phase}`).toBe(phase.endsWith('ld') ? 'beaker' : 'beaker-jwt')
      acts++
    }
  })
}

test('each server writes the format of its phase and reads that of the other', async ({
  pythonApps,
  node,
  visitor,
}) => {
  test.skip(findPython() === undefined, 'no Python packages; node scripts/python-env.mjs installs them')
  const configs = configsOf('pickle')
  const python = await pythonApps({ session: configs.old, static: clientFiles })
  await configure(python, configs.writeOld)
  await configure(node, configs.writeNew)
  await visitor.page.goto(node.url)
  await startSpa(visitor.page)
  await act(visitor.page, `${python.url}/login?user=dave`)
  for (const round of ['1', '2', '3']) {
    const byNode = await act(visitor.page, `${node.url}/set?key=node&value=${round}`)
    expect(byNode).toMatchObject({ format: 'beaker-jwt', session: { user: 'dave', node: round } })
    const byPython = await act(visitor.page, `${python.url}/set?key=python&value=${round}`)
    expect(byPython).toMatchObject({ format: 'beaker', session: { user: 'dave', node: round, python: round } })
  }
})

function configsOf(serializer: string): Record<(typeof phases)[number], Record<string, unknown>> {
  const validateKey = 'the validate key of the years before'
  const current = {
    jwt_secret_keys: firstKey,
    original_format_validate_key: validateKey,
    original_format_data_serializer: serializer,
  }
  return {
    old: { type: 'cookie', validate_key: validateKey, data_serializer: serializer },
    writeOld: { ...current, read_original_format: true, write_original_format: true },
    writeNew: { ...current, read_original_format: true },
    new: { jwt_secret_keys: firstKey },
  }
}

async function configure({ url }: { url: string }, session: object): Promise<void> {
  const answer = await fetch(`${url}/configure?${new URLSearchParams({ session: JSON.stringify(session) })}`)
  expect(await answer.text()).toBe('configured')
}

async function startSpa(page: Page): Promise<void> {
  await page.evaluate(async (name) => {
    const load = (path: string): Promise<unknown> => import(path)
    const { getSession, inspectSession } = (await load('/dist/client/index.js')) as typeof client
    const { beakerReader } = (await load('/dist/client/beaker.js')) as { beakerReader: client.SessionReader }
    let acts = 0
    const spa: Spa = {
      async act(url) {
        // Another port is the same site: its cookies are ours.
        await fetch(url, { mode: 'no-cors', credentials: 'include' })
        const { session, format } = inspectSession(name, { reader: beakerReader })
        return { session, format, without: getSession(name), acts: ++acts }
      },
    }
    Object.assign(window, { spa })
  }, cookieName)
}

function act(page: Page, url: string): ReturnType<Spa['act']> {
  return page.evaluate((at) => (window as unknown as { spa: Spa }).spa.act(at), url)
}

/** What the page knows of the session itself. */
async function idOf(page: Page): Promise<string | undefined> {
  return await page.evaluate(async (name) => {
    const load = (path: string): Promise<unknown> => import(path)
    const { inspectSession } = (await load('/dist/client/index.js')) as typeof client
    const { beakerReader } = (await load('/dist/client/beaker.js')) as { beakerReader: client.SessionReader }
    return inspectSession(name, { reader: beakerReader }).meta?.id
  }, cookieName)
}
