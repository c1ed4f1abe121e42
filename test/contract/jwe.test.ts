/** Encrypted sessions: the contract, with both payloads and both content encryptions. */
import { Double, Long, serialize } from 'bson'
import { type ContentEncryption, jwe } from '../../src/server/index.js'
import { jweValue, openJwe } from '../server/codecs/jwe.helpers.js'
import { secret } from './codec-checks.js'
import { codecContract } from './codec-contract.js'
import { bsonDocuments, bsonMembers, bsonSamples, bsonTimes } from './codec-samples.js'
import { jsonMembers } from './json-members.js'

const encs: ContentEncryption[] = ['A256GCM', 'A256CBC-HS512']

for (const enc of encs) {
  codecContract({
    name: `jwe, BSON by ${enc}`,
    create: ({ secrets }) => jwe({ secrets, enc }),
    keeps: ['id', 'createdAt', 'accessedAt', 'expiresAt'],
    bindsName: true,
    samples: bsonSamples,
    made: (secret) => {
      const token = (document: object): string => jweValue(serialize(document), { secret, enc })
      return {
        'numbers with their types': token({ ...bsonDocuments['numbers with their types'], ...bsonTimes }),
        'types of BSON': token({ ...bsonDocuments['types of BSON'], ...bsonTimes }),
        'an end and a number of writes': token({
          _id: 'x',
          ...bsonTimes,
          exp: Long.fromNumber(1_700_009_000),
          _writes: new Double(3),
        }),
      }
    },
    members: (value) => bsonMembers(openJwe(value, { secret, enc }).plaintext),
  })

  codecContract({
    name: `jwe, claims by ${enc}`,
    create: ({ secrets }) => jwe({ secrets, enc, payload: 'claims' }),
    keeps: ['id', 'createdAt', 'accessedAt', 'expiresAt'],
    bindsName: true,
    made: (secret) => {
      const token = (claims: string): string => jweValue(claims, { secret, enc })
      return {
        'numbers as Python writes them': token(
          '{"_id":"x","one":1.0,"small":1e-05,"upper":1E5,"zero":-0.0,"large":18446744073709551617,"nan":NaN,"all":[-Infinity,{"deep":2.0}],"_creation_time":1699999940.2504,"_accessed_time":1699999995}',
        ),
        'keys in no order': token('{"b":1,"2":2,"a":{"z":1.0,"1":2},"1":3,"_id":"x","exp":1700009000.0}'),
      }
    },
    members: (value) => jsonMembers(openJwe(value, { secret, enc }).plaintext.toString()),
  })
}
