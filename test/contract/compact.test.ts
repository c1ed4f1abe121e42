/** Our own compact format: the contract, with every type of BSON, with and without an end. */
import { serialize } from 'bson'
import { compact } from '../../src/server/index.js'
import { openCompact, splitCompact } from '../../src/shared/decode-compact.js'
import { compactValue } from '../server/codecs/compact.helpers.js'
import { codecContract } from './codec-contract.js'
import { bsonDocuments, bsonMembers, bsonSamples } from './codec-samples.js'

codecContract({
  name: 'compact',
  create: ({ secrets }) => compact({ secrets }),
  limited: compact,
  keeps: ['id', 'createdAt', 'accessedAt', 'expiresAt'],
  bindsName: true,
  samples: { ...bsonSamples, 'a text that does not deflate': { text: 'swordfish' } },
  made: (secret) =>
    Object.fromEntries(
      Object.entries(bsonDocuments).map(([name, { _id, ...document }]) => [
        name,
        compactValue(serialize(document), { secret }),
      ]),
    ),
  members: (value) => bsonMembers(openCompact(splitCompact(value).body, 1 << 20).bson),
})
