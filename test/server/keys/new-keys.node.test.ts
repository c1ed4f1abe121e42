/** Keys that were made a moment ago, of which Node 20 must not be asked for the JWK: it may wait for itself for ever. */
import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { afterEach, expect, test, vi } from 'vitest'
import { jwt, type SessionCodec } from '../../../src/server/index.js'
import { publicKeysOf, session } from './keys.helpers.js'

afterEach(() => {
  vi.restoreAllMocks()
})

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' })

async function signedWith(keys: Parameters<typeof jwt>[0]['keys']): Promise<void> {
  const codec = jwt({ keys } as Parameters<typeof jwt>[0]) as Required<SessionCodec>
  const token = await codec.sign({ data: { user: 'dave' } }, session)
  expect(await codec.verify(token, session)).toMatchObject({ data: { user: 'dave' } })
  expect(await publicKeysOf(codec)).toMatchObject([{ kty: 'EC', crv: 'P-256' }])
}

test('a KeyObject is taken as PEM', async () => {
  const formats: unknown[] = []
  const watched = {
    type: privateKey.type as 'private',
    asymmetricKeyType: 'ec',
    export(options: { format: 'pem'; type: 'pkcs8' }) {
      formats.push(options.format)
      return createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }).export(options)
    },
  }
  await signedWith(watched)
  expect(formats).toEqual(['pem'])
})

test('a CryptoKey is read again before its JWK is asked for', async () => {
  const key = await crypto.subtle.importKey('pkcs8', pkcs8, { name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign'])
  const exports = [privateKey, publicKey].map((of) => vi.spyOn(Object.getPrototypeOf(of), 'export'))
  await signedWith(key)
  const [ofPrivate = [], ofPublic = []] = exports.map(({ mock }) => mock.calls.map(([options]) => options))
  expect(ofPrivate).toEqual([{ format: 'pem', type: 'pkcs8' }])
  expect(ofPublic).toEqual([{ format: 'jwk' }])
})
