/** Plain claims and tokens of Django with a key pair of each type. */
import { djangoJwt, jwt } from '../../src/server/index.js'
import type { SignatureAlgorithm } from '../../src/server/keys/keys.js'
import { openToken } from '../server/codecs/token.helpers.js'
import { jwkOf, pairFor } from '../server/keys/keys.helpers.js'
import { codecContract } from './codec-contract.js'
import { jsonMembers } from './json-members.js'

const algorithms: SignatureAlgorithm[] = ['RS256', 'PS256', 'ES256', 'EdDSA']
for (const alg of algorithms) {
  codecContract({
    name: `jwt with ${alg}`,
    create: ({ secrets }) => jwt({ keys: secrets.map((secret) => jwkOf(pairFor(alg, secret).privateKey, { alg })) }),
    keeps: ['id', 'createdAt', 'expiresAt'],
    members: (value) => jsonMembers(openToken(value).payload),
  })
}

codecContract({
  name: 'djangoJwt with RS256',
  create: ({ secrets }) => djangoJwt({ keys: secrets.map((secret) => jwkOf(pairFor('RS256', secret).privateKey)) }),
  keeps: ['id', 'expiresAt'],
  members: (value) => {
    const { iat: _, exp: _exp, ...others } = jsonMembers(openToken(value).payload)
    return others
  },
})
