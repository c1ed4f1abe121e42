/** A Secure cookie over what looks like plain HTTP: set, and told once. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { platform } from '#platform'
import { NAME, serve } from '../server.helpers.js'

let warnings: [code: string, message: string][] = []

beforeEach(() => {
  warnings = []
  vi.spyOn(platform, 'warn').mockImplementation((...warning) => void warnings.push(warning))
})

afterEach(() => {
  vi.restoreAllMocks()
})

type Source = Exclude<Parameters<ReturnType<typeof serve>['sessions']['load']>[0], string | null | undefined>

const node = (headers: Record<string, string>, socket: object = {}): Source => ({ headers, socket }) as Source
const web = (url: string, headers: Record<string, string> = {}): Source => new Request(url, { headers })

/** Signs in; tells the codes that were warned of. */
async function signIn(source: Source, options: Parameters<typeof serve>[0] = {}): Promise<string[]> {
  const { sessions, events } = serve(options)
  const session = await sessions.load(source)
  session.data.user = 'dave'
  const cookies = await sessions.commit(session)
  expect(cookies).toHaveLength(options.mode === 'observe' ? 0 : 1)
  const told = events.filter(({ type }) => type === 'insecure')
  const codes = warnings.map(([code]) => code).filter((code) => code !== 'ERR_SESSION_ENDLESS')
  expect(told).toHaveLength(codes.length)
  for (const event of told) expect(event).toMatchObject({ code: 'ERR_SESSION_INSECURE', cookie: NAME })
  return codes
}

const shop = { host: 'shop.example' }

test.each<[string, Source]>([
  ['a Node request', node(shop)],
  ['with a port', node({ host: 'shop.example:8080' })],
  ['an address of the network', node({ host: '192.168.1.7:3000' })],
  ['a name that begins like this machine', node({ host: 'localhost.shop.example' })],
  ['a proxy that says http', node({ ...shop, 'x-forwarded-proto': 'http' })],
  ['a first proxy that says http', node({ ...shop, 'x-forwarded-proto': 'http, https' })],
  ['Forwarded without TLS', node({ ...shop, forwarded: 'for=192.0.2.1;proto=http, proto=https' })],
  ['a Request', web('http://shop.example/')],
  ['a Request through a proxy that says http', web('http://shop.example/', { 'x-forwarded-proto': 'http' })],
])('%s: the cookie is set, and a warning says why it may be lost', async (_, source) => {
  expect(await signIn(source)).toEqual(['ERR_SESSION_INSECURE'])
})

test.each<[string, Source]>([
  ['TLS', node(shop, { encrypted: true })],
  ['a proxy that says https', node({ ...shop, 'x-forwarded-proto': 'https' })],
  ['in capitals, before another', node({ ...shop, 'x-forwarded-proto': 'HTTPS, http' })],
  ['Forwarded', node({ ...shop, forwarded: 'for=192.0.2.1;proto=https' })],
  ['Forwarded in quotes', node({ ...shop, forwarded: 'Proto="https";for="[2001:db8::1]"' })],
  ['this machine', node({ host: 'localhost:3000' })],
  ['a name of this machine', node({ host: 'shop.localhost' })],
  ['its address', node({ host: '127.0.0.1:3000' })],
  ['its address of IPv6', node({ host: '[::1]:3000' })],
  ['nothing that tells', { headers: { cookie: '' } }],
  ['no host', node({})],
  ['a Request over TLS', web('https://shop.example/')],
  ['a Request through a proxy', web('http://shop.example/', { 'x-forwarded-proto': 'https' })],
  ['a Request to this machine', web('http://127.0.0.1:3000/')],
])('%s: nothing is wrong', async (_, source) => {
  expect(await signIn(source)).toEqual([])
})

test('without Secure, or when only observing, there is nothing to lose', async () => {
  expect(await signIn(node(shop), { secure: false })).toEqual([])
  expect(await signIn(node(shop), { mode: 'observe' })).toEqual([])
})

test('it is told once, with code and cure, and only where a cookie was set', async () => {
  const { sessions, events } = serve()
  await sessions.commit(await sessions.load(node(shop)))
  expect(warnings).toEqual([])
  for (const user of ['dave', 'eve']) {
    const session = await sessions.load(node(shop))
    session.data.user = user
    expect(await sessions.commit(session)).toHaveLength(1)
  }
  expect(warnings).toHaveLength(1)
  expect(events.filter(({ type }) => type === 'insecure')).toHaveLength(1)
  const [, message = ''] = warnings[0] ?? []
  for (const word of [NAME, 'X-Forwarded-Proto: https', 'trust proxy', 'secure: false']) expect(message).toContain(word)
  expect(message).not.toContain('shop.example')
})

test('the warning of the platform has the code', () => {
  vi.restoreAllMocks()
  const where = platform.name === 'node' ? process : console
  const method = platform.name === 'node' ? 'emitWarning' : 'warn'
  const spy = vi.spyOn(where as Console, method as 'warn').mockImplementation(() => {})
  platform.warn('ERR_SESSION_INSECURE', 'text')
  expect(spy).toHaveBeenCalledOnce()
  expect(JSON.stringify(spy.mock.calls[0])).toContain('ERR_SESSION_INSECURE')
})
