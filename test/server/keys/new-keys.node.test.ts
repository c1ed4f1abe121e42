/** Keys that were made a moment ago, of which Node 20 must not be asked for the JWK: it may wait for itself for ever. */
import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { afterEach, expect, test, vi } from 'vitest'
import { jwt, type SessionCodec } from '../../../src/server/index.js'
import { publicKeysOf, session } from './keys.helpers.js'

afterEach(() => {
  vi.restoreAllMocks()
})

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
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
    export(options: { format: 'pem'; type: 'pkcs8' }) {
      formats.push(options.format)
      return createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }).export(options)
    },
  }
  await signedWith(watched)
  expect(formats).toEqual(['pem'])
})

test.each([true, false])('a CryptoKey is read again before its JWK is asked for (private: %s)', async (isPrivate) => {
  const made = (await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
    'verify',
  ])) as CryptoKeyPair
  const exportKey = vi.spyOn(crypto.subtle, 'exportKey')
  const sealed = await crypto.subtle.importKey(
    'pkcs8',
    await crypto.subtle.exportKey('pkcs8', made.privateKey),
    made.privateKey.algorithm as EcKeyImportParams,
    false,
    ['sign'],
  )
  exportKey.mockClear()
  await signedWith(isPrivate ? made.privateKey : { privateKey: sealed, publicKey: made.publicKey })
  const given = exportKey.mock.calls.filter(([, key]) => key === made.privateKey || key === made.publicKey)
  expect(given.map(([format]) => format)).toEqual([isPrivate ? 'pkcs8' : 'spki'])
  expect(exportKey.mock.calls.map(([format]) => format)).toContain('jwk')
})
