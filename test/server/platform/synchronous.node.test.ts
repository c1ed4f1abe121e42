/** On Node nothing of a session has to be awaited, so that an adapter can set the cookie inside `writeHead`. */

import { expect, test } from 'vitest'
import { platform } from '#platform'
import { trips } from '../../../src/server/core/sessions.js'
import { createSessions, jwt, type SessionCodec } from '../../../src/server/index.js'
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
