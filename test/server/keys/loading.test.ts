/** jose is loaded with the first key pair that is used, or the first token that is encrypted, and not before. */
import { beforeEach, expect, test, vi } from 'vitest'
import { SECRET } from '../server.helpers.js'
import { pairFor, pemOf, session } from './keys.helpers.js'

const parts = [
  'key/import',
  'key/export',
  'jwk/thumbprint',
  'jws/compact/verify',
  'jws/compact/sign',
  'jwe/compact/encrypt',
  'jwe/compact/decrypt',
]
let loaded: string[] = []

/** A module registry in which nothing is loaded yet. */
async function freshServer() {
  const server = await import('../../../src/server/index.js')
  expect(loaded).toEqual([])
  return server
}

beforeEach(() => {
  vi.resetModules()
  loaded = []
  for (const part of parts) {
    vi.doMock(`jose/${part}`, async (load) => {
      loaded.push(part)
      return await load()
    })
  }
})

test('secrets need none of it', async () => {
  const { jwt, createKeys } = await freshServer()
  for (const codec of [jwt({ secrets: SECRET }), jwt({ keys: createKeys([SECRET]) })]) {
    await codec.keys?.ready()
    await codec.verify((await codec.sign?.({ data: {} }, session)) ?? '', session)
  }
  expect(loaded).toEqual([])
})

test('a public key loads what imports and verifies, when it is first asked for', async () => {
  const { createKeys } = await freshServer()
  const keys = createKeys(pemOf(pairFor('ES256').publicKey))
  expect(loaded).toEqual([])
  await keys.ready()
  expect(loaded.sort()).toEqual(['jwk/thumbprint', 'jws/compact/verify', 'key/import'])
})

test('a private key loads what signs', async () => {
  const { createKeys } = await freshServer()
  await createKeys(pemOf(pairFor('ES256').privateKey)).ready()
  expect(loaded).toContain('jws/compact/sign')
})

test('an encrypted session loads what it needs: a service that only reads does not encrypt', async () => {
  const { jwe } = await freshServer()
  const codec = jwe({ secrets: SECRET })
  expect(loaded).toEqual([])
  await expect(codec.verify('e30....', session)).rejects.toThrow('alg')
  expect(loaded).toEqual([])
  await codec.prepareSign?.()
  expect(loaded).toEqual(['jwe/compact/encrypt'])
  const value = (await codec.sign?.({ data: {} }, session)) ?? ''
  expect(loaded).toEqual(['jwe/compact/encrypt'])
  await codec.verify(value, session)
  expect(loaded).toEqual(['jwe/compact/encrypt', 'jwe/compact/decrypt'])
})
