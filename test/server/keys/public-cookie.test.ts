/** The public half under key pairs: threat 37. It is signed by the same key and never verifies as a session, anywhere. */
import { createPublicKey, createVerify } from 'node:crypto'
import * as jose from 'jose'
import { describe, expect, test } from 'vitest'
import { createSessions, decodeSession, jwt, type SessionCodec } from '../../../src/server/index.js'
import { rejection, SECRET, START, testBrowser } from '../server.helpers.js'
import { algorithms, half, joseKey, jwkOf, pairFor, session } from './keys.helpers.js'

describe.each([...algorithms, 'HS256', 'CryptoKey'])('%s', (alg) => {
  async function codecFor(): Promise<Required<SessionCodec>> {
    if (alg === 'HS256') return jwt({ keys: SECRET }) as Required<SessionCodec>
    if (alg !== 'CryptoKey') return jwt({ keys: jwkOf(pairFor(alg).privateKey, { alg }) }) as Required<SessionCodec>
    const bytes = new TextEncoder().encode(SECRET)
    const usages: KeyUsage[] = ['sign', 'verify']
    const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, usages)
    return jwt({ keys: key }) as Required<SessionCodec>
  }

  test('a half is no session, a session is no half, and neither is the half of another cookie', async () => {
    const codec = await codecFor()
    const record = { data: { user: 'dave' } }
    const elsewhere = { ...half, cookieName: 'other' }
    const authority = await codec.sign(record, session)
    const shown = await codec.sign(record, half)
    expect((await codec.verify(authority, session)).data).toEqual(record.data)
    expect((await codec.verify(shown, half)).data).toEqual(record.data)
    await rejection('ERR_SESSION_SIGNATURE', () => codec.verify(shown, session))
    await rejection('ERR_SESSION_SIGNATURE', () => codec.verify(authority, half))
    await rejection('ERR_SESSION_SIGNATURE', () => codec.verify(shown, elsewhere))
    await rejection('ERR_SESSION_SIGNATURE', async () => codec.verify(await codec.sign(record, elsewhere), half))
  })

  test('a half verifies at no other JWT library either', async () => {
    const codec = await codecFor()
    const shown = await codec.sign({ data: { user: 'dave' } }, half)
    const key =
      alg in { HS256: 1, CryptoKey: 1 } ? new TextEncoder().encode(SECRET) : await joseKey(pairFor(alg).publicKey, alg)
    const verify = jose.jwtVerify(shown, key, { currentDate: new Date(START) })
    await expect(verify).rejects.toMatchObject({ code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' })
    expect(decodeSession(shown).data).toEqual({ user: 'dave' })
  })
})

test('what is signed for a half begins with a label that no token has', async () => {
  const { privateKey } = pairFor('RS256')
  const codec = jwt({ keys: privateKey }) as Required<SessionCodec>
  const [header, payload, signature = ''] = (await codec.sign({ data: {} }, half)).split('.')
  const verifier = createVerify('sha256').update(`sessionglass public half of sid\x01${header}.${payload}`)
  expect(verifier.verify(createPublicKey(privateKey), signature, 'base64url')).toBe(true)
})

test('on the wire: the half in the place of the session signs nobody in', async () => {
  const sessions = createSessions({
    codecs: [jwt({ keys: pairFor('ES256').privateKey })],
    expose: ['user'],
    clock: () => new Date(START),
  })
  const browser = testBrowser()
  const first = await sessions.load(null)
  Object.assign(first.data, { user: 'dave', role: 'admin' })
  browser.take(await sessions.commit(first))
  expect([...browser.cookies.keys()]).toEqual([sessions.name, `${sessions.name}.public`])
  expect((await sessions.load(browser.cookie)).data).toEqual({ user: 'dave', role: 'admin' })
  expect(await sessions.commit(await sessions.load(browser.cookie))).toEqual([])
  const stolen = await sessions.load(`${sessions.name}=${browser.cookies.get(`${sessions.name}.public`)}`)
  expect(stolen).toMatchObject({ isNew: true, data: {}, rejected: { code: 'ERR_SESSION_SIGNATURE' } })
})
