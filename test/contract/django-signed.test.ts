/** Django's signed cookies: both serializers. */
import { createHash, createHmac } from 'node:crypto'
import { deflateSync, inflateSync } from 'node:zlib'
import { djangoSigned } from '../../src/server/codecs/django-signed.js'
import { readPickle } from '../../src/shared/pickle/reader.js'
import { taggedNode } from '../shared/pickle/tagged-node.js'
import { codecContract } from './codec-contract.js'
import { jsonMembers } from './json-members.js'

codecContract({
  name: 'djangoSigned, json',
  create: ({ secrets: [secretKey = '', ...fallbacks] }) => djangoSigned({ secretKey, fallbacks }),
  limited: ({ secrets: [secretKey = ''], maxInflated }) => djangoSigned({ secretKey, maxInflated }),
  keeps: ['accessedAt'],
  samples: { 'half a character': { text: '\ud800' } },
  made: (secret) => ({
    'numbers as Python writes them': signed(
      Buffer.from(
        '{"one":1.0,"small":1e-05,"upper":1E5,"zero":-0.0,"large":18446744073709551617,"nan":NaN,"all":[-Infinity,{"deep":2.0}]}',
      ),
      secret,
    ),
    'keys of Django': signed(
      Buffer.from('{"_auth_user_id":"1","_auth_user_backend":"x.Y","_auth_user_hash":"00","_session_expiry":0}'),
      secret,
    ),
    'keys in no order': signed(Buffer.from('{"b":1,"2":2,"a":{"z":1.0,"1":2},"1":3}'), secret),
    'signed by SHA-1': signed(Buffer.from('{"a":1,"b":2.0}'), secret, 'sha1'),
    compressed: signed(Buffer.from(`{"a":1.0,"b":"${'x'.repeat(300)}"}`), secret),
  }),
  members: (value) => jsonMembers(opened(value).toString('latin1')),
})

codecContract({
  name: 'djangoSigned, pickle',
  create: ({ secrets: [secretKey = '', ...fallbacks] }) => djangoSigned({ secretKey, fallbacks, serializer: 'pickle' }),
  limited: ({ secrets: [secretKey = ''], maxInflated }) =>
    djangoSigned({ secretKey, maxInflated, serializer: 'pickle' }),
  keeps: ['accessedAt'],
  samples: {
    'dates, bytes, sets and large integers': {
      when: new Date(5),
      bytes: Uint8Array.of(0, 255),
      large: 2n ** 70n,
      set: new Set(['a']),
      map: new Map<unknown, unknown>([[1, 'one']]),
    },
  },
  made: (secret) => {
    const pickled = (session: string): string => signed(Buffer.from(session, 'latin1'), secret)
    return {
      'numbers with their types': pickled(
        '\x80\x02}q\x00(X\x01\x00\x00\x00aG?\xf0\x00\x00\x00\x00\x00\x00X\x01\x00\x00\x00bK\x05X\x01\x00\x00\x00cG\x80\x00\x00\x00\x00\x00\x00\x00u.',
      ),
      'a tuple, a set and a timedelta': pickled(
        '\x80\x02}q\x00(X\x01\x00\x00\x00tK\x01K\x02\x86X\x01\x00\x00\x00sc__builtin__\nset\n]K\x01a\x85RX\x01\x00\x00\x00dcdatetime\ntimedelta\nK\x01K\x02K\x03\x87Ru.',
      ),
      'an object of an unknown class': pickled(
        '\x80\x02}q\x00X\x01\x00\x00\x00ocmyapp.models\nUser\n)\x81}X\x04\x00\x00\x00nameX\x04\x00\x00\x00davesbs.',
      ),
    }
  },
  members(value) {
    const { root } = readPickle(opened(value))
    const pairs = (taggedNode(root) as { $dict: [string, unknown][] }).$dict
    return Object.fromEntries(pairs.map(([key, tagged]) => [key, JSON.stringify(tagged)]))
  },
})

/** As `django.core.signing.dumps` does it, at the time of the suite. */
function signed(serialized: Buffer, secret: string, hash = 'sha256'): string {
  const compressed = deflateSync(serialized)
  const isShorter = compressed.length < serialized.length - 1
  const payload = isShorter ? `.${compressed.toString('base64url')}` : serialized.toString('base64url')
  const salt = 'django.contrib.sessions.backends.signed_cookiessigner'
  const key = createHash(hash).update(salt).update(secret).digest()
  const value = `${payload}:1r31eq`
  return `${value}:${createHmac(hash, key).update(value).digest('base64url')}`
}

function opened(value: string): Buffer {
  const [payload = ''] = value.split(':')
  if (!payload.startsWith('.')) return Buffer.from(payload, 'base64url')
  return inflateSync(Buffer.from(payload.slice(1), 'base64url'))
}
