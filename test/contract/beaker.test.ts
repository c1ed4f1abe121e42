/** Beaker's own cookies: both serializers, and each cipher that is written. */
import { createHmac } from 'node:crypto'
import { deflateSync, inflateSync } from 'node:zlib'
import { beaker } from '../../src/server/index.js'
import { decodeBase64 } from '../../src/shared/base64.js'
import { readPickle } from '../../src/shared/pickle/reader.js'
import type { SessionData } from '../../src/shared/types.js'
import { taggedNode } from '../shared/pickle/tagged-node.js'
import { codecContract } from './codec-contract.js'
import { jsonMembers } from './json-members.js'

const typed: Record<string, SessionData> = {
  'dates, bytes, sets and large integers': {
    when: new Date(5),
    bytes: Uint8Array.of(0, 255),
    large: 2n ** 70n,
    set: new Set(['a']),
    map: new Map<unknown, unknown>([[1, 'one']]),
  },
}

codecContract({
  name: 'beaker, pickle',
  create: ({ secrets }) => beaker({ validateKey: secrets, path: '/', domain: null }),
  limited: ({ secrets, maxInflated }) => beaker({ validateKey: secrets, maxInflated }),
  samples: typed,
  made: (secret) => {
    const pickled = (session: string): string => signed(Buffer.from(session, 'latin1'), secret)
    return {
      'numbers with their types': pickled(
        '\x80\x02}q\x00(X\x03\x00\x00\x00_idq\x01X\x01\x00\x00\x00xX\x01\x00\x00\x00aG?\xf0\x00\x00\x00\x00\x00\x00X\x01\x00\x00\x00bK\x05X\x01\x00\x00\x00cG\x80\x00\x00\x00\x00\x00\x00\x00X\x01\x00\x00\x00dG\x7f\xf8\x00\x00\x00\x00\x00\x00u.',
      ),
      'a tuple, a set and a timedelta': pickled(
        '\x80\x02}q\x00(X\x03\x00\x00\x00_idq\x01X\x01\x00\x00\x00xX\x01\x00\x00\x00tK\x01K\x02\x86X\x01\x00\x00\x00sc__builtin__\nset\n]K\x01a\x85RX\x01\x00\x00\x00dcdatetime\ntimedelta\nK\x01K\x02K\x03\x87Ru.',
      ),
      'an object of an unknown class': pickled(
        '\x80\x02}q\x00(X\x03\x00\x00\x00_idq\x01X\x01\x00\x00\x00xX\x01\x00\x00\x00ocmyapp.models\nUser\n)\x81}X\x04\x00\x00\x00nameX\x04\x00\x00\x00davesbu.',
      ),
      'what Beaker says of its cookie': pickled(
        '\x80\x02}q\x00(X\x07\x00\x00\x00_domainX\x07\x00\x00\x00x.y.orgX\x05\x00\x00\x00_pathX\x04\x00\x00\x00/appX\x03\x00\x00\x00_idX\x01\x00\x00\x00xX\x08\x00\x00\x00_expires\x88X\x01\x00\x00\x00aK\x01u.',
      ),
    }
  },
  members(value) {
    const { root } = readPickle(decodeBase64(value.slice(40)))
    const pairs = (taggedNode(root) as { $dict: [string, unknown][] }).$dict
    return Object.fromEntries(pairs.map(([key, tagged]) => [key, JSON.stringify(tagged)]))
  },
})

codecContract({
  name: 'beaker, json',
  create: ({ secrets }) => beaker({ validateKey: secrets, serializer: 'json' }),
  limited: ({ secrets, maxInflated }) => beaker({ validateKey: secrets, serializer: 'json', maxInflated }),
  samples: { 'half a character': { text: '\ud800' } },
  made: (secret) => ({
    'numbers as Python writes them': signed(
      deflateSync(
        '{"_id": "x", "one": 1.0, "small": 1e-05, "zero": -0.0, "large": 18446744073709551617, "nan": NaN, "all": [-Infinity, {"deep": 2.0}], "_creation_time": 1699999940.2504, "_accessed_time": 1699999995}',
      ),
      secret,
    ),
    'what Beaker says of its cookie': signed(
      deflateSync('{"_domain": null, "_path": "/app", "_id": "x", "_expires": true, "a": 1}'),
      secret,
    ),
  }),
  // Spaces only outside of strings.
  members: (value) =>
    jsonMembers(
      inflateSync(decodeBase64(value.slice(40)))
        .toString()
        .replace(/("(?:[^"\\]|\\.)*")| /g, '$1'),
    ),
})

for (const cryptoType of ['cryptography', 'pycrypto', 'nss'] as const) {
  codecContract({
    name: `beaker, ${cryptoType}`,
    create: ({ secrets }) => beaker({ validateKey: secrets, encryptKey: 'an encrypt key of the suite', cryptoType }),
    samples: typed,
  })
}

codecContract({
  name: 'beaker, json in AES-GCM with a short nonce',
  create: ({ secrets }) =>
    beaker({
      validateKey: secrets,
      encryptKey: 'an encrypt key of the suite',
      cryptoType: 'cryptography',
      nonceBits: 48,
      serializer: 'json',
    }),
})

function signed(serialized: Uint8Array, secret: string): string {
  const body = Buffer.from(serialized).toString('base64')
  return createHmac('sha1', secret).update(body).digest('hex') + body
}
