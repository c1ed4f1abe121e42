/** Key pairs in every form, each made once; and a server whose JWK set a test decides. */

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as jose from 'jose'
import { onTestFinished } from 'vitest'
import type { Jwk, SessionCodec } from '../../../src/server/index.js'
import type { SignatureAlgorithm } from '../../../src/server/keys/prepared-key.js'
import { START } from '../server.helpers.js'

export const session = { cookieName: 'sid', purpose: 'session', now: new Date(START) } as const
export const half = { ...session, purpose: 'public' } as const

export const algorithms: SignatureAlgorithm[] = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
]

export interface Pair {
  privateKey: KeyObject
  publicKey: KeyObject
}

const made = new Map<string, Pair>()

/** A pair for an algorithm; the same one for the same `name`. */
export function pairFor(algorithm: string, name = 'first'): Pair {
  const type = /^[RP]S/.test(algorithm) ? 'RSA' : algorithm
  const known = made.get(`${type} ${name}`) ?? generate(type)
  made.set(`${type} ${name}`, known)
  return known
}

export function generate(type: string, bits = 2048): Pair {
  const curves: Record<string, string> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }
  if (type === 'RSA') return readAgain(generateKeyPairSync('rsa', { modulusLength: bits }))
  if (type === 'EdDSA') return readAgain(generateKeyPairSync('ed25519'))
  return readAgain(generateKeyPairSync('ec', { namedCurve: curves[type] ?? type }))
}

/** Node 20 may wait for itself for ever where the JWK of a key is asked for that was made a moment ago. */
function readAgain({ privateKey, publicKey }: Pair): Pair {
  return { privateKey: createPrivateKey(pemOf(privateKey)), publicKey: createPublicKey(pemOf(publicKey)) }
}

export function jwkOf(key: KeyObject, more: Jwk = {}): Jwk {
  return { ...(key.export({ format: 'jwk' }) as Jwk), ...more }
}

export function pemOf(key: KeyObject): string {
  return key.export({ format: 'pem', type: key.type === 'private' ? 'pkcs8' : 'spki' }) as string
}

/** For jose: it takes a KeyObject, too, but not on every runtime. */
export async function joseKey(key: KeyObject, alg: string): Promise<CryptoKey | Uint8Array> {
  return jose.importJWK(jwkOf(key), alg)
}

export async function publicKeysOf({ keys }: SessionCodec): Promise<readonly Jwk[]> {
  return (await keys?.publicKeys()) ?? []
}

export interface JwksServer {
  url: string
  /** How many requests there were. */
  count(): number
  close(): Promise<void>
}

/** A server on a loopback port that ends with the test. */
export async function serveJwks(answer: unknown | RequestListener): Promise<JwksServer> {
  let count = 0
  const server = createServer((request, response) => {
    count++
    if (typeof answer === 'function') return (answer as RequestListener)(request, response)
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answer))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  onTestFinished(close)
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`, count: () => count, close }
}
