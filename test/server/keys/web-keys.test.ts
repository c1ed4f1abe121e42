/** Keys with nothing but WebCrypto at hand, as on Workers: made, handed out as a set, and verified with that set alone. */
import { describe, expect, test } from 'vitest'
import {
  createKeys,
  createSessions,
  jwt,
  type KeyInput,
  remoteJwks,
  type SessionCodec,
} from '../../../src/server/index.js'
import { rejection, START } from '../server.helpers.js'

const session = { cookieName: 'sid', purpose: 'session', now: new Date(START) } as const
const rsa = { modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) }
const parameters: Record<string, RsaHashedKeyGenParams | EcKeyGenParams | Algorithm> = {
  RS256: { ...rsa, name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' } as RsaHashedKeyGenParams,
  PS384: { ...rsa, name: 'RSA-PSS', hash: 'SHA-384' } as RsaHashedKeyGenParams,
  ES256: { name: 'ECDSA', namedCurve: 'P-256' },
  ES384: { name: 'ECDSA', namedCurve: 'P-384' },
  ES512: { name: 'ECDSA', namedCurve: 'P-521' },
  EdDSA: { name: 'Ed25519' },
}

async function generate(alg: string, extractable: boolean): Promise<CryptoKeyPair> {
  const algorithm = parameters[alg] as EcKeyGenParams
  const made = (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair
  // Node 20 may wait for itself for ever where the JWK of a key is asked for that was made a moment ago.
  const [pkcs8, spki] = [await derOf(made.privateKey), await derOf(made.publicKey)]
  return {
    privateKey: await crypto.subtle.importKey('pkcs8', pkcs8, algorithm, extractable, ['sign']),
    publicKey: await crypto.subtle.importKey('spki', spki, algorithm, true, ['verify']),
  }
}

async function derOf(key: CryptoKey): Promise<ArrayBuffer> {
  return (await crypto.subtle.exportKey(key.type === 'private' ? 'pkcs8' : 'spki', key)) as ArrayBuffer
}

async function pemOf(key: CryptoKey): Promise<string> {
  const label = key.type === 'private' ? 'PRIVATE KEY' : 'PUBLIC KEY'
  const der = new Uint8Array(await derOf(key))
  const text = btoa(String.fromCharCode(...der)).replace(/.{64}(?=.)/g, '$&\n')
  return `-----BEGIN ${label}-----\n${text}\n-----END ${label}-----\n`
}

describe.each(Object.keys(parameters))('%s', (alg) => {
  test('in every form, by the set alone, and not by another', async () => {
    const pair = await generate(alg, true)
    const forms: KeyInput[] = [
      pair,
      pair.privateKey,
      { pem: await pemOf(pair.privateKey), alg: alg as 'RS256' },
      { key: (await crypto.subtle.exportKey('jwk', pair.privateKey)) as JsonWebKey, alg: alg as 'RS256' } as KeyInput,
      await generate(alg, false),
    ]
    for (const keys of forms) {
      const codec = jwt({ keys }) as Required<SessionCodec>
      const token = await codec.sign({ data: { user: 'dave' } }, session)
      const jwks = await createSessions({ codecs: [codec], expose: false }).jwks()
      expect(jwks.keys).toHaveLength(1)
      const reading = jwt({ keys: remoteJwks('https://issuer.example/', { fetch: async () => Response.json(jwks) }) })
      expect(await reading.verify(token, session)).toMatchObject({ data: { user: 'dave' }, kid: jwks.keys[0]?.kid })
      const half = await codec.sign({ data: { user: 'dave' } }, { ...session, purpose: 'public' })
      await rejection('ERR_SESSION_SIGNATURE', async () => reading.verify(half, session))
      const strange = jwt({ keys: await generate(alg, false) })
      await rejection('ERR_SESSION_SIGNATURE', async () => strange.verify(token, session))
    }
    const byPem = jwt({ keys: { pem: await pemOf(pair.publicKey), alg: alg as 'RS256' } })
    const token = await (jwt({ keys: pair }) as Required<SessionCodec>).sign({ data: { a: 1 } }, session)
    expect((await byPem.verify(token, session)).data).toEqual({ a: 1 })
  })
})

test('keys that are loaded while it works', async () => {
  const pairs = [await generate('ES256', false), await generate('ES256', false)]
  let at = 0
  const keys = createKeys(async () => pairs[at] as CryptoKeyPair)
  const codec = jwt({ keys }) as Required<SessionCodec>
  const token = await codec.sign({ data: { a: 1 } }, session)
  expect((await codec.verify(token, session)).data).toEqual({ a: 1 })
  at = 1
  await keys.reload()
  await rejection('ERR_SESSION_SIGNATURE', async () => codec.verify(token, session))
})
