/** examples/federation as it stands: Django issues, two Node services and a Worker verify with its public keys alone. */
import { spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { root } from '../../scripts/run.mjs'
import { installRuntimes } from '../../scripts/runtimes.mjs'
import { CookieJar, startDjangoSite } from '../interop/django-site.js'
import { findPython } from '../interop/find-python.js'
import type { PythonServer } from '../interop/python-server.js'
import { startOnRuntime } from './runtime-server.js'

interface Service {
  url: string
  close(): Promise<unknown>
}

const example = `${root}examples/federation`
const isInstalled = installRuntimes()
const python = findPython()
if (python === undefined) console.warn('skipping the federation: no Python packages; node scripts/python-env.mjs')

async function startService(file: string, jwksUrl: string): Promise<Service> {
  const child = spawn(process.execPath, [`${example}/${file}`, jwksUrl], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })
  const [line] = await Promise.race([once(lines, 'line'), exited])
  const [, port] = /^listening (\d+)$/.exec(String(line)) ?? []
  if (port === undefined) throw new Error(`${file} did not start`)
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      child.kill()
      await exited
    },
  }
}

function startWorker(jwksUrl: string): Promise<Service> {
  return startOnRuntime('workerd', 'federation', { entryPoints: [`${example}/worker.mjs`] }, { JWKS_URL: jwksUrl })
}

test('nothing is left out under CI', () => {
  expect((isInstalled && python !== undefined) || !process.env.CI).toBe(true)
})

describe.skipIf(!isInstalled || python === undefined)('federation', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sessionglass-federation-'))
  const running: Service[] = []
  let site: PythonServer
  let services: Record<'orders' | 'invoices' | 'worker', string>

  beforeAll(async () => {
    const keys = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    })
    const files = [join(folder, 'private.pem'), join(folder, 'public.pem')] as const
    writeFileSync(files[0], keys.privateKey)
    writeFileSync(files[1], keys.publicKey)
    site = await startDjangoSite({
      database: { ENGINE: 'django.db.backends.sqlite3', NAME: join(folder, 'site.sqlite3') },
      jwt: { KEY: files },
      users: [{ username: 'dave', password: 'sessionglass', email: 'dave@example.org' }],
    })
    const jwksUrl = `${site.url}/.well-known/jwks.json`
    const orders = await startService('orders.mjs', jwksUrl)
    const invoices = await startService('invoices.mjs', jwksUrl)
    const worker = await startWorker(jwksUrl)
    running.push(orders, invoices, worker, site)
    services = { orders: orders.url, invoices: invoices.url, worker: worker.url }
  })

  afterAll(async () => {
    await Promise.all(running.map((service) => service.close()))
    rmSync(folder, { recursive: true, force: true })
  })

  test('the Worker serves many requests at its very start, while the keys are on their way', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => fetch(services.worker)))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]))
    const jar = new CookieJar()
    await jar.signIn(site.url, 'dave', 'sessionglass')
    const signedIn = await Promise.all(Array.from({ length: 20 }, () => jar.fetch(services.worker)))
    expect(new Set(signedIn.map(({ status }) => status))).toEqual(new Set([200]))
  })

  test('who signs in at the site is known everywhere', async () => {
    const jar = new CookieJar()
    for (const url of Object.values(services)) expect((await jar.fetch(url)).status).toBe(401)
    await jar.signIn(site.url, 'dave', 'sessionglass')
    const answers = await Promise.all(Object.values(services).map(async (url) => (await jar.fetch(url)).json()))
    expect(answers).toEqual([
      { service: 'orders', username: 'dave', userId: 1 },
      { service: 'invoices', username: 'dave', email: 'dave@example.org' },
      { service: 'worker', username: 'dave' },
    ])
    await jar.signOut(site.url)
    for (const url of Object.values(services)) expect((await jar.fetch(url)).status).toBe(401)
  })

  test('claims that somebody changed are known nowhere', async () => {
    const jar = new CookieJar()
    await jar.signIn(site.url, 'dave', 'sessionglass')
    const [header = '', payload = '', signature] = (jar.get('sessionid') ?? '').split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
    const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url')
    const forgeries = [
      `${header}.${encode({ ...claims, u: 'root' })}.${signature}`,
      `${encode({ alg: 'none', typ: 'JWT' })}.${payload}.`,
      `${encode({ alg: 'HS256', typ: 'JWT' })}.${payload}.${signature}`,
    ]
    for (const forgery of forgeries) {
      jar.set('sessionid', forgery)
      for (const url of Object.values(services)) expect((await jar.fetch(url)).status).toBe(401)
    }
  })

  test('a service whose issuer was never reached answers 503, and signs nobody out', async () => {
    const jar = new CookieJar()
    await jar.signIn(site.url, 'dave', 'sessionglass')
    const nowhere = 'http://127.0.0.1:9/jwks.json'
    const lost = [
      await startService('orders.mjs', nowhere),
      await startService('invoices.mjs', nowhere),
      await startWorker(nowhere),
    ]
    for (const { url } of lost) {
      const answer = await jar.fetch(url)
      expect([answer.status, await answer.json()]).toEqual([503, { error: 'ERR_SESSION_KEYS' }])
      expect(answer.headers.getSetCookie()).toEqual([])
    }
    await Promise.all(lost.map((service) => service.close()))
  })
})
