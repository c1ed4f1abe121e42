/**
 * What a Cookie header of 8 KB that nobody signed may cost, by the keys of the server: milliseconds of processor time, the other
 * threads of the process included. Each header is new, so that no cache helps.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { beaker, beakerJwt, compact, djangoSigned, jwe, jwt, verifySessions } from '../dist/server/index.js'
import { defineSession } from '../dist/shared/index.js'
import { median, processorTime } from './measure.mjs'

const HEADER = 8192
const ROUNDS = 31
const NAME = 'session'
const secret = 'a secret of the bench, which has more than 32 bytes'

/** @returns {Promise<{ name: string, milliseconds: number }[]>} */
export async function measureHeaders() {
  const rows = []
  for (const { name, codecs, value } of cases()) {
    const sessions = verifySessions({ session: defineSession({ name: NAME }), codecs })
    await sessions.ready()
    const times = []
    for (let round = 0; round < ROUNDS; round++) {
      const header = headerOf(value)
      const start = processorTime()
      const session = await sessions.load(header)
      times.push(processorTime() - start)
      if (!session.rejected) throw new Error(`${name}: a forged token was read`)
    }
    rows.push({ name, milliseconds: median(times) })
  }
  return rows
}

/** As many cookies of the name as the header has room for. */
function headerOf(value) {
  const cookies = []
  for (let size = 0; ; ) {
    const cookie = `${NAME}=${value()}`
    size += cookie.length + 2
    if (size > HEADER) return cookies.join('; ')
    cookies.push(cookie)
  }
}

function cases() {
  const pairs = (count, type, options) =>
    Array.from({ length: count }, () =>
      generateKeyPairSync(type, options).publicKey.export({ format: 'pem', type: 'spki' }),
    )
  const keyPairs = (alg, bytes, keys) => ({
    name: `jwt, ${keys.length} keys for ${alg}`,
    codecs: [jwt({ keys: keys.map((key) => ({ pem: key, alg })) })],
    value: () => token(alg, randomBytes(bytes)),
  })
  return [
    keyPairs('ES512', 132, pairs(3, 'ec', { namedCurve: 'P-521' })),
    keyPairs('ES384', 96, pairs(3, 'ec', { namedCurve: 'P-384' })),
    keyPairs('RS256', 1024, pairs(3, 'rsa', { modulusLength: 8192 })),
    keyPairs('RS256', 512, pairs(3, 'rsa', { modulusLength: 4096 })),
    keyPairs('PS512', 256, pairs(16, 'rsa', { modulusLength: 2048 })),
    keyPairs('ES256', 64, pairs(20, 'ec', { namedCurve: 'P-256' })),
    keyPairs('EdDSA', 64, pairs(20, 'ed25519')),
    {
      name: 'jwt, 20 secrets for HS512',
      codecs: [
        jwt({ secrets: Array.from({ length: 20 }, (_, at) => `${at} ${secret} ${secret}`), algorithms: ['HS512'] }),
      ],
      value: () => token('HS512', randomBytes(64)),
    },
    {
      name: 'beakerJwt, compact, beaker and djangoSigned, 3 secrets each',
      codecs: [beakerJwt, compact]
        .map((codec) => codec({ secrets: [secret, `${secret} 2`, `${secret} 3`] }))
        .concat(
          beaker({ validateKey: [secret, `${secret} 2`, `${secret} 3`] }),
          djangoSigned({ secretKey: secret, fallbacks: [`${secret} 2`, `${secret} 3`] }),
        ),
      value: () => token('HS256', randomBytes(32)),
    },
    {
      name: 'six of jwt, 32 secrets each',
      codecs: Array.from({ length: 6 }, (_, codec) =>
        jwt({ secrets: Array.from({ length: 32 }, (_, at) => `${codec} ${at} ${secret}`) }),
      ),
      value: () => token('HS256', randomBytes(32)),
    },
    {
      name: 'jwe, 3 secrets',
      codecs: [jwe({ secrets: [secret, `${secret} 2`, `${secret} 3`] })],
      value: () => {
        const header = Buffer.from('{"alg":"dir","enc":"A256GCM"}').toString('base64url')
        const parts = [12, 24, 16].map((length) => randomBytes(length).toString('base64url'))
        return `${header}..${parts.join('.')}`
      },
    },
  ]
}

function token(alg, signature) {
  const header = Buffer.from(JSON.stringify({ alg })).toString('base64url')
  const payload = Buffer.from(JSON.stringify({ a: randomBytes(8).toString('hex') })).toString('base64url')
  return `${header}.${payload}.${signature.toString('base64url')}`
}
