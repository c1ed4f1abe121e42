/** Plain claims, with every HMAC algorithm. */
import { type HmacAlgorithm, jwt } from '../../src/server/index.js'
import { openToken, signedToken } from '../server/codecs/token.helpers.js'
import { codecContract } from './codec-contract.js'
import { jsonMembers } from './json-members.js'

const made = (secret: string): Record<string, string> => ({
  'numbers as Python writes them': signedToken(
    '{"one":1.0,"small":1e-05,"upper":1E5,"zero":-0.0,"large":18446744073709551617,"nan":NaN,"all":[-Infinity,{"deep":2.0}]}',
    undefined,
    secret,
  ),
  'text as Python escapes it': signedToken('{"\\u00e9":"\\ud83d\\udd11\\u007f\\u2028/"}', undefined, secret),
  'keys in no order': signedToken('{"b":1,"2":2,"a":{"z":1.0,"1":2},"1":3}', undefined, secret),
  'claims about the token, with fractions': signedToken(
    '{"nbf":1699999000.5,"user":"dave","iat":1699999000.0,"exp":1700009000.25,"jti":"x","aud":["a"],"sub":"y"}',
    undefined,
    secret,
  ),
})
const members = (value: string): Record<string, string> => jsonMembers(openToken(value).payload)

codecContract({
  name: 'jwt',
  create: ({ secrets }) => jwt({ secrets }),
  keeps: ['id', 'createdAt', 'expiresAt'],
  made,
  members,
})

codecContract({
  name: 'jwt without claims of its own',
  create: ({ secrets }) => jwt({ secrets, identify: false }),
  keeps: ['expiresAt'],
  made,
  members,
})

const others: HmacAlgorithm[] = ['HS384', 'HS512']
for (const algorithm of others) {
  codecContract({
    name: `jwt with ${algorithm}`,
    // As long as the hash of HS512 (RFC 7518 §3.2).
    create: ({ secrets }) =>
      jwt({ secrets: secrets.map((secret) => secret.repeat(2)), algorithms: [algorithm, 'HS256'] }),
    keyOf: (secret) => new TextEncoder().encode(secret.repeat(2)),
    keeps: ['id', 'createdAt', 'expiresAt'],
    members,
  })
}
