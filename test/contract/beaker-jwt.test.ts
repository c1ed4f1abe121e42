/** Both payload forms of beaker-session-jwt. */

import { inflateSync } from 'node:zlib'
import { serialize } from 'bson'
import { beakerJwt } from '../../src/server/index.js'
import { decodeBase85 } from '../../src/shared/base85.js'
import { bsZ, openToken, signedToken } from '../server/codecs/token.helpers.js'
import { codecContract } from './codec-contract.js'
import { bsonDocuments, bsonMembers, bsonSamples, bsonTimes } from './codec-samples.js'
import { jsonMembers } from './json-members.js'

codecContract({
  name: 'beakerJwt, compressed',
  create: ({ secrets }) => beakerJwt({ secrets }),
  limited: beakerJwt,
  samples: bsonSamples,
  made: (secret) => {
    const token = (document: object, beside = {}): string =>
      signedToken(bsZ(serialize(document, { ignoreUndefined: true }), beside), undefined, secret)
    return {
      'numbers with their types': token({ ...bsonDocuments['numbers with their types'], ...bsonTimes }),
      'types of BSON': token({ ...bsonDocuments['types of BSON'], ...bsonTimes }),
      'whole seconds as integers': token({
        _id: 'x',
        a: 1,
        _creation_time: 1_699_999_940,
        _accessed_time: 1_699_999_995,
      }),
    }
  },
  members(value) {
    const { bsZ: text } = JSON.parse(openToken(value).payload) as { bsZ: string }
    return bsonMembers(inflateSync(decodeBase85(text)))
  },
})

codecContract({
  name: 'beakerJwt, plain claims',
  create: ({ secrets }) => beakerJwt({ secrets, compress: false }),
  made: (secret) => ({
    'numbers as Python writes them': signedToken(
      '{"_id":"x","one":1.0,"small":1e-05,"upper":1E5,"zero":-0.0,"large":18446744073709551617,"nan":NaN,"all":[-Infinity,{"deep":2.0}],"_creation_time":1699999940.2504,"_accessed_time":1699999995}',
      undefined,
      secret,
    ),
    'keys in no order': signedToken('{"b":1,"2":2,"a":{"z":1.0,"1":2},"1":3,"_id":"x"}', undefined, secret),
  }),
  members: (value) => jsonMembers(openToken(value).payload),
})
