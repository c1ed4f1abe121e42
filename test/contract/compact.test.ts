/** Our own compact format: the contract, with every type of BSON, with and without an end. */
import * as bson from 'bson'
import { Binary, Decimal128, Double, Long, MinKey, ObjectId, serialize, Timestamp } from 'bson'
import { bsonTypesOf } from '../../src/server/bson-types.js'
import { compact } from '../../src/server/index.js'
import { type BsonSlice, bsonOrigin } from '../../src/shared/bson/origin.js'
import { openCompact, splitCompact } from '../../src/shared/decode-compact.js'
import type { OriginNode } from '../../src/shared/types.js'
import { compactValue } from '../server/codecs/compact.helpers.js'
import { codecContract } from './codec-contract.js'

const bsonPackageTypes = bsonTypesOf(bson)

codecContract({
  name: 'compact',
  create: ({ secrets }) => compact({ secrets }),
  limited: compact,
  keeps: ['id', 'createdAt', 'accessedAt', 'expiresAt'],
  bindsName: true,
  samples: {
    'dates, bytes and large integers': { when: new Date(5), bytes: Uint8Array.of(0, 255), large: 2n ** 60n },
    'a text that does not deflate': { text: 'swordfish' },
  },
  made: (secret) => ({
    'numbers with their types': compactValue(
      serialize({
        double: new Double(1),
        long: Long.fromNumber(5),
        zero: new Double(-0),
        nan: Number.NaN,
        deep: { list: [new Double(2), Long.fromNumber(3), { more: new Double(4) }] },
      }),
      { secret },
    ),
    'types of BSON': compactValue(
      serialize({
        id: new ObjectId(),
        decimal: Decimal128.fromString('1.10'),
        binary: new Binary(Uint8Array.of(1, 2), 128),
        uuid: new Binary(new Uint8Array(16), 4),
        when: new Date(-1),
        timestamp: new Timestamp({ t: 1, i: 2 }),
        least: new MinKey(),
        pattern: /a.b/i,
        reference: { $ref: 'users', $id: new ObjectId() },
      }),
      { secret },
    ),
  }),
  members(value) {
    const { bson } = openCompact(splitCompact(value).body, 1 << 20)
    const root = bsonOrigin(bson, bsonPackageTypes) as Required<OriginNode>
    const entries = [...root.keys()].map((key) => {
      const { bytes, start, end } = (root.child(key) as OriginNode).raw as BsonSlice
      return [key, Buffer.from(bytes.subarray(start, end)).toString('hex')]
    })
    return Object.fromEntries(entries) as Record<string, string>
  },
})
