/** Keys of another server: what is fetched from where, how often, and what of it counts. Threats 6 and 36. */
import { describe, expect, test } from 'vitest'
import {
  createSessions,
  type Jwk,
  jwt,
  type RemoteJwksOptions,
  remoteJwks,
  type SessionCodec,
} from '../../../src/server/index.js'
import { expectWithout, rejection, SECRET, testClock } from '../server.helpers.js'
import { jwkOf, pairFor, serveJwks, session } from './keys.helpers.js'

const one = pairFor('ES256', 'remote one')
const two = pairFor('ES256', 'remote two')
const jwks = { keys: [jwkOf(one.publicKey, { kid: 'one', alg: 'ES256', use: 'sig' })] }

async function signedBy({ privateKey }: typeof one, kid?: string): Promise<string> {
  const codec = jwt({ keys: { key: privateKey, kid: kid ?? 'x' }, kid: kid !== undefined }) as Required<SessionCodec>
  return await codec.sign({ data: { user: 'dave' } }, session)
}

/** Answers in place of the network; each part can be changed between requests. */
function testIssuer(keys: Jwk[] = jwks.keys) {
  const state = { keys, count: 0, isDown: false, init: undefined as RequestInit | undefined }
  const fetch = async (_: string, init: RequestInit): Promise<Response> => {
    state.count++
    state.init = init
    if (state.isDown) throw new TypeError('fetch failed')
    return Response.json({ keys: state.keys })
  }
  return { state, fetch }
}

function codecOf(
  options: RemoteJwksOptions = {},
  url: string | URL = 'https://issuer.example/jwks.json',
): SessionCodec {
  return jwt({ keys: remoteJwks(url, options) })
}

describe('the address', () => {
  test.each([
    'https://issuer.example/jwks.json',
    new URL('https://issuer.example/jwks.json'),
    'http://localhost/jwks',
    'http://issuer.localhost:8000/jwks',
    'http://127.0.0.1:8000/jwks',
    'http://127.9.9.9/jwks',
    'http://[::1]:8000/jwks',
    'http://0x7f000001/jwks',
  ])('%s is taken', (url) => {
    expect(codecOf({}, url).sign).toBeUndefined()
  })

  test.each<[RegExp, string]>([
    [/must begin with https:/, 'http://issuer.example/jwks.json'],
    [/must begin with https:/, 'http://127.0.0.1.issuer.example/'],
    [/must begin with https:/, 'http://localhost.issuer.example/'],
    [/must begin with https:/, 'http://notlocalhost/'],
    [/must begin with https:/, 'http://0.0.0.0/'],
    [/must begin with https:/, 'http://169.254.169.254/latest'],
    [/must begin with https:/, 'file:///etc/jwks.json'],
    [/must begin with https:/, 'data:application/json,{}'],
    [/must not contain a password/, 'https://user:swordfish@issuer.example/'],
    [/is not a URL/, 'issuer.example/jwks.json'],
  ])('%s: %s', (message, url) => {
    expect(() => remoteJwks(url)).toThrow(TypeError)
    expect(() => remoteJwks(url)).toThrow(message)
    expect(() => remoteJwks(url)).not.toThrow(/swordfish/)
  })

  test('options that are wrong', () => {
    const url = 'https://issuer.example/'
    expect(() => remoteJwks(url, { maxSize: 0 })).toThrow(/"maxSize"/)
    expect(() => remoteJwks(url, { timeout: 'soon' as '1s' })).toThrow(/timeout/)
    expect(() => remoteJwks(url, { algorithms: [] })).toThrow(/"algorithms" is empty/)
    expect(() => jwt({ keys: remoteJwks(url), algorithms: ['RS256'] })).toThrow(/remoteJwks\(\)/)
  })
})

