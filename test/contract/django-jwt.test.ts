/** Tokens of django-session-jwt; `iat` and `exp` move with each writing and are no members. */
import { djangoJwt } from '../../src/server/index.js'
import { openToken, signedToken } from '../server/codecs/token.helpers.js'
import { codecContract } from './codec-contract.js'
import { jsonMembers } from './json-members.js'

const members = (value: string): Record<string, string> => {
  const { iat: _, exp: _exp, ...others } = jsonMembers(openToken(value).payload)
  return others
}

codecContract({
  name: 'djangoJwt',
  create: ({ secrets }) => djangoJwt({ keys: secrets }),
  keeps: ['id', 'expiresAt'],
  made: (secret) => ({
    'numbers as Python writes them': signedToken(
      '{"sk":"x","iat":1699999000,"one":1.0,"small":1e-05,"large":18446744073709551617,"nan":NaN,"all":[-Infinity]}',
      undefined,
      secret,
    ),
    'claims about the token': signedToken(
      '{"nbf":1699999000.5,"sk":"x","user":"dave","jti":"x","aud":["a"],"sub":"y"}',
      undefined,
      secret,
    ),
  }),
  members,
})

codecContract({
  name: 'djangoJwt with another session field and an end',
  create: ({ secrets }) => djangoJwt({ secrets, sessionField: 'session', expires: '1h', kid: true }),
  keeps: ['id'],
  members,
})
