/** Plain claims and tokens of Django with key pairs: the whole contract for one algorithm, and what depends on it for each other. */
import { expect, test } from 'vitest'
import { djangoJwt, jwt, type SessionCodec } from '../../src/server/index.js'
import { openToken } from '../server/codecs/token.helpers.js'
import { algorithms, jwkOf, pairFor, session } from '../server/keys/keys.helpers.js'
import { rejection } from '../server/server.helpers.js'
import { codecContract } from './codec-contract.js'
import { jsonMembers } from './json-members.js'

codecContract({
  name: 'jwt with ES256',
  create: ({ secrets }) => jwt({ keys: secrets.map((secret) => jwkOf(pairFor('ES256', secret).privateKey)) }),
  keyOf: (secret) => jwkOf(pairFor('ES256', secret).publicKey),
  keeps: ['id', 'createdAt', 'expiresAt'],
  members: (value) => jsonMembers(openToken(value).payload),
})

const codecs: Record<string, () => SessionCodec> = {
  'djangoJwt with RS256': () => djangoJwt({ keys: jwkOf(pairFor('RS256').privateKey) }),
}
for (const alg of algorithms) codecs[`jwt with ${alg}`] = () => jwt({ keys: jwkOf(pairFor(alg).privateKey, { alg }) })

test.each(Object.keys(codecs))('%s: signs, verifies, and refuses what was changed', async (name) => {
  const codec = (codecs[name] as () => SessionCodec)() as Required<SessionCodec>
  const value = await codec.sign({ data: { user: 'dave' }, id: 'f'.repeat(32) }, session)
  expect(await codec.verify(value, session)).toMatchObject({ data: { user: 'dave' }, keyIndex: 0 })
  const [header, payload = '', signature = ''] = value.split('.')
  const other = Buffer.from(payload, 'base64url')
  other[other.length - 3] = (other[other.length - 3] as number) ^ 1
  await rejection('ERR_SESSION_SIGNATURE', () =>
    codec.verify(`${header}.${other.toString('base64url')}.${signature}`, session),
  )
  const bytes = Buffer.from(signature, 'base64url')
  for (const at of [0, bytes.length >> 1, bytes.length - 1]) {
    const changed = Buffer.from(bytes)
    changed[at] = (changed[at] as number) ^ 1
    await rejection('ERR_SESSION_SIGNATURE', () =>
      codec.verify(`${header}.${payload}.${changed.toString('base64url')}`, session),
    )
  }
})