describe('what is fetched', () => {
  test('verifies with the address alone, over a real connection', async () => {
    const server = await serveJwks(jwks)
    const sessions = createSessions({ codecs: [codecOf({}, server.url)], readOnly: true, expose: false })
    const loaded = await sessions.load(`${sessions.name}=${await signedBy(one, 'one')}`)
    expect(loaded).toMatchObject({ isNew: false, data: { user: 'dave' } })
    await sessions.load(`${sessions.name}=${await signedBy(one)}`)
    expect(server.count()).toBe(1)
    // They are that server's to hand out.
    expect(await sessions.jwks()).toEqual({ keys: [] })
  })

  test('is asked for with the headers given, and follows no redirect', async () => {
    const { state, fetch } = testIssuer()
    await codecOf({ fetch, headers: { authorization: 'Bearer x' } }).verify(await signedBy(one), session)
    expect(state.init).toMatchObject({
      redirect: 'manual',
      headers: { accept: 'application/jwk-set+json, application/json', authorization: 'Bearer x' },
    })
    expect(state.init?.signal).toBeInstanceOf(AbortSignal)
  })

  const elsewhere = 'a server that must not be asked'
  test.each<[string, Parameters<typeof serveJwks>[0]]>([
    ['a redirect', (_: unknown, response: never) => redirect(response)],
    ['404', (_: unknown, response: never) => reply(response, 404, JSON.stringify(jwks))],
    ['500', (_: unknown, response: never) => reply(response, 500, JSON.stringify(jwks))],
    ['204', (_: unknown, response: never) => reply(response, 204, '')],
    ['nothing', (_: unknown, response: never) => reply(response, 200, '')],
    ['no JSON', (_: unknown, response: never) => reply(response, 200, '<html>')],
    ['no UTF-8', (_: unknown, response: never) => reply(response, 200, Buffer.from([0x7b, 0xff, 0x7d]))],
    ['null', (_: unknown, response: never) => reply(response, 200, 'null')],
    ['no set', { issuer: 'x' }],
    ['keys that are no list', { keys: { length: 1 } }],
    ['an empty set', { keys: [] }],
    ['33 keys', { keys: Array(33).fill(jwks.keys[0]) }],
    ['no end of it', (_: unknown, response: never) => endless(response)],
    ['no answer at all', () => {}],
    ['an answer that stops in the middle', (_: unknown, response: never) => stall(response)],
  ])('%s: ERR_SESSION_KEYS', async (_, answer) => {
    const server = await serveJwks(answer)
    const codec = codecOf({ timeout: 0.3 }, server.url)
    const token = await signedBy(one)
    const error = await rejection('ERR_SESSION_KEYS', async () => codec.verify(token, session))
    expectWithout(error.message, [token, server.url, elsewhere])
    expect(server.count()).toBe(1)
  })

  test('a server that is not there', async () => {
    const server = await serveJwks(jwks)
    await server.close()
    const codec = codecOf({}, server.url)
    await rejection('ERR_SESSION_KEYS', async () => codec.verify(await signedBy(one), session))
  })

  test('a set of exactly maxSize bytes and one byte more, of 64 KiB by default', async () => {
    for (const [size, options] of [
      [2000, { maxSize: 2000 }],
      [65_536, {}],
    ] as const) {
      for (const more of [0, 1]) {
        const text = JSON.stringify(jwks).padEnd(size + more, ' ')
        const codec = codecOf({ fetch: async () => new Response(text), ...options })
        const verified = async () => codec.verify(await signedBy(one), session)
        if (more === 0) expect((await verified()).kid).toBe('one')
        else await rejection('ERR_SESSION_KEYS', verified)
      }
    }
  })

  test('32 keys are taken', async () => {
    const { fetch } = testIssuer([...Array(31).fill({ kty: 'unknown' }), jwks.keys[0]])
    expect((await codecOf({ fetch }).verify(await signedBy(one), session)).kid).toBe('one')
  })
})

