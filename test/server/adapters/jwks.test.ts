/** The handler of the public keys, by fetch, Express and node:http (RFC 7517 §5, RFC 9110 §13.1.2). */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import * as jose from 'jose'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  createKeys,
  createSessions,
  expressJwks,
  fetchJwks,
  jwt,
  type KeyInput,
  remoteJwks,
  type SessionCodec,
} from '../../../src/server/index.js'
import { algorithms, jwkOf, pairFor, session } from '../keys/keys.helpers.js'
import { expectWithout, SECRET, START } from '../server.helpers.js'

const source = { keys: [] as readonly KeyInput[], fails: false }
const keys = createKeys(async () => {
  if (source.fails) throw new Error('down')
  return source.keys
})
source.keys = [...algorithms.map((alg) => jwkOf(pairFor(alg).privateKey, { alg })), SECRET]
const sessions = createSessions({ codecs: [jwt({ keys }), jwt({ secrets: [SECRET] })], expose: true })
const handle = fetchJwks(sessions)
const url = 'https://issuer.example/.well-known/jwks.json'

describe('sessions.jwks()', () => {
  test('has each pair once and no private member', async () => {
    const both = createSessions({ codecs: [jwt({ keys }), jwt({ keys })], expose: true, readOnly: true })
    const set = await both.jwks()
    expect(set.keys).toHaveLength(algorithms.length)
    expect(await sessions.jwks()).toEqual(set)
    const text = JSON.stringify(set)
    for (const alg of algorithms) {
      const { d, p, q, dp, dq, qi } = jwkOf(pairFor(alg).privateKey)
      for (const number of [d, p, q, dp, dq, qi]) if (number !== undefined) expect(text).not.toContain(number)
    }
    expectWithout(set, ['swordfish', Buffer.from(SECRET).toString('base64url')])
    expect(new Set(set.keys.flatMap((jwk) => Object.keys(jwk)))).toEqual(
      new Set(['kty', 'crv', 'x', 'y', 'n', 'e', 'alg', 'kid', 'use']),
    )
  })

  test('is empty without pairs', async () => {
    expect(await createSessions({ secrets: [SECRET], expose: true }).jwks()).toEqual({ keys: [] })
  })

  test('is what jose verifies with', async () => {
    const set = jose.createLocalJWKSet(await sessions.jwks())
    for (const alg of algorithms) {
      const codec = jwt({ keys: jwkOf(pairFor(alg).privateKey, { alg }) }) as Required<SessionCodec>
      const token = await codec.sign({ data: { user: 'dave' } }, session)
      const { payload } = await jose.jwtVerify(token, set, { currentDate: new Date(START) })
      expect(payload).toEqual({ user: 'dave' })
    }
  })
})

describe('fetch', () => {
  test('GET, HEAD, and an entity tag that is known', async () => {
    const response = await handle(new Request(url))
    expect(response.status).toBe(200)
    expect(Object.fromEntries(response.headers)).toEqual({
      'cache-control': 'public, max-age=300',
      'content-type': 'application/jwk-set+json',
      etag: expect.stringMatching(/^"[\w-]{43}"$/),
    })
    expect(await response.json()).toEqual(await sessions.jwks())
    const etag = response.headers.get('etag') as string
    const head = await handle(new Request(url, { method: 'HEAD' }))
    expect([head.status, head.headers.get('etag'), await head.text()]).toEqual([200, etag, ''])
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const again = await handle(new Request(url, { headers: { 'if-none-match': known } }))
      expect([again.status, await again.text()], known).toEqual([304, ''])
      expect(again.headers.get('cache-control')).toBe('public, max-age=300')
    }
    const other = await handle(new Request(url, { headers: { 'if-none-match': '"other"' } }))
    expect(other.status).toBe(200)
  })

  test('another set has another tag', async () => {
    const etag = async (): Promise<string | null> => (await handle(new Request(url))).headers.get('etag')
    const before = await etag()
    const all = source.keys
    source.keys = all.slice(1)
    await keys.reload()
    expect(await etag()).not.toBe(before)
    source.keys = all
    await keys.reload()
    expect(await etag()).toBe(before)
  })

  test('other methods are refused', async () => {
    const response = await handle(new Request(url, { method: 'POST', body: '{}' }))
    expect([response.status, response.headers.get('allow'), await response.text()]).toEqual([405, 'GET, HEAD', ''])
    expect(response.headers.get('cache-control')).toBeNull()
  })

  test('maxAge, and one that is none', async () => {
    const response = await fetchJwks(sessions, { maxAge: '1h' })(new Request(url))
    expect(response.headers.get('cache-control')).toBe('public, max-age=3600')
    expect(() => fetchJwks(sessions, { maxAge: 'soon' as '1s' })).toThrow(/maxAge/)
    expect(() => expressJwks(sessions, { maxAge: -1 })).toThrow(/maxAge/)
  })

  test('503 where keys can not be loaded; other failures are the caller’s', async () => {
    const down = createSessions({ codecs: [jwt({ keys: () => Promise.reject(new Error('swordfish')) })], expose: true })
    const response = await fetchJwks(down)(new Request(url))
    expect([response.status, await response.text()]).toEqual([503, 'The keys are not available'])
    expect(response.headers.get('cache-control')).toBeNull()
    const broken = { jwks: () => Promise.reject(new Error('a bug')) }
    await expect(fetchJwks(broken)(new Request(url))).rejects.toThrow('a bug')
  })
})

describe('node', () => {
  async function listen(listener: Parameters<typeof createServer>[1]): Promise<string> {
    const server = createServer(listener)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`
  }

  test('Express answers as fetch does, and another server verifies with that address alone', async () => {
    const app = express().disable('x-powered-by').disable('etag')
    app.use('/jwks', expressJwks(sessions))
    const address = await listen(app)
    const response = await fetch(address)
    expect(await response.json()).toEqual(await sessions.jwks())
    expect(response.headers.get('cache-control')).toBe('public, max-age=300')
    const etag = response.headers.get('etag') as string
    expect((await fetch(address, { headers: { 'if-none-match': etag } })).status).toBe(304)
    const post = await fetch(address, { method: 'POST' })
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD'])

    const issued = await sessions.load(null)
    Object.assign(issued.data, { user: 'dave' })
    const [cookie = ''] = await sessions.commit(issued)
    const reader = createSessions({ codecs: [jwt({ keys: remoteJwks(address) })], readOnly: true, expose: true })
    expect(await reader.load(cookie.split(';')[0])).toMatchObject({ isNew: false, data: { user: 'dave' } })
  })

  test('an outage goes to next with its status, or is answered', async () => {
    const down = createSessions({ codecs: [jwt({ keys: () => Promise.reject(new Error('down')) })], expose: true })
    const handler = expressJwks(down)
    const app = express()
    app.use(handler)
    app.use(((error: { status: number; code: string }, _request, response, _next) => {
      response.status(error.status).json(error.code)
    }) as express.ErrorRequestHandler)
    const answer = await fetch(await listen(app))
    expect([answer.status, await answer.json()]).toEqual([503, 'ERR_SESSION_KEYS'])
    expect((await fetch(await listen((request, response) => handler(request, response)))).status).toBe(503)
    const broken = expressJwks({ jwks: () => Promise.reject(new Error('a bug')) })
    expect((await fetch(await listen((request, response) => broken(request, response)))).status).toBe(500)
  })
})
