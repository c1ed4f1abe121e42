/** Key pairs between Node and the real PyJWT, both ways (FORMATS §6): one suite for each side of `#platform`. */
import { expect, test } from 'vitest'
import { platform } from '#platform'
import { createSessions, jwt, type SessionCodec } from '../../src/server/index.js'
import { algorithms, jwkOf, pairFor, pemOf } from '../server/keys/keys.helpers.js'
import { describeWithPython } from './peer.js'
import { randomData, seed } from './random-data.js'
import { differences, normalized, type Tagged, taggedOf } from './tagged.js'

/** Seconds since 1970; PyJWT's clock stands there, and ours. */
const now = 1_700_000_000
const context = { cookieName: 'jwtsession', purpose: 'session', now: new Date(now * 1000) } as const
const registered = ['exp', 'nbf', 'iat', 'jti', 'sub', 'iss', 'aud', 'bsZ']

export function pyJwtKeysSuite(count: number): void {
  describeWithPython(`key pairs of PyJWT and ${platform.name}, SEED=${seed}`, (peer) => {
    test.each(algorithms)('Node verifies what Python signed with %s, and holds a public key', async (algorithm) => {
      const { privateKey, publicKey } = pairFor(algorithm)
      const codec = jwt({ keys: { key: publicKey, alg: algorithm }, identify: false })
      for (const [index, data] of randomData('json', count, seed).map(withoutRegistered).entries()) {
        const payload = taggedOf(data, 'json')
        const token = await peer.call<string>('jwt_encode', { payload, key: pemOf(privateKey), algorithm })
        const record = await codec.verify(token, context)
        expect(differences(payload, record.data), `token ${index}`).toEqual([])
        expect(codec.changed?.(record), `token ${index}`).toBe(false)
      }
    })

    test.each(algorithms)(
      'Python verifies what Node signed with %s, by PEM and by the public set',
      async (algorithm) => {
        const { privateKey, publicKey } = pairFor(algorithm)
        const codec = jwt({ keys: jwkOf(privateKey, { alg: algorithm }), identify: false }) as Required<SessionCodec>
        const jwks = await createSessions({ codecs: [codec], expose: true }).jwks()
        for (const data of randomData('json', count, seed).map(withoutRegistered)) {
          const token = await codec.sign({ data }, context)
          const byPem = { token, key: pemOf(publicKey), algorithms: [algorithm], now }
          const expected = normalized(taggedOf(data, 'json'))
          expect(normalized(await peer.call<Tagged>('jwt_decode', byPem))).toEqual(expected)
          expect(normalized(await peer.call<Tagged>('jwt_decode_by_set', { token, jwks, now }))).toEqual(expected)
          const publicValue = await codec.sign({ data }, { ...context, purpose: 'public' })
          await expect(peer.call('jwt_decode', { ...byPem, token: publicValue })).rejects.toMatchObject({
            name: 'InvalidSignatureError',
          })
        }
      },
    )

    test.each(['RS256', 'EdDSA'] as const)('%s is deterministic: both write the same token', async (algorithm) => {
      const { privateKey } = pairFor(algorithm)
      const codec = jwt({ keys: privateKey, kid: false, identify: false }) as Required<SessionCodec>
      for (const data of randomData('json', count, seed).map(withoutRegistered)) {
        const request = { payload: taggedOf(data, 'json'), key: pemOf(privateKey), algorithm }
        expect(await codec.sign({ data }, context)).toBe(await peer.call<string>('jwt_encode', request))
      }
    })

    test('the header is PyJWT’s, with and without a kid', async () => {
      const { privateKey } = pairFor('RS256')
      for (const kid of ['e"\\/', undefined]) {
        const keys = { key: privateKey, ...(kid !== undefined && { kid }) }
        const codec = jwt({ keys, kid: kid !== undefined, identify: false }) as Required<SessionCodec>
        const request = { payload: { $dict: [] }, key: pemOf(privateKey), algorithm: 'RS256' }
        const headers = kid === undefined ? {} : { headers: { kid } }
        const token = await peer.call<string>('jwt_encode', { ...request, ...headers })
        expect(await codec.sign({ data: {} }, context)).toBe(token)
      }
    })

    test('a kid beyond ASCII is written as UTF-8 (RFC 7515 §3), and PyJWT reads it', async () => {
      const { privateKey, publicKey } = pairFor('RS256')
      const codec = jwt({ keys: { key: privateKey, kid: 'é' }, identify: false }) as Required<SessionCodec>
      const token = await codec.sign({ data: { a: 1 } }, context)
      const request = { token, key: pemOf(publicKey), algorithms: ['RS256'], now }
      expect(normalized(await peer.call<Tagged>('jwt_decode', request))).toEqual(normalized(taggedOf({ a: 1 }, 'json')))
    })
  })
}

function withoutRegistered(data: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(data).filter(([name]) => !registered.includes(name)))
}