describe('keys of a set', () => {
  const rsa = pairFor('RS256', 'remote')
  const secret = Buffer.from(SECRET).toString('base64url')
  test.each<[string, unknown]>([
    ['of an unknown type', { kty: 'LWE' }],
    ['for encryption', jwkOf(two.publicKey, { use: 'enc' })],
    ['that may not verify', jwkOf(two.publicKey, { key_ops: ['encrypt'] })],
    ['of another algorithm', jwkOf(two.publicKey, { alg: 'ECDH-ES' })],
    ['that is private', jwkOf(two.privateKey)],
    ['that is a secret', { kty: 'oct', k: secret, alg: 'HS256' }],
    ['that is none', null],
    ['that is text', 'x'],
    ['with a point beside its curve', { ...jwkOf(two.publicKey), y: jwkOf(two.publicKey).x }],
    ['that is too short', { kty: 'RSA', n: Buffer.alloc(128, 255).toString('base64url'), e: 'AQAB' }],
    ['that costs too much', { kty: 'RSA', n: Buffer.alloc(1025, 255).toString('base64url'), e: 'AQAB' }],
    ['with the exponent 1', { ...jwkOf(rsa.publicKey), e: 'AQ' }],
    ['with an id of 257 characters', jwkOf(two.publicKey, { kid: 'k'.repeat(257) })],
  ])('%s is passed over', async (_, jwk) => {
    const { fetch } = testIssuer([jwk as Jwk, ...jwks.keys])
    const codec = codecOf({ fetch })
    expect((await codec.verify(await signedBy(one), session)).keyIndex).toBe(0)
    const tokens = [
      await signedBy(two),
      await (jwt({ secrets: [SECRET] }) as Required<SessionCodec>).sign({ data: {} }, session),
    ]
    for (const token of tokens) {
      await expect(async () => codec.verify(token, session)).rejects.toMatchObject({
        code: expect.stringMatching(/ERR_SESSION_(SIGNATURE|ALGORITHM)/),
      })
    }
    await rejection('ERR_SESSION_KEYS', async () =>
      codecOf({ fetch: testIssuer([jwk as Jwk]).fetch }).verify(await signedBy(one), session),
    )
  })

  test('RSA without alg is for RS256, or for the first of "algorithms"', async () => {
    const { fetch } = testIssuer([jwkOf(rsa.publicKey)])
    for (const alg of ['RS256', 'PS256'] as const) {
      const token = await (jwt({ keys: jwkOf(rsa.privateKey, { alg }) }) as Required<SessionCodec>).sign(
        { data: {} },
        session,
      )
      expect((await codecOf({ fetch, algorithms: [alg] }).verify(token, session)).keyIndex).toBe(0)
      const others = codecOf({ fetch, ...(alg === 'PS256' ? {} : { algorithms: ['PS256'] }) })
      await rejection('ERR_SESSION_ALGORITHM', async () => others.verify(token, session))
    }
  })
})

