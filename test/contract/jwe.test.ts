/** Encrypted sessions: the contract, with both payloads and both content encryptions. */
import * as bson from 'bson'
import { Binary, Decimal128, Double, Long, MinKey, ObjectId, serialize, Timestamp } from 'bson'
import { bsonTypesOf } from '../../src/server/bson-types.js'
import { type ContentEncryption, jwe } from '../../src/server/index.js'
import { type BsonSlice, bsonOrigin } from '../../src/shared/bson/origin.js'
import type { OriginNode } from '../../src/shared/types.js'
import { jweValue, openJwe } from '../server/codecs/jwe.helpers.js'
import { secret } from './codec-checks.js'
import { codecContract } from './codec-contract.js'
import { jsonMembers } from './json-members.js'

const bsonPackageTypes = bsonTypesOf(bson)
const encs: ContentEncryption[] = ['A256GCM', 'A256CBC-HS512']
const times = { _creation_time: new Double(1_699_999_940.25), _accessed_time: new Double(1_699_999_995) }

for (const enc of encs) {
  codecContract({
    name: `jwe, BSON by ${enc}`,
    create: ({ secrets }) => jwe({ secrets, enc }),
    keeps: ['id', 'createdAt', 'accessedAt', 'expiresAt'],
    bindsName: true,
    samples: {
      'dates, bytes and large integers': { when: new Date(5), bytes: Uint8Array.of(0, 255), large: 2n ** 60n },
    },
    made: (secret) => {
      const token = (document: object): string => jweValue(serialize(document), { secret, enc })
      return {
        'numbers with their types': token({
          _id: 'x',
          double: new Double(1),
          long: Long.fromNumber(5),
          zero: new Double(-0),
          nan: Number.NaN,
          deep: { list: [new Double(2), Long.fromNumber(3), { more: new Double(4) }] },
          ...times,
        }),
        'types of BSON': token({
          _id: 'x',
          id: new ObjectId(),
          decimal: Decimal128.fromString('1.10'),
          binary: new Binary(Uint8Array.of(1, 2), 128),
          uuid: new Binary(new Uint8Array(16), 4),
          when: new Date(-1),
          timestamp: new Timestamp({ t: 1, i: 2 }),
          least: new MinKey(),
          pattern: /a.b/i,
          reference: { $ref: 'users', $id: new ObjectId() },
          ...times,
        }),
        'an end and a number of writes': token({
          _id: 'x',
          ...times,
          exp: Long.fromNumber(1_700_009_000),
          _writes: new Double(3),
        }),
      }
    },
    members(value) {
      const root = bsonOrigin(openJwe(value, { secret, enc }).plaintext, bsonPackageTypes) as Required<OriginNode>
      const entries = [...root.keys()].map((key) => {
        const { bytes, start, end } = (root.child(key) as OriginNode).raw as BsonSlice
        return [key, Buffer.from(bytes.subarray(start, end)).toString('hex')]
      })
      return Object.fromEntries(entries) as Record<string, string>
    },
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
