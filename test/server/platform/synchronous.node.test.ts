/** On Node nothing of a session has to be awaited, so that an adapter can set the cookie inside `writeHead`. */

import { deflateSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { platform } from '#platform'
import { createSessions, jwt, type SessionCodec } from '../../../src/server/index.js'
import { trips } from '../../../src/server/sessions.js'
import { SECRET } from '../server.helpers.js'

test('load, commit and destroy answer at once', () => {
  expect(platform.name).toBe('node')
  const { load, commit, destroy } = createSessions({ secrets: [SECRET], expose: ['user'] })[trips]
  const session = load(null)
  if (session instanceof Promise) return expect.unreachable()
  session.data.user = 'dave'
  const cookies = commit(session)
  expect(cookies).toHaveLength(2)
  const again = load((cookies as string[]).map((cookie) => cookie.split(';')[0]).join('; '))
  expect(again).toMatchObject({ data: { user: 'dave' }, isNew: false })
  expect(commit(again as typeof session)).toEqual([])
  expect(destroy(again as typeof session)).toHaveLength(2)
})

test.each(['HS256', 'HS512'])('a CryptoKey for %s that may be exported signs in the call', async (alg) => {
  const octets = new TextEncoder().encode(SECRET)
  const parameters = { name: 'HMAC', hash: `SHA-${alg.slice(2)}` }
  const key = await crypto.subtle.importKey('raw', octets, parameters, true, ['sign', 'verify'])
  const context = { cookieName: 'sid', purpose: 'session', now: new Date() } as const
  const { sign, verify } = jwt({ keys: key }) as Required<SessionCodec>
  const token = sign({ data: { user: 'dave' } }, context) as string
  expect(token.split('.')).toHaveLength(3)
  expect(verify(token, context)).toMatchObject({ data: { user: 'dave' } })
  expect(token).toBe(jwt({ keys: { key: SECRET, alg: alg as 'HS256' } }).sign?.({ data: { user: 'dave' } }, context))
  const pem = new TextEncoder().encode('-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----\n')
  const held = await crypto.subtle.importKey('raw', pem, parameters, true, ['sign', 'verify'])
  expect(() => jwt({ keys: held, allowWeakSecrets: true })).toThrow(/PEM or JWK as a secret/)
})

const isNodeItself = process.versions.bun === undefined && process.versions.deno === undefined

// Others have a zlib of their own, which may choose otherwise by the size of its window.
test.runIf(isNodeItself)(
  'a stream has the octets of zlib with its own settings, whatever window it was made with',
  () => {
    const words = ['session ', 'cookie ', '"user":', '\0\0\0\x10', 'ada@example.org', '1.5', '{}', 'é']
    let state = 7
    const random = (below: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      return Math.floor((state / 2 ** 32) * below)
    }
    const lengths = [0, 1, 2, 400, 2047, 2048, 4000, 7929, 7930, 7931, 8192, 20_000, 70_000]
    for (const length of [...lengths, ...Array.from({ length: 40 }, () => random(9000))]) {
      let text = ''
      while (text.length < length)
        text += random(4) > 0 ? words[random(words.length)] : String.fromCharCode(random(128))
      const octets = Buffer.from(text, 'latin1').subarray(0, length)
      // The last octets again the first ones, as far back as they can be.
      octets.copy(octets, Math.max(0, length - 40), 0, 40)
      for (const level of [6, 9]) {
        expect(Buffer.compare(platform.deflate(octets, level), deflateSync(octets, { level }))).toBe(0)
      }
    }
  },
)