describe('time', () => {
  test('a token of a new key is a reason to ask, at most once in 30 seconds', async () => {
    const { state, fetch } = testIssuer()
    const clock = testClock()
    const codec = codecOf({ fetch, clock })
    const rotated = await signedBy(two, 'two')
    expect((await codec.verify(await signedBy(one, 'one'), session)).kid).toBe('one')
    for (let request = 0; request < 5; request++)
      await rejection('ERR_SESSION_SIGNATURE', async () => codec.verify(rotated, session))
    expect(state.count).toBe(1)
    state.keys = [...jwks.keys, jwkOf(two.publicKey, { kid: 'two' })]
    clock.pass(29.9)
    await rejection('ERR_SESSION_SIGNATURE', async () => codec.verify(rotated, session))
    clock.pass(0.1)
    const records = await Promise.all(Array.from({ length: 10 }, () => codec.verify(rotated, session)))
    expect(records.every(({ kid }) => kid === 'two')).toBe(true)
    expect(state.count).toBe(2)
  })

  test('so is one without a kid; not one whose kid is known, nor one without an algorithm of ours', async () => {
    const { state, fetch } = testIssuer()
    const clock = testClock()
    const codec = codecOf({ fetch, clock })
    await codec.verify(await signedBy(one), session)
    clock.pass(60)
    await rejection('ERR_SESSION_SIGNATURE', async () => codec.verify(await signedBy(two, 'one'), session))
    const none = `${Buffer.from('{"alg":"none","kid":"new"}').toString('base64url')}.e30.`
    await rejection('ERR_SESSION_ALGORITHM', async () => codec.verify(none, session))
    expect(state.count).toBe(1)
    await rejection('ERR_SESSION_SIGNATURE', async () => codec.verify(await signedBy(two), session))
    expect(state.count).toBe(2)
  })

  test('keys that are 10 minutes old are fetched beside the requests, which wait for nothing', async () => {
    const { state, fetch } = testIssuer()
    const clock = testClock()
    const codec = codecOf({ fetch, clock })
    const token = await signedBy(one)
    await codec.verify(token, session)
    clock.pass(599)
    await codec.verify(token, session)
    expect(state.count).toBe(1)
    clock.pass(1)
    await Promise.all(Array.from({ length: 10 }, () => codec.verify(token, session)))
    expect(state.count).toBe(2)
  })

  test('keys are used for a day while the set can not be fetched, and then no more', async () => {
    const { state, fetch } = testIssuer()
    const clock = testClock()
    const codec = codecOf({ fetch, clock })
    const token = await signedBy(one)
    await codec.verify(token, session)
    state.isDown = true
    clock.pass(86_400 + 599)
    expect((await codec.verify(token, session)).kid).toBe('one')
    // A token of nobody knows whom is refused meanwhile, as ever.
    await rejection('ERR_SESSION_SIGNATURE', async () => codec.verify(await signedBy(two, 'two'), session))
    clock.pass(1)
    await rejection('ERR_SESSION_KEYS', async () => codec.verify(token, session))
    state.isDown = false
    clock.pass(5)
    expect((await codec.verify(token, session)).kid).toBe('one')
  })

  test('keys that are too old to be used are waited for', async () => {
    const { state, fetch } = testIssuer()
    const clock = testClock()
    const codec = codecOf({ fetch, clock, cacheMaxAge: '10m', staleMaxAge: '1m' })
    const token = await signedBy(one)
    await codec.verify(token, session)
    clock.pass(661)
    expect((await codec.verify(token, session)).kid).toBe('one')
    expect(state.count).toBe(2)
  })

  test('a key that left the set verifies nothing, remembered or not', async () => {
    const { state, fetch } = testIssuer()
    const clock = testClock()
    const codec = codecOf({ fetch, clock })
    const token = await signedBy(one, 'one')
    await codec.verify(token, session)
    state.keys = [jwkOf(two.publicKey, { kid: 'two' })]
    clock.pass(1200)
    await rejection('ERR_SESSION_SIGNATURE', async () => codec.verify(token, session))
  })
})

interface Responder {
  writeHead(status: number, headers?: object): Responder
  write(chunk: unknown): boolean
  end(chunk?: unknown): void
  once(event: string, listener: () => void): void
  destroyed: boolean
}

function reply(response: Responder, status: number, body: unknown): void {
  response.writeHead(status).end(body)
}

function redirect(response: Responder): void {
  response.writeHead(302, { location: '/elsewhere' }).end(JSON.stringify(jwks))
}

function stall(response: Responder): void {
  response.writeHead(200).write('{"keys":[')
}

function endless(response: Responder): void {
  response.writeHead(200)
  const more = (): void => {
    while (!response.destroyed && response.write(' '.repeat(4096)));
    if (!response.destroyed) response.once('drain', more)
  }
  more()
}

test('a set of many costly keys is fetched again for a token that names a new one', async () => {
  const pairs = ['a', 'b', 'c', 'd', 'e'].map((kid) => ({ kid, ...pairFor('ES512', `of many ${kid}`) }))
  const keys = pairs.map(({ kid, publicKey }) => jwkOf(publicKey, { kid }))
  const { state, fetch } = testIssuer(keys.slice(0, 4))
  const clock = testClock()
  const sessions = createSessions({
    codecs: [codecOf({ fetch, clock, cooldown: '30s' })],
    readOnly: true,
    expose: false,
    clock,
  })
  const load = async (pair: typeof one, kid?: string) =>
    await sessions.load(`beaker.session.id=${await signedBy(pair, kid)}`)
  const [first = one] = pairs
  expect((await load(first, 'a')).data).toEqual({ user: 'dave' })
  // No key is tried for one without a name: four are too many.
  expect((await load(first)).rejected?.code).toBe('ERR_SESSION_SIGNATURE')
  state.keys = keys
  clock.pass(31)
  expect((await load(pairs.at(-1) as typeof one, 'e')).data).toEqual({ user: 'dave' })
})
